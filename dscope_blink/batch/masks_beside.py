"""Which mask belongs to a report of another program: that of its marks, and that of the region it is of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dscope_blink.analysis.aggregation.regions import region_in
from dscope_blink.batch.picture_names import STEPS, report_name
from dscope_blink.files.sources import FoundFile

# Ends of the name of a mask of marks, behind NAME of NAME_report.json.
MARKS_MASKS = ("_defect_mask", "_defects_mask", "_marks_mask", "_labels", "_label", "_defects", "_marks")
PLAIN_MASK = "_mask"  # of the marks, unless NAME is that of a region: then of that


def marks_mask(masks: Sequence[FoundFile], report: FoundFile, region: str) -> Path | None:
    """The mask of the marks of a report, in its folder or below; None where there is none."""
    ends = MARKS_MASKS if region else (*MARKS_MASKS, PLAIN_MASK)
    wanted = {f"{report_name(report)}{end}".casefold(): rank for rank, end in enumerate(ends)}
    here = [one for one in masks if one.folders[: len(report.folders)] == report.folders]
    found = [(wanted[stem], len(one.folders), one.file, one.path) for one in here if (stem := _stem(one)) in wanted]
    return min(found)[-1] if found else None


def region_mask(masks: Sequence[FoundFile], report: FoundFile, region: str, picture: str) -> Path | None:
    """The mask of a region in the whole picture; None where there is none, or none that is nearest.

    It lies beside the report, or up to the folder that was given beside a folder above it; on the way down to it are
    only folders that say a step, or the picture.
    """
    name, own = report_name(report).casefold(), picture.casefold()
    wanted = {
        *(f"{region}_mask", f"mask_{region}", f"region_{region}_mask", f"{region}_region_mask", f"{name}_mask"),
        *(f"{own}_{region}_mask", f"{own}_mask_{region}", f"{own}_region_{region}_mask", f"{name}_region_mask"),
    }
    found = [(-_in_common(one, report), one) for one in masks if _stem(one) in wanted and _leads(one, report, own)]
    if not found:
        return None
    nearest = [one for far, one in found if far == min(far for far, _ in found)]
    for_picture = [one for one in nearest if own in (*map(str.casefold, one.folders), _stem(one).partition("_")[0])]
    return min(for_picture or nearest, key=lambda one: (len(one.folders), one.path.suffix != ".npy", one.file)).path


def _stem(mask: FoundFile) -> str:
    return mask.path.stem.casefold()


def _in_common(mask: FoundFile, report: FoundFile) -> int:
    """How many folders both lie in, from the one that was given."""
    pairs = zip(mask.folders, report.folders, strict=False)
    return next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(mask.folders), len(report.folders)))


def _leads(mask: FoundFile, report: FoundFile, picture: str) -> bool:
    """Whether no folder on the way from the report to the mask is that of something else."""
    common = _in_common(mask, report)
    return common > 0 and all(_may_lead(one.casefold(), picture) for one in mask.folders[common:])


def _may_lead(folder: str, picture: str) -> bool:
    named = region_in(folder)
    return folder in STEPS or folder == picture or (named is not None and named.picture.casefold() in ("", picture))
