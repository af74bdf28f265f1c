"""Which benchmarks the local runner takes on; a reason for each it refuses, before any VM is started."""

from __future__ import annotations

import pytest

from runner_bridge.formats.addresses import associated_token_address
from runner_bridge.formats.benchmarks.benchmark import parse_benchmark
from runner_bridge.formats.benchmarks.reference_answer import declared_names
from runner_bridge.formats.benchmarks.runnable import ELSEWHERE, why_not_runnable
from runner_bridge.local_runner.environment import Environment
from tests.helpers.local_runner import BENCHMARKS
from tests.helpers.places import REAL_DATA

SPL_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
FEE = "      transfer_fee: {basis_points: 100, maximum: 500}\n"
PYUSD = "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFHu24GXo"
MINT = "    lamports: 1461600\n    mint_data:\n      decimals: 2\n"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"


def reason(name: str, *changes: tuple[str, str]) -> str | None:
    """The answer for a shipped benchmark, with its text changed."""
    text = (BENCHMARKS / f"{name}.yml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return why_not_runnable(parse_benchmark(text.encode(), f"{name}.yml"))


def test_all_shipped_benchmarks_are_runnable() -> None:
    assert {reason(path.stem) for path in BENCHMARKS.glob("*.yml")} == {None}


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("001-sol-transfer", "tags: [", 'tags: ["dynamic", ', "dynamic flow"),
        ("001-sol-transfer", "tags: [", 'tags: ["jup", ', "Jupiter"),
        ("001-sol-transfer", "Pay 0.1 SOL", "Swap 0.1 SOL on Jupiter", "Jupiter"),
        (
            "008-wrap-sol",
            'program_id: "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"',
            'program_id: "jup3YeL8QhtSx1e253b2FDvsMNC87fDrgQZivbrndc9"',
            "the Jupiter lending program jup3YeL8QhtSx1e253b2FDvsMNC87fDrgQZivbrndc9 is not bundled",
        ),
        ("002-spl-transfer", USDC, PYUSD, f"the mint {PYUSD} is not bundled"),
        (
            "005-spl-transfer-new-account",
            f'  mint: "{USDC}"\n      expected',
            f'  mint: "{PYUSD}"\n      expected',
            PYUSD,
        ),
    ],
)
def test_what_is_missing_here_can_be_had_elsewhere(name: str, old: str, new: str, why: str) -> None:
    text = reason(name, (old, new))
    assert text is not None
    assert why in text
    assert text.endswith(ELSEWHERE)


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        (
            "001-sol-transfer",
            '- pubkey: "USER_WALLET_PUBKEY" #',
            '- pubkey: "PAYER" #',
            "no USER_WALLET_PUBKEY",
        ),
        (
            "001-sol-transfer",
            '- pubkey: "RECIPIENT_WALLET_PUBKEY"\n    owner',
            '- pubkey: "USER_WALLET_PUBKEY"\n    owner',
            "twice",
        ),
        ("001-sol-transfer", "    lamports: 0 #", "    # lamports: 0 #", "no lamports"),
        (
            "001-sol-transfer",
            '- pubkey: "RECIPIENT_WALLET_PUBKEY"\n    owner',
            f'- pubkey: "{SPL_PROGRAM}"\n    owner',
            "replace the program",
        ),
        ("001-sol-transfer", "lamports: 1000000000", f"lamports: {2**64 - 1}", None),
        ("001-sol-transfer", "lamports: 0 #", f"lamports: {2**64 - 1} #", "add up"),
        ("006-token-2022-transfer", "    mint_data:\n      decimals: 2\n", "", "mint"),
        ("006-token-2022-transfer", "decimals: 2\n", "decimals: 256\n", "mint"),
        ("037-transfer-fee", "basis_points: 100 #", "basis_points: 10001 #", "COUPON_MINT"),
        ("013-token-without-decimals", "decimals: 0\n", f"decimals: 0\n{FEE}", "is not Token-2022"),
        ("002-spl-transfer", '"50000000"\n', '"50000000"\n      memo_required: true\n', "is not Token-2022"),
        ("002-spl-transfer", 'owner: "RECIPIENT_WALLET_PUBKEY"', 'owner: "SOMEBODY"', "SOMEBODY"),
        (
            "002-spl-transfer",
            'owner: "RECIPIENT_WALLET_PUBKEY"',
            'owner: "USER_WALLET_PUBKEY"',
            "same account",
        ),
        ("002-spl-transfer", 'amount: "50000000"', f'amount: "{2**64}"', "more than"),
        ("002-spl-transfer", 'amount: "0"', f'amount: "{2**64 - 5_000_000}"', "more than"),
        ("002-spl-transfer", '      amount: "50000000"\n', "", "not mint, owner and amount"),
    ],
)
def test_what_no_runner_could_set_up(name: str, old: str, new: str, why: str | None) -> None:
    text = reason(name, (old, new))
    if why is None:
        assert text is None
        return
    assert text is not None
    assert why in text


DERIVED_FROM_DERIVED = f"""
    - type: TokenAccountBalance
      pubkey: "INNER"
      address_derivation: {{type: AssociatedTokenAccount, owner: "RECIPIENT_WALLET_PUBKEY", mint: "{USDC}"}}
      expected: 0
    - type: TokenAccountBalance
      pubkey: "OUTER"
      address_derivation: {{type: AssociatedTokenAccount, owner: "INNER", mint: "{USDC}"}}
      expected: 0
"""


def test_every_declared_name_may_own_and_be_derived_from() -> None:
    text = (BENCHMARKS / "002-spl-transfer.yml").read_text()
    for old, new in (
        # A token account that belongs to an account which is no wallet.
        ("initial_state:\n", f'initial_state:\n  - pubkey: "A_MINT"\n    owner: "{SPL_PROGRAM}"\n{MINT}'),
        ('owner: "RECIPIENT_WALLET_PUBKEY"', 'owner: "A_MINT"'),
        ("final_state_assertions:\n", f"final_state_assertions:{DERIVED_FROM_DERIVED}"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    benchmark = parse_benchmark(text.encode(), "002-spl-transfer.yml")
    assert why_not_runnable(benchmark) is None
    names = Environment(benchmark).key_map
    assert names["INNER"] == associated_token_address(names["RECIPIENT_WALLET_PUBKEY"], USDC)
    assert names["OUTER"] == associated_token_address(names["INNER"], USDC)
    assert {"A_MINT", "INNER", "OUTER"} <= declared_names(benchmark)


def test_the_initial_state_of_whatever_is_runnable_can_be_made() -> None:
    paths = [*BENCHMARKS.glob("*.yml"), *(REAL_DATA / "benchmarks").glob("*.yml")]
    made = 0
    for path in paths:
        benchmark = parse_benchmark(path.read_bytes(), path.name)
        if why_not_runnable(benchmark) is None:
            Environment(benchmark)
            made += 1
    assert made >= 8


def test_the_largest_amounts_there_are_do_not_overflow() -> None:
    text = (
        (BENCHMARKS / "001-sol-transfer.yml")
        .read_text()
        .replace("lamports: 1000000000", f"lamports: {2**64 - 1}")
    )
    Environment(parse_benchmark(text.encode(), "rich.yml"))
    text = (
        (BENCHMARKS / "008-wrap-sol.yml")
        .read_text()
        .replace('amount: "0"', f'amount: "{2**64 - 1 - 10**10}"')
    )
    benchmark = parse_benchmark(text.encode(), "rich.yml")
    assert why_not_runnable(benchmark) is None
    Environment(benchmark)
