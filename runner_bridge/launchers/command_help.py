"""What a runner's program says about itself: the flags that its `--help` lists, and what of a template it knows.

Upstream's runner refuses a flag that it does not know, and which it knows changes from version to version.
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
from dataclasses import dataclass

from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.start_runner import runner_environment
from runner_bridge.redaction import clean_text, redact

LONGEST_HELP = 256 * 1024
"""Bytes of it that are read: many times what a program with a hundred flags says."""

REMARK_TIMEOUT_S = 5.0
"""For an answer on which nothing but a remark depends."""

_FLAG = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Help:
    """The flags that the program knows. `problem` is why none can be told."""

    flags: frozenset[str] = frozenset()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class CommandRemark:
    """One thing about a template and its program. `advice` is there for what keeps executions from working."""

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
                # With the compiler that it may have started.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        output.seek(0)
        text = redact(clean_text(output.read(LONGEST_HELP)), environment)
    if code != 0:
        last = (text.strip().splitlines() or ["it says nothing"])[-1]
        return Help(problem=f"it ended with exit code {code}: {last}")
    return Help(frozenset(_FLAG.findall(text)))


def command_remarks(config: RunnerConfig, found: Help) -> Iterator[CommandRemark]:
    """Every flag of the template that the program does not know, and what comes of it."""
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
    """The configured command as its program takes it; asked for its flags before an execution is taken."""

    def __init__(self, config: RunnerConfig) -> None:
        self._config = config
        self._found: Help | None = None
        self._used_since = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """What is passed, with placeholders: of the optional parts those that it is known to know."""
        self._used_since = True
        return self._config.template.arguments(frozenset() if self._found is None else self._found.flags)

    async def learn(self) -> None:
        """Asks once. A program that could not tell is asked again after it has been used.

        Without parts in brackets nothing depends on the answer: the program is asked after its first use, once
        and not for long, so that a flag that it refuses is named in the log.
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
