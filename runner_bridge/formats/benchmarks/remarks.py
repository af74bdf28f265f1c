"""What a reader should know about a benchmark file that loads all the same.

Three kinds: the upstream runner refuses the file, a part of it is kept but nothing evaluates it, or something
in it is likely not what its author meant. Works on the file's own tree and never fails.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from runner_bridge.formats.addresses import b58decode
from runner_bridge.formats.benchmarks.ground_truth import DATA_NOT_COMPARED, why_not_evaluable
from runner_bridge.formats.errors import path_text, shown
from runner_bridge.formats.models import JsonValue, Model, Path

FEE_PAYER = "USER_WALLET_PUBKEY"

_TOP_KEYS = frozenset(
    ("id", "description", "prompt", "tags", "flow_type", "initial_state", "flow", "ground_truth")
)
# mint_data is an early form that upstream ignores today; the local runner makes the mint that it declares.
_ACCOUNT_KEYS = frozenset(("pubkey", "owner", "lamports", "data", "mint_data"))
_DATA_KEYS = frozenset(("mint", "owner", "amount", "memo_required"))
_STEP_KEYS = frozenset(("step", "description", "prompt", "critical", "timeout", "depends_on"))
_TRUTH_KEYS = frozenset(
    (
        "final_state_assertions",
        "expected_instructions",
        "skip_instruction_validation",
        "expects_no_transaction",
    )
)
_ASSERTION_KEYS = frozenset(("type", "weight", "pubkey", "mint", "address_derivation"))
# Of a flow's step; the reference answer needs it.
_INSTRUCTION_KEYS = frozenset(("step", "program_id", "program_id_weight", "accounts", "data", "data_weight"))
_STRICTLY_REQUIRED = {"SolBalance": "expected", "SolBalanceChange": "expected_change_gte"}
_STRICT_TYPES = frozenset(("SolBalance", "SolBalanceChange", "TokenAccountBalance"))


class RemarkKind(StrEnum):
    """What a remark is about."""

    UPSTREAM_REFUSES = "UPSTREAM_REFUSES"
    NOT_EVALUATED = "NOT_EVALUATED"
    SUSPECT = "SUSPECT"


class Remark(Model):
    """Something about the part of a definition at `path`, such as `ground_truth.min_score`."""

    kind: RemarkKind
    path: str
    message: str

    def to_json(self) -> dict[str, JsonValue]:
        return {"kind": self.kind.value, "path": self.path, "message": self.message}


def remarks_on(tree: dict[str, Any], source: str) -> tuple[Remark, ...]:
    """All remarks on a definition, in the order of its parts."""
    truth = tree.get("ground_truth")
    found = [
        *_on_file(tree, source),
        *_on_initial_state(_maps(tree.get("initial_state"))),
        *_on_flow(_maps(tree.get("flow"))),
        *(_on_ground_truth(truth) if isinstance(truth, dict) else ()),
    ]
    return tuple(found)


def remarks_on_name(benchmark_id: JsonValue, source: str) -> tuple[Remark, ...]:
    """What depends on the file's name and not on its content; the only remarks whose path is `id`."""
    if source in (f"{benchmark_id}.yml", f"{benchmark_id}.yaml"):
        return ()
    name = os.path.basename(source)
    stem, suffix = os.path.splitext(name)
    if suffix not in (".yml", ".yaml") or stem == benchmark_id:
        return ()
    message = f"differs from the file's name {shown(name)}, by which upstream finds benchmarks"
    return (_remark(RemarkKind.SUSPECT, ("id",), message),)


def _remark(kind: RemarkKind, path: Path, message: str) -> Remark:
    return Remark.model_construct(kind=kind, path=path_text(path), message=message)


def _maps(value: Any) -> list[tuple[int, dict[str, Any]]]:
    items = value if isinstance(value, list) else []
    return [(index, item) for index, item in enumerate(items) if isinstance(item, dict)]


def _unknown_keys(node: dict[str, Any], known: frozenset[str], path: Path) -> Iterator[Remark]:
    for key in node:
        if key not in known:
            yield _remark(RemarkKind.NOT_EVALUATED, (*path, key), "kept, but nothing evaluates it")


def _on_file(tree: dict[str, Any], source: str) -> Iterator[Remark]:
    yield from _unknown_keys(tree, _TOP_KEYS, ())
    yield from remarks_on_name(tree.get("id"), source)
    flow_type = tree.get("flow_type", "static")
    if flow_type not in ("static", "dynamic"):
        yield _remark(RemarkKind.SUSPECT, ("flow_type",), "only 'static' and 'dynamic' have a meaning")


def _on_initial_state(accounts: list[tuple[int, dict[str, Any]]]) -> Iterator[Remark]:
    for index, account in accounts:
        path: Path = ("initial_state", index)
        if "lamports" not in account:
            yield _remark(RemarkKind.UPSTREAM_REFUSES, (*path, "lamports"), "is missing")
        yield from _on_account_data(account.get("data"), (*path, "data"))
        yield from _unknown_keys(account, _ACCOUNT_KEYS, path)
    counts = Counter(str(account.get("pubkey")) for _, account in accounts)
    for pubkey, count in counts.items():
        if count > 1:
            yield _remark(RemarkKind.SUSPECT, ("initial_state",), f"{shown(pubkey)} appears {count} times")
    if accounts and FEE_PAYER not in counts:
        message = f"has no {FEE_PAYER}, who pays the fees"
        yield _remark(RemarkKind.UPSTREAM_REFUSES, ("initial_state",), message)


def _on_account_data(data: Any, path: Path) -> Iterator[Remark]:
    if isinstance(data, str):
        yield _remark(RemarkKind.UPSTREAM_REFUSES, path, "is an old form: JSON text instead of a map")
    elif isinstance(data, dict):
        missing = [key for key in ("mint", "owner", "amount") if key not in data]
        if missing:
            yield _remark(RemarkKind.UPSTREAM_REFUSES, path, f"lacks {', '.join(missing)}")
        if isinstance(data.get("amount"), int):
            yield _remark(RemarkKind.UPSTREAM_REFUSES, (*path, "amount"), "is a number instead of a text")
        yield from _unknown_keys(data, _DATA_KEYS, path)


def _on_flow(steps: list[tuple[int, dict[str, Any]]]) -> Iterator[Remark]:
    for index, step in steps:
        yield from _unknown_keys(step, _STEP_KEYS, ("flow", index))
    if [step.get("step") for _, step in steps] != list(range(1, len(steps) + 1)):
        yield _remark(RemarkKind.SUSPECT, ("flow",), "steps are not numbered 1, 2, 3 in order")


def _on_ground_truth(truth: dict[str, Any]) -> Iterator[Remark]:
    path: Path = ("ground_truth",)
    yield from _unknown_keys(truth, _TRUTH_KEYS, path)
    if "final_state_assertions" not in truth:
        yield _remark(RemarkKind.UPSTREAM_REFUSES, (*path, "final_state_assertions"), "is missing")
    assertions = _maps(truth.get("final_state_assertions"))
    for index, assertion in assertions:
        yield from _on_assertion(assertion, (*path, "final_state_assertions", index))
    yield from _on_shared_placeholders([item for _, item in assertions], path)
    for index, instruction in _maps(truth.get("expected_instructions")):
        yield from _on_instruction(instruction, (*path, "expected_instructions", index))


def _on_assertion(assertion: dict[str, Any], path: Path) -> Iterator[Remark]:
    kind = str(assertion.get("type"))
    required = _STRICTLY_REQUIRED.get(kind)
    if kind not in _STRICT_TYPES:
        yield _remark(RemarkKind.UPSTREAM_REFUSES, path, f"upstream has no assertion {shown(kind)}")
    elif required is not None and required not in assertion:
        yield _remark(RemarkKind.UPSTREAM_REFUSES, (*path, required), "is missing")
    derivation = assertion.get("address_derivation")
    if isinstance(derivation, dict) and "owner" not in derivation and "owner_placeholder" in derivation:
        message = "is read as the owner; upstream knows only `owner`"
        place = (*path, "address_derivation", "owner_placeholder")
        yield _remark(RemarkKind.UPSTREAM_REFUSES, place, message)
    reason = why_not_evaluable(assertion)
    if reason is not None:
        yield _remark(RemarkKind.NOT_EVALUATED, path, reason)
    else:
        conditions = {key for key in assertion if key.startswith("expected")}
        yield from _unknown_keys(assertion, _ASSERTION_KEYS | conditions, path)


def _on_shared_placeholders(assertions: list[dict[str, Any]], path: Path) -> Iterator[Remark]:
    mints: dict[str, set[str]] = {}
    for assertion in assertions:
        derivation = assertion.get("address_derivation")
        if isinstance(derivation, dict):
            mints.setdefault(str(assertion.get("pubkey")), set()).add(str(derivation.get("mint")))
    for pubkey, different in mints.items():
        if len(different) > 1:
            message = f"{shown(pubkey)} stands for {len(different)} accounts; upstream observes only the last"
            yield _remark(RemarkKind.SUSPECT, (*path, "final_state_assertions"), message)


def _on_instruction(instruction: dict[str, Any], path: Path) -> Iterator[Remark]:
    for key in ("program_id", "accounts"):
        if key not in instruction:
            yield _remark(RemarkKind.UPSTREAM_REFUSES, (*path, key), "is missing")
    yield from _unknown_keys(instruction, _INSTRUCTION_KEYS, path)
    data = instruction.get("data")
    if isinstance(data, str) and data != DATA_NOT_COMPARED:
        try:
            b58decode(data)
        except ValueError:
            message = "is not base58, so no instruction can ever match it"
            yield _remark(RemarkKind.SUSPECT, (*path, "data"), message)
