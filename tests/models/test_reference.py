from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dscope_blink.models import reference
from dscope_blink.models.family import Family, NoFamily, family_arrays
from dscope_blink.models.reference import (
    ARRAY_NAMES,
    ARRAYS,
    META,
    BadModel,
    ReferenceModel,
    load_model,
    model_bytes,
    taught_numbers,
)
from tests.builders.families import a_family, faces, histograms
from tests.builders.references import learned


def test_a_model_comes_back_from_its_file(tmp_path: Path) -> None:
    model = learned()
    path = tmp_path / "m.dscope"
    path.write_bytes(model_bytes(model))
    back = load_model(path)
    assert back.card == model.card
    assert (back.radius_px, back.scales_px) == (model.radius_px, model.scales_px)
    for name in ARRAY_NAMES:
        np.testing.assert_array_equal(getattr(back, name), getattr(model, name))
    assert back.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


COUNT = 8


@cache
def with_family() -> ReferenceModel:
    family = a_family(COUNT)
    numbers = taught_numbers(family.names, family.groups, list(zip(faces(COUNT), histograms(COUNT), strict=True)))
    return replace(learned(COUNT), numbers=numbers, family=family)


def test_a_family_comes_back_from_its_file(tmp_path: Path) -> None:
    model, path = with_family(), tmp_path / "m.dscope"
    path.write_bytes(model_bytes(model))
    back = load_model(path)
    assert isinstance(back.family, Family)
    assert isinstance(model.family, Family)
    assert (back.family.names, back.family.groups) == (model.family.names, model.family.groups)
    for name, array in family_arrays(model.family).items():
        np.testing.assert_array_equal(family_arrays(back.family)[name], array)
    assert back.numbers is not None
    np.testing.assert_array_equal(back.numbers.values, faces(COUNT).astype(np.float32))
    np.testing.assert_array_equal(back.numbers.histograms, histograms(COUNT))


def test_why_there_is_no_family_comes_back_too(tmp_path: Path) -> None:
    path = tmp_path / "m.dscope"
    path.write_bytes(model_bytes(replace(with_family(), family=NoFamily("too few"))))
    back = load_model(path)
    assert back.family == NoFamily("too few")
    assert back.numbers is not None


def test_the_same_model_is_the_same_file() -> None:
    assert model_bytes(learned()) == model_bytes(learned())


def _parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        return {name: whole.read(name) for name in whole.namelist()}


def _packed(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
        for name, part in parts.items():
            whole.writestr(name, part)
    return file.getvalue()


def _with_meta(change: Callable[[dict[str, object]], object]) -> bytes:
    parts = _parts(model_bytes(learned()))
    meta = json.loads(parts[META])
    change(meta)
    return _packed({**parts, META: json.dumps(meta).encode()})


def _with_arrays(**changed: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    """A model whose arrays were changed by someone who knows how it is signed."""
    parts = _parts(model_bytes(learned()))
    file = io.BytesIO()
    arrays = {name: getattr(learned(), name) for name in ARRAY_NAMES} | changed
    np.savez_compressed(file, **arrays)
    meta = json.loads(parts[META]) | {"arrays_sha256": hashlib.sha256(file.getvalue()).hexdigest()}
    return _packed({META: json.dumps(meta).encode(), ARRAYS: file.getvalue()})


def _with_family(
    change: Callable[[dict[str, object]], object] = lambda meta: None,
    **changed: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
) -> bytes:
    """The same of a model that knows a family; `change` is of what it says of the features."""
    parts = _parts(model_bytes(with_family()))
    with np.load(io.BytesIO(parts[ARRAYS])) as kept:
        arrays = dict(kept) | changed
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    meta = json.loads(parts[META]) | {"arrays_sha256": hashlib.sha256(file.getvalue()).hexdigest()}
    change(meta["features"])
    return _packed({META: json.dumps(meta).encode(), ARRAYS: file.getvalue()})


def _of_family(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    family = with_family().family
    assert isinstance(family, Family)
    return np.array(getattr(family, name))


def _renamed(about: dict[str, object]) -> None:
    names = about["names"]
    assert isinstance(names, list)
    names[names.index("cladding_px")] = "something"


def _one_name_less(about: dict[str, object]) -> None:
    for part in ("names", "groups"):
        listed = about[part]
        assert isinstance(listed, list)
        listed.pop()


def _truncated() -> bytes:
    return model_bytes(learned())[:-2000]


def _flipped() -> bytes:
    data = bytearray(model_bytes(learned()))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


def _edited() -> bytes:
    parts = _parts(model_bytes(learned()))
    numbers = bytearray(parts[ARRAYS])
    numbers[len(numbers) // 2] ^= 1
    return _packed({**parts, ARRAYS: bytes(numbers)})


def _traversing() -> bytes:
    return _packed({**_parts(model_bytes(learned())), "../../evil": b"x"})


LITTLE = 4 * 2**20


def _bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
        whole.writestr(META, "{}")
        whole.writestr(ARRAYS, bytes(LITTLE + 1))
    return file.getvalue()


def _claims_more_than_it_holds() -> bytes:
    parts = _parts(model_bytes(learned()))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as arrays:
        for name in ARRAY_NAMES:
            arrays.writestr(f"{name}.npy", header.getvalue())
    meta = json.loads(parts[META]) | {"arrays_sha256": hashlib.sha256(file.getvalue()).hexdigest()}
    return _packed({META: json.dumps(meta).encode(), ARRAYS: file.getvalue()})


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "no reference model"),
    "text": (lambda: b"{}", "no reference model"),
    "truncated": (_truncated, "no reference model"),
    "flipped": (_flipped, "no reference model"),
    "edited": (_edited, "not those that it was written with"),
    "another version": (lambda: _with_meta(lambda m: m.update(schema="dscope-blink/reference/9")), "schema must be"),
    "no card": (lambda: _with_meta(lambda m: m.pop("card")), "card"),
    "wrong type": (lambda: _with_meta(lambda m: m.update(radius_px="60")), "radius_px"),
    "radius": (lambda: _with_meta(lambda m: m.update(radius_px=5000)), "radius_px must lie in"),
    "traversal": (_traversing, "it must hold"),
    "bomb": (_bomb, "unpacked it must have at most"),
    "huge shape": (_claims_more_than_it_holds, "as many numbers as its shape"),
    "pickle": (lambda: _with_arrays(limits=np.array([{}] * 5, object)), "float32"),
    "faces of float": (lambda: _with_arrays(faces=np.ones((8, 3, 3), np.float32)), "uint16"),
    "faces of another frame": (lambda: _with_arrays(faces=np.ones((8, 30, 30), np.uint16)), "it must keep the 8 faces"),
    "fewer faces": (lambda: _with_arrays(faces=learned().faces[:3]), "it must keep the 8 faces"),
    "float64": (lambda: _with_arrays(limits=np.ones(5)), "float32"),
    "not square": (lambda: _with_arrays(archetype=np.ones((30, 40), np.float32)), "archetype must be square"),
    "other scales": (lambda: _with_arrays(limits=np.ones(4, np.float32)), "limits must have one for each scale"),
    "NaN": (lambda: _with_arrays(limits=np.full(6, np.nan, np.float32)), "must be positive"),
    "family of another shape": (
        lambda: _with_family(family_location=_of_family("location")[:-1]),
        "location must be of shape",
    ),
    "family of no shape": (lambda: _with_family(family_limits=np.array(1, np.float32)), "limits must be of shape"),
    "family of NaN": (
        lambda: _with_family(family_group_precision=np.full_like(_of_family("group_precision"), np.nan)),
        "must be finite",
    ),
    "family of pickle": (lambda: _with_family(family_limits=np.array([{}] * 2, object)), "float32"),
    "family of fewer faces": (
        lambda: _with_family(
            family_references=_of_family("references")[:5],
            family_histograms=_of_family("histograms")[:5],
            family_left_out=_of_family("left_out")[:5],
        ),
        "of the 8 faces that are used",
    ),
    "family without a gate": (lambda: _with_family(_renamed), "its features must hold"),
    "names that do not fit": (lambda: _with_family(_one_name_less), "taught_values must be of 8 faces"),
    "groups that do not fit": (lambda: _with_family(lambda m: m.update(groups=["a"])), "must"),
    "taught by fewer": (
        lambda: _with_family(taught_histograms=histograms(COUNT)[:3]),
        "taught_histograms must be of 8 faces",
    ),
    "a family that is not there": (
        lambda: _with_meta(lambda m: m.update(features={"names": ["a"], "groups": ["a"]})),
        "taught_values.npy",
    ),
    "negative": (lambda: _with_arrays(limits=np.full(6, -1, np.float32)), "must be positive"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_whole_model_is_refused_in_one_line(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "MOST_BYTES", LITTLE)
    make, said = HOSTILE[name]
    path = tmp_path / "m.dscope"
    path.write_bytes(make())
    with pytest.raises(BadModel) as refused:
        load_model(path)
    text = str(refused.value)
    assert said in text
    assert text.startswith(str(path))
    assert "\n" not in text


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="cannot be read"):
        load_model(tmp_path / "none.dscope")
    with pytest.raises(BadModel, match="cannot be read"):
        load_model(tmp_path)
