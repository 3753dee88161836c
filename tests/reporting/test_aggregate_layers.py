"""Who found what in the page of the results of a face: what is stored, and what is made of files that are broken."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dscope_blink.files.names import AGGREGATE, REPORT
from dscope_blink.reporting.aggregate_layers import FaceLayers, read_layers
from dscope_blink.reporting.page import write_html_report
from dscope_blink.reporting.stored_results import StoredResults
from tests.builders.aggregates import KEYS, aggregate_of, stored_aggregate
from tests.builders.stored_results import APART, HOSTILE, REPORTING

FACE = aggregate_of(seen={"S1": KEYS[:1], "P1": KEYS, "E1": KEYS[1:], "C1": KEYS[2:], "K1": KEYS[:2]})


def read_of(folder: Path, stored: Any) -> FaceLayers | None:
    (folder / f"a{AGGREGATE}").write_text(stored if isinstance(stored, str) else json.dumps(stored))
    return read_layers(folder / f"a{AGGREGATE}")


def details_of(page: Path) -> list[dict[str, Any]]:
    text = page.read_text().split('id="details">')[1].split("</script>")[0]
    return [json.loads(line) for line in text.strip().splitlines()]


def test_what_is_stored_of_a_face_is_read_back(tmp_path):
    stored_aggregate(tmp_path, "a", FACE)
    layers = read_layers(tmp_path / f"a{AGGREGATE}")
    assert layers is not None
    assert [one.key for one in layers.sources] == list(KEYS)
    assert [(one.marks, one.alone, one.flips) for one in layers.sources] == [(3, 1, True), (3, 0, False), (3, 1, False)]
    assert layers.sources[0].status_without == "PASS"
    assert (layers.score, layers.passed, layers.reasons) == (45.0, False, FACE.score.reasons)
    assert {name: [one.source for one in members] for name, members in layers.members.items()} == {
        "S1": [0],
        "P1": [0, 1, 2],
        "E1": [1, 2],
        "C1": [2],
        "K1": [0, 1],
    }
    for mark in FACE.marks:
        for member, told in zip(layers.members[mark.defect.id], mark.members, strict=True):
            assert np.abs(member.outline_px - told.outline_px).max() <= 0.05 + 1e-9


def test_a_face_without_an_aggregate_has_no_layers(tmp_path):
    assert read_layers(tmp_path / f"a{AGGREGATE}") is None


def test_members_without_outlines_are_counted_all_the_same(tmp_path):
    layers = read_of(
        tmp_path, {"marks": [{"id": "S1", "members": [{"source": "a", "id": "1"}, {"source": "b", "id": 2}]}]}
    )
    assert layers is not None
    assert [(one.key, one.marks, one.alone) for one in layers.sources] == [("a", 1, 0), ("b", 1, 0)]
    assert layers.members["S1"][1].id == "2"
    assert layers.score is None


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "{",
        "[]",
        "3",
        {},
        {"marks": 3},
        {"marks": [{"id": "S1"}]},
        {"marks": [{"id": "S1", "members": [{"id": "1"}]}]},
        {"marks": [{"id": "S1", "members": [{"source": "a", "id": "1", "outline_px": [[1, 2, 3]]}]}]},
        {"marks": [{"id": "S1", "members": [{"source": "a", "id": "1", "outline_px": [["x", 2]]}]}]},
        '{"marks": [{"id": "S1", "members": [{"source": "a", "id": "1", "outline_px": [[NaN, 2]]}]}]}',
        "[" * 100_000,
    ],
)
def test_a_broken_aggregate_is_a_warning_and_no_more(tmp_path, stored, caplog):
    assert read_of(tmp_path, stored) is None
    assert "its sources are not in the page" in caplog.text
    path = stored_aggregate(tmp_path, "b", FACE)
    (tmp_path / f"b{AGGREGATE}").write_bytes((tmp_path / f"a{AGGREGATE}").read_bytes())
    (details,) = details_of(write_html_report(tmp_path / REPORT, StoredResults([path]), REPORTING))
    assert details["who"] is None


def test_the_page_has_the_outline_of_a_member_only_where_it_is_another(tmp_path):
    path = stored_aggregate(tmp_path, "a", FACE)
    (details,) = details_of(write_html_report(tmp_path / REPORT, StoredResults([path]), REPORTING))
    who = details["who"]
    assert [one[0] for one in who["sources"]] == list(KEYS)
    assert (who["score"], who["passed"], who["outlines"]) == (45.0, False, 1)
    assert who["marks"]["S1"] == [[0, "S1.0", 0]]  # as the record has it, but for tenths of a pixel
    assert [bool(path) for _, _, path in who["marks"]["P1"]] == [False, True, True]
    assert [name for _, name, _ in who["marks"]["P1"]] == ["P1.0", "P1.1", "P1.2"]


def test_outlines_that_would_make_the_page_too_large_are_left_out_and_it_says_so(tmp_path):
    path = stored_aggregate(tmp_path, "a", FACE)
    (details,) = details_of(write_html_report(tmp_path / REPORT, StoredResults([path]), APART))
    assert details["who"]["outlines"] == 0
    assert {path for members in details["who"]["marks"].values() for _, _, path in members} == {""}
    assert details["who"]["sources"][0][4] == 1  # who decides is told all the same


def test_outlines_count_to_what_the_page_may_hold_before_its_pictures(tmp_path):
    path = stored_aggregate(tmp_path, "a", FACE)
    layers_mb = (tmp_path / f"a{AGGREGATE}").stat().st_size / 1e6
    wanted = replace(REPORTING, report_embed_max_mb=layers_mb * 1.01)
    (details,) = details_of(write_html_report(tmp_path / REPORT, StoredResults([path]), wanted))
    assert details["who"]["outlines"] == 1
    assert details["view"] == "a_view.jpg"


def test_what_was_judged_again_has_no_score_of_the_verdict_before(tmp_path):
    path = stored_aggregate(tmp_path, "a", FACE)
    again = StoredResults([path], judged_again=True)
    (details,) = details_of(write_html_report(tmp_path / REPORT, again, REPORTING))
    assert details["who"] is None


def test_keys_of_sources_never_become_markup(tmp_path):
    path = stored_aggregate(tmp_path, "a", aggregate_of(keys=HOSTILE))
    page = write_html_report(tmp_path / REPORT, StoredResults([path]), REPORTING)
    (details,) = details_of(page)
    assert [one[0] for one in details["who"]["sources"]] == list(HOSTILE)
    assert page.read_text().count("<script") == 3
