"""What normal looks like, learned from good faces, and faces held against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Unpack

from dscope_blink.batch import learning
from dscope_blink.batch.analysis_run import run_analysis
from dscope_blink.batch.analyzing import Analyzing, with_maps
from dscope_blink.batch.reference_faces import see_loaded
from dscope_blink.config.settings import Config, ConfigFile
from dscope_blink.files.decoding import Picture
from dscope_blink.library.given import (
    Asked,
    FilePath,
    check_workers,
    images_of,
    job_of,
    picture_of,
    request_of,
    settings_of,
)
from dscope_blink.models import reference
from dscope_blink.models.reference import ReferenceModel, check_expiry
from dscope_blink.records import Calibration, Inspection, UserError


def learn(
    folder: FilePath,
    output: FilePath,
    *,
    microscope: str = "",
    update: FilePath | None = None,
    recursive: bool = False,
    workers: int = 0,
    config: ConfigFile | Config | None = None,
    profile: str | None = None,
    calibration: FilePath | Calibration | None = None,
    **asked: Unpack[Asked],
) -> ReferenceModel:
    """Learn from the good faces of a folder what is normal, and write it.

    Parameters
    ----------
    folder : path
        Of pictures of good end faces, all of one kind and from one microscope.
    output : path
        The file of the model, `.dscope` at its end.
    microscope : str
        What the pictures were taken with.
    update : path, optional
        A model that the faces are added to, which may be `output` itself; None: a new one.
    recursive : bool
        Whether its subfolders are looked into as well.
    workers : int
        Processes of this machine that look at the pictures, as `inspect_folder` has it; the model is the same.
    config, profile, calibration, **asked
        As `inspect` has them.

    Returns
    -------
    ReferenceModel
        As it was written; `card.faces` says of each picture whether it was used, or why not.

    Raises
    ------
    UserError
        As `inspect` does; too few faces, or too few that are alike; the model cannot be written or added to.
    """
    check_workers(workers)
    path, job = Path(output).absolute(), job_of(config, profile, calibration)
    if path.suffix != learning.ENDING or path.is_dir():
        raise UserError(f"output {output}: must be a file that ends in {learning.ENDING}")
    old = None if update is None else load_model(update)
    images = images_of(Path(folder), path.parent, recursive, request_of(job.config, asked))
    job = replace(job, output_dir=path.parent)
    learning.learn(learning.Learning(job, images, path, microscope, old, workers))
    return reference.load_model(path)


def load_model(path: FilePath) -> ReferenceModel:
    """Read a model of what is normal.

    Parameters
    ----------
    path : path
        A file as `learn` writes it.

    Returns
    -------
    ReferenceModel
        Its `card` says what it was learned from, when, and until when it holds.

    Raises
    ------
    UserError
        It cannot be read, is no model, is damaged or of another version, or its time is over.
    """
    model = reference.load_model(Path(path))
    check_expiry(model, datetime.now().astimezone())
    return model


def analyze(
    picture: Picture | FilePath,
    model: FilePath | None = None,
    *,
    name: str = "picture",
    config: ConfigFile | Config | None = None,
    profile: str | None = None,
    calibration: FilePath | Calibration | None = None,
    **asked: Unpack[Asked],
) -> Inspection:
    """Inspect one picture and compare it with what is normal; no file is written.

    Parameters
    ----------
    picture : ndarray or path
        As `inspect` has it.
    model : path, optional
        A file as `learn` writes it, which is read once; None: that of the configuration, or else none: the face is
        compared with its own symmetry.
    name : str
        What the record calls a picture that is no file.
    config, profile, calibration, **asked
        As `inspect` has them.

    Returns
    -------
    Inspection
        Its `comparison` has the `status`, NORMAL, ANOMALOUS, NOT_OF_THIS_FAMILY, NOT_COMPARED or, without a model,
        NO_REFERENCE, with its `reasons`; `score`, of the worst place, 1 the limit; `anomalies`, the places that
        depart. Its verdict is another.

    Raises
    ------
    UserError
        As `inspect` and `load_model` do.
    ValueError
        `picture` is an array that is none.
    """
    run = Analyzing(job_of(_compared_with(model, config, profile), None, calibration), ())
    settings = run.job.config
    seen = see_loaded(run.job, request_of(settings, asked), picture_of(picture, name, settings), run.radius_px)
    seen, _ = with_maps(seen, settings)
    return replace(seen.inspection, confidence=None)


def analyze_folder(
    folder: FilePath,
    model: FilePath | None = None,
    *,
    output_dir: FilePath,
    recursive: bool = False,
    resume: bool = False,
    workers: int = 0,
    config: ConfigFile | Config | None = None,
    profile: str | None = None,
    calibration: FilePath | Calibration | None = None,
    **asked: Unpack[Asked],
) -> Iterator[Inspection]:
    """Compare the pictures of a folder with what is normal, one after the other as the iterator is read.

    Parameters
    ----------
    folder : path
        As `inspect_folder` has it.
    model : path, optional
        As `analyze` has it; each process reads it once.
    output_dir : path
        Where all files are written that `dscope-blink analyze` writes.
    recursive : bool
        Whether its subfolders are looked into as well.
    resume : bool
        Whether what an earlier run has finished is kept.
    workers : int
        As `inspect_folder` has it.
    config, profile, calibration, **asked
        As `inspect` has them.

    Returns
    -------
    iterator of Inspection
        As `analyze` gives them; NOT_COMPARED with the reason where a picture cannot be compared.

    Raises
    ------
    UserError
        As `inspect_folder` and `load_model` do.
    WriteFailed
        A result cannot be written.
    ReportsNotWritten
        At the end, a `UserError`: a report of the whole folder failed, all else is there.
    """
    check_workers(workers)
    job = replace(job_of(_compared_with(model, config, profile), None, calibration), output_dir=Path(output_dir))
    images = images_of(Path(folder), output_dir, recursive, request_of(job.config, asked))
    run = Analyzing(job, images, workers=workers, resume=resume)
    return (done.inspection for done in run_analysis(run))


def _compared_with(model: FilePath | None, config: ConfigFile | Config | None, profile: str | None) -> Config:
    settings = settings_of(config, profile)
    if model is None:
        return settings
    return replace(settings, reference=replace(settings.reference, model=Path(model).absolute()))
