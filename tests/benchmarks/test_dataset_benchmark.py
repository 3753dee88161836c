"""The benchmark of data sets builds what it says, and tells its cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import dataset
from tests.builders.settings import SETTINGS


@pytest.mark.slow
def test_pictures_are_multiplied_and_all_of_them_are_built(tmp_path: Path, capsys, monkeypatch) -> None:
    config = SETTINGS.profile("fast_scan")
    monkeypatch.setattr(dataset, "FACES", 2)
    pictures, results = dataset.rendered(tmp_path, config)
    dataset.print_memory(*dataset.multiplied(pictures, results, 5, tmp_path), config, tmp_path / "many")
    assert len(list((tmp_path / "many" / "labels").iterdir())) == 5
    assert capsys.readouterr().out.splitlines()[-1].startswith("finished")
    dataset.print_times(pictures, results, config, tmp_path / "times")
    told = capsys.readouterr().out
    assert "build over inspection" in told
    assert "pixel_level/zone_masks" in told
