"""Data sets for training at a terminal: a row of ACTIONS for each thing that `dataset` does."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.progress import track

from dscope_blink.batch.dataset_run import DatasetRun, items_of, run_dataset
from dscope_blink.batch.executors import workers_here
from dscope_blink.batch.run import run_batch
from dscope_blink.config.settings import Config
from dscope_blink.files.names import RESULT
from dscope_blink.files.results import find_results
from dscope_blink.records import UserError
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
from dscope_blink.training.dataset import PROBLEMS

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
    run = _of_results(arguments, folder) if arguments.results else _inspected(arguments, folder)
    run = replace(run, corrections=None if arguments.corrections is None else check_input_folder(arguments.corrections))
    console = console_of(arguments.quiet)
    with log_file(folder), closing(run_dataset(run)) as building:
        built = list(track(building, "files of pictures", len(run.items), console=console, transient=True))
    problems = sum(1 for one in built if one.problem)
    there = sum(1 for one in built if one.label is not None)
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
    results_dir = Path(arguments.results).expanduser().absolute()
    found = find_results(results_dir)
    config = checked_config(arguments)
    workers = workers_here() if arguments.workers is None else check_workers(arguments.workers)
    return DatasetRun(folder, items_of(results_dir, found.paths), pictures, config, workers)


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = MappingProxyType(
    {
        "build": _build,
        "export": export_dataset,
        "crops": crop_dataset,
        "import": import_corrections,
        "agree": tell_agreement,
    }
)
