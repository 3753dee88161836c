"""Patterns of marks: what is planted is found and named, what lies by chance is not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.analysis.aggregation.chance import FALSE_ALARMS, log_tail
from dscope_blink.analysis.aggregation.patterns import patterns_of
from dscope_blink.records import Defect, Detection, Ellipse, Inspection, MergedMark, Pattern, Turn
from tests.builders.aggregates import aggregate_of, member_of, merged, scattered, source_of
from tests.builders.inspections import NOT_LOCATED, cladding_fit, mark

RADIUS_PX = 850 / 300 * 62.5  # of the cladding in `scattered`
CENTER = np.array((500.0, 425.0))


def at(place: complex, name: str, size_px: float = 5.0, kind: str = "pit_dig", turn_deg: float = 0.0) -> Defect:
    """A mark so many radii of the cladding from its centre; a scratch of that length, turned by so much."""
    x, y = CENTER + np.array([place.real, place.imag]) * RADIUS_PX
    made = mark(name, kind, (0, 0), size_px)
    turn = np.exp(1j * math.radians(turn_deg + 30)) if kind == "scratch" else 1.0  # it is made at -30 degrees
    turned = (made.contour_px - made.centroid_px) @ (1, 1j) * turn
    contour = np.stack([turned.real + x, turned.imag + y], axis=1)
    return replace(made, contour_px=contour, centroid_px=(float(x), float(y)), zones_touched=("cladding",))


def found(defects: Sequence[Defect], among: int = 25, seed: int = 3) -> tuple[Pattern, ...]:
    """The patterns of marks that were planted among others that lie by chance."""
    face = scattered(among, seed=seed)
    face = replace(face, defects=(*face.defects, *defects))
    return patterns_of(aggregate_of(face).marks, face)


def named(patterns: Sequence[Pattern], kind: str) -> Pattern:
    (one,) = [pattern for pattern in patterns if pattern.kind == kind]
    return one


def planted(pattern: Pattern, letter: str) -> float:
    """Share of its marks that were planted."""
    return float(np.mean([name.startswith(letter) for name in pattern.marks]))


def _degrees(pattern: Pattern) -> float:
    """The direction that its text says."""
    return float(pattern.text.split(" deg")[0].split()[-1])


# --- chance


@pytest.mark.slow
def test_marks_that_lie_by_chance_have_no_pattern():
    kinds = []
    for seed in range(200):
        count = int(np.random.default_rng(seed).integers(5, 120))
        face = scattered(count, seed=1000 + seed)
        kinds += [pattern.kind for pattern in patterns_of(aggregate_of(face).marks, face)]
    looked_for = 6  # kinds that may be false alarms, each on at most FALSE_ALARMS of the faces
    assert len(kinds) <= max(1, 3 * looked_for * FALSE_ALARMS * 200)


def test_some_faces_by_chance_have_no_pattern():
    for seed in range(12):
        face = scattered(10 * seed + 5, seed=seed)
        assert patterns_of(aggregate_of(face).marks, face) == ()


def test_the_bound_is_never_below_the_tail():
    for of in (1, 4, 9, 30):
        for share in (0.02, 0.2, 0.6):
            for count in range(of + 1):
                exact = sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count, of + 1))
                assert log_tail(count, of, share) >= math.log(exact) - 1e-9
    assert log_tail(4, 4, 0.1) == pytest.approx(4 * math.log(0.1))
    assert log_tail(0, 0, 0.5) == 0.0
    assert log_tail(3, 5, 1.0) == 0.0


# --- what is planted


@pytest.mark.parametrize("radius", [0.55, 1.0, 1.4])
def test_a_ring_about_the_fiber_is_found(radius):
    rng = np.random.default_rng(2)
    angles = 2 * np.pi * (np.arange(16) + 0.4 * rng.random(16)) / 16
    ring = [at(radius * np.exp(1j * angle) + 0.004 * rng.normal(), f"R{k}") for k, angle in enumerate(angles)]
    pattern = named(found(ring), "ring")
    assert planted(pattern, "R") > 0.8
    assert len(pattern.marks) >= 15
    assert ("edge of the cladding" in pattern.text) == (radius == 1.0)
    assert "polishing" in pattern.points_to


def test_marks_in_one_heap_are_no_ring():
    rng = np.random.default_rng(2)
    heap = [at(0.6 + 0.05 * rng.normal() + 0.05j * rng.normal(), f"R{k}") for k in range(25)]
    assert [one for one in found(heap) if one.kind == "ring"] == []


@pytest.mark.parametrize("angle_deg", [0, 37, 120])
def test_a_row_is_found(angle_deg):
    turn, rng = np.exp(1j * math.radians(angle_deg)), np.random.default_rng(1)
    row = [at((-0.9 + 0.2 * k + 0.3j + 0.005j * rng.normal()) * turn, f"R{k}") for k in range(10)]
    pattern = named(found(row), "row")
    assert planted(pattern, "R") >= 0.8
    assert len(pattern.marks) >= 9
    off = abs(_degrees(pattern) - angle_deg)
    assert min(off, 180 - off) <= 3


def test_pieces_of_a_scratch_are_named_as_such():
    row = [at(-0.9 + 0.2 * k + 0.3j, f"R{k}", 20.0, "scratch") for k in range(10)]
    assert "like pieces of one scratch" in named(found(row), "row").text
    crossing = [replace(one, zones_touched=("core",) if 3 < k < 6 else ("cladding",)) for k, one in enumerate(row)]
    pattern = named(found(crossing), "across_zones")
    assert "across core and cladding" in pattern.text
    assert planted(pattern, "R") >= 0.8


def test_a_long_scratch_across_zones_is_a_fact_and_a_short_one_is_none():
    touched = ("core", "cladding", "adhesive", "contact")
    long_one = replace(at(0.3j, "L1", 300.0, "scratch", 20.0), zones_touched=touched)
    short_one = replace(at(1.0 + 0j, "L2", 20.0, "scratch"), zones_touched=touched)
    pattern = named(found([long_one, short_one]), "across_zones")
    assert pattern.marks == ("L1",)
    assert pattern.text.startswith("L1 at 20 deg lies across core, cladding and contact")


def test_parallel_scratches_say_their_direction():
    rng = np.random.default_rng(7)
    places = 1.6 * (rng.random(9) - 0.5) + 1.6j * (rng.random(9) - 0.5)
    scratches = [at(place, f"R{k}", 30.0, "scratch", 65 + 3 * rng.normal()) for k, place in enumerate(places)]
    pattern = named(found(scratches, among=10), "parallel")
    assert "polishing" in pattern.points_to
    assert planted(pattern, "R") >= 0.8
    assert abs(_degrees(pattern) - 65) <= 6


def test_pieces_of_one_scratch_are_not_parallel_to_each_other():
    pieces = [at(-0.9 + 0.2 * k + 0.3j, f"R{k}", 20.0, "scratch") for k in range(10)]
    assert [one for one in found(pieces, among=0) if one.kind == "parallel"] == []


def test_streaks_of_dirt_point_to_cleaning():
    rng = np.random.default_rng(7)
    places = 1.6 * (rng.random(9) - 0.5) + 1.6j * (rng.random(9) - 0.5)
    streaks = [at(place, f"R{k}", 30.0, "scratch", 100.0) for k, place in enumerate(places)]
    dirt = [replace(one, classification="contamination") for one in streaks]
    pattern = named(found(dirt, among=10), "parallel")
    assert "streaks of dirt" in pattern.text
    assert "cleaning" in pattern.points_to


@pytest.mark.parametrize(("turn_deg", "kind"), [(90.0, "concentric"), (0.0, "radial")])
def test_scratches_about_the_fiber_or_away_from_it_are_told_apart(turn_deg, kind):
    angles = 360 * np.arange(9) / 9 + 10  # an odd number: no two lie on one line through the fiber
    scratches = [
        at((0.4 + 0.05 * k) * np.exp(1j * math.radians(angle)), f"R{k}", 15.0, "scratch", angle + turn_deg)
        for k, angle in enumerate(angles)
    ]
    patterns = found(scratches, among=0)
    assert planted(named(patterns, kind), "R") == 1
    assert {"concentric", "radial"} & {one.kind for one in patterns} == {kind}


def test_dirt_on_one_side_of_the_rim_points_to_handling():
    rng = np.random.default_rng(4)
    radii, angles = 1.1 + 0.8 * rng.random(25), np.radians(200 + 50 * rng.random(25))
    dirt = [at(r * np.exp(1j * t), f"R{k}") for k, (r, t) in enumerate(zip(radii, angles, strict=True))]
    pattern = named(found(dirt), "one_sided")
    assert planted(pattern, "R") > 0.8
    assert "handling" in pattern.points_to


def test_one_heap_of_dirt_is_no_side():
    rng = np.random.default_rng(4)
    heap = [at(1.3 + 0.03 * rng.normal() + 0.03j * rng.normal(), f"R{k}", kind="contamination") for k in range(40)]
    assert [one for one in found(heap) if one.kind == "one_sided"] == []


def test_what_lies_outside_the_picture_is_not_taken_for_clean():
    """A fiber at the border of its picture: its rim is seen on one side alone, and so are its marks."""
    face = scattered(200, seed=8)
    left = tuple(one for one in face.defects if one.centroid_px[0] < 440)
    face = replace(face, defects=left, image=replace(face.image, width=440))
    assert patterns_of(aggregate_of(face).marks, face) == ()


# --- laws


def test_turning_the_marks_turns_the_patterns():
    rng = np.random.default_rng(1)
    row = [at(-0.9 + 0.2 * k + 0.3j + 0.005j * rng.normal(), f"R{k}") for k in range(10)]
    face = scattered(25, seed=3)
    face = replace(face, defects=(*face.defects, *row), image=replace(face.image, width=1000, height=1000))
    turned = replace(face, defects=tuple(map(_quarter_turned, face.defects)))
    (one,), (other,) = (
        [p for p in patterns_of(aggregate_of(f).marks, f) if p.kind == "row"] for f in (face, turned)
    )
    assert one.marks == other.marks
    turned_by = _degrees(other) - _degrees(one)
    assert turned_by % 180 == pytest.approx(90, abs=1)


def _quarter_turned(defect: Defect) -> Defect:
    offset = (defect.contour_px - CENTER) @ (1, 1j) * 1j
    x, y = np.array([-(defect.centroid_px[1] - CENTER[1]), defect.centroid_px[0] - CENTER[0]]) + CENTER
    contour = np.stack([offset.real, offset.imag], axis=1) + CENTER
    return replace(defect, contour_px=contour, centroid_px=(float(x), float(y)))


@pytest.mark.parametrize("face", [NOT_LOCATED, scattered(0)])
def test_a_face_without_fiber_or_marks_has_no_pattern(face):
    assert patterns_of(aggregate_of(face).marks, face) == ()


# --- dust on the lens


def shot(name: str, angle_deg: float, center_px: tuple[float, float], places: Sequence[complex]) -> Detection:
    """A picture in which the face lies turned and elsewhere; the dust of the lens is at the same pixels of all."""
    face = scattered(0)
    dust = [(130.0, 200.0), (700.0, 610.0), (655.0, 240.0), (300.0, 700.0)]
    of_the_face = [
        np.array(center_px) + RADIUS_PX * np.array([turned.real, turned.imag])
        for turned in np.array(places) * np.exp(1j * math.radians(angle_deg))
    ]
    marks = [
        replace(mark(f"{'D' if k < len(dust) else 'F'}{k}", "contamination", (0, 0), 6.0), centroid_px=tuple(map(float, at)))
        for k, at in enumerate([*dust, *of_the_face])
    ]
    cladding = cladding_fit(Ellipse(center_px, (2 * RADIUS_PX, 2 * RADIUS_PX), 0.0))
    assert face.geometry is not None
    inspection = replace(face, defects=tuple(marks), geometry=replace(face.geometry, cladding=cladding))
    source = replace(source_of(name), picture=f"{name}.png", picture_sha256=name, turn=Turn(angle_deg))
    return Detection(source, tuple(replace(member_of(m, name, 0), id=m.id) for m in marks), inspection)


PLACES = [0.5 + 0.2j, -0.7 + 0.4j, 0.1 - 0.9j, -1.2 - 0.5j, 0.9 + 0.9j, 1.4 - 0.4j]


def apart(detections: Sequence[Detection]) -> list[MergedMark]:
    """Every mark by itself, named after its source."""
    return [
        MergedMark(f"{one.source.key}{m.id}", replace(m.defect, id=f"{one.source.key}.{m.id}"), (m,), "LOW", 1)
        for one in detections
        for m in one.marks
        if m.defect is not None
    ]


def test_marks_that_do_not_turn_with_the_face_are_on_the_lens():
    shots = [shot("a", 0.0, (500, 425), PLACES), shot("b", 90.0, (480, 440), PLACES)]
    (pattern,) = patterns_of(apart(shots), NOT_LOCATED, shots)
    assert pattern.kind == "stays"
    assert set(pattern.marks) == {f"{key}.D{k}" for key in "ab" for k in range(4)}
    assert "lens or camera" in pattern.points_to


def test_marks_that_turn_with_the_face_are_not():
    shots = [shot("a", 0.0, (500, 425), PLACES), shot("b", 90.0, (480, 440), PLACES)]
    clean = [_without_dust(one) for one in shots]
    assert patterns_of(apart(clean), NOT_LOCATED, clean) == ()


def test_two_records_of_one_picture_or_shots_that_do_not_move_tell_nothing():
    shots = [shot("a", 0.0, (500, 425), PLACES), shot("b", 0.0, (500, 425), PLACES)]
    assert patterns_of(apart(shots), NOT_LOCATED, shots) == ()
    unknown = [shots[0], replace(shots[1], source=replace(shots[1].source, turn=Turn(None, "not known")))]
    assert patterns_of(apart(unknown), NOT_LOCATED, unknown) == ()


def _without_dust(one: Detection) -> Detection:
    inspection: Inspection | None = one.inspection
    assert inspection is not None
    kept = tuple(m for m in inspection.defects if m.id.startswith("F"))
    return replace(
        one, marks=tuple(m for m in one.marks if m.id.startswith("F")), inspection=replace(inspection, defects=kept)
    )


def test_a_mark_that_several_sources_saw_is_one_mark_of_a_pattern():
    row = [at(-0.9 + 0.2 * k + 0.3j, f"R{k}") for k in range(10)]
    face = replace(scattered(0), defects=tuple(row))
    marks = [merged(one, ("a", "b", "c")) for one in face.defects]
    assert len(named(patterns_of(marks, face), "row").marks) == 10
