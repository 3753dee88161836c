"""Labels of painted marks: to the pixel, holes and pieces included."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.records import Request, ZoneOutline
from dscope_blink.synthetic.faces import Contamination, Pit, Scratch, render_face
from dscope_blink.synthetic.varied_marks import Group, group_masks
from dscope_blink.training.exact_marks import exact_marks, outlines_of
from dscope_blink.training.labels import Label, Mark, Source
from dscope_blink.training.masks import filled, instances_of
from tests.builders.pictures import FACE
from tests.builders.settings import SETTINGS

RENDERED = Source("rendered", "test")
DIAMETERS_UM = {"A": 65, "B": 115, "C": 135, "D": 250}
ZONES = tuple(ZoneOutline(letter, FACE.cladding_ellipse.scaled(um / 125)) for letter, um in DIAMETERS_UM.items())
CRITERIA = SETTINGS.profile("fast_scan").criteria.find("iec_61300_3_35_2022", "multimode")


@pytest.mark.parametrize("seed", range(20))
def test_an_outline_and_its_holes_give_the_same_pixels_back(seed: int) -> None:
    import cv2

    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=(40, 50)).astype(np.float32), (0, 0), 1.2)
    number, labels = cv2.connectedComponents((noise > 0).astype(np.uint8), connectivity=8)
    for k in range(1, number):
        mask = labels == k
        outline, holes = outlines_of(mask, (7, 3))
        inside, (x, y) = filled(outline, holes, (60, 70))
        drawn = np.zeros((60, 70), bool)
        drawn[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
        expected = np.zeros((60, 70), bool)
        expected[3:43, 7:57] = mask
        assert (drawn != expected).sum() == 0


def labelled(*groups: Group) -> tuple[tuple[Mark, ...], np.ndarray, str]:
    face = render_face(FACE, tuple(b for group in groups for b in group.blemishes), np.random.default_rng(0))
    marks, verdict = exact_marks(groups, face, ZONES, CRITERIA, Request("iec", "multimode").zones, RENDERED)
    painted = np.any([whole for whole, _ in group_masks(groups, face)], axis=0)
    return marks, painted, verdict.status


def test_labels_are_what_was_painted() -> None:
    ring = Contamination(tuple((20 * np.cos(t), 20 * np.sin(t), 6.0) for t in np.linspace(0, 6, 14)), -0.4)
    marks, painted, _ = labelled(
        Group("contamination", (ring,)), Group("scratch", (Scratch(((-60, -50), (-30, 55)), 0.7, -0.5),))
    )
    label = Label("a", "a.png", "a.png", "", 400, 300, "FAIL", RENDERED, marks=marks)
    assert [mark.kind for mark in marks] == ["contamination", "scratch"]
    assert marks[0].holes_px
    assert ((instances_of(label) > 0) == painted).all()


def test_a_row_of_specks_is_a_mark_each_and_what_lies_beside_keeps_its_kind() -> None:
    row = Contamination(((0, 0, 3), (15, 0, 3)), -0.5)
    line = Scratch(((-60, 20), (-20, 30)), 1.5, -0.5)
    marks, _, _ = labelled(Group("contamination", (row,)), Group("scratch", (line,), (Pit((-40, -30), 4.0, -0.5),)))
    assert [(mark.id, mark.kind) for mark in marks] == [
        ("C1", "contamination"),
        ("C2", "contamination"),
        ("P3", "pit_dig"),
        ("S4", "scratch"),
    ]


def test_the_verdict_is_that_of_the_true_sizes() -> None:
    assert labelled(Group("pit_dig", (Pit((0, 0), 60.0, -0.5),)))[2] == "FAIL"
    assert labelled(Group("pit_dig", (Pit((40, 0), 1.5, -0.5),)))[2] == "PASS"


def test_marks_that_are_there_already_count_too() -> None:
    from tests.builders.inspections import COUNTED

    group = Group("pit_dig", (Pit((20, 20), 3.0, -0.5),))
    face = render_face(FACE, group.blemishes, np.random.default_rng(0))
    there = [replace(COUNTED, zone="core", diameter_um=90.0)]
    marks, verdict = exact_marks((group,), face, ZONES, CRITERIA, Request("iec", "multimode").zones, RENDERED, there)
    assert [mark.id for mark in marks] == ["I1"]
    assert verdict.status == "FAIL"
