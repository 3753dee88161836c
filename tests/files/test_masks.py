"""Masks of other programs: what is read, and what is refused before it does harm."""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dscope_blink.files.masks import read_mask
from dscope_blink.records import UnreadableImage

MASK = np.array([[0, 0, 3], [1, 0, 0]])


def npy(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize("kind", ["bool", "uint8", "int64", ">u2", "float32", "float64"])
def test_numbers_of_any_kind_are_read(tmp_path: Path, kind: str) -> None:
    array = MASK.astype(kind)
    for stored in (array, np.asfortranarray(array), array[..., None], array[None]):
        found = read_mask(npy(tmp_path / "m.npy", stored), 100)
        assert found.tolist() == array.astype(int).tolist()
        assert found.dtype == np.int32


def test_a_png_is_read_grey_or_in_colour(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "m.png"), MASK.astype(np.uint8))
    assert read_mask(tmp_path / "m.png", 100).tolist() == MASK.tolist()
    cv2.imwrite(str(tmp_path / "c.png"), np.stack([MASK * 0, MASK, MASK * 2], axis=2).astype(np.uint8))
    assert read_mask(tmp_path / "c.png", 100).tolist() == (MASK * 2).tolist()


def test_no_number_is_no_part(tmp_path: Path) -> None:
    assert read_mask(npy(tmp_path / "m.npy", np.array([[np.nan, 1.0]])), 100).tolist() == [[0, 1]]


class Evil:
    """Would write a file while it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.array([[Evil(tmp_path / "hit")]], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableImage, match="a mask must hold numbers, got 'object'"):
        read_mask(tmp_path / "m.npy", 100)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Evil(tmp_path / "hit")))
    with pytest.raises(UnreadableImage, match="no NPY file"):
        read_mask(tmp_path / "raw.npy", 100)
    assert not (tmp_path / "hit").exists()


def header(text: str) -> bytes:
    data = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(data)) + data


def shape(text: str) -> bytes:
    return header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {text}}}\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no NPY file"),
        (b"\x93NUMPY", "no NPY file"),
        (b"\x93NUMPY\x09\x00" + bytes(20), "no NPY file"),
        (header("(" * 5000), "no NPY file"),
        (header("__import__('os').abort()"), "no NPY file"),
        (shape("(100000, 100000)"), "a mask must have 1 to 100 pixels, it has 10000000000"),
        (shape("(0, 5)"), "a mask must have 1 to 100 pixels, it has 0"),
        (shape("(-2, -5)") + bytes(10), "."),
        (shape("(2, 5)") + bytes(9), "its array must have 10 bytes, got 9"),
        (shape("(2, 5)") + bytes(11), "its array must have 10 bytes, got 11"),
        (shape("(10,)") + bytes(10), "a mask must have two sides"),
        (shape("()") + bytes(1), "it has 0"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}\n"), "a mask must hold numbers"),
        (header("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1, 1)}\n"), "a mask must hold numbers"),
    ],
    ids=range(14),
)
def test_what_is_no_mask_is_refused_in_a_line(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "m.npy").write_bytes(data)
    with pytest.raises(UnreadableImage, match=why) as refused:
        read_mask(tmp_path / "m.npy", 100)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.array([[-1, 2]]), "must lie in 0..2147483647, got -1 to 2"),
        (np.array([[2**40]]), "must lie in 0..2147483647"),
        (np.array([[np.inf]]), "must lie in 0..2147483647"),
        (np.array([[0.5]]), "must be whole numbers"),
        (np.zeros((2, 2, 2, 2)), "must have two sides"),
        (np.array([["a"]]), "a mask must hold numbers"),
        (np.array([[1j]]), "a mask must hold numbers"),
    ],
    ids=range(7),
)
def test_values_that_mean_nothing_are_refused(tmp_path: Path, array: Any, why: str) -> None:
    with pytest.raises(UnreadableImage, match=why):
        read_mask(npy(tmp_path / "m.npy", array), 100)


def test_a_png_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0)
    file = io.BytesIO()
    file.write(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    )
    (tmp_path / "m.png").write_bytes(file.getvalue())
    with pytest.raises(UnreadableImage, match="at most 100 pixels"):
        read_mask(tmp_path / "m.png", 100)


def test_a_mask_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="cannot be read, No such file"):
        read_mask(tmp_path / "m.npy", 100)
