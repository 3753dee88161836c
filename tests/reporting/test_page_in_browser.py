"""The page of a batch in a browser: what is pressed happens, and no name ever runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from dscope_blink.records import Inspection, Notice
from dscope_blink.reporting.page_charts import STATUSES
from tests.builders.browsers import READY
from tests.builders.connectors import connector_of
from tests.builders.folders import linux_names
from tests.builders.inspections import EVERY_KIND, FAILED, MARGINAL, NO_SCALE, NOT_LOCATED, PASSED, UNREADABLE
from tests.builders.stored_results import APART, HOSTILE, alternating, annotated, result_of, results_of

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator, Page

pytestmark = pytest.mark.slow  # each test opens pages in a program of its own

Opener = Callable[..., "Page"]


SHOWS = "async (link) => { const image = new Image(); image.src = link; await image.decode(); }"  # else it throws
KINDS = {"b2": FAILED, "a10": PASSED, "a9": MARGINAL, "c": NO_SCALE, "d": NOT_LOCATED, "e": UNREADABLE}


@pytest.fixture
def page(opened: Opener, tmp_path: Path) -> Page:
    """A page with a picture of every verdict."""
    return opened(results_of(tmp_path, KINDS))


def names(page: Page) -> list[str]:
    return [name.removesuffix(".png") for name in page.locator("#table tbody .open").all_inner_texts()]


def view(page: Page, name: str) -> None:
    page.locator("#table").get_by_role("link", name=f"{name}.png", exact=True).click()
    page.wait_for_selector("#viewer[open]")


def shown(page: Page) -> str:
    return page.locator("#view-name").inner_text().removesuffix(".png")


def sees(page: Page, selector: str) -> bool:
    visibility: str = page.locator(selector).first.evaluate("element => getComputedStyle(element).visibility")
    return visibility == "visible"


# --- the table


def test_a_heading_sorts_and_turns_the_order_when_it_is_pressed_again(page):
    page.get_by_role("button", name="Picture", exact=True).click()
    assert names(page) == ["a9", "a10", "b2", "c", "d", "e"]
    assert page.locator("th[data-sort=f]").get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="Picture", exact=True).click()
    assert names(page) == ["e", "d", "c", "b2", "a10", "a9"]
    page.get_by_role("button", name="Verdict", exact=True).click()
    assert names(page) == ["b2", "c", "d", "e", "a9", "a10"]
    page.get_by_role("button", name="Verdict", exact=True).click()
    assert names(page)[0] == "a10"
    page.get_by_role("button", name="Concentr.").click()
    page.get_by_role("button", name="Concentr.").click()
    assert set(names(page)[-3:]) == {"c", "d", "e"}  # not measured: last in either order


def test_filters_leave_what_fits_all_of_them(page):
    page.locator(".choice").get_by_role("button", name="FAIL").click()
    assert names(page) == ["b2"]
    page.locator(".choice").get_by_role("button", name="MARGINAL").click()
    assert names(page) == ["a9"]
    page.locator("#clear").click()
    page.locator("#zone").select_option("core")
    assert names(page) == ["b2", "c"]
    page.locator("#kind").select_option("Scratch")
    page.locator("#text").fill("NO SCALE")
    assert names(page) == ["c"]
    page.locator("#kind").select_option("Chip")  # there is one, in another zone
    assert names(page) == []
    assert page.locator("#nothing").is_visible()
    page.locator("#clear").click()
    assert len(names(page)) == 6


def test_pressing_a_reason_shows_the_pictures_that_have_it(page):
    page.get_by_role("button", name=re.compile("^Zone core: scratches")).click()
    assert names(page) == ["b2"]
    page.locator("#reason").select_option("Unreadable")
    assert names(page) == ["e"]


def test_failures_come_first_and_head_the_page(page):
    assert names(page) == ["b2", "c", "d", "e", "a9", "a10"]
    card = page.locator("#cards .card")
    assert card.count() == 1
    words = card.inner_text()
    assert all(word in words for word in ("b2.png", "0012", "FAIL", "Zone A: 1 scratch, none allowed"))
    page.evaluate(SHOWS, card.locator("img").get_attribute("src"))
    card.click()
    assert shown(page) == "b2"
    page.keyboard.press("Escape")
    page.locator("#sort").select_option("of the batch")
    assert names(page) == ["b2", "a10", "a9", "c", "d", "e"]


def test_a_picture_with_several_reasons_lists_the_first_and_prints_all(opened, tmp_path):
    reasons = (*FAILED.verdict.reasons, Notice("other", "another: one"), Notice("other", "third: one"))
    page = opened(results_of(tmp_path, {"a": replace(FAILED, verdict=replace(FAILED.verdict, reasons=reasons))}))
    cell = page.locator("#table td:nth-child(4)")
    assert cell.inner_text().split("\n") == ["Zone A: 1 scratch, none allowed (S1: 36.0 um long)", "and 2 more"]
    page.emulate_media(media="print")
    assert "another: one; third: one" in cell.inner_text()


# --- divided


LOTS = {  # lot, operator, inspection
    **{f"a{k}": ("A-1", "Wong", PASSED) for k in range(3)},
    **{f"b{k}": ("B/2 & <3>", "Wong", FAILED) for k in range(2)},
    **{f"c{k}": ("B/2 & <3>", "Kel\r\nler", one) for k, one in enumerate((PASSED, NO_SCALE, NOT_LOCATED))},
    **{f"d{k}": ("", "", PASSED) for k in range(2)},  # of which the manifest says nothing
}


def of_lot(lot: str, operator: str, inspection: Inspection) -> Inspection:
    carried = {"lot": lot, "operator": operator} if lot else {}
    return replace(inspection, request=replace(inspection.request, manifest=carried))


@pytest.fixture
def lots(opened: Opener, tmp_path: Path) -> Page:
    """A page of two lots, of which one has the failures."""
    return opened(results_of(tmp_path, {name: of_lot(*one) for name, one in LOTS.items()}))


def test_the_yield_of_a_column_that_is_chosen_counts_what_its_pictures_are(lots):
    groups = lots.locator(".grouping:not([hidden]) li")
    assert groups.all_inner_texts()[0].split("\n")[:3] == ["B/2 & <3>", "20 %", "3 of 5 graded, 1 pass, 2 NOT GRADED"]
    lots.locator("#by").select_option(label="operator (3)")
    assert [text.split("\n")[0] for text in groups.all_inner_texts()] == ["Wong", "Kel ler", "none given"]
    lots.locator("#by").select_option(label="Kind of mark")
    assert groups.first.inner_text().split("\n")[0] == "Scratch"


@pytest.mark.parametrize("by", ["column lot", "column operator", "zone", "kind"])
def test_pressing_a_group_shows_its_pictures(lots, by):
    lots.locator("#by").select_option(by)
    for button in lots.locator(f".grouping[data-by='{by}'] button").all():
        passed, failed, not_graded = (button.locator(f"rect.{one}").get_attribute("width") for one in STATUSES)
        button.click()
        expected = int(failed) if by in ("zone", "kind") else int(passed) + int(failed) + int(not_graded)
        assert lots.locator("#count").inner_text().partition(" ")[0] == str(expected)
        lots.locator("#text").fill("no such picture")  # which the next group takes back


# --- addresses


def test_an_address_opens_what_it_was_copied_from(lots):
    lots.locator(".choice").get_by_role("button", name="NOT GRADED").click()
    lots.locator("#column").select_option("lot")
    lots.locator("#value").select_option("B/2 & <3>")
    lots.locator("#text").fill("c")
    lots.locator("#by").select_option("zone")
    lots.get_by_role("button", name="Picture", exact=True).click()
    lots.get_by_role("button", name="Picture", exact=True).click()
    assert names(lots) == ["c2", "c1"]
    listed = lots.url
    view(lots, "c1")
    opened_at = lots.url
    again = lots.context.new_page()
    again.goto(listed)
    again.wait_for_selector(READY)
    assert names(again) == ["c2", "c1"]
    assert again.evaluate("scrollY") > 0  # to the list
    chosen = [again.locator(f"#{one}").input_value() for one in ("text", "by", "sort")]
    assert chosen == ["c", "zone", "f"]
    assert again.locator("th[data-sort=f]").get_attribute("aria-sort") == "descending"
    assert again.locator("#value option:checked").inner_text() == "B/2 & <3>"
    again.goto(opened_at)  # another part of the same page
    again.wait_for_selector("#viewer[open]")
    assert (shown(again), again.locator("#view-place").inner_text()) == ("c1", "2 of 2")
    assert again.url == opened_at


def test_every_filter_has_its_address(page):
    for key, value in (("zone", "core"), ("kind", "Scratch"), ("criteria", "0"), ("reason", "Unreadable")):
        page.locator("#clear").click()
        page.locator(f"#{key}").select_option(value)
        chosen, left = page.locator(f"#{key}").input_value(), names(page)
        page.reload()
        page.wait_for_selector(READY)
        assert (page.locator(f"#{key}").input_value(), names(page)) == (chosen, left), key
    page.locator("#clear").click()
    assert "#" not in page.url
    page.locator("#broken").check()
    page.reload()
    assert names(page) == ["b2"]
    assert page.locator("#broken").is_checked()


def test_back_and_forward_go_through_what_was_pressed(page):
    page.locator(".choice").get_by_role("button", name="PASS").click()
    page.locator("#text").press_sequentially("a9")
    view(page, "a9")
    page.keyboard.press("Escape")
    page.wait_for_url("**/report.html#status=PASS&text=a9")
    page.go_back()
    page.wait_for_selector("#viewer[open]")
    assert shown(page) == "a9"
    page.go_back()
    page.wait_for_selector("#viewer", state="hidden")
    assert page.locator("#text").input_value() == "a9"
    page.go_back()  # what was typed is one step
    page.wait_for_selector("#count:text-is('2 of 6')")
    assert page.locator("#text").input_value() == ""
    page.go_back()
    page.wait_for_selector("#count:text-is('6')")
    assert "#" not in page.url
    page.go_forward()
    page.wait_for_selector("#count:text-is('2 of 6')")
    assert page.url.endswith("#status=PASS")


def test_a_key_that_is_held_leaves_one_step_of_history(page):
    view(page, "b2")
    before = page.evaluate("history.length")
    for _ in range(4):
        page.keyboard.down("n")  # the second is a repetition
    page.keyboard.up("n")
    assert shown(page) == "a9"
    page.wait_for_url("**/report.html#picture=a9.png")
    assert page.evaluate("history.length") - before == 2


def test_a_key_that_is_held_while_typing_is_typing(page):
    page.locator("#text").press_sequentially("a")
    before = page.evaluate("history.length")
    page.keyboard.down("9")
    page.keyboard.down("9")
    page.keyboard.up("9")
    page.wait_for_url("**/report.html#text=a99")
    assert page.evaluate("history.length") == before


def test_an_address_of_something_else_says_so(page):
    page.goto(page.url + "#status=FAIL&zone=moon&picture=gone.png")
    page.wait_for_selector("#astray:not([hidden])")
    assert page.locator("#astray").inner_text() == (
        "The address asks for what this page does not have: zone \u201cmoon\u201d, picture \u201cgone.png\u201d."
    )
    assert names(page) == ["b2"]
    page.locator("#clear").click()
    assert not page.locator("#astray").is_visible()


def test_a_link_is_copied_with_and_without_a_clipboard(page):
    page.evaluate("void (navigator.clipboard.writeText = async (text) => { document.copied = text; })")
    page.locator(".choice").get_by_role("button", name="FAIL").click()
    page.locator(".toolbar .copy").click()
    page.wait_for_selector(".toolbar .copy:text-is('Copied')")
    assert page.evaluate("document.copied") == page.url
    view(page, "b2")
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')))")
    page.evaluate("document.addEventListener('copy', () => { document.copied = document.activeElement.value; })")
    page.locator("#viewer .copy").click()
    page.wait_for_selector("#viewer .copy:text-is('Copied')")
    assert page.evaluate("document.copied") == page.url
    assert page.url.endswith("#status=FAIL&picture=b2.png")


# --- the view of a picture


def test_a_row_opens_its_picture_with_what_is_said_of_it(page):
    view(page, "b2")
    assert page.evaluate("document.activeElement.id") == "view-name"
    words = page.locator("#words").inner_text()
    assert "Zone A: 1 scratch, none allowed" in words
    assert "width 3.6 \u00b1 0.7 um" in words
    assert "Poor Illumination Warning" in words
    assert page.locator("#layer-marks g.broken").count() == 1
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()
    assert page.evaluate("document.activeElement.textContent") == "b2.png"


def test_each_overlay_is_switched_on_and_off(page):
    view(page, "b2")
    for box, selector in (
        ("zones", "#layer-zones"),
        ("kind-0", "#layer-marks g[data-kind='0']"),
        ("kind-1", "#layer-marks g[data-kind='1']"),
        ("evidence", "#evidence"),
        ("photo", "#photo"),
    ):
        before = sees(page, selector)
        page.locator(f"[data-layer={box}]").click()
        assert sees(page, selector) is not before, box
    assert sees(page, "#layer-marks g[data-kind='2']")  # the others stay
    page.keyboard.press("z")
    assert sees(page, "#layer-zones")
    page.keyboard.press("n")
    assert shown(page) == "c"
    assert not sees(page, "#layer-marks g[data-kind='1']")  # the choice holds for the next picture


def test_the_picture_and_its_overlays_lie_over_each_other(page):
    view(page, "b2")
    photo, evidence, zone = (
        page.locator(name).bounding_box() for name in ("#photo", "#evidence", "#layer-zones ellipse.zone-D")
    )
    assert photo == evidence
    width, height = 1000, 850  # of the picture; its outermost zone has 500 x 625 px around 480, 430
    scale = photo["width"] / width
    assert photo["height"] == pytest.approx(scale * height, abs=1)
    assert zone["width"] == pytest.approx(500 * scale, abs=5)
    assert zone["x"] + zone["width"] / 2 - photo["x"] == pytest.approx(480.5 * scale, abs=3)


def test_pressing_a_mark_brings_it_close(page):
    view(page, "b2")
    before = page.locator("#stage").get_attribute("viewBox")
    page.locator("#words tr[data-id=P1]").click()
    left, top, width, height = map(float, page.locator("#stage").get_attribute("viewBox").split())
    assert (left + width / 2, top + height / 2) == pytest.approx(FAILED.defects[1].centroid_px)
    assert width < float(before.split()[2]) / 2
    page.keyboard.press("0")
    assert page.locator("#stage").get_attribute("viewBox") == before


def test_next_and_previous_go_through_what_the_filters_leave(page):
    page.locator("#zone").select_option("contact")
    assert names(page) == ["b2", "c", "a9"]
    view(page, "b2")
    seen = []
    for key in ("n", "ArrowRight", "n", "p", "ArrowLeft", "p"):
        page.keyboard.press(key)
        seen.append(shown(page))
    assert seen == ["c", "a9", "a9", "c", "b2", "b2"]
    assert page.locator("#previous").is_disabled()


def test_only_fail_leaves_what_failed_and_brings_the_others_back(page):
    view(page, "a10")
    page.keyboard.press("f")
    assert shown(page) == "b2"
    assert page.locator("#only-fail").get_attribute("aria-pressed") == "true"
    assert page.locator("#view-place").inner_text() == "1 of 1"
    page.locator("#only-fail").click()
    assert page.locator("#view-place").inner_text() == "1 of 6"


def test_keys_do_nothing_while_a_filter_is_typed(page):
    page.locator("#text").press_sequentially("fnz")
    assert page.locator("#text").input_value() == "fnz"
    assert page.locator(".choice [aria-pressed=true]").inner_text() == "All"


def test_what_has_no_picture_says_so(page):
    view(page, "e")
    assert page.locator("#no-picture").inner_text() == "The picture could not be read."
    page.keyboard.press("p")
    assert not page.locator("#no-picture").is_visible()


def test_the_annotated_picture_stands_in_for_one_that_is_missing(opened, tmp_path):
    path = result_of(tmp_path, "a", FAILED, pictures=False)
    annotated(tmp_path, "a", FAILED)
    page = opened([path])
    page.locator("tbody .open").click()
    page.wait_for_function("document.getElementById('photo').getAttribute('height') > 850")  # with its panel
    assert page.locator("#layer-marks g").count() == 0


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_of_result_opens(opened, tmp_path, kind):
    page = opened(results_of(tmp_path, {kind: EVERY_KIND[kind]}))
    view(page, kind)
    assert page.locator("#words h3", has_text="Measured").count() == 1


# --- names


def hostile(inspection: Inspection, name: str) -> Inspection:
    carried = replace(inspection.request, manifest={name: name})
    return replace(inspection, image=replace(inspection.image, file=name), request=carried)


@linux_names
def test_hostile_names_are_text_and_their_files_are_found(opened, tmp_path):
    reasons = replace(NOT_LOCATED.verdict, reasons=tuple(Notice("other", text) for text in HOSTILE))
    paths = [
        result_of(tmp_path, f"{k}/{name[:60].replace('/', '|')}", hostile(FAILED, name))
        for k, name in enumerate(HOSTILE)
    ]
    page = opened([*paths, result_of(tmp_path, "reasons", replace(NOT_LOCATED, verdict=reasons))], APART)
    assert page.locator("tbody .open").evaluate_all("all => all.map((one) => one.textContent)")[:-1] == list(HOSTILE)
    assert page.locator("#cards .card strong").evaluate_all("all => all.map((one) => one.textContent)") == list(HOSTILE)
    for row, name in enumerate(HOSTILE):
        page.locator("tbody .open").nth(row).click()
        assert page.locator("#view-name").evaluate("element => element.textContent") == name
        page.evaluate(SHOWS, page.locator("#photo").get_attribute("href"))
        page.reload()  # its address, with nothing else to go by
        assert page.locator("#view-name").evaluate("element => element.textContent") == name
        page.keyboard.press("Escape")
    assert page.evaluate("document.scripts.length") == 3


# --- printed, narrow, large


def test_all_rows_are_printed_and_no_tool(opened, tmp_path):
    page = opened(results_of(tmp_path, alternating(90), pictures=False))
    assert page.locator("#table tbody tr").count() < 90
    printed = page.pdf(format="A4")
    assert page.locator("#table tbody tr").count() == 90
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 3
    page.emulate_media(media="print")
    assert not page.locator("#text").is_visible()
    assert page.locator(".totals").is_visible()


def boxes(within: Page | Locator, selector: str) -> list[FloatRect]:
    found = [one.bounding_box() for one in within.locator(selector).all() if one.is_visible()]
    return [box for box in found if box is not None]


def overlap(one: FloatRect, other: FloatRect, gap: float = -0.5) -> bool:
    """Whether they lie over each other, or beside each other closer than the gap."""
    along = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
    across = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
    return along > -gap and across > 0.5


@pytest.mark.parametrize("width", [360, 420, 1440])
def test_nothing_lies_over_anything_else(page, width):
    page.set_viewport_size({"width": width, "height": 860})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for row in page.locator("#table tbody tr").all():
        cells = boxes(row, ".face, .open, .badge, .clamp, .chips")
        assert not [pair for pair in combinations(cells, 2) if overlap(*pair)]
        if width == 1440:
            (verdict,), reasons = boxes(row, ".badge"), boxes(row, "td:nth-child(4) .clamp")
            assert not [reason for reason in reasons if overlap(verdict, reason, gap=8)]
    view(page, "b2")
    assert page.locator("#viewer").evaluate("one => one.scrollWidth") <= width
    steps = boxes(page, ".steps button")
    assert len({box["y"] for box in steps}) == 1
    (picture,) = boxes(page, ".face-pane")
    buttons = boxes(page, ".tools button, .tools label, #viewer header button")
    assert not [box for box in buttons if overlap(box, picture)]
    header = boxes(page, "#viewer header > :not(.steps), .steps button")
    assert not [pair for pair in combinations(header, 2) if overlap(*pair)]
    assert page.locator("#words").evaluate("one => one.scrollWidth - one.clientWidth") <= 0


def test_the_letters_of_the_zones_are_dark_on_light(page):
    view(page, "b2")
    for letter in "ABCD":
        ground, text = (
            page.locator(f".zone-name.zone-{letter} {part}").evaluate("one => getComputedStyle(one).fill")
            for part in ("circle", "text")
        )
        assert (ground, text) == ("rgb(255, 255, 255)", "rgb(23, 36, 46)")


def test_a_small_batch_has_sentences_for_charts(page):
    assert page.locator("figure.plot, figure.map").count() == 0
    assert (
        "Verdicts in the order of time: not shown for fewer than 20 graded pictures"
        in page.locator(".told").inner_text()
    )


@pytest.mark.skipif(sys.platform == "win32", reason="links to files need a permission there")
def test_a_page_of_a_thousand_pictures_is_ready_in_two_seconds(opened, tmp_path):
    inspections = alternating(1000)
    results_of(tmp_path, inspections, pictures=False)
    result_of(tmp_path, "one", FAILED)
    for name in inspections:
        for end in ("view.jpg", "thumbnail.jpg", "confidence.png"):
            (tmp_path / f"{name}_{end}").hardlink_to(tmp_path / f"one_{end}")
    page = opened([tmp_path / f"{name}_result.json" for name in inspections], APART)
    started = perf_counter()
    page.reload()
    page.wait_for_selector(READY)
    assert perf_counter() - started < 2
    assert page.locator("#count").inner_text() == "1000"
    started = perf_counter()
    page.get_by_role("button", name="Verdict", exact=True).click()
    page.locator("#text").fill("face_0998")
    assert names(page) == ["face_0998"]
    view(page, "face_0998")
    assert perf_counter() - started < 2


# --- connectors


@pytest.mark.parametrize("name", ["trunk", *(name for name in HOSTILE if not {*"/\n"} & {*name} and len(name) < 100)])
def test_a_connector_has_its_line_and_its_lanes_are_found_by_its_name(
    opened: Opener, tmp_path: Path, name: str
) -> None:
    lanes = connector_of(tmp_path, name, [PASSED, FAILED])
    page = opened([*lanes, result_of(tmp_path, "alone", PASSED)])
    (line,) = page.locator(".connectors tbody tr").all()
    cells = line.locator("td").all_text_contents()
    assert cells[:5] == [name, "FAIL", "1 of 2", "2", ""]
    assert line.locator("a").evaluate_all("links => links.map((link) => link.href)") == [
        (tmp_path / "row_lanes.png").as_uri()
    ]
    page.locator("#text").fill(name)
    assert sorted(names(page)) == ["row.png, lane 1", "row.png, lane 2"]
