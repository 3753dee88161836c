"""batch_manifest.json: read only as it was written, and nothing in it leads out of its folder."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from dscope_blink.config.shipped import shipped
from dscope_blink.records.batch_manifest import BadManifest, Signature, manifest_bytes, read_manifest
from tests.builders.manifests import A_MANIFEST, HASH

SIGNED = replace(A_MANIFEST, unsigned="", signature=Signature("Ed25519", HASH, HASH + HASH))
SCHEMA = Draft202012Validator(json.loads(shipped("batch_manifest.schema.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("manifest", [A_MANIFEST, SIGNED], ids=["unsigned", "signed"])
def test_a_manifest_comes_back_as_it_was_and_fits_its_schema(manifest):
    data = manifest_bytes(manifest)
    assert read_manifest(data) == manifest
    SCHEMA.validate(json.loads(data))


def test_what_is_signed_is_all_but_the_signature():
    assert SIGNED.signed_text == A_MANIFEST.signed_text
    assert replace(SIGNED, run=2).signed_text != SIGNED.signed_text


def test_every_single_byte_counts():
    data = manifest_bytes(A_MANIFEST)
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 1
        try:
            read = read_manifest(bytes(changed))
        except BadManifest:
            continue
        assert manifest_bytes(read) == bytes(changed)
        assert read != A_MANIFEST


TEXT = manifest_bytes(A_MANIFEST).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-100],
        TEXT + " ",
        TEXT.replace('"run": 1,', '"run": 1, "run": 1,', 1),
        TEXT.replace('"run": 1,', '"run": ' + "9" * 400 + ",", 1),
        TEXT.replace('"run": 1,', '"run": 1e400,', 1),
        TEXT.replace('"run": 1,', '"run": 0,', 1),
        TEXT.replace('"size": 7', '"size": -7', 1),
        TEXT.replace('"inputs": {', '"inputs": ' + "[" * 100_000, 1),
        "[" * 100_000,
        TEXT.replace("a_result.json", "../a_result.json"),
        TEXT.replace("sub/b_result.json", "/etc/passwd"),
        TEXT.replace("sub/b_result.json", "sub/../../b"),
        TEXT.replace("sub/b_result.json", "notes.txt"),
        TEXT.replace("finished", "done"),
        TEXT.replace(HASH, HASH[:-1]),
        TEXT.replace('"unsigned": "no key"', '"unsigned": ""'),
        TEXT.replace("no key", "no\\u0020key"),
    ],
)
def test_what_is_no_manifest_is_told_in_one_line(text):
    with pytest.raises(BadManifest) as told:
        read_manifest(text.encode())
    assert len(str(told.value)) < 400
    assert "\n" not in str(told.value)
