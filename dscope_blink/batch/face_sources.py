"""Which sources have seen which face: found in folders, grouped by face, read into detections."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.config.settings import Config
from dscope_blink.files.names import Names
from dscope_blink.files.results import find_results
from dscope_blink.records import Detection, Inspection, LogLine, Source, read_file
from dscope_blink.records.stored import BadRecord, load_record


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A record or report that is to be part of a face."""

    path: Path
    file: str  # as the aggregate calls it: the name of the folder that was given, and the path in it

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that is read: results change with each of them."""
        return (self.path,)


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
    """The faces that the sources in some folders have seen.

    Parameters
    ----------
    folders : of results of this program or reports of others, subfolders included
    image : name of the one face or picture that is asked for; None: all
    config : its section `aggregation` says which columns name a face
    """
    found: dict[str, list[SourceFile]] = {}
    names: dict[str, str] = {}
    for folder in folders:
        for path in find_results(folder).paths:
            inspection = load_record(path)
            key, name = _face_of(inspection, config.aggregation.face_columns)
            found.setdefault(key, []).append(SourceFile(path, f"{folder.name}/{path.relative_to(folder).as_posix()}"))
            names.setdefault(key, name)
    asked = [key for key in found if image is None or image in (key, names[key], Path(names[key]).stem)]
    given = Names().give([names[key] for key in asked])
    return FoundFaces(tuple(Face(name, tuple(found[key])) for key, name in zip(asked, given, strict=True)))


def _face_of(inspection: Inspection, columns: Sequence[str]) -> tuple[str, str]:
    """What tells one face from others, and its name."""
    manifest: Mapping[str, str] = inspection.request.manifest
    told = next((manifest[column] for column in columns if manifest.get(column)), None)
    return (f"face {told}", told) if told else (inspection.image.sha256 or inspection.image.file, inspection.image.file)


def read_detections(face: Face, config: Config) -> tuple[tuple[Detection, ...], tuple[LogLine, ...]]:
    """What has seen a face, each under a key of its own, and a line for each file that cannot be used."""
    found, log = list[Detection](), list[LogLine]()
    for source in face.sources:
        try:
            inspection = load_record(source.path)
        except BadRecord as error:
            log.append(LogLine(source.file, str(error), "error"))
            continue
        found.append(detection_of(inspection, _source(source, inspection)))
    return _named_apart(found), tuple(log)


def _source(source: SourceFile, inspection: Inspection) -> Source:
    profile, image = inspection.provenance.profile, inspection.image
    return Source(
        key=profile,
        kind="record",
        file=source.file,
        sha256=hashlib.sha256(read_file(source.path)).hexdigest(),
        detector=profile,
        timestamp=inspection.moment,
        picture=image.file,
        picture_sha256=image.sha256,
        status=inspection.verdict.status,
    )


def _named_apart(found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Each under a key of its own: what found it, and a number where several were."""
    ordered = sorted(found, key=lambda one: (one.source.key, one.source.picture, one.source.timestamp, one.source.file))
    count: dict[str, int] = {}
    named = []
    for one in ordered:
        key = one.source.key
        count[key] = count.get(key, 0) + 1
        name = key if count[key] == 1 else f"{key} {count[key]}"
        marks = tuple(replace(mark, source=name) for mark in one.marks)
        named.append(replace(one, source=replace(one.source, key=name), marks=marks))
    return tuple(named)
