"""Accounts as a model sees them: by name, with amounts in base units and in whole tokens."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from solders.account import Account

from runner_bridge.formats.addresses import SYSTEM_PROGRAM, b58decode, is_address, is_on_curve
from runner_bridge.local_runner.accounts import (
    MINT_SIZE,
    TOKEN_ACCOUNT_SIZE,
    AccountState,
    account_state,
)
from runner_bridge.local_runner.agents.protocol import AgentRequest
from runner_bridge.local_runner.instructions import TOKEN_PROGRAMS

SOL_DECIMALS = 9
_ACCOUNT_TYPE_MINT = 1
_DECIMALS_OFFSET = 44


@dataclass(frozen=True, slots=True)
class MintView:
    """A mint: its token program and its decimals."""

    program: str
    decimals: int


class AccountViews:
    """Reads the chain in the names of one request's benchmark."""

    def __init__(self, request: AgentRequest) -> None:
        self._chain = request.chain
        self.key_map = request.key_map
        declared = [account.pubkey for account in request.benchmark.initial_state]
        owners = {account.owner for account in request.benchmark.initial_state}
        derived = [name for name in request.key_map if name not in owners and name not in declared]
        self.names = (*declared, *derived)
        """In the order of `initial_state`, derived accounts last."""
        self._name_of = {request.key_map[name]: name for name in reversed(self.names)}

    def address(self, name: str) -> str | None:
        """The address of a name, or of an address itself; None for anything else."""
        return self.key_map.get(name) or (name if is_address(name) else None)

    def name(self, address: str) -> str:
        """The name of an address, or itself when it has none."""
        return self._name_of.get(address, address)

    def state(self, address: str) -> AccountState | None:
        """The account in the form of observations; None when it does not exist."""
        account = self._chain.account(address)
        return None if account is None else account_state(account, initial=False)

    def mint(self, address: str) -> MintView | None:
        """The mint at `address`; None when there is none."""
        account = self._chain.account(address)
        if account is None or not _is_mint(account):
            return None
        return MintView(str(account.owner), account.data[_DECIMALS_OFFSET])

    def is_wallet(self, address: str) -> bool:
        """Whether it belongs to the System program, or does not exist and could have a private key."""
        state = self.state(address)
        if state is None:
            return is_on_curve(b58decode(address))
        return state["owner"] == SYSTEM_PROGRAM

    def shown(self, address: str, *, with_address: bool = False) -> dict[str, object]:
        """What tools and prompt say about the account. Amounts are texts: models round large numbers."""
        shown: dict[str, object] = {"name": self.name(address)}
        if with_address:
            shown["address"] = address
        state = self.state(address)
        if state is None:
            kind = "wallet" if is_on_curve(b58decode(address)) else "token account"
            return {**shown, "exists": False, "kind": kind}
        lamports = int(str(state["lamports"]))
        mint = self.mint(address)
        shown |= {"exists": True, "kind": _kind(state, mint), "lamports": str(lamports)}
        shown["sol"] = ui_amount(lamports, SOL_DECIMALS)
        if state["owner"] != SYSTEM_PROGRAM:
            shown["program"] = state["owner"]
        if mint is not None:
            shown["decimals"] = mint.decimals
        if "mint" in state:
            shown |= self._holding(state)
        return shown

    def _holding(self, state: AccountState) -> dict[str, object]:
        mint_address, amount = str(state["mint"]), int(str(state["amount"]))
        held: dict[str, object] = {
            "owner": self.name(str(state["token_account_owner"])),
            "mint": self.name(mint_address),
            "amount": str(amount),
        }
        if mint := self.mint(mint_address):
            held |= {"decimals": mint.decimals, "ui_amount": ui_amount(amount, mint.decimals)}
        return held


def ui_amount(amount: int, decimals: int) -> str:
    """Base units as a decimal number of whole tokens, e.g. 1500000 with 6 decimals is 1.5."""
    text = f"{Decimal(amount).scaleb(-decimals):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _kind(state: AccountState, mint: MintView | None) -> str:
    if mint is not None:
        return "mint"
    if "mint" in state:
        return "token account"
    if state["executable"]:
        return "program"
    return "wallet" if state["owner"] == SYSTEM_PROGRAM else "other"


def _is_mint(account: Account) -> bool:
    data = account.data
    if str(account.owner) not in TOKEN_PROGRAMS:
        return False
    extended = len(data) > TOKEN_ACCOUNT_SIZE and data[TOKEN_ACCOUNT_SIZE] == _ACCOUNT_TYPE_MINT
    return len(data) == MINT_SIZE or extended
