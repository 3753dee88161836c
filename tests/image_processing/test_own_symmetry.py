"""A face beside its own symmetry: what stands out of a ring is found, what is the same all around cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.image_processing.anomalies import regions_of
from dscope_blink.image_processing.departures import FaceScore, ring_medians, score_face
from dscope_blink.image_processing.face_comparison import NO_MODEL, compare_with_itself
from dscope_blink.image_processing.face_frame import FaceFrame
from dscope_blink.image_processing.own_symmetry import own_symmetry
from dscope_blink.synthetic.faces import Blemish, Pit, Ring, Scratch
from tests.builders.batches import CONFIG
from tests.builders.inspections import PASSED
from tests.builders.references import KIND, RADIUS_PX, framed, varied

LIMIT, ABSOLUTE = CONFIG.reference.own_symmetry_limit, CONFIG.reference.absolute_limit
MARKS: dict[str, Blemish] = {
    "pit in the core": Pit((8.0, 3.0), 5.0, -0.3),
    "pit in the cladding": Pit((-30.0, 30.0), 5.0, -0.3),
    "scratch": Scratch(((-25.0, -45.0), (20.0, -40.0)), 2.5, -0.25),
}


def scored(face: FaceFrame) -> FaceScore:
    return score_face(face, own_symmetry(face, LIMIT), ABSOLUTE)


@pytest.mark.parametrize("seed", range(300, 308))
def test_a_good_face_departs_nowhere(seed: int) -> None:
    face = framed(varied(seed), seed)
    assert regions_of(face, scored(face)) == ()


@pytest.mark.parametrize("name", MARKS)
def test_a_mark_departs_where_it_lies(name: str) -> None:
    spec = varied(200)
    face = framed(spec, 200, MARKS[name])
    (worst, *_) = regions_of(face, scored(face))
    centre = MARKS[name].outline(spec).mean(axis=0) / KIND.um_per_px_x + spec.centre_px
    low, high = worst.outline_px.min(axis=0), worst.outline_px.max(axis=0)
    assert (low - 4 < centre).all()
    assert (centre < high + 4).all()


def test_what_is_the_same_all_around_departs_nowhere_and_no_ring_does() -> None:
    spec = varied(301)
    ringed = replace(spec, rings=(Ring(40.0, 2.5, 0.3 * spec.cladding),), core=spec.core * 0.6)
    score = scored(framed(ringed, 301))
    assert score.worst < 1
    assert score.ring == 0


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turn_changes_no_score_by_much(quarters: int) -> None:
    pit = MARKS["pit in the cladding"]
    scores = [scored(framed(varied(201), 201, pit, turned=q)).worst for q in (0, quarters)]
    assert scores[1] == pytest.approx(scores[0], rel=0.15)


@pytest.mark.parametrize("brighter", [0.8, 1.2])
def test_brightness_changes_no_score(brighter: float) -> None:
    pit = MARKS["pit in the cladding"]
    scores = [scored(framed(varied(202), 202, pit, brighter=factor)).worst for factor in (1.0, brighter)]
    assert scores[1] == pytest.approx(scores[0], rel=0.01)


def test_the_archetype_has_the_light_of_each_ring() -> None:
    face = framed(varied(302), 302, MARKS["pit in the core"])
    own = own_symmetry(face, LIMIT)
    there = slice(0, int(1.9 * RADIUS_PX))
    expected, found = (ring_medians(light, RADIUS_PX)[there] for light in (face.light, own.archetype))
    np.testing.assert_allclose(found, expected, atol=0.02)
    flat = np.where(np.isfinite(face.light), np.float32(1), np.float32(np.nan))
    assert scored(replace(face, light=flat)).worst == 0


def test_a_face_without_a_reference_is_not_judged_as_a_whole_and_its_anomalies_say_by_what_they_were_found() -> None:
    found = compare_with_itself(PASSED, framed(varied(200), 200, MARKS["pit in the cladding"]), CONFIG)
    done = found.comparison
    assert done.status == "NO_REFERENCE"
    assert (done.ring_score, done.whole, done.model_sha256) == (None, None, "")
    assert done.reasons[0] == NO_MODEL
    assert "1 place departs" in done.reasons[1]
    assert [one.found_by for one in done.anomalies] == ["own_symmetry"]
    clean = compare_with_itself(PASSED, framed(varied(300), 300), CONFIG).comparison
    assert (clean.status, clean.reasons, clean.anomalies) == ("NO_REFERENCE", (NO_MODEL,), ())
