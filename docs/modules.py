"""The table of wings, the homes of packages from outside, and docs/modules.md made from it: `python -m docs.modules`.

A wing imports only from wings of lower rows, never sideways, and inside a wing no imports run in a circle.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "dscope_blink"
PAGE = ROOT / "docs" / "modules.md"


@dataclass(frozen=True, slots=True)
class Wing:
    """One folder of the package, or one module that is a wing by itself."""

    name: str
    row: int
    owns: str


WINGS = (
    Wing("records", 0, "the nouns that pass between wings, and their JSON, both ways"),
    Wing("config", 1, "settings: read, checked, layered"),
    Wing("models", 2, "weights in, maps or boxes out: what was learned, and its files"),
    Wing("files", 2, "pictures found, named, decoded, written whole, watched"),
    Wing("detectors", 3, "residual in, support out; one file each"),
    Wing("analysis", 3, "candidates to verdict: measuring, classification, dimensions, zoning, judging, aggregation"),
    Wing("gates", 3, "OK or NG of what lies in a known arrangement: printed sheets, connectors of many fibers"),
    Wing("devices", 3, "what is wired on: camera, capturing, flat field"),
    Wing("reporting", 3, "records to paper and page: tables, annotation, maps, html page, pdf, excel, wording, look"),
    Wing("synthetic", 3, "rendered truth: faces, scenes, targets, samples of the demo"),
    Wing("image_processing", 4, "grey levels to candidates, in pixels: localization, background, lines, fusion"),
    Wing("pipeline", 5, "one picture through all stages: read this first"),
    Wing("calibration", 5, "targets to um/px"),
    Wing("training", 6, "pictures and what was found in them to data sets"),
    Wing("batch", 7, "many images, anywhere: run, job, executors, nights, regrading"),
    Wing("terminal", 8, "commands, arguments, questions, progress, tables"),
    Wing("library", 8, "what others import: pictures to inspections, folders to tables, records judged again"),
)
ROWS: Mapping[str, int] = {wing.name: wing.row for wing in WINGS}

# Each package from outside the standard library, and the only wings or modules it may be used in.
ROOMS: Mapping[str, set[str]] = {
    "numpy": {
        *(
            "records",
            "files.bit_depth",
            "files.decoding",
            "files.jpeg",
            "files.pixel_data",
            "files.pixel_hash",
            "detectors",
            "devices",
            "synthetic",
        ),
        *("image_processing", "calibration", "models", "gates", "batch.sheet_files", "batch.connector_pictures"),
        *(
            "analysis.measuring",
            "analysis.mark_features",
            "analysis.class_model",
            "analysis.classification",
            "analysis.cell_statistics",
            "analysis.line_width",
            "analysis.through_blur",
            "analysis.disc_diameter",
            "analysis.seen_outline",
            "analysis.registration",
            "analysis.aggregation",
            "analysis.kappa",
            "analysis.consistency",
            "analysis.rejudging",
        ),
        *("analysis.zoning", "analysis.aggregation", "files.masks", "reporting"),
        *("terminal.calibrate", "terminal.stages", "training"),
    },
    "cv2": {
        *("files.decoding", "detectors", "analysis.measuring", "analysis.mark_features", "analysis.seen_outline"),
        *("analysis.registration", "analysis.aggregation", "analysis.consistency"),
        *("devices.flat_field", "synthetic", "image_processing"),
        *(
            "calibration.coarse_targets",
            "batch.executors",
            "reporting",
            "training",
            "gates",
            "models.blemish_views",
            "models.letterbox",
        ),
    },
    "PIL": {"files.decoding", "reporting.sheet_pixels"},
    "contourpy": {"reporting.plots"},
    "cryptography": {"files.keys"},
    "simplejpeg": {"files.jpeg"},
    "jinja2": {"reporting.page"},
    "jsonschema": {"config.checking", "calibration.scale_file"},
    "msgspec": {
        *("records", "files.camera_text", "files.pixel_data", "training.labels", "training.dataset", "training.card"),
        *(
            "training.defect_types",
            "training.segmentation_photographs",
            "models",
            "reporting.aggregate_json",
        ),
        *("gates.layouts", "files.ledger", "files.signed_file"),
    },
    "distributed": {"batch.executors"},
    "filelock": {"files.locking"},
    "matplotlib": {
        *("reporting.as_shipped", "reporting.figures"),
        *("reporting.sheet_figure", "reporting.calibration_plot", "reporting.learning_plot", "reporting.stages"),
    },
    "pandas": {"reporting.tables", "library.inspecting"},
    "pypylon": {"devices.camera"},
    "pymodbus": {"devices.modbus"},
    "paho": {"devices.mqtt"},
    "watchdog": {"files.watching"},
    "reportlab": {"reporting.certificate"},
    "xlsxwriter": {"reporting.workbook"},
    "skimage": {"training", "image_processing.zone_textures", "image_processing.similarity"},
    "sklearn": {"training", "analysis.aggregation"},
    "shapely": {"analysis.aggregation"},
    "scipy": {"analysis.aggregation", "gates.assignment"},
    "pyarrow": {"training"},
    "h5py": {"training"},
    "threadpoolctl": {"training"},
    "pycocotools": {"training"},
    "onnxruntime": {"models.session"},
    "torch": {"training"},
    "rich": {"terminal"},
    "shtab": {"terminal.completion"},
}


@dataclass(frozen=True, slots=True)
class Door:
    """One of the user's own modules in the root: what it does when run by itself, and which names it gives."""

    runs: str
    gives: tuple[str, ...]


DOORS: Mapping[str, Door] = {
    "main": Door("is the terminal", ("main", "run_program")),
    "config_loader": Door(
        "checks a configuration, and says its profiles, editions and classes",
        ("load_config", "ConfigFile", "Config", "Criteria", "ConfigError"),
    ),
    "image_processing": Door(
        "draws every stage of one picture",
        (
            *("locate", "FiberGeometry", "NotLocated", "working_picture", "WorkingPicture", "residual", "Residual"),
            *("gather_evidence", "Evidence", "find_candidates", "Candidate"),
        ),
    ),
    "analysis": Door(
        "judges a stored result again",
        ("measure", "LocatedFace", "Defect", "grade", "Inspection", "Criteria", "Verdict", "Check", "Violation"),
    ),
    "calibration": Door(
        "measures the scale",
        (
            *("find_scale", "Target", "ScaleFit", "NotMeasured", "save_scale", "MeasuredScale", "load_scale", "Scale"),
            *("Calibration", "main"),
        ),
    ),
    "reporting": Door(
        "writes the reports of a folder of results", ("annotate", "write_result", "write_batch_reports", "Inspection")
    ),
}


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package."""

    name: str  # dotted, without the name of the package
    path: Path

    @property
    def wing(self) -> str:
        return self.name.partition(".")[0]

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.path)

    @property
    def sentence(self) -> str:
        """The first line of its docstring."""
        return (ast.get_docstring(self.tree) or "").partition("\n")[0].rstrip(".")


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def modules() -> tuple[Module, ...]:
    """Every module of the package that holds code."""
    folder = ROOT / PACKAGE
    paths = (path for path in sorted(folder.rglob("*.py")) if path.name != "__init__.py")
    return tuple(Module(".".join(path.relative_to(folder).with_suffix("").parts), path) for path in paths)


def arrows() -> Iterator[tuple[str, str]]:
    """Which module imports which, both without the name of the package; importing a wing is importing its nouns."""
    known = {module.name for module in modules()}
    for module in modules():
        for name in sorted(imported(module.tree)):
            if name.startswith(PACKAGE + "."):
                yield module.name, _module_of(name.removeprefix(PACKAGE + "."), known)


def _module_of(name: str, known: set[str]) -> str:
    """The module that a dotted name lies in; its wing where the wing itself gives it."""
    while name not in known and "." in name:
        name = name.rpartition(".")[0]
    return name


def imported(tree: ast.AST) -> set[str]:
    """Dotted names that import statements ask for; `from a import b` may mean the module a.b."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the module in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


HEAD = """# How it is built

One package of wings behind six doors. A wing imports only from rows above it in this table, never from its own row, and
inside a wing no imports run in a circle; a test keeps it so. This page is written by `python -m docs.modules`.
Read `dscope_blink/pipeline.py` first.

"""

DOORS_HEAD = """
## Doors

The user's own six modules in the root give the names one needs of one or two wings, and each does something when run by
itself. Nothing inside imports one. From outside, `import dscope_blink` is the way in ([api.md](api.md)).

| door | run by itself | gives |
|---|---|---|
"""


# Where a change begins; each of these modules says in its docstring what else a new one needs.
CHANGES = (
    ("a setting", "`config/settings.py`, `config.schema.json`, `config.json`"),
    ("a field of the criteria", "`records/criteria.py`, both schemas, `config.json`, `reporting/wording.py`"),
    (
        "a field of the record",
        "its noun in `records/`, `result.schema.json`, `records/stored.py`",
    ),
    ("a reason or a warning", "`records/notices.py`, `result.schema.json`, the module that finds it"),
    ("a column of a table", "`reporting/tables.py`, then `python -m docs.tables`"),
    ("a file for each picture", "`files/names.py`, `batch/picture_reports.py`, its writer in `reporting/`"),
    ("a report of the batch", "`files/names.py`, `reporting/batch_reports.py`"),
    (
        "a detector",
        "its file in `detectors/`, `detectors/registry.py`, `config.json`: [detectors.md](detectors.md)",
    ),
    ("a format of pictures", "`files/decoding.py`, `files/pictures.py`"),
    ("a target of calibration", "`calibration/target_scale.py`, `terminal/calibrate.py`, `calibration.schema.json`"),
    ("a command", "`terminal/options.py`, `terminal/arguments.py`, `terminal/commands.py`"),
    ("a wing, a module, a package from outside", "`docs/modules.py`, then `python -m docs.modules`"),
)


def page() -> str:
    """The text of docs/modules.md."""
    table = ["| row | wing | owns |", "|---|---|---|"]
    table += [f"| {wing.row} | `{wing.name}` | {wing.owns} |" for wing in WINGS]
    doors = (f"| `{name}.py` | {door.runs} | {_names(door.gives)} |\n" for name, door in DOORS.items())
    changes = ["\n## Where a change begins\n", "| to add | touch |", "|---|---|"]
    changes += [f"| {what} | {where} |" for what, where in CHANGES]
    return HEAD + "\n".join([*table, *changes]) + "\n" + DOORS_HEAD + "".join(doors) + "".join(map(_section, WINGS))


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _section(wing: Wing) -> str:
    own = (module for module in modules() if module.wing == wing.name)
    rows = [f"| `{module.name.replace('.', '/')}.py` | {module.sentence} |" for module in own]
    return "\n".join([f"\n## {wing.name}\n", "| module | owns |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
