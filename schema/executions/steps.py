"""Steps of a result: what the agent sent, and what was observed on chain afterwards."""

from typing import Any, Self

import strawberry
from strawberry.scalars import JSON

from schema.renderings.plain_text import as_dict, as_dicts, text_of
from store import model


@strawberry.type(description="An account that an instruction names.")
class InstructionAccount:
    pubkey: str | None = strawberry.field(description="Its address.")
    is_signer: bool | None = strawberry.field(description="Whether it must sign.")
    is_writable: bool | None = strawberry.field(description="Whether it may be changed.")


@strawberry.type(description="One instruction of a transaction.")
class Instruction:
    program_id: str | None = strawberry.field(description="The program it is for.")
    accounts: list[InstructionAccount] = strawberry.field(description="Its accounts, in order.")
    data: str | None = strawberry.field(description="Its data in base58.")

    @classmethod
    def of(cls, instruction: dict[str, Any]) -> Self:
        return cls(
            program_id=text_of(instruction, "program_id"),
            accounts=[
                InstructionAccount(
                    pubkey=text_of(account, "pubkey"),
                    is_signer=_flag(account, "is_signer"),
                    is_writable=_flag(account, "is_writable"),
                )
                for account in as_dicts(instruction.get("accounts"))
            ],
            data=text_of(instruction, "data"),
        )


@strawberry.type(description="What was seen on chain after a step.")
class Observation:
    status: str | None = strawberry.field(
        description="As the file spells it: Success, Failure (refused), Failed (not delivered)."
    )
    error: str | None = strawberry.field(description="Why the transaction failed.")
    logs: list[str] = strawberry.field(description="The transaction's log lines.")
    account_states: JSON = strawberry.field(description="The accounts by placeholder.")
    key_map: JSON = strawberry.field(description="The address behind each placeholder.")

    @classmethod
    def of(cls, observation: dict[str, Any]) -> Self:
        return cls(
            status=text_of(observation, "last_transaction_status"),
            error=text_of(observation, "last_transaction_error"),
            logs=[str(line) for line in observation.get("last_transaction_logs") or ()],
            account_states=JSON(as_dict(observation.get("account_states"))),
            key_map=JSON(as_dict(observation.get("key_map"))),
        )


Row = strawberry.Parent[model.Step]


@strawberry.type(description="One step of an execution's result.")
class Step:
    ordinal: int = strawberry.field(description="Counted from 1.")
    thought: str | None = strawberry.field(description="What the agent said it was thinking.")
    info: JSON | None = strawberry.field(description="What the runner added, in the file's own shape.")

    @strawberry.field(description="The instructions the agent sent, in order.")
    @staticmethod
    def instructions(row: Row) -> list[Instruction]:
        return [Instruction.of(item) for item in as_dicts(row.action)]

    @strawberry.field(description="What was seen on chain afterwards.")
    @staticmethod
    def observation(row: Row) -> Observation:
        return Observation.of(as_dict(row.observation))

    @strawberry.field(description="The observation in the session file's own shape, no key lost.")
    @staticmethod
    def raw_observation(row: Row) -> JSON | None:
        return None if row.observation is None else JSON(row.observation)

    @strawberry.field(description="The action in the session file's own shape, no key lost.")
    @staticmethod
    def raw_action(row: Row) -> JSON | None:
        return None if row.action is None else JSON(row.action)


def _flag(record: dict[str, Any], key: str) -> bool | None:
    value = record.get(key)
    return value if isinstance(value, bool) else None
