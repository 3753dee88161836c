"""Stored results judged again: the same as inspecting again, and nothing is lost that cannot be read."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dscope_blink.batch.regrading import Asked
from dscope_blink.config.loading import load_config
from dscope_blink.files.names import MANIFEST, MANIFESTS
from dscope_blink.files.results import find_results
from dscope_blink.records import UserError
from dscope_blink.records.stored import load_record
from dscope_blink.synthetic.faces import Blemish, Pit
from dscope_blink.terminal.commands import main
from tests.builders import commands
from tests.builders.pictures import SCRATCH, blank_png, face_png, folder_of

KNOWN = ("--core-diameter-um=50", "--cladding-diameter-um=125", "--profile=fast_scan", "--no-plots", "--quiet")
OLD, NEW = "iec_61300_3_35_2022", "iec_61300_3_35_2015"
IN_CONTACT: Blemish = Pit((85.0, 10.0), 34.0, -0.6)  # no limit there in 2022, none over 30 um in 2015


def inspect(pictures: Path, out: Path, *words: str) -> int:
    return commands.inspect(pictures, out, *KNOWN, "--fiber-class=multimode", *words)


def regrade(out: Path, *words: str) -> int:
    return main(["regrade", str(out), "--quiet", *words])


def table(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a table by its first column."""
    with path.open(encoding="utf-8", newline="") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Pictures that differ between the editions and that do not, one without a fiber, and their results."""
    folder = tmp_path_factory.mktemp("stored")
    pictures = folder_of(folder / "pictures", "clean.png")
    folder_of(pictures, "scratched.png", data=face_png(SCRATCH))
    folder_of(pictures, "pitted.png", data=face_png(IN_CONTACT))
    folder_of(pictures, "sub/blank.png", data=blank_png())
    inspect(pictures, folder / "results", "--recursive", f"--edition={OLD}")
    return pictures, folder / "results"


@pytest.fixture
def results(inspected: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(inspected[1], tmp_path / "results"))


def spoil(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_judging_again_gives_the_summary_that_inspecting_again_gives(
    inspected: tuple[Path, Path], results: Path, tmp_path: Path
) -> None:
    assert regrade(results, f"--edition={NEW}") == 0
    inspect(inspected[0], tmp_path / "again", "--recursive", f"--edition={NEW}")
    judged, again = table(results / f"summary_report_{NEW}.csv"), table(tmp_path / "again" / "summary_report.csv")
    for row in (*judged.values(), *again.values()):
        del row["Processing_Time_s"]
    assert judged == again


def test_judging_by_the_same_edition_changes_nothing(results: Path) -> None:
    assert regrade(results) == 0
    assert table(results / "changes_regraded.csv") == {}
    assert table(results / "summary_report.csv") == table(results / "summary_report_regraded.csv")


@pytest.mark.parametrize("um_per_px", [0.8437, 0.87, 0.9113])
@pytest.mark.parametrize("zones", ["core,cladding,adhesive,contact", "core", "cladding,adhesive"])
def test_a_record_judged_by_its_own_criteria_keeps_its_verdict(
    inspected: tuple[Path, Path], tmp_path: Path, um_per_px: float, zones: str
) -> None:
    calibration = tmp_path / "calibration.json"
    calibration.write_text(json.dumps({"um_per_px": um_per_px}))
    words = ["--fiber-class=multimode", "--profile=fast_scan", "--no-plots", "--quiet", f"--calibration={calibration}"]
    commands.inspect(inspected[0], tmp_path, f"--zones={zones}", f"--edition={NEW}", *words)
    regrade(tmp_path)
    assert table(tmp_path / "changes_regraded.csv") == {}
    assert table(tmp_path / "summary_report.csv") == table(tmp_path / "summary_report_regraded.csv")


def test_the_first_results_stay_as_they_are(results: Path) -> None:
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file() and path.suffix != ".log"}
    regrade(results, f"--edition={NEW}")
    manifest = before.pop(results / MANIFEST)
    assert {path: path.read_bytes() for path in before} == before
    assert (results / MANIFESTS / "0001.json").read_bytes() == manifest
    assert json.loads((results / MANIFEST).read_bytes())["run"] == 2


def test_a_changed_verdict_names_the_limit_that_did_it(results: Path) -> None:
    regrade(results, f"--edition={NEW}")
    changes = table(results / f"changes_{NEW}.csv")
    row = changes["pitted.png"]
    assert (row["Status_Before"], row["Status_After"]) == ("PASS", "FAIL")
    assert row["Changed_By"].startswith("Zone contact: defect diameter > 30 um: 1 (")
    assert (row["Edition_Before"], row["Edition_After"]) == (OLD, NEW)
    assert "clean.png" not in changes


def test_a_verdict_that_is_mended_names_the_limit_that_no_longer_is_broken(results: Path, tmp_path: Path) -> None:
    regrade(results, "--fiber-class=single_mode_upc")
    changes = table(results / "changes_single_mode_upc.csv")
    broken = changes["scratched.png"]["Changed_By"]
    assert "no longer: Zone core" in broken or broken.startswith("Zone core")


def test_what_was_not_graded_stays_so_for_its_reason(results: Path) -> None:
    regrade(results, f"--edition={NEW}")
    first, second = (table(results / name) for name in ("summary_report.csv", f"summary_report_{NEW}.csv"))
    assert second["sub/blank.png"]["Pass/Fail_Status"] == "NOT_GRADED"
    assert second["sub/blank.png"]["Failure_Reason(s)"] == first["sub/blank.png"]["Failure_Reason(s)"]


def test_an_edition_without_the_class_grades_nothing_and_says_so(results: Path) -> None:
    assert regrade(results, "--edition=iec_61300_3_35_2009") == 0
    rows = table(results / "summary_report_iec_61300_3_35_2009.csv")
    assert {row["Pass/Fail_Status"] for row in rows.values()} == {"NOT_GRADED"}
    assert rows["clean.png"]["Failure_Reason(s)"] == (
        "No limits: edition iec_61300_3_35_2009 has no class multimode, its classes: single_mode_upc"
    )


def test_a_damaged_record_keeps_its_row(results: Path) -> None:
    (results / "clean_result.json").write_text((results / "clean_result.json").read_text()[:-50])
    spoil(results / "pitted_result.json", scale="none")
    assert regrade(results, f"--edition={NEW}") == 0
    rows = table(results / f"summary_report_{NEW}.csv")
    assert len(rows) == 4
    for name in ("clean", "pitted"):
        assert rows[name]["Pass/Fail_Status"] == "NOT_GRADED"
        assert rows[name]["Failure_Reason(s)"].startswith("Unreadable record: no record: ")
    (log,) = results.glob("inspection_*.log")
    assert "clean_result.json: no record" in log.read_text(encoding="utf-8")


def test_zones_that_were_not_all_inspected_are_judged_only_by_the_same_borders(
    inspected: tuple[Path, Path], tmp_path: Path
) -> None:
    inspect(inspected[0], tmp_path, "--zones=core", f"--edition={OLD}")
    regrade(tmp_path, f"--edition={NEW}")  # the core of both reaches to 65 um, the cladding not
    regrade(tmp_path, "--fiber-class=single_mode_upc")  # its core to 25 um
    narrower = table(tmp_path / "summary_report_single_mode_upc.csv")
    assert narrower["clean.png"]["Failure_Reason(s)"].startswith("Not inspected: ")


def test_a_configuration_of_ones_own_judges(results: Path, tmp_path: Path) -> None:
    config = json.loads(Path("config.json").read_text(encoding="utf-8"))
    bands = config["criteria"]["editions"][OLD]["classes"]["multimode"]["zones"][3]["defects"]
    bands[:] = [{"min_um": 0, "min_inclusive": True, "max_um": None, "max_inclusive": False, "max_count": 0}]
    own = tmp_path / "own.json"
    own.write_text(json.dumps(config))
    assert regrade(results, f"--config={own}") == 0
    rows = table(results / "changes_regraded.csv")
    assert rows["pitted.png"]["Status_After"] == "FAIL"


@pytest.mark.parametrize("severity", ["HIGH", "NEGLIGIBLE"])
def test_a_record_keeps_its_severities_and_is_judged_again_by_the_table_of_today(
    results: Path, tmp_path: Path, severity: str
) -> None:
    row = {"types": ["pit_dig"], "zones": ["contact"], "below_um": None, "severity": severity}
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"extends": "shipped", "severity": {"table": [row]}}))
    assert regrade(results, f"--config={own}", "--json-lines") == 0
    assert table(results / "changes_regraded.csv") == {}
    again = [json.loads(line) for line in (results / "records_regraded.jsonl").read_text().splitlines()]
    stored = load_record(results / "pitted_result.json")
    (pitted,) = (record for record in again if record["image"]["file"] == "pitted.png")
    pairs = zip(stored.defects, pitted["defects"], strict=True)
    of_pits = [(mark.severity, then["severity"]) for mark, then in pairs if mark.classification == "pit_dig"]
    assert of_pits == [("LOW", severity)]


def test_comparing_counts_every_edition_and_class_once(results: Path) -> None:
    assert regrade(results, "--compare") == 0
    with (results / "compare_editions.csv").open(encoding="utf-8", newline="") as file:
        yields = {(row["Edition"], row["Fiber_Class"]): row for row in csv.DictReader(file)}
    assert {sum(int(row[status]) for status in ("PASS", "FAIL", "NOT_GRADED")) for row in yields.values()} == {4}
    for edition in (OLD, NEW):
        regrade(results, f"--edition={edition}")
        statuses = [row["Pass/Fail_Status"] for row in table(results / f"summary_report_{edition}.csv").values()]
        assert yields[edition, "as recorded"]["PASS"] == yields[edition, "multimode"]["PASS"]
        assert int(yields[edition, "multimode"]["PASS"]) == statuses.count("PASS")


def test_comparing_can_keep_to_one_class(results: Path) -> None:
    regrade(results, "--compare", "--fiber-class=multimode")
    assert list(table(results / "compare_editions.csv")) == [NEW, OLD]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--edition=iec_2015"], "edition: must be one of"),
        (["--fiber-class=multi"], "no edition has 'multi'"),
        (["--edition=iec_61300_3_35_2009", "--fiber-class=multimode"], "fiber class in edition iec_61300_3_35_2009"),
        (["--compare", f"--edition={NEW}"], "--compare tries every edition"),
        (["--config=nowhere.json"], "nowhere.json: no such file"),
    ],
)
def test_wrong_words_are_told_in_one_line_and_nothing_is_written(
    words: list[str], complaint: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(results.rglob("*"))
    assert regrade(results, *words) == 2
    assert complaint in capsys.readouterr().err
    assert sorted(results.rglob("*")) == before


def test_a_folder_without_results_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert regrade(tmp_path) == 2
    assert regrade(tmp_path / "gone") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith(": no stored result in it (*_result.json)")
    assert lines[1].endswith(": no such folder")


def test_a_table_that_cannot_be_written_ends_with_one_line(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / f"summary_report_{NEW}.csv").mkdir()
    assert regrade(results, f"--edition={NEW}") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"summary_report_{NEW}.csv cannot be written: Is a directory" in line


def test_results_are_found_in_the_order_a_person_counts(tmp_path: Path) -> None:
    folder_of(tmp_path, "x10_result.json", "x2_result.json", "sub/a_result.json", ".hidden_result.json", data=b"{}")
    assert [path.name for path in find_results(tmp_path).paths] == [
        "a_result.json",
        "x2_result.json",
        "x10_result.json",
    ]


def test_deleted_results_that_a_system_keeps_are_no_results(tmp_path: Path) -> None:
    folder_of(tmp_path, "a_result.json", "#recycle/b_result.json", "sub/@eaDir/c_result.json", data=b"{}")
    found = find_results(tmp_path)
    assert [path.name for path in found.paths] == ["a_result.json"]
    assert found.warnings == tuple(
        f"Folders named {name} are left out: a system keeps its own in them" for name in ("#recycle", "@eaDir")
    )


def test_a_class_that_only_another_edition_has_is_refused_by_name() -> None:
    book = load_config(Path("config.json")).profile("fast_scan").criteria
    with pytest.raises(UserError, match="must be one of"):
        Asked("iec_61300_3_35_2009", "multimode").check(book)
    Asked(None, "multimode").check(book)
