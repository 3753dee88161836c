"""The log file has what the program says, and the warnings of Python and of libraries, which the terminal has not."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from dscope_blink.terminal.log_file import log_file
from tests.builders.pictures import MULTIMODE, folder_of
from tests.builders.settings import ROOT


def logged(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.log"))


def test_ours_and_warnings_of_libraries_are_kept_and_nothing_else(tmp_path):
    with log_file(tmp_path):
        logging.getLogger("dscope.batch").info("ours")
        logging.getLogger("matplotlib.font_manager").warning("of a library")
        logging.getLogger("py.warnings").warning("RuntimeWarning: of Python")
        logging.getLogger("matplotlib").info("chatter")
    logging.getLogger("dscope.batch").error("later")
    lines = [line.split(" ", 2)[2] for line in logged(tmp_path).splitlines()]
    assert lines == ["INFO ours", "WARNING of a library", "WARNING RuntimeWarning: of Python"]


# Runs the terminal with something in it that warns.
WARNS = """
import sys, warnings, logging
from dscope_blink.batch import job
from dscope_blink.terminal.commands import run_program
load = job.load
def warns(*words):
    warnings.warn("out of range", RuntimeWarning)
    logging.getLogger("PIL").warning("odd chunk")
    return load(*words)
job.load = warns
sys.argv = ["main.py", *sys.argv[1:]]
sys.exit(run_program())
"""


@pytest.mark.slow
def test_no_warning_of_python_or_a_library_reaches_the_terminal(tmp_path):
    pictures, out = folder_of(tmp_path / "pictures", "a.png"), tmp_path / "out"
    words = [f"--input-dir={pictures}", f"--output-dir={out}", "--workers=0", "--quiet", "--no-report", *MULTIMODE]
    command = [sys.executable, "-c", WARNS, "inspect", *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert "RuntimeWarning: out of range" in logged(out)
    assert "odd chunk" in logged(out)
