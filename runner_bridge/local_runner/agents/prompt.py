"""What a model is told: a versioned text, and the accounts and the task of a step.

For one benchmark and one tool set it is the same in every execution: accounts have names there, and no
addresses, which are new in each execution.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from runner_bridge.formats.agents.agent_settings import PROMPT_VERSION
from runner_bridge.formats.benchmarks.remarks import FEE_PAYER
from runner_bridge.local_runner.agents.account_view import AccountViews

_TEXT = Path(__file__).with_name(f"prompt_{PROMPT_VERSION}.txt")
_UNITS = {
    "base-units": "Amounts are integers in base units: 1 SOL is 1000000000; "
    "1 token with 6 decimals is 1000000.",
    "decimal": 'Amounts are decimal numbers as text, in SOL or in whole tokens: "0.5" is half a SOL.',
}


@dataclass(frozen=True, slots=True)
class PromptText:
    """The system text and the user's message."""

    system: str
    user: str

    @property
    def hash(self) -> str:
        """SHA-256 of both."""
        return hashlib.sha256(f"{self.system}\0{self.user}".encode()).hexdigest()


def prompt_text(task: str, accounts: AccountViews, tool_set: str) -> PromptText:
    """The prompt of one step, whose words are `task`."""
    system = _TEXT.read_text(encoding="utf-8").replace("{{units}}", _UNITS[tool_set])
    listed = [accounts.shown(accounts.key_map[name]) for name in accounts.names]
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in listed)
    return PromptText(system, f"Accounts:\n[{lines}]\n\nFee payer: {FEE_PAYER}\n\nTask: {task}")
