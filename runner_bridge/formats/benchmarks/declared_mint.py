"""A mint that a benchmark declares in its initial state: the key `mint_data` of an account.

Upstream ignores the key today, early upstream files have it with `decimals`; `transfer_fee` is ours.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationError

from runner_bridge.formats.benchmarks.benchmark import InitialAccount
from runner_bridge.formats.models import Lamports, Model


class TransferFee(Model):
    """What Token-2022 keeps back of each transfer: hundredths of a percent, at most `maximum` base units."""

    basis_points: Annotated[int, Field(ge=0, le=10_000)]
    maximum: Lamports


class DeclaredMint(Model):
    """A mint to set up, without a freeze authority."""

    decimals: Annotated[int, Field(ge=0, le=255)]
    transfer_fee: TransferFee | None = None


def declared_mint(account: InitialAccount) -> DeclaredMint | None:
    """The mint that `account` declares; None when it declares none, or none that can be made."""
    declared = (account.model_extra or {}).get("mint_data")
    if declared is None:
        return None
    try:
        return DeclaredMint.model_validate(declared)
    except ValidationError:
        return None
