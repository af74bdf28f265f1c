"""The result as a tree of text, as upstream's runner prints it."""

from __future__ import annotations

from collections.abc import Sequence

from runner_bridge.formats.session_file import AccountMeta, Instruction, SessionStep

_RULE = "     " + "─" * 57
_NO_ACTION = "     No action was taken."


def result_tree(benchmark_id: str, steps: Sequence[SessionStep], score: float, *, succeeded: bool) -> str:
    """The tree, without a newline at its end."""
    verdict = "succeeded" if succeeded else "failed"
    lines = [f" {'✅' if succeeded else '❌'} {benchmark_id} (Score: {score:.1%}): {verdict}"]
    for number, step in enumerate(steps, 1):
        last = number == len(steps)
        lines.append(f" {'└─' if last else '├─'} Step {number}")
        lines += _step_lines(step, "    " if last else " │  ")
    return "\n".join(lines)


def _step_lines(step: SessionStep, indent: str) -> list[str]:
    lines = [f"{indent}├─ ACTION:", *_action_lines(step.action)]
    lines.append(f"{indent}└─ OBSERVATION: {step.observation.last_transaction_status}")
    if step.observation.last_transaction_error:
        lines.append(f"{indent}   └─ Error: {step.observation.last_transaction_error}")
    return lines


def _action_lines(action: Sequence[Instruction]) -> list[str]:
    lines: list[str] = []
    for instruction in action:
        lines += [_RULE] if lines else []
        lines += [f"     Program ID: {instruction.program_id}", "     Accounts:"]
        lines += [_account_line(number, use) for number, use in enumerate(instruction.accounts)]
        lines.append(f"     Data (Base58): {instruction.data}")
    return lines or [_NO_ACTION]


def _account_line(number: int, use: AccountMeta) -> str:
    signer = "🖋️" if use.is_signer else "🖍️"
    writable = "\N{HEAVY PLUS SIGN}" if use.is_writable else "\N{HEAVY MINUS SIGN}"
    return f"     [{number:2d}] {signer} {writable} {use.pubkey}"
