"""OK or NG of printed sheets at a terminal: `gates` judges pictures, `gates calibrate` learns a layout of good ones."""

from __future__ import annotations

import argparse
import logging
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, track

from dscope_blink.batch.executors import workers_here
from dscope_blink.batch.gating import NONE_JUDGED, GateTotals, Gating, gates_exit_code, run_gates
from dscope_blink.batch.sheet_files import SheetJob
from dscope_blink.batch.sheet_learning import LayoutLearning, learn_sheets
from dscope_blink.config.problems import Problems
from dscope_blink.config.settings import Config
from dscope_blink.devices.signals import Signals, signalling
from dscope_blink.files.manifest import Manifest
from dscope_blink.files.names import GATE_PAGE, GATE_TABLE
from dscope_blink.files.pictures import Found
from dscope_blink.files.plan import plan_images
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.watching import Watched
from dscope_blink.gates.ambiguity import ambiguities
from dscope_blink.gates.finders import marker_finder
from dscope_blink.gates.layouts import check_layouts, load_layout
from dscope_blink.records import Layout, Request, SheetResult, UserError, printable
from dscope_blink.records.user_paths import user_path
from dscope_blink.terminal.arguments import (
    check_images,
    check_input_folder,
    check_output_folder,
    check_workers,
    checked_config,
)
from dscope_blink.terminal.log_file import log_file
from dscope_blink.terminal.running import UNFINISHED, complain
from dscope_blink.terminal.starting import missing_packages, program_name
from dscope_blink.terminal.tables import console_of, print_line

ENDING = ".json"
GO_ON = "what was finished is kept, the same command with --resume does the rest"

logger = logging.getLogger("dscope.main")


def gates(arguments: argparse.Namespace) -> int:
    """Judge, print what came out and where it is written; `gates calibrate` learns instead."""
    if missing := missing_packages(("scipy",)):
        raise UserError("\n".join(missing))
    return _calibrate(arguments) if arguments.action == "calibrate" else _judge(arguments)


# --- judging


def _judge(arguments: argparse.Namespace) -> int:
    run = checked_gating(arguments)
    console, totals = console_of(arguments.quiet), GateTotals()
    _announce(console, run)
    with (
        log_file(run.job.output_dir),
        signalling(run.job.config.signals) as signals,
        closing(run_gates(run)) as judging,
    ):
        shown = track(judging, "sheets", len(run.images), console=console, transient=True)
        try:
            for done in judging if run.watched else shown:
                totals.add(done.result)
                if not done.resumed:
                    _tell(signals, done.result)
                if run.watched and not done.resumed:
                    print_line(console, printable(f"{done.result.status} {done.result.file}"))
        except KeyboardInterrupt:
            if run.watched is None:
                raise KeyboardInterrupt(GO_ON) from None
    unread = f", {totals.unread} of them could not be read" if totals.unread else ""
    print_line(console, f"{totals.pictures} pictures: {totals.ok} OK, {totals.ng} NG{unread}")
    print_line(console, f"Page: {run.job.output_dir / GATE_PAGE}")
    print_line(console, f"Results: {run.job.output_dir / GATE_TABLE}")
    code = gates_exit_code(totals, arguments.fail_exit)
    if code in (UNFINISHED, NONE_JUDGED):
        complain(program_name(), f"{totals.unread} of {totals.pictures} pictures could not be read or judged", code)
    return code


def _tell(signals: Signals, result: SheetResult) -> None:
    """A line; of a sheet that could not be judged nobody knows."""
    ok = None if "readable" in result.failed else result.status == "OK"
    signals.result(ok, result.file, "; ".join(reason for gate in result.gates for reason in gate.reasons))


def _announce(console: Console, run: Gating) -> None:
    what = f"watching {run.watched.folder}, Ctrl-C ends it" if run.watched else f"{len(run.images)} pictures"
    names = ", ".join(one.name for one in run.job.layouts)
    print_line(console, printable(f"{what}, layouts {names}, results in {run.job.output_dir}"))
    for warning in run.warnings:
        print_line(console, f"Warning: {warning}")


def checked_gating(arguments: argparse.Namespace) -> Gating:
    """Check what was asked of `gates`; UserError with one line for every problem."""
    problems = Problems()
    folder = problems.attempt(Path(), check_input_folder, arguments.input_dir)
    output_dir = problems.attempt(Path(), check_output_folder, arguments.output_dir)
    workers = None if arguments.workers is None else problems.attempt(0, check_workers, arguments.workers)
    config = problems.attempt(None, checked_config, arguments)
    layouts = () if config is None else problems.attempt((), _layouts, arguments, config)
    finder = None if config is None else problems.attempt(None, marker_finder, config.gates, config.folder)
    problems.raise_if_any()
    assert config is not None, "without configuration there was a problem"
    assert finder is not None, "without a finder there was a problem"
    _check_apart(folder, output_dir)
    config = _routing(config, arguments)
    asked = Request(config.criteria.default_edition, config.criteria.default_class)  # of which a sheet needs nothing
    found = Found(folder) if arguments.watch else check_images([str(folder)], arguments.recursive, output_dir)
    settle_s, interval_s = config.preprocessing.settle_s, config.batch.watch_interval_s
    watched = Watched(folder, arguments.recursive, output_dir, Manifest(), asked, settle_s, interval_s)
    return Gating(
        SheetJob(output_dir, config, layouts, finder.inputs),
        plan_images(found, output_dir, Manifest(), asked),
        (*found.warnings, *found.left_out, *_untold(layouts, config)),
        next(count for count in (workers, config.batch.workers, workers_here()) if count is not None),
        arguments.scheduler,
        arguments.resume,
        watched if arguments.watch else None,
    )


def _layouts(arguments: argparse.Namespace, config: Config) -> tuple[Layout, ...]:
    problems = Problems()
    paths = [user_path(text) for text in arguments.layout] or list(config.gates.layout.files)
    layouts = [problems.attempt(None, load_layout, path) for path in paths]
    problems.raise_if_any()
    known = tuple(one for one in layouts if one is not None)
    check_layouts(known)
    for one in known:
        _check_finder(one, config)
    return known


def _untold(layouts: tuple[Layout, ...], config: Config) -> tuple[str, ...]:
    """What sheets of the layouts cannot tell, to warn of; UserError where the configuration has none of that."""
    rules = config.gates.layout
    told = tuple(map(printable, ambiguities(layouts, rules)))
    if told and rules.refuse_ambiguous:
        raise UserError("\n".join(f"{text} (gates.layout.refuse_ambiguous)" for text in told))
    return told


def _check_finder(layout: Layout, config: Config) -> None:
    """Another finder draws its boxes otherwise: what it learned holds for its own alone."""
    if layout.finder != config.gates.finder:
        text = f"layout {layout.name} was learned with the finder {layout.finder}"
        raise UserError(printable(f"{text}, the configuration has {config.gates.finder} (gates.finder)"))


def _check_apart(folder: Path, output_dir: Path) -> None:
    """A drawn sheet in the folder of the pictures would be judged in the next run."""
    if folder.resolve() == output_dir.resolve():
        raise UserError(f"output folder {output_dir}: must be another than the folder of the pictures")


def _routing(config: Config, arguments: argparse.Namespace) -> Config:
    rules = config.gates.routing
    routing = rules if arguments.route is None else replace(rules, mode=arguments.route)
    if routing.mode != "off" and routing.good_folder.casefold() == routing.no_good_folder.casefold():
        raise UserError(
            f"gates.routing: good_folder and no_good_folder must differ, got {routing.good_folder} for both"
        )
    return replace(config, gates=replace(config.gates, routing=routing))


# --- calibrating


def _calibrate(arguments: argparse.Namespace) -> int:
    """0, or 1 where a good sheet that was held back is NG."""
    wanted = checked_learning(arguments)
    console = console_of(arguments.quiet)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("good sheets", total=len(wanted.images))
        layout = learn_sheets(wanted, lambda image: progress.advance(task))
    stated = layout.stated
    for one in layout.sources:
        if one.use == "left out" or one.why:
            print_line(console, printable(f"{one.use.capitalize()}: {one.file}: {one.why}"))
    counts = ", ".join(f"{layout.count_of(kind)} {kind}" for kind in layout.kinds)
    print_line(console, f"Learned from {stated.learned_from} of {len(wanted.images)} pictures: {counts} markers")
    print_line(console, f"A marker that is moved by {stated.surely_caught_px:.1f} px of {layout.width_px} is told")
    bound = f"at most {stated.rate_at_most:.1%} of good sheets lie beyond what was seen"
    needed = f"{stated.needed} sheets are needed for {stated.risk:.1%}"
    print_line(console, f"{bound} ({stated.confidence:.0%} sure); {needed}")
    print_line(console, f"Held back: {stated.checked_on}, of which {stated.checked_ng} are NG")
    for warning in ambiguities((layout,), wanted.config.gates.layout):
        print_line(console, printable(f"Warning: {warning}"))
    print_line(console, f"Card: {wanted.card}")
    print_line(console, f"Layout: {wanted.output}")
    return UNFINISHED if stated.checked_ng else 0


def checked_learning(arguments: argparse.Namespace) -> LayoutLearning:
    """Check what was asked of `gates calibrate`; UserError with one line for every problem."""
    problems = Problems()
    output = problems.attempt(Path(), _checked_output, arguments.output)
    folder = problems.attempt(Path(), check_input_folder, arguments.input_dir)
    config = problems.attempt(None, checked_config, arguments)
    problems.raise_if_any()
    assert config is not None, "without configuration there was a problem"
    found = check_images([str(folder)], arguments.recursive, output.parent / "nothing")
    asked = Request(config.criteria.default_edition, config.criteria.default_class)
    images = plan_images(found, output.parent, Manifest(), asked)
    return LayoutLearning(config, images, output, arguments.name or output.stem)


def _checked_output(text: str | None) -> Path:
    if not text:
        raise UserError(f"--output must name the file of the layout, {ENDING} at its end")
    path = user_path(text).absolute()
    if path.suffix != ENDING or path.is_dir():
        raise UserError(f"--output {path}: must be a file that ends in {ENDING}")
    check_output_folder(str(path.parent))
    make_folder(path.parent)
    return path
