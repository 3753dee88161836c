"""What a user has set for the libraries that draw changes no report, makes none fail, and stays as the user has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from dscope_blink.records import TargetFeatures
from dscope_blink.reporting.as_shipped import matplotlib_as_shipped
from dscope_blink.reporting.calibration_plot import calibration_figure
from dscope_blink.reporting.figures import png_bytes
from dscope_blink.reporting.plots import polar_sheet
from dscope_blink.reporting.sheet_files import sheet_bytes
from tests.builders.inspections import FAILED
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.settings import ROOT

# Each changes or breaks a figure: no LaTeX is here, four colours, other letters, lines, borders and sizes.
HOSTILE: dict[Any, Any] = {
    "text.usetex": True,
    "image.lut": 4,
    "font.size": 20.0,
    "font.family": ["serif"],
    "savefig.bbox": "tight",
    "savefig.dpi": 37.0,
    "axes.grid": True,
    "path.sketch": (2.0, 20.0, 3.0),
    "lines.linewidth": 9.0,
    "svg.fonttype": "none",
    "pdf.compression": 0,
}
WEIGHTS = {"CRITICAL": 8.0, "HIGH": 4.0, "MEDIUM": 2.0, "LOW": 1.0}


def _target() -> bytes:
    points = np.stack(np.meshgrid(np.arange(10.0, 90, 20), np.arange(10.0, 90, 20)), axis=-1).reshape(-1, 2)
    seen = TargetFeatures(points, np.full((16, 2), 0.02), np.arange(16) > 1)
    return png_bytes(calibration_figure(np.full((100, 100), 0.5, np.float32), seen, "a.png", ["x 0.5"]))


@pytest.mark.parametrize("file_format", ["png", "svg", "pdf"])
def test_the_maps_are_the_same_whatever_the_user_has_set(file_format):
    plain = sheet_bytes(polar_sheet(FAILED, WEIGHTS, 0.04), file_format)
    with matplotlib.rc_context(HOSTILE):
        assert sheet_bytes(polar_sheet(FAILED, WEIGHTS, 0.04), file_format) == plain


def test_the_plot_of_a_calibration_is_the_same_whatever_the_user_has_set():
    plain = _target()
    with matplotlib.rc_context(HOSTILE):
        assert _target() == plain


def test_what_the_user_has_set_is_so_again_afterwards():
    with matplotlib.rc_context(HOSTILE):
        with matplotlib_as_shipped():
            assert matplotlib.rcParams["font.size"] == 10.0
        assert {key: matplotlib.rcParams[key] for key in HOSTILE} == HOSTILE


# Draws everything: of a batch, of each stage of a picture, of a calibration; then says what it found.
PROGRAM = """
import json, sys
from pathlib import Path
sys.path[:0] = [ROOT]
from dscope_blink.terminal import commands, stages
pictures, out = Path(sys.argv[1]), Path(sys.argv[2])
words = [f"--input-dir={pictures}", f"--output-dir={out / 'batch'}", "--workers=0", "--quiet", "--pdf", *MULTIMODE]
codes = [commands.main(["inspect", *words])]
codes += [stages.main([str(pictures / "a.png"), f"--output-dir={out / 'stages'}", *MULTIMODE])]
from tests.reporting.test_as_shipped import _target
(out / "target.png").write_bytes(_target())
import matplotlib, reportlab.rl_config
print(json.dumps({
    "codes": codes,
    "pyplot": "matplotlib.pyplot" in sys.modules,
    "size": matplotlib.rcParams["font.size"],
    "verdict": json.loads((out / "batch" / "a_result.json").read_text())["verdict"]["status"],
    "compression": reportlab.rl_config.pageCompression,
}))
"""


def _drawn(folder: Path, pictures: Path, **environment: str) -> tuple[dict[str, object], dict[str, bytes]]:
    program = PROGRAM.replace("MULTIMODE", repr(MULTIMODE)).replace("ROOT", repr(str(ROOT)))
    (folder / "out").mkdir()
    run = subprocess.run(
        [sys.executable, "-c", program, pictures, folder / "out"],
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    return said, {p.name: p.read_bytes() for p in sorted((folder / "out").rglob("*")) if p.suffix in (".png", ".jpg")}


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["module://of.nowhere", "no_such_backend"])
def test_programs_draw_the_same_whatever_the_user_has_set(tmp_path, backend):
    pictures = folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH))
    clean, hostile = tmp_path / "clean", tmp_path / "hostile"
    for folder in (clean, hostile):
        folder.mkdir()
    lines = [f"{key}: {', '.join(map(str, v)) if isinstance(v, list | tuple) else v}" for key, v in HOSTILE.items()]
    settings = folder_of(tmp_path / "rc", "matplotlibrc", data="\n".join([*lines, "nonsense: 1"]).encode())
    folder_of(settings, ".reportlab_settings", data=b"pageCompression = 0\n")
    folder_of(settings / "lib", "reportlab_settings.py", data=b"raise RuntimeError('of the user')\n")
    said, plain = _drawn(clean, pictures)
    hostile_said, drawn = _drawn(
        hostile,
        pictures,
        MATPLOTLIBRC=str(settings),
        MPLBACKEND=backend,
        HOME=str(settings),
        PYTHONPATH=str(settings / "lib"),
        RL_pageCompression="abc",
    )
    assert said["codes"] == [0, 0]
    assert hostile_said == {**said, "size": 20.0}
    assert not said["pyplot"]
    assert len(plain) > 15
    assert drawn == plain


@pytest.mark.slow
def test_a_file_in_the_working_folder_that_is_no_text_stops_nothing(tmp_path):
    pictures = folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH))
    folder_of(tmp_path / "here", "matplotlibrc", data=b"font.family: \xff\xfe")
    said, drawn = _drawn(tmp_path / "here", pictures)
    assert said["codes"] == [0, 0]
    assert "a_histogram.png" in drawn
