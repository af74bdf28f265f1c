"""Decides from the definition alone whether the local runner can execute a benchmark, without starting a VM.

The server shows the answer before a launch, and the local runner refuses with the same reason.
The VM bundles the programs below and no other account; of mints, it can make the well-known plain ones and
those that a benchmark declares itself (`mint_data`, see `declared_mint`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from runner_bridge.formats.addresses import (
    ASSOCIATED_TOKEN_PROGRAM,
    JUPITER_LENDING_PROGRAM,
    JUPITER_ROUTER_PROGRAM,
    MINT_DECIMALS,
    NATIVE_MINTS,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    WRAPPED_SOL_2022_MINT,
    Address,
    is_address,
)
from runner_bridge.formats.benchmarks.benchmark import Benchmark, InitialAccount
from runner_bridge.formats.benchmarks.declared_mint import declared_mint
from runner_bridge.formats.benchmarks.ground_truth import AddressDerivation
from runner_bridge.formats.benchmarks.remarks import FEE_PAYER, RemarkKind

BUNDLED_PROGRAMS = frozenset(
    {
        SYSTEM_PROGRAM,
        TOKEN_PROGRAM,
        TOKEN_2022_PROGRAM,
        ASSOCIATED_TOKEN_PROGRAM,
        "ComputeBudget111111111111111111111111111111",
        "Vote111111111111111111111111111111111111111",
        "Stake11111111111111111111111111111111111111",
        "AddressLookupTab1e1111111111111111111111111",
        "BPFLoader1111111111111111111111111111111111",
        "BPFLoader2111111111111111111111111111111111",
        "BPFLoaderUpgradeab1e11111111111111111111111",
        "Ed25519SigVerify111111111111111111111111111",
        "KeccakSecp256k11111111111111111111111111111",
        "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
        "Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo",
    }
)
TOKEN_PROGRAMS = (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)
WELL_KNOWN_MINTS: dict[str, str] = {
    **dict.fromkeys(MINT_DECIMALS, TOKEN_PROGRAM),
    WRAPPED_SOL_2022_MINT: TOKEN_2022_PROGRAM,
}
"""The mints that are here without being declared, and their token programs."""

ELSEWHERE = "reev-runner with surfpool can run it"

_JUPITER = re.compile(r"\bjup(iter)?\b", re.IGNORECASE)
_MAX_U64 = 2**64 - 1
T = TypeVar("T")


def why_not_runnable(benchmark: Benchmark) -> str | None:
    """Why the local runner cannot execute `benchmark`, in one line; None when it can."""
    for find in _CHECKS:
        reason = next(find(benchmark), None)
        if reason is None:
            continue
        refused = any(remark.kind is RemarkKind.UPSTREAM_REFUSES for remark in benchmark.remarks)
        return reason if refused or find in _FAULTS else f"{reason}; {ELSEWHERE}"
    return None


def mint_decimals(account: InitialAccount) -> int | None:
    """The decimals of the mint that `account` declares; None when it declares none."""
    declared = declared_mint(account)
    return None if declared is None else declared.decimals


def is_token_account(account: InitialAccount) -> bool:
    """Whether `account` sets up a token balance."""
    return account.owner in TOKEN_PROGRAMS and account.data is not None


def mint_programs(benchmark: Benchmark) -> dict[str, str]:
    """The mints that can be made for `benchmark`, by placeholder or address, and their token programs."""
    declared = {
        account.pubkey: account.owner
        for account in benchmark.initial_state
        if account.owner in TOKEN_PROGRAMS and mint_decimals(account) is not None
    }
    return {**declared, **WELL_KNOWN_MINTS}


def _dynamic(benchmark: Benchmark) -> Iterator[str]:
    if benchmark.is_dynamic:
        yield "it is a dynamic flow, which needs upstream's planner"


def _jupiter(benchmark: Benchmark) -> Iterator[str]:
    texts = (*benchmark.tags, benchmark.prompt, *(step.prompt for step in benchmark.flow))
    if any(_JUPITER.search(text) for text in texts):
        yield "it needs Jupiter, whose programs are not bundled"


def _programs(benchmark: Benchmark) -> Iterator[str]:
    called = (instruction.program_id for instruction in benchmark.ground_truth.expected_instructions)
    for program in (*called, *(account.owner for account in benchmark.initial_state)):
        if program is not None and program not in BUNDLED_PROGRAMS:
            yield f"{_program_name(program)} {program} is not bundled"


def _mints(benchmark: Benchmark) -> Iterator[str]:
    makeable = mint_programs(benchmark)
    needed = [derivation.mint for derivation in _derivations(benchmark)]
    needed += [account.data.mint for account in benchmark.initial_state if account.data and account.data.mint]
    for mint in needed:
        if mint not in makeable:
            yield f"the mint {mint} is not bundled, and initial_state declares none (mint_data)"


def _derivations(benchmark: Benchmark) -> list[AddressDerivation]:
    found = (assertion.address_derivation for assertion in benchmark.ground_truth.final_state_assertions)
    return [derivation for derivation in found if derivation is not None]


def _wallets(benchmark: Benchmark) -> Iterator[str]:
    pubkeys = [account.pubkey for account in benchmark.initial_state]
    if FEE_PAYER not in pubkeys:
        yield f"initial_state has no {FEE_PAYER} to pay the fee"
    yield from (f"initial_state has {pubkey} twice" for pubkey in _repeated(pubkeys))
    if sum(account.lamports or 0 for account in benchmark.initial_state) > _MAX_U64:
        yield "the lamports of initial_state add up to more than there can be"


def _accounts(benchmark: Benchmark) -> Iterator[str]:
    for account in benchmark.initial_state:
        if account.lamports is None:
            yield f"{account.pubkey} has no lamports"
        if account.pubkey in BUNDLED_PROGRAMS:
            yield f"initial_state would replace the program {account.pubkey}"
        if account.pubkey in WELL_KNOWN_MINTS and not _is_well_known(account):
            yield f"initial_state would replace the mint {account.pubkey} by another one"
        if account.pubkey == FEE_PAYER and account.owner != SYSTEM_PROGRAM:
            yield f"{FEE_PAYER} does not belong to the System program, so it cannot pay the fee"
        yield from _token_account(benchmark, account) if is_token_account(account) else _plain(account)


def _is_well_known(account: InitialAccount) -> bool:
    """Whether `account` declares a well-known mint as it is."""
    program = WELL_KNOWN_MINTS[account.pubkey]
    decimals = MINT_DECIMALS[Address(account.pubkey)]
    return (account.owner, mint_decimals(account)) == (program, decimals)


def _plain(account: InitialAccount) -> Iterator[str]:
    declared = declared_mint(account)
    if declared is not None and declared.transfer_fee is not None and account.owner != TOKEN_2022_PROGRAM:
        yield f"{account.pubkey} has a transfer fee, but {account.owner} is not Token-2022"
    if account.owner != SYSTEM_PROGRAM and declared is None:
        yield f"{account.pubkey} belongs to {account.owner}, but nothing says what it holds"
    if account.data is not None:
        yield f"{account.pubkey} has data, but {account.owner} is not a token program"


def _token_account(benchmark: Benchmark, account: InitialAccount) -> Iterator[str]:
    data = account.data
    if data is None or data.mint is None or data.owner is None or data.amount is None:
        yield f"the data of {account.pubkey} is not mint, owner and amount"
        return
    if data.memo_required and account.owner != TOKEN_2022_PROGRAM:
        yield f"{account.pubkey} requires a memo, but {account.owner} is not Token-2022"
    if int(data.amount) + (account.lamports or 0) > _MAX_U64:
        yield f"the amount of {account.pubkey} is more than a token account can hold"
    owners = {item.pubkey for item in benchmark.initial_state if not is_token_account(item)}
    if data.owner not in owners and not is_address(data.owner):
        yield f"{account.pubkey} belongs to {data.owner}, which initial_state does not have as an owner"
    if mint_programs(benchmark).get(data.mint) != account.owner:
        yield f"{account.pubkey} and its mint {data.mint} belong to different token programs"


def _token_accounts(benchmark: Benchmark) -> Iterator[str]:
    holdings = [account.data for account in benchmark.initial_state if account.data is not None]
    placeholders = [
        (account.data.owner, account.data.mint)
        for account in benchmark.initial_state
        if account.data is not None and not is_address(account.pubkey)
    ]
    for owner, mint in _repeated(placeholders):
        yield f"initial_state has two token accounts of {owner} for {mint}, which are the same account"
    for mint in {data.mint for data in holdings if data.mint not in NATIVE_MINTS.values()}:
        if sum(int(data.amount or 0) for data in holdings if data.mint == mint) > _MAX_U64:
            yield f"the amounts of {mint} add up to more than there can be"


def _program_name(program: str) -> str:
    if program == JUPITER_ROUTER_PROGRAM:
        return "the Jupiter router program"
    return "the Jupiter lending program" if program == JUPITER_LENDING_PROGRAM else "the program"


def _derived_accounts(benchmark: Benchmark) -> Iterator[str]:
    for derivation in _derivations(benchmark):
        if derivation.token_program not in (None, *TOKEN_PROGRAMS):
            yield f"{derivation.token_program} is not a token program to derive an address with"


def _repeated(values: list[T]) -> list[T]:
    return [value for value, count in Counter(values).items() if count > 1]


_Check = Callable[[Benchmark], Iterator[str]]
# What is missing here but not upstream, and what no runner could set up.
_ABSENCES: tuple[_Check, ...] = (_dynamic, _jupiter, _programs, _mints)
_FAULTS: tuple[_Check, ...] = (_wallets, _accounts, _token_accounts, _derived_accounts)
_CHECKS = _ABSENCES + _FAULTS
