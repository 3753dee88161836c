"""Keys and their files: made once, read only by their owner, and anything else is one line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from dscope_blink.config.settings import SigningSettings
from dscope_blink.files.keys import (
    PASSPHRASE,
    check_apart,
    fingerprint,
    is_signed_by,
    known_key,
    load_private,
    load_public,
    make_keys,
    signing_key,
)
from dscope_blink.records import UserError


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_keys(tmp_path / "site.key")
    return tmp_path / "site.key"


def test_what_the_private_key_signs_the_public_one_knows_and_nothing_else(key):
    public, value = load_public(key.with_name("site.key.pub")), load_private(key).sign(b"text")
    assert public == load_private(key).public_key
    assert is_signed_by(public, value, b"text")
    assert not is_signed_by(public, value, b"texts")
    assert not is_signed_by(public, value[:-2] + ("00" if value[-2:] != "00" else "01"), b"text")
    assert not is_signed_by("00" * 32, value, b"text")


def test_only_the_owner_can_read_the_private_key(key):
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_no_key_is_written_over(key):
    before = key.read_bytes()
    with pytest.raises(UserError, match="there already"):
        make_keys(key)
    key.unlink()
    with pytest.raises(UserError, match=r"site\.key\.pub: it is there already"):
        make_keys(key)
    assert not key.exists()
    assert before


def test_a_link_is_no_place_for_a_key(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="there already"):
        make_keys(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mark", ["batch_manifest.json", ".dscope-blink.lock", "a_result.json", "b_gate.json"])
def test_a_key_lies_in_no_folder_of_results_nor_below_one(tmp_path, mark):
    (tmp_path / mark).touch()
    (tmp_path / "below").mkdir()
    for place in (tmp_path / "site.key", tmp_path / "below" / "site.key"):
        with pytest.raises(UserError, match="folder of results"):
            make_keys(place)
    assert not list(tmp_path.rglob("site.key*"))


def test_a_run_does_not_sign_with_a_key_that_lies_where_it_writes(key, tmp_path):
    with pytest.raises(UserError, match="folder of results"):
        signing_key(SigningSettings(key, None, None), tmp_path)
    check_apart(key, tmp_path / "out")


def test_a_key_with_a_passphrase_needs_it(tmp_path, monkeypatch):
    monkeypatch.setenv(PASSPHRASE, "of the site")
    public = make_keys(tmp_path / "k")
    assert load_private(tmp_path / "k").public_key == public
    monkeypatch.setenv(PASSPHRASE, "another")
    with pytest.raises(UserError, match=f"{PASSPHRASE} is not its passphrase"):
        load_private(tmp_path / "k")
    monkeypatch.delenv(PASSPHRASE)
    with pytest.raises(UserError, match=f"{PASSPHRASE} gives"):
        load_private(tmp_path / "k")


def test_a_key_without_a_passphrase_is_read_where_one_is_set(key, monkeypatch):
    monkeypatch.setenv(PASSPHRASE, "of another key")
    assert load_private(key).public_key == load_public(key.with_name("site.key.pub"))


def of_another_kind() -> bytes:
    return generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nMC4C", "no private key"),
        (b"\xff" * 100, "no private key"),
        (b"x" * 20_000, "at most 16384 bytes"),
        (of_another_kind(), "must be a private key of Ed25519, got"),
    ],
    ids=["empty", "truncated", "noise", "huge", "another kind"],
)
def test_what_is_no_key_is_told_in_one_line(tmp_path, data, says):
    path = tmp_path / "k"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(UserError, match=says) as told:
        load_private(path)
    assert "\n" not in str(told.value)
    with pytest.raises(UserError, match=r"no public key|at most 16384 bytes"):
        load_public(path)


def test_a_truncated_key_is_none(key):
    for count in (10, 60, 110):
        key.write_bytes(key.read_bytes()[:count])
        with pytest.raises(UserError, match="no private key"):
            load_private(key)


def test_what_is_no_file_is_told_in_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, says in (
        (tmp_path / "pipe", "not a file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "no", "no such file"),
    ):
        with pytest.raises(UserError, match=says):
            load_public(path)


def test_a_private_key_that_others_can_read_is_refused(key):
    key.chmod(0o640)
    with pytest.raises(UserError, match="its mode must be 600"):
        load_private(key)


def test_the_known_key_is_that_of_the_configuration(key, tmp_path):
    public = key.with_name("site.key.pub")
    assert known_key(SigningSettings(None, None, None)) is None
    assert known_key(SigningSettings(key, None, None)) == load_public(public)
    assert known_key(SigningSettings(None, public, None)) == load_public(public)
    public.unlink()
    assert known_key(SigningSettings(key, None, None)) == load_private(key).public_key
    assert len(fingerprint("00" * 32)) == 19
