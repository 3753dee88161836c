"""A package that is missing is one line and exit code 2, whichever it is and whenever it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.modules import DOORS
from dscope_blink.terminal import starting
from dscope_blink.terminal.commands import main
from dscope_blink.terminal.running import told
from dscope_blink.terminal.starting import missing_packages, needed_by, program_name
from tests.builders.pictures import MULTIMODE, folder_of
from tests.builders.settings import ROOT

# Runs a program of the root as if these packages were not installed.
WITHOUT = """
import runpy, sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
packages, sys.argv = sys.argv[1].split(","), sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_without(packages: str, program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, packages, str(program), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", DOORS)
def test_without_numpy_every_door_says_so_in_one_line(name):
    run = run_without("numpy", ROOT / f"{name}.py")
    needed = f"{name}.py: this program needs numpy (pip install -r requirements.txt)\n"
    assert (run.returncode, run.stdout, run.stderr) == (2, "", needed)


@pytest.mark.slow
@pytest.mark.parametrize("package", ["cv2", "PIL", "jsonschema", "msgspec", "rich", "pandas", "filelock"])
def test_what_is_needed_at_once_is_missed_at_once(package):
    run = run_without(package, ROOT / "main.py", "--version")
    needed = f"main.py: this program needs {package} (pip install -r requirements.txt)\n"
    assert (run.returncode, run.stderr) == (2, needed)


def test_the_isolated_interpreter_has_no_packages_and_says_so():
    run = subprocess.run([sys.executable, "-S", "main.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("main.py: this program needs ")
    assert run.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "words"),
    [("matplotlib", []), ("jinja2", ["--no-plots"]), ("reportlab", ["--pdf"]), ("xlsxwriter", ["--excel"])],
)
def test_what_draws_reports_is_missed_before_anything_is_written(package, words, tmp_path):
    pictures, out = folder_of(tmp_path / "pictures", "a.png"), tmp_path / "out"
    asked = ["inspect", f"--input-dir={pictures}", f"--output-dir={out}", *MULTIMODE, *words]
    run = run_without(package, ROOT / "main.py", *asked)
    needed = f"main.py: this program needs {package} (pip install -r requirements.txt)\n"
    assert (run.returncode, run.stdout, run.stderr) == (2, "", needed)
    assert not out.exists()


@pytest.mark.slow
def test_a_batch_needs_no_package_of_reports_that_are_not_asked_for(tmp_path):
    pictures, out = folder_of(tmp_path / "pictures", "a.png"), tmp_path / "out"
    asked = [f"--input-dir={pictures}", f"--output-dir={out}", *MULTIMODE, "--no-plots", "--no-report", "--workers=0"]
    run = run_without("matplotlib,jinja2,reportlab,xlsxwriter,shtab,pypylon", ROOT / "main.py", "inspect", *asked)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.slow
def test_what_is_needed_later_is_missed_then_in_one_line():
    run = run_without("shtab", ROOT / "main.py", "completion", "bash")
    needed = "main.py: this program needs shtab (pip install -r requirements.txt)\n"
    assert (run.returncode, run.stdout, run.stderr) == (2, "", needed)


def test_a_package_that_does_not_load_says_why(capsys):
    def broken() -> int:
        raise ImportError("libGL.so.1: cannot open\nshared object file", name="cv2")

    assert told("main.py", broken) == 2
    said = "this program needs cv2, which does not load: libGL.so.1: cannot open shared object file"
    assert capsys.readouterr().err == f"main.py: {said}\n"


def test_a_fault_of_the_program_itself_is_not_hidden():
    with pytest.raises(ImportError, match="nothing"), needed_by("main.py"):
        raise ImportError("nothing", name="dscope_blink.nothing")


def test_a_door_that_is_imported_raises_what_is_missing():
    with pytest.raises(ModuleNotFoundError), needed_by("main.py", "main"):
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")


def test_without_a_checkout_the_package_itself_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(starting, "REQUIREMENTS", tmp_path / "requirements.txt")
    monkeypatch.setattr(starting, "_is_there", lambda package: False)
    assert missing_packages(["cv2"]) == ["this program needs cv2 (pip install opencv-contrib-python)"]


@pytest.mark.parametrize(
    ("started", "name"),
    [("/opt/bin/dscope-blink", "dscope-blink"), ("dscope-blink.exe", "dscope-blink"), ("main.py", "main.py")],
)
def test_the_program_is_named_as_it_was_started(started, name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [started])
    assert program_name() == name
    with pytest.raises(SystemExit):
        main(["inspekt"])
    assert capsys.readouterr().err.startswith(f"{name}: argument COMMAND: invalid choice: 'inspekt'")
    assert main(["inspect"]) == 2
    assert {line.partition(":")[0] for line in capsys.readouterr().err.splitlines()} == {name}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_completion_script_is_for_the_installed_command(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert script.endswith("\n")
    assert "dscope-blink" in script
    assert "--cladding-diameter-um" in script
