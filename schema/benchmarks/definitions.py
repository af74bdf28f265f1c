"""The parts of a benchmark's definition as types. What has no type here stays JSON; nothing is left out."""

from typing import Self

import strawberry
from strawberry.scalars import JSON

from runner_bridge.formats.benchmarks import benchmark as formats

LARGEST_INT = 2**31 - 1


@strawberry.type(description="A token account's content.")
class TokenAccountData:
    mint: str | None = strawberry.field(description="The token's mint: a placeholder or an address.")
    owner: str | None = strawberry.field(description="Whose tokens: a placeholder or an address.")
    amount: str | None = strawberry.field(description="In base units, decimal digits.")

    @classmethod
    def of(cls, data: formats.AccountData) -> Self:
        return cls(mint=data.mint, owner=data.owner, amount=data.amount)


@strawberry.type(description="An account before the agent acts.")
class InitialAccount:
    pubkey: str = strawberry.field(description="A placeholder such as USER_WALLET_PUBKEY, or an address.")
    owner: str = strawberry.field(description="The program that owns it.")
    lamports: str | None = strawberry.field(
        description="Decimal digits, because they go beyond what an Int holds; null when the file has none."
    )
    data: TokenAccountData | None = strawberry.field(description="Its content when it is a token account.")
    extras: JSON = strawberry.field(description="Keys that nothing here knows.")

    @classmethod
    def of(cls, account: formats.InitialAccount) -> Self:
        return cls(
            pubkey=account.pubkey,
            owner=account.owner,
            lamports=None if account.lamports is None else str(account.lamports),
            data=None if account.data is None else TokenAccountData.of(account.data),
            extras=JSON(account.model_extra or {}),
        )


@strawberry.type(description="One step of a benchmark that prompts the agent several times.")
class FlowStep:
    step: int | None = strawberry.field(description="Its number; null when it is beyond what an Int holds.")
    description: str = strawberry.field(description="What it is about.")
    prompt: str = strawberry.field(description="What the agent is asked in it.")
    critical: bool = strawberry.field(description="Whether the flow fails with it.")
    timeout_ms: float | None = strawberry.field(description="Its time limit; null without one.")
    depends_on: list[str] = strawberry.field(description="The steps that must come before.")
    extras: JSON = strawberry.field(description="Keys that nothing here knows.")

    @classmethod
    def of(cls, step: formats.FlowStep) -> Self:
        return cls(
            step=step.step if step.step <= LARGEST_INT else None,
            description=step.description,
            prompt=step.prompt,
            critical=step.critical,
            timeout_ms=None if step.timeout is None else step.timeout * 1000.0,
            depends_on=list(step.depends_on),
            extras=JSON(step.model_extra or {}),
        )


@strawberry.type(description="A condition on the final state.")
class Assertion:
    type: str = strawberry.field(description="Its type, such as SolBalance.")
    weight: float = strawberry.field(description="Its weight; it does not enter the score.")
    pubkey: str | None = strawberry.field(
        description="The account it is about; null when it names none, or its type is not known."
    )
    evaluable: bool = strawberry.field(description="Whether it can be checked here.")
    why_not_evaluable: str | None = strawberry.field(description="Why it cannot; null when it can.")
    conditions: JSON = strawberry.field(description="What it demands: its `expected…` keys as written.")
    definition: JSON = strawberry.field(description="The whole assertion as written.")

    @classmethod
    def of(cls, assertion: formats.Assertion) -> Self:
        return cls(
            type=assertion.type,
            weight=assertion.weight,
            pubkey=assertion.pubkey,
            evaluable=assertion.evaluable,
            why_not_evaluable=assertion.why_not_evaluable,
            conditions=JSON(assertion.conditions),
            definition=JSON(assertion.raw),
        )


@strawberry.type(description="An account of an expected instruction, compared by position.")
class ExpectedAccount:
    pubkey: str = strawberry.field(description="A placeholder or an address.")
    is_signer: bool = strawberry.field(description="Whether it must sign.")
    is_writable: bool = strawberry.field(description="Whether it may be changed.")
    weight: float = strawberry.field(description="What matching it is worth.")
    extras: JSON = strawberry.field(description="Keys that nothing here knows.")


@strawberry.type(description="An instruction the agent should send, compared by position.")
class ExpectedInstruction:
    program_id: str | None = strawberry.field(description="The program; null when it is not compared.")
    program_id_weight: float = strawberry.field(description="What matching the program is worth.")
    accounts: list[ExpectedAccount] = strawberry.field(description="Its accounts, in order.")
    data: str | None = strawberry.field(description="Base58, or `...` for data that is not compared.")
    data_weight: float | None = strawberry.field(
        description="What matching the data is worth; null when it is not compared."
    )
    extras: JSON = strawberry.field(description="Keys that nothing here knows.")

    @classmethod
    def of(cls, instruction: formats.ExpectedInstruction) -> Self:
        return cls(
            program_id=instruction.program_id,
            program_id_weight=instruction.program_id_weight,
            accounts=[
                ExpectedAccount(
                    pubkey=account.pubkey,
                    is_signer=account.is_signer,
                    is_writable=account.is_writable,
                    weight=account.weight,
                    extras=JSON(account.model_extra or {}),
                )
                for account in instruction.accounts
            ],
            data=instruction.data,
            data_weight=instruction.data_weight,
            extras=JSON(instruction.model_extra or {}),
        )


@strawberry.type(description="What a result is measured against.")
class GroundTruth:
    final_state_assertions: list[Assertion] = strawberry.field(description="What must be true afterwards.")
    expected_instructions: list[ExpectedInstruction] = strawberry.field(
        description="What the agent should send; empty when anything counts."
    )
    skip_instruction_validation: bool = strawberry.field(
        description="Whether only the success on chain counts for the score."
    )
    transaction_status: str | None = strawberry.field(description="The status that is expected, as written.")
    min_score: float | None = strawberry.field(description="The score that is demanded, as written.")
    extras: JSON = strawberry.field(description="Keys that nothing evaluates.")

    @classmethod
    def of(cls, truth: formats.GroundTruth) -> Self:
        return cls(
            final_state_assertions=[Assertion.of(item) for item in truth.final_state_assertions],
            expected_instructions=[ExpectedInstruction.of(item) for item in truth.expected_instructions],
            skip_instruction_validation=truth.skip_instruction_validation,
            transaction_status=truth.transaction_status,
            min_score=truth.min_score,
            extras=JSON(truth.extras),
        )
