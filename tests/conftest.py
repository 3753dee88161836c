"""What all tests share: threads, how hypothesis draws its examples, and what is skipped without the photographs."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.builders.folders import SHARED

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Each worker of the tests has a processor of its own; more threads in each would only get into each other's way.
# It is set before numpy and OpenCV are first imported, and every process of a test inherits it.
for _library in ("OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(_library, "1")

# A shell lets what it starts in the background ignore Ctrl-C, and so would every program that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A deadline per example fails at random on a loaded machine; speed is measured in benchmarks/, never in a test.
# The same examples every time, so that the same code passes or fails; HYPOTHESIS_PROFILE=random draws new ones.
settings.register_profile("project", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "project"))


# Modules that take more than a second: `make test` leaves them to `make test-thorough`, and ends within a minute.
THOROUGH = frozenset(Path(__file__).with_name("thorough.txt").read_text(encoding="utf-8").split())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even read what is thorough where none of it would run."""
    here = collection_path.as_posix().removeprefix(f"{config.rootpath.as_posix()}/")
    return True if here in THOROUGH and "not thorough" in config.option.markexpr else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is thorough, and skip the accuracy tests, with the reason, where the photographs are absent."""
    for item in items:
        if item.nodeid.partition("::")[0] in THOROUGH:
            item.add_marker(pytest.mark.thorough)
    if SHARED.is_dir():
        return
    absent = pytest.mark.skip(reason="the photographs in ../shared are absent")
    for item in items:
        if item.get_closest_marker("accuracy"):
            item.add_marker(absent)


@pytest.fixture
def found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cameras are looked for once in a process."""
    from tests.builders.emulator import FOUND

    monkeypatch.setattr("dscope_blink.devices.camera._devices", FOUND)


@pytest.fixture
def as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that are made by hand, whose verdicts follow from nothing, are taken as they are written."""
    monkeypatch.setattr("dscope_blink.analysis.rejudging.what_differs", lambda stored, settings, path=None: ())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from tests.builders.browsers import started

    with started() as one:
        yield one


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that any user may enter; those of `tmp_path` are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture
def shared() -> Path:
    """The folder of photographs that accuracy tests measure on."""
    return SHARED
