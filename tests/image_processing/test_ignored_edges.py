"""Edges left out of a comparison: so wide as asked for, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.image_processing.anomalies import regions_of
from dscope_blink.image_processing.face_comparison import compare, compare_with_itself
from dscope_blink.image_processing.face_frame import radii_px
from dscope_blink.image_processing.ignored_edges import without_edges
from dscope_blink.models.family import NoFamily
from dscope_blink.records import ANOMALY
from dscope_blink.synthetic.faces import Pit
from tests.builders.batches import CONFIG
from tests.builders.inspections import PASSED
from tests.builders.references import RADIUS_PX, framed, learned, varied

FACE = framed(varied(300), 300)
RADII = radii_px(RADIUS_PX)
UM_PX = 2 * RADIUS_PX / 125.0  # pixels of the frame in a micrometre


@pytest.mark.parametrize("width_um", [1.0, 3.0])
def test_both_edges_are_left_out_as_wide_as_asked_for(width_um: float) -> None:
    left = without_edges(FACE, 0.4, 125.0, width_um)
    gone = np.isfinite(FACE.light) & ~np.isfinite(left.light)
    near = np.minimum(np.abs(RADII - RADIUS_PX), np.abs(RADII - 0.4 * RADIUS_PX)) <= width_um * UM_PX
    np.testing.assert_array_equal(gone, near & np.isfinite(FACE.light))
    np.testing.assert_array_equal(left.light[~near], FACE.light[~near])


def test_without_a_core_the_edge_of_the_cladding_alone_is_left_out() -> None:
    gone = ~np.isfinite(without_edges(FACE, None, 125.0, 2.0).light) & np.isfinite(FACE.light)
    assert np.abs(RADII[gone] - RADIUS_PX).max() <= 2 * UM_PX


def test_nothing_is_left_out_without_a_scale_or_where_nobody_asks() -> None:
    assert without_edges(FACE, 0.4, None, 2.0) is FACE
    assert without_edges(FACE, 0.4, 125.0, 0.0) is FACE


def test_a_pit_on_the_edge_departs_unless_the_edge_is_left_out() -> None:
    assert PASSED.geometry is not None
    face = framed(varied(200), 200, Pit((62.5, 0.0), 4.0, -0.5))
    off, on = (
        replace(CONFIG, reference=replace(CONFIG.reference, radius_px=RADIUS_PX, edge_ignore_um=width))
        for width in (0.0, 8.0)
    )
    bare = learned()
    diameter_px = PASSED.geometry.cladding.ellipse.mean_diameter_px
    model = replace(bare, card=replace(bare.card, cladding_px=diameter_px, core_ratio=None), family=NoFamily(""))
    assert compare(PASSED, face, model, off).comparison.anomalies
    assert not compare(PASSED, face, model, on).comparison.anomalies
    assert [one.kind for one in compare_with_itself(PASSED, face, off).comparison.anomalies] == [ANOMALY]
    left = compare_with_itself(PASSED, face, on)
    assert left.score is not None
    assert regions_of(face, left.score) == ()
