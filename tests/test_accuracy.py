"""The photographs in ../shared: fibers located, blemishes seen where a person sees them, other surfaces refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from benchmarks.validation.photographs import Figures, inspect_photograph, inspect_picture, labelled, scored
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import decode_image
from dscope_blink.records import Request, Verdict
from tests.builders.folders import SHARED
from tests.builders.settings import SETTINGS

pytestmark = pytest.mark.accuracy

every_profile = pytest.mark.parametrize("profile", ["deep_inspection", "fast_scan"])

# One of each: clean and lit, clean and unlit, dirty, chipped, a pit in everything, a ferrule darker than the fiber,
# from both microscopes and the video camera.
FEW = (
    "mm50_018.jpg",
    "mm50_020.jpg",
    "mm50_042.jpg",
    "mm91_084.jpg",
    "pal_089.jpg",
    "pal_091.jpg",
    "pal_098.jpg",
    "pal_147.jpg",
)


def figures(config: Config, names: Sequence[str] | None = None) -> Figures:
    """What the scorer says of the photographs with these names (all by default)."""
    wanted = [p for p in labelled(SHARED, config) if names is None or p.path.name in names]
    return scored(SHARED, [(photograph, inspect_photograph(photograph, config)) for photograph in wanted])


def verdict_on(path: Path, request: Request, config: Config) -> Verdict:
    picture = decode_image(path.read_bytes(), config.preprocessing.max_pixels)
    return inspect_picture(picture, path.name, request, config).verdict


@cache
def of_all(profile: str) -> Figures:
    """Figures over all photographs, each profile inspected once."""
    return figures(SETTINGS.profile(profile))


@pytest.mark.slow
def test_a_few_photographs_of_every_sort_are_seen_as_a_person_sees_them():
    found = figures(SETTINGS.profile("deep_inspection"), FEW)
    assert (found["located"], found["within_tol"]) == (len(FEW), len(FEW)), found["outside_tol"]
    assert found["core_ratio_ok"] == found["core_labelled"]
    for zone in ("A", "B", "edge"):
        assert found["misses"][zone] == {"missed": [], "false": []}, zone


@pytest.mark.parametrize(
    "name", ["surface_04.png", "surface_11.png", "surface_36.png", "surface_40.png", "surface_59.png"]
)
def test_a_photograph_of_another_surface_is_not_graded(name):
    for config in map(SETTINGS.profile, ("deep_inspection", "fast_scan")):
        request = Request(config.criteria.default_edition, config.criteria.default_class, 9.0, 125.0)
        verdict = verdict_on(SHARED / "not_a_fiber" / name, request, config)
        assert verdict.status == "NOT_GRADED"
        assert verdict.reasons[0].text.startswith("Localization Failed: ")


def test_another_surface_is_not_graded_when_nothing_is_known_of_the_fiber():
    request = Request(SETTINGS.profile("deep_inspection").criteria.default_edition, "multimode")
    for path in sorted((SHARED / "not_a_fiber").iterdir()):
        verdict = verdict_on(path, request, SETTINGS.profile("deep_inspection"))
        assert verdict.reasons[0].text.startswith("Localization Failed: "), path.name


@pytest.mark.slow
@every_profile
def test_fibers_are_located_within_the_tolerance_of_their_labels(profile):
    found = of_all(profile)
    assert found["scored"] == found["labelled"] == 57
    assert found["located"] >= 55
    assert found["within_tol"] >= 55, found["outside_tol"]
    assert found["core_ratio_ok"] >= 36
    assert found["centre_error_px_median"] <= 0.15
    assert found["axis_error_px_median"] <= 0.25


# Images that must be right, of those labelled dirty and of those labelled clean.
BOUNDS = {"A": (7, 35), "B": (20, 7), "edge": (14, 6), "D": (21, 7)}


@pytest.mark.slow
@every_profile
@pytest.mark.parametrize("zone", BOUNDS)
def test_blemishes_are_reported_where_a_person_sees_them_and_only_there(profile, zone):
    found = of_all(profile)
    hits = found[f"zone_{zone}"]
    assert (hits["sens"][0] >= BOUNDS[zone][0], hits["spec"][0] >= BOUNDS[zone][1]) == (True, True), found["misses"][
        zone
    ]


@pytest.mark.slow
@every_profile
def test_the_core_zone_of_clean_fibers_is_clean(profile):
    right, labelled = of_all(profile)["zone_A"]["spec"]
    assert right / labelled >= 0.9


@pytest.mark.slow
@every_profile
def test_one_fiber_turned_in_its_holder_keeps_its_diameter(profile):
    spreads = {name: s["relative_spread"] for name, s in of_all(profile)["sequences"].items()}
    assert len(spreads) >= 8
    assert max(spreads.values()) <= 0.003, spreads
