"""Pictures to their records and tables, and stored records read and judged again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dscope_blink.analysis.rejudging import load_trusted
from dscope_blink.batch import regrading
from dscope_blink.batch.job import Job, inspect_loaded, inspect_unwritten, provenance_of
from dscope_blink.batch.run import Batch, run_batch
from dscope_blink.config.settings import Config, ConfigFile
from dscope_blink.files.decoding import Picture
from dscope_blink.files.plan import ImageFile
from dscope_blink.library.given import (
    Asked,
    FilePath,
    check_workers,
    images_of,
    job_of,
    load_config,
    picture_of,
    request_of,
)
from dscope_blink.records import Calibration, Inspection, UserError
from dscope_blink.records import stored as records_stored
from dscope_blink.reporting.tables import SUMMARY_COLUMNS, frame, summary_row

if TYPE_CHECKING:
    import pandas as pd


def inspect(
    picture: Picture | FilePath,
    *,
    config: ConfigFile | Config | None = None,
    profile: str | None = None,
    calibration: FilePath | Calibration | None = None,
    engine: str | None = None,
    name: str = "picture",
    **asked: Unpack[Asked],
) -> Inspection:
    """Inspect one picture of a fiber end face; no file is written.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) ndarray of uint8 or uint16, or a path
        Grey levels, or colours in the order blue, green, red, as OpenCV gives them; or a PNG, JPEG, TIFF or BMP file,
        which is waited for as long as it is still being written.
    config : ConfigFile or Config, optional
        Settings as `load_config` gives them, or those of one profile; None: those that ship with the program.
    profile : str, optional
        A profile of the file; None: its default.
    calibration : path or Calibration, optional
        The scale where the cladding diameter is not given; None: the calibration.json of this station.
    engine : str, optional
        What looks for marks, "classical", "both" or "dl"; None: `learned.engine` of the settings.
    name : str
        Names an array in its record; a file has its own name.
    **asked
        `edition` and `fiber_class` of the limits; `core_diameter_um` and `cladding_diameter_um`, known diameters in
        micrometres, of which the latter gives the scale; `pixel_aspect_ratio`, um/px along x over that along y;
        `fiber_is_angled`; `fiber`, "middle" where of several in view the whole one nearest to the middle is meant;
        `fiber_structure`, name of the description of what the fiber has beside its core; `zones`, names of those to
        inspect. What is not given is as the configuration has it.

    Returns
    -------
    Inspection
        With `verdict`, `defects`, `geometry`, `scale` and all that NAME_result.json holds. A picture that cannot be
        decoded, has no fiber, is out of focus or has no scale is NOT_GRADED, and the verdict has the reason.

    Raises
    ------
    UserError
        There is no such file, profile, engine, edition, class or zone, a diameter is not plausible, a calibration or a
        learned model is refused.
    ConfigError
        The configuration that ships is wrong.
    ValueError
        The array is none of a picture.
    """
    job = job_of(config, profile, calibration, engine)
    request = request_of(job.config, asked)
    loaded = picture_of(picture, name, job.config)
    return replace(inspect_loaded(job, request, loaded, provenance_of(job)), confidence=None)


def inspect_folder(
    folder: FilePath,
    *,
    output_dir: FilePath | None = None,
    recursive: bool = False,
    workers: int = 0,
    config: ConfigFile | Config | None = None,
    profile: str | None = None,
    calibration: FilePath | Calibration | None = None,
    engine: str | None = None,
    **asked: Unpack[Asked],
) -> Iterator[Inspection]:
    """Inspect the pictures of a folder, one after the other as the iterator is read.

    Parameters
    ----------
    folder : path
        Its PNG, JPEG, TIFF and BMP files, in the order a person counts.
    output_dir : path, optional
        Where all files are written that `dscope-blink inspect` writes; None: nothing is written.
    recursive : bool
        Whether its subfolders are looked into as well.
    workers : int
        Processes of this machine, where results are written; pictures then come in the order in which they finish.
        A script that asks for them does so under `if __name__ == "__main__"`. 0: this process alone.
    config, profile, calibration, engine, **asked
        As `inspect` has them.

    Returns
    -------
    iterator of Inspection
        `image.file` is relative to the folder. One that cannot be measured is NOT_GRADED with the reason.

    Raises
    ------
    UserError
        As `inspect` does; there is no such folder or no picture in it; workers without a folder for their results.
    WriteFailed
        A result cannot be written.
    ReportsNotWritten
        At the end, a `UserError`: a report of the whole folder failed, all else is there.
    """
    check_workers(workers)
    if workers and output_dir is None:
        raise UserError("workers need an output_dir: what they find comes back in files")
    job = job_of(config, profile, calibration, engine)
    images = images_of(Path(folder), output_dir, recursive, request_of(job.config, asked))
    if output_dir is None:
        return (_inspected(job, image) for image in images)
    batch = Batch(replace(job, output_dir=Path(output_dir)), images, workers=workers)
    return (done.inspection for done in run_batch(batch))


def summary_table(inspections: Iterable[Inspection]) -> pd.DataFrame:
    """The table that summary_report.csv holds.

    Parameters
    ----------
    inspections : iterable of Inspection
        As `inspect`, `inspect_folder`, `load_record` and `judge` give them.

    Returns
    -------
    pandas.DataFrame
        One row for each, in their order; the columns and their units are those of docs/outputs.md. Without rows it has
        the same columns and types.
    """
    rows = [summary_row(inspection) for inspection in inspections]
    types = {column.name: column.dtype for column in SUMMARY_COLUMNS}
    carried = {name: "object" for row in rows for name in row if name not in types}
    return frame(rows, types | carried)


def load_record(path: FilePath, config: ConfigFile | None = None) -> Inspection:
    """Read a stored result, and judge it again by what it holds.

    Parameters
    ----------
    path : path
        NAME_result.json, as result.schema.json describes it.
    config : ConfigFile, optional
        The one that it was made with; None: the one that ships.

    Returns
    -------
    Inspection
        As it was written. Where its verdict does not follow from it, or it was changed since, NOT_GRADED for the reason
        `record_altered`, without marks and sizes.

    Raises
    ------
    UserError
        The file cannot be read or is no record; the message says where it is wrong.
    """
    try:
        return load_trusted(Path(path), load_config() if config is None else config)
    except records_stored.BadRecord as error:
        raise UserError(f"{path}: {error}") from None


def judge(
    inspection: Inspection,
    *,
    edition: str | None = None,
    fiber_class: str | None = None,
    config: ConfigFile | None = None,
) -> Inspection:
    """Judge an inspection again by other criteria, without its picture.

    Parameters
    ----------
    inspection : Inspection
        As `inspect` or `load_record` gives it.
    edition, fiber_class : str, optional
        Whose limits apply; None: those of the inspection.
    config : ConfigFile, optional
        With the limits; None: the one that ships. Without any of the three the limits are those the inspection holds.

    Returns
    -------
    Inspection
        With zones, marks and verdict as the other limits have them. What was NOT_GRADED stays so, for its reason.

    Raises
    ------
    UserError
        There is no such edition or class.
    ValueError
        The values of the inspection are right one by one, and no face can have them together.
    """
    settings = load_config() if config is None else config
    wanted = regrading.Asked(edition, fiber_class, own=edition is None and fiber_class is None and config is None)
    wanted.check(settings.profile(settings.default_profile).criteria)
    return regrading.judge_again(inspection, wanted, settings)


def _inspected(job: Job, image: ImageFile) -> Inspection:
    _, inspection = inspect_unwritten(job, image)
    return replace(inspection, confidence=None)
