"""Two networks of others, as they come: decoded as a slow loop over the raw output of ONNX Runtime decodes them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest

from dscope_blink.config.network_settings import NetworkSettings
from dscope_blink.models.objects import Wanted, object_network
from dscope_blink.models.session import BadNetwork, load_network
from tests.builders.folders import SHARED

pytestmark = pytest.mark.accuracy

NAMES = tuple(f"class {k}" for k in range(80))
YOLOX = NetworkSettings(
    file="yolox_nano.onnx",
    sha256=None,
    layout="yolox",
    classes=NAMES,
    mask_coefficients=0,
    strides=(8, 16, 32),
    input_side_px=416,
    letterbox="corner",
    pad_level=114,
    color="bgr",
    levels="0..255",
    mean=(),
    std=(),
)
YOLOV8 = replace(
    YOLOX,
    file="yolov8n_int8.onnx",
    layout="yolov8",
    input_side_px=320,
    letterbox="center",
    color="rgb",
    levels="0..1",
)
PICTURES = ("markers/answer_sheet_columns.jpg", "markers/ballot_streak.png", "endfaces/mm50_018.jpg")
CONFIDENCE, OVERLAP = 0.01, 0.5  # so low that they see something in every picture

Row = tuple[int, float, float, float, float, float]  # class, confidence, left, top, right, bottom


def raw(settings: NetworkSettings, picture: np.ndarray) -> tuple[np.ndarray, float, int, int]:
    """The first output, and scale and place of the picture in the input."""
    side = settings.input_side_px
    ratio = side / max(picture.shape[:2])
    wide, high = round(picture.shape[1] * ratio), round(picture.shape[0] * ratio)
    left = (side - wide) // 2 if settings.letterbox == "center" else 0
    top = (side - high) // 2 if settings.letterbox == "center" else 0
    canvas = np.full((side, side, 3), 114, np.float32)
    canvas[top : top + high, left : left + wide] = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
    if settings.color == "rgb":
        canvas = canvas[:, :, ::-1]
    if settings.levels == "0..1":
        canvas = canvas / np.float32(255)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(SHARED / "models" / settings.file), options)
    tensor = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None])
    return session.run(None, {session.get_inputs()[0].name: tensor})[0][0], ratio, left, top


def yolox_rows(output: np.ndarray) -> Iterator[Row]:
    place = 0
    for stride in (8, 16, 32):
        for row in range(416 // stride):
            for column in range(416 // stride):
                x, y, w, h, there, *shares = map(float, output[place])
                place += 1
                best = max(range(80), key=lambda k: shares[k])
                x, y = (x + column) * stride, (y + row) * stride
                w, h = math.exp(w) * stride, math.exp(h) * stride
                yield best, there * shares[best], x - w / 2, y - h / 2, x + w / 2, y + h / 2
    assert place == len(output)


def yolov8_rows(output: np.ndarray) -> Iterator[Row]:
    for k in range(output.shape[1]):
        x, y, w, h, *shares = map(float, output[:, k])
        best = max(range(80), key=lambda k: shares[k])
        yield best, shares[best], x - w / 2, y - h / 2, x + w / 2, y + h / 2


def expected(settings: NetworkSettings, picture: np.ndarray) -> list[tuple[Any, ...]]:
    output, ratio, left, top = raw(settings, picture)
    rows = {"yolox": yolox_rows, "yolov8": yolov8_rows}[settings.layout](output)
    kept: list[Row] = []
    for one in sorted((row for row in rows if row[1] >= CONFIDENCE), key=lambda row: -row[1]):
        if not any(one[0] == other[0] and share(one[2:], other[2:]) > OVERLAP for other in kept):
            kept.append(one)
    height, width = picture.shape[:2]
    boxes = []
    for kind, confidence, *box in kept:
        x0, x1 = (min(max((x - left) / ratio, 0), width) for x in (box[0], box[2]))
        y0, y1 = (min(max((y - top) / ratio, 0), height) for y in (box[1], box[3]))
        if x0 < x1 and y0 < y1:
            boxes.append((NAMES[kind], confidence, x0, y0, x1, y1))
    return boxes


def share(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(wide, 0) * max(high, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


@pytest.mark.parametrize("settings", [YOLOX, YOLOV8], ids=["yolox_nano", "yolov8n_int8"])
@pytest.mark.parametrize("file", PICTURES)
def test_a_real_network_is_decoded_as_a_slow_loop_does(settings, file):
    picture = np.asarray(cv2.imread(str(SHARED / file)), np.uint8)
    network = object_network(load_network(SHARED / "models" / settings.file), settings)
    found = network.find(picture, Wanted(settings.input_side_px, CONFIDENCE, OVERLAP))
    wanted = expected(settings, picture)
    assert len(wanted) > 0
    assert [one.kind for one in found] == [row[0] for row in wanted]
    assert [one.confidence for one in found] == pytest.approx([row[1] for row in wanted], abs=1e-6)
    got = [(one.box.left_px, one.box.top_px, one.box.right_px, one.box.bottom_px) for one in found]
    # The picture has whole pixels in the input, so that its true scale is off the ratio by half a pixel in the side.
    tolerance = 0.5 * max(picture.shape[:2]) / settings.input_side_px + 1e-3
    assert np.array(got) == pytest.approx(np.array([row[2:] for row in wanted]), abs=tolerance)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (replace(YOLOX, layout="yolov5"), "layout yolov5: output must be .1, 10647, 85., got .1, 3549, 85."),
        (replace(YOLOX, layout="yolov8"), "layout yolov8: output must be .1, 84, 3549., got .1, 3549, 85."),
        (replace(YOLOX, classes=NAMES[:2]), "layout yolox: output must be .1, 3549, 7., got .1, 3549, 85."),
        (replace(YOLOV8, layout="yolox"), "layout yolox: output must be .1, 2100, 85., got .1, 84, 2100."),
        (replace(YOLOV8, layout="end_to_end", strides=()), "must be .1, any, 6., got .1, 84, 2100."),
        (replace(YOLOV8, color="gray"), "input must be .1, 1, 320, 320., got .1, 3, 320, 320."),
        (replace(YOLOV8, input_side_px=640), "input must be .1, 3, 640, 640., got .1, 3, 320, 320."),
    ],
)
def test_a_real_network_declared_as_another_is_refused(settings, says):
    network = load_network(Path(SHARED / "models" / settings.file))
    with pytest.raises(BadNetwork, match=says):
        object_network(network, settings)
