"""The files of one picture: whole or absent, in the formats asked for; the zones cut out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.records import (
    Ellipse,
    UserError,
    ZoneOutline,
    zone_map,
)
from dscope_blink.reporting import picture_files, tables
from dscope_blink.reporting.annotation import annotate
from tests.builders.inspections import FAILED, OUT_OF_FOCUS
from tests.builders.settings import SETTINGS
from tests.builders.stored_results import write_summary_of

PICTURE = np.full((850, 1000), 120, np.uint8)
CONFIG = SETTINGS.profile("deep_inspection")
REPORTING = CONFIG.reporting
JPEG = replace(REPORTING, annotated_format="jpeg")


WRITERS: dict[str, Callable[[Path], None]] = {
    "result": lambda path: picture_files.write_result(path, FAILED),
    "defects": lambda path: picture_files.write_defect_table(path, FAILED, REPORTING),
    "summary": lambda path: write_summary_of(path, [tables.summary_row(FAILED)]),
    "annotated": lambda path: picture_files.write_annotated(path, PICTURE, FAILED, REPORTING),
    "annotated jpeg": lambda path: picture_files.write_annotated(path, PICTURE, FAILED, JPEG),
    "histogram": lambda path: picture_files.write_histogram(path, FAILED, REPORTING),
    "cells": lambda path: picture_files.write_cells(path, FAILED, CONFIG),
    "zone image": lambda path: picture_files.write_zone_image(path, picture_files.zone_images(PICTURE, FAILED)["core"]),
}
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())


# --- the pictures of the zones

ROUND_ZONES = tuple(
    ZoneOutline(letter, Ellipse((30.0, 22.5), (d, d), 0.0)) for letter, d in zip("ABD", (20, 31, 70), strict=True)
)
ZONED = replace(FAILED, zones=ROUND_ZONES)


def _noise(*shape: int, dtype: type[np.uint8] | type[np.uint16] = np.uint8) -> Any:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def _pasted_back(cuts: Mapping[str, Any], picture: Any) -> tuple[Any, Any]:
    """All zones laid where they came from, and how many of them hold each pixel."""
    whole, times = np.zeros((*picture.shape[:2], 3), picture.dtype), np.zeros(picture.shape[:2], int)
    zones = zone_map(picture.shape[:2], ROUND_ZONES)
    for outline in ROUND_ZONES:
        rows, columns = (np.flatnonzero(zones.mask(outline.letter).any(axis)) for axis in (1, 0))
        here = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        whole[here] += cuts[outline.name][..., :3]
        times[here] += cuts[outline.name][..., 3] == np.iinfo(picture.dtype).max
    return whole, times


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colour"])
def test_the_zones_together_are_the_picture_inside_the_outermost_outline(
    dtype: type[np.uint8] | type[np.uint16], channels: tuple[int, ...], tmp_path: Path
) -> None:
    picture, cuts = _noise(48, 60, *channels, dtype=dtype), {}
    for name, cut in picture_files.zone_images(picture, ZONED).items():
        picture_files.write_zone_image(tmp_path / f"{name}.png", cut)
        cuts[name] = np.asarray(cv2.imread(str(tmp_path / f"{name}.png"), cv2.IMREAD_UNCHANGED))
        assert cuts[name].dtype == dtype
    whole, times = _pasted_back(cuts, picture)
    holds = zone_map((48, 60), ROUND_ZONES).labels > 0
    colour = picture if channels else np.dstack([picture] * 3)
    np.testing.assert_array_equal(times, holds)
    np.testing.assert_array_equal(whole, np.where(holds[..., None], colour, 0))


def test_alpha_is_all_or_nothing_and_what_is_transparent_is_black() -> None:
    for cut in picture_files.zone_images(_noise(48, 60), ZONED).values():
        assert set(np.unique(cut[..., 3])) == {0, 255}
        assert not cut[cut[..., 3] == 0].any()


def test_a_zone_is_cut_to_its_box() -> None:
    cuts = picture_files.zone_images(_noise(48, 60), ZONED)
    assert {name: cut.shape for name, cut in cuts.items()} == {
        "core": (20, 19, 4),  # of a centre between two rows, 10 px up and down reach a pixel, 10 px to the side do not
        "cladding": (32, 31, 4),
        "contact": (48, 60, 4),
    }


def test_only_the_asked_zones_are_cut_out() -> None:
    asked = replace(ZONED, request=replace(ZONED.request, zones=("cladding",)))
    assert set(picture_files.zone_images(_noise(48, 60), asked)) == {"cladding"}


def test_a_zone_off_the_picture_has_no_picture() -> None:
    assert set(picture_files.zone_images(_noise(3, 3), ZONED)) == {"contact"}


def test_where_no_zone_was_inspected_none_is_cut_out() -> None:
    assert picture_files.zone_images(_noise(48, 60), OUT_OF_FOCUS) == {}


# --- the files


@every_writer
def test_a_file_is_written_and_nothing_is_left_beside_it(write: Callable[[Path], None], tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("the file of an earlier run")
    write(target)
    assert list(tmp_path.iterdir()) == [target]
    assert target.stat().st_size > 100


@every_writer
def test_a_folder_that_cannot_be_written_is_the_users_error(write: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"out cannot be written: Not a directory"):
        write(tmp_path / "file" / "out")


def test_a_write_that_fails_at_the_end_leaves_no_temporary_file(tmp_path: Path) -> None:
    taken = tmp_path / "out"
    taken.mkdir()
    with pytest.raises(UserError, match="out cannot be written"):
        picture_files.write_result(taken, FAILED)
    assert list(tmp_path.iterdir()) == [taken]


@every_writer
def test_a_disk_that_fills_up_leaves_the_earlier_file_and_no_part_of_the_new_one(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource", reason="file sizes can be limited on POSIX systems only")
    target = tmp_path / "out"
    target.write_text("earlier")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(UserError, match="out cannot be written: File too large"):
            write(target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text() == "earlier"


def _decoded(path: Path) -> NDArray[Any]:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture)


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        *(
            ("annotated", b"\x89PNG\r\n\x1a\n"),
            ("annotated jpeg", b"\xff\xd8\xff"),
            ("histogram", b"\x89PNG\r\n\x1a\n"),
        ),
    ],
)
def test_a_picture_has_the_format_of_the_settings(name: str, starts: bytes, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "picture")
    assert (tmp_path / "picture").read_bytes().startswith(starts)
    assert _decoded(tmp_path / "picture").ndim == 3


def test_a_png_holds_what_was_drawn_and_a_jpeg_nearly_that(tmp_path: Path) -> None:
    drawn = annotate(PICTURE, FAILED).astype(int)
    WRITERS["annotated"](tmp_path / "png")
    WRITERS["annotated jpeg"](tmp_path / "jpg")
    assert np.array_equal(_decoded(tmp_path / "png"), drawn)
    assert abs(_decoded(tmp_path / "jpg") - drawn).mean() < 2


def test_a_jpeg_of_higher_quality_is_larger(tmp_path: Path) -> None:
    for quality in (40, 95):
        picture_files.write_annotated(tmp_path / f"{quality}", PICTURE, FAILED, replace(JPEG, jpeg_quality=quality))
    assert 1.5 * (tmp_path / "40").stat().st_size < (tmp_path / "95").stat().st_size


@pytest.mark.parametrize(("file_format", "starts"), [("svg", b"<?xml"), ("pdf", b"%PDF-")])
def test_a_plot_in_a_vector_format_is_the_same_each_time(file_format: Any, starts: bytes, tmp_path: Path) -> None:
    for name in ("one", "other"):
        picture_files.write_histogram(tmp_path / name, FAILED, replace(REPORTING, plot_format=file_format))
    assert (tmp_path / "one").read_bytes().startswith(starts)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
