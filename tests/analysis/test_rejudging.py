"""What of a stored record does not follow is told by its place; values that no face can have are one kind of error."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dscope_blink.analysis.rejudging import NoFace, graded_again, what_differs
from dscope_blink.records import Check, Inspection
from tests.builders.inspections import FAILED
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile(SETTINGS.default_profile)


@pytest.fixture(scope="module")
def judged() -> Inspection:
    criteria = CONFIG.criteria.find("iec_61300_3_35_2015", "multimode")
    return graded_again(replace(FAILED, criteria=criteria), CONFIG)


def with_check(face: Inspection, number: int, check: Check) -> Inspection:
    checks = (*face.verdict.checks[:number], check, *face.verdict.checks[number + 1 :])
    return replace(face, verdict=replace(face.verdict, checks=checks))


@pytest.mark.parametrize("name", ["count", "max_count"])
def test_a_check_that_was_altered_is_told_with_what_it_says_and_what_it_should(judged: Inspection, name: str) -> None:
    check = judged.verdict.checks[0]
    altered = with_check(judged, 0, replace(check, **{name: getattr(check, name) + 7}))
    told = (
        f"verdict.checks[0]: it says {name} {getattr(check, name) + 7} of {check.zone} {check.rule}, "
        f"its marks and limits give {getattr(check, name)}"
    )
    assert told in what_differs(altered, CONFIG)
    assert told not in what_differs(judged, CONFIG)


def test_all_marks_of_a_check_are_compared_and_not_only_those_that_are_told(judged: Inspection) -> None:
    scratch = next(mark for mark in judged.defects if mark.id == "S1")
    many = graded_again(replace(judged, defects=tuple(replace(scratch, id=f"S{n}") for n in range(1, 10))), CONFIG)
    check = many.verdict.checks[0]
    assert len(check.defects) == 9
    altered = with_check(many, 0, replace(check, defects=(*check.defects[:8], "S99")))
    assert any(line.startswith("verdict.checks[0]: it says defects S1, S2") for line in what_differs(altered, CONFIG))


def test_values_that_no_face_can_have_together_are_one_kind_of_error(judged: Inspection) -> None:
    marks = tuple(replace(mark, width_um=None, diameter_um=None) for mark in judged.defects)
    with pytest.raises(NoFace, match="no face can have its values together: ValueError: a defect must have its"):
        graded_again(replace(judged, defects=marks), CONFIG)
    (line,) = (line for line in what_differs(replace(judged, defects=marks), CONFIG) if "together" in line)
    assert "ValueError" in line
