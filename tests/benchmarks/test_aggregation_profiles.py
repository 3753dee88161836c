"""The benchmark of aggregation counts what the aggregates say."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.aggregation_profiles import brought_together, rate, table
from tests.builders.batches import CONFIG
from tests.builders.face_sources import seen, two_sources


def test_the_table_has_the_marks_of_each_source_and_the_verdicts(tmp_path, capsys) -> None:
    clean, scratched = seen(False, tmp_path), seen(True, tmp_path)
    folders = two_sources(tmp_path / "sources", clean, scratched, "a", "b")
    faces = brought_together(folders, CONFIG)
    table(faces, ("fast_scan", "deep_inspection"))
    lines = capsys.readouterr().out.splitlines()
    marks = len(clean.defects) + len(scratched.defects)
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith(("fast_scan ", "deep_inspection "))}
    assert [int(rows[name][0]) for name in ("fast_scan", "deep_inspection")] == [marks, marks]
    assert [rows["fast_scan"][3], rows["fast_scan"][4]] == ["1", "1"]
    assert f"of {2 * marks} that sources report" in "".join(lines)


def test_the_rate_is_that_of_faces_with_all_their_files(tmp_path) -> None:
    folders = two_sources(tmp_path / "sources", seen(False, tmp_path), seen(True, tmp_path), "a", "b", "c")
    config = replace(CONFIG, reporting=replace(CONFIG.reporting, plots=False))
    assert rate(folders, tmp_path, config, 0) > 0
