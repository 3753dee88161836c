"""Which mask belongs to a report of another program: that of its marks, and that of the region it is of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from dscope_blink.analysis.aggregation.regions import region_in
from dscope_blink.batch.picture_names import STEPS, Folders, report_name
from dscope_blink.files.sources import FoundFile

# Ends of the name of a mask of marks, behind NAME of NAME_report.json.
MARKS_MASKS = ("_defect_mask", "_defects_mask", "_marks_mask", "_labels", "_label", "_defects", "_marks")
PLAIN_MASK = "_mask"  # of the marks, unless NAME is that of a region: then of that


class Masks:
    """Masks that lie in some folders, found again from a report.

    Parameters
    ----------
    files : each once
    """

    def __init__(self, files: Sequence[FoundFile]) -> None:
        self._below: dict[tuple[Folders, str], list[FoundFile]] = defaultdict(list)  # by folder above and name
        self._of: dict[tuple[Folders, str, str], list[FoundFile]] = defaultdict(list)  # and by picture, if one is said
        for file in files:
            stem, folders = file.path.stem.casefold(), file.folders
            for depth in range(1, len(folders) + 1):
                self._below[folders[:depth], stem].append(file)
                pictures = set(filter(None, map(_picture_in, folders[depth:])))
                if len(pictures) <= 1:
                    self._of[folders[:depth], stem, pictures.pop() if pictures else ""].append(file)

    def of_marks(self, report: FoundFile, region: str) -> Path | None:
        """The mask of the marks of a report, in its folder or below; None where there is none."""
        ends = MARKS_MASKS if region else (*MARKS_MASKS, PLAIN_MASK)
        stems = (f"{report_name(report)}{end}".casefold() for end in ends)
        return next((_first(found) for stem in stems if (found := self._below.get((report.folders, stem)))), None)

    def of_region(self, report: FoundFile, region: str, picture: str) -> Path | None:
        """The mask of a region in the whole picture; None where there is none.

        It lies in the folder of the report or in one above it, up to that which was given, or below one of these: the
        nearest counts. On the way down to it are only folders that say a step or the picture, and one that says the
        picture counts before one that does not.
        """
        own = picture.casefold()
        stems = _region_stems(report_name(report).casefold(), region, own)
        for depth in range(len(report.folders), 0, -1):
            for owner in (own, ""):
                found = [one for stem in stems for one in self._of.get((report.folders[:depth], stem, owner), ())]
                if found:
                    return _first(found)
        return None


def _region_stems(name: str, region: str, picture: str) -> tuple[str, ...]:
    """Names of a mask of a region, those that name the picture first."""
    named = (f"{picture}_{region}_mask", f"{picture}_mask_{region}", f"{picture}_region_{region}_mask")
    plain = (f"{region}_mask", f"mask_{region}", f"region_{region}_mask", f"{region}_region_mask")
    return tuple(dict.fromkeys((*named, f"{name}_mask", f"{name}_region_mask", *plain)))


def _first(found: Iterable[FoundFile]) -> Path:
    return min(found, key=lambda one: (len(one.folders), one.path.suffix.lower() != ".npy", one.file)).path


def _picture_in(folder: str) -> str:
    """The picture that a folder may be called by; empty where it says but a step or a region."""
    named = region_in(folder)
    if named is not None:
        return named.picture.casefold()
    return "" if folder.casefold() in STEPS else folder.casefold()
