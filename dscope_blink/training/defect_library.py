"""defect_library/: the index of all patches, with clusters, inferred names, and what is worth a person's look."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from dscope_blink.config.settings import Config, TrainingSettings
from dscope_blink.training import mark_table, patches
from dscope_blink.training.clustering import NOISE
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.defect_types import DefectTypes, fit_types, mean_evidence, read_types, write_types
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.labels import KINDS, Mark, Row
from dscope_blink.training.library_page import LibraryPage
from dscope_blink.training.sides import TRAIN, read_sides
from dscope_blink.training.tables import Column, measured, write_table
from dscope_blink.training.type_features import raw_features

TYPES, PAGE = "defect_types.json", "library.html"
AT_ONCE = 500  # marks that are given their clusters together
RARE = 0.1  # share of a cluster: a label that fewer of its marks have is at odds with it
LITTLE_EVIDENCE = 0.5  # of what detectors usually give marks of the kind
COLUMNS = (
    Column("id", "text", "of the mark, unique within the data set; its features are the row of this id in defects"),
    Column("features_row", "whole", "number of that row in defects.parquet, from 0"),
    Column("file", "text", "its patch, relative to the data set"),
    Column("image", "text", "name of its picture"),
    Column("zone", "text", "that holds it, as in the masks; empty: none"),
    Column("kind", "text", f"the label: {', '.join(KINDS)}"),
    Column("cluster", "whole", "of its features without labels; -1: like no others; null: too few marks for clusters"),
    Column("inferred", "text", "name of its cluster by stated rules; null: it has none", tells_label=True),
    Column("agrees", "truth", "whether that is the label; null: it has none", tells_label=True),
    Column("severity", "text", "by the criteria, as recorded; empty: nobody says", tells_label=True),
    Column("severity_score", "number", "0..1 by size, zone and kind; null without a scale", tells_label=True),
    Column("severity_tier", "text", "of that score; null without a scale", tells_label=True),
    Column("size_um", "number", "diameter of the smallest circle around its outline"),
    Column("lasts", "text", "permanent: scratch, pit, crack, chip; transient: contamination; or unknown"),
    Column("box_x_px", "whole", "first column of its pixels in the picture"),
    Column("box_y_px", "whole", "first row"),
    Column("box_width_px", "whole", "columns"),
    Column("box_height_px", "whole", "rows"),
    Column("patch_x_px", "whole", "first column of its patch in the picture"),
    Column("patch_y_px", "whole", "first row"),
    Column("patch_width_px", "whole", "columns"),
    Column("patch_height_px", "whole", "rows"),
    Column("polygon_px", "text", "outlines in the picture as JSON, x and y: the outer one, then its holes"),
    Column("map_x", "number", "where it lies on the map of the features; null: there is none"),
    Column("map_y", "number", "where it lies on the map of the features"),
    Column("labelled_by", "text", "program, rendered, injected or person"),
    Column("doubts", "whole", "number of reasons for a person to look at it"),
    Column("doubt", "text", "these reasons"),
)


def write_library(dataset: Dataset, config: Config) -> None:
    """Write index.parquet, index.csv, defect_types.json and library.html; remove patches that no mark has any more.

    Raises
    ------
    UserError : a file cannot be written, or `types_file` is none
    """
    folder, settings = dataset.folder / patches.FOLDER, config.training
    types = _types(dataset, config)
    if types is None:
        (folder / TYPES).unlink(missing_ok=True)
    files: set[str] = set()
    with LibraryPage(patches.FOLDER) as page:
        write_table(folder / "index", COLUMNS, _noted(_index(dataset, types, settings), page, files))
        page.write(folder / PAGE, types)
    if types is not None:
        write_types(folder / TYPES, types)
    _remove_others(dataset.folder, files)


def _noted(rows: Iterator[Row], page: LibraryPage, files: set[str]) -> Iterator[Row]:
    """The rows as they pass to the index."""
    for row in rows:
        page.add(row)
        files.add(row["file"])
        yield row


def _remove_others(base: Path, files: set[str]) -> None:
    for path in sorted((base / patches.FOLDER).rglob("*.png")):
        if path.relative_to(base).as_posix() not in files:
            path.unlink()


# --- types


def _types(dataset: Dataset, config: Config) -> DefectTypes | None:
    """Those of an earlier data set, or fitted on the training side of this one, or on all where there are no sides."""
    settings = config.training
    if settings.types_file:
        return read_types(config.folder / settings.types_file)
    sides = read_sides(dataset.folder)
    rows = dataset.rows(mark_table.TABLE)
    if not sides:
        return fit_types(rows, settings)
    return fit_types((row for row in rows if sides.get(row["image"]) == TRAIN), settings, TRAIN)


# --- the index


def _index(dataset: Dataset, types: DefectTypes | None, settings: TrainingSettings) -> Iterator[Row]:
    entries, number = _entries(dataset), 0
    while some := list(islice(entries, AT_ONCE)):
        grouped = _grouped([mark for mark, _ in some], types)
        for (mark, patch), group in zip(some, grouped, strict=True):
            yield _entry(number, mark, patch, group, types, settings)
            number += 1


def _entries(dataset: Dataset) -> Iterator[tuple[Row, Row]]:
    """Of each mark its features, and its patch with its outlines."""
    for labelled in dataset.labels():
        rows = (labelled.rows.get(table, ()) for table in (mark_table.TABLE, patches.TABLE))
        for mark, features, patch in zip(labelled.label.marks, *rows, strict=True):
            yield features, {**patch, "polygon_px": _polygon(mark)}


def _polygon(mark: Mark) -> str:
    """Outer outline first, then the holes: lists of x and y as JSON."""
    outlines = [np.round(outline, 2).tolist() for outline in (mark.outline_px, *mark.holes_px)]
    return json_bytes(outlines, indent=None).decode().strip()


def _grouped(marks: Sequence[Row], types: DefectTypes | None) -> list[Row]:
    """Cluster, inferred name and place on the map of each."""
    if types is None:
        return [dict.fromkeys(("cluster", "inferred", "agrees", "map_x", "map_y"))] * len(marks)
    scaled = types.scaler.scaled(raw_features(marks))
    clusters, places = types.nearest(scaled).tolist(), np.round(types.on_map(scaled), 3).tolist()
    names = [types.name_of(cluster) for cluster in clusters]
    return [
        {
            "cluster": cluster,
            "inferred": name,
            "agrees": None if name is None else name == mark["kind"],
            "map_x": x,
            "map_y": y,
        }
        for mark, cluster, name, (x, y) in zip(marks, clusters, names, places, strict=True)
    ]


def _entry(
    number: int, mark: Row, patch: Row, group: Row, types: DefectTypes | None, settings: TrainingSettings
) -> Row:
    doubts = tuple(_doubts(mark, group, types, settings))
    carried = {name: mark[name] for name in ("id", "image", "zone", "kind", "severity", "labelled_by")}
    said = {"features_row": number, "doubts": len(doubts), "doubt": "; ".join(doubts)}
    return measured({**carried, **patch, **group, **said})


def _doubts(
    mark: Mapping[str, Any], group: Row, types: DefectTypes | None, settings: TrainingSettings
) -> Iterator[str]:
    """Why a person should look at a mark; none of one that is certain."""
    if mark["labelled_by"] != "program":
        return
    if group["agrees"] is False and types is not None:
        own = types.clusters[group["cluster"]]
        share = own.kinds.get(mark["kind"], 0) / own.marks
        if share <= RARE:
            yield f"cluster {own.number} looks like {own.name}, {mark['kind']} is rare in it: {100 * share:.0f} %"
    if group["cluster"] == NOISE:
        yield "like no other marks"
    likely = mark[f"p_{mark['kind']}"]
    if likely is not None and likely <= 0.5 + settings.review_margin:
        yield f"its class has the probability {likely:.2f}"
    if mark["confidence"] is not None and abs(mark["confidence"] - 0.5) <= settings.review_margin:
        yield f"its confidence is {mark['confidence']:.2f}"
    evidence = mean_evidence(mark)
    usual = math.nan if types is None else types.usual_evidence.get(mark["kind"], math.nan)
    if evidence < LITTLE_EVIDENCE * usual:
        yield f"detectors disagree: their mean support is {evidence:.2f}, usual for {mark['kind']} is {usual:.2f}"
