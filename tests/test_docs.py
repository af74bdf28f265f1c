"""What the documents say is true: links and paths exist, examples fit the schema, tables are those of the code."""

from __future__ import annotations

import json
import os
import re
import tomllib
from importlib.util import find_spec

import pytest
from graphql import parse, validate
from typer.core import TyperGroup
from typer.main import get_command

from gql_server.cli.commands import app
from gql_server.cli.errors import ExitCode
from gql_server.settings.loading import variable_of
from gql_server.settings.settings import Settings
from gql_server.settings.table import markdown_table
from reev_gql import PACKAGES
from runner_bridge.formats.agents.agent_settings import ModelSettings, api_name
from schema import build_schema
from tests.helpers.browser import browser_page
from tests.helpers.places import REPOSITORY

PAGES = sorted(
    str(path.relative_to(REPOSITORY))
    for path in (
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").rglob("*.md"),
        REPOSITORY / "gql_server" / "compiled" / "README.md",
    )
    if path.exists()
)
TEXTS = {page: (REPOSITORY / page).read_text(encoding="utf-8") for page in PAGES}
OPERATIONS = [
    (page, operation)
    for page in ("README.md", "docs/api.md")
    for operation in re.findall(r"```graphql\n(.*?)```", TEXTS[page], re.DOTALL)
]
DIAGRAMS = [
    (page, diagram)
    for page in PAGES
    for diagram in re.findall(r"```mermaid\n(.*?)```", TEXTS[page], re.DOTALL)
]

HISTORY = "CHANGELOG.md"
"""Names what was there once."""

OTHER_VARIABLES = {"REEV_GQL_URL", "REEV_GQL_AGENT_KEY"}
"""Variables that only the command line reads."""

pages = pytest.mark.parametrize("page", PAGES)
pages_of_today = pytest.mark.parametrize("page", [page for page in PAGES if page != HISTORY])


def code_of(page: str) -> str:
    """Everything between backticks, and all indented or fenced code; one piece a line."""
    text = TEXTS[page]
    fenced = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)
    return "\n".join([*re.findall(r"`([^`\n]+)`", text), *fenced, *indented])


def anchors_of(page: str) -> set[str]:
    """The anchors that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.+)$", TEXTS[page], re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def repository_files() -> list[str]:
    found = []
    for directory, folders, files in os.walk(REPOSITORY):
        folders[:] = [
            name for name in folders if name not in (".git", ".venv", "node_modules", "__pycache__")
        ]
        found += [os.path.relpath(os.path.join(directory, name), REPOSITORY) for name in (*files, *folders)]
    return found


def test_the_settings_of_a_model_are_those_of_the_code() -> None:
    default = ModelSettings().to_json()
    for name, field in ModelSettings.model_fields.items():
        value = default[name]
        shown = "" if value is None else f"`{value if isinstance(value, str) else json.dumps(value)}`"
        assert f"| `{api_name(name)}` | {shown} | {field.description} |" in TEXTS["docs/agents.md"]


@pages
def test_every_link_leads_somewhere(page: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not (REPOSITORY / linked).exists() or (anchor and anchor not in anchors_of(linked)):
            broken.append(target)
    assert not broken


def test_every_file_and_folder_that_is_named_exists() -> None:
    """A name may leave out the folders before it: `plan.py`, `http/test_requests.py`."""
    ends = {"/".join(path.split("/")[-count:]) for path in repository_files() for count in range(1, 8)}
    missing = []
    for page in PAGES:
        for code in [] if page == HISTORY else code_of(page).split():
            name = code.strip("`,;").partition("::")[0].rstrip("/")
            is_path = re.fullmatch(r"[\w.-]+(/[\w.-]+)*\.(py|sql|md|js|mjs|css|graphql|toml)", name)
            is_folder = re.fullmatch(
                r"(gql_server|schema|runner_bridge|store|tests|tools|perf|docs)/[\w./-]+", name
            )
            if (is_path or is_folder) and name not in ends:
                missing.append(f"{page}: {code}")
    assert not missing


@pages_of_today
def test_every_command_exists(page: str) -> None:
    code = code_of(page)
    targets = set(
        re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert set(re.findall(r"^\s*make ([a-z-]+)", code, re.MULTILINE)) <= targets
    assert set(re.findall(r"\breev-gql ([a-z]+)", code)) <= set(group.commands)
    for module in re.findall(r"python -m ([a-z_.]+)", code):
        assert find_spec(module), module


@pages_of_today
def test_every_variable_is_a_setting(page: str) -> None:
    settings = {variable_of(name, field) for name, field in Settings.model_fields.items()}
    assert set(re.findall(r"REEV_GQL_\w+", TEXTS[page])) <= settings | OTHER_VARIABLES


def test_the_exit_codes_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", TEXTS["docs/ci.md"], re.MULTILINE)
    assert rows == [(str(code.value), code.meaning) for code in ExitCode]


def test_every_setting_is_in_the_table() -> None:
    table = TEXTS["docs/settings.md"].split("<!-- settings: python -m gql_server.settings.table -->\n")[1]
    assert table.split("<!-- /settings -->")[0] == markdown_table(), (
        "paste what `python -m gql_server.settings.table` prints"
    )


@pytest.mark.parametrize(("page", "operation"), OPERATIONS)
def test_every_operation_can_be_pasted(page: str, operation: str) -> None:
    assert validate(build_schema()._schema, parse(operation)) == []


def test_the_readme_has_a_query_a_mutation_and_a_subscription() -> None:
    kinds = [operation.split()[0] for page, operation in OPERATIONS if page == "README.md"]
    assert kinds == ["query", "mutation", "subscription"]


def test_every_promise_names_tests_that_exist() -> None:
    rows = [line.split("|")[1:3] for line in TEXTS["docs/promises.md"].splitlines() if line.startswith("| ")][
        1:
    ]
    assert len(rows) >= 7
    for promise, proof in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", proof)
        assert named, promise
        for path, name in named:
            assert f"def {name}(" in (REPOSITORY / path).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("package", PACKAGES)
def test_the_architecture_page_lists_the_folders_of_a_package_in_their_order(package: str) -> None:
    listed = re.findall(rf"^\| `{package}/(\w+)/` \|", TEXTS["docs/architecture.md"], re.MULTILINE)
    folders = {path.parent.name for path in (REPOSITORY / package).glob("*/__init__.py")}
    assert sorted(listed) == sorted(folders)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in project["tool"]["importlinter"]["contracts"]:
        if contract.get("containers") == [package]:
            layers = [re.split(r" [|:] ", layer) for layer in contract["layers"]]
            level = {name: number for number, layer in enumerate(layers) for name in layer}
            assert listed == sorted(listed, key=level.__getitem__)


def test_every_page_is_in_the_index() -> None:
    index = TEXTS["docs/README.md"]
    linked = {f"docs/{target}" for target in re.findall(r"\]\(([\w/.-]+\.md)\)", index)}
    assert {page for page in PAGES if re.fullmatch(r"docs/[\w-]+\.md", page)} <= linked | {"docs/README.md"}


@pytest.mark.browser
async def test_every_diagram_is_one_that_mermaid_draws() -> None:
    assert DIAGRAMS
    async with browser_page("about:blank") as watched:
        await watched.page.add_script_tag(path=REPOSITORY / "gql_server/static/vendor/mermaid/mermaid.js")
        for page, diagram in DIAGRAMS:
            drawn = await watched.page.evaluate(
                "async text => (await mermaid.render('drawn', text)).svg", diagram
            )
            assert "<svg" in drawn, page
