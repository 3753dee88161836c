"""`keys` and `verify` at a terminal, on folders that the program itself has written."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dscope_blink.batch.run import run_batch
from dscope_blink.batch.same_pictures import IN_RECORD
from dscope_blink.config.settings import SigningSettings
from dscope_blink.files.names import MANIFEST
from dscope_blink.records.batch_manifest import read_manifest
from dscope_blink.records.stored import load_record
from dscope_blink.terminal.commands import main
from tests.builders.batches import CONFIG, batch_of
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A configuration with a key."""
    assert main(["keys", "make", str(tmp_path / "keys.d")]) == 0
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"extends": "shipped", "signing": {"key": "keys.d", "operator": "Ann"}}))
    return path


def test_a_key_is_made_once_and_shown_by_its_fingerprint(tmp_path, capsys):
    assert main(["keys", "make", str(tmp_path / "k")]) == 0
    made = capsys.readouterr().out
    assert main(["keys", "show", str(tmp_path / "k.pub")]) == 0
    assert capsys.readouterr().out.strip() in made
    assert main(["keys", "make", str(tmp_path / "k")]) == 2
    assert (
        capsys.readouterr().err == f"main.py: key {tmp_path / 'k'}: it is there already, and no key is written over\n"
    )


def test_what_cannot_be_looked_at_is_one_line(tmp_path, capsys):
    assert main(["verify", str(tmp_path / "no")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["verify", str(tmp_path), f"--key={tmp_path / 'no'}"]) == 2
    assert "no such file" in capsys.readouterr().err
    assert main(["verify", str(tmp_path), f"--ledger={tmp_path / 'no'}"]) == 2
    assert "no such file" in capsys.readouterr().err
    assert main(["verify", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith(
        "not verifiable: batch_manifest.json: no run of this program has ended here"
    )


@pytest.mark.slow
def test_a_signed_batch_verifies_until_something_is_altered(tmp_path, site, capsys):
    folder, out = folder_of(tmp_path / "p", "a.png"), tmp_path / "out"
    folder_of(folder, "b.png", data=face_png(SCRATCH))
    words = ["inspect", str(folder), f"--output-dir={out}", f"--config={site}", "--profile=fast_scan", *MULTIMODE]
    assert main([*words, "--workers=0", "--quiet"]) == 0
    asked = ["verify", str(out), f"--config={site}", f"--input-dir={folder}"]
    assert main([*asked, "--quiet"]) == 0
    assert main(["verify", str(out)]) == 1
    assert main(["report", str(out), f"--config={site}", "--pdf", "--quiet"]) == 0
    assert main(["regrade", str(out), f"--config={site}", "--quiet"]) == 0
    capsys.readouterr()
    assert main([*asked, "--json"]) == 0
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (told["well"], told["findings"], told["notes"]) == (True, 0, [])
    record = out / "b_result.json"
    record.write_text(record.read_text().replace('"FAIL"', '"PASS"', 1))
    (folder / "a.png").write_bytes(b"other")
    assert main([*asked, "--quiet"]) == 1
    assert capsys.readouterr().out.splitlines()[:2] == [
        "altered: b_result.json",
        "altered: a.png: the picture is another than the one that was looked at",
    ]


@pytest.mark.slow
def test_while_a_run_goes_on_there_is_no_manifest_and_afterwards_there_is_one_however_it_ended(tmp_path, site):
    folder, out = folder_of(tmp_path / "p", "a.png"), tmp_path / "out"
    folder_of(folder, "b.png", data=face_png(SCRATCH))
    signing = replace(CONFIG, signing=SigningSettings(tmp_path / "keys.d", None, None))
    assert len(list(run_batch(batch_of(folder, out, config=signing)))) == 2
    with closing(run_batch(batch_of(folder, out, config=signing))) as run:
        next(run)
        assert not (out / MANIFEST).exists()
    manifest = read_manifest((out / MANIFEST).read_bytes())
    assert (manifest.run, manifest.state, len(manifest.pictures)) == (2, "unfinished", 2)
    runs = {file.name: file.run for file in manifest.files}
    assert (runs["a_result.json"], runs["b_result.json"]) == (2, 1)
    assert main(["verify", str(out), f"--config={site}", "--quiet"]) == 0


@pytest.mark.slow
def test_a_picture_under_two_names_warns_in_both_records_and_rows(tmp_path):
    folder, out = folder_of(tmp_path / "p", "a.png", "b.png"), tmp_path / "out"
    folder_of(folder, "c.png", data=face_png(SCRATCH))
    done = {one.name: one for one in run_batch(batch_of(folder, out))}
    warned = {
        name: [
            text.text
            for text in load_record(out / f"{name}_result.json").quality.warnings
            if text.kind == "same_picture"
        ]
        for name in done
    }
    assert warned == {
        "a": [IN_RECORD.text],
        "b": [IN_RECORD.text],
        "c": [],
    }
    assert (out / "summary_report.csv").read_text().count("Same picture") == 2
    assert main(["verify", str(out), "--unsigned", "--quiet"]) == 0
