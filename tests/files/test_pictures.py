"""Which files of a folder are pictures of the batch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dscope_blink.files.pictures import find_images
from tests.builders.folders import linux_names, touched
from tests.builders.unprivileged import unprivileged


def found(folder: Path, recursive: bool = False, output: str = "elsewhere") -> tuple[str, ...]:
    return find_images(folder, recursive, folder / output).files


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


@linux_names
def test_folders_in_which_a_system_keeps_its_own_are_left_out_at_any_depth_and_named_once(tmp_path):
    touched(tmp_path, "a.png", "#recycle/a.png", "lost+found/b.png", "System Volume Information/c.png")
    touched(tmp_path, "lot1/b.png", "lot1/@eaDir/b.png/THUMB_XL.jpg", "lot2/@eaDir/c.png/THUMB_XL.jpg")
    touched(tmp_path, "$RECYCLE.BIN/d.png", "lot2/$Recycle.Bin/e.png", "@Recycle/f.png", ".Trash-1000/g.png")
    result = find_images(tmp_path, True, tmp_path / "elsewhere")
    assert result.files == ("a.png", "lot1/b.png")
    names = (
        "#recycle",
        "$RECYCLE.BIN",
        "$Recycle.Bin",
        "@Recycle",
        "@eaDir",
        "System Volume Information",
        "lost+found",
    )
    assert result.warnings == tuple(f"Folders named {n} are left out: a system keeps its own in them" for n in names)


def test_a_folder_of_a_system_is_searched_when_it_is_the_one_that_is_named(tmp_path):
    touched(tmp_path, "#recycle/a.png", "#recycle/@eaDir/b.png")
    assert found(tmp_path / "#recycle", recursive=True) == ("a.png",)
    assert find_images(tmp_path / "#recycle", False, tmp_path).warnings == ()


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
