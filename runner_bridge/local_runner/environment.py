"""The chain on which a benchmark is executed: its initial state, its placeholders, and what can be observed.

Every placeholder gets a new key, or the associated token account that its data describes. Intended differences
from upstream: every declared wallet gets its declared lamports (upstream funds only the user's), and mints are
plain mints, because nothing is forked from mainnet. Accounts are as the programs of the chain would have made
them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from solders.account import Account
from solders.keypair import Keypair

from runner_bridge.formats.addresses import (
    MINT_DECIMALS,
    SYSTEM_PROGRAM,
    TOKEN_PROGRAM,
    associated_token_address,
    is_address,
)
from runner_bridge.formats.benchmarks.benchmark import AccountData, Benchmark, InitialAccount
from runner_bridge.formats.benchmarks.declared_mint import DeclaredMint, declared_mint
from runner_bridge.formats.benchmarks.remarks import FEE_PAYER
from runner_bridge.formats.benchmarks.runnable import is_token_account, mint_programs
from runner_bridge.local_runner.accounts import (
    MINT_SIZE,
    Holding,
    account_state,
    is_native,
    mint,
    mint_extensions,
    native_mint,
    wallet,
)
from runner_bridge.local_runner.instructions import Instruction
from runner_bridge.local_runner.vm import TransactionOutcome, Vm

Observation = dict[str, object]

SUCCESS = "Success"
FAILURE = "Failure"
_INITIAL = "Initial state before SPL setup"
NO_ACTIONS = "Agent returned no actions to execute."


class Environment:
    """A chain in the state that `benchmark` asks for; the benchmark must be runnable here."""

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._vm = Vm(int(time.time()))
        self._keys: dict[str, Keypair] = {}
        # No one has its key: the supply can be moved but not increased.
        self._mint_authority = str(Keypair().pubkey())
        self.key_map: dict[str, str] = {}
        self._mints = {account.pubkey: declared_mint(account) for account in benchmark.initial_state}
        for account in benchmark.initial_state:
            self.key_map[account.owner] = account.owner
            self._name(account)
        self._make_mints()
        for account in benchmark.initial_state:
            self._make(account)
        self._derive()

    def initial_observation(self) -> Observation:
        """The observation that the agent gets before it acts."""
        return self._observe(_INITIAL, None, (), initial=True)

    def execute(self, instructions: Sequence[Instruction]) -> Observation:
        """Sends all `instructions` in one transaction and returns its outcome."""
        if not instructions:
            return self._observe(FAILURE, NO_ACTIONS, ())
        payer = self._keys[self.key_map[FEE_PAYER]]
        outcome = self._vm.send(instructions, payer, self._keys)
        status = SUCCESS if outcome.error is None else FAILURE
        return self._observe(status, outcome.error, outcome.logs)

    def account(self, address: str) -> Account | None:
        """The account at `address` as it is now; None when there is none."""
        return self._vm.account(address)

    def simulate(self, instructions: Sequence[Instruction]) -> TransactionOutcome:
        """The outcome that `execute` would have; nothing changes."""
        return self._vm.simulate(instructions, self._keys[self.key_map[FEE_PAYER]], self._keys)

    def _observe(
        self, status: str, error: str | None, logs: Sequence[str], *, initial: bool = False
    ) -> Observation:
        states = {
            name: account_state(self._vm.account(address), initial=initial)
            for name, address in self.key_map.items()
        }
        return {
            "last_transaction_status": status,
            "last_transaction_error": error,
            "last_transaction_logs": list(logs),
            "account_states": states,
            "key_map": dict(self.key_map),
        }

    def _resolve(self, name: str) -> str:
        return self.key_map.get(name, name)

    def _name(self, account: InitialAccount) -> None:
        if is_address(account.pubkey):
            self.key_map[account.pubkey] = account.pubkey
        elif not is_token_account(account):
            key = Keypair()
            self.key_map[account.pubkey] = str(key.pubkey())
            self._keys[str(key.pubkey())] = key

    def _make_mints(self) -> None:
        holdings = [account.data for account in self._benchmark.initial_state if account.data is not None]
        supply = Counter[str]()
        for data in holdings:
            supply[data.mint or ""] += int(data.amount or 0)
        declared = {account.pubkey: account for account in self._benchmark.initial_state}
        known = {str(name): DeclaredMint(decimals=decimals) for name, decimals in MINT_DECIMALS.items()}
        for name, program in mint_programs(self._benchmark).items():
            account = declared.get(name)
            made = self._mints.get(name) or known[name]
            size = MINT_SIZE + len(mint_extensions(made))
            lamports = max(self._vm.rent(size), (account and account.lamports) or 0)
            self._vm.set_account(
                self._resolve(name),
                native_mint(made.decimals, lamports, program)
                if is_native(name, program)
                else mint(made, supply[name], lamports, program, self._mint_authority),
            )

    def _make(self, account: InitialAccount) -> None:
        if is_token_account(account) and account.data is not None:
            self._make_token_account(account, account.data)
        elif account.owner == SYSTEM_PROGRAM and account.lamports:
            self._vm.set_account(self._resolve(account.pubkey), wallet(account.lamports))

    def _make_token_account(self, account: InitialAccount, data: AccountData) -> None:
        owner, mint_address = self._resolve(data.owner or ""), self._resolve(data.mint or "")
        associated = associated_token_address(owner, mint_address, account.owner)
        address = self.key_map.setdefault(account.pubkey, associated)
        declared = self._mints.get(data.mint or "")
        holding = Holding(
            mint_address,
            owner,
            int(data.amount or 0),
            account.owner,
            is_associated=address == associated,
            has_transfer_fee=declared is not None and declared.transfer_fee is not None,
            memo_required=data.memo_required,
        )
        made = holding.account(account.lamports or 0, self._vm.rent(holding.size))
        self._vm.set_account(address, made)

    def _derive(self) -> None:
        """Names the accounts that assertions derive; of two with one name the later one stays, as upstream."""
        derived: dict[str, str] = {}

        def resolve(name: str) -> str:
            return derived.get(name) or self._resolve(name)

        for assertion in self._benchmark.ground_truth.final_state_assertions:
            derivation, name = assertion.address_derivation, assertion.pubkey
            if derivation is None or name is None or name in self.key_map or is_address(name):
                continue
            owner, mint_address = resolve(derivation.owner), resolve(derivation.mint)
            if is_address(owner) and is_address(mint_address):
                program = self._resolve(derivation.token_program or TOKEN_PROGRAM)
                derived[name] = associated_token_address(owner, mint_address, program)
        self.key_map.update(derived)
