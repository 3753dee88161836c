"""One size of a mark, in the same words wherever it is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dscope_blink.analysis.judging import judge
from dscope_blink.records import (
    Check,
    Inspection,
    check_in_words,
    deciding_size,
    judged_size,
    size_in_words,
    texts,
    unsure_size,
)
from dscope_blink.reporting.page import _against_limit
from dscope_blink.reporting.wording import limit_table, mark_label, mark_table
from tests.builders.batches import CONFIG
from tests.builders.inspections import COUNTED, CRITERIA, FAILED, NO_SCALE, VIOLATING

LIMITS = CONFIG.criteria.find("iec_61300_3_35_2022", "multimode")  # marks of zone B: up to 10 um, five of 5 to 10


@pytest.mark.parametrize(
    ("size_um", "limits_um", "words"),
    [
        (13.3, (), "13.3"),
        (13.349, (5.0, 10.0), "13.3"),
        (10.04, (5.0, 10.0), "10.04"),
        (10.004, (5.0, 10.0), "10.004"),
        (9.96, (5.0, 10.0), "9.96"),
        (9.94, (5.0, 10.0), "9.9"),
        (10.0, (5.0, 10.0), "10.0"),
        (2.54, (2.5,), "2.54"),
        (2.46, (2.5,), "2.46"),
        (0.04, (0.0,), "0.04"),
        (0.04, (), "0.0"),
    ],
)
def test_a_size_has_as_many_digits_as_tell_it_from_every_limit(
    size_um: float, limits_um: tuple[float, ...], words: str
) -> None:
    assert size_in_words(size_um, limits_um) == words


def test_an_upper_bound_is_told_as_one() -> None:
    assert size_in_words(1.2, at_most=True) == "<= 1.2"
    assert size_in_words(2.96, (3.0,), at_most=True) == "<= 2.96"


def test_the_judged_size_is_the_one_that_the_criteria_go_by() -> None:
    assert judged_size(VIOLATING, CRITERIA) == "3.6 um"  # the width of a scratch 36 um long
    long = replace(CRITERIA, size_by=replace(CRITERIA.size_by, scratches="length"))
    assert judged_size(VIOLATING, long) == "36.0 um"
    assert judged_size(NO_SCALE.defects[1], CRITERIA) == "20.0 px"


def test_an_uncertainty_as_large_as_the_size_is_not_told_without_a_word() -> None:
    vague = replace(COUNTED, uncertainty={"diameter_um": 13.2})
    assert unsure_size(vague, CRITERIA) == "9.0 ± 13.2 um, as uncertain as large"
    assert unsure_size(replace(COUNTED, uncertainty={}), CRITERIA) == "9.0 um"
    assert unsure_size(replace(COUNTED, uncertainty={"diameter_um": 0.04}), CRITERIA) == "9.0 ± 0.04 um"


def _judged(size_um: float) -> Inspection:
    """A face with one pit of this diameter in the cladding zone, judged."""
    pit = replace(COUNTED, diameter_um=size_um, counted=False, severity="LOW")
    judgement = judge([pit], LIMITS, FAILED.request.zones)
    return replace(FAILED, criteria=LIMITS, verdict=judgement.verdict, defects=judgement.defects)


@pytest.mark.parametrize(("size_um", "words"), [(10.04, "10.04"), (13.349, "13.3"), (10.003, "10.003")])
def test_reason_label_table_page_and_limit_tell_one_size(size_um: float, words: str) -> None:
    face = _judged(size_um)
    (pit,) = face.defects
    assert texts(face.verdict.reasons) == [
        f"Zone cladding: defect diameter > 10 um: 1 ({words} um), allowed none [{pit.id}]"
    ]
    assert mark_label(pit, face) == f"{pit.id} {words} > 10 um"
    assert mark_table(face).rows[0][4] == f"diameter {words} ± 0.9 um"
    (row,) = [row for row in limit_table(face).rows if row[-1] == "BROKEN"]
    assert row[4] == f"{words} um"
    against = _against_limit(pit, face)
    assert against is not None
    assert against["measured"] == f"diameter {words} ± 0.9 um"
    assert all(f"{words} ± " in doubt for doubt in face.verdict.doubts)


def test_a_size_just_within_a_limit_does_not_read_as_over_it() -> None:
    face = _judged(9.97)
    assert face.closest_limit == (
        "Zone cladding: defect diameter > 10 um: 0, allowed none; mark that decides 9.97 um, 0.03 um below"
    )
    assert mark_label(face.defects[0], face) == f"{COUNTED.id} 9.97 um"


def test_a_margin_is_told_as_nothing_only_where_it_is() -> None:
    held = Check("cladding", "defect diameter > 10 um", 0, 0, 9.98, 10.0, (), "defect")
    assert (held.margin_in_words, deciding_size(held, LIMITS, ())) == ("0.02 um", "9.98 um")
    on_it, none = replace(held, size_um=10.0), replace(held, size_um=None)
    assert on_it.margin_in_words == "0.0 um"
    assert (none.margin_in_words, deciding_size(none, LIMITS, ())) == ("", "")
    assert held.in_words == check_in_words(held, LIMITS, ())
    assert (
        none.in_words == check_in_words(none, LIMITS, ()) == "Zone cladding: defect diameter > 10 um: 0, allowed none"
    )


@pytest.mark.parametrize(
    ("size_um", "at_most_um", "size", "spare", "result"),
    [
        (0.8, 2.2, "<= 2.2 um", "at least 7.8 um below", "held"),
        (8.0, 12.0, "<= 12.0 um", "perhaps over", "held"),
        (12.0, 30.0, "<= 30.0 um", "at most 20.0 um over", "BROKEN"),
    ],
)
def test_a_limit_tells_the_upper_bound_that_its_mark_has(
    size_um: float, at_most_um: float, size: str, spare: str, result: str
) -> None:
    pit = replace(COUNTED, diameter_um=size_um, at_most={"diameter_um": at_most_um}, counted=False, severity="LOW")
    judgement = judge([pit], LIMITS, FAILED.request.zones)
    face = replace(FAILED, criteria=LIMITS, verdict=judgement.verdict, defects=judgement.defects)
    (row,) = [row for row in limit_table(face).rows if row[1] == "defect diameter > 10 um" and row[0] == "cladding"]
    assert row[4:] == (size, spare, result)
    if face.closest_limit is not None:
        assert f"mark that decides {size}, {spare}" in face.closest_limit
