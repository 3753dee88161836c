"""Files that no program should fall over: damaged, lying, swelling, misnamed, or of another kind; the same by seed."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count as numbers

import numpy as np
from PIL import Image

from benchmarks.soak.bombs import BOMBS, bomb_file, png
from benchmarks.soak.program import FACE
from dscope_blink.synthetic.faces import render_face

Change = Callable[[bytes, np.random.Generator], bytes]

ENDINGS = ("png", "jpg", "jpeg", "tif", "tiff", "bmp", "json", "PNG", "JPG")


def hostile_files(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Files to inspect, no two of the same name or the same bytes, always the same for a seed.

    Parameters
    ----------
    seed : of what is drawn by chance
    count : how many; first all of BOMBS and what is empty or no picture, then damaged pictures

    Yields
    ------
    Name, plain ASCII with an ending that pictures have, and content
    """
    rng, seen, given = np.random.default_rng(seed), set[bytes](), 0
    for name, data in _endless(rng):
        if given == count:
            return
        mark = hashlib.sha256(data).digest()
        if mark not in seen:
            seen.add(mark)
            yield f"{given:04d}_{name}", data
            given += 1


def _endless(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    yield from _bombs()
    yield from ((f"{name}.{ending}", data) for (name, data), ending in zip(_strangers(), _cycled(), strict=False))
    sound = sound_files()
    kinds, changes = list(sound), list(CHANGES)
    for number in numbers():
        kind = kinds[number % len(kinds)]
        change = changes[number // len(kinds) % len(changes)]
        ending = kind.split("_")[0] if number % 7 else ENDINGS[int(rng.integers(len(ENDINGS)))]
        yield f"{kind}_{change}.{ending}", CHANGES[change](sound[kind], rng)


@cache
def _bombs() -> tuple[tuple[str, bytes], ...]:
    return tuple((bomb_file(name), build()) for name, build in BOMBS.items())


def _cycled() -> Iterator[str]:
    return (ENDINGS[n % len(ENDINGS)] for n in numbers())


@cache
def sound_files() -> dict[str, bytes]:
    """A whole file of every kind that is read; what comes before `_` is its ending."""
    face = Image.fromarray(render_face(FACE, (), np.random.default_rng(0)).image)
    small = face.resize((80, 60))
    found = {kind: _as(face, name) for kind, name in (("png", "PNG"), ("jpg", "JPEG"), ("bmp", "BMP"))}
    found["png_blank"] = _as(Image.new("L", (40, 30), 128), "PNG")
    found["bmp_colour"] = _as(small.convert("RGB"), "BMP")
    found["jpg_progressive"] = _as(face.convert("RGB"), "JPEG", progressive=True)
    found["jpg_inks"] = _as(small.convert("CMYK"), "JPEG")
    found["png_palette"] = _as(small.convert("P"), "PNG")
    found["png_deep"] = _as(Image.fromarray(np.asarray(small).astype(np.uint16) * 257), "PNG")
    for packing in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        found[f"tif_{packing.removeprefix('tiff_')}"] = _as(face, "TIFF", compression=packing)
    found["tif_pages"] = _as(small, "TIFF", save_all=True, append_images=[small] * 3)
    rows = ",".join(f"[{','.join(map(str, row))}]" for row in np.asarray(small.resize((24, 20))).tolist())
    found["json"] = f'{{"width": 24, "height": 20, "depth": 8, "pixels": [{rows}]}}'.encode()
    return found


def _as(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


# --- what is done to them


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(1, len(data)))]


def _flipped(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for at in rng.integers(0, len(data), int(rng.integers(1, 30))):
        changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _head_lies(data: bytes, rng: np.random.Generator) -> bytes:
    """Other bytes among the first, where sizes and places stand."""
    changed, room = bytearray(data), min(len(data), 160)
    for at in rng.integers(4, room, int(rng.integers(1, 6))):
        changed[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))
    return bytes(changed)


def _number_lies(data: bytes, rng: np.random.Generator) -> bytes:
    """A whole number of 2 or 4 bytes is exchanged for one at the end of a range."""
    form = str(rng.choice(["<H", ">H", "<I", ">I"]))
    size = struct.calcsize(form)
    most = 256**size - 1
    value = int(rng.choice([0, 1, most, most // 2, most // 2 + 1, 65_500 % (most + 1)]))
    at = int(rng.integers(2, min(len(data), 400) - size))
    return data[:at] + struct.pack(form, value) + data[at + size :]


def _blanked(data: bytes, rng: np.random.Generator) -> bytes:
    at, size = int(rng.integers(len(data))), int(rng.integers(1, 2_000))
    return data[:at] + bytes([int(rng.choice([0, 255]))]) * min(size, len(data) - at) + data[at + size :]


def _lacks(data: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(data)))
    return data[:at] + data[at + int(rng.integers(1, 500)) :]


def _doubled(data: bytes, rng: np.random.Generator) -> bytes:
    low, high = sorted(int(place) for place in rng.integers(0, len(data), 2))
    return data[:high] + data[low:high] * int(rng.integers(1, 4)) + data[high:]


def _with_noise(data: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(data)))
    return data[:at] + rng.bytes(int(rng.integers(1, 600))) + data[at:]


def _spliced(data: bytes, rng: np.random.Generator) -> bytes:
    """The beginning of one file and the end of another."""
    others = list(sound_files().values())
    other = others[int(rng.integers(len(others)))]
    return data[: int(rng.integers(1, len(data)))] + other[int(rng.integers(len(other))) :]


def _headless(data: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(int(rng.integers(1, 24))) + data[int(rng.integers(1, 24)) :]


def _followed(data: bytes, rng: np.random.Generator) -> bytes:
    """Whole, and something behind its end."""
    return data + rng.bytes(int(rng.integers(1, 5_000)))


def _text_like(data: bytes, rng: np.random.Generator) -> bytes:
    """As a program that moves texts leaves it: line ends changed, or what is no UTF-8 replaced."""
    if rng.integers(2):
        return data.replace(b"\n", b"\r\n") + rng.bytes(1)
    return data.decode("utf-8", "replace").encode() + rng.bytes(1)


CHANGES: dict[str, Change] = {
    "cut": _cut,
    "flipped": _flipped,
    "head_lies": _head_lies,
    "number_lies": _number_lies,
    "blanked": _blanked,
    "lacks": _lacks,
    "doubled": _doubled,
    "with_noise": _with_noise,
    "spliced": _spliced,
    "headless": _headless,
    "followed": _followed,
    "text_like": _text_like,
}


# --- what is no picture


def _strangers() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "one_byte", b"\0"
    yield "zeros", bytes(10_000)
    yield "text", b"no picture\n" * 50
    yield "text_wide", "no picture".encode("utf-16")
    yield "page", b"<!DOCTYPE html><script>alert(1)</script>"
    yield "drawing", b'<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"/>'
    yield "script", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n"
    yield "zip", _zip()
    yield "gzip", gzip.compress(bytes(2**20), mtime=0)
    yield "tar", _tar()
    yield "only_signature", b"\x89PNG\r\n\x1a\n"
    yield "only_start", b"\xff\xd8"
    yield "only_order", b"II*\0"
    yield "only_letters", b"BM"
    yield "no_pixels", png(16, 16, 8, 0, b"")
    yield "record", b'{"schema": "dscope-blink/inspection/2", "pixels": [[1]]}'
    yield "list", b"[]"
    yield "object", b'{"width": 1, "width": 2, "height": 1, "depth": 8, "pixels": [[0]]}'
    yield "infinite", b'{"width": 1, "height": 1, "depth": 8, "pixels": [[1e999]]}'
    yield "not_a_number", b'{"width": 1, "height": 1, "depth": 8, "pixels": [[NaN]]}'
    yield "large_number", b'{"width": 1, "height": 1, "depth": 8, "um_per_px": 1' + b"0" * 400 + b', "pixels": [[0]]}'


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("../a.png"), bytes(2**20))
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.png"))
    return file.getvalue()
