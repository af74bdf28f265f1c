"""The flow diagram: upstream's format put right, and no text that can break it."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner_bridge.formats.tool_logs.tool_log import parse_tool_log
from schema.renderings.call_labels import sol_amount
from schema.renderings.flow_diagram import FlowDiagram, FlowNodeKind, flow_diagram
from schema.renderings.mermaid_text import label
from store.model import ToolCall, ToolCallStatus
from tests.helpers.renderings import FRIEND, NOON, SOL, USDC, USER, call, sample

ID = r"[A-Za-z0-9_]+"
# One line of label: no syntax of Mermaid's, `#` only in entities, nothing that is not seen.
LABEL = r"(?:#\d{2,3};|[^\x00-\x1f\"#&*:;<>@\[\]\\^`{|}~$+\x7f-\x9f\u2028\u2029\ud800-\udfff\ue000-\uf8ff])+"
LINE = re.compile(
    rf"stateDiagram"
    rf"|    (?:\[\*\]|{ID}) --> (?:\[\*\]|{ID} : {LABEL}|Prompt)"
    rf"|    state {ID} {{|    }}"
    rf"|        state \"{ID}\" as {ID}"
    rf"|        {ID} --> {ID} : {LABEL}"
    rf"|classDef tools fill:grey|class {ID} tools|"
)
# Lines that Mermaid would read as something else than an arrow, wherever they stand.
INSTRUCTION = re.compile(r"direction\s|%%|accTitle|accDescr|-->.*-->", re.IGNORECASE)

HOSTILE = (
    '-->|--|:|;|{|}|<b>|<img src=x onerror=alert(1)>|</script>|"|`|%%|%%{init: {}}%%|#58;|&quot;|\n|\r\n|\u2028'
    "|\x00|\x1b[31m|direction LR|click Agent|state x {|note right of Agent : x|[*]|<<fork>>|$$x$$|1. a|- a"
    "|www.evil.com|[x](javascript:1)|ﬂ°60¶ß|👩‍👩‍👧|日本語|\u202e|\ud800|\ue03c|\ufffe|default|class|style|end"
    "|__proto__|constructor|Prompt|Agent|sol_transfer|transfer|a-b|\\|_a_|*a*"
).split("|")
text = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=6), max_size=6).map("".join) | st.text()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
names = text | st.sampled_from(["sol_transfer", "spl_transfer", "jupiter_swap", "transfer"])
known_keys = st.sampled_from(
    "user_pubkey recipient_pubkey to amount input_mint output_mint action mint mint_address operation".split()
)
params = st.dictionaries(known_keys | text, text | st.integers(0, 2**65), max_size=6) | json_values
calls = st.builds(
    call,
    names,
    params,
    json_values,
    ordinal=st.integers(1, 9),
    status=st.sampled_from(ToolCallStatus),
    started_at=st.none() | st.integers(0, 5).map(lambda minute: NOON + dt.timedelta(minutes=minute)),
)


def expected_lines(diagram: FlowDiagram) -> int:
    """Three lines before the calls, an arrow and a class per call, a block per transfer, an alias per account
    shown twice, and what ends it."""
    inner = sum(edge.parent is not None for edge in diagram.edges)
    aliases = diagram.text.count('        state "')
    return 4 + (2 + 2 * diagram.tool_count if diagram.tool_count else 0) + 3 * inner + aliases


def test_the_sample_flow() -> None:
    transfer_result = [{"program_id": "T", "accounts": [{"pubkey": USER}, {"pubkey": FRIEND}]}]
    flow = flow_diagram(
        'Swap 2 SOL; then send "all" <b>USDC</b> --> Bob\n',
        [
            call("jupiter_swap", {"amount": 5, "user_pubkey": USER, "slippage_bps": 100}, ordinal=4),
            call(
                "sol_transfer",
                {"user_pubkey": USER, "to": "RECIPIENT_WALLET_PUBKEY", "amount": 100_000},
                {"instruction_count": 2},
                ordinal=3,
            ),
            call(
                "spl_transfer",
                {"user_pubkey": USER, "recipient_pubkey": "R", "amount": 15_000_000, "mint_address": USDC},
                transfer_result,
                ordinal=2,
            ),
            call("jupiter_swap", {"amount": 2 * 10**9, "input_mint": SOL, "output_mint": USDC}, ordinal=1),
        ],
    )
    assert flow.text + "\n" == sample("flow.mmd")
    assert (flow.tool_count, flow.state_count) == (4, 6)
    swap = next(node for node in flow.nodes if node.id == "jupiter_swap")
    assert swap.calls == (1, 4)
    accounts = [
        (node.id, node.label, node.parent) for node in flow.nodes if node.kind == FlowNodeKind.ACCOUNT
    ]
    assert (f"{USER}_2", USER, "sol_transfer") in accounts


def test_the_real_tool_log_gives_the_intended_diagram(real_data: Path) -> None:
    path = next((real_data / "otel").glob("enhanced_otel_057d*.jsonl"))
    flow = flow_diagram(*_prompt_and_calls(path))
    expected = (real_data / "examples" / "mermaid_core.001.intended.mmd").read_text(encoding="utf-8")
    assert flow.text == expected.rstrip("\n")


def test_the_real_swap_differs_from_the_old_diagram_in_the_prompt_alone(real_data: Path) -> None:
    flow = flow_diagram(*_prompt_and_calls(real_data / "otel" / "enhanced_otel_300-swap-test.jsonl"))
    old = (real_data / "examples" / "mermaid_core.300-swap-test.actual.mmd").read_text(encoding="utf-8")
    prompt = "Prompt --> Agent : use my 50% sol to multiply usdc 1.5x on jup"
    assert flow.text == old.rstrip("\n").replace("Prompt --> Agent : |", prompt)


def _prompt_and_calls(path: Path) -> tuple[str | None, list[ToolCall]]:
    log = parse_tool_log(path.read_bytes())
    read = [
        call(item.name, item.params, item.result, ordinal=item.ordinal, started_at=item.started_at)
        for item in log.calls
    ]
    return log.prompts[0].user_prompt, read


def test_without_calls_there_are_no_classes() -> None:
    assert flow_diagram(None, []).text.splitlines() == [
        "stateDiagram",
        "    [*] --> Prompt",
        "    Prompt --> Agent : Execute task",
        "    Agent --> [*]",
    ]


def test_calls_stand_in_the_order_of_their_real_times() -> None:
    later, earlier = NOON + dt.timedelta(milliseconds=3), NOON
    flow = flow_diagram(
        "x",
        [
            call("c", ordinal=1, started_at=later),
            call("d", ordinal=2),
            call("a", ordinal=3, started_at=earlier),
            call("b", ordinal=4),
        ],
    )
    assert [edge.target for edge in flow.edges if edge.call] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"amount": 7_000, "slippage_bps": 800, "input_mint": [1]}, "amount = 7000, slippage_bps = 800"),
        ({"action": "deposit", "mint": USDC, "amount": 40_000_000}, "deposit 40.00 USDC"),
        ({"amount": 7, "input_mint": "x" * 44, "output_mint": "JUP"}, "0.000007 UNKNOWN → JUP"),
        ({"amount": 2**64, "input_mint": SOL, "output_mint": USDC}, "input = SOL, output = USDC"),
        ({"d": 1, "a": None, "c": [1], "b": {"x": 1}}, 'a = null, b = {"x":1}, c = [1]'),
        ({"a": 1, "b": 2, "c": 3, "pubkey": USER}, "a = 1, b = 2, c = 3, pubkey = 9StANvGC..."),
        ({}, "Execute"),
        (None, "Execute"),
        ("x" * 51, "x" * 47 + "..."),
        ([1, 2], "[1,2]"),
    ],
)
def test_the_label_of_a_call(params: Any, expected: str) -> None:
    flow = flow_diagram("x", [call("t", params)])
    assert flow.edges[2].label == expected
    assert f" --> t : {label(expected)}\n" in flow.text


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"instruction_count": 3}, "3 ixs"),
        ({"results": '[{"program_id":"1"},{"program_id":"2"}]'}, "2 ixs"),
        ({"instructions": [{"program_id": "1"}]}, "1 ix"),
        ("[broken", "1 ix"),
        (None, "1 ix"),
    ],
)
def test_a_transfer_says_how_many_instructions(result: Any, expected: str) -> None:
    assert flow_diagram("x", [call("sol_transfer", None, result)]).edges[2].label == expected


def test_the_recipient_is_who_received_and_placeholders_get_their_addresses() -> None:
    asked = {"user_pubkey": "USER_WALLET", "recipient_pubkey": "RECIPIENT", "amount": 10**8}
    transfer = {"program_id": "1", "accounts": [{"pubkey": USER}, {"pubkey": FRIEND}]}
    for result in ([transfer], {"results": [transfer]}, {"to_pubkey": FRIEND}):
        edge = flow_diagram("x", [call("sol_transfer", asked, result)], key_map={"USER_WALLET": USER}).edges[
            3
        ]
        assert (edge.source, edge.target, edge.label) == (USER, FRIEND, "0.1 SOL")
    resolved = flow_diagram("x", [call("sol_transfer", asked)], key_map={"RECIPIENT": FRIEND})
    assert resolved.edges[3].target == FRIEND


def test_tokens_are_not_called_sol() -> None:
    asked = {"user_pubkey": "a", "to": "b", "amount": 15_000_000}
    for more, amount in (
        ({"mint_address": USDC}, "15.00 USDC"),
        ({"operation": "spl"}, "15000000"),
        ({}, "0.015 SOL"),
        ({"amount": None}, "transfer"),
    ):
        assert flow_diagram("x", [call("sol_transfer", asked | more)]).edges[3].label == amount


def test_a_transfer_with_an_unknown_end_has_no_inner_diagram() -> None:
    """Mermaid cannot draw an empty state with braces."""
    assert "{" not in flow_diagram("x", [call("sol_transfer", {"user_pubkey": USER})]).text


def test_different_tools_never_share_a_state() -> None:
    used = ["a.b", "a_b", "a-_b", "Prompt", "state", "日本", "中国", "a.b"]
    flow = flow_diagram("x", [call(name, ordinal=number) for number, name in enumerate(used)])
    tools = [node for node in flow.nodes if node.kind == FlowNodeKind.TOOL]
    assert [node.label for node in tools] == used[:-1]
    assert len({node.id.lower() for node in tools} | {"prompt", "state"}) == len(tools) + 2


@pytest.mark.parametrize(
    ("lamports", "shown"),
    [
        (0, "0 SOL"),
        (10**9, "1 SOL"),
        (10**8, "0.1 SOL"),
        (1_250_000_000, "1.25 SOL"),
        (1_000_000, "0.001 SOL"),
        (123_456_789, "0.1235 SOL"),
        (2**64 - 1, "18446744073.7096 SOL"),
    ],
)
def test_lamports_are_shown_with_the_fewest_decimals(lamports: int, shown: str) -> None:
    assert sol_amount(lamports) == shown


def test_a_label_is_cut_between_characters_before_it_is_escaped() -> None:
    assert label("🧠" * 101, 100) == "🧠" * 97 + "..."
    assert label('"' * 101, 100) == "#34;" * 97 + "..."
    assert label("a" * 100, 100) == "a" * 100


@pytest.mark.parametrize(
    "harmless", ["0.1 SOL", "RECIPIENT_WALLET_PUBKEY", "50% of it", "2.000 SOL → USDC", "a-b"]
)
def test_harmless_text_stays_readable(harmless: str) -> None:
    assert label(harmless) == harmless


def test_a_label_is_never_an_instruction_of_mermaid() -> None:
    assert label("Direction TB") == "D#105;rection TB"
    assert label("%%{init: {}}%%").count("%") == 0
    assert label("1. send") == "1#46; send"


@settings(max_examples=150)
@given(prompt=st.none() | text, tool_calls=st.lists(calls, max_size=4))
def test_no_text_of_an_agent_breaks_the_diagram(prompt: str | None, tool_calls: list[ToolCall]) -> None:
    flow = flow_diagram(prompt, tool_calls)
    lines = flow.text.split("\n")
    assert len(lines) == expected_lines(flow)
    for line in lines:
        assert LINE.fullmatch(line), line
        assert not INSTRUCTION.search(line), line
    assert len(flow.text.splitlines()) == len(lines)
    assert flow.tool_count == len(tool_calls)


@given(prompt=st.none() | text, tool_calls=st.lists(calls, max_size=4))
def test_nodes_and_edges_tell_what_the_text_draws(prompt: str | None, tool_calls: list[ToolCall]) -> None:
    flow = flow_diagram(prompt, tool_calls)
    ids = Counter(node.id for node in flow.nodes)
    assert set(ids.values()) == {1}
    assert {end for edge in flow.edges for end in (edge.source, edge.target)} <= ids.keys()
    parents = {node.id: node.parent for node in flow.nodes}
    drawn = [line for line in flow.text.splitlines() if " --> " in line]
    assert len(drawn) == len(flow.edges)
    for edge in flow.edges:
        assert parents[edge.source] == parents[edge.target] == edge.parent
    called = sorted(edge.call for edge in flow.edges if edge.call is not None and edge.parent is None)
    assert called == sorted(item.ordinal for item in tool_calls)
