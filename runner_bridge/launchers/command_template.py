"""The template of a runner's command line, and which parts of it are passed.

A template is split into arguments once, as a shell would split it. Its placeholders are filled in per argument,
and the result is never split again; there is no shell. Values are ids (no leading `-`, no slash) or absolute
paths, so a value can never become an option or another argument.

Placeholders: `{path}` the file with the recorded revision of the benchmark, written for this one execution;
`{file}` the name of the benchmark's file without `.yml`, for a checkout with a `benchmarks/` of its own;
`{benchmark}` the benchmark's id; `{agent}` the agent; `{id}` the execution's id.

A part in brackets, `[--no-db]` or `[--execution-id={id}]`, is passed only to a program whose `--help` lists its
flag. Versions of upstream's runner know different flags, and refuse the others.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping

from runner_bridge.errors import CommandTemplateError
from store.records import record

PLACEHOLDERS = frozenset({"path", "file", "benchmark", "agent", "id"})
BENCHMARK = frozenset({"path", "file", "benchmark"})

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@record
class Part:
    """Arguments that are passed together or not at all."""

    arguments: tuple[str, ...]
    is_optional: bool = False

    @property
    def flag(self) -> str | None:
        """The flag at its beginning, without a value; None when there is none."""
        first = self.arguments[0]
        return first.partition("=")[0] if first.startswith("-") and first != "--" else None

    @property
    def hands_on_id(self) -> bool:
        return hands_on_id(self.arguments)


@record
class CommandTemplate:
    """A command line with its placeholders."""

    parts: tuple[Part, ...]

    @property
    def program(self) -> str:
        return self.parts[0].arguments[0]

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments that are always passed."""
        return self.arguments(())

    def arguments(self, known_flags: Collection[str]) -> tuple[str, ...]:
        """The arguments that are passed to a program that knows these flags."""
        passed = (part for part in self.parts if not part.is_optional or part.flag in known_flags)
        return tuple(itertools.chain.from_iterable(part.arguments for part in passed))

    @property
    def help_command(self) -> tuple[str, ...]:
        """The command that makes the program list its flags; it has none of `flags`."""
        return (*(part.arguments[0] for part in self.parts[: self._own_length]), "--help")

    @property
    def flags(self) -> Iterator[Part]:
        """The parts that begin with a flag of the runner itself."""
        return (part for part in self.parts[self._own_length :] if part.flag is not None)

    @property
    def _own_length(self) -> int:
        """How many parts start the runner, such as `cargo run -p reev-runner --`; the rest are its arguments."""
        calling = list(itertools.takewhile(_is_fixed, self.parts))
        if (separator := Part(("--",))) in calling:
            return calling.index(separator) + 1
        while len(calling) > 1 and calling[-1].flag is not None:
            calling.pop()
        return len(calling)


def _is_fixed(part: Part) -> bool:
    return not part.is_optional and not _PLACEHOLDER.search(part.arguments[0])


def parse_template(text: str) -> CommandTemplate:
    """Raises CommandTemplateError when it cannot be used."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CommandTemplateError(f"The runner command cannot be split into arguments: {error}") from error
    if not words:
        raise CommandTemplateError("The runner command is empty")
    template = CommandTemplate(tuple(_parts(iter(words))))
    if template.parts[0].is_optional:
        raise CommandTemplateError("The runner command begins with a part in brackets, not with a program")
    if unknown := _used(itertools.chain(*(part.arguments for part in template.parts))) - PLACEHOLDERS:
        raise CommandTemplateError(
            f"The runner command has the unknown placeholder {{{min(unknown)}}}; "
            f"known are {', '.join(f'{{{name}}}' for name in sorted(PLACEHOLDERS))}"
        )
    if not _used(template.required) & BENCHMARK:
        raise CommandTemplateError(
            "The runner command must hand on the benchmark as {path}, {file} or {benchmark}"
        )
    return template


def hands_on_id(arguments: Iterable[str]) -> bool:
    """Whether the runner is told which execution it is for."""
    return "id" in _used(arguments)


def _used(arguments: Iterable[str]) -> set[str]:
    return {name for argument in arguments for name in _PLACEHOLDER.findall(argument)}


def _parts(words: Iterator[str]) -> Iterator[Part]:
    for word in words:
        if not word.startswith("[-"):
            yield Part((word,))
            continue
        inside = [word]
        while not inside[-1].endswith("]"):
            if (following := next(words, None)) is None:
                raise CommandTemplateError(f"The runner command has no ] for {word}")
            inside.append(following)
        inside[0] = inside[0].removeprefix("[")
        inside[-1] = inside[-1].removesuffix("]")
        yield Part(tuple(inside), is_optional=True)


def fill(arguments: Iterable[str], values: Mapping[str, str]) -> list[str]:
    """The argument list for one execution; `values` has a value for every placeholder."""
    return [_PLACEHOLDER.sub(lambda match: values[match[1]], argument) for argument in arguments]
