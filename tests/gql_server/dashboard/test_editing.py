"""Editing, archiving and running one benchmark in a real browser."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from playwright.async_api import Dialog, Error, Page, expect

from tests.gql_server.dashboard.conftest import Dashboard, MakeDashboard
from tests.helpers.places import REPOSITORY

ID = "001-sol-transfer"
FILE = f"{ID}.yml"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A benchmarks directory that may be written to."""
    directory = tmp_path / "definitions"
    directory.mkdir()
    shutil.copy(REPOSITORY / "benchmarks" / FILE, directory / FILE)
    return directory


@pytest.fixture
async def dashboard(make_dashboard: MakeDashboard, directory: Path) -> Dashboard:
    return await make_dashboard(REEV_GQL_BENCHMARKS_DIR=str(directory))


def changed(source: str, word: str) -> str:
    return source.replace("description: ", f"description: {word}. ", 1)


def content(path: Path) -> str:
    return path.read_text()


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def open_editor(page: Page) -> str:
    await page.get_by_role("button", name="Edit").click()
    return await page.get_by_label("Definition (YAML)").input_value()


async def test_a_benchmark_in_a_file_is_checked_while_it_is_typed_and_stored_in_its_file(
    dashboard: Dashboard, directory: Path
) -> None:
    page = dashboard.page
    await dashboard.open(f"/benchmarks/{ID}")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text(f"{FILE}: syncs read it")
    source = await open_editor(page)
    text = page.get_by_label("Definition (YAML)")
    await text.fill(source + "\n  nonsense: [")
    check = page.locator("#editor-check")
    await expect(check).to_contain_text("✕")
    store = page.get_by_role("button", name="Store in its file")
    await expect(page.get_by_role("button", name="Store", exact=True)).to_be_disabled()
    await check.get_by_role("button", name="Line").click()
    assert await text.evaluate("box => document.activeElement === box && box.selectionEnd > 0")
    await text.fill(changed(source, "Changed"))
    await expect(check).to_contain_text("storing it makes a new revision")
    await expect(check).to_contain_text(FILE)
    await text.press("Control+s")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Changed.")
    assert (directory / FILE).read_text() == changed(source, "Changed")
    await page.get_by_role("tab", name="Revisions").click()
    difference = page.get_by_role("region", name="Difference")
    await expect(difference.locator("[data-kind='ADDED']")).to_have_count(1)
    await expect(difference.locator("[data-kind='ADDED']")).to_contain_text("Changed.")

    # Somebody changes the file: nothing is written over it, and the text can be downloaded.
    (directory / FILE).write_text(changed(source, "By hand"))
    await open_editor(page)
    await text.fill(changed(source, "Third"))
    await expect(check).to_contain_text("not stored here")
    await expect(store).to_be_disabled()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    file = await download.value
    assert file.suggested_filename == FILE
    assert content(await file.path()) == changed(source, "Third")
    assert (directory / FILE).read_text() == changed(source, "By hand")


async def test_unsaved_text_is_left_only_when_the_viewer_says_so(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.open("/benchmarks")
    await page.get_by_role("link", name=ID, exact=True).click()
    source = await open_editor(page)
    # What is not changed is left without a question.
    await page.get_by_role("button", name="Cancel").click()
    await open_editor(page)
    text = page.get_by_label("Definition (YAML)")
    await text.fill(changed(source, "Mine"))
    dialog = page.get_by_role("dialog", name="The text is not stored")
    stay = dialog.get_by_role("button", name="Keep writing")

    async def asked(path: str = f"/benchmarks/{ID}?edit=1") -> None:
        await expect(dialog).to_be_visible()
        assert await stay.evaluate("button => document.activeElement === button")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(page).to_have_url(f"{dashboard.server.base}{path}")

    await page.get_by_role("link", name="Executions", exact=True).click()
    await asked()
    await page.go_back()
    await asked()
    await page.get_by_role("button", name="Cancel").click()
    await asked()
    await expect(text).to_have_value(changed(source, "Mine"))
    # Closing or loading anew: the browser itself asks. What it lets go is offered again.
    questions: list[str] = []

    async def accept(question: Dialog) -> None:
        questions.append(question.type)
        # A busy Chromium that has waited a second for the page to ask goes on by itself.
        with contextlib.suppress(Error):
            await question.accept()

    page.on("dialog", accept)
    await page.reload()
    assert questions == ["beforeunload"]
    await expect(text).to_have_value(changed(source, "Mine"))
    await expect(page.get_by_text("This is the text that you had not stored.")).to_be_visible()

    await page.go_back()
    await dialog.get_by_role("button", name="Leave without storing").click()
    await expect(page).to_have_url(f"{dashboard.server.base}/benchmarks/{ID}")
    await expect(page.get_by_role("region", name="Summary")).to_be_visible()
    assert await open_editor(page) == source
    assert await page.evaluate("Object.keys(sessionStorage).filter((key) => key.includes('draft'))") == []

    # The other forms ask too; what draws the same page leaves nothing.
    await dashboard.open("/agents?edit=new")
    await page.get_by_label("Name", exact=True).fill("mine")
    await page.get_by_role("button", name="Cancel").click()
    await asked("/agents?edit=new")
    await page.get_by_role("link", name="Executions", exact=True).click()
    await dialog.get_by_role("button", name="Leave without storing").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Executions")


async def test_a_text_made_from_an_older_revision_says_so_before_it_replaces_the_newer_one(
    dashboard: Dashboard, directory: Path
) -> None:
    page = dashboard.page
    # Lines end as on Windows, and do so afterwards.
    windows = (directory / FILE).read_bytes().replace(b"\n", b"\r\n")
    (directory / FILE).write_bytes(windows)
    await dashboard.ask("mutation { syncBenchmarks { __typename } }")
    await dashboard.open(f"/benchmarks/{ID}")
    source = await open_editor(page)
    await page.get_by_label("Definition (YAML)").fill(changed(source, "Mine"))
    (directory / FILE).write_text(changed(source, "Theirs"))
    await dashboard.ask("mutation { syncBenchmarks { __typename } }")
    check = page.locator("#editor-check")
    await expect(check).to_contain_text("Revision 3 was stored meanwhile")
    await page.get_by_role("button", name="Store in its file").click()
    await expect(page.get_by_role("alert")).to_contain_text("based on revision 2")
    assert (directory / FILE).read_text() == changed(source, "Theirs")
    await check.get_by_role("button", name="This text replaces it").click()
    await page.get_by_role("button", name="Store in its file").click()
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Mine.")
    mine = windows.replace(b"description: ", b"description: Mine. ", 1)
    assert (directory / FILE).read_bytes() == mine


async def test_a_benchmark_is_written_from_nothing_in_the_database_or_as_a_file(
    dashboard: Dashboard, directory: Path
) -> None:
    page = dashboard.page
    await dashboard.open("/benchmarks")
    await page.get_by_role("button", name="Write a benchmark").click()
    await expect(page.locator("#editor-check")).to_contain_text("storing it makes a new benchmark")
    await page.get_by_role("button", name="Store", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("my-benchmark")
    await page.get_by_role("tab", name="YAML").click()
    await expect(page.get_by_role("tabpanel")).to_contain_text("RECIPIENT_WALLET_PUBKEY")
    assert names(directory) == [FILE]
    await open_editor(page)
    await page.get_by_role("button", name="Store as a file").click()
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("my-benchmark.yml: syncs")
    assert (directory / "my-benchmark.yml").exists()


async def test_a_benchmark_is_archived_and_restored_and_a_missing_file_is_written(
    dashboard: Dashboard, directory: Path
) -> None:
    page = dashboard.page
    await dashboard.open(f"/benchmarks/{ID}")
    await page.get_by_role("button", name="Archive").click()
    archived = page.get_by_role("region", name="Archived")
    await expect(archived).to_contain_text("No sync brings it back")
    await expect(page.get_by_role("button", name="Run with")).to_have_count(0)
    await dashboard.open("/benchmarks")
    await page.get_by_role("button", name="Sync benchmarks").click()
    report = page.get_by_role("dialog", name="Sync")
    await expect(report.get_by_role("row", name=FILE)).to_contain_text("stays archived")
    await report.get_by_role("button", name="Close").click()

    await dashboard.open(f"/benchmarks/{ID}")
    source = (directory / FILE).read_text()
    (directory / FILE).unlink()
    await archived.get_by_role("button", name="Restore").click()
    await archived.get_by_role("button", name="Write its file and restore it").click()
    await expect(archived).to_have_count(0)
    await expect(page.get_by_role("button", name="Run with")).to_be_visible()
    assert (directory / FILE).read_text() == source


async def test_the_run_button_offers_the_agents_remembers_one_and_runs_several_times(
    make_dashboard: MakeDashboard,
) -> None:
    dashboard = await make_dashboard("ok", REEV_GQL_AGENTS="deterministic,local,other")
    page = dashboard.page
    await dashboard.open(f"/benchmarks/{ID}")
    agent = page.get_by_label("Agent", exact=True)
    await expect(agent.locator("option")).to_have_count(3)
    await agent.select_option("other")
    await page.get_by_label("Times").fill("0")
    await expect(page.get_by_role("button", name="Run with")).to_be_disabled()
    await page.get_by_label("Times").fill("3")
    await page.get_by_role("button", name="Run with").click()
    await expect(page.get_by_text("3 executions are queued")).to_be_visible()
    await dashboard.open("/benchmarks/002-spl-transfer")
    await expect(agent).to_have_value("other")
    await page.get_by_role("button", name="Run with").click()
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("other")
