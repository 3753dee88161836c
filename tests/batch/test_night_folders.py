"""The nightly command and its script: a folder for each night, one line, the newest nights kept."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock

from dscope_blink.batch.night_folders import keep_newest
from dscope_blink.files.names import LOCK
from dscope_blink.terminal.commands import main
from tests.builders.commands import IN_THIS_PROCESS
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.settings import ROOT
from tests.builders.unprivileged import unprivileged

pytestmark = pytest.mark.slow  # whole batches, processes and programs

SCRIPT = ROOT / "deploy" / "nightly.sh"
UNITS = sorted((ROOT / "deploy").glob("dscope-blink.[st]*"))
NIGHT = "2026-03-09"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder_of(tmp_path / "pictures", "b.png", data=face_png(SCRATCH))
    return folder_of(tmp_path / "pictures", "a.png")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


def words(pictures: Path, results: Path, *more: str) -> list[str]:
    return [f"--input-dir={pictures}", f"--results-dir={results}", "--no-plots", IN_THIS_PROCESS, *MULTIMODE, *more]


def nightly(pictures: Path, results: Path, *more: str) -> int:
    return main(["nightly", *words(pictures, results, f"--night={NIGHT}", *more)])


def night_of(results: Path, *names: str) -> Path:
    """Folders of earlier nights, with a result each."""
    for name in names:
        folder_of(results / name, LOCK, "a_result.json", data=b"-")
    return results


def names(results: Path) -> list[str]:
    return sorted(path.name for path in results.iterdir() if not path.name.startswith("."))


def test_a_night_has_its_folder_and_says_one_line(pictures, results, capsys):
    assert nightly(pictures, results) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        rf"{NIGHT}: 2 images in \d+\.\d min: 1 PASS, 1 FAIL, 0 NOT_GRADED \(0 could not be measured\); "
        + re.escape(str(results / NIGHT / "summary_report.csv")),
        line,
    )
    assert names(results) == [NIGHT]


def test_without_a_date_the_night_is_today(pictures, results):
    before = date.today()
    assert main(["nightly", *words(pictures, results)]) == 0
    assert names(results)[0] in (before.isoformat(), date.today().isoformat())


def test_a_night_that_is_begun_again_does_the_rest_only(pictures, results, capsys):
    nightly(pictures, results)
    (results / NIGHT / "b_result.json").unlink()
    capsys.readouterr()
    assert nightly(pictures, results) == 0
    assert "1 FAIL, 0 NOT_GRADED (0 could not be measured); 1 finished before; " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "options", "code"), [(b"no picture", (), 1), (face_png(), ("--fail-exit",), 3), (face_png(), (), 0)]
)
def test_its_exit_code_is_that_of_an_inspection(pictures, results, data, options, code):
    folder_of(pictures, "c.png", data=data)
    assert nightly(pictures, results, *options) == code


def test_every_problem_is_told_at_once_and_nothing_is_done(pictures, results, capsys):
    wrong = ("--fiber-class=no such class", "--keep-nights=0", "--zones=nowhere")
    assert main(["nightly", *words(pictures, results, "--night=tomorrow", *wrong)]) == 2
    errors = capsys.readouterr().err
    assert "--night must be a date, YYYY-MM-DD, got 'tomorrow'" in errors
    assert "--keep-nights must be a positive number, got 0" in errors
    assert "no such class" in errors
    assert "nowhere" in errors
    assert not results.exists()
    assert main(["nightly", f"--input-dir={pictures}"]) == 2
    assert "results folder: none is named (--results-dir)" in capsys.readouterr().err


@pytest.mark.parametrize("night", ["20260309", "2026-W11-1", "2026-3-9", ""])
def test_a_night_is_named_in_one_way_only(pictures, results, capsys, night):
    assert main(["nightly", *words(pictures, results, f"--night={night}")]) == 2
    assert f"--night must be a date, YYYY-MM-DD, got {night!r}" in capsys.readouterr().err


def test_two_nights_at_once_are_refused(pictures, results, capsys):
    results.mkdir()
    with FileLock(results / LOCK):
        assert nightly(pictures, results) == 2
    assert f"{results}: another run is writing to it" in capsys.readouterr().err
    assert names(results) == []


def test_the_newest_nights_are_kept_and_nothing_else_is_touched(pictures, results):
    night_of(results, "2026-03-01", "2026-03-07", "2026-03-08")
    folder_of(results / "2026-02-30", LOCK, data=b"-")  # no date
    folder_of(results / "2026-02-01", "notes.txt", data=b"-")  # this program never worked there
    folder_of(results / "archive", LOCK, data=b"-")
    assert nightly(pictures, results, "--keep-nights=2") == 0
    assert names(results) == ["2026-02-01", "2026-02-30", "2026-03-08", NIGHT, "archive"]
    (log,) = (results / NIGHT).glob("inspection_*.log")
    assert "Removed the results of 2026-03-01" in log.read_text(encoding="utf-8")


def test_the_newest_nights_are_kept_where_the_file_system_cannot_lock(pictures, results, capfd, monkeypatch):
    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    for night in ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"):
        assert main(["nightly", *words(pictures, results, f"--night={night}", "--keep-nights=2", "--no-report")]) == 0
    assert names(results) == ["2026-03-03", "2026-03-04"]
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is a thing of Linux")
@pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler is here")
@pytest.mark.parametrize(
    ("number", "code", "nights"), [(38, 0, ["2026-03-02", "2026-03-03"]), (37, 2, []), (95, 2, [])]
)
def test_programs_on_a_file_system_without_locks(pictures, results, tmp_path, number, code, nights):
    (tmp_path / "no_flock.c").write_text(
        f"#include <errno.h>\nint flock(int fd, int how) {{ errno = {number}; return -1; }}\n"
    )
    library = tmp_path / "no_flock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "no_flock.c"], check=True)
    for night in ("2026-03-01", "2026-03-02", "2026-03-03"):
        asked = words(pictures, results, f"--night={night}", "--keep-nights=2", "--no-report")
        run = subprocess.run(
            [sys.executable, ROOT / "main.py", "nightly", *asked],
            env={**os.environ, "LD_PRELOAD": str(library)},
            capture_output=True,
            text=True,
            check=False,
        )
        said = (
            f"main.py: output folder {results}: its file system has no locks ({os.strerror(number)})\n" if code else ""
        )
        assert (run.returncode, run.stderr) == (code, said)
    assert (names(results) if results.exists() else []) == nights


def test_what_a_night_links_to_is_not_removed_with_it(results, tmp_path):
    kept = folder_of(tmp_path / "kept", LOCK, "a_result.json", data=b"-")
    night_of(results, "2026-03-01")
    (results / "2026-03-02").symlink_to(kept)
    (results / "2026-03-01" / "linked").symlink_to(kept)
    keep_newest(results, 1, date(2026, 3, 9))
    assert names(results) == ["2026-03-02"]
    assert (kept / "a_result.json").exists()


def test_a_night_that_is_done_again_removes_none_that_came_after_it(results):
    night_of(results, "2026-03-01", "2026-03-10", "2026-03-11", "2026-03-12")
    keep_newest(results, 2, date(2026, 3, 9))
    assert names(results) == ["2026-03-10", "2026-03-11", "2026-03-12"]


def test_a_night_that_cannot_be_removed_is_told_and_stays(open_folder, caplog):
    night_of(open_folder, "2026-03-01", "2026-03-02")
    open_folder.chmod(0o555)
    with unprivileged():
        keep_newest(open_folder, 1, date(2026, 3, 9))
    assert "cannot be removed, Permission denied" in caplog.text
    assert names(open_folder) == ["2026-03-01", "2026-03-02"]


def test_the_script_passes_its_options_on_prints_the_line_and_mails_it(pictures, results, tmp_path):
    # No mail leaves a test: a program of that name writes down what it is given.
    mail = tmp_path / "bin" / "mail"
    mail.parent.mkdir()
    mail.write_text(f'#!/bin/sh\n{{ printf "%s\\n" "$@"; cat; }} > "{tmp_path}/mailed"\n')
    mail.chmod(0o755)
    place = {"PICTURES": str(pictures), "RESULTS": str(results), "PATH": f"{mail.parent}:{os.environ['PATH']}"}
    folder = installed(tmp_path)
    options = ["--no-plots", *MULTIMODE, "--fail-exit", f"--night={NIGHT}"]
    run = subprocess.run(
        [folder / "deploy" / "nightly.sh", *options],
        env={**os.environ, **place, "MAIL_TO": "quality@example.com"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (3, "")
    assert run.stdout.startswith(f"{NIGHT}: 2 images in ")
    line = run.stdout.strip()
    assert (tmp_path / "mailed").read_text().splitlines() == ["-s", f"End faces: {line}", "quality@example.com", line]


def installed(tmp_path: Path) -> Path:
    """The project as it is installed: with a virtual environment beside the program."""
    folder = tmp_path / "dscope-blink"
    (folder / "deploy").mkdir(parents=True)
    shutil.copy(SCRIPT, folder / "deploy")
    (folder / "main.py").symlink_to(ROOT / "main.py")
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return folder


def test_the_script_names_what_is_not_set(tmp_path):
    run = subprocess.run([SCRIPT], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "PICTURES: the folder of the pictures" in run.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_understands_its_units(unit):
    run = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    faults = [line for line in run.stderr.splitlines() if unit.name in line and "is not executable" not in line]
    assert faults == []


def test_what_cron_and_systemd_start_is_understood(tmp_path, pictures, results):
    for file in ("dscope-blink.cron", "dscope-blink.service"):
        text = (ROOT / "deploy" / file).read_text(encoding="utf-8")
        (options,) = re.findall(r"nightly\.sh (--.*)", text)
        line = [f"--input-dir={pictures}", f"--results-dir={results}", "--cladding-diameter-um=125", IN_THIS_PROCESS]
        assert main(["nightly", *line, *options.split()]) in (0, 1)


def test_other_programs_read_of_a_night_what_they_read_of_any_batch(pictures, results):
    nightly(pictures, results, "--json-lines")
    lines = (results / NIGHT / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["verdict"]["status"] for line in lines] == ["PASS", "FAIL"]
