from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dscope_blink.records import UserError
from dscope_blink.training.crops import cut_crops
from dscope_blink.training.dataset import open_dataset
from dscope_blink.training.exporting import EXPORTS, export
from dscope_blink.training.masks import instances_of, zones_of
from dscope_blink.training.sides import read_sides, sides_json
from dscope_blink.training.tables import read_table
from tests.builders.drawn_labels import labelled_set, marked
from tests.builders.marks import CONFIG


def _config(**changes):
    return replace(CONFIG, training=replace(CONFIG.training, **changes))


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    dataset = labelled_set(folder, ("one", "two"), width=300, height=200)
    sides = {"one": "train", "two": "test"}
    (folder / "splits.json").write_bytes(sides_json(sides, 1))
    return dataset


@pytest.fixture(scope="module")
def crops(large, tmp_path_factory):
    return cut_crops(large, tmp_path_factory.mktemp("crops"), _config(crop_px=64, crops=20))


def _pixels(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_each_crop_is_a_part_of_its_picture_pixel_by_pixel(large, crops):
    truth = marked(300, 200)
    picture = _pixels(large.folder / "pixel_level" / "images" / "one.png")
    for labelled in open_dataset(crops.folder).labels():
        label = labelled.label
        assert label.cut is not None
        x, y = label.cut.x, label.cut.y
        assert (_pixels(crops.folder / label.image) == picture[y : y + 64, x : x + 64]).all()
        assert ((instances_of(label) > 0) == (truth[y : y + 64, x : x + 64] > 0)).all()
        stored = _pixels(crops.folder / "pixel_level" / "instance_masks" / f"{label.name}.png")
        assert (stored == instances_of(label)).all()
        assert (zones_of(label) == 2).all()


def test_marks_and_clean_places_take_their_shares(crops):
    rows = read_table(crops.folder / "crops.parquet")
    clean = [row for row in rows if row["centred_on"] == "clean"]
    assert 0 < len(clean) <= 6
    assert all(row["marks"] == 0 for row in clean)
    assert all(row["marks"] > 0 for row in rows if row["centred_on"] != "clean")
    assert len({row["kind"] for row in rows if row["kind"]}) >= 4


def test_crops_of_one_face_are_on_one_side(crops):
    sides = read_sides(crops.folder)
    assert set(sides) == set(crops.names)
    assert all(side == ("train" if name.startswith("one-") else "test") for name, side in sides.items())
    assert {"train", "test"} == set(sides.values())


def test_crops_are_exported_as_pictures_are(crops):
    for name in EXPORTS:
        assert any(path.is_file() for path in export(crops, name).rglob("*"))


def test_a_smaller_picture_is_padded_and_says_so(tmp_path):
    dataset = labelled_set(tmp_path / "small")
    found = cut_crops(dataset, tmp_path / "crops", _config(crop_px=256, crops=3))
    label = next(found.labels()).label
    assert label.cut is not None
    assert (label.width, label.height, label.cut.padding) == (256, 256, (0, 0, 136, 166))
    zones = zones_of(label)
    assert (zones[:90, :120] == 2).all()
    assert np.count_nonzero(zones) == 90 * 120
    assert read_table(tmp_path / "crops" / "crops.parquet")[0]["padded_px"] == 166


def test_the_seed_decides(large, tmp_path):
    one, same, other = (
        cut_crops(large, tmp_path / str(n), _config(crop_px=64, crops=6, seed=seed)).names
        for n, seed in enumerate((1, 1, 2))
    )
    assert one == same
    assert one != other


def test_without_graded_pictures_there_is_no_crop(tmp_path):
    dataset = labelled_set(tmp_path / "set", ("one",), "NOT_GRADED")
    with pytest.raises(UserError, match="no place for a crop"):
        cut_crops(dataset, tmp_path / "crops", CONFIG)
