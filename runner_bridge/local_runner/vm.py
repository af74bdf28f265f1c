"""The Solana VM: LiteSVM with the programs of mainnet, and a function that executes a transaction.

A transaction is simulated first and then sent, as upstream does: one that would fail costs nothing and changes
nothing. LiteSVM has no size limit, and its clock is at zero, so both are set here. One VM per process: threads
do not run in parallel.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from solders.account import Account
from solders.clock import Clock
from solders.errors import SignerError
from solders.instruction import AccountMeta
from solders.instruction import Instruction as VmInstruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey

# The class itself: its wrapper in solders.litesvm cannot add the precompiled signature checks.
from solders.solders import LiteSVM
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from runner_bridge.local_runner.error_text import transaction_error_text
from runner_bridge.local_runner.instructions import Instruction

# Replaces SPL Token by an implementation with other compute units and without `Instruction: …` logs.
_FASTER_SPL = "ptokFjwyJtrwCa9Kgo9xoDS59V4QccBGEaRFnRPnSdP"
_AIRDROP_LAMPORTS = 10**18
MAX_TRANSACTION_BYTES = 1232


@dataclass(frozen=True, slots=True)
class TransactionOutcome:
    """The outcome of a transaction; `error` is None when it is on the chain."""

    error: str | None
    logs: tuple[str, ...]


class Vm:
    """A fresh chain whose clock stands at `now` (unix seconds)."""

    def __init__(self, now: int) -> None:
        features = LiteSVM.mainnet_feature_set()
        features.deactivate(Pubkey.from_string(_FASTER_SPL))
        self._svm = LiteSVM.default()
        self._svm.set_feature_set(features)
        self._svm.set_builtins()
        self._svm.set_precompiles()
        self._svm.set_lamports(_AIRDROP_LAMPORTS)
        self._svm.set_sysvars()
        self._svm.set_default_programs()
        self._svm.set_sigverify(True)
        self._svm.set_blockhash_check(True)
        clock = self._svm.get_clock()
        clock.unix_timestamp = clock.epoch_start_timestamp = now
        self._svm.set_clock(clock)

    @property
    def clock(self) -> Clock:
        """The clock that programs see."""
        return self._svm.get_clock()

    def account(self, address: str) -> Account | None:
        """The account at `address`; None when there is none."""
        return self._svm.get_account(Pubkey.from_string(address))

    def set_account(self, address: str, account: Account) -> None:
        """Puts an account on the chain without a transaction."""
        self._svm.set_account(Pubkey.from_string(address), account)

    def rent(self, size: int) -> int:
        """Lamports that an account of `size` bytes must hold."""
        return self._svm.minimum_balance_for_rent_exemption(size)

    def send(
        self, instructions: Sequence[Instruction], payer: Keypair, keys: Mapping[str, Keypair]
    ) -> TransactionOutcome:
        """One transaction with all `instructions`, signed with those of `keys` that it asks for."""
        transaction = self._transaction(instructions, payer, keys)
        if isinstance(transaction, TransactionOutcome):
            return transaction
        simulated = self._simulated(transaction)
        if simulated.error is not None:
            return simulated
        sent = self._svm.send_transaction(transaction)
        if isinstance(sent, FailedTransactionMetadata):
            text = f"Transaction execution failed after successful simulation: {_text(sent)}"
            return TransactionOutcome(text, simulated.logs)
        return simulated

    def simulate(
        self, instructions: Sequence[Instruction], payer: Keypair, keys: Mapping[str, Keypair]
    ) -> TransactionOutcome:
        """The outcome that `send` would have; no account changes."""
        transaction = self._transaction(instructions, payer, keys)
        return transaction if isinstance(transaction, TransactionOutcome) else self._simulated(transaction)

    def _transaction(
        self, instructions: Sequence[Instruction], payer: Keypair, keys: Mapping[str, Keypair]
    ) -> VersionedTransaction | TransactionOutcome:
        """The signed transaction, or why there is none."""
        # The same instructions may come twice in a flow; under one blockhash the second would be a duplicate.
        self._svm.expire_blockhash()
        if (size := _least_size(instructions)) > MAX_TRANSACTION_BYTES:
            return _too_large(f"at least {size}")
        try:
            transaction = self._signed(instructions, payer, keys)
        except (ValueError, SignerError) as error:
            return TransactionOutcome(f"Transaction could not be built: {error}", ())
        size = len(bytes(transaction))
        return _too_large(str(size)) if size > MAX_TRANSACTION_BYTES else transaction

    def _simulated(self, transaction: VersionedTransaction) -> TransactionOutcome:
        simulated = self._svm.simulate_transaction(transaction)
        logs = tuple(simulated.meta().logs())
        if isinstance(simulated, FailedTransactionMetadata):
            return TransactionOutcome(f"Transaction simulation failed: {_text(simulated)}", logs)
        return TransactionOutcome(None, logs)

    def _signed(
        self, instructions: Sequence[Instruction], payer: Keypair, keys: Mapping[str, Keypair]
    ) -> VersionedTransaction:
        calls = [_vm_instruction(instruction) for instruction in instructions]
        message = Message.new_with_blockhash(calls, payer.pubkey(), self._svm.latest_blockhash())
        required = message.account_keys[: message.header.num_required_signatures]
        unknown = [str(key) for key in required if str(key) not in keys]
        if unknown:
            raise ValueError(f"no private key for the signer {', '.join(unknown)}")
        return VersionedTransaction(message, [keys[str(key)] for key in required])


def _least_size(instructions: Sequence[Instruction]) -> int:
    """A lower bound of its size, known before it is built: building one with too many accounts panics."""
    addresses = {use.pubkey for instruction in instructions for use in instruction.accounts}
    return 32 * len(addresses) + sum(
        3 + len(instruction.accounts) + len(instruction.data) for instruction in instructions
    )


def _too_large(size: str) -> TransactionOutcome:
    text = f"Transaction too large: {size} > {MAX_TRANSACTION_BYTES}"
    return TransactionOutcome(f"Transaction simulation failed: {text}", ())


def _vm_instruction(instruction: Instruction) -> VmInstruction:
    uses = [
        AccountMeta(Pubkey.from_string(use.pubkey), use.is_signer, use.is_writable)
        for use in instruction.accounts
    ]
    return VmInstruction(Pubkey.from_string(instruction.program_id), instruction.data, uses)


def _text(failed: FailedTransactionMetadata) -> str:
    return transaction_error_text(json.loads(failed.to_json())["err"])
