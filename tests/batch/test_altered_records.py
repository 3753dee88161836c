"""A record that was altered is shown as one by all that read it, and never as a PASS."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

import dscope_blink
from dscope_blink.analysis.rejudging import load_row, load_trusted, trusted, what_differs
from dscope_blink.config.loading import load_config
from dscope_blink.config.shipped import PACKAGE
from dscope_blink.records import Inspection
from dscope_blink.records.stored import load_record
from dscope_blink.reporting.picture_files import write_result
from dscope_blink.terminal import judging
from dscope_blink.terminal.commands import main
from tests.builders import commands
from tests.builders.alterations import (
    ALTERATIONS,
    SEALS,
    Json,
    Seal,
    altered,
    with_larger_limits,
    with_verdict,
    without_marks,
)
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.settings import ROOT

CONFIG = ROOT / "config.json"
WORDS = (*MULTIMODE, "--edition=iec_61300_3_35_2015", "--profile=fast_scan", "--no-plots", "--no-report", "--quiet")
SETTINGS = load_config(CONFIG)
BAD, GOOD = "scratched_result.json", "clean_result.json"


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A face that fails by confirmed limits, one that passes, and their results."""
    folder = tmp_path_factory.mktemp("inspected")
    pictures = folder_of(folder / "pictures", "clean.png")
    folder_of(pictures, "scratched.png", data=face_png(SCRATCH))
    commands.inspect(pictures, folder / "results", *WORDS)
    statuses = [load_record(folder / "results" / name).verdict.status for name in (BAD, GOOD)]
    assert statuses == ["FAIL", "PASS"]
    return pictures, folder / "results"


@pytest.fixture
def results(inspected: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(inspected[1], tmp_path / "results"))


def differs(path: Path) -> str:
    return "; ".join(what_differs(load_record(path), SETTINGS, path))


def said_by(path: Path) -> str:
    """Status and kind of the first reason of a record as readers get it."""
    verdict = load_trusted(path, SETTINGS).verdict
    return " ".join((verdict.status, *(reason.kind for reason in verdict.reasons[:1])))


ALTERED = "NOT_GRADED record_altered"


def test_records_as_they_were_written_verify(results: Path) -> None:
    for name in (BAD, GOOD):
        stored = load_record(results / name)
        assert stored.sealed is True
        assert differs(results / name) == ""
        assert load_trusted(results / name, SETTINGS) == stored
        assert load_trusted(results / name, SETTINGS).criteria.confirmed


def test_records_of_before_have_no_seal_and_verify_all_the_same(results: Path) -> None:
    altered(results / BAD, lambda record: record, "removed")
    assert load_record(results / BAD).sealed is None
    assert said_by(results / BAD) == "FAIL limit_broken"


@pytest.mark.parametrize("how", ALTERATIONS)
def test_a_verdict_that_was_altered_is_no_verdict(results: Path, how: str) -> None:
    altered(results / BAD, ALTERATIONS[how])
    assert load_record(results / BAD).verdict.status == "PASS"
    assert said_by(results / BAD) == ALTERED
    assert "record_sha256" in differs(results / BAD)


@pytest.mark.parametrize("seal", ["removed", "made anew"])
@pytest.mark.parametrize("how", ["the verdict", "the verdict and its checks"])
def test_a_verdict_must_follow_from_the_marks_whatever_the_seal_says(results: Path, how: str, seal: Seal) -> None:
    altered(results / BAD, ALTERATIONS[how], seal)
    assert said_by(results / BAD) == ALTERED
    assert "its verdict is PASS, what it holds comes to FAIL" in differs(results / BAD)


@pytest.mark.parametrize("seal", SEALS)
def test_limits_must_be_those_that_ship_as_confirmed_or_of_the_configuration_they_name(
    results: Path, seal: Seal
) -> None:
    with_larger_limits(results / BAD, SETTINGS.profiles["fast_scan"], seal)
    assert said_by(results / BAD) == ALTERED
    assert "not those that ship as confirmed" in differs(results / BAD)
    assert "not those of iec_61300_3_35_2015 multimode in the configuration that it names" in differs(results / BAD)


def test_limits_that_nobody_knows_are_never_said_to_be_confirmed(results: Path) -> None:
    with_larger_limits(results / BAD, SETTINGS.profiles["fast_scan"], "removed", confirmed=False)
    altered(results / BAD, lambda record: with_input(record, "config", "0" * 64))
    given = load_trusted(results / BAD, SETTINGS)
    assert given.verdict.status == "PASS"  # by limits of a configuration that is not at hand: a site may have such
    assert not given.criteria.confirmed


def with_input(record: Json, name: str, sha256: str) -> Json:
    made = record["provenance"]
    return record | {"provenance": made | {"inputs": made["inputs"] | {name: sha256}}}


@pytest.mark.parametrize("seal", SEALS)
def test_the_record_of_another_face_is_none_of_this_one(results: Path, seal: Seal) -> None:
    altered(results / GOOD, lambda record: record, seal)
    shutil.copy(results / GOOD, results / BAD)
    assert said_by(results / BAD) == ALTERED
    assert f"it is of clean.png, and lies under the name {BAD}" in differs(results / BAD)


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("defects", 0, "zone"), "contact", "it is put in zone contact"),
        (("defects", 0, "severity"), "NEGLIGIBLE", "its severity is NEGLIGIBLE"),
        (("defects", 0, "counted"), False, "not said to be counted"),
        (("defects", 0, "diameter_um"), 1.0, "diameter_um 1 is not its diameter_px"),
        (("defects", 0, "diameter_px"), 2.0, "diameter_px 2 is less than its outline is wide"),
        (("defects", 0, "length_um"), 1.0, "length_um 1 is not its length_px"),
        (("defects", 0, "r_core_px"), 140.0, "r_core_px 140, its outline comes as near as"),
        (("defects", 0, "area_px"), 1.0, "area_px 1 is less than its outline holds"),
        (("geometry", "cladding_diameter_px"), 20.0, "geometry.cladding_diameter_px: 20.0 does not follow"),
        (("geometry", "core_diameter_um"), 20.0, "geometry.core_diameter_um: 20.0 does not follow"),
        (("scale", "um_per_px_x"), 0.4, "do not make the cladding 125 um wide"),
        (("zones", 0, "axes_px"), [20.0, 20.0], "the border of zone core is not where"),
        (("verdict", "checks", 0, "limit_um"), 7.0, "verdict.checks[0]: it says"),
        (("verdict", "violations"), [], "verdict.violations: they name none"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_does_not_follow_is_named(results: Path, place: tuple[str | int, ...], value: object, told: str) -> None:
    def alter(record: Json) -> Json:
        inner: Any = record
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        return record

    altered(results / BAD, alter, "made anew")
    assert told in differs(results / BAD)
    assert said_by(results / BAD) == ALTERED


@pytest.mark.parametrize("name", [BAD, GOOD])
def test_how_sure_a_verdict_is_follows_too(results: Path, name: str) -> None:
    doubts = [] if load_record(results / name).verdict.doubts else ["something"]
    altered(results / name, lambda record: record | {"verdict": record["verdict"] | {"doubts": doubts}}, "removed")
    assert "said to be marginal" in differs(results / name)


def test_nothing_of_an_altered_record_is_shown_as_if_it_were_true(results: Path) -> None:
    altered(results / BAD, with_verdict)
    given = load_trusted(results / BAD, SETTINGS)
    assert not given.is_verified
    assert (given.defects, given.zones, given.geometry, given.scale) == ((), (), None, None)
    assert given.image.file == "scratched.png"


def test_a_pass_of_other_settings_stands_only_where_those_at_hand_come_to_it_too(results: Path) -> None:
    settings = replace(SETTINGS.profiles["fast_scan"], sha256="0" * 64)
    strict = replace(settings, measurement=replace(settings.measurement, min_pixels_per_limit=1e3))
    stored = load_record(results / GOOD)
    assert trusted(stored, settings) == stored
    given = trusted(stored, strict)
    assert given.verdict.status == "NOT_GRADED"
    assert "of this configuration, which it was not made with: Resolution too low" in given.verdict.reasons[0].text
    failed = load_record(results / BAD)
    assert trusted(failed, strict) == failed


def test_a_file_that_is_no_record_is_a_row_that_says_where_it_is_wrong(results: Path) -> None:
    altered(results / BAD, lambda record: record | {"scale": "large"})
    row = load_row(results / BAD, SETTINGS)
    assert (row.verdict.status, row.image.file) == ("NOT_GRADED", "scratched")
    assert "at `$.scale`" in row.verdict.reasons[0].text


# --- every reader


def by_certificate(results: Path) -> str:
    main(["report", str(results), "--pdf", "--no-report", "--quiet"])
    pages = PdfReader(results / "scratched_certificate.pdf").pages
    text = " ".join(" ".join(page.extract_text().split()) for page in pages)
    return "NOT_GRADED" if "NOT GRADED" in text and "Record does not verify" in text else text


def by_report(results: Path) -> str:
    main(["report", str(results), "--json-lines", "--markdown", "--excel", "--quiet"])
    lines = map(json.loads, (results / "records.jsonl").read_text(encoding="utf-8").splitlines())
    page = (results / "report.html").read_text(encoding="utf-8")
    assert "Record does not verify" in page
    assert "scratched_annotated.png" not in page
    return next(str(line["verdict"]["status"]) for line in lines if str(line["image"]["file"]).startswith("scratched"))


def by_regrade(results: Path) -> str:
    main(["regrade", str(results), "--quiet"])
    rows = (results / "summary_report_regraded.csv").read_text(encoding="utf-8").splitlines()
    return "NOT_GRADED" if "NOT_GRADED" in next(row for row in rows if "scratched" in row) else "other"


def by_comparison(results: Path) -> str:
    before = Path(shutil.copytree(results, results.with_name("before")))
    main(["report", str(before), str(results), "--compare", "--quiet"])
    rows = (results / "compare_batches.csv").read_text(encoding="utf-8").splitlines()
    return "PASS" if "PASS" in next(row for row in rows if "scratched" in row) else "NOT_GRADED"


def by_library(results: Path) -> str:
    return dscope_blink.load_record(results / BAD).verdict.status


def by_aggregation(results: Path) -> str:
    out = results.with_name("aggregated")
    words = ["--profile=fast_scan", "--no-plots", "--no-report", "--quiet", "--workers=0"]
    main(["aggregate", str(results), f"--output-dir={out}", "--image=scratched.png", *words])
    (record,) = (path for path in out.glob("*_result.json"))
    assert "Record does not verify" in (out / "integrity_log.csv").read_text(encoding="utf-8")
    return load_record(record).verdict.status


READERS = (by_certificate, by_report, by_regrade, by_comparison, by_library)


@pytest.mark.slow
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize("how", [*ALTERATIONS, "the limits", "another face"])
def test_no_reader_shows_an_altered_record_as_a_pass(results: Path, how: str, read: Callable[[Path], str]) -> None:
    alter(results, how)
    assert read(results) == "NOT_GRADED"


def alter(results: Path, how: str) -> None:
    if how == "the limits":
        with_larger_limits(results / BAD, SETTINGS.profiles["fast_scan"], "made anew")
    elif how == "another face":
        shutil.copy(results / GOOD, results / BAD)
    else:
        altered(results / BAD, ALTERATIONS[how])


@pytest.mark.slow
@pytest.mark.parametrize("how", [*ALTERATIONS, "the limits"])
def test_no_aggregate_passes_by_an_altered_record(results: Path, how: str) -> None:
    alter(results, how)
    assert by_aggregation(results) == "NOT_GRADED"


@pytest.mark.parametrize("how", [*ALTERATIONS, "the limits", "another face"])
def test_one_record_is_shown_and_judged_as_altered(results: Path, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    alter(results, how)
    assert main(["show", str(results / BAD)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("NOT GRADED  ")
    assert "Record does not verify" in shown
    assert judging.main([str(results / BAD)]) == 0
    assert capsys.readouterr().out.startswith("NOT_GRADED")


@pytest.mark.slow
@pytest.mark.parametrize("how", [*ALTERATIONS, "the limits", "another face"])
def test_a_run_that_is_resumed_inspects_an_altered_one_again(
    inspected: tuple[Path, Path], results: Path, how: str
) -> None:
    kept = (results / GOOD).read_bytes()
    alter(results, how)
    commands.inspect(inspected[0], results, *WORDS, "--resume")
    assert load_record(results / BAD).verdict.status == "FAIL"
    assert (results / GOOD).read_bytes() == kept


def test_an_altered_record_is_no_part_of_a_data_set(
    inspected: tuple[Path, Path], results: Path, tmp_path: Path
) -> None:
    altered(results / BAD, without_marks)
    main(
        ["dataset", "build", f"--results={results}", f"--input-dir={inspected[0]}", f"--output-dir={tmp_path / 'set'}"]
    )
    assert "Record does not verify" in (tmp_path / "set" / "problems.csv").read_text(encoding="utf-8")


# `verify` reads a record to say what in it does not follow, and shows nothing else of it.
READING = {"records/stored.py", "analysis/rejudging.py", "reporting/stored_results.py", "batch/verifying.py"}


def test_records_are_read_in_one_place_alone() -> None:
    """A reader of its own would print what it reads."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree, here = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(PACKAGE).as_posix()
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = {getattr(call.func, "id", getattr(call.func, "attr", "")): call for call in calls}
        if here not in READING and "load_record" in names:
            raise AssertionError(f"{here} reads records past analysis/rejudging.py")
        if here not in READING and "StoredResults" in names:
            assert len(names["StoredResults"].args) > 1, f"{here} names nothing that judges again"


def test_an_inspection_is_sealed_when_it_is_written(results: Path, tmp_path: Path) -> None:
    face: Inspection = load_record(results / BAD)
    write_result(tmp_path / BAD, face)
    assert load_record(tmp_path / BAD).sealed is True
