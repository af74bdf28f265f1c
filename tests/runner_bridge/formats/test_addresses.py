from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from runner_bridge.formats import addresses
from runner_bridge.formats.addresses import (
    associated_token_address,
    b58decode,
    b58encode,
    find_associated_token_address,
    is_address,
    is_on_curve,
)


@given(st.binary(max_size=80))
def test_base58_gives_back_what_it_took(data: bytes) -> None:
    assert b58decode(b58encode(data)) == data


@given(st.binary(min_size=32, max_size=32))
def test_addresses_and_the_curve_are_those_of_solana(key: bytes) -> None:
    reference = Pubkey(key)
    assert b58encode(key) == str(reference)
    assert is_on_curve(key) == reference.is_on_curve()


@given(*[st.binary(min_size=32, max_size=32)] * 3)
def test_associated_token_accounts_are_those_of_solana(owner: bytes, mint: bytes, program: bytes) -> None:
    expected, bump = Pubkey.find_program_address(
        [owner, program, mint], Pubkey.from_string(addresses.ASSOCIATED_TOKEN_PROGRAM)
    )
    found = find_associated_token_address(b58encode(owner), b58encode(mint), b58encode(program))
    assert found == (str(expected), bump)


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "é", "a b", "\0", "1" * 5000])
def test_what_is_not_base58_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="base58"):
        b58decode(text)


def test_an_address_has_32_bytes() -> None:
    assert is_address(addresses.SYSTEM_PROGRAM)
    assert is_address(addresses.USDC_MINT)
    assert not is_address("USER_WALLET_PUBKEY")
    assert not is_address("3Bxs411Dtc7pkFQj")
    with pytest.raises(ValueError, match="an address has 32"):
        associated_token_address("3Bxs411Dtc7pkFQj", addresses.USDC_MINT)


def test_every_constant_is_an_address() -> None:
    constants = {
        name: value for name, value in vars(addresses).items() if name.endswith(("_PROGRAM", "_MINT"))
    }
    assert constants.keys() >= {"SYSTEM_PROGRAM", "TOKEN_2022_PROGRAM", "JUPITER_ROUTER_PROGRAM", "USDC_MINT"}
    assert all(is_address(value) for value in constants.values())
