"""Solana addresses: the constants that benchmarks use, base58, and associated token accounts.

Pure arithmetic, so that the server can resolve an address without loading a Solana library.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NewType

Address = NewType("Address", str)
"""A base58 public key of 32 bytes."""

SYSTEM_PROGRAM = Address("11111111111111111111111111111111")
TOKEN_PROGRAM = Address("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022_PROGRAM = Address("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED_TOKEN_PROGRAM = Address("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
JUPITER_ROUTER_PROGRAM = Address("JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4")
JUPITER_LENDING_PROGRAM = Address("jup3YeL8QhtSx1e253b2FDvsMNC87fDrgQZivbrndc9")
WRAPPED_SOL_MINT = Address("So11111111111111111111111111111111111111112")
WRAPPED_SOL_2022_MINT = Address("9pan9bMn5HatX4EJdBwg9VgCa7Uz5HL8N1m5D3NdXejP")
"""Of Token-2022, whose wrapped SOL is another one."""
USDC_MINT = Address("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
USDT_MINT = Address("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB")

MINT_DECIMALS = {WRAPPED_SOL_MINT: 9, WRAPPED_SOL_2022_MINT: 9, USDC_MINT: 6, USDT_MINT: 6}

NATIVE_MINTS: dict[str, str] = {TOKEN_PROGRAM: WRAPPED_SOL_MINT, TOKEN_2022_PROGRAM: WRAPPED_SOL_2022_MINT}
"""Per token program the mint whose amounts are lamports."""

ADDRESS_BYTES = 32
# Decoding is quadratic; the longest text that can be real is the data of one transaction (1232 bytes).
MAX_BASE58_LENGTH = 4096

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {character: value for value, character in enumerate(_ALPHABET)}
_FIELD = 2**255 - 19
_EDWARDS_D = -121665 * pow(121666, -1, _FIELD) % _FIELD


def b58encode(data: bytes) -> str:
    """`data` in base58 with Bitcoin's alphabet, leading zero bytes as `1`."""
    number = int.from_bytes(data, "big")
    characters = []
    while number:
        number, digit = divmod(number, 58)
        characters.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(characters))


def b58decode(text: str) -> bytes:
    """The bytes of a base58 text; ValueError when it is none."""
    if len(text) > MAX_BASE58_LENGTH:
        raise ValueError(f"base58 text of {len(text)} characters is longer than {MAX_BASE58_LENGTH}")
    number = 0
    for position, character in enumerate(text):
        digit = _DIGITS.get(character)
        if digit is None:
            raise ValueError(f"{character!a} at position {position} is not a base58 digit")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def is_address(text: str) -> bool:
    """Whether `text` is the base58 form of 32 bytes, so not a placeholder."""
    try:
        return 32 <= len(text) <= 44 and len(b58decode(text)) == ADDRESS_BYTES
    except ValueError:
        return False


def is_on_curve(key: bytes) -> bool:
    """Whether 32 bytes are a point of ed25519, that is, could have a private key."""
    y = (int.from_bytes(key, "little") & (2**255 - 1)) % _FIELD
    numerator = (y * y - 1) % _FIELD
    denominator = (_EDWARDS_D * y * y + 1) % _FIELD
    x_squared = numerator * pow(denominator, -1, _FIELD) % _FIELD
    return x_squared == 0 or pow(x_squared, (_FIELD - 1) // 2, _FIELD) == 1


@lru_cache(maxsize=4096)
def find_associated_token_address(owner: str, mint: str, token_program: str) -> tuple[Address, int]:
    """The associated token account of `owner` for `mint` and its bump; ValueError for a malformed address."""
    seeds = b"".join(_decode_address(part) for part in (owner, token_program, mint))
    program = b58decode(ASSOCIATED_TOKEN_PROGRAM)
    for bump in range(255, -1, -1):
        digest = hashlib.sha256(seeds + bytes([bump]) + program + b"ProgramDerivedAddress").digest()
        if not is_on_curve(digest):
            return Address(b58encode(digest)), bump
    raise ValueError("no bump gives an address off the curve")


def associated_token_address(owner: str, mint: str, token_program: str = TOKEN_PROGRAM) -> Address:
    """The address of the token account that `owner` has for `mint` by convention."""
    return find_associated_token_address(owner, mint, token_program)[0]


def _decode_address(text: str) -> bytes:
    decoded = b58decode(text)
    if len(decoded) != ADDRESS_BYTES:
        raise ValueError(f"{text!r} is {len(decoded)} bytes long, an address has {ADDRESS_BYTES}")
    return decoded
