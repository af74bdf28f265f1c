"""The workflow of docs/ci.md: its steps, executed with the installed program in a repository of somebody else.

The model answers by its name: `small` pays what is asked for, `careless` only talks. To change the agent from one
to the other makes it worse, and the pull request fails for that reason.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import AsyncIterator, Callable
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest
import yaml
from aiohttp import web

from tests.helpers.places import REPOSITORY
from tests.helpers.scripted_endpoint import openai_answer
from tests.helpers.server import free_port
from tests.installation.person import Person

pytestmark = pytest.mark.timeout(300)

DOCUMENT = (REPOSITORY / "docs" / "ci.md").read_text(encoding="utf-8")
PAYMENT = {
    "name": "sol_transfer",
    "arguments": {"from": "USER_WALLET_PUBKEY", "to": "RECIPIENT_WALLET_PUBKEY", "amount": 100_000_000},
}
COMMIT = "git -c user.name=somebody -c user.email=somebody@example.org commit -q -m"


def steps() -> dict[str, str]:
    """What the steps of the workflow run, by their names."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    [workflow] = [found for found in map(yaml.safe_load, blocks) if "jobs" in found]
    [job] = workflow["jobs"].values()
    return {step["name"]: step["run"] for step in job["steps"] if "run" in step}


def agent_file() -> str:
    """The repository's agent.sh as the page shows it."""
    match = re.search(r"^ {4}(reev-gql agents add .+)$", DOCUMENT, re.MULTILINE)
    assert match is not None
    return f"{match[1]}\n"


@pytest.fixture
async def model_url() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        is_done = body["messages"][-1]["role"] == "tool"
        pays = body["model"] == "small" and not is_done
        item: dict[str, Any] = {"text": "I pay.", "calls": [PAYMENT]} if pays else {"text": "Done."}
        return web.json_response(openai_answer(item, len(body["messages"])))

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/v1"
    await runner.cleanup()


@pytest.fixture
async def user(person: Callable[[str], Person], model_url: str) -> AsyncIterator[Person]:
    """With a checkout of their repository, in the environment that GitHub gives to steps."""
    user = person("pull request")
    port = str(free_port())
    user.settings |= {
        "PATH": f"{user.installation.bin}:/usr/bin:/bin",
        "MODEL_URL": model_url,
        "REEV_GQL_AGENT_KEY": "sk-workflow-canary-0123456789",
        "REEV_GQL_PORT": port,
        "REEV_GQL_URL": f"http://127.0.0.1:{port}",
        "GITHUB_BASE_REF": "main",
        "GITHUB_HEAD_REF": "better/agent",
        "GITHUB_STEP_SUMMARY": str(user.directory / "step summary.md"),
    }
    payment = (REPOSITORY / "benchmarks" / "001-sol-transfer.yml").read_text(encoding="utf-8")
    script = f"""
        mkdir benchmarks
        printf %s {shlex.quote(payment)} > benchmarks/pay.yml
        printf %s {shlex.quote(agent_file())} > agent.sh
        touch "$GITHUB_STEP_SUMMARY"
        git init -q -b main && git add agent.sh && {COMMIT} agent
        git update-ref refs/remotes/origin/main HEAD
    """
    await succeeds(user, script)
    yield user
    servers = [process for process in psutil.process_iter(["cmdline"]) if is_server(process, user)]
    for server in servers:
        server.terminate()
    assert psutil.wait_procs(servers, timeout=60)[1] == []


def is_server(process: psutil.Process, user: Person) -> bool:
    command = process.info["cmdline"] or ()
    return "serve" in command and str(user.installation.bin / "reev-gql") in command


async def step(user: Person, script: str) -> tuple[int | None, str, str]:
    return await user.run("/bin/bash", "-e", "-c", script)


async def succeeds(user: Person, script: str) -> str:
    code, out, err = await step(user, script)
    assert code == 0, (script, out, err)
    return out


async def test_a_pull_request_passes_until_it_makes_the_agent_worse(user: Person) -> None:
    install, *others = steps().items()
    assert install[0] == "Install", "what the tests have done"
    for _, script in others:
        out = await succeeds(user, script)
    assert "✓ mine: solve rate 1.000 (3 of 3), at least 0.9 was asked" in out
    assert "✓ mine: solve rate +0.000 against the baseline" in out
    summary = user.directory / "step summary.md"
    assert summary.read_text(encoding="utf-8").startswith("## ✅ Reached")

    changed = agent_file().replace("--model small", "--model careless")
    await succeeds(user, f"printf %s {shlex.quote(changed)} > agent.sh")
    code, out, err = await step(user, steps()["Evaluate the pull request"])
    assert code == 1 and "reev-gql" not in err, out + err
    assert "✕ mine: solve rate 0.000 (0 of 3), below 0.9" in out
    assert "✕ mine: solve rate -1.000 against the baseline, a drop of 0.05 was allowed" in out
    assert "## ❌ Not reached" in summary.read_text(encoding="utf-8")
    report = ElementTree.parse(user.directory / "evaluation.xml").getroot()
    failed = [case.get("name") for case in report.iter("testcase") if case.find("failure") is not None]
    assert failed == [
        "001-sol-transfer",
        "target: solve-rate at least 0.9",
        "target: solve-rate at most 0.05 below the baseline",
        "target: mean-score at most 0.05 below the baseline",
    ]
    listed = (await succeeds(user, "reev-gql batches list --json")).splitlines()
    assert [json.loads(line)["name"] for line in listed] == ["better/agent", "better/agent", None]
