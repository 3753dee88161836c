"""The ledger of a key: lines are appended, and what was cut off says so."""

from __future__ import annotations

import pytest

from dscope_blink.files.ledger import append, ledger_file, read_ledger
from dscope_blink.records import UserError
from tests.builders.manifests import A_MANIFEST, OTHER_BATCH, of_run


def test_the_newest_of_a_batch_and_of_a_folder_is_the_last_line_of_it(tmp_path):
    path = ledger_file(tmp_path / "site.key")
    assert path == ledger_file(tmp_path / "site.key.pub")
    assert read_ledger(path).entries == ()
    for manifest, sha256 in ((A_MANIFEST, "1" * 64), (OTHER_BATCH, "2" * 64), (of_run(2), "3" * 64)):
        append(path, manifest, sha256)
    ledger = read_ledger(path)
    newest, other = ledger.newest(A_MANIFEST.batch), ledger.newest(OTHER_BATCH.batch)
    assert (newest and newest.sha256, other and other.sha256) == ("3" * 64, "2" * 64)
    here = ledger.newest_in(OTHER_BATCH.folder)
    assert here is not None
    assert here.run == OTHER_BATCH.run
    assert ledger.newest("f" * 32) is None


def test_a_line_that_was_cut_off_costs_no_other(tmp_path):
    path = tmp_path / "l"
    append(path, A_MANIFEST, "1" * 64)
    path.write_bytes(path.read_bytes()[:-20])
    append(path, of_run(2), "2" * 64)
    ledger = read_ledger(path)
    assert [one.sha256 for one in ledger.entries] == ["2" * 64]
    assert ledger.broken == (1,)


def test_what_cannot_be_read_or_written_is_one_line(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        append(tmp_path / "folder", A_MANIFEST, "1" * 64)
    with pytest.raises(UserError, match="cannot be read"):
        read_ledger(tmp_path / "folder")
