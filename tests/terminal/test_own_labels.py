"""The four commands of docs/learned.md: labels that people corrected become a network of one's own, and its figures."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dscope_blink.models.segmentation import load_segmentation
from dscope_blink.synthetic.faces import FaceSpec, Pit, render_face
from dscope_blink.training.corrections import read_corrections
from dscope_blink.training.dataset import open_dataset
from tests.builders.settings import ROOT

PICTURES = 8
SPEC = FaceSpec(shape=(300, 400), centre_px=(201.3, 148.2), um_per_px_x=0.85, um_per_px_y=0.85)
FAINT_UM = (-20.0, 35.0)  # of a pit that the program does not see, and a person draws
SMALL = {  # what makes a training short
    "fit_segmentation": ("--faces", "4", "--held-out", "2", "--tuning-steps", "3", "--workers", "1"),
    "benchmarks.learned": ("--workers", "1"),
}


def commands() -> list[list[str]]:
    """The lines of the page, word by word."""
    page = (ROOT / "docs" / "learned.md").read_text(encoding="utf-8")
    block = page.partition("<!-- four commands -->\n")[2].partition("\n\n")[0]
    return [shlex.split(line) for line in block.splitlines()]


def run(words: list[str], folder: Path) -> str:
    """What a command prints; its own folders lie in `folder`, those of the program where they are."""
    assert words[0] == "python"
    mine = {name: str(folder / name) for name in ("dataset", "pictures", "ours", "project.json")}
    mine["ours/blemish_segmenter.onnx"] = str(folder / "ours" / "blemish_segmenter.onnx")
    short = next((more for name, more in SMALL.items() if any(name in word for word in words)), ())
    command = [sys.executable, *words[1:3], *(mine.get(word, word) for word in words[3:]), *short]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(folder: Path) -> None:
    """Small faces with a pit each that is seen, and one that is not."""
    folder.mkdir()
    for k in range(PICTURES):
        rng = np.random.default_rng(k)
        turn = 0.7 * k
        seen = Pit((40 * np.cos(turn).item(), 40 * np.sin(turn).item()), 7.0 + k / 4, -0.6)
        picture = render_face(SPEC, (seen, Pit(FAINT_UM, 5.0, -0.05)), rng).image
        assert cv2.imwrite(str(folder / f"face_{k}.png"), picture)


def corrected(dataset: Path) -> list[dict[str, Any]]:
    """What Label Studio exports after a person has accepted all marks and drawn one more on each picture."""
    tasks = json.loads((dataset / "exports" / "label_studio" / "tasks.json").read_text(encoding="utf-8"))
    half = 3.0
    x, y = (at + by / 0.85 for at, by in zip(SPEC.centre_px, FAINT_UM, strict=True))
    corners = np.array([(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)])
    for task in tasks:
        marks: list[dict[str, Any]] = task["predictions"].pop()["result"]
        points = (corners * (100 / 400, 100 / 300)).tolist()
        size = {"original_width": 400, "original_height": 300, "image_rotation": 0}
        one: dict[str, Any] = {"id": "drawn", "type": "polygonlabels", "from_name": "mark", "to_name": "image", **size}
        drawn = {**one, "value": {"points": points, "closed": True, "polygonlabels": ["pit_dig"]}}
        who: dict[str, Any] = {"completed_by": {"email": "ann@example.org"}, "updated_at": "2026-01-02T03:04:05Z"}
        task["annotations"] = [{"result": [*marks, drawn], **who}]
    return tasks


@pytest.mark.slow
def test_the_four_commands_make_a_network_of_ones_own_of_corrected_labels_and_print_its_figures(tmp_path):
    pytest.importorskip("torch", reason="torch is not installed: requirements-train.txt")
    imported, built, fitted, measured = commands()
    rendered(tmp_path / "pictures")
    run(built, tmp_path)
    dataset = tmp_path / "dataset"
    run(shlex.split("python main.py dataset export dataset --to label_studio"), tmp_path)
    (tmp_path / "project.json").write_text(json.dumps(corrected(dataset)), encoding="utf-8")

    run(imported, tmp_path)
    assert all(one.added for one in read_corrections(dataset / "corrections"))
    run(built, tmp_path)
    sources = {labelled.label.source.name for labelled in open_dataset(dataset).labels()}
    assert sources == {"ann@example.org"}
    run(fitted, tmp_path)
    network = load_segmentation(tmp_path / "ours" / "blemish_segmenter.onnx")
    shipped = load_segmentation(ROOT / "networks" / "blemish_segmenter.onnx")
    assert network.sha256 != shipped.sha256
    figures = run(measured, tmp_path)
    held_out = re.search(r"Found, of (\d+) marks on (\d+) pictures", figures)
    assert held_out is not None
    assert int(held_out[1]) == 2 * int(held_out[2])  # the pit that the program sees, and the one that was drawn
    half = re.search(rf"\| all \| {held_out[2]}/{held_out[1]} = 50.0 %", figures)
    assert half is not None, figures  # of these the classical engine finds the one
