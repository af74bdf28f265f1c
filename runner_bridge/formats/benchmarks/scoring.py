"""The score of an execution, computed from its steps and its benchmark's ground truth.

One function for the server and the local runner, by upstream's rule: 0.75 for the instructions, compared by
position, and 0.25 for the transaction's success on chain. Where no transaction is expected, the same shares are
for sending nothing and for changing nothing on chain. SCORING_VERSION changes whenever a result could.
Assertions are evaluated elsewhere and do not count here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from runner_bridge.formats.addresses import b58decode, is_address
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats.benchmarks.ground_truth import (
    DATA_NOT_COMPARED,
    ExpectedAccount,
    ExpectedInstruction,
    GroundTruth,
)
from runner_bridge.formats.models import JsonValue, as_json
from runner_bridge.formats.session_file import AccountMeta, Instruction, Observation, SessionStep

SCORING_VERSION = 2

INSTRUCTION_SHARE = 0.75
ONCHAIN_SHARE = 0.25
UNRESOLVED = "there is no address for"
# The lowest scores that upstream calls a success: of a single step, and of a flow.
SINGLE_STEP_PASS = 0.75
NOT_COMPUTABLE = "not_computable"
"""The key of the reason, where there is no score."""

FLOW_PASS = 0.6
# A loss of more points than this is worth an issue, a smaller one only a detail.
_NOTABLE_LOSS = 20.0


@dataclass(frozen=True, slots=True)
class PartScore:
    """One comparison: a program id, the data, or an account of an instruction, and what it is worth."""

    what: str
    index: int | None
    weight: float
    matched: bool
    expected: JsonValue
    actual: JsonValue
    why: str | None


@dataclass(frozen=True, slots=True)
class InstructionScore:
    """The comparison of one expected instruction with the generated one at its position."""

    index: int
    possible: float
    achieved: float
    parts: tuple[PartScore, ...]


@dataclass(frozen=True, slots=True)
class Scoring:
    """The score and all that it is made of. `passed` is upstream's verdict on this score."""

    version: int
    score: float
    instruction_score: float
    onchain_score: float
    possible: float
    achieved: float
    passed: bool
    instructions_skipped: bool
    issues: tuple[str, ...]
    details: tuple[str, ...]
    instructions: tuple[InstructionScore, ...]
    why_not_computable: str | None = None
    """Why the score means nothing: a comparison that only an unknown address could decide."""

    def members(self) -> dict[str, Any]:
        """All of it by name; only the reason when nothing could be computed."""
        if self.why_not_computable is not None:
            return {"version": self.version, NOT_COMPUTABLE: self.why_not_computable}
        return {name: getattr(self, name) for name in _MEMBERS}

    def to_json(self) -> dict[str, JsonValue]:
        """The same as it comes back from JSON."""
        return {name: as_json(value) for name, value in self.members().items()}


_MEMBERS = tuple(field.name for field in fields(Scoring) if field.name != "why_not_computable")


def score_steps(benchmark: Benchmark, steps: Sequence[SessionStep]) -> Scoring:
    """The score of `steps`: their actions one after another, and what was observed after the last."""
    final = steps[-1].observation if steps else None
    truth = benchmark.ground_truth
    compared: tuple[InstructionScore, ...] = ()
    compares = not truth.skip_instruction_validation and not truth.expects_no_transaction
    if compares:
        actions = [instruction for step in steps for instruction in step.action]
        key_map = final.key_map if final is not None else {}
        compared = tuple(_compare_all(truth.expected_instructions, actions, key_map))
    instructions, onchain = _shares(truth, steps, compared)
    score = min(1.0, max(0.0, INSTRUCTION_SHARE * instructions + ONCHAIN_SHARE * onchain))
    if truth.expects_no_transaction and steps:
        issues, details = _explain_declining(instructions, onchain)
    else:
        issues, details = _explain(instructions, onchain, final)
    if compares and not _possible(compared):
        details.append("The benchmark expects no particular instructions: they count as matched")
    return Scoring(
        version=SCORING_VERSION,
        score=score,
        instruction_score=instructions,
        onchain_score=onchain,
        possible=_possible(compared),
        achieved=_achieved(compared),
        passed=score >= (FLOW_PASS if benchmark.is_flow else SINGLE_STEP_PASS),
        instructions_skipped=truth.skip_instruction_validation,
        issues=tuple(issues),
        details=tuple(details),
        instructions=compared,
        why_not_computable=next(
            (part.why for item in compared for part in item.parts if _is_open(part)), None
        ),
    )


def _is_open(part: PartScore) -> bool:
    return part.why is not None and part.why.startswith(UNRESOLVED)


def _shares(
    truth: GroundTruth, steps: Sequence[SessionStep], compared: Sequence[InstructionScore]
) -> tuple[float, float]:
    """The score of the instructions and that of what happened on chain, each from 0 to 1."""
    if not steps:
        return 0.0, 0.0
    if truth.expects_no_transaction:
        sent = any(step.action for step in steps)
        changed = any(step.observation.succeeded for step in steps)
        return float(not sent), float(not changed)
    succeeded = float(steps[-1].observation.succeeded)
    return succeeded if truth.skip_instruction_validation else _instruction_score(compared), succeeded


def _possible(compared: Sequence[InstructionScore]) -> float:
    return sum((item.possible for item in compared), 0.0)


def _achieved(compared: Sequence[InstructionScore]) -> float:
    return sum((item.achieved for item in compared), 0.0)


def _instruction_score(compared: Sequence[InstructionScore]) -> float:
    possible = _possible(compared)
    return _achieved(compared) / possible if possible > 0 else 1.0


def _explain(instructions: float, onchain: float, final: Observation | None) -> tuple[list[str], list[str]]:
    issues, details = [], []
    lost = (1.0 - instructions) * 100
    if final is None:
        issues.append("There are no steps to score")
    elif lost > _NOTABLE_LOSS:
        issues.append(f"Instruction matching lost {lost:.1f} points")
        details.append("Program ID, accounts, or instruction data mismatches")
    elif lost > 0:
        details.append("Minor instruction format differences")
    if final is not None and onchain < 1.0:
        issues.append("Transaction failed on-chain execution")
        if final.last_transaction_error is not None:
            details.append(f"On-chain error: {final.last_transaction_error}")
    return issues, details


def _explain_declining(instructions: float, onchain: float) -> tuple[list[str], list[str]]:
    if instructions == 1.0:
        return [], ["The benchmark expects no transaction, and none was sent"]
    issues = ["Instructions were sent although the benchmark expects no transaction"]
    return issues, ["The chain refused them, so nothing changed"] if onchain == 1.0 else []


def _compare_all(
    expected: Sequence[ExpectedInstruction], actions: Sequence[Instruction], key_map: dict[str, str]
) -> Iterator[InstructionScore]:
    for index, wanted in enumerate(expected):
        got = actions[index] if index < len(actions) else None
        parts = tuple(_compare(wanted, got, key_map))
        yield InstructionScore(
            index=index,
            possible=sum((part.weight for part in parts), 0.0),
            achieved=sum((part.weight for part in parts if part.matched), 0.0),
            parts=parts,
        )


def _compare(
    wanted: ExpectedInstruction, got: Instruction | None, key_map: dict[str, str]
) -> Iterator[PartScore]:
    if wanted.program_id is not None:
        program_id = key_map.get(wanted.program_id, wanted.program_id)
        actual = got.program_id if got is not None else None
        matched = program_id == actual
        # Decoding an address takes longer than all the rest.
        other = None if matched or got is None else _unresolved(program_id)
        why = _why(got, matched, other or "another program")
        yield PartScore("program_id", None, wanted.program_id_weight, why is None, program_id, actual, why)
    if wanted.data is not None and wanted.data_weight is not None and wanted.data != DATA_NOT_COMPARED:
        actual = got.data if got is not None else None
        why = _why(got, _same_data(wanted.data, actual), "other data")
        yield PartScore("data", None, wanted.data_weight, why is None, wanted.data, actual, why)
    for position, account in enumerate(wanted.accounts):
        yield _compare_account(position, account, got, key_map)


def _why(got: Instruction | None, matched: bool, otherwise: str) -> str | None:
    if got is None:
        return "no instruction at this position"
    return None if matched else otherwise


def _unresolved(name: str) -> str | None:
    """Why `name` cannot be compared when it is a placeholder; None when it is an address."""
    return None if is_address(name) else f"{UNRESOLVED} {name}: the result's key_map does not have it"


def _same_data(expected: str, actual: str | None) -> bool:
    try:
        return actual is not None and b58decode(expected) == b58decode(actual)
    except ValueError:
        return False


def _compare_account(
    position: int, wanted: ExpectedAccount, got: Instruction | None, key_map: dict[str, str]
) -> PartScore:
    pubkey = key_map.get(wanted.pubkey, wanted.pubkey)
    expected = {"pubkey": pubkey, "is_signer": wanted.is_signer, "is_writable": wanted.is_writable}
    if got is None or position >= len(got.accounts):
        why = _why(got, False, "no account at this position")
        return PartScore("account", position, wanted.weight, False, expected, None, why)
    actual = _account_json(got.accounts[position])
    different = [key for key in expected if expected[key] != actual[key]]
    why = f"{' and '.join(different)} differ" if different else None
    if different == ["pubkey"]:
        why = _unresolved(pubkey) or why
    return PartScore("account", position, wanted.weight, not different, expected, actual, why)


def _account_json(account: AccountMeta) -> dict[str, JsonValue]:
    return {
        "pubkey": account.pubkey,
        "is_signer": account.is_signer,
        "is_writable": account.is_writable,
    }
