"""Good faces that other processes look at: the same model, and what a picture costs that takes its process with it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest

from dscope_blink.batch import learning as module
from dscope_blink.batch.job import Job
from dscope_blink.batch.learning import learn
from dscope_blink.files.plan import ImageFile
from dscope_blink.records import UserError
from tests.builders.analyses import SMALL, good_pictures, learning, varied_png
from tests.builders.pictures import folder_of

pytestmark = pytest.mark.slow  # processes

NOW = "2026-03-08T12:00:00+00:00"


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Stopped:
        return cls.fromisoformat(NOW)


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "datetime", Stopped)
    monkeypatch.setattr(module, "FEW", 1)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A folder of seven good faces."""
    return good_pictures(tmp_path / "good", 7)


def test_one_process_or_two_learn_the_same_bytes(good, tmp_path, caplog):
    looked: list[str] = []
    learn(learning(good, tmp_path / "0.dscope"), lambda image: looked.append(image.file))
    for count in (1, 2):
        learn(learning(good, tmp_path / f"{count}.dscope", workers=count), lambda image: looked.append(image.file))
        assert (tmp_path / f"{count}.dscope").read_bytes() == (tmp_path / "0.dscope").read_bytes()
    assert sorted(looked) == sorted(3 * [f"good_{number}.png" for number in range(7)])


def killed_at_3(job: Job, item: tuple[int, ImageFile]) -> Any:
    if item[1].file == "good_3.png":
        os.kill(os.getpid(), signal.SIGKILL)
    return module._see(job, item)


def hanging_at_3(job: Job, item: tuple[int, ImageFile]) -> Any:
    if item[1].file == "good_3.png":
        time.sleep(60)
    return module._see(job, item)


@pytest.mark.parametrize(
    ("stands_in", "limit_s", "told"),
    [
        (killed_at_3, 60, "Internal error: its process ended with code -9 (tried once)"),
        (hanging_at_3, 6, "Time limit: more than 6 s"),
    ],
)
def test_a_picture_that_takes_its_process_with_it_teaches_nothing(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stands_in: Callable[..., Any], limit_s: int, told: str
) -> None:
    monkeypatch.setattr(module, "_see", stands_in)
    config = replace(SMALL, batch=replace(SMALL.batch, retries=0, time_limit_s=limit_s))
    card = learn(learning(good, tmp_path / "m.dscope", config=config, workers=2)).model.card
    assert {face.file: face.why_not for face in card.faces if not face.used} == {"good_3.png": told}
    assert [face.file for face in card.faces] == [f"good_{number}.png" for number in range(7)]


def test_a_face_teaches_only_once_whoever_looks_at_it(good, tmp_path):
    folder_of(good, "again.png", data=varied_png(2))
    with pytest.raises(UserError, match=r"(again|good_2)\.png: it is among the faces already"):
        learn(learning(good, tmp_path / "m.dscope", workers=2))
    assert not (tmp_path / "m.dscope").exists()
