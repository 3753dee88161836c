"""The library of marks: patches are the pixels of the picture, and the index says what is known of each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dscope_blink.config.settings import Config
from dscope_blink.records import UserError
from dscope_blink.training.build import build_face
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.defect_library import write_library
from dscope_blink.training.faces import Face
from dscope_blink.training.labels import Mark, Source
from dscope_blink.training.sides import SPLITS, TEST, TRAIN, sides_json
from dscope_blink.training.tables import read_table
from tests.builders.labelled import drawn, face_with, label_with, rectangle
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("fast_scan")
PROGRAM = Source("program", "the program 1")


def with_training(**changes: Any) -> Config:
    return replace(CONFIG, training=replace(CONFIG.training, **changes))


FEW = with_training(clusters_min=2, clusters_max=2, cluster_algorithm="k_means")


def picture(seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 255, (120, 120), np.uint8)


def stored(path: Path) -> Any:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def built(folder: Path, *faces: Face, config: Config = CONFIG) -> list[dict[str, Any]]:
    for face in faces:
        build_face(face, folder, config.training)
    write_library(Dataset(folder, tuple(face.label.name for face in faces)), config)
    return read_table(folder / "defect_library" / "index.parquet")


def scattered(name: str, count: int, by: Source = PROGRAM) -> Face:
    """Bars and squares in turn."""
    rng = np.random.default_rng(len(name))
    marks = []
    for k in range(count):
        x, y = rng.integers(10, 70, 2).tolist()
        size = (30, 1) if k % 2 else (rng.integers(4, 7), 5)
        mark = drawn(f"S{k}", rectangle(x, y, x + size[0], y + size[1]), "scratch" if k % 2 else "pit_dig")
        marks.append(replace(mark, source=by, confidence=0.9, class_probabilities={"scratch": 0.97, "pit_dig": 0.97}))
    seen = (200 + picture(count) // 64).astype(np.uint8)
    for mark in marks:
        (x0, y0), (x1, y1) = mark.outline_px.min(axis=0).astype(int), mark.outline_px.max(axis=0).astype(int)
        seen[y0 : y1 + 1, x0 : x1 + 1] = 60
    return face_with(label_with(*marks, name=name, image=f"pixel_level/images/{name}.png"), seen)


def test_a_patch_is_the_mark_at_full_scale_with_what_lies_about_it(tmp_path) -> None:
    seen = picture()
    (row,) = built(tmp_path, face_with(label_with(drawn("P1", rectangle(40, 50, 49, 54))), seen))
    assert row["file"].startswith("defect_library/pit_dig/")
    assert row["file"].endswith("/a_P1.png")
    assert (row["box_x_px"], row["box_y_px"], row["box_width_px"], row["box_height_px"]) == (40, 50, 10, 5)
    patch = stored(tmp_path / row["file"])
    assert np.array_equal(patch, seen[34:71, 24:66])
    assert (row["patch_x_px"], row["patch_y_px"], row["patch_width_px"], row["patch_height_px"]) == (24, 34, 42, 37)


def test_a_patch_ends_where_the_picture_does(tmp_path) -> None:
    seen = picture()
    (row,) = built(tmp_path, face_with(label_with(drawn("P1", rectangle(0, 0, 3, 3))), seen))
    assert np.array_equal(stored(tmp_path / row["file"]), seen[:20, :20])


def test_a_patch_has_the_bits_and_the_colours_of_the_picture(tmp_path) -> None:
    deep = np.random.default_rng(1).integers(0, 65535, (120, 120, 3), np.uint16)
    face = face_with(label_with(drawn("P1", rectangle(40, 50, 49, 54))))
    (row,) = built(tmp_path, replace(face, picture=deep))
    assert np.array_equal(stored(tmp_path / row["file"]), deep[34:71, 24:66])


def test_the_index_says_what_lasts_and_gives_the_outlines_back(tmp_path) -> None:
    hole = rectangle(43, 52, 45, 53)
    marks = (
        drawn("P1", rectangle(40, 50, 49, 60), "contamination", holes_px=(hole,)),
        drawn("P2", rectangle(70, 50, 79, 60), "crack"),
        drawn("P3", rectangle(20, 70, 29, 80), "other"),
    )
    rows = built(tmp_path, face_with(label_with(*marks), picture()))
    assert [row["lasts"] for row in rows] == ["transient", "permanent", "unknown"]
    assert json.loads(rows[0]["polygon_px"]) == [marks[0].outline_px.tolist(), hole.tolist()]
    assert [row["features_row"] for row in rows] == [0, 1, 2]


def test_without_a_scale_there_is_no_severity(tmp_path) -> None:
    (row,) = built(tmp_path, face_with(label_with(drawn("P1", rectangle(40, 50, 49, 54)), um_per_px=None), picture()))
    assert (row["severity_score"], row["severity_tier"], row["size_um"]) == (None, None, None)
    assert row["file"] == "defect_library/pit_dig/no_scale/a_P1.png"


def test_a_patch_that_no_mark_has_any_more_is_removed(tmp_path) -> None:
    mark = drawn("P1", rectangle(40, 50, 49, 54))
    (before,) = built(tmp_path, face_with(label_with(mark), picture()))
    (after,) = built(tmp_path, face_with(label_with(replace(mark, kind="crack")), picture()))
    assert list(tmp_path.rglob("*_P1.png")) == [tmp_path / after["file"]]
    assert before["file"] != after["file"]


def test_no_marks_and_few_marks_have_an_index_and_no_clusters(tmp_path) -> None:
    assert built(tmp_path, face_with(label_with(), picture())) == []
    (row,) = built(tmp_path, face_with(label_with(drawn("P1", rectangle(40, 50, 49, 54))), picture()))
    assert (row["cluster"], row["inferred"], row["agrees"], row["map_x"]) == (None, None, None, None)
    assert not (tmp_path / "defect_library" / "defect_types.json").exists()
    assert (tmp_path / "defect_library" / "library.html").stat().st_size > 0


def test_names_in_folders_and_of_any_letters_keep_their_patches(tmp_path) -> None:
    mark = drawn("P1", rectangle(40, 50, 49, 54))
    name = "更/a #1 %<b>"
    (row,) = built(tmp_path, face_with(label_with(mark, name=name, image="x.png"), picture()))
    assert (tmp_path / row["file"]).is_file()
    page = (tmp_path / "defect_library" / "library.html").read_text(encoding="utf-8")
    assert "<b>_P1" not in page
    assert "a%20%231%20%25%3Cb%3E_P1.png" in page


def test_clusters_stand_beside_the_label_and_do_not_change_it(tmp_path) -> None:
    rows = built(tmp_path, scattered("one", 30), scattered("three", 30), config=FEW)
    assert len(rows) == 60
    assert {row["kind"] for row in rows} == {"scratch", "pit_dig"}
    for row in rows:
        assert row["agrees"] == (None if row["inferred"] is None else row["inferred"] == row["kind"])
    pairs = {(row["kind"], row["cluster"]) for row in rows}
    assert pairs in ({("scratch", 0), ("pit_dig", 1)}, {("scratch", 1), ("pit_dig", 0)})
    assert {row["inferred"] for row in rows if row["kind"] == "scratch"} == {"scratch"}


def test_types_are_fitted_on_the_training_side_alone(tmp_path) -> None:
    faces = scattered("one", 30), scattered("three", 26)
    tmp_path.joinpath(SPLITS).write_bytes(sides_json({"one": TRAIN, "three": TEST}, seed=1))
    rows = built(tmp_path, *faces)
    types = json.loads((tmp_path / "defect_library" / "defect_types.json").read_bytes())
    assert (types["marks"], types["fitted_on"]) == (30, "train")
    assert all(row["cluster"] is not None for row in rows)
    built(tmp_path / "alone", faces[0])
    alone = json.loads((tmp_path / "alone" / "defect_library" / "defect_types.json").read_bytes())
    assert alone["points"] == types["points"]


def test_splits_that_are_none_say_so(tmp_path) -> None:
    tmp_path.joinpath(SPLITS).write_text('{"schema": "x"}')
    with pytest.raises(UserError, match="must have the schema dscope-blink/splits/1"):
        built(tmp_path, scattered("one", 30))


def test_stored_types_are_applied_to_another_data_set(tmp_path) -> None:
    built(tmp_path / "first", scattered("one", 40))
    first = tmp_path / "first" / "defect_library" / "defect_types.json"
    rows = built(tmp_path / "second", scattered("three", 6), config=with_training(types_file=str(first)))
    assert len({row["cluster"] for row in rows}) >= 2
    assert (tmp_path / "second" / "defect_library" / "defect_types.json").read_bytes() == first.read_bytes()


def test_the_same_marks_give_the_same_bytes(tmp_path) -> None:
    for name in ("one", "two"):
        built(tmp_path / name / "set", scattered("one", 30))
    first, second = (files_of(tmp_path / name) for name in ("one", "two"))
    assert first == second


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def doubts_of(folder: Path, **changes: Any) -> str:
    face = scattered("one", 30)
    first = replace(face.label.marks[0], **changes)
    label = replace(face.label, marks=(first, *face.label.marks[1:]))
    return str(built(folder, replace(face, label=label), config=FEW)[0]["doubt"])


def test_what_is_worth_a_look_says_why(tmp_path) -> None:
    assert doubts_of(tmp_path / "sure") == ""
    assert "its class has the probability 0.52" in doubts_of(tmp_path / "a", class_probabilities={"pit_dig": 0.52})
    assert "its confidence is 0.55" in doubts_of(tmp_path / "b", confidence=0.55)
    likely = {"scratch": 0.97}
    assert "scratch is rare in it" in doubts_of(tmp_path / "c", kind="scratch", class_probabilities=likely)


def test_what_a_person_said_is_in_no_queue(tmp_path) -> None:
    said: Mark = drawn("P1", rectangle(40, 50, 49, 54), confidence=0.5)
    (row,) = built(tmp_path, face_with(label_with(said), picture()))
    assert row["doubts"] == 0
