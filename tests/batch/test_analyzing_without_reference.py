"""Faces beside their own symmetry from the picture to what `aggregate` makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dscope_blink.batch import analyzing as of_one
from dscope_blink.batch.analysis_run import run_analysis
from dscope_blink.batch.analyzing import Analyzing
from dscope_blink.batch.job import Job
from dscope_blink.batch.learning import learn
from dscope_blink.files.plan import ImageFile
from dscope_blink.records import ANOMALY, Inspection
from dscope_blink.records.stored import load_record
from dscope_blink.synthetic.faces import Pit
from tests.builders.analyses import analyzing, compared, good_pictures, learning, other_pictures
from tests.builders.batches import ASKED, CONFIG
from tests.builders.face_sources import aggregating, brought_together
from tests.builders.pictures import FACE, blanks, face_png, folder_of

PIT = Pit((-30.0, 25.0), 8.0, -0.5)
KNOWN = replace(ASKED, core_diameter_um=50.0, cladding_diameter_um=125.0)
# Of an inspection that finds no marks no anomaly has a name.
BLIND = replace(CONFIG, fusion=replace(CONFIG.fusion, threshold=1e9))


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Inspection]:
    folder = tmp_path_factory.mktemp("analyzed")
    pictures = folder_of(folder / "pictures", "pit.png", data=face_png(PIT))
    image = ImageFile(pictures / "pit.png", "pit.png", "pit", KNOWN)
    (done,) = run_analysis(Analyzing(Job(folder / "out", BLIND), (image,)))
    return folder / "out", done.inspection


def test_a_mark_that_no_inspection_finds_departs_from_the_symmetry_of_its_face(
    analyzed: tuple[Path, Inspection],
) -> None:
    out, done = analyzed
    assert (done.comparison.status, done.defects) == ("NO_REFERENCE", ())
    (one,) = done.comparison.anomalies
    assert (one.kind, one.found_by) == (ANOMALY, "own_symmetry")
    middle = (one.outline_px.min(axis=0) + one.outline_px.max(axis=0)) / 2
    expected = np.array(PIT.centre_um) / FACE.um_per_px_x + FACE.centre_px
    assert middle == pytest.approx(expected, abs=1.5)
    names = {path.name for path in out.iterdir()}
    assert {"pit_analysis.png", "pit_analysis.txt", "pit_distances.csv", "pit_report.json"} <= names
    assert {"pit_defect_mask.npy", "compare_reference.csv"} <= names
    assert "own symmetry" in (out / "pit_analysis.txt").read_text(encoding="utf-8")
    assert json.loads((out / "pit_report.json").read_bytes())["status"] == "NO_REFERENCE"


def test_an_anomaly_without_a_name_comes_through_to_the_aggregate_with_its_place_and_size(
    analyzed: tuple[Path, Inspection], tmp_path: Path
) -> None:
    out, done = analyzed
    (anomaly,) = done.comparison.anomalies
    (face,) = brought_together(aggregating(tmp_path / "together", out)).values()
    assert face.facts.sources == 2  # the record without marks, and the report
    (mark,) = face.inspection.defects
    middle = (anomaly.outline_px.min(axis=0) + anomaly.outline_px.max(axis=0)) / 2
    assert mark.centroid_px == pytest.approx(tuple(middle), abs=1.0)
    assert mark.diameter_um == pytest.approx(anomaly.diameter_um, rel=0.2)
    assert (mark.zone, mark.classification) == (anomaly.zone, CONFIG.aggregation.unknown_type)


def test_what_cannot_be_looked_at_has_a_record_too_and_the_others_are_compared(tmp_path: Path) -> None:
    pictures = blanks(other_pictures(tmp_path / "pictures", "a", "b"), "a.png")
    (pictures / "c.png").write_bytes(b"no picture")
    done = compared(analyzing(pictures, tmp_path / "out", None))
    said = {name: one.inspection.comparison.status for name, one in done.items()}
    assert said == {"a": "NOT_COMPARED", "b": "NO_REFERENCE", "c": "NOT_COMPARED"}
    assert all(one.inspection.comparison.reasons for one in done.values())
    for name, one in done.items():
        assert load_record(tmp_path / "out" / f"{name}_result.json") == one.inspection


def test_a_failure_of_the_program_is_not_compared_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = analyzing(other_pictures(tmp_path / "pictures", "a"), tmp_path / "out", None)

    def fails(*seen: Any) -> Any:
        raise ZeroDivisionError("by zero")

    with monkeypatch.context() as patched:
        patched.setattr(of_one, "with_maps", fails)
        failed = compared(run)["a"].inspection
    assert (failed.comparison.status, failed.comparison.model_sha256) == ("NOT_COMPARED", "")
    again = compared(replace(run, resume=True))["a"]
    assert (again.resumed, again.inspection.comparison.status) == (False, "NO_REFERENCE")


def test_what_was_compared_with_itself_is_kept_until_a_model_is_asked_and_the_other_way_round(tmp_path: Path) -> None:
    pictures, out = other_pictures(tmp_path / "pictures", "a", "b"), tmp_path / "out"
    model = learn(learning(good_pictures(tmp_path / "good", 5), tmp_path / "m.dscope")).path
    statuses = []
    for asked in (None, None, model, model, None):
        done = compared(analyzing(pictures, out, asked, resume=True))
        statuses.append([(one.inspection.comparison.status, one.resumed) for one in done.values()])
    own = [("NO_REFERENCE", False)] * 2
    beside = [("NORMAL", False), ("ANOMALOUS", False)]
    assert statuses == [own, [(one, True) for one, _ in own], beside, [(one, True) for one, _ in beside], own]
