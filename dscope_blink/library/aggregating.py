"""Several detections of one face to one record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Unpack

from dscope_blink.analysis.aggregation import aggregating
from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.batch.aggregating import Aggregating, check_apart, in_folder, run_aggregation
from dscope_blink.batch.face_results import FaceJob
from dscope_blink.batch.face_sources import face_of_files, find_faces, read_detections
from dscope_blink.config.settings import Config, ConfigFile
from dscope_blink.library.given import Asked, FilePath, check_workers, folder_of, job_of, request_of, settings_of
from dscope_blink.records import Aggregate, Calibration, Detection, Inspection, Source, UserError
from dscope_blink.records import stored as records_stored


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
    settings, given = settings_of(config, profile), list(sources)
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
    check_workers(workers)
    places, out = [folder_of(folder) for folder in folders], Path(output_dir).absolute()
    check_apart(places, out)
    job = replace(job_of(config, profile, calibration), output_dir=out)
    found = find_faces(places, image, job.config)
    if not found.faces:
        raise UserError(f"image {image}: no source has seen such a face")
    pictures = None if input_dir is None else folder_of(input_dir)
    wanted = FaceJob(job, request_of(job.config, asked), pictures)
    run = Aggregating(wanted, in_folder(found.faces, out), found.log, workers=workers, resume=resume)
    return (done.inspection for done in run_aggregation(run))
