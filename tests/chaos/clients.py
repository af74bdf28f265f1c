"""Clients that launch, stop and watch over real HTTP and websockets, drop their sockets and resume.

When a request or a socket fails, a client goes on as docs/api.md says: with the same idempotency key, or from
its last position, at any server. Every answer and every event is recorded in the history.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.chaos.agents import AGENTS, ENDLESS
from tests.chaos.history import History
from tests.chaos.programs import CANARY, Program
from tests.helpers.server import PROTOCOL

ANSWER_S = 5.0
"""A stopped server does not answer; then the client asks another one."""

AGAIN_S = 0.1
"""Between two attempts."""

OUTSTANDING = 3
"""Largest number of executions that one launcher has under way."""

RETRYABLE = {"SERVER_BUSY", "DATABASE_UNAVAILABLE"}
"""Errors that ask to try again. Every other answer must be right."""

LOST = (aiohttp.ClientError, OSError, TimeoutError, json.JSONDecodeError)
"""Exceptions when a server, a socket or a connection is gone."""

RUN = """
mutation ($agent: String!, $timeout: Int!, $key: String!) {
  runBenchmark(input: {benchmarkId: "transfer", agent: $agent, timeoutMs: $timeout, idempotencyKey: $key}) {
    __typename ... on RunBenchmarkSuccess { created execution { id } } ... on Error { code message }
  }
}
"""
STOP = """
mutation ($id: ID!) {
  stopExecution(input: {executionId: $id}) {
    __typename ... on StopExecutionSuccess { execution { status } }
    ... on ExecutionAlreadyEndedError { code execution { status score } } ... on Error { code message }
  }
}
"""
EVENTS = """
subscription ($id: ID!, $after: Int!) {
  executionEvents(executionId: $id, after: $after) {
    seq kind status toolCall { ordinal name params } execution { status score revision }
  }
}
"""
UPDATES = """
subscription ($after: String) {
  executionUpdates(after: $after) { cursor event { executionId seq kind status } }
}
"""

PAGE = "{ executions(first: 200) { updatesCursor nodes { id revision } } }"

ENDS = {"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "LOST"}


class Refused(Exception):
    """An answer that asks to try again."""


class Wrong(Exception):
    """A wrong answer."""


@dataclass
class World:
    """What the clients share."""

    servers: list[Program]
    history: History
    seed: int
    http: aiohttp.ClientSession
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing new may begin."""
    sockets: set[aiohttp.ClientWebSocketResponse] = field(default_factory=set)
    """Open sockets, for the nemesis to cut."""


@dataclass
class Client:
    """One client with its own random generator: the same seed gives the same decisions."""

    world: World
    name: str
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.world.seed}/{self.name}")

    def note(self, what: str, execution: str | None = None, **details: Any) -> None:
        self.world.history.add(self.name, what, execution, **details)

    async def ask(self, document: str, **variables: object) -> Any:
        """The data of a document, from any server; raises what LOST names, Refused and Wrong."""
        server = self.dice.choice(self.world.servers)
        timeout = aiohttp.ClientTimeout(ANSWER_S)
        body = {"query": document, "variables": variables}
        async with self.world.http.post(f"{server.url}/graphql", json=body, timeout=timeout) as response:
            text = await response.text()
        answer = json.loads(text)
        if CANARY in text:
            raise Wrong(f"the key is in an answer of {server.name}")
        if errors := answer.get("errors"):
            raise _error_of(errors, server.name)
        return answer["data"]

    async def until_answered(self, document: str, **variables: object) -> Any:
        """Asks again and again until a server answers."""
        while True:
            try:
                return await self.ask(document, **variables)
            except (Refused, *LOST):
                await asyncio.sleep(AGAIN_S)

    @asynccontextmanager
    async def subscription(
        self, document: str, **variables: object
    ) -> AsyncGenerator[AsyncGenerator[Any, None], None]:
        """A subscription at any server, over a socket of its own that the nemesis may cut."""
        server = self.dice.choice(self.world.servers)
        async with asyncio.timeout(ANSWER_S):
            socket = await self.world.http.ws_connect(
                f"{server.url}/graphql", protocols=[PROTOCOL], timeout=aiohttp.ClientWSTimeout(ws_close=0.2)
            )
        self.world.sockets.add(socket)
        try:
            async with asyncio.timeout(ANSWER_S):
                await socket.send_json({"type": "connection_init"})
                if (await _frame(socket))["type"] != "connection_ack":
                    raise Wrong("no connection_ack")
                payload = {"query": document, "variables": variables}
                await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
            items = _items(socket, server.name)
            try:
                yield items
            finally:
                await items.aclose()
        finally:
            self.world.sockets.discard(socket)
            await socket.close()


async def _frame(socket: aiohttp.ClientWebSocketResponse) -> Any:
    message = await socket.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise ConnectionResetError("the socket was closed")
    if CANARY in message.data:
        raise Wrong("the key is in an event")
    return json.loads(message.data)


async def _items(socket: aiohttp.ClientWebSocketResponse, server: str) -> AsyncGenerator[Any, None]:
    while True:
        frame = await _frame(socket)
        match frame["type"]:
            case "next" if errors := frame["payload"].get("errors"):
                raise _error_of(errors, server)
            case "next":
                yield frame["payload"]["data"]
            case "complete":
                return
            case "error":
                raise _error_of(frame["payload"], server)


def _error_of(errors: Any, server: str) -> Exception:
    code = errors[0].get("extensions", {}).get("code")
    return Refused(code) if code in RETRYABLE else Wrong(f"{server} answered {errors}")


class Launcher(Client):
    """Launches, watches what it launched to its end, sometimes twice, and stops some of it."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            places = asyncio.Semaphore(OUTSTANDING)
            while not self.world.over.is_set():
                await places.acquire()
                if self.world.over.is_set():
                    return
                execution_id, agent = await self._launch()
                task = group.create_task(self._follow(execution_id, agent))
                task.add_done_callback(lambda _: places.release())

    async def _launch(self) -> tuple[str, str]:
        key = str(uuid.UUID(int=self.dice.getrandbits(128)))
        agent = self.dice.choice([*AGENTS, "quick", "slow", "slow", "stubborn"])
        timeout_ms = 2_500 if agent in ENDLESS else 60_000
        self.note("asks for an execution", key=key[:8], agent=agent)
        answer = await self._acknowledged(agent, timeout_ms, key)
        if self.dice.random() < 0.1 and (again := await self._acknowledged(agent, timeout_ms, key)) != answer:
            raise Wrong(f"one key, two executions: {answer} and {again}")
        self.note("launched", answer, agent=agent, key=key[:8])
        return answer, agent

    async def _acknowledged(self, agent: str, timeout_ms: int, key: str) -> str:
        answer = (await self.until_answered(RUN, agent=agent, timeout=timeout_ms, key=key))["runBenchmark"]
        if answer["__typename"] != "RunBenchmarkSuccess":
            raise Wrong(f"refused: {answer}")
        return str(answer["execution"]["id"])

    async def _follow(self, execution_id: str, agent: str) -> None:
        watchers = [Watcher(self.world, f"{self.name}/{execution_id[:4]}{place}") for place in ("a", "b")]
        async with asyncio.TaskGroup() as group:
            for watcher in watchers[: self.dice.choice([1, 1, 2])]:
                group.create_task(watcher.watch(execution_id))
            if self.dice.random() < (0.6 if agent in ENDLESS else 0.2):
                group.create_task(self._stop(execution_id, self.dice.uniform(0, 2.5)))

    async def _stop(self, execution_id: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.note("asks to stop", execution_id)
        answer = (await self.until_answered(STOP, id=execution_id))["stopExecution"]
        status = (answer.get("execution") or {}).get("status")
        self.note("was answered", execution_id, type=answer["__typename"], status=status)


class Watcher(Client):
    """Watches one execution through any number of sockets, from the last event it saw each time."""

    async def watch(self, execution_id: str) -> None:
        seen = 0
        while True:
            try:
                async with self.subscription(EVENTS, id=execution_id, after=seen) as items:
                    # Patience and drops are the client's own: it does not know why nothing comes.
                    async with asyncio.timeout(self.dice.uniform(0.5, 10.0)):
                        async for item in items:
                            event = item["executionEvents"]
                            seen = self._take(execution_id, event, seen)
                            if self.dice.random() < 0.15:
                                break
                        else:
                            self.note("stream completed", execution_id, seq=seen)
                            return
            except (Refused, *LOST):
                await asyncio.sleep(AGAIN_S)

    def _take(self, execution_id: str, event: dict[str, Any], seen: int) -> int:
        details = {name: event[name] for name in ("seq", "kind", "status")}
        if event["kind"] == "SNAPSHOT":
            self.note("snapshot", execution_id, **details, revision=event["execution"]["revision"])
            return seen
        now = event["execution"]
        if event["status"] in ENDS:
            details["score"] = now["score"]
        self.note("saw", execution_id, **details)
        return int(event["seq"])


class Overseer(Client):
    """Watches everything, from before the first launch, through any number of sockets."""

    async def run(self) -> None:
        """Until cancelled."""
        cursor: str | None = None
        while True:
            try:
                async with self.subscription(UPDATES, after=cursor) as items:
                    async with asyncio.timeout(self.dice.uniform(1.0, 15.0)):
                        async for item in items:
                            update = item["executionUpdates"]
                            if cursor is None:
                                self.note("oversees")
                            cursor = update["cursor"]
                            if (event := update["event"]) is not None:
                                details = {name: event[name] for name in ("seq", "kind", "status")}
                                self.note("saw of all", event["executionId"], **details)
                            if self.dice.random() < 0.03:
                                break
            except (Refused, *LOST):
                await asyncio.sleep(AGAIN_S)


class Lister(Client):
    """Reads the list, at any server, and goes on from its cursor at any other; and again from the beginning."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            page = (await self.until_answered(PAGE))["executions"]
            known = {node["id"]: node["revision"] for node in page["nodes"]}
            try:
                async with self.subscription(UPDATES, after=page["updatesCursor"]) as items:
                    async with asyncio.timeout(self.dice.uniform(0.5, 5.0)):
                        async for item in items:
                            self._take(item["executionUpdates"]["event"], known)
            except (Refused, *LOST):
                await asyncio.sleep(AGAIN_S)

    def _take(self, event: dict[str, Any] | None, known: dict[str, int]) -> None:
        if event is not None and (after := known.get(event["executionId"])) is not None:
            self.note("saw after a page", event["executionId"], seq=event["seq"], after=after)
            known[event["executionId"]] = event["seq"]
