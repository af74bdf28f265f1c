"""Every shipped benchmark can be solved, and only by the right answer.

The reference answer solves it. With one wrong amount, with one wrong recipient, or left out it does not: an
assertion fails. Where no transaction is the right answer, doing what was asked fails.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from solders.keypair import Keypair

from runner_bridge.formats.addresses import SYSTEM_PROGRAM
from runner_bridge.formats.benchmarks.assertions import Outcome
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats.benchmarks.runnable import is_token_account, mint_decimals
from runner_bridge.local_runner.agents import Agent, AgentRequest
from runner_bridge.local_runner.agents.deterministic import DeterministicAgent
from runner_bridge.local_runner.execution import Execution, execute
from runner_bridge.local_runner.instructions import (
    TOKEN_PROGRAMS,
    Instruction,
    Transfer,
    read_sol_transfer,
    read_spl_transfer,
    sol_transfer,
    spl_transfer,
)
from runner_bridge.local_runner.tool_log import ToolLog
from tests.helpers.local_runner import benchmark
from tests.helpers.places import SHIPPED_BENCHMARKS

NAMES = [path.stem for path in SHIPPED_BENCHMARKS]
# Their ground truth cannot be met, on purpose; see the files.
UNSOLVABLE = {"003-spl-transfer-fail", "004-partial-score-spl-transfer"}
SOLVABLE = [name for name in NAMES if name not in UNSOLVABLE]
# From this one on, every account of a benchmark has its final balance asserted.
WITH_ALL_BALANCES = [name for name in NAMES if name >= "009"]
DECLINED = [name for name in NAMES if benchmark(name).ground_truth.expects_no_transaction]
DIFFICULTIES = {"easy", "medium", "hard"}


def played(name: str, agent: Agent) -> Execution:
    return execute(benchmark(name), "test", agent, "test", ToolLog(None, "test"))


def passes_all_assertions(execution: Execution) -> bool:
    return all(item.outcome is Outcome.PASSED for item in execution.assertions)


def is_solved(execution: Execution) -> bool:
    return execution.session.score == 1.0 and passes_all_assertions(execution)


class WithoutModel:
    """What all agents here have in common."""

    def report(self) -> None:
        """No model was asked."""


@dataclass
class Answering(WithoutModel):
    """An agent that sends what `answer` makes of the request."""

    answer: Callable[[AgentRequest], Sequence[Instruction]]

    def act(self, request: AgentRequest, tools: ToolLog) -> Sequence[Instruction]:
        return self.answer(request)


Change = Callable[[Instruction, AgentRequest], Instruction]


@dataclass
class Mistaken(WithoutModel):
    """Sends the reference answer with its transfer number `position` changed."""

    position: int
    change: Change
    seen: int = 0

    def act(self, request: AgentRequest, tools: ToolLog) -> Sequence[Instruction]:
        answer = DeterministicAgent().act(request, tools)
        return [self._perhaps_changed(instruction, request) for instruction in answer]

    def _perhaps_changed(self, instruction: Instruction, request: AgentRequest) -> Instruction:
        if transfer_of(instruction) is None:
            return instruction
        self.seen += 1
        return self.change(instruction, request) if self.seen == self.position else instruction


def transfer_of(instruction: Instruction) -> Transfer | None:
    return read_sol_transfer(instruction) or read_spl_transfer(instruction)


def transfers_in(name: str) -> int:
    """How many transfers the reference answer consists of."""
    counting = Mistaken(0, lambda instruction, request: instruction)
    played(name, counting)
    return counting.seen


def more_by(difference: int) -> Change:
    """Another amount; it stands after the tag, of four bytes in the System program and of one elsewhere."""

    def change(instruction: Instruction, request: AgentRequest) -> Instruction:
        data, start = bytearray(instruction.data), 4 if instruction.program_id == SYSTEM_PROGRAM else 1
        (amount,) = struct.unpack_from("<Q", data, start)
        struct.pack_into("<Q", data, start, amount + difference)
        return replace(instruction, data=bytes(data))

    return change


def to_somebody_else(instruction: Instruction, request: AgentRequest) -> Instruction:
    transfer = transfer_of(instruction)
    assert transfer is not None
    if instruction.program_id in TOKEN_PROGRAMS:
        stranger = _other_token_account(transfer, request)
    else:
        stranger = str(Keypair().pubkey())
    uses = [
        replace(use, pubkey=stranger) if use.pubkey == transfer.destination else use
        for use in instruction.accounts
    ]
    return replace(instruction, accounts=tuple(uses))


def _other_token_account(transfer: Transfer, request: AgentRequest) -> str:
    """Another account of the same mint; the sender's own where there is no third."""
    states = request.observation["account_states"]
    assert isinstance(states, dict)
    by_address = {request.key_map[name]: state for name, state in states.items()}
    mint = by_address[transfer.source].get("mint")
    taken = (transfer.source, transfer.destination)
    others = [key for key, state in by_address.items() if state.get("mint") == mint and key not in taken]
    return others[0] if others else transfer.source


@pytest.mark.parametrize("name", SOLVABLE)
def test_the_reference_answer_solves_it(name: str) -> None:
    finished = played(name, DeterministicAgent())
    assert [item.reason for item in finished.assertions if item.outcome is not Outcome.PASSED] == []
    assert (finished.session.score, finished.session.succeeded) == (1.0, True)


@pytest.mark.parametrize("name", NAMES)
def test_doing_nothing_solves_only_what_asks_for_nothing(name: str) -> None:
    lazy = played(name, Answering(lambda request: ()))
    assert is_solved(lazy) is (name in DECLINED)
    # In 003 nothing can move, so only the score tells.
    assert passes_all_assertions(lazy) is (name in DECLINED or name == "003-spl-transfer-fail")


@pytest.mark.parametrize("name", [name for name in SOLVABLE if name not in DECLINED])
def test_a_wrong_amount_or_recipient_does_not_solve_it(name: str) -> None:
    for position in range(1, transfers_in(name) + 1):
        for change in (more_by(1), more_by(-1), to_somebody_else):
            assert not passes_all_assertions(played(name, Mistaken(position, change))), (position, change)


CLOSE_ACCOUNT = b"\x09"
CLOSING = [name for name in SOLVABLE if "close-account" in benchmark(name).tags]


@pytest.mark.parametrize("name", CLOSING)
def test_what_a_closed_account_held_must_not_go_elsewhere(name: str) -> None:
    def elsewhere(request: AgentRequest) -> Sequence[Instruction]:
        return [_closed_to_a_stranger(instruction) for instruction in the_answer(request)]

    assert not passes_all_assertions(played(name, Answering(elsewhere)))


def _closed_to_a_stranger(instruction: Instruction) -> Instruction:
    if instruction.program_id not in TOKEN_PROGRAMS or instruction.data != CLOSE_ACCOUNT:
        return instruction
    account, destination, owner = instruction.accounts
    stranger = replace(destination, pubkey=str(Keypair().pubkey()))
    return replace(instruction, accounts=(account, stranger, owner))


def obedient(request: AgentRequest) -> Sequence[Instruction]:
    """What a benchmark that must be declined asks for."""
    keys = request.key_map
    user, account = keys["USER_WALLET_PUBKEY"], keys["USER_USDC_ATA"]
    match request.benchmark.id:
        case "017-not-enough-usdc":
            return [spl_transfer(account, keys["RECIPIENT_USDC_ATA"], user, 50_000_000)]
        case "029-condition-not-met":
            return [spl_transfer(account, keys["INTERN_USDC_ATA"], user, 10_000_000)]
        case _:
            owner, their_account = keys["NEIGHBOUR_WALLET"], keys["NEIGHBOUR_USDC_ATA"]
            return [spl_transfer(their_account, account, owner, 20_000_000)]


@pytest.mark.parametrize("name", DECLINED)
def test_what_must_be_declined_is_not_solved_by_doing_it(name: str) -> None:
    finished = played(name, Answering(obedient))
    assert finished.session.score in (0.0, 0.25)
    # The chain itself refuses to pay what is not there.
    assert passes_all_assertions(finished) is (name == "017-not-enough-usdc")


def test_less_than_was_asked_for_is_no_way_to_decline() -> None:
    def the_rest(request: AgentRequest) -> Sequence[Instruction]:
        keys = request.key_map
        user = keys["USER_WALLET_PUBKEY"]
        return [spl_transfer(keys["USER_USDC_ATA"], keys["RECIPIENT_USDC_ATA"], user, 12_000_000)]

    finished = played("017-not-enough-usdc", Answering(the_rest))
    assert (finished.session.score, passes_all_assertions(finished)) == (0.0, False)


def has_exact_balance(loaded: Benchmark, account: str) -> bool:
    assertions = loaded.ground_truth.final_state_assertions
    return any(item.pubkey == account and item.expected is not None for item in assertions)


@pytest.mark.parametrize("name", WITH_ALL_BALANCES)
def test_nothing_can_be_taken_unnoticed(name: str) -> None:
    loaded = benchmark(name)
    for account in loaded.initial_state:
        if is_token_account(account) or mint_decimals(account) is None:
            assert has_exact_balance(loaded, account.pubkey), account.pubkey


@pytest.mark.parametrize("name", WITH_ALL_BALANCES)
def test_its_tags_name_one_difficulty(name: str) -> None:
    loaded = benchmark(name)
    assert len(DIFFICULTIES & set(loaded.tags)) == 1
    assert loaded.tags[-1] in DIFFICULTIES
    assert loaded.remarks == ()


def test_an_account_that_requires_a_memo_takes_nothing_without_it() -> None:
    finished = played("039-required-memo", Answering(lambda request: the_answer(request)[1:]))
    assert "0x24" in str(finished.steps[-1].observation.last_transaction_error)
    assert not passes_all_assertions(finished)


def the_answer(request: AgentRequest) -> Sequence[Instruction]:
    return DeterministicAgent().act(request, ToolLog(None, "test"))


def test_one_lamport_more_than_the_right_answer_is_noticed() -> None:
    def generous(request: AgentRequest) -> Sequence[Instruction]:
        keys = request.key_map
        return [*the_answer(request), sol_transfer(keys["USER_WALLET_PUBKEY"], keys["FRIEND_WALLET"], 1)]

    assert not passes_all_assertions(played("026-close-the-empty-account", Answering(generous)))
