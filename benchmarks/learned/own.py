"""The engines on a data set of one's own: what people, or painters, said of its pictures, and what each engine says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.learned.engines import timed
from benchmarks.learned.held_out import Face, face_of, in_turn
from benchmarks.rendered import EDITION, compared
from benchmarks.validation.bench import Bench, default_config
from benchmarks.validation.photographs import inspect_picture
from dscope_blink.files.decoding import decode_image
from dscope_blink.records import CLASSIFICATIONS, Ellipse, Request, UserError, read_file, stretched
from dscope_blink.records.stored import load_record
from dscope_blink.synthetic.faces import BlemishTruth
from dscope_blink.terminal.dataset import INSPECTIONS
from dscope_blink.training.dataset import label_path, open_dataset
from dscope_blink.training.exported import Exported, ExportSet, MarkMask
from dscope_blink.training.labels import Label, read_label
from dscope_blink.training.sides import TRAIN

OWN = "own"  # the sort of these faces


@dataclass(frozen=True, slots=True)
class Job:
    """One picture of a data set."""

    folder: Path
    name: str
    k: int
    network: Path | None


def own_faces(bench: Bench, folder: Path, network: Path | None) -> list[Face]:
    """The pictures that no training had, by every engine.

    Parameters
    ----------
    bench : who does it
    folder : of the data set
    network : that is held against the classical engine; None: the one that ships

    Raises
    ------
    UserError
        Where the folder is no data set, or none of its pictures can be used.
    """
    names = held_out_names(folder)
    return bench.run(inspected, [Job(folder, name, k, network) for k, name in enumerate(names)])


def held_out_names(folder: Path) -> list[str]:
    """Pictures of the sides validation and test of which a person, or a painter, says what they show.

    What nobody but the program has labelled is left out: the classical engine would be held against itself.
    """
    dataset = open_dataset(folder)
    sides = ExportSet(dataset).sides
    names = [
        found.label.name
        for found in dataset.labels()
        if sides[found.label.name] != TRAIN and found.label.source.by != "program"
    ]
    if not names:
        rule = "pictures of the sides validation and test that people have seen or painters have made"
        raise UserError(f"{folder}: the data set must have {rule}, got none among {len(dataset.names)}")
    return names


def inspected(job: Job) -> Face:
    """One picture, by every engine."""
    label = read_label(label_path(job.folder, job.name)).label
    config = default_config()
    picture = decode_image(read_file(job.folder / label.image), config.preprocessing.max_pixels)
    exported = Exported(0, label, "", job.folder)
    marks = [mark for mark in exported.marks() if mark.mark.kind in CLASSIFICATIONS]
    truths = [_truth(label, mark) for mark in marks]
    request = request_of(job.folder, label)
    scores, ms = {}, {}
    for engine in in_turn(job.k):
        inspect = partial(inspect_picture, picture, job.name, request)
        inspection, ms[engine] = timed(inspect, engine, job.network)
        scores[engine] = compared(inspection, truths, picture.shape)
    return face_of(OWN, job.name, scores, [None] * len(truths), [float("nan")] * len(truths), ms)


def request_of(folder: Path, label: Label) -> Request:
    """What was asked of a picture, by its record in the data set; of one without a record what its label tells."""
    path = folder / INSPECTIONS / f"{label.name}_result.json"
    if path.is_file():
        return load_record(path).request
    if label.um_per_px is None:
        return Request(EDITION, "custom")
    scale = label.um_per_px
    core, cladding = (_diameter_um(one, scale) for one in (label.core, label.cladding))
    return Request(EDITION, "custom", core, cladding, scale[0] / scale[1])


def _diameter_um(found: Ellipse | None, scale: tuple[float, float]) -> float | None:
    """Of the short axis on the face, which is the diameter where it is angled."""
    return None if found is None else min(stretched(found, scale).axes_px)


def _truth(label: Label, found: MarkMask) -> BlemishTruth:
    """A mark as the comparison takes it; its sizes are those of its pixels."""
    mask = np.zeros((label.height, label.width), bool)
    (x, y), (h, w) = found.corner, found.mask.shape
    mask[y : y + h, x : x + w] = found.mask
    points = cv2.findNonZero(found.mask.astype(np.uint8))
    scale = float(np.sqrt(np.prod(label.um_per_px))) if label.um_per_px else float("nan")
    sides = np.array(cv2.minAreaRect(points)[1]) + 1
    diameter = 2 * cv2.minEnclosingCircle(points)[1]
    rows, columns = np.nonzero(mask)
    return BlemishTruth(
        found.mark.kind,
        mask,
        float(sides.max()) * scale,
        float(sides.min()) * scale,
        diameter * scale,
        (float(columns.mean()), float(rows.mean())),
        float("nan"),
    )
