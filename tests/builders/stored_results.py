"""Folders of stored results with the pictures that the report shows, made of hand-made records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from dscope_blink.files.names import RESULT
from dscope_blink.records import Inspection
from dscope_blink.reporting.csv_files import SummaryTable
from dscope_blink.reporting.page_pictures import write_views
from dscope_blink.reporting.picture_files import write_annotated, write_result, write_summary
from dscope_blink.reporting.tables import Row
from tests.builders.inspections import FAILED, HEIGHT, PASSED, WIDTH
from tests.builders.settings import SETTINGS

REPORTING = SETTINGS.profile("fast_scan").reporting
APART = replace(REPORTING, report_embed_max_mb=0)  # pictures lie beside the page
HOSTILE = (  # texts that a page might run, or break at
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</script><script>alert(3)</script><!--",
    "javascript:alert(4)",
    "a\nb\u2028c",
    "{{ 7 * 7 }}${7*7}",
    "x" * 3000,
)
PICTURE = np.tile(np.linspace(40, 220, WIDTH).astype(np.uint8), (HEIGHT, 1))
CONFIDENCE = np.zeros((HEIGHT // 2, WIDTH // 2), np.float32)
CONFIDENCE[200:210, 200:230] = 1.5


def result_of(folder: Path, name: str, inspection: Inspection, pictures: bool = True) -> Path:
    """One stored result; its pictures lie beside it where it is that of a readable picture."""
    path = folder / f"{name}{RESULT}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_result(path, inspection)
    if pictures and inspection.image.width is not None:
        write_views(str(folder / name), PICTURE, replace(inspection, confidence=CONFIDENCE), REPORTING)
    return path


def results_of(folder: Path, inspections: Mapping[str, Inspection], pictures: bool = True) -> list[Path]:
    """One for each name, which is that of the picture file too."""
    return [
        result_of(folder, name, replace(one, image=replace(one.image, file=f"{name}.png")), pictures)
        for name, one in inspections.items()
    ]


def annotated(folder: Path, name: str, inspection: Inspection) -> None:
    """NAME_annotated.png."""
    write_annotated(folder / f"{name}_annotated.png", PICTURE, inspection, REPORTING)


def alternating(count: int) -> dict[str, Inspection]:
    """Results that fail and pass by turns."""
    return {f"face_{number:04}": (FAILED, PASSED)[number % 2] for number in range(count)}


def write_summary_of(path: Path, rows: Iterable[Row], style: str = "international") -> None:
    """The table of a batch that has these rows."""
    table = SummaryTable(style)
    for place, row in enumerate(rows):
        table.add(place, row)
    write_summary(path, table)
