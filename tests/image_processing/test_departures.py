from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dscope_blink.image_processing.anomalies import in_picture, regions_of, without_marks
from dscope_blink.image_processing.departures import FaceScore, ring_maxima, ring_medians, ring_of, score_face
from dscope_blink.image_processing.face_frame import FaceFrame, face_frame, radii_px, side_px
from dscope_blink.synthetic.faces import Blemish, Contamination, FaceSpec, Field, Pit, Ring, Scratch, render_face
from tests.builders.faces import face_with
from tests.builders.references import KIND, RADIUS_PX, framed, learned, varied

UNSEEN_SEEDS = range(100, 112)


def _score(face: FaceFrame) -> FaceScore:
    return score_face(face, learned(), 0.01)


def test_good_faces_that_were_not_learned_from_depart_nowhere_by_much() -> None:
    scores = [_score(framed(varied(seed), seed)).worst for seed in UNSEEN_SEEDS]
    assert np.median(scores) < 1
    assert max(scores) < 1.5


MARKS: dict[str, Blemish] = {
    "pit in the core": Pit((8.0, 3.0), 5.0, -0.3),
    "pit in the cladding": Pit((-30.0, 30.0), 5.0, -0.3),
    "scratch": Scratch(((-25.0, -45.0), (20.0, -40.0)), 2.5, -0.25),
    "stain on the ferrule": Contamination(((70.0, 35.0, 10.0), (80.0, 40.0, 7.0)), -0.12),
}


@pytest.mark.parametrize("name", MARKS)
def test_a_mark_departs_where_it_lies(name: str) -> None:
    spec = varied(200)
    face = framed(spec, 200, MARKS[name])
    score = _score(face)
    assert score.places > 1.5
    (worst, *_) = regions_of(face, score)
    centre = MARKS[name].outline(spec).mean(axis=0) / KIND.um_per_px_x + spec.centre_px
    low, high = worst.outline_px.min(axis=0), worst.outline_px.max(axis=0)
    assert (low - 4 < centre).all()
    assert (centre < high + 4).all()


@pytest.mark.parametrize("offset_um", [(3.0, 0.0), (-2.1, 2.1), (0.0, -3.0)])
def test_a_displaced_core_is_no_slope_of_the_light(offset_um: tuple[float, float]) -> None:
    assert _score(framed(replace(varied(203), core_offset_um=offset_um), 203)).places > 1


def test_a_narrow_ring_departs_however_little_it_is_beside_what_its_zone_varies_by() -> None:
    spec = varied(204)
    score = _score(framed(replace(spec, rings=(Ring(40.0, 2.5, 0.08 * spec.cladding),)), 204))
    at_px = round(40.0 / (KIND.cladding_diameter_um / 2) * RADIUS_PX)
    assert score.ring > 1
    assert abs(int(np.nanargmax(score.rings)) - at_px) <= 3


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_a_haze_over_the_whole_face_departs_as_rings(share: float) -> None:
    def paint(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        light[:] = (1 - share) * light + share * cv2.GaussianBlur(light, (0, 0), 8)

    rendered = render_face(varied(209), (), np.random.default_rng(209), paint)
    face = face_frame((rendered.image / 255).astype(np.float32), face_with(rendered.truth.cladding), RADIUS_PX)
    assert _score(face).ring > 1
    assert _score(framed(varied(209), 209)).ring < 1


@pytest.mark.parametrize("size", [0.85, 1.2, 1.4])
@pytest.mark.parametrize("seed", [210, 211])
def test_a_size_with_the_pixels_of_the_frame_changes_no_score_by_much(size: float, seed: int) -> None:
    rendered = render_face(varied(seed), (), np.random.default_rng(seed))
    ellipse = rendered.truth.cladding
    x, y = ((at + 0.5) * size - 0.5 for at in ellipse.center_px)
    long, short = (axis * size for axis in ellipse.axes_px)
    larger = replace(ellipse, center_px=(x, y), axes_px=(long, short))
    how = cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(rendered.image, None, fx=size, fy=size, interpolation=how)
    scores = [
        _score(face_frame((image / 255).astype(np.float32), face_with(outline), RADIUS_PX)).worst
        for image, outline in ((rendered.image, ellipse), (resized, larger))
    ]
    assert scores[1] == pytest.approx(scores[0], rel=0.4)  # as docs/reference.md states


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turn_changes_no_score_by_much(quarters: int) -> None:
    pit = MARKS["pit in the cladding"]
    scores = [_score(framed(varied(201), 201, pit, turned=q)).worst for q in (0, quarters)]
    assert scores[1] == pytest.approx(scores[0], rel=0.15)


@pytest.mark.parametrize("brighter", [0.8, 1.2])
def test_brightness_changes_no_score(brighter: float) -> None:
    pit = MARKS["pit in the cladding"]
    scores = [_score(framed(varied(202), 202, pit, brighter=factor)).worst for factor in (1.0, brighter)]
    assert scores[1] == pytest.approx(scores[0], rel=0.01)


def test_a_core_of_another_brightness_departs_as_a_ring_not_as_places() -> None:
    spec = varied(203)
    score = _score(framed(replace(spec, core=spec.core * 0.6), 203))
    assert score.ring > 2
    assert score.ring > 2 * score.places


def test_what_is_drawn_over_the_picture_departs_nowhere() -> None:
    spec = varied(204)
    rendered = render_face(spec, (), np.random.default_rng(204))
    gray = (rendered.image / 255).astype(np.float32)
    drawn = np.zeros(gray.shape, bool)
    drawn[140:150, 150:250] = True
    gray[drawn] = 1.0
    geometry = face_with(rendered.truth.cladding)
    assert _score(face_frame(gray, geometry, RADIUS_PX)).worst > 3
    assert _score(face_frame(gray, geometry, RADIUS_PX, drawn)).worst < 1.3


def test_a_frame_needs_half_of_the_face() -> None:
    spec = varied(205)
    gray = np.full((300, 400), 0.5, np.float32)
    with pytest.raises(ValueError, match="at least 50% of the face must be seen"):
        face_frame(gray, face_with(spec.cladding_ellipse), RADIUS_PX, np.ones(gray.shape, bool))


def test_a_frame_needs_light() -> None:
    spec = varied(206)
    with pytest.raises(ValueError, match="above 0"):
        face_frame(np.zeros((300, 400), np.float32), face_with(spec.cladding_ellipse), RADIUS_PX)


def test_ring_maxima_are_those_of_a_slow_reference() -> None:
    values = np.random.default_rng(2).normal(size=(side_px(20), side_px(20))).astype(np.float32)
    values[ring_of(20) == 7] = np.nan
    slow = [values[ring_of(20) == ring].max() for ring in range(int(ring_of(20).max()) + 1)]
    np.testing.assert_array_equal(ring_maxima(values, 20), slow)


def test_ring_medians_are_those_of_a_slow_reference() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(3, side_px(20), side_px(20))).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    rings = ring_of(20)
    slow = [np.nanmedian(values[:, rings == ring]) for ring in range(int(rings.max()) + 1)]
    np.testing.assert_allclose(ring_medians(values, 20), slow, rtol=1e-6)


def test_the_mask_of_a_region_comes_back_to_its_place_in_the_picture() -> None:
    face = framed(varied(207), 207)
    mask = radii_px(RADIUS_PX) < RADIUS_PX / 2
    back = in_picture(mask, face, (300, 400))
    ellipse = varied(207).cladding_ellipse
    assert np.argwhere(back).mean(axis=0)[::-1] == pytest.approx(ellipse.center_px, abs=0.3)
    assert np.count_nonzero(back) == pytest.approx(np.pi / 16 * ellipse.mean_diameter_px**2, rel=0.03)


def test_marks_that_are_known_teach_nothing() -> None:
    spec, pit = varied(208), MARKS["pit in the cladding"]
    face = framed(spec, 208, pit)
    outline = pit.outline(spec) / KIND.um_per_px_x + spec.centre_px
    assert _score(face).places > 1.5
    assert _score(without_marks(face, [outline], 3)).places < 1.3
    assert without_marks(face, [], 3) is face
