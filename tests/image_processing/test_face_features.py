"""The numbers of a face obey their declared laws, and say what their names say."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.image_processing.face_features import FEATURE_NAMES, FEATURES, face_features, gate_features
from dscope_blink.image_processing.face_frame import face_frame
from dscope_blink.image_processing.frame_zones import ZONES, frame_zones, light_histograms
from dscope_blink.image_processing.zone_textures import local_patterns
from dscope_blink.models.family import GATES
from dscope_blink.records import FiberGeometry
from dscope_blink.records.features import LEAST
from dscope_blink.synthetic.faces import Pit
from tests.builders.face_frames import FACE, RADIUS_PX, SMOOTH, framed, geometry_of, picture_of, turned
from tests.builders.inspections import FAILED, mark

pytest.importorskip("skimage")


def of(gray: NDArray[np.float32], geometry: FiberGeometry) -> NDArray[np.float64]:
    return face_features(face_frame(gray, geometry, RADIUS_PX), geometry).values


def places(law: str) -> list[int]:
    return [k for k, feature in enumerate(FEATURES) if getattr(feature, law) and feature.group != "marks"]


def in_least(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences, 1.0: that by which two pictures of one face differ anyway."""
    return np.abs(one - two) / np.array([feature.least for feature in FEATURES])


def worst(apart: NDArray[np.float64], law: str) -> tuple[float, str]:
    kept = places(law)
    k = kept[int(np.argmax(apart[kept]))]
    return float(apart[k]), FEATURE_NAMES[k]


@pytest.fixture(scope="module")
def plain() -> NDArray[np.float64]:
    return of(picture_of(FACE), geometry_of(FACE))


def at(name: str) -> int:
    return FEATURE_NAMES.index(name)


def test_what_tells_families_apart_is_known_before_marks_are() -> None:
    face, geometry = framed(FACE)
    whole, before = face_features(face, geometry, None).values, gate_features(face, geometry)
    for gate in GATES:
        assert before[at(gate.name)] == whole[at(gate.name)], gate.name
        assert math.isfinite(before[at(gate.name)]), gate.name


def test_there_are_at_least_a_hundred_each_named_once_of_a_known_unit():
    assert len(FEATURES) >= 100
    assert len(set(FEATURE_NAMES)) == len(FEATURES)
    assert {feature.unit for feature in FEATURES} <= set(LEAST)
    assert {feature.zone for feature in FEATURES} == {*ZONES, "face"}
    assert {gate.name for gate in GATES} <= set(FEATURE_NAMES)


def test_all_are_measured_on_a_face_seen_whole_but_marks_that_nobody_gave(plain):
    missing = {FEATURES[k].group for k in np.flatnonzero(np.isnan(plain))}
    assert missing == {"marks"}


def test_a_quarter_turn_changes_none_that_says_so(plain):
    apart = in_least(of(*turned(picture_of(FACE), geometry_of(FACE))), plain)
    assert worst(apart, "turn")[0] < 2, worst(apart, "turn")
    assert apart[at("slope_along")] > 2


@pytest.mark.parametrize("times", [0.8, 1.2])
def test_brightness_changes_none_that_says_so(plain, times):
    apart = in_least(of(picture_of(FACE) * np.float32(times), geometry_of(FACE)), plain)
    assert worst(apart, "brightness")[0] < 1, worst(apart, "brightness")


@pytest.mark.parametrize("times", [0.7, 1.4])
def test_size_changes_none_that_says_so(times):
    middle = (235.0 * times, 225.0 * times)
    shape = (round(451 * times), round(471 * times))
    larger = replace(
        SMOOTH, shape=shape, centre_px=middle, um_per_px_x=0.7 / times, um_per_px_y=0.7 / times, blur_px=times
    )
    one, two = (of(picture_of(spec), geometry_of(spec)) for spec in (SMOOTH, larger))
    apart = in_least(one, two)
    assert worst(apart, "scale")[0] < 3, worst(apart, "scale")
    assert apart[at("cladding_px")] > 100


def test_without_a_core_the_core_has_no_numbers_and_the_others_have():
    face, geometry = framed(FACE)
    values = face_features(face, FiberGeometry(geometry.cladding, None)).values
    assert all(math.isnan(values[k]) for k, feature in enumerate(FEATURES) if feature.zone == "core")
    assert math.isnan(values[at("core_ratio")])
    assert math.isfinite(values[at("cladding_mean")])


def test_geometry_and_ratios_are_those_of_the_scene(plain):
    assert plain[at("core_ratio")] == pytest.approx(50 / 125, abs=1e-3)
    assert plain[at("core_offset")] == pytest.approx(math.hypot(0.8, 0.4) / 62.5, abs=1e-3)
    assert plain[at("ferrule_to_cladding")] == pytest.approx(194 / 88, rel=0.03)
    assert plain[at("core_to_cladding")] > 1.5


def test_twice_the_noise_is_twice_the_noise(plain):
    noisy = of(picture_of(replace(FACE, noise=2.0)), geometry_of(FACE))
    assert noisy[at("cladding_noise")] == pytest.approx(2 * plain[at("cladding_noise")], rel=0.1)
    assert noisy[at("cladding_pyramid0")] == pytest.approx(plain[at("cladding_pyramid0")] + 2 * math.log10(2), abs=0.1)


def test_a_pit_is_one_odd_spot_of_its_share():
    pit = Pit((40.0, 0.0), 8.0, -0.5)
    face, geometry = framed(FACE, blemishes=(pit,))
    values = face_features(face, geometry).values
    zone = np.count_nonzero(frame_zones(face, geometry).masks["cladding"])
    assert values[at("cladding_odd_count")] == 1
    radius_px = 4 / 62.5 * RADIUS_PX
    area_px = values[at("cladding_odd_largest")] * zone
    assert math.pi * radius_px**2 < area_px < math.pi * (radius_px + 2) ** 2  # its blurred edge stands out too


def test_marks_of_the_engine_count_where_they_lie():
    face, geometry = framed(FACE)
    x, y = geometry.cladding.ellipse.center_px
    found = mark("D1", "pit_dig", (0.0, 0.0), 8.0)
    marks = tuple(replace(found, centroid_px=place) for place in ((x, y), (x + 60, y), (x, y - 61), (x + 110, y)))
    values = face_features(face, geometry, replace(FAILED, defects=marks)).values
    assert [values[at(f"{zone}_marks")] for zone in ZONES] == [1, 2, 1]
    assert values[at("cladding_marks_largest")] == pytest.approx(
        found.diameter_px / geometry.cladding.ellipse.area_diameter_px
    )


@pytest.mark.parametrize("radius_px", [1, 2, 3, 5])
def test_patterns_are_those_of_scikit_image(radius_px):
    from skimage.feature import local_binary_pattern

    light = np.random.default_rng(5).uniform(0.5, 1.5, (60, 70)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that levels are no whole numbers
        slow = local_binary_pattern(light, 8, radius_px, "uniform")
    inside = np.s_[radius_px + 1 : -radius_px - 1, radius_px + 1 : -radius_px - 1]
    assert np.mean(local_patterns(light, radius_px)[inside] == slow[inside]) > 0.997  # but where levels are alike


def test_the_light_of_each_zone_is_shared_out_whole():
    face, geometry = framed(FACE)
    shares = light_histograms(frame_zones(face, geometry))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    without = light_histograms(frame_zones(face, FiberGeometry(geometry.cladding, None)))
    np.testing.assert_allclose(without.sum(axis=1), [0, 1, 1], rtol=1e-5)
