"""One face from its sources to its results on disk, whatever goes wrong with it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from time import perf_counter

from dscope_blink.analysis.aggregation.aggregating import PROFILE, aggregate
from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.batch.aggregate_reports import FaceFacts, aggregate_ends, facts_of, write_aggregate_reports
from dscope_blink.batch.face_sources import Face, read_detections
from dscope_blink.batch.job import (
    OWN_FAULTS,
    Job,
    Loaded,
    all_or_none,
    inspect_loaded,
    load,
    provenance_of,
    sha256_of,
)
from dscope_blink.batch.picture_reports import ends_of, write_reports
from dscope_blink.batch.shot_pictures import alike_pictures
from dscope_blink.batch.whole_run import Done
from dscope_blink.files.decoding import Picture
from dscope_blink.files.manifest import Manifest, file_key
from dscope_blink.files.names import AGGREGATE, CONFIDENCE, RESULT
from dscope_blink.files.pictures import SUFFIXES
from dscope_blink.files.whole_files import WriteFailed, writing
from dscope_blink.pipeline import not_measured
from dscope_blink.records import (
    Aggregate,
    Detection,
    ImageInfo,
    Inspection,
    LogLine,
    Notice,
    Provenance,
    Request,
    Source,
    notice,
    printable,
    rounded,
    texts,
)
from dscope_blink.reporting.aggregate_json import known_uids
from dscope_blink.reporting.picture_files import write_result
from dscope_blink.reporting.tables import summary_row

logger = logging.getLogger("dscope.aggregating")


@dataclass(frozen=True, slots=True)
class FaceJob:
    """What is asked of every face of a run; small, since it travels to other processes with each of them."""

    job: Job  # of the pictures that no record of this program is of, and where the results go
    request: Request  # of those
    pictures: Path | None = None  # folder that the names of pictures in sources are relative to
    manifest: Manifest = field(default_factory=Manifest)

    def start_of(self, face: Face) -> str:
        """The path of the results of a face up to the end of NAME."""
        return str(self.job.output_dir / face.name)

    def asked_of(self, file: str) -> Request:
        """What is asked of a picture that is inspected here."""
        return self.manifest.requests.get(file_key(file), self.request)


@dataclass(frozen=True, slots=True)
class FaceDone(Done):
    """One face whose results are on disk."""

    facts: FaceFacts = field(default_factory=FaceFacts)


@dataclass(frozen=True, slots=True)
class _Made:
    """One face brought together, not yet written."""

    inspection: Inspection
    aggregate: Aggregate | None = None  # None: nothing could be brought together
    picture: Picture | None = None
    log: tuple[LogLine, ...] = ()

    @property
    def facts(self) -> FaceFacts:
        facts = FaceFacts() if self.aggregate is None else facts_of(self.aggregate)
        return replace(facts, log=tuple(dict.fromkeys((*facts.log, *self.log))))


def aggregate_face(job: FaceJob, face: Face) -> FaceDone:
    """Bring one face together and write its results, the record last; there is a record of it whatever goes wrong.

    Raises
    ------
    WriteFailed : a result cannot be written
    """
    logger.info("Aggregating %s...", printable(face.name))
    started = perf_counter()
    try:
        made = _made(job, face)
    except Exception as error:
        made = _failed(job, face, error)
    took_s = perf_counter() - started
    try:
        return _written(job, face, made, took_s)
    except WriteFailed:
        raise
    except Exception as error:
        return _written(job, face, _failed(job, face, error), took_s)


def fail_face(job: FaceJob, face: Face, reason: Notice) -> FaceDone:
    """Write the results of a face that could not be brought together: NOT_GRADED for the reason given.

    Raises
    ------
    WriteFailed : a result cannot be written
    """
    return _written(job, face, _not_graded(job, face, reason), 0.0)


def _failed(job: FaceJob, face: Face, error: Exception) -> _Made:
    logger.error("%s: internal error", printable(face.name), exc_info=error)
    return _not_graded(job, face, notice("internal_error", f"{type(error).__name__}: {error}"))


def _not_graded(job: FaceJob, face: Face, reason: Notice, log: Iterable[LogLine] = ()) -> _Made:
    refused = not_measured(ImageInfo(face.name), job.request, job.job.config, _provenance(job, face), reason)
    return _Made(refused, log=(*log, LogLine(face.name, reason.text, "error")))


def _made(job: FaceJob, face: Face) -> _Made:
    detections, log = read_detections(face, job.job.config)
    if not detections:
        count = len(face.sources)
        what = "its one source cannot be used" if count == 1 else f"none of its {count} sources can be used"
        return _not_graded(job, face, notice("no_source", what), log)
    base, loaded = None, None
    if not any(one.inspection for one in detections):
        base, loaded = _looked_at(job, detections)
        if loaded is not None:
            detections, base = (*detections, _seen_here(job, base, detections)), None
    made, most_pixels = _provenance(job, face), job.job.config.preprocessing.max_pixels
    known, lost = known_uids(Path(job.start_of(face) + AGGREGATE))
    alike = alike_pictures(face, detections, job.pictures, most_pixels)
    log = (*log, *lost)
    done = aggregate(face.name, detections, job.job.config, made.started, log, known=known, base=base, alike=alike)
    own = {name: made.inputs[name] for name in (SOURCES, SETTINGS)}
    seen = {} if loaded is None or loaded.info.sha256 is None else {PICTURE: loaded.info.sha256}
    inputs = {**done.inspection.provenance.inputs, **own, **seen}
    provenance = replace(done.inspection.provenance, program=made.program, inputs=inputs)
    done = replace(done, inspection=replace(done.inspection, provenance=provenance))
    picture, lines = (loaded.picture, ()) if loaded else _picture_of(job, done.inspection.image)
    return _Made(done.inspection, done, picture, lines)


SOURCES, SETTINGS, PICTURE = "sources", "profile", "picture"  # of the inputs of an aggregate
CANNOT_DRAW = "nothing is drawn on it"


def _provenance(job: FaceJob, face: Face) -> Provenance:
    """What the results of a face that are begun now are made from."""
    made = provenance_of(job.job)
    settings = hashlib.sha256(made.profile.encode()).hexdigest()
    return replace(made, profile=PROFILE, inputs={**made.inputs, SETTINGS: settings, SOURCES: _hash_of(face)})


def _hash_of(face: Face) -> str:
    """That of all files that are sources of a face, of the broken ones too."""
    files = ((source.file, path) for source in face.sources for path in source.files)
    lines = (f"{file} {path.name} {_hash_or_nothing(path)}\n" for file, path in files)
    return hashlib.sha256("".join(sorted(lines)).encode("utf-8", "backslashreplace")).hexdigest()


def _hash_or_nothing(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except OSError:
        return None


# --- the picture


def _place_of(job: FaceJob, file: str) -> Path | None:
    """Where a picture lies that a source names, in the folder of the pictures: by its path there, else by its name."""
    named = PurePosixPath(file.replace("\\", "/"))
    if job.pictures is None or not named.name:
        return None
    inside = [] if named.is_absolute() or ".." in named.parts else [job.pictures / named]
    with suppress(OSError, ValueError):  # a name that is too long, or holds what no name may
        return next((path for path in _tried((*inside, job.pictures / named.name)) if path.is_file()), None)
    return None


def _tried(paths: Sequence[Path]) -> Iterator[Path]:
    """Each, and where nobody says what kind of picture it is, with the endings that a picture has."""
    for path in paths:
        yield path
        if path.suffix.lower() not in SUFFIXES:
            yield from (path.with_name(path.name + suffix) for suffix in sorted(SUFFIXES))


def _picture_of(job: FaceJob, image: ImageInfo) -> tuple[Picture | None, tuple[LogLine, ...]]:
    """The picture that a record is of, where it is at hand and the very same; else why there is none."""
    if job.pictures is None:
        return None, ()
    path = _place_of(job, image.file)
    if path is None:
        return None, (LogLine(image.file, f"not in the folder of the pictures: {CANNOT_DRAW}", "warning"),)
    loaded = load(path, image.file, job.job.config)
    if image.sha256 is None or loaded.info.sha256 != image.sha256:
        what = f"another picture than the one that was inspected, by its sha256: {CANNOT_DRAW}"
        return None, (LogLine(image.file, what, "warning"),)
    if loaded.problem is not None:
        return None, (LogLine(image.file, f"{loaded.problem.text}: {CANNOT_DRAW}", "warning"),)
    return loaded.picture, ()


def _looked_at(job: FaceJob, detections: Sequence[Detection]) -> tuple[Inspection, Loaded | None]:
    """The picture that only other programs have reported on, inspected where it is at hand, else not graded."""
    file = next((one.source.picture for one in detections if one.source.picture), detections[0].source.file)
    path, provenance = _place_of(job, file), provenance_of(job.job)
    if path is None:
        size = next((one.size_px for one in detections if one.size_px is not None), (None, None))
        sha256 = next((one.source.picture_sha256 for one in detections if one.source.picture_sha256), None)
        info = ImageInfo(file, sha256, *size)
        reason = notice("no_geometry", "only reports of other programs, and no picture to locate the fiber in")
        return not_measured(info, job.asked_of(file), job.job.config, provenance, reason), None
    loaded = load(path, file, job.job.config)
    return replace(inspect_loaded(job.job, job.asked_of(file), loaded, provenance), confidence=None), loaded


def _seen_here(job: FaceJob, inspection: Inspection, others: Sequence[Detection]) -> Detection:
    """What this program finds is one more source, under a key of its own."""
    profile, image = job.job.config.profile, inspection.image
    taken = {one.source.key for one in others}
    key = profile if profile not in taken else f"{profile} (this program)"
    source = Source(
        key=key,
        kind="record",
        file=image.file,
        sha256=image.sha256 or "",
        detector=profile,
        timestamp=inspection.provenance.started,
        picture=image.file,
        picture_sha256=image.sha256,
        status=inspection.verdict.status,
    )
    return detection_of(inspection, source)


# --- its files


def _written(job: FaceJob, face: Face, made: _Made, took_s: float) -> FaceDone:
    """Write all files of one face, the record last: where it lies, the others are complete."""
    started, start, config = perf_counter(), job.start_of(face), job.job.config
    with writing(Path(start + RESULT)), all_or_none(start):
        inspection = write_reports(start, made.picture, made.inspection, config)
        if made.aggregate is not None:
            inspection = write_aggregate_reports(start, made.aggregate, made.picture, inspection, config)
        times = {"total": took_s, "write": perf_counter() - started}
        times = {name: rounded(name, seconds) for name, seconds in times.items()}
        inspection = replace(inspection, confidence=None, cells=(), timings_s=times)
        write_result(Path(start + RESULT), inspection)
    _log_outcome(face, inspection)
    return FaceDone(inspection, summary_row(inspection), name=face.name, facts=made.facts)


def _log_outcome(face: Face, inspection: Inspection) -> None:
    level = logging.INFO if inspection.was_measured else logging.ERROR
    words = (f"{face.name}: {inspection.verdict.status}", *texts(inspection.verdict.reasons))
    logger.log(level, "%s", printable("; ".join(words)))


def is_finished(job: FaceJob, face: Face, stored: Inspection) -> bool:
    """Whether an earlier run has done what is asked: the same sources, program, settings and picture.

    What failed in the program itself is not finished, and neither is what lacks a file that is asked for now.
    """
    now, made = _provenance(job, face), stored.provenance
    kinds = {reason.kind for reason in stored.verdict.reasons}
    same = (now.program, now.profile) == (made.program, made.profile)
    same = same and all(now.inputs.get(name) == made.inputs.get(name) for name in ("config", SETTINGS, SOURCES))
    if not same or kinds & set(OWN_FAULTS):
        return False
    path = _place_of(job, stored.image.file)
    picture = None if path is None else _hash_or_nothing(path)
    if PICTURE in made.inputs and not _is_asked_the_same(job, stored, picture):
        return False
    if "no_geometry" in kinds and picture is not None:
        return False
    is_there = picture is not None and picture == stored.image.sha256
    ends = set(ends_of(job.job.config.reporting, stored, is_there)) - {CONFIDENCE}
    ends |= set() if "no_source" in kinds else set(aggregate_ends(job.job.config))
    return all(Path(job.start_of(face) + end).exists() for end in ends)


def _is_asked_the_same(job: FaceJob, stored: Inspection, picture: str | None) -> bool:
    """Of a face whose picture was inspected for it."""
    now = provenance_of(job.job).inputs
    given = ("calibration", "flat_field", "class_model", "reference", "learned")
    same = all(now.get(name) == stored.provenance.inputs.get(name) for name in given)
    same = same and stored.provenance.engine == job.job.config.engine
    return same and picture == stored.provenance.inputs[PICTURE] and stored.request == job.asked_of(stored.image.file)
