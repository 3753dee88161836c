"""What a network of blemishes is taught: where marks are, what nobody knows, and nothing that is held out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.models.blemish_views import KINDS, NEAR_RHO, SNR_CLIP, SNR_SCALE
from dscope_blink.synthetic.faces import Chip, FaceSpec, Pit, render_face
from dscope_blink.synthetic.varied_marks import Group
from dscope_blink.training.segmentation_lessons import (
    FAR,
    IGNORED,
    STEPS,
    Lesson,
    LessonMark,
    crop_of,
    far_view,
    lesson_of,
    near_view,
    read_lesson,
    write_lesson,
)
from dscope_blink.training.segmentation_pictures import (
    HELD_OUT,
    TaughtPicture,
    clean_face,
    faint_groups,
    request_of,
    true_marks,
    varied,
)
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
EDITION = CONFIG.criteria.default_edition
SPEC = FaceSpec(shape=(300, 400), centre_px=(203.4, 146.7), um_per_px_x=0.6, um_per_px_y=0.6)
STRONG, FAINTEST = Pit((22.0, 18.0), 9.0, -0.4), Pit((-25.0, 10.0), 2.0, -0.006)


def taught(*blemishes, known=None):
    groups = tuple(Group(one.kind, (one,)) for one in blemishes)
    face = render_face(SPEC, blemishes, np.random.default_rng(3))
    return TaughtPicture(face.image, request_of(SPEC, EDITION), true_marks(groups, face), known)


def made_of(picture, by_detectors=False):
    lesson = lesson_of(picture, "one", CONFIG, by_detectors)
    assert lesson is not None
    return lesson


@pytest.fixture(scope="module")
def lesson():
    return made_of(taught(STRONG, FAINTEST))


def test_a_mark_is_taught_where_it_departs_from_the_fiber(lesson):
    inside = lesson.labels == 1
    assert np.pi * (9 / 0.6 / 2) ** 2 == pytest.approx(inside.sum(), rel=0.05)
    assert (lesson.kinds[inside] == KINDS.index("pit_dig")).all()
    assert lesson.shown[0][inside].mean() * SNR_SCALE < -8
    assert abs(lesson.shown[0][lesson.kinds == 0].mean()) < 0.05


def test_nothing_is_asked_around_a_mark_nor_of_one_that_nobody_sees(lesson):
    rows, columns = np.nonzero(lesson.labels == 1)
    assert lesson.labels[rows.min() - 1, columns[rows.argmin()]] == IGNORED
    assert [mark.asked for mark in lesson.marks] == [True, False]
    assert (lesson.labels == 2).any()
    assert (lesson.kinds[lesson.labels == 2] == IGNORED).all()


def test_beyond_what_is_searched_nothing_is_asked(lesson):
    assert lesson.kinds[0, 0] == IGNORED
    assert lesson.shown[0][0, 0] == 0
    middle = tuple(size // 2 for size in lesson.kinds.shape)
    assert lesson.kinds[middle] == 0
    assert lesson.shown[1][middle] < 0.05


def test_where_nobody_knows_only_what_is_painted_is_asked():
    unknown = made_of(taught(STRONG, known=np.zeros(SPEC.shape, bool)))
    assert set(np.unique(unknown.kinds).tolist()) == {KINDS.index("pit_dig"), IGNORED}


def test_a_lesson_says_what_the_detectors_find():
    searched = made_of(taught(STRONG, FAINTEST), by_detectors=True)
    assert [mark.found for mark in searched.marks] == [True, False]
    assert searched.false == 0


def test_a_mark_that_is_reported_and_unknown_counts_as_false():
    picture = replace(taught(STRONG), marks=())
    assert made_of(picture, by_detectors=True).false == 1


def test_a_picture_without_a_fiber_is_no_lesson():
    empty = replace(taught(STRONG), picture=np.full((300, 400), 120, np.uint8))
    assert lesson_of(empty, "none", CONFIG) is None


def test_a_lesson_comes_back_from_its_file(lesson, tmp_path):
    write_lesson(tmp_path / "one.npz", lesson)
    back = read_lesson(tmp_path / "one.npz")
    assert (back.name, back.marks, back.false) == (lesson.name, lesson.marks, lesson.false)
    for part in ("snr", "zone", "labels"):
        assert (getattr(back, part) == getattr(lesson, part)).all()


def test_a_small_mark_counts_as_much_as_a_large_one():
    labels = np.zeros((40, 60), np.uint8)
    labels[5:11, 5:15], labels[15:35, 20:50], labels[:, -3:] = 1, 2, IGNORED
    marks = (LessonMark("pit_dig", 0.1, 5.0, 3.0), LessonMark("scratch", 0.1, 5.0, 9.0))
    weights = Lesson("two", labels.astype(np.int8), labels, labels, marks).weight_of[labels]
    assert weights[labels == 1].sum() == pytest.approx(150)
    assert weights[labels == 2].sum() == pytest.approx(300)  # each of its pixels counts at least half
    assert (weights[labels == 0] == 1).all()
    assert (weights[labels == IGNORED] == 0).all()


# --- views


def ringed(*masks):
    """A lesson on a window of 60 x 80: the fiber has a radius of 20, and each mask is a mark."""
    rows, columns = np.indices((60, 80))
    rho = np.hypot(rows - 30, columns - 40) / 20
    labels = np.zeros(rho.shape, np.uint8)
    for k, mask in enumerate(masks, 1):
        labels[mask] = k
    zone = np.rint(np.minimum(rho, 2) / 2 * FAR).astype(np.uint8)
    marks = tuple(LessonMark("pit_dig", 0.1, 5.0, 3.0) for _ in masks)
    return Lesson("ringed", (rows - columns).astype(np.int8), zone, labels, marks)


def at(rows, columns):
    mask = np.zeros((60, 80), bool)
    mask[rows, columns] = True
    return mask


def test_near_the_fiber_is_shown_as_it_is_and_asked_alone():
    lesson = ringed(at(slice(28, 31), slice(38, 44)), at(slice(5, 8), slice(38, 44)))
    view = near_view(lesson)
    assert [mark.asked for mark in view.marks] == [True, False]
    assert view.snr.shape < lesson.snr.shape
    assert (view.labels == 1).sum() == 18
    assert 2 not in view.labels
    asked = view.labels != IGNORED
    assert view.zone[asked].max() <= FAR * NEAR_RHO / 2
    assert asked.sum() == pytest.approx(math.pi * (20 * NEAR_RHO) ** 2, rel=0.02)


def test_around_the_fiber_is_shown_at_half_the_scale_and_asked_alone():
    lesson = ringed(at(slice(28, 31), slice(38, 44)), at(slice(4, 9), slice(38, 44)), at(slice(4, 5), slice(20, 21)))
    view = far_view(lesson)
    assert view.snr.shape == (30, 40)
    assert [mark.asked for mark in view.marks] == [False, True, False]  # one pixel is none at half the scale
    assert (view.labels[2:5, 19:22] == 2).all()  # in the last row by two of four pixels
    assert (view.labels == 2).sum() == 9
    assert view.labels[2, 10] == IGNORED  # neither that mark nor none
    assert view.labels[2, 11] == 0
    half = np.indices((30, 40))
    assert (view.snr == 2 * (half[0] - half[1])).all()
    assert (view.labels[14:16, 19:22] == IGNORED).all()


def test_a_window_without_the_fiber_has_nothing_to_ask_near_it():
    lesson = replace(ringed(), zone=np.full((60, 80), FAR, np.uint8))
    assert (near_view(lesson).labels == IGNORED).all()
    assert (far_view(lesson).labels == 0).all()


# --- crops


def test_a_crop_is_turned_and_flipped_as_a_whole():
    rows, columns = np.indices((60, 60))
    labels = (rows > 30).astype(np.uint8)
    mark = LessonMark("scratch", 0.1, 5.0, 3.0)
    made = Lesson("grid", rows.astype(np.int8), columns.astype(np.uint8), labels, (mark,))
    ways = set()
    for seed in range(60):
        crop = crop_of(made, 24, 0.0, np.random.default_rng(seed))
        within = crop.kinds != IGNORED
        down, right = np.rint(crop.shown[0] * STEPS).astype(int), np.rint(crop.shown[1] * FAR).astype(int)
        assert ((crop.kinds == 1) == (down > 30))[within].all()
        if within.all():
            ways.add(tuple(int(at[step] - at[0, 0]) for at in (down, right) for step in ((0, 1), (1, 0))))
    assert len(ways) == 8  # four turns, each flipped or not
    assert {tuple(map(abs, way)) for way in ways} == {(1, 0, 0, 1), (0, 1, 1, 0)}


def test_a_crop_beyond_the_window_is_as_a_tile_is_shown():
    made = Lesson("small", np.ones((8, 8), np.int8), np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8), ())
    crop = crop_of(made, 32, 0.0, np.random.default_rng(1))
    beyond = crop.kinds == IGNORED
    assert beyond.sum() >= 32 * 32 - 64
    assert (crop.shown[0][beyond] == 0).all()
    assert (crop.shown[1][beyond] == 1).all()


def test_steps_hold_every_departure_that_a_network_is_shown():
    assert STEPS * SNR_CLIP / SNR_SCALE == 127
    assert np.iinfo(np.uint8).max == FAR


# --- pictures


def test_held_out_faces_are_others_and_each_is_the_same_again():
    first, again, other = (clean_face(k, EDITION).picture for k in (4, 4, 4 + HELD_OUT))
    assert first.shape == again.shape
    assert (first == again).all()
    assert first.shape != other.shape or (first != other).any()


def test_faint_marks_have_the_contrast_that_is_asked_for_and_keep_clear_of_others():
    rng = np.random.default_rng(5)
    groups = faint_groups(rng, SPEC, 8, np.empty((0, 2)), (0.05, 0.1), ("pit_dig", "contamination"))
    assert len(groups) >= 6
    for group in groups:
        assert 0.05 <= abs(group.main[0].contrast) <= 0.1
    outlines = [group.main[0].outline(SPEC) for group in groups]
    apart = [
        np.linalg.norm(a[:, None] - b[None], axis=2).min() for k, a in enumerate(outlines) for b in outlines[k + 1 :]
    ]
    assert min(apart) > 2


def test_a_chip_at_the_edge_is_taught_as_such():
    made = made_of(taught(Chip(40.0, 12.0, 6.0, -0.5)))
    assert (made.kinds == KINDS.index("chip")).sum() > 40


@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3)])
def test_other_light_and_compression_keep_shape_and_type(shape):
    picture = np.full(shape, 120, np.uint8)
    changed = [varied(picture, np.random.default_rng(k)) for k in range(12)]
    assert {one.shape for one in changed} == {shape}
    assert {one.dtype for one in changed} == {picture.dtype}
    assert len({float(one.mean()) for one in changed}) > 4
    assert math.isfinite(float(np.mean(changed)))
