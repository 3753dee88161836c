"""JSON in which a key stands twice is refused, wherever it is read, and long numbers end in no error of Python."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from dscope_blink.analysis.class_model import BadModel, read_model
from dscope_blink.calibration.scale_file import load_calibration
from dscope_blink.config.settings import CalibrationSettings
from dscope_blink.files.camera_text import read_camera
from dscope_blink.files.decoding import decode_image
from dscope_blink.gates.layouts import BadLayout, load_layout
from dscope_blink.records import UnreadableImage, UserError
from dscope_blink.records.json_reading import decode_any_json, decode_json
from dscope_blink.records.stored import BadRecord, read_record

TWICE = "stands twice"


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "\\u0061": 2}}]', '{"a": ":", "a": "\\u003a\\u003A"}', '{"": 1, "": 2}'],
)
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    for decode in (decode_json, decode_any_json):
        with pytest.raises(ValueError, match=TWICE):
            decode(text.encode())


@pytest.mark.parametrize(
    "text", ['{"a": ":", "b": "\\u003a:{\\"a\\":1}"}', '[{"a": 1}, {"a": 1}]', '{"a:": {"a:": ":"}}']
)
def test_what_only_looks_like_it_is_read(text: str) -> None:
    assert decode_json(text.encode()) == decode_any_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_file_of_others_may_have_what_python_writes(start: bytes) -> None:
    found = decode_any_json(start + b'{"a": NaN, "b": 1' + b"0" * 5000 + b"}")
    assert found["a"] != found["a"]
    assert found["b"] == float("inf")


def test_every_reader_refuses_them(tmp_path: Path) -> None:
    twice = b'{"schema": "x", "schema": "x"}'
    (tmp_path / "file.json").write_bytes(twice)
    with pytest.raises(BadRecord, match=TWICE):
        read_record(twice)
    with pytest.raises(BadModel, match=TWICE):
        read_model(twice)
    with pytest.raises(BadLayout, match=TWICE):
        load_layout(tmp_path / "file.json")
    with pytest.raises(UserError, match=TWICE):
        load_calibration(tmp_path / "file.json", date(2026, 1, 1), CalibrationSettings(None, "warn", "warn", "warn"))
    with pytest.raises(UnreadableImage, match=TWICE):
        decode_image(b'{"width": 1, "height": 1, "depth": 8, "width": 1, "pixels": [[0]]}', 100)
    assert read_camera('{"model": "a", "model": "a"}') is None
