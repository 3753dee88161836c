"""defects.parquet: every mark with its features, measured alike whoever labelled it, and what its record says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dscope_blink.analysis.zoning import distances_px
from dscope_blink.config.settings import Config, TrainingSettings
from dscope_blink.records import SEVERITIES, Defect
from dscope_blink.training import mark_light, mark_shape
from dscope_blink.training.classes import ZONES
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.faces import Face
from dscope_blink.training.labels import KINDS, Label, Mark, Row
from dscope_blink.training.masks import Placed, box_of
from dscope_blink.training.tables import Column, measured, write_table

TABLE = "defects"
EVIDENCE = "evidence_"
NAMES = (
    Column("id", "text", "of the mark, unique within the data set"),
    Column("image", "text", "name of its picture"),
    Column("mark", "text", "its id within the picture"),
    Column("face", "text", "the physical face; empty: nobody says"),
    Column("kind", "text", f"what it is: {', '.join(KINDS)}"),
    Column("severity", "text", f"{', '.join(SEVERITIES)}; empty: nobody says", tells_label=True),
    Column("counted", "truth", "whether the criteria count it", tells_label=True),
    Column("confidence", "number", "of its class, 0..1; null: certain", tells_label=True),
    *(Column(f"p_{kind}", "number", f"how likely it is {kind}; null: certain", tells_label=True) for kind in KINDS),
    Column("labelled_by", "text", "program, rendered, injected or person", tells_label=True),
    Column("labelled_by_name", "text", "program and version, or the person", tells_label=True),
)
PLACE = (
    Column("zone", "text", "that holds it, as in the masks; empty: none"),
    Column("center_x_px", "number", "mean of its pixels"),
    Column("center_y_px", "number", "mean of its pixels"),
    Column("box_x_px", "whole", "first column"),
    Column("box_y_px", "whole", "first row"),
    Column("box_width_px", "whole", "columns"),
    Column("box_height_px", "whole", "rows"),
    Column("radius_px", "number", "distance of its middle from the centre of the cladding"),
    Column("radius_um", "number", "the same on the face"),
    Column("radius_in_claddings", "number", "radius over that of the cladding; 1: on its edge"),
    Column("angle_deg", "number", "where it lies about that centre, from x, clockwise on the screen, 0 <= angle < 360"),
)
# What the verdict goes by, with the blur taken out; null where no record has measured the mark.
RECORDED = {"length_um": "length", "width_um": "width", "diameter_um": "diameter", "area_um2": "area"}
JUDGED = (
    *(Column(f"judged_{name}", "number", f"{what} in the record, blur taken out") for name, what in RECORDED.items()),
    *(
        Column(f"judged_{name.replace('um', 'px')}", "number", f"{what} in the record, blur taken out")
        for name, what in RECORDED.items()
        if name != "area_um2"
    ),
    Column("judged_contrast", "number", "(mark - background) / background at its peak, in the record"),
)


def columns_of(detectors: Iterable[str]) -> tuple[Column, ...]:
    """All columns, with those of the evidence of these detectors."""
    evidence = (
        Column(f"{EVIDENCE}{name}", "number", f"mean support by detector {name}, 0..1; null: it has not measured it")
        for name in detectors
    )
    return (*NAMES, *PLACE, *mark_shape.COLUMNS, *mark_light.COLUMNS, *JUDGED, *evidence)


def mark_rows(face: Face) -> tuple[Row, ...]:
    """A row for each mark of a picture, with the evidence of those detectors that have measured it."""
    marks = zip(face.label.mark_ids, face.label.marks, face.masks, mark_light.light_of(face), strict=True)
    return tuple(_row(face, name, mark, placed, light) for name, mark, placed, light in marks)


def write_mark_rows(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """The rows of a picture; it has no files of its own."""
    return {TABLE: mark_rows(face)}


def write_mark_table(dataset: Dataset, config: Config) -> None:
    """Write defects.parquet and defects.csv."""
    columns = columns_of(config.detectors)
    write_table(dataset.folder / TABLE, columns, _filled_in(dataset.rows(TABLE), columns))


def _filled_in(rows: Iterable[Row], columns: Iterable[Column]) -> Iterator[Row]:
    evidence = dict.fromkeys(column.name for column in columns if column.name.startswith(EVIDENCE))
    return ({**evidence, **row} for row in rows)


def _row(face: Face, name: str, mark: Mark, placed: Placed, light: Mapping[str, Any]) -> Row:
    label = face.label
    return measured(
        {
            "id": name,
            "image": label.name,
            "mark": mark.id,
            "face": label.face,
            "kind": mark.kind,
            "severity": mark.severity,
            "counted": mark.counted,
            "confidence": mark.confidence,
            **{f"p_{kind}": mark.class_probabilities.get(kind) for kind in KINDS},
            "labelled_by": mark.source.by,
            "labelled_by_name": mark.source.name,
            **_place(label, mark, placed),
            **mark_shape.shape_of(placed[0], label.um_per_px),
            **light,
            **_recorded(face.measured.get(mark.id)),
        }
    )


def _place(label: Label, mark: Mark, placed: Placed) -> Mapping[str, Any]:
    mask, corner = placed
    rows, columns = np.nonzero(mask)
    x, y = float(columns.mean()) + corner[0], float(rows.mean()) + corner[1]
    box = box_of(mask, corner)
    return {
        "zone": ZONES.get(mark.zone, mark.zone),
        "center_x_px": x,
        "center_y_px": y,
        **dict(zip(("box_x_px", "box_y_px", "box_width_px", "box_height_px"), box, strict=True)),
        **_from_centre(label, x, y),
    }


def _from_centre(label: Label, x: float, y: float) -> Mapping[str, float]:
    if label.cladding is None:
        return dict.fromkeys(("radius_px", "radius_um", "radius_in_claddings", "angle_deg"), math.nan)
    across, down = x - label.cladding.center_px[0], y - label.cladding.center_px[1]
    um = (math.nan, math.nan) if label.um_per_px is None else label.um_per_px
    mean_px = distances_px(np.array([[x, y]]), label.cladding)[0]
    return {
        "radius_px": math.hypot(across, down),
        "radius_um": math.hypot(across * um[0], down * um[1]),
        "radius_in_claddings": 2 * float(mean_px) / label.cladding.mean_diameter_px,
        "angle_deg": math.degrees(math.atan2(down, across)) % 360,
    }


def _recorded(defect: Defect | None) -> Mapping[str, float | None]:
    names = [column.name for column in JUDGED]
    if defect is None:
        return dict.fromkeys(names)
    judged = {name: getattr(defect, name.removeprefix("judged_")) for name in names}
    return judged | {f"{EVIDENCE}{name}": share for name, share in defect.evidence.items()}
