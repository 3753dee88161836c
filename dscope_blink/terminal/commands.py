"""The terminal: its commands, what they print, the log file and the exit code."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console

from dscope_blink.batch.job import hash_of_network, reference_of
from dscope_blink.batch.night_folders import keep_newest
from dscope_blink.batch.regrading import Outcome, compare, regrade_folder
from dscope_blink.batch.run import Batch, run_batch
from dscope_blink.batch.run_manifest import renewing_all
from dscope_blink.batch.whole_run import Done
from dscope_blink.config.loading import load_config
from dscope_blink.devices.camera import NO_CAMERA, CameraError, list_cameras, open_camera
from dscope_blink.devices.capturing import take_flat_field, take_picture, take_series
from dscope_blink.files.locking import locked
from dscope_blink.records import UNCONFIRMED, Inspection, UserError, printable
from dscope_blink.reporting.batch_reports import certificates_of, reports_of
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.synthetic.samples import differs, write_samples
from dscope_blink.synthetic.scenes import demo_faces
from dscope_blink.terminal.aggregating import aggregate_sources
from dscope_blink.terminal.arguments import (
    check_output_folder,
    checked_batch,
    checked_config,
    checked_flat_field,
    checked_night,
    checked_record,
    checked_regrading,
    checked_series,
)
from dscope_blink.terminal.calibrate import calibrate
from dscope_blink.terminal.completion import completion_script
from dscope_blink.terminal.configuration import configuration
from dscope_blink.terminal.connectors import inspect_connectors
from dscope_blink.terminal.dataset import dataset
from dscope_blink.terminal.events import Told, events_of, refusals
from dscope_blink.terminal.gates import gates
from dscope_blink.terminal.gates_demo import demo_gates
from dscope_blink.terminal.log_file import log_file
from dscope_blink.terminal.options import CONFIG, make_parser
from dscope_blink.terminal.progress import Display, in_words, silent
from dscope_blink.terminal.questions import ask_everything
from dscope_blink.terminal.reference import analyze, learn_reference, reference_lines
from dscope_blink.terminal.reports import write_reports
from dscope_blink.terminal.running import UNFINISHED, as_program, complain, told
from dscope_blink.terminal.showing import Ran, code_of, counted, display_of, run_shown
from dscope_blink.terminal.starting import COMMAND, program_name
from dscope_blink.terminal.tables import (
    batch_tables,
    change_table,
    comparison_table,
    console_of,
    print_inspection,
    print_line,
    print_warnings,
    yield_tables,
)
from dscope_blink.terminal.verifying import keys, verify_results


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code.

    Parameters
    ----------
    argv : arguments without the name of the program; None takes those of the process, none at all asks questions
    """
    words = sys.argv[1:] if argv is None else argv
    return told(program_name(), lambda: _run_command(words))


def _run_command(words: Sequence[str]) -> int:
    arguments = make_parser(program_name()).parse_args(words or ask_everything())
    return _COMMANDS[arguments.command](arguments)


# --- running


def _inspect(arguments: argparse.Namespace) -> int:
    if arguments.connector is not None:
        return inspect_connectors(arguments)
    with refusals(arguments):
        batch = checked_batch(arguments)
    if arguments.camera:
        take_picture(batch.job.config.camera, batch.images[0].path)
    told_of = Told(batch.job.output_dir, batch.job.config, _total(batch))
    with events_of(told_of, arguments) as events:
        events.start()
        if arguments.quiet or arguments.json_progress:
            ran = _run(batch, silent, events.picture)
        else:
            _announce(batch)
            ran = _run(batch, display_of(_total(batch)), events.picture)
            _conclude(batch, ran)
        code = code_of(ran, arguments.fail_exit, events.failed_hooks)
        events.end(ran.totals, code)
    return code


def _run(batch: Batch, display: Display, also: Callable[[Done, Totals], None] = lambda done, totals: None) -> Ran:
    """Run the batch with its log file beside its results."""
    return run_shown(run_batch(batch), batch.job.output_dir, _total(batch), display, also)


def _total(batch: Batch) -> int | None:
    return None if batch.watched else len(batch.images)


def _nightly(arguments: argparse.Namespace) -> int:
    """Inspect into the folder of the night and print one line."""
    night = checked_night(arguments)
    started = time.monotonic()
    with locked(night.results_dir):
        if night.keep is not None:
            with log_file(night.batch.job.output_dir):
                keep_newest(night.results_dir, night.keep, night.date)
        ran = _run(night.batch, silent)
    minutes, images = (time.monotonic() - started) / 60, counted(ran.totals.images, "image")
    print(f"{night.date}: {images} in {minutes:.1f} min: {in_words(ran.totals)}; {night.batch.summary}")
    return code_of(ran, arguments.fail_exit)


def _announce(batch: Batch) -> None:
    what = f"watching {batch.watched.folder}, Ctrl-C ends it" if batch.watched else counted(len(batch.images), "image")
    config, engine = batch.job.config, batch.job.config.engine
    model = "" if engine == "classical" else f", model {engine} ({printable(config.learned.network.name)})"
    print(f"{what}, profile {config.profile}{model}, results in {batch.job.output_dir}")
    for limits in batch.unconfirmed:
        print(f"Note: {UNCONFIRMED.format(limits)}")
    print_warnings(console_of(), batch.warnings)


def _conclude(batch: Batch, ran: Ran) -> None:
    totals = ran.totals
    print(f"{counted(totals.images, 'image')}: {in_words(totals)}")
    console = console_of()
    for table in batch_tables(totals):
        console.print("", table)
    console.print()
    for line in reference_lines(totals, reference_of(batch.job)):
        print_line(console, line)
    for report in reports_of(batch.job.output_dir, batch.job.config.reporting):
        if report.exists():
            print_line(console, f"Report: {report}")
    print_line(console, f"Results: {batch.summary}")


# --- stored results


def _regrade(arguments: argparse.Namespace) -> int:
    """Judge stored results again; exit code 0 whatever the verdicts."""
    wanted = checked_regrading(arguments)
    console = console_of(arguments.quiet)
    print_line(console, f"{len(wanted.paths)} stored results in {wanted.folder}")
    for warning in wanted.warnings:
        print_line(console, f"Warning: {warning}")
    with log_file(wanted.folder), renewing_all(wanted.folder, wanted.config, "regrade", arguments.pdf) as manifests:
        if arguments.compare:
            yields, path = compare(wanted)
            manifests.wrote([path])
            console.print(*yield_tables(yields), sep="\n")
            print_line(console, f"Table: {path}")
        else:
            outcome = regrade_folder(wanted)
            tables = (outcome.summary, outcome.changes, outcome.connectors, *outcome.reports)
            manifests.wrote((*filter(None, tables), *certificates_of(wanted.paths, wanted.key)))
            _show_outcome(outcome, console)
    return 0


def _show_outcome(outcome: Outcome, console: Console) -> None:
    for note in outcome.notes:
        print_line(console, f"Note: {note}")
    if outcome.changed:
        console.print(change_table(outcome.changed))
    counts = ", ".join(f"{count} {status}" for status, count in outcome.counts.items())
    lost = f" ({outcome.unreadable} of unreadable records)" if outcome.unreadable else ""
    print_line(console, f"{counts}{lost}; {len(outcome.changed)} otherwise than before")
    print_line(console, f"Summary: {outcome.summary}")
    print_line(console, f"Changes: {outcome.changes}")
    if outcome.connectors is not None:
        print_line(console, f"Connectors: {outcome.connectors}")
    for report in outcome.reports:
        print_line(console, f"Report: {report}")


def _show(arguments: argparse.Namespace) -> int:
    """Print one stored result."""
    print_inspection(console_of(), checked_record(arguments))
    return 0


# --- the camera


def _capture(arguments: argparse.Namespace) -> int:
    """Take pictures and print where each is."""
    for path in take_series(checked_series(arguments)):
        print(path, flush=True)
    return 0


def _flat_field(arguments: argparse.Namespace) -> int:
    """Take the flat field, and say what is left to do."""
    wanted = checked_flat_field(arguments)
    take_flat_field(wanted)
    print(f"Flat field: {wanted.path}")
    if not wanted.is_used:
        print("Pictures are divided by it once preprocessing.flat_field_image of the configuration names it.")
    return 0


def _cameras(arguments: argparse.Namespace) -> int:
    """List the cameras; store the settings of the configuration in one if that is asked for."""
    if arguments.save_user_set is not None:
        with open_camera(checked_config(arguments).camera) as camera:
            camera.save_user_set(arguments.save_user_set)
            print(f"camera {camera.info}: its settings are stored as {arguments.save_user_set}, it starts with them")
        return 0
    cameras = list_cameras()
    if not cameras:
        raise CameraError(NO_CAMERA)
    for found in cameras:
        print(*filter(None, (found.model, found.serial, found.name)), sep="  ")
    return 0


# --- the demo


def _demo(arguments: argparse.Namespace) -> int:
    """Render the samples, inspect them, and compare each verdict with the one it must get."""
    folder = check_output_folder(arguments.output_dir)
    settings = load_config(CONFIG)  # what is wrong with it is told before anything is written
    config = settings.profile(settings.default_profile)
    if arguments.gates and arguments.model:
        raise UserError("--model looks for marks on fibers: it cannot be given with --gates")
    if arguments.gates:
        return demo_gates(folder, config)
    hash_of_network(config if arguments.model is None else config.with_engine(arguments.model))
    pictures, manifest, results = folder / "images", folder / "manifest.csv", folder / "results"
    print(f"Rendering the samples into {pictures}")
    write_samples(pictures, manifest, demo_faces())
    words = [f"--input-dir={pictures}", f"--output-dir={results}", f"--manifest={manifest}"]
    words += [f"--model={arguments.model}"] * (arguments.model is not None)
    batch = checked_batch(make_parser(program_name()).parse_args(["inspect", *words]))
    _announce(batch)
    seen: list[Inspection] = []
    ran = _run(batch, display_of(_total(batch)), lambda done, _: seen.append(done.inspection))
    console_of().print(comparison_table(seen))
    for report in reports_of(results, batch.job.config.reporting):
        print(f"Report: {report}")
    print(f"Pictures with their marks: {results}")
    if ran.not_written:
        return complain(program_name(), ran.not_written, UNFINISHED)
    return UNFINISHED if any(map(differs, seen)) or ran.totals.not_drawn else 0  # one sample is no fiber


def _completion(arguments: argparse.Namespace) -> int:
    """Print the script with which a shell completes the installed command."""
    print(completion_script(make_parser(COMMAND), arguments.shell))
    return 0


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "inspect": _inspect,
    "nightly": _nightly,
    "regrade": _regrade,
    "report": write_reports,
    "show": _show,
    "capture": _capture,
    "flatfield": _flat_field,
    "cameras": _cameras,
    "calibrate": calibrate,
    "demo": _demo,
    "completion": _completion,
    "config": configuration,
    "dataset": dataset,
    "aggregate": aggregate_sources,
    "learn": learn_reference,
    "analyze": analyze,
    "gates": gates,
    "keys": keys,
    "verify": verify_results,
}


def run_program() -> int:
    """The terminal as a program of its own; returns its exit code."""
    return as_program(program_name(), main)
