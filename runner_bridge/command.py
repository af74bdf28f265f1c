"""How a runner is called: the configured command template and everything else that is set about runners.

A template is split into arguments once, like a shell would, and its placeholders are filled in per argument
and never split again; there is no shell. Values are ids (no leading `-`, no slash) or absolute paths, so a
value can never become an option or leave its argument.

Placeholders: `{path}` the file with the recorded revision of the benchmark, written for this one execution;
`{file}` the name of the benchmark's file without `.yml`, for a checkout with a `benchmarks/` of its own;
`{benchmark}` its id; `{agent}`; `{id}` the execution.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner_bridge.errors import CommandTemplateError
from runner_bridge.own_python import run_module
from runner_bridge.secret_key import SecretKey

LOCAL_RUNNER = "runner_bridge.local_runner"

DEFAULT_COMMAND = (
    *run_module(LOCAL_RUNNER),
    "--no-db",
    "{path}",
    "--agent={agent}",
    "--execution-id={id}",
)
"""Our own runner with the upstream arguments, in the Python that runs this program."""

PLACEHOLDERS = frozenset({"path", "file", "benchmark", "agent", "id"})

KNOWN_AGENTS = ("deterministic", "local", "gemini-2.5-flash-lite", "glm-4.6", "glm-4.6-coding")
"""The agents upstream's runner knows by name."""

LOCAL_AGENTS = ("deterministic",)
"""The agents of our own runner."""

ENVIRONMENT = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM"),
    *("LC_ALL", "LC_CTYPE", "LC_MESSAGES", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("CARGO_HOME", "RUSTUP_HOME", "RUST_LOG", "RUST_BACKTRACE"),
    *("LLM_API_URL", "LLM_API_KEY", "ZAI_API_KEY", "ZAI_API_URL", "GLM_CODING_API_URL", "GEMINI_API_KEY"),
    *("LOCAL_MODEL_URL", "LOCAL_MODEL_NAME", "REEV_AGENT_PORT", "SURFPOOL_RPC_PORT", "REEV_AUTO_START"),
    *("REEV_CACHE_DIR", "REEV_LOG_DIR", "SURFPOOL_DEBUG_LOG", "SURFPOOL_LOG_LEVEL", "REEV_VERBOSE_LOGGING"),
)
"""What a runner may see of our environment. Nothing else: not the database's URL, not our token."""

CARGO_BEGINS = r"^\s*Running `"
"""What cargo prints when it has compiled and starts the program."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """Everything that is set about runners. Paths may be relative to this process's working directory.

    Raises CommandTemplateError when `command` cannot be used.
    """

    benchmarks_dir: Path = Path("benchmarks")
    sessions_dir: Path = Path("logs/sessions")
    import_dirs: tuple[Path, ...] = ()
    """Where session files may be imported from, besides `sessions_dir`."""
    output_dir: Path = Path("logs/runs")
    command: str | None = None
    working_directory: Path | None = None
    agents: tuple[str, ...] = ()
    """Who may be asked to act; when none is named, those that the runner knows."""
    timeout_ms: int = 300_000
    """The run limit of an execution that asks for none; it counts from when the runner really began."""
    startup_timeout_ms: int = 600_000
    """What may come before: a compiler, for a runner that is built first."""
    idle_timeout_ms: int | None = None
    """How long a runner may be silent; None is for ever."""
    began_pattern: str | None = None
    """The line of output with which the runner begins; None leaves it to the command, see `beginning`."""
    stop_runners_on_shutdown: bool = False
    """Whether runners end with their worker; else they go on and the next worker watches on."""
    term_grace_s: float = 10.0
    """Between SIGTERM and SIGKILL."""
    result_attempts: int = 10
    result_interval_s: float = 0.1
    """How often and how far apart the session file is looked for after the runner's exit."""
    observe: bool = False
    """Whether workers observe runners that others started, by their files in `sessions_dir`."""
    observed_idle_s: float = 600.0
    """An observed runner that is silent for longer is given up."""
    output_cap_bytes: int = 16 * 1024 * 1024
    """A runner may print more, but only this much of it is kept, and the last lines."""
    environment: tuple[str, ...] = ENVIRONMENT
    secret_key: SecretKey = field(default_factory=SecretKey)
    """Decrypts the API keys of agents."""
    arguments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        arguments = DEFAULT_COMMAND if self.command is None else parse_template(self.command)
        object.__setattr__(self, "arguments", arguments)
        if not self.agents:
            object.__setattr__(self, "agents", LOCAL_AGENTS if self.is_local_runner else KNOWN_AGENTS)

    @property
    def beginning(self) -> re.Pattern[str] | None:
        """The line of output with which the runner begins; None when it does so with its process."""
        if self.began_pattern is not None:
            return re.compile(self.began_pattern)
        return re.compile(CARGO_BEGINS) if _tells_when_cargo_is_done(self.arguments) else None

    @property
    def hands_on_definition(self) -> bool:
        """Whether the runner executes the recorded revision, not a file of its own."""
        return any("{path}" in argument for argument in self.arguments)

    def inherited_environment(self) -> dict[str, str]:
        """What a runner may see of the environment of this process."""
        return {name: os.environ[name] for name in self.environment if name in os.environ}

    @property
    def is_local_runner(self) -> bool:
        """Whether the runner is ours, whose exit codes 3 and 4 have a meaning."""
        return LOCAL_RUNNER in self.arguments


def _tells_when_cargo_is_done(arguments: tuple[str, ...]) -> bool:
    """Whether this is `cargo run`, and not a quiet one, whose compiling nobody could tell from running."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return Path(own[0]).name == "cargo" and "run" in own and not {"-q", "--quiet"} & set(own)


def parse_template(template: str) -> tuple[str, ...]:
    """The template's arguments, placeholders still in them."""
    try:
        arguments = tuple(shlex.split(template))
    except ValueError as error:
        raise CommandTemplateError(f"The runner command cannot be split into arguments: {error}") from error
    if not arguments:
        raise CommandTemplateError("The runner command is empty")
    used = {name for argument in arguments for name in _PLACEHOLDER.findall(argument)}
    if unknown := used - PLACEHOLDERS:
        raise CommandTemplateError(
            f"The runner command has the unknown placeholder {{{min(unknown)}}}; "
            f"known are {', '.join(f'{{{name}}}' for name in sorted(PLACEHOLDERS))}"
        )
    if "id" not in used or not used & {"path", "file", "benchmark"}:
        raise CommandTemplateError(
            "The runner command must hand on {id}, and the benchmark as {path}, {file} or {benchmark}"
        )
    return arguments


def fill(arguments: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """The argument list for one execution; `values` has a value for every placeholder."""
    return [_PLACEHOLDER.sub(lambda match: values[match[1]], argument) for argument in arguments]
