"""A file says by its seal whether it is as it was written, and no key in it is given twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.gates.sheets import READABLE
from dscope_blink.records import SheetResult
from dscope_blink.records.connector_file import connector_json, load_connector
from dscope_blink.records.sealing import SEAL, opened, sealed, unbroken
from dscope_blink.records.stored import BadRecord, read_record, to_json
from dscope_blink.records.stored_gates import BadSheetResult, load_sheet, sheet_bytes
from tests.builders.connectors import connector_of
from tests.builders.inspections import FAILED

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.dictionaries(st.text(max_size=6), VALUES, max_size=5)


SHEET = SheetResult("a.png", None, 40, 30, None, (READABLE,), (), "truth")


def storable(record: dict[str, Any]) -> bool:
    """Whether a file of UTF-8 can hold it."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return SEAL not in record


@settings(max_examples=30)
@given(RECORDS.filter(storable))
def test_what_is_sealed_opens_however_it_is_laid_out(record: dict[str, Any]) -> None:
    whole = sealed(record)
    turned = dict(reversed(whole.items()))
    for text in (json.dumps(whole), json.dumps(turned, indent=3), json.dumps(whole, ensure_ascii=False)):
        assert opened(text.encode()) == (record, True)


@settings(max_examples=30)
@given(RECORDS.filter(storable), VALUES)
def test_any_change_breaks_the_seal(record: dict[str, Any], value: Any) -> None:
    changed = sealed(record) | {"added": value}
    if record.get("added", ...) != value and storable({"added": value}):
        assert opened(json.dumps(changed).encode())[1] is False


def test_a_file_without_a_seal_says_so() -> None:
    assert opened(b'{"a": 1}') == ({"a": 1}, None)
    assert opened(b"[1]") == ([1], None)


@pytest.mark.parametrize("seal", ["", 5, None, ["x"], {"a": "b:c"}, "0" * 64, "0" * 63 + ":"])
def test_a_seal_of_another_kind_is_none_or_broken(seal: Any) -> None:
    assert opened(json.dumps({"a": 1, SEAL: seal}).encode())[1] is (None if seal is None else False)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": 1, "a": 1}',
        '{"a" : 1,"a"\n:2}',
        '{"b": [{"a": 1, "a": {}}]}',
        '{"a": 1, "\\u0061": 2}',
        '{"a": 1, "a": 2, "b": "\\u003a"}',
        f'{{"a": 1, "{SEAL}": "x", "{SEAL}": "y"}}',
    ],
)
def test_a_key_that_is_given_twice_is_refused(text: str) -> None:
    key = SEAL if SEAL in text else "a"
    with pytest.raises(ValueError, match=f"^the key '{key}' stands twice in one object$"):
        opened(text.encode())


@pytest.mark.parametrize("text", ['{"a": "b:c:\\u003a"}', '{"a:b": {"a": 1}, "a": 2}', '[{"a": 1}, {"a": 2}]'])
def test_colons_and_escapes_are_no_keys(text: str) -> None:
    assert opened(text.encode()) == (json.loads(text), None)


def test_a_name_of_bytes_that_are_no_text_is_sealed_too() -> None:
    record = {"file": "a\udcff.png", "n": 1.5}
    data = json.dumps(sealed(record), ensure_ascii=False).encode("utf-8", "backslashreplace")
    assert unbroken(data, json.loads) == record


def test_a_record_is_read_with_its_seal() -> None:
    whole = sealed(to_json(FAILED))
    assert read_record(json.dumps(whole).encode()).sealed is True
    assert read_record(json.dumps(whole | {"timings_s": {}}).encode()).sealed is False
    assert read_record(json.dumps(to_json(FAILED)).encode()).sealed is None


@pytest.mark.parametrize("name", ["sealed", "cells", "confidence"])
def test_a_record_cannot_say_what_only_the_program_knows(name: str) -> None:
    back = read_record(json.dumps(to_json(FAILED) | {name: True}).encode())
    assert (back.sealed, back.cells, back.confidence) == (None, (), None)


def test_a_record_of_a_connector_that_was_changed_is_none(tmp_path: Path) -> None:
    connector_of(tmp_path, "plug", [FAILED, FAILED])
    path = tmp_path / "plug_connector.json"
    assert connector_json(load_connector(path)) == path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b'"FAIL"', b'"NOT_GRADED"'))
    with pytest.raises(BadRecord, match="it was changed after it was written"):
        load_connector(path)


def test_a_result_of_a_sheet_whose_figures_were_changed_is_none(tmp_path: Path) -> None:
    path = tmp_path / "sheet_gate.json"
    path.write_bytes(sheet_bytes(SHEET, "program"))
    assert load_sheet(path)[1] == "program"
    path.write_bytes(path.read_bytes().replace(b'"program": "program"', b'"program": "another"'))
    with pytest.raises(BadSheetResult, match="it was changed after it was written"):
        load_sheet(path)
