"""The page of faces that several detections saw, in a browser: a layer for each source, and who found what."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.builders.aggregates import KEYS, aggregate_of, stored_aggregate
from tests.builders.inspections import PASSED
from tests.builders.stored_results import APART, HOSTILE, REPORTING, results_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow  # each test opens pages in a program of its own

Opener = Callable[..., "Page"]
FACE = aggregate_of(seen={"S1": KEYS[:1], "P1": KEYS, "E1": KEYS[1:], "C1": KEYS[2:], "K1": KEYS[:2]})
LONG = [f"detector_with_a_very_long_name_that_says_all_of_its_settings_{number}" for number in range(12)]


@pytest.fixture
def opened(opened: Opener) -> Opener:
    """Opens the page of stored results, and the view of a.png on it."""

    def open_view(results: list[Path], wanted=REPORTING) -> Page:
        page = opened(results, wanted)
        page.locator("#table").get_by_role("link", name="a.png", exact=True).click()
        page.wait_for_selector("#viewer[open]")
        return page

    return open_view


def sees(page: Page, key: str) -> bool:
    group = page.locator(f"#layer-sources g[data-source={key}]")
    visibility: str = group.evaluate("element => getComputedStyle(element).visibility")
    return visibility == "visible"


def test_each_source_has_a_switch_that_shows_its_outlines_over_the_view(opened, tmp_path):
    page = opened([stored_aggregate(tmp_path, "a", FACE)])
    switches = page.locator("#layers label:has(input[data-layer^=source-])")
    assert [" ".join(text.split()) for text in switches.all_inner_texts()] == [
        "deep_inspection (3)",
        "fast_scan (3)",
        "lei (3)",
    ]
    assert [sees(page, key) for key in KEYS] == [False, False, False]
    page.locator("[data-layer=source-1]").click()
    assert [sees(page, key) for key in KEYS] == [False, True, False]
    assert page.locator("#layer-sources g[data-source=fast_scan] path.line").count() == 3
    page.keyboard.press("s")
    assert [sees(page, key) for key in KEYS] == [False, False, False]
    page.keyboard.press("s")
    assert [sees(page, key) for key in KEYS] == [True, True, True]
    assert page.locator("[data-layer=source-2]").is_checked()


def test_the_outlines_lie_where_the_source_reported_them(opened, tmp_path):
    page = opened([stored_aggregate(tmp_path, "a", FACE)])
    page.keyboard.press("s")
    box = "element => { const box = element.getBBox(); return [box.x, box.y, box.width, box.height]; }"
    for member in FACE.marks[1].members:  # P1, seen by all
        paths = page.locator(f"#layer-sources g[data-source={member.source}] path.line")
        low, high = member.outline_px.min(axis=0), member.outline_px.max(axis=0)
        boxes = [paths.nth(place).evaluate(box) for place in range(paths.count())]
        assert any(one == pytest.approx([*low, *(high - low)], abs=0.7) for one in boxes), member.source


def test_the_words_say_verdict_score_and_who_found_what(opened, tmp_path):
    page = opened([stored_aggregate(tmp_path, "a", FACE)])
    words = page.locator("#words").inner_text()
    assert "FAIL by the acceptance criteria" in words
    assert (
        "Score 45 of 100, fails: 1 critical marks, at most 0; score 45, at least 70. It overrides no criterion."
        in words
    )
    assert page.locator("#words table.sources tbody tr").all_inner_texts() == [
        "deep_inspection\t3, 1 alone\tPASS, decides it",
        "fast_scan\t3, 0 alone\tFAIL",
        "lei\t3, 1 alone\tFAIL",
    ]
    seen = page.locator("#words tr[data-id=P1] .seen").inner_text()
    assert seen == "3 of 3 sources: deep_inspection (P1.0), fast_scan (P1.1), lei (P1.2)"
    page.keyboard.press("Escape")
    assert "score 45" in page.locator("#table tbody tr").inner_text()


def test_a_switch_holds_for_the_next_face_and_a_picture_without_sources_has_none(opened, tmp_path):
    faces = [stored_aggregate(tmp_path, name, FACE) for name in ("a", "b")]
    page = opened([*faces, *results_of(tmp_path, {"c": PASSED})])
    page.locator("[data-layer=source-0]").click()
    page.keyboard.press("n")
    assert page.locator("#view-name").inner_text() == "b.png"
    assert [sees(page, key) for key in KEYS] == [True, False, False]
    page.keyboard.press("n")
    assert page.locator("#view-name").inner_text() == "c.png"
    assert page.locator("#layer-sources g, [data-layer^=source-], #words table.sources").count() == 0
    page.keyboard.press("s")  # nothing to show, and no error


def test_a_page_that_would_be_too_large_says_that_outlines_are_left_out(opened, tmp_path):
    page = opened([stored_aggregate(tmp_path, "a", FACE)], APART)
    assert page.locator("[data-layer^=source-]").count() == 0
    assert "The outlines of the sources are not in this page" in page.locator("#words").inner_text()
    assert page.locator("#words table.sources tbody tr").count() == 3


def test_hostile_keys_are_text(opened, tmp_path):
    page = opened([stored_aggregate(tmp_path, "a", aggregate_of(keys=(*HOSTILE, "__proto__", "constructor")))])
    page.keyboard.press("s")
    shown = page.locator("#words table.sources .source").evaluate_all("all => all.map((one) => one.textContent)")
    assert shown == [*HOSTILE, "__proto__", "constructor"]
    assert page.evaluate("document.scripts.length") == 3


@pytest.mark.parametrize("width", [360, 420, 1440])
def test_twelve_sources_of_long_names_hide_nothing(opened, tmp_path, width):
    page = opened([stored_aggregate(tmp_path, "a", aggregate_of(keys=LONG))])
    page.set_viewport_size({"width": width, "height": 860})
    page.keyboard.press("s")
    assert page.locator("#viewer").evaluate("one => one.scrollWidth") <= width
    assert page.locator("#words").evaluate("one => one.scrollWidth - one.clientWidth") <= 0
    picture = page.locator(".face-pane").bounding_box()
    tools = page.locator(".tools").bounding_box()
    assert picture is not None
    assert tools is not None
    assert picture["height"] > 200
    assert picture["y"] + picture["height"] <= tools["y"] + 0.5
    boxes = [box for one in page.locator(".tools label, .tools button").all() if (box := one.bounding_box())]
    for one, other in combinations(boxes, 2):
        across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
        down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
        assert across <= 0.5 or down <= 0.5
    styles = page.locator("#layers .swatch").evaluate_all("all => all.map((one) => getComputedStyle(one).borderTop)")
    assert len(set(styles)) == 12


def test_lines_of_two_sources_never_look_alike(opened, tmp_path):
    page = opened([stored_aggregate(tmp_path, "a", aggregate_of(keys=LONG))])
    page.keyboard.press("s")
    looks = page.locator("#layer-sources g path.line").evaluate_all(
        "all => all.map((one) => [one.parentNode.dataset.source, getComputedStyle(one)])"
        ".map(([key, style]) => [key, style.stroke + style.strokeDasharray])"
    )
    assert len({look for _, look in looks}) == len({key for key, _ in looks}) == 5  # who saw any of the five marks
