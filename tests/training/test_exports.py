from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from urllib.parse import unquote
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from pycocotools import mask as coco
from pycocotools.coco import COCO

from dscope_blink.records import UserError
from dscope_blink.terminal.commands import main
from dscope_blink.training import exporting
from dscope_blink.training.exported import safe_stems
from dscope_blink.training.exporting import EXPORTS, export
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.labels import KINDS
from tests.builders.drawn_labels import HOSTILE, labelled_set, marked

TRUE = marked()
BOXES = [cv2.boundingRect(np.equal(TRUE, n).astype(np.uint8)) for n in range(1, 8)]
KIND_NAMES = [KINDS[n % 6] for n in range(1, 8)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    found = labelled_set(tmp_path_factory.mktemp("set"), HOSTILE)
    for name in EXPORTS:
        export(found, name)
    return found


def _file(dataset, *parts):
    return dataset.folder.joinpath("exports", *parts)


def _pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def _ious(masks):
    """Of the marks in their order."""
    assert len(masks) == TRUE.max()
    both = [((n == TRUE) & mask, (n == TRUE) | mask) for n, mask in enumerate(masks, 1)]
    return [np.count_nonzero(one) / np.count_nonzero(two) for one, two in both]


def _polygon(points):
    return coco.decode(coco.frPyObjects([np.ravel(points).tolist()], *TRUE.shape))[..., 0] > 0


@pytest.mark.parametrize(
    "file",
    [
        "coco/annotations/instances_train.json",
        "coco_polygons/annotations/instances_train.json",
        "fiftyone/train/labels.json",
    ],
)
def test_pycocotools_reads_every_mask(dataset, file):
    with redirect_stdout(io.StringIO()):
        found = COCO(str(_file(dataset, *file.split("/"))))
    assert {image["dscope_name"] for image in found.imgs.values()} == set(HOSTILE)
    for number in found.imgs:
        marks = found.imgToAnns[number]
        assert min(_ious([found.annToMask(one) > 0 for one in marks])) == 1
        assert [found.cats[one["category_id"]]["name"] for one in marks] == KIND_NAMES
        assert [tuple(one["bbox"]) for one in marks] == BOXES


@pytest.mark.parametrize(
    ("folder", "images"),
    [
        ("coco", "images"),
        ("yolo", "images/train"),
        ("cvat", "images"),
        ("label_studio", "images"),
        ("pascal", "JPEGImages"),
        ("fiftyone", "train/data"),
    ],
)
def test_every_picture_goes_along_under_a_name_that_all_take(dataset, folder, images):
    paths = list(_file(dataset, folder, *images.split("/")).iterdir())
    assert sorted(path.name for path in paths) == sorted(f"{stem}.png" for stem in safe_stems(HOSTILE).values())
    assert all(_pixels(path).shape == TRUE.shape for path in paths)


def test_yolo_gives_the_masks_that_its_own_reader_fills(dataset):
    height, width = TRUE.shape
    for path in _file(dataset, "yolo", "labels", "train").iterdir():
        rows = [line.split() for line in path.read_text().splitlines()]
        points = [np.array(row[1:], np.float32).reshape(-1, 2) * np.array([width, height], np.float32) for row in rows]
        # The ring and its island, which lies in its hole, are one polygon: their path costs a few pixels.
        filled = [cv2.fillPoly(np.zeros(TRUE.shape, np.uint8), [one.astype(np.int32)], 1) > 0 for one in points]
        assert min(_ious(filled)) >= 0.99
        assert [int(row[0]) for row in rows] == [n % 6 for n in range(1, 8)]


def test_yolo_boxes_enclose_the_marks(dataset):
    height, width = TRUE.shape
    path = next(_file(dataset, "yolo_boxes", "labels", "train").iterdir())
    for n, line in enumerate(path.read_text().splitlines(), 1):
        _, x, y, w, h = (float(value) for value in line.split())
        box = ((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)
        assert box == pytest.approx(BOXES[n - 1], abs=1e-3)


def test_label_studio_shows_polygons_of_pictures_that_are_there(dataset):
    tasks = json.loads(_file(dataset, "label_studio", "tasks.json").read_bytes())
    assert [task["data"]["dscope_name"] for task in tasks] == list(HOSTILE)
    config = ElementTree.parse(_file(dataset, "label_studio", "label_config.xml"))
    assert [one.get("value") for one in config.iter("Label")] == list(KINDS)
    for task in tasks:
        assert _file(dataset, unquote(task["data"]["image"].partition("?d=")[2])).is_file()
        regions = task["predictions"][0]["result"]
        share = np.array(TRUE.shape[::-1]) / 100
        assert min(_ious([_polygon(one["value"]["points"] * share) for one in regions])) >= 0.95


def test_cvat_reads_polygons(dataset):
    root = ElementTree.parse(_file(dataset, "cvat", "annotations.xml")).getroot()
    assert root.findtext("version") == "1.1"
    assert [image.get("name") for image in root.iter("image")] == [f"{s}.png" for s in safe_stems(HOSTILE).values()]
    for image in root.iter("image"):
        points = [[pair.split(",") for pair in one.get("points", "").split(";")] for one in image.iter("polygon")]
        assert min(_ious([_polygon(np.array(one, float)) for one in points])) >= 0.95


def test_pascal_masks_hold_classes_and_objects(dataset):
    stems = _file(dataset, "pascal", "ImageSets", "Segmentation", "train.txt").read_text().split()
    assert stems == list(safe_stems(HOSTILE).values())
    for stem in stems:
        assert (_pixels(_file(dataset, "pascal", "SegmentationObject", f"{stem}.png")) == TRUE).all()
        kinds = _pixels(_file(dataset, "pascal", "SegmentationClass", f"{stem}.png"))
        assert (kinds == np.where(TRUE > 0, TRUE % 6 + 1, 0)).all()


def test_parquet_says_its_features_and_holds_pictures_and_masks(dataset):
    table = parquet.read_table(_file(dataset, "parquet", "data", "train-00000-of-00001.parquet"))
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == table.column_names
    assert features["image"] == {"_type": "Image"}
    for row in table.to_pylist():
        stored = cv2.imdecode(np.frombuffer(row["instance_mask"]["bytes"], np.uint8), cv2.IMREAD_UNCHANGED)
        assert stored is not None
        assert np.array_equal(stored, TRUE)
        assert [features["marks_kind"]["feature"]["names"][n] for n in row["marks_kind"]] == [
            KINDS[n % 6] for n in range(1, 8)
        ]
        assert row["marks_area_px"] == [int(np.count_nonzero(n == TRUE)) for n in range(1, 8)]


def test_names_stay_apart_when_they_are_made_safe():
    stems = safe_stems(("a/b", "a__b", "A__B", "a b", ".", "n" * 300))
    assert len({stem.casefold() for stem in stems.values()}) == 6
    assert all(len(stem.encode()) < 200 and "/" not in stem and " " not in stem for stem in stems.values())


def test_sides_become_files_of_their_own(tmp_path):
    dataset = labelled_set(tmp_path, ("one", "two"))
    (tmp_path / "splits.json").write_bytes(
        json_bytes({"schema": "dscope-blink/splits/1", "split_of": {"one": "train", "two": "validation"}})
    )
    export(dataset, "yolo")
    assert [path.name for path in _file(dataset, "yolo", "images", "val").iterdir()] == ["two.png"]
    assert "val: images/val" in _file(dataset, "yolo", "data.yaml").read_text()


def test_a_side_that_there_is_none_of_is_told(tmp_path):
    dataset = labelled_set(tmp_path)
    text = json_bytes({"schema": "dscope-blink/splits/1", "split_of": {"one": "left"}})
    (tmp_path / "splits.json").write_bytes(text)
    with pytest.raises(UserError, match="side of one must be train, validation or test, got 'left'"):
        export(dataset, "coco")


def test_what_was_not_graded_is_only_for_people(tmp_path):
    dataset = labelled_set(tmp_path, ("one",), "NOT_GRADED")
    export(dataset, "coco")
    export(dataset, "cvat")
    assert json.loads(_file(dataset, "coco", "annotations", "instances_train.json").read_bytes())["images"] == []
    assert len(list(ElementTree.parse(_file(dataset, "cvat", "annotations.xml")).iter("image"))) == 1


def test_a_picture_that_readers_would_turn_goes_along_as_its_pixels(tmp_path):
    dataset = labelled_set(tmp_path)
    path = tmp_path / "pixel_level" / "images" / "one.png"
    pixels = Image.open(path).copy()
    exif = pixels.getexif()
    exif[0x0112] = 6
    pixels.save(path, exif=exif)
    export(dataset, "coco")
    sent = Image.open(_file(dataset, "coco", "images", "one.png"))
    assert sent.getexif().get(0x0112, 1) == 1
    assert (np.array(sent) == np.array(pixels)).all()


def test_the_same_data_set_gives_the_same_bytes(tmp_path):
    found = [labelled_set(tmp_path / name, ("one", "two")) for name in ("a", "b")]
    for name in EXPORTS:
        first, second = (export(one, name) for one in found)
        files = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
        assert files
        assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)


def test_an_export_that_fails_leaves_the_earlier_one(tmp_path, monkeypatch):
    dataset = labelled_set(tmp_path)
    before = (export(dataset, "coco") / "annotations" / "instances_train.json").read_bytes()

    def fails(exported, folder):
        (folder / "half").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "EXPORTS", {"coco": fails})
    with pytest.raises(UserError, match="No space left"):
        export(dataset, "coco")
    assert _file(dataset, "coco", "annotations", "instances_train.json").read_bytes() == before
    assert [path.name for path in _file(dataset).iterdir()] == ["coco"]


def test_the_command_names_the_formats_there_are(tmp_path, capsys):
    labelled_set(tmp_path)
    assert main(["dataset", "export", str(tmp_path), "--to", "coco,pascal"]) == 0
    assert main(["dataset", "export", str(tmp_path), "--to", "yollo"]) == 2
    assert 'must be one of "coco"' in (said := capsys.readouterr().err)
    assert 'did you mean "yolo"?' in said
