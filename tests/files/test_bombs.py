"""What small files promise is weighed before it is unpacked; whatever a decoder raises is one line."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from PIL import Image

from benchmarks.soak.bombs import BOMBS, page, png, shared_tags, tiff
from dscope_blink.files import decoding
from dscope_blink.files.decoding import decode_image
from dscope_blink.files.jpeg import MOST_SCANS
from dscope_blink.records import UnreadableImage
from tests.builders.pictures import face_jpeg, face_png
from tests.builders.settings import ROOT, SETTINGS

LIMIT = SETTINGS.profile(SETTINGS.default_profile).preprocessing.max_pixels
WITHIN = {  # so large as a real picture may be; or of nothing but what readers pass over
    *("png_colour_within_the_limit", "png_colour_16_within_the_limit", "png_one_bit_within_the_limit"),
    *("png_interlaced", "bmp_runs_within_the_limit", "png_exif_of_shared_tags", "png_many_chunks", "png_many_texts"),
    *("png_says_many_frames", "png_pixels_in_many_chunks", "png_packed_profile", "png_packed_text"),
    *("png_many_packed_texts", "png_unpacks_further", "jpeg_many_restarts", "jpeg_many_segments", "jpeg_of_marks"),
    *(
        "jpeg_many_tables",
        "tiff_tags_shared",
        "tiff_big_pages",
        "bmp_one_pixel_runs",
        "bmp_says_many_colours",
        "json_long_fraction",
    ),
}


def test_the_shipped_limit_is_what_the_largest_cameras_need_and_little_more():
    assert 9344 * 7000 <= LIMIT <= 70_000_000


@pytest.mark.parametrize("name", sorted(set(BOMBS) - WITHIN))
def test_a_bomb_is_refused_in_one_line(name):
    with pytest.raises(UnreadableImage) as refused:
        decode_image(BOMBS[name](), LIMIT)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


MEASURED = """
import resource, sys
from benchmarks.soak.bombs import BOMBS
from dscope_blink.files.decoding import decode_image
from dscope_blink.records import UnreadableImage
data = BOMBS[sys.argv[1]]()
taken = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmData"))) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (taken + int(sys.argv[2]) * 2**20,) * 2)
try:
    print(decode_image(data, int(sys.argv[3])).size)
except UnreadableImage as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="this system limits no memory")
@pytest.mark.parametrize("name", sorted(WITHIN))
def test_what_is_within_the_limit_is_decoded_within_a_budget(name):
    words = [sys.executable, "-c", MEASURED, name, "1024", str(LIMIT)]
    own = {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(words, cwd=ROOT, env=own, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    assert "memory" not in run.stdout


@pytest.mark.parametrize(
    "raised",
    [
        OverflowError,
        MemoryError,
        RecursionError,
        ZeroDivisionError,
        AttributeError,
        AssertionError,
        NotImplementedError,
    ],
)
def test_whatever_a_decoder_raises_makes_a_picture_unreadable(monkeypatch, raised):
    def fail(*_):
        raise raised("in the decoder")

    monkeypatch.setattr(decoding, "_pixels", fail)
    with pytest.raises(UnreadableImage, match="memory" if raised is MemoryError else "in the decoder"):
        decode_image(face_png(), LIMIT)


def test_a_picture_of_many_scans_is_refused_and_one_of_as_many_as_programs_write_is_read():
    file = io.BytesIO()
    Image.open(io.BytesIO(face_jpeg())).save(file, "JPEG", progressive=True)
    plain = file.getvalue()
    last = plain.rindex(b"\xff\xda")
    decode_image(plain, LIMIT)
    with pytest.raises(UnreadableImage, match=f"must not have {MOST_SCANS + plain.count(bytes((255, 218)))} scans"):
        decode_image(plain[:last] + plain[last:-2] * (MOST_SCANS + 1) + plain[-2:], LIMIT)


def test_strips_that_share_their_bytes_are_refused():
    with pytest.raises(UnreadableImage, match="share their places: they hold 4096 bytes"):
        decode_image(tiff([page(64, 64, 1, 64, 64, 1)], bytes(64)), 10_000)
    assert decode_image(tiff([page(16, 16, 1, 1, 256, 16)], bytes(256)), 1_000).shape == (16, 16)


def test_the_pages_of_a_file_are_not_counted():
    with pytest.raises(UnreadableImage, match="only a preview"):
        decode_image(BOMBS["tiff_many_pages"](), LIMIT)


def test_tags_that_share_one_value_take_no_more_memory_than_the_file():
    import tracemalloc

    data = shared_tags(400, 20_000)
    tracemalloc.start()
    with pytest.raises(UnreadableImage):
        decode_image(data, LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * len(data)


def test_a_picture_just_too_large_is_told_by_its_size():
    with pytest.raises(UnreadableImage, match="must have at most 99 pixels, it has 10 x 10"):
        decode_image(png(10, 10, 8, 0), 99)
