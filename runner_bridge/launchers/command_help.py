"""The flags that `--help` of a runner's program lists, and which flags of a template it does not know.

Versions of upstream's runner know different flags, and refuse the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import tempfile
from collections.abc import Iterator

from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.start_runner import runner_environment
from runner_bridge.redaction import clean_text, redact
from store.records import record

LONGEST_HELP = 256 * 1024
"""Bytes of the help that are read: many times what a program with a hundred flags prints."""

REMARK_TIMEOUT_S = 5.0
"""For an answer that is used for a remark only."""

_FLAG = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")

log = logging.getLogger(__name__)


@record
class Help:
    """The flags that the program knows; `problem` says why they are not known."""

    flags: frozenset[str] = frozenset()
    problem: str | None = None


@record
class CommandRemark:
    """A remark on a template and its program; with `advice` when executions may fail."""

    message: str
    advice: str | None = None


async def ask_for_help(config: RunnerConfig, timeout_s: float) -> Help:
    """Calls the program with `--help`, as an execution would call it; `cargo run` compiles it first."""
    command = config.template.help_command
    environment = runner_environment(config, {})
    with contextlib.ExitStack() as stack:
        try:
            output = stack.enter_context(tempfile.TemporaryFile())
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=config.working_directory,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            return Help(problem=f"it cannot be started: {error.strerror}: {error.filename}")
        try:
            async with asyncio.timeout(timeout_s):
                code = await process.wait()
        except TimeoutError:
            return Help(problem=f"it did not end within {timeout_s:g} s")
        finally:
            if process.returncode is None:
                # The group includes a compiler that it may have started.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        output.seek(0)
        text = redact(clean_text(output.read(LONGEST_HELP)), environment)
    if code != 0:
        last = (text.strip().splitlines() or ["it printed nothing"])[-1]
        return Help(problem=f"it ended with exit code {code}: {last}")
    return Help(frozenset(_FLAG.findall(text)))


def command_remarks(config: RunnerConfig, found: Help) -> Iterator[CommandRemark]:
    """A remark for every flag of the template that the program does not know."""
    template = config.template
    if found.problem is not None:
        yield CommandRemark(
            f"{template.program} does not answer `{' '.join(template.help_command)}`: {found.problem}",
            "Without an answer, parts in brackets are not passed; try that command by hand",
        )
        return
    for part in template.flags:
        if part.flag in found.flags:
            continue
        what = f"{template.program} does not know {part.flag}"
        if part.is_optional:
            files = "; each execution's files get a directory of their own" if part.hands_on_id else ""
            yield CommandRemark(f"{what}, which is not passed{files}")
        else:
            advice = (
                f"Put it in brackets, as in [{part.flag}]: then it is passed only to a program that knows it"
            )
            yield CommandRemark(f"{what}, and may refuse to start", advice)


class RunnerCommand:
    """The configured command, and which flags its program knows: learned before an execution is taken."""

    def __init__(self, config: RunnerConfig) -> None:
        self._config = config
        self._found: Help | None = None
        self._used_since = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments with placeholders; of the optional parts only those whose flags are known."""
        self._used_since = True
        return self._config.template.arguments(frozenset() if self._found is None else self._found.flags)

    async def learn(self) -> None:
        """Asks the program once. One that did not answer is asked again after it has been used.

        Without parts in brackets nothing depends on the answer: the program is asked once, after its first use
        and for a short time, so that the log names flags that it refuses.
        """
        template = self._config.template
        if self._config.is_local_runner or not any(template.flags):
            return
        if any(part.is_optional for part in template.parts):
            is_known = self._found is not None and (self._found.problem is None or not self._used_since)
            timeout_s = self._config.startup_timeout_ms / 1000
        else:
            is_known = self._found is not None or not self._used_since
            timeout_s = REMARK_TIMEOUT_S
        if is_known:
            return
        self._found = await ask_for_help(self._config, timeout_s)
        self._used_since = False
        for remark in command_remarks(self._config, self._found):
            log.warning(
                "%s", remark.message if remark.advice is None else f"{remark.message}. {remark.advice}"
            )
