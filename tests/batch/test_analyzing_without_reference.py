"""Faces beside their own symmetry from the picture to what `aggregate` makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dscope_blink.batch.analyzing import Analyzing, run_analysis
from dscope_blink.batch.job import Job
from dscope_blink.files.plan import ImageFile
from dscope_blink.records import ANOMALY, Comparison
from dscope_blink.synthetic.faces import Pit
from tests.builders.batches import ASKED, CONFIG
from tests.builders.face_sources import aggregating, brought_together
from tests.builders.pictures import FACE, face_png, folder_of

PIT = Pit((-30.0, 25.0), 8.0, -0.5)
KNOWN = replace(ASKED, core_diameter_um=50.0, cladding_diameter_um=125.0)
# Of an inspection that finds no marks no anomaly has a name.
BLIND = replace(CONFIG, fusion=replace(CONFIG.fusion, threshold=1e9))


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Comparison]:
    folder = tmp_path_factory.mktemp("analyzed")
    pictures = folder_of(folder / "pictures", "pit.png", data=face_png(PIT))
    image = ImageFile(pictures / "pit.png", "pit.png", "pit", KNOWN)
    (done,) = run_analysis(Analyzing(Job(folder / "out", BLIND), (image,), None))
    return folder / "out", done


def test_a_mark_that_no_inspection_finds_departs_from_the_symmetry_of_its_face(
    analyzed: tuple[Path, Comparison],
) -> None:
    out, done = analyzed
    assert (done.status, done.inspection.defects) == ("NO_REFERENCE", ())
    (one,) = done.anomalies
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
    analyzed: tuple[Path, Comparison], tmp_path: Path
) -> None:
    out, done = analyzed
    (anomaly,) = done.anomalies
    (face,) = brought_together(aggregating(tmp_path / "together", out)).values()
    assert face.facts.sources == 2  # the record without marks, and the report
    (mark,) = face.inspection.defects
    middle = (anomaly.outline_px.min(axis=0) + anomaly.outline_px.max(axis=0)) / 2
    assert mark.centroid_px == pytest.approx(tuple(middle), abs=1.0)
    assert mark.diameter_um == pytest.approx(anomaly.diameter_um, rel=0.2)
    assert (mark.zone, mark.classification) == (anomaly.zone, CONFIG.aggregation.unknown_type)
