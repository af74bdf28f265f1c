"""The program that talks to Ray for one worker, and ends with it.

Requests and answers are lines of JSON on a socket. It has a process of its own because Ray ends the process that
loses the cluster. Actors are detached, so they outlive it, and the next one finds them by name. A handle of an
actor is asked for again after each error: Ray alone knows whether the actor lives.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import socket
import sys
from contextlib import suppress
from typing import Any

import orjson
import ray
import ray.exceptions

LONGEST_LINE = 512 * 1024 * 1024

CONCURRENT_CALLS = 32
"""Calls of one actor at once: a worker's read and stop, and those of the worker that takes over."""

LONGEST_REASON = 500

OWN_NAMES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
"""Options of actors, and what Ray calls these resources of its nodes."""


class Actor:
    """On its node: hands calls on. It is sent as code, because our packages are not importable by themselves."""

    def __init__(self) -> None:
        import sys
        from importlib import import_module

        sys.path.insert(0, str(import_module("reev_gql").HOME))
        self._runner = import_module("runner_bridge.launchers.ray.node").NodeRunner()

    async def call(self, method: str, *arguments: Any) -> Any:
        return await getattr(self._runner, method)(*arguments)


class Driver:
    """Carries out requests, each as a task of its own."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._handles: dict[str, Any] = {}

    async def answer(self, request: dict[str, Any]) -> None:
        number, operation = request.pop("number"), request.pop("operation")
        try:
            reply = {"value": await getattr(self, f"do_{operation}")(**request)}
        except Exception as error:
            self._handles.pop(request.get("name", ""), None)
            kind, message = explained(error)
            reply = {"error": kind, "message": message}
        self._writer.write(orjson.dumps({"number": number, **reply}, default=encoded) + b"\n")
        with suppress(ConnectionError):
            await self._writer.drain()

    async def do_create(self, name: str, options: dict[str, Any]) -> None:
        """Asks for an actor, unless it is there; whether Ray has room for it now is not known yet."""

        def create() -> Any:
            asked = ray.remote(Actor).options(
                name=name,
                lifetime="detached",
                get_if_exists=True,
                max_restarts=0,
                max_concurrency=CONCURRENT_CALLS,
                **options,
            )
            return asked.remote()

        self._handles[name] = await asyncio.to_thread(create)

    async def do_prepare(self, name: str, options: dict[str, Any], wait_s: float) -> bool:
        """Asks for an actor and waits until it answers; False when it was given up."""
        await self.do_create(name, options)
        try:
            async with asyncio.timeout(wait_s):
                await self._handles[name].call.remote("describe")
        except (TimeoutError, ray.exceptions.RayError):
            await self.do_kill(name)
            return False
        return True

    async def do_has_room(self, options: dict[str, Any]) -> bool:
        """Whether nothing has to end before such an actor is started; as far as sums over all nodes tell."""
        free = await asyncio.to_thread(ray.available_resources)
        wanted = {OWN_NAMES.get(name, name): amount for name, amount in options.items() if name in OWN_NAMES}
        wanted |= options.get("resources", {})
        return all(free.get(name, 0) >= amount for name, amount in wanted.items())

    async def do_names(self) -> list[str]:
        """The named actors of this namespace."""
        return await asyncio.to_thread(ray.util.list_named_actors)

    async def do_call(self, name: str, method: str, arguments: list[Any]) -> Any:
        if name not in self._handles:
            self._handles[name] = await asyncio.to_thread(ray.get_actor, name)
        return await self._handles[name].call.remote(method, *arguments)

    async def do_kill(self, name: str) -> None:
        handle = self._handles.pop(name, None) or await asyncio.to_thread(ray.get_actor, name)
        await asyncio.to_thread(ray.kill, handle)

    async def do_cluster(self) -> dict[str, Any]:
        nodes = await asyncio.to_thread(ray.nodes)
        free = await asyncio.to_thread(ray.available_resources)
        living = [node for node in nodes if node["Alive"]]
        return {
            "version": ray.__version__,
            "nodes": [{"host": n["NodeManagerHostname"], "resources": n["Resources"]} for n in living],
            "free": free,
        }


def explained(error: Exception) -> tuple[str, str]:
    """What kind of failure it is, and its reason in a sentence."""
    match error:
        case ray.exceptions.ActorUnavailableError():
            return "UNAVAILABLE", "The actor does not answer just now"
        case ray.exceptions.ActorDiedError():
            return "GONE", reason_in(str(error))
        case ValueError() if "actor with name" in str(error):
            return "ABSENT", "Ray knows no actor of this name"
        case ray.exceptions.RuntimeEnvSetupError() | ray.exceptions.ActorUnschedulableError():
            return "REFUSED", reason_in(str(error))
        case ray.exceptions.RayTaskError():
            return "FAILED", str(error).strip().splitlines()[-1][:LONGEST_REASON]
        case ray.exceptions.RayError() | ConnectionError() | RuntimeError():
            return "UNAVAILABLE", str(error)[:LONGEST_REASON]
        case _:
            return "REFUSED", str(error)[:LONGEST_REASON]


def reason_in(text: str) -> str:
    """Ray's reason, without the list of ids before it and the advice after it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    begin = next((n for n, line in enumerate(lines) if "because" in line), 0)
    return " ".join(lines[begin:]).partition(" Some common causes")[0][:LONGEST_REASON]


def encoded(value: object) -> str:
    """Bytes of files, which JSON does not have."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is not JSON")


async def main(descriptor: int) -> None:
    connection = socket.socket(fileno=descriptor)
    reader, writer = await asyncio.open_connection(sock=connection, limit=LONGEST_LINE)
    settings = orjson.loads(await reader.readline())
    try:
        await asyncio.to_thread(
            ray.init,
            settings["address"],
            namespace=settings["namespace"],
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except Exception as error:
        writer.write(orjson.dumps({"fatal": str(error)[:LONGEST_REASON]}) + b"\n")
        await writer.drain()
        return
    writer.write(b'{"ready": true}\n')
    driver = Driver(writer)
    tasks: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        task = asyncio.create_task(driver.answer(orjson.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    with suppress(ConnectionError):
        asyncio.run(main(int(sys.argv[1])))
    # Ray's own end waits for a cluster that may be away.
    os._exit(0)
