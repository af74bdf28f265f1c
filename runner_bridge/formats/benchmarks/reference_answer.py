"""Whether a benchmark has a reference answer: instructions that solve it, for the agent without a model.

Four benchmarks have theirs in the agent itself, as upstream does; of any other it is the ground truth's expected
instructions, when they can be carried out as they stand, or nothing at all when it expects no transaction.
Without one a benchmark can still be played by a model.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner_bridge.formats.addresses import b58decode, is_address
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats.benchmarks.ground_truth import DATA_NOT_COMPARED, ExpectedInstruction

BY_THE_AGENT = frozenset(
    {"001-sol-transfer", "002-spl-transfer", "003-spl-transfer-fail", "004-partial-score-spl-transfer"}
)
"""Their ground truth leaves the data open, or wrong on purpose."""


def why_no_reference_answer(benchmark: Benchmark) -> str | None:
    """Why there is none, in one line; None when there is one."""
    return next(_problems(benchmark), None)


def declared_names(benchmark: Benchmark) -> frozenset[str]:
    """What may stand where an address is expected: accounts of the initial state, their owners, derived ones."""
    names = {name for account in benchmark.initial_state for name in (account.pubkey, account.owner)}
    for assertion in benchmark.ground_truth.final_state_assertions:
        derivation = assertion.address_derivation
        if derivation is None or assertion.pubkey is None:
            continue
        if all(part in names or is_address(part) for part in (derivation.owner, derivation.mint)):
            names.add(assertion.pubkey)
    return frozenset(names)


def _problems(benchmark: Benchmark) -> Iterator[str]:
    if benchmark.id in BY_THE_AGENT or benchmark.ground_truth.expects_no_transaction:
        return
    expected = benchmark.ground_truth.expected_instructions
    if not expected:
        yield "its ground truth expects no instructions"
    names = declared_names(benchmark)
    for number, instruction in enumerate(expected):
        yield from (f"expected_instructions[{number}]{problem}" for problem in _problem(instruction, names))
        if benchmark.is_flow and step_of(benchmark, instruction) is None:
            yield f"expected_instructions[{number}] does not say which step it belongs to"


def _problem(instruction: ExpectedInstruction, names: frozenset[str]) -> Iterator[str]:
    data = instruction.data
    if instruction.program_id is None or data is None or data == DATA_NOT_COMPARED:
        yield " is not complete"
        return
    try:
        b58decode(data)
    except ValueError as error:
        yield f".data is not base58: {error}"
    for account in instruction.accounts:
        if account.pubkey not in names and not is_address(account.pubkey):
            yield f": nothing says which account {account.pubkey} is"


def step_of(benchmark: Benchmark, instruction: ExpectedInstruction) -> int | None:
    """The step of a flow that an expected instruction says it belongs to; None when it names none of them."""
    step = (instruction.model_extra or {}).get("step")
    return step if type(step) is int and step in {one.step for one in benchmark.flow} else None
