"""The agent without a model: fixed instructions, the same in every execution.

For benchmarks 001 to 004 they are in a table, as upstream has it, because their ground truth has no data or
wrong data on purpose. For any other benchmark the agent sends the expected instructions of the ground truth,
when each has complete data and, in a flow, a `step`. So it shows that a benchmark can be solved, and nothing
about a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner_bridge.formats.addresses import b58decode, is_address
from runner_bridge.formats.benchmarks.ground_truth import ExpectedInstruction
from runner_bridge.formats.benchmarks.reference_answer import step_of, why_no_reference_answer
from runner_bridge.local_runner.agents.protocol import AgentRequest
from runner_bridge.local_runner.agents.tool_names import described
from runner_bridge.local_runner.errors import AgentError
from runner_bridge.local_runner.instructions import (
    AccountUse,
    Instruction,
    sol_transfer,
    spl_transfer,
)
from runner_bridge.local_runner.tool_log import ToolLog

_USER, _RECIPIENT = "USER_WALLET_PUBKEY", "RECIPIENT_WALLET_PUBKEY"
_USER_USDC, _RECIPIENT_USDC = "USER_USDC_ATA", "RECIPIENT_USDC_ATA"
_FIFTEEN_USDC = spl_transfer(_USER_USDC, _RECIPIENT_USDC, _USER, 15_000_000)

# With placeholders where addresses will stand.
_FIXED = {
    "001-sol-transfer": sol_transfer(_USER, _RECIPIENT, 100_000_000),
    "002-spl-transfer": _FIFTEEN_USDC,
    "003-spl-transfer-fail": _FIFTEEN_USDC,
    "004-partial-score-spl-transfer": spl_transfer(_USER_USDC, _RECIPIENT_USDC, _USER, 5_000_000),
}


class DeterministicAgent:
    """Makes one tool call per instruction."""

    def act(self, request: AgentRequest, tools: ToolLog) -> Sequence[Instruction]:
        """The fixed instructions of this benchmark, or of this step of it."""
        return [self._call(instruction, request, tools) for instruction in _plan(request)]

    def report(self) -> None:
        """No model was asked."""

    def _call(self, planned: Instruction, request: AgentRequest, tools: ToolLog) -> Instruction:
        call = described(planned, request)
        with tools.call(f"deterministic_{call.tool}", call.args) as result:
            instruction = _resolved(planned, request.key_map)
            result.update(instruction_count=1, **call.result)
        return instruction


def _plan(request: AgentRequest) -> list[Instruction]:
    benchmark = request.benchmark
    if reason := why_no_reference_answer(benchmark):
        raise AgentError(f"deterministic: there is no reference answer to {benchmark.id}: {reason}")
    if fixed := _FIXED.get(benchmark.id):
        return [fixed]
    return [
        _from_ground_truth(expected)
        for expected in benchmark.ground_truth.expected_instructions
        if request.step is None or step_of(benchmark, expected) == request.step
    ]


def _from_ground_truth(expected: ExpectedInstruction) -> Instruction:
    uses = (AccountUse(item.pubkey, item.is_signer, item.is_writable) for item in expected.accounts)
    return Instruction(expected.program_id or "", tuple(uses), b58decode(expected.data or ""))


def _resolved(planned: Instruction, key_map: dict[str, str]) -> Instruction:
    uses = tuple(replace(use, pubkey=_address(use.pubkey, key_map)) for use in planned.accounts)
    return replace(planned, accounts=uses)


def _address(name: str, key_map: dict[str, str]) -> str:
    address = key_map.get(name, name)
    if not is_address(address):
        raise AgentError(f"deterministic: nothing says which account {name} is")
    return address
