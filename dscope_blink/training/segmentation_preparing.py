"""Lessons of a network of blemishes are prepared once: each job is a picture, and its lesson is kept in a file."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np

from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.config.shipped import shipped
from dscope_blink.files.decoding import decode_image, most_bytes
from dscope_blink.files.whole_files import write_file
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import (
    VERSION,
    ImageInfo,
    Inspection,
    Mask,
    Provenance,
    Request,
    UnreadableImage,
    UserError,
    read_file,
)
from dscope_blink.training.dataset import label_path
from dscope_blink.training.labels import OTHER, Label, read_label
from dscope_blink.training.masks import filled
from dscope_blink.training.segmentation_lessons import Lesson, lesson_of, write_lesson
from dscope_blink.training.segmentation_photographs import LabelledPhotograph
from dscope_blink.training.segmentation_pictures import (
    TaughtPicture,
    TrueMark,
    clean_face,
    faint_face,
    injected_picture,
    rendered_picture,
    varied,
)

FORM = 3  # of lessons in files: another one makes them anew
VARIED_CLEAN, INJECTED = 2, 4  # copies of a photograph: in other light and focus, and with blemishes painted into it


@dataclass(frozen=True, slots=True)
class RenderedFaceJob:
    """A rendered face by its number."""

    number: int
    form: Literal["any", "clean", "faint"] = "any"
    by_detectors: bool = False  # whether its lesson says what the detectors find without a network

    @property
    def name(self) -> str:
        return f"{self.form}_{self.number}{'_searched' if self.by_detectors else ''}"

    @property
    def weight(self) -> float:
        """How often it is shown, beside others."""
        return 1.0

    def taught(self, config: Config) -> TaughtPicture | None:
        made = {"any": rendered_picture, "clean": clean_face, "faint": faint_face}[self.form]
        return made(self.number, config.criteria.default_edition)


@dataclass(frozen=True, slots=True)
class PhotographJob:
    """A photograph, untouched as copy 0, then in other light, then with blemishes."""

    photograph: LabelledPhotograph
    copy: int
    by_detectors: bool = False

    @property
    def name(self) -> str:
        shot = self.photograph
        where = (sorted(shot.clean), shot.core, shot.center_px, shot.axes_px, shot.angle_deg)
        return f"{shot.name.replace('/', '_')}_{_crc(repr((shot.request, where))):08x}_{self.copy}"

    @property
    def weight(self) -> float:
        """The untouched picture is what the network will meet."""
        return 2.0 if self.copy == 0 else 1.0

    def taught(self, config: Config) -> TaughtPicture | None:
        picture, shot = self.photograph.picture(config), self.photograph
        known = shot.known(picture.shape)
        rng = np.random.default_rng((_crc(shot.name), self.copy))
        if self.copy <= VARIED_CLEAN:
            shown = varied(picture, rng) if self.copy else picture
            return TaughtPicture(shown, shot.request, (), known) if known.any() else None
        seen = _inspected(shot, config)
        if seen.geometry is None or seen.scale is None:
            return None
        return injected_picture(picture, seen, known, rng)


@dataclass(frozen=True, slots=True)
class DatasetJob:
    """A picture of a data set that the program has built, with its labels as people left them."""

    folder: Path
    picture: str
    copy: int  # 0: untouched, else in other light and focus
    made_of: str  # of its label, so that another one makes another lesson
    by_detectors: bool = False

    @property
    def name(self) -> str:
        said = f"{self.folder.resolve()} {self.picture} {self.made_of}"
        return f"data_set_{_crc(said):08x}_{self.copy}{'_searched' if self.by_detectors else ''}"

    @property
    def weight(self) -> float:
        return 2.0 if self.copy == 0 else 1.0

    def taught(self, config: Config) -> TaughtPicture | None:
        label = read_label(label_path(self.folder, self.picture)).label
        if not label.marks_are_known or label.cladding is None or label.um_per_px is None:
            return None
        most = config.preprocessing.max_pixels
        try:
            picture = decode_image(read_file(self.folder / label.image, most_bytes(most)), most)
        except (OSError, UnreadableImage) as error:
            raise UserError(f"{self.folder / label.image}: cannot be read: {error}") from None
        if self.copy:
            picture = varied(picture, np.random.default_rng((_crc(self.picture), self.copy)))
        return TaughtPicture(picture, _request_of(label, config), *_marks_of(label))


Job: TypeAlias = RenderedFaceJob | PhotographJob | DatasetJob


def photograph_jobs(photographs: Iterable[LabelledPhotograph]) -> tuple[PhotographJob, ...]:
    """Every copy of each photograph."""
    return tuple(PhotographJob(one, copy) for one in photographs for copy in range(1 + VARIED_CLEAN + INJECTED))


def _crc(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "backslashreplace"))


_inspections: dict[Path, Inspection] = {}  # of the untouched photographs, made once in each process


def _inspected(photograph: LabelledPhotograph, config: Config) -> Inspection:
    if photograph.path not in _inspections:
        picture = photograph.picture(config)
        info = ImageInfo(photograph.path.name, None, picture.shape[1], picture.shape[0])
        provenance = Provenance("training", config.profile, "", {"config": config.sha256})
        _inspections[photograph.path] = inspect_image(picture, info, photograph.request, config, None, provenance)
    return _inspections[photograph.path]


def _request_of(label: Label, config: Config) -> Request:
    """What the label knows of the fiber."""
    assert label.cladding is not None
    assert label.um_per_px is not None
    um_per_px = math.sqrt(label.um_per_px[0] * label.um_per_px[1])
    core = None if label.core is None else label.core.mean_diameter_px * um_per_px
    cladding = label.cladding.mean_diameter_px * um_per_px
    return Request(config.criteria.default_edition, "custom", core, cladding, label.um_per_px[0] / label.um_per_px[1])


def _marks_of(label: Label) -> tuple[tuple[TrueMark, ...], Mask]:
    """Its marks, and where there is none that the network has no name for."""
    found, named = [], np.ones((label.height, label.width), bool)
    for mark in label.marks:
        inside, (x, y) = filled(mark.outline_px, mark.holes_px, (label.height, label.width))
        mask = np.zeros(named.shape, bool)
        mask[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
        if mark.kind == OTHER:
            named &= ~mask
        else:
            found.append(TrueMark(mark.kind, mask, math.nan, math.nan, math.nan))
    return tuple(found), named


# --- all of them


def prepare(jobs: Sequence[Job], folder: Path, workers: int) -> dict[str, Path]:
    """The files of the lessons of some pictures, made where they are not there yet.

    Parameters
    ----------
    jobs : the pictures
    folder : where lessons are kept; those of other settings or of another version lie beside them
    workers : processes

    Returns
    -------
    file by name of the job; without those in which no marks were looked for
    """
    config = default_config()
    parts = (config.preprocessing, config.localization, config.core, config.scale, config.residual, config.detectors)
    made_of = hashlib.sha256(f"{parts} {config.fusion} {VERSION} {FORM}".encode()).hexdigest()
    here = folder / made_of[:16]
    here.mkdir(parents=True, exist_ok=True)
    files = {job.name: here / f"{job.name}.npz" for job in jobs}
    todo = [(job, files[job.name]) for job in jobs if not (files[job.name].exists() or _none(files[job.name]).exists())]
    if todo and workers > 1:
        context = multiprocessing.get_context("spawn")  # forked while other threads run, a process may hang
        with ProcessPoolExecutor(workers, context, cv2.setNumThreads, (1,)) as pool:
            list(pool.map(_prepare, todo, chunksize=4))
    else:
        for one in todo:
            _prepare(one)
    return {name: file for name, file in files.items() if file.exists()}


def _prepare(todo: tuple[Job, Path]) -> None:
    job, file = todo
    lesson = _lesson(job)
    if lesson is None:
        write_file(_none(file), b"")
    else:
        write_lesson(file, lesson)


def _none(file: Path) -> Path:
    """An empty file instead of that of a lesson: the picture gives none, and is not looked at again."""
    return file.with_suffix(".none")


def _lesson(job: Job) -> Lesson | None:
    taught = job.taught(default_config())
    return None if taught is None else lesson_of(taught, job.name, default_config(), job.by_detectors)


@cache
def default_config() -> Config:
    """The default profile of the configuration that ships: residuals are to be those of an inspection."""
    configuration = load_config(shipped("config.json"))
    return configuration.profile(configuration.default_profile)
