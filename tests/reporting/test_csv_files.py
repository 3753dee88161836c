"""CSV files in both styles: what pandas reads of them is the same table."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dscope_blink.batch.run import run_batch
from dscope_blink.files.manifest import read_manifest
from dscope_blink.records import TargetFeatures
from dscope_blink.reporting.csv_files import CSV_STYLES, csv_bytes
from dscope_blink.reporting.tables import Table, summary_row
from dscope_blink.terminal.calibrate import features_csv
from dscope_blink.terminal.commands import main
from tests.builders.batches import ASKED, ZONE_BY_ZONE, batch_of
from tests.builders.configurations import written
from tests.builders.inspections import FAILED, PASSED
from tests.builders.pictures import SCRATCH, face_png, folder_of
from tests.builders.settings import SETTINGS
from tests.builders.stored_results import write_summary_of


def read_international(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep=",", decimal=".", encoding="utf-8")


def read_continental(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep=";", decimal=",", encoding="utf-8-sig")


READERS = {"international": read_international, "continental": read_continental}
REGRADED = {"summary_report_regraded.csv", "changes_regraded.csv", "compare_editions.csv"}
OF_THE_BATCH = {"summary_report.csv", "a_report.csv", "a_cells.csv", "a_agreement.csv", *REGRADED}


def tables_in(folder: Path, style: Any, tmp_path: Path) -> Mapping[str, pd.DataFrame]:
    """All CSV files that a batch, its regrading and the comparison of editions leave, in one style."""
    pictures = folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH))
    config = replace(ZONE_BY_ZONE, reporting=replace(ZONE_BY_ZONE.reporting, csv_style=style))
    list(run_batch(batch_of(pictures, folder, config=config)))
    site = written(tmp_path, {"extends": "shipped", "reporting": {"csv_style": style}})
    for words in (["--fiber-class", "single_mode_upc"], ["--compare"]):
        main(["regrade", str(folder), "--config", str(site), "--quiet", *words])
    return {path.name: READERS[style](path) for path in folder.glob("*.csv")}


@pytest.mark.slow
def test_every_table_is_the_same_in_both_styles(tmp_path: Path) -> None:
    one, other = (tables_in(tmp_path / style, style, tmp_path) for style in CSV_STYLES)
    assert set(one) == set(other)
    assert {name.replace("single_mode_upc", "regraded") for name in one} == OF_THE_BATCH
    assert one["a_report.csv"]["Length_um"].dtype == np.float64
    for name, table in one.items():
        differ = ["Processing_Time_s", "Config_sha256"]
        same = [each.drop(columns=differ, errors="ignore") for each in (table, other[name])]
        pd.testing.assert_frame_equal(same[0], same[1])


def _as_table(frame: pd.DataFrame) -> Table:
    names = [str(name) for name in frame.columns]
    return Table(dict.fromkeys(names, "object"), frame.astype(object).to_numpy().tolist())


@pytest.mark.parametrize("style", CSV_STYLES)
def test_numbers_and_texts_come_back_as_they_were(tmp_path: Path, style: str) -> None:
    table = pd.DataFrame(
        {
            "number": [-1.5, 1e-9, 1234567.25],
            "text": ["1.5 um; 2,5", 'a "b"', "=1+1"],
            "empty": [None, 2.5, None],
            "whole": [1, 2, 3],
            "true": [True, False, True],
        }
    )
    (tmp_path / "t.csv").write_bytes(csv_bytes(_as_table(table), style))
    read = READERS[style](tmp_path / "t.csv")
    table["text"] = ["1.5 um; 2,5", 'a "b"', "'=1+1"]
    pd.testing.assert_frame_equal(read, table, check_dtype=False)


def test_what_excel_asks_of_a_continental_file(tmp_path: Path) -> None:
    write_summary_of(tmp_path / "s.csv", [summary_row(PASSED), summary_row(FAILED) | {"Prüfer": "Ö"}], "continental")
    data = (tmp_path / "s.csv").read_bytes()
    assert data.startswith(codecs.BOM_UTF8 + b"Image_Filename;Pass/Fail_Status;")
    table = READERS["continental"](tmp_path / "s.csv")
    assert table["um_per_px_x"].tolist() == [summary_row(one)["um_per_px_x"] for one in (PASSED, FAILED)]
    assert table["Prüfer"].fillna("").tolist() == ["", "Ö"]


def test_the_features_of_a_target_are_in_the_style_too(tmp_path: Path) -> None:
    seen = TargetFeatures(np.array([[1.25, 2.5]]), np.array([[0.125, -0.5]]), np.array([True]))
    for style, read in READERS.items():
        (tmp_path / "t.csv").write_bytes(features_csv(seen, style))
        assert read(tmp_path / "t.csv").to_numpy().tolist() == [[1, 1.25, 2.5, 0.125, -0.5, "yes"]]


def test_a_continental_table_is_read_as_a_manifest(tmp_path: Path) -> None:
    table = pd.DataFrame({"file": ["a.png"], "core_diameter_um": [62.5], "cladding_diameter_um": [125.0], "lot": ["7"]})
    (tmp_path / "m.csv").write_bytes(csv_bytes(_as_table(table), "continental"))
    criteria = SETTINGS.profile("fast_scan").criteria
    (request,) = read_manifest(tmp_path / "m.csv", criteria, ASKED).requests.values()
    assert (request.core_diameter_um, dict(request.manifest)) == (62.5, {"lot": "7"})
