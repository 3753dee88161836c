"""The wheel in an empty environment and an empty folder, without the sources: the command, the library, a cluster."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from dscope_blink.records import PROGRAM, VERSION
from tests.builders.clusters import started_cluster
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.settings import ROOT

pytestmark = pytest.mark.slow

Run = subprocess.CompletedProcess[str]
PYTHON, COMMAND = "bin/python", "bin/dscope-blink"


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id) -> Path:
    """One folder for all processes of the tests."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def wheel(shared_folder) -> Path:
    with FileLock(shared_folder / "wheel.lock"):
        if not (shared_folder / "dist").exists():
            words = ("wheel", "--quiet", "--no-deps", "--wheel-dir", str(shared_folder / "dist"), str(ROOT))
            subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    (path,) = (shared_folder / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="session")
def installed(shared_folder, wheel) -> Path:
    """An environment with the wheel and all that it requires; made once."""
    with FileLock(shared_folder / "installed.lock"):
        return environment(shared_folder / "installed", f"{wheel}[cluster]")


@pytest.fixture(scope="session")
def bare(shared_folder, wheel) -> Path:
    """An environment with the wheel and nothing that it requires."""
    with FileLock(shared_folder / "bare.lock"):
        return environment(shared_folder / "bare", "--no-deps", str(wheel))


def environment(folder: Path, *words: str) -> Path:
    if not (folder / "whole").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / PYTHON, "-m", "pip", "install", "--quiet", *words], check=True)
        (folder / "whole").touch()
    return folder


@pytest.fixture
def start(installed, tmp_path):
    """Start the installed command in an empty folder."""

    def run(*words: str) -> Run:
        return started(installed / COMMAND, *words, folder=tmp_path)

    return run


def started(program: Path, *words: str, folder: Path) -> Run:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run([program, *words], cwd=folder, env=clean, capture_output=True, text=True, check=False)


def verdicts(results: Path) -> dict[str, str]:
    with (results / "summary_report.csv").open(encoding="utf-8", newline="") as file:
        return {row["Image_Filename"]: row["Pass/Fail_Status"] for row in csv.DictReader(file)}


# --- the command


def test_it_says_which_it_is(start) -> None:
    run = start("--version")
    assert (run.returncode, run.stdout, run.stderr) == (0, f"{PROGRAM} {VERSION}\n", "")


def test_help_and_errors_name_the_command(start) -> None:
    assert start("inspect", "--help").stdout.startswith("usage: dscope-blink inspect")
    run = start("inspect", "--input-dir=absent", "--output-dir=out")
    assert (run.returncode, run.stderr) == (2, "dscope-blink: input folder absent: no such folder\n")


def test_the_demo_and_an_inspection_of_its_pictures_need_no_sources(start, tmp_path) -> None:
    run = start("demo")
    assert (run.returncode, run.stderr) == (0, "")
    demo = tmp_path / "demo_output"
    again = ("--input-dir=demo_output/images", "--manifest=demo_output/manifest.csv", "--output-dir=out")
    run = start("inspect", *again, "--profile=fast_scan", "--pdf", "--excel")
    assert (run.returncode, run.stderr) == (1, "")  # one of them shows no fiber
    assert verdicts(tmp_path / "out").keys() == verdicts(demo / "results").keys()
    assert {"report.html", "report.xlsx", "certificate.pdf"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_a_calibration_is_kept_in_the_folder_and_used_from_there(start, tmp_path) -> None:
    folder_of(tmp_path, "target.png")
    folder_of(tmp_path / "pictures", "a.png")
    assert start("calibrate", "--image", "target.png", "--cladding-um=125").returncode == 0
    assert (tmp_path / "calibration.json").exists()
    asked = ("--fiber-class=multimode", "--profile=fast_scan", "--no-plots")
    assert start("inspect", "--input-dir=pictures", "--output-dir=out", *asked).returncode == 0
    record = json.loads((tmp_path / "out" / "a_result.json").read_text(encoding="utf-8"))
    assert record["scale"]["source"] == "calibration"


def test_the_completion_script_completes_a_command_and_an_option(start, tmp_path) -> None:
    (tmp_path / "script").write_text(start("completion", "bash").stdout, encoding="utf-8")
    assert start("completion", "zsh").stdout.startswith("#compdef dscope-blink")
    completed = {"dscope-blink insp": "inspect", "dscope-blink inspect --cladding": "--cladding-diameter-um"}
    for words, wanted in completed.items():
        count = len(words.split()) - 1
        ask = f"source ./script; COMP_WORDS=({words}); COMP_CWORD={count}; _shtab_dscope_blink; echo ${{COMPREPLY[@]}}"
        run = subprocess.run(["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.stdout.split() == [wanted], run.stderr


def test_without_what_it_requires_it_says_so_in_one_line(bare, tmp_path) -> None:
    run = started(bare / COMMAND, "demo", folder=tmp_path)
    needed = "dscope-blink: this program needs numpy (pip install numpy)\n"
    assert (run.returncode, run.stdout, run.stderr) == (2, "", needed)
    assert started(bare / PYTHON, "-c", "import dscope_blink", folder=tmp_path).returncode == 0


# --- the library

EXAMPLE = """
import cv2, dscope_blink
asked = {"fiber_class": "multimode", "core_diameter_um": 50, "cladding_diameter_um": 125}
found = dscope_blink.inspect(cv2.imread("a.png"), **asked)
print(dscope_blink.__version__, found.verdict.status)
print(dscope_blink.summary_table([found])["Pass/Fail_Status"][0])
"""


def test_the_library_needs_no_sources(installed, tmp_path) -> None:
    folder_of(tmp_path, "a.png", data=face_png(SCRATCH))
    run = started(installed / PYTHON, "-c", EXAMPLE, folder=tmp_path)
    assert (run.stdout, run.stderr) == (f"{VERSION} FAIL\nFAIL\n", "")


NETWORK = """
from dscope_blink.config.loading import load_config
from dscope_blink.config.shipped import shipped
from dscope_blink.gates.networks import network_finder
from dscope_blink.records import UserError
config = load_config(shipped("config.json")).profile("fast_scan")
try:
    network_finder("marker_detector", config.gates, config.folder)
except UserError as error:
    print(error)
"""


def test_the_network_ships_and_without_its_package_one_line_names_the_extra(installed, tmp_path) -> None:
    run = started(installed / PYTHON, "-c", NETWORK, folder=tmp_path)
    needed = "a network needs the package onnxruntime, which the extra `gates` installs"
    assert (run.stdout, run.stderr) == (f"{needed} (pip install 'dscope-blink[gates]')\n", "")
    (files,) = installed.glob("lib/python*/site-packages/dscope_blink/shipped/networks")
    assert {path.name for path in files.iterdir()} >= {"marker_detector.onnx", "marker_detector.md"}


# --- a cluster


def test_a_worker_of_a_cluster_needs_the_package_and_no_folder(installed, start, tmp_path) -> None:
    folder_of(tmp_path / "pictures", "a.png")
    folder_of(tmp_path / "pictures", "b.png", data=face_png(SCRATCH))
    (tmp_path / "empty").mkdir()
    with started_cluster(installed / PYTHON, tmp_path / "empty") as address:
        words = ("--input-dir=pictures", "--output-dir=out", f"--scheduler={address}", *MULTIMODE)
        run = start("inspect", *words, "--profile=fast_scan", "--no-plots", "--quiet")
    assert (run.returncode, run.stderr) == (0, "")
    assert verdicts(tmp_path / "out") == {"a.png": "PASS", "b.png": "FAIL"}
