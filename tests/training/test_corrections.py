from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from dscope_blink.analysis.kappa import kappa
from dscope_blink.records import UserError
from dscope_blink.synthetic.faces import Pit
from dscope_blink.terminal.commands import main
from dscope_blink.training.agreement import agreement
from dscope_blink.training.corrections import corrected, correction_path, read_correction
from dscope_blink.training.dataset import label_path, open_dataset
from dscope_blink.training.exporting import export
from dscope_blink.training.importing import import_marks
from dscope_blink.training.labels import read_label
from dscope_blink.training.masks import instances_of
from dscope_blink.training.pixel_level import read_instances
from dscope_blink.training.tables import read_table
from tests.builders.commands import IN_THIS_PROCESS
from tests.builders.drawn_labels import HOSTILE, labelled_set, marked
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of

BLEMISHES = (SCRATCH, Pit((20.0, -45.0), 8.0, -0.7))
SQUARE = [[60.0, 5.0], [70.0, 5.0], [70.0, 12.0], [60.0, 12.0]]  # where there is no mark, in pixels


@pytest.fixture
def dataset(tmp_path):
    return labelled_set(tmp_path / "set")


def _submitted(dataset, change, **annotation):
    """An export of Label Studio after a person has accepted the predictions and changed them."""
    tasks = json.loads((export(dataset, "label_studio") / "tasks.json").read_bytes())
    for task in tasks:
        result = change(task["predictions"].pop()["result"])
        who = {"completed_by": {"email": "ann@x.org"}, "updated_at": "2026-01-02T03:04:05Z"}
        task["annotations"] = [{"result": result, **who, **annotation}]
    path = dataset.folder / "back.json"
    path.write_text(json.dumps(tasks))
    return path


def _changed(result):
    """Mark 1 stays, 2 is deleted, 3 is of another kind, 5 is smaller, one is drawn anew."""
    by_id = {one["id"]: one for one in result}
    del by_id["M2"]
    by_id["M3"]["value"]["polygonlabels"] = ["scratch"]
    share = [100 / 120, 100 / 90]
    by_id["M5"]["value"]["points"] = (np.array([[80, 70], [90, 70], [90, 77], [80, 77]]) * share).tolist()
    new = {
        **by_id["M1"],
        "id": "kx81",
        "value": {"points": (np.array(SQUARE) * share).tolist(), "polygonlabels": ["crack"]},
    }
    return [*by_id.values(), new]


def _imported(dataset, path, form="label-studio", **how):
    (found,) = import_marks(dataset, form, path, **how).corrections
    return found


def test_what_a_person_did_to_each_mark_is_told(dataset):
    before = label_path(dataset.folder, "one").read_bytes()
    found = _imported(dataset, _submitted(dataset, _changed))
    assert found == read_correction(correction_path(dataset.folder / "corrections", "one"))
    assert (found.source.by, found.source.name, found.source.date) == ("person", "ann@x.org", "2026-01-02T03:04:05Z")
    assert {(one.was.id, one.what) for one in found.changed} == {("M2", "deleted"), ("M3", "class"), ("M5", "redrawn")}
    by_person = [mark for mark in found.marks if mark.source.by == "person"]
    assert [(mark.kind, mark.zone) for mark in by_person] == [
        ("scratch", "cladding"),
        ("other", "cladding"),
        ("crack", "cladding"),
    ]
    assert len(found.added) == 1
    assert {mark.id for mark in found.marks if mark.source.by == "program"} == {"M1", "M4", "M6", "M7"}
    assert label_path(dataset.folder, "one").read_bytes() == before  # what the program said stays


def test_the_drawn_mark_has_the_pixels_of_its_polygon(dataset):
    found = _imported(dataset, _submitted(dataset, _changed))
    label = corrected(read_label(label_path(dataset.folder, "one")).label, found)
    number = 1 + [mark.id for mark in label.marks].index(found.added[0])
    expected = np.zeros((90, 120), bool)
    expected[5:12, 60:70] = True
    assert ((instances_of(label) == number) == expected).all()
    assert label.source.by == "person"


def test_precision_and_recall_of_the_program_by_kind(dataset):
    rows = {row["kind"]: row for row in import_marks(dataset, "label-studio", _submitted(dataset, _changed)).rows}
    # Of 7 marks 4 stayed and 1 is the same one redrawn (IoU 0.7); people have 7: these, one of another kind, one added.
    assert rows["all"]["precision"] == pytest.approx(5 / 7)
    assert rows["all"]["recall"] == pytest.approx(5 / 7)
    assert rows["all"] == read_table(dataset.folder / "corrections.parquet")[-1]
    assert (rows["crack"]["added"], rows["contamination"]["deleted"]) == (1, 1)


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("coco", "coco/annotations/instances_train.json"),
        ("coco", "coco_polygons/annotations/instances_train.json"),
        ("cvat", "cvat/annotations.xml"),
    ],
)
def test_what_nobody_changed_comes_back_as_it_was(tmp_path, form, file):
    dataset = labelled_set(tmp_path, HOSTILE)
    path = export(dataset, file.partition("/")[0]).parent / file
    found = import_marks(dataset, form, path, "Bea")
    assert [one.name for one in found.corrections] == list(HOSTILE)
    for one in found.corrections:
        assert (one.changed, one.added) == ((), ())
        assert [mark.id for mark in one.marks] == [f"M{n}" for n in range(1, 8)]


@pytest.mark.parametrize("shown", ["/data/upload/7/0a1b2c3d-20260101-x.png", "s3://bucket/20260101-x.png"])
def test_a_picture_is_known_by_its_file_where_the_tool_keeps_nothing_else(tmp_path, shown):
    dataset = labelled_set(tmp_path, ("20260101-x", "x"))
    path = _submitted(dataset, list)
    (task, _) = json.loads(path.read_bytes())
    task["data"] = {"image": shown}
    path.write_text(json.dumps([task]))
    assert _imported(dataset, path).name == "20260101-x"


def test_masks_and_boxes_of_cvat_are_read(dataset):
    path = export(dataset, "cvat") / "annotations.xml"
    tree = ElementTree.parse(path)
    image = tree.getroot().find("image")
    assert image is not None
    for polygon in list(image):
        image.remove(polygon)
    ElementTree.SubElement(image, "box", label="chip", xtl="60", ytl="5", xbr="70", ybr="12")
    ElementTree.SubElement(image, "mask", label="crack", left="2", top="3", width="3", height="2", rle="1,2,3")
    tree.write(path)
    label = corrected(read_label(label_path(dataset.folder, "one")).label, _imported(dataset, path, "cvat", author="B"))
    expected = np.zeros((90, 120), np.uint16)
    expected[5:12, 60:70] = 1
    expected[3, 3:5] = 2
    assert [mark.kind for mark in label.marks] == ["chip", "crack"]
    assert (instances_of(label) == expected).all()


def test_tasks_that_nobody_submitted_are_no_part(dataset):
    with pytest.raises(UserError, match="nobody has finished"):
        import_marks(dataset, "label-studio", export(dataset, "label_studio") / "tasks.json")
    with pytest.raises(UserError, match="nobody has finished"):
        import_marks(dataset, "label-studio", _submitted(dataset, _changed, was_cancelled=True))


COCO_FILE = "coco/annotations/instances_train.json"


def _broken(path, old, new):
    text = path.read_text()
    assert re.search(old, text)
    path.write_text(re.sub(old, new, text))
    return path


@pytest.mark.parametrize(
    ("form", "file", "old", "new", "told"),
    [
        (
            "coco",
            "coco/annotations/instances_train.json",
            r'"name": "chip"',
            '"name": "dent"',
            "must be one of scratch",
        ),
        ("coco", COCO_FILE, r'"counts": "[^"]*"', '"counts": "zzzz"', "run lengths"),
        ("coco", COCO_FILE, r'"width": 120', '"width": 121', "run lengths must be of"),
        (
            "coco",
            "coco/annotations/instances_train.json",
            r'"dscope_name": "one"',
            '"dscope_name": "two"',
            "no picture 'two'",
        ),
        ("coco", COCO_FILE, r"^.", "", "no JSON"),
        ("coco", COCO_FILE, r'"images"', '"pictures"', "images must be a list"),
        ("cvat", "cvat/annotations.xml", r'points="[^"]*"', 'points="1,2;x,4;5,6"', "must be a number, got 'x'"),
        ("cvat", "cvat/annotations.xml", r'points="[^"]*"', 'points="1,2"', "at least 3 points"),
        ("cvat", "cvat/annotations.xml", r"<annotations>", "<annotations><a>", "no XML"),
        (
            "cvat",
            "cvat/annotations.xml",
            r"<annotations>",
            '<!DOCTYPE x [<!ENTITY a "b">]><annotations>',
            "document type",
        ),
        ("cvat", "cvat/annotations.xml", r'width="120"', 'width="-3"', "whole number of pixels"),
        ("cvat", "cvat/annotations.xml", r'width="120"', 'width="130"', "must have 120 x 90 pixels, got 130 x 90"),
    ],
)
def test_a_damaged_file_is_one_line_and_nothing_is_written(dataset, form, file, old, new, told, capsys):
    path = _broken(export(dataset, file.partition("/")[0]).parent / file, old, new)
    assert main(["dataset", "import", str(dataset.folder), str(path), "--from", form, "--author", "B"]) == 2
    error = capsys.readouterr().err.strip()
    assert told in error
    assert "\n" not in error
    assert not (dataset.folder / "corrections").exists()


@pytest.mark.parametrize(
    "data", [b"", b"[1]", b"{}", b"null", b"[[]]", b"\xff", b'[{"annotations": 3}]', b"[" * 100000]
)
@pytest.mark.parametrize("form", ["label-studio", "coco", "cvat"])
def test_what_is_no_export_is_told(dataset, form, data):
    path = dataset.folder / "back"
    path.write_bytes(data)
    with pytest.raises(UserError, match="back"):
        import_marks(dataset, form, path, "B")


def test_who_drew_must_be_known(dataset):
    path = export(dataset, "coco") / "annotations" / "instances_train.json"
    with pytest.raises(UserError, match="--author"):
        import_marks(dataset, "coco", path)


def test_a_correction_of_another_picture_is_refused(dataset):
    found = _imported(dataset, _submitted(dataset, _changed))
    label = read_label(label_path(dataset.folder, "one")).label
    with pytest.raises(UserError, match="another picture"):
        corrected(replace(label, sha256="1" * 64), found)


# --- two annotators


def test_kappa_of_cohen():
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)  # the worked example of many textbooks
    assert kappa(np.array([[3, 0], [0, 4]])) == 1
    assert kappa(np.array([[5, 0], [0, 0]])) is None


def test_two_who_say_the_same_agree(tmp_path, dataset):
    found = agreement(dataset.folder, labelled_set(tmp_path / "other").folder)
    assert (found.pixel_kappa, found.mark_kappa, found.pixel_iou, found.mark_iou) == (1, 1, 1, 1)
    assert (found.marks, found.only_first, found.only_second) == (7, 0, 0)


def test_two_who_differ_are_measured(tmp_path, dataset):
    other = labelled_set(tmp_path / "other")
    import_marks(other, "label-studio", _submitted(other, _changed))
    found = agreement(dataset.folder, other.folder)
    assert (found.marks, found.only_first, found.only_second) == (6, 1, 1)
    assert found.mark_kappa is not None
    assert 0 < found.mark_kappa < 1
    truth = marked()
    lost = np.count_nonzero(truth == 2) + 30  # mark 2, and 3 rows of mark 5
    assert found.pixel_iou == pytest.approx(1 - (lost + 70) / (np.count_nonzero(truth) + 70), abs=0.01)
    alone = agreement(dataset.folder, other.folder / "corrections")
    assert alone == found


def test_sets_without_a_common_picture_cannot_be_compared(tmp_path, dataset):
    with pytest.raises(UserError, match="in common"):
        agreement(dataset.folder, labelled_set(tmp_path / "other", ("two",)).folder)


# --- the next build


@pytest.mark.slow
def test_the_next_build_starts_from_what_people_said(tmp_path):
    pictures = folder_of(tmp_path / "pictures", "Prüfling 1.png", data=face_png(*BLEMISHES))
    words = ["dataset", "build", str(pictures), f"--output-dir={tmp_path / 'set'}", IN_THIS_PROCESS]
    assert main([*words, *MULTIMODE, "--annotate"]) == 0
    assert open_dataset(tmp_path / "set" / "crops").names
    dataset = open_dataset(tmp_path / "set")
    (before,) = (one.label for one in dataset.labels())
    kept, gone = before.marks[0], before.marks[1]

    def without_the_second(result):
        return [one for one in result if one["id"] != gone.id]

    import_marks(dataset, "label-studio", _submitted(dataset, without_the_second))
    assert main([*words, *MULTIMODE]) == 0
    (after,) = (one.label for one in dataset.labels())
    assert [mark.id for mark in after.marks] == [mark.id for mark in before.marks if mark.id != gone.id]
    assert (after.source.by, after.marks[0].source.by) == ("person", "program")
    assert after.marks[0].outline_px == pytest.approx(kept.outline_px)
    stored = read_instances(dataset.folder, after.name)
    assert stored is not None
    assert np.array_equal(stored, instances_of(after))
    again = import_marks(dataset, "label-studio", _submitted(dataset, list)).rows[-1]
    assert (again["deleted"], again["said"]) == (1, len(before.marks))  # what was changed once is not forgotten
