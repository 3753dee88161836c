"""Boxes out of networks: each layout against boxes computed by hand, and refusals of all that is not declared."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.config.network_settings import NetworkSettings, OutputLayout
from dscope_blink.models.letterbox import fit_of, network_input
from dscope_blink.models.objects import DECODERS, ObjectNetwork, Wanted, object_network
from dscope_blink.models.session import BadNetwork, network_from
from dscope_blink.models.suppression import suppressed
from dscope_blink.records import FoundObject
from tests.builders.networks import saying

SIDE = 64
CELLS = 8 * 8 + 4 * 4  # of strides 8 and 16
DECLARED = NetworkSettings(
    file="",
    sha256=None,
    layout="yolov5",
    classes=("big", "small"),
    mask_coefficients=0,
    strides=(8, 16),
    input_side_px=SIDE,
    letterbox="corner",
    pad_level=114,
    color="rgb",
    levels="0..1",
    mean=(),
    std=(),
)
ALL = Wanted(SIDE, 0.05, 0.5)
GRAY = np.full((32, 64), 200, np.uint8)  # of half the height of the input


def of(*outputs: np.ndarray, **declared) -> ObjectNetwork:
    settings = replace(DECLARED, **declared)
    channels = 1 if settings.color == "gray" else 3
    data = saying(*outputs, input_shape=(1, channels, settings.input_side_px, settings.input_side_px))
    return object_network(network_from(data, "n.onnx"), settings)


def shown(found: tuple[FoundObject, ...]) -> list[tuple[str, float, tuple[float, ...]]]:
    return [
        (
            one.kind,
            round(one.confidence, 4),
            tuple(round(v, 3) for v in (one.box.left_px, one.box.top_px, one.box.right_px, one.box.bottom_px)),
        )
        for one in found
    ]


# Two objects in px of the input: (4, 8)..(16, 24), the second class, 0.72; (30, 10)..(40, 20), the first, 0.3.
TWO = [("small", 0.72, (4.0, 8.0, 16.0, 24.0)), ("big", 0.3, (30.0, 10.0, 40.0, 20.0))]


def test_yolov5_rows_have_middle_size_objectness_and_classes():
    rows = np.zeros((1, 3 * CELLS, 7))
    rows[0, 7] = [10, 16, 12, 16, 0.8, 0.1, 0.9]
    rows[0, 100] = [35, 15, 10, 10, 0.5, 0.6, 0.2]
    assert shown(of(rows).find(GRAY, ALL)) == TWO


def test_yolov8_columns_have_middle_size_and_classes():
    columns = np.zeros((1, 6, CELLS))
    columns[0, :, 3] = [10, 16, 12, 16, 0.1, 0.72]
    columns[0, :, 79] = [35, 15, 10, 10, 0.3, 0.2]
    assert shown(of(columns, layout="yolov8").find(GRAY, ALL)) == TWO


def test_coefficients_of_masks_and_their_prototypes_are_left_aside():
    columns = np.zeros((1, 6 + 3, CELLS))
    columns[0, :, 3] = [10, 16, 12, 16, 0.1, 0.72, 9, -9, 9]
    columns[0, :, 79] = [35, 15, 10, 10, 0.3, 0.2, 9, 9, 9]
    prototypes = np.zeros((1, 3, 16, 16))
    assert shown(of(columns, prototypes, layout="yolov8", mask_coefficients=3).find(GRAY, ALL)) == TWO
    rows = np.zeros((1, 3 * CELLS, 7 + 3))
    rows[0, 7] = [10, 16, 12, 16, 0.8, 0.1, 0.9, 9, 9, 9]
    rows[0, 100] = [35, 15, 10, 10, 0.5, 0.6, 0.2, 9, -9, 9]
    assert shown(of(rows, prototypes, mask_coefficients=3).find(GRAY, ALL)) == TWO


def test_yolox_rows_count_from_their_cell_and_sizes_are_logarithms():
    rows = np.zeros((1, CELLS, 7))
    # column 1, row 2 of the grid of 8 px: middle (1 + 0.25) 8 = 10, (2 + 0) 8 = 16; size 8 e^ln(1.5) = 12, 8 e^ln 2
    rows[0, 2 * 8 + 1] = [0.25, 0, math.log(1.5), math.log(2), 0.8, 0.1, 0.9]
    # column 2, row 0 of that of 16 px: (2 + 0.1875) 16 = 35, (0 + 0.9375) 16 = 15; size 16 e^ln(10/16)
    rows[0, 64 + 2] = [0.1875, 0.9375, math.log(10 / 16), math.log(10 / 16), 0.5, 0.6, 0.2]
    assert shown(of(rows, layout="yolox").find(GRAY, ALL)) == TWO


def test_end_to_end_rows_are_corners_confidence_and_class():
    rows = np.zeros((1, 5, 6))
    rows[0, 0] = [30, 10, 40, 20, 0.3, 0]
    rows[0, 1] = [4, 8, 16, 24, 0.72, 1]
    rows[0, 2] = [0, 0, 0, 0, 0, -1]  # fills up
    assert shown(of(rows, layout="end_to_end", strides=()).find(GRAY, ALL)) == TWO


def test_detr_with_softmax_has_a_last_class_of_no_object():
    logits = np.log(np.array([[[0.1, 0.72, 0.18], [0.3, 0.1, 0.6], [0.02, 0.01, 0.97]]]))
    boxes = np.array([[[10, 16, 12, 16], [35, 15, 10, 10], [32, 32, 8, 8]]]) / SIDE
    assert shown(of(logits, boxes, layout="detr_softmax", strides=()).find(GRAY, ALL)) == TWO


def test_detr_with_sigmoid_has_no_such_class():
    shares = np.array([[[0.1, 0.72], [0.3, 0.1], [0.02, 0.01]]])
    boxes = np.array([[[10, 16, 12, 16], [35, 15, 10, 10], [32, 32, 8, 8]]]) / SIDE
    found = of(np.log(shares / (1 - shares)), boxes, layout="detr_sigmoid", strides=()).find(GRAY, ALL)
    assert shown(found) == TWO


def test_every_layout_that_can_be_declared_has_its_decoder():
    assert set(DECODERS) == set(get_args(OutputLayout))


# --- what is asked


def test_what_is_less_sure_than_asked_is_left_out():
    columns = np.zeros((1, 6, CELLS))
    columns[0, :, 3] = [10, 16, 12, 16, 0, 0.25]
    network = of(columns, layout="yolov8")
    assert len(network.find(GRAY, replace(ALL, confidence=0.25))) == 1
    assert network.find(GRAY, replace(ALL, confidence=0.2501)) == ()


def test_of_boxes_of_one_class_on_each_other_the_most_confident_stays():
    columns = np.zeros((1, 6, CELLS))
    columns[0, :, 0] = [20, 16, 16, 16, 0, 0.5]
    columns[0, :, 1] = [24, 16, 16, 16, 0, 0.6]  # 12/20 of both
    columns[0, :, 2] = [20, 16, 16, 16, 0.4, 0]  # of the other class
    network = of(columns, layout="yolov8")
    kinds = [[one.kind for one in network.find(GRAY, replace(ALL, overlap=share))] for share in (0.59, 0.61)]
    assert kinds == [["small", "big"], ["small", "small", "big"]]


def test_what_suppresses_its_rivals_itself_is_not_suppressed_again():
    rows = np.zeros((1, 2, 6))
    rows[0] = [[4, 8, 16, 24, 0.7, 1], [4, 8, 16, 24, 0.6, 1]]
    assert len(of(rows, layout="end_to_end", strides=()).find(GRAY, ALL)) == 2


boxes_of_few = st.lists(
    st.tuples(*(st.integers(0, 12),) * 2, *(st.integers(1, 9),) * 2, st.integers(1, 9), st.integers(0, 1)), max_size=12
)


@given(boxes_of_few, st.sampled_from([0.2, 0.45, 0.5, 0.85]))
def test_suppression_is_what_a_slow_loop_does(drawn, overlap):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, *_ in drawn], float).reshape(-1, 4)
    scores, classes = np.array([d[4] / 10 for d in drawn]), np.array([d[5] for d in drawn], np.int64)
    kept: list[int] = []
    for k in sorted(range(len(drawn)), key=lambda k: -scores[k]):
        if not any(classes[k] == classes[j] and share(boxes[k], boxes[j]) > overlap for j in kept):
            kept.append(k)
    assert suppressed(boxes, scores, classes, overlap).tolist() == kept


def share(a, b) -> float:
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(wide, 0) * max(high, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


# --- the letterbox


@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.sampled_from(["center", "corner", "stretch"]),
    st.sampled_from([48, 64, 1280]),
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_a_box_comes_back_to_where_it_was_in_the_picture(size, letterbox, side_px, shares):
    fit = fit_of(size, replace(DECLARED, letterbox=letterbox), side_px)
    (height, width), (high, wide) = size, fit.size
    assert max(high, wide) == min(side_px, SIDE)
    assert 0 <= fit.left <= SIDE - wide
    assert 0 <= fit.top <= SIDE - high
    x, y = sorted(shares[:2]), sorted(shares[2:])
    there = [fit.left + x[0] * wide, fit.top + y[0] * high, fit.left + x[1] * wide, fit.top + y[1] * high]
    back = fit.to_picture(np.array([there]))[0]
    assert back == pytest.approx([x[0] * width, y[0] * height, x[1] * width, y[1] * height], abs=1e-9 * max(size))


@pytest.mark.parametrize("letterbox", ["center", "corner", "stretch"])
@pytest.mark.parametrize("size", [(96, 128), (100, 37), (20, 33), (64, 64)])
def test_a_block_of_the_picture_lies_in_the_input_where_its_box_says(size, letterbox):
    settings = replace(DECLARED, letterbox=letterbox, color="gray", pad_level=255)
    picture = np.full(size, 255, np.uint8)
    top, bottom, left, right = size[0] // 4, size[0] // 2, size[1] // 4, size[1] // 2
    picture[top:bottom, left:right] = 0
    fit = fit_of(size, settings, SIDE)
    ink = 1 - network_input(picture, settings, fit)[0, 0]
    across, down = ink.max(axis=0), ink.max(axis=1)  # its profiles
    box = fit.to_picture(np.array([[*edges(across), *edges(down)]])[:, [0, 2, 1, 3]])[0]
    assert box == pytest.approx([left, top, right, bottom], abs=0.6 * max(size[0] / fit.size[0], size[1] / fit.size[1]))


def edges(profile) -> tuple[float, float]:
    inside = np.flatnonzero(profile > 0.5)
    return float(inside[0]), float(inside[-1] + 1)


def test_boxes_end_where_the_picture_does_and_those_beside_it_are_none():
    columns = np.zeros((1, 6, CELLS))
    columns[0, :, 0] = [60, 30, 20, 20, 0, 0.5]  # half of it beside and below
    columns[0, :, 1] = [20, 50, 10, 10, 0, 0.6]  # all of it in what was padded: the picture ends at 32
    found = of(columns, layout="yolov8").find(GRAY, ALL)
    assert shown(found) == [("small", 0.5, (50.0, 20.0, 64.0, 32.0))]


def test_channels_levels_means_and_deviations_are_as_declared():
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[:] = (10, 20, 30)  # blue, green, red

    def seen(picture=picture, **declared) -> list[float]:
        settings = replace(DECLARED, **declared)
        return [
            round(float(v), 4)
            for v in network_input(picture, settings, fit_of((SIDE, SIDE), settings, SIDE))[0, :, 5, 7]
        ]

    assert seen(levels="0..255") == [30, 20, 10]
    assert seen(levels="0..255", color="bgr") == [10, 20, 30]
    assert seen(color="rgb") == [round(v / 255, 4) for v in (30, 20, 10)]
    assert seen(levels="0..255", color="gray") == [round(0.114 * 10 + 0.587 * 20 + 0.299 * 30)]
    assert seen(levels="0..255", mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 7.0)) == [14.5, 4.5, 1.0]
    assert seen(picture[..., 0], levels="0..255") == [10, 10, 10]
    assert seen(picture[..., 0], levels="0..255", color="gray") == [10]


def test_what_is_padded_has_its_level():
    seen = network_input(GRAY, DECLARED, fit_of((32, 64), DECLARED, SIDE))
    assert seen[0, :, 32:].min() == seen[0, :, 32:].max() == np.float32(114) / np.float32(255)
    assert seen[0, :, :32].min() == np.float32(200) / np.float32(255)


# --- what is refused

REFUSED: dict[str, tuple[np.ndarray, dict[str, Any], str]] = {
    "columns for rows": (
        np.zeros((1, 7, 3 * CELLS)),
        {},
        r"yolov5: output must be \[1, 240, 7\], got \[1, 7, 240\]",
    ),
    "a class too many": (np.zeros((1, 7, CELLS)), {"layout": "yolov8"}, r"must be \[1, 6, 80\], got \[1, 7, 80\]"),
    "other cells": (np.zeros((1, CELLS - 1, 7)), {"layout": "yolox"}, r"must be \[1, 80, 7\], got \[1, 79, 7\]"),
    "of two at once": (np.zeros((2, 5, 6)), {"layout": "end_to_end", "strides": ()}, r"\[1, any, 6\], got \[2, 5, 6\]"),
    "of another rank": (np.zeros((5, 6)), {"layout": "end_to_end", "strides": ()}, r"got \[5, 6\]"),
    "without boxes": (
        np.zeros((1, 4, 3)),
        {"layout": "detr_softmax", "strides": ()},
        r"and \[1, any, 4\], got \[1, 4, 3\]",
    ),
    "without masks": (
        np.zeros((1, 8, CELLS)),
        {"layout": "yolov8", "mask_coefficients": 2},
        r"must be \[1, 8, 80\] and \[1, 2, any, any\], got \[1, 8, 80\]",
    ),
    "masks where there are none": (
        np.zeros((1, CELLS, 7)),
        {"layout": "yolox", "mask_coefficients": 2},
        "mask_coefficients must be 0 for layout yolox",
    ),
    "no strides": (np.zeros((1, CELLS, 7)), {"layout": "yolox", "strides": ()}, "strides must name its grids"),
    "strides": (np.zeros((1, 5, 6)), {"layout": "end_to_end"}, "strides must be empty for layout end_to_end"),
    "a stride that does not fit": (
        np.zeros((1, 9, 7)),
        {"layout": "yolox", "strides": (24,)},
        "each of strides must divide",
    ),
    "two means": (np.zeros((1, 240, 7)), {"mean": (1.0, 2.0)}, "mean must have 3 or no numbers"),
    "one deviation": (np.zeros((1, 240, 7)), {"std": (1.0,)}, "std must have 3 or no numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_as_declared_is_refused(name):
    output, declared, says = REFUSED[name]
    with pytest.raises(BadNetwork, match=rf"^n\.onnx: .*{says}"):
        of(output, **declared)


def test_another_input_than_declared_is_refused():
    data = saying(np.zeros((1, 240, 7)), input_shape=(1, 1, SIDE, SIDE))
    with pytest.raises(BadNetwork, match=r"input must be \[1, 3, 64, 64\], got \[1, 1, 64, 64\]"):
        object_network(network_from(data, "n.onnx"), DECLARED)


def test_logits_and_boxes_of_other_numbers_are_refused():
    with pytest.raises(BadNetwork, match=r"as many objects each, got \[4, 5\]"):
        of(np.zeros((1, 4, 3)), np.zeros((1, 5, 4)), layout="detr_softmax", strides=())


def test_logits_in_place_of_confidences_are_refused():
    rows = np.zeros((1, 3 * CELLS, 7))
    rows[0, 3] = [10, 16, 12, 16, 3, 2, 1]
    with pytest.raises(BadNetwork, match=r"n\.onnx: layout yolov5: confidences must lie in 0\.\.1, got 6"):
        of(rows).find(GRAY, ALL)


@pytest.mark.parametrize("kind", [2, -1, 0.5])
def test_a_class_that_is_not_declared_is_refused(kind):
    rows = np.array([[[4, 8, 16, 24, 0.7, kind]]])
    with pytest.raises(BadNetwork, match=rf"end_to_end: classes must be whole numbers below 2, got {kind}"):
        of(rows, layout="end_to_end", strides=()).find(GRAY, ALL)


def test_sizes_beyond_all_bounds_end_where_the_picture_does():
    rows = np.zeros((1, CELLS, 7))
    rows[0, 0] = [0, 0, 1000, 1000, 1, 1, 0]
    found = of(rows, layout="yolox").find(GRAY, ALL)
    assert shown(found) == [("big", 1.0, (0.0, 0.0, 64.0, 32.0))]
