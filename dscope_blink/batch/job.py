"""One image from its file to its results on disk."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from time import perf_counter

from dscope_blink.config.settings import Config
from dscope_blink.files.camera_text import camera_of
from dscope_blink.files.decoding import Picture, decode_image, holds_several, most_bytes
from dscope_blink.files.names import (
    AGREEMENT,
    ANNOTATED,
    CELLS,
    CERTIFICATE,
    CONFIDENCE,
    DRAWN,
    HISTOGRAM,
    RESULT,
    TABLE,
    THUMBNAIL,
    VIEW,
    ZONE_IMAGES,
)
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.results import annotated_picture
from dscope_blink.files.whole_files import WriteFailed, read_whole, writing
from dscope_blink.pipeline import inspect_image, not_measured
from dscope_blink.records import (
    PROGRAM,
    VERSION,
    Calibration,
    ImageInfo,
    Inspection,
    Provenance,
    Request,
    UnreadableImage,
    UserError,
    printable,
)
from dscope_blink.records.plain import to_json
from dscope_blink.reporting.page_pictures import write_views
from dscope_blink.reporting.picture_files import (
    write_agreement,
    write_annotated,
    write_cells,
    write_defect_table,
    write_histogram,
    write_result,
    write_zone_image,
    zone_images,
)

SEVERAL_PICTURES = "Several pictures: the file holds more than one, the first is inspected"

logger = logging.getLogger("dscope.image")


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of every image of a batch; small, since it travels to other processes with each of them."""

    output_dir: Path
    config: Config
    calibration: Calibration | None = None
    flat_field_sha256: str | None = None
    plots: bool = True


def was_measured(inspection: Inspection) -> bool:
    """Whether its zones were inspected; without a scale they are, though the image cannot be graded."""
    return bool(inspection.zones)


def hash_of_flat_field(config: Config) -> str | None:
    """The sha256 of the flat-field image that the configuration names; UserError if it cannot be read as a picture."""
    path = config.preprocessing.flat_field_image
    return None if path is None else _read_flat_field(path, config.preprocessing.max_pixels)[0]


def flat_field_of(job: Job) -> Picture | None:
    """The flat field, read once by each process; UserError when it is no longer the one that the batch began with."""
    path = job.config.preprocessing.flat_field_image
    if path is None:
        return None
    sha256, picture = _flat_field(path, job.config.preprocessing.max_pixels, job.flat_field_sha256)
    if sha256 != job.flat_field_sha256:
        raise UserError(f"flat-field image {path}: it was changed while the batch ran")
    return picture


@lru_cache(maxsize=1)
def _flat_field(path: Path, max_pixels: int, sha256: str | None) -> tuple[str, Picture]:
    """`sha256` only tells a file that was changed from what is remembered of it."""
    return _read_flat_field(path, max_pixels)


def _read_flat_field(path: Path, max_pixels: int) -> tuple[str, Picture]:
    try:
        data = path.read_bytes()
        return hashlib.sha256(data).hexdigest(), decode_image(data, max_pixels)
    except OSError as error:
        raise UserError(f"flat-field image {path}: cannot be read, {error.strerror}") from None
    except UnreadableImage as error:
        raise UserError(f"flat-field image {path}: {error}") from None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A picture as read; `problem` says why there is none."""

    info: ImageInfo
    picture: Picture | None = None
    problem: str = ""
    read_s: float = 0.0
    warnings: tuple[str, ...] = ()  # about the file


def inspect_file(job: Job, image: ImageFile) -> Inspection:
    """One image from its file to its results; whatever goes wrong with it, there is a record of it.

    Raises
    ------
    WriteFailed : a result cannot be written
    """
    logger.info("Inspecting %s...", printable(image.file))
    provenance = provenance_of(job)
    loaded, inspection = Loaded(ImageInfo(image.file)), None
    try:
        loaded = load(image.path, image.file, job.config)
        inspection = inspect_loaded(job, image.request, loaded, provenance)
        inspection = _write_results(job, image, loaded, inspection)
    except WriteFailed:
        raise
    except Exception as error:
        logger.exception("%s: internal error", printable(image.file))
        reason = f"Internal error: {type(error).__name__}: {error}"
        failed = not_measured(loaded.info, image.request, job.config, provenance, reason)
        if inspection:  # drawing its results is what failed, and would fail again
            job, loaded = _without_certificate(job), replace(loaded, picture=None)
        inspection = _write_results(job, image, loaded, failed)
    _log_outcome(image, inspection)
    return inspection


def _without_certificate(job: Job) -> Job:
    reporting = replace(job.config.reporting, pdf=False)
    return replace(job, config=replace(job.config, reporting=reporting))


def provenance_of(job: Job) -> Provenance:
    """What a result that begins now is made from."""
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    return Provenance(
        program=f"{PROGRAM} {VERSION}",
        profile=job.config.profile,
        config_sha256=job.config.sha256,
        calibration_sha256=None if job.calibration is None else job.calibration.sha256,
        started=started,
        flat_field_sha256=job.flat_field_sha256,
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
        data = read_whole(path, most_bytes(limits.max_pixels), limits.settle_s, limits.settle_max_wait_s)
        info = replace(info, sha256=hashlib.sha256(data).hexdigest())
        picture = decode_image(data, limits.max_pixels)
    except OSError as error:
        return Loaded(info, problem=f"Unreadable: {error.strerror or error}", read_s=perf_counter() - started)
    except UnreadableImage as error:
        return Loaded(info, problem=f"Unreadable: {error}", read_s=perf_counter() - started)
    info = replace(info, width=picture.shape[1], height=picture.shape[0], camera=camera_of(data))
    warnings = (SEVERAL_PICTURES,) if holds_several(data) else ()
    return Loaded(info, picture, read_s=perf_counter() - started, warnings=warnings)


def inspect_loaded(job: Job, request: Request, loaded: Loaded, provenance: Provenance) -> Inspection:
    """Inspect a picture that was loaded; NOT_GRADED for its problem where there is none."""
    if loaded.picture is None:
        return not_measured(loaded.info, request, job.config, provenance, loaded.problem)
    inspection = inspect_image(
        loaded.picture, loaded.info, request, job.config, job.calibration, provenance, flat_field_of(job)
    )
    warnings = (*loaded.warnings, *inspection.quality.warnings)
    return replace(inspection, quality=replace(inspection.quality, warnings=warnings))


def _write_results(job: Job, image: ImageFile, loaded: Loaded, inspection: Inspection) -> Inspection:
    """Write all files of one image, the record last: where it lies, the others are complete."""
    started = perf_counter()
    start = str(job.output_dir / image.name)
    with writing(Path(start + RESULT)), _all_or_none(start):
        write_defect_table(Path(start + TABLE), inspection)
        if loaded.picture is not None:
            _draw(start, loaded.picture, inspection, job)
        if loaded.picture is not None and job.config.reporting.report:
            write_views(start, loaded.picture, inspection, job.config.reporting)
        if loaded.picture is not None and was_measured(inspection):
            _write_on_request(start, loaded.picture, inspection, job.config)
        if job.config.reporting.pdf:
            from dscope_blink.reporting.certificate import write_certificate

            write_certificate(Path(start + CERTIFICATE), to_json(inspection), annotated_picture(start))
        times = {**inspection.timings_s, "read": loaded.read_s, "write": perf_counter() - started}
        inspection = replace(inspection, confidence=None, timings_s=times)  # as large as the picture: not to travel
        write_result(Path(start + RESULT), inspection)
    return inspection


@contextmanager
def _all_or_none(start: str) -> Iterator[None]:
    """Nothing of an earlier run is left beside what is written, and nothing at all where that fails."""
    _remove_results(start)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            _remove_results(start)
        raise


def remove_unfinished(job: Job, image: ImageFile) -> None:
    """Remove what a process has left that was ended while it wrote the results of an image; whole ones stay."""
    start = str(job.output_dir / image.name)
    if not Path(start + RESULT).exists():
        with suppress(OSError):
            _remove_results(start)


def _remove_results(start: str) -> None:
    """The record first, for it says that the others are complete; the table last: pictures beside it are drawn ones."""
    for end in (RESULT, *DRAWN, CELLS, AGREEMENT, CERTIFICATE, TABLE):
        Path(start + end).unlink(missing_ok=True)


def _draw(start: str, picture: Picture, inspection: Inspection, job: Job) -> None:
    wanted = job.config.reporting
    write_annotated(Path(start + ANNOTATED[wanted.annotated_format]), picture, inspection, wanted)
    if job.plots:
        write_histogram(Path(start + HISTOGRAM[wanted.plot_format]), inspection, wanted)


def _write_on_request(start: str, picture: Picture, inspection: Inspection, config: Config) -> None:
    wanted = config.reporting
    if wanted.agreement:
        write_agreement(Path(start + AGREEMENT), inspection, config)
    if wanted.cells:
        write_cells(Path(start + CELLS), inspection, config)
    if wanted.zone_images:
        for zone, cut in zone_images(picture, inspection).items():
            write_zone_image(Path(start + ZONE_IMAGES[zone]), cut)


def _log_outcome(image: ImageFile, inspection: Inspection) -> None:
    for warning in inspection.quality.warnings:
        logger.warning("%s: %s", printable(image.file), warning)
    level = logging.INFO if was_measured(inspection) else logging.ERROR
    words = (f"{image.file}: {inspection.verdict.status}", *inspection.verdict.reasons)
    logger.log(level, "%s", printable("; ".join(words)))


def fail_file(job: Job, image: ImageFile, reason: str) -> Inspection:
    """Write the results of an image that could not be inspected: NOT_GRADED for the reason given.

    Raises
    ------
    WriteFailed : a result cannot be written
    """
    info = ImageInfo(image.file)
    with suppress(OSError):
        info = replace(info, sha256=_sha256_of(image.path))
    failed = not_measured(info, image.request, job.config, provenance_of(job), reason)
    failed = _write_results(job, image, Loaded(info, problem=reason), failed)
    _log_outcome(image, failed)
    return failed


def is_finished(job: Job, image: ImageFile, stored: Inspection) -> bool:
    """Whether an earlier run has done what is asked: the same bytes, program, settings, calibration and request.

    What failed in the program itself is not finished, and neither is what lacks a file that is asked for now.
    """
    same_work = replace(provenance_of(job), started=stored.provenance.started) == stored.provenance
    own_fault = any(reason.startswith(OWN_FAULTS) for reason in stored.verdict.reasons)
    if own_fault or not same_work or stored.request != image.request:
        return False
    start = str(job.output_dir / image.name)
    if not all(Path(start + end).exists() for end in _files_of(job, stored)):
        return False
    try:
        return _sha256_of(image.path) == stored.image.sha256
    except OSError:
        return stored.image.sha256 is None


def _sha256_of(path: Path) -> str:
    """Read piece by piece: nothing says how large the file is."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files_of(job: Job, stored: Inspection) -> list[str]:
    """Ends of the names of the files that belong to an image beside its record."""
    wanted = job.config.reporting
    names = [TABLE] + [CERTIFICATE] * wanted.pdf
    if stored.image.width is None:
        return names
    names += [ANNOTATED[wanted.annotated_format]] + [HISTOGRAM[wanted.plot_format]] * job.plots
    names += [VIEW, THUMBNAIL] * wanted.report
    if was_measured(stored):
        names += [CONFIDENCE] * wanted.report
        names += [AGREEMENT] * wanted.agreement + [CELLS] * wanted.cells
        inspected = (zone.name for zone in stored.zones if zone.name in stored.request.zones)
        names += [ZONE_IMAGES[name] for name in inspected if wanted.zone_images]
    return names


OWN_FAULTS = ("Internal error", "Time limit")
