"""A detector is added to a copy of the program as docs/detectors.md says, step by step, and nothing else is needed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.settings import ROOT

PAGE = "docs/detectors.md"
LEFT_BEHIND = (".git", ".venv", ".*_cache", "__pycache__", "*.dscope-tmp")
WHAT_KNOWS_DETECTORS = (
    *("tests/detectors", "tests/config", "tests/image_processing/test_fusion.py", "tests/reporting/test_tables.py"),
    *("tests/reporting/test_csv_files.py", "tests/analysis/test_measuring.py"),
    *("tests/test_documentation.py", "tests/test_architecture.py", "tests/test_pipeline.py"),
)


def blocks() -> Iterator[str]:
    """What the page shows of each step, in the order of the page."""
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    steps = page[page.index("## Add one to the program") : page.index("## Add one from outside")]
    for found in re.finditer(r"(?m)^$\n((?: {7}.*\n|\n(?= {7}|\n))+)", steps):
        yield re.sub("(?m)^ {7}", "", found[1])


def replaced(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, (path.name, before)
    path.write_text(text.replace(before, after), encoding="utf-8")


def with_spots(tree: Path) -> None:
    """The steps of the page, in a copy of the program."""
    module, row, entry, kinds, limits = blocks()
    (tree / "dscope_blink/detectors/spots.py").write_text(module, encoding="utf-8")
    registry = tree / "dscope_blink/detectors/registry.py"
    replaced(registry, "    skeleton,\n)", "    skeleton,\n    spots,\n)")
    replaced(registry, "    }\n)", f"        {row}    }}\n)")
    settings = json.loads((tree / "config.json").read_text(encoding="utf-8"))
    settings["detectors"] |= json.loads(f"{{{entry}}}")
    settings["classification"]["detectors_of"] |= json.loads(f"{{{kinds}}}")
    (tree / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    schema = json.loads((tree / "config.schema.json").read_text(encoding="utf-8"))
    schema["$defs"]["detectors"]["properties"] |= json.loads(f"{{{limits}}}")
    (tree / "config.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    replaced(tree / PAGE, "| `skeleton` |", "| `spots` | spots | `snr` |\n| `skeleton` |")
    for module_name in ("docs.modules", "docs.tables"):
        run(tree, "-m", module_name)


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, *words], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("program") / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    with_spots(copy)
    return copy


@pytest.mark.slow
def test_the_new_detector_finds_marks_and_stands_in_record_and_tables(tree: Path, tmp_path: Path) -> None:
    pictures = folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH))
    words = ("main.py", "inspect", "--input-dir", str(pictures), "--output-dir", str(tmp_path / "out"))
    run(tree, *words, *MULTIMODE, "--agreement", "--cells", "--quiet", "--no-report")
    record = json.loads((tmp_path / "out" / "a_result.json").read_text(encoding="utf-8"))
    assert max(mark["evidence"]["spots"] for mark in record["defects"]) > 0
    for table in ("cells", "agreement"):
        assert "spots" in (tmp_path / "out" / f"a_{table}.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_no_test_of_the_program_fails_with_it(tree: Path) -> None:
    run(tree, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-m", "not slow", *WHAT_KNOWS_DETECTORS)
