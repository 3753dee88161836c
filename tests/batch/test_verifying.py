"""`verify`: whatever was altered, added, removed, exchanged or put back is told, and nothing of what was not."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dscope_blink.batch.run_manifest import manifest_of, renewing_all
from dscope_blink.batch.verifying import Verified, Verifying, verify
from dscope_blink.batch.vouching import Trust
from dscope_blink.config.settings import Config, SigningSettings
from dscope_blink.files.keys import load_public, make_keys
from dscope_blink.files.ledger import ledger_file, read_ledger
from dscope_blink.files.names import MANIFEST
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.records import ImageInfo, UserError
from dscope_blink.records.batch_manifest import read_manifest
from tests.builders.batches import CONFIG
from tests.builders.settings import SETTINGS

FILES = ("a_report.csv", "a_view.jpg", "sub/b_report.csv", "summary_report.csv")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_keys(tmp_path / "site.key")
    return tmp_path / "site.key"


@pytest.fixture
def signing(key: Path) -> Config:
    return replace(CONFIG, signing=SigningSettings(key, None, "Ann"))


def run(folder: Path, config: Config, text: str = "1", names: tuple[str, ...] = FILES) -> None:
    """A run that writes a few small files into a folder."""
    with manifest_of(folder, config, "inspect", ("summary_report.csv",)) as manifest:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"{name} {text}")
        manifest.picture("a_result.json", ImageInfo("a.png", "0" * 64), {"config": config.sha256})
        for start in {name.rpartition("_")[0] for name in names}:
            manifest.results(start)
        (folder / "inspection_2026-05-06.log").write_text(text)


@pytest.fixture
def out(tmp_path: Path, signing: Config) -> Path:
    """A folder after two signed runs."""
    folder = tmp_path / "out"
    folder.mkdir()
    run(folder, signing)
    shutil.copytree(folder, tmp_path / "older")
    run(folder, signing, "2")
    return folder


def looked_at(folder: Path, key: Path | None, **trust: bool) -> list[Verified]:
    known = None if key is None else load_public(key.with_name(f"{key.name}.pub"))
    ledger = None if key is None or not ledger_file(key).exists() else read_ledger(ledger_file(key))
    return list(verify(Verifying(folder, Trust(known, ledger, **trust), SETTINGS)))


def found(folder: Path, key: Path | None, **trust: bool) -> list[str]:
    return [finding.line for one in looked_at(folder, key, **trust) for finding in one.findings]


def test_nothing_is_found_where_nothing_was_touched(out, key):
    assert found(out, key) == []
    (one,) = looked_at(out, key)
    assert one.manifest is not None
    assert (one.manifest.run, one.manifest.made_by.operator, one.notes) == (2, "Ann", ())
    assert [file.name for file in one.manifest.files] == sorted((*FILES, "inspection_2026-05-06.log"))


def test_a_run_is_chained_to_the_one_before(out, key):
    before = (out / "manifests" / "0001.json").read_bytes()
    assert read_manifest(before).run == 1
    (out / "manifests" / "0001.json").write_bytes(before + b" ")
    assert found(out, key) == [
        "broken chain: manifests/0001.json: no manifest: its text is not as this program writes it; "
        "all before it is unknown"
    ]
    (out / "manifests" / "0001.json").unlink()
    (line,) = found(out, key)
    assert line.startswith("broken chain: manifests/0001.json: it is missing")


def edit(name: str, text: str) -> Callable[[Path], None]:
    def alter(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return alter


def exchange(folder: Path) -> None:
    one, other = folder / "a_report.csv", folder / "sub" / "b_report.csv"
    first, second = one.read_text(), other.read_text()
    one.write_text(second)
    other.write_text(first)


def pipe(folder: Path) -> None:
    (folder / "a_view.jpg").unlink()
    os.mkfifo(folder / "a_view.jpg")


def link(folder: Path) -> None:
    shutil.move(folder / "a_view.jpg", folder.parent / "elsewhere")
    (folder / "a_view.jpg").symlink_to(folder.parent / "elsewhere")


@pytest.mark.parametrize(
    ("alter", "lines"),
    [
        (edit("a_report.csv", "forged"), ["altered: a_report.csv"]),
        (edit("inspection_2026-05-06.log", "2 "), ["altered: inspection_2026-05-06.log"]),
        (edit("a_report.csv", "a_view.jpg 2"), ["altered: a_report.csv: it holds what was written as a_view.jpg"]),
        (lambda out: (out / "a_report.csv").unlink(), ["removed: a_report.csv"]),
        (edit("c_result.json", "{}"), ["added: c_result.json"]),
        (edit("new/c.txt", "{}"), ["added: new/c.txt"]),
        (lambda out: (out / "a_view.jpg").rename(out / "c.jpg"), ["moved: a_view.jpg: it is called c.jpg now"]),
        (exchange, ["exchanged: a_report.csv: with sub/b_report.csv"]),
        (pipe, ["altered: a_view.jpg: neither a file nor a folder"]),
        (link, ["altered: a_view.jpg"]),
        (lambda out: os.mkfifo(out / "pipe"), ["added: pipe: neither a file nor a folder"]),
        (lambda out: (out / "new").symlink_to("/"), ["added: new"]),
        (edit("\x1b[2J.txt", ""), ["added: \x1b[2J.txt"]),
        (edit("inspection_2026-05-07.log", ""), []),
    ],
)
def test_what_was_altered_is_told_in_one_line_each(out, key, alter, lines):
    alter(out)
    assert found(out, key) == lines


def test_an_older_signed_batch_put_back_is_told_by_the_ledger_alone(out, key, tmp_path):
    shutil.rmtree(out)
    shutil.copytree(tmp_path / "older", out)
    (line,) = found(out, key)
    assert line.startswith("older run: batch_manifest.json: it is run 1 of ")
    ledger_file(key).unlink()
    (one,) = looked_at(out, key)
    assert one.findings == ()
    assert one.notes == (
        "there is no ledger: an older batch of this folder that was put back is not told from the newest",
    )


def test_a_run_does_not_go_on_from_an_older_batch_that_was_put_back(out, key, tmp_path, signing):
    shutil.rmtree(out)
    shutil.copytree(tmp_path / "older", out)
    run(out, signing, names=("sub/b_report.csv",))
    (out / "a_report.csv").write_text("a_report.csv 1")
    told = "not written here: a_report.csv: named as a result, and no run that is vouched for has written it"
    assert told in found(out, key)


def test_another_batch_in_its_place_is_told_by_the_ledger(out, key, tmp_path, signing):
    (tmp_path / "another").mkdir()
    run(tmp_path / "another", signing)
    shutil.rmtree(out)
    (tmp_path / "another").rename(out)
    (line,) = found(out, key)
    assert line.startswith("exchanged: batch_manifest.json: the ledger knows another batch in this folder, run 2 of ")


def test_who_signs_anew_has_another_key(out, key, tmp_path):
    make_keys(tmp_path / "forger")
    forger = replace(CONFIG, signing=SigningSettings(tmp_path / "forger", None, None))
    run(out, forger, "forged")
    assert [line.partition(": batch")[0] for line in found(out, key)] == ["other key"]
    assert [line.partition(": batch")[0] for line in found(out, None)] == ["other key"]


def test_without_a_key_hashes_alone_are_there_and_that_is_said(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    run(folder, CONFIG)
    (line,) = found(folder, None)
    assert line.startswith("not signed: batch_manifest.json: no key: signing.key of the configuration names none")
    assert found(folder, None, unsigned_will_do=True) == []
    (folder / "a_view.jpg").write_text("other")
    assert found(folder, None, unsigned_will_do=True) == ["altered: a_view.jpg"]


def test_what_runs_without_a_key_leave_is_vouched_for_again_where_it_is_as_signed(out, key, signing):
    run(out, CONFIG, "3", names=("a_report.csv",))
    assert [line.partition(":")[0] for line in found(out, key)] == ["not signed"]
    run(out, signing, "4", names=("sub/b_report.csv",))
    (one,) = looked_at(out, key)
    assert one.manifest is not None
    assert {file.name: file.run for file in one.manifest.files}["a_view.jpg"] == 2
    assert [(finding.kind, finding.name) for finding in one.findings] == [("not_written_here", "a_report.csv")]


def test_a_folder_without_manifest_is_not_verifiable(out, key, tmp_path):
    (out / MANIFEST).unlink()
    assert found(out, key) == [
        "not verifiable: batch_manifest.json: the last run was broken off, or its manifest was taken away"
    ]
    (tmp_path / "empty").mkdir()
    (line,) = found(tmp_path / "empty", key)
    assert line.startswith("not verifiable")


def test_a_manifest_that_is_none_is_not_verifiable(out, key):
    data = (out / MANIFEST).read_bytes()
    for text in (b"", data[:300], data.replace(b'"run": 2', b'"run": 2, "run": 2'), b"[" * 100_000):
        (out / MANIFEST).write_bytes(text)
        (line,) = found(out, key)
        assert line.startswith("not verifiable: batch_manifest.json: no manifest: ")
    (out / MANIFEST).unlink()
    os.mkfifo(out / MANIFEST)
    assert found(out, key) == ["not verifiable: batch_manifest.json: cannot be read, not a file"]


def test_a_changed_value_of_the_manifest_breaks_its_signature(out, key):
    data = (out / MANIFEST).read_bytes()
    (out / MANIFEST).write_bytes(data.replace(b'"operator": "Ann"', b'"operator": "Bob"'))
    assert [line.partition(":")[0] for line in found(out, key)] == ["wrong signature"]


def test_a_run_that_is_interrupted_lists_what_was_finished(out, key, signing):
    def interrupted() -> None:
        with manifest_of(out, signing, "inspect") as manifest:
            (out / "c_report.csv").write_text("c")
            manifest.results("c")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (one,) = looked_at(out, key)
    assert one.findings == ()
    assert one.notes == ("the run was broken off: of its pictures those that were finished are listed",)


def test_a_folder_within_with_a_manifest_of_its_own_is_looked_at_too(out, key, signing):
    (out / "inspections").mkdir()
    run(out / "inspections", signing)
    run(out, signing, "3")
    assert found(out, key) == []
    (out / "inspections" / "a_view.jpg").write_text("other")
    assert found(out, key) == ["altered: a_view.jpg"]
    shutil.rmtree(out / "inspections")
    assert found(out, key) == ["removed: inspections: a folder with a manifest of its own"]


def test_other_files_are_listed_as_such(out, key, signing):
    (out / "notes.txt").write_text("mine")
    run(out, signing, "3")
    assert found(out, key) == []
    (out / "notes.txt").write_text("of another size")
    assert found(out, key) == ["altered: notes.txt"]


def test_the_key_of_a_run_must_be_of_use_before_anything_is_done(out, key, signing):
    key.write_text("")
    before = (out / MANIFEST).read_bytes()
    with pytest.raises(UserError, match="no private key"), manifest_of(out, signing, "inspect"):
        pass
    assert (out / MANIFEST).read_bytes() == before


def test_a_ledger_that_cannot_be_used_is_told_before_anything_is_done_or_else_at_the_end(out, key, signing):
    before = (out / MANIFEST).read_bytes()

    def without_ledger() -> None:
        with manifest_of(out, signing, "inspect"):
            ledger_file(key).unlink()
            ledger_file(key).mkdir()

    with pytest.raises(WriteFailed, match=r"ledger .* cannot be written"):
        without_ledger()
    (out / MANIFEST).write_bytes(before)
    with pytest.raises(UserError, match=r"ledger .* cannot be read, Is a directory"):
        run(out, signing, "3")
    assert (out / MANIFEST).read_bytes() == before


def test_a_folder_that_was_removed_does_not_come_back_for_its_manifest(out, signing):
    def robbed() -> None:
        with manifest_of(out, signing, "inspect"):
            shutil.rmtree(out)

    with pytest.raises(WriteFailed, match="is gone"):
        robbed()
    assert not out.exists()


def test_reports_of_several_batches_get_a_manifest_and_those_of_results_without_one_do_not(out, key, signing, tmp_path):
    (tmp_path / "nights").mkdir()
    shutil.move(out, tmp_path / "nights" / "2026-05-06")
    for folder in (tmp_path / "nights", tmp_path / "older"):
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder / "manifests", ignore_errors=True)
        with renewing_all(folder, signing, "report") as manifests:
            (folder / "report.html").write_text("all")
            manifests.wrote([folder / "report.html"])
    (whole, _) = looked_at(tmp_path / "nights", key)
    assert whole.findings == ()
    assert [line.partition(":")[0] for line in found(tmp_path / "older", key)] == ["not verifiable"]


def test_the_schema_of_the_manifest_is_kept(out):
    document = json.loads((out / MANIFEST).read_bytes())
    assert document["signature"]["algorithm"] == "Ed25519"
    assert document["unsigned"] == ""
