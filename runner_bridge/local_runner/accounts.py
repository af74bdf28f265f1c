"""Builds the accounts that a benchmark declares, and reads accounts in the form in which observations show
them.

Every account has the bytes that the chain's programs would write. Both token programs use 165 bytes for a token
account and 82 for a mint; extensions of Token-2022 follow after byte 165. A mint can have a transfer fee, which
puts TransferFeeAmount into its accounts; an account can require memos; an associated account of Token-2022 has
ImmutableOwner, as the program that creates it requests it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState

from runner_bridge.formats.addresses import NATIVE_MINTS, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM
from runner_bridge.formats.benchmarks.declared_mint import DeclaredMint
from runner_bridge.local_runner.instructions import TOKEN_PROGRAMS

MINT_SIZE = 82
TOKEN_ACCOUNT_SIZE = 165
_MULTISIG_SIZE = 355
_ACCOUNT_TYPE_MINT, _ACCOUNT_TYPE_TOKEN = 1, 2
_TRANSFER_FEE_CONFIG, _TRANSFER_FEE_AMOUNT, _IMMUTABLE_OWNER, _MEMO_TRANSFER = 1, 2, 7, 8
_TOKEN_HEAD = struct.Struct("<32s32sQ")
_EXTENSION_HEAD = struct.Struct("<HH")
_FEE_FROM_EPOCH = struct.Struct("<QQH")
AccountState = dict[str, object]


def wallet(lamports: int) -> Account:
    """An account of the System program."""
    return _account(lamports, b"", SYSTEM_PROGRAM)


def mint(declared: DeclaredMint, supply: int, lamports: int, program: str, authority: str) -> Account:
    """A mint that only `authority` can mint from; nobody can freeze accounts, or change or collect its fee."""
    key = Pubkey.from_string(authority)
    state = Mint(key, supply, declared.decimals, is_initialized=True, freeze_authority=None)
    return _account(lamports, bytes(state) + mint_extensions(declared), program)


def mint_extensions(declared: DeclaredMint) -> bytes:
    """What follows the state of a mint: with a transfer fee, zeros up to byte 165 and the fee."""
    fee = declared.transfer_fee
    if fee is None:
        return b""
    rate = _FEE_FROM_EPOCH.pack(0, fee.maximum, fee.basis_points)
    no_authorities_nothing_withheld = bytes(32 + 32 + 8)
    config = _extension(_TRANSFER_FEE_CONFIG, no_authorities_nothing_withheld + 2 * rate)
    return bytes(TOKEN_ACCOUNT_SIZE - MINT_SIZE) + bytes([_ACCOUNT_TYPE_MINT]) + config


def _extension(kind: int, value: bytes) -> bytes:
    return _EXTENSION_HEAD.pack(kind, len(value)) + value


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
    has_transfer_fee: bool = False
    memo_required: bool = False

    @property
    def extensions(self) -> bytes:
        """What follows the state, under Token-2022 only, in the order in which the programs write it."""
        if self.program != TOKEN_2022_PROGRAM:
            return b""
        extensions = _extension(_IMMUTABLE_OWNER, b"") if self.is_associated else b""
        if self.has_transfer_fee:
            extensions += _extension(_TRANSFER_FEE_AMOUNT, bytes(8))
        if self.memo_required:
            extensions += _extension(_MEMO_TRANSFER, b"\1")
        return bytes([_ACCOUNT_TYPE_TOKEN]) + extensions if extensions else b""

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
