"""Shots of one face brought together, or refused."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from dscope_blink.analysis.aggregation.aggregating import aggregate
from dscope_blink.analysis.aggregation.shots import Together, bring_together
from dscope_blink.analysis.aggregation.views import looked_at
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import (
    Detection,
    Ellipse,
    ImageInfo,
    Measured,
    PictureLikeness,
    Provenance,
    Request,
    Verdict,
    ZoneOutline,
    notice,
)
from dscope_blink.synthetic.faces import FaceSpec, Pit, Scratch, render_face
from tests.builders.inspections import NOT_LOCATED
from tests.builders.settings import SETTINGS
from tests.builders.shots import DUST, OTHER_DUST, detection, report, shot

CONFIG = SETTINGS.profile("deep_inspection")
STARTED = "2026-01-31T08:00:00+00:00"
FIRST = detection("a", shot(DUST))
TURNED = detection("b", shot(DUST, 75.0, center=(630.0, 560.0), axes=(430.0, 460.0)))
OTHER = detection("c", shot(OTHER_DUST, 20.0))
FEW = DUST[:2]  # too few to tell a turn by
BOX = np.array([[630.0, 560.0], [640.0, 560.0], [640.0, 570.0]])


def keys(together: Together) -> list[str]:
    return [one.source.key for one in together.detections]


def alike(first: Detection, second: Detection, turn_deg: float, tells_the_turn: bool = True) -> PictureLikeness:
    one, other = first.source.picture_sha256, second.source.picture_sha256
    assert one is not None
    assert other is not None
    return PictureLikeness(one, other, turn_deg, 0.3, 20.0, 0.8, tells_the_turn)


def farthest(together: Together) -> float:
    """How far marks of the same number lie apart at most, px."""
    first, *others = together.detections
    return max(
        float(np.abs(a.outline_px - b.outline_px).max())
        for other in others
        for a, b in zip(first.marks, other.marks, strict=True)
    )


def test_one_source_gives_itself():
    together = bring_together([FIRST])
    assert together.detections == (FIRST,)
    assert together.base is FIRST.inspection
    assert not together.log
    assert not together.refused


def test_shots_turned_shifted_scaled_and_in_other_pixels_come_to_lie_on_each_other():
    together = bring_together([FIRST, TURNED])
    assert keys(together) == ["a", "b"]
    assert together.base is FIRST.inspection
    assert farthest(together) < 1.0
    assert together.detections[1].source.turn.angle_deg == pytest.approx(75.0, abs=0.1)
    (line,) = together.log
    assert line.file == "b_result.json"
    assert line.severity == "info"
    assert line.problem.startswith(
        "b.png brought into a.png: turned back by 75.0 deg, 0.899 px for one of its own; 9 of 9"
    )


def test_the_order_of_the_sources_does_not_matter():
    foreign = report("d", BOX, "b.png", None)
    first, *others = (repr(bring_together(order)) for order in permutations([FIRST, TURNED, foreign]))
    assert others == [first] * 5


def test_another_face_is_refused_with_the_evidence():
    together = bring_together([FIRST, OTHER])
    assert keys(together) == ["a"]
    (refused,) = together.refused
    assert refused.marks == OTHER.marks
    assert refused.source.turn.angle_deg is None
    (line,) = together.log
    assert (line.file, line.severity) == ("c_result.json", "error")
    assert "nothing tells the turn between a.png (first) and c.png (second): too few marks lie alike" in line.problem
    assert line.problem.endswith("(by itself it is FAIL)")
    assert FIRST.inspection is not None
    new = [warning for warning in together.base.quality.warnings if warning not in FIRST.inspection.quality.warnings]
    (why,) = new
    assert why.kind == "failing_shot_refused"
    assert why.text.startswith("A shot that fails is left out: c, nothing tells the turn")


def test_another_fiber_is_refused_whatever_its_marks():
    def sized(one: Detection, diameter_um: float) -> Detection:
        assert one.inspection is not None
        measured = {"cladding_diameter_um": Measured(diameter_um, 0.8)}
        return replace(one, inspection=replace(one.inspection, measurements=measured))

    assert keys(bring_together([sized(FIRST, 125.0), sized(TURNED, 126.5)])) == ["a", "b"]
    apart = bring_together([sized(FIRST, 125.0), sized(TURNED, 139.0)])
    assert keys(apart) == ["a"]
    assert "the cladding is another: 139.0 ± 0.8 um and 125.0 ± 0.8 um" in apart.log[0].problem


def test_where_marks_do_not_tell_the_pictures_may():
    first, second = detection("a", shot(FEW)), detection("b", shot(FEW, 48.0))
    assert keys(bring_together([first, second])) == ["a"]
    for told in (alike(first, second, 48.0), alike(second, first, 312.0)):
        together = bring_together([first, second], [told])
        assert keys(together) == ["a", "b"]
        assert farthest(together) < 0.01
        assert "the pictures are alike (0.30, 20.0 sigmas, 80 % of the rings seen in both)" in together.log[0].problem
    unlike = bring_together([first, second], [alike(first, second, 48.0, tells_the_turn=False)])
    assert keys(unlike) == ["a"]
    assert "no more alike than those of other faces may be (0.30, 20.0 sigmas, 80 %" in unlike.log[0].problem


def test_marks_and_pictures_that_contradict_each_other_are_refused():
    assert keys(bring_together([FIRST, TURNED], [alike(FIRST, TURNED, 76.0)])) == ["a", "b"]
    contradicted = bring_together([FIRST, TURNED], [alike(FIRST, TURNED, 190.0)])
    assert keys(contradicted) == ["a"]
    assert "the marks say 75.0 deg" in contradicted.log[0].problem
    assert "the pictures 190.0 deg" in contradicted.log[0].problem


def test_a_shot_without_marks_in_common_with_the_base_comes_by_way_of_another():
    first, third = detection("a", shot(DUST)), detection("c", shot(OTHER_DUST, 110.0))
    between = detection("b", shot((*DUST, *OTHER_DUST), 30.0))
    together = bring_together([first, between, third])
    assert keys(together) == ["a", "b", "c"]
    assert [one.source.turn.angle_deg for one in together.detections] == pytest.approx([0.0, 30.0, 110.0], abs=0.2)
    assert keys(bring_together([first, third])) == ["a"]
    lines = {line.file: line.problem for line in together.log}
    assert lines["c_result.json"].count("marks lie alike") == 2


def test_records_of_one_picture_stay_together_as_they_lie():
    again = detection("b2", shot(DUST[:4], 75.0, center=(630.4, 560.0), axes=(430.0, 460.0)), "b")
    together = bring_together([FIRST, TURNED, again])
    assert keys(together) == ["a", "b", "b2"]
    _, one, other = together.detections
    assert one.cladding == other.cladding
    assert one.source.turn == other.source.turn
    assert [mark.id for mark in other.marks] == ["P1", "P2", "P3", "P4"]


def test_a_report_follows_the_record_of_its_picture():
    sha = TURNED.source.picture_sha256
    for named, hash_of in (("b.png", None), ("elsewhere/B.tif", None), ("scan.png", sha)):
        together = bring_together([FIRST, TURNED, report("z", BOX, named, hash_of)])
        moved = together.detections[2]
        assert moved.source.turn == together.detections[1].source.turn
        assert moved.marks[0].outline_px[0] == pytest.approx((600.0, 600.0))  # on the axis of both
        assert looked_at(moved, together.base, moved.marks[0].outline_px).all()


def test_a_report_of_nobody_knows_which_picture_is_refused():
    together = bring_together(
        [FIRST, TURNED, report("y", BOX, "scan.png", "99" * 32), report("z", BOX, "scan.png", None)]
    )
    assert keys(together) == ["a", "b"]
    problems = {line.file: line.problem for line in together.log if line.severity == "error"}
    assert problems["y_report.json"].endswith("there is no record of its picture")
    assert problems["z_report.json"].endswith("it does not say of which of 2 pictures of the face it is")
    assert keys(bring_together([FIRST, report("z", BOX, "", None)])) == ["a", "z"]  # there is but one


def test_a_report_of_a_shot_that_is_refused_is_refused_with_it():
    together = bring_together([FIRST, OTHER, report("z", BOX, "c.png", None)])
    assert keys(together) == ["a"]
    assert [one.source.key for one in together.refused] == ["c", "z"]


def test_the_base_is_graded_and_sees_most_and_what_could_not_be_graded_is_told():
    cut = Verdict("NOT_GRADED", (notice("cut_by_border", "61 % seen"),))
    assert FIRST.inspection is not None
    ungraded = detection("a", replace(FIRST.inspection, verdict=cut))
    together = bring_together([ungraded, TURNED])
    assert together.base is TURNED.inspection
    assert keys(together) == ["a", "b"]
    told = [line for line in together.log if line.severity == "warning"]
    assert [(line.file, line.problem) for line in told] == [
        ("a_result.json", "NOT_GRADED by itself: Fiber cut by the border: 61 % seen")
    ]
    assert bring_together([ungraded]).log == ()

    def seen(one: Detection, share: float) -> Detection:
        assert one.inspection is not None
        (zone,) = one.inspection.zones
        return replace(one, inspection=replace(one.inspection, zones=(ZoneOutline("D", zone.outer, seen=share),)))

    assert bring_together([seen(FIRST, 0.9), seen(TURNED, 1.0)]).base.image.file == "b.png"
    assert bring_together([seen(FIRST, 1.0), seen(TURNED, 0.9)]).base.image.file == "a.png"


def test_of_equal_shots_one_that_fails_is_the_base():
    assert FIRST.inspection is not None
    passed = detection("a", replace(FIRST.inspection, verdict=Verdict("PASS")))
    assert bring_together([passed, OTHER]).base.image.file == "c.png"
    assert bring_together([passed, TURNED]).base is TURNED.inspection


def test_a_picture_without_a_fiber_is_refused_with_its_reason():
    together = bring_together([FIRST, detection("b", NOT_LOCATED)])
    assert keys(together) == ["a"]
    assert (
        "no marks were sought in b.png: Localization Failed: 21 %" in together.log[0].problem + together.log[1].problem
    )


# --- laws of the whole ------------------------------------------------------------------------------------------------


def test_turning_all_shots_turns_the_result():
    center, axes = (600.0, 600.0), (400.0, 400.0)

    def outlines(turn_deg: float) -> list[np.ndarray]:
        shots = [
            detection("a", shot(DUST, turn_deg)),
            detection("b", shot(DUST, 75.0 + turn_deg, (500.0, 620.0), axes)),
        ]
        return [(mark.outline_px - center) @ (1, 1j) for one in bring_together(shots).detections for mark in one.marks]

    straight, turned = outlines(0.0), outlines(90.0)
    assert len(straight) == 2 * len(DUST)
    assert max(float(np.abs(a * 1j - b).max()) for a, b in zip(straight, turned, strict=True)) < 0.5


@pytest.mark.slow
def test_turning_all_shots_turns_the_result_and_each_mark_is_seen_by_both():
    pits = ((-40.0, 18.0), (22.0, -30.0), (45.0, 12.0), (-15.0, -47.0), (5.0, 18.0), (85.0, 30.0), (-30.0, -20.0))
    line = ((-24.0, 30.0), (20.0, 46.0))

    def seen(key: str, turn_deg: float, um_per_px: float) -> Detection:
        turn = np.exp(1j * math.radians(turn_deg))
        marks: list[Pit | Scratch] = [Pit(_placed(place, turn), 7.0, -0.7) for place in pits]
        marks.append(Scratch(tuple(_placed(place, turn) for place in line), 3.5, -0.6))
        spec = FaceSpec((400, 420), (203.3 + turn_deg / 20, 196.2), um_per_px_x=um_per_px, um_per_px_y=um_per_px)
        picture = render_face(spec, tuple(marks), np.random.default_rng(1)).image
        request = Request("iec_61300_3_35_2015", "multimode", 50.0, 125.0, 1.0)
        info = ImageInfo(f"{key}.png", "00" * 32, 420, 400)
        return detection(key, inspect_image(picture, info, request, CONFIG, None, Provenance("", "", "")))

    def together(turn_deg: float) -> Together:
        return bring_together([seen("a", turn_deg, 0.7), seen("b", 66.0 + turn_deg, 0.75)])

    straight, turned = together(0.0), together(90.0)
    for one in (straight, turned):
        assert keys(one) == ["a", "b"]
        assert one.base.image.file == "a.png"
        first, second = (
            np.array([mark.defect.centroid_px for mark in of.marks if mark.defect]) for of in one.detections
        )
        assert len(first) == len(second) == 8
        assert max(np.hypot(*(second - place).T).min() for place in first) < 1.5
    upright = (
        (np.array(centroids(*straight.detections)) - (203.3, 196.2)) @ (1, 1j) * 1j
    )  # a quarter clockwise on the screen
    found = (np.array(centroids(*turned.detections)) - (207.8, 196.2)) @ (1, 1j)
    assert max(float(np.abs(found - place).min()) for place in upright) < 1.0
    a, b = (aggregate("face", one.detections, CONFIG, STARTED) for one in (straight, turned))
    assert a.inspection.verdict.status == b.inspection.verdict.status == "FAIL"


def _placed(place: tuple[float, float], turn: complex) -> tuple[float, float]:
    moved = complex(*place) * turn
    return moved.real, moved.imag


def centroids(*detections: Detection) -> list[tuple[float, float]]:
    return [mark.defect.centroid_px for one in detections for mark in one.marks if mark.defect]


def test_an_ellipse_is_needed_for_nothing_but_other_pictures():
    assert all(one.cladding is None for one in bring_together([FIRST, detection("a2", shot(DUST), "a")]).detections)
    assert isinstance(bring_together([FIRST, TURNED]).detections[1].cladding, Ellipse)
