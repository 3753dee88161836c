"""Records of pictures that are gone do not count, and where that is not known it is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dscope_blink.files.manifest import Manifest
from dscope_blink.files.names import PICTURE_FOLDERS
from dscope_blink.files.picture_folders import of_pictures_there, remember_folders
from dscope_blink.files.pictures import find_images
from dscope_blink.files.plan import plan_images
from dscope_blink.records import Request, UserError
from tests.builders.folders import linux_names, touched

ASKED = Request("iec_61300_3_35_2015", "multimode")


def inspected(pictures: Path, results: Path) -> tuple[Path, ...]:
    """Records of all pictures of a folder, as far as they say of which picture they are."""
    images = plan_images(find_images(pictures, True, results), results, Manifest(), ASKED)
    remember_folders(results, images)
    paths = []
    for image in images:
        path = results / f"{image.name}_result.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = f'"image": {{"file": "{image.file}"}}, "request": {{}}, "provenance": {{"profile": "x"}}'
        path.write_text(f'{{"schema": "dscope-blink/inspection/2", {head}}}', encoding="utf-8")
        paths.append(path)
    return tuple(paths)


def test_a_record_counts_as_long_as_its_picture_is_there(tmp_path):
    paths = inspected(touched(tmp_path / "in", "a.png", "sub/b.png"), tmp_path / "out")
    assert of_pictures_there(tmp_path / "out", paths).paths == paths
    (tmp_path / "in" / "sub" / "b.png").unlink()
    there = of_pictures_there(tmp_path / "out", paths)
    assert there.paths == paths[:1]
    told = "1 file is records of pictures that are gone, and do not count; with --gone they do: sub/b_result.json"
    assert there.warnings == (told,)


def test_pictures_of_one_of_several_folders_are_there(tmp_path):
    first = inspected(touched(tmp_path / "in", "a.png"), tmp_path / "out")
    second = inspected(touched(tmp_path / "more", "b.png"), tmp_path / "out")
    assert of_pictures_there(tmp_path / "out", (*first, *second)).warnings == ()


def test_each_batch_below_a_folder_knows_its_own_pictures(tmp_path):
    monday = inspected(touched(tmp_path / "in", "a.png"), tmp_path / "out" / "monday")
    tuesday = inspected(touched(tmp_path / "other", "a.png"), tmp_path / "out" / "tuesday")
    (tmp_path / "in" / "a.png").unlink()
    assert of_pictures_there(tmp_path / "out", (*monday, *tuesday)).paths == tuesday


def test_where_nobody_knows_the_records_count_and_it_is_said(tmp_path):
    paths = inspected(touched(tmp_path / "in", "a.png"), tmp_path / "out")
    (tmp_path / "in").rename(tmp_path / "away")
    there = of_pictures_there(tmp_path / "out", paths)
    assert there.paths == paths
    assert there.warnings[0].endswith(f"is not known: {tmp_path / 'in'} is not there; they count")
    (tmp_path / "out" / PICTURE_FOLDERS).unlink()
    assert "is not known, for nothing says" in of_pictures_there(tmp_path / "out", paths).warnings[0]


@pytest.mark.parametrize("noted", ["", "{", "[]", '{"schema": "x", "folders": ["/"]}', "[" * 100_000])
def test_a_note_that_cannot_be_understood_is_none(tmp_path, noted):
    paths = inspected(touched(tmp_path / "in", "a.png"), tmp_path / "out")
    (tmp_path / "out" / PICTURE_FOLDERS).write_text(noted)
    (tmp_path / "in" / "a.png").unlink()
    assert of_pictures_there(tmp_path / "out", paths).paths == paths


def test_without_any_picture_it_is_refused_in_one_line(tmp_path):
    paths = inspected(touched(tmp_path / "in", "a.png"), tmp_path / "out")
    (tmp_path / "in" / "a.png").unlink()
    with pytest.raises(UserError, match=r"all 1 records are of pictures that are gone from .*in; see --gone"):
        of_pictures_there(tmp_path / "out", paths)


def test_a_record_that_cannot_be_read_stays(tmp_path):
    paths = inspected(touched(tmp_path / "in", "a.png", "b.png"), tmp_path / "out")
    paths[0].write_text("{")
    (tmp_path / "in" / "a.png").unlink()
    assert of_pictures_there(tmp_path / "out", paths).paths == paths


@linux_names
def test_folders_and_pictures_of_any_name_are_remembered(tmp_path):
    odd = tmp_path / os.fsdecode(b'in\xff "x"')
    paths = inspected(touched(odd, os.fsdecode(b"\xfe.png"), "a.png"), tmp_path / "out")
    assert of_pictures_there(tmp_path / "out", paths).warnings == ()
    (odd / "a.png").unlink()
    assert len(of_pictures_there(tmp_path / "out", paths).paths) == 1
