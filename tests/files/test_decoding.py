"""Every way a picture may be stored gives its pixels; every damaged file one line, and nothing on the error stream."""

from __future__ import annotations

import contextlib
import io
import struct
import subprocess
import sys
import zlib
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from dscope_blink.files.decoding import decode_image, holds_several, to_gray
from dscope_blink.records import UnreadableImage
from tests.builders.settings import ROOT

LIMIT = 1_000_000
ROWS, COLUMNS = np.indices((48, 64))
GREY = (2 * ROWS + COLUMNS + 20).astype(np.uint8)
RGB = np.dstack([GREY, 255 - GREY, GREY[::-1]])
BGR = RGB[..., ::-1]
ALPHA = np.where(COLUMNS < 32, 0, 200).astype(np.uint8)
GREY_16 = GREY.astype(np.uint16) * 257 + ROWS.astype(np.uint16)
BGR_16 = BGR.astype(np.uint16) * 257 + COLUMNS[..., None].astype(np.uint16)


@pytest.fixture(autouse=True)
def _silence(capfd):
    """No decoder may write to the terminal, the C libraries below it included."""
    yield
    assert capfd.readouterr() == ("", "")


def stored(pixels, kind, mode=None, **options):
    """A file as Pillow writes it."""
    file, image = io.BytesIO(), Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def by_opencv(pixels, ending):
    return cv2.imencode(ending, pixels)[1].tobytes()


def assert_pixels(data, expected):
    picture = decode_image(data, LIMIT)
    assert picture.dtype == expected.dtype
    np.testing.assert_array_equal(picture, expected)


# --- what is stored comes out


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize(("pixels", "expected"), [(GREY, GREY), (RGB, BGR)], ids=["grey", "colour"])
def test_eight_bits_come_out_as_they_were_stored(kind, pixels, expected):
    assert_pixels(stored(pixels, kind), expected)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_compressed_tiff_comes_out_as_it_was_stored(compression):
    assert_pixels(stored(RGB, "TIFF", compression=compression), BGR)


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
@pytest.mark.parametrize(("pixels", "expected"), [(GREY, GREY), (RGB, BGR)], ids=["grey", "colour"])
def test_a_jpeg_differs_by_its_compression_only(options, pixels, expected):
    picture = decode_image(stored(pixels, "JPEG", quality=95, **options), LIMIT)
    assert picture.dtype == np.uint8
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).max() <= 8


@pytest.mark.parametrize("ending", [".png", ".tiff"])
@pytest.mark.parametrize("pixels", [GREY_16, BGR_16], ids=["grey", "colour"])
def test_sixteen_bits_stay_sixteen(ending, pixels):
    assert_pixels(by_opencv(pixels, ending), pixels)


def test_sixteen_bits_with_the_high_byte_first_come_out_in_the_right_order():
    swapped = Image.frombytes("I;16B", GREY_16.shape[::-1], GREY_16.astype(">u2").tobytes())
    file = io.BytesIO()
    swapped.save(file, "TIFF")
    assert_pixels(file.getvalue(), GREY_16)


def test_transparency_is_dropped_and_the_colour_below_it_kept():
    assert_pixels(stored(np.dstack([RGB, ALPHA]), "PNG"), BGR)
    assert_pixels(stored(np.dstack([RGB, ALPHA]), "TIFF"), BGR)
    assert_pixels(by_opencv(np.dstack([BGR_16, ALPHA.astype(np.uint16) * 257]), ".png"), BGR_16)


def test_grey_with_transparency_is_its_grey():
    file = io.BytesIO()
    Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)]).save(file, "PNG")
    assert_pixels(file.getvalue(), np.dstack([GREY] * 3))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("options", [{}, {"transparency": 3}], ids=["opaque", "with a transparent entry"])
def test_a_palette_is_looked_up(kind, options):
    coarse = (GREY // 32).astype(np.uint8)
    image = Image.fromarray(coarse)
    image = image.convert("P")
    palette = [(7 * k, 30 * k, 255 - 30 * k) for k in range(8)]
    image.putpalette([value for entry in palette for value in entry])
    file = io.BytesIO()
    image.save(file, kind, **(options if kind == "PNG" else {}))
    assert_pixels(file.getvalue(), np.array(palette, np.uint8)[coarse][..., ::-1])


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(kind):
    black_and_white = np.where((ROWS // 5 + COLUMNS // 7) % 2, 255, 0).astype(np.uint8)
    assert_pixels(stored(black_and_white, kind, "1"), np.dstack([black_and_white] * 3))


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
@pytest.mark.parametrize(
    ("ink", "bgr"),
    [((0, 0, 0, 0), (255, 255, 255)), ((255, 0, 0, 0), (255, 255, 0)), ((0, 0, 0, 255), (0, 0, 0))],
    ids=["none is white", "cyan", "black"],
)
def test_printing_inks_become_the_light_they_leave(kind, ink, bgr):
    file = io.BytesIO()
    Image.new("CMYK", (32, 32), ink).save(file, kind)
    picture = decode_image(file.getvalue(), LIMIT)
    assert np.abs(picture.reshape(-1, 3).astype(int) - bgr).max() <= 3


def test_a_number_in_the_layout_of_the_file_is_not_taken_for_the_depth():
    # A compressed TIFF says where its directory lies, and in one of twelve that place holds the digits 16.
    rough = np.random.default_rng(0).integers(0, 256, (12, 140, 4), np.uint8)
    for width in range(60, 140):
        pixels = rough[:, :width]
        assert_pixels(stored(pixels, "TIFF", compression="tiff_lzw"), pixels[..., 2::-1])


ORIENTATIONS = range(1, 9)


def exif(orientation):
    tags = Image.Exif()
    tags[274] = orientation
    return tags


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_stays_as_stored_whatever_turn_its_exif_asks_for(kind, orientation):
    plain, turned = (decode_image(stored(RGB, kind, exif=exif(k)), LIMIT) for k in (1, orientation))
    np.testing.assert_array_equal(turned, plain)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(("pixels", "expected"), [(GREY, GREY), (RGB, BGR), (GREY_16, GREY_16)])
def test_a_tiff_stays_as_stored_whatever_turn_its_tag_asks_for(pixels, expected, orientation):
    assert_pixels(stored(pixels, "TIFF", tiffinfo={274: orientation}), expected)


TIFF_TYPES = {3: "H", 4: "I"}


def tiff_file(blocks, shape, bits, *tags, end="<"):
    """A TIFF as Pillow does not write it: samples in strips or tiles, no compression; tags as number, type, values."""
    depth = shape[2] if len(shape) == 3 else 1
    places = [8 + sum(map(len, blocks[:k])) for k in range(len(blocks))]
    at, sizes = (324, 325) if any(tag == 322 for tag, *_ in tags) else (273, 279)
    plain = {256: (4, shape[1]), 257: (4, shape[0]), 258: (3, *[bits] * depth), 259: (3, 1), 277: (3, depth)}
    plain |= {278: (4, shape[0]), 262: (3, 2 if depth > 1 else 1), at: (4, *places), sizes: (4, *map(len, blocks))}
    body, entries = b"".join(blocks), []
    for tag, (kind, *values) in sorted((plain | {tag: rest for tag, *rest in tags}).items()):
        data = struct.pack(f"{end}{len(values)}{TIFF_TYPES[kind]}", *values)
        if len(data) > 4:
            body, data = body + data, struct.pack(end + "I", 8 + len(body))
        entries.append(struct.pack(end + "HHI", tag, kind, len(values)) + data.ljust(4, b"\0"))
    head = {"<": b"II*\0", ">": b"MM\0*"}[end] + struct.pack(end + "I", 8 + len(body))
    return head + body + struct.pack(end + "H", len(entries)) + b"".join(entries) + bytes(4)


def deep_tiff(bgr, orientation):
    """A TIFF of 16-bit colour."""
    return tiff_file([bgr[..., ::-1].astype("<u2").tobytes()], bgr.shape, 16, (274, 3, orientation))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_colour_of_sixteen_bits_stays_as_stored_whatever_turn_is_asked_for(orientation):
    assert_pixels(deep_tiff(BGR_16, orientation), BGR_16)
    png, tags = by_opencv(BGR_16, ".png"), b"eXIf" + exif(orientation).tobytes().removeprefix(b"Exif\0\0")
    turned = png[:33] + struct.pack(">I", len(tags) - 4) + tags + struct.pack(">I", zlib.crc32(tags)) + png[33:]
    assert_pixels(turned, BGR_16)


both_ends = pytest.mark.parametrize("end", ["<", ">"], ids=["low byte first", "high byte first"])
deep_and_plain = pytest.mark.parametrize("pixels", [GREY, BGR, GREY_16, BGR_16], ids=["8", "3 x 8", "16", "3 x 16"])


def sample_bytes(pixels, end):
    ordered = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    return ordered.astype(ordered.dtype.newbyteorder(end)).tobytes()


@both_ends
@deep_and_plain
def test_a_tiff_of_tiles_is_put_together(pixels, end):
    tiles = [sample_bytes(pixels[y : y + 16, x : x + 16], end) for y in range(0, 48, 16) for x in range(0, 64, 16)]
    bits = 8 * pixels.itemsize
    assert_pixels(tiff_file(tiles, pixels.shape, bits, (322, 4, 16), (323, 4, 16), end=end), pixels)


@pytest.mark.parametrize("pixels", [GREY, GREY_16], ids=["8 bits", "16 bits"])
def test_a_tiff_whose_white_is_zero_is_no_negative(pixels):
    data = tiff_file([sample_bytes(pixels, "<")], pixels.shape, 8 * pixels.itemsize, (262, 3, 0))
    assert_pixels(data, ~pixels)


@both_ends
def test_planes_of_eight_bits_one_after_the_other_are_put_together(end):
    planes = [BGR[..., k].tobytes() for k in (2, 1, 0)]
    assert_pixels(tiff_file(planes, BGR.shape, 8, (284, 3, 2), end=end), BGR)


def test_of_a_tiff_of_several_pages_the_first_is_taken():
    pages = [Image.fromarray(GREY[::-1].copy())] * 3
    data = stored(GREY, "TIFF", save_all=True, append_images=pages)
    assert holds_several(data)
    assert_pixels(data, GREY)


def preview_then(*pages):
    """Pages of a TIFF, the first of them a preview of another."""
    file = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(file, True) as writer:
        for number, page in enumerate(pages):
            Image.fromarray(page).save(writer, "TIFF", tiffinfo={254: int(number == 0)})
            writer.newFrame()
    return file.getvalue()


def test_a_preview_is_not_the_picture():
    small = np.ascontiguousarray(GREY[::2, ::2])
    assert_pixels(preview_then(small, GREY, GREY[::-1].copy()), GREY)
    assert_pixels(preview_then(small, GREY_16), GREY_16)
    with pytest.raises(UnreadableImage, match="only a preview"):
        decode_image(preview_then(small), LIMIT)
    with pytest.raises(UnreadableImage, match="at most 1000 pixels, it has 64 x 48"):
        decode_image(preview_then(small, GREY), 1000)


def test_of_an_animated_png_the_first_frame_is_taken():
    data = stored(RGB, "PNG", save_all=True, append_images=[Image.fromarray(RGB[::-1].copy())])
    assert holds_several(data)
    assert_pixels(data, BGR)


def test_of_a_jpeg_of_several_pictures_the_first_is_taken():
    turned = Image.fromarray(RGB[::-1].copy())
    data = stored(RGB, "MPO", save_all=True, append_images=[turned], quality=95)
    assert holds_several(data)
    assert np.abs(decode_image(data, LIMIT).astype(int) - BGR).max() <= 8


def test_inks_that_are_stored_as_light_and_black_become_the_light_they_leave():
    # Adobe's YCCK: its marker says that the first three planes are luma and chroma of the inks; Pillow inverts all.
    luma_and_chroma = Image.fromarray(RGB).convert("YCbCr").split()
    file = io.BytesIO()
    Image.merge("CMYK", (*luma_and_chroma, Image.new("L", luma_and_chroma[0].size, 0))).save(file, "JPEG", quality=95)
    data = file.getvalue()
    at = data.index(b"Adobe") + 11
    patched = data[:at] + b"\2" + data[at + 1 :]
    assert np.abs(decode_image(patched, LIMIT).astype(int) - BGR).max() <= 8


# --- what cannot be read says why


@cache
def samples():
    """A file of every format by name."""
    rough = np.random.default_rng(0).integers(0, 256, RGB.shape, np.uint8)  # smooth ones shrink to a few bytes
    return {
        "grey PNG": stored(rough[..., 0], "PNG"),
        "colour PNG": stored(rough, "PNG"),
        "deep PNG": by_opencv(rough.astype(np.uint16) * 257, ".png"),
        "JPEG": stored(rough, "JPEG"),
        "progressive JPEG": stored(rough, "JPEG", progressive=True),
        "TIFF": stored(rough, "TIFF"),
        "BMP": stored(rough, "BMP"),
    }


every_sample = pytest.mark.parametrize("name", samples())


@every_sample
@pytest.mark.parametrize("share", [0.02, *(k / 10 for k in range(1, 10))])
def test_a_truncated_file_is_refused(name, share):
    data = samples()[name]
    with pytest.raises(UnreadableImage, match=r"^[^\n]+$"):
        decode_image(data[: int(share * len(data))], LIMIT)


@pytest.mark.parametrize("name", [name for name in samples() if name != "deep PNG"])  # libpng tells of its missing end
def test_a_file_cut_short_by_a_few_bytes_gives_the_whole_picture_or_none(name):
    data = samples()[name]
    whole = decode_image(data, LIMIT)
    for missing in range(1, 40):
        with contextlib.suppress(UnreadableImage):
            np.testing.assert_array_equal(decode_image(data[:-missing], LIMIT), whole)


@pytest.mark.parametrize("data", [b"", b"this is no picture\n", b"\0" * 5000, b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(UnreadableImage):
        decode_image(data, LIMIT)


def test_an_empty_file_is_called_empty():
    with pytest.raises(UnreadableImage, match=r"^the file is empty$"):
        decode_image(b"", LIMIT)


def test_text_is_called_no_picture():
    with pytest.raises(UnreadableImage, match=r"^no picture that can be read, of PNG, JPEG, TIFF, BMP, JSON$"):
        decode_image(b"this is no picture\n", LIMIT)


def test_a_picture_of_the_most_pixels_allowed_is_read_and_one_more_refused_with_both_figures():
    data = stored(GREY, "PNG")
    assert decode_image(data, 64 * 48).shape == (48, 64)
    with pytest.raises(UnreadableImage, match="at most 3071 pixels, it has 64 x 48"):
        decode_image(data, 64 * 48 - 1)


def test_a_file_that_claims_a_huge_picture_is_refused_before_it_is_unpacked():
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(UnreadableImage, match=f"at most {LIMIT} pixels"):
        decode_image(png + samples()["grey PNG"][33:], LIMIT)


def test_grey_levels_that_are_no_whole_numbers_are_refused_by_their_mode():
    with pytest.raises(UnreadableImage, match="8 or 16 bits, got Pillow's mode 'F'"):
        decode_image(stored(GREY.astype(np.float32), "TIFF"), LIMIT)


def not_read(data, reason):
    with pytest.raises(UnreadableImage, match=reason):
        decode_image(data, LIMIT)


@both_ends
def test_colour_of_sixteen_bits_in_separate_planes_is_refused_for_it_would_be_read_wrongly(end):
    planes = [BGR_16[..., k].astype(f"{end}u2").tobytes() for k in (2, 1, 0)]
    not_read(tiff_file(planes, BGR.shape, 16, (284, 3, 2), end=end), "pixel by pixel")


def test_printing_inks_of_sixteen_bits_are_refused():
    inks = np.dstack([BGR_16, GREY_16])
    not_read(tiff_file([inks.tobytes()], inks.shape, 16, (262, 3, 5)), "must be red, green, blue")


@both_ends
def test_grey_levels_below_zero_are_refused(end):
    data = tiff_file([GREY_16.astype(f"{end}i2").tobytes()], GREY.shape, 16, (339, 3, 2), end=end)
    not_read(data, "Pillow's mode 'I'")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PPM", "EPS"])
def test_a_picture_of_another_format_is_refused_whatever_its_name(kind):
    not_read(stored(GREY, kind), "no picture that can be read, of PNG, JPEG, TIFF, BMP")


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(side):
    """A whole PNG of black pixels: one packed block of a million zeros, again and again."""
    packer, count = zlib.compressobj(9, zlib.DEFLATED, -15), side * (side + 1) // 10**6 + 1
    block = packer.compress(bytes(10**6)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = b"\3\0" + struct.pack(">I", (count * 10**6 % 65521) << 16 | 1)  # last block; Adler-32 of zeros
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b"\x78\xda" + block * count + end), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def tiff_bomb(side):
    """A whole TIFF of black pixels, packed in 100 strips."""
    strips = [zlib.compress(bytes(side * side // 100), 9)] * 100
    return tiff_file(strips, (side, side), 8, (259, 3, 8), (278, 4, side // 100))


@pytest.mark.parametrize("bomb", [png_bomb, tiff_bomb])
def test_a_bomb_small_enough_for_the_limit_is_a_picture(bomb):
    assert_pixels(bomb(1000), np.zeros((1000, 1000), np.uint8))


MEASURE = """
import sys
from pathlib import Path
from dscope_blink.files.decoding import decode_image
from dscope_blink.records import UnreadableImage
peak_kb = lambda: int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
data = Path(sys.argv[1]).read_bytes()
before = peak_kb()
try:
    decode_image(data, 200_000_000)
except UnreadableImage as error:
    print(peak_kb() - before, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="this system does not tell the largest memory of a process")
@pytest.mark.parametrize("bomb", [png_bomb, tiff_bomb])
def test_a_bomb_of_2500_million_pixels_is_refused_before_memory_is_taken_for_it(tmp_path, bomb):
    (tmp_path / "bomb").write_bytes(bomb(50_000))
    done = subprocess.run([sys.executable, "-c", MEASURE, tmp_path / "bomb"], cwd=ROOT, capture_output=True, check=True)
    taken_kb, _, message = done.stdout.decode().strip().partition(" ")
    assert message == "the picture must have at most 200000000 pixels, it has 50000 x 50000"
    assert int(taken_kb) < 20_000


def test_a_side_too_long_for_opencv_is_refused_with_its_length():
    assert decode_image(stored(np.zeros((2, 32766), np.uint8), "PNG"), LIMIT).shape == (2, 32766)
    with pytest.raises(UnreadableImage, match="at most 32766 pixels, the picture has 32767 x 2"):
        decode_image(stored(np.zeros((2, 32767), np.uint8), "PNG"), LIMIT)


def test_the_limit_is_that_of_the_configuration_also_above_that_of_pillow():
    data = stored(np.zeros((14_000, 13_000), np.uint8), "PNG", "1", compress_level=1)
    with pytest.raises(UnreadableImage, match="at most 181999999 pixels, it has 13000 x 14000"):
        decode_image(data, 13_000 * 14_000 - 1)


@every_sample
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=st.data())
def test_whatever_is_damaged_gives_a_picture_or_one_line(name, capfd, change):
    data = bytearray(samples()[name])
    for _ in range(change.draw(st.integers(1, 4))):
        data[change.draw(st.integers(0, min(len(data), 300) - 1))] = change.draw(st.integers(0, 255))
    try:
        picture, message = decode_image(bytes(data), LIMIT), ""
    except UnreadableImage as error:
        picture, message = GREY, str(error)
    assert "\n" not in message
    assert picture.dtype in (np.uint8, np.uint16)
    assert picture.ndim == 2 or picture.shape[2] == 3
    capfd.readouterr()  # libtiff and libpng tell of some damage themselves


@pytest.mark.accuracy
def test_photographs_with_stray_bytes_are_read_like_in_any_viewer(shared, capfd):
    # Stray bytes before a marker and slack after the end of the picture: a strict check would refuse them.
    files = sorted((shared / "endfaces").glob("pal_*.jpg"))
    pictures = [decode_image(file.read_bytes(), LIMIT) for file in files]
    assert {picture.shape[:2] for picture in pictures} == {(576, 720)}
    assert capfd.readouterr() == ("", "")
    for file, picture in zip(files, pictures, strict=True):
        reference = np.asarray(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE), np.float32)
        assert np.abs(255 * to_gray(picture) - reference).max() < 6, file.name
    capfd.readouterr()  # OpenCV tells of the stray bytes


# --- grey levels


@pytest.mark.parametrize("pixels", [GREY, GREY_16], ids=["8 bits", "16 bits"])
def test_grey_levels_run_from_zero_to_one(pixels):
    full = np.iinfo(pixels.dtype).max
    gray = to_gray(np.array([[0, full // 2, full]], pixels.dtype))
    assert gray.dtype == np.float32
    assert gray[0] == pytest.approx([0, 0.5, 1], abs=0.002)
    assert to_gray(pixels) == pytest.approx(pixels / full, abs=1e-6)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_camera_of_fewer_bits_fills_the_range_too(bits):
    white = 2**bits - 1
    assert to_gray(np.array([[0, white]], np.uint16))[0] == pytest.approx([0, 1])


def test_levels_at_the_end_of_a_range_are_saturated_only_where_they_pile_up():
    # Noise about 1017 of 4095 ends at 1023 by chance; a camera of 10 bits that is saturated has 1023 everywhere.
    bright = np.random.default_rng(0).normal(1017, 2, (80, 80)).clip(900, 1023).round().astype(np.uint16)
    bright[:40] = 600
    assert to_gray(bright).max() < 0.98
    saturated = np.minimum(bright + np.uint16(20), 1023).astype(np.uint16)
    assert (to_gray(saturated)[40:] == 1).all()


@pytest.mark.parametrize("offset", [0, 32768])
def test_black_may_be_the_zero_of_a_signed_number(offset):
    levels = np.random.default_rng(0).integers(100, 3500, (60, 60)).astype(np.uint16)
    assert to_gray(levels + np.uint16(offset)) == pytest.approx(levels / 4095, abs=1e-6)


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("pixels", [GREY, GREY_16], ids=["8 bits", "16 bits"])
def test_a_picture_in_one_channel_has_the_grey_levels_of_that_channel(pixels, channel):
    picture = np.zeros((*pixels.shape, 3), pixels.dtype)
    picture[..., channel] = pixels
    np.testing.assert_array_equal(to_gray(picture), to_gray(pixels))


@pytest.mark.parametrize("pixels", [BGR, BGR_16], ids=["8 bits", "16 bits"])
def test_the_grey_of_a_colour_is_its_luma(pixels):
    full = np.iinfo(pixels.dtype).max
    luma = pixels @ np.array([0.114, 0.587, 0.299]) / full  # ITU-R BT.601
    assert to_gray(pixels) == pytest.approx(luma, abs=0.003)


def test_a_grey_picture_stored_as_colour_has_the_same_grey_levels():
    assert to_gray(np.dstack([GREY_16] * 3)) == pytest.approx(to_gray(GREY_16), abs=2e-5)
