"""The tools that a model is offered. One typed definition per tool gives its schema and validates its arguments.

A tool makes one instruction, because scoring compares instructions by position. There are two tool sets, which
differ in how an amount is written: `base-units` (integers, as upstream) and `decimal` (text in SOL or in whole
tokens). Whoever changes what is offered raises TOOL_SET_VERSION in runner_bridge/formats/agents/agent_settings.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

MAX_U64 = 2**64 - 1
MAX_MEMO = 500


def _fits(amount: int) -> int:
    if amount > MAX_U64:
        raise ValueError(f"must not be more than {MAX_U64}")
    return amount


BaseUnits = Annotated[
    int,
    Field(
        ge=1,
        description="In base units: lamports for SOL (1 SOL = 1000000000), the smallest unit for a token.",
    ),
    AfterValidator(_fits),
]
DecimalAmount = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,20}(\.[0-9]{1,18})?$",
        description='A decimal number as text, in SOL or in whole tokens, for example "1.5".',
    ),
]
AmountT = TypeVar("AmountT")


def _account(description: str, *names: str) -> Any:
    return Field(
        validation_alias=AliasChoices(*names) if names else None,
        description=f"{description}: a name or an address.",
        json_schema_extra={"account": True},
    )


def _mint() -> Any:
    # Not one of the benchmark's names where those are listed: well-known mints have none.
    names = AliasChoices("mint", "mint_address")
    return Field(validation_alias=names, description="The token's mint: a name or an address.")


class Arguments(BaseModel):
    """Base of the arguments: no other keys, and no text where a number belongs."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SolTransfer(Arguments, Generic[AmountT]):
    """sol_transfer."""

    source: Annotated[str, _account("The wallet that pays", "from", "user_pubkey")]
    destination: Annotated[str, _account("The wallet that receives", "to", "recipient_pubkey")]
    amount: AmountT


class SplTransfer(Arguments, Generic[AmountT]):
    """spl_transfer; upstream's `user_pubkey` stands for source and authority."""

    source: Annotated[str, _account("The token account that pays", "from_account", "user_pubkey")]
    destination: Annotated[str, _account("The token account that receives", "to_account", "recipient_pubkey")]
    authority: Annotated[str, _account("The wallet that owns from_account", "authority", "user_pubkey")]
    amount: AmountT
    mint: Annotated[str | None, _mint()] = None
    checked: Annotated[
        bool, Field(description="Whether the instruction is TransferChecked, which names mint and decimals.")
    ] = False


class CreateTokenAccount(Arguments):
    """create_token_account."""

    owner: Annotated[str, _account("The wallet that will own it", "owner", "owner_pubkey")]
    mint: Annotated[str, _mint()]
    idempotent: Annotated[bool, Field(description="Whether it may exist already.")] = False


class SyncNative(Arguments):
    """sync_native."""

    account: Annotated[str, _account("The wrapped SOL account")]


class CloseTokenAccount(Arguments):
    """close_token_account."""

    account: Annotated[str, _account("The token account to close")]
    destination: Annotated[str, _account("The wallet that receives its SOL")]
    authority: Annotated[str, _account("The wallet that owns it")]


class GetAccount(Arguments):
    """get_account."""

    account: Annotated[str, _account("The account", "account", "pubkey")]


class NoArguments(Arguments):
    """Tools without arguments."""


class Memo(Arguments):
    """memo."""

    text: Annotated[str, Field(description="The text to write.", max_length=MAX_MEMO)]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as a model is offered it."""

    name: str
    description: str
    arguments: type[Arguments]

    def schema(self, names: Sequence[str] = (), dropped: Sequence[str] = ()) -> dict[str, Any]:
        """The JSON schema of the arguments, in few keywords: endpoints refuse those they do not know.

        With `names` an account can only be one of them; keywords in `dropped` are left out.
        """
        schema = self.arguments.model_json_schema()
        properties = {
            name: _plain(part, names, dropped) for name, part in schema.get("properties", {}).items()
        }
        plain = {"type": "object", "properties": properties, "additionalProperties": False}
        if required := schema.get("required"):
            plain["required"] = required
        return {key: value for key, value in plain.items() if key not in dropped}


def _plain(part: dict[str, Any], names: Sequence[str], dropped: Sequence[str]) -> dict[str, Any]:
    merged = {**part, **(part["anyOf"][0] if "anyOf" in part else {})}
    if merged.pop("account", False) and names:
        merged["enum"] = list(names)
    kept = ("type", "description", "enum", "minimum", "pattern")
    return {key: merged[key] for key in kept if key in merged and key not in dropped}


_TRANSFERS: dict[str, tuple[type[Arguments], type[Arguments]]] = {
    "base-units": (SolTransfer[BaseUnits], SplTransfer[BaseUnits]),
    "decimal": (SolTransfer[DecimalAmount], SplTransfer[DecimalAmount]),
}


def offered_tools(tool_set: str, *, simulate: bool) -> tuple[Tool, ...]:
    """The tools of `tool_set`, with simulate_transaction if wanted."""
    sol_transfer, spl_transfer = _TRANSFERS[tool_set]
    tools = (
        Tool("sol_transfer", "Prepares a transfer of SOL from one wallet to another.", sol_transfer),
        Tool("spl_transfer", "Prepares a transfer of tokens between two token accounts.", spl_transfer),
        Tool(
            "create_token_account",
            "Prepares the creation of a wallet's associated token account; the fee payer pays for it.",
            CreateTokenAccount,
        ),
        Tool(
            "sync_native",
            "Prepares SyncNative: SOL that was transferred into a wrapped SOL account becomes its amount.",
            SyncNative,
        ),
        Tool("close_token_account", "Prepares the closing of a token account.", CloseTokenAccount),
        Tool("get_account", "Reads an account as it is before this step.", GetAccount),
        Tool("list_accounts", "Reads all accounts of the task as they are before this step.", NoArguments),
        Tool("memo", "Prepares a memo: a text in the transaction's log.", Memo),
    )
    if not simulate:
        return tools
    described = "Tries the instructions prepared so far, without changing anything; returns error and logs."
    return (*tools, Tool("simulate_transaction", described, NoArguments))
