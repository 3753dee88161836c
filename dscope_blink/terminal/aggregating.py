"""Brings several detections of a face together: `aggregate SOURCE_DIR ... --output-dir OUT`."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from rich.progress import track

from dscope_blink.batch.aggregating import Aggregating, run_aggregation
from dscope_blink.batch.executors import workers_here
from dscope_blink.batch.face_sources import find_faces
from dscope_blink.batch.run import exit_code
from dscope_blink.records import UserError
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.terminal.arguments import (
    check_input_folder,
    check_output_folder,
    check_workers,
    checked_config,
)
from dscope_blink.terminal.log_file import log_file
from dscope_blink.terminal.tables import console_of, print_line


def aggregate_sources(arguments: argparse.Namespace) -> int:
    """Aggregate, print what came out and where it is written; the exit code is that of `inspect`."""
    run = checked_aggregating(arguments)
    console, totals = console_of(arguments.quiet), Totals()
    with log_file(run.output_dir), closing(run_aggregation(run)) as aggregating:
        for done in track(aggregating, "faces", len(run.faces), console=console, transient=True):
            totals.add(done.inspection)
    print_line(console, f"{len(run.faces)} faces: {run.output_dir}")
    return exit_code(totals, arguments.fail_exit)


def checked_aggregating(arguments: argparse.Namespace) -> Aggregating:
    """Check what was asked of `aggregate`; UserError with one line for every problem."""
    folders = [Path(text).expanduser() for text in arguments.sources]
    config = checked_config(arguments)
    found = find_faces(folders, arguments.image, config)
    if not found.faces:
        raise UserError(f"--image {arguments.image}: no source has seen such a face")
    return Aggregating(
        output_dir=check_output_folder(arguments.output_dir),
        faces=found.faces,
        config=config,
        pictures=None if arguments.input_dir is None else check_input_folder(arguments.input_dir),
        workers=workers_here() if arguments.workers is None else check_workers(arguments.workers),
        log=found.log,
        resume=arguments.resume,
    )
