"""The engines on labelled pictures of one's own: which pictures count, what is asked of them, and sizes of marks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.learned import own
from benchmarks.learned.own import held_out_names, request_of
from dscope_blink.records import Ellipse, UserError
from dscope_blink.training.dataset import label_path
from dscope_blink.training.exported import MarkMask
from dscope_blink.training.labels import LabelFile, Source, read_label, write_label
from dscope_blink.training.sides import SPLITS, sides_json
from tests.builders.drawn_labels import label_from, labelled_set, marked

PERSON = Source("person", "Ann")


@pytest.fixture
def dataset(tmp_path):
    found = labelled_set(tmp_path / "set", ("one", "two", "three"))
    sides = {"one": "train", "two": "val", "three": "test"}
    (found.folder / SPLITS).write_bytes(sides_json(sides, 0))
    return found


def seen_by_a_person(dataset, *names):
    for name in names:
        path = label_path(dataset.folder, name)
        write_label(path, LabelFile(replace(read_label(path).label, source=PERSON)))


def test_pictures_count_that_a_person_saw_and_nothing_was_learned_from(dataset):
    seen_by_a_person(dataset, "one", "three")
    assert held_out_names(dataset.folder) == ["three"]


def test_a_data_set_that_nobody_saw_is_refused_in_one_line(dataset):
    with pytest.raises(UserError, match=r"set: the data set must have pictures .* got none among 3$"):
        held_out_names(dataset.folder)


def test_a_folder_that_is_no_data_set_is_named(tmp_path):
    with pytest.raises(UserError, match="no data set"):
        held_out_names(tmp_path)


def test_what_is_asked_of_a_picture_without_a_record_follows_from_its_label(tmp_path):
    label = label_from("one", marked())
    cladding, core = Ellipse((60.0, 45.0), (250.0, 200.0), 0.0), Ellipse((60.0, 45.0), (100.0, 80.0), 0.0)
    label = replace(label, cladding=cladding, core=core, um_per_px=(0.5, 0.625))
    asked = request_of(tmp_path, label)
    assert asked.cladding_diameter_um == pytest.approx(125.0)
    assert asked.core_diameter_um == pytest.approx(50.0)
    assert asked.pixel_aspect_ratio == pytest.approx(0.8)
    assert request_of(tmp_path, label_from("two", marked())).cladding_diameter_um is None


def test_a_mark_measures_what_its_pixels_measure():
    label = replace(label_from("one", marked()), um_per_px=(0.5, 0.5))
    mask = np.zeros((4, 20), bool)
    mask[:, :] = True
    truth = own._truth(label, MarkMask(label.marks[0], mask, (30, 40)))
    assert truth.mask.sum() == 80
    assert truth.mask[40:44, 30:50].all()
    assert (truth.length_um, truth.width_um) == pytest.approx((10.0, 2.0))
    assert truth.diameter_um == pytest.approx(0.5 * np.hypot(19, 3), abs=0.1)
    assert truth.centroid_px == (39.5, 41.5)
