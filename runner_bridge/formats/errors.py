"""The one error that reading a foreign file may raise.

For any bytes, a reader of this package returns a value or raises a FormatError that says where the fault is.
Lines and columns count from 1; offsets are bytes from 0.
"""

from __future__ import annotations


class FormatError(ValueError):
    """A file, or a text from one, is not what it should be."""

    def __init__(
        self,
        message: str,
        *,
        source: str | None = None,
        line: int | None = None,
        column: int | None = None,
        offset: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.line = line
        self.column = column
        self.offset = offset

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)
        text = f"{place}: {self.message}" if place else self.message
        return text if self.offset is None else f"{text} (at byte {self.offset})"

    def __reduce__(self) -> tuple[object, ...]:
        # Readers run in worker processes too; keyword-only arguments need help to cross over.
        return _rebuild, (self.message, self.source, self.line, self.column, self.offset)


def _rebuild(
    message: str, source: str | None, line: int | None, column: int | None, offset: int | None
) -> FormatError:
    return FormatError(message, source=source, line=line, column=column, offset=offset)


def shown(text: str, limit: int = 60) -> str:
    """`text` quoted for a message: control characters escaped, long texts cut."""
    return ascii(text if len(text) <= limit else text[: limit - 3] + "...")


def path_text(path: tuple[str | int, ...]) -> str:
    """A path inside a document as people write it: `ground_truth.expected_instructions[0].data`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
