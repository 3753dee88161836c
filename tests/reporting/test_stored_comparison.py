"""NAME_report.json of `analyze`: read back as it was written, shown in the page, and a mere warning if broken."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from dscope_blink.analysis.aggregation import foreign
from dscope_blink.analysis.aggregation.foreign import read_report
from dscope_blink.config.shipped import shipped
from dscope_blink.files.names import FOREIGN_REPORT, REPORT
from dscope_blink.records import Comparison
from dscope_blink.reporting.anomaly_files import report_bytes
from dscope_blink.reporting.page import write_html_report
from dscope_blink.reporting.stored_comparison import BadReport, read_beside, read_comparison
from dscope_blink.reporting.stored_results import StoredResults
from tests.builders.comparisons import FOUND, NOTHING, WHOLE, stored_comparison
from tests.builders.inspections import FAILED
from tests.builders.stored_results import APART, HOSTILE, REPORTING
from tests.reporting.test_aggregate_layers import details_of

ODD = replace(WHOLE, distance=1 / 3, limit=2 / 3, values=(0.1 + 0.2, math.pi, 1e-300))
VALIDATOR = Draft202012Validator(json.loads(shipped("foreign_report.schema.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("told", [FOUND, NOTHING, replace(FOUND, whole=ODD, why_not_whole="few")])
def test_what_was_written_is_read_back(tmp_path: Path, told: Comparison) -> None:
    (tmp_path / "a.json").write_bytes(report_bytes(told))
    read = read_comparison(tmp_path / "a.json", FAILED)
    assert [one.id for one in read.anomalies] == [one.id for one in told.anomalies]
    for one, other in zip(read.anomalies, told.anomalies, strict=True):
        assert np.abs(one.outline_px - other.outline_px).max() <= 0.05 + 1e-9
        assert replace(one, outline_px=other.outline_px) == other
    assert replace(read, anomalies=told.anomalies) == told


def test_what_was_compared_is_a_report_for_others_and_what_was_not_is_no_clean_face() -> None:
    assert not list(VALIDATOR.iter_errors(json.loads(report_bytes(FOUND))))
    assert len(read_report(report_bytes(FOUND), "a_report.json").marks) == len(FOUND.anomalies)
    stranger = replace(NOTHING, status="NOT_OF_THIS_FAMILY", reasons=("other light",))
    for told, why in ((NOTHING, "no fiber was found"), (stranger, "other light")):
        with pytest.raises(foreign.BadReport, match=f"its analysis failed: .*{why}"):
            read_report(report_bytes(told), "a_report.json")


def test_a_feature_that_was_not_seen_is_no_number_again(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(report_bytes(replace(FOUND, whole=replace(WHOLE, values=(1.0, math.nan)))))
    read = read_comparison(tmp_path / "a.json", FAILED).whole
    assert read is not None
    assert read.values[0] == 1.0
    assert math.isnan(read.values[1])


def test_a_report_of_another_picture_or_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(report_bytes(FOUND))
    other = replace(FAILED, image=replace(FAILED.image, sha256="cd" * 32))
    later = replace(FAILED, provenance=replace(FAILED.provenance, started="2031-01-01T00:00:00+00:00"))
    for inspection in (other, later):
        with pytest.raises(BadReport, match="another picture or another run"):
            read_comparison(tmp_path / "a.json", inspection)


def report_with(**changes: Any) -> dict[str, Any]:
    return {**json.loads(report_bytes(FOUND)), **changes}


def place_with(**changes: Any) -> dict[str, Any]:
    (first, *_) = json.loads(report_bytes(FOUND))["defects"]
    return report_with(defects=[{**first, **changes}])


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "{",
        "[" * 100_000,
        report_with(status="FINE"),
        report_with(model_sha256=None),
        report_with(score="3"),
        report_with(score=True),
        json.dumps(report_with()).replace("3.4", "NaN"),
        report_with(defects=3),
        report_with(defects=[{}]),
        place_with(contour=[[1, 2, 3]]),
        place_with(contour=[["x", 2]]),
        place_with(contour=[]),
        place_with(detection_metadata=None),
        place_with(severity="TERRIBLE"),
        place_with(detection_metadata={**place_with()["defects"][0]["detection_metadata"], "zone": "moon"}),
        report_with(whole={"distance": 1}),
        report_with(whole={"distance": 1, "limit": 0, "deviations": [], "values": []}),
    ],
)
def test_a_broken_report_is_a_warning_and_no_more(
    tmp_path: Path, stored: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = stored_comparison(tmp_path, "a", FOUND)
    text = stored if isinstance(stored, str) else json.dumps(stored)
    (tmp_path / f"a{FOREIGN_REPORT}").write_text(text, encoding="utf-8")
    (details,) = details_of(write_html_report(tmp_path / REPORT, StoredResults([path]), REPORTING))
    assert details["departs"] is None
    assert f"a{FOREIGN_REPORT}" in caplog.text
    assert "its places are not in the page" in caplog.text


@pytest.mark.parametrize("text", ["[]", "3", "null", '{"timestamp": "2026", "defects": []}'])
def test_a_report_of_another_program_is_none_of_these(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    assert read_beside(tmp_path / "a.json", FAILED) is None
    assert read_beside(tmp_path / "absent.json", FAILED) is None
    assert caplog.text == ""


def test_the_page_has_status_score_and_places(tmp_path: Path) -> None:
    path = stored_comparison(tmp_path, "a", replace(FOUND, whole=WHOLE))
    page = write_html_report(tmp_path / REPORT, StoredResults([path]), REPORTING)
    (details,) = details_of(page)
    departs = details["departs"]
    assert (departs["status"], departs["score"], departs["whole"], departs["outlines"]) == ("ANOMALOUS", 3.4, 1.5, 1)
    assert [(one["id"], one["title"], one["zone"]) for one in departs["places"]] == [
        ("N1", "Scratch", "core"),
        ("N2", "no known kind", "beyond"),
    ]
    assert all(one["path"].startswith("m") for one in departs["places"])
    assert '"a":["ANOMALOUS",3.4]' in page.read_text().replace(": ", ":").replace(", ", ",")


def test_outlines_that_would_make_the_page_too_large_are_left_out(tmp_path: Path) -> None:
    path = stored_comparison(tmp_path, "a", FOUND)
    (details,) = details_of(write_html_report(tmp_path / REPORT, StoredResults([path]), APART))
    assert details["departs"]["outlines"] == 0
    assert {one["path"] for one in details["departs"]["places"]} == {""}


def test_what_a_report_says_never_becomes_markup(tmp_path: Path) -> None:
    path = stored_comparison(tmp_path, "a", replace(FOUND, reasons=HOSTILE))
    page = write_html_report(tmp_path / REPORT, StoredResults([path]), REPORTING)
    (details,) = details_of(page)
    assert details["departs"]["reasons"] == list(HOSTILE)
    assert page.read_text().count("<script") == 3
