"""Which files of a folder are pictures of the batch."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import numpy as np
import pytest

from dscope_blink.files.decoding import decode_image
from dscope_blink.files.drawn import is_marked, marked
from dscope_blink.files.pictures import find_images
from tests.builders.folders import drawn, linux_names, touched
from tests.builders.pictures import face_jpeg, face_png
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


def test_pictures_drawn_by_an_earlier_run_are_left_out_and_counted(tmp_path):
    drawn(tmp_path, "old/a_annotated.png", "old/a_histogram.png", "old/a_annotated.jpg", "old/a_zone_core.png")
    drawn(tmp_path, "old/b_gate.png", "old/c_view.jpg")  # whatever lies beside them
    touched(tmp_path, "old/a_result.json", "old/a_report.csv", "old/a_histogram.svg", "old/a_cells.csv")
    result = find_images(tmp_path, True, tmp_path / "elsewhere")
    assert result.files == ()
    named = "old/a_annotated.jpg, old/a_annotated.png, old/a_histogram.png, old/a_zone_core.png, old/b_gate.png ..."
    assert result.left_out == (f"6 files are drawn by this program, and left out: {named}",)


@pytest.mark.parametrize("taken", ["a_view.jpg", "a_annotated.png", "a_thumbnail.jpg", "a_gate.png"])
def test_a_picture_named_like_a_drawing_is_inspected_unless_this_program_drew_it(tmp_path, taken):
    touched(tmp_path, "a.png", "a_report.csv")
    (tmp_path / taken).write_bytes(face_png())
    (tmp_path / "a_result.json").write_text('{"schema": "dscope-blink/inspection/2", "outputs": {}}')
    assert set(found(tmp_path)) == {"a.png", taken}


def test_a_drawing_of_a_time_when_none_was_marked_is_left_out_for_the_record_beside_it_and_said_to_be(tmp_path):
    touched(tmp_path, "a.png", "a_view.jpg")
    (tmp_path / "a_result.json").write_text('{"schema": "dscope-blink/inspection/2"}')
    result = find_images(tmp_path, False, tmp_path)
    assert result.files == ("a.png",)
    assert "an older version of this program has drawn them: a_view.jpg" in result.left_out[0]


@pytest.mark.parametrize("record", ["", "{", '{"schema": "of others"}', "[]", '{"a": 1, "a": 2}', "[" * 100_000])
def test_what_is_no_record_of_this_program_takes_no_picture_away(tmp_path, record):
    touched(tmp_path, "a_view.jpg")
    (tmp_path / "a_result.json").write_text(record)
    assert found(tmp_path) == ("a_view.jpg",)


@pytest.mark.parametrize("picture", [face_png(), face_jpeg()], ids=["PNG", "JPEG"])
def test_the_mark_of_a_drawing_changes_none_of_its_pixels(tmp_path, picture):
    path = tmp_path / "a.png"
    path.write_bytes(marked(picture))
    assert is_marked(path)
    np.testing.assert_array_equal(decode_image(marked(picture), 10**6), decode_image(picture, 10**6))
    path.write_bytes(picture)
    assert not is_marked(path)


def test_whatever_could_be_a_picture_and_is_passed_over_is_named_or_counted(tmp_path):
    touched(tmp_path, "a.png", ".b.png", "c.webp", "d.GIF", "folder.png/e.png", "notes.txt", ".profile")
    result = find_images(tmp_path, False, tmp_path / "results")
    assert result.files == ("a.png",)
    assert result.warnings == ("folder.png: a folder, no picture",)
    assert result.left_out == (
        "1 file is hidden, and left out: .b.png",
        "2 files are pictures of kinds that are not read, and left out: c.webp, d.GIF",
    )


def test_pictures_in_the_output_folder_are_counted_but_for_drawings(tmp_path):
    touched(tmp_path, "a.png", "results/b.png", "results/sub/c.png", "results/a_view.jpg", "results/a_result.json")
    result = find_images(tmp_path, True, tmp_path / "results")
    assert result.files == ("a.png",)
    assert result.left_out == ("2 files are in the output folder, and left out: results/b.png, results/sub/c.png",)


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
def test_a_pipe_is_never_opened_and_named_like_all_that_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.jpg").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(tmp_path / "c.bmp"))
    result = find_images(tmp_path, False, tmp_path)
    assert result.files == ()
    told = ["a.png: a pipe, no picture", "b.jpg: a device, no picture", "c.bmp: a socket, no picture"]
    assert sorted(result.warnings) == told


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_by_the_name_of_pixels_is_named_as_well(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    result = find_images(tmp_path, False, tmp_path)
    assert result.files == ()
    assert result.warnings == ("a.json: a pipe, no picture",)


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (b'{"width": 2, "height": 2, "depth": 8, "pixels": [[1, 2], [3, 4]]}', True),
        (b"\x89PNG\r\n\x1a\n....", True),
        (b"II*\x00\x08\x00", True),
        (b"", True),
        (b"dth: 24, ...", True),
        (b'{"labels": []}', False),
        (b'\xef\xbb\xbf \r\n[{"name": "a.png"}]', False),
        ('{"labels": []}'.encode("utf-16"), False),
        (b'{"schema": "dscope-blink/inspection/2", "pixels": []}', False),
    ],
)
def test_of_files_of_json_those_are_pictures_that_speak_of_pixels_or_are_no_json(tmp_path, data, is_one):
    (tmp_path / "a.json").write_bytes(data)
    assert found(tmp_path) == (("a.json",) if is_one else ())


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


def test_folders_that_lie_deeper_in_each_other_than_functions_may_call_are_searched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1500):
        Path("d").mkdir()
        os.chdir("d")
    Path("b.png").touch()
    result = find_images(tmp_path, True, tmp_path / "results")
    Path("b.png").unlink()
    for _ in range(1500):  # nobody else can remove them
        os.chdir("..")
        Path("d").rmdir()
    assert result.files == ("d/" * 1500 + "b.png",)
    assert result.warnings == ()


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
