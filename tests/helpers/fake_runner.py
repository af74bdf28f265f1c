"""A runner with upstream's command line that behaves as badly as it is told to.

    python tests/helpers/fake_runner.py PATH --execution-id ID [--agent NAME] [--no-db] [--mode=MODE]

The mode may also come from FAKE_RUNNER_MODE. Needs nothing but the standard library and starts in a few
milliseconds (`python -S -E`). Every mode that waits does so until it is signalled.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOREIGN_ID = "11111111-2222-4333-8444-555555555555"
HOSTILE = (
    '</pre><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>"; click A pwn() %% --> { }'
)
FLOOD_BYTES = 32 * 1024 * 1024
LONG_LINE_BYTES = 5 * 1024 * 1024
STILL_ALIVE_S = 600
"""What waits here is always ended by somebody; this only keeps a broken test from leaving it for ever."""

SYSTEM = "11111111111111111111111111111111"
USER, RECIPIENT = (
    "9StANvGCH7f1oB8CMzThSuyEj6v4PGkwbgjyZVVQQjpq",
    "4RfnJuMwcLVznc7ZxjFbzAiuYzY46R5dC5wzGKrAWwVe",
)


class FakeRunner:
    """What a mode needs to know: who it is for and where its files go."""

    def __init__(self, benchmark: str, agent: str, execution_id: str) -> None:
        self.benchmark = benchmark
        self.agent = agent
        self.id = execution_id
        self.sessions = Path(os.environ.get("REEV_SESSION_LOG_PATH", "logs/sessions"))
        template = os.environ.get("REEV_ENHANCED_OTEL_FILE", "enhanced_otel_{session_id}.jsonl")
        self.tool_log = Path(template.replace("{session_id}", execution_id))

    def session(self, *, success: bool = True, **changes: Any) -> bytes:
        """A session file of the shape that upstream writes today, for one SOL transfer."""
        now = int(time.time())
        states = {USER: 899_995_000, RECIPIENT: 100_000_000}
        names = {"USER_WALLET_PUBKEY": USER, "RECIPIENT_WALLET_PUBKEY": RECIPIENT}
        accounts = [
            {"is_signer": True, "is_writable": True, "pubkey": USER},
            {"is_signer": False, "is_writable": True, "pubkey": RECIPIENT},
        ]
        step = {
            "action": [{"accounts": accounts, "data": "3Bxs411Dtc7pkFQj", "program_id": SYSTEM}],
            "info": {},
            "observation": {
                "account_states": {
                    name: {"data_len": 0, "executable": False, "lamports": states[key], "owner": SYSTEM}
                    for name, key in names.items()
                },
                "key_map": {**names, SYSTEM: SYSTEM},
                "last_transaction_error": None if success else "InsufficientFunds",
                "last_transaction_logs": [f"Program {SYSTEM} invoke [1]", f"Program {SYSTEM} success"],
                "last_transaction_status": "Success" if success else "Failure",
            },
            "thought": None,
        }
        content = {
            "session_id": self.id,
            "benchmark_id": self.benchmark,
            "agent_type": self.agent,
            "start_time": now - 1,
            "end_time": now,
            "events": [],
            "final_result": {
                "success": success,
                "score": 1.0 if success else 0.0,
                "status": "Succeeded" if success else "Failed",
                "execution_time_ms": 1000,
                "data": {"prompt": "Please send 0.1 SOL.", "steps": [step]},
            },
        }
        return json.dumps({**content, **changes}, indent=2).encode()

    def write(self, content: bytes, name: str | None = None) -> None:
        """Truncate-and-write, like upstream: not atomic."""
        self.sessions.mkdir(parents=True, exist_ok=True)
        (self.sessions / f"session_{name or self.id}.json").write_bytes(content)

    def log_tool(self, kind: str, **fields: Any) -> None:
        """Appends one line to the tool log, at once."""
        line = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000001Z",
            "session_id": self.id,
            "reev_runner_version": "0.1.0",
            "reev_agent_version": "0.1.0",
            "event_type": kind,
            "prompt": None,
            "tool_input": None,
            "tool_output": None,
            "timing": {"flow_timeuse_ms": 3, "step_timeuse_ms": 3},
            "metadata": {},
            **fields,
        }
        self.tool_log.parent.mkdir(parents=True, exist_ok=True)
        with self.tool_log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def tool_started(self, name: str) -> None:
        self.log_tool("ToolInput", tool_input={"tool_name": name, "tool_args": {"lamports": 100_000_000}})

    def tool_ended(self, *, success: bool = True) -> None:
        error = None if success else 'Tool failed: Object {"error": String("no funds")}'
        self.log_tool("ToolOutput", tool_output={"success": success, "results": "[]", "error_message": error})

    def call_tool(self, name: str) -> None:
        self.tool_started(name)
        self.tool_ended()


def ready(text: str = "ready") -> None:
    """Says on stdout how far it is, for tests that wait for that."""
    print(text, flush=True)


def wait_for_ever() -> None:
    time.sleep(STILL_ALIVE_S)


def parent_for_ever() -> None:
    in_child(wait_for_ever)
    wait_for_ever()


def in_child(body: Callable[[], None]) -> int:
    """Forks; the child never returns."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid


def leave_an_orphan() -> None:
    ready(f"left {in_child(wait_for_ever)}")


def ok(fake: FakeRunner) -> int:
    print(f"running {fake.benchmark}")
    fake.call_tool("sol_transfer")
    fake.write(fake.session())
    return 0


def benchmark_failed(fake: FakeRunner) -> int:
    fake.write(fake.session(success=False))
    return 0


def exit0_no_file(fake: FakeRunner) -> int:
    return 0


def exit0_bad_file(fake: FakeRunner) -> int:
    fake.write(b'{"session_id": NaN, "session_id": }')
    return 0


def truncated_file(fake: FakeRunner) -> int:
    content = fake.session()
    fake.write(content[: len(content) // 2])
    return 0


def no_final_result(fake: FakeRunner) -> int:
    fake.write(fake.session(final_result=None))
    return 0


def exit1_good_file(fake: FakeRunner) -> int:
    fake.write(fake.session())
    return 1


def exit1_no_file(fake: FakeRunner) -> int:
    print("Error: cannot reach surfpool\nCaused by:\n    \x1b[31mconnection refused\x1b[0m", file=sys.stderr)
    return 1


def exit2(fake: FakeRunner) -> int:
    print("this is not a benchmark", file=sys.stderr)
    return 2


def exit3(fake: FakeRunner) -> int:
    print("the Jupiter program is missing; reev-runner with surfpool can run it", file=sys.stderr)
    return 3


def exit4(fake: FakeRunner) -> int:
    print("the agent gave no instructions", file=sys.stderr)
    return 4


def exit5(fake: FakeRunner) -> int:
    print("RATE_LIMITED: the endpoint takes no more requests just now", file=sys.stderr)
    return 5


def exit137(fake: FakeRunner) -> int:
    return 137


def killed_by_signal(fake: FakeRunner) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def segfault(fake: FakeRunner) -> int:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def hang(fake: FakeRunner) -> int:
    ready()
    wait_for_ever()
    return 0


def hang_after_file(fake: FakeRunner) -> int:
    fake.write(fake.session())
    return hang(fake)


def ignore_term(fake: FakeRunner) -> int:
    """Says that it was told to end, and goes on."""
    signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"told to end\n"))
    return hang(fake)


def file_on_term(fake: FakeRunner) -> int:
    """Writes a good result only when it is told to end."""

    def finish(*_: object) -> None:
        fake.write(fake.session())
        os._exit(0)

    signal.signal(signal.SIGTERM, finish)
    return hang(fake)


def stopped(fake: FakeRunner) -> int:
    """Stands still (SIGSTOP) and can hear nothing."""
    ready()
    os.kill(os.getpid(), signal.SIGSTOP)
    wait_for_ever()
    return 0


def family(fake: FakeRunner) -> int:
    """A child and a grandchild that all ignore SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    in_child(parent_for_ever)
    return hang(fake)


def grandchild_holds_stdout(fake: FakeRunner) -> int:
    os.waitpid(in_child(leave_an_orphan), 0)
    fake.write(fake.session())
    return 0


def stubborn_grandchild(fake: FakeRunner) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return grandchild_holds_stdout(fake)


def leave_a_stranger(fake: FakeRunner) -> None:
    """Two forks, a session of its own, another program, no environment, deaf to SIGTERM."""

    def hide() -> None:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.execve("/bin/sleep", ["sleep", str(STILL_ALIVE_S)], {})  # noqa: S606

    def middle() -> None:
        pid = in_child(hide)
        (fake.sessions / f"hidden_{fake.id}").write_text(str(pid))
        ready(f"left {pid}")
        while Path(f"/proc/{pid}/environ").read_bytes():
            time.sleep(0.002)

    os.waitpid(in_child(middle), 0)


def escape(fake: FakeRunner) -> int:
    leave_a_stranger(fake)
    return hang(fake)


def escaped_at_the_end(fake: FakeRunner) -> int:
    leave_a_stranger(fake)
    fake.write(fake.session())
    return 0


def setsid_escape(fake: FakeRunner) -> int:
    """A daemon: double fork, own session, deaf to SIGTERM; then the runner hangs."""

    def daemon() -> None:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        leave_an_orphan()
        ready()

    os.waitpid(in_child(daemon), 0)
    wait_for_ever()
    return 0


def flood(fake: FakeRunner) -> int:
    line = b"0123456789abcdef" * 63 + b"0123456789abcd\n"
    for _ in range(FLOOD_BYTES // len(line)):
        os.write(1, line)
    os.write(1, b"the last words\n")
    return 1


def long_line(fake: FakeRunner) -> int:
    os.write(1, b"x" * LONG_LINE_BYTES)
    return 1


def binary(fake: FakeRunner) -> int:
    os.write(1, bytes(range(256)) * 8 + b"\xff\xfe\x00 \xed\xa0\x80 \x1b]0;title\x07 end\n")
    return 1


def foreign_id(fake: FakeRunner) -> int:
    fake.write(fake.session(session_id=FOREIGN_ID))
    return 0


def foreign_benchmark(fake: FakeRunner) -> int:
    fake.write(fake.session(benchmark_id="999-something-else"))
    return 0


def two_files(fake: FakeRunner) -> int:
    fake.write(fake.session(session_id=FOREIGN_ID), FOREIGN_ID)
    fake.write(fake.session())
    return 0


def symlink_file(fake: FakeRunner) -> int:
    secret = fake.sessions / "elsewhere.json"
    secret.write_bytes(fake.session())
    (fake.sessions / f"session_{fake.id}.json").symlink_to(secret)
    return 0


def slow_tools(fake: FakeRunner) -> int:
    """Three tool calls; each waits until a file says that the former event was seen."""
    for number in range(1, 4):
        fake.tool_started(f"tool_{number}")
        while not (fake.sessions / f"seen_{fake.id}_{number}").exists():
            time.sleep(0.002)
        fake.tool_ended(success=number != 2)
    fake.write(fake.session())
    return 0


def unfinished_tool(fake: FakeRunner) -> int:
    fake.tool_started("sol_transfer")
    return 1


def foreign_tools(fake: FakeRunner) -> int:
    fake.log_tool("ToolInput", session_id=FOREIGN_ID, tool_input={"tool_name": "other", "tool_args": {}})
    return ok(fake)


def hostile(fake: FakeRunner) -> int:
    """Markup and script wherever an agent can say anything."""
    print(f"output {HOSTILE}", flush=True)
    fake.log_tool("ToolInput", tool_input={"tool_name": f"pay {HOSTILE}", "tool_args": {HOSTILE: HOSTILE}})
    fake.tool_ended(success=False)
    content = json.loads(fake.session())
    content["final_result"]["data"]["prompt"] = HOSTILE
    fake.write(json.dumps(content).encode())
    return 0


def secrets(fake: FakeRunner) -> int:
    """Says the API key wherever a runner can say anything."""
    key = os.environ["LLM_API_KEY"]
    print(f"the key is {key}, in a URL ?key={key}&x, escaped {json.dumps(key)}")
    sys.stdout.write("x" * 65_530 + key + "\n")
    sys.stdout.flush()
    call = {"tool_name": key, "tool_args": {"key": key, key: [f"Bearer {key}"]}}
    fake.log_tool("ToolInput", tool_input=call)
    output = {"success": False, "results": {"error": key}, "error_message": f"401 for {key}"}
    fake.log_tool("ToolOutput", tool_output=output)
    content = json.loads(fake.session(success=False))
    [step] = content["final_result"]["data"]["steps"]
    step["thought"] = f"I was given {key}"
    step["observation"]["last_transaction_error"] = f"refused {key}"
    content["final_result"]["data"]["prompt"] = key
    fake.write(json.dumps(content).encode())
    return 0


def wait_for_cue(fake: FakeRunner, name: str = "cue") -> None:
    """Waits until a test makes this file beside the session files."""
    while not (fake.sessions / f"{name}_{fake.id}").exists():
        time.sleep(0.002)


def compiles_first(fake: FakeRunner) -> int:
    """Like `cargo run`: compiles until the cue, then begins, and hangs."""
    ready("   Compiling reev-runner v0.1.0")
    wait_for_cue(fake)
    ready("\x1b[1m\x1b[32m     Running\x1b[0m `target/debug/reev-runner`")
    return hang(fake)


def compiles_for_ever(fake: FakeRunner) -> int:
    ready("   Compiling reev-runner v0.1.0")
    wait_for_ever()
    return 0


def begins_with_a_tool(fake: FakeRunner) -> int:
    """Says nothing of its beginning, but writes its tool log, and hangs."""
    ready("   Compiling reev-runner v0.1.0")
    fake.tool_started("sol_transfer")
    return hang(fake)


def ends_on_cue(fake: FakeRunner) -> int:
    ready()
    wait_for_cue(fake)
    ready("and done")
    fake.call_tool("sol_transfer")
    fake.write(fake.session())
    return 0


def steps_on_cue(fake: FakeRunner) -> int:
    """A flow of two steps, told one by one, each at its cue, with a call in each."""
    for number in (1, 2):
        fake.call_tool(f"tool_{number}")
        fake.log_tool("StepComplete", metadata={"step_name": f"{fake.benchmark}-step-{number}"})
        wait_for_cue(fake, f"cue{number}")
    fake.write(fake.session())
    return 0


def whole_flow(fake: FakeRunner) -> int:
    """Tells of the whole flow at once, as upstream does in practice."""
    fake.call_tool("tool")
    wait_for_cue(fake)
    fake.log_tool("StepComplete", metadata={"step_name": fake.benchmark})
    fake.write(fake.session())
    return 0


def hidden_child(fake: FakeRunner) -> int:
    """A child in a session of its own, without our marker, deaf to SIGTERM; the runner itself obeys."""

    import subprocess

    # What is ignored stays ignored by the program that a child becomes.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["/bin/sleep", str(STILL_ALIVE_S)], env={}, start_new_session=True)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    (fake.sessions / f"hidden_{fake.id}").write_text(str(child.pid))
    return hang(fake)


def disk_full(fake: FakeRunner) -> int:
    """Its disk takes 1 KiB per file; it says so and fails, like any program."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
    try:
        fake.write(fake.session())
    except OSError as error:
        print(f"cannot write the session file: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def output_full(fake: FakeRunner) -> int:
    """The disk is full after a while of talking; then it can only give up."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
    try:
        for number in range(1000):
            print(f"line {number:04}", flush=True)
    except OSError:
        os._exit(1)
    return 0


def result_removed(fake: FakeRunner) -> int:
    """Goes elsewhere and removes its own session file."""
    os.chdir("/")
    fake.write(fake.session())
    (fake.sessions / f"session_{fake.id}.json").unlink()
    return 0


def environment(fake: FakeRunner) -> int:
    """Prints what it was given, instead of a result."""
    print(json.dumps({"env": dict(os.environ), "argv": sys.argv[1:], "cwd": os.getcwd()}))
    return 1


MODES: dict[str, Callable[[FakeRunner], int]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        *(ok, hostile, benchmark_failed, exit0_no_file, exit0_bad_file, truncated_file, no_final_result),
        *(exit1_good_file, exit1_no_file, exit2, exit3, exit4, exit5, exit137, killed_by_signal, segfault),
        *(hang, hang_after_file, ignore_term, file_on_term, stopped, family),
        *(grandchild_holds_stdout, stubborn_grandchild, setsid_escape, flood, long_line, binary),
        *(foreign_id, foreign_benchmark, two_files, symlink_file, slow_tools, unfinished_tool, foreign_tools),
        *(compiles_first, compiles_for_ever, begins_with_a_tool, ends_on_cue, steps_on_cue, whole_flow),
        *(
            hidden_child,
            escape,
            escaped_at_the_end,
            disk_full,
            output_full,
            result_removed,
            environment,
            secrets,
        ),
    )
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--agent", default="deterministic")
    parser.add_argument("--execution-id", required=True)
    parser.add_argument("--no-db", action="store_true")
    parser.add_argument("--shared-surfpool", action="store_true")
    parser.add_argument("--mode", choices=sorted(MODES), default=os.environ.get("FAKE_RUNNER_MODE", "ok"))
    given = parser.parse_args()
    return MODES[given.mode](FakeRunner(given.path.stem, given.agent, given.execution_id))


if __name__ == "__main__":
    sys.exit(main())
