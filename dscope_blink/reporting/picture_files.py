"""Records -> JSON, CSV and pictures on disk; measures and judges nothing. Files appear whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import Config, Reporting
from dscope_blink.files.decoding import Picture
from dscope_blink.files.drawn import marked
from dscope_blink.files.whole_files import write_file, write_parts
from dscope_blink.records import Inspection, Mask, SheetResult, zone_map
from dscope_blink.records.sealing import sealed
from dscope_blink.records.stored import Record, to_json
from dscope_blink.reporting.annotation import annotate
from dscope_blink.reporting.csv_files import SummaryTable, csv_bytes
from dscope_blink.reporting.gate_drawing import draw_sheet
from dscope_blink.reporting.plots import polar_sheet
from dscope_blink.reporting.sheet_files import sheet_bytes
from dscope_blink.reporting.tables import (
    CHANGE_COLUMNS,
    YIELD_COLUMNS,
    Row,
    Table,
    Yield,
    agreement_table,
    cell_table,
    defect_table,
    table_of,
    types_of,
)


def write_result(path: Path, inspection: Inspection) -> None:
    """NAME_result.json, one line for each part and each defect, so that a person can find their way in it.

    Raises UserError if the file cannot be written, as all writers here do.
    """
    write_file(path, _json_text(sealed(to_json(inspection))).encode("utf-8", "backslashreplace"))


def _json_text(record: Record) -> str:
    compact = partial(json.dumps, ensure_ascii=False, allow_nan=False)
    parts = [f"{compact(name)}: {compact(value)}" for name, value in record.items() if name != "defects"]
    defects = ",\n".join(f"  {compact(defect)}" for defect in record["defects"])
    before = list(record).index("defects")
    parts.insert(before, f'"defects": [\n{defects}\n]' if defects else '"defects": []')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write_defect_table(path: Path, inspection: Inspection, settings: Reporting) -> None:
    """NAME_report.csv: one row per defect."""
    write_file(path, csv_bytes(defect_table(inspection), settings.csv_style))


def write_agreement(path: Path, inspection: Inspection, config: Config) -> None:
    """NAME_agreement.csv: one row per pair of detectors."""
    write_file(path, csv_bytes(agreement_table(inspection, config), config.reporting.csv_style))


def write_cells(path: Path, inspection: Inspection, config: Config) -> None:
    """NAME_cells.csv: one row per zone and cell."""
    write_file(path, csv_bytes(cell_table(inspection, config.detectors), config.reporting.csv_style))


def write_summary(path: Path, table: SummaryTable) -> None:
    """summary_report.csv, written anew each time: it is whole whenever it is looked at."""
    write_parts(path, table.parts())


def write_changes(path: Path, rows: Sequence[Row], settings: Reporting) -> None:
    """changes_KEY.csv from rows of `change_row`: the results that judging them again has changed."""
    table = Table(types_of(CHANGE_COLUMNS), [list(row.values()) for row in rows])
    write_file(path, csv_bytes(table, settings.csv_style))


def write_yields(path: Path, yields: Iterable[Yield], settings: Reporting) -> None:
    """compare_editions.csv: one row per edition and class."""
    write_file(path, csv_bytes(table_of(YIELD_COLUMNS, ((one,) for one in yields)), settings.csv_style))


def write_annotated(path: Path, picture: NDArray[Any], inspection: Inspection, settings: Reporting) -> None:
    """NAME_annotated in the format of the settings; `picture` as `annotation.annotate` takes it."""
    drawn = annotate(picture, inspection, settings.annotated_view)
    if settings.annotated_format == "jpeg":
        _write_picture(path, ".jpg", drawn, (cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality, *_JPEG))
    else:
        _write_picture(path, ".png", drawn, _PNG)


def write_sheet_picture(path: Path, picture: NDArray[Any], result: SheetResult, settings: Reporting) -> None:
    """NAME_gate in the format of the settings; `picture` as `gate_drawing.draw_sheet` takes it."""
    drawn = draw_sheet(picture, result)
    if settings.annotated_format == "jpeg":
        _write_picture(path, ".jpg", drawn, (cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality, *_JPEG))
    else:
        _write_picture(path, ".png", drawn, _PNG)


def write_zone_image(path: Path, cut: Picture) -> None:
    """NAME_zone_ZONE.png, lossless; `cut` as `zone_images` gives it."""
    _write_picture(path, ".png", cut, _PNG)


# Drawings of 1000 x 1220 take 18 ms and 534 kB, with the default strategy 20 ms and 518 kB, with any other filter more
# of both or, by Paeth's, 5 ms more; at level 3 over 50 ms.
_PNG = (
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
)
# Colour as finely as brightness: halved, as is usual, it would fade on lines of one pixel.
_JPEG = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


def _write_picture(path: Path, ending: str, picture: Picture, options: Sequence[int]) -> None:
    _, data = cv2.imencode(ending, picture, options)
    write_file(path, marked(data.tobytes()))


def write_histogram(path: Path, inspection: Inspection, settings: Reporting) -> None:
    """NAME_histogram in the format of the settings: maps and distributions of the defects."""
    sheet = polar_sheet(inspection, settings.severity_weights, settings.heat_spread_share)
    write_file(path, sheet_bytes(sheet, settings.plot_format))


# --- pictures of zones -----------------------------------------------------------------------------------------------


def zone_images(picture: Picture, inspection: Inspection) -> Mapping[str, Picture]:
    """Each inspected zone cut out of the picture.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored
    inspection : its zones; empty ones where none was inspected

    Returns
    -------
    By name of the zone, (h, w, 4) of the picture's dtype in the smallest box: blue, green and red as stored, the grey
    level in all three for a grey picture, and alpha: full for the zone's pixels, 0 for all others, which are black. A
    zone without a pixel in the picture is left out.
    """
    zones = zone_map(picture.shape[:2], inspection.zones)
    asked = (outline for outline in zones.outlines if outline.name in inspection.request.zones)
    masks = {outline.name: zones.mask(outline.letter) for outline in asked}
    return {name: _cut_out(picture, mask) for name, mask in masks.items() if mask.any()}


def _cut_out(picture: Picture, mask: Mask) -> Picture:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    box = np.s_[y : y + height, x : x + width]
    cut = cv2.cvtColor(picture[box], cv2.COLOR_GRAY2BGRA if picture.ndim == 2 else cv2.COLOR_BGR2BGRA)
    cut[~mask[box]] = 0
    return cut
