"""Transcript files, and what is stored of them. Everything here is called in threads.

An agent's endpoint may say a secret, and other programs write transcripts too: the values of secrets in the
runner's `environment` are taken out here once more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from runner_bridge.formats.agents.transcript import Entry, TranscriptReader
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.paths import Directory
from runner_bridge.redaction import Secrets, secret_values
from runner_bridge.tool_logs.growing_file import GrowingFile
from store.executions import messages
from store.executions.messages import StoredTranscript
from store.model import ExecutionId, JsonValue, Message, MessageKind


class TranscriptFile(GrowingFile):
    """One transcript."""

    def __init__(self, directory: Directory, name: str, environment: Mapping[str, str]) -> None:
        super().__init__(directory, name)
        self._secrets = Secrets(environment) if secret_values(environment) else None
        self._reader = TranscriptReader()

    @property
    def usage(self) -> JsonValue | None:
        """What the model used, as far as was read."""
        return self._clean(self._reader.usage.value)

    def read_whole(self) -> list[Message]:
        """Reads to the end, a last line without its end included. FileNotFoundError when the file is gone."""
        found: list[Message] = []
        more = True
        with DirectoryReader(self.directory) as opened:
            while more:
                read, more = self._read(opened)
                found += read
        return found + self.finish()

    def read_on(self) -> tuple[list[Message], bool]:
        """Reads at most a chunk of what was appended; its messages, and whether there may be more."""
        try:
            with DirectoryReader(self.directory) as opened:
                return self._read(opened)
        except FileNotFoundError:
            return [], False

    def finish(self) -> list[Message]:
        """Takes the last line even if it has no end. Called when nothing more will come."""
        self.is_finished = True
        return [] if self.cut_off is not None else [self._message(one) for one in self._reader.finish()]

    def _read(self, opened: DirectoryReader) -> tuple[list[Message], bool]:
        data, more = self._appended(opened)
        self.bytes += len(data)
        return [self._message(one) for one in self._reader.feed(data)], more

    def _message(self, entry: Entry) -> Message:
        kind = MessageKind(entry.kind)
        return Message(entry.ordinal, entry.at, kind, self._clean(entry.data), entry.end)

    def _clean(self, value: JsonValue) -> JsonValue:
        return value if self._secrets is None else self._secrets.removed_from_tree(value)


def read_transcript(
    execution_id: ExecutionId, directory: Directory, name: str, environment: Mapping[str, str]
) -> tuple[TranscriptFile, StoredTranscript]:
    """A transcript read to its end. FileNotFoundError when it is gone."""
    file = TranscriptFile(directory, name, environment)
    found = file.read_whole()
    return file, messages.stored_transcript(execution_id, found, file.usage)


def has_size(directory: Directory, name: str, size: int) -> bool:
    """Whether the file has this many bytes; FileNotFoundError when it is gone."""
    with DirectoryReader(directory) as opened:
        try:
            descriptor = opened.open(name)
        except FormatError:
            return False
    try:
        return os.fstat(descriptor).st_size == size
    finally:
        os.close(descriptor)
