"""What lies in a folder of results: files and links are hashed, anything else is only told."""

from __future__ import annotations

import hashlib
import os

import pytest

from dscope_blink.files.folder_listing import hash_file, list_folder


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    hashed = hash_file(tmp_path / "a")
    assert (hashed.sha256, hashed.size) == (hashlib.sha256(b"x" * 100_000).hexdigest(), 100_000)


def test_a_link_is_hashed_by_where_it_leads_and_never_followed(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "one").symlink_to("a")
    (tmp_path / "other").symlink_to("b")
    assert hash_file(tmp_path / "one") != hash_file(tmp_path / "a")
    assert hash_file(tmp_path / "one") != hash_file(tmp_path / "other")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a file"):
        hash_file(tmp_path / "pipe")
    assert list_folder(tmp_path).odd == {"pipe": "neither a file nor a folder"}


def test_own_files_of_runs_are_no_contents_and_a_folder_with_a_manifest_is_one_thing(tmp_path):
    for name in (
        "batch_manifest.json",
        ".dscope-blink.lock",
        "manifests/0001.json",
        "manifests/x_result.json",
        "a.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "batch_manifest.json").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    there = list_folder(tmp_path)
    assert set(there.files) == {"manifests/x_result.json", "a.csv", "loop"}
    assert set(there.parts) == {"night"}
    assert set(there.chain) == {1}


def test_a_name_of_any_bytes_can_be_told(tmp_path):
    (tmp_path / os.fsdecode(b"a\xff.csv")).touch()
    (name,) = list_folder(tmp_path).files
    assert name == "a\\xff.csv"
