"""A network of markers is trained, exported, and read back: what it is taught is where the markers are."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.models.objects import Wanted, grid_cells, object_network
from dscope_blink.models.session import load_network
from dscope_blink.records import Box, FoundObject, UserError
from dscope_blink.synthetic.sheets import Look, render_sheet, sheet_of_14
from dscope_blink.training import fit_marker_detector as fitting
from dscope_blink.training.fit_marker_detector import Course, fit_marker_detector
from dscope_blink.training.marker_pictures import CROP_PX, SeenSheet, drawn_sheets, lesson, seen_sheet
from dscope_blink.training.marker_scores import marker_scores
from tests.builders.settings import SETTINGS

SETTINGS_OF_NETWORK = SETTINGS.profile(SETTINGS.default_profile).gates.networks["marker_detector"]
STRIDES = SETTINGS_OF_NETWORK.strides


@pytest.fixture(scope="module")
def sheet():
    return render_sheet(sheet_of_14(), np.random.default_rng(3), look=Look(noise=0.0))


# --- lessons


def test_a_sheet_is_seen_with_its_markers_where_the_ink_is(sheet):
    seen = seen_sheet(sheet, SETTINGS_OF_NETWORK, np.random.default_rng(1))
    assert len(seen.boxes) == len(sheet.markers)
    for left, top, right, bottom in np.rint(seen.boxes).astype(int):
        inside = seen.levels[top + 2 : bottom - 1, left + 2 : right - 1]
        assert inside.mean() < 80
        assert seen.levels[top - 4, left:right].mean() > 180


def test_every_cell_that_is_to_name_a_marker_says_where_its_ink_lies(sheet):
    rng = np.random.default_rng(2)
    seen = seen_sheet(sheet, SETTINGS_OF_NETWORK, rng)
    cells, sizes = grid_cells(CROP_PX, STRIDES)
    taught = 0
    for _ in range(20):
        one = lesson(seen, STRIDES, rng)
        assert one.levels.shape == (1, CROP_PX, CROP_PX)
        for k in np.flatnonzero(one.present == 1):
            x, y, width, height = one.boxes[k]
            assert (np.floor([x, y] / sizes[k]) == cells[k]).all()
            ink = one.levels[
                0, round(y - height / 4) : round(y + height / 4), round(x - width / 4) : round(x + width / 4)
            ]
            assert ink.mean() < 0.3
            taught += 1
    assert taught > 20


def test_cells_between_two_markers_are_to_say_that_there_is_none():
    boxes = np.array([[100.0, 100, 130, 112], [110, 86, 119, 95]])  # their middles two rows of cells apart
    seen = SeenSheet(np.full((CROP_PX, CROP_PX), 255, np.uint8), boxes, np.array([0, 1]))
    one = lesson(seen, STRIDES, np.random.default_rng(4))
    fine, coarse = one.present[: (CROP_PX // 8) ** 2], one.present[(CROP_PX // 8) ** 2 :]
    # 3 x 3 cells around each, a row of 3 in common; in the coarse grid two rows, and the small one is not for it.
    assert [(fine == n).sum() for n in (1, -1)] == [2, 10]
    assert [(coarse == n).sum() for n in (1, -1)] == [1, 6]
    assert ((one.classes >= 0) <= (one.present != 0)).all()


def test_ghosts_are_taught_to_be_none_and_half_of_the_sheets_have_faults():
    sheets = drawn_sheets(12, 5)
    assert any(sheet.ghosts for sheet in sheets)
    assert 2 <= sum(bool(sheet.faults) for sheet in sheets) <= 10
    with_ghost = next(sheet for sheet in sheets if sheet.ghosts)
    seen = seen_sheet(with_ghost, SETTINGS_OF_NETWORK, np.random.default_rng(1))
    assert len(seen.boxes) == len(with_ghost.markers)


def test_sheets_held_out_are_none_of_those_that_teach():
    first, other = drawn_sheets(1, 7)[0], drawn_sheets(1, 7 + fitting.HELD_OUT_SEED)[0]
    assert first.picture.shape != other.picture.shape or (first.picture != other.picture).any()
    assert (drawn_sheets(1, 7)[0].picture == first.picture).all()


# --- figures


def test_a_marker_counts_once_and_only_as_its_kind(sheet):
    def truth(_):
        return [FoundObject(one.kind, one.box, 0.9) for one in sheet.markers]

    whole = marker_scores(truth, [sheet])
    assert (whole.recall, whole.false, whole.mean_overlap, whole.whole_sheets) == (1.0, 0, 1.0, 1)
    twice = marker_scores(lambda picture: truth(picture) * 2, [sheet])
    assert (twice.recall, twice.false, twice.whole_sheets) == (1.0, len(sheet.markers), 0)
    named = marker_scores(lambda picture: [replace(one, kind="other") for one in truth(picture)], [sheet])
    assert (named.recall, named.false) == (0.0, len(sheet.markers))
    beside = marker_scores(lambda _: [FoundObject("big", Box(0, 0, 5, 5), 0.5)], [sheet])
    assert (beside.found, beside.false) == (0, 1)


# --- training


def test_only_the_network_that_can_be_trained_is():
    pytest.importorskip("torch", reason="torch is not installed: requirements-train.txt")
    with pytest.raises(UserError, match=r"only a network with layout yolox, strides \[8, 16\] and color gray"):
        fit_marker_detector(replace(SETTINGS_OF_NETWORK, strides=(8, 16, 32)), Course(1, 1, 1, 0))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network():
    pytest.importorskip("torch", reason="torch is not installed: requirements-train.txt")
    course = Course(sheets=2, held_out=0, steps=2, seed=1)
    first, again = (fit_marker_detector(SETTINGS_OF_NETWORK, course) for _ in range(2))
    assert first == again
    assert first != fit_marker_detector(SETTINGS_OF_NETWORK, replace(course, seed=2))


@pytest.mark.slow
def test_a_few_seconds_of_training_find_most_markers(tmp_path, caplog):
    pytest.importorskip("torch", reason="torch is not installed: requirements-train.txt")
    with caplog.at_level(logging.INFO):
        assert fitting.main(["--output", str(tmp_path), "--sheets=12", "--steps=80", "--held-out=4"]) == 0
    network = load_network(tmp_path / "marker_detector.onnx")
    finder = object_network(network, SETTINGS_OF_NETWORK)
    sheets = drawn_sheets(4, 99)
    found = marker_scores(lambda picture: finder.find(picture, Wanted(960, 0.3, 0.5)), sheets)
    assert found.recall > 0.7
    card = (tmp_path / "marker_detector.md").read_text(encoding="utf-8")
    assert network.sha256 in card
    assert "--sheets 12" in card
    assert json.dumps(list(network.outputs[0].shape)) in card
