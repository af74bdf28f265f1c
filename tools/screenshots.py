"""`make screenshots`: takes pictures of every page of the dashboard into docs/screenshots/.

A server of its own executes every benchmark. Its history is made of those results, copied as results of two other
agents over the last weeks. A few executions wait and run while the pictures are taken.
"""

from __future__ import annotations

import asyncio
import json
import random
import shlex
import sys
import tempfile
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from playwright.async_api import Page, ViewportSize, expect

from store.embedded import EmbeddedServer
from tests.helpers.browser import shared_browser
from tests.helpers.places import REPOSITORY
from tests.helpers.scripted_endpoint import API_KEY, scripted_endpoint
from tests.helpers.server import Server, running_server
from tools.palette import with_palette

PICTURES = REPOSITORY / "docs" / "screenshots"
BENCHMARKS = REPOSITORY / "benchmarks"
WIDE = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=760)

AGENTS = {"glm-4.6": 0.8, "local-qwen3": 0.5}
"""Agents beside the deterministic one, and how often each of them succeeds."""

FAKE_RUNNER = str(REPOSITORY / "tests" / "helpers" / "fake_runner.py")
RUNNER = shlex.join([sys.executable, "-S", "-E", FAKE_RUNNER])
RUNNER += " {path} --agent={agent} --execution-id={id} --mode=steps-on-cue"
"""It stands after the first of two steps while the pictures are taken."""

MODEL = "qwen3-8b"
SAVE = """
mutation ($url: String!, $key: String!) {
  saveAgentConfig(input: {
    agent: "qwen3-8b", apiUrl: $url, model: "qwen3:8b", apiKey: $key
    settings: {temperature: 0, toolSet: DECIMAL}
  }) { __typename }
}
"""
SCRIPT: list[dict[str, Any]] = [
    {"status": 429, "headers": {"Retry-After": "0"}},
    {
        "text": "I look at both accounts first, so that I know what is there before I prepare the transfer.",
        "calls": [
            {"name": "get_account", "arguments": {"account": "USER_WALLET_PUBKEY"}},
            {"name": "get_account", "arguments": {"account": "RECIPIENT"}},
        ],
    },
    {
        "text": "There is enough. The recipient is called RECIPIENT_WALLET_PUBKEY.",
        "calls": [
            {
                "name": "sol_transfer",
                "arguments": {"from": "USER_WALLET_PUBKEY", "to": "RECIPIENT_WALLET_PUBKEY", "amount": "0.1"},
            }
        ],
    },
    {"text": "The transfer of **0.1 SOL** to RECIPIENT_WALLET_PUBKEY is prepared."},
]
"""What a model says while the picture of a conversation is made."""

WEEKS = 5
FLOW = "007-two-step-flow"
PARTIAL = "004-partial-score-spl-transfer"

RUN_ALL = """
mutation ($ids: [ID!]!, $agents: [String!]!, $repeats: Int! = 1, $name: String, $tags: [String!]) {
  runBenchmarks(input: {benchmarkIds: $ids, agents: $agents, repeats: $repeats, name: $name, tags: $tags}) {
    ... on RunBenchmarksSuccess { batch { executions { nodes { id benchmarkId } } } } ... on Error { message }
  }
}
"""
NAMED_BATCH = '{ batches(filter: {tags: ["nightly"]}, first: 1) { nodes { id } } }'
IMPORT = "mutation { importSessionFiles { ... on ImportSessionFilesSuccess { imported } } }"
LIVE = "{ health { liveExecutions queuedExecutions } }"
UPDATES = "subscription { executionUpdates { execution { status } } }"
NEWEST = """
query ($id: ID!, $agent: String!) {
  executions(filter: {benchmarkIds: [$id], agents: [$agent]}, first: 2) { nodes { id } }
}
"""

PAGES = {
    "grid": "/",
    "leaderboard": "/leaderboard",
    "comparison-sets": "/compare?baseline={baseline}&candidate={candidate}",
    "batches": "/batches",
    "batch": "/batches/{batch}",
    "executions": "/executions",
    "execution-live": "/executions/{live}",
    "execution-calls": "/executions/{flow}",
    "execution-conversation": "/executions/{said}",
    "execution-scoring": "/executions/{partial}?tab=scoring",
    "execution-flow": "/executions/{flow}?tab=flow",
    "comparison": "/compare/{partial}/{other}",
    "agents": "/agents",
    "agent": "/agents/glm-4.6",
    "benchmarks": "/benchmarks",
    "benchmark": "/benchmarks/" + PARTIAL,
    "benchmark-editor": "/benchmarks?edit=new",
}
LOOKS: tuple[tuple[Literal["light", "dark"], ViewportSize], ...] = (
    ("light", WIDE),
    ("dark", WIDE),
    ("light", PHONE),
)
ALSO_DARK_AND_SMALL = ("grid", "leaderboard", "batch", "execution-calls", "execution-conversation")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="reev-gql-pictures-") as name:
        database = EmbeddedServer(Path(name) / "postgres")
        directory = Path(name) / "server"
        directory.mkdir()
        try:
            asyncio.run(_pictures(directory, database.url))
        finally:
            database.stop()


async def _pictures(directory: Path, url: str) -> None:
    settings = {
        "DATABASE_URL": url,
        "REEV_GQL_BENCHMARKS_DIR": str(BENCHMARKS),
        "REEV_GQL_OBSERVE": "false",
    }
    async with running_server(directory, settings) as server:
        await _execute_everything(server)
        await _converse(server, directory)
        await _take_form(server)
        _write_history(directory / "sessions")
        await server.ask(IMPORT)
        await server.stop()
    settings |= {
        "REEV_GQL_AGENTS": ",".join(["deterministic", MODEL, *AGENTS]),
        "REEV_GQL_RUNNER_COMMAND": RUNNER,
        "REEV_GQL_MAX_CONCURRENT_EXECUTIONS": "2",
        "REEV_GQL_RUNNERS_ON_SHUTDOWN": "stop",
    }
    async with running_server(directory, settings) as server, shared_browser() as browser:
        places = await _places(server)
        for scheme, size in LOOKS:
            context = await browser.new_context(
                viewport=size, color_scheme=scheme, reduced_motion="reduce", timezone_id="UTC"
            )
            page = await context.new_page()
            suffix = "-phone" if size is PHONE else "-dark" if scheme == "dark" else ""
            for picture, path in PAGES.items():
                if not suffix or picture in ALSO_DARK_AND_SMALL:
                    await _take(
                        page, f"{server.url}{path.format_map(places)}", PICTURES / f"{picture}{suffix}.png"
                    )
            await context.close()
        await server.stop()


async def _execute_everything(server: Server) -> None:
    """Every benchmark by our own runner, three times in one batch; returns when all have ended."""
    ids = sorted(path.stem for path in BENCHMARKS.glob("*.yml"))
    async with server.watch(UPDATES) as updates:
        await anext(updates)
        await server.ask(
            RUN_ALL,
            ids=ids,
            agents=["deterministic"],
            repeats=3,
            name="All, three times",
            tags=["nightly", "branch=main"],
        )
        async for _ in updates:
            health = (await server.ask(LIVE))["health"]
            if health["liveExecutions"] == health["queuedExecutions"] == 0:
                return


async def _converse(server: Server, directory: Path) -> None:
    """One execution by a model; returns when it has ended."""
    with scripted_endpoint(directory, SCRIPT) as model:
        await server.ask(SAVE, url=model.url, key=API_KEY)
        async with server.watch(UPDATES) as updates:
            await anext(updates)
            await server.ask(RUN_ALL, ids=["001-sol-transfer"], agents=[MODEL], name="A small model")
            async for _ in updates:
                health = (await server.ask(LIVE))["health"]
                if health["liveExecutions"] == health["queuedExecutions"] == 0:
                    return


def _write_history(sessions: Path) -> None:
    """What the other agents did, week by week getting better: the real results, some of them spoilt."""
    dice = random.Random(7)
    results = [path for path in sorted(sessions.glob("session_*.json")) if _is_deterministic(path)]
    for agent, skill in AGENTS.items():
        for day in range(WEEKS * 7, 0, -1):
            for path in dice.sample(results, 3):
                grown = skill * (1.15 - 0.5 * day / (WEEKS * 7))
                _write_once_more(
                    path, agent, timedelta(days=day, minutes=dice.randrange(600)), dice.random() < grown
                )


def _is_deterministic(session: Path) -> bool:
    return bool(json.loads(session.read_bytes())["agent_type"] == "deterministic")


def _write_once_more(path: Path, agent: str, ago: timedelta, succeeded: bool) -> None:
    session: dict[str, Any] = json.loads(path.read_bytes())
    old, new = session["session_id"], str(uuid.uuid4())
    took = 4 + 60 * random.Random(new).random()
    start = time.time() - ago.total_seconds()
    session |= {
        "session_id": new,
        "agent_type": agent,
        "start_time": int(start),
        "end_time": int(start + took),
    }
    result = session["final_result"]
    result["execution_time_ms"] = int(took * 1000)
    if not succeeded:
        result |= {"success": False, "score": 0.0, "status": "Failed"}
        for step in result["data"]["steps"]:
            step["action"] = step["action"][1:]
    path.with_name(f"session_{new}.json").write_text(json.dumps(session))
    log = path.with_name(f"enhanced_otel_{old}.jsonl")
    if log.exists():
        lines = [_moved(json.loads(line), new, start) for line in log.read_text().splitlines()]
        log.with_name(f"enhanced_otel_{new}.jsonl").write_text("".join(lines))


def _moved(line: dict[str, Any], session_id: str, start: float) -> str:
    moment = datetime.fromtimestamp(start + 1).astimezone(datetime.fromisoformat(line["timestamp"]).tzinfo)
    return json.dumps({**line, "session_id": session_id, "timestamp": moment.isoformat()}) + "\n"


async def _places(server: Server) -> dict[str, str]:
    """The executions that the addresses name; two of them run meanwhile and two wait."""
    ids = [FLOW, PARTIAL, "002-spl-transfer", "008-wrap-sol"]
    newest = {
        key: await _newest(server, *of)
        for key, of in {
            "flow": (FLOW, "deterministic"),
            "partial": (PARTIAL, "deterministic"),
            "other": (PARTIAL, "local-qwen3"),
            "said": ("001-sol-transfer", MODEL),
        }.items()
    }
    async with server.watch(UPDATES) as updates:
        await anext(updates)
        batch = (await server.ask(RUN_ALL, ids=ids, agents=["glm-4.6"]))["runBenchmarks"]["batch"][
            "executions"
        ]["nodes"]
        live = next(one["id"] for one in batch if one["benchmarkId"] == FLOW)
        async for _ in updates:
            health = (await server.ask(LIVE))["health"]
            if health["liveExecutions"] == 2:
                break
    named = (await server.ask(NAMED_BATCH))["batches"]["nodes"][0]["id"]
    sets = {
        side: quote(json.dumps({"agents": [agent]}))
        for side, agent in zip(("baseline", "candidate"), AGENTS, strict=True)
    }
    return {**newest, **sets, "live": live, "batch": named}


async def _newest(server: Server, benchmark: str, agent: str) -> str:
    answer = await server.ask(NEWEST, id=benchmark, agent=agent)
    return str(answer["executions"]["nodes"][0]["id"])


async def _take_form(server: Server) -> None:
    """The form of a new agent, which is offered with our own runner only."""
    async with shared_browser() as browser:
        page = await browser.new_page(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
        await _take(page, f"{server.url}/agents?edit=new", PICTURES / "agent-form.png")
        await page.close()


async def _take(page: Page, url: str, file: Path) -> None:
    await page.goto(url)
    await expect(page.locator(".light")).to_have_text("Live")
    await expect(page.locator("[aria-busy]")).to_have_count(0)
    if "tab=flow" in url:
        await expect(page.locator(".drawing img")).to_be_visible()
    if await page.get_by_role("log").count():
        await page.get_by_role("log").evaluate("log => scrollTo(0, log.getBoundingClientRect().top - 120)")
    if "benchmarks?edit=" in url:
        await expect(page.locator("#editor-check")).to_contain_text("storing it")
    await page.evaluate("document.fonts.ready")
    size = await asyncio.to_thread(_keep, await page.screenshot(), file)
    print(f"{file.relative_to(REPOSITORY)}: {size / 1024:.0f} kB")


def _keep(picture: bytes, file: Path) -> int:
    return file.write_bytes(with_palette(picture))


if __name__ == "__main__":
    main()
