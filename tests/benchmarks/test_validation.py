"""The figures of docs/validation.md: counted as the page says, on blemishes that are what they claim to be."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.rendered import inspect_face, score
from benchmarks.validation.accuracy_sections import of_classes, of_clean, of_sizes, of_verdicts
from benchmarks.validation.bench import FULL, QUICK, default_config, settings, variants
from benchmarks.validation.drift import BLURRED, BRIGHTER, TILTED, Changes, Drifted, changed, changes, flips_at
from benchmarks.validation.injection import (
    CONTRASTS,
    SIZES_UM,
    Face,
    band_um,
    clean_photographs,
    injected,
    size_um,
    try_face,
)
from benchmarks.validation.page import Section, Table
from benchmarks.validation.photographs import inspect_picture
from benchmarks.validation.repeatability import found_again, outlines_um, turn_between, turned, unwrapped
from benchmarks.validation.statistics import Pod, paired_bootstrap, pod, share, wilson
from benchmarks.validation.truth import MISSED, SIZES, Judged, Mark, Named, named, true_status
from benchmarks.validation.truth import Face as TrueFace
from dscope_blink.files.decoding import to_gray
from dscope_blink.image_processing.fusion import EDGE_DETECTOR, LINE_DETECTOR
from dscope_blink.records import Request, Status
from dscope_blink.synthetic.faces import WHITE, Chip, FaceSpec, Pit, Scratch, render_face
from dscope_blink.synthetic.injection import FLAT, flat_face, painted, reported_um
from dscope_blink.synthetic.scenes import GAP_UM
from tests.builders.folders import SHARED
from tests.builders.settings import ROOT

FACE = FaceSpec(shape=(420, 420), centre_px=(209.5, 209.5), um_per_px_x=0.5, um_per_px_y=0.5)
EVEN = replace(FACE, ferrule=FLAT, cladding=FLAT, core=FLAT, noise=0.0, bits=16)
NOTHING = np.empty((0, 2))
REQUEST = Request("iec_61300_3_35_2015", "multimode", 50.0, 125.0, 1.0)


def rng(*seed):
    return np.random.default_rng(seed)


# --- shares and curves


# The examples of Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17,
# 1998, DOI 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method 3.
@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_that_of_the_published_examples(hits, n, low, high):
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize(("hits", "n"), [(-1, 3), (4, 3), (0, 0)])
def test_a_share_of_impossible_counts_is_refused(hits, n):
    with pytest.raises(ValueError, match="hits must lie in"):
        wilson(hits, n)


def test_a_share_is_told_with_its_count_and_its_interval():
    assert share(20, 20) == "20/20 = 100.0 % (83.9 to 100.0)"
    assert share(0, 0) == "none of 0"


# With two sizes the penalised fit has a closed form: half a count is added to found and missed of each.
@pytest.mark.parametrize(("small", "large"), [((2, 10), (8, 10)), ((0, 10), (10, 10)), ((3, 7), (40, 41))])
def test_the_curve_through_two_sizes_is_that_of_the_counts(small, large):
    sizes = np.repeat([1.0, 4.0], [small[1], large[1]])
    found = np.concatenate([np.arange(n) < hits for hits, n in (small, large)])
    expected = [(hits + 0.5) / (n + 1) for hits, n in (small, large)]
    assert pod(sizes, found).probability(np.array([1.0, 4.0])) == pytest.approx(expected, rel=1e-6)


def penalised(coefficients, design, found):
    p = 1 / (1 + np.exp(-design @ coefficients))
    information = design.T @ (design * (p * (1 - p))[:, None])
    return np.log(np.where(found, p, 1 - p)).sum() + 0.5 * np.linalg.slogdet(information)[1]


def test_no_curve_nearby_has_a_higher_penalised_likelihood():
    sizes = np.exp(rng(1).uniform(0, 2, 40))
    found = rng(2).random(40) < 1 / (1 + np.exp(2 - 2 * np.log(sizes)))
    fit = pod(sizes, found)
    design = np.stack([np.ones(40), np.log(sizes)], axis=1)
    best = penalised(fit.coefficients, design, found)
    for turn in np.linspace(0, 2 * math.pi, 16, endpoint=False):
        step = 0.01 * np.array([math.cos(turn), math.sin(turn)])
        assert penalised(fit.coefficients + step, design, found) < best


TRUE_A90_UM = 4.0
SLOPE = 3.0


def simulated(seed: int, n: int) -> Pod:
    sizes = np.exp(rng(seed).uniform(0, math.log(16), n))
    odds = math.log(9) + SLOPE * np.log(sizes / TRUE_A90_UM)
    return pod(sizes, rng(seed, 1).random(n) < 1 / (1 + np.exp(-odds)))


def test_many_trials_give_back_the_curve_they_were_drawn_from():
    curve = simulated(3, 20_000)
    assert curve.a90_um == pytest.approx(TRUE_A90_UM, rel=0.05)
    assert curve.coefficients[1] == pytest.approx(SLOPE, rel=0.05)
    assert curve.a90_um < curve.a90_95_um < 1.1 * curve.a90_um


def test_the_bound_lies_above_the_true_size_in_nineteen_of_twenty_cases():
    held = [simulated(seed, 120).a90_95_um >= TRUE_A90_UM for seed in range(200)]
    assert 0.92 <= np.mean(held) <= 0.99


def test_what_is_never_found_has_no_a90_and_what_is_always_found_has_the_smallest_size():
    sizes = np.geomspace(1, 10, 80)
    missed, found = pod(sizes, np.zeros(80, bool)), pod(sizes, np.ones(80, bool))
    assert (missed.a90_um, missed.a90_95_um) == (math.inf, math.inf)
    assert found.a90_um == 1.0
    assert found.a90_95_um < 2.0


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_lies_below_the_curve_and_never_falls_with_the_size(seed):
    curve = simulated(seed, 80)
    sizes = np.geomspace(1, 16, 100)
    assert np.all(np.diff(curve.lower_bound(sizes)) >= 0)
    assert np.all(curve.lower_bound(sizes) < curve.probability(sizes))


def test_a_curve_needs_two_sizes():
    with pytest.raises(ValueError, match="at least two different sizes"):
        pod(np.array([3.0, 3.0]), np.array([True, False]))


# --- the bootstrap


def test_the_interval_of_a_mean_difference_is_that_of_normal_theory():
    differences = np.random.default_rng(3).normal(0.2, 1.0, 400)
    mean, low, high = paired_bootstrap(differences, 1)
    half = 1.96 * differences.std() / 20
    assert mean == pytest.approx(differences.mean())
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.015)


def test_equal_pictures_differ_by_nothing():
    assert paired_bootstrap(np.zeros(10), 0) == (0.0, 0.0, 0.0)


# --- variants


def test_the_variants_are_all_profiles_and_each_detector_alone():
    detectors = {f"{name} alone" for name, one in default_config().detectors.items() if one.enabled}
    assert set(variants()) == set(settings().profiles) | detectors
    for name in detectors:
        enabled = [key for key, one in variants()[name].detectors.items() if one.enabled]
        assert enabled == [name.removesuffix(" alone")]


@pytest.mark.slow
def test_a_detector_alone_finds_a_plain_pit_and_the_edge_detector_does_not():
    face = render_face(FACE, (Pit((10.0, 35.0), 9.0, -0.6),), rng(0))
    found = {name: len(inspect_face(FACE, face, config).defects) for name, config in variants().items()}
    assert found.pop(f"{EDGE_DETECTOR} alone") == 0
    assert found.pop("published") > 1  # borders of zones, too
    assert found.pop(f"{LINE_DETECTOR} alone") == 0  # a pit is no line
    assert found == dict.fromkeys(found, 1) | {"skeleton alone": found["skeleton alone"]}


# --- injected blemishes


@pytest.mark.parametrize("region", SIZES_UM)
def test_injected_blemishes_are_of_every_kind_of_their_region_and_lie_in_it(region):
    kinds: Counter[str] = Counter()
    for k in range(5):
        marks = injected(rng(k), FACE, region, 0.4, NOTHING)
        kinds.update(mark.kind for mark in marks)
        for mark in marks:
            away = np.hypot(*mark.outline(FACE).T)
            if mark.kind == "chip":
                assert away.max() == pytest.approx(62.5, abs=1)
            elif mark.kind != "crack":  # those come from the edge and end where they end
                low, high = band_um(FACE, region)
                assert low <= away.min() <= away.max() <= high
    assert set(kinds) == set(SIZES_UM[region])


@pytest.mark.parametrize("region", SIZES_UM)
def test_injected_blemishes_have_the_contrast_and_a_size_of_the_range_asked_for(region):
    for k, contrast in enumerate(CONTRASTS):
        marks = injected(rng(k, 1), EVEN, region, contrast, NOTHING)
        truths = render_face(EVEN, marks, rng(0)).truth.blemishes
        assert {abs(mark.contrast) for mark in marks} == {contrast}
        for truth in truths:
            low, high = SIZES_UM[region][truth.kind]
            assert 0.9 * low <= size_um(truth) <= 1.5 * high  # a ragged pit is wider than its mean


def test_injected_blemishes_keep_clear_of_what_is_there_already():
    taken = np.stack(np.meshgrid(np.arange(-60, 61, 2.0), np.arange(-60, 1, 2.0)), axis=-1).reshape(-1, 2)
    for k in range(5):
        for mark in injected(rng(k), FACE, "B", 0.2, taken):
            apart = np.linalg.norm(mark.outline(FACE)[:, None] - taken[None], axis=2)
            assert apart.min() > GAP_UM


@pytest.mark.parametrize("shape", [(420, 420), (420, 420, 3)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_mark_changes_a_photograph_by_its_contrast_and_nothing_else(shape, kind):
    marks = render_face(EVEN, (Pit((20.0, 0.0), 16.0, -0.4),), rng(0)).image
    photograph = np.full(shape, 200, kind)
    after = painted(photograph, marks)
    assert (after.dtype, after.shape) == (photograph.dtype, photograph.shape)
    assert np.all(after[210, 250] == 120)  # 20 um to the right of the centre
    assert np.all(after[:200, :200] == 200)


def test_a_bright_mark_on_a_bright_photograph_is_clipped_at_white():
    marks = render_face(EVEN, (Pit((20.0, 0.0), 16.0, 0.4),), rng(0)).image
    assert painted(np.full((420, 420), 230, np.uint8), marks).max() == WHITE


def test_the_even_surface_lies_where_the_fiber_was_located():
    spec = replace(FACE, um_per_px_x=0.55, centre_px=(201.3, 215.8), axis_ratio=1.02, axis_angle_deg=30.0, blur_px=1.5)
    inspection = inspect_face(spec, render_face(spec, (), rng(0)), default_config())
    assert inspection.geometry is not None
    found, again = inspection.geometry.cladding.ellipse, flat_face(inspection).cladding_ellipse
    assert again.center_px == pytest.approx(found.center_px)
    assert sorted(again.axes_px) == pytest.approx(sorted(found.axes_px))
    longest = [e.angle_deg + (0 if e.axes_px[0] > e.axes_px[1] else 90) for e in (found, again)]
    assert (longest[0] - longest[1] + 90) % 180 - 90 == pytest.approx(0, abs=1e-6)
    assert flat_face(inspection).blur_px == pytest.approx(1.5, abs=0.3)


def test_points_of_reported_marks_are_micrometres_from_the_fiber_centre():
    face = render_face(FACE, (Pit((10.0, 35.0), 9.0, -0.6),), rng(0))
    inspection = inspect_face(FACE, face, default_config())
    assert reported_um(inspection, flat_face(inspection)).mean(axis=0) == pytest.approx((10, 35), abs=1)


def test_one_face_gives_the_same_trials_on_every_run_and_another_face_others():
    first, again, other = (try_face(Face("B", 0.4, k, None)) for k in (0, 0, 1))
    assert first == again != other
    assert {trial.kind for trial in first} == set(SIZES_UM["B"])


@pytest.mark.slow
@pytest.mark.accuracy
def test_blemishes_in_a_photograph_that_is_clean_there_are_found_when_they_are_strong():
    made = [trial for k in range(4) for trial in try_face(Face("B", 0.4, k, SHARED))]
    assert len(made) > 10
    assert np.mean([trial.found for trial in made if trial.size_um > 2]) > 0.7
    assert all(p.label["zones"]["B"] == 0 for p in clean_photographs(SHARED, "B"))


# --- verdicts on exact marks


@pytest.mark.parametrize(
    ("blemish", "status"),
    [
        (Pit((0.0, 10.0), 8.0, -0.6), "FAIL"),  # over 5 um in A
        (Pit((45.0, 0.0), 8.0, -0.6), "PASS"),  # up to five of 5 to 10 um in B
        (Pit((45.0, 0.0), 11.0, -0.6), "FAIL"),
        (Scratch(((38.0, -20.0), (38.0, 20.0)), 4.0, -0.5), "PASS"),  # scratches up to 5 um wide in B
        (Scratch(((20.0, -20.0), (45.0, 20.0)), 4.0, -0.5), "FAIL"),  # but up to 3 um in A, which this one touches
        (Chip(0.0, 10.0, 3.0, -0.6), "PASS"),  # outside of B
    ],
)
def test_the_true_verdict_follows_the_exact_sizes_and_zones(blemish, status):
    face = render_face(FACE, (blemish,), rng(0))
    inspection = inspect_face(FACE, face, default_config())
    assert true_status(inspection, face.truth.blemishes, FACE.shape) == status


# --- the same face again


def test_marks_of_a_picture_turned_by_a_quarter_return_where_they_were():
    blemishes = (Pit((10.0, 35.0), 9.0, -0.6), Scratch(((-40.0, -20.0), (-10.0, 5.0)), 2.0, -0.5))
    first = render_face(FACE, blemishes, rng(0)).image
    second = cv2.rotate(first, cv2.ROTATE_90_CLOCKWISE)
    seen = [inspect_picture(picture, "face.png", REQUEST, default_config()) for picture in (first, second)]
    views = [unwrapped(to_gray(p), i) for p, i in zip((first, second), seen, strict=True)]
    turn, likeness = turn_between(*views)
    assert turn == pytest.approx(90, abs=0.5)
    assert likeness > 0.8
    before, after = (outlines_um(inspection) for inspection in seen)
    assert len(before) == len(after) == 2
    assert found_again(turned(before, turn), after) == 2
    assert found_again(turned(after, -turn), before) == 2
    assert found_again(before, after) == 0


def test_pictures_of_different_faces_are_not_alike():
    pictures = [render_face(FACE, (), rng(k)).image for k in range(2)]
    views = [unwrapped(to_gray(p), inspect_picture(p, "face.png", REQUEST, default_config())) for p in pictures]
    assert turn_between(*views)[1] < 0.1


# --- drift


def test_drift_changes_light_and_focus_as_it_says():
    picture = render_face(FACE, (), rng(0)).image
    assert changed(picture, BRIGHTER, 0.7).mean() == pytest.approx(0.7 * picture.mean(), rel=0.01)
    tilted = changed(np.full((10, 101), 100, np.uint8), TILTED, 0.3)
    assert (tilted[0, 0], tilted[0, 50], tilted[0, 100]) == (70, 100, 130)
    step = np.repeat(np.array([[0, 200]], np.uint8), (30, 31), axis=1).repeat(20, axis=0)
    slope = np.diff(changed(step, BLURRED, 3.0)[10].astype(float))
    place = np.arange(60) - 29
    assert np.sqrt((slope * place**2).sum() / slope.sum()) == pytest.approx(3, abs=0.1)
    assert changed(np.full((4, 4, 3), 250, np.uint8), BRIGHTER, 1.3).max() == WHITE


def test_only_pictures_that_had_a_verdict_can_lose_it():
    step = (BRIGHTER, 0.7)
    pairs: tuple[tuple[Status, Status], ...] = (
        ("PASS", "PASS"),
        ("PASS", "FAIL"),
        ("FAIL", "PASS"),
        ("FAIL", "PASS"),
        ("FAIL", "NOT_GRADED"),
        ("NOT_GRADED", "PASS"),
    )
    seen = [Drifted("rendered faces", f"{k}", before, {step: after}) for k, (before, after) in enumerate(pairs)]
    assert changes(seen, *step) == Changes(pictures=5, worse=1, better=2, not_graded=1)
    assert [p.name for p in seen if flips_at(p, *step)] == ["1", "2", "3"]


# --- what the sections make of it


def rows_of(section: Section, title: str) -> dict[str, tuple[str, ...]]:
    """The rows of one table of a section by their first cell."""
    table = next(block for block in section.blocks if isinstance(block, Table) and block.title == title)
    return {row[0]: row[1:] for row in table.rows}


def mark(kind: str, taken_for: str, true_um: float = 5.0, measured_um: float = 5.0, unsure_um: float = 0.5) -> Mark:
    measured, unsure = ((value,) * len(SIZES) if taken_for else () for value in (measured_um, unsure_um))
    return Mark(kind, taken_for, (true_um,) * len(SIZES), measured, unsure)


def test_the_confusion_matrix_counts_what_each_blemish_was_taken_for():
    marks = (mark("pit_dig", "pit_dig"), mark("pit_dig", "contamination"), mark("scratch", MISSED))
    section = of_classes([TrueFace("FAIL", marks, reports=3, false=("crack",))])
    rows = rows_of(section, "Confusion matrix")
    assert rows["Pit/Dig"][:7] == ("0", "1", "1", "0", "0", "0", "2")
    assert rows["Scratch"][5:7] == ("1", "1")
    assert rows["nothing"][:5] == ("0", "0", "0", "1", "0")
    shares = rows_of(section, "Recall and precision")
    assert [cell[0].partition(" ")[0] for cell in shares.values()] == ["2/3", "2/3", "1/2"]
    assert [text.partition(" ")[0] for text in section.weaknesses] == ["Recall", "Precision", "Pit/Dig:"]


def test_wrong_verdicts_are_counted_with_what_caused_them():
    faces = [
        Judged("PASS", "PASS", 0, 0, marginal=True),
        Judged("PASS", "FAIL", 0, 1, marginal=False),
        Judged("FAIL", "FAIL", 0, 0, marginal=False),
        Judged("FAIL", "PASS", 1, 0, marginal=False),
        Judged("FAIL", "PASS", 0, 0, marginal=True),
        Judged("FAIL", "NOT_GRADED", 0, 0, marginal=False),
    ]
    section = of_verdicts(faces)
    assert rows_of(section, "Verdicts") == {"true PASS": ("1", "1"), "true FAIL": ("2", "1")}
    wrong = [cell[0].partition(" ")[0] for cell in rows_of(section, "Wrong verdicts").values()]
    assert wrong == ["2/3", "1/2", "1/2", "1/1", "1/3", "1/2"]
    assert len(section.weaknesses) == 2


def test_a_wrong_class_is_counted_with_what_it_does_to_the_verdict():
    wrong, right = Named("scratch", "crack", decides=True), Named("pit_dig", "pit_dig", decides=False)
    faces = [Judged("PASS", "FAIL", 0, 0, marginal, (wrong, right)) for marginal in (True, False)]
    faces.append(Judged("PASS", "PASS", 0, 0, marginal=False, named=(replace(wrong, decides=False),)))
    rows = rows_of(of_verdicts(faces), "What a class decides")
    assert rows["Scratch"] == ("0", "0", "0", "3 (2, 1)", "0")
    assert rows["Pit/Dig"] == ("0", "2", "0", "0", "0")


def test_a_class_decides_where_the_true_one_gives_another_verdict():
    face = render_face(replace(FACE, core=165.0), (Pit((8.0, 0.0), 4.0, -0.5),), rng(3))
    seen = score(face, FACE, default_config())
    (found,) = seen.inspection.defects
    seen = replace(seen, inspection=replace(seen.inspection, defects=(replace(found, classification="pit_dig"),)))
    (outcome,) = seen.outcomes
    for kind, decides in (("pit_dig", False), ("scratch", True)):
        truth = replace(outcome.truth, kind=kind)
        outcomes = (replace(outcome, truth=truth, found=seen.inspection.defects[0]),)
        assert named(replace(seen, outcomes=outcomes)) == (Named(kind, "pit_dig", decides),)


def test_few_of_many_are_drawn_from_all_over_and_the_same_on_every_run():
    items = list(range(1000))
    few = replace(QUICK, marks=50).few(items)
    assert (len(few), list(few)) == (50, sorted(set(few)))
    assert {k % 4 for k in few} == {0, 1, 2, 3}
    assert min(few) < 100
    assert max(few) > 900
    assert few == replace(QUICK, marks=50).few(items)
    assert replace(FULL, marks=None).few(items) == items


def test_a_size_measured_wrong_by_more_than_the_limit_is_a_weakness():
    marks = tuple(mark("scratch", "scratch", true, 1.3 * true) for true in (2.0, 3.0, 4.0))
    section = of_sizes([TrueFace("FAIL", (*marks, mark("pit_dig", "scratch", 5.0, 5.5)), 4, ())])
    assert section.weaknesses[0] == "Scratch, width: measured at 1.30 times its true size (median of 3)."
    assert all(text.startswith("Scratch") for text in section.weaknesses)


def test_an_error_counts_as_covered_up_to_the_uncertainty_that_is_stated():
    marks = tuple(mark("pit_dig", "pit_dig", 5.0, 5.0 + error) for error in (0.25, -0.5, 0.75))
    (row,) = rows_of(of_sizes([TrueFace("FAIL", marks, 3, ())]), "Measured against true size").values()
    assert row[-1].startswith("2/3")


def test_more_than_one_false_mark_on_ten_faces_is_a_weakness():
    clean = TrueFace("PASS", (), 0, ())
    marked = TrueFace("FAIL", (), 1, ("scratch",))
    assert of_clean([clean] * 9 + [marked]).weaknesses == ()
    assert len(of_clean([clean] * 8 + [marked]).weaknesses) == 1


# --- the page

HEADINGS = (
    "Known weaknesses",
    "The photographs, against what a person saw",
    "Mark by mark, against the eye",
    "Probability of detection",
    "Specks",
    "Faint lines",
    "Neighbours",
    "The middle of the core",
    "False marks",
    "Classes: confusion on rendered truth",
    "Classes of varied marks",
    "Sizing",
    "Sizes by contrast and blur",
    "Verdicts on rendered truth",
    "Repeatability",
    "Drift of light and focus",
    "Profiles and single detectors",
)
PLOTS = 11


def validated(folder: Path, shared: Path) -> tuple[str, str]:
    """What a quick run prints, and its page."""
    words = ["--quick", "--workers", "2", "--output", str(folder / "page.md"), "--shared", str(shared)]
    command = [sys.executable, "-m", "benchmarks.validation", *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout, (folder / "page.md").read_text(encoding="utf-8")


def pictures_in(page: str) -> list[str]:
    return re.findall(r"^!\[.*\]\((.*)\)$", page, re.MULTILINE)


def plots_of(folder: Path, page: str) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in pictures_in(page)}


@pytest.mark.slow
def test_without_photographs_the_page_is_whole_says_what_was_skipped_and_is_the_same_again(tmp_path):
    folders = tmp_path / "first", tmp_path / "second"
    (printed, page), (_, again) = (validated(folder, tmp_path / "absent") for folder in folders)
    assert printed.startswith("what needs photographs is skipped")
    assert tuple(re.findall(r"^## (.*)$", page, re.MULTILINE)) == HEADINGS
    assert page.count("the photographs in `../shared` are absent") == 6
    assert again == page
    assert plots_of(folders[0], page) == plots_of(folders[1], page) != {}


@pytest.mark.slow
@pytest.mark.accuracy
def test_with_photographs_nothing_is_skipped(tmp_path):
    _, page = validated(tmp_path, SHARED)
    assert tuple(re.findall(r"^## (.*)$", page, re.MULTILINE)) == HEADINGS
    assert "absent" not in page
    assert len(plots_of(tmp_path, page)) == PLOTS


def test_the_page_that_ships_is_of_a_full_run_and_has_its_plots():
    docs = ROOT / "docs"
    page = (docs / "validation.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^## (.*)$", page, re.MULTILINE)) == HEADINGS
    assert "Written by `make validate`" in page
    assert len(plots_of(docs, page)) == PLOTS
