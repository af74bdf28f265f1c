"""Every kind of account that the environment makes equals the one that the real programs make."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, field

import pytest
from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta
from solders.instruction import Instruction as VmInstruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.token.state import Mint
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from runner_bridge.formats.addresses import (
    ASSOCIATED_TOKEN_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    USDC_MINT,
    WRAPPED_SOL_2022_MINT,
    WRAPPED_SOL_MINT,
    associated_token_address,
)
from runner_bridge.formats.benchmarks.benchmark import InitialAccount, parse_benchmark
from runner_bridge.formats.benchmarks.declared_mint import TransferFee, declared_mint
from runner_bridge.formats.benchmarks.runnable import is_token_account, mint_programs, why_not_runnable
from runner_bridge.local_runner.environment import Environment
from runner_bridge.local_runner.instructions import AccountUse, Instruction
from runner_bridge.local_runner.vm import Vm

RENT = {size: Vm(0).rent(size) for size in (0, 82, 165, 170, 278)}
OUTSIDER = "CdZKQBNRJZB44HfyMThCxvURKZpDkPQiLPDfm5Di1GCW"
OWN_ADDRESS, OWN_ADDRESS_2022, OWN_ADDRESS_FEE = (
    str(Keypair.from_seed(bytes([n] * 32)).pubkey()) for n in (1, 2, 3)
)

# Of each kind that there is, by placeholder and by address, poor and rich.
STATE = f"""
  - {{pubkey: USER_WALLET_PUBKEY, owner: "{SYSTEM_PROGRAM}", lamports: 1000000000}}
  - {{pubkey: EMPTY_WALLET, owner: "{SYSTEM_PROGRAM}", lamports: 0}}
  - {{pubkey: "{OUTSIDER}", owner: "{SYSTEM_PROGRAM}", lamports: 7000000}}
  - {{pubkey: OUR_MINT, owner: "{TOKEN_PROGRAM}", lamports: {RENT[82]}, mint_data: {{decimals: 3}}}}
  - {{pubkey: OUR_MINT_2022, owner: "{TOKEN_2022_PROGRAM}", lamports: {RENT[82] + 5}, mint_data: {{decimals: 2}}}}
  - {{pubkey: FEE_MINT, owner: "{TOKEN_2022_PROGRAM}", lamports: {RENT[278]},
      mint_data: {{decimals: 2, transfer_fee: {{basis_points: 125, maximum: 70000}}}}}}
  - {{pubkey: FEE_ATA, owner: "{TOKEN_2022_PROGRAM}", lamports: 2039280,
      data: {{mint: FEE_MINT, owner: USER_WALLET_PUBKEY, amount: "1000"}}}}
  - {{pubkey: MEMO_ATA, owner: "{TOKEN_2022_PROGRAM}", lamports: 2039280,
      data: {{mint: OUR_MINT_2022, owner: EMPTY_WALLET, amount: "5", memo_required: true}}}}
  - {{pubkey: "{OWN_ADDRESS_FEE}", owner: "{TOKEN_2022_PROGRAM}", lamports: 2039280,
      data: {{mint: FEE_MINT, owner: EMPTY_WALLET, amount: "6", memo_required: true}}}}
  - {{pubkey: USDC_ATA, owner: "{TOKEN_PROGRAM}", lamports: 2039280,
      data: {{mint: "{USDC_MINT}", owner: USER_WALLET_PUBKEY, amount: "50000000"}}}}
  - {{pubkey: OUR_ATA, owner: "{TOKEN_PROGRAM}", lamports: 5000000,
      data: {{mint: OUR_MINT, owner: "{OUTSIDER}", amount: "0"}}}}
  - {{pubkey: OUR_ATA_2022, owner: "{TOKEN_2022_PROGRAM}", lamports: 2039280,
      data: {{mint: OUR_MINT_2022, owner: USER_WALLET_PUBKEY, amount: "77"}}}}
  - {{pubkey: "{OWN_ADDRESS}", owner: "{TOKEN_PROGRAM}", lamports: 2039280,
      data: {{mint: "{USDC_MINT}", owner: USER_WALLET_PUBKEY, amount: "1"}}}}
  - {{pubkey: "{OWN_ADDRESS_2022}", owner: "{TOKEN_2022_PROGRAM}", lamports: 2039280,
      data: {{mint: OUR_MINT_2022, owner: USER_WALLET_PUBKEY, amount: "2"}}}}
  - {{pubkey: WRAPPED, owner: "{TOKEN_PROGRAM}", lamports: {RENT[165]},
      data: {{mint: "{WRAPPED_SOL_MINT}", owner: USER_WALLET_PUBKEY, amount: "300000000"}}}}
  - {{pubkey: WRAPPED_AS_ON_CHAIN, owner: "{TOKEN_PROGRAM}", lamports: {RENT[165] + 300_000_000},
      data: {{mint: "{WRAPPED_SOL_MINT}", owner: "{OUTSIDER}", amount: "300000000"}}}}
  - {{pubkey: WRAPPED_WITH_MORE, owner: "{TOKEN_PROGRAM}", lamports: {RENT[165] + 400_000_000},
      data: {{mint: "{WRAPPED_SOL_MINT}", owner: EMPTY_WALLET, amount: "300000000"}}}}
  - {{pubkey: WRAPPED_2022, owner: "{TOKEN_2022_PROGRAM}", lamports: {RENT[170] + 9},
      data: {{mint: "{WRAPPED_SOL_2022_MINT}", owner: USER_WALLET_PUBKEY, amount: "9"}}}}
"""
TEXT = f"""
id: accounts
description: every kind
prompt: do nothing
tags: []
initial_state: {STATE}
ground_truth: {{final_state_assertions: []}}
"""

NATIVE_MINT_OF_GENESIS = bytes(44) + bytes([9, 1]) + bytes(36)
"""`native_mint::ACCOUNT_DATA` of solana's inline_spl_token: the one mint that no program made."""


def environment() -> Environment:
    benchmark = parse_benchmark(TEXT.encode(), "accounts.yml")
    assert why_not_runnable(benchmark) is None
    return Environment(benchmark)


@dataclass
class Programs:
    """A chain that accepts any signature, so that any account can be made at any address."""

    vm: Vm = field(default_factory=lambda: Vm(int(time.time())))
    payer: str = field(default_factory=lambda: str(Keypair().pubkey()))

    def __post_init__(self) -> None:
        self.vm._svm.set_sigverify(False)
        self.vm._svm.airdrop(Pubkey.from_string(self.payer), 10**12)

    def call(self, program: str, accounts: list[tuple[str, str]], data: bytes) -> None:
        """`accounts` are pairs of an address and what it is: `s` signs, `w` is written to."""
        uses = [AccountMeta(Pubkey.from_string(key), "s" in how, "w" in how) for key, how in accounts]
        call = VmInstruction(Pubkey.from_string(program), data, uses)
        self.vm._svm.expire_blockhash()
        blockhash: Hash = self.vm._svm.latest_blockhash()
        message = Message.new_with_blockhash([call], Pubkey.from_string(self.payer), blockhash)
        signatures = [Signature.new_unique()] * message.header.num_required_signatures
        sent = self.vm._svm.send_transaction(VersionedTransaction.populate(message, signatures))
        assert not isinstance(sent, FailedTransactionMetadata), sent

    def pay(self, address: str, lamports: int) -> None:
        if lamports:
            to = [(self.payer, "sw"), (address, "w")]
            self.call(SYSTEM_PROGRAM, to, struct.pack("<IQ", 2, lamports))

    def allocate(self, address: str, size: int, program: str) -> None:
        """System CreateAccount, with the rent of that size."""
        owner = bytes(Pubkey.from_string(program))
        data = struct.pack("<IQQ32s", 0, self.vm.rent(size), size, owner)
        self.call(SYSTEM_PROGRAM, [(self.payer, "sw"), (address, "sw")], data)

    def initialize_mint(
        self, address: str, program: str, decimals: int, authority: str, fee: TransferFee | None
    ) -> None:
        self.allocate(address, 82 if fee is None else 278, program)
        if fee is not None:
            nobody = b"\0\0"
            rate = struct.pack("<HQ", fee.basis_points, fee.maximum)
            self.call(program, [(address, "w")], bytes([26, 0]) + nobody + rate)
        data = bytes([20, decimals]) + bytes(Pubkey.from_string(authority)) + b"\0"
        self.call(program, [(address, "w")], data)

    def create_native_mint_2022(self) -> None:
        accounts = [(self.payer, "sw"), (WRAPPED_SOL_2022_MINT, "w"), (SYSTEM_PROGRAM, "")]
        self.call(TOKEN_2022_PROGRAM, accounts, bytes([31]))

    def create_associated(self, address: str, owner: str, mint: str, program: str) -> None:
        accounts = [(self.payer, "sw"), (address, "w"), (owner, ""), (mint, "")]
        accounts += [(SYSTEM_PROGRAM, ""), (program, "")]
        self.call(ASSOCIATED_TOKEN_PROGRAM, accounts, b"\0")

    def initialize_account(self, address: str, owner: str, mint: str, program: str, size: int) -> None:
        self.allocate(address, size, program)
        data = bytes([18]) + bytes(Pubkey.from_string(owner))
        self.call(program, [(address, "w"), (mint, "")], data)

    def mint_to(self, address: str, mint: str, program: str, authority: str, amount: int) -> None:
        if amount:
            accounts = [(mint, "w"), (address, "w"), (authority, "s")]
            self.call(program, accounts, struct.pack("<BQ", 7, amount))

    def require_memo(self, address: str, owner: str) -> None:
        """Reallocate for the extension MemoTransfer, and then Enable."""
        payer = [(self.payer, "sw"), (SYSTEM_PROGRAM, ""), (owner, "s")]
        self.call(TOKEN_2022_PROGRAM, [(address, "w"), *payer], struct.pack("<BH", 29, 8))
        self.call(TOKEN_2022_PROGRAM, [(address, "w"), (owner, "s")], bytes([30, 0]))

    def wrap(self, address: str, program: str, amount: int) -> None:
        """A transfer of lamports, and SyncNative."""
        self.pay(address, amount)
        self.call(program, [(address, "w")], bytes([17]))


def made_by_programs(made: Environment) -> Programs:
    """The state of that environment, account by account, by instructions of the programs that own them."""
    real = Programs()
    benchmark = made._benchmark
    authorities: dict[str, str] = {}
    mints = {account.pubkey: declared_mint(account) for account in benchmark.initial_state}
    fees = {name: mint.transfer_fee for name, mint in mints.items() if mint is not None}
    for name, program in mint_programs(benchmark).items():
        address = made._resolve(name)
        account = made._vm.account(address)
        assert account is not None
        state = Mint.from_bytes(account.data[:82])
        if address == WRAPPED_SOL_2022_MINT:
            real.create_native_mint_2022()
        elif address == WRAPPED_SOL_MINT:
            # It was there before any program: at its first block.
            genesis = Account(RENT[82], NATIVE_MINT_OF_GENESIS, Pubkey.from_string(program))
            real.vm.set_account(address, genesis)
        else:
            authorities[address] = str(state.mint_authority)
            fee = fees.get(name)
            real.initialize_mint(address, program, state.decimals, authorities[address], fee)
            real.pay(address, account.lamports - RENT[82 if fee is None else 278])
    for declared in benchmark.initial_state:
        if is_token_account(declared):
            has_fee = declared.data is not None and fees.get(declared.data.mint or "") is not None
            make_token_account(real, made, declared, authorities, has_fee)
        elif declared.owner == SYSTEM_PROGRAM:
            real.pay(made._resolve(declared.pubkey), declared.lamports or 0)
    return real


def make_token_account(
    real: Programs, made: Environment, account: InitialAccount, authorities: dict[str, str], has_fee: bool
) -> None:
    data, program = account.data, account.owner
    assert data is not None and data.owner is not None and data.mint is not None
    address, owner, mint = (made._resolve(name) for name in (account.pubkey, data.owner, data.mint))
    amount = int(data.amount or 0)
    if address != associated_token_address(owner, mint, program):
        real.initialize_account(address, owner, mint, program, 178 if has_fee else 165)
    else:
        real.create_associated(address, owner, mint, program)
    if data.memo_required:
        real.require_memo(address, owner)
    created = real.vm.account(address)
    assert created is not None
    held = created.lamports
    if mint in authorities:
        real.mint_to(address, mint, program, authorities[mint], amount)
    else:
        real.wrap(address, program, amount)
        held += amount
    real.pay(address, max(0, (account.lamports or 0) - held))


def test_every_account_is_byte_by_byte_what_the_programs_make_of_it() -> None:
    made = environment()
    real = made_by_programs(made)
    addresses = {made._resolve(name) for name in (*made.key_map, *mint_programs(made._benchmark))}
    compared = 0
    for address in addresses - {SYSTEM_PROGRAM, TOKEN_PROGRAM, TOKEN_2022_PROGRAM}:
        ours, theirs = made._vm.account(address), real.vm.account(address)
        names = [name for name, mapped in made.key_map.items() if mapped == address]
        assert ours == theirs, (names, ours, theirs)
        compared += 1
    assert compared == 18 + 4, "the accounts of the benchmark, and the mints that are always there"


@pytest.mark.parametrize(
    ("name", "lamports", "size"),
    [
        ("WRAPPED", RENT[165] + 300_000_000, 165),
        ("WRAPPED_AS_ON_CHAIN", RENT[165] + 300_000_000, 165),
        ("WRAPPED_WITH_MORE", RENT[165] + 400_000_000, 165),
        ("OUR_ATA_2022", RENT[170], 170),
        ("FEE_MINT", RENT[278], 278),
        ("FEE_ATA", Vm(0).rent(182), 182),
        ("MEMO_ATA", Vm(0).rent(175), 175),
        (OWN_ADDRESS_FEE, Vm(0).rent(183), 183),
        (OWN_ADDRESS_2022, RENT[165], 165),
    ],
)
def test_what_an_account_holds_is_seen(name: str, lamports: int, size: int) -> None:
    states = environment().initial_observation()["account_states"]
    assert isinstance(states, dict)
    assert (states[name]["lamports"], states[name]["data_len"]) == (lamports, size)


SET_AUTHORITY, ACCOUNT_OWNER = 6, 2
IMMUTABLE_OWNER = "custom program error: 0x22"


@pytest.mark.parametrize(
    ("name", "program", "error"),
    [
        ("OUR_ATA_2022", TOKEN_2022_PROGRAM, IMMUTABLE_OWNER),
        (OWN_ADDRESS_2022, TOKEN_2022_PROGRAM, None),
        ("USDC_ATA", TOKEN_PROGRAM, None),
    ],
)
def test_the_owner_of_an_account_can_be_changed_only_where_the_chain_allows_it(
    name: str, program: str, error: str | None
) -> None:
    made = environment()
    accounts = (
        AccountUse(made.key_map[name], False, True),
        AccountUse(made.key_map["USER_WALLET_PUBKEY"], True, False),
    )
    data = bytes([SET_AUTHORITY, ACCOUNT_OWNER, 1]) + bytes(Pubkey.from_string(OUTSIDER))
    found = made.execute([Instruction(program, accounts, data)])["last_transaction_error"]
    assert found is None if error is None else error in str(found)


def test_a_well_known_mint_cannot_be_declared_as_another_one() -> None:
    text = TEXT.replace("OUR_MINT,", f'"{USDC_MINT}",').replace("mint: OUR_MINT,", f'mint: "{USDC_MINT}",')
    assert "would replace the mint" in str(why_not_runnable(parse_benchmark(text.encode(), "accounts.yml")))
    same = text.replace("decimals: 3", "decimals: 6")
    assert why_not_runnable(parse_benchmark(same.encode(), "accounts.yml")) is None
