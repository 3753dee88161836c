"""`demo --gates`: sheets are rendered, their layouts learned, and each verdict compared with the one it must get."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from dscope_blink.batch.gating import Gating, run_gates
from dscope_blink.batch.sheet_files import SheetJob
from dscope_blink.batch.sheet_learning import LayoutLearning, learn_sheets
from dscope_blink.config.settings import Config
from dscope_blink.files.manifest import Manifest
from dscope_blink.files.names import GATE_PAGE
from dscope_blink.files.pictures import find_images
from dscope_blink.files.plan import ImageFile, plan_images
from dscope_blink.gates.finders import marker_finder
from dscope_blink.records import Layout, Request
from dscope_blink.synthetic.sheet_samples import sheet_plans, write_good_sheets, write_sheet_samples
from dscope_blink.terminal.running import UNFINISHED
from dscope_blink.terminal.tables import console_of, print_line


def demo_gates(folder: Path, config: Config) -> int:
    """Render, learn, judge, print; 0 if every sheet got the verdict that it must get."""
    console = console_of()
    sheets, results = folder / "sheets", folder / "gates"
    print_line(console, f"Rendering sheets into {sheets}")
    expected = write_sheet_samples(sheets / "images")
    layouts = []
    for plan in sheet_plans():
        write_good_sheets(sheets / plan.name, plan)
        layouts.append(_learned(sheets / plan.name, folder / f"{plan.name}.json", config))
        print_line(console, f"Layout: {folder / plan.name}.json")
    job = SheetJob(results, config, tuple(layouts), marker_finder(config.gates, config.folder).inputs)
    wrong = 0
    with closing(run_gates(Gating(job, _images(sheets / "images", results, config)))) as judging:
        for done in judging:
            result = done.result
            differs = result.status != expected[result.file]
            wrong += differs
            why = next((text for gate in result.gates for text in gate.reasons), "")
            print_line(console, f"{result.status} {result.file}{' (must be another)' if differs else ''} {why}")
    print_line(console, f"Page: {results / GATE_PAGE}")
    return UNFINISHED if wrong else 0


def _learned(folder: Path, output: Path, config: Config) -> Layout:
    return learn_sheets(LayoutLearning(config, _images(folder, output.parent / "none", config), output, output.stem))


def _images(folder: Path, output_dir: Path, config: Config) -> tuple[ImageFile, ...]:
    asked = Request(config.criteria.default_edition, config.criteria.default_class)
    return plan_images(find_images(folder, False, output_dir), output_dir, Manifest(), asked)
