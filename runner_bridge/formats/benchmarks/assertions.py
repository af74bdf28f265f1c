"""The assertions of a benchmark, evaluated one by one on what was observed after the last step.

Upstream never evaluates them. Each is PASSED, FAILED or NOT_EVALUABLE with a reason; an account that was not
observed, or a condition of an unknown kind, is never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runner_bridge.formats.addresses import TOKEN_PROGRAM, associated_token_address
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats.benchmarks.ground_truth import AddressDerivation, Assertion
from runner_bridge.formats.models import JsonValue, as_json
from runner_bridge.formats.session_file import Observation, SessionStep


class Outcome(StrEnum):
    """What became of an assertion."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_EVALUABLE = "NOT_EVALUABLE"


@dataclass(frozen=True, slots=True)
class AssertionOutcome:
    """One assertion: the conditions as written, the number observed, and the reason when it is not PASSED."""

    index: int
    type: str
    description: str
    outcome: Outcome
    expected: JsonValue
    actual: JsonValue
    weight: float
    reason: str | None

    def to_json(self) -> dict[str, JsonValue]:
        return {**as_json(self), "outcome": self.outcome.value}


class _NotEvaluable(Exception):
    """What the assertion asks for is not known; the text says what is missing."""


_CONDITIONS: dict[str, tuple[str, Callable[[int, Any], bool]]] = {
    "expected": ("==", lambda actual, wanted: actual == wanted),
    "expected_gte": (">=", lambda actual, wanted: actual >= wanted),
    "expected_lte": ("<=", lambda actual, wanted: actual <= wanted),
    "expected_change_gte": (">=", lambda actual, wanted: actual >= wanted),
    "expected_change_lte": ("<=", lambda actual, wanted: actual <= wanted),
    "expected_change_not_zero": ("changes:", lambda actual, wanted: (actual != 0) == wanted),
}


def evaluate_assertions(benchmark: Benchmark, steps: Sequence[SessionStep]) -> tuple[AssertionOutcome, ...]:
    """The outcome of every assertion, in the order of the file."""
    final = steps[-1].observation if steps else None
    assertions = benchmark.ground_truth.final_state_assertions
    return tuple(_evaluate(index, item, benchmark, final) for index, item in enumerate(assertions))


def _evaluate(
    index: int, assertion: Assertion, benchmark: Benchmark, final: Observation | None
) -> AssertionOutcome:
    actual: int | None = None
    try:
        actual = _measure(assertion, benchmark, final)
        reason = _first_violation(assertion, actual)
        outcome = Outcome.PASSED if reason is None else Outcome.FAILED
    except _NotEvaluable as error:
        outcome, reason = Outcome.NOT_EVALUABLE, str(error)
    return AssertionOutcome(
        index=index,
        type=assertion.type,
        description=_describe(assertion),
        outcome=outcome,
        expected=assertion.conditions,
        actual=actual,
        weight=assertion.weight,
        reason=reason,
    )


def _first_violation(assertion: Assertion, actual: int) -> str | None:
    for key, wanted in assertion.conditions.items():
        if wanted is not None and not _CONDITIONS[key][1](actual, wanted):
            return f"{actual} does not meet {key}: {wanted}"
    return None


def _measure(assertion: Assertion, benchmark: Benchmark, final: Observation | None) -> int:
    if assertion.why_not_evaluable is not None:
        raise _NotEvaluable(assertion.why_not_evaluable)
    if final is None:
        raise _NotEvaluable("no step was observed")
    name, state = _account_state(assertion, final)
    match assertion.type:
        case "SolBalance":
            return _lamports(name, state)
        case "SolBalanceChange":
            return _lamports(name, state) - _initial_lamports(name, benchmark)
        case _:
            mint = assertion.mint
            return _token_amount(name, state, None if mint is None else final.key_map.get(mint, mint))


def _account_state(assertion: Assertion, final: Observation) -> tuple[str, dict[str, Any]]:
    """The observed account, under the name it has in the observation."""
    if assertion.address_derivation is not None:
        name = _derived_name(assertion.address_derivation, final)
    else:
        name = _observed_name(assertion.pubkey or "", final)
    state = final.account_states.get(name)
    if state is None:
        raise _NotEvaluable(f"{name} was not observed")
    return name, state


def _derived_name(derivation: AddressDerivation, final: Observation) -> str:
    if derivation.type != "AssociatedTokenAccount":
        raise _NotEvaluable(f"address derivation {derivation.type} is not known")
    parts = (derivation.owner, derivation.mint, derivation.token_program or TOKEN_PROGRAM)
    owner, mint, program = (final.key_map.get(part, part) for part in parts)
    try:
        address = associated_token_address(owner, mint, program)
    except ValueError as error:
        raise _NotEvaluable(f"the address cannot be derived: {error}") from None
    # A placeholder may stand for several accounts in the file; only the address tells which one was observed.
    return _observed_name(address, final)


def _observed_name(pubkey: str, final: Observation) -> str:
    """The name under which an account was observed, which may be a placeholder for this address."""
    if pubkey in final.account_states:
        return pubkey
    names = [name for name, mapped in final.key_map.items() if mapped == pubkey]
    return next((name for name in names if name in final.account_states), pubkey)


def _lamports(name: str, state: dict[str, Any]) -> int:
    lamports = state.get("lamports")
    if type(lamports) is not int:
        raise _NotEvaluable(f"the lamports of {name} were not observed")
    return lamports


def _initial_lamports(name: str, benchmark: Benchmark) -> int:
    known = {account.lamports for account in benchmark.initial_state if account.pubkey == name}
    known.discard(None)
    if len(known) != 1:
        raise _NotEvaluable(f"the initial lamports of {name} are not known")
    return next(lamports for lamports in known if lamports is not None)


def _token_amount(name: str, state: dict[str, Any], mint: str | None) -> int:
    amount = state.get("amount")
    if amount is None:
        if state.get("exists") is False or state.get("lamports") == 0:
            return 0
        raise _NotEvaluable(f"{name} is not a token account")
    if mint is not None and state.get("mint", mint) != mint:
        raise _NotEvaluable(f"{name} holds another mint, {state['mint']}")
    if type(amount) is int:
        return amount
    # A number in observations after a step, a text in the first one.
    if isinstance(amount, str) and amount.isascii() and amount.isdigit() and len(amount) <= 20:
        return int(amount)
    raise _NotEvaluable(f"the amount of {name} is not a number")


def _describe(assertion: Assertion) -> str:
    derivation = assertion.address_derivation
    subject = assertion.pubkey or assertion.raw.get("pubkey") or "?"
    if derivation is not None:
        subject = f"the token account of {derivation.owner} for {derivation.mint}"
    conditions = [
        f"{_CONDITIONS[key][0] if key in _CONDITIONS else key} {wanted}"
        for key, wanted in assertion.conditions.items()
    ]
    return f"{assertion.type} of {subject} {' and '.join(conditions)}".rstrip()
