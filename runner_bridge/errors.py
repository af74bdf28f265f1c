"""What the bridge refuses, as exceptions with types, so that the GraphQL layer can answer with data.

Each message is one sentence for the person who made the request and says what would be accepted.
"""

from __future__ import annotations

from collections.abc import Sequence


class BridgeError(Exception):
    """Base of everything the bridge raises on purpose."""


class InvalidInput(BridgeError):
    """A value that cannot be used; `field` names the input it came from."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


SHOWN_AGENTS = 20
"""Names in a message."""


def _known(known: Sequence[str], advice: str) -> str:
    more = f" and {len(known) - SHOWN_AGENTS} more" if len(known) > SHOWN_AGENTS else ""
    said = f": {advice}" if advice else ""
    return f"{said}; known agents are {', '.join(known[:SHOWN_AGENTS])}{more}"


class AgentNotFound(BridgeError):
    """An agent that is not configured; `known` are those that are, `advice` says how to add one."""

    def __init__(self, agent: str, known: Sequence[str], advice: str = "") -> None:
        super().__init__(f"There is no agent {agent!r}{_known(known, advice)}")
        self.agent = agent
        self.known = tuple(known)


class AgentsNotFound(BridgeError):
    """Some of many agents are not configured: `agents` are those, `known` those that are."""

    def __init__(self, agents: Sequence[str], known: Sequence[str], advice: str = "") -> None:
        named = ", ".join(repr(agent) for agent in agents)
        super().__init__(f"There is no agent {named}{_known(known, advice)}")
        self.agents = tuple(agents)
        self.known = tuple(known)


class CommandTemplateError(BridgeError):
    """The configured runner command cannot be made into an argument list."""


class LaunchError(BridgeError):
    """The runner could not be started, for example because its program does not exist."""


class BenchmarksDirectoryError(BridgeError):
    """The benchmarks directory cannot be read at all; nothing was changed."""


class HeldByFile(BridgeError):
    """A sync would undo the change: the benchmark's `file` in the benchmarks directory says otherwise."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.file = file


class FileNotWritten(BridgeError):
    """The benchmark's `file` was left as it is: it may not or cannot be written, or holds something unknown."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.file = file


class BenchmarkChanged(BridgeError):
    """The benchmark has another revision than the one that a change was based on; `revision` is None without."""

    def __init__(self, message: str, revision: int | None) -> None:
        super().__init__(message)
        self.revision = revision


class ImportDirectoryError(BridgeError):
    """A directory that may not be imported from, or cannot be read at all; nothing was read."""


class WebhookNotFound(BridgeError):
    """There is no webhook of this id."""


class SecretKeyError(BridgeError):
    """The key that encrypts API keys and secrets is missing, cannot be read, or is another one than before."""
