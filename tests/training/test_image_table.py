"""Rows of pictures, and the folders that sort them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from dscope_blink.records import Notice, Verdict
from dscope_blink.training.dataset import Dataset, label_path
from dscope_blink.training.image_table import COLUMNS, image_row, write_image_folders
from dscope_blink.training.labels import Label, LabelFile, write_label
from tests.builders.inspections import FAILED
from tests.builders.labelled import drawn, face_of, face_with, label_with, rectangle
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("fast_scan")
PIT = rectangle(80, 60, 83, 64)


def sorted_into(folder: Path, how: Literal["none", "links", "copies"], *labels: Label) -> set[str]:
    for label in labels:
        picture = folder / label.image
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(label.name.encode())
        label_path(folder, label.name).parent.mkdir(parents=True, exist_ok=True)
        write_label(label_path(folder, label.name), LabelFile(label))
    config = replace(CONFIG, training=replace(CONFIG.training, image_folders=how))
    write_image_folders(Dataset(folder, tuple(label.name for label in labels)), config)
    base = folder / "image_level"
    return {path.relative_to(base).as_posix() for path in base.rglob("*.png")}


def labels() -> tuple[Label, ...]:
    """One that failed for two kinds of marks, one that passed, and one that was not graded."""
    marks = drawn("P1", PIT), drawn("P2", PIT), drawn("S1", PIT, "scratch")
    program = replace(label_with().source, by="program")
    return (
        label_with(*marks, name="更/a", image="pixel_level/images/更/a.png"),
        label_with(name="b", image="pixel_level/images/b.png", status="PASS"),
        label_with(name="c", image="pixel_level/images/c.png", status="NOT_GRADED", source=program),
    )


def test_a_row_says_the_verdict_what_is_seen_and_why() -> None:
    row = image_row(face_of(FAILED))
    assert set(row) == {column.name for column in COLUMNS}
    assert (row["PassFail"], row["has_scratch"], row["has_crack"], row["count_other"]) == ("Fail", True, True, 0)
    assert (row["marks"], row["worst_severity"]) == (5, "CRITICAL")
    assert "1 scratch, none allowed" in row["notes"]
    assert "93 % dark" in row["notes"]


def test_of_a_picture_that_was_not_graded_nobody_knows_the_marks() -> None:
    verdict = Verdict("NOT_GRADED", (Notice("out_of_focus", "Blurred"),))
    row = image_row(face_of(replace(FAILED, verdict=verdict, defects=())))
    assert (row["PassFail"], row["has_scratch"], row["marks"], row["marginal"]) == ("NotGraded", None, None, None)


def test_what_a_person_says_of_it_is_known() -> None:
    row = image_row(face_with(label_with(drawn("P1", PIT), status="NOT_GRADED")))
    assert (row["has_pit_dig"], row["has_scratch"], row["marks"]) == (True, False, 1)


@pytest.mark.parametrize("how", ["links", "copies"])
def test_pictures_lie_in_folders_by_verdict_and_kind(tmp_path: Path, how: Literal["links", "copies"]) -> None:
    found = sorted_into(tmp_path, how, *labels())
    assert found == {
        *("Fail/更/a.png", "Pass/b.png", "NotGraded/c.png"),
        *("types/pit_dig/更/a.png", "types/scratch/更/a.png", "types/clean/b.png"),
    }
    path = tmp_path / "image_level" / "Fail" / "更" / "a.png"
    assert path.read_bytes() == "更/a".encode()
    assert path.is_symlink() == (how == "links")


def test_links_hold_when_the_data_set_is_moved(tmp_path: Path) -> None:
    sorted_into(tmp_path / "here", "links", *labels())
    (tmp_path / "here").rename(tmp_path / "there")
    assert (tmp_path / "there" / "image_level" / "Pass" / "b.png").read_bytes() == b"b"


def test_what_was_sorted_before_is_gone(tmp_path: Path) -> None:
    sorted_into(tmp_path, "links", *labels())
    assert sorted_into(tmp_path, "none", *labels()) == set()
    assert all((tmp_path / label.image).exists() for label in labels())
