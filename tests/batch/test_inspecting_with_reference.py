"""Pictures inspected beside a model of good faces: what the record says, and what the verdict does not rest on."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import pytest

from dscope_blink.batch.job import hash_of_reference, reference_of
from dscope_blink.batch.run import Batch, run_batch
from dscope_blink.config.settings import Config
from dscope_blink.models.reference import ReferenceModel, model_bytes, taught_numbers
from dscope_blink.records import Inspection, UserError
from dscope_blink.records.stored import load_record
from dscope_blink.synthetic.faces import Blemish, FaceSpec, Pit, render_face
from dscope_blink.terminal.commands import main
from tests.builders.batches import CONFIG, batch_of, finished, summary
from tests.builders.commands import inspect
from tests.builders.families import a_family
from tests.builders.families import faces as numbers_of
from tests.builders.pictures import LONG_AGO, MULTIMODE
from tests.builders.references import KIND, card_of, learned, varied

PIT = Pit((-30.0, -20.0), 10.0, -0.4)
OTHER = replace(KIND, um_per_px_x=1.4, um_per_px_y=1.4)


def picture(folder: Path, name: str, spec: FaceSpec, *blemishes: Blemish) -> None:
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / name), render_face(spec, blemishes, np.random.default_rng(77)).image)
    os.utime(folder / name, (LONG_AGO, LONG_AGO))


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    picture(folder, "clean.png", varied(31))
    picture(folder, "pit.png", varied(32), PIT)
    picture(folder, "other.png", OTHER)
    (folder / "broken.png").write_bytes(b"no picture")
    os.utime(folder / "broken.png", (LONG_AGO, LONG_AGO))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("model") / "m.dscope", learned())


def written(path: Path, model: ReferenceModel) -> Path:
    path.write_bytes(model_bytes(model))
    return path


def with_model(model: Path | None, detector: bool = False, subtract: bool = False, config: Config = CONFIG) -> Config:
    detectors = dict(config.detectors)
    detectors["reference"] = replace(detectors["reference"], enabled=detector)
    reference = replace(config.reference, model=model, subtract_archetype=subtract)
    return replace(config, detectors=MappingProxyType(detectors), reference=reference)


def asked(faces: Path, out: Path, config: Config) -> Batch:
    batch = batch_of(faces, out, config=config)
    return replace(batch, job=replace(batch.job, reference_sha256=hash_of_reference(config)))


def inspected(faces: Path, out: Path, config: Config, **how: Any) -> dict[str, Inspection]:
    batch = replace(asked(faces, out, config), **how)
    return {done.inspection.image.file: done.inspection for done in run_batch(batch)}


@pytest.fixture(scope="module")
def compared(faces: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Inspection]]:
    out = tmp_path_factory.mktemp("compared")
    return out, inspected(faces, out, with_model(model))


def test_each_record_says_what_the_reference_says(compared: tuple[Path, dict[str, Inspection]]) -> None:
    out, found = compared
    said = {file: one.comparison.status for file, one in found.items()}
    assert said == {
        "clean.png": "NORMAL",
        "pit.png": "ANOMALOUS",
        "other.png": "NOT_OF_THIS_FAMILY",
        "broken.png": "NOT_COMPARED",
    }
    assert len(found["pit.png"].comparison.anomalies) == 1
    assert found["broken.png"].comparison.reasons == (found["broken.png"].verdict.reasons[0].text,)
    for file, one in found.items():
        stored = load_record(out / f"{Path(file).stem}_result.json")
        assert stored.reference == one.reference
        assert stored.provenance.inputs["reference"] == one.comparison.model_sha256


def test_neither_verdict_nor_marks_rest_on_it(
    compared: tuple[Path, dict[str, Inspection]], faces: Path, tmp_path: Path
) -> None:
    for file, one in inspected(faces, tmp_path / "out", CONFIG).items():
        beside = compared[1][file]
        assert one.reference is None
        assert "reference" not in one.provenance.inputs
        assert (one.verdict, one.defects, one.quality) == (beside.verdict, beside.defects, beside.quality)


def test_the_summary_has_it_beside_the_verdict(compared: tuple[Path, dict[str, Inspection]]) -> None:
    table = summary(compared[0]).set_index("Image_Filename")
    assert table.loc["pit.png", "Reference_Status"] == "ANOMALOUS"
    assert float(table["Reference_Score"]["pit.png"]) > 1
    assert [table["Reference_Anomalies"][name] for name in ("pit.png", "clean.png", "other.png")] == ["1", "0", ""]


@pytest.mark.slow
def test_processes_of_the_machine_say_the_same(
    compared: tuple[Path, dict[str, Inspection]], faces: Path, model: Path, tmp_path: Path
) -> None:
    found = inspected(faces, tmp_path / "out", with_model(model), workers=2)
    assert {file: one.reference for file, one in found.items()} == {f: one.reference for f, one in compared[1].items()}


def test_a_changed_model_is_noticed_as_any_changed_input_is(faces: Path, model: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "one", tmp_path / "out"
    folder.mkdir()
    (folder / "clean.png").write_bytes((faces / "clean.png").read_bytes())
    os.utime(folder / "clean.png", (LONG_AGO, LONG_AGO))
    (first,) = finished(asked(folder, out, with_model(model)))
    (kept,) = finished(replace(asked(folder, out, with_model(model)), resume=True))
    another = written(tmp_path / "another.dscope", replace(learned(), card=card_of(8, note="another")))
    (again,) = finished(replace(asked(folder, out, with_model(another)), resume=True))
    (without,) = finished(replace(asked(folder, out, CONFIG), resume=True))
    assert (first.resumed, kept.resumed, again.resumed, without.resumed) == (False, True, False, False)


def test_a_model_that_changes_while_the_batch_runs_is_an_error(model: Path, tmp_path: Path) -> None:
    config = with_model(written(tmp_path / "m.dscope", learned()))
    batch = batch_of(model.parent, tmp_path, config=config)
    job = replace(batch.job, reference_sha256="00" * 32)
    with pytest.raises(UserError, match="it was changed while the batch ran"):
        reference_of(job)


# --- its part in the search for marks


def test_departures_are_support_and_a_face_of_another_kind_gets_none_and_says_so(
    faces: Path, model: Path, tmp_path: Path
) -> None:
    found = inspected(faces, tmp_path / "out", with_model(model, detector=True))
    (pit,) = found["pit.png"].defects
    assert pit.evidence["reference"] > 0.5
    assert "reference" in pit.detected_by
    assert not found["clean.png"].defects
    kinds = {file: {one.kind for one in face.quality.warnings} for file, face in found.items()}
    assert "reference_not_used" in kinds["other.png"]
    assert not any("reference_not_used" in kinds[file] for file in ("clean.png", "pit.png"))


def test_what_is_not_subtracted_is_said(faces: Path, model: Path, tmp_path: Path) -> None:
    found = inspected(faces, tmp_path / "out", with_model(model, subtract=True))
    (warning,) = (one for one in found["other.png"].quality.warnings if one.kind == "archetype_not_subtracted")
    assert warning.text.startswith("Archetype not subtracted: the cladding measures ")
    assert not {one.kind for one in found["clean.png"].quality.warnings} & {"archetype_not_subtracted"}


@pytest.mark.parametrize("detector", [True, False])
def test_what_needs_a_model_is_refused_without_one(detector: bool) -> None:
    with pytest.raises(UserError, match=r"needs a model of good faces, by reference\.model or --reference, got none"):
        hash_of_reference(with_model(None, detector, not detector))


def test_nothing_that_uses_a_model_is_left_where_one_is_learned(model: Path) -> None:
    bare = with_model(model, detector=True, subtract=True).without_model()
    assert bare.uses_of_model == ()
    assert bare.reference.model is None


# --- at a terminal


@pytest.mark.parametrize("kind", ["missing", "broken", "expired", "none"])
def test_a_model_that_cannot_be_used_ends_it_before_anything_is_done(
    kind: str, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.dscope"
    old = replace(learned(), card=card_of(8, expires="2020-01-01T00:00:00+00:00"))
    {"broken": lambda: path.write_bytes(b"PK"), "expired": lambda: written(path, old)}.get(kind, lambda: None)()
    code = inspect(faces, tmp_path / "out", *MULTIMODE, f"--reference={'' if kind == 'none' else path}")
    (line,) = capsys.readouterr().err.splitlines()
    said = {"missing": "cannot be read", "broken": "no reference model", "expired": "the model expired 2020-01-01"}
    assert said.get(kind, "--reference must name a model") in line
    assert code == 2
    assert not (tmp_path / "out").exists()


def test_the_end_of_a_batch_counts_what_the_reference_says(
    faces: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (*MULTIMODE, "--profile=fast_scan", "--no-plots", "--no-report", f"--reference={model}")
    assert inspect(faces, tmp_path / "out", *words) == 1
    told = capsys.readouterr().out.splitlines()
    assert {"ANOMALOUS: 1", "NORMAL: 1", "NOT_COMPARED: 1", "NOT_OF_THIS_FAMILY: 1"} <= set(told)
    assert main(["show", str(tmp_path / "out" / "pit_result.json")]) == 0
    assert "ANOMALOUS, " in capsys.readouterr().out


def test_the_model_of_the_configuration_lies_beside_it(
    faces: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = model.parent / "site.json"
    config.write_text(json.dumps({"extends": "shipped", "reference": {"model": model.name}}), encoding="utf-8")
    words = (*MULTIMODE, "--profile=fast_scan", "--no-plots", "--no-report", "--quiet", f"--config={config}")
    inspect(faces, tmp_path / "out", *words)
    assert load_record(tmp_path / "out" / "pit_result.json").comparison.status == "ANOMALOUS"


@pytest.mark.slow
def test_a_batch_that_drifts_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    family = a_family(8)
    numbers = taught_numbers(family.names, family.groups, list(zip(numbers_of(8), family.histograms, strict=True)))
    path = written(tmp_path / "m.dscope", replace(learned(), family=family, numbers=numbers))
    for number in range(5):
        picture(tmp_path / "faces", f"{number}.png", varied(40 + number))
    words = (*MULTIMODE, "--profile=fast_scan", "--no-plots", "--no-report", f"--reference={path}")
    inspect(tmp_path / "faces", tmp_path / "out", *words)
    assert "The batch drifts away from the model: another microscope: median of 5 faces" in capsys.readouterr().out
    (log,) = (tmp_path / "out").glob("inspection_*.log")
    assert "the batch drifts away from the model" in log.read_text(encoding="utf-8")
