"""Data sets for training at a terminal: a row of ACTIONS for each thing that `dataset` does."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.progress import track

from dscope_blink.analysis.rejudging import load_trusted
from dscope_blink.batch.dataset_run import DatasetRun, items_of, run_dataset
from dscope_blink.batch.executors import workers_here
from dscope_blink.batch.run import run_batch
from dscope_blink.config.settings import Config
from dscope_blink.files.names import RESULT
from dscope_blink.files.results import find_results
from dscope_blink.records import UserError
from dscope_blink.records.stored import BadRecord
from dscope_blink.records.user_paths import user_path
from dscope_blink.terminal.arguments import (
    check_input_folder,
    check_output_folder,
    check_workers,
    checked_batch,
    checked_config,
)
from dscope_blink.terminal.dataset_sharing import (
    crop_dataset,
    export_dataset,
    import_corrections,
    tell_agreement,
    write_crops,
)
from dscope_blink.terminal.log_file import log_file
from dscope_blink.terminal.tables import console_of, print_line
from dscope_blink.training.build import Item, build_picture
from dscope_blink.training.dataset import PROBLEMS
from dscope_blink.training.painted import inject_picture, injected_items, render_picture, rendered_items

CROPS = "crops"  # folder of the crops within a data set, a data set itself
INSPECTIONS = "inspections"  # folder of the stored results within a data set
NOT_DRAWN = ("plots", "cells", "zone_images", "agreement", "json_lines", "pdf", "excel", "markdown", "report")


def dataset(arguments: argparse.Namespace) -> int:
    """Do what the command `dataset` asks for; returns the exit code."""
    return ACTIONS[arguments.action](arguments)


# --- build


def _build(arguments: argparse.Namespace) -> int:
    """0: every picture is in the data set, 1: some are not, or in part, as problems.csv says; 4: none is."""
    folder = check_output_folder(arguments.output_dir, "data set")
    run = _looked_at(arguments, folder)
    if arguments.corrections is not None:
        run = replace(run, make=partial(build_picture, corrections=check_input_folder(arguments.corrections)))
    return _written(arguments, run)


def _looked_at(arguments: argparse.Namespace, folder: Path) -> DatasetRun:
    """Of stored results, or of pictures that are inspected now."""
    return _of_results(arguments, folder) if arguments.results else _inspected(arguments, folder)


def _written(arguments: argparse.Namespace, run: DatasetRun) -> int:
    folder, console = run.folder, console_of(arguments.quiet)
    with log_file(folder), closing(run_dataset(run)) as building:
        built = list(track(building, "files of pictures", len(run.items), console=console, transient=True))
    problems = sum(1 for one in built if one.problem)
    there = sum(1 for one in built if one.there)
    print_line(console, f"{there} of {len(run.items)} pictures in the data set {folder}")
    if problems:
        print_line(console, f"{problems} not, or not all of them: {folder / PROBLEMS}")
    if not there:
        return 4
    if arguments.annotate:
        write_crops(folder, folder / CROPS, run.config, console)
    return 1 if problems else 0


def _inspected(arguments: argparse.Namespace, folder: Path) -> DatasetRun:
    """Inspect the pictures into the data set; what an earlier build has finished is kept."""
    arguments.output_dir, arguments.no_report, arguments.no_plots = str(folder / INSPECTIONS), True, True
    batch = checked_batch(arguments)
    batch = replace(batch, job=replace(batch.job, config=_without_reports(batch.job.config)))
    console = console_of(arguments.quiet)
    with log_file(folder), closing(run_batch(batch)) as inspecting:
        for _ in track(inspecting, "inspections", len(batch.images), console=console, transient=True):
            pass
    results = [batch.job.output_dir / (image.name + RESULT) for image in batch.images]
    image = batch.images[0]
    pictures = Path(str(image.path).removesuffix(image.file))
    items = items_of(batch.job.output_dir, results)
    return DatasetRun(folder, items, pictures, batch.job.config, batch.workers)


def _without_reports(config: Config) -> Config:
    """A data set is made of records alone."""
    switches: dict[str, Any] = dict.fromkeys(NOT_DRAWN, False)
    return replace(config, reporting=replace(config.reporting, **switches))


def _of_results(arguments: argparse.Namespace, folder: Path) -> DatasetRun:
    named = [*([] if arguments.input_dir is None else [arguments.input_dir]), *arguments.inputs]
    if len(named) != 1:
        raise UserError(f"--results: the one folder of their pictures must be named (--input-dir), got {len(named)}")
    pictures = check_input_folder(named[0])
    results_dir = user_path(arguments.results).absolute()
    found = find_results(results_dir)
    config = checked_config(arguments)
    return DatasetRun(folder, items_of(results_dir, found.paths), pictures, config, _workers(arguments))


# --- render and inject


def _render(arguments: argparse.Namespace) -> int:
    """As `build`, of rendered faces."""
    folder = check_output_folder(arguments.output_dir, "data set")
    items = rendered_items(_count(arguments))
    config = checked_config(arguments)
    return _written(arguments, DatasetRun(folder, items, folder, config, _workers(arguments), render_picture))


def _inject(arguments: argparse.Namespace) -> int:
    """As `build`, of clean photographs and of copies with blemishes painted into them."""
    folder, count = check_output_folder(arguments.output_dir, "data set"), _count(arguments)
    run = _looked_at(arguments, folder)
    clean = tuple(item for item in run.items if _passes(item, run.config))
    if not clean:
        raise UserError("blemishes are painted into photographs that PASS, and there is none")
    others = tuple(item for item in run.items if item not in clean)  # problems.csv says why each is none
    items = (*others, *injected_items(clean, count))
    return _written(arguments, replace(run, items=items, make=inject_picture))


def _passes(item: Item, config: Config) -> bool:
    try:
        return load_trusted(item.record, config).verdict.status == "PASS"
    except BadRecord:
        return False


def _count(arguments: argparse.Namespace) -> int:
    if not arguments.count.isdecimal() or not 1 <= int(arguments.count) <= MOST_PAINTED:
        raise UserError(f"--count must be a whole number from 1 to {MOST_PAINTED}, got {arguments.count}")
    return int(arguments.count)


def _workers(arguments: argparse.Namespace) -> int:
    return workers_here() if arguments.workers is None else check_workers(arguments.workers)


MOST_PAINTED = 99_999  # by the digits of their names
ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = MappingProxyType(
    {
        "build": _build,
        "render": _render,
        "inject": _inject,
        "export": export_dataset,
        "crops": crop_dataset,
        "import": import_corrections,
        "agree": tell_agreement,
    }
)
