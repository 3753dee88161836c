"""Bytes of a picture file <-> pixels, and a text that a PNG file carries; the only home of Pillow."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import TiffImageFile

from dscope_blink.files.bit_depth import png_bits, tiff_bits
from dscope_blink.files.completeness import check_png, check_tiff
from dscope_blink.files.jpeg import Layout, decode_jpeg
from dscope_blink.files.pixel_data import LONGEST_SIDE_PX, decode_pixels, is_pixel_data, pixel_facts
from dscope_blink.records import FloatImage, Labels, UnreadableImage

Picture: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]  # (H, W) grey or (H, W, 3) blue, green, red

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")  # of no other, for some make Pillow start programs: Ghostscript for EPS
Image.MAX_IMAGE_PIXELS = None  # the limit is that of the configuration

GREY_MODES = ("L", "I;16", "I;16B", "I;16L")
BITS_TAG, INTERPRETATION_TAG, ORIENTATION_TAG, PLANES_TAG = 258, 262, 274, 284  # TIFF 6.0
SUBFILE_TAG, REDUCED = 254, 1
WHITE_IS_ZERO, RGB, SEPARATE_PLANES = 0, 2, 2
OPENCV_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
COLOUR_MODES = ("RGB", "RGBA", "RGBX", "P", "PA", "LA", "CMYK", "YCbCr", "1", "La", "RGBa")
JPEG_FORMATS = ("JPEG", "MPO")
JPEG_LAYOUTS: Mapping[str, Layout] = MappingProxyType({"L": "GRAY", "RGB": "BGR", "CMYK": "CMYK"})  # by Pillow's mode

BLACK_OF_SIGNED = 2**15  # 0 of a signed number, stored without its sign
NOT_SATURATED = 0.97  # below what counts as saturated
ONE_CHANNEL = 0.1  # of its spread have the others at most, where the signal is in one
HOT_PIXELS_BEYOND = 0.9995


def decode_image(data: bytes, max_pixels: int) -> Picture:
    """Decode a PNG, JPEG, TIFF or BMP file of 8 or 16 bits, or pixels as JSON; of several pictures in it the first.

    Parameters
    ----------
    data : the whole file
    max_pixels : pictures with more pixels are refused before they are decoded

    Returns
    -------
    (H, W) or (H, W, 3) uint8 or uint16, channels in OpenCV's order; transparency is dropped, and the picture stays
    as stored: no rotation that a tag may ask for

    Raises
    ------
    UnreadableImage
        When the file is empty, truncated, too large or no picture, or a part of its picture is missing.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    if is_pixel_data(data):
        return decode_pixels(data, max_pixels)
    try:
        with _opened(data) as image:
            return _pixels(image, data, max_pixels)
    except DAMAGED as error:
        raise UnreadableImage(_reason(error)) from None


# What files that are damaged, or made to harm, make the decoders raise: Pillow, its plugins and parsers, NumPy, OpenCV.
DAMAGED = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, AssertionError),
    *(ArithmeticError, BufferError, RuntimeError, MemoryError, struct.error, zlib.error, cv2.error),
)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged tags; damaged pixels raise
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            yield image


def png_text(data: bytes, key: str) -> str | None:
    """The text that a PNG file carries before its pixels under this key; None where there is none."""
    try:
        with _opened(data) as image:
            text = image.info.get(key) if image.format == "PNG" else None
    except DAMAGED:
        return None
    return text if isinstance(text, str) else None


def is_turned(data: bytes, max_pixels: int) -> bool:
    """Whether a tag of a picture file asks its readers to turn it, which `decode_image` does not; True if damaged."""
    if is_pixel_data(data):
        return False
    try:
        with _opened(data) as image:
            _check_size(image, max_pixels)  # Pillow decodes a PNG file to find out
            return bool(image.getexif().get(ORIENTATION_TAG, 1) != 1)
    except (UnreadableImage, *DAMAGED):
        return True


def holds_several(data: bytes) -> bool:
    """Whether a file holds more than one picture: pages of a TIFF, frames of a PNG, pictures of a JPEG.

    `decode_image` gives the first of them.
    """
    try:
        with _opened(data) as image:
            return bool(getattr(image, "is_animated", False))
    except DAMAGED:
        return False


def most_bytes(max_pixels: int) -> int:
    """How large the file of a picture of so many pixels may be."""
    return max_pixels * BYTES_PER_PIXEL + BYTES_BESIDE_PIXELS


BYTES_PER_PIXEL = 8  # of 16-bit colour with transparency, not compressed
BYTES_BESIDE_PIXELS = 2**26  # headers, tags, thumbnails, notes of the maker


def encode_png(picture: Picture, texts: Mapping[str, str]) -> bytes:
    """A grey picture as PNG, lossless.

    Parameters
    ----------
    picture : (H, W) uint8 or uint16
    texts : what the file carries beside its pixels, by key
    """
    carried, stream = PngInfo(), io.BytesIO()
    for key, text in texts.items():
        carried.add_text(key, text)
    Image.fromarray(picture).save(stream, "PNG", pnginfo=carried)
    return stream.getvalue()


def encode_indexed(values: Labels, palette: Sequence[tuple[int, int, int]]) -> bytes:
    """Values of pixels as an indexed PNG, so that it can be looked at and the values are read as they are.

    Parameters
    ----------
    values : (H, W) uint8, each less than the length of the palette
    palette : red, green and blue of each value
    """
    stream = io.BytesIO()
    image = Image.fromarray(values, "L")
    image.putpalette([level for colour in palette for level in colour])
    image.save(stream, "PNG", compress_level=INDEXED_LEVEL)
    return stream.getvalue()


INDEXED_LEVEL = 3  # large even areas: a higher one takes longer for nothing


def stated_bits(data: bytes, picture: Picture) -> int | None:
    """How many of 16 bits the levels of a picture have, as its file says; None where it does not, or has 8.

    Parameters
    ----------
    data : the whole file
    picture : as `decode_image` gave it
    """
    if picture.dtype == np.uint8:
        return None
    if is_pixel_data(data):
        return pixel_facts(data).bits
    with _opened(data) as image:
        if isinstance(image, TiffImageFile):
            _leave_previews(image)
            return tiff_bits(image.tag_v2)
        return png_bits(data, picture.astype(np.uint16, copy=False)) if image.format == "PNG" else None


def stated_scale(data: bytes) -> float | None:
    """Micrometres per pixel, as the file says; None where it does not, as no format of pictures surely does."""
    return pixel_facts(data).um_per_px if is_pixel_data(data) else None


def to_gray(picture: Picture, bits: int | None = None) -> FloatImage:
    """Grey levels 0..1 of a picture; (H, W) float32.

    Levels that all lie just above 32768 have their black there. Of colour whose signal is in one channel, that channel
    is the grey.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8 or uint16
    bits : of 16, that its levels have; None: nobody says, and the range is the least of 8, 10, 12, 14 and 16 bits that
        holds all but a few hot pixels. Whether its end is that of the camera is then not known: only where levels pile
        up there are they taken for saturated, else the brightest is put below
    """
    gray = picture if picture.ndim == 2 else _gray_of_colour(picture)
    if gray.dtype == np.uint8:
        return gray.astype(np.float32) / np.float32(255)
    gray = _from_black(gray)
    full = 2**bits - 1 if bits is not None else _assumed_full(gray)
    return np.minimum(gray.astype(np.float32) / np.float32(full), 1)


def brightest_beyond(picture: Picture, bits: int) -> int | None:
    """The brightest level of a picture of 16 bits, where it lies beyond so many bits."""
    if picture.dtype == np.uint8 or not picture.size:
        return None
    brightest = int(_from_black(picture).max())
    return brightest if brightest >= 2**bits else None


def doubtful_bits(picture: Picture) -> int | None:
    """The bits assumed for a picture of which nobody says them, where its brightest levels may be saturated or not."""
    if picture.dtype == np.uint8 or not picture.size:
        return None
    levels = _from_black(picture)
    brightest = int(np.quantile(levels, HOT_PIXELS_BEYOND))
    bits = _least_bits(brightest)
    return bits if bits < SIXTEEN and brightest >= NOT_SATURATED * (2**bits - 1) else None


SIXTEEN = 16


def _from_black(levels: Picture) -> Picture:
    if levels.size and int(levels.min()) >= BLACK_OF_SIGNED and int(levels.max()) < BLACK_OF_SIGNED + 2**14:
        return (levels - np.uint16(BLACK_OF_SIGNED)).astype(np.uint16)
    return levels


def _least_bits(brightest: int) -> int:
    return next(bits for bits in (8, 10, 12, 14, SIXTEEN) if brightest < 2**bits)


def _assumed_full(gray: Picture) -> int:
    """The level that is taken for white where nobody says it."""
    brightest = int(np.quantile(gray, HOT_PIXELS_BEYOND)) if gray.size else 0
    full: int = 2 ** _least_bits(brightest) - 1
    if brightest >= NOT_SATURATED * full and not _piles_up(gray, full):
        full = round(max(brightest, int(gray.max()) if gray.max() <= full else 0) / NOT_SATURATED)
    return full


def _piles_up(gray: Picture, full: int) -> bool:
    """Whether more pixels have the last level than the last hundredth of the range below it together."""
    last, near = int((gray == full).sum()), int(((gray >= 0.99 * full) & (gray < full)).sum())
    return last > near


def _gray_of_colour(picture: Picture) -> Picture:
    points = picture[::8, ::8].reshape(-1, 3).astype(np.float32)
    spread = points.std(axis=0) if len(points) else np.zeros(3)
    _, second, most = np.sort(spread)
    if second < ONE_CHANNEL * most:
        one: Picture = picture[..., int(spread.argmax())].copy()
        return one
    gray: Picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return gray


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"no picture that can be read, of {', '.join(FORMATS)}, JSON"
    if isinstance(error, MemoryError):
        return "to decode it takes more memory than there is, or than batch.memory_mb allows"
    return " ".join(str(error).split()) or type(error).__name__


def _pixels(image: Image.Image, data: bytes, max_pixels: int) -> Picture:
    if isinstance(image, TiffImageFile):
        _leave_previews(image)
    _check_size(image, max_pixels)
    if image.mode not in (*GREY_MODES, *COLOUR_MODES):
        raise UnreadableImage(f"pixels must be grey or colour of 8 or 16 bits, got Pillow's mode {image.mode!r}")
    is_deep_colour = image.mode not in GREY_MODES and _has_sixteen_bits(image)
    if is_deep_colour and isinstance(image, TiffImageFile):
        _check_deep_tiff(image)
    if isinstance(image, TiffImageFile):
        check_tiff(image.tag_v2, data)
    if image.format in JPEG_FORMATS and image.mode in JPEG_LAYOUTS:
        pixels = decode_jpeg(data, JPEG_LAYOUTS[image.mode], max_pixels)
        if image.mode != "CMYK":
            return pixels
    # both decoders turn a TIFF as its tag asks, and loading takes the tag away
    orientation = image.getexif().get(ORIENTATION_TAG, 1) if image.format == "TIFF" else 1
    image.load()  # also of pictures that OpenCV decodes: it passes over some damage in silence
    if image.format == "PNG" and _may_lack_rows(image):
        check_png(data)
    return _turned_back(_with_opencv(data) if is_deep_colour else _with_pillow(image), orientation)


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise UnreadableImage(f"the picture must have at most {max_pixels} pixels, it has {width} x {height}")
    if max(width, height) > LONGEST_SIDE_PX:
        raise UnreadableImage(f"a side must have at most {LONGEST_SIDE_PX} pixels, the picture has {width} x {height}")


def _may_lack_rows(image: Image.Image) -> bool:
    """Pillow leaves rows that it was not given at 0; to count the bytes of all pictures would take a third longer."""
    last_row = image.crop((0, image.height - 1, image.width, image.height))
    return bool(image.info.get("interlace")) or not np.asarray(last_row).any()


def _has_sixteen_bits(image: Image.Image) -> bool:
    """A TIFF says so in a tag, and Pillow's layout of its planes does not; of other files the layout says it."""
    if isinstance(image, TiffImageFile):
        return max(image.tag_v2.get(BITS_TAG, (1,))) > 8
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) else []
    return any("16" in _raw_mode(tile[3]) for tile in tiles)


def _leave_previews(image: TiffImageFile) -> None:
    """Go to the first page that is no reduced one of another; where that is beside the pages, it is out of reach."""
    for page in range(MOST_PREVIEWS + 1):
        try:
            image.seek(page)
        except EOFError:
            break
        if not int(image.tag_v2.get(SUBFILE_TAG, 0)) & REDUCED:
            return
    raise UnreadableImage("the file holds only a preview, the full picture is no page of it")


MOST_PREVIEWS = 32  # pages that are looked at: of a file of many thousand each takes longer than the one before


def _check_deep_tiff(image: TiffImageFile) -> None:
    """OpenCV takes the first page, separate planes for pixels one after the other, and inks for light."""
    if image.tag_v2.get(PLANES_TAG) == SEPARATE_PLANES or image.tag_v2.get(INTERPRETATION_TAG) != RGB:
        raise UnreadableImage("colour of 16 bits must be red, green, blue, pixel by pixel")
    if image.tell() > 0:
        raise UnreadableImage("the first page is a preview, and colour of 16 bits is read of no other")


def _raw_mode(arguments: object) -> str:
    """How the samples lie in the file: the first or only argument of one of Pillow's decoders."""
    return str(arguments[:1] if isinstance(arguments, tuple) else arguments)


def _turned_back(picture: Picture, orientation: int) -> Picture:
    """The picture as stored, from the one turned upright for its orientation tag (1 to 8, TIFF 6.0)."""
    if orientation == 1:
        return picture
    if orientation in (5, 6, 7, 8):
        picture = picture.swapaxes(0, 1)
    down = -1 if orientation in (3, 4, 6, 7) else 1
    across = -1 if orientation in (2, 3, 7, 8) else 1
    return picture[::down, ::across].copy()


def _with_pillow(image: Image.Image) -> Picture:
    if image.mode in GREY_MODES:
        return _grey(image)
    plain = image.convert("RGBA").convert("RGB") if image.mode in ("P", "PA", "LA", "La") else image.convert("RGB")
    return np.ascontiguousarray(np.asarray(plain)[..., ::-1])


def _grey(image: Image.Image) -> Picture:
    grey = np.asarray(image)
    if image.mode == "L":
        return grey.astype(np.uint8)
    is_negative = isinstance(image, TiffImageFile) and image.tag_v2.get(INTERPRETATION_TAG) == WHITE_IS_ZERO
    deep = grey.astype(np.uint16)
    return ~deep if is_negative else deep  # Pillow turns the negatives of 8 bits only


def _with_opencv(data: bytes) -> Picture:
    """Colour of 16 bits, which Pillow would cut to 8."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), OPENCV_FLAGS)
    if picture is None:
        raise UnreadableImage("OpenCV cannot decode the picture")
    return picture
