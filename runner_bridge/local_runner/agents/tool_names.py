"""An instruction as a tool call: the tool's name, its arguments and its result, in upstream's keys."""

from __future__ import annotations

from dataclasses import dataclass

from runner_bridge.local_runner.agents.protocol import AgentRequest
from runner_bridge.local_runner.instructions import (
    Instruction,
    Transfer,
    read_account_creation,
    read_sol_transfer,
    read_spl_transfer,
)

_Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class DescribedCall:
    """A tool call: its name, its arguments, and its result without the instruction count."""

    tool: str
    args: dict[str, object]
    result: dict[str, object]


def described(instruction: Instruction, request: AgentRequest) -> DescribedCall:
    """The tool call that makes `instruction`, whose accounts may still be placeholders."""
    if transfer := read_sol_transfer(instruction):
        return _sol_transfer(transfer, request.key_map)
    if transfer := read_spl_transfer(instruction):
        return _spl_transfer(transfer, request)
    key_map = request.key_map
    if creation := read_account_creation(instruction):
        args: _Values = {
            "user_pubkey": key_map.get(creation.payer, creation.payer),
            "owner_pubkey": key_map.get(creation.owner, creation.owner),
            "mint_address": key_map.get(creation.mint, creation.mint),
        }
        account = key_map.get(creation.account, creation.account)
        return DescribedCall("ata_create", args, {"account_pubkey": account})
    args = {"program_id": instruction.program_id, "account_count": len(instruction.accounts)}
    return DescribedCall("instruction", args, {})


def _sol_transfer(transfer: Transfer, key_map: dict[str, str]) -> DescribedCall:
    sender = key_map.get(transfer.source, transfer.source)
    recipient = key_map.get(transfer.destination, transfer.destination)
    args: _Values = {"user_pubkey": sender, "recipient_pubkey": recipient, "lamports": transfer.amount}
    result: _Values = {"lamports": transfer.amount, "from_pubkey": sender, "to_pubkey": recipient}
    return DescribedCall("sol_transfer", args, result)


def _spl_transfer(transfer: Transfer, request: AgentRequest) -> DescribedCall:
    key_map = request.key_map
    source = key_map.get(transfer.source, transfer.source)
    destination = key_map.get(transfer.destination, transfer.destination)
    mint = transfer.mint and key_map.get(transfer.mint, transfer.mint)
    args: _Values = {
        "user_pubkey": key_map.get(transfer.authority, transfer.authority),
        "recipient_pubkey": destination,
        "amount": transfer.amount,
        "mint_address": mint or _mint_of(transfer.source, request),
    }
    result: _Values = {"amount": transfer.amount, "from_pubkey": source, "to_pubkey": destination}
    return DescribedCall("spl_transfer", args, result)


def _mint_of(name: str, request: AgentRequest) -> object:
    states = request.observation["account_states"]
    state = states.get(name) if isinstance(states, dict) else None
    return state.get("mint") if isinstance(state, dict) else None
