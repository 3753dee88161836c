"""What good faces are like, at a terminal: `learn` makes a model of them, `analyze` compares others with it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from dscope_blink.batch.analysis_run import run_analysis
from dscope_blink.batch.analyzing import Analyzing
from dscope_blink.batch.learning import ENDING, Learning, check_updatable, learn
from dscope_blink.batch.run import Batch
from dscope_blink.config.loading import load_config
from dscope_blink.files.keys import signing_key
from dscope_blink.files.names import COMPARED_WITH_REFERENCE, MODEL_CARD
from dscope_blink.files.signed_file import sign_file
from dscope_blink.files.whole_files import write_file
from dscope_blink.image_processing.face_comparison import NO_MODEL, drift_of
from dscope_blink.models.family import NoFamily
from dscope_blink.models.reference import ReferenceModel, check_expiry, load_model
from dscope_blink.records import UserError, printable
from dscope_blink.records.user_paths import user_path
from dscope_blink.reporting.analysis_text import card_lines, expired, face_line
from dscope_blink.reporting.batch_reports import reports_of
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.model_card import model_page
from dscope_blink.terminal.arguments import checked_batch
from dscope_blink.terminal.events import Told, events_of, refusals
from dscope_blink.terminal.progress import in_words, silent
from dscope_blink.terminal.showing import Ran, code_of, counted, display_of, run_shown
from dscope_blink.terminal.tables import console_of, print_line, print_warnings


def learn_reference(arguments: argparse.Namespace) -> int:
    """Learn, print what became of each picture and where the model is; 0, or 1 where a picture was left out."""
    if arguments.show:
        return show_model(arguments)
    update = None
    if arguments.update:
        update = load_model(user_path(arguments.update))
        check_expiry(update, datetime.now().astimezone())
    output = _checked_output(arguments.output or arguments.update)
    arguments.output_dir = str(output.parent)
    batch = checked_batch(arguments)
    console = console_of(arguments.quiet)
    if update is not None:
        check_updatable(update, batch.job.config.reference.radius_px, arguments.microscope)
        for line in _other_settings(update, batch.job.config.sha256):
            print_line(console, line)
    wanted = Learning(batch.job, batch.images, output, arguments.microscope, update, batch.workers, batch.scheduler)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("faces", total=len(batch.images))
        key = signing_key(batch.job.config.signing)  # that it cannot be used is told before anything is learned
        learned = learn(wanted, lambda image: progress.advance(task))
    sign_file(output, key)
    card = learned.model.card
    left_out = [face for face in card.faces if not face.used]
    for face in left_out:
        print_line(console, f"Left out: {printable(face.file)}: {face.why_not}")
    used = len(card.faces) - len(left_out)
    print_line(console, f"Learned from {used} of {len(card.faces)} pictures: {output}")
    text = (
        f"{card.rate:.0%} of good faces may be called anomalous; the {used} faces bound that to {card.rate_at_most:.0%}"
    )
    print_line(console, text)
    if card.note:
        print_line(console, f"Note: {card.note}")
    if isinstance(learned.model.family, NoFamily):
        print_line(console, f"Only places and rings are compared: {learned.model.family.reason}")
    return 1 if left_out else 0


def show_model(arguments: argparse.Namespace) -> int:
    """Write the card of a model beside it and print the essentials; 0, or 1 for one whose time is over."""
    if arguments.update or arguments.inputs or arguments.input_dir or arguments.output:
        raise UserError("--show takes a model and nothing to learn from")
    path, now = user_path(arguments.show), datetime.now().astimezone()
    model, page = load_model(path), path.with_name(path.stem + MODEL_CARD)
    settings = load_config(Path(arguments.config).absolute())
    config = settings.profile(arguments.profile or settings.default_profile)
    notes = (*expired(model.card, now), *_other_settings(model, config.sha256))
    write_file(page, model_page(path.name, model, notes))
    console = console_of(arguments.quiet)
    for line in (*notes, *card_lines(model.card)):
        print_line(console, line)
    for face in model.card.faces:
        print_line(console, printable(f"  {face_line(face)}"))
    print_line(console, f"Card: {page}")
    return 1 if expired(model.card, now) else 0


def _other_settings(model: ReferenceModel, config_sha256: str) -> tuple[str, ...]:
    if model.card.config_sha256 == config_sha256:
        return ()
    return ("It was learned under other settings than those of the configuration now",)


def _checked_output(text: str | None) -> Path:
    if not text:
        raise UserError(f"--output must name the file of the model, {ENDING} at its end")
    path = user_path(text).absolute()
    if path.suffix != ENDING or path.is_dir():
        raise UserError(f"--output {path}: must be a file that ends in {ENDING}")
    return path


def analyze(arguments: argparse.Namespace) -> int:
    """Compare, print what came out and where it is written; the exit code is that of `inspect`."""
    with refusals(arguments):
        run = checked_analyzing(arguments)
    total = len(run.images)
    with events_of(Told(run.job.output_dir, run.job.config, total), arguments) as events:
        events.start()
        is_silent = arguments.quiet or arguments.json_progress
        console = console_of(is_silent)
        _announce(console, run)
        display = silent if is_silent else display_of(total)
        ran = run_shown(run_analysis(run), run.job.output_dir, total, display, events.picture)
        _conclude(console, run, ran)
        code = code_of(ran, arguments.fail_exit, events.failed_hooks)
        events.end(ran.totals, code)
    return code


def _announce(console: Console, run: Analyzing) -> None:
    model = run.job.config.reference.model
    beside = "no model" if model is None else f"model {model.name}"
    what = f"{counted(len(run.images), 'image')}, profile {run.job.config.profile}, {beside}"
    print_line(console, f"{what}, results in {run.job.output_dir}")
    if model is None:
        print_line(console, NO_MODEL.capitalize())
    print_warnings(console, run.warnings)


def _conclude(console: Console, run: Analyzing, ran: Ran) -> None:
    print_line(console, f"{counted(ran.totals.images, 'image')}: {in_words(ran.totals)}")
    for line in reference_lines(ran.totals, run.model):
        print_line(console, line)
    for report in reports_of(run.job.output_dir, run.job.config.reporting):
        if report.exists():
            print_line(console, f"Report: {report}")
    print_line(console, f"Results: {run.job.output_dir / COMPARED_WITH_REFERENCE}")


def checked_analyzing(arguments: argparse.Namespace) -> Analyzing:
    """Check what was asked of `analyze`; UserError with one line for every problem."""
    batch: Batch = checked_batch(arguments)
    return Analyzing(
        batch.job,
        batch.images,
        batch.warnings,
        workers=batch.workers,
        scheduler=batch.scheduler,
        resume=batch.resume,
    )


def reference_lines(totals: Totals, model: ReferenceModel | None) -> Iterator[str]:
    """What was said of the faces beside good ones, and whether they drift away from the model; nothing without any."""
    yield from (f"{status}: {count}" for status, count in sorted(totals.beside_good.items()))
    if model is not None:
        yield from (f"The batch drifts away from the model: {line}" for line in drift_of(totals.newest, model))
