"""The page of two batches, opened in a browser: its policy lets its own look and pictures in, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dscope_blink.terminal.commands import main
from tests.batch.test_comparing import face, write
from tests.builders.stored_results import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


def test_it_shows_its_pictures_and_colours_and_complains_of_nothing(browser: Browser, tmp_path: Path) -> None:
    names = {f"n{number}": text for number, text in enumerate(HOSTILE)}
    before = write(tmp_path / "a", {n: face("FAIL", range(7), serial=t) for n, t in names.items()}, pictures=True)
    after = write(tmp_path / "b", {n: face("PASS", range(1, 8), 200, t) for n, t in names.items()}, pictures=True)
    assert main(["report", str(before), str(after), "--compare", "--quiet"]) == 0
    page = browser.new_page(viewport={"width": 420, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto((after / "compare_batches.html").as_uri())
    strokes = page.eval_on_selector_all(".face .mark.removed", "marks => marks.map(m => getComputedStyle(m).stroke)")
    assert set(strokes) == {"rgb(86, 180, 233)"}
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    assert page.locator("svg.face image").count() == 2 * len(HOSTILE)
    assert said == []
    page.close()
