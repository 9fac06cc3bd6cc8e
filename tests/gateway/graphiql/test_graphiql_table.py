"""The table beside an answer, in Chromium: its rows, their order, their copies as CSV and JSON, and the next page."""

import csv
import io
import json
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from bodies import interaction, put, service, session, sid
from store.archive import open_archive
from studio import Studio, at_both_widths, in_chromium

pytestmark = in_chromium

GRAPHIQLS_OWN = {"nested-interactive"}
"""A finding of axe that only GraphiQL could fix: the button that closes a tab is in the tab."""
FIVE = "{ interactions(first: 5) { pageInfo { hasNextPage endCursor } nodes { sid dateCreated body } } }"


async def table_of(studio: Studio, query: str, variables: str = "") -> dict[str, Any]:
    """Runs ``query`` in the first tab, and shows the table beside its answer, which is returned."""
    await studio.write("operation", query)
    await studio.write("variables", variables)
    answer = await studio.run()
    await studio.page.get_by_label("Show Table").click()
    return answer


async def cells(studio: Studio) -> list[list[str]]:
    """The table's cells, row by row; the first row has the columns' names."""
    rows: list[list[str]] = await studio.page.locator(".table-rows tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return rows


async def test_a_row_for_each_element_and_a_column_for_each_nested_field(studio: Studio) -> None:
    answer = await table_of(
        studio,
        "{ interactions(first: 9) { totalCount nodes { sid inbound { participant { friendlyName } } "
        "session { uniqueName } } } }",
    )
    names, *rows = await cells(studio)
    assert names == ["sid", "inbound.participant.friendlyName", "session.uniqueName"]
    nodes = answer["data"]["interactions"]["nodes"]
    assert [row[0] for row in rows] == [node["sid"] for node in nodes]
    expected = [(((node["inbound"] or {}).get("participant") or {}).get("friendlyName") or "") for node in nodes]
    assert [row[1] for row in rows] == expected
    await expect(studio.page.locator(".table-count")).to_have_text("9 rows; 96 in all")


async def test_nested_lists_become_rows_beside_the_cells_of_their_parents(studio: Studio) -> None:
    await table_of(
        studio,
        "{ services { edges { node { uniqueName sessions(first: 2) { totalCount nodes { uniqueName "
        "interactions(first: 3) { nodes { sid } } } } } } } }",
    )
    names, *rows = await cells(studio)
    assert names == ["uniqueName", "sessions.totalCount", "sessions.uniqueName", "sessions.interactions.sid"]
    assert len(rows) == len({row[3] for row in rows}) == 2 * 2 * 3
    assert [row[0] for row in rows] == ["rides"] * 6 + ["deliveries"] * 6


async def test_of_several_lists_one_is_chosen(studio: Studio) -> None:
    await table_of(studio, "{ a: services { nodes { sid } } b: sessions(first: 3) { nodes { uniqueName } } }")
    assert (await cells(studio))[0] == ["sid"]
    await studio.page.get_by_label("List").select_option("b")
    assert (len(await cells(studio)), (await cells(studio))[0]) == (4, ["uniqueName"])


async def test_an_answer_without_a_list_has_no_table(studio: Studio) -> None:
    await table_of(studio, "{ syncStatus { running } }")
    await expect(studio.page.locator(".table-pane")).to_contain_text("Run a query whose answer has a list")


async def test_a_columns_button_sorts_by_it_also_by_keyboard(studio: Studio) -> None:
    await table_of(studio, "{ interactions(first: 30) { nodes { sid durationSeconds } } }")
    header = studio.page.get_by_role("columnheader", name="durationSeconds")
    await studio.page.keyboard.press("Shift")  # The pane takes the focus once a key was pressed.
    await header.get_by_role("button").focus()
    values = [row[1] for row in (await cells(studio))[1:]]
    numbers = [int(value) for value in values if value]
    assert len(numbers) > 1
    for direction, sign in (("ascending", 1), ("descending", -1)):
        await studio.page.keyboard.press("Enter")
        await expect(header).to_have_attribute("aria-sort", direction)
        in_order = [str(number) for number in sorted(numbers, key=lambda number: sign * number)]
        empty = [""] * (30 - len(numbers))  # They are last.
        await expect(studio.page.locator(".table-rows tbody td:nth-child(2)")).to_have_text([*in_order, *empty])


async def test_csv_and_json_have_the_rows_as_sorted_and_no_cell_starts_a_formula(
    studio: Studio, database: Path
) -> None:
    texts = ["=1+1", " \t@SUM(A1)", "'quoted'", 'plain, with "quotes"\nand a line', "＋full width"]
    rows = [interaction(number, data=json.dumps({"body": text})) for number, text in enumerate(texts, 1)]
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1), *rows)
    answer = await table_of(
        studio, f'{{ session(sid: "{sid("KC", 1)}") {{ interactions {{ nodes {{ body durationSeconds }} }} }} }}'
    )
    assert [node["body"] for node in answer["data"]["session"]["interactions"]["nodes"]] == texts
    await studio.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await studio.page.get_by_role("button", name="Copy CSV").click()
    await expect(studio.page.get_by_text("CSV copied")).to_be_visible()
    copied = await studio.page.evaluate("navigator.clipboard.readText()")
    downloaded = await download(studio, "CSV")
    assert downloaded.startswith("\ufeffbody,durationSeconds\r\n")
    assert copied.lstrip("\ufeff").replace("\r\n", "\n") == downloaded.lstrip("\ufeff").replace("\r\n", "\n")
    _, *lines = csv.reader(io.StringIO(downloaded.lstrip("\ufeff"), newline=""))
    assert lines == [["'" + text if text[0] != "p" else text, ""] for text in texts]
    await studio.page.get_by_role("columnheader", name="body").get_by_role("button").click()
    await expect(studio.page.get_by_role("columnheader", name="body")).to_have_attribute("aria-sort", "ascending")
    shown = [row[0] for row in (await cells(studio))[1:]]
    assert [row["body"] for row in json.loads(await download(studio, "JSON"))] == shown
    assert sorted(shown) == sorted(texts)


async def download(studio: Studio, name: str) -> str:
    async with studio.page.expect_download() as started:
        await studio.page.get_by_role("button", name=f"Download {name}").click()
    file = await started.value
    assert file.suggested_filename == f"interactions.{name.lower()}"
    return (await file.path()).read_bytes().decode()


@at_both_widths
@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query Mine($after: String) " + FIVE.replace("first: 5", "first: 5, after: $after"), ""),
        (FIVE, ""),
        ("query Mine($other: Int = 5) " + FIVE.replace("first: 5", "first: $other"), '{"other": 5}'),
        ("query Mine { ...Five } fragment Five on Query " + FIVE, ""),
    ],
    ids=["its variable", "no variable", "another variable", "a fragment"],
)
async def test_the_next_page_is_run_with_the_cursor_as_a_variable(studio: Studio, query: str, variables: str) -> None:
    first = (await table_of(studio, query, variables))["data"]["interactions"]
    async with studio.page.expect_response(lambda response: "after" in (response.request.post_data or "")) as answered:
        await studio.page.get_by_role("button", name="Next page").click()
    second = (await (await answered.value).json())["data"]["interactions"]
    assert json.loads(await studio.shown("variables"))["after"] == first["pageInfo"]["endCursor"]
    assert not {node["sid"] for node in first["nodes"]} & {node["sid"] for node in second["nodes"]}
    await expect(studio.page.locator(".table-rows td").first).to_have_text(second["nodes"][0]["sid"])


async def test_the_last_page_has_no_next_one(studio: Studio) -> None:
    await table_of(studio, FIVE.replace("first: 5", "first: 100"))
    await expect(studio.page.get_by_role("button", name="Next page")).to_be_disabled()


@at_both_widths
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_table_passes_the_accessibility_checks(studio: Studio, scheme: Literal["light", "dark"]) -> None:
    await studio.page.emulate_media(color_scheme=scheme)
    await table_of(studio, "{ a: services { nodes { sid } } b: interactions(first: 20) { nodes { sid body } } }")
    await studio.page.get_by_label("List").select_option("b")
    violations = (await Axe().run(studio.page)).response["violations"]
    found = {violation["id"]: [node["html"] for node in violation["nodes"]] for violation in violations}
    assert {rule: nodes for rule, nodes in found.items() if rule not in GRAPHIQLS_OWN} == {}
    assert await studio.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await expect(studio.page.get_by_label("Open settings dialog")).to_be_in_viewport(ratio=1)
