"""The page of faces that were compared with good ones, in a browser: a layer of what departs, and words of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.builders.comparisons import COMPARISON, FOUND, NOTHING, OWN, WHOLE, stored_comparison
from tests.builders.inspections import PASSED
from tests.builders.stored_results import HOSTILE, REPORTING, results_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow  # each test opens pages in a program of its own

Opener = Callable[..., "Page"]


@pytest.fixture
def opened(opened: Opener) -> Opener:
    """Opens the page of stored results, and the view of a.png on it."""

    def open_view(results: list[Path], wanted=REPORTING) -> Page:
        page = opened(results, wanted)
        page.locator("#table").get_by_role("link", name="a.png", exact=True).click()
        page.wait_for_selector("#viewer[open]")
        return page

    return open_view


def sees_places(page: Page) -> bool:
    places = page.locator("#layer-anomalies g")
    visible = places.evaluate_all("all => all.map((one) => getComputedStyle(one).visibility)")
    return bool(visible) and set(visible) == {"visible"}


def test_the_places_lie_over_the_view_and_a_switch_hides_them(opened, tmp_path):
    page = opened([stored_comparison(tmp_path, "a", FOUND)])
    switch = page.locator("#layers label:has(input[data-layer=anomalies])")
    assert switch.inner_text() == "Anomalies (2)"
    assert sees_places(page)
    switch.locator("input").click()
    assert not sees_places(page)
    page.keyboard.press("a")
    assert sees_places(page)
    assert switch.locator("input").is_checked()


def test_the_outlines_lie_where_the_face_departs(opened, tmp_path):
    page = opened([stored_comparison(tmp_path, "a", FOUND)])
    box = "element => { const box = element.getBBox(); return [box.x, box.y, box.width, box.height]; }"
    for place in COMPARISON.anomalies:
        low, high = place.outline_px.min(axis=0), place.outline_px.max(axis=0)
        path = page.locator(f"#layer-anomalies g[data-place={place.id}] path.line")
        assert path.evaluate(box) == pytest.approx([*low, *(high - low)], abs=0.2)


def test_places_of_other_severities_look_different(opened, tmp_path):
    page = opened([stored_comparison(tmp_path, "a", FOUND)])
    colours = page.locator("#layer-anomalies path.line").evaluate_all(
        "all => all.map((one) => getComputedStyle(one).stroke)"
    )
    assert len(set(colours)) == 2


def test_the_words_say_status_score_and_each_place(opened, tmp_path):
    page = opened([stored_comparison(tmp_path, "a", replace(FOUND, reference=replace(COMPARISON, whole=WHOLE)))])
    words = page.locator("#words").inner_text()
    assert "ANOMALOUS 3.40 of the limit, as a whole 1.50. It overrides no criterion." in words
    assert "2 places depart" in words
    lines = [" ".join(text.split()) for text in page.locator("#words table.places tbody tr").all_inner_texts()]
    assert lines == [
        "N1 Scratch core 40.0 um marks S1 3.40 of the limit high, confidence 0.9",
        "N2 no known kind beyond 10.0 um 3.40 of the limit low, confidence 0.9",
    ]
    page.keyboard.press("Escape")
    assert page.locator("#table tbody tr .reference").inner_text() == "ANOMALOUS 3.40"
    page.locator("#text").fill("anomalous")
    assert page.locator("#table tbody tr").count() == 1


def test_a_place_that_is_picked_in_the_words_is_shown_close(opened, tmp_path):
    page = opened([stored_comparison(tmp_path, "a", FOUND)])
    before = page.locator("#stage").get_attribute("viewBox")
    page.locator("#words tr[data-id=N2] .go").click()
    assert page.locator("#stage").get_attribute("viewBox") != before
    assert page.locator("#stage circle.target").count() == 1
    assert page.locator("#words tr.picked").get_attribute("data-id") == "N2"


def test_a_face_that_was_not_compared_says_why_and_one_without_a_model_says_nothing(opened, tmp_path):
    page = opened([stored_comparison(tmp_path, "a", NOTHING), *results_of(tmp_path, {"b": PASSED})])
    assert "NOT COMPARED. It overrides no criterion." in page.locator("#words").inner_text()
    assert "no fiber was found" in page.locator("#words").inner_text()
    assert page.locator("[data-layer=anomalies]").count() == 0
    page.keyboard.press("n")
    assert page.locator("#view-name").inner_text() == "b.png"
    assert page.locator("#words .reference, #layer-anomalies g, [data-layer=anomalies]").count() == 0
    page.keyboard.press("a")  # nothing to show, and no error


def test_a_face_beside_its_own_symmetry_is_not_said_to_be_beside_good_ones(opened, tmp_path):
    page = opened([stored_comparison(tmp_path, "a", OWN)])
    words = page.locator("#words").inner_text()
    assert "NO REFERENCE 3.40 of the limit. It overrides no criterion." in words
    assert "beside its own symmetry" in words.lower()
    assert "No model" in words
    assert "good faces" not in words
    assert sees_places(page)


def test_hostile_reasons_are_text(opened, tmp_path):
    page = opened([stored_comparison(tmp_path, "a", replace(FOUND, reference=replace(COMPARISON, reasons=HOSTILE)))])
    shown = page.locator("#words .reference + .reasons li").evaluate_all("all => all.map((one) => one.textContent)")
    assert shown == list(HOSTILE)
    assert page.evaluate("document.scripts.length") == 3


@pytest.mark.parametrize("width", [360, 1440])
def test_the_words_fit_a_narrow_screen_too(opened, tmp_path, width):
    page = opened([stored_comparison(tmp_path, "a", replace(FOUND, reference=replace(COMPARISON, whole=WHOLE)))])
    page.set_viewport_size({"width": width, "height": 860})
    assert page.locator("#viewer").evaluate("one => one.scrollWidth") <= width
    assert page.locator("#words").evaluate("one => one.scrollWidth - one.clientWidth") <= 0
