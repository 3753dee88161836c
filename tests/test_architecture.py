"""The house rules that a program can check: who imports whom, and what stays in its one room."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from docs.modules import DOORS, PACKAGE, ROOMS, ROWS, WINGS, Module, arrows, imported, modules
from tests.builders.settings import ROOT

MODULES = modules()
NAMES = [module.name for module in MODULES]

# Seconds and hundreds of megabytes that most runs do not need: imported inside the function that uses them.
WHEN_USED = {"distributed", "jinja2", "matplotlib", "onnxruntime", "pypylon", "shtab"}
# These in a module of their own, which is imported when it is used.
NOT_AT_START = WHEN_USED | {"reportlab", "torch", "xlsxwriter"}
HEAVY_IF_READ = {"pypylon", "matplotlib", "pandas", "reportlab", "distributed", "watchdog", "rich", "onnxruntime"}


def offenders(found: Callable[[Module], object]) -> dict[str, object]:
    """What a rule finds in each module that breaks it; one test for all of them, since there are hundreds."""
    return {module.name: what for module in MODULES if (what := found(module))}


def _is_in(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


@cache
def _packages(tree: ast.AST) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in imported(tree))


def _when_loaded(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs when the module is imported: not bodies of functions, nor what is there for types."""
    for child in ast.iter_child_nodes(node):
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not for_types and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _when_loaded(child)


# --- the wings


def test_every_module_lies_in_a_wing_and_every_wing_has_one() -> None:
    assert {module.wing for module in MODULES} == set(ROWS)


def test_every_module_is_a_job_someone_would_look_up_by_name() -> None:
    last = {name.rpartition(".")[2] for name in NAMES}
    assert not last & {"utils", "util", "helpers", "helper", "common", "misc"}


def test_a_wing_imports_only_from_lower_rows() -> None:
    between = {(a.partition(".")[0], b.partition(".")[0]) for a, b in arrows()}
    assert {(a, b) for a, b in between if a != b and ROWS[a] <= ROWS[b]} == set()


def test_no_imports_run_in_a_circle() -> None:
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for a, b in arrows():
        if b in NAMES:  # a wing as a whole is above, and of its nouns each has a name of its own
            sorter.add(a, b)
    sorter.prepare()  # CycleError names the circle


def test_the_root_holds_the_doors_and_no_other_module() -> None:
    assert {path.stem for path in ROOT.glob("*.py")} == set(DOORS)


def test_nothing_inside_imports_a_door() -> None:
    assert {module.name for module in MODULES if set(DOORS) & _packages(module.tree)} == set()


def test_benchmarks_do_not_import_tests() -> None:
    paths = (ROOT / "benchmarks").rglob("*.py")
    assert [path.name for path in paths if "tests" in _packages(ast.parse(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if m.wing == "detectors" and m.name not in ("detectors.registry", "detectors.regions")],
    ids=lambda m: m.name,
)
def test_a_detector_knows_no_other_detector(module: Module) -> None:
    own = {name for name in imported(module.tree) if name.startswith(f"{PACKAGE}.detectors.")}
    shared = tuple(f"{PACKAGE}.detectors.{name}." for name in ("regions", "max_min", "disc_morphology", "support"))
    assert all(name.startswith(shared) for name in own), own


# --- packages from outside


def test_a_package_from_outside_stays_in_its_rooms() -> None:
    own = set(sys.stdlib_module_names) | {PACKAGE}

    def strangers(module: Module) -> set[str]:
        outside = _packages(module.tree) - own
        return {name for name in outside if not _is_in(module.name, ROOMS.get(name, set()))}

    assert offenders(strangers) == {}


@pytest.mark.parametrize(("package", "rooms"), ROOMS.items(), ids=ROOMS)
def test_every_room_is_used(package: str, rooms: set[str]) -> None:
    users = {module.name for module in MODULES if package in _packages(module.tree)}
    assert {room for room in rooms if not any(_is_in(name, {room}) for name in users)} == set()


def test_heavy_packages_are_imported_only_when_used() -> None:
    def heavy(module: Module) -> set[str]:
        if not _packages(module.tree) & WHEN_USED:
            return set()
        loaded = {name.partition(".")[0] for node in _when_loaded(module.tree) for name in imported(node)}
        return loaded & WHEN_USED

    assert offenders(heavy) == {}


def _loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_starting_the_program_loads_no_heavy_package() -> None:
    assert _loaded_by("import main") & NOT_AT_START == set()


def test_a_picture_is_inspected_without_camera_reports_or_terminal() -> None:
    assert _loaded_by(f"import {PACKAGE}.pipeline") & HEAVY_IF_READ == set()
    lower = {wing.name for wing in WINGS if wing.row < ROWS["pipeline"]} - {"devices", "reporting", "synthetic"}
    own = {module.wing for module in MODULES if module.name == "pipeline"} | lower
    code = f"import sys, {PACKAGE}.pipeline; print(*(n for n in sys.modules if n.startswith('{PACKAGE}.')))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {name.split(".")[1] for name in run.stdout.split()} <= own


# --- what every module holds to


def test_public_functions_and_classes_say_what_they_do() -> None:
    def silent(module: Module) -> list[str]:
        defined = [node for node in module.tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        return [node.name for node in defined if not node.name.startswith("_") and not ast.get_docstring(node)]

    assert offenders(silent) == {}


def test_a_module_says_in_its_first_line_what_it_owns() -> None:
    assert offenders(lambda module: not module.sentence) == {}


def _catches_everything(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = ast.walk(node.type) if node.type else ()
    return node.type is None or any(isinstance(n, ast.Name) and n.id in ("Exception", "BaseException") for n in caught)


# One image, face or record may fail in any way, and so may the import of a detector that somebody else wrote.
MAY_CATCH_EVERYTHING = (
    *(
        "batch.sheet_files",
        "batch.connector_pictures",
        "batch.job",
        "batch.analyzing",
        "batch.face_results",
        "batch.dataset_run",
        "config.installed_detectors",
    ),
    "analysis.rejudging",  # values of one record that no face can have together, of which others come after it
    *("batch.picture_reports", "reporting.batch_reports", "terminal.calibrate"),  # a drawing costs no measurement
    *("batch.processes", "records.reading"),  # whatever is raised elsewhere, is raised again where it is waited for
)


def test_only_one_image_one_drawing_and_one_import_from_outside_catch_everything() -> None:
    def lines(module: Module) -> list[int]:
        return [node.lineno for node in ast.walk(module.tree) if _catches_everything(node)]  # type: ignore[attr-defined]

    assert offenders(lines).keys() - set(MAY_CATCH_EVERYTHING) == set()


def _prints(tree: ast.AST) -> list[int]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def test_only_the_terminal_prints() -> None:
    assert offenders(lambda module: module.wing != "terminal" and _prints(module.tree)) == {}
