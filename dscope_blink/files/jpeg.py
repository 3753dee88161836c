"""JPEG by libjpeg-turbo, which is asked what it warned of: a part that is missing; the only home of simplejpeg"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from dscope_blink.records import UnreadableImage

Layout: TypeAlias = Literal["GRAY", "BGR", "CMYK"]

START, END, TABLES_AND_FRAMES = 0xD8, 0xD9, range(0xC0, 0xD0)
SCAN, QUANTIZATION, LINES, RESTARTS, JFIF, ADOBE = 0xDA, 0xDB, 0xDC, 0xDD, 0xE0, 0xEE
NOT_FRAMES = (0xC4, 0xC8, 0xCC)  # Huffman tables, reserved, arithmetic conditioning
SEQUENTIAL, PROGRESSIVE = (0xC0, 0xC1), 0xC2
NO_LENGTH = (0x01, *range(0xD0, 0xD8))
PIXELS_NEED = (*TABLES_AND_FRAMES, SCAN, QUANTIZATION, LINES, RESTARTS, JFIF, ADOBE)
LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
COEFFICIENTS, UNSENT = 64, 99
SHORTEST_SCAN = 6  # bytes of its head: one component


class _Segment(NamedTuple):
    marker: int
    body: bytes  # without marker and length
    coded: bytes = b""  # the pixels that follow a scan


def decode_jpeg(data: bytes, layout: Layout, max_pixels: int) -> NDArray[np.uint8]:
    """Decode the first picture of a JPEG file, if the whole of it is there.

    What every viewer opens is read: stray bytes between the segments before the pixels, padding behind them, and
    whatever follows the end of the picture.

    Parameters
    ----------
    data : the file
    layout : of the pixels to be given; CMYK only where the file has it
    max_pixels : pictures with more pixels, or whose scans go through more than MOST_PASSES times as many, are refused

    Returns
    -------
    (H, W) of GRAY, else (H, W, channels) uint8

    Raises
    ------
    UnreadableImage : a part of the picture is missing or damaged, or it asks for too much
    """
    segments = tuple(_segments(data))
    frame = _frame(segments)
    _check_work(segments, frame, max_pixels)
    _check_scans(segments, frame)
    plain = b"\xff\xd8" + b"".join(_bytes(segment, frame) for segment in segments) + b"\xff\xd9"
    try:
        pixels = _decoded(plain, layout, strict=True)
    except ValueError as error:
        if not _is_padding(str(error), segments):
            raise UnreadableImage(f"the decoder says: {error}") from None
        pixels = _decoded(plain, layout, strict=False)
    return pixels[..., 0] if layout == "GRAY" else pixels


def _decoded(data: bytes, layout: Layout, strict: bool) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, layout, fastdct=False, fastupsample=False, strict=strict)
    return pixels


def _segments(data: bytes) -> Iterator[_Segment]:
    """What gives the pixels of the first picture, in order; stray bytes between segments are passed over."""
    array = np.frombuffer(data, np.uint8)
    at = np.flatnonzero(array[:-1] == 0xFF)
    markers = at[~np.isin(array[at + 1], (0x00, 0xFF))]
    next_one, end = 0, len(markers)
    while next_one < end:
        place = int(markers[next_one])
        marker, behind = data[place + 1], place + 2
        next_one += 1
        if marker == END:
            return
        if marker in (START, *NO_LENGTH):
            continue
        behind += int.from_bytes(data[behind : behind + 2], "big")
        next_one = int(np.searchsorted(markers, behind))
        body, coded = data[place + 4 : behind], b""
        if marker == SCAN:
            while next_one < end and data[int(markers[next_one]) + 1] in NO_LENGTH:
                next_one += 1
            coded = data[behind : int(markers[next_one]) if next_one < end else len(data)]
        if marker == SCAN and len(body) < SHORTEST_SCAN:
            raise UnreadableImage("the head of a scan is damaged")
        if marker in PIXELS_NEED:
            yield _Segment(marker, body, coded)
    raise UnreadableImage("the end of the picture is missing")


def _bytes(segment: _Segment, frame: _Segment) -> bytes:
    """As in the file; scans of some telephones say what only those of progressive frames may, and are read as meant."""
    body = segment.body
    if segment.marker == SCAN and frame.marker in SEQUENTIAL:
        body = body[:-3] + bytes((0, COEFFICIENTS - 1, 0))
    return bytes((0xFF, segment.marker)) + (len(body) + 2).to_bytes(2, "big") + body + segment.coded


def _frame(segments: tuple[_Segment, ...]) -> _Segment:
    frames = [s for s in segments if s.marker in TABLES_AND_FRAMES and s.marker not in NOT_FRAMES]
    if len(frames) != 1 or frames[0].marker not in (*SEQUENTIAL, PROGRESSIVE):
        raise UnreadableImage("a JPEG must be baseline or progressive, of one frame")
    return frames[0]


def _check_work(segments: tuple[_Segment, ...], frame: _Segment, max_pixels: int) -> None:
    """Each scan goes through the whole picture, however few bytes it has: ten thousand fit into a small file."""
    height, width = (int.from_bytes(frame.body[at : at + 2], "big") for at in (1, 3))
    if width * height > max_pixels:
        raise UnreadableImage(f"the picture must have at most {max_pixels} pixels, it has {width} x {height}")
    scans = sum(segment.marker == SCAN for segment in segments)
    if scans > MOST_PASSES and (scans > MOST_SCANS or scans * width * height > MOST_PASSES * max_pixels):
        raise UnreadableImage(f"a picture of {width} x {height} pixels must not have {scans} scans")


MOST_PASSES, MOST_SCANS = 16, 200  # libjpeg writes 10 scans of a picture, and no program many more


def _check_scans(segments: tuple[_Segment, ...], frame: _Segment) -> None:
    """Whether all that makes the picture was sent: libjpeg is silent of scans that are missing as a whole.

    ITU-T T.81 (1992), B.2.3 and G.1.1: which coefficients of which components a scan sends, and down to which bit.
    """
    sent = {number: np.full(COEFFICIENTS, UNSENT) for number in frame.body[6::3]}
    for scan in (segment.body for segment in segments if segment.marker == SCAN):
        count, (first, last, bits) = scan[0], scan[-3:]
        if frame.marker in SEQUENTIAL:
            first, last, bits = 0, COEFFICIENTS - 1, 0
        for number in scan[1 : 1 + 2 * count : 2]:
            if number in sent:
                sent[number][first : last + 1] = bits & 15
    if any(bits.any() for bits in sent.values()):
        raise UnreadableImage("the last scans of the picture are missing")


def _is_padding(warning: str, segments: tuple[_Segment, ...]) -> bool:
    """Whether a warning is only of equal bytes between the last pixels and the end, with which some cameras fill up."""
    left_over = LEFT_OVER.search(warning)
    coded = segments[-1].coded
    return left_over is not None and len(set(coded[len(coded) - int(left_over[1]) :])) <= 1
