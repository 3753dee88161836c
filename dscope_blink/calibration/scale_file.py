"""calibration.json <-> `Calibration`: what is wrong with the file, how old it is, whether it is as it was written."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator

from dscope_blink.config.settings import CalibrationSettings
from dscope_blink.config.shipped import shipped
from dscope_blink.files.keys import SigningKey, fingerprint, is_signed_by
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import Calibration, Scale, UserError, notice, read_file
from dscope_blink.records.json_reading import decode_any_json

SCHEMA_FILE = shipped("calibration.schema.json")
COVERAGE_FACTOR = 2.0  # of the uncertainties in the file
MEAN, AXES, SEAL = "um_per_px", ("um_per_px_x", "um_per_px_y"), "seal"
SIGNATURE, SIGNED_AS = "signature", b"dscope-blink/calibration/1\n"  # no text of another kind begins so
UNCERTAINTIES = tuple(f"uncertainty_{axis}" for axis in AXES)

Document: TypeAlias = dict[str, Any]


def load_calibration(
    path: Path, today: date, rules: CalibrationSettings, known_key: str | None = None
) -> Calibration | None:
    """Read calibration.json.

    Parameters
    ----------
    path : a JSON object as calibration.schema.json describes it; `um_per_px` alone is enough
    today : tells whether it has expired
    rules : whether a file that has expired, or was changed by hand, is refused or warned of
    known_key : public key, 64 hexadecimal digits; a file that it has not signed counts as changed. None: nobody signs

    Returns
    -------
    Calibration with what there is to warn of; None when `um_per_px` is null: not calibrated

    Raises
    ------
    UserError : the file cannot be read, is broken or refused; one line naming the key, the rule and the value
    """
    data = _read(path)
    document = _checked(path, data)
    if document.get(AXES[0], document.get(MEAN)) is None:
        return None
    warnings = []
    problems = (
        (rules.edited, "changed_calibration", _edited(document) or _not_signed(document, known_key)),
        (rules.expired, "expired_calibration", _expired(document, today)),
    )
    for rule, kind, problem in problems:
        if problem and rule == "refuse":
            raise UserError(f"{path}: {kind.replace('_', ' ')}: {problem}")
        warnings += [notice(kind, problem)] if problem else []
    size = document.get("picture_size_px")
    sha256 = hashlib.sha256(data).hexdigest()
    size_px = None if size is None else (size[0], size[1])
    return Calibration(_scale(document), sha256, size_px, document.get("camera"), tuple(warnings))


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None


def _checked(path: Path, data: bytes) -> Document:
    try:
        document = decode_any_json(data)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: must be a JSON object in UTF-8, {error}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path}: must be a JSON object, got {_shown(document)}")
    problem = _wrong_value(document) or _missing(document) or _wrong_mean(document)
    if problem:
        raise UserError(f"{path}: {problem}")
    return document


def _wrong_value(document: Document) -> str:
    """The first key that the schema has something against; Python's reader takes NaN and 1e999 for numbers."""
    wrong = {str(error.absolute_path[0]) for error in _validator().iter_errors(document) if error.absolute_path}
    wrong |= {key for key, value in document.items() if isinstance(value, float) and not math.isfinite(value)}
    return next((_in_words(document, key) for key in _properties() if key in wrong), "")


def _in_words(document: Document, key: str) -> str:
    return f"{key} must be {_properties()[key]['description']}, got {_shown(document[key])}"


def _missing(document: Document) -> str:
    axes = [name for name in AXES if name in document]
    if not axes:
        return "" if MEAN in document else f"{MEAN} is missing"
    return "".join(f"{name} is missing" for name in AXES if name not in axes)


def _wrong_mean(document: Document) -> str:
    """Whoever changed one of the three by hand and not the others must hear that it does not count."""
    if AXES[0] not in document or MEAN not in document:
        return ""
    if document[MEAN] is None:
        return _in_words(document, MEAN)
    mean = _scale(document).um_per_px
    if math.isclose(document[MEAN], mean, rel_tol=1e-3):
        return ""
    return f"{MEAN} must be the geometric mean of {AXES[0]} and {AXES[1]}, {mean:.6g}, got {document[MEAN]:g}"


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _properties() -> Document:
    properties: Document = _validator().schema["properties"]
    return properties


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _scale(document: Document) -> Scale:
    x, y = (float(document[axis if axis in document else MEAN]) for axis in AXES)
    shares = [document[key] / um for key, um in zip(UNCERTAINTIES, (x, y), strict=True) if key in document]
    relative = max(shares) / COVERAGE_FACTOR if shares else None
    return Scale(x, y, "calibration", relative, document.get("square_pixels_assumed", False))


def _edited(document: Document) -> str:
    if document.get(SEAL, "") in ("", seal_of(document)):
        return ""
    return f'not as it was written; calibrate again, or remove "{SEAL}" to vouch for it'


def _not_signed(document: Document, known_key: str | None) -> str:
    if known_key is None:
        return ""
    signed = document.get(SIGNATURE)
    if signed is None:
        return f"not signed, and must be by key {fingerprint(known_key)}"
    if signed["public_key"] != known_key:
        return f"signed by key {fingerprint(signed['public_key'])}, and must be by key {fingerprint(known_key)}"
    return (
        "" if is_signed_by(known_key, signed["value"], _signed_text(document)) else "its signature is of another text"
    )


def _expired(document: Document, today: date) -> str:
    expires = document.get("expires")
    if expires is None or today <= date.fromisoformat(expires):
        return ""
    return f"it was valid until {expires}, today is {today}"


def seal_of(document: Document) -> str:
    """sha256 of everything in the document but its seal, whatever the order of its keys."""
    return hashlib.sha256(_canonical(document, SEAL)).hexdigest()


def _signed_text(document: Document) -> bytes:
    return SIGNED_AS + _canonical(document, SEAL, SIGNATURE)


def _canonical(document: Document, *left_out: str) -> bytes:
    rest = {key: value for key, value in document.items() if key not in left_out}
    return json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()


def write_document(path: Path, document: Document, key: SigningKey | None = None) -> None:
    """Write calibration.json with its seal, signed where there is a key, whole or not at all.

    Raises
    ------
    UserError : it cannot be written
    """
    if key is not None:
        value = key.sign(_signed_text(document))
        document = {**document, SIGNATURE: {"algorithm": "Ed25519", "public_key": key.public_key, "value": value}}
    text = json.dumps({**document, SEAL: seal_of(document)}, indent=2, ensure_ascii=False) + "\n"
    write_file(path, text.encode())
