"""Carries out the tool calls of one step: each prepares an instruction or reads accounts.

Nothing is invented: a call that cannot be carried out raises ToolError, whose text goes back to the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from runner_bridge.formats.addresses import (
    NATIVE_MINTS,
    SYSTEM_PROGRAM,
    TOKEN_PROGRAM,
    associated_token_address,
)
from runner_bridge.formats.benchmarks.remarks import FEE_PAYER
from runner_bridge.formats.errors import path_text, shown
from runner_bridge.local_runner import instructions as build
from runner_bridge.local_runner.agents import tool_definitions as args
from runner_bridge.local_runner.agents.account_view import SOL_DECIMALS, AccountViews, MintView
from runner_bridge.local_runner.agents.protocol import AgentRequest

_MAX_PROBLEMS = 5
_NOT_HERE = ("jupiter_", "get_jupiter_", "lend_", "get_lend_", "get_position")
_Result = dict[str, object]


class ToolError(Exception):
    """Why a call was not carried out, in words for the model."""


class Toolbox:
    """The tools of one step; `prepared` are its instructions, in call order."""

    def __init__(self, request: AgentRequest, tools: tuple[args.Tool, ...]) -> None:
        self._chain = request.chain
        self.accounts = AccountViews(request)
        self._tools = {tool.name: tool for tool in tools}
        self.prepared: list[build.Instruction] = []
        # A wrong type of arguments cannot reach a method: `call` validates with the tool's own definition.
        self._methods: dict[str, Callable[[Any], _Result]] = {
            "sol_transfer": self._sol_transfer,
            "spl_transfer": self._spl_transfer,
            "create_token_account": self._create_token_account,
            "sync_native": self._sync_native,
            "close_token_account": self._close_token_account,
            "get_account": self._get_account,
            "list_accounts": self._list_accounts,
            "memo": self._memo,
            "simulate_transaction": self._simulate,
        }

    def call(self, name: str, arguments: Mapping[str, object]) -> _Result:
        """The result of a call. Raises ToolError."""
        tool = self._tools.get(name)
        if tool is None:
            if name.startswith(_NOT_HERE):
                raise ToolError(f"{shown(name)} is not available in the local runner")
            raise ToolError(f"there is no tool {shown(name)}; there are: {', '.join(self._tools)}")
        try:
            return self._methods[name](tool.arguments.model_validate(dict(arguments)))
        except ValidationError as error:
            raise ToolError(_problems(error)) from None

    def _sol_transfer(self, given: args.SolTransfer[int | str]) -> _Result:
        source, destination = self._address(given.source), self._address(given.destination)
        amount = _base_units(given.amount, SOL_DECIMALS, "SOL")
        return self._prepare(
            build.sol_transfer(source, destination, amount),
            {"from": source, "to": destination, "lamports": str(amount)},
        )

    def _spl_transfer(self, given: args.SplTransfer[int | str]) -> _Result:
        mint_address, mint = self._mint_of_transfer(given)
        notes: list[str] = []
        source = self._token_account(given.source, mint_address, mint.program, notes)
        destination = self._token_account(given.destination, mint_address, mint.program, notes)
        authority = self._address(given.authority)
        amount = _base_units(given.amount, mint.decimals, self.accounts.name(mint_address))
        instruction = build.spl_transfer(source, destination, authority, amount, mint.program)
        if given.checked:
            transfer = build.Transfer(source, destination, authority, amount, mint_address)
            instruction = build.spl_transfer_checked(transfer, mint_address, mint.decimals, mint.program)
        places = {"from_account": source, "to_account": destination, "authority": authority}
        return self._prepare(instruction, {**places, "mint": mint_address, "amount": str(amount)}, notes)

    def _mint_of_transfer(self, given: args.SplTransfer[int | str]) -> tuple[str, MintView]:
        """From the argument, else from the token account that pays."""
        state = self.accounts.state(self._address(given.source)) or {}
        held = state.get("mint")
        if given.mint is None and held is None:
            raise ToolError(f"{shown(given.source)} is no token account that exists now: give its mint")
        address = str(held) if given.mint is None else self._address(given.mint)
        if held not in (None, address):
            raise ToolError(
                f"{shown(given.source)} holds {self.accounts.name(str(held))}, not {shown(str(given.mint))}"
            )
        return address, self._mint(address)

    def _create_token_account(self, given: args.CreateTokenAccount) -> _Result:
        owner, mint_address = self._address(given.owner), self._address(given.mint)
        program = self._mint(mint_address).program
        account = associated_token_address(owner, mint_address, program)
        payer = self._address(FEE_PAYER)
        creation = build.AccountCreation(payer, account, owner, mint_address)
        return self._prepare(
            build.create_associated_account(creation, program, idempotent=given.idempotent),
            {"account": account, "owner": owner, "mint": mint_address, "payer": payer},
        )

    def _sync_native(self, given: args.SyncNative) -> _Result:
        notes: list[str] = []
        program = self._program_of(given.account)
        account = self._token_account(given.account, NATIVE_MINTS[program], program, notes)
        return self._prepare(build.sync_native(account, program), {"account": account}, notes)

    def _close_token_account(self, given: args.CloseTokenAccount) -> _Result:
        account, destination = self._address(given.account), self._address(given.destination)
        if self.accounts.is_wallet(account):
            raise ToolError(f"{shown(given.account)} is a wallet, not a token account")
        authority = self._address(given.authority)
        return self._prepare(
            build.close_account(account, destination, authority, self._program_of(given.account)),
            {"account": account, "destination": destination, "authority": authority},
        )

    def _get_account(self, given: args.GetAccount) -> _Result:
        return self.accounts.shown(self._address(given.account), with_address=True)

    def _list_accounts(self, _: args.NoArguments) -> _Result:
        shown_accounts = [self.accounts.shown(self._address(name)) for name in self.accounts.names]
        return {"accounts": shown_accounts}

    def _memo(self, given: args.Memo) -> _Result:
        return {**self._prepare(build.memo(given.text), {}), "text": given.text}

    def _simulate(self, _: args.NoArguments) -> _Result:
        if not self.prepared:
            raise ToolError("no instruction is prepared yet")
        outcome = self._chain.simulate(self.prepared)
        return {"success": outcome.error is None, "error": outcome.error, "logs": list(outcome.logs)}

    def _prepare(
        self, instruction: build.Instruction, said: dict[str, str], notes: list[str] | None = None
    ) -> _Result:
        self.prepared.append(instruction)
        named = {key: self.accounts.name(value) for key, value in said.items()}
        result: _Result = {"status": "prepared", "instruction": len(self.prepared), **named}
        return {**result, "notes": notes} if notes else result

    def _address(self, name: str) -> str:
        address = self.accounts.address(name)
        if address is None:
            names = ", ".join(self.accounts.names)
            raise ToolError(f"no account is named {shown(name)}; there are: {names}")
        return address

    def _mint(self, address: str) -> MintView:
        mint = self.accounts.mint(address)
        if mint is None:
            raise ToolError(f"{self.accounts.name(address)} is no mint")
        return mint

    def _program_of(self, token_account: str) -> str:
        """The token program of an account; SPL Token for one that does not exist."""
        state = self.accounts.state(self._address(token_account))
        owner = SYSTEM_PROGRAM if state is None else str(state["owner"])
        return owner if owner in build.TOKEN_PROGRAMS else TOKEN_PROGRAM

    def _token_account(self, name: str, mint: str, program: str, notes: list[str]) -> str:
        """The address of a token account; of a wallet, that of its associated token account."""
        address = self._address(name)
        if not self.accounts.is_wallet(address):
            return address
        account = associated_token_address(address, mint, program)
        notes.append(
            f"{self.accounts.name(address)} is a wallet: its associated token account "
            f"{self.accounts.name(account)} is used"
        )
        return account


def _base_units(amount: int | str, decimals: int, token: str) -> int:
    if isinstance(amount, int):
        return amount
    whole, _, part = amount.partition(".")
    digits = part.rstrip("0")
    if len(digits) > decimals:
        raise ToolError(f"amount {amount} has more than the {decimals} decimals of {token}")
    units = int(whole + digits.ljust(decimals, "0"))
    if not 1 <= units <= args.MAX_U64:
        raise ToolError(f"amount {amount} is not between 1 and {args.MAX_U64} base units of {token}")
    return units


def _problems(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{path_text(tuple(problem['loc']))}: {problem['msg']}" for problem in problems[:_MAX_PROBLEMS]]
    return "wrong arguments: " + "; ".join(told)
