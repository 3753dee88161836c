"""What a terminal, and a file that the output goes to, shows of a batch and of one inspection."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dscope_blink.records import ImageInfo, Inspection, texts
from dscope_blink.records.stored import to_json
from dscope_blink.reporting import wording
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.picture_files import write_result
from dscope_blink.terminal.commands import main
from dscope_blink.terminal.tables import batch_tables, print_inspection
from tests.builders import commands
from tests.builders.inspections import EVERY_KIND, FAILED, MARGINAL, NO_SCALE, PASSED
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of

QUICK = ("--profile=fast_scan", "--no-plots")


def inspect(folder: Path, out: Path, *words: str) -> int:
    return commands.inspect(folder, out, *QUICK, *MULTIMODE, *words)


@pytest.fixture
def shown(tmp_path, capsys, as_written):
    """What `show` prints of an inspection."""

    def show(inspection: Inspection) -> str:
        write_result(tmp_path / "a_result.json", inspection)
        assert main(["show", str(tmp_path / "a_result.json")]) == 0
        return capsys.readouterr().out

    return show


# --- the end of a batch


@pytest.fixture
def ended(tmp_path, capsys):
    """What is printed of a batch of two bad pictures and one that is none, in a folder of a long name."""
    pictures = folder_of(tmp_path / "p", "a.png", "b.png", data=face_png(SCRATCH))
    (pictures / "c.png").write_bytes(b"")
    out = tmp_path / ("results of a long name " * 8)
    inspect(pictures, out, "--json-lines")
    return capsys.readouterr().out, out


def row_of(text: str, start: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(start))
    return line.removeprefix(start).split()


def test_a_batch_ends_with_its_yield_reasons_and_slowest_stages(ended):
    text, _ = ended
    assert row_of(text, "PASS ") == ["0", "0.0"]
    assert row_of(text, "FAIL ") == ["2", "66.7"]
    assert row_of(text, "NOT_GRADED ") == ["1", "33.3"]
    assert row_of(text, "Yield: 2 of 3 graded, 0 pass") == ["0.0"]
    assert row_of(text, "Unreadable ") == ["1"]
    assert float(row_of(text, "picture to verdict")[0]) > 0


def test_what_is_piped_has_no_colours_and_no_folded_paths(ended):
    text, out = ended
    assert "\x1b" not in text
    assert f"Report: {out / 'records.jsonl'}\n" in text
    assert f"Results: {out / 'summary_report.csv'}\n" in text


def test_quiet_and_json_progress_show_no_tables(tmp_path, capsys):
    pictures = folder_of(tmp_path / "p", "a.png")
    inspect(pictures, tmp_path / "out", "--quiet")
    assert capsys.readouterr().out == ""
    inspect(pictures, tmp_path / "out", "--json-progress")
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["start", "picture", "end"]


def test_only_what_has_something_to_say_is_shown():
    assert list(batch_tables(Totals())) == []
    resumed = Totals()
    resumed.add(replace(PASSED, timings_s={}))
    assert len(list(batch_tables(resumed))) == 1


def test_the_most_frequent_reason_comes_first():
    totals = Totals()
    for inspection in (FAILED, NO_SCALE, NO_SCALE):
        totals.add(inspection)
    console = Console(width=100, record=True, quiet=True)
    _, reasons, _ = batch_tables(totals)
    with console.capture() as captured:
        console.quiet = False
        console.print(reasons)
    first = captured.get().splitlines()[2]
    assert first.split() == ["No", "scale", "2"]


# --- one inspection


@pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())
def test_every_kind_of_record_is_shown(shown, inspection):
    text = shown(inspection)
    assert text.startswith(inspection.verdict.status.replace("_", " "))
    for expected in (
        *texts(inspection.verdict.reasons),
        inspection.provenance.inputs["config"],
        inspection.criteria.title,
    ):
        assert expected in text
    assert all(warning in text for warning in texts(inspection.quality.warnings))
    assert all(f"\n  {defect.id} " in text for defect in inspection.defects)


def test_a_mark_is_shown_with_what_it_was_held_against(shown):
    (line,) = (line for line in shown(FAILED).splitlines() if line.startswith("  S1 "))
    said = "S1 core Scratch 31.2 um width 3.6 ± 0.7 um scratch width of any size: 1, allowed none BREAKS IT"
    assert " ".join(line.split()) == said


def test_dimensions_are_shown_with_their_uncertainty(shown):
    text = shown(FAILED)
    (line,) = (line for line in text.splitlines() if "concentricity" in line)
    assert line.split()[-5:] == ["0.12", "um", "±", "0.05", "um"]
    assert "serial                0012" in text


def test_a_doubt_is_shown(shown):
    assert f"MARGINAL: {MARGINAL.verdict.doubts[0]}" in shown(MARGINAL)


def test_escape_codes_in_a_name_do_not_reach_the_terminal(shown):
    text = shown(replace(FAILED, image=ImageInfo("a\x1b[2J[red]b.png", "ab" * 32, 1000, 850)))
    assert "\x1b" not in text
    assert "a\N{REPLACEMENT CHARACTER}[2J[red]b.png" in text


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff\x00", b'{"schema": "other"}'])
def test_what_is_no_record_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "a_result.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["show", str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith(f"main.py: {path}: ")


def test_a_record_that_was_damaged_is_one_line(tmp_path, capsys):
    record = json.loads(json.dumps(to_json(FAILED)))
    record["verdict"]["checks"][0]["zone"] = "ferrule"
    (tmp_path / "a_result.json").write_text(json.dumps(record), encoding="utf-8")
    assert main(["show", str(tmp_path / "a_result.json")]) == 2
    assert "ferrule" in capsys.readouterr().err


@pytest.mark.parametrize("letters", [20, 80, 120])
def test_a_narrow_terminal_cuts_no_word_and_no_figure(letters):
    text = io.StringIO()
    print_inspection(Console(file=text, width=letters, highlight=False), FAILED)
    said = set(text.getvalue().split())
    for table in (wording.dimension_table, wording.zone_table, wording.limit_table, wording.mark_table):
        shown = table(FAILED)
        assert {word for row in (shown.header, *shown.rows) for cell in row for word in cell.split()} <= said
