"""What good faces are like, at a terminal: `learn` makes a model of them, `analyze` compares others with it."""

from __future__ import annotations

import argparse
from collections import Counter
from contextlib import closing
from datetime import datetime
from pathlib import Path

from rich.progress import Progress, track

from dscope_blink.batch.analyzing import Analyzing, check_expiry, run_analysis
from dscope_blink.batch.learning import Learning, learn
from dscope_blink.batch.run import Batch, exit_code
from dscope_blink.models.reference import ReferenceModel, load_model
from dscope_blink.records import UserError, printable
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.terminal.arguments import checked_batch
from dscope_blink.terminal.log_file import log_file
from dscope_blink.terminal.tables import console_of, print_line

ENDING = ".dscope"


def learn_reference(arguments: argparse.Namespace) -> int:
    """Learn, print what became of each picture and where the model is; 0, or 1 where a picture was left out."""
    output = _checked_output(arguments.output)
    arguments.output_dir = str(output.parent)
    batch = checked_batch(arguments)
    console = console_of(arguments.quiet)
    wanted = Learning(batch.job, batch.images, output, arguments.microscope)
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
    return 1 if left_out else 0


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
    run = Analyzing(batch.job, batch.images, model)
    with log_file(batch.job.output_dir), closing(run_analysis(run)) as analyzing:
        for done in track(analyzing, "faces", len(run.images), console=console, transient=True):
            totals.add(done.inspection)
            found[done.status] += 1
    for status, count in sorted(found.items()):
        print_line(console, f"{status}: {count}")
    print_line(console, f"Results: {batch.job.output_dir}")
    return exit_code(totals, arguments.fail_exit)


def _checked_model(text: str | None) -> ReferenceModel:
    if not text:
        raise UserError("--reference must name a model, as `learn` writes it")
    model = load_model(Path(text).expanduser())
    check_expiry(model, datetime.now().astimezone())
    return model
