"""Pixels as JSON: what is read, what is refused in one line, and the schema that says the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from dscope_blink.batch.job import Job, inspect_file
from dscope_blink.config.shipped import shipped
from dscope_blink.files.decoding import decode_image, holds_several, is_turned, png_text, stated_bits, stated_scale
from dscope_blink.files.names import AGGREGATE, CAMERA, FOREIGN_REPORT, RESULT
from dscope_blink.files.pictures import find_images
from dscope_blink.files.pixel_data import PixelFile
from dscope_blink.files.plan import ImageFile
from dscope_blink.records import UnreadableImage
from tests.builders.batches import ASKED, CONFIG

SCHEMA = json.loads(shipped("pixels.schema.json").read_text(encoding="utf-8"))
LIMIT = 10_000
GREY: dict[str, Any] = {"width": 3, "height": 2, "depth": 8, "pixels": [[0, 1, 2], [253, 254, 255]]}
COLOUR: dict[str, Any] = GREY | {"width": 1, "pixels": [[[1, 2, 3]], [[4, 5, 6]]]}
DEEP: dict[str, Any] = GREY | {"depth": 12, "pixels": [[0, 1, 2], [4093, 4094, 4095]], "um_per_px": 0.5, "name": "left"}


def packed(document: Any) -> bytes:
    return json.dumps(document).encode()


def test_levels_come_out_as_they_stand_in_the_file() -> None:
    grey, colour, deep = (decode_image(packed(one), LIMIT) for one in (GREY, COLOUR, DEEP))
    np.testing.assert_array_equal(grey, np.array(GREY["pixels"], np.uint8))
    np.testing.assert_array_equal(colour, np.array([[[3, 2, 1]], [[6, 5, 4]]], np.uint8))
    np.testing.assert_array_equal(deep, np.array(DEEP["pixels"], np.uint16))
    assert [str(one.dtype) for one in (grey, colour, deep)] == ["uint8", "uint8", "uint16"]


def test_a_file_says_its_bits_and_its_scale_and_nothing_that_pictures_say() -> None:
    data = packed(DEEP)
    assert stated_bits(data, decode_image(data, LIMIT)) == 12
    assert (stated_scale(data), stated_scale(packed(GREY))) == (0.5, None)
    assert (is_turned(data, 10_000), holds_several(data), png_text(data, "x")) == (False, False, None)


@pytest.mark.parametrize("change", [lambda data: b"\xef\xbb\xbf" + data, lambda data: b" \n" + data])
def test_a_mark_of_byte_order_and_spaces_before_it_do_not_matter(change: Any) -> None:
    np.testing.assert_array_equal(decode_image(change(packed(GREY)), LIMIT), np.array(GREY["pixels"]))


def test_whole_numbers_may_be_written_with_a_point() -> None:
    rows = [[0.0, 1, 2], [253, 254.0, 255]]
    np.testing.assert_array_equal(decode_image(packed(GREY | {"pixels": rows}), LIMIT), np.array(GREY["pixels"]))


HOSTILE: dict[str, tuple[bytes, str]] = {
    "ragged": (packed(GREY | {"pixels": [[0, 1], [2, 3, 4, 5]]}), r"pixels\[0\] must have width pixels, 3, got 2"),
    "a row short": (packed(GREY | {"pixels": [[0, 1, 2]]}), "must be 2 rows of 3 pixels"),
    "a row more": (packed(GREY | {"pixels": [[0, 1, 2]] * 3}), "must be 2 rows of 3 pixels"),
    "no rows": (packed(GREY | {"pixels": []}), "must be 2 rows of 3 pixels"),
    "grey and colour": (packed(GREY | {"pixels": [[0, 1, 2], [3, [4, 5, 6], 7]]}), "must be 2 rows of 3 pixels"),
    "two channels": (packed(COLOUR | {"pixels": [[[1, 2]], [[3, 4]]]}), "three levels each"),
    "empty lists": (b'{"width": 3, "height": 2, "depth": 8, "pixels": [' + b"[]," * 9 + b"[]]}", "2 rows of 3"),
    "NaN": (packed(GREY | {"pixels": [[0, 1, 2], [3, 4, float("nan")]]}), "malformed"),
    "infinity": (packed(GREY).replace(b"255", b"1e999"), r"Number out of range - at `\$.pixels\[1\]\[2\]`"),
    "text": (packed(GREY | {"pixels": [[0, 1, 2], [3, 4, "5"]]}), r"got `str` - at `\$.pixels\[1\]\[2\]`"),
    "true": (packed(GREY | {"pixels": [[0, 1, 2], [3, 4, True]]}), "got `bool`"),
    "null": (packed(GREY | {"pixels": [[0, 1, 2], [3, 4, None]]}), "got `null`"),
    "negative": (packed(GREY | {"pixels": [[0, 1, 2], [3, 4, -5]]}), r">= 0.* - at `\$.pixels\[1\]\[2\]`"),
    "above the depth": (packed(GREY | {"pixels": [[0, 1, 2], [3, 4, 256]]}), r"<= 255.* - at `\$.pixels\[1\]\[2\]`"),
    "no whole number": (packed(GREY | {"pixels": [[0, 1, 2], [3, 4, 5.5]]}), "whole numbers, got 5.5"),
    "pixels no list": (packed(GREY | {"pixels": "abc"}), "must be 2 rows of 3 pixels"),
    "pixels an object": (packed(GREY | {"pixels": {"0": [1, 2, 3]}}), "must be 2 rows of 3 pixels"),
    "no width": (packed({key: GREY[key] for key in ("height", "depth", "pixels")}), "required field `width`"),
    "width 0": (packed(GREY | {"width": 0}), r">= 1 - at `\$.width`"),
    "width a text": (packed(GREY | {"width": "3"}), r"got `str` - at `\$.width`"),
    "depth of 7": (packed(GREY | {"depth": 7}), r">= 8 - at `\$.depth`"),
    "depth of 32": (packed(GREY | {"depth": 32}), r"<= 16 - at `\$.depth`"),
    "a scale of 0": (packed(GREY | {"um_per_px": 0}), r"> 0(.0)? - at `\$.um_per_px`"),
    "a slip of the pen": (packed(GREY | {"um_per_pixel": 1}), "unknown field `um_per_pixel`"),
    "too large": (packed(GREY | {"width": 200, "height": 200}), "at most 10000 pixels, it has 200 x 200"),
    "huge": (packed(GREY | {"width": 10**9, "height": 10**9}), r"<= 32766 - at `\$.width`"),
    "nested in pixels": (b'{"pixels": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "nested beside": (packed(GREY)[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "unknown|nested"),
    "truncated": (packed(GREY)[:-9], "truncated"),
    "a brace alone": (b"{", "truncated"),
    "two of them": (packed(GREY) * 2, "malformed"),
    "not UTF-8": (packed(GREY)[:-1] + b', "name": "\xff\xfe"}', "UTF-8"),
    "UTF-16": (json.dumps(GREY).encode("utf-16"), "no picture that can be read"),
    "a list": (b"[[1, 2], [3, 4]]", "no picture that can be read"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_pixel_data_is_refused_in_one_line(name: str) -> None:
    data, reason = HOSTILE[name]
    with pytest.raises(UnreadableImage, match=reason) as refused:
        decode_image(data, LIMIT)
    text = str(refused.value)
    assert "\n" not in text
    assert len(text) < 200


def test_the_file_of_a_picture_that_is_too_large_takes_no_memory_for_its_pixels() -> None:
    import tracemalloc

    data = b'{"width": 30000, "height": 30000, "depth": 8, "pixels": [' + b"[]," * 1_000_000 + b"[]]}"
    tracemalloc.start()
    for limit in (LIMIT, 10**10):
        with pytest.raises(UnreadableImage):
            decode_image(data, limit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(data)


# --- schema


def test_schema_and_reader_have_the_same_fields() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    fields = msgspec.structs.fields(PixelFile)
    assert list(SCHEMA["properties"]) == [field.name for field in fields]
    assert SCHEMA["required"] == [field.name for field in fields if field.required]
    assert SCHEMA["additionalProperties"] is False
    reader = msgspec.json.schema(PixelFile)["$defs"]["PixelFile"]["properties"]
    for name in ("width", "height", "depth"):
        for bound in ("minimum", "maximum"):
            assert SCHEMA["properties"][name][bound] == reader[name][bound]


SEEN_BY_THE_READER_ALONE = {"ragged", "a row short", "a row more", "above the depth", "too large", "no rows"}


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"UTF-16"}))
def test_the_schema_refuses_what_the_reader_does_unless_it_takes_arithmetic(name: str) -> None:
    try:
        document = json.loads(HOSTILE[name][0], parse_constant=str)
    except (ValueError, RecursionError):
        return
    refused = not Draft202012Validator(SCHEMA).is_valid(document)
    assert refused or name in SEEN_BY_THE_READER_ALONE or name == "infinity"


@pytest.mark.parametrize("document", [GREY, COLOUR, DEEP, GREY | {"um_per_px": None, "name": None}])
def test_the_schema_takes_what_the_reader_takes(document: dict[str, Any]) -> None:
    Draft202012Validator(SCHEMA).validate(document)
    assert decode_image(packed(document), LIMIT).shape[:2] == (2, document["width"])


# --- in a folder


def test_of_a_folder_json_of_other_things_is_no_picture(tmp_path: Path) -> None:
    for name, data in {
        "face.json": packed(GREY),
        "FACE2.JSON": packed(GREY | {"pixels": "none"}),
        "truncated.json": packed(GREY)[:60],
        "labels.json": packed({"a.png": {"width": 3}}),
        "empty.json": b"",
        "renamed.json": b'{"schema": "dscope-blink/inspection/2", "clipping": {"pixels": [1, 2]}}',
        ".hidden.json": packed(GREY),
        **{f"x{end}": packed(GREY) for end in (RESULT, FOREIGN_REPORT, AGGREGATE, CAMERA)},
    }.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder.json").mkdir()
    assert find_images(tmp_path, False, tmp_path / "out").files == (
        *("empty.json", "FACE2.JSON", "face.json", "truncated.json"),
    )


@pytest.mark.parametrize("name", ["ragged", "nested in pixels", "not UTF-8"])
def test_a_hostile_file_is_not_graded_for_its_reason(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(HOSTILE[name][0])
    done = inspect_file(Job(tmp_path / "out", CONFIG), ImageFile(path, "bad.json", "bad", ASKED))
    assert done.verdict.status == "NOT_GRADED"
    assert [reason.kind for reason in done.verdict.reasons] == ["unreadable"]


def test_the_scale_of_the_file_counts_before_the_calibration_and_after_a_known_diameter(tmp_path: Path) -> None:
    from dscope_blink.synthetic.faces import render_face
    from tests.builders.pictures import FACE

    image = render_face(FACE, (), np.random.default_rng(1)).image
    height, width = image.shape[:2]
    document = {"width": width, "height": height, "depth": 8, "um_per_px": 0.84, "pixels": image.tolist()}
    path = tmp_path / "face.json"
    path.write_bytes(packed(document))
    job = Job(tmp_path / "out", CONFIG)
    unknown, known = (replace(ASKED, cladding_diameter_um=diameter_um) for diameter_um in (None, 125.0))
    done = inspect_file(job, ImageFile(path, "face.json", "face", unknown))
    assert done.scale is not None
    assert (done.scale.source, done.scale.um_per_px) == ("picture", 0.84)
    given = inspect_file(job, ImageFile(path, "face.json", "given", known))
    assert given.scale is not None
    assert given.scale.source == "user_cladding"
