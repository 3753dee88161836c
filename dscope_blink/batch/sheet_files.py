"""One picture of a sheet from its file to its results on disk, and to the folder that it belongs into."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dscope_blink.batch.job import HASHING_S, Loaded, load
from dscope_blink.batch.whole_results import is_whole, sha256_of
from dscope_blink.config.gate_settings import GateSettings
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import to_gray
from dscope_blink.files.names import GATE, GATE_PICTURE
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.routing import route, withdraw
from dscope_blink.files.whole_files import WriteFailed, remove_files, together, write_file, writing
from dscope_blink.gates.finders import marker_finder
from dscope_blink.gates.searching import MarkerFinder
from dscope_blink.gates.sheets import follows_from_markers, judge_sheet, unreadable
from dscope_blink.records import PROGRAM, VERSION, ImageInfo, Layout, SheetResult, UserError, printable
from dscope_blink.records.stored_gates import BadSheetResult, load_sheet, sheet_bytes
from dscope_blink.reporting.picture_files import write_sheet_picture

logger = logging.getLogger("dscope.image")

MADE_BY = f"{PROGRAM} {VERSION}"


@dataclass(frozen=True, slots=True)
class SheetJob:
    """What is asked of every picture of a run; it travels to other processes with each of them."""

    output_dir: Path
    config: Config
    layouts: tuple[Layout, ...]
    finder_inputs: tuple[tuple[str, str], ...]  # what the finder was made from when the run began

    @property
    def finder(self) -> MarkerFinder:
        """The finder that the configuration names, loaded once in a process.

        UserError where it is a network that cannot be used, or is not that with which the run began.
        """
        return _finder(_Asked(self.config.folder, self.config.sha256, self.finder_inputs, self.config.gates))

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """What each result is made from."""
        layouts = ((f"layout {one.name}", one.sha256) for one in self.layouts)
        return (("config", self.config.sha256), *self.finder_inputs, *layouts)


@dataclass(frozen=True, slots=True)
class _Asked:
    folder: Path
    config_sha256: str
    inputs: tuple[tuple[str, str], ...]
    gates: GateSettings = field(hash=False)


@lru_cache(maxsize=1)
def _finder(asked: _Asked) -> MarkerFinder:
    finder = marker_finder(asked.gates, asked.folder)
    if finder.inputs != asked.inputs:
        raise UserError(f"the finder {finder.name} was changed after the run began")
    return finder


def judge_file(job: SheetJob, image: ImageFile) -> SheetResult:
    """One picture; whatever goes wrong with it, there is a result of it, which is NG then.

    Raises
    ------
    WriteFailed : a result cannot be written
    """
    loaded, result = judge_unwritten(job, image)
    try:
        _write(job, image, loaded, result)
    except WriteFailed:
        raise
    except Exception as error:
        logger.error("%s: internal error", printable(image.file), exc_info=error)
        result = _failed(job, image.file, result.sha256, f"internal error: {type(error).__name__}: {error}")
        _write(job, image, Loaded(loaded.info), result)
    _log(result)
    return result


def judge_unwritten(job: SheetJob, image: ImageFile) -> tuple[Loaded, SheetResult]:
    """A picture and the verdict on it; an internal error is the reason of an NG."""
    loaded = load(image.path, image.file, job.config)
    sha256 = loaded.info.sha256
    if loaded.picture is None:
        reason = "nothing is known of it" if loaded.problem is None else loaded.problem.text
        return loaded, _failed(job, image.file, sha256, reason)
    settings = job.config.gates
    try:
        result = judge_sheet(eight_bits(loaded), image.file, sha256, job.finder, job.layouts, settings)
    except UserError as error:  # of its finder, such as a network that gives NaN for this one
        return loaded, _failed(job, image.file, sha256, str(error))
    except Exception as error:
        logger.error("%s: internal error", printable(image.file), exc_info=error)
        return loaded, _failed(job, image.file, sha256, f"internal error: {type(error).__name__}: {error}")
    return loaded, replace(result, inputs=job.inputs)


def eight_bits(loaded: Loaded) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) uint8 of a picture that was read; of more bits its grey levels."""
    assert loaded.picture is not None, "it was read"
    picture = loaded.picture
    if picture.dtype != np.uint8:
        return np.rint(to_gray(picture, loaded.info.bits) * 255).astype(np.uint8)
    if picture.ndim == 3 and picture.shape[2] != 3:
        picture = picture[..., :3] if picture.shape[2] > 3 else picture[..., 0]
    return np.ascontiguousarray(picture, dtype=np.uint8)


def fail_file(job: SheetJob, image: ImageFile, reason: str) -> SheetResult:
    """Write the result of a picture that could not be judged: NG for the reason.

    Raises
    ------
    WriteFailed : it cannot be written
    """
    info = ImageInfo(image.file)
    with suppress(OSError):
        info = replace(info, sha256=sha256_of(image.path, HASHING_S))
    result = _failed(job, image.file, info.sha256, reason)
    _write(job, image, Loaded(info), result)
    _log(result)
    return result


def _failed(job: SheetJob, file: str, sha256: str | None, reason: str) -> SheetResult:
    return replace(unreadable(file, sha256, reason, job.config.gates.finder), inputs=job.inputs)


def _write(job: SheetJob, image: ImageFile, loaded: Loaded, result: SheetResult) -> None:
    """The picture, then its place, and the record last: where it lies, all else is done."""
    start, reporting = str(job.output_dir / image.name), job.config.reporting
    remove_results(start)
    with writing(Path(start + GATE)):
        with together() as files:
            if loaded.picture is not None:
                path = Path(start + GATE_PICTURE[reporting.annotated_format])
                write_sheet_picture(path, loaded.picture, result, reporting)
        place_picture(job, image, result)
        write_file(Path(start + GATE), sheet_bytes(replace(result, outputs=files.outputs), MADE_BY))


def remove_results(start: str) -> None:
    """Remove the results of an earlier run, the record first; WriteFailed where that cannot be."""
    with writing(Path(start + GATE)):
        remove_files(Path(start + GATE), [Path(start + ending) for ending in GATE_PICTURE.values()])


def place_picture(job: SheetJob, image: ImageFile, result: SheetResult) -> None:
    """Into the folder of its status, if that is asked for; what cannot be read is NG.

    Raises
    ------
    WriteFailed : it cannot be written there
    """
    rules = job.config.gates.routing
    if rules.mode == "off" or result.sha256 is None:
        return
    folders = {"OK": rules.good_folder, "NG": rules.no_good_folder}
    for status, folder in folders.items():
        if status != result.status and withdraw(job.output_dir / folder / image.file, result.sha256, image.path):
            logger.warning("%s: judged otherwise before; its copy in %s is removed", printable(image.file), folder)
    target = job.output_dir / folders[result.status] / image.file
    # one that cannot be read may still be under way: whoever writes it must find it
    placed = route(image.path, target, result.sha256, rules.mode == "move" and "readable" not in result.failed)
    if placed is None:
        logger.error("%s: changed since it was judged, so it stays where it is", printable(image.file))
    elif placed != target:
        logger.warning("%s: another picture has its name, so it is %s", printable(image.file), placed.name)


def _log(result: SheetResult) -> None:
    why = [f"{gate.gate}: {text}" for gate in result.gates for text in gate.reasons]
    level = logging.ERROR if "readable" in result.failed else logging.INFO
    logger.log(level, "%s", printable("; ".join((f"{result.file}: {result.status}", *why))))


def finished_before(job: SheetJob, image: ImageFile) -> SheetResult | None:
    """What an earlier run made of the same bytes by the same program, settings and layouts; None: it did not."""
    start = str(job.output_dir / image.name)
    try:
        stored, program = load_sheet(Path(start + GATE))
        same_bytes = stored.sha256 is not None and sha256_of(image.path) == stored.sha256
    except (BadSheetResult, OSError):
        return None
    made_from = (stored.file, stored.finder, stored.inputs, program)
    is_same = made_from == (image.file, job.config.gates.finder, job.inputs, MADE_BY)
    ending = GATE_PICTURE[job.config.reporting.annotated_format]
    was_read = all(gate.ok for gate in stored.gates if gate.gate == "readable")
    if not (same_bytes and is_same and was_read and is_whole(start, (ending,), stored.outputs, image.file)):
        return None
    if not follows_from_markers(stored, job.layouts, job.config.gates):
        logger.warning("%s: its result was changed since, so it is judged again", printable(image.file))
        return None
    return stored
