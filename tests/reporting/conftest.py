"""What tests of the page share: it is opened in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dscope_blink.files.names import REPORT
from dscope_blink.reporting.page import write_html_report
from dscope_blink.reporting.stored_results import StoredResults
from tests.builders.browsers import READY, clean_page
from tests.builders.stored_results import REPORTING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page of stored results; nothing it says may be an error, a dialog or a request to a network."""
    with clean_page(browser) as page:

        def open_page(results: list[Path], wanted=REPORTING) -> Page:
            page.goto(write_html_report(tmp_path / REPORT, StoredResults(results), wanted).as_uri())
            page.wait_for_selector(READY)
            return page

        yield open_page
