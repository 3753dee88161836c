"""Masks as arrays, in shards and in HDF5 are those of the pictures, and maps of features fit them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture
from dscope_blink.pipeline import all_stages
from dscope_blink.records import ImageInfo, Provenance, Request
from dscope_blink.training.arrays import write_hdf5, write_npz, write_shards
from dscope_blink.training.build import build_face
from dscope_blink.training.dataset import Dataset, LeftOut
from dscope_blink.training.faces import Face, label_of
from dscope_blink.training.feature_maps import MAPS, write_feature_maps
from dscope_blink.training.search_again import Again
from tests.builders.labelled import SIZE, drawn, face_with, label_with, rectangle
from tests.builders.pictures import SCRATCH, face_png
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("fast_scan")
OF_THE_PICTURE = ("gray", "gradient", "direction", "entropy", "lbp")


def asking_for(config: Config = CONFIG, **changes: Any) -> Config:
    return replace(config, training=replace(config.training, **changes))


def data_set(folder: Path, config: Config, *names: str) -> Dataset:
    """Each picture of another grey level, with a pit."""
    for number, name in enumerate(names):
        picture = np.full((SIZE, SIZE), 100 + number, np.uint8)
        label = label_with(drawn("P1", rectangle(80, 60, 83, 64)), name=name, image=f"pixel_level/images/{name}.png")
        face = Face(label, picture, cv2.imencode(".png", picture)[1].tobytes())
        build_face(face, folder, config.training)
    return Dataset(folder, names)


def test_arrays_of_masks_are_those_of_the_face(tmp_path: Path) -> None:
    data_set(tmp_path, asking_for(mask_arrays=True), "更/a")
    face = face_with(label_with(drawn("P1", rectangle(80, 60, 83, 64))))
    expected: dict[str, NDArray[Any]] = {
        "zone_masks": face.zones,
        "defect_masks": face.kinds,
        "instance_masks": face.instances,
    }
    for kind, mask in expected.items():
        read = np.load(tmp_path / "pixel_level" / "arrays" / kind / "更" / "a.npy", allow_pickle=False)
        assert read.dtype == mask.dtype
        assert np.array_equal(read, mask)


def test_shards_hold_every_picture_once(tmp_path: Path) -> None:
    config = asking_for(shard_pictures=2)
    write_shards(data_set(tmp_path, config, "a", "b", "更/c"), config)
    shards = sorted((tmp_path / "pixel_level" / "shards").iterdir())
    assert [shard.name for shard in shards] == ["00000.npz", "00001.npz"]
    with np.load(shards[1], allow_pickle=False) as shard:
        assert sorted(shard.files) == sorted(
            f"更/c/{kind}" for kind in ("image", "zone_mask", "defect_mask", "instance_mask")
        )
        assert (shard["更/c/image"] == 102).all()
        assert np.count_nonzero(shard["更/c/defect_mask"]) == 20


def test_hdf5_holds_every_picture_with_its_name(tmp_path: Path) -> None:
    import h5py

    config = asking_for(hdf5=True)
    write_hdf5(data_set(tmp_path, config, "a", "a/image"), config)
    with h5py.File(tmp_path / "dataset.h5") as file:
        assert [group.attrs["name"] for group in file.values()] == ["a", "a/image"]
        assert (file["000001/image"][()] == 101).all()
        assert np.count_nonzero(file["000001/instance_mask"][()] == 1) == 20


@pytest.mark.parametrize("write", [write_shards, write_hdf5])
def test_what_is_no_longer_asked_for_is_gone(tmp_path: Path, write: Callable[[Dataset, Config], None]) -> None:
    config = asking_for(shard_pictures=1, hdf5=True)
    dataset = data_set(tmp_path, config, "a")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    write(dataset, config)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} > before
    write(dataset, CONFIG)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_archive_is_the_same_on_any_day_and_holds_no_objects(tmp_path: Path, monkeypatch) -> None:
    arrays: list[tuple[str, NDArray[Any]]] = [("a/b", np.arange(5)), ("c", np.zeros((2, 3), np.float16))]
    write_npz(tmp_path / "one.npz", arrays)
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_npz(tmp_path / "two.npz", arrays)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with pytest.raises(ValueError, match="Object arrays"):
        write_npz(tmp_path / "three.npz", [("a", np.array([{}], object))])


def test_maps_of_the_picture_are_what_they_say(tmp_path: Path) -> None:
    picture = np.full((SIZE, SIZE), 100, np.uint8)
    picture[:, 60:] = 200
    write_feature_maps(face_with(label_with(), picture), tmp_path, asking_for(feature_maps=OF_THE_PICTURE).training)
    with np.load(tmp_path / "pixel_level" / "feature_maps" / "a.npz", allow_pickle=False) as maps:
        assert {(array.dtype.name, array.shape) for array in maps.values()} == {("float16", (SIZE, SIZE))}
        assert maps["gray"][0, 0] == pytest.approx(100 / 255, abs=1e-3)
        assert maps["gradient_per_px"][50, 60] == pytest.approx(100 / 255 / 2, abs=1e-3)
        assert maps["direction_rad"][50, 60] == 0  # it gets brighter to the right
        assert maps["entropy_bits"][50, 20] == 0
        assert maps["entropy_bits"][50, 60] == pytest.approx(1, abs=0.02)
        assert maps["lbp"][50, 20] == 8  # all around it is as bright


def rendered() -> tuple[Picture, Face]:
    picture = cv2.imdecode(np.frombuffer(face_png(SCRATCH), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    info = ImageInfo("a.png", "0" * 64, picture.shape[1], picture.shape[0])
    request = Request("iec_61300_3_35_2015", "multimode", 50.0, 125.0)
    inspection = all_stages(picture, info, request, CONFIG, None, Provenance("test", "fast_scan", "")).inspection
    label = label_of(inspection, "a", "pixel_level/images/a.png", (), "")
    return picture, Face(label, picture, b"", inspection, Again(picture, inspection, CONFIG))


def test_maps_of_the_search_show_the_mark_where_it_lies(tmp_path: Path) -> None:
    _, face = rendered()
    write_feature_maps(face, tmp_path, asking_for(feature_maps=("residual", "detectors", "confidence")).training)
    with np.load(tmp_path / "pixel_level" / "feature_maps" / "a.npz", allow_pickle=False) as maps:
        scratch = face.instances > 0
        enabled = {f"support_{name}" for name, detector in CONFIG.detectors.items() if detector.enabled}
        assert set(maps.files) == {"residual", "confidence"} | enabled
        assert maps["residual"][scratch].mean() < 10 * maps["residual"][~scratch].mean() - 0.05
        assert np.median(maps["confidence"][scratch]) > 1
        assert np.median(maps["confidence"][~scratch]) == 0


def test_maps_of_another_search_than_that_of_the_record_are_refused() -> None:
    picture, face = rendered()
    assert face.inspection is not None
    other = replace(face.inspection, defects=())
    with pytest.raises(LeftOut, match="with these settings 1 marks are found, its record has 0"):
        Again(picture, other, CONFIG).search()
    flat = replace(face.inspection, provenance=replace(face.inspection.provenance, inputs={"flat_field": "ab" * 32}))
    with pytest.raises(LeftOut, match="with a flat field, and none is given"):
        Again(picture, flat, CONFIG).search()


def test_every_map_that_can_be_asked_for_can_be_made() -> None:
    assert {*OF_THE_PICTURE, "residual", "detectors", "confidence"} == set(MAPS)
    face = face_with(label_with())
    assert np.isnan(dict(MAPS["residual"](face))["residual"]).all()
    assert not dict(MAPS["detectors"](face))
