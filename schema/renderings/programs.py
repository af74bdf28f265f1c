"""The names and icons that the transaction logs give to Solana programs."""

from __future__ import annotations

from runner_bridge.formats.addresses import (
    ASSOCIATED_TOKEN_PROGRAM,
    JUPITER_ROUTER_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_PROGRAM,
)
from store.records import record

OTHER_ICON = "📄"
_NAME_LENGTH = 8


@record
class Program:
    """How a program is shown."""

    name: str
    icon: str


_KNOWN: dict[str, Program] = {
    SYSTEM_PROGRAM: Program("System", "🔹"),
    TOKEN_PROGRAM: Program("SPL Token", "🪙"),
    ASSOCIATED_TOKEN_PROGRAM: Program("Associated Token", "🏦"),
    JUPITER_ROUTER_PROGRAM: Program("Jupiter Router", "🚀"),
    "TessVdML9pBGgG9yGks7o4HewRaXVAMuoVj4x83GLQH": Program("Tessellate", "🔸"),
    "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM": Program("Serum DEX", "📈"),
    "9H6tua7jkLhdm3w8BvgpTn5LZNU7g4ZynDmCiNN3q6Rp": Program("Raydium DEX", "🦐"),
    "SysvarRent111111111111111111111111111111111": Program("Sysvar Rent", OTHER_ICON),
    "SysvarC1ock11111111111111111111111111111111": Program("Sysvar Clock", OTHER_ICON),
}


def program(program_id: str) -> Program:
    """Name and icon of a program; one that is not known is called by the first eight characters of its id."""
    return _KNOWN.get(program_id) or Program(f"Program {program_id[:_NAME_LENGTH]}", OTHER_ICON)
