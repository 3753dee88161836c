"""Pictures to a data set: what is written, what is left out, and what is kept from before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
from PIL import Image

from dscope_blink.batch.dataset_run import Built, DatasetRun, items_of, run_dataset
from dscope_blink.files.names import MANIFEST, MANIFESTS, RESULT
from dscope_blink.records import Notice, UserError, Verdict
from dscope_blink.records.batch_manifest import read_manifest
from dscope_blink.records.stored import load_record
from dscope_blink.reporting.picture_files import write_result
from dscope_blink.training.dataset import label_path, open_dataset
from dscope_blink.training.labels import read_label
from dscope_blink.training.tables import read_table
from tests.builders.inspections import FAILED, NO_SCALE
from tests.builders.settings import SETTINGS

pytestmark = pytest.mark.usefixtures("as_written")

CONFIG = SETTINGS.profile("fast_scan")
Folders: TypeAlias = tuple[Path, Path, Path]
WIDTH, HEIGHT = FAILED.image.width or 0, FAILED.image.height or 0


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Pictures, their stored results, and the data set."""
    return tmp_path / "pictures", tmp_path / "results", tmp_path / "data set"


def stored(folders: Folders, name: str) -> Path:
    """A picture and what was found in it."""
    pictures, results, _ = folders
    picture = pictures / f"{name}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(picture), np.full((HEIGHT, WIDTH), 128, np.uint8))
    file = picture.relative_to(pictures).as_posix()
    info = replace(FAILED.image, file=file, sha256=hashlib.sha256(picture.read_bytes()).hexdigest())
    path = results / f"{name}{RESULT}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_result(path, replace(FAILED, image=info))
    return path


def built(run: DatasetRun) -> list[Built]:
    return list(run_dataset(run))


def run_of(folders: Folders, **changes: Any) -> DatasetRun:
    pictures, results, folder = folders
    paths = sorted(results.rglob(f"*{RESULT}"))
    run = DatasetRun(folder, items_of(results, paths), pictures, CONFIG)
    return replace(run, **changes)


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """But for what says which run it was: when, and of which folder."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith((".", MANIFEST, f"{MANIFESTS}/")):
            yield name, path.read_bytes()


def listed(folder: Path) -> dict[str, str]:
    """The sha256 that the manifest has of each file."""
    return {file.name: file.sha256 for file in read_manifest((folder / MANIFEST).read_bytes()).files}


def test_a_built_data_set_opens_and_names_its_pictures(folders) -> None:
    stored(folders, "one")
    stored(folders, "更/two")
    built(run_of(folders))
    dataset = open_dataset(folders[2])
    assert dataset.names == ("one", "更/two")
    assert [len(file.label.marks) for file in dataset.labels()] == [len(FAILED.defects)] * 2


def test_masks_hold_the_values_and_not_the_colours(folders) -> None:
    stored(folders, "one")
    built(run_of(folders))
    mask = Image.open(folders[2] / "pixel_level" / "zone_masks" / "one.png")
    assert mask.mode == "P"
    assert {0, 1, 2, 3, 4} >= set(np.unique(np.asarray(mask)).tolist()) > {0}


def test_the_same_input_gives_the_same_bytes(folders, tmp_path) -> None:
    stored(folders, "one")
    built(run_of(folders))
    built(run_of(folders, folder=tmp_path / "again"))
    files = dict(files_of(folders[2]))
    assert files == dict(files_of(tmp_path / "again"))
    assert listed(folders[2]) == listed(tmp_path / "again")
    assert {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} == listed(folders[2])


def test_the_same_picture_inspected_on_another_day_gives_the_same_bytes(folders, tmp_path) -> None:
    everything = replace(
        CONFIG.training,
        image_folders="copies",
        mask_arrays=True,
        shard_pictures=1,
        hdf5=True,
        feature_maps=("gray", "gradient", "direction", "lbp"),
    )
    for day, folder in (("2026-01-31T08:00:00+00:00", folders[2]), ("2026-03-01T09:00:00+00:00", tmp_path / "again")):
        path = stored(folders, "one")
        info = load_record(path).image
        provenance = replace(FAILED.provenance, started=day)
        write_result(path, replace(FAILED, image=info, provenance=provenance, timings_s={"total": len(str(folder))}))
        built(run_of(folders, folder=folder, config=replace(CONFIG, training=everything)))
    files = dict(files_of(folders[2]))
    assert files == dict(files_of(tmp_path / "again"))
    assert {"dataset.h5", "defects.parquet", "region_level/zones.csv", "image_level/Fail/one.png"} < set(files)
    assert "pixel_level/feature_maps/one.npz" in files


def test_what_is_no_longer_asked_for_is_no_longer_there(folders) -> None:
    stored(folders, "one")
    asked = replace(CONFIG.training, mask_arrays=True, feature_maps=("gray",), shard_pictures=1, hdf5=True)
    built(run_of(folders))
    before = set(dict(files_of(folders[2])))
    built(run_of(folders, config=replace(CONFIG, training=asked)))
    assert set(dict(files_of(folders[2]))) > before
    built(run_of(folders))
    assert set(dict(files_of(folders[2]))) == before == set(listed(folders[2]))
    assert sorted(path.name for path in (folders[2] / MANIFESTS).iterdir()) == ["0001.json", "0002.json"]


def test_of_a_picture_that_was_not_graded_there_are_zones_and_no_masks_of_marks(folders) -> None:
    path = stored(folders, "one")
    verdict = Verdict("NOT_GRADED", (Notice("out_of_focus", "Blurred"),))
    write_result(path, replace(load_record(path), verdict=verdict))
    asked = replace(CONFIG, training=replace(CONFIG.training, mask_arrays=True, shard_pictures=1))
    built(run_of(folders, config=asked))
    files = {name for name, _ in files_of(folders[2] / "pixel_level")}
    assert {"zone_masks/one.png", "arrays/zone_masks/one.npy", "images/one.png"} < files
    assert not {name for name in files if "defect" in name or "instance" in name}
    with np.load(folders[2] / "pixel_level" / "shards" / "00000.npz") as shard:
        assert set(shard.files) == {"one/image", "one/zone_mask"}


def test_a_picture_that_only_lacks_a_scale_has_its_marks_in_pixels(folders) -> None:
    path = stored(folders, "one")
    write_result(path, replace(NO_SCALE, image=load_record(path).image))
    (done,) = built(run_of(folders))
    (labelled,) = open_dataset(folders[2]).labels()
    assert done.problem.startswith("in pixels only, not graded: ")
    assert [mark.severity for mark in labelled.label.marks] == [""] * len(NO_SCALE.defects)
    rows = read_table(folders[2] / "defects.parquet")
    assert {(row["diameter_um"], row["severity"]) for row in rows} == {(None, "")}
    assert min(row["diameter_px"] for row in rows) > 0
    assert {row["label"] for row in read_table(folders[2] / "region_level" / "zones.parquet")} <= {None, "clean"}


def test_a_picture_without_the_maps_that_are_asked_for_is_left_out_whole(folders) -> None:
    stored(folders, "one")  # an even picture: no search of it finds the marks of its record
    asked = replace(CONFIG, training=replace(CONFIG.training, feature_maps=("residual",)))
    built(run_of(folders, config=asked))
    (problem,) = open_dataset(folders[2]).problems
    assert problem.problem.startswith("maps of what the search saw cannot be made: with these settings 0 marks")
    assert not list(folders[2].rglob("one*"))


def test_a_picture_that_was_changed_since_is_left_out_and_told(folders) -> None:
    stored(folders, "kept")
    stored(folders, "other")
    cv2.imwrite(str(folders[0] / "other.png"), np.zeros((HEIGHT, WIDTH), np.uint8))
    built(run_of(folders))
    dataset = open_dataset(folders[2])
    assert dataset.names == ("kept",)
    assert [(problem.file, problem.problem) for problem in dataset.problems] == [
        ("other", "the picture is no longer the one that was inspected")
    ]


def test_a_broken_record_is_left_out_and_told(folders) -> None:
    stored(folders, "kept")
    (folders[1] / f"broken{RESULT}").write_text("{")
    built(run_of(folders))
    dataset = open_dataset(folders[2])
    assert dataset.names == ("kept",)
    assert [problem.file for problem in dataset.problems] == ["broken"]


def test_of_pictures_that_are_all_left_out_there_is_a_data_set_of_none(folders) -> None:
    folders[1].mkdir(exist_ok=True)
    (folders[1] / f"broken{RESULT}").write_text("{")
    assert [one.there for one in built(run_of(folders))] == [False]
    dataset = open_dataset(folders[2])
    assert dataset.names == ()
    assert [problem.file for problem in dataset.problems] == ["broken"]
    assert (folders[2] / "pixel_level" / "classes.json").exists()


def test_a_picture_that_is_gone_is_left_out_and_told(folders) -> None:
    stored(folders, "kept")
    stored(folders, "gone")
    (folders[0] / "gone.png").unlink()
    built(run_of(folders))
    assert [(p.file, p.problem) for p in open_dataset(folders[2]).problems] == [
        ("gone", "the picture cannot be read, No such file or directory")
    ]


def test_what_was_built_before_is_kept_and_what_was_cut_off_is_built_again(folders) -> None:
    stored(folders, "one")
    stored(folders, "two")
    built(run_of(folders))
    first, second = (label_path(folders[2], name) for name in ("one", "two"))
    before = os.stat(first).st_mtime_ns
    second.write_bytes(second.read_bytes()[:100])  # as a disk that was full leaves it
    built(run_of(folders))
    assert os.stat(first).st_mtime_ns == before
    assert read_label(second).label.name == "two"


def test_another_setting_builds_anew(folders) -> None:
    stored(folders, "one")
    built(run_of(folders))
    before = read_label(label_path(folders[2], "one")).label.made_of
    other = replace(CONFIG, training=replace(CONFIG.training, padding_px=3))
    built(run_of(folders, config=other))
    assert read_label(label_path(folders[2], "one")).label.made_of != before


def test_a_folder_that_is_no_data_set_says_so(tmp_path) -> None:
    with pytest.raises(UserError, match=r"no data set, it has no dataset\.json"):
        open_dataset(tmp_path)
