"""region_level/zones.parquet: one row for each zone of a picture, its geometry, its marks, its light and its label."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dscope_blink.config.settings import Config, TrainingSettings
from dscope_blink.image_processing.fiber_coordinates import box_of
from dscope_blink.records import LIMIT_BROKEN, WHOLE, ZONE_LETTERS, Inspection, ZoneOutline
from dscope_blink.training import texture
from dscope_blink.training.classes import ZONE_CLASSES, ZONES
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.faces import Face
from dscope_blink.training.labels import KINDS, Label, Mark, Row
from dscope_blink.training.masks import Placed, area_um2
from dscope_blink.training.severities import ZONE_LABELS, worst, zone_label
from dscope_blink.training.tables import Column, measured, write_table

TABLE = "zones"
STEM = Path("region_level") / TABLE
LEVELS = 256
IF_SOUGHT = "null where marks may be missing: not graded, not asked for, or not wholly seen"
NAMES = (
    Column("image", "text", "name of the picture"),
    Column("face", "text", "the physical face; empty: nobody says"),
    Column("zone", "text", "core, cladding, adhesive or ferrule, as in the masks"),
    Column("letter", "text", "A to D, as in the criteria"),
)
GEOMETRY = (
    Column("inner_radius_px", "number", "mean radius of its inner border; 0: it has none"),
    Column("inner_radius_um", "number", "the same on the face"),
    Column("outer_radius_px", "number", "mean radius of its outer border"),
    Column("outer_radius_um", "number", "the same on the face"),
    Column("center_x_px", "number", "of its outer border"),
    Column("center_y_px", "number", "of its outer border"),
    Column("core_offset_px", "number", "between the centres of core and cladding; null: no core was measured"),
    Column("core_offset_um", "number", "the same on the face"),
    Column("core_offset_x_um", "number", "from the centre of the cladding to that of the core"),
    Column("core_offset_y_um", "number", "from the centre of the cladding to that of the core"),
    Column("core_concentricity_pct", "number", "core offset over diameter of the cladding"),
    Column("area_px", "whole", "its pixels in the picture"),
    Column("area_um2", "number", "the same area"),
    Column("seen_share", "number", "how much of it lies in the picture; null: nobody has asked"),
)
CLEANLINESS = (
    Column("marks", "whole", f"in this zone by the criteria; {IF_SOUGHT}", tells_label=True),
    Column("marks_counted", "whole", f"of which the criteria count; {IF_SOUGHT}", tells_label=True),
    *(Column(f"marks_{kind}", "whole", f"of which are {kind}; {IF_SOUGHT}", tells_label=True) for kind in KINDS),
    Column("marks_area_px", "whole", f"pixels of the zone that lie in any mark; {IF_SOUGHT}", tells_label=True),
    Column("marks_area_um2", "number", f"the same area; {IF_SOUGHT}", tells_label=True),
    Column("marks_area_share", "number", f"the same over the area of the zone; {IF_SOUGHT}", tells_label=True),
    Column("largest_mark_area_px", "whole", f"of its marks, 0 without any; {IF_SOUGHT}", tells_label=True),
    Column("largest_mark_area_um2", "number", f"the same area; {IF_SOUGHT}", tells_label=True),
    Column("worst_kind", "text", "of its mark of the highest severity, of several the largest", tells_label=True),
    Column("worst_severity", "text", "of its marks", tells_label=True),
)
LIGHT = (
    Column("gray_mean", "number", "of its pixels, marks included, 0..1"),
    Column("gray_std", "number", "standard deviation of its pixels, 0..1"),
    Column("entropy_bits", "number", "of the histogram of its grey levels in 256 steps"),
    Column("gradient_mean_per_px", "number", "mean magnitude of the gradient, grey levels 0..1 per px"),
    Column("gradient_std_per_px", "number", "standard deviation of that magnitude, grey levels 0..1 per px"),
    *texture.COLUMNS,
)
OUTCOME = (
    Column(
        "label",
        "text",
        f"{', '.join(ZONE_LABELS)}: by the worst severity, as training.zone_minor_from and zone_major_from have it; "
        f"{IF_SOUGHT}",
        tells_label=True,
    ),
    Column(
        "passed",
        "truth",
        "whether no limit of this zone is broken; null where none is held against it, or not all could be seen",
        tells_label=True,
    ),
)
COLUMNS = (*NAMES, *GEOMETRY, *CLEANLINESS, *LIGHT, *OUTCOME)


def zone_rows(face: Face, settings: TrainingSettings) -> tuple[Row, ...]:
    """A row for each zone of a picture, from the innermost to the outermost."""
    light = _light(face)
    inner, rows = 0.0, []
    for outline in face.label.zones:
        value = 1 + ZONE_LETTERS.index(outline.letter)
        names = {"image": face.label.name, "face": face.label.face, "zone": ZONES[outline.name]}
        geometry = _geometry(face, outline, inner, value)
        outcome = {"passed": _passed(face.inspection, outline.name)}
        marks = _marks(face, outline, geometry, settings)
        rows.append(measured({**names, "letter": outline.letter, **geometry, **marks, **light[value], **outcome}))
        inner = outline.radius_px
    return tuple(rows)


def write_zone_rows(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """The rows of a picture; it has no files of its own."""
    return {TABLE: zone_rows(face, settings)}


def write_zone_table(dataset: Dataset, config: Config) -> None:
    """Write region_level/zones.parquet and zones.csv."""
    write_table(dataset.folder / STEM, COLUMNS, dataset.rows(TABLE))


# --- geometry


def _geometry(face: Face, outline: ZoneOutline, inner_px: float, value: int) -> Mapping[str, Any]:
    label = face.label
    um = math.nan if label.um_per_px is None else math.sqrt(label.um_per_px[0] * label.um_per_px[1])
    area = int(np.count_nonzero(face.zones == value))
    return {
        "inner_radius_px": inner_px,
        "inner_radius_um": inner_px * um,
        "outer_radius_px": outline.radius_px,
        "outer_radius_um": outline.radius_px * um,
        "center_x_px": float(outline.outer.center_px[0]),
        "center_y_px": float(outline.outer.center_px[1]),
        **_core_offset(face),
        "area_px": area,
        "area_um2": area_um2(area, label.um_per_px),
        "seen_share": outline.seen,
    }


def _core_offset(face: Face) -> Mapping[str, float]:
    label = face.label
    names = ("core_offset_px", "core_offset_um", "core_offset_x_um", "core_offset_y_um", "core_concentricity_pct")
    if label.core is None or label.cladding is None or not _core_is_measured(face.inspection):
        return dict.fromkeys(names, math.nan)
    px = np.subtract(label.core.center_px, label.cladding.center_px)
    um = px * ((math.nan, math.nan) if label.um_per_px is None else label.um_per_px)
    offset = float(np.hypot(*px))
    share = 100 * offset / label.cladding.mean_diameter_px
    return dict(zip(names, (offset, float(np.hypot(*um)), float(um[0]), float(um[1]), share), strict=True))


def _core_is_measured(inspection: Inspection | None) -> bool:
    """A nominal one stands where the cladding has its centre: that says nothing of the face."""
    if inspection is None:
        return True
    core = None if inspection.geometry is None else inspection.geometry.core
    return core is not None and core.source == "measured"


# --- marks


@dataclass(frozen=True, slots=True)
class _Own:
    """A mark of a zone, with its pixels."""

    mark: Mark
    area_px: int


def _marks(
    face: Face, outline: ZoneOutline, geometry: Mapping[str, Any], settings: TrainingSettings
) -> Mapping[str, Any]:
    if not marks_are_known(face, outline):
        return dict.fromkeys((*(column.name for column in CLEANLINESS), "label"))
    label, whole = face.label, int(geometry["area_px"])
    own = sorted(_own(label, face.masks, outline.name), key=lambda one: -one.area_px)
    marks = [one.mark for one in own]
    within = int(np.count_nonzero(face.instances[face.zones == 1 + ZONE_LETTERS.index(outline.letter)]))
    largest = own[0].area_px if own else 0
    heaviest = worst(marks)
    return {
        "marks": len(marks),
        "marks_counted": sum(mark.counted for mark in marks),
        **{f"marks_{kind}": sum(mark.kind == kind for mark in marks) for kind in KINDS},
        "marks_area_px": within,
        "marks_area_um2": area_um2(within, label.um_per_px),
        "marks_area_share": within / whole if whole else math.nan,
        "largest_mark_area_px": largest,
        "largest_mark_area_um2": area_um2(largest, label.um_per_px),
        "worst_kind": None if heaviest is None else heaviest.kind,
        "worst_severity": None if heaviest is None else heaviest.severity,
        "label": zone_label(marks, settings),
    }


def marks_are_known(face: Face, outline: ZoneOutline) -> bool:
    """Whether all marks of a zone were sought: what nobody has looked at is not clean."""
    inspection = face.inspection
    if face.label.source.by != "program":
        return True
    if not face.label.marks_are_known or (inspection is not None and outline.name not in inspection.request.zones):
        return False
    return (outline.seen is None or outline.seen >= WHOLE) and not _is_hidden(inspection)


def _is_hidden(inspection: Inspection | None) -> bool:
    """Whether a face that failed is in part one that could not be judged."""
    if inspection is None:
        return False
    return any(reason.kind not in (LIMIT_BROKEN, "no_scale") for reason in inspection.verdict.reasons)


def _own(label: Label, masks: Sequence[Placed], zone: str) -> Iterator[_Own]:
    for mark, (inside, _) in zip(label.marks, masks, strict=True):
        if mark.zone == zone:
            yield _Own(mark, int(np.count_nonzero(inside)))


def _passed(inspection: Inspection | None, zone: str) -> bool | None:
    """By the limits that the record has held against the marks of the zone."""
    if inspection is None or inspection.verdict.status == "NOT_GRADED":
        return None
    held = [check for check in inspection.verdict.checks if check.zone == zone]
    if any(check.broken for check in held):
        return False
    return None if not held or _is_hidden(inspection) else True


# --- light


def _light(face: Face) -> list[Mapping[str, float]]:
    """LIGHT of each of ZONE_CLASSES; NaN of one without pixels, and of what lies outside of all."""
    count, coded = len(ZONE_CLASSES), face.zones.astype(np.int32) * LEVELS + face.levels
    histograms = np.bincount(coded.ravel(), minlength=count * LEVELS).reshape(count, LEVELS)
    textures = texture.texture_of(texture.pairs_by_zone(face.levels, face.zones, count))
    rows: list[Mapping[str, float]] = [dict.fromkeys((column.name for column in LIGHT), math.nan)]
    for value, (histogram, own) in enumerate(zip(histograms[1:], textures[1:], strict=True), 1):
        rows.append({"entropy_bits": texture.entropy_of(histogram), **_means(face, value), **own})
    return rows


def _means(face: Face, value: int) -> Mapping[str, float]:
    mask = face.zones == value
    here = box_of(mask)  # the core is a small part of a picture
    own = mask[here].view(np.uint8)
    found = []
    for image in (face.gray, face.slope):
        mean, std = cv2.meanStdDev(image[here], mask=own) if own.size else (NONE, NONE)
        found += [float(mean[0, 0]), float(std[0, 0])]
    return dict(zip(("gray_mean", "gray_std", "gradient_mean_per_px", "gradient_std_per_px"), found, strict=True))


NONE = np.full((1, 1), math.nan)
