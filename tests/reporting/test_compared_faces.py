"""What a reference says of a face, in the page and for other programs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dscope_blink.analysis.aggregation import foreign
from dscope_blink.analysis.aggregation.foreign import read_report
from dscope_blink.config.shipped import shipped
from dscope_blink.files.names import REPORT
from dscope_blink.reporting.anomaly_files import report_bytes
from dscope_blink.reporting.page import write_html_report
from dscope_blink.reporting.stored_results import StoredResults
from tests.builders.comparisons import COMPARISON, FOUND, NOTHING, WHOLE, stored_comparison
from tests.builders.stored_results import HOSTILE, REPORTING
from tests.reporting.test_aggregate_layers import details_of

VALIDATOR = Draft202012Validator(json.loads(shipped("foreign_report.schema.json").read_text(encoding="utf-8")))


def test_what_was_compared_is_a_report_for_others_and_what_was_not_is_no_clean_face() -> None:
    assert not list(VALIDATOR.iter_errors(json.loads(report_bytes(FOUND))))
    assert len(read_report(report_bytes(FOUND), "a_report.json").marks) == len(COMPARISON.anomalies)
    strange = replace(NOTHING.comparison, status="NOT_OF_THIS_FAMILY", reasons=("other light",))
    stranger = replace(NOTHING, reference=strange)
    for told, why in ((NOTHING, "no fiber was found"), (stranger, "other light")):
        with pytest.raises(foreign.BadReport, match=f"its analysis failed: .*{why}"):
            read_report(report_bytes(told), "a_report.json")


def test_the_page_has_status_score_and_places(tmp_path: Path) -> None:
    path = stored_comparison(tmp_path, "a", replace(FOUND, reference=replace(COMPARISON, whole=WHOLE)))
    page = write_html_report(tmp_path / REPORT, StoredResults([path]), REPORTING)
    (details,) = details_of(page)
    departs = details["departs"]
    assert (departs["status"], departs["score"], departs["whole"]) == ("ANOMALOUS", 3.4, 1.5)
    assert [(one["id"], one["title"], one["zone"]) for one in departs["places"]] == [
        ("N1", "Scratch", "core"),
        ("N2", "no known kind", "beyond"),
    ]
    assert all(one["path"].startswith("m") for one in departs["places"])
    assert '"a":["ANOMALOUS",3.4]' in page.read_text().replace(": ", ":").replace(", ", ",")


def test_what_a_reference_says_never_becomes_markup(tmp_path: Path) -> None:
    path = stored_comparison(tmp_path, "a", replace(FOUND, reference=replace(COMPARISON, reasons=HOSTILE)))
    page = write_html_report(tmp_path / REPORT, StoredResults([path]), REPORTING)
    (details,) = details_of(page)
    assert details["departs"]["reasons"] == list(HOSTILE)
    assert page.read_text().count("<script") == 3
