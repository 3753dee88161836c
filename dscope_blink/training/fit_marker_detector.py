"""Train the small network of markers that ships as an example, on rendered sheets, and write it with its card.

python -m dscope_blink.training.fit_marker_detector --output networks [--sheets 160] [--steps 900] [--seed 7]

Needs torch (requirements-train.txt), which the program itself does not. What the network is fed and how its output is
laid out is what `gates.networks.marker_detector` of the shipped configuration declares. Seeded: on one machine the same
command gives the same file. Three minutes of one processor.
"""

from __future__ import annotations

import argparse
import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dscope_blink.config.loading import load_config
from dscope_blink.config.network_settings import NetworkSettings
from dscope_blink.config.shipped import shipped
from dscope_blink.files.whole_files import write_file
from dscope_blink.models.objects import Wanted, grid_cells, object_network
from dscope_blink.models.session import Network, network_from
from dscope_blink.records import PROGRAM, VERSION, UserError
from dscope_blink.synthetic.sheets import RenderedSheet
from dscope_blink.training.marker_pictures import CROP_PX, Lesson, drawn_sheets, lesson, seen_sheet
from dscope_blink.training.marker_scores import MarkerScores, marker_scores
from dscope_blink.training.network_export import pace, torch_for_training

if TYPE_CHECKING:
    from dscope_blink.training.marker_network import MarkerNetwork

NAME = "marker_detector"
HELD_OUT_SEED = 1_000_003  # added to the seed: sheets that taught nothing
BATCH = 16
FASTEST = 4e-3  # of learning, after a twentieth of the steps
MOST_BYTES = 3 * 2**20
CONFIDENCES = (0.05, 0.25, 0.5)  # that the card has figures of
OVERLAP = 0.5

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Course:
    """How long, on how much and from which seed a network learns."""

    sheets: int
    held_out: int
    steps: int
    seed: int


def fit_marker_detector(settings: NetworkSettings, course: Course) -> bytes:
    """Train a network of markers.

    Parameters
    ----------
    settings : what it is to be fed and to give
    course : how it learns

    Returns
    -------
    bytes of its ONNX file

    Raises
    ------
    UserError : torch is missing, or the network is declared to be one that this program does not train
    """
    torch_for_training(course.seed, threads=1)
    from dscope_blink.training import marker_network as parts

    if settings.layout != "yolox" or settings.strides != parts.STRIDES or settings.color != "gray":
        wanted = f"layout yolox, strides {list(parts.STRIDES)} and color gray"
        raise UserError(f"gates.networks.{NAME}: only a network with {wanted} is trained here")
    network = parts.MarkerNetwork(len(settings.classes))
    _learn(network, settings, course)
    return parts.onnx_bytes(network, settings.input_side_px)


def _learn(network: MarkerNetwork, settings: NetworkSettings, course: Course) -> None:
    import torch

    from dscope_blink.training.marker_network import loss_of

    rng = np.random.default_rng([course.seed, 1])
    sheets = [seen_sheet(sheet, settings, rng) for sheet in drawn_sheets(course.sheets, course.seed)]
    cells = torch.from_numpy(np.hstack(grid_cells(CROP_PX, settings.strides)).astype(np.float32))  # (n_cell, 3)
    optimizer = torch.optim.AdamW(network.parameters(), FASTEST, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: pace(step / course.steps))
    network.train()
    for step in range(course.steps):
        chosen = rng.integers(len(sheets), size=BATCH)
        levels, present, boxes, classes = _stacked([lesson(sheets[k], settings.strides, rng) for k in chosen])
        loss = loss_of(network(levels), present, boxes, classes, cells)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == course.steps - 1:
            logger.info("step %d of %d: loss %.4f", step, course.steps, loss.item())


def _stacked(lessons: Sequence[Lesson]) -> list[Any]:
    import torch

    parts = ("levels", "present", "boxes", "classes")
    return [torch.from_numpy(np.stack([getattr(one, part) for one in lessons])) for part in parts]


# --- its card


def scores_at(
    network: Network, settings: NetworkSettings, sheets: Sequence[RenderedSheet], confidence: float
) -> MarkerScores:
    """What it finds on sheets whose truth is known."""
    finder = object_network(network, settings)
    wanted = Wanted(settings.input_side_px, confidence, OVERLAP)
    return marker_scores(lambda picture: finder.find(picture, wanted), sheets)


def card(network: Network, settings: NetworkSettings, course: Course, date: str) -> str:
    """Markdown: what it is, what it learned from, how good it is and how it is made again."""
    import torch

    sheets = drawn_sheets(course.held_out, course.seed + HELD_OUT_SEED)
    rows = [(confidence, scores_at(network, settings, sheets, confidence)) for confidence in CONFIDENCES]
    figures = "\n".join(
        f"| {at:g} | {one.recall:.2%} ({one.found} of {one.markers}) | {one.false} | {one.mean_overlap:.3f} "
        f"| {one.whole_sheets} of {one.sheets} |"
        for at, one in rows
    )
    (shape,) = (form.shape for form in network.outputs)
    side = settings.input_side_px
    return CARD.format(
        name=NAME,
        classes=", ".join(settings.classes),
        sha256=network.sha256,
        size=len(network.data),
        date=date,
        program=f"{PROGRAM} {VERSION}",
        torch=torch.__version__,
        input=f"[1, 1, {side}, {side}]",
        output=list(shape),
        course=course,
        held_out_seed=course.seed + HELD_OUT_SEED,
        figures=figures,
        overlap=OVERLAP,
    )


CARD = """# {name}

A small network that finds the markers ({classes}) of printed sheets: an example of a network that is declared in the
configuration (docs/networks.md), which holds it against the finder of blocks.

| | |
|---|---|
| file | `{name}.onnx`, {size} bytes |
| sha256 | `{sha256}` |
| made | {date}, by {program} with torch {torch} |
| input | {input} float32, grey 0..1, the picture at the upper left, 255 around it |
| output | {output} float32, layout `yolox`, strides 8 and 16 |
| licence | that of the program; every picture it learned from is rendered by the program |

## Data

{course.sheets} rendered sheets (`synthetic.sheets`: plans of 14 and 21 big markers with small blocks beside them, looks
varied, half of them with faults), each at one scale, crops of them for {course.steps} steps from seed {course.seed}.
Faint ghosts are taught to be no markers. No photograph, and nobody's form, is among them.

## Figures

On {course.held_out} other sheets, seed {held_out_seed}: a marker is found where a box of its class overlaps it by half.

| confidence at least | found | false | mean overlap | sheets without a mistake |
|---|---|---|---|---|
{figures}

Rivals are suppressed from an overlap of {overlap}. The plans are those that it learned from: of other forms these
figures say nothing.

## Made again

    python -m dscope_blink.training.fit_marker_detector --output networks --sheets {course.sheets} \\
        --held-out {course.held_out} --steps {course.steps} --seed {course.seed}
"""


def main(words: Sequence[str] | None = None) -> int:
    """Train, write the network and its card, and say where."""
    parser = argparse.ArgumentParser(description="Train the small network of markers, on rendered sheets.")
    parser.add_argument("--output", type=Path, required=True, help="folder of the network and its card")
    parser.add_argument("--sheets", type=int, default=160, help="to learn from")
    parser.add_argument("--held-out", type=int, default=100, help="sheets for the figures of the card")
    parser.add_argument("--steps", type=int, default=900, help="of learning, 16 crops each")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args(words)
    course = Course(asked.sheets, asked.held_out, asked.steps, asked.seed)
    configuration = load_config(shipped("config.json"))
    settings = configuration.profile(configuration.default_profile).gates.networks[NAME]
    network = network_from(fit_marker_detector(settings, course), f"{NAME}.onnx")
    if len(network.data) > MOST_BYTES:
        raise UserError(f"the network must have at most {MOST_BYTES} bytes, got {len(network.data)}")
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    asked.output.mkdir(parents=True, exist_ok=True)
    write_file(asked.output / network.name, network.data)
    write_file(asked.output / f"{NAME}.md", card(network, settings, course, date).encode())
    logger.info("%s: %s", asked.output / network.name, network.sha256)
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    raise SystemExit(main())
