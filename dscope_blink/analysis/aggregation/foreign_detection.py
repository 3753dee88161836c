"""A report of another program as one detection, in pixels of its whole picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.aggregation.foreign import BadReport, Report
from dscope_blink.analysis.aggregation.foreign_marks import Mark, Reading, grow, plain_name, read_marks
from dscope_blink.analysis.aggregation.foreign_values import (
    Pair,
    Rectangle,
    corners_of,
)
from dscope_blink.analysis.aggregation.mask_outlines import Sought, Whole, outlines_in
from dscope_blink.analysis.aggregation.regions import Box, Placing, Size, place_region, sides
from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import Detection, LogLine, Points, Rejected, Source, SourceMark


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of the picture of a report, beside the report."""

    picture_px: Size | None = None  # width and height; None: nobody says
    region: str = ""  # that the report is of; empty: the whole picture
    region_mask: Whole | None = None  # (H, W) of the whole picture, not 0 in the region
    marks_mask: Whole | None = None  # (H, W) of what the report looked at or of the whole picture, not 0 in marks


def detection_of_report(
    report: Report, source: Source, around_it: Surroundings, settings: AggregationSettings
) -> tuple[Detection, tuple[LogLine, ...]]:
    """The marks of a report, in pixels of its whole picture.

    Parameters
    ----------
    report : of one picture
    source : what is said of it; region and offset are found here
    around_it : what lies beside the report
    settings : how others call the kinds of marks, and what becomes of a mark outside of the picture

    Returns
    -------
    Detection and the lines of the log: those of the report, and one for whatever is mended or left out

    Raises
    ------
    BadReport : it is of a picture of another size
    """
    _check_size(report, around_it)
    kinds = {plain_name(name): kind for name, kind in settings.type_names.items()}
    reading = Reading(report, source.key, settings, kinds, log=list(report.log))
    marks = read_marks(reading)
    picture_px, placing = _placed(report, around_it, marks, reading)
    _check_region(marks, around_it, picture_px, placing, reading)
    marks = _outlined(marks, around_it.marks_mask, picture_px, placing, reading)
    grow(marks, reading)
    found = _in_picture(marks, source, placing.offset_px, picture_px, reading)
    placed = replace(source, offset_px=placing.offset_px)
    gone, placeless = tuple(reading.rejected), tuple(reading.placeless)
    return Detection(placed, found, None, picture_px, gone, placeless), tuple(reading.log)


def _check_size(report: Report, around_it: Surroundings) -> None:
    """What looked at a part of the picture has a size of its own."""
    said, whole = report.size_px, around_it.picture_px
    is_whole = not around_it.region and report.offset_px is None
    if is_whole and said is not None and whole is not None and said != whole:
        raise BadReport(f"it must be of a picture of {sides(whole)} pixels, got {sides(said)}: left out")


def _source_mark(mark: Mark, outline_px: Points, source: Source) -> SourceMark:
    return SourceMark(
        source=source.key,
        id=mark.id,
        kind=mark.kind,
        named=mark.named,
        outline_px=outline_px,
        confidence=mark.confidence,
        detectors=mark.detectors or (source.detector,),
        severity=mark.severity,
        is_box=mark.outline_px is None,
        is_point=mark.is_point and mark.outline_px is None,
    )


# --- all marks in the picture


def _placed(
    report: Report, around_it: Surroundings, marks: Sequence[Mark], reading: Reading
) -> tuple[Size | None, Placing]:
    """The size of the picture, and where the coordinates of the report begin in it."""
    region_mask, region = around_it.region_mask, around_it.region
    whole = around_it.picture_px or (None if region_mask is None else _size(region_mask))
    if whole is None and not region and report.offset_px is None:
        whole = report.size_px or (None if around_it.marks_mask is None else _size(around_it.marks_mask))
    box = None
    if region_mask is not None and _size(region_mask) != whole:
        has = sides(_size(region_mask))
        reading.add(f"the mask of region {region} has {has} pixels, its picture {sides(whole)}: passed over")
    elif region_mask is not None:
        box = _box_around(region_mask)
        if box is None:
            reading.add(f"the mask of region {region} is empty: passed over")
    cut = report.size_px or (None if around_it.marks_mask is None else _size(around_it.marks_mask))
    if cut is not None and whole is not None and not region and report.offset_px is None:
        cut = whole
    centers = np.array([mark.center_px for mark in marks])
    reach = None
    if len(centers):
        (x0, y0), (x1, y1) = centers.min(axis=0), centers.max(axis=0)
        reach = (float(x0), float(x1), float(y0), float(y1))
    placing = place_region(region, report.offset_px, cut, box, whole, reach)
    if placing.why:
        reading.add(placing.why, placing.gravity)
    return whole, placing


def _check_region(
    marks: Sequence[Mark], around_it: Surroundings, picture_px: Size | None, placing: Placing, reading: Reading
) -> None:
    """A wrong offset shows in marks beside the region, too, before they leave the picture."""
    mask = around_it.region_mask
    if mask is None or _size(mask) != picture_px or not marks or not mask.any():
        return
    places = np.rint(np.array([mark.center_px for mark in marks]) + placing.offset_px)
    x, y = np.clip(places, 0, (mask.shape[1] - 1, mask.shape[0] - 1)).astype(np.intp).T
    beside = int((mask[y, x] == 0).sum())
    if 2 * beside > len(marks):
        what = f"{beside} of {len(marks)} marks lie beside region {around_it.region}: its offset may be wrong"
        reading.add(what)


def _size(mask: Whole) -> Size:
    return mask.shape[1], mask.shape[0]


def _box_around(mask: Whole) -> Box | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def _outlined(
    marks: Sequence[Mark], mask: Whole | None, picture_px: Size | None, placing: Placing, reading: Reading
) -> list[Mark]:
    """With the outlines of the mask of the marks, in the coordinates of the report."""
    if mask is None or not marks:
        return list(marks)
    size = _size(mask)
    if size == picture_px:
        shift = placing.offset_px
    elif size == placing.cut_px or (picture_px is None and placing.cut_px is None):
        shift = (0.0, 0.0)
    else:
        cut = "" if placing.cut_px is None else f", the region {sides(placing.cut_px)}"
        others = f"the picture {sides(picture_px)}{cut}"
        reading.add(f"the mask of the marks has {sides(size)} pixels, {others}: passed over")
        return list(marks)
    found = outlines_in(mask, [Sought(_shifted(m.center_px, shift), _shifted_box(m.box_px, shift)) for m in marks])
    missing = sum(outline is None for outline in found)
    if missing:
        which = "1 mark is" if missing == 1 else f"{missing} marks are"
        reading.add(f"{which} no part of the mask, or share one: they keep their boxes", "info")
    for mark, outline in zip(marks, found, strict=True):
        if outline is not None:
            mark.outline_px = outline - shift
    return list(marks)


def _shifted(center: Pair, shift: Pair) -> Pair:
    return center[0] + shift[0], center[1] + shift[1]


def _shifted_box(box: Rectangle | None, shift: Pair) -> Rectangle | None:
    return box and (box[0] + shift[0], box[1] + shift[1], box[2], box[3])


def _in_picture(
    marks: Sequence[Mark], source: Source, offset: Pair, picture_px: Size | None, reading: Reading
) -> tuple[SourceMark, ...]:
    """In pixels of the whole picture; what lies outside of it is rejected or, where that is asked for, moved in."""
    if not marks:
        return ()
    right, below = (np.inf, np.inf) if picture_px is None else (picture_px[0] - 0.5, picture_px[1] - 0.5)
    centers = np.array([mark.center_px for mark in marks]) + offset
    nearest = np.clip(centers, 0.0, (right - 0.5, below - 0.5))
    outside = np.abs(nearest - centers).max(axis=1) > 0.5
    outlines, counts = _outlines(marks)
    moves = np.where(outside[:, None], nearest - centers, 0.0) + offset
    placed = np.clip(outlines + np.repeat(moves, counts, axis=0), -0.5, (right, below))
    ends = np.cumsum(counts).tolist()
    starts = [0, *ends[:-1]]
    found = []
    for mark, start, end, out, at, to in zip(marks, starts, ends, outside.tolist(), centers, nearest, strict=True):
        if out:
            where = f"it must lie in the picture of {sides(picture_px)} pixels, its centre is at ({at[0]:g}, {at[1]:g})"
            if reading.settings.out_of_picture == "reject":
                reading.reject(mark.id, where + f", its region begins at ({offset[0]:g}, {offset[1]:g})" * any(offset))
                continue
            reading.placeless.append(Rejected(source.key, mark.id, where))
            reading.add(f"mark {mark.id}: {where}: moved to ({to[0]:g}, {to[1]:g})")
        found.append(_source_mark(mark, placed[start:end], source))
    return tuple(found)


def _outlines(marks: Sequence[Mark]) -> tuple[Points, NDArray[np.intp]]:
    """The outlines of all marks one after the other, and how many points each has: in a thirtieth of the time."""
    boxes = corners_of(np.array([mark.box_px or (0.0, 0.0, 0.0, 0.0) for mark in marks]))  # (marks, 4, 2)
    each = [box if mark.outline_px is None else mark.outline_px for mark, box in zip(marks, boxes, strict=True)]
    return np.concatenate(each), np.array([len(one) for one in each])
