"""One image from its file to its results on disk."""

from __future__ import annotations

import errno
import hashlib
import logging
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from dscope_blink.analysis.class_model import class_model
from dscope_blink.batch.picture_reports import ends_of, write_reports
from dscope_blink.batch.whole_results import all_or_none, is_whole, sha256_of
from dscope_blink.config.settings import Config, LearnedSettings
from dscope_blink.files.camera_text import camera_of
from dscope_blink.files.decoding import Picture, decode_image, holds_several, most_bytes, stated_bits, stated_scale
from dscope_blink.files.names import RESULT
from dscope_blink.files.pixel_hash import pixels_sha256
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import WriteFailed, read_whole, together, writing
from dscope_blink.models.reference import ReferenceModel, check_expiry, load_model
from dscope_blink.models.segmentation import SegmentationNetwork, load_segmentation
from dscope_blink.pipeline import Stages, all_stages, not_measured
from dscope_blink.records import (
    PROGRAM,
    VERSION,
    Calibration,
    ImageInfo,
    Inspection,
    Notice,
    Provenance,
    Request,
    Scale,
    UnreadableImage,
    UserError,
    notice,
    printable,
    read_file,
    rounded,
    texts,
    within,
)
from dscope_blink.reporting.picture_files import write_result

READING_SHARE = 0.5  # of the time limit: a drive that does not answer is named before the limit ends the process
HASHING_S = 10.0  # a picture that could not be inspected may be on such a drive, and the whole run waits for its hash
SEVERAL_PICTURES = notice("several_pictures", "the file holds more than one, the first is inspected")

logger = logging.getLogger("dscope.image")

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of every image of a batch; small, since it travels to other processes with each of them."""

    output_dir: Path
    config: Config
    calibration: Calibration | None = None
    flat_field_sha256: str | None = None
    reference_sha256: str | None = None  # of the model of good faces; None: pictures are compared with none
    learned_sha256: str | None = None  # of the network that looks for marks; None: the engine asks none


def hash_of_flat_field(config: Config) -> str | None:
    """The sha256 of the flat-field image that the configuration names; UserError if it cannot be read as a picture."""
    path = config.preprocessing.flat_field_image
    return None if path is None else _read_flat_field(path, config.preprocessing.max_pixels)[0]


def flat_field_of(job: Job) -> Picture | None:
    """The flat field, read once by each process; UserError when it is no longer the one that the batch began with."""
    path, begun = job.config.preprocessing.flat_field_image, job.flat_field_sha256
    if path is None:
        return None
    return _as_begun(f"flat-field image {path}", begun, _read_flat_field, path, job.config.preprocessing.max_pixels)


def _read_flat_field(path: Path, max_pixels: int) -> tuple[str, Picture]:
    try:
        data = read_file(path, most_bytes(max_pixels))
        return hashlib.sha256(data).hexdigest(), decode_image(data, max_pixels)
    except OSError as error:
        raise UserError(f"flat-field image {path}: cannot be read, {error.strerror}") from None
    except UnreadableImage as error:
        raise UserError(f"flat-field image {path}: {error}") from None


def hash_of_reference(config: Config) -> str | None:
    """The sha256 of the reference model that the configuration names.

    Raises
    ------
    UserError : it is no model, damaged, or its time is over; or none is named and something asks for one
    """
    path = config.reference.model
    if path is not None:
        model = load_model(path)
        check_expiry(model, datetime.now().astimezone())
        return model.sha256
    if config.uses_of_model:
        asked = " and ".join(config.uses_of_model)
        raise UserError(f"{asked}: needs a model of good faces, by reference.model or --reference, got none")
    return None


def reference_of(job: Job) -> ReferenceModel | None:
    """The model, read once by each process; UserError when it is no longer the one that the batch began with."""
    path, begun = job.config.reference.model, job.reference_sha256
    return None if path is None or begun is None else _as_begun(str(path), begun, _read_reference, path)


def _read_reference(path: Path) -> tuple[str, ReferenceModel]:
    model = load_model(path)
    return model.sha256, model


def hash_of_network(config: Config) -> str | None:
    """The sha256 of the network that looks for marks; None where the engine asks none.

    Raises
    ------
    UserError : the package that runs it is missing, or it is no such network, damaged, or not the one meant
    """
    return None if config.engine == "classical" else _read_network(config.learned)[0]


def network_of(job: Job) -> SegmentationNetwork | None:
    """The network, read once by each process; UserError when it is no longer the one that the batch began with."""
    settings, begun = job.config.learned, job.learned_sha256
    if job.config.engine == "classical" or begun is None:
        return None
    return _as_begun(str(settings.network), begun, _read_network, settings)


def _read_network(settings: LearnedSettings) -> tuple[str, SegmentationNetwork]:
    try:
        network = load_segmentation(settings.network, settings.sha256)
    except UserError as error:
        raise UserError(f"learned.network: {error}") from None
    return network.sha256, network


def _as_begun(name: str, begun: str | None, read: Callable[..., tuple[str, Read]], *of: Hashable) -> Read:
    """What is read of a file; UserError when its sha256 is no longer that which the batch began with."""
    sha256, found = _remembered(read, begun, *of)
    if sha256 != begun:
        raise UserError(f"{name}: it was changed while the batch ran")
    return found


@lru_cache(maxsize=3)  # a flat field, a model and a network
def _remembered(read: Callable[..., tuple[str, Any]], begun: str | None, *of: Hashable) -> tuple[str, Any]:
    """`begun` only tells a file that was changed from what is remembered of it."""
    return read(*of)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A picture as read; `problem` says why there is none."""

    info: ImageInfo
    picture: Picture | None = None
    problem: Notice | None = None
    read_s: float = 0.0
    warnings: tuple[Notice, ...] = ()  # about the file
    scale: Scale | None = None  # that the file states; it counts before the calibration


def inspect_file(job: Job, image: ImageFile) -> Inspection:
    """One image from its file to its results; whatever goes wrong with it, there is a record of it.

    Raises
    ------
    WriteFailed : a result cannot be written
    """
    logger.info("Inspecting %s...", printable(image.file))
    loaded, inspection = inspect_unwritten(job, image)
    try:
        inspection = write_results(job, image, loaded, inspection)
    except WriteFailed:
        raise
    except Exception as error:
        inspection = write_results(job, image, loaded, _failed(job, image, loaded, inspection.provenance, error))
    log_outcome(image, inspection)
    return inspection


def inspect_unwritten(job: Job, image: ImageFile) -> tuple[Loaded, Inspection]:
    """A picture and what was found in it; an internal error is the reason why it could not be measured."""
    loaded, inspection, _ = look_at(job, image)
    return loaded, inspection


def look_at(job: Job, image: ImageFile) -> tuple[Loaded, Inspection, Stages | None]:
    """The same, with what each stage came to; None where there was no picture or an internal error."""
    provenance = provenance_of(job)
    loaded = Loaded(ImageInfo(image.file))
    try:
        loaded = load(image.path, image.file, job.config)
        return loaded, *look_at_loaded(job, image.request, loaded, provenance)
    except Exception as error:
        return loaded, _failed(job, image, loaded, provenance, error), None


def _failed(job: Job, image: ImageFile, loaded: Loaded, provenance: Provenance, error: Exception) -> Inspection:
    logger.error("%s: internal error", printable(image.file), exc_info=error)
    reason = notice("internal_error", f"{type(error).__name__}: {error}")
    return not_measured(loaded.info, image.request, job.config, provenance, reason)


def provenance_of(job: Job) -> Provenance:
    """What a result that begins now is made from."""
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    hashes = {
        "config": job.config.sha256,
        "calibration": None if job.calibration is None else job.calibration.sha256,
        "flat_field": job.flat_field_sha256,
        "class_model": class_model().sha256,
        "reference": job.reference_sha256,
        "learned": job.learned_sha256,
    }
    return Provenance(
        program=f"{PROGRAM} {VERSION}",
        profile=job.config.profile,
        started=started,
        inputs={name: sha256 for name, sha256 in hashes.items() if sha256 is not None},
        engine=job.config.engine,
    )


def load(path: Path, file: str, config: Config) -> Loaded:
    """Read and decode a picture file, once it is whole; what cannot be read says why.

    Parameters
    ----------
    path : where it lies
    file : how its record names it
    config : how long to wait for it, and how large it may be
    """
    started = perf_counter()
    info = ImageInfo(file)
    try:
        limits = config.preprocessing
        asked = (path, most_bytes(limits.max_pixels), limits.settle_s, limits.settle_max_wait_s)
        data = within(config.batch.time_limit_s * READING_SHARE, path, lambda: read_whole(*asked))
        info = replace(info, sha256=hashlib.sha256(data).hexdigest())
        picture = decode_image(data, limits.max_pixels)
    except OSError as error:
        problem = notice("unreadable", str(error.strerror or error))
        return Loaded(info, problem=problem, read_s=perf_counter() - started)
    except UnreadableImage as error:
        return Loaded(info, problem=notice("unreadable", str(error)), read_s=perf_counter() - started)
    info = replace(info, width=picture.shape[1], height=picture.shape[0], camera=camera_of(data))
    info = replace(info, bits=stated_bits(data, picture), pixels_sha256=pixels_sha256(picture))
    warnings = (SEVERAL_PICTURES,) if holds_several(data) else ()
    um_per_px = stated_scale(data)
    scale = None if um_per_px is None else Scale(um_per_px, um_per_px, "picture", square_assumed=True)
    return Loaded(info, picture, read_s=perf_counter() - started, warnings=warnings, scale=scale)


def inspect_loaded(job: Job, request: Request, loaded: Loaded, provenance: Provenance) -> Inspection:
    """Inspect a picture that was loaded; NOT_GRADED for its problem where there is none."""
    inspection, _ = look_at_loaded(job, request, loaded, provenance)
    return inspection


def look_at_loaded(
    job: Job, request: Request, loaded: Loaded, provenance: Provenance
) -> tuple[Inspection, Stages | None]:
    """The same, with what each stage came to; None where there was no picture."""
    if loaded.picture is None:
        assert loaded.problem is not None, "without a picture there is a problem"
        return not_measured(loaded.info, request, job.config, provenance, loaded.problem), None
    stages = all_stages(
        loaded.picture,
        loaded.info,
        request,
        job.config,
        calibration_of(job, loaded),
        provenance,
        flat_field_of(job),
        reference_of(job),
        network=network_of(job),
    )
    quality = stages.inspection.quality
    warnings = (*loaded.warnings, *quality.warnings)
    return replace(stages.inspection, quality=replace(quality, warnings=warnings)), stages


def calibration_of(job: Job, loaded: Loaded) -> Calibration | None:
    """What gives a scale where the cladding does not: the file of the picture, or else that of the station."""
    return job.calibration if loaded.scale is None else Calibration(loaded.scale, loaded.info.sha256 or "")


def write_results(job: Job, image: ImageFile, loaded: Loaded, inspection: Inspection) -> Inspection:
    """Write all files of one image, the record last: where it lies, the others are complete."""
    started = perf_counter()
    start = str(job.output_dir / image.name)
    with writing(Path(start + RESULT)), all_or_none(start):
        with together() as files:
            inspection = write_reports(start, loaded.picture, inspection, job.config)
        own_s = {"read": loaded.read_s, "write": perf_counter() - started}
        times = {**inspection.timings_s, **{name: rounded(name, seconds) for name, seconds in own_s.items()}}
        inspection = replace(inspection, outputs=files.outputs, timings_s=times)
        inspection = replace(inspection, confidence=None)  # as large as the picture: not to travel
        write_result(Path(start + RESULT), inspection)
    return inspection


def log_outcome(image: ImageFile, inspection: Inspection) -> None:
    """Into the log: what there is to warn of, the verdict and its reasons."""
    for warning in inspection.quality.warnings:
        logger.warning("%s: %s", printable(image.file), warning.text)
    level = logging.INFO if inspection.was_measured else logging.ERROR
    words = (f"{image.file}: {inspection.verdict.status}", *texts(inspection.verdict.reasons))
    logger.log(level, "%s", printable("; ".join(words)))


def fail_file(job: Job, image: ImageFile, reason: Notice) -> Inspection:
    """Write the results of an image that could not be inspected: NOT_GRADED for the reason given.

    Raises
    ------
    WriteFailed : a result cannot be written
    """
    failed = not_looked_at(job, image, reason)
    failed = write_results(job, image, Loaded(failed.image, problem=reason), failed)
    log_outcome(image, failed)
    return failed


def not_looked_at(job: Job, image: ImageFile, reason: Notice) -> Inspection:
    """The record of a picture that could not be inspected, with the hash of its file where that can be read."""
    info = ImageInfo(image.file)
    with suppress(OSError):
        _check_size(job, image)
        info = replace(info, sha256=sha256_of(image.path, HASHING_S))
    return not_measured(info, image.request, job.config, provenance_of(job), reason)


def is_finished(job: Job, image: ImageFile, stored: Inspection) -> bool:
    """Whether an earlier run has done what is asked: the same bytes, program, settings, calibration and request.

    What failed in the program itself is not finished, and neither is what lacks a file that is asked for now.
    """
    same_work = replace(provenance_of(job), started=stored.provenance.started) == stored.provenance
    own_fault = any(reason.kind in OWN_FAULTS for reason in stored.verdict.reasons)
    if own_fault or not same_work or stored.request != image.request:
        return False
    start = str(job.output_dir / image.name)
    if not is_whole(start, ends_of(job.config.reporting, stored), stored.outputs, image.file):
        return False
    try:
        _check_size(job, image)
        return sha256_of(image.path, job.config.batch.time_limit_s) == stored.image.sha256
    except OSError:
        return stored.image.sha256 is None


def _check_size(job: Job, image: ImageFile) -> None:
    """OSError for a file that is too large to be a picture: of a terabyte nobody needs the hash."""
    size, most = image.path.stat().st_size, most_bytes(job.config.preprocessing.max_pixels)
    if size > most:
        raise OSError(errno.EFBIG, f"it must have at most {most} bytes, it has {size}", str(image.path))


OWN_FAULTS = ("internal_error", "time_limit")
