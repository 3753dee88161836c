"""What the terminal sees: questions, progress, the log file and exit codes."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from dscope_blink.files.names import LOCK, MANIFEST, PICTURE_FOLDERS
from dscope_blink.pipeline import all_stages
from dscope_blink.records import PROGRAM, VERSION, UserError
from dscope_blink.terminal.commands import main
from dscope_blink.terminal.showing import GO_ON
from tests.builders import commands
from tests.builders.pictures import MULTIMODE, SCRATCH, blanks, face_png, folder_of

QUICK = ("--profile=fast_scan", "--no-plots")
QUESTIONS = (
    "Folder of the pictures",
    "Folder of the results",
    "Do you want",
    "Core",
    "Cladding",
    "Fiber class",
    "Profile",
    "Zones",
)


@pytest.fixture
def pictures(tmp_path):
    return blanks(tmp_path / "pictures", "a.png")


@pytest.fixture
def faces(tmp_path):
    return folder_of(tmp_path / "faces", "a.png")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def answer(monkeypatch, tmp_path):
    """Answer the questions of `main()` with these lines; then the input ends. No other process is started."""
    monkeypatch.setattr("dscope_blink.terminal.arguments.workers_here", lambda: 0)

    def run(*lines: str) -> int:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return main([])

    return run


def inspect(folder: Path, out: Path, *words: str) -> int:
    return commands.inspect(folder, out, *QUICK, *words)


def log_of(out: Path) -> str:
    (path,) = out.glob("inspection_*.log")
    assert re.fullmatch(r"inspection_\d{4}-\d\d-\d\d\.log", path.name)
    return path.read_text(encoding="utf-8")


# --- exit codes


def test_a_batch_that_measured_everything_exits_with_0(faces, out):
    assert inspect(faces, out, *MULTIMODE, "--workers=1") == 0


def test_a_batch_of_which_nothing_could_be_graded_exits_with_4(faces, out):
    assert inspect(faces, out) == 4
    assert pd.read_csv(out / "summary_report.csv")["Failure_Reason(s)"][0].startswith("No scale:")


def test_an_image_that_could_not_be_measured_exits_with_1(faces, out):
    (faces / "b.png").write_bytes(b"")
    assert inspect(faces, out, *MULTIMODE) == 1


def test_a_failed_image_exits_with_3_when_asked_and_one_not_measured_wins(out, tmp_path):
    folder = folder_of(tmp_path / "p", "bad.png", data=face_png(SCRATCH))
    assert inspect(folder, out, *MULTIMODE, "--fail-exit") == 3
    (folder / "empty.png").write_bytes(b"")
    assert inspect(folder, out, *MULTIMODE, "--fail-exit") == 1


def test_a_users_mistake_exits_with_2_and_writes_nothing(pictures, out, capsys):
    assert inspect(pictures, out, "--zones=x", "--core-diameter-um=0") == 2
    assert not out.exists()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.split(":")[0] for line in printed.err.splitlines()] == ["main.py", "main.py"]


def test_a_wrong_configuration_exits_with_2_and_writes_nothing(pictures, out, tmp_path, capsys):
    (tmp_path / "config.json").write_text("{}")
    assert inspect(pictures, out, f"--config={tmp_path / 'config.json'}") == 2
    assert not out.exists()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("words", [["inspekt"], ["inspect", "--colour"], ["inspect", "--zones"], ["--versions"]])
def test_an_unknown_word_is_told_in_one_line(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"{PROGRAM} {VERSION}\n")


def test_an_interrupted_batch_exits_with_130_and_keeps_what_was_finished(out, tmp_path, monkeypatch, capsys):
    def interrupted_at_c(picture, info, *rest, **models):
        if info.file == "c.png":
            raise KeyboardInterrupt
        return all_stages(picture, info, *rest, **models)

    monkeypatch.setattr("dscope_blink.batch.job.all_stages", interrupted_at_c)
    pictures = blanks(tmp_path / "p", "a.png", "b.png", "c.png")
    assert inspect(pictures, out, *MULTIMODE) == 130
    assert list(pd.read_csv(out / "summary_report.csv")["Image_Filename"]) == ["a.png", "b.png"]
    assert capsys.readouterr().err == f"main.py: interrupted; {GO_ON}\n"
    assert "Batch ended early: interrupted" in log_of(out)
    assert "b.png" in (out / "report.html").read_text()


def test_a_batch_that_is_interrupted_between_two_pictures_leaves_a_report_too(out, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dscope_blink.terminal.progress._line", interrupted)
    assert inspect(blanks(tmp_path / "p", "a.png", "b.png"), out) == 130
    assert "a.png" in (out / "report.html").read_text()


def test_a_result_that_cannot_be_written_is_one_line(out, tmp_path, capsys):
    folder = blanks(tmp_path / "p", "sub/a.png")
    out.mkdir()
    (out / "sub").write_text("in the way")
    assert inspect(folder, out, "--recursive") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "sub cannot be written" in line


@pytest.mark.skipif(sys.platform == "win32", reason="this system refuses such file names")
def test_a_result_that_cannot_be_written_is_one_line_whatever_its_name(out, tmp_path, capsys):
    folder = blanks(tmp_path / "p", "s\nu\x1b[2Jb/a.png")
    out.mkdir()
    (out / "s\nu\x1b[2Jb").write_text("in the way")
    assert inspect(folder, out, "--recursive") == 1
    assert "\x1b" not in capsys.readouterr().err
    assert all(re.match(r"\d{4}-\d\d-\d\d ", line) for line in log_of(out).splitlines())


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_ends_the_batch_with_whole_results_only(small_disk, tmp_path, capsys):
    folder, out = folder_of(tmp_path / "p", *(f"{k}.png" for k in range(8))), small_disk / "out"
    assert inspect(folder, out, *MULTIMODE, "--quiet", "--no-report") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("cannot be written: No space left on device; what was finished is kept")
    finished = {path.name.partition("_")[0] for path in out.glob("*_result.json")}
    assert 0 < len(finished) < 8
    ends = ("annotated.png", "report.csv", "result.json")
    results = {
        path.name
        for path in out.iterdir()
        if not path.name.startswith(("inspection_", LOCK, MANIFEST, PICTURE_FOLDERS))
    }
    assert results == {f"{name}_{end}" for name in finished for end in ends} | {"summary_report.csv"}
    assert all(Image.open(path).getpixel((0, 0)) for path in out.glob("*.png"))
    assert {path.partition(".")[0] for path in pd.read_csv(out / "summary_report.csv")["Image_Filename"]} == finished
    assert "Batch ended early" in log_of(out).splitlines()[-1]


def test_a_disk_that_may_only_be_read_is_told_before_anything_is_done(small_disk, pictures, capsys):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert inspect(pictures, small_disk / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no permission to write" in line


def test_however_often_a_folder_is_inspected_its_own_pictures_are_never_counted(faces):
    everything = ("--zone-images", "--cells", "--agreement", "--recursive", *MULTIMODE)
    assert commands.inspect(faces, faces, *everything, "--quiet") == 0
    assert inspect(faces, faces / "again", *everything, "--quiet") == 0
    assert main(["regrade", str(faces), "--edition=iec_61300_3_35_2015", "--quiet"]) == 0
    assert inspect(faces, faces / "sub" / "third", *everything, "--quiet") == 0
    assert inspect(faces, faces, *everything, "--quiet") == 0
    for folder in (faces, faces / "again", faces / "sub" / "third"):
        assert list(pd.read_csv(folder / "summary_report.csv")["Image_Filename"]) == ["a.png"]


def test_an_output_folder_whose_name_is_too_long_is_one_line(pictures, tmp_path, capsys):
    assert inspect(pictures, tmp_path / ("x" * 300)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written" in line


# --- what is printed and logged


def test_each_image_is_a_line_where_no_terminal_is(pictures, out, capsys):
    (pictures / "b\nc.png").write_bytes(b"")
    inspect(pictures, out, *MULTIMODE)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("[1/2] a.png: ") for line in lines)
    assert any(line.startswith("[2/2] b\N{REPLACEMENT CHARACTER}c.png: NOT_GRADED, Unreadable: ") for line in lines)
    assert any(line.startswith("2 images: ") for line in lines)
    assert str(out / "summary_report.csv") in lines[-1]


def test_quiet_prints_nothing(faces, out, capsys):
    inspect(faces, out, "--quiet", *MULTIMODE)
    assert capsys.readouterr() == ("", "")


def test_even_quietly_it_says_why_nothing_could_be_graded(faces, out, capsys):
    assert inspect(faces, out, "--quiet") == 4
    assert capsys.readouterr() == ("", "main.py: not one picture could be graded: No scale (1 of 1)\n")


def test_unconfirmed_limits_are_told_once(tmp_path, out, capsys):
    inspect(blanks(tmp_path / "p", "a.png", "b.png"), out, "--edition=iec_61300_3_35_2022", "--fiber-class=multimode")
    inspect(tmp_path / "p", out, "--edition=iec_61300_3_35_2015", "--fiber-class=multimode")
    assert capsys.readouterr().out.count("not confirmed") == 1


def test_the_gaps_of_a_manifest_are_told_before_the_first_picture_and_in_the_log(pictures, out, tmp_path, capsys):
    rows = "".join(f"{number}.png\n" for number in range(12))
    (tmp_path / "m.csv").write_text(f"file\n{rows}")
    inspect(pictures, out, f"--manifest={tmp_path / 'm.csv'}")
    lines = capsys.readouterr().out.splitlines()
    gaps = "12 files are named in the manifest, not among the images: 0.png, 1.png, 2.png, 3.png, 4.png ..."
    warned = lines.index(f"Warning: {gaps}")
    assert lines[warned + 1] == "Warning: a.png: not named in the manifest"
    assert lines[warned + 2].startswith("[1/1] a.png")
    assert gaps in log_of(out)


def test_the_log_has_the_stages_with_their_durations_and_grows(faces, out):
    inspect(faces, out, *MULTIMODE)
    first = log_of(out)
    assert "Starting Zone Detection..." in first
    assert re.search(r"Zone Detection Complete\. Duration: \d+\.\d\ds", first)
    inspect(faces, out, "--zones=core")
    assert log_of(out).startswith(first)
    assert log_of(out).count("Batch finished") == 2


def test_the_log_names_the_file_of_an_error(pictures, out):
    (pictures / "empty.png").write_bytes(b"")
    inspect(pictures, out)
    assert re.search(r"ERROR empty\.png: NOT_GRADED; Unreadable: ", log_of(out))


# --- questions


def test_the_questions_come_in_their_order_and_lead_to_results(faces, tmp_path, answer, capsys):
    code = answer(str(faces), "out", "y", "50", "125", "multimode", "fast_scan", "core,cladding")
    assert code == 0
    printed = capsys.readouterr().out
    places = [printed.index(question) for question in QUESTIONS]
    assert places == sorted(places)
    assert "Do you want to provide known fiber dimensions (microns) for this batch? (y/n)" in printed
    assert "--cladding-diameter-um=125" in printed
    row = pd.read_csv(tmp_path / "out" / "summary_report.csv").iloc[0]
    assert (row["Fiber_Class"], row["Profile"], row["Scale_Source"]) == ("multimode", "fast_scan", "user_cladding")


def test_where_the_input_ends_the_defaults_are_taken(pictures, tmp_path, answer):
    assert answer(str(pictures), "out", "n") == 4
    assert len(pd.read_csv(tmp_path / "out" / "summary_report.csv")) == 1


def test_enter_takes_the_default_everywhere_but_for_the_pictures(pictures, tmp_path, answer, capsys):
    assert answer("", f' "{pictures}" ', "", "", "", "", "") == 4
    (out,) = tmp_path.glob("results_*")
    assert re.fullmatch(r"results_\d{8}_\d{6}", out.name)
    printed = capsys.readouterr().out
    assert "input folder: none is named" in printed
    assert "1 picture\n" in printed
    assert "no picture can be graded: go back (<) and give the diameters, or calibrate first" in printed


def test_one_may_go_back_and_the_class_follows_from_the_core(pictures, tmp_path, answer, capsys):
    answer("<", str(pictures), "out", "y", "9", "<", "62,5", "125", "", "fast_scan", "")
    printed = capsys.readouterr().out
    assert "custom) [multimode]: " in printed
    assert "--core-diameter-um=62,5 --cladding-diameter-um=125 --fiber-class=multimode" in printed
    row = pd.read_csv(tmp_path / "out" / "summary_report.csv").iloc[0]
    assert row["Fiber_Class"] == "multimode"


def test_diameters_that_are_taken_back_are_not_asked_for(pictures, answer, capsys):
    answer(str(pictures), "out", "y", "9", "125", "<", "<", "<", "n", "", "", "")
    (running,) = (line for line in capsys.readouterr().out.splitlines() if "Running: " in line)
    assert "diameter-um" not in running


@pytest.mark.parametrize("form", ["{}", "'{}'", '"{}"'])
def test_the_pictures_may_be_one_file_named_as_a_terminal_pastes_it(tmp_path, answer, capsys, form):
    folder = folder_of(tmp_path / "with space", "a.png")
    answer(form.format(folder / "a.png"), "out", "n", "", "", "")
    assert "1 picture\n" in capsys.readouterr().out
    assert (tmp_path / "out" / "a_result.json").exists()


def test_a_backslash_before_a_space_is_none_of_the_name(tmp_path, answer):
    folder = folder_of(tmp_path / "with space", "a.png")
    answer(str(folder).replace(" ", "\\ "), "out", "n", "", "", "")
    assert (tmp_path / "out" / "a_result.json").exists()


def test_results_go_into_a_folder_of_their_own(pictures, answer, capsys):
    answer(str(pictures), str(pictures), "out", "n", "", "", "")
    assert "is the folder of the pictures; results need one of their own" in capsys.readouterr().out


def test_a_wrong_answer_is_told_and_asked_again(pictures, answer, capsys):
    code = answer(
        *("/no/such/folder", str(pictures), str(pictures / "a.png"), "out", "perhaps", "YES"),
        *("-9", "nine", "50", "50", "125", "multi", "multimode", "fast", "fast_scan", "cores", "core"),
    )
    assert code == 4
    complaints = re.findall(r"\]?:   (.*)", capsys.readouterr().out)
    expected = ["no such folder", "1 picture", "not a folder", "y or n", "positive number", "must be a number"]
    expected += ["greater than the core", "multimode", "fast_scan", "core, cladding"]
    assert len(complaints) == len(expected)
    assert all(text in line for text, line in zip(expected, complaints, strict=True))


def test_an_input_that_ends_before_the_pictures_are_named_is_one_line(answer, capsys):
    assert answer() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the input ended" in line


def test_a_default_that_is_refused_is_not_asked_for_ever(pictures, answer, monkeypatch, capsys):
    def refused(text: str) -> None:
        raise UserError(f"{text} cannot be")

    monkeypatch.setattr("dscope_blink.terminal.questions.check_output_folder", refused)
    assert answer(str(pictures)) == 2
    assert re.search(r"results_\d+_\d+ cannot be", capsys.readouterr().err)


def test_ctrl_c_at_a_question_exits_with_130(monkeypatch, capsys):
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    assert main([]) == 130
    assert capsys.readouterr().err == "main.py: interrupted\n"
