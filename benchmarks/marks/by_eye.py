"""Marks that a person labelled one by one in six photographs, against those that are reported there.

python -m benchmarks.marks.by_eye [--shared ../shared] [--profile NAME] [--workers 2] [--draw FOLDER]

Labels are coordinates in tests/labels/marks_by_eye.json, which says how they were made; the photographs lie elsewhere.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.rendered import ROOT
from benchmarks.validation.bench import Bench, settings
from benchmarks.validation.photographs import inspect_photograph, labelled
from benchmarks.validation.statistics import share
from dscope_blink.files.decoding import Picture, to_gray
from dscope_blink.records import ZONE_NAMES, Defect, Inspection, Mask, Points, zone_map
from dscope_blink.synthetic.faces import Vector

Outline: TypeAlias = NDArray[np.float32]  # (n, 2), micrometres

LABELS = ROOT / "tests" / "labels" / "marks_by_eye.json"
SIZE_CLASSES_UM: Mapping[str, Vector] = MappingProxyType(
    {">= 2 um": (2.0, math.inf), "1-2 um": (1.0, 2.0), "< 1 um": (0.0, 1.0)}
)
REGIONS = ("A", "B", "edge", "D")
EDGE_UM = 2.5  # from the border of the cladding
CENTRE_UM = 0.3  # an outline so near to the centre of a mark covers it
NEAR_UM = 0.5  # an outline so near to the rim of a mark means it, if it covers no other
CLEAR_UM = 1.0  # a report so far from the rim of every label is false
COVERED = 0.3  # of its course: then a line is found
STEP_UM = 0.5  # between the points of a course


@dataclass(frozen=True, slots=True)
class Label:
    """One mark as the eye saw it, in micrometres from the corner of the picture."""

    at_um: Points  # (2,)
    course_um: Points | None  # (n, 2), evenly apart, of what is a line
    length_um: float
    width_um: float
    kind: str
    sure: bool
    region: str  # one of REGIONS
    second_look: bool  # seen only after it had been reported
    counted: bool = True  # its middle lies where marks are asked for

    @property
    def size_class(self) -> str:
        """The name of its size among SIZE_CLASSES_UM."""
        return next(name for name, (low, high) in SIZE_CLASSES_UM.items() if low <= self.length_um < high)


@dataclass(frozen=True, slots=True)
class Seen:
    """A label, and what is reported there."""

    picture: str
    label: Label
    place_px: tuple[float, float]
    reports: tuple[str, ...]
    found: bool
    pieces: int  # the most reports of it in one zone
    error_um: float | None  # of the length; None unless one report means this label alone


@dataclass(frozen=True, slots=True)
class Report:
    """A reported mark, and how many sure labels it covers."""

    picture: str
    name: str
    place_px: tuple[float, float]
    region: str
    zone: str  # of the record
    size_um: float
    covers: int  # sure labels that are separate things
    false: bool  # far from every label
    second_look: bool  # near to a label of the second look alone


@dataclass(frozen=True, slots=True)
class Compared:
    """All labels and all reports of some photographs."""

    labels: tuple[Seen, ...]
    reports: tuple[Report, ...]
    pictures: int


@dataclass(frozen=True, slots=True)
class Job:
    """One photograph, by one profile."""

    name: str
    shared: Path
    profile: str


def measured(bench: Bench, profile: str | None = None) -> Compared:
    """Inspect the labelled photographs that are there and compare; nothing where they are absent."""
    if bench.shared is None:
        return Compared((), (), 0)
    jobs = [Job(name, bench.shared, profile or settings().default_profile) for name in labelled_by_eye()]
    each = bench.run(compared, bench.plan.some(jobs))
    return Compared(
        tuple(seen for one in each for seen in one.labels),
        tuple(report for one in each for report in one.reports),
        len(each),
    )


@cache
def labelled_by_eye() -> Mapping[str, Any]:
    """The labels of each photograph by its name."""
    pictures: dict[str, Any] = json.loads(LABELS.read_text(encoding="utf-8"))["pictures"]
    return pictures


def compared(job: Job) -> Compared:
    """One photograph."""
    return compare(job.name, labelled_by_eye()[job.name], *_inspected(job))


@cache
def _inspected(job: Job) -> tuple[Picture, Inspection]:
    config = settings().profile(job.profile)
    photograph = next(p for p in labelled(job.shared, config) if p.path.name == job.name)
    return photograph.picture(config), inspect_photograph(photograph, config)


def compare(name: str, described: Mapping[str, Any], picture: Picture, inspection: Inspection) -> Compared:
    """What became of the labels of one picture, and what each report there means.

    Parameters
    ----------
    name : of the picture
    described : its entry in the file of labels
    picture : (H, W) or (H, W, 3)
    inspection : its record
    """
    scale = np.array(described["um_per_px"])
    asked = _asked(described, picture.shape[:2], inspection)
    labels = list(_labels(described, scale, asked))
    defects = [d for d in inspection.defects if _is_in(asked, d.centroid_px)]
    outlines: list[Outline] = [np.asarray(d.contour_px * scale, np.float32) for d in defects]
    size = len(outlines), len(labels)
    covered = np.array([_covers(o, label) for o in outlines for label in labels], bool).reshape(size)
    gaps = np.array([_gap_um(o, label) for o in outlines for label in labels], float).reshape(size)
    nearest = (gaps <= NEAR_UM) & (gaps == np.min(gaps, axis=1, keepdims=True, initial=math.inf))
    nearest &= np.array([label.course_um is None for label in labels], bool)
    meant = covered | (nearest & ~np.any(covered, axis=1, keepdims=True))
    seen = [_seen(name, label, scale, meant[:, k], meant, defects, outlines) for k, label in enumerate(labels)]
    reports = [
        Report(
            name,
            d.id,
            d.centroid_px,
            _region(np.array(d.centroid_px) * scale, described),
            d.zone,
            d.diameter_um or math.nan,
            _separate([label for label, is_covered in zip(labels, row, strict=True) if is_covered and label.sure]),
            not meant[k].any() and not bool((gaps[k] <= CLEAR_UM).any()),
            all(label.second_look for label, gap in zip(labels, gaps[k], strict=True) if gap <= CLEAR_UM),
        )
        for k, (d, row) in enumerate(zip(defects, covered, strict=True))
    ]
    return Compared(tuple(s for s in seen if s.label.counted), tuple(reports), 1)


def _asked(described: Mapping[str, Any], shape: tuple[int, int], inspection: Inspection) -> Mask:
    """Where labels were made and marks were sought."""
    h, w = shape
    y, x = np.mgrid[:h, :w]
    (cx, cy), (a, b) = described["centre_px"], described["semi_axes_px"]
    area = np.hypot((x - cx) / a, (y - cy) / b) <= described["labelled_radius"]
    if described["left_out_px"]:
        left_out = np.zeros(shape, np.uint8)
        cv2.fillPoly(left_out, [np.array(described["left_out_px"], np.int32)], 1)
        area &= left_out == 0
    return np.asarray(area & (zone_map(shape, inspection.zones).labels > 0))


def _is_in(asked: Mask, place_px: Sequence[float]) -> bool:
    x, y = (round(v) for v in place_px)
    return 0 <= x < asked.shape[1] and 0 <= y < asked.shape[0] and bool(asked[y, x])


def _labels(described: Mapping[str, Any], scale: Points, asked: Mask) -> Iterator[Label]:
    for second_look, marks in ((False, described["marks"]), (True, described["second_look"])):
        for mark in marks:
            at, counted = np.array(mark["at_px"]) * scale, _is_in(asked, mark["at_px"])
            course = _evenly(np.array(mark["course_px"]) * scale) if "course_px" in mark else None
            sure, sizes = mark["sure"] and not second_look, (mark["length_um"], mark["width_um"])
            yield Label(at, course, *sizes, mark["kind"], sure, _region(at, described), second_look, counted)


def _evenly(course_um: Points) -> Points:
    """Points on a course, a step apart."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(course_um, axis=0).T))])
    at = np.arange(0, along[-1], STEP_UM)
    return np.stack([np.interp(at, along, course_um[:, k]) for k in (0, 1)], axis=1)


def _region(at_um: Points, described: Mapping[str, Any]) -> str:
    axes = np.array(described["semi_axes_px"]) * described["um_per_px"]
    radius = np.hypot(*((at_um / described["um_per_px"] - described["centre_px"]) / described["semi_axes_px"]))
    if abs(radius - 1) * axes.mean() <= EDGE_UM:
        return "edge"
    return "D" if radius > 1 else "A" if radius * axes.mean() <= described["core_um"] / 2 else "B"


def _covers(outline_um: Outline, label: Label) -> bool:
    """Whether an outline lies over the centre of a mark, or over enough of the course of a line, or all along it."""
    if label.course_um is None:
        return _distance_um(outline_um, label.at_um) <= CENTRE_UM
    over = _over(outline_um, label.course_um).mean()
    return bool(over >= COVERED) or (bool(over > 0) and _lies_along(outline_um, label))


def _over(outline_um: Outline, course_um: Points) -> Mask:
    """Over which points of a course an outline lies, (n,)."""
    return np.array([_distance_um(outline_um, at) <= NEAR_UM for at in course_um])


def _lies_along(outline_um: Outline, line: Label) -> bool:
    """Whether most of an outline lies within a line."""
    assert line.course_um is not None
    apart = np.hypot(*(outline_um[:, None] - line.course_um[None]).transpose(2, 0, 1)).min(axis=1)
    return bool((apart <= line.width_um / 2 + CLEAR_UM).mean() >= 0.8)


def _distance_um(outline_um: Outline, at_um: Points) -> float:
    """From a point to an outline, negative inside."""
    return -cv2.pointPolygonTest(outline_um, (float(at_um[0]), float(at_um[1])), True)


def _gap_um(outline_um: Outline, label: Label) -> float:
    """Between an outline and the rim of a mark."""
    if label.course_um is None:
        return _distance_um(outline_um, label.at_um) - label.length_um / 2
    return min(_distance_um(outline_um, at) for at in label.course_um) - label.width_um / 2


def _seen(
    name: str,
    label: Label,
    scale: Points,
    mine: Mask,
    meant: Mask,
    defects: Sequence[Defect],
    outlines: Sequence[Outline],
) -> Seen:
    reports = [d for d, is_meant in zip(defects, mine, strict=True) if is_meant]
    zones = [d.zone for d in reports]
    alone = len(reports) == 1 and meant[mine].sum() == 1
    size = (reports[0].length_um if label.course_um is not None else reports[0].diameter_um) if alone else None
    return Seen(
        name,
        label,
        tuple((label.at_um / scale).round(1).tolist()),
        tuple(d.id for d in reports),
        _is_found(label, [o for o, is_meant in zip(outlines, mine, strict=True) if is_meant]),
        max(map(zones.count, zones), default=0),
        None if size is None else size - label.length_um,
    )


def _is_found(label: Label, outlines_um: Sequence[Outline]) -> bool:
    """Whether a mark is meant by any of the outlines, or enough of a line by all together."""
    if label.course_um is None or not outlines_um:
        return bool(outlines_um)
    return bool(np.any([_over(o, label.course_um) for o in outlines_um], axis=0).mean() >= COVERED)


def _separate(labels: Sequence[Label]) -> int:
    """How many things these are: what lies on the course of a line belongs to it."""
    lines = [label for label in labels if label.course_um is not None]
    dots = [label for label in labels if label.course_um is None]
    return len(lines) + sum(not any(_is_on(dot, line) for line in lines) for dot in dots)


def _is_on(dot: Label, line: Label) -> bool:
    assert line.course_um is not None
    return bool(np.hypot(*(line.course_um - dot.at_um).T).min() <= (line.width_um + dot.width_um) / 2)


# --- what is drawn

LABELLED, UNSURE, REPORTED, TIMES = (80, 255, 80), (80, 200, 255), (255, 80, 255), 4  # BGR; enlargement


def draw(folder: Path, job: Job) -> None:
    """The photograph enlarged around its cladding: labels in green, unsure ones in orange, reports in magenta."""
    picture, inspection = _inspected(job)
    described = labelled_by_eye()[job.name]
    (cx, cy), radius = described["centre_px"], max(described["semi_axes_px"]) * min(described["labelled_radius"], 2)
    x0, y0 = max(round(cx - radius) - 4, 0), max(round(cy - radius) - 4, 0)
    part = to_gray(picture)[y0 : round(cy + radius) + 5, x0 : round(cx + radius) + 5].astype(np.float32)
    low, high = np.percentile(part, (0.5, 99.7))
    part = cv2.resize((part - low) / (high - low) * 255, None, fx=TIMES, fy=TIMES, interpolation=cv2.INTER_CUBIC)
    canvas = cv2.cvtColor(np.clip(part, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)

    def placed(points_px: Points) -> Points:
        return np.rint((np.asarray(points_px) - (x0, y0) + 0.5) * TIMES).astype(np.int32)

    for d in inspection.defects:
        cv2.polylines(canvas, [placed(d.contour_px)], True, REPORTED, 1, cv2.LINE_AA)
        text = f"{d.id} {d.diameter_um:.1f}"
        cv2.putText(canvas, text, placed(np.array(d.bbox_px[:2]) - 1).tolist(), 0, 0.4, REPORTED, 1, cv2.LINE_AA)
    for mark in (*described["marks"], *described["second_look"]):
        colour = LABELLED if mark["sure"] else UNSURE
        if "course_px" in mark:
            cv2.polylines(canvas, [placed(mark["course_px"])], False, colour, 1, cv2.LINE_AA)
        else:
            axes = np.rint(mark["length_um"] / 2 / np.array(described["um_per_px"]) * TIMES).astype(int).tolist()
            cv2.ellipse(canvas, placed(mark["at_px"]).tolist(), axes, 0, 0, 360, colour, 1, cv2.LINE_AA)
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{Path(job.name).stem}.png"), canvas)


# --- what is printed


def main() -> None:
    """Compare, and print the shares and every case that is not as the eye saw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", metavar="DIR", help="the photographs")
    parser.add_argument("--profile", default=settings().default_profile)
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help="labels and outlines over each photograph")
    args = parser.parse_args()
    jobs = [Job(name, args.shared, args.profile) for name in labelled_by_eye()]
    each = [compared(job) for job in jobs]
    labels = [seen for one in each for seen in one.labels]
    reports = [report for one in each for report in one.reports]
    _print_shares(labels, reports, len(each))
    _print_cases(labels, reports)
    for job in jobs if args.draw else ():
        draw(args.draw, job)


def _print_shares(labels: Sequence[Seen], reports: Sequence[Report], pictures: int) -> None:
    for name, seen in sure_by_size(labels).items():
        errors = [s.error_um for s in seen if s.error_um is not None]
        error = f"{np.median(errors):+.2f}, spread {spread(errors):.2f} um (n {len(errors)})" if errors else "-"
        print(f"sure, {name:<8} found {share(sum(s.found for s in seen), len(seen)):<34} size error {error}")
    for region in REGIONS:
        mine = [s for s in labels if s.label.sure and s.label.region == region]
        print(f"sure, {region:<8} found {share(sum(s.found for s in mine), len(mine))}")
    for name in dict.fromkeys(s.picture for s in labels):
        mine = [s for s in labels if s.label.sure and s.picture == name]
        print(f"{name:<14} found {share(sum(s.found for s in mine), len(mine))}")
    joined = [r for r in reports if r.covers > 1]
    in_them = sum(r.covers for r in joined)
    print(f"reports that join labels: {share(len(joined), len(reports))}, labels in them {in_them}")
    print(f"labels in pieces: {share(sum(s.pieces > 1 for s in labels), sum(s.found for s in labels))}")
    print(f"false in A and B: {false_inside(reports) / max(pictures, 1):.2f} a picture")
    for region in REGIONS:
        print(f"false, {region}: {sum(r.false for r in reports if r.region == region)}")
    print(f"seen only on second look: {sum(s.label.second_look for s in labels)}")


def sure_by_size(labels: Sequence[Seen]) -> dict[str, list[Seen]]:
    """The sure labels of each size class."""
    return {name: [s for s in labels if s.label.sure and s.label.size_class == name] for name in SIZE_CLASSES_UM}


def false_inside(reports: Sequence[Report]) -> int:
    """How many false ones the record puts into A or B, the edge with them."""
    return sum(r.false for r in reports if r.zone in (ZONE_NAMES["A"], ZONE_NAMES["B"]))


def spread(errors: Sequence[float]) -> float:
    """Half of what lies between the 16th and the 84th percentile: the standard deviation of what is normal."""
    low, high = np.percentile(errors, (16, 84))
    return float(high - low) / 2


def _print_cases(labels: Sequence[Seen], reports: Sequence[Report]) -> None:
    cases: tuple[tuple[str, Callable[[Seen], bool]], ...] = (
        ("missed", lambda s: s.label.sure and not s.found),
        ("in pieces", lambda s: s.pieces > 1),
    )
    for title, is_one in cases:
        print(f"\n{title}:")
        for s in filter(is_one, labels):
            size = f"{s.label.length_um:g} x {s.label.width_um:g} um"
            print(f"  {s.picture} {s.label.region:<4} {s.place_px} {s.label.kind} {size} {' '.join(s.reports)}")
    for title, mine in (("joined", [r for r in reports if r.covers > 1]), ("false", [r for r in reports if r.false])):
        print(f"\n{title}:")
        for r in mine:
            covers = f" covers {r.covers}" if r.covers else ""
            place = tuple(round(v, 1) for v in r.place_px)
            print(f"  {r.picture} {r.region:<4} {place} {r.name} {r.size_um:.1f} um{covers}")


if __name__ == "__main__":
    main()
