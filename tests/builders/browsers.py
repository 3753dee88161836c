"""The browser that the pages are opened in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Request

# What a browser of a desktop does beside showing a page, of which a test wants nothing.
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
QUIETER = ("--disable-component-update", "--disable-sync")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_MS = 5000
READY = "html[data-ready=yes]"


@contextmanager
def started() -> Iterator[Browser]:
    """A browser, or the test is skipped."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no browser is installed: none of {', '.join(PROGRAMS)}")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright, which drives the browser, is absent")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=[*QUIET, *QUIETER])
        yield browser
        browser.close()


@contextmanager
def clean_page(browser: Browser, width: int = 1440, height: int = 900) -> Iterator[Page]:
    """A page; nothing it says may be an error, a dialog or a request to a network."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    wrong: list[str] = []

    def on_dialog(dialog: Dialog) -> None:
        wrong.append(dialog.message)
        dialog.dismiss()

    def on_request(asked: Request) -> None:
        if not asked.url.startswith(("file:", "data:")):
            wrong.append(asked.url)

    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", on_dialog)
    page.on("request", on_request)
    yield page
    context.close()
    assert wrong == []
