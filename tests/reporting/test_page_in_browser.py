"""The page of a batch in a browser: what is pressed happens, and no name ever runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from dscope_blink.files.names import REPORT
from dscope_blink.records import Inspection, Notice
from dscope_blink.reporting.page import write_html_report
from dscope_blink.reporting.stored_results import StoredResults
from tests.builders.browsers import READY, clean_page, started
from tests.builders.folders import linux_names
from tests.builders.inspections import EVERY_KIND, FAILED, MARGINAL, NO_SCALE, NOT_LOCATED, PASSED, UNREADABLE
from tests.builders.stored_results import APART, HOSTILE, REPORTING, alternating, annotated, result_of, results_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow  # each test opens pages in a program of its own

Opener = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as one:
        yield one


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens the page of stored results; nothing it says may be an error, a dialog or a request to a network."""
    with clean_page(browser) as page:

        def open_page(results: list[Path], wanted=REPORTING) -> Page:
            page.goto(write_html_report(tmp_path / REPORT, StoredResults(results), wanted).as_uri())
            page.wait_for_selector(READY)
            return page

        yield open_page


SHOWS = "async (link) => { const image = new Image(); image.src = link; await image.decode(); }"  # else it throws
KINDS = {"b2": FAILED, "a10": PASSED, "a9": MARGINAL, "c": NO_SCALE, "d": NOT_LOCATED, "e": UNREADABLE}


@pytest.fixture
def page(opened: Opener, tmp_path: Path) -> Page:
    """A page with a picture of every verdict."""
    return opened(results_of(tmp_path, KINDS))


def names(page: Page) -> list[str]:
    return [name.removesuffix(".png") for name in page.locator("#table tbody .open").all_inner_texts()]


def view(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"{name}.png", exact=True).click()
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
    assert names(page)[0] == "b2"
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
    page.keyboard.press("n")
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
    assert names(page) == ["b2", "a9", "c"]
    view(page, "b2")
    seen = []
    for key in ("n", "ArrowRight", "n", "p", "ArrowLeft", "p"):
        page.keyboard.press(key)
        seen.append(shown(page))
    assert seen == ["a9", "c", "c", "a9", "b2", "b2"]
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
    for row, name in enumerate(HOSTILE):
        page.locator("tbody .open").nth(row).click()
        assert page.locator("#view-name").evaluate("element => element.textContent") == name
        page.evaluate(SHOWS, page.locator("#photo").get_attribute("href"))
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


def test_a_narrow_window_does_not_scroll_sideways(page):
    page.set_viewport_size({"width": 420, "height": 860})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


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
