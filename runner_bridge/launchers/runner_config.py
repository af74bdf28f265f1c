"""How runners are called and kept: the command template and everything else that is set about them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.launchers.command_template import CommandTemplate, Part, parse_template
from runner_bridge.processes.own_python import run_module

LOCAL_RUNNER = "runner_bridge.local_runner"

DEFAULT_ARGUMENTS = (*run_module(LOCAL_RUNNER), "--no-db", "{path}", "--agent={agent}", "--execution-id={id}")
DEFAULT_COMMAND = CommandTemplate(tuple(Part((argument,)) for argument in DEFAULT_ARGUMENTS))
"""Our own runner with the upstream arguments, in the Python that runs this program."""

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
    template: CommandTemplate = field(init=False)

    def __post_init__(self) -> None:
        template = DEFAULT_COMMAND if self.command is None else parse_template(self.command)
        object.__setattr__(self, "template", template)
        if not self.agents:
            object.__setattr__(self, "agents", LOCAL_AGENTS if self.is_local_runner else KNOWN_AGENTS)

    @property
    def beginning(self) -> re.Pattern[str] | None:
        """The line of output with which the runner begins; None when it does so with its process."""
        if self.began_pattern is not None:
            return re.compile(self.began_pattern)
        return re.compile(CARGO_BEGINS) if _tells_when_cargo_is_done(self.template.required) else None

    @property
    def hands_on_definition(self) -> bool:
        """Whether the runner executes the recorded revision, not a file of its own."""
        return any("{path}" in argument for argument in self.template.required)

    def inherited_environment(self) -> dict[str, str]:
        """What a runner may see of the environment of this process."""
        return {name: os.environ[name] for name in self.environment if name in os.environ}

    @property
    def is_local_runner(self) -> bool:
        """Whether the runner is ours, whose exit codes 3 and 4 have a meaning."""
        return LOCAL_RUNNER in self.template.required


def _tells_when_cargo_is_done(arguments: tuple[str, ...]) -> bool:
    """Whether this is `cargo run`, and not a quiet one, whose compiling nobody could tell from running."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return Path(own[0]).name == "cargo" and "run" in own and not {"-q", "--quiet"} & set(own)
