"""What the flow diagram shows of one tool call: the label of its arrow, and the transfer it makes.

Only what the call's own parameters and result hold. Amounts are computed in integers: what is shown is what
was asked for, rounded to the documented number of decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import orjson

from runner_bridge.formats.addresses import USDC_MINT, USDT_MINT, WRAPPED_SOL_MINT
from schema.renderings.plain_text import as_dict, as_dicts, compact_json, shortened, text_of
from store.model import JsonValue, ToolCall
from store.records import record

EXECUTE = "Execute"
U64_END = 2**64
MAX_OTHER_PARAMS = 3
MAX_TEXT_PARAMS = 50
_ADDRESS_SHOWN = 8
_RESULT_DEPTH = 3

_SYMBOLS: dict[str, str] = {WRAPPED_SOL_MINT: "SOL", USDC_MINT: "USDC", USDT_MINT: "USDT"}
# Units in one token, and the decimals that are shown.
_SCALES: dict[str, tuple[int, int]] = {WRAPPED_SOL_MINT: (9, 3), USDC_MINT: (6, 2), USDT_MINT: (6, 2)}
_OTHER_SCALE = (6, 6)


@record
class Transfer:
    """Sender, recipient and amount, as far as the call gives them; `amount` is `transfer` when it does not."""

    sender: str
    recipient: str
    amount: str


def call_label(call: ToolCall) -> str:
    """The label of the arrow into the call's state, unescaped."""
    if "sol_transfer" in call.name or "spl_transfer" in call.name:
        count = instruction_count(call.result)
        return "1 ix" if count is None or count == 1 else f"{count} ixs"
    if isinstance(call.params, dict):
        return _known_params(call.params) or _any_params(call.params)
    if isinstance(call.params, str):
        return shortened(call.params, MAX_TEXT_PARAMS) or EXECUTE
    return EXECUTE if call.params is None else shortened(compact_json(call.params), MAX_TEXT_PARAMS)


def instruction_count(result: JsonValue) -> int | None:
    """How many instructions the result says or holds; None when it tells nothing of instructions."""
    count = _amount(as_dict(result).get("instruction_count"))
    if count is not None:
        return count
    instructions = _instructions(result)
    return len(instructions) if instructions else None


def transfer_of(call: ToolCall, key_map: Mapping[str, str]) -> Transfer | None:
    """The transfer that a call made or wanted; None unless both ends are known.

    The recipient is the second account of the first instruction, then what the result names,
    then what was asked for. Placeholders are replaced by their addresses where `key_map` knows them.
    """
    params = as_dict(call.params)
    sender = text_of(params, "user_pubkey", "from", "source")
    recipient = (
        _second_account(call.result)
        or text_of(as_dict(call.result), "to_pubkey")
        or text_of(params, "recipient_pubkey", "to", "recipient", "pubkey", "destination")
    )
    if sender is None or recipient is None:
        return None
    sender, recipient = (key_map.get(name, name) for name in (sender, recipient))
    return Transfer(sender, recipient, _transferred(call, params))


def _transferred(call: ToolCall, params: dict[str, Any]) -> str:
    amount = _amount(params.get("amount"))
    if amount is None:
        # The deterministic agent's own name for the amount of a SOL transfer.
        lamports = _amount(params.get("lamports"))
        return "transfer" if lamports is None else sol_amount(lamports)
    mint = text_of(params, "mint_address")
    is_token = "spl_transfer" in call.name or params.get("operation") == "spl"
    if not is_token and mint in (None, WRAPPED_SOL_MINT):
        return sol_amount(amount)
    # Tokens are no lamports: without a mint that is known the number stays what it is.
    return f"{token_amount(amount, mint)} {_SYMBOLS[mint]}" if mint in _SYMBOLS else str(amount)


def sol_amount(lamports: int) -> str:
    """Lamports as SOL with the fewest decimals that tell them, four at most: `0.1 SOL`."""
    decimals = next((count for count in range(4) if lamports % 10 ** (9 - count) == 0), 4)
    return f"{_scaled(lamports, 9, decimals)} SOL"


def token_amount(units: int, mint: str | None) -> str:
    """Units of a mint in tokens; six decimals are assumed for a mint that is not known, as upstream does."""
    return _scaled(units, *_SCALES.get(mint or "", _OTHER_SCALE))


def symbol(mint: str) -> str:
    """The symbol of a mint; a short text is taken for a symbol itself."""
    return _SYMBOLS.get(mint) or ("UNKNOWN" if len(mint) > _ADDRESS_SHOWN else mint)


def _scaled(units: int, scale: int, decimals: int) -> str:
    return str((Decimal(units) / 10**scale).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN))


def _amount(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < U64_END else None


def _known_params(params: dict[str, Any]) -> str | None:
    amount = _amount(params.get("amount"))
    if amount is None:
        return None
    match params:
        case {"input_mint": str(source), "output_mint": str(target)}:
            return f"{token_amount(amount, source)} {symbol(source)} → {symbol(target)}"
        case {"action": str(action), "mint": str(mint)}:
            return f"{action} {token_amount(amount, mint)} {symbol(mint)}"
    return None


def _any_params(params: dict[str, Any]) -> str:
    shown: list[str] = []
    for key in sorted(params):
        text = _param(key, params[key], has_room=len(shown) < MAX_OTHER_PARAMS)
        if text is not None:
            shown.append(text)
    return ", ".join(shown) or EXECUTE


def _param(key: str, value: JsonValue, *, has_room: bool) -> str | None:
    match key:
        case "pubkey" | "user_pubkey":
            return f"{key} = {_short_address(value)}" if isinstance(value, str) else None
        case "amount":
            return f"{key} = {value}" if _amount(value) is not None else None
        case "input_mint" | "output_mint":
            return f"{key.removesuffix('_mint')} = {symbol(value)}" if isinstance(value, str) else None
        case _:
            return f"{key} = {compact_json(value)}" if has_room else None


def _short_address(address: str) -> str:
    return f"{address[:_ADDRESS_SHOWN]}..." if len(address) > _ADDRESS_SHOWN else address


def _second_account(result: JsonValue) -> str | None:
    for instruction in _instructions(result)[:1]:
        accounts = as_dicts(instruction.get("accounts"))
        if len(accounts) > 1:
            return text_of(accounts[1], "pubkey")
    return None


def _instructions(result: JsonValue, depth: int = _RESULT_DEPTH) -> list[dict[str, Any]]:
    """The instructions in a result: a list, or JSON text of one, below `instructions` or `results`."""
    if depth == 0:
        return []
    if isinstance(result, str):
        return _instructions(_parsed(result), depth - 1)
    if isinstance(result, dict):
        inner = result.get("instructions", result.get("results"))
        return _instructions(inner, depth - 1)
    return [item for item in as_dicts(result) if "program_id" in item or "accounts" in item]


def _parsed(text: str) -> JsonValue:
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
