"""The settings about runners: the command template, directories, time limits, agents, environment."""

from __future__ import annotations

import os
import re
from dataclasses import field
from pathlib import Path

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.benchmarks.directory import BenchmarksDirectory
from runner_bridge.formats.agents.agent_settings import WITHOUT_MODEL
from runner_bridge.launchers.command_template import CommandTemplate, Part, parse_template
from runner_bridge.launchers.ray_settings import RaySettings
from runner_bridge.processes.own_python import run_module
from store.model import RunnerKind
from store.records import record

LOCAL_RUNNER = "runner_bridge.local_runner"

DEFAULT_ARGUMENTS = (*run_module(LOCAL_RUNNER), "--no-db", "{path}", "--agent={agent}", "--execution-id={id}")
DEFAULT_COMMAND = CommandTemplate(tuple(Part((argument,)) for argument in DEFAULT_ARGUMENTS))
"""Our own runner with upstream's arguments, run by the Python that runs this program."""

KNOWN_AGENTS = ("deterministic", "local", "gemini-2.5-flash-lite", "glm-4.6", "glm-4.6-coding")
"""The agents that upstream's runner knows."""

ENVIRONMENT = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM"),
    *("LC_ALL", "LC_CTYPE", "LC_MESSAGES", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("CARGO_HOME", "RUSTUP_HOME", "RUST_LOG", "RUST_BACKTRACE"),
    *("LLM_API_URL", "LLM_API_KEY", "ZAI_API_KEY", "ZAI_API_URL", "GLM_CODING_API_URL", "GEMINI_API_KEY"),
    *("LOCAL_MODEL_URL", "LOCAL_MODEL_NAME", "REEV_AGENT_PORT", "SURFPOOL_RPC_PORT", "REEV_AUTO_START"),
    *("REEV_CACHE_DIR", "REEV_LOG_DIR", "SURFPOOL_DEBUG_LOG", "SURFPOOL_LOG_LEVEL", "REEV_VERBOSE_LOGGING"),
)
"""Variables of our environment that a runner gets; not the database's URL, not our token."""

CARGO_BEGINS = r"^\s*Running `"
"""What cargo prints when it has compiled the program and starts it."""


@record
class RunnerConfig:
    """Settings about runners. Paths may be relative to this process's working directory.

    Raises CommandTemplateError when `command` cannot be used.
    """

    benchmarks_dir: Path = Path("benchmarks")
    benchmarks_name: str | None = None
    """The name of that directory, see BenchmarksDirectory."""
    write_benchmark_files: bool = True
    """Whether a definition may be written into `benchmarks_dir` when somebody asks for it."""
    sessions_dir: Path = Path("logs/sessions")
    import_dirs: tuple[Path, ...] = ()
    import_max_bytes: int = 4 * 1024**3
    """Where session files may be imported from, besides `sessions_dir`."""
    output_dir: Path = Path("logs/runs")
    command: str | None = None
    working_directory: Path | None = None
    agents: tuple[str, ...] = ()
    """The agents of the settings, by default those that the runner knows; our own has the configured ones too."""
    timeout_ms: int = 300_000
    """The default run limit; it counts from the moment at which the runner itself begins."""
    startup_timeout_ms: int = 600_000
    """The limit for what comes before the runner itself begins, such as a compiler."""
    idle_timeout_ms: int | None = None
    """How long a runner may write nothing; None: without limit."""
    began_pattern: str | None = None
    """The output line with which the runner itself begins; None leaves it to the command, see `beginning`."""
    stop_runners_on_shutdown: bool = False
    """Whether runners end with their worker; otherwise they go on, and the next worker takes over."""
    rerun_lost: bool = False
    """Whether an execution that is lost is requested again, once."""
    runners_end_with_us: bool = False
    """Whether no runner may outlive the process that started it, for an engine that would not find it again."""
    ray: RaySettings | None = None
    """The cluster where runners are started; None: beside their worker."""
    term_grace_s: float = 10.0
    """Between SIGTERM and SIGKILL."""
    result_attempts: int = 10
    result_interval_s: float = 0.1
    """How often, and with what pause, the session file is looked for after the runner's exit."""
    observe: bool = False
    """Whether workers observe runners that this program did not start, by their files in `sessions_dir`."""
    observed_idle_s: float = 600.0
    """An observed runner that writes nothing for longer is given up."""
    output_cap_bytes: int = 16 * 1024 * 1024
    """A runner may print more; this much of it is kept, and the last lines."""
    environment: tuple[str, ...] = ENVIRONMENT
    secret_key: SecretKey = field(default_factory=SecretKey)
    """Decrypts the API keys of agents."""
    template: CommandTemplate = field(init=False)

    def __post_init__(self) -> None:
        template = DEFAULT_COMMAND if self.command is None else parse_template(self.command)
        object.__setattr__(self, "template", template)
        if not self.agents:
            object.__setattr__(self, "agents", (WITHOUT_MODEL,) if self.is_local_runner else KNOWN_AGENTS)

    @property
    def benchmark_files(self) -> BenchmarksDirectory:
        return BenchmarksDirectory(self.benchmarks_dir, self.write_benchmark_files, self.benchmarks_name)

    @property
    def beginning(self) -> re.Pattern[str] | None:
        """The output line with which the runner itself begins; None when it begins with its process."""
        if self.began_pattern is not None:
            return re.compile(self.began_pattern)
        return re.compile(CARGO_BEGINS) if _prints_when_cargo_is_done(self.template.required) else None

    @property
    def hands_on_definition(self) -> bool:
        """Whether the runner executes the recorded revision, and not a file of its own."""
        return any("{path}" in argument for argument in self.template.required)

    def inherited_environment(self) -> dict[str, str]:
        """What a runner gets of the environment of this process."""
        return {name: os.environ[name] for name in self.environment if name in os.environ}

    @property
    def is_local_runner(self) -> bool:
        """Whether the runner is our own, whose exit codes 3 and 4 have a meaning."""
        return LOCAL_RUNNER in self.template.required

    @property
    def runner_kind(self) -> RunnerKind:
        return RunnerKind.LOCAL if self.is_local_runner else RunnerKind.COMMAND


def _prints_when_cargo_is_done(arguments: tuple[str, ...]) -> bool:
    """Whether this is `cargo run` without `--quiet`, which would hide where compiling ends."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return Path(own[0]).name == "cargo" and "run" in own and not {"-q", "--quiet"} & set(own)
