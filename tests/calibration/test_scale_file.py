"""A calibration that is not as it should be is refused or warned of, as the configuration has it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dscope_blink.calibration.scale_file import SIGNATURE, load_calibration, write_document
from dscope_blink.config.settings import CalibrationSettings
from dscope_blink.files.keys import SigningKey, load_private, make_keys
from dscope_blink.records import Calibration, Scale, UserError, texts
from tests.builders.settings import ROOT

TODAY = date(2026, 6, 1)
WARN, REFUSE = CalibrationSettings(365, "warn", "warn", "warn"), CalibrationSettings(365, "refuse", "refuse", "refuse")
FULL: dict[str, Any] = {
    "um_per_px": 0.5,
    "um_per_px_x": 0.5,
    "um_per_px_y": 0.5,
    "uncertainty_um_per_px_x": 0.0002,
    "uncertainty_um_per_px_y": 0.0003,
    "square_pixels_assumed": False,
    "method": "dots",
    "target_um": 10.0,
    "picture_size_px": [2048, 1536],
    "created": "2026-01-31T08:00:00+00:00",
    "expires": "2027-01-31",
    "camera": None,
    "objective": "10x",
    "features": 400,
    "residual_px": 0.05,
    "spread_pct": 0.0,
    "pictures": [],
    "left_out": [],
}


def load(path: Path, rules: CalibrationSettings = REFUSE, today: date = TODAY) -> Calibration | None:
    return load_calibration(path, today, rules)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A calibration as it is written."""
    write_document(tmp_path / "calibration.json", FULL)
    return tmp_path / "calibration.json"


def change(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_file_as_it_was_written_is_taken_without_a_word(path: Path) -> None:
    found = load(path)
    assert found is not None
    assert found.scale == Scale(0.5, 0.5, "calibration", 0.0003)  # the larger of both, k = 1
    assert (found.picture_size_px, found.warnings) == ((2048, 1536), ())
    assert len(found.sha256) == 64


def test_what_is_written_fits_the_schema(path: Path) -> None:
    schema = json.loads((ROOT / "calibration.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert list(validator.iter_errors(json.loads(path.read_text()))) == []
    assert set(json.loads(path.read_text())) == set(schema["properties"]) - {SIGNATURE}


@pytest.mark.parametrize(("today", "expired"), [(date(2027, 1, 31), False), (date(2027, 2, 1), True)])
def test_a_calibration_is_valid_to_the_end_of_its_last_day(path: Path, today: date, expired: bool) -> None:
    said = "xpired calibration: it was valid until 2027-01-31, today is 2027-02-01"
    if expired:
        with pytest.raises(UserError, match=f"{path.name}: e{said}"):
            load(path, REFUSE, today)
    found = load(path, WARN, today)
    assert found is not None
    assert texts(found.warnings) == ([f"E{said}"] if expired else [])


@pytest.mark.parametrize(
    "changes", [{"um_per_px_x": 0.5001}, {"objective": "20x"}, {"expires": "2030-01-01"}, {"new": 1}]
)
def test_a_file_that_was_changed_by_hand_is_noticed(path: Path, changes: dict[str, Any]) -> None:
    change(path, **changes)
    with pytest.raises(UserError, match=r'changed calibration: .* or remove "seal" to vouch for it'):
        load(path)
    found = load(path, WARN)
    assert found is not None
    assert found.warnings[0].kind == "changed_calibration"


def test_the_order_of_the_keys_does_not_matter(path: Path) -> None:
    document = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(document.items()))))
    assert load(path) is not None


def test_who_removes_the_seal_vouches_for_the_file(path: Path) -> None:
    document = json.loads(path.read_text()) | {"um_per_px": 0.6, "um_per_px_x": 0.6, "um_per_px_y": 0.6}
    del document["seal"]
    path.write_text(json.dumps(document))
    found = load(path)
    assert found is not None
    assert (found.scale.um_per_px, found.warnings) == (0.6, ())


def test_a_file_of_the_predecessor_says_nothing_of_itself(path: Path) -> None:
    path.write_text('{"um_per_px": 0.7}')
    found = load(path)
    assert found is not None
    assert found.scale == Scale(0.7, 0.7, "calibration")
    assert (found.picture_size_px, found.warnings) == (None, ())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"uncertainty_um_per_px_x": -1}, "uncertainty_um_per_px_x must be the expanded uncertainty"),
        ({"picture_size_px": [640]}, "picture_size_px must be width and height in pixels"),
        ({"picture_size_px": [640, 0]}, "picture_size_px must be width and height in pixels"),
        ({"expires": 20270131}, "expires must be a date as 2027-01-31, or null, got 20270131"),
        ({"expires": "next year"}, 'expires must be a date as 2027-01-31, or null, got "next year"'),
        ({"expires": "2027-02-30"}, 'expires must be a date as 2027-01-31, or null, got "2027-02-30"'),
        ({"method": "guess"}, "method must be one of dots, ticks, cladding"),
        ({"seal": "0"}, "seal must be the sha256"),
        ({"square_pixels_assumed": "no"}, "square_pixels_assumed must be true or false"),
    ],
)
def test_a_wrong_value_is_named_with_its_rule(path: Path, changes: dict[str, Any], says: str) -> None:
    change(path, **changes)
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: {says}")


@pytest.mark.parametrize("key", ["uncertainty_um_per_px_x", "um_per_px_y", "um_per_px"])
def test_a_number_beyond_all_is_refused_in_one_line(tmp_path: Path, key: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({**FULL, key: 10**400}))
    with pytest.raises(UserError, match=f"{key} must be"):
        load(path)


# --- signed


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    make_keys(tmp_path / "site.key")
    return load_private(tmp_path / "site.key")


def refusal(path: Path, key: SigningKey) -> str:
    rules = CalibrationSettings(None, "refuse", "refuse", "refuse")
    with pytest.raises(UserError) as told:
        load_calibration(path, date(2024, 1, 1), rules, key.public_key)
    return str(told.value).partition("changed calibration: ")[2]


def test_a_calibration_that_the_known_key_has_signed_is_used(path: Path, key: SigningKey) -> None:
    write_document(path, FULL, key)
    rules = CalibrationSettings(None, "refuse", "refuse", "refuse")
    found = load_calibration(path, date(2024, 1, 1), rules, key.public_key)
    assert found is not None
    assert found.warnings == ()
    assert load_calibration(path, date(2024, 1, 1), rules) is not None
    schema = json.loads((ROOT / "calibration.schema.json").read_text(encoding="utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(json.loads(path.read_text()))) == []


def test_one_that_it_has_not_signed_is_as_one_that_was_edited(path: Path, key: SigningKey, tmp_path: Path) -> None:
    write_document(path, FULL)
    assert refusal(path, key).startswith("not signed, and must be by key ")
    path.write_text('{"um_per_px": 0.5}')
    assert refusal(path, key).startswith("not signed, and must be by key ")
    make_keys(tmp_path / "forger")
    write_document(path, FULL, load_private(tmp_path / "forger"))
    assert refusal(path, key).startswith("signed by key ")
    write_document(path, FULL, key)
    signed = json.loads(path.read_text())
    write_document(path, {**signed, "um_per_px_x": 0.6, "um_per_px_y": 0.6, "um_per_px": 0.6})
    assert refusal(path, key) == "its signature is of another text"
    warned = load_calibration(path, date(2024, 1, 1), CalibrationSettings(None, "warn", "warn", "warn"), key.public_key)
    assert warned is not None
    assert [warning.kind for warning in warned.warnings] == ["changed_calibration"]
