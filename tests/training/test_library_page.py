"""library.html: no name becomes markup, and in a browser what is chosen is shown."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dscope_blink.training.defect_types import fit_types
from dscope_blink.training.labels import Row
from dscope_blink.training.library_page import LibraryPage
from tests.builders.browsers import READY, clean_page
from tests.builders.mark_rows import mark_rows
from tests.builders.settings import SETTINGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TRAINING = replace(SETTINGS.profile("fast_scan").training, clusters_min=3, clusters_max=4)
PATCHES = 120  # files; marks beyond share them
HOSTILE = '"><script>alert(1)</script>图&amp;'


def entry(number: int, **changes: Any) -> Row:
    """A row of the index."""
    row = {
        "id": f"a_{number}",
        "file": f"defect_library/pit_dig/LOW/a_{number % PATCHES}.png",
        "image": f"picture {number % 7}",
        "zone": "cladding",
        "kind": ("scratch", "pit_dig", "contamination")[number % 3],
        "cluster": number % 3,
        "inferred": ("scratch", "pit_dig", "contamination")[number % 3],
        "severity_tier": ("LOW", "HIGH")[number % 2],
        "severity_score": 0.01 * (number % 90),
        "size_um": 1.0 + number % 50,
        "lasts": "permanent",
        "patch_width_px": 40,
        "patch_height_px": 30,
        "map_x": float(number % 13),
        "map_y": float(number % 11),
        "labelled_by": "program",
        "doubt": "its confidence is 0.50; like no other marks" if number % 5 == 0 else "",
    }
    return {**row, **changes}


def written(folder: Path, rows: list[Row]) -> Path:
    path = folder / "defect_library" / "library.html"
    path.parent.mkdir(parents=True)
    with LibraryPage(Path("defect_library")) as page:
        for row in rows:
            page.add(row)
        pytest.importorskip("sklearn.cluster")
        page.write(path, fit_types(mark_rows(60), TRAINING))
    return path


def test_no_name_becomes_markup_and_only_its_own_script_runs(tmp_path) -> None:
    text = written(tmp_path, [entry(0, id=HOSTILE, image=HOSTILE)]).read_text(encoding="utf-8")
    assert "<script>alert" not in text
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 1
    named = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert f"script-src 'sha256-{named}'" in policy[0]
    assert policy[0].startswith("default-src 'none'")


def test_truth_stands_in_a_table_of_its_own(tmp_path) -> None:
    rows = [entry(number, labelled_by=("rendered", "program")[number % 2]) for number in range(40)]
    text = written(tmp_path, rows).read_text(encoding="utf-8")
    assert '"against":"truth"' in text
    assert '"against":"the rule-based class"' in text


# --- in a browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with clean_page(browser) as one:
        yield one


def opened(page: Page, folder: Path, rows: list[Row]) -> Page:
    import cv2

    path = written(folder, rows)
    for row in rows[:PATCHES]:
        patch = folder / row["file"]
        patch.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(patch), np.full((30, 40), 90, np.uint8))
    page.goto(path.as_uri())
    page.wait_for_selector(READY)
    return page


@pytest.mark.slow
def test_what_is_chosen_is_shown(page: Page, tmp_path) -> None:
    opened(page, tmp_path, [entry(number) for number in range(60)])
    assert page.locator(".card").count() == 60
    page.select_option("select[name=kind]", label="scratch (20)")
    assert page.locator(".card").count() == 20
    page.select_option("select[name=tier]", label="HIGH (30)")
    assert page.locator("#count").inner_text() == "10 of 60 marks"
    page.get_by_role("button", name="All marks").click()
    page.get_by_label("only what is worth a look").check()
    assert page.locator("#count").inner_text() == "12 of 60 marks"
    page.get_by_role("button", name="All marks").click()
    page.fill("input[name=text]", "picture 3 a_3")
    assert page.locator("#count").inner_text() != "60 of 60 marks"


@pytest.mark.slow
def test_a_mark_opens_and_the_keys_go_on(page: Page, tmp_path) -> None:
    opened(page, tmp_path, [entry(number) for number in range(3)])
    page.locator(".card").first.click()
    assert page.locator("#one-title").inner_text() == "scratch a_0"
    assert "like no other marks" in page.locator("#one-facts").inner_text()
    page.evaluate("document.getElementById('one-patch').decode()")
    page.keyboard.press("ArrowRight")
    assert page.locator("#one-title").inner_text() == "pit dig a_1"
    page.keyboard.press("Escape")
    assert not page.locator("#one").is_visible()


@pytest.mark.slow
def test_hostile_names_are_text(page: Page, tmp_path) -> None:
    opened(page, tmp_path, [entry(0, id=HOSTILE, image=HOSTILE)])
    page.locator(".card").first.click()
    assert HOSTILE in page.locator("#one-title").inner_text()


@pytest.mark.slow
def test_a_set_without_marks_says_so(page: Page, tmp_path) -> None:
    opened(page, tmp_path, [])
    assert page.locator("#empty").is_visible()


@pytest.mark.slow
def test_twenty_thousand_marks_are_usable(page: Page, tmp_path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    start = perf_counter()
    opened(page, tmp_path, [entry(number) for number in range(20_000)])
    assert perf_counter() - start < 20
    assert page.locator(".card").count() == 120
    assert len(asked) < 130  # patches are loaded as they come into view
    page.get_by_role("button", name="More", exact=True).click()
    assert page.locator(".card").count() == 240


@pytest.mark.slow
def test_a_narrow_screen_needs_no_scrolling_aside(browser: Browser, tmp_path) -> None:
    with clean_page(browser, 360, 740) as narrow:
        opened(narrow, tmp_path, [entry(number) for number in range(30)])
        assert narrow.evaluate("document.documentElement.scrollWidth") <= 360
