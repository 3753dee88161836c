"""The figures of docs/learned_validation.md: paired, by bin, on faces unknown to training, and by a stated rule."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.learned import figures, scenes, sections
from benchmarks.learned.engines import (
    BOTH,
    CLASSICAL,
    DL,
    ENGINES,
    HELD_OUT_SEED,
    config_of,
    network_of,
    read_folds,
)
from benchmarks.learned.figures import (
    SNRS,
    conditions,
    contrast_of,
    default_engine,
    difference,
    false_difference,
    in_range,
    is_asked,
    lost,
    times,
    too_much_lost,
)
from benchmarks.learned.held_out import CLEAN, FAINT, SORTS, Face, Job, Mark, in_turn, inspected
from benchmarks.learned.real import NONE, snr_of
from benchmarks.learned.shared_stages import shared
from benchmarks.rendered import inspect_face
from benchmarks.validation.page import Table
from benchmarks.validation.photographs import REGIONS
from benchmarks.validation.statistics import paired_bootstrap
from benchmarks.validation.truth import MISSED
from dscope_blink.records import UserError
from dscope_blink.synthetic.faces import FaceSpec, Pit, render_face

MARK = Mark("pit_dig", "B", 0.07, 3.0, 4.0, False, dict.fromkeys(ENGINES, MISSED))
NOTHING = dict.fromkeys(ENGINES, ())
FACE = Face(
    FAINT,
    "usual",
    (),
    NOTHING,
    dict.fromkeys(ENGINES, 0),
    dict.fromkeys(ENGINES, "PASS"),
    dict.fromkeys(ENGINES, 100.0),
)


def mark(*found_by, **changes):
    return replace(MARK, taken_for={e: "pit_dig" if e in found_by else MISSED for e in ENGINES}, **changes)


def face(*marks, false=None, sort=FAINT):
    return replace(FACE, sort=sort, marks=marks, false={**NOTHING, **(false or {})})


def compared(faces, engine):
    found = difference(faces, engine, is_asked)
    assert found is not None
    return found


def rows_of(block):
    assert isinstance(block, Table)
    return block.rows


# --- the bootstrap


def test_a_difference_of_single_marks_has_the_interval_of_normal_theory():
    faces = [face(mark(BOTH)) for _ in range(80)] + [face(mark()) for _ in range(120)]
    found = compared(faces, BOTH)
    half = 1.96 * np.sqrt(0.4 * 0.6 / 200)
    assert (found.marks, found.faces, found.mean) == (200, 200, pytest.approx(0.4))
    assert (found.low, found.high) == pytest.approx((0.4 - half, 0.4 + half), abs=0.01)


def test_marks_that_go_together_on_their_faces_count_as_few_as_the_faces():
    faces = [face(*[mark(BOTH)] * 5) for _ in range(80)] + [face(*[mark()] * 5) for _ in range(120)]
    alone = [replace(one, marks=one.marks[:1]) for one in faces]
    assert compared(faces, BOTH).marks == 1000
    together, single = (compared(some, BOTH) for some in (faces, alone))
    assert (together.low, together.high) == pytest.approx((single.low, single.high))


def test_the_difference_is_over_all_marks_and_no_mean_of_faces():
    faces = [face(*[mark(BOTH)] * 3), face(mark())]
    assert compared(faces, BOTH).mean == pytest.approx(0.75)


def test_what_both_find_or_both_miss_is_no_difference():
    faces = [face(mark(CLASSICAL, BOTH), mark()) for _ in range(10)]
    found = compared(faces, BOTH)
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_mark_that_is_lost_counts_against_the_engine():
    assert compared([face(mark(CLASSICAL))], DL).mean == -1.0


def test_without_a_mark_of_the_question_there_is_no_difference():
    assert difference([face(mark(BOTH, contrast=0.2))], BOTH, is_asked) is None


def test_the_draws_are_seeded_and_as_many_as_asked():
    values = np.arange(20.0)
    assert paired_bootstrap(values, 5, resamples=100) == paired_bootstrap(values, 5, resamples=100)
    assert paired_bootstrap(values, 5, resamples=100) != paired_bootstrap(values, 6, resamples=100)


def test_false_marks_are_compared_per_face():
    faces = [face(false={BOTH: ("pit_dig",)}), face(), face(false={BOTH: ("pit_dig",), CLASSICAL: ("chip",)}), face()]
    assert false_difference(faces, BOTH)[0] == pytest.approx(0.25)


# --- bins


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"contrast": 0.05}, True),
        ({"contrast": 0.0499}, False),
        ({"contrast": 0.1}, False),
        ({"snr": 3.0}, True),
        ({"snr": 6.0}, False),
        ({"kind": "contamination"}, True),
        ({"kind": "scratch"}, False),
    ],
)
def test_the_question_is_about_pits_and_contamination_of_5_to_10_percent_and_3_to_6_sigma(changes, asked):
    assert is_asked(mark(**changes)) is asked


@pytest.mark.parametrize("edges", [scenes.CONTRASTS, SNRS])
def test_the_ranges_join_and_a_value_lies_in_one(edges):
    assert all(one[1] == two[0] for one, two in pairwise(edges))
    values = np.linspace(edges[0][0], min(edges[-1][1], 40.0), 50)[:-1]
    assert all(sum(figures.within(value, edge) for edge in edges) == 1 for value in values)


def test_marks_are_chosen_by_a_range():
    some = [mark(contrast=c) for c in (0.03, 0.06, 0.09)]
    chosen = in_range(contrast_of, (0.05, 0.07))
    assert [one.contrast for one in some if chosen(one)] == [0.06]


# --- the rule


def of_photographs(**less):
    """The scorer's figures, 30 clean regions of each, `both` less specific by so many."""
    spec = {engine: dict.fromkeys(REGIONS, 30) for engine in ENGINES}
    spec[BOTH] |= {region: 30 - by for region, by in less.items()}
    return {e: {f"zone_{r}": {"sens": [5, 6], "spec": [spec[e][r], 37]} for r in REGIONS} for e in ENGINES}


SCOPES = dict.fromkeys(ENGINES, ("false B: other.png", "gradable fibers graded rightly 21/22", "A sens 1/1"))
GAINED = [face(mark(BOTH)) for _ in range(30)] + [face(mark()) for _ in range(30)]
UNMARKED = [face(sort=CLEAN) for _ in range(40)]


def test_both_is_the_default_where_every_condition_holds():
    found = conditions([*GAINED, *UNMARKED], of_photographs(), SCOPES)
    assert [one.holds for one in found] == [True] * 5
    assert default_engine(found) == BOTH


@pytest.mark.parametrize(
    ("faces", "photographs", "broken"),
    [
        ([*[face(mark(BOTH)), face(mark(CLASSICAL))] * 20, *UNMARKED], of_photographs(), 0),
        ([*GAINED, *UNMARKED], of_photographs(B=1), 1),
        ([*GAINED, *UNMARKED], {}, 1),
        ([*GAINED, *UNMARKED, *[face(sort=CLEAN, false={BOTH: ("pit_dig",)})] * 3], of_photographs(), 2),
        (UNMARKED, of_photographs(), 0),
        (GAINED, of_photographs(), 2),
    ],
    ids=["nothing gained", "less specific", "no photographs", "false marks", "no faint faces", "no clean faces"],
)
def test_one_condition_that_does_not_hold_leaves_the_classical_engine(faces, photographs, broken):
    found = conditions(faces, photographs, SCOPES)
    assert [bool(one.holds) for one in found[:3]] == [k != broken for k in range(3)]
    assert default_engine(found) == CLASSICAL


@pytest.mark.parametrize(
    ("lines", "told", "holds"),
    [
        (SCOPES[BOTH], "none", True),
        (("false A: own.png", *SCOPES[BOTH]), "false A: own.png", False),
        (("missed A: own.png", *SCOPES[BOTH][1:]), "none", True),
    ],
)
def test_no_clean_region_of_another_microscope_may_be_marked_beside_those_of_the_classical_engine(lines, told, holds):
    last = conditions([*GAINED, *UNMARKED], of_photographs(), {**SCOPES, BOTH: lines})[-1]
    assert (last.found, last.holds) == (told, holds)


def test_what_no_other_microscope_was_asked_for_does_not_hold():
    assert conditions([*GAINED, *UNMARKED], of_photographs(), {})[-1].holds is None


@pytest.mark.parametrize(
    ("less", "too_much"), [({"A": 1}, False), ({"A": 2}, True), ({"edge": 1}, True), ({"D": -1}, False)]
)
def test_of_the_core_one_photograph_may_be_lost_and_of_the_rest_none(less, too_much):
    photographs = of_photographs(**less)
    assert too_much_lost(photographs, BOTH) is too_much
    assert lost(photographs, BOTH) == {**dict.fromkeys(REGIONS, 0), **less}


# --- the networks of the cross-validation


def folds(folder, held_out):
    for file in held_out:
        (folder / file).write_bytes(b"")
    (folder / "folds.json").write_text(json.dumps(held_out))
    return folder


def test_each_photograph_has_the_network_that_has_not_seen_it(tmp_path):
    found = read_folds(folds(tmp_path, {"fold_0.onnx": ["a.jpg", "b.jpg"], "fold_1.onnx": ["c.jpg"]}))
    assert {name: path.name for name, path in found.items()} == {
        "a.jpg": "fold_0.onnx",
        "b.jpg": "fold_0.onnx",
        "c.jpg": "fold_1.onnx",
    }


def test_a_photograph_that_two_networks_claim_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"'a\.jpg' must be held out by one network, got fold_0\.onnx and fold_1\.onnx"):
        read_folds(folds(tmp_path, {"fold_0.onnx": ["a.jpg"], "fold_1.onnx": ["a.jpg"]}))


def test_a_network_that_is_absent_is_named(tmp_path):
    (tmp_path / "folds.json").write_text('{"fold_7.onnx": ["a.jpg"]}')
    with pytest.raises(UserError, match=r"'fold_7\.onnx' must lie beside it"):
        read_folds(tmp_path)


@pytest.mark.parametrize("text", [None, "", "[1, 2]", '{"fold_0.onnx": 3}', '{"fold_0.onnx": [3]}'])
def test_folds_that_are_none_are_one_line(tmp_path, text):
    (tmp_path / "fold_0.onnx").write_bytes(b"")
    if text is not None:
        (tmp_path / "folds.json").write_text(text)
    with pytest.raises(UserError, match=r"folds\.json"):
        read_folds(tmp_path)


# --- what is inspected


@pytest.mark.parametrize("k", range(6))
def test_faint_marks_are_of_their_ranges_and_apart(k):
    rng = np.random.default_rng((HELD_OUT_SEED, k))
    spec = scenes.looking(rng, k)
    marks, wishes = scenes.put_in(rng, spec, scenes.FAINT_PLACES, scenes.FAINT_SHARES, np.empty((0, 2)))
    assert 4 <= len(marks) == len(wishes) <= len(scenes.FAINT_PLACES)
    assert {one.kind for one in marks} <= set(scenes.BLOBS)
    for one, wish in zip(marks, wishes, strict=True):
        assert abs(one.contrast) == pytest.approx(wish.contrast)
        assert 0.03 <= wish.contrast < 0.4
        assert 1.5 <= wish.size_um <= 10.0
    outlines = [one.outline(spec) for one in marks]
    for n, near in enumerate(outlines):
        for other in outlines[:n]:
            assert np.linalg.norm(near[:, None] - other[None], axis=2).min() > 5.0


def test_looks_and_cores_take_turns():
    specs = [scenes.looking(np.random.default_rng(k), k) for k in range(15)]
    assert {(scenes.look_of(k), spec.core_diameter_um) for k, spec in enumerate(specs)} == {
        (look, core) for look in scenes.LOOKS for core in scenes.CORES_UM
    }
    for k, spec in enumerate(specs):
        low, high = scenes.LOOKS[scenes.look_of(k)].noise
        assert low <= spec.noise <= high


def test_every_engine_is_as_often_the_first():
    orders = [in_turn(k) for k in range(6)]
    assert all(sorted(order) == sorted(ENGINES) for order in orders)
    assert [order[0] for order in orders].count(CLASSICAL) == 2


def test_the_noise_of_a_photograph_gives_the_snr_of_a_mark():
    spec = FaceSpec(shape=(420, 420), centre_px=(209.5, 209.5), um_per_px_x=0.5, um_per_px_y=0.5, noise=2.0, bits=16)
    drawn = render_face(spec, (Pit((40.0, 0.0), 6.0, -0.3),), np.random.default_rng(0))
    untouched = render_face(spec, (), np.random.default_rng(0)).image / 257.0
    truth = drawn.truth.blemishes[0]
    change = np.where(truth.mask, 0.3, 0.0)
    assert snr_of(untouched.astype(np.float32), change, truth.mask) == pytest.approx(truth.snr, rel=0.15)


# --- the page


def test_times_are_told_beside_those_of_the_classical_engine():
    faces = [replace(FACE, ms={CLASSICAL: 100.0 + k, BOTH: 130.0 + k, DL: 90.0 + k}) for k in range(11)]
    assert times(faces, BOTH) == pytest.approx((135.0, 139.0, 30.0))


def test_the_page_tells_found_marks_of_each_engine_and_the_outcome_of_the_rule():
    faces = [*GAINED, *UNMARKED]
    rule = sections.of_default(conditions(faces, of_photographs(), SCOPES))
    assert rule.blocks[-1] == "By this rule the default is **`both`**."
    asked = rows_of(sections.of_faint((), faces).blocks[1])
    assert [row[1] for row in asked] == list(ENGINES)
    assert asked[1][2].startswith("30/60 = 50.0 %")
    assert asked[1][3].startswith("+50.0 (")
    clean = rows_of(sections.of_false(faces).blocks[1])
    assert ("clean, all", "40", "0.000", "0.000", "0.000") in clean


def test_without_photographs_the_page_says_so():
    assert "absent" in str(sections.of_photographs(NONE, 0).blocks[0])


# --- the program, by every engine


@pytest.mark.slow
def test_stages_that_are_shared_give_the_records_that_each_engine_gives_alone():
    (spec, drawn), _ = scenes.faint_scene(0)
    asked = [(config_of(engine), network_of(engine, None)) for engine in ENGINES]
    alone = [inspect_face(spec, drawn, *one) for one in asked]
    with shared():
        together = [inspect_face(spec, drawn, *one) for one in asked]
    assert any(one.defects for one in alone)
    assert [replace(one, timings_s={}) for one in together] == [replace(one, timings_s={}) for one in alone]


@pytest.mark.slow
@pytest.mark.parametrize("sort", SORTS)
def test_a_face_of_each_sort_is_inspected_by_every_engine(sort):
    found = inspected(Job(sort, 1, None))
    assert found.sort == sort
    assert set(found.status) == set(ENGINES) == set(found.false)
    assert all(set(one.taken_for) == set(ENGINES) for one in found.marks)
    assert bool(found.marks) == (sort != CLEAN)
