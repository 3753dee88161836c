"""Train the small network of blemishes that ships, and write it with its card, its curve and its figures.

python -m dscope_blink.training.fit_segmentation --output networks [--photographs DIR ...] [--dataset DIR ...]
    [--start networks/blemish_segmenter.pt] [--folds 4] [--resume]

Needs torch (requirements-train.txt), which the program itself does not. It learns from rendered faces first; where
photographs with labels or built data sets are given, it is then tuned with these beside rendered ones. Seeded: on one
machine the same command gives the same file. docs/learned.md says what it is fed and how to train one's own.
"""

from __future__ import annotations

import datetime
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dscope_blink.files.whole_files import write_file
from dscope_blink.models.segmentation import load_segmentation
from dscope_blink.records import UserError
from dscope_blink.training.dataset import open_dataset
from dscope_blink.training.network_export import torch_for_training
from dscope_blink.training.segmentation_card import Made, card, curve_csv, figures_of
from dscope_blink.training.segmentation_options import Asked, asked_of
from dscope_blink.training.segmentation_photographs import LabelledPhotograph, folds_of, labelled_photographs
from dscope_blink.training.segmentation_pictures import HELD_OUT
from dscope_blink.training.segmentation_preparing import (
    DatasetJob,
    Job,
    PhotographJob,
    RenderedFaceJob,
    default_config,
    photograph_jobs,
    prepare,
)
from dscope_blink.training.sides import TRAIN, read_sides

if TYPE_CHECKING:
    from dscope_blink.training.segmentation_course import Course, Learned, Pool
    from dscope_blink.training.segmentation_network import BlemishNetwork

NAME = "blemish_segmenter"
MOST_BYTES = 2 * 2**20
SIDE_PX = 400  # of a tile: one holds most fibers as they are, one what lies around them at half the scale
OWN_SHARE = 0.5  # of what it is tuned with: photographs and data sets; the others are rendered
TUNING = 0.5  # of the fastest learning
FOR_FIGURES = 1_000  # later numbers of held-out faces than those for curve and calibration
COPIES = 2  # in other light and focus, of each picture of a data set

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Material:
    """The lessons of a training, by what they are for."""

    rendered: tuple[Path, ...]
    own: tuple[tuple[Job, Path], ...]  # photographs and data sets
    checked: tuple[Path, ...]  # rendered, for curve and calibration
    scored: tuple[Path, ...]  # rendered, for figures
    own_scored: tuple[Path, ...]  # of data sets, for figures
    photographs: tuple[LabelledPhotograph, ...]

    def own_without(self, left_out: Sequence[LabelledPhotograph]) -> tuple[tuple[Job, Path], ...]:
        """Of photographs of other faces than these."""
        faces = {one.face for one in left_out}
        return tuple(
            (job, file)
            for job, file in self.own
            if not (isinstance(job, PhotographJob) and job.photograph.face in faces)
        )


def material_of(asked: Asked) -> Material:
    """Search all pictures, unless it has been done before."""
    config = default_config()
    photographs = labelled_photographs(asked.photographs, config)
    faces = [RenderedFaceJob(k) for k in range(asked.faces)]
    checked = [RenderedFaceJob(HELD_OUT + k) for k in range(max(asked.held_out // 2, 1))]
    first = HELD_OUT + FOR_FIGURES
    forms = (("faint", asked.held_out), ("clean", asked.held_out), ("any", max(asked.held_out // 2, 1)))
    scored = [RenderedFaceJob(first + k, form, True) for form, count in forms for k in range(count)]  # type: ignore[arg-type]
    teaching, testing = _dataset_jobs(asked.datasets)
    own: list[Job] = [*photograph_jobs(photographs), *teaching]
    jobs: list[Job] = [*faces, *checked, *scored, *own, *testing]
    files = prepare(jobs, asked.work / "prepared", asked.workers)

    def those(wanted: Sequence[Job]) -> tuple[Path, ...]:
        return tuple(files[job.name] for job in wanted if job.name in files)

    mine = tuple((job, files[job.name]) for job in own if job.name in files)
    if not those(faces) or not those(checked):
        raise UserError(f"--faces and --held-out must give faces to learn from, got {asked.faces}, {asked.held_out}")
    return Material(those(faces), mine, those(checked), those(scored), those(testing), photographs)


def _dataset_jobs(folders: Sequence[Path]) -> tuple[list[DatasetJob], list[DatasetJob]]:
    """What teaches and what is for figures: as the splits of a data set say, all teaches where it has none."""
    teaching, testing = [], []
    for folder in folders:
        sides = read_sides(folder)
        for labelled in open_dataset(folder).labels():
            label = labelled.label
            if sides.get(label.name, TRAIN) == TRAIN:
                teaching += [DatasetJob(folder, label.name, copy, label.made_of) for copy in range(1 + COPIES)]
            else:
                testing.append(DatasetJob(folder, label.name, 0, label.made_of, True))
    if folders and not teaching:
        raise UserError(f"no picture to learn from in {', '.join(str(folder) for folder in folders)}")
    return teaching, testing


# --- learning


def _pool(share: float, files: Sequence[Path], weights: Sequence[float] | None = None) -> Pool:
    from dscope_blink.training.segmentation_course import Pool

    return Pool(share, tuple(files), tuple(weights or [1.0] * len(files)))


def _base(asked: Asked, material: Material) -> tuple[BlemishNetwork, list[Any]]:
    """What a network learns of rendered faces alone, or what is started from."""
    from dscope_blink.training.segmentation_course import Course, learn, network_of

    if asked.start is not None:
        return network_of(asked.start), []
    course = Course((_pool(1.0, material.rendered),), asked.steps, asked.seed, held_out=material.checked)
    learned = learn(course, None, asked.work / "base.pt", resume=asked.resume)
    return learned.network, learned.curve


def _tuned(
    asked: Asked, material: Material, own: Sequence[tuple[Job, Path]], base: BlemishNetwork, name: str
) -> Learned:
    """Gone on with photographs and data sets beside rendered faces; without any as it was."""
    from dscope_blink.training.segmentation_course import FASTEST, Course, Learned, learn

    if not own:
        return Learned(base)
    pools = (
        _pool(1 - OWN_SHARE, material.rendered),
        _pool(OWN_SHARE, [file for _, file in own], [job.weight for job, _ in own]),
    )
    course: Course = Course(pools, asked.tuning_steps, asked.seed + 1, TUNING * FASTEST, material.checked)
    return learn(course, base, asked.work / f"{name}.pt", resume=asked.resume)


def _write_network(path: Path, network: BlemishNetwork, material: Material, seed: int) -> Any:
    """Calibrate and export it, and read it back as an inspection does; gives the calibration."""
    from dscope_blink.training.segmentation_calibration import calibrate
    from dscope_blink.training.segmentation_network import onnx_bytes

    calibration = calibrate(network, material.checked, seed)
    data = onnx_bytes(network, SIDE_PX, calibration.temperature, calibration.bias)
    if len(data) > MOST_BYTES:
        raise UserError(f"the network must have at most {MOST_BYTES} bytes, got {len(data)}")
    write_file(path, data)
    load_segmentation(path)
    return calibration


def fit_segmentation(asked: Asked) -> Path:
    """Train, write the network with card, curve, figures and weights, and the networks of a cross-validation.

    Returns
    -------
    its file

    Raises
    ------
    UserError : torch is missing, what is given cannot be read or used, or a file cannot be written
    """
    torch = torch_for_training(asked.seed, asked.threads)
    from dscope_blink.training.segmentation_course import keep_weights  # which needs torch

    started, processor_s = time.perf_counter(), time.process_time()
    asked.output.mkdir(parents=True, exist_ok=True)
    asked.work.mkdir(parents=True, exist_ok=True)
    material = material_of(asked)
    logger.info("prepared: %.0f s", time.perf_counter() - started)
    base, curve = _base(asked, material)
    _write_folds(asked, material, base)
    tuned = _tuned(asked, material, material.own, base, "tuned")
    path = asked.output / f"{NAME}.onnx"
    calibration = _write_network(path, tuned.network, material, asked.seed)
    keep_weights(asked.output / f"{NAME}.pt", tuned.network)
    made = Made(
        asked,
        load_segmentation(path),
        calibration,
        (curve, tuned.curve),
        torch.__version__,
        _today(),
        time.process_time() - processor_s,
        len(material.rendered),
        len(material.photographs),
        len(material.own),
    )
    _write_reports(made, material, tuned.network)
    logger.info("%s: %s", path, made.network.sha256)
    return path


def _write_folds(asked: Asked, material: Material, base: BlemishNetwork) -> None:
    """One network for each fold, that has seen no face of it, and folds.json, which says what that holds."""
    if not asked.folds:
        return
    held_out = {}
    for k, fold in enumerate(folds_of(material.photographs, asked.folds)):
        tuned = _tuned(asked, material, material.own_without(fold), base, f"fold_{k}")
        name = f"fold_{k}.onnx"
        _write_network(asked.output / name, tuned.network, material, asked.seed)
        held_out[name] = [one.path.name for one in fold]
        logger.info("%s: %d photographs held out", name, len(fold))
    write_file(asked.output / "folds.json", json.dumps(held_out, indent=1).encode())


def _write_reports(made: Made, material: Material, network: BlemishNetwork) -> None:
    from dscope_blink.reporting.figures import png_bytes
    from dscope_blink.reporting.learning_plot import learning_figure

    figures = figures_of(made, material.scored, material.own_scored, network)
    output = made.asked.output
    write_file(output / f"{NAME}_curve.csv", curve_csv(made.curves).encode())
    write_file(output / f"{NAME}_curve.png", png_bytes(learning_figure(made.curves)))
    write_file(output / f"{NAME}_figures.json", json.dumps(figures, indent=1).encode())
    write_file(output / f"{NAME}.md", card(made, figures).encode())


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def main(words: Sequence[str] | None = None) -> int:
    """Train, write everything, and say where."""
    fit_segmentation(asked_of(words))
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("dscope").setLevel(logging.WARNING)  # of each picture that is searched every stage would be told
    try:
        raise SystemExit(main())
    except UserError as error:
        raise SystemExit(f"fit_segmentation: {error}") from None
