"""The ground truth of a benchmark: assertions on the final state and the instructions that are expected.

An assertion of an unknown type, or one with a condition that nothing can check, is kept whole in `raw` and
says why it is not evaluable.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import ConfigDict, model_validator

from runner_bridge.formats.models import JsonValue, Lamports, Model, SignedLamports, Tuple, Weight

DATA_NOT_COMPARED = "..."

ASSERTION_CONDITIONS = {
    "SolBalance": frozenset({"expected", "expected_gte", "expected_lte"}),
    "SolBalanceChange": frozenset({"expected_change_gte", "expected_change_lte", "expected_change_not_zero"}),
    "TokenAccountBalance": frozenset({"expected", "expected_gte", "expected_lte"}),
}
"""The conditions that the evaluation understands, by type; anything else is kept, not evaluated."""


class AddressDerivation(Model):
    """The account is not `pubkey` but the associated token account of `owner` for `mint`."""

    type: str
    owner: str
    mint: str
    token_program: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _owner_by_its_other_name(cls, raw: Any) -> Any:
        """Some files name the owner as `owner_placeholder`, which is remarked on."""
        if isinstance(raw, dict) and "owner" not in raw and "owner_placeholder" in raw:
            return {**raw, "owner": raw["owner_placeholder"]}
        return raw


class Assertion(Model):
    """A condition on the final state. Of an unknown type only `type`, `weight` and `raw` are filled."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    type: str
    weight: Weight = 1.0
    pubkey: str | None = None
    mint: str | None = None
    address_derivation: AddressDerivation | None = None
    expected: Lamports | None = None
    expected_gte: Lamports | None = None
    expected_lte: Lamports | None = None
    expected_change_gte: SignedLamports | None = None
    expected_change_lte: SignedLamports | None = None
    expected_change_not_zero: bool | None = None
    raw: Any
    why_not_evaluable: str | None = None

    @property
    def evaluable(self) -> bool:
        return self.why_not_evaluable is None

    @cached_property
    def conditions(self) -> dict[str, JsonValue]:
        """The conditions as written, by their key."""
        return {key: value for key, value in self.raw.items() if key.startswith("expected")}

    @model_validator(mode="before")
    @classmethod
    def _keep_raw(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        known = is_known(raw)
        fields = {key: value for key, value in raw.items() if known or key in ("type", "weight")}
        return {**fields, "raw": raw, "why_not_evaluable": why_not_evaluable(raw)}


def is_known(raw: dict[str, Any]) -> bool:
    """Whether an assertion, as written, is of a type that can be evaluated."""
    return isinstance(raw.get("type"), str) and raw["type"] in ASSERTION_CONDITIONS


def why_not_evaluable(raw: dict[str, Any]) -> str | None:
    """Why an assertion, as written, cannot be evaluated; None when it can."""
    if not is_known(raw):
        return "this type of assertion is not known"
    if raw.get("pubkey") is None and raw.get("address_derivation") is None:
        return "it names no account"
    conditions = {key for key, value in raw.items() if key.startswith("expected") and value is not None}
    foreign = sorted(conditions - ASSERTION_CONDITIONS[raw["type"]])
    if foreign:
        return f"{foreign[0]} is not a condition that {raw['type']} can be checked for"
    return None if conditions else "it states no condition"


class ExpectedAccount(Model):
    """An account of an expected instruction, compared by position."""

    pubkey: str
    is_signer: bool
    is_writable: bool
    weight: Weight = 1.0


class ExpectedInstruction(Model):
    """An instruction the agent should generate, compared by position; `data` is base58 or `...`."""

    program_id: str | None = None
    program_id_weight: Weight = 1.0
    accounts: Tuple[ExpectedAccount] = ()
    data: str | None = None
    data_weight: Weight | None = None


class GroundTruth(Model):
    """What the result is measured against. Keys that nothing evaluates are in `extras`."""

    final_state_assertions: Tuple[Assertion] = ()
    expected_instructions: Tuple[ExpectedInstruction] = ()
    skip_instruction_validation: bool = False
    expects_no_transaction: bool = False
    """The right answer is to send nothing, for example because the request cannot be met. Ours, not upstream's."""
    transaction_status: str | None = None
    min_score: Weight | None = None

    @property
    def extras(self) -> dict[str, JsonValue]:
        return dict(self.model_extra or {})
