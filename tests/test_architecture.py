"""The house rules that a program can check: who imports whom, and what stays in its one room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A module imports only from lower rows; modules of one row never import each other.
ROWS = {
    "components": 0,
    "config_check": 0,
    "ranking": 0,
    "records": 0,
    "standard_output": 0,
    "camera": 1,
    "chaining": 1,
    "coarse_targets": 1,
    "config_loader": 1,
    "crossings": 1,
    "decoding": 1,
    "detectors": 1,
    "ellipse_fit": 1,
    "executors": 1,
    "feature_fit": 1,
    "line_width": 1,
    "plain_records": 1,
    "plots": 1,
    "totals": 1,
    "whole_files": 1,
    "annotation": 2,
    "batch_statistics": 3,
    "cells": 2,
    "dimensions": 2,
    "edges": 2,
    "fiber_coordinates": 2,
    "flat_field": 2,
    "manifest": 2,
    "scale_file": 2,
    "stored_records": 2,
    "tables": 2,
    "synthetic": 2,
    "targets": 2,
    "zoning": 2,
    "analysis": 3,
    "background": 3,
    "coarse_edges": 3,
    "core_location": 3,
    "gates": 3,
    "image_files": 3,
    "statements": 3,
    "image_processing": 3,
    "report_charts": 4,
    "scenes": 3,
    "certificate": 4,
    "face_views": 4,
    "html_report": 5,
    "workbook": 4,
    "judging": 4,
    "localization": 4,
    "nights": 4,
    "reporting": 4,
    "watching": 4,
    "batch_reports": 6,
    "capturing": 5,
    "demo": 5,
    "pipeline": 5,
    "regrading": 5,
    "target_scale": 5,
    "calibration": 6,
    "image_job": 6,
    "batch": 7,
    "arguments": 8,
    "progress": 8,
    "terminal_tables": 8,
    "questions": 9,
    "main": 10,
}

# Each package from outside the standard library, and the rooms it may be used in.
ROOMS = {
    "numpy": set(ROWS)
    - {
        "config_check",
        "config_loader",
        "whole_files",
        "manifest",
        "image_files",
        "gates",
        "judging",
        "regrading",
        "scale_file",
        "dimensions",
        "pipeline",
        "batch",
        "executors",
        "image_job",
        "batch_reports",
        "watching",
        "nights",
        "standard_output",
        "statements",
        "totals",
        "terminal_tables",
        "arguments",
        "progress",
        "questions",
        "main",
    },
    "cv2": {
        "analysis",
        "annotation",
        "background",
        "certificate",
        "batch_statistics",
        "chaining",
        "coarse_edges",
        "coarse_targets",
        "components",
        "crossings",
        "decoding",
        "demo",
        "detectors",
        "edges",
        "executors",
        "face_views",
        "fiber_coordinates",
        "flat_field",
        "image_processing",
        "ranking",
        "reporting",
        "scenes",
        "synthetic",
    },
    "PIL": {"decoding"},
    "jinja2": {"html_report"},
    "jsonschema": {"config_check", "scale_file"},
    "msgspec": {"stored_records"},
    "pebble": {"executors"},
    "distributed": {"executors"},
    "filelock": {"batch"},
    "matplotlib": {"plots"},
    "pandas": {"tables"},
    "pypylon": {"camera"},
    "watchdog": {"watching"},
    "reportlab": {"certificate"},
    "xlsxwriter": {"workbook"},
    "rich": {"main", "progress", "terminal_tables"},
}
# Seconds and hundreds of megabytes that most runs do not need: imported inside the function that uses them.
WHEN_USED = {"distributed", "jinja2", "matplotlib", "pypylon"}
NOT_AT_START = WHEN_USED | {
    "reportlab",
    "xlsxwriter",
}  # these in a room of their own, which is imported when it is used

TOP_LEVEL = sorted(ROOT.glob("*.py"))
DETECTORS = sorted((ROOT / "detectors").glob("*.py"))
SOURCES = [*TOP_LEVEL, *DETECTORS]


def _label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


every_source = pytest.mark.parametrize("path", SOURCES, ids=_label)


def _room(path: Path) -> str:
    return path.parent.name if path.parent != ROOT else path.stem


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _names(node: ast.AST) -> list[str]:
    """Dotted names that an import statement asks for; `from a import b` may mean the module a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports name the module in full"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _imports(tree: ast.AST) -> set[str]:
    return {name for node in ast.walk(tree) for name in _names(node)}


def _packages(tree: ast.AST) -> set[str]:
    return {name.partition(".")[0] for name in _imports(tree)}


def _when_loaded(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs when the module is imported: not bodies of functions, nor what is there for types."""
    for child in ast.iter_child_nodes(node):
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not for_types and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _when_loaded(child)


def test_every_module_has_its_row() -> None:
    assert {path.stem for path in TOP_LEVEL} <= set(ROWS)


def test_every_module_is_a_job_someone_would_look_up_by_name() -> None:
    assert not {path.stem for path in SOURCES} & {"utils", "util", "helpers", "helper", "common", "misc"}


@every_source
def test_a_module_imports_only_from_lower_rows(path: Path) -> None:
    own = _room(path)
    ours = (_packages(_tree(path)) & set(ROWS)) - ({"detectors"} if own == "detectors" else set())
    assert {name for name in ours if ROWS[name] >= ROWS[own]} == set()


@pytest.mark.parametrize("path", [path for path in DETECTORS if path.stem not in ("__init__", "field")], ids=_label)
def test_a_detector_knows_no_other_detector(path: Path) -> None:
    inside = {name for name in _imports(_tree(path)) if name.partition(".")[0] == "detectors"}
    assert all(name.startswith("detectors.field.") for name in inside), inside


@every_source
def test_a_package_from_outside_stays_in_its_rooms(path: Path) -> None:
    outside = _packages(_tree(path)) - set(ROWS) - set(sys.stdlib_module_names)
    assert {name for name in outside if _room(path) not in ROOMS.get(name, set())} == set()


@every_source
def test_heavy_packages_are_imported_only_when_used(path: Path) -> None:
    loaded = {name.partition(".")[0] for node in _when_loaded(_tree(path)) for name in _names(node)}
    assert loaded & WHEN_USED == set()


@pytest.mark.skipif(not (ROOT / "main.py").exists(), reason="main.py is not there yet")
def test_starting_the_program_loads_no_heavy_package() -> None:
    code = f"import sys, main; print(sorted(set(sys.modules) & {NOT_AT_START}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@every_source
def test_public_functions_and_classes_say_what_they_do(path: Path) -> None:
    defined = [node for node in _tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    silent = [node.name for node in defined if not node.name.startswith("_") and not ast.get_docstring(node)]
    assert silent == []
    assert ast.get_docstring(_tree(path)), "a module says in its first line what it owns"


def _catches_everything(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = ast.walk(node.type) if node.type else ()
    return node.type is None or any(isinstance(n, ast.Name) and n.id in ("Exception", "BaseException") for n in caught)


@every_source
def test_only_the_work_on_one_image_catches_everything(path: Path) -> None:
    lines = [
        node.lineno
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    ]
    assert lines == [] or _label(path) == "image_job.py"


def _prints(tree: ast.AST) -> list[int]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


@every_source
def test_only_the_command_lines_print(path: Path) -> None:
    if _label(path) in ("main.py", "progress.py", "questions.py"):
        return
    tree = _tree(path)
    if _label(path) == "calibration.py":  # a command of its own; its stages stay silent
        tree = ast.Module(
            [node for node in tree.body if getattr(node, "name", "") not in ("main", "_show", "_show_result")], []
        )
    assert _prints(tree) == []
