"""Which picture each report of another program is of, or why that cannot be said."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dscope_blink.analysis.aggregation.foreign import BadReport, Report, part_of, pictures_of_marks, read_report
from dscope_blink.analysis.aggregation.regions import region_in
from dscope_blink.batch.masks_beside import Masks
from dscope_blink.batch.picture_names import (
    Folders,
    KnownPicture,
    Pictures,
    Reference,
    context_of,
    references,
    region_of_folders,
    report_name,
)
from dscope_blink.files.sources import FoundFile
from dscope_blink.records import Gravity, LogLine, printable, read_file
from dscope_blink.records.moments import is_before

LONGEST_LINE = 400  # letters of what is said: others choose the names in it


@dataclass(frozen=True, slots=True)
class PlacedReport:
    """What a report says of one picture, and which that is."""

    face: str  # key
    found: FoundFile
    picture: KnownPicture
    part: str | None = None  # the picture whose marks are meant, as they name it; None: all marks
    region: str = ""  # empty: the whole picture
    marks_mask: Path | None = None
    region_mask: Path | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """The marks of a report that are of one picture."""

    found: FoundFile
    sha256: str
    report: Report  # without its marks
    part: str | None
    references: tuple[Reference, ...]

    def line(self, problem: str, severity: Gravity = "error") -> LogLine:
        return LogLine(self.found.file, printable(problem[:LONGEST_LINE]), severity)


def place_reports(
    files: Sequence[FoundFile], masks: Sequence[FoundFile], known: Sequence[KnownPicture]
) -> tuple[tuple[PlacedReport, ...], tuple[LogLine, ...]]:
    """The picture and the face of each report, of one of several pictures for each of them.

    Parameters
    ----------
    files : reports
    masks : all that lie in the same folders
    known : pictures that records are of

    Returns
    -------
    The reports, and a line for each that cannot be used, is doubtful or a copy
    """
    log: list[LogLine] = []
    placed: list[tuple[_Part, PlacedReport]] = []
    alone: list[_Part] = []
    pictures, found_masks = Pictures(known), Masks(masks)
    for part in _parts(files, log):
        found = _known(part, pictures, log)
        if isinstance(found, LogLine):
            log.append(found)
        elif found is None:
            alone.append(part)
        else:
            placed.append((part, _placed(part, *found, found[1].faces[0], found_masks)))
    for part, reference, picture in _of_no_record(alone, log):
        placed.append((part, _placed(part, reference, picture, picture.key, found_masks)))
    return tuple(_with_own_masks(list(_once_each(placed, log)), log)), tuple(log)


def _parts(files: Sequence[FoundFile], log: list[LogLine]) -> Iterator[_Part]:
    for file in files:
        try:
            data = read_file(file.path)
            report = read_report(data, file.file)
        except OSError as error:
            log.append(LogLine(file.file, f"cannot be read, {error.strerror}", "error"))
            continue
        except BadReport as error:
            log.append(LogLine(file.file, printable(str(error)), "error"))
            continue
        sha256, named = hashlib.sha256(data).hexdigest(), pictures_of_marks(report)
        if len(named) > 1:
            shown = printable(", ".join(name or report.picture or report_name(file) for name in named))
            what = f"its marks are of several pictures, {shown[:200]}: each is taken by itself"
            log.append(LogLine(file.file, what, "warning"))
        for name in named or ("",):
            part = replace(part_of(report, name), marks=())
            own = replace(part, picture_sha256=None, size_px=None) if len(named) > 1 and name else part
            yield _Part(file, sha256, own, name if len(named) > 1 else None, references(part.picture, file))


# --- pictures that records are of


def _known(part: _Part, pictures: Pictures, log: list[LogLine]) -> tuple[Reference, KnownPicture] | LogLine | None:
    """The known picture that a report is of, why it cannot be said, or None where it is of no known one."""
    sha256 = part.report.picture_sha256
    reference, found = pictures.meant(part.references, part.found, sha256)
    if not found:
        return None
    said = reference.name or reference.stem
    if len(found) > 1:
        which = ", ".join(one.file for one in found[:4])
        return part.line(f"its picture {said} may be any of {len(found)} ({which}): left out")
    (picture,) = found
    if len(picture.faces) > 1:
        return part.line(f"its picture {said} is called several faces: left out")
    if sha256 is not None and not reference.region and picture.sha256 not in (None, sha256):
        log.append(part.line(f"its picture is called {said} and has another sha256: taken for another", "warning"))
        return None
    if is_before(part.report.timestamp, picture.taken):
        what = f"it is old: made {part.report.timestamp}, before its picture was taken, {picture.taken}"
        log.append(part.line(what, "warning"))
    return reference, picture


def _region_of(part: _Part, reference: Reference) -> str:
    """By its field, else by the name of its picture or of its file, else by its folder; empty: the whole picture."""
    if part.report.region is not None:
        return part.report.region
    name = report_name(part.found)
    named = region_in(name)
    if named and not reference.region and name.casefold() != reference.stem.casefold():
        return named.region
    return reference.region or region_of_folders(part.found)


def _placed(part: _Part, reference: Reference, picture: KnownPicture, face: str, masks: Masks) -> PlacedReport:
    region = _region_of(part, reference)
    return PlacedReport(
        face=face,
        found=part.found,
        picture=picture,
        part=part.part,
        region=region,
        marks_mask=masks.of_marks(part.found, region),
        region_mask=masks.of_region(part.found, region, picture.path.stem) if region else None,
    )


def _once_each(placed: Sequence[tuple[_Part, PlacedReport]], log: list[LogLine]) -> Iterator[PlacedReport]:
    """Without copies that are of the same picture and region; empty reports of two pictures may well be alike."""
    seen: dict[tuple[str, str, str, str | None], str] = {}
    for part, report in placed:
        what = (part.sha256, report.picture.key, report.region, report.part)
        first = seen.setdefault(what, part.found.file)
        if first == part.found.file:
            yield report
        else:
            log.append(part.line(f"a copy of {first}: it counts once", "info"))


def _with_own_masks(reports: Sequence[PlacedReport], log: list[LogLine]) -> Iterator[PlacedReport]:
    """A mask that lies beside reports on several pictures is that of one at most, and nobody says of which."""
    of: dict[Path | None, set[str]] = {}
    for report in reports:
        of.setdefault(report.region_mask, set()).add(report.picture.key)
    for report in reports:
        pictures, mask = len(of[report.region_mask]), report.region_mask
        if mask is None or pictures == 1:
            yield report
        else:
            what = printable(f"the mask {mask.name} may be of any of {pictures} pictures: passed over")
            log.append(LogLine(report.found.file, what, "warning"))
            yield replace(report, region_mask=None)


# --- pictures that no record is of


def _of_no_record(parts: Sequence[_Part], log: list[LogLine]) -> Iterator[tuple[_Part, Reference, KnownPicture]]:
    """The pictures of reports by name and folder, and by what else tells them apart."""
    groups: dict[tuple[str, Folders], list[tuple[_Part, Reference]]] = {}
    certain = [part for part in parts if not _is_guessed(part)]
    for part in certain:
        reference = part.references[-1]
        groups.setdefault(_group_of(part, reference), []).append((part, reference))
    own = list(groups)
    for part in (part for part in parts if _is_guessed(part)):
        reference, group = _guess(part, {key: groups[key][0][0] for key in own})
        groups.setdefault(group, []).append((part, reference))
    stems = [stem for stem, _ in groups]
    for (stem, context), members in groups.items():
        if stems.count(stem) > 1:
            what = f"several folders hold reports on a picture {stem}: they stay apart, for no record says which it is"
            log += [part.line(what, "info") for part, _ in members]
        yield from _apart("/".join((*context, stem)), members, log)


def _group_of(part: _Part, reference: Reference) -> tuple[str, Folders]:
    return reference.stem.casefold(), context_of(part.found, reference.stem)


def _is_guessed(part: _Part) -> bool:
    """Whether only the folders say the picture, for its name is that of a region."""
    return any(reference.is_folder for reference in part.references) or bool(region_in(part.references[-1].stem))


def _guess(part: _Part, groups: dict[tuple[str, Folders], _Part]) -> tuple[Reference, tuple[str, Folders]]:
    """The picture of a report that its name does not say: of those in its folders, else the only one, else a folder."""
    region = part.references[-1].region or _region_of(part, part.references[0])
    for reference in part.references[1:]:
        if (key := _group_of(part, reference)) in groups:
            return reference, key
    near = [key for key, one in groups.items() if one.found.folders[0] == part.found.folders[0]]
    if len(near) == 1:
        return Reference(near[0][0], region=region), near[0]
    reference = part.references[min(1, len(part.references) - 1)]
    return reference, _group_of(part, reference)


def _apart(
    key: str, members: Sequence[tuple[_Part, Reference]], log: list[LogLine]
) -> Iterator[tuple[_Part, Reference, KnownPicture]]:
    """Reports of one name and folder, apart where hashes or the folders of their pictures differ."""
    tales = [_tell_tale(part, reference) for part, reference in members]
    kinds = sorted(set(filter(None, tales)))
    names = [reference.name for _, reference in members if reference.name and not reference.region]
    for (part, reference), tale in zip(members, tales, strict=True):
        if not tale and len(kinds) > 1:
            log.append(part.line(f"its picture {reference.stem} may be any of {len(kinds)}: left out"))
            continue
        sha256 = next((one for one in (tale, *kinds[:1]) if one and len(one) == SHA256_DIGITS), None)
        file = "/".join((*key.split("/")[:-1], reference.name or min(names, default=reference.stem)))
        yield part, reference, KnownPicture(f"alone {key} {tale if len(kinds) > 1 else ''}", file, sha256)


SHA256_DIGITS = 64


def _tell_tale(part: _Part, reference: Reference) -> str:
    """What tells the picture of a report from others of its name, its hash or folder; empty where nothing does."""
    if reference.region or part.report.region:
        return ""
    return part.report.picture_sha256 or "/".join(reference.folders[-1:])
