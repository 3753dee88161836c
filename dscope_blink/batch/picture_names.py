"""Which picture a report of another program is of, by the names that it and the folders around it give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeAlias

from dscope_blink.analysis.aggregation.regions import region_in
from dscope_blink.files.names import FOREIGN_REPORT
from dscope_blink.files.pictures import SUFFIXES
from dscope_blink.files.sources import FoundFile

Folders: TypeAlias = tuple[str, ...]

# Folders that say which step of a chain wrote into them, and nothing of the picture.
STEPS = frozenset(
    {
        *("1_reimagined", "2_separated", "3_detected", "4_final_analysis", "reimagined", "separated", "separation"),
        *("detected", "detection", "detections", "masks", "regions", "reports", "results"),
    }
)


@dataclass(frozen=True, slots=True)
class KnownPicture:
    """A picture that records are of."""

    key: str
    file: str  # relative to the input folder
    sha256: str | None = None
    size_px: tuple[int, int] | None = None
    taken: str = ""
    faces: tuple[str, ...] = ()  # keys of the faces that it shows: one, if records do not contradict each other
    lies: tuple[Folders, ...] = field(default=(), compare=False)  # folders of its records

    @property
    def path(self) -> PurePosixPath:
        """Of the picture."""
        return PurePosixPath(self.file)


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture as a report may mean it."""

    stem: str
    name: str = ""  # with its extension; empty: it has none
    folders: Folders = ()  # of the picture, as far as they are said
    region: str = ""  # the name is that of a region of it
    is_folder: bool = False  # a folder is called so, and nothing says that it is called by the picture


def report_name(found: FoundFile) -> str:
    """NAME of NAME_report.json."""
    return found.path.name.removesuffix(FOREIGN_REPORT)


def references(picture: str, found: FoundFile) -> tuple[Reference, ...]:
    """The pictures that a report may be of, the likeliest first.

    Parameters
    ----------
    picture : as the report names it; empty: its file says it
    found : the report
    """
    path = PurePosixPath(picture.replace("\\", "/")) if picture else PurePosixPath(*found.folders, report_name(found))
    stem = path.stem if path.suffix.lower() in (*SUFFIXES, ".npy", ".json") else path.name
    plain = Reference(stem, path.name if path.name != stem else "", path.parent.parts if picture else ())
    return (plain, *_of_regions(plain, path.parent.parts if picture else (), found))


def _of_regions(plain: Reference, above: Folders, found: FoundFile) -> Iterator[Reference]:
    """The pictures that a region is part of: what is left of its name, else the folders above it."""
    named = region_in(plain.stem)
    if named is None:
        return
    if named.picture:
        yield Reference(named.picture, "", plain.folders, named.region)
        return
    for folders in (above, found.folders):
        for place in range(len(folders) - 1, -1, -1):
            if not _is_step(folders[place]):
                yield Reference(folders[place], "", folders[:place] if folders is above else (), named.region, True)


def _is_step(folder: str) -> bool:
    named = region_in(folder)
    return folder.casefold() in STEPS or (named is not None and not named.picture)


def region_of_folders(found: FoundFile) -> str:
    """The region that the nearest folder is called by; empty where none is."""
    regions = (region_in(folder) for folder in reversed(found.folders[1:]))
    return next((one.region for one in regions if one and not one.picture), "")


def context_of(found: FoundFile, stem: str) -> Folders:
    """The folders of a report, below the one that was given, that neither say the step nor repeat the picture."""
    own = {stem.casefold(), report_name(found).casefold()}
    return tuple(one for one in found.folders[1:] if not _is_step(one) and one.casefold() not in own)


class Pictures:
    """The pictures that records are of, by hash and by name.

    Parameters
    ----------
    known : each once
    """

    def __init__(self, known: Sequence[KnownPicture]) -> None:
        self._by_hash = {one.sha256: one for one in known if one.sha256 is not None}
        self._by_stem: dict[str, list[KnownPicture]] = {}
        for one in known:
            self._by_stem.setdefault(one.path.stem.casefold(), []).append(one)

    def meant(
        self, wanted: Sequence[Reference], found: FoundFile, sha256: str | None
    ) -> tuple[Reference, tuple[KnownPicture, ...]]:
        """The pictures that a report may be of: none, one, or several where it is not clear; and what says so.

        A hash counts before names; names with extension count before names without, and folders that agree decide
        between pictures of one name.
        """
        of_hash = self._by_hash.get(sha256) if sha256 else None
        for reference in wanted:
            alike = self._by_stem.get(reference.stem.casefold(), [])
            if of_hash is not None:
                alike = [one for one in alike if one is of_hash]
            exact = [one for one in alike if reference.name and one.path.name.casefold() == reference.name.casefold()]
            if best := _nearest(exact or alike, reference, found):
                return reference, best
        return wanted[0], () if of_hash is None else (of_hash,)


def _nearest(alike: Sequence[KnownPicture], reference: Reference, found: FoundFile) -> tuple[KnownPicture, ...]:
    scores = [_folders_in_common(one, reference, found) for one in alike]
    return tuple(one for one, score in zip(alike, scores, strict=True) if score == max(scores))


def _folders_in_common(one: KnownPicture, reference: Reference, found: FoundFile) -> int:
    own = one.path.parent.parts
    context = context_of(found, reference.stem)
    of_records = max((_in_common(found.folders, folders) for folders in one.lies), default=0)
    return max(_in_common(own[::-1], reference.folders[::-1]), _in_common(own[::-1], context[::-1]), of_records)


def _in_common(first: Folders, second: Folders) -> int:
    """From the beginning."""
    same = (a.casefold() == b.casefold() for a, b in zip(first, second, strict=False))
    return next((k for k, is_same in enumerate(same) if not is_same), min(len(first), len(second)))
