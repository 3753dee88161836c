"""Where a source looked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.analysis.aggregation.views import looked_at
from dscope_blink.records import Detection, Ellipse, FiberGeometry, ImageInfo, Source, Turn, ZoneOutline
from tests.builders.inspections import CENTER, FAILED, HEIGHT, NOT_LOCATED, WIDTH, cladding_fit

SOURCE = Source("deep", "record", "deep/face_result.json", "00" * 32, "deep", "", "face.png", "ab" * 32)
REPORT = Source("other", "foreign", "other/face_report.json", "11" * 32, "other", "", "face.png", "ab" * 32)
MIDDLE, CLADDING, CONTACT = CENTER, (CENTER[0] + 80, CENTER[1]), (CENTER[0], CENTER[1] + 240)  # 0, 40 and 96 um
BEYOND, OUTSIDE = (CENTER[0] + 300, CENTER[1]), (-30.0, CENTER[1])  # the zones end at 125 um
PLACES = np.array([MIDDLE, CLADDING, CONTACT, BEYOND, OUTSIDE])


def test_a_record_looked_within_its_zones_and_its_picture():
    assert looked_at(detection_of(FAILED, SOURCE), FAILED, PLACES).tolist() == [True, True, True, False, False]


def test_a_record_did_not_look_in_zones_that_were_not_asked_for():
    inner = replace(FAILED, request=replace(FAILED.request, zones=("cladding",)))
    assert looked_at(detection_of(inner, SOURCE), FAILED, PLACES).tolist() == [False, True, False, False, False]


def test_a_record_without_marks_sought_looked_nowhere():
    assert not looked_at(detection_of(NOT_LOCATED, SOURCE), FAILED, PLACES).any()


def test_a_report_looked_in_its_region_or_in_the_whole_picture():
    whole = Detection(REPORT, (), size_px=(WIDTH, HEIGHT))
    region = Detection(replace(REPORT, region="cladding"), ())
    assert looked_at(whole, FAILED, PLACES).tolist() == [True, True, True, True, False]
    assert looked_at(region, FAILED, PLACES).tolist() == [False, True, False, False, False]


def test_a_picture_whose_size_is_not_said_has_that_of_the_aggregate():
    assert looked_at(Detection(REPORT, ()), FAILED, PLACES).tolist() == [True, True, True, True, False]


def test_a_shot_that_was_turned_looked_where_its_own_picture_and_zones_are():
    """A picture of half the size, turned by a quarter, that ends 30 px above the axis of the fiber."""
    cladding = Ellipse((200.0, 30.0), (125.0, 125.0), 0.0)
    zones = (ZoneOutline("B", cladding), ZoneOutline("D", cladding.scaled(2.0)))
    inspection = replace(
        FAILED,
        image=ImageInfo("second.png", "cd" * 32, 400, 300),
        geometry=FiberGeometry(cladding_fit(cladding), None),
        zones=zones,
    )
    turned = replace(SOURCE, turn=Turn(90.0))
    shot = replace(detection_of(inspection, turned), cladding=cladding)
    # what is left of the axis lies above it after a quarter clockwise
    left, right = (CENTER[0] - 80, CENTER[1]), (CENTER[0] + 80, CENTER[1])
    far_up, far_down = (CENTER[0], CENTER[1] - 170), (CENTER[0], CENTER[1] + 270)
    points = np.array([left, right, far_up, far_down])
    assert looked_at(shot, FAILED, points).tolist() == [False, True, True, True]
    wide = replace(
        inspection, zones=(ZoneOutline("B", cladding),), request=replace(FAILED.request, zones=("cladding",))
    )
    assert looked_at(replace(shot, inspection=wide), FAILED, points).tolist() == [False, True, False, False]
