"""The chain behind an execution: the programs it has, and how it treats transactions."""

from __future__ import annotations

import time

import pytest
from solders.keypair import Keypair

from runner_bridge.formats.addresses import (
    JUPITER_LENDING_PROGRAM,
    JUPITER_ROUTER_PROGRAM,
    WRAPPED_SOL_MINT,
    b58encode,
)
from runner_bridge.formats.benchmarks.runnable import BUNDLED_PROGRAMS
from runner_bridge.local_runner.accounts import wallet
from runner_bridge.local_runner.environment import Environment
from runner_bridge.local_runner.instructions import AccountUse, Instruction, sol_transfer, spl_transfer
from runner_bridge.local_runner.vm import MAX_TRANSACTION_BYTES, TransactionOutcome, Vm
from tests.helpers.local_runner import benchmark

MEMO = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"


class Chain:
    """A VM with one wallet of 1 SOL."""

    def __init__(self) -> None:
        self.vm = Vm(int(time.time()))
        self.user = Keypair()
        self.address = str(self.user.pubkey())
        self.vm.set_account(self.address, wallet(10**9))

    def send(self, *instructions: Instruction) -> TransactionOutcome:
        return self.vm.send(instructions, self.user, {self.address: self.user})

    def lamports(self, address: str) -> int:
        account = self.vm.account(address)
        return 0 if account is None else account.lamports


@pytest.fixture
def chain() -> Chain:
    return Chain()


def anyone() -> str:
    return str(Keypair().pubkey())


def test_exactly_the_programs_we_say_are_bundled(chain: Chain) -> None:
    missing = {
        address
        for address in BUNDLED_PROGRAMS
        if (found := chain.vm.account(address)) is None or not found.executable
    }
    assert missing == set()
    for absent in (JUPITER_ROUTER_PROGRAM, JUPITER_LENDING_PROGRAM, WRAPPED_SOL_MINT):
        assert chain.vm.account(absent) is None


def test_the_clock_is_set(chain: Chain) -> None:
    assert abs(chain.vm.clock.unix_timestamp - time.time()) < 60
    assert chain.vm.clock.slot > 0


def test_a_refused_transaction_costs_nothing(chain: Chain) -> None:
    outcome = chain.send(sol_transfer(chain.address, anyone(), 2 * 10**9))
    assert outcome.error == (
        "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
    )
    assert "Transfer: insufficient lamports 999995000, need 2000000000" in outcome.logs
    assert chain.lamports(chain.address) == 10**9


def test_all_instructions_of_a_transaction_or_none(chain: Chain) -> None:
    recipient = anyone()
    good, bad = (sol_transfer(chain.address, recipient, amount) for amount in (10**8, 10**12))
    outcome = chain.send(good, bad)
    assert outcome.error is not None
    assert "Error processing Instruction 1" in outcome.error
    assert chain.lamports(recipient) == 0


def test_the_same_instruction_twice_is_no_duplicate(chain: Chain) -> None:
    recipient = anyone()
    for _ in range(2):
        assert chain.send(sol_transfer(chain.address, recipient, 10**8)).error is None
    assert (chain.lamports(recipient), chain.lamports(chain.address)) == (2 * 10**8, 799_990_000)


def test_a_transaction_has_at_most_1232_bytes(chain: Chain) -> None:
    def memo(length: int) -> TransactionOutcome:
        return chain.send(Instruction(MEMO, (), b"m" * length))

    # 64 + 1 signature, 3 header, 1 + 2 * 32 accounts, 32 blockhash, 1 + 1 + 1 + 2 around the data.
    room = MAX_TRANSACTION_BYTES - 170
    assert memo(room).error is None
    assert memo(room + 1).error == "Transaction simulation failed: Transaction too large: 1233 > 1232"


def test_hundreds_of_accounts_are_an_answer_not_a_crash(chain: Chain) -> None:
    uses = tuple(AccountUse(anyone(), False, False) for _ in range(300))
    outcome = chain.send(Instruction(MEMO, uses, b""))
    assert outcome.error is not None
    assert "Transaction too large: at least 9903 > 1232" in outcome.error


def test_what_an_agent_may_get_wrong_is_an_answer(chain: Chain) -> None:
    stranger = sol_transfer(anyone(), chain.address, 1)
    assert "no private key for the signer" in str(chain.send(stranger).error)
    malformed = sol_transfer(chain.address, "RECIPIENT_WALLET_PUBKEY", 1)
    assert "could not be built" in str(chain.send(malformed).error)
    absent = Instruction(JUPITER_ROUTER_PROGRAM, (), b"")
    assert chain.send(absent).error == (
        "Transaction simulation failed: Attempt to load a program that does not exist"
    ) or "may not be used" in str(chain.send(absent).error)
    assert chain.send(Instruction(b58encode(bytes(31)), (), b"")).error is not None


def test_the_classic_token_program_logs_its_instructions() -> None:
    environment = Environment(benchmark("002-spl-transfer"))
    keys = environment.key_map
    transfer = spl_transfer(
        keys["USER_USDC_ATA"], keys["RECIPIENT_USDC_ATA"], keys["USER_WALLET_PUBKEY"], 15_000_000
    )
    logs = environment.execute([transfer])["last_transaction_logs"]
    assert isinstance(logs, list)
    assert "Program log: Instruction: Transfer" in logs


def test_the_first_observation_has_amounts_as_text() -> None:
    observation = Environment(benchmark("002-spl-transfer")).initial_observation()
    assert observation["last_transaction_status"] == "Initial state before SPL setup"
    states = observation["account_states"]
    assert isinstance(states, dict)
    assert states["USER_USDC_ATA"]["amount"] == "50000000"


def test_no_instructions_are_a_failed_step() -> None:
    observation = Environment(benchmark("001-sol-transfer")).execute([])
    assert observation["last_transaction_status"] == "Failure"
    assert observation["last_transaction_error"] == "Agent returned no actions to execute."
    assert observation["last_transaction_logs"] == []
