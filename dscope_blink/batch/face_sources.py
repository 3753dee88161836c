"""Which sources have seen which face: found in folders, grouped by face, read into detections.

A face is told by the face column of the manifest, else by its picture. A report of another program is of the picture
that its hash names, else of the one that its name and its folders mean; where several are meant alike, of none.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path, PurePosixPath

from dscope_blink.analysis.aggregation.aggregating import PROFILE
from dscope_blink.analysis.aggregation.foreign import BadReport, algorithms_of, part_of, read_report
from dscope_blink.analysis.aggregation.foreign_detection import Surroundings, detection_of_report
from dscope_blink.analysis.aggregation.mask_outlines import Whole
from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.analysis.aggregation.regions import ZONE_OF_REGION
from dscope_blink.analysis.rejudging import trusted
from dscope_blink.batch.foreign_sources import PlacedReport, place_reports
from dscope_blink.batch.picture_names import KnownPicture
from dscope_blink.config.settings import Config
from dscope_blink.files.masks import read_mask
from dscope_blink.files.names import FOREIGN_REPORT, RESULT, Names
from dscope_blink.files.pictures import natural_order
from dscope_blink.files.sources import FoundFile, find_sources, masks_beside
from dscope_blink.records import Detection, LogLine, Source, UnreadableImage, UserError, printable, read_file
from dscope_blink.records.aggregate import SourceKind
from dscope_blink.records.moments import in_utc
from dscope_blink.records.stored import BadRecord, RecordHead, read_head, read_record


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A record or report that is to be part of a face."""

    path: Path
    file: str  # as the aggregate calls it: the name of the folder that was given, and the path in it
    kind: SourceKind = "record"
    # Of a report alone:
    part: str | None = None  # the picture whose marks are meant, as they name it; None: all marks
    region: str = ""  # that it is of; empty: the whole picture
    picture: str = ""
    picture_sha256: str | None = None
    size_px: tuple[int, int] | None = None  # of that picture, as its records say; None: there are none
    masks: tuple[Path | None, Path | None] = (None, None)  # of the marks, and of the region in the whole picture

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that is read: results change with each of them."""
        return (self.path, *(mask for mask in self.masks if mask is not None))


@dataclass(frozen=True, slots=True)
class Face:
    """One face and what has seen it."""

    name: str  # start of the names of its results, relative to the output folder
    sources: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class FoundFaces:
    """The faces of some folders, and a line for each file that is part of none, or of which there is more to say."""

    faces: tuple[Face, ...]
    log: tuple[LogLine, ...] = ()


def find_faces(folders: Sequence[Path], image: str | None, config: Config) -> FoundFaces:
    """The faces that the sources in some folders have seen; in which order the folders are named does not matter.

    Parameters
    ----------
    folders : of results of this program or reports of others, subfolders included
    image : name of the one face or picture that is asked for; None: all
    config : its section `aggregation` says which columns name a face

    Raises
    ------
    UserError : there is no such folder, or nothing that can be used in any of them
    """
    files = find_sources(folders)
    log = list(files.log)
    records = _once_each(_records(files.records, log), log)
    pictures = _pictures(records, config.aggregation.face_columns, log)
    grouped: dict[str, list[SourceFile]] = {}
    for record in records:
        key = _face_of(record, pictures, config.aggregation.face_columns)
        grouped.setdefault(key, []).append(SourceFile(record.found.path, record.found.file))
    reports, lines = place_reports(files.reports, files.masks, list(pictures.values()))
    log += lines
    for report in reports:
        grouped.setdefault(report.face, []).append(_source_file(report))
    if not grouped:
        raise _nothing(folders, log)
    return FoundFaces(_named(grouped, records, image), tuple(log))


def face_of_files(name: str, paths: Sequence[Path]) -> tuple[Face, tuple[LogLine, ...]]:
    """One face of which somebody says what has seen it: records, and reports of other programs.

    Parameters
    ----------
    name : of the face
    paths : their files; a report that names no picture of the records is of theirs, if that is but one

    Returns
    -------
    The face, and a line for each file that is no source of it
    """
    files = [FoundFile(path.absolute(), path.as_posix(), path.absolute().parent.parts) for path in paths]
    reports = [file for file in files if file.path.name.endswith(FOREIGN_REPORT)]
    log: list[LogLine] = []
    records = _once_each(_records([file for file in files if file not in reports], log), log)
    pictures = list(_pictures(records, (), log).values())
    placed, lines = place_reports(reports, masks_beside(reports), pictures)
    known = {picture.key for picture in pictures}
    sole = pictures[0] if len(pictures) == 1 else None
    own = [one if sole is None or one.picture.key in known else replace(one, picture=sole) for one in placed]
    sources = [SourceFile(record.found.path, record.found.file) for record in records]
    return Face(name, (*sources, *map(_source_file, own))), (*log, *lines)


def _source_file(report: PlacedReport) -> SourceFile:
    picture = report.picture
    return SourceFile(
        path=report.found.path,
        file=report.found.file,
        kind="foreign",
        part=report.part,
        region=report.region,
        picture=picture.file,
        picture_sha256=picture.sha256,
        size_px=picture.size_px,
        masks=(report.marks_mask, report.region_mask),
    )


def _nothing(folders: Sequence[Path], log: Sequence[LogLine]) -> UserError:
    where = ", ".join(map(str, folders))
    first = next((f"; {one.file}: {one.problem}" for one in log if one.severity != "info"), "")
    first = first or next((f"; {one.file}: {one.problem}" for one in log), "")
    return UserError(f"results folder {where}: nothing in it can be used (*{RESULT}, *{FOREIGN_REPORT}){first}")


# --- records


@dataclass(frozen=True, slots=True)
class _Record:
    found: FoundFile
    sha256: str
    head: RecordHead

    @property
    def picture_key(self) -> str:
        return self.head.image.sha256 or f"file {self.head.image.file}"


def _records(files: Iterable[FoundFile], log: list[LogLine]) -> list[_Record]:
    found = []
    for file in files:
        try:
            data = read_file(file.path)
            head = read_head(data)
        except OSError as error:
            log.append(LogLine(file.file, f"cannot be read, {error.strerror}", "error"))
        except BadRecord as error:
            log.append(LogLine(file.file, printable(str(error)), "error"))
        else:
            if head.provenance.profile == PROFILE:
                log.append(_of_aggregate(file, head))
            else:
                found.append(_Record(file, hashlib.sha256(data).hexdigest(), head))
    return found


def _of_aggregate(file: FoundFile, head: RecordHead) -> LogLine:
    """The marks of an aggregate are those of its sources, which would count twice."""
    made_of = [name.removeprefix("source ") for name in head.provenance.inputs if name.startswith("source ")]
    what = f"it is an aggregate itself, of {printable(', '.join(made_of)) or 'other sources'}: left out"
    return LogLine(file.file, what, "info")


def _once_each(records: Iterable[_Record], log: list[LogLine]) -> list[_Record]:
    once: dict[str, _Record] = {}
    for record in records:
        first = once.setdefault(record.sha256, record)
        if first is not record:
            log.append(LogLine(record.found.file, f"a copy of {first.found.file}: it counts once", "info"))
    return list(once.values())


TOLD = "face "  # begins the key of a face that a manifest names


def _told(record: _Record, columns: Sequence[str]) -> str:
    """What the manifest calls the face; empty where it does not."""
    manifest = record.head.request.manifest
    return next((manifest[column] for column in columns if manifest.get(column)), "")


def _pictures(records: Sequence[_Record], columns: Sequence[str], log: list[LogLine]) -> dict[str, KnownPicture]:
    """The pictures of the records, and the faces that they show."""
    pictures: dict[str, KnownPicture] = {}
    ordered = sorted(records, key=lambda one: one.picture_key)
    for key, of_one in ((key, list(group)) for key, group in groupby(ordered, key=lambda one: one.picture_key)):
        told = sorted({face for one in of_one if (face := _told(one, columns))})
        if len(told) > 1:
            what = f"its picture is called several faces, {printable(', '.join(told))}: they stay apart"
            log.append(LogLine(of_one[0].found.file, what, "warning"))
        first = min(of_one, key=lambda one: natural_order(one.head.image.file))
        pictures[key] = KnownPicture(
            key,
            first.head.image.file,
            first.head.image.sha256,
            next((one.head.size_px for one in of_one if one.head.size_px), None),
            max(one.head.taken for one in of_one),
            tuple(f"{TOLD}{face}" for face in told) or (key,),
            tuple(one.found.folders for one in of_one),
        )
    return pictures


def _face_of(record: _Record, pictures: dict[str, KnownPicture], columns: Sequence[str]) -> str:
    """As its manifest calls it, else as those of its picture do where they agree, else its picture."""
    if told := _told(record, columns):
        return f"{TOLD}{told}"
    faces = pictures[record.picture_key].faces
    return faces[0] if len(faces) == 1 else record.picture_key


def _named(grouped: dict[str, list[SourceFile]], records: Sequence[_Record], image: str | None) -> tuple[Face, ...]:
    """The faces that are asked for, under names of which no two are alike, in natural order."""
    shown = {record.found.file: record.head.image for record in records}
    faces = []
    for key, sources in grouped.items():
        ordered = tuple(sorted(sources, key=lambda one: (one.kind != "record", *_by_name(one.file), one.part or "")))
        seen = [shown[one.file] for one in ordered if one.kind == "record"]
        seen.sort(key=lambda one: (one.sha256 is None, _by_name(one.file)))
        picture = seen[0].file if seen else ordered[0].picture
        told = key.removeprefix(TOLD) if key.startswith(TOLD) else picture
        if image is None or image in {key, *_names_of(told), *(name for one in seen for name in _names_of(one.file))}:
            faces.append(Face(told, ordered))
    faces.sort(key=lambda face: (*_by_name(face.name), *_by_name(face.sources[0].file)))
    given = Names().give([face.name for face in faces])
    return tuple(replace(face, name=name) for face, name in zip(faces, given, strict=True))


def _by_name(file: str) -> tuple[list[list[str | int]]]:
    return (natural_order(file),)


def _names_of(file: str) -> tuple[str, ...]:
    """By which a picture may be asked for."""
    path = PurePosixPath(file)
    return file, path.name, path.stem, str(path.parent / path.stem)


# --- detections


def read_detections(face: Face, config: Config) -> tuple[tuple[Detection, ...], tuple[LogLine, ...]]:
    """What has seen a face, each under a key of its own, and a line for each file that cannot be used.

    Parameters
    ----------
    face : one of those that were found; only its files are read
    config : its section `aggregation` says what others call the kinds of marks
    """
    found, log = list[Detection](), list[LogLine]()
    for source in face.sources:
        try:
            data = read_file(source.path)
            is_record = source.kind == "record"
            detection, lines = _record(source, data, config) if is_record else _foreign(source, data, config)
            found.append(detection)
            log += lines
        except OSError as error:
            log.append(LogLine(source.file, f"cannot be read, {error.strerror}", "error"))
        except (BadRecord, BadReport) as error:
            log.append(LogLine(source.file, printable(str(error)), "error"))
    return _named_apart(_of_one_size(found, log)), tuple(log)


def _record(source: SourceFile, data: bytes, config: Config) -> tuple[Detection, tuple[LogLine, ...]]:
    inspection = trusted(read_record(data), config, source.path)
    profile, image = inspection.provenance.profile, inspection.image
    of_it = Source(
        key=profile,
        kind="record",
        file=source.file,
        sha256=hashlib.sha256(data).hexdigest(),
        detector=profile,
        timestamp=inspection.moment,
        picture=image.file,
        picture_sha256=image.sha256,
        status=inspection.verdict.status,
    )
    altered = (
        ()
        if inspection.is_verified
        else tuple(LogLine(source.file, printable(reason.text), "error") for reason in inspection.verdict.reasons)
    )
    return detection_of(inspection, of_it), altered


def _foreign(source: SourceFile, data: bytes, config: Config) -> tuple[Detection, tuple[LogLine, ...]]:
    report = read_report(data, source.file)
    report = report if source.part is None else part_of(report, source.part)
    detector = report.detector or next(iter(algorithms_of(report)), "") or source.file.partition("/")[0]
    of_it = Source(
        key=" ".join(filter(None, (detector, source.region))),
        kind="foreign",
        file=source.file,
        sha256=hashlib.sha256(data).hexdigest(),
        detector=detector,
        timestamp=report.timestamp,
        picture=source.picture,
        picture_sha256=source.picture_sha256,
        region=ZONE_OF_REGION.get(source.region),
        status=report.status,
    )
    masks = [_mask(path, source, config) for path in source.masks]
    log = tuple(line for _, line in masks if line is not None)
    beside = Surroundings(source.size_px, source.region, masks[1][0], masks[0][0])
    detection, lines = detection_of_report(report, of_it, beside, config.aggregation)
    return detection, (*log, *lines)


def _mask(path: Path | None, source: SourceFile, config: Config) -> tuple[Whole | None, LogLine | None]:
    if path is None:
        return None, None
    try:
        return read_mask(path, config.preprocessing.max_pixels), None
    except UnreadableImage as error:
        return None, LogLine(source.file, printable(f"its mask {path.name}: {error}: passed over"), "warning")


def _of_one_size(found: Sequence[Detection], log: list[LogLine]) -> list[Detection]:
    """Where no record says how large the picture is, what most reports say; of as many the larger."""
    if any(one.inspection is not None for one in found):
        return list(found)
    sizes = Counter(one.size_px for one in found if one.size_px is not None)
    if len(sizes) < 2:
        return list(found)
    size = max(sizes, key=lambda one: (sizes[one], one))
    for one in found:
        if one.size_px is not None and one.size_px != size:
            width, height = one.size_px
            others = f"{size[0]} x {size[1]} pixels as {sizes[size]} others are"
            what = f"it must be of a picture of {others}, got {width} x {height}: left out"
            log.append(LogLine(one.source.file, what, "error"))
    return [one for one in found if one.size_px in (None, size)]


def _named_apart(found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Each under a key of its own: what found it, and a number where several were, the first in time without one."""
    ordered = sorted(found, key=lambda one: (one.source.key, *_in_time(one.source), one.source.file))
    count: dict[str, int] = {}
    taken = {one.source.key for one in found}
    named = []
    for one in ordered:
        key = name = one.source.key
        count[key] = count.get(key, 0) + 1
        while count[key] > 1 and (name := f"{key} {count[key]}") in taken:
            count[key] += 1
        taken.add(name)
        marks = tuple(replace(mark, source=name) for mark in one.marks)
        rejected = tuple(replace(mark, source=name) for mark in one.rejected)
        placeless = tuple(replace(mark, source=name) for mark in one.placeless)
        source = replace(one.source, key=name)
        named.append(replace(one, source=source, marks=marks, rejected=rejected, placeless=placeless))
    return tuple(named)


def _in_time(source: Source) -> tuple[str, str, str]:
    moment = in_utc(source.timestamp)
    return source.timestamp if moment is None else moment.isoformat(), source.picture, source.sha256
