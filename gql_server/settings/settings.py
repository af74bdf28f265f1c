"""All settings: one class, one prefix, one table.

Every setting is an environment variable, REEV_GQL_ and the field's name in capitals, except DATABASE_URL. A
value that cannot be used is refused with one line that names the variable; no secret is in a line or a repr.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from gql_server.settings.document_limits import MB, DocumentLimits, MemoryLimits
from gql_server.settings.launcher_settings import LauncherSettings
from gql_server.settings.setting_types import (
    AgentLimits,
    Command,
    DatabaseUrl,
    HostNames,
    Names,
    Networks,
    Origins,
    Paths,
    Port,
    PublicUrl,
    RegularExpression,
)
from runner_bridge.agents import secret_key
from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.launchers.runner_config import RunnerConfig
from store.workers.concurrency_limits import Limits

PREFIX = "REEV_GQL_"
MIN_TOKEN_LENGTH = 16
MIN_SECRET_KEY_LENGTH = 32
"""Shorter ones can be guessed."""

DEDICATED_CONNECTIONS = 2
"""Connections to PostgreSQL outside the pool: for the listener, and for what a worker hears and its heartbeat."""

FEED_CONNECTIONS = 1
"""The same of a worker without a server, which has no listener."""

WORKER_POOL_SIZE = 2
"""The pool of a worker without a server, unless the pool's size is set: there may be hundreds of these."""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Settings(LauncherSettings):
    """What can be set, with the default of each."""

    model_config = SettingsConfigDict(
        defer_build=True,
        # `NAME=` in an environment file means: not set.
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: DatabaseUrl | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL to use; without it an embedded server is started",
    )
    host: str = Field(
        "127.0.0.1", description="Address to listen on; others than loopback need a token and names"
    )
    port: Port = Field(3001, description="Port to listen on; 0 takes a free one")
    token: SecretStr | None = Field(
        None, description="Bearer token with every scope; when set, every request must carry a token"
    )
    require_token: bool = Field(
        False, description="Every request must carry a token, this one or one of `reev-gql token create`"
    )
    trusted_proxies: Networks = Field(
        (), description="Addresses or networks of proxies whose X-Forwarded-For counts; separated by commas"
    )
    allowed_hosts: HostNames = Field(
        (), description="Host names to answer to, besides the loopback names; separated by commas"
    )
    allowed_origins: Origins = Field((), description="Origins of other web pages that may talk to the server")
    public_url: PublicUrl | None = Field(
        None,
        description="Address at which people open the server's pages, for links in webhooks and traces",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Encrypts the API keys of agents and the secrets of webhooks in the database, the same for "
        "every server and worker; without it `secret.key` in the data directory, made when first needed",
    )
    rest: bool = Field(
        False, description="Answer the old server's routes below /api/v1, for its page and for scripts"
    )
    rest_results: int = Field(
        1000, ge=1, le=10_000, description="Newest results that /api/v1/agent-performance lists"
    )
    graphiql: bool = Field(True, description="Serve GraphiQL at /graphiql")
    introspection: bool = Field(True, description="Answer introspection queries")
    suggestions: bool = Field(True, description="Suggest a name when a field or argument is mistyped")
    queries_by_get: bool = Field(True, description="Answer queries over GET as well")
    compiled_execution: bool = Field(
        True,
        description="Execute documents by code compiled for them; without it slower, with the same answers",
    )

    trusted_documents: Path | None = Field(
        None,
        description="Manifest of documents to be asked for by hash: a JSON object of SHA-256 and document",
    )
    trusted_only: bool = Field(
        False, description="Execute trusted documents only: those of the manifest, our command line and pages"
    )

    max_tokens: int = Field(5000, ge=100, description="Tokens of a document at most")
    max_depth: int = Field(20, ge=5, description="How deeply fields of a document may be nested")
    max_fields: int = Field(
        1000, ge=50, description="Fields and fragments of a document, with its fragments written out"
    )
    max_root_fields: int = Field(20, ge=1, description="Fields at the top of an operation")
    max_aliases: int = Field(100, ge=0, description="Aliases of a document")
    max_directives: int = Field(50, ge=0, description="Directives of a document")
    max_cost: int = Field(
        10_000,
        ge=1000,
        description="Cost of an operation: about the values it can answer with, expensive fields count more",
    )
    query_timeout_s: float = Field(
        20, gt=0, le=3600, description="Seconds after which a query is cancelled, in the database too"
    )
    mutation_timeout_s: float = Field(
        300, gt=0, le=3600, description="Seconds after which a mutation is cancelled, in the database too"
    )
    max_documents_mb: int = Field(
        32,
        ge=1,
        description="Memory for cached documents and the code compiled for them, in MiB",
    )
    max_subscriptions_mb: int = Field(
        64,
        ge=4,
        description="Memory for documents and variables of open subscriptions, in MiB; a quarter for one address",
    )
    max_answer_mb: int = Field(
        16,
        ge=1,
        description="Size of an answer at most, in MiB; four such may wait to be read, two by one address",
    )
    answer_timeout_s: float = Field(
        60,
        gt=0,
        le=3600,
        description="Seconds after which a client that has not read an answer or a piece of an export is cut off",
    )
    max_exports: int = Field(
        2,
        ge=1,
        le=100,
        description="Exports that run at once; each has a connection of the pool, which keeps one for others",
    )
    export_timeout_s: float = Field(
        1800,
        gt=0,
        le=86_400,
        description="Seconds after which an export is broken off: it keeps PostgreSQL from removing old rows",
    )
    max_streams: int = Field(1000, ge=1, description="Websockets and event streams that may be open at once")
    max_streams_per_client: int = Field(500, ge=1, description="How many of them one address may have")

    data_dir: Path = Field(Path(".reev-gql"), description="Where the embedded PostgreSQL keeps its data")
    benchmarks_dir: Path = Field(Path("benchmarks"), description="Directory of benchmark files")
    benchmarks_name: str | None = Field(
        None,
        max_length=200,
        description="Name of that directory: a sync archives what is missing only if a directory of this name "
        "brought it; without a name the machine and the path tell",
    )
    write_benchmark_files: bool = Field(
        True,
        description="Whether those with the scope admin may have definitions written into BENCHMARKS_DIR",
    )
    sessions_dir: Path = Field(
        Path("logs/sessions"), description="Where runners write session files and tool logs"
    )
    import_dirs: Paths = Field(
        (), description="Other directories that session files may be imported from; separated by commas"
    )
    import_max_bytes: int = Field(
        4 * 1024**3,
        gt=0,
        description="Bytes that a database of reev and its -wal file may have together to be imported",
    )
    output_dir: Path = Field(Path("logs/runs"), description="Where the output of runners is kept")

    observe: bool = Field(
        True, description="Show executions of runners started elsewhere, by their files in SESSIONS_DIR"
    )
    observed_idle_s: float = Field(
        600,
        gt=0,
        le=604_800,
        description="Seconds of silence after which a runner started elsewhere is given up",
    )

    worker: bool = Field(
        True, description="Run executions in the server's process; else start `reev-gql worker`"
    )
    agents: Names = Field(
        None,
        description="Agents that may be asked for, separated by commas, by default upstream's five for a runner "
        "command; our own runner also plays `deterministic`, the reference answer, and every configured agent",
    )
    runner_command: Command | None = Field(
        None,
        description="Command with {path} or {file}, {agent} and {id}; what is in [brackets] is passed only if its "
        "`--help` lists that flag; without it our local runner is used",
    )
    runner_dir: Path | None = Field(None, description="Working directory of the runner")
    max_concurrent_executions: int = Field(
        4, ge=1, le=256, description="Executions that run at once, over all workers of the database"
    )
    worker_limit: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Executions that this worker runs at once; without it as many as all may",
    )
    worker_metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port where `reev-gql worker` answers `/metrics` and `/healthz`, 0 takes a free one; without "
        "it nowhere",
    )
    worker_metrics_host: str = Field(
        "127.0.0.1",
        description="Address of that port; others than loopback need a token and names, as HOST does",
    )
    agent_limits: AgentLimits = Field(
        (),
        description="Executions of an agent that run at once, over all workers: `glm-4.6=1,local=2`; "
        "the others have no limit of their own",
    )
    worker_lost_after_s: float = Field(
        30,
        ge=5,
        le=86_400,
        description="Seconds of silence after which a worker whose runners no other can see has lost them",
    )
    rerun_lost: bool = Field(
        False,
        description="Whether an execution that is LOST, with its machine, its runner or its worker, is requested "
        "again, once",
    )
    execution_timeout_s: float = Field(
        300,
        gt=0,
        le=86_400,
        description="Time limit of an execution that asks for none, in seconds from when its runner began",
    )
    startup_timeout_s: float = Field(
        600,
        gt=0,
        le=86_400,
        description="Seconds that a runner may take to begin: `cargo run` compiles first",
    )
    runner_began_pattern: RegularExpression | None = Field(
        None,
        description="Regular expression of the line of output with which the runner begins, if it writes no tool "
        "log sooner; without it cargo's `Running` for `cargo run`, and any other runner begins at once",
    )
    idle_timeout_s: float | None = Field(
        None,
        gt=0,
        le=86_400,
        description="Seconds that a runner may be silent: no output, no tool call, no file; without it no limit",
    )
    term_grace_s: float = Field(
        10, gt=0, le=300, description="Seconds between SIGTERM and SIGKILL for a runner"
    )
    runners_on_shutdown: Literal["keep", "stop", "finish"] = Field(
        "keep",
        description="What becomes of runners when their worker ends: `keep` lets them go on, and the next worker "
        "watches on; `stop` ends them, and their executions are STOPPED; `finish` waits until they have ended",
    )
    finish_timeout_s: float = Field(
        3600, gt=0, le=604_800, description="Seconds that `finish` waits; then it is as `stop`"
    )
    result_attempts: int = Field(
        10, ge=1, le=1000, description="How often the session file is looked for after the runner's exit"
    )
    result_interval_s: float = Field(0.1, gt=0, le=10, description="Seconds between two such looks")

    retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Days after which workers delete the bulk of ended executions (events, output, steps, tool "
        "calls, results); without it everything is kept",
    )
    retention_files: bool = Field(
        False, description="Whether that removes the session files, tool logs and output files of theirs too"
    )
    otlp_endpoint: PublicUrl | None = Field(
        None,
        description="Base address of an OTLP/HTTP receiver, which workers send a trace of each execution to; it "
        "needs the extra `otel`",
    )
    otlp_content: bool = Field(
        False, description="Send prompts, answers and what tools were given and returned in these traces too"
    )
    pool_size: int = Field(
        12,
        ge=DEDICATED_CONNECTIONS + 2,
        le=200,
        description="Connections of a process to PostgreSQL at most, those of its listener and heartbeat "
        "included; a worker alone has 3 unless this is set",
    )
    heartbeat_s: float = Field(20, gt=0, le=60, description="Seconds between pings on a websocket")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity logged"
    )
    log_format: Literal["console", "json"] = Field("console", description="How log records are written")

    @model_validator(mode="after")
    def _exposed_only_on_purpose(self) -> Settings:
        """A client that reaches the port can start processes: other machines need a token and exact names."""
        if self.token is not None and len(self.token.get_secret_value()) < MIN_TOKEN_LENGTH:
            raise ValueError(f"{PREFIX}TOKEN needs at least {MIN_TOKEN_LENGTH} characters")
        if self.secret_key is not None and len(self.secret_key.get_secret_value()) < MIN_SECRET_KEY_LENGTH:
            raise ValueError(f"{PREFIX}SECRET_KEY needs at least {MIN_SECRET_KEY_LENGTH} characters")
        asks = self.token is not None or self.require_token
        listens = {"HOST": self.host}
        if self.worker_metrics_port is not None:
            listens["WORKER_METRICS_HOST"] = self.worker_metrics_host
        for name, host in listens.items():
            if not _is_loopback(host) and not (asks and self.allowed_hosts):
                raise ValueError(
                    f"{PREFIX}{name}={host} can be reached from other machines: set {PREFIX}TOKEN (or "
                    f"{PREFIX}REQUIRE_TOKEN) and {PREFIX}ALLOWED_HOSTS too, or listen on 127.0.0.1"
                )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach `host`."""
        return _is_loopback(self.host)

    @property
    def own_names(self) -> tuple[str, ...]:
        """How `host` is written in a Host header, where no other machine reaches it."""
        if not self.is_loopback or self.host == "localhost":
            return ()
        address = ip_address(self.host)
        return (f"[{address}]" if address.version == 6 else str(address),)

    def _secret_key(self) -> SecretKey:
        text = None if self.secret_key is None else self.secret_key.get_secret_value()
        return SecretKey(text, self.data_dir.absolute() / secret_key.FILE_NAME)

    @property
    def limits(self) -> Limits:
        """How many executions may run at once."""
        pairs = (limit.partition("=") for limit in self.agent_limits)
        of_agents = {agent: int(limit) for agent, _, limit in pairs}
        return Limits(self.max_concurrent_executions, self.worker_limit, of_agents)

    @property
    def worker_pool_size(self) -> int:
        """How many connections the pool of a worker without a server may have."""
        if "pool_size" in self.model_fields_set:
            return self.pool_size - FEED_CONNECTIONS
        return WORKER_POOL_SIZE

    @property
    def exports_at_once(self) -> int:
        """How many exports may run; one connection of the pool is always left."""
        return min(self.max_exports, self.pool_size - DEDICATED_CONNECTIONS - 1)

    @property
    def document_limits(self) -> DocumentLimits:
        """How large a document may be."""
        return DocumentLimits(
            tokens=self.max_tokens,
            depth=self.max_depth,
            fields=self.max_fields,
            root_fields=self.max_root_fields,
            aliases=self.max_aliases,
            directives=self.max_directives,
            cost=self.max_cost,
        )

    @property
    def memory_limits(self) -> MemoryLimits:
        """How much is kept in memory for clients."""
        return MemoryLimits(
            documents=self.max_documents_mb * MB,
            subscriptions=self.max_subscriptions_mb * MB,
            answer=self.max_answer_mb * MB,
        )

    @property
    def runner(self) -> RunnerConfig:
        """The settings that concern runners; they work elsewhere, so relative paths are resolved here."""
        return RunnerConfig(
            benchmarks_dir=self.benchmarks_dir.absolute(),
            benchmarks_name=self.benchmarks_name,
            write_benchmark_files=self.write_benchmark_files,
            sessions_dir=self.sessions_dir.absolute(),
            output_dir=self.output_dir.absolute(),
            command=self.runner_command,
            working_directory=self.runner_dir,
            import_dirs=tuple(path.absolute() for path in self.import_dirs),
            import_max_bytes=self.import_max_bytes,
            agents=self.agents or (),
            secret_key=self._secret_key(),
            timeout_ms=round(self.execution_timeout_s * 1000),
            observe=self.observe,
            observed_idle_s=self.observed_idle_s,
            startup_timeout_ms=round(self.startup_timeout_s * 1000),
            idle_timeout_ms=None if self.idle_timeout_s is None else round(self.idle_timeout_s * 1000),
            began_pattern=self.runner_began_pattern,
            rerun_lost=self.rerun_lost,
            stop_runners_on_shutdown=self.runners_on_shutdown != "keep",
            term_grace_s=self.term_grace_s,
            result_attempts=self.result_attempts,
            result_interval_s=self.result_interval_s,
            ray=self.ray,
        )
