"""Instructions as agents make them, plain values with addresses as text; and builders for common kinds.

The JSON form is upstream's RawInstruction, exactly as a session file has it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from runner_bridge.formats.addresses import (
    ASSOCIATED_TOKEN_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    b58encode,
)

TOKEN_PROGRAMS = frozenset({TOKEN_PROGRAM, TOKEN_2022_PROGRAM})

_SYSTEM_TRANSFER = struct.Struct("<IQ")
_SYSTEM_TRANSFER_TAG = 2
_TOKEN_TRANSFER = struct.Struct("<BQ")
_TOKEN_TRANSFER_TAG = 3
_TOKEN_TRANSFER_CHECKED = struct.Struct("<BQB")
_TOKEN_TRANSFER_CHECKED_TAG = 12
_CLOSE_ACCOUNT, _SYNC_NATIVE = b"\x09", b"\x11"
MEMO_PROGRAM = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"


@dataclass(frozen=True, slots=True)
class AccountUse:
    """One account of an instruction and what the instruction may do with it."""

    pubkey: str
    is_signer: bool
    is_writable: bool


@dataclass(frozen=True, slots=True)
class Instruction:
    """A call of one program."""

    program_id: str
    accounts: tuple[AccountUse, ...]
    data: bytes

    def to_json(self) -> dict[str, object]:
        """Upstream's RawInstruction."""
        return {
            "program_id": self.program_id,
            "accounts": [
                {"pubkey": use.pubkey, "is_signer": use.is_signer, "is_writable": use.is_writable}
                for use in self.accounts
            ],
            "data": b58encode(self.data),
        }


def sol_transfer(sender: str, recipient: str, lamports: int) -> Instruction:
    """`lamports` from one wallet to another."""
    accounts = (AccountUse(sender, True, True), AccountUse(recipient, False, True))
    return Instruction(SYSTEM_PROGRAM, accounts, _SYSTEM_TRANSFER.pack(_SYSTEM_TRANSFER_TAG, lamports))


def spl_transfer(
    source: str, destination: str, authority: str, amount: int, program: str = TOKEN_PROGRAM
) -> Instruction:
    """`amount` base units from one token account to another."""
    accounts = (
        AccountUse(source, False, True),
        AccountUse(destination, False, True),
        AccountUse(authority, True, False),
    )
    return Instruction(program, accounts, _TOKEN_TRANSFER.pack(_TOKEN_TRANSFER_TAG, amount))


def spl_transfer_checked(
    transfer: Transfer, mint: str, decimals: int, program: str = TOKEN_PROGRAM
) -> Instruction:
    """`transfer` as TransferChecked, which names the mint and its decimals."""
    accounts = (
        AccountUse(transfer.source, False, True),
        AccountUse(mint, False, False),
        AccountUse(transfer.destination, False, True),
        AccountUse(transfer.authority, True, False),
    )
    data = _TOKEN_TRANSFER_CHECKED.pack(_TOKEN_TRANSFER_CHECKED_TAG, transfer.amount, decimals)
    return Instruction(program, accounts, data)


def create_associated_account(creation: AccountCreation, program: str, *, idempotent: bool) -> Instruction:
    """Creates an associated token account; `program` is the token program of its mint."""
    accounts = (
        AccountUse(creation.payer, True, True),
        AccountUse(creation.account, False, True),
        AccountUse(creation.owner, False, False),
        AccountUse(creation.mint, False, False),
        AccountUse(SYSTEM_PROGRAM, False, False),
        AccountUse(program, False, False),
    )
    return Instruction(ASSOCIATED_TOKEN_PROGRAM, accounts, b"\x01" if idempotent else b"\x00")


def sync_native(account: str, program: str) -> Instruction:
    """Makes the amount of a wrapped SOL account what its lamports say."""
    return Instruction(program, (AccountUse(account, False, True),), _SYNC_NATIVE)


def close_account(account: str, destination: str, authority: str, program: str) -> Instruction:
    """Closes a token account; its lamports go to `destination`."""
    accounts = (
        AccountUse(account, False, True),
        AccountUse(destination, False, True),
        AccountUse(authority, True, False),
    )
    return Instruction(program, accounts, _CLOSE_ACCOUNT)


def memo(text: str) -> Instruction:
    """Writes `text` into the log of the transaction."""
    return Instruction(MEMO_PROGRAM, (), text.encode())


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a transfer instruction moves, read from the instruction itself."""

    source: str
    destination: str
    authority: str
    amount: int
    mint: str | None
    """Only TransferChecked names it."""


def read_sol_transfer(instruction: Instruction) -> Transfer | None:
    """The transfer that a System instruction is, if it is one."""
    accounts = [use.pubkey for use in instruction.accounts]
    if instruction.program_id != SYSTEM_PROGRAM or len(accounts) < 2:
        return None
    if len(instruction.data) != _SYSTEM_TRANSFER.size:
        return None
    tag, lamports = _SYSTEM_TRANSFER.unpack(instruction.data)
    if tag != _SYSTEM_TRANSFER_TAG:
        return None
    return Transfer(accounts[0], accounts[1], accounts[0], lamports, None)


def read_spl_transfer(instruction: Instruction) -> Transfer | None:
    """The transfer that an instruction of either token program is, if it is one."""
    if instruction.program_id not in TOKEN_PROGRAMS or not instruction.data:
        return None
    accounts, data = [use.pubkey for use in instruction.accounts], instruction.data
    if data[0] == _TOKEN_TRANSFER_TAG and len(data) == _TOKEN_TRANSFER.size and len(accounts) >= 3:
        _, amount = _TOKEN_TRANSFER.unpack(data)
        return Transfer(accounts[0], accounts[1], accounts[2], amount, None)
    if (
        data[0] == _TOKEN_TRANSFER_CHECKED_TAG
        and len(data) == _TOKEN_TRANSFER_CHECKED.size
        and len(accounts) >= 4
    ):
        _, amount, _ = _TOKEN_TRANSFER_CHECKED.unpack(data)
        return Transfer(accounts[0], accounts[2], accounts[3], amount, accounts[1])
    return None


@dataclass(frozen=True, slots=True)
class AccountCreation:
    """The associated token account that an instruction creates."""

    payer: str
    account: str
    owner: str
    mint: str


def read_account_creation(instruction: Instruction) -> AccountCreation | None:
    """Create and CreateIdempotent of the Associated Token program."""
    accounts = [use.pubkey for use in instruction.accounts]
    if instruction.program_id != ASSOCIATED_TOKEN_PROGRAM or len(accounts) < 4:
        return None
    if instruction.data not in (b"", b"\x00", b"\x01"):
        return None
    return AccountCreation(accounts[0], accounts[1], accounts[2], accounts[3])
