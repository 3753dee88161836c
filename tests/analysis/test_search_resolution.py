"""How many pixels of the cladding marks are sought in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dscope_blink.analysis.search_resolution import search_cladding_px
from dscope_blink.records import Ellipse, Scale
from tests.builders.inspections import cladding_fit
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
RESIDUAL = CONFIG.residual
UPC, CUSTOM = (CONFIG.criteria.find("iec_61300_3_35_2022", name) for name in ("single_mode_upc", "custom"))
ZONES = ("core", "cladding")


def asked_px(cladding_um: float, um_per_px: float | None, criteria=CUSTOM, zones=ZONES, blur_px: float = 1.2) -> float:
    diameter_px = cladding_um / (um_per_px or 0.5)
    edge = replace(cladding_fit(Ellipse((500.0, 500.0), (diameter_px,) * 2, 0.0)), blur_px=blur_px)
    scale = None if um_per_px is None else Scale(um_per_px, um_per_px, "user_cladding")
    return search_cladding_px(edge, scale, criteria, zones, RESIDUAL)


@pytest.mark.parametrize("um_per_px", [0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("cladding_um", [10.0, 80.0, 125.0, 126.0])
def test_fibers_of_125_um_and_less_are_searched_as_the_detectors_were_made(cladding_um: float, um_per_px: float):
    for criteria in (UPC, CUSTOM):
        assert asked_px(cladding_um, um_per_px, criteria) == RESIDUAL.max_cladding_px


@pytest.mark.parametrize(("cladding_um", "um_per_px"), [(400.0, 0.2), (600.0, 0.4), (1000.0, 0.5)])
def test_a_large_fiber_has_as_many_pixels_as_its_smallest_limit_needs(cladding_um: float, um_per_px: float):
    px = asked_px(cladding_um, um_per_px)
    assert 3.0 / (cladding_um / px) == pytest.approx(RESIDUAL.pixels_per_limit)  # 3 um are the smallest limit
    px = asked_px(cladding_um, um_per_px, UPC)
    assert 2.0 / (cladding_um / px) == pytest.approx(RESIDUAL.pixels_per_limit)


def test_where_every_mark_breaks_a_limit_the_search_is_as_fine_as_for_the_smallest_size():
    assert asked_px(1000.0, 0.2, UPC, ("core",)) == asked_px(1000.0, 0.2, UPC)


def test_no_more_pixels_are_searched_than_two_in_a_blur():
    assert asked_px(1000.0, 0.2, blur_px=8.0) == pytest.approx(2 * 5000 / 8.0)


def test_without_a_scale_nothing_is_known_of_the_limits():
    assert asked_px(1000.0, None) == RESIDUAL.max_cladding_px
