"""The flow page: one execution's diagram as HTML that reads well without script, and draws itself with it.

Everything that anybody else wrote is escaped text. The page holds no script, style or handler of its own; it
loads files of this server only, so it works offline and under `script-src 'self'; style-src 'self'`. The
drawing is done by /static/flow.js: it reads the Mermaid text from the page, has it drawn in a frame, and shows
it as an image, in which nothing runs.
"""

from __future__ import annotations

import datetime as dt
from html import escape

from schema.renderings.flow_diagram import FlowDiagram, FlowEdge
from schema.renderings.plain_text import visible
from store.records import record

SOURCE_ID = "flow-source"
"""What flow.js reads; the element's text is the Mermaid text, exactly."""

_SESSION_SHOWN = 8

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Flow Diagram: {title}</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/flow.css">
<script src="/static/flow.js" type="module"></script>
</head>
<body>
<main>
<h1>Flow Diagram: {title}</h1>
<div class="metadata"><strong>Flow Metadata:</strong> {metadata}</div>
<div class="diagram" id="mermaid-diagram"></div>
<p id="flow-status" role="status"></p>
<h2>Steps</h2>
<ol>
{steps}
</ol>
<details id="flow-details" open>
<summary>Diagram source</summary>
<pre id="{source_id}">
{source}</pre>
</details>
</main>
</body>
</html>
"""


@record
class FlowMetadata:
    """What the page says of the execution; what is unknown is said to be unknown."""

    benchmark_id: str
    session_id: str | None
    execution_time_ms: int | None
    pruned_at: dt.datetime | None = None


def metadata_line(metadata: FlowMetadata, diagram: FlowDiagram) -> str:
    """The old line: `Benchmark: x | Tools: n | States: n | Execution Time: nms | Session: abcdefgh...`."""
    time = "unknown" if metadata.execution_time_ms is None else f"{metadata.execution_time_ms}ms"
    parts = [
        f"Benchmark: {metadata.benchmark_id}",
        f"Tools: {diagram.tool_count}",
        f"States: {diagram.state_count}",
        f"Execution Time: {time}",
    ]
    if metadata.session_id is not None:
        parts.append(f"Session: {metadata.session_id[:_SESSION_SHOWN]}...")
    if metadata.pruned_at is not None:
        parts.append(f"Tool calls deleted by retention on {metadata.pruned_at:%Y-%m-%d}")
    return " | ".join(parts)


def flow_page_html(title: str, diagram: FlowDiagram, metadata: FlowMetadata) -> str:
    """The whole page. `title` is the benchmark's id, as in the old server's pages."""
    names = {node.id: node.label for node in diagram.nodes}
    return _PAGE.format(
        title=_text(title),
        metadata=_text(metadata_line(metadata, diagram)),
        steps="\n".join(f"<li>{_text(_told(edge, names))}</li>" for edge in diagram.edges),
        source_id=SOURCE_ID,
        source=_text(diagram.text),
    )


def _text(text: str) -> str:
    return escape(visible(text), quote=True)


def _told(edge: FlowEdge, names: dict[str, str]) -> str:
    """An arrow in words: `Agent → sol_transfer: 1 ix (error)`; a call that went well needs no word for it."""
    ends = f"{names[edge.source]} → {names[edge.target]}"
    how = "" if edge.status in (None, "SUCCESS") else f" ({edge.status.lower()})"
    return ends + (f": {edge.label}" if edge.label else "") + how
