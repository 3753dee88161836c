"""A signature beside a model or a layout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dscope_blink.files.keys import SigningKey, load_private, make_keys
from dscope_blink.files.signed_file import SIGNATURE_FILE, sign_file, why_not_vouched
from dscope_blink.records import UserError


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    make_keys(tmp_path / "site.key")
    return load_private(tmp_path / "site.key")


@pytest.fixture
def model(tmp_path: Path, key: SigningKey) -> Path:
    path = tmp_path / "good.dscope"
    path.write_bytes(b"model")
    sign_file(path, key)
    return path


def test_a_file_is_vouched_for_until_a_byte_of_it_or_of_its_signature_is_another(model, key):
    beside = model.with_name(model.name + SIGNATURE_FILE)
    assert why_not_vouched(model, key.public_key) == ""
    signed = beside.read_bytes()
    model.write_bytes(b"other")
    assert why_not_vouched(model, key.public_key) == "altered"
    beside.write_bytes(signed.replace(b"good", b"best"))
    assert why_not_vouched(model, key.public_key).startswith("wrong signature")


def test_another_key_and_none_are_told(model, key):
    assert why_not_vouched(model, "00" * 32).startswith("other key: signed by key ")
    assert why_not_vouched(model, None).endswith("(--key)")


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 50_000, b"x" * 70_000, b'{"file": 1}'])
def test_what_is_no_signature_is_one_line(model, key, data):
    model.with_name(model.name + SIGNATURE_FILE).write_bytes(data)
    why = why_not_vouched(model, key.public_key)
    assert why.startswith("not signed: good.dscope.signature.json ")
    assert "\n" not in why


def test_a_model_that_is_written_without_a_key_keeps_no_older_signature(model, key):
    sign_file(model, None)
    assert why_not_vouched(model, key.public_key).startswith("not signed")


def test_what_is_no_file_is_told(tmp_path, key):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="not a file"):
        why_not_vouched(tmp_path / "pipe", key.public_key)
