"""Builds the accounts that a benchmark declares, and reads accounts in the form in which observations show
them.

Every account has the bytes that the chain's programs would write. Both token programs use 165 bytes for a token
account and 82 for a mint; extensions of Token-2022 follow after byte 165. One extension is used here: an
associated account of Token-2022 has ImmutableOwner, as the program that creates it requests it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState

from runner_bridge.formats.addresses import NATIVE_MINTS, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM
from runner_bridge.local_runner.instructions import TOKEN_PROGRAMS

MINT_SIZE = 82
TOKEN_ACCOUNT_SIZE = 165
_MULTISIG_SIZE = 355
_ACCOUNT_TYPE_TOKEN = 2
_IMMUTABLE_OWNER = 7
_TOKEN_HEAD = struct.Struct("<32s32sQ")
_EXTENSION_HEAD = struct.Struct("<HH")
AccountState = dict[str, object]


def wallet(lamports: int) -> Account:
    """An account of the System program."""
    return _account(lamports, b"", SYSTEM_PROGRAM)


def mint(decimals: int, supply: int, lamports: int, program: str, authority: str) -> Account:
    """A mint that only `authority` can mint from, without a freeze authority."""
    state = Mint(Pubkey.from_string(authority), supply, decimals, is_initialized=True, freeze_authority=None)
    return _account(lamports, bytes(state), program)


def native_mint(decimals: int, lamports: int, program: str) -> Account:
    """The mint of wrapped SOL, which has no authority and counts no supply."""
    state = Mint(None, 0, decimals, is_initialized=True, freeze_authority=None)
    return _account(lamports, bytes(state), program)


def is_native(mint_address: str, program: str) -> bool:
    """Whether amounts of this mint are lamports to that token program."""
    return NATIVE_MINTS.get(program) == mint_address


@dataclass(frozen=True, slots=True)
class Holding:
    """What a token account holds: `amount` base units of `mint`, for `owner`."""

    mint: str
    owner: str
    amount: int
    program: str
    is_associated: bool

    @property
    def extensions(self) -> bytes:
        """What follows the state: of an associated account of Token-2022, that its owner never changes."""
        if not self.is_associated or self.program != TOKEN_2022_PROGRAM:
            return b""
        return bytes([_ACCOUNT_TYPE_TOKEN]) + _EXTENSION_HEAD.pack(_IMMUTABLE_OWNER, 0)

    @property
    def size(self) -> int:
        """Of the account, in bytes."""
        return TOKEN_ACCOUNT_SIZE + len(self.extensions)

    def account(self, lamports: int, rent: int) -> Account:
        """With at least `lamports`, and what must be in it: its rent, and in wrapped SOL the amount beside."""
        native = is_native(self.mint, self.program)
        state = TokenAccount(
            Pubkey.from_string(self.mint),
            Pubkey.from_string(self.owner),
            self.amount,
            None,
            TokenAccountState.Initialized,
            rent if native else None,
            0,
        )
        held = max(lamports, rent + (self.amount if native else 0))
        return _account(held, bytes(state) + self.extensions, self.program)


def _account(lamports: int, data: bytes, owner: str) -> Account:
    return Account(lamports, data, Pubkey.from_string(owner))


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
