"""The flow page: what others wrote is text on it, and nothing on it comes from elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from schema.renderings.flow_diagram import FlowDiagram, flow_diagram
from schema.renderings.flow_page import SOURCE_ID, FlowMetadata, flow_page_html, metadata_line
from tests.helpers.places import REPOSITORY
from tests.helpers.renderings import call

VOID = {"meta", "link"}
OWN = {
    "/static/flow.js",
    "/static/flow.css",
    "/static/icon.svg",
}
SKELETON = [
    "html", "head", "meta", "meta", "title", "link", "link", "script", "body", "main", "h1", "div",
    "strong", "div", "p", "h2", "ol",
]  # fmt: skip
END = ["details", "summary", "pre"]
STATIC = REPOSITORY / "gql_server" / "static"


class Reader(HTMLParser):
    """Elements in order, attributes, and the text of each element."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.texts.setdefault(tag, []).append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data


def page_of(prompt: str, tool: str, benchmark: str) -> tuple[FlowDiagram, str]:
    diagram = flow_diagram(prompt, [call(tool, {"user_pubkey": prompt, "to": tool, "x": prompt})])
    return diagram, flow_page_html(benchmark, diagram, FlowMetadata(benchmark, benchmark, 37000))


any_text = st.text() | st.sampled_from(
    [
        "</script><script>alert(1)</script>",
        "</pre><img src=x onerror=alert(1)>",
        '" onload="x',
        "${1}`",
        "-->",
    ]
)


@given(prompt=any_text, tool=any_text, benchmark=any_text)
def test_no_text_becomes_an_element_or_an_attribute(prompt: str, tool: str, benchmark: str) -> None:
    diagram, page = page_of(prompt, tool, benchmark)
    read = Reader(page)
    assert read.elements == [*SKELETON, *["li"] * len(diagram.edges), *END]
    assert {value for _, name, value in read.attributes if name in ("src", "href")} == OWN
    assert not [name for _, name, _ in read.attributes if name.startswith("on") or name == "style"]
    # A parser drops the newline right after <pre>: that is why the page has one there.
    [source] = read.texts["pre"]
    assert source == "\n" + diagram.text
    assert read.texts["script"] == [""]
    page.encode("utf-8")


def test_the_metadata_line_is_the_old_one() -> None:
    diagram, _ = page_of("x", "t", "b")
    known = FlowMetadata("001-sol-transfer", "057d2e4a-f687-469f", 37000)
    assert metadata_line(known, diagram) == (
        "Benchmark: 001-sol-transfer | Tools: 1 | States: 3 | Execution Time: 37000ms | Session: 057d2e4a..."
    )
    unknown = FlowMetadata("b", None, None)
    assert metadata_line(unknown, diagram) == "Benchmark: b | Tools: 1 | States: 3 | Execution Time: unknown"


def test_the_page_reads_without_script() -> None:
    diagram = flow_diagram("Send 0.1 SOL", [call("sol_transfer"), call("swap", ordinal=2, status="ERROR")])
    read = Reader(flow_page_html("001", diagram, FlowMetadata("001", None, None)))
    assert read.texts["title"] == ["Flow Diagram: 001"]
    assert read.texts["li"] == [
        "[*] → Prompt",
        "Prompt → Agent: Send 0.1 SOL",
        "Agent → sol_transfer: 1 ix",
        "sol_transfer → swap: Execute (error)",
        "swap → [*]",
    ]
    assert ("details", "open", None) in read.attributes


def test_the_script_finds_on_the_page_what_it_looks_for() -> None:
    script = (STATIC / "flow.js").read_text(encoding="utf-8")
    drawing = "".join(path.read_text(encoding="utf-8") for path in (STATIC / "drawing").glob("*.js"))
    _, page = page_of("x", "t", "b")
    for name in (SOURCE_ID, "mermaid-diagram", "flow-status", "flow-details"):
        assert f'getElementById("{name}")' in script
        assert f'id="{name}"' in page
    assert 'securityLevel: "strict"' in drawing
    assert "innerHTML" not in script + drawing
