"""Accounts in and out of the VM: the ones a benchmark declares, and the form in which observations show them.

The state of token accounts and mints is the 165 and 82 bytes that both token programs share; Token-2022's
extensions follow after byte 165 and are not made here.
"""

from __future__ import annotations

import struct

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState

from runner_bridge.formats.addresses import SYSTEM_PROGRAM, WRAPPED_SOL_MINT
from runner_bridge.local_runner.instructions import TOKEN_PROGRAMS

MINT_SIZE = 82
TOKEN_ACCOUNT_SIZE = 165
_MULTISIG_SIZE = 355
_ACCOUNT_TYPE_TOKEN = 2
_TOKEN_HEAD = struct.Struct("<32s32sQ")

AccountState = dict[str, object]


def wallet(lamports: int) -> Account:
    """An account of the System program."""
    return Account(lamports, b"", Pubkey.from_string(SYSTEM_PROGRAM))


def mint(decimals: int, supply: int, lamports: int, program: str) -> Account:
    """A mint that nobody can mint from or freeze: transfers do not ask for more."""
    state = Mint(None, supply, decimals, is_initialized=True, freeze_authority=None)
    return Account(lamports, bytes(state), Pubkey.from_string(program))


def token_account(
    mint_address: str, owner: str, amount: int, *, lamports: int, rent: int, program: str
) -> Account:
    """A token account with `amount` base units; wrapped SOL holds them as lamports beside its rent."""
    native = mint_address == WRAPPED_SOL_MINT
    state = TokenAccount(
        Pubkey.from_string(mint_address),
        Pubkey.from_string(owner),
        amount,
        None,
        TokenAccountState.Initialized,
        rent if native else None,
        0,
    )
    held = max(lamports, rent) + (amount if native else 0)
    return Account(held, bytes(state), Pubkey.from_string(program))


def account_state(account: Account | None, *, initial: bool) -> AccountState:
    """One entry of an observation's `account_states`; upstream writes the first amounts as text."""
    if account is None:
        return {
            "lamports": 0,
            "owner": SYSTEM_PROGRAM,
            "executable": False,
            "data_len": 0,
            "exists": False,
        }
    owner, data = str(account.owner), account.data
    state: AccountState = {
        "lamports": account.lamports,
        "owner": owner,
        "executable": account.executable,
        "data_len": len(data),
    }
    if owner in TOKEN_PROGRAMS and _is_token_account(data):
        mint_key, holder, amount = _TOKEN_HEAD.unpack_from(data)
        state["mint"] = str(Pubkey.from_bytes(mint_key))
        state["token_account_owner"] = str(Pubkey.from_bytes(holder))
        state["amount"] = str(amount) if initial else amount
    return state


def _is_token_account(data: bytes) -> bool:
    if len(data) == TOKEN_ACCOUNT_SIZE:
        return True
    extended = len(data) > TOKEN_ACCOUNT_SIZE and len(data) != _MULTISIG_SIZE
    return extended and data[TOKEN_ACCOUNT_SIZE] == _ACCOUNT_TYPE_TOKEN
