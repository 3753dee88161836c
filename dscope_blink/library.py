"""The program as a library: a picture to its inspection, a folder to a table, a record read and judged again.

These are the names of `dscope_blink`, which imports this module when one of them is used. What they take and give are
the records of `dscope_blink.records`: frozen, with lengths in the unit at the end of the name (`length_um`, `area_px`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack

from dscope_blink.analysis.aggregation import aggregating
from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.batch import learning, regrading
from dscope_blink.batch.aggregating import Aggregating, check_apart, in_folder, run_aggregation
from dscope_blink.batch.analysis_run import run_analysis
from dscope_blink.batch.analyzing import Analyzing, with_maps
from dscope_blink.batch.face_results import FaceJob
from dscope_blink.batch.face_sources import face_of_files, find_faces, read_detections
from dscope_blink.batch.job import (
    Job,
    Loaded,
    hash_of_flat_field,
    hash_of_network,
    hash_of_reference,
    inspect_loaded,
    inspect_unwritten,
    load,
    provenance_of,
)
from dscope_blink.batch.reference_faces import see_loaded
from dscope_blink.batch.run import Batch, run_batch
from dscope_blink.calibration.scale_file import load_calibration
from dscope_blink.config import loading
from dscope_blink.config.settings import Config, ConfigFile
from dscope_blink.config.shipped import calibration_file, shipped
from dscope_blink.files.decoding import Picture
from dscope_blink.files.manifest import NUMBERS, Manifest, make_request
from dscope_blink.files.pictures import find_images
from dscope_blink.files.plan import ImageFile, plan_images
from dscope_blink.models import reference
from dscope_blink.models.reference import ReferenceModel, check_expiry
from dscope_blink.records import (
    ENGINES,
    VERSION,
    ZONE_NAMES,
    Aggregate,
    Anomaly,
    Calibration,
    CladdingFit,
    Comparison,
    ConfigError,
    CoreFit,
    Criteria,
    Defect,
    Detection,
    FiberGeometry,
    ImageInfo,
    Inspection,
    Notice,
    Request,
    Residual,
    Scale,
    Source,
    UserError,
    Verdict,
)
from dscope_blink.records import stored as records_stored
from dscope_blink.reporting.tables import SUMMARY_COLUMNS, frame, summary_row

if TYPE_CHECKING:
    import pandas as pd

__version__ = VERSION

__all__ = [
    "Aggregate",
    "Anomaly",
    "Calibration",
    "CladdingFit",
    "Comparison",
    "Config",
    "ConfigError",
    "ConfigFile",
    "CoreFit",
    "Criteria",
    "Defect",
    "FiberGeometry",
    "Inspection",
    "Notice",
    "ReferenceModel",
    "Request",
    "Residual",
    "Scale",
    "UserError",
    "Verdict",
    "__version__",
    "aggregate",
    "aggregate_folders",
    "analyze",
    "analyze_folder",
    "inspect",
    "inspect_folder",
    "judge",
    "learn",
    "load_config",
    "load_model",
    "load_record",
    "summary_table",
]

# What is logged goes where the importing program sends it, and is not printed where it sends it nowhere.
logging.getLogger("dscope").addHandler(logging.NullHandler())

FilePath: TypeAlias = str | os.PathLike[str]


class Asked(TypedDict, total=False):
    """What may be asked of a picture, as the command line has it; what is not given is as the configuration has it."""

    edition: str
    fiber_class: str
    core_diameter_um: float
    cladding_diameter_um: float
    pixel_aspect_ratio: float
    fiber_is_angled: bool
    fiber: str
    fiber_structure: str
    zones: tuple[str, ...]


def load_config(path: FilePath | None = None) -> ConfigFile:
    """Read and check a configuration.

    Parameters
    ----------
    path : str or path-like, optional
        A file as config.schema.json describes it; None: the one that ships with the program.

    Returns
    -------
    ConfigFile
        Its `profile(name)` is the Config of one profile, with one field for each section of the file.

    Raises
    ------
    ConfigError
        The file cannot be read or is wrong; `problems` has one line for each problem, with its place.
    """
    return loading.load_config(shipped("config.json") if path is None else Path(path))


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
    job = _job(config, profile, calibration, engine)
    request = _request(job.config, asked)
    loaded = _loaded(picture, name, job.config)
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
    _check_workers(workers)
    if workers and output_dir is None:
        raise UserError("workers need an output_dir: what they find comes back in files")
    job = _job(config, profile, calibration, engine)
    images = _images(Path(folder), output_dir, recursive, _request(job.config, asked))
    if output_dir is None:
        return (_inspected(job, image) for image in images)
    batch = Batch(replace(job, output_dir=Path(output_dir)), images, workers=workers)
    return (done.inspection for done in run_batch(batch))


def aggregate(
    sources: Iterable[Inspection | FilePath],
    *,
    name: str = "face",
    config: ConfigFile | Config | None = None,
    profile: str | None = None,
) -> Aggregate:
    """Bring several detections of one face together; no file is written.

    Parameters
    ----------
    sources : iterable of Inspection or path
        What has seen the face: inspections, stored results (NAME_result.json), and reports of other programs
        (NAME_report.json). Their order does not matter. At least one is an inspection or a stored result.
    name : str
        What the face is called.
    config : ConfigFile or Config, optional
        With the section `aggregation`; None: the one that ships.
    profile : str, optional
        A profile of the file; None: its default.

    Returns
    -------
    Aggregate
        With `inspection`, the record that everything here works on; `marks`, each with its members; `scores`, who found
        what and who decides; `log`, what was wrong with a source, which then is none.

    Raises
    ------
    UserError
        No source can be used, or none of those that can is a record of this program.
    """
    settings, given = _settings(config, profile), list(sources)
    paths = [Path(source) for source in given if not isinstance(source, Inspection)]
    face, refused = face_of_files(name, paths)
    found, read = read_detections(face, settings)
    log = (*refused, *read)
    detections = (*found, *_own([one for one in given if isinstance(one, Inspection)], found))
    if not any(one.inspection is not None for one in detections):
        why = [f"{line.file}: {line.problem}" for line in log] or ["at least one source must be a record"]
        raise UserError("\n".join(why))
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    return aggregating.aggregate(name, detections, settings, started, log)


def _own(inspections: Sequence[Inspection], others: Sequence[Detection]) -> Iterator[Detection]:
    """Each inspection as a source under a key of its own: its profile, and a number where that is taken."""
    taken = {one.source.key for one in others}
    for one in sorted(inspections, key=lambda one: (one.provenance.profile, one.moment, _hash_of(one))):
        profile = one.provenance.profile
        keys = (profile, *(f"{profile} {number}" for number in range(2, len(taken) + 3)))
        key = next(key for key in keys if key not in taken)
        taken.add(key)
        source = Source(
            key=key,
            kind="record",
            file=one.image.file,
            sha256=_hash_of(one),
            detector=profile,
            timestamp=one.moment,
            picture=one.image.file,
            picture_sha256=one.image.sha256,
            status=one.verdict.status,
        )
        yield detection_of(one, source)


def _hash_of(inspection: Inspection) -> str:
    """That of its record, without what the clock decides."""
    record = records_stored.to_json(replace(inspection, timings_s={}))
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def aggregate_folders(
    *folders: FilePath,
    output_dir: FilePath,
    input_dir: FilePath | None = None,
    image: str | None = None,
    resume: bool = False,
    workers: int = 0,
    config: ConfigFile | Config | None = None,
    profile: str | None = None,
    calibration: FilePath | Calibration | None = None,
    **asked: Unpack[Asked],
) -> Iterator[Inspection]:
    """Bring the detections of many faces together, one face after the other as the iterator is read.

    Parameters
    ----------
    *folders : path
        Of stored results and of reports of other programs, subfolders included.
    output_dir : path
        Where all files are written that `dscope-blink aggregate` writes; it lies in no folder of sources.
    input_dir : path, optional
        Folder of the pictures: they are drawn, and inspected where only other programs have reported on them.
    image : str, optional
        The one face or picture that is meant; None: all.
    resume : bool
        Whether what an earlier run has finished is kept.
    workers : int
        As `inspect_folder` has it.
    config, profile, calibration, **asked
        As `inspect` has them: of the pictures that are inspected.

    Returns
    -------
    iterator of Inspection
        The record of each face.

    Raises
    ------
    UserError
        As `inspect` does; there is no such folder, nothing in it, or the folders lie in each other.
    WriteFailed
        A result cannot be written.
    ReportsNotWritten
        At the end, a `UserError`: a report of all faces failed, all else is there.
    """
    _check_workers(workers)
    places, out = [_folder(folder) for folder in folders], Path(output_dir).absolute()
    check_apart(places, out)
    job = replace(_job(config, profile, calibration), output_dir=out)
    found = find_faces(places, image, job.config)
    if not found.faces:
        raise UserError(f"image {image}: no source has seen such a face")
    pictures = None if input_dir is None else _folder(input_dir)
    wanted = FaceJob(job, _request(job.config, asked), pictures)
    run = Aggregating(wanted, in_folder(found.faces, out), found.log, workers=workers, resume=resume)
    return (done.inspection for done in run_aggregation(run))


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
    _check_workers(workers)
    path, job = Path(output).absolute(), _job(config, profile, calibration)
    if path.suffix != learning.ENDING or path.is_dir():
        raise UserError(f"output {output}: must be a file that ends in {learning.ENDING}")
    old = None if update is None else load_model(update)
    images = _images(Path(folder), path.parent, recursive, _request(job.config, asked))
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
    run = Analyzing(_job(_compared_with(model, config, profile), None, calibration), ())
    settings = run.job.config
    seen = see_loaded(run.job, _request(settings, asked), _loaded(picture, name, settings), run.radius_px)
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
    _check_workers(workers)
    job = replace(_job(_compared_with(model, config, profile), None, calibration), output_dir=Path(output_dir))
    images = _images(Path(folder), output_dir, recursive, _request(job.config, asked))
    run = Analyzing(job, images, workers=workers, resume=resume)
    return (done.inspection for done in run_analysis(run))


def _compared_with(model: FilePath | None, config: ConfigFile | Config | None, profile: str | None) -> Config:
    settings = _settings(config, profile)
    if model is None:
        return settings
    return replace(settings, reference=replace(settings.reference, model=Path(model).absolute()))


def _check_workers(workers: int) -> None:
    if not isinstance(workers, int) or workers < 0:
        raise UserError(f"workers must be a whole number, at least 0, got {workers!r}")


def _folder(given: FilePath) -> Path:
    folder = Path(given).absolute()
    if not folder.is_dir():
        raise UserError(f"{given}: {'not a folder' if folder.exists() else 'no such folder'}")
    return folder


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


def load_record(path: FilePath) -> Inspection:
    """Read a stored result.

    Parameters
    ----------
    path : path
        NAME_result.json, as result.schema.json describes it.

    Returns
    -------
    Inspection
        As it was written.

    Raises
    ------
    UserError
        The file cannot be read or is no record; the message says where it is wrong.
    """
    try:
        return records_stored.load_record(Path(path))
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


# --- what is asked


def _job(
    config: ConfigFile | Config | None,
    profile: str | None,
    calibration: FilePath | Calibration | None,
    engine: str | None = None,
) -> Job:
    settings = _settings(config, profile)
    if engine is not None and engine not in ENGINES:
        raise UserError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    settings = settings if engine is None else settings.with_engine(engine)
    hashes = hash_of_flat_field(settings), hash_of_reference(settings), hash_of_network(settings)
    return Job(Path(), settings, _calibration(calibration, settings), *hashes)


def _settings(config: ConfigFile | Config | None, profile: str | None) -> Config:
    if isinstance(config, Config):
        if profile not in (None, config.profile):
            raise UserError(f"the settings are those of profile {config.profile}, got {profile}")
        return config
    file = load_config() if config is None else config
    return file.profile(profile or file.default_profile)


def _calibration(given: FilePath | Calibration | None, config: Config) -> Calibration | None:
    if isinstance(given, Calibration):
        return given
    path = calibration_file() if given is None else Path(given)
    return load_calibration(path, datetime.now().astimezone().date(), config.calibration)


def _request(config: Config, asked: Asked) -> Request:
    criteria, given = config.criteria, dict[str, Any](asked)
    for name, value in given.items():
        _check_kind(name, value)
    if "zones" in given:
        given["zones"] = _zones(given["zones"])
    defaults = Request(criteria.default_edition, criteria.default_class)
    return make_request(defaults, given, criteria, config.fiber_structures)


def _check_kind(name: str, value: object) -> None:
    """What is asked goes into the record as it is given, and must come back from it."""
    if name not in KINDS:
        raise UserError(f"{name} is nothing that can be asked, that are {', '.join(KINDS)}")
    kind, in_words, optional = KINDS[name]
    is_odd = isinstance(value, bool | str) and kind not in (bool, str)  # True is the number 1, a text has letters
    if is_odd or not (isinstance(value, kind) or (optional and value is None)):
        raise UserError(f"{name} must be {in_words}, got {value!r}")


KINDS: Mapping[str, tuple[type, str, bool]] = MappingProxyType(
    {
        **dict.fromkeys(("edition", "fiber_class", "fiber"), (str, "a text", False)),
        **dict.fromkeys(NUMBERS, (Real, "a number", True)),
        "fiber_is_angled": (bool, "True or False", True),
        "fiber_structure": (str, "a text", True),
        "zones": (Collection, "a list of names", False),
    }
)


def _zones(names: Collection[str]) -> tuple[str, ...]:
    asked, there = list(names), tuple(ZONE_NAMES.values())
    if not asked or any(name not in there for name in asked):
        raise UserError(f"zones must be some of {', '.join(there)}, got {', '.join(map(str, asked)) or 'none'}")
    return tuple(zone for zone in there if zone in asked)


# --- pictures


def _loaded(picture: Picture | FilePath, name: str, config: Config) -> Loaded:
    if isinstance(picture, str | os.PathLike):
        path = Path(picture)
        if not path.is_file():
            raise UserError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
        return load(path, path.name, config)
    _check_array(picture)
    if not isinstance(name, str):
        raise UserError(f"name must be a text, got {name!r}")
    return Loaded(ImageInfo(name, width=picture.shape[1], height=picture.shape[0]), picture)


def _check_array(picture: Picture) -> None:
    shape, dtype = getattr(picture, "shape", None), getattr(picture, "dtype", None)
    if shape is None or dtype is None:
        raise ValueError(f"picture must be an array or a path, got {type(picture).__name__}")
    if dtype not in ("uint8", "uint16"):
        raise ValueError(f"picture must be of uint8 or uint16, got {dtype}")
    if 0 in shape or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        raise ValueError(f"picture must be of shape (H, W) or (H, W, 3), got {shape}")


def _images(folder: Path, output_dir: FilePath | None, recursive: bool, request: Request) -> tuple[ImageFile, ...]:
    if not folder.is_dir():
        raise UserError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    results = Path(os.devnull) if output_dir is None else Path(output_dir)
    found = find_images(folder, recursive, results)
    if not found.files:
        raise UserError(f"{folder}: no picture in it")
    return plan_images(found, results, Manifest(), request)


def _inspected(job: Job, image: ImageFile) -> Inspection:
    _, inspection = inspect_unwritten(job, image)
    return replace(inspection, confidence=None)
