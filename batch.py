"""Many images, one after the other, and their results on disk; one failure never stops the rest."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter

from capturing import camera_of
from config_loader import Config
from decoding import Picture, decode_image, holds_several, most_bytes
from image_files import (
    AGREEMENT,
    ANNOTATED,
    CELLS,
    DRAWN,
    HISTOGRAM,
    RESULT,
    SUMMARY,
    TABLE,
    ZONE_IMAGES,
    ImageFile,
    printable,
)
from pipeline import inspect_image, not_measured
from records import (
    PROGRAM,
    UNCONFIRMED,
    VERSION,
    Calibration,
    ImageInfo,
    Inspection,
    Provenance,
    UnreadableImage,
    UserError,
)
from reporting import (
    Record,
    summary_row,
    write_agreement,
    write_annotated,
    write_cells,
    write_defect_table,
    write_histogram,
    write_result,
    write_summary,
    write_zone_image,
    zone_images,
)
from whole_files import WriteFailed, read_whole, writing

SEVERAL_PICTURES = "Several pictures: the file holds more than one, the first is inspected"
SUMMARY_SHARE = 0.05  # of the time may go into rewriting a summary that grows

logger = logging.getLogger("dscope.batch")


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything a batch needs, checked; nothing has been written yet."""

    images: tuple[ImageFile, ...]
    output_dir: Path
    config: Config
    calibration: Calibration | None = None
    flat_field: Picture | None = None
    plots: bool = True
    warnings: tuple[str, ...] = ()  # about the folder and the manifest

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Edition and class of the limits asked for that are not confirmed."""
        asked = sorted({(image.request.edition, image.request.fiber_class) for image in self.images})
        return tuple(" ".join(pair) for pair in asked if not self.config.criteria.find(*pair).confirmed)


@dataclass(frozen=True, slots=True)
class Counts:
    """How a batch went so far."""

    passed: int = 0
    failed: int = 0
    not_graded: int = 0
    not_measured: int = 0  # of those not graded: unreadable, not located, out of focus

    def plus(self, inspection: Inspection) -> Counts:
        """The counts with one more image."""
        status = inspection.verdict.status
        return Counts(
            self.passed + (status == "PASS"),
            self.failed + (status == "FAIL"),
            self.not_graded + (status == "NOT_GRADED"),
            self.not_measured + (not was_measured(inspection)),
        )

    def exit_code(self, fail_exit: bool) -> int:
        """0 every image was measured, 1 some could not be, 3 some failed and the caller asked to know."""
        if self.not_measured:
            return 1
        return 3 if fail_exit and self.failed else 0


def was_measured(inspection: Inspection) -> bool:
    """Whether its zones were inspected; without a scale they are, though the image cannot be graded."""
    return bool(inspection.zones)


def load_flat_field(config: Config) -> Picture | None:
    """The flat-field image that the configuration names; UserError if it cannot be read."""
    path = config.preprocessing.flat_field_image
    if path is None:
        return None
    try:
        return decode_image(path.read_bytes(), config.preprocessing.max_pixels)
    except OSError as error:
        raise UserError(f"flat-field image {path}: cannot be read, {error.strerror}") from None
    except UnreadableImage as error:
        raise UserError(f"flat-field image {path}: {error}") from None


def run_batch(batch: Batch) -> Generator[Inspection]:
    """Inspect the pictures one after the other and write the results of each before the next is read.

    The summary is complete for all finished pictures however the batch ends.

    Parameters
    ----------
    batch : what to do; its output folder is made if need be

    Yields
    ------
    Inspection of each picture, in the order of the batch, after its results are on disk

    Raises
    ------
    WriteFailed : a result cannot be written (disk full, no permission)
    """
    for warning in (*batch.warnings, *map(UNCONFIRMED.format, batch.unconfirmed)):
        logger.warning(warning)
    summary = _Summary(batch.output_dir / SUMMARY)
    try:
        for image in batch.images:
            inspection = _process(batch, image)
            summary.add(inspection)
            yield inspection
    finally:
        summary.write()


class _Summary:
    """The table of the batch. Rewritten as it grows, seldom enough that a long batch does not slow down."""

    def __init__(self, path: Path) -> None:
        self._path, self._due = path, 0.0
        self._rows: list[Record] = []

    def add(self, inspection: Inspection) -> None:
        self._rows.append(summary_row(inspection))
        if perf_counter() >= self._due:
            self.write()

    def write(self) -> None:
        started = perf_counter()
        with writing(self._path):
            write_summary(self._path, self._rows)
        ended = perf_counter()
        self._due = ended + (ended - started) / SUMMARY_SHARE


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A picture as read; `problem` says why there is none."""

    info: ImageInfo
    picture: Picture | None = None
    problem: str = ""
    read_s: float = 0.0
    warnings: tuple[str, ...] = ()  # about the file


def _process(batch: Batch, image: ImageFile) -> Inspection:
    """One image from its file to its results; whatever goes wrong with it, the batch goes on."""
    logger.info("Inspecting %s...", printable(image.file))
    provenance = _provenance(batch)
    loaded, inspection = _Loaded(ImageInfo(image.file)), None
    try:
        loaded = _load(image, batch.config)
        inspection = _inspect(batch, image, loaded, provenance)
        inspection = _write_results(batch, image, loaded, inspection)
    except WriteFailed:
        raise
    except Exception as error:
        logger.exception("%s: internal error", printable(image.file))
        reason = f"Internal error: {type(error).__name__}: {error}"
        # If the inspection went well, drawing its results is what failed, and would fail again.
        drawn = replace(loaded, picture=None) if inspection else loaded
        failed = not_measured(loaded.info, image.request, batch.config, provenance, reason)
        inspection = _write_results(batch, image, drawn, failed)
    _log_outcome(image, inspection)
    return inspection


def _provenance(batch: Batch) -> Provenance:
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    config, calibration = batch.config, None if batch.calibration is None else batch.calibration.sha256
    return Provenance(f"{PROGRAM} {VERSION}", config.profile, config.sha256, calibration, started)


def _load(image: ImageFile, config: Config) -> _Loaded:
    started = perf_counter()
    info = ImageInfo(image.file)
    try:
        limits = config.preprocessing
        data = read_whole(image.path, most_bytes(limits.max_pixels), limits.settle_s, limits.settle_max_wait_s)
        info = replace(info, sha256=hashlib.sha256(data).hexdigest())
        picture = decode_image(data, limits.max_pixels)
    except OSError as error:
        return _Loaded(info, problem=f"Unreadable: {error.strerror or error}", read_s=perf_counter() - started)
    except UnreadableImage as error:
        return _Loaded(info, problem=f"Unreadable: {error}", read_s=perf_counter() - started)
    info = replace(info, width=picture.shape[1], height=picture.shape[0], camera=camera_of(data))
    warnings = (SEVERAL_PICTURES,) if holds_several(data) else ()
    return _Loaded(info, picture, read_s=perf_counter() - started, warnings=warnings)


def _inspect(batch: Batch, image: ImageFile, loaded: _Loaded, provenance: Provenance) -> Inspection:
    if loaded.picture is None:
        return not_measured(loaded.info, image.request, batch.config, provenance, loaded.problem)
    inspection = inspect_image(
        loaded.picture, loaded.info, image.request, batch.config, batch.calibration, provenance, batch.flat_field
    )
    warnings = (*loaded.warnings, *inspection.quality.warnings)
    return replace(inspection, quality=replace(inspection.quality, warnings=warnings))


def _write_results(batch: Batch, image: ImageFile, loaded: _Loaded, inspection: Inspection) -> Inspection:
    """Write all files of one image, the record last: where it lies, the others are complete."""
    started = perf_counter()
    start = str(batch.output_dir / image.name)
    with writing(Path(start + RESULT)), _all_or_none(start):
        write_defect_table(Path(start + TABLE), inspection)
        if loaded.picture is not None:
            write_annotated(Path(start + ANNOTATED), loaded.picture, inspection)
        if loaded.picture is not None and batch.plots:
            write_histogram(Path(start + HISTOGRAM), inspection)
        if loaded.picture is not None and was_measured(inspection):
            _write_on_request(start, loaded.picture, inspection, batch.config)
        times = {**inspection.timings_s, "read": loaded.read_s, "write": perf_counter() - started}
        inspection = replace(inspection, timings_s=times)
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


def _remove_results(start: str) -> None:
    """The record first, for it says that the others are complete; the table last: pictures beside it are drawn ones."""
    for end in (RESULT, *DRAWN, CELLS, AGREEMENT, TABLE):
        Path(start + end).unlink(missing_ok=True)


def _write_on_request(start: str, picture: Picture, inspection: Inspection, config: Config) -> None:
    wanted = config.reporting
    if wanted.agreement:
        write_agreement(Path(start + AGREEMENT), inspection, config)
    if wanted.cells:
        write_cells(Path(start + CELLS), inspection)
    if wanted.zone_images:
        for zone, cut in zone_images(picture, inspection).items():
            write_zone_image(Path(start + ZONE_IMAGES[zone]), cut)


def _log_outcome(image: ImageFile, inspection: Inspection) -> None:
    for warning in inspection.quality.warnings:
        logger.warning("%s: %s", printable(image.file), warning)
    level = logging.INFO if was_measured(inspection) else logging.ERROR
    words = (f"{image.file}: {inspection.verdict.status}", *inspection.verdict.reasons)
    logger.log(level, "%s", printable("; ".join(words)))
