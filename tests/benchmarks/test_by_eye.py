"""What is reported is counted against the labels as the eye meant them: found, joined, in pieces, false."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.marks.by_eye import compare, labelled_by_eye
from benchmarks.validation.photographs import labelled
from tests.builders.inspections import CENTER, FAILED, HEIGHT, SCALE, WIDTH, mark
from tests.builders.settings import SETTINGS

PICTURE = np.zeros((HEIGHT, WIDTH), np.uint8)
UM = (SCALE.um_per_px_x, SCALE.um_per_px_y)


def described(*marks, second_look=(), **changes):
    axes = [62.5 / um for um in UM]
    picture = {"core_um": 9.0, "um_per_px": UM, "centre_px": CENTER, "semi_axes_px": axes}
    area = {"labelled_radius": 2.0, "left_out_px": [], "marks": marks, "second_look": second_look}
    return {**picture, **area, **changes}


def label(x, y, size_um=4.0, *, sure=True, course=None):
    """A mark so many pixels beside the centre, with its course as a line."""
    place = [CENTER[0] + x, CENTER[1] + y]
    line = {} if course is None else {"course_px": [[CENTER[0] + a, CENTER[1] + b] for a, b in course]}
    sizes = {"length_um": size_um, "width_um": min(size_um, 4.0)}
    return {"at_px": place, **sizes, "kind": "speck", "sure": sure, **line}


def box(name, x0, y0, x1, y1, **changes):
    """A reported mark with this outline, pixels beside the centre."""
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float) + CENTER
    middle = tuple(corners.mean(axis=0).tolist())
    return mark(name, "pit_dig", (0, 0), max(x1 - x0, y1 - y0), contour_px=corners, centroid_px=middle, **changes)


def of(reports, *marks, **changes):
    return compare("a.png", described(*marks, **changes), PICTURE, replace(FAILED, defects=tuple(reports)))


def test_a_report_over_a_label_finds_it_and_one_beside_it_does_not():
    found = of([box("P1", 56, -64, 64, -56)], label(60, -60), label(60, -90))
    assert [s.found for s in found.labels] == [True, False]
    assert [(r.covers, r.false) for r in found.reports] == [(1, False)]


def test_the_error_of_a_size_is_against_the_label_that_it_means_alone():
    report = box("P1", 56, -64, 64, -56, diameter_um=4.5)
    assert of([report], label(60, -60)).labels[0].error_um == pytest.approx(0.5)
    assert [s.error_um for s in of([box("P1", 56, -64, 84, -56)], label(60, -60), label(80, -60)).labels] == [None] * 2


def test_a_report_over_two_labels_joins_them_if_both_are_sure():
    wide = [box("C1", 56, -64, 84, -56)]
    assert of(wide, label(60, -60), label(80, -60)).reports[0].covers == 2
    assert of(wide, label(60, -60), label(80, -60, sure=False)).reports[0].covers == 1


def test_a_dot_on_a_line_belongs_to_it_and_one_beside_it_does_not():
    line = label(80, -60, 30.0, course=[(50, -60), (110, -60)])
    report = [box("S1", 50, -64, 110, -36)]
    assert of(report, line, label(70, -62)).reports[0].covers == 1
    assert of(report, line, label(70, -42)).reports[0].covers == 2


def test_a_line_is_found_by_a_third_of_its_course_and_is_in_pieces_by_two_reports_in_a_zone():
    line = label(80, -60, 30.0, course=[(50, -60), (110, -60)])
    first, second = box("S1", 50, -62, 72, -58), box("S2", 90, -62, 100, -58)
    short = box("P1", 84, -70, 88, -50)
    assert [of(reports, line).labels[0].found for reports in ([first], [short])] == [True, False]
    assert of([first, second], line).labels[0].pieces == 2
    assert of([first, replace(second, zone="contact")], line).labels[0].pieces == 1


def test_a_report_is_false_only_far_from_every_label():
    report = [box("P1", 56, -64, 64, -56)]
    assert of(report, label(0, 150)).reports[0].false
    assert not of(report, label(60, -60, sure=False)).reports[0].false
    second = of(report, second_look=[label(60, -60)])
    assert (second.reports[0].false, second.reports[0].second_look, second.labels[0].label.sure) == (False, True, False)


def test_what_lies_outside_the_labelled_area_is_not_asked_for():
    corner = [[CENTER[0] + x, CENTER[1] + y] for x, y in ((40, -80), (80, -80), (80, -40), (40, -40))]
    report = [box("P1", 56, -64, 64, -56)]
    for area in ({"left_out_px": corner}, {"labelled_radius": 0.3}):
        left = of(report, label(60, -60), **area)
        assert (left.labels, left.reports) == ((), ())


def test_what_reaches_into_the_labelled_area_from_a_label_beyond_it_is_not_false():
    beyond = label(100, 150, 30.0, course=[(100, 110), (100, 190)])
    report = [box("S1", 98, 112, 102, 150)]
    assert of(report, beyond, labelled_radius=1.2).labels == ()
    assert [r.false for r in of(report, beyond, labelled_radius=1.2).reports] == [False]
    assert [r.false for r in of(report, labelled_radius=1.2).reports] == [True]


@pytest.mark.parametrize(("x", "y", "region"), [(5, 5, "A"), (60, -60, "B"), (125, 3, "edge"), (180, 0, "D")])
def test_a_label_lies_in_the_region_that_its_distance_says(x, y, region):
    assert of([], label(x, y)).labels[0].label.region == region


def test_the_labels_lie_in_the_pictures_and_are_of_sizes_that_the_eye_can_see():
    for described in labelled_by_eye().values():
        (cx, cy), (a, b) = described["centre_px"], described["semi_axes_px"]
        for one in described["marks"]:
            x, y = one["at_px"]
            assert math.hypot((x - cx) / a, (y - cy) / b) <= 1.2 * described["labelled_radius"]
            assert 0.5 <= one["width_um"] <= one["length_um"]


@pytest.mark.accuracy
def test_the_labels_are_of_photographs_that_are_there_with_their_cladding(shared):
    claddings = {p.path.name: p.label["cladding"] for p in labelled(shared, SETTINGS.profile("fast_scan"))}
    for name, described in labelled_by_eye().items():
        assert described["centre_px"] == claddings[name]["center"]
        assert sum(described["semi_axes_px"]) == pytest.approx(sum(claddings[name]["axes"]) / 2, abs=0.1)
