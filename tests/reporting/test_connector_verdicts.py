"""Connectors on the page and in the certificate of a batch: never a PASS that record and lanes do not both say."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from dscope_blink.files.names import BATCH_CERTIFICATE, REPORT
from dscope_blink.records.stored import load_record
from dscope_blink.reporting.batch_reports import write_batch_reports
from dscope_blink.reporting.connector_verdicts import ConnectorLine, ConnectorVerdicts
from dscope_blink.reporting.page import write_html_report
from dscope_blink.reporting.stored_results import StoredResults
from tests.builders.alterations import altered
from tests.builders.batches import CONFIG
from tests.builders.connectors import connector_of, lane_record
from tests.builders.inspections import FAILED, NOT_LOCATED, PASSED
from tests.builders.stored_results import REPORTING

PAPER = replace(CONFIG, reporting=replace(CONFIG.reporting, pdf=True, report=True))


def lines_of(folder: Path, paths: Sequence[Path]) -> tuple[ConnectorLine, ...]:
    verdicts = ConnectorVerdicts(folder)
    for path in paths:
        verdicts.add(path, load_record(path))
    return verdicts.lines()


def written(folder: Path, paths: Sequence[Path], judged_again: bool = False) -> tuple[str, str]:
    """The table of the page, and the text of the certificate."""
    write_batch_reports(folder, StoredResults(paths, judged_again=judged_again), PAPER)
    pages = PdfReader(io.BytesIO((folder / BATCH_CERTIFICATE).read_bytes())).pages
    certificate = " ".join(" ".join(page.extract_text() for page in pages).split())
    page = (folder / REPORT).read_text(encoding="utf-8")
    found = re.search(r'<section class="connectors".*?</section>', page, re.DOTALL)
    return found[0] if found else "", certificate


def test_a_connector_passes_with_all_its_lanes(tmp_path: Path) -> None:
    (line,) = lines_of(tmp_path, connector_of(tmp_path, "trunk", [PASSED, PASSED]))
    assert (line.name, line.status, line.passed, line.why) == ("trunk", "PASS", "2 of 2", "")


def test_lanes_that_failed_and_that_were_not_graded_are_named(tmp_path: Path) -> None:
    (line,) = lines_of(tmp_path, connector_of(tmp_path, "trunk", [FAILED, PASSED, NOT_LOCATED, FAILED]))
    assert (line.status, line.passed, line.failed, line.not_graded) == ("FAIL", "1 of 4", "1, 4", "3")
    assert line.why.startswith("lane 1: ")
    assert line.why.endswith("(and 2 more)")


def broken(folder: Path, paths: list[Path]) -> None:
    (folder / "trunk_connector.json").write_text('{"verdict": {"status": "PASS"}}')


def missing(folder: Path, paths: list[Path]) -> None:
    (folder / "trunk_connector.json").unlink()


def renamed(folder: Path, paths: list[Path]) -> None:
    altered(folder / "trunk_connector.json", lambda record: record | {"name": "other"}, "made anew")


def changed(folder: Path, paths: list[Path]) -> None:
    altered(folder / "trunk_connector.json", lambda record: record | {"name": "other"})


def lane_gone(folder: Path, paths: list[Path]) -> None:
    paths.pop().unlink()


def lane_fails(folder: Path, paths: list[Path]) -> None:
    lane_record(folder, "trunk", 2, FAILED)


def lane_of_another_picture(folder: Path, paths: list[Path]) -> None:
    lane_record(folder, "trunk", 2, PASSED, sha256="ef" * 32)


def one_lane_too_many(folder: Path, paths: list[Path]) -> None:
    paths.append(lane_record(folder, "trunk", 3, PASSED, sha256="ef" * 32))


@pytest.mark.parametrize(
    ("spoiled", "status", "why"),
    [
        (broken, "NOT_GRADED", "no record of a connector"),
        (missing, "NOT_GRADED", "cannot be read"),
        (renamed, "NOT_GRADED", "is of the connector other"),
        (changed, "NOT_GRADED", "it was changed after it was written"),
        (lane_gone, "NOT_GRADED", "its record row_lane02 is missing"),
        (lane_fails, "FAIL", "lane 2: "),
        (lane_of_another_picture, "NOT_GRADED", "its record row_lane02 is missing"),
        (one_lane_too_many, "NOT_GRADED", "row_lane03_result.json is of none of its pictures"),
    ],
)
def test_what_is_not_whole_is_no_pass(
    tmp_path: Path, spoiled: Callable[[Path, list[Path]], None], status: str, why: str
) -> None:
    paths = connector_of(tmp_path, "trunk", [PASSED, PASSED])
    spoiled(tmp_path, paths)
    (line,) = lines_of(tmp_path, paths)
    assert line.status == status
    assert why in line.why
    page, certificate = written(tmp_path, paths)
    word = status.replace("_", " ")
    assert f'<span class="badge {status}">{word}</span>' in page
    assert "badge PASS" not in page
    assert f"trunk {word}" in certificate


def test_page_and_certificate_state_the_verdict_and_the_page_leads_to_the_picture(tmp_path: Path) -> None:
    page, certificate = written(tmp_path, connector_of(tmp_path, "trunk", [PASSED, FAILED]))
    assert '<td>trunk</td><td><span class="badge FAIL">FAIL</span></td><td>1 of 2</td><td>2</td><td></td>' in page
    assert '<a href="row_lanes.png">' in page
    assert "trunk FAIL 1 of 2 2 lane 2: " in certificate


def test_connectors_of_batches_in_subfolders_are_kept_apart(tmp_path: Path) -> None:
    first = connector_of(tmp_path / "a", "trunk", [PASSED, PASSED])
    second = connector_of(tmp_path / "b", "trunk", [PASSED, FAILED])
    lines = lines_of(tmp_path, [*first, *second])
    assert [(line.name, line.status) for line in lines] == [("trunk", "PASS"), ("trunk", "FAIL")]


def test_a_batch_without_connectors_says_nothing_of_them(tmp_path: Path) -> None:
    path = lane_record(tmp_path, "trunk", 1)
    alone = StoredResults([path], lambda path: replace(load_record(path), lane=None))
    write_html_report(tmp_path / REPORT, alone, REPORTING)
    assert "connectors-title" not in (tmp_path / REPORT).read_text(encoding="utf-8")


def test_judged_again_the_lanes_no_longer_speak_for_the_connector(tmp_path: Path) -> None:
    page, certificate = written(tmp_path, connector_of(tmp_path, "trunk", [PASSED, PASSED]), judged_again=True)
    assert "<td>" not in page
    assert "connectors_KEY.csv" in page
    assert "connectors_KEY.csv" in certificate


def test_a_hostile_name_is_text(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    page, certificate = written(tmp_path, connector_of(tmp_path, name, [PASSED, PASSED]))
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "onerror=alert(1)>" in certificate.replace(" ", "")


@pytest.mark.parametrize("name", ["../" * 30 + "etc/trunk", "x" * 5000, "a\0b"])
def test_a_name_that_no_file_has_is_not_graded(tmp_path: Path, name: str) -> None:
    (line,) = lines_of(tmp_path, [lane_record(tmp_path, name, 1)])
    assert (line.name, line.status) == (name, "NOT_GRADED")


def test_connector_and_lane_stand_in_the_row_and_pictures_are_chosen_by_them(tmp_path: Path) -> None:
    paths = connector_of(tmp_path, "trunk", [PASSED, FAILED])
    page = write_html_report(tmp_path / REPORT, StoredResults(paths), REPORTING).read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="batch">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    batch = json.loads(found[1])
    columns = {column["name"]: column for column in batch["columns"]}
    numbers = [column["name"] for column in batch["columns"]]
    assert columns["connector"]["carried"]
    assert not columns["lane"]["carried"]  # it stands in the name of the picture
    assert [row["f"] for row in batch["rows"]] == ["row.png, lane 1", "row.png, lane 2"]
    place = numbers.index("lane")
    assert [columns["lane"]["values"][row["g"][place]] for row in batch["rows"]] == ["1", "2"]
