"""Rendered and injected data sets: exact masks, the same bytes each time, and masks that fit their pictures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from dscope_blink.terminal.commands import main
from dscope_blink.training.build import Item
from dscope_blink.training.dataset import open_dataset
from dscope_blink.training.labels import read_label
from dscope_blink.training.masks import instances_of
from dscope_blink.training.painted import injected_items, render_picture, rendered_items
from tests.builders.batches import written
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("fast_scan")


def decoded(path: Path) -> np.ndarray:
    """Values of pixels; those of an indexed picture are its indices."""
    return np.asarray(Image.open(path))


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in written(folder)}


def test_items_are_numbered_and_named_by_their_background() -> None:
    assert [item.name for item in rendered_items(2)] == ["rendered_00001", "rendered_00002"]
    photographs = (Item(Path("a_result.json"), "a"), Item(Path("b_result.json"), "b"))
    made = [(item.name, item.number) for item in injected_items(photographs, 3)]
    assert made == [("a", 0), ("b", 0), ("a_injected_00001", 1), ("b_injected_00002", 2), ("a_injected_00003", 3)]


def test_a_rendered_face_has_its_mask_and_says_where_it_comes_from(tmp_path: Path) -> None:
    item = rendered_items(4)[3]
    label = render_picture(item, tmp_path, tmp_path, CONFIG)
    assert label.source.by == "rendered"
    assert {mark.source.by for mark in label.marks} == {"rendered"}
    assert decoded(tmp_path / "pixel_level" / "defect_masks" / f"{item.name}.png").any()
    assert decoded(tmp_path / label.image).shape == (label.height, label.width)
    again = render_picture(item, tmp_path, tmp_path, CONFIG)
    assert again.made_of == label.made_of


@pytest.mark.slow
def test_a_rendered_set_is_the_same_on_every_run_and_with_many_workers(tmp_path: Path) -> None:
    for name, workers in (("one", "0"), ("two", "2")):
        words = ["dataset", "render", "--count=6", f"--output-dir={tmp_path / name}", f"--workers={workers}", "--quiet"]
        assert main(words) == 0
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


@pytest.mark.parametrize("count", ["0", "-1", "many", "1e9"])
def test_a_count_that_is_none_is_refused(tmp_path: Path, count: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "render", f"--count={count}", f"--output-dir={tmp_path / 'out'}"]) == 2
    assert "--count" in capsys.readouterr().err


@pytest.mark.slow
def test_blemishes_are_painted_into_clean_photographs_only(tmp_path: Path) -> None:
    pictures, out = tmp_path / "pictures", tmp_path / "out"
    pictures.mkdir()
    (pictures / "clean ü.png").write_bytes(face_png())
    (pictures / "scratched.png").write_bytes(face_png(SCRATCH))
    words = ["dataset", "inject", str(pictures), "--count=3", f"--output-dir={out}", "--workers=0", "--quiet"]
    assert main([*words, *MULTIMODE]) == 1
    dataset = open_dataset(out)
    assert dataset.names == ("clean ü", *(f"clean ü_injected_{k:05d}" for k in (1, 2, 3)))
    with (out / "problems.csv").open(encoding="utf-8") as file:
        (problem,) = csv.DictReader(file)
    assert (problem["file"], problem["problem"][:15]) == ("scratched", "not clean: FAIL")
    label = read_label(out / "labels" / "clean ü_injected_00001.json").label
    assert (label.background, label.source.by) == ("clean ü.png", "injected")
    painted = [mark for mark in label.marks if mark.source.by == "injected"]
    assert painted
    changed = np.abs(decoded(out / label.image).astype(int) - decoded(pictures / "clean ü.png"))
    on_marks = instances_of(label) > 0
    assert (
        changed[on_marks].mean()
        > 10 * changed[~cv2.dilate(on_marks.astype(np.uint8), np.ones((25, 25))).astype(bool)].mean()
    )
    splits = json.loads((out / "splits.json").read_text(encoding="utf-8"))
    assert len(set(splits["split_of"].values())) == 1  # they are one face


@pytest.mark.slow
def test_a_small_model_learns_the_masks_and_shifted_ones_the_less_the_farther(tmp_path: Path) -> None:
    """A classifier of pixels by what lies around them, on the pictures that it was trained on."""
    assert main(["dataset", "render", "--count=8", f"--output-dir={tmp_path}", "--workers=0", "--quiet"]) == 0
    right, near, far = (learnt_iou(tmp_path, shift) for shift in (0, 3, 6))
    assert right > 0.6
    assert near < right - 0.03
    assert far < right - 0.15


def learnt_iou(folder: Path, shift: int) -> float:
    """IoU of what a model of pixels finds with the masks that it was given, which are moved by so many pixels."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    features, truth = [], []
    rng = np.random.default_rng(0)
    for name in open_dataset(folder).names:
        label = read_label(folder / "labels" / f"{name}.json").label
        mask = decoded(folder / "pixel_level" / "defect_masks" / f"{name}.png") > 0
        mask = np.roll(mask, (shift, shift), (0, 1))
        about = cv2.dilate(mask.astype(np.uint8), np.ones((31, 31))) > 0
        near = np.flatnonzero(about & (mask | (rng.random(mask.shape) < 0.3)))
        features.append(around(decoded(folder / label.image)).reshape(-1, mask.size)[:, near].T)
        truth.append(mask.ravel()[near])
    x, y = np.concatenate(features), np.concatenate(truth)
    model = HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=0).fit(x, y)
    said = model.predict(x)
    return float((said & y).sum() / (said | y).sum())


def around(image: np.ndarray) -> np.ndarray:
    """(n, H, W): contrast, slopes and curvature of each pixel at three scales, and what lies within a few pixels."""
    ground = cv2.medianBlur(image, 31).astype(np.float32)
    contrast = (image - ground) / (ground + 10)
    wide, near = cv2.GaussianBlur(contrast, (0, 0), 4.0), np.ones((5, 5), np.uint8)
    layers = []
    for sigma in (0.0, 1.0, 2.0):
        fine = cv2.GaussianBlur(contrast, (0, 0), sigma) if sigma else contrast
        layers += [fine, fine - wide, cv2.GaussianBlur(np.abs(fine), (0, 0), 2.0)]
        layers += [cv2.Sobel(fine, cv2.CV_32F, 1, 0), cv2.Sobel(fine, cv2.CV_32F, 0, 1)]
        layers += [cv2.Laplacian(fine, cv2.CV_32F), cv2.dilate(fine, near), cv2.erode(fine, near)]
    return np.stack(layers)
