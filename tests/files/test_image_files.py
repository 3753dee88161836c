"""Which files are pictures of the batch, and under which names their results go."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.files.manifest import Manifest
from dscope_blink.files.names import Names
from dscope_blink.files.pictures import Found, find_images
from dscope_blink.files.plan import ImageFile, manifest_gaps, plan_images
from dscope_blink.records import Request, UserError, printable
from tests.builders.unprivileged import unprivileged

ASKED = Request("iec_61300_3_35_2015", "multimode")
linux_names = pytest.mark.skipif(sys.platform != "linux", reason="this system refuses such file names")


def touched(folder: Path, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"-")
    return folder


def found(folder: Path, recursive: bool = False, output: str = "elsewhere") -> tuple[str, ...]:
    return find_images(folder, recursive, folder / output).files


def planned(folder: Path, output: Path, recursive: bool = True) -> tuple[ImageFile, ...]:
    return plan_images(find_images(folder, recursive, output), output, Manifest(), ASKED)


# --- which files


def test_pictures_come_in_the_order_a_person_counts(tmp_path):
    touched(tmp_path, "x10.png", "x2.png", "X1.png", "a.png")
    assert found(tmp_path) == ("a.png", "X1.png", "x2.png", "x10.png")


def test_a_picture_is_known_by_its_extension_in_any_case(tmp_path):
    names = ("a.png", "b.JPG", "c.jpeg", "d.TIF", "e.tiff", "f.BmP")
    touched(tmp_path, *names, "notes.txt", "png", "table.csv")
    assert found(tmp_path) == names


def test_hidden_files_and_folders_are_left_out(tmp_path):
    touched(tmp_path, "a.png", ".b.png", "._a.png", ".trash/c.png")
    assert found(tmp_path, recursive=True) == ("a.png",)


def test_a_folder_named_like_a_picture_is_none(tmp_path):
    touched(tmp_path, "a.png/b.png")
    assert found(tmp_path) == ()
    assert found(tmp_path, recursive=True) == ("a.png/b.png",)


def test_subfolders_are_searched_only_when_asked(tmp_path):
    touched(tmp_path, "a.png", "sub/b.png", "sub/deep/c.png")
    assert found(tmp_path) == ("a.png",)
    assert found(tmp_path, recursive=True) == ("a.png", "sub/b.png", "sub/deep/c.png")


def test_the_output_folder_inside_the_input_is_not_searched(tmp_path):
    touched(tmp_path, "a.png", "results/whatever.png", "results/sub/b.png")
    assert found(tmp_path, recursive=True, output="results") == ("a.png",)


def test_pictures_drawn_by_an_earlier_run_are_left_out(tmp_path):
    touched(tmp_path, "old/a_annotated.png", "old/a_histogram.png", "old/a_result.json", "old/a_report.csv")
    touched(tmp_path, "old/a_annotated.jpg", "old/a_histogram.svg", "old/a_histogram.pdf")
    touched(tmp_path, "old/a_zone_core.png", "old/a_zone_contact.png", "old/a_cells.csv")
    assert found(tmp_path, recursive=True) == ()


def test_pictures_drawn_by_a_run_that_was_killed_before_its_record_are_left_out(tmp_path):
    touched(tmp_path, "a.png", "a_report.csv", "a_annotated.png", "a_zone_core.png")
    assert [image.file for image in planned(tmp_path, tmp_path)] == ["a.png"]


def test_a_picture_named_like_a_result_is_inspected_when_no_record_lies_beside_it(tmp_path):
    touched(tmp_path, "a.png", "a_annotated.png")
    assert found(tmp_path) == ("a.png", "a_annotated.png")


def test_a_loop_of_links_ends_and_the_link_is_reported(tmp_path):
    touched(tmp_path, "sub/a.png")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    result = find_images(tmp_path, True, tmp_path / "results")
    assert result.files == ("sub/a.png",)
    assert len(result.warnings) == 1
    assert "loop: a link to a folder is not followed" in result.warnings[0]


def test_a_link_to_a_picture_is_a_picture_and_a_broken_one_is_kept_to_be_reported(tmp_path):
    touched(tmp_path, "store/a.bin")
    (tmp_path / "good.png").symlink_to(tmp_path / "store" / "a.bin")
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone")
    assert found(tmp_path) == ("broken.png", "good.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert found(tmp_path) == ()


def test_a_link_that_leads_to_itself_is_kept_to_be_reported(tmp_path):
    (tmp_path / "a.png").symlink_to("a.png")
    assert found(tmp_path) == ("a.png",)


def test_a_folder_that_cannot_be_read_is_reported(open_folder):
    touched(open_folder, "a.png", "locked/b.png")
    (open_folder / "locked").chmod(0)
    with unprivileged():
        result = find_images(open_folder, True, open_folder / "results")
    (open_folder / "locked").chmod(0o755)
    assert result.files == ("a.png",)
    assert "locked: cannot be read" in result.warnings[0]


@linux_names
def test_a_folder_deeper_than_the_system_can_name_is_reported(tmp_path, monkeypatch):
    touched(tmp_path, "a.png")
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        Path("d" * 230).mkdir()
        os.chdir("d" * 230)
    Path("b.png").touch()
    result = find_images(tmp_path, True, tmp_path / "results")
    assert result.files == ("a.png",)
    assert [warning.rpartition(": ")[2] for warning in result.warnings] == ["cannot be read, File name too long"]


# --- under which names


def test_the_stem_is_kept_where_it_is_unique():
    assert Names().give(["a.png", "sub/a.jpg", "b.c.tif"]) == ["a", "sub/a", "b.c"]


def test_two_pictures_of_one_stem_get_their_extension_into_the_name():
    assert Names().give(["a.jpg", "a.png", "b.png"]) == ["a_jpg", "a_png", "b"]


def test_a_name_made_unique_avoids_the_names_that_exist():
    assert Names().give(["a.jpg", "a.png", "a_jpg.png"]) == ["a_jpg_2", "a_png", "a_jpg"]


def test_names_that_differ_only_in_case_are_told_apart():
    names = Names().give(["A.png", "a.PNG", "a.tif"])
    assert len({name.casefold() for name in names}) == 3


def test_the_table_of_a_picture_never_replaces_the_summary():
    assert Names().give(["Summary.png"]) == ["Summary_png"]


def test_a_name_too_long_for_its_results_is_cut():
    names = Names().give(["\u00e9" * 120 + ".png", "\u00e9" * 120 + "x.png"])
    assert all(len(name.encode()) < 220 for name in names)
    assert len(set(names)) == 2


def test_a_name_that_was_cut_is_the_same_whatever_lies_beside_it():
    alone = Names().give(["x" * 240 + "1.png"])
    assert Names().give(["x" * 240 + "0.png", "x" * 240 + "1.png"])[1:] == alone


def test_results_whose_path_would_be_too_long_get_a_short_name(tmp_path):
    deep = "/".join(["d" * 200] * 18)
    found_there = Found(tmp_path, (f"{deep}/a.png", f"{deep}/b.png", "c.png"))
    images = plan_images(found_there, tmp_path / ("o" * 200) / ("p" * 200), Manifest(), ASKED)
    assert [len(image.name) for image in images] == [26, 26, 1]
    assert images[0].name != images[1].name


files = st.builds(
    "{}{}.{}".format,
    st.sampled_from(["", "sub/", "Sub/"]),
    st.sampled_from(["a", "A", "a_png", "A_PNG", "a_png_2", "a_jpg", "summary", "\u00e9", "e\u0301"]),
    st.sampled_from(["png", "PNG", "jpg"]),
)


@given(st.lists(files, unique=True))
def test_no_two_pictures_ever_share_a_name(names):
    assert len({name.casefold() for name in Names().give(names)}) == len(names)


@given(st.lists(files, unique=True))
def test_results_stay_in_the_folder_of_their_picture(names):
    pairs = zip(names, Names().give(names), strict=True)
    assert all(PurePosixPath(file).parent == PurePosixPath(name).parent for file, name in pairs)


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
    touched(tmp_path, f"{first.name}_annotated.png", f"{first.name}_result.json")
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
    assert image.file == "caf\N{REPLACEMENT CHARACTER}.png"
    assert image.path.read_bytes() == b"-"


def test_a_name_takes_one_line_and_sends_no_codes_to_the_terminal():
    assert printable("a\nb\x1b[2J \u00b5m.png") == "a\ufffdb\ufffd[2J \u00b5m.png"
