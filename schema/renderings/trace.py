"""The trace of an execution as the text tree that the runner prints at its end.

The layout is upstream's to the character. It has no place for an unknown score, so that is left out, and an
execution that has not ended is shown with ⏳ instead of ✅ or ❌.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from schema.renderings.ascii_tree import Tree, narrow
from schema.renderings.plain_text import as_dict, as_dicts, as_text, compact_json, text_of, visible
from store.model import JsonValue, Step

SIGNER, NOT_SIGNER = "🖋️", "🖍️"
WRITABLE, READ_ONLY = "\N{HEAVY PLUS SIGN}", "\N{HEAVY MINUS SIGN}"
INDENT = " " * 5
INSTRUCTION_RULE = INDENT + "─" * 57
UNKNOWN = "unknown"
ERROR = "Error: "

_LIVE_WORDS = frozenset({"queued", "running", "stopping"})
_COMPLETED_LABELS = {"flow_benchmark": "Flow Completed", "api_benchmark": "API Query Completed"}


def trace_text(
    benchmark_id: str,
    status_word: str,
    score: float | None,
    steps: Sequence[Step],
    failure: str | None = None,
) -> str:
    """The trace tree, each line ended by a newline.

    `status_word` is any spelling of the status (`SUCCEEDED`, `succeeded`, `TIMED_OUT`). `score` runs from 0
    to 1; when it is None the ` (Score: …)` part is not there: no number is better than an invented one. Steps
    are numbered by their place in `steps`. An agent's text keeps its own newlines, as upstream prints it.
    `failure` is why it ended badly; it comes last, unless the last error of a step says it already.
    """
    children = tuple(_step_tree(number, step) for number, step in enumerate(steps, start=1))
    if failure and not _says_already(steps, failure):
        children += (Tree(f"FAILURE: {visible(failure)}"),)
    return narrow(Tree(_root(benchmark_id, status_word, score), children))


def _root(benchmark_id: str, status_word: str, score: float | None) -> str:
    word = status_word.lower().replace("_", " ")
    icon = "✅" if word == "succeeded" else "⏳" if word in _LIVE_WORDS else "❌"
    known = score is not None and math.isfinite(score)
    shown_score = f" (Score: {score * 100:.1f}%)" if score is not None and known else ""
    return f"{icon} {visible(benchmark_id)}{shown_score}: {visible(word)}"


def _step_tree(number: int, step: Step) -> Tree:
    action = Tree(f"ACTION:\n{_action_text(step.action)}")
    return Tree(f"Step {number}", (action, _observation_tree(step)))


def _action_text(action: JsonValue) -> str:
    instructions = as_dicts(action)
    if not instructions:
        return f"{INDENT}No action was taken."
    return f"\n{INSTRUCTION_RULE}\n".join(_instruction_text(instruction) for instruction in instructions)


def _instruction_text(instruction: dict[str, Any]) -> str:
    accounts = as_dicts(instruction.get("accounts"))
    lines = [
        f"Program ID: {_named(instruction, 'program_id')}",
        "Accounts:",
        *(_account_text(index, account) for index, account in enumerate(accounts)),
        f"Data (Base58): {_named(instruction, 'data')}",
    ]
    return "\n".join(INDENT + line for line in lines)


def _account_text(index: int, account: dict[str, Any]) -> str:
    signer = SIGNER if account.get("is_signer") is True else NOT_SIGNER
    writable = WRITABLE if account.get("is_writable") is True else READ_ONLY
    return f"[{index:>2}] {signer} {writable} {_named(account, 'pubkey')}"


def _named(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return UNKNOWN if value is None else visible(as_text(value))


def _observation_tree(step: Step) -> Tree:
    observation, info = as_dict(step.observation), as_dict(step.info)
    kind = info.get("type")
    status = _COMPLETED_LABELS.get(kind) if isinstance(kind, str) else None
    if status is None:
        status = _named(observation, "last_transaction_status")
    detail = _detail(observation, info)
    children = () if detail is None else (Tree(visible(detail)),)
    return Tree(f"OBSERVATION: {status}", children)


def _says_already(steps: Sequence[Step], failure: str) -> bool:
    """Whether the last error of a step is what `failure` ends with."""
    details = (_detail(as_dict(step.observation), as_dict(step.info)) for step in reversed(steps))
    errors = (detail for detail in details if detail is not None and detail.startswith(ERROR))
    last = next(errors, None)
    return last is not None and f": {failure}".endswith(f": {last.removeprefix(ERROR)}")


def _detail(observation: dict[str, Any], info: dict[str, Any]) -> str | None:
    """The error, or else the message. A step that failed outside a transaction has its error in info only."""
    for error in (observation.get("last_transaction_error"), info.get("error")):
        if error is not None and error != "":
            return f"{ERROR}{error if isinstance(error, str) else compact_json(error)}"
    return text_of(info, "message")
