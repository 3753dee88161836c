"""What good faces are like, at a terminal: `learn` makes a model of them, `analyze` compares others with it."""

from __future__ import annotations

import argparse
from collections import Counter
from contextlib import closing
from datetime import datetime
from pathlib import Path

from rich.progress import Progress, track

from dscope_blink.batch.analyzing import Analyzing, check_expiry, run_analysis
from dscope_blink.batch.learning import Learning, check_updatable, learn
from dscope_blink.batch.run import Batch, exit_code
from dscope_blink.config.loading import load_config
from dscope_blink.files.names import MODEL_CARD
from dscope_blink.files.whole_files import write_file
from dscope_blink.image_processing.face_comparison import drift_of
from dscope_blink.models.family import NoFamily
from dscope_blink.models.reference import ReferenceModel, load_model
from dscope_blink.records import Comparison, UserError, printable
from dscope_blink.reporting.analysis_text import card_lines, expired, face_line
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.model_card import model_page
from dscope_blink.terminal.arguments import checked_batch
from dscope_blink.terminal.log_file import log_file
from dscope_blink.terminal.tables import console_of, print_line

ENDING = ".dscope"


def learn_reference(arguments: argparse.Namespace) -> int:
    """Learn, print what became of each picture and where the model is; 0, or 1 where a picture was left out."""
    if arguments.show:
        return show_model(arguments)
    update = None
    if arguments.update:
        update = load_model(Path(arguments.update).expanduser())
        check_expiry(update, datetime.now().astimezone())
    output = _checked_output(arguments.output or arguments.update)
    arguments.output_dir = str(output.parent)
    batch = checked_batch(arguments)
    console = console_of(arguments.quiet)
    if update is not None:
        check_updatable(update, batch.job.config.reference.radius_px, arguments.microscope)
        for line in _other_settings(update, batch.job.config.sha256):
            print_line(console, line)
    wanted = Learning(batch.job, batch.images, output, arguments.microscope, update)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("faces", total=len(batch.images))
        learned = learn(wanted, lambda image: progress.advance(task))
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
    path, now = Path(arguments.show).expanduser(), datetime.now().astimezone()
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
    path = Path(text).expanduser().absolute()
    if path.suffix != ENDING or path.is_dir():
        raise UserError(f"--output {path}: must be a file that ends in {ENDING}")
    return path


def analyze(arguments: argparse.Namespace) -> int:
    """Compare and print what came out; the exit code is that of `inspect`."""
    model = _checked_model(arguments.reference)
    batch: Batch = checked_batch(arguments)
    console, totals, found = console_of(arguments.quiet), Totals(), Counter[str]()
    seen: list[Comparison] = []
    run = Analyzing(batch.job, batch.images, model)
    with log_file(batch.job.output_dir), closing(run_analysis(run)) as analyzing:
        for done in track(analyzing, "faces", len(run.images), console=console, transient=True):
            totals.add(done.inspection)
            found[done.status] += 1
            seen.append(done)
    for status, count in sorted(found.items()):
        print_line(console, f"{status}: {count}")
    for line in drift_of(seen, model):
        print_line(console, f"The batch drifts away from the model: {line}")
    print_line(console, f"Results: {batch.job.output_dir}")
    return exit_code(totals, arguments.fail_exit)


def _checked_model(text: str | None) -> ReferenceModel:
    if not text:
        raise UserError("--reference must name a model, as `learn` writes it")
    model = load_model(Path(text).expanduser())
    check_expiry(model, datetime.now().astimezone())
    return model
