"""What is asked of each picture, and where its results go."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest

from dscope_blink.files.manifest import Manifest
from dscope_blink.files.pictures import Found, find_images
from dscope_blink.files.plan import ImageFile, manifest_gaps, plan_images
from dscope_blink.records import Request, UserError
from tests.builders.folders import drawn, linux_names, touched

ASKED = Request("iec_61300_3_35_2015", "multimode")


def planned(folder: Path, output: Path, recursive: bool = True) -> tuple[ImageFile, ...]:
    return plan_images(find_images(folder, recursive, output), output, Manifest(), ASKED)


# --- which files


def test_pictures_drawn_by_a_run_that_was_killed_before_its_record_are_left_out(tmp_path):
    touched(tmp_path, "a.png", "a_report.csv")
    drawn(tmp_path, "a_annotated.png", "a_zone_core.png")
    assert [image.file for image in planned(tmp_path, tmp_path)] == ["a.png"]


# --- under which names


def test_results_whose_path_would_be_too_long_get_a_short_name(tmp_path):
    deep = "/".join(["d" * 200] * 18)
    found_there = Found(tmp_path, (f"{deep}/a.png", f"{deep}/b.png", "c.png"))
    images = plan_images(found_there, tmp_path / ("o" * 200) / ("p" * 200), Manifest(), ASKED)
    assert [len(image.name) for image in images] == [26, 26, 1]
    assert images[0].name != images[1].name


# --- the plan


def test_a_picture_not_named_in_the_manifest_gets_the_request_of_the_command_line(tmp_path):
    touched(tmp_path, "a.png", "b.png")
    other = Request("iec_61300_3_35_2015", "custom")
    images = plan_images(
        find_images(tmp_path, False, tmp_path / "r"), tmp_path / "r", Manifest({"b.png": other}), ASKED
    )
    assert [image.request for image in images] == [ASKED, other]


def test_results_may_lie_beside_the_pictures_and_a_second_run_finds_the_same_pictures(tmp_path):
    touched(tmp_path, "a.png")
    (first,) = planned(tmp_path, tmp_path)
    touched(tmp_path, f"{first.name}_result.json")
    drawn(tmp_path, f"{first.name}_annotated.png")
    assert planned(tmp_path, tmp_path) == (first,)


@pytest.mark.parametrize("taken", ["a_annotated.png", "a_annotated.jpg"])
def test_a_result_never_overwrites_a_picture(tmp_path, taken):
    touched(tmp_path, "a.png", taken)
    assert len(planned(tmp_path, tmp_path / "results")) == 2
    with pytest.raises(UserError, match=rf"results of a\.png would overwrite the picture {re.escape(taken)}"):
        planned(tmp_path, tmp_path)


def test_files_missing_and_files_not_named_are_reported(tmp_path):
    touched(tmp_path, "a.png", "b.png")
    gaps = manifest_gaps(planned(tmp_path, tmp_path / "r"), Manifest({"a.png": ASKED, "c.png": ASKED}))
    assert gaps == ("c.png: named in the manifest, not among the images", "b.png: not named in the manifest")


@linux_names
def test_a_name_that_is_no_text_is_shown_as_text_and_still_found_on_disk(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"-")
    (image,) = planned(tmp_path, tmp_path / "r")
    assert image.file == "caf\N{REPLACEMENT CHARACTER}e9.png"
    assert image.path.read_bytes() == b"-"


@linux_names
def test_names_that_differ_only_in_bytes_that_are_no_text_stay_two_whoever_is_there(tmp_path):
    for name in (b"\xff.png", b"\xfe.png"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    both = planned(tmp_path, tmp_path / "r")
    assert [(image.file, image.name) for image in both] == [("\ufffdfe.png", "\ufffdfe"), ("\ufffdff.png", "\ufffdff")]
    assert both[0].file.encode("utf-8") == b"\xef\xbf\xbdfe.png"
    (tmp_path / os.fsdecode(b"\xfe.png")).unlink()
    assert planned(tmp_path, tmp_path / "r") == both[1:]


def test_names_that_are_one_on_some_file_system_get_results_of_their_own(tmp_path):
    names = ("caf\u00e9.png", "cafe\u0301.png", "CAF\u00c9.png")
    images = plan_images(Found(tmp_path, names), tmp_path / "r", Manifest(), ASKED)
    assert len({unicodedata.normalize("NFC", image.name).casefold() for image in images}) == 3
