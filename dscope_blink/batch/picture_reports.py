"""The files of one picture beside its record: which are asked for, and what writes each.

A new one is a row here, its name a row of `files.names.RESULT_FILES`, and a writer in the wing of reports.
"""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from dscope_blink.config.settings import Config, Reporting
from dscope_blink.files.decoding import Picture
from dscope_blink.files.names import (
    AGREEMENT,
    ANNOTATED,
    CELLS,
    CERTIFICATE,
    CONFIDENCE,
    HISTOGRAM,
    TABLE,
    THUMBNAIL,
    VIEW,
    ZONE_IMAGES,
)
from dscope_blink.files.whole_files import discard, is_of_writing
from dscope_blink.records import Inspection, notice, printable
from dscope_blink.reporting.certificate_picture import page_picture
from dscope_blink.reporting.page_pictures import write_views
from dscope_blink.reporting.picture_files import (
    write_agreement,
    write_annotated,
    write_cells,
    write_defect_table,
    write_histogram,
    write_zone_image,
    zone_images,
)

LONGEST_ERROR = 300  # letters of it in the record; the log has it all

logger = logging.getLogger("dscope.image")


@dataclass(frozen=True, slots=True)
class WithoutPicture:
    """A file that needs no more than the inspection."""

    ends: Callable[[Reporting, Inspection], tuple[str, ...]]  # of the names that are asked for
    write: Callable[[str, Inspection, Reporting], None]  # from the start of the names


@dataclass(frozen=True, slots=True)
class WithPicture:
    """Files that show the picture, or what was measured in it."""

    ends: Callable[[Reporting, Inspection], tuple[str, ...]]
    write: Callable[[str, Picture, Inspection, Config], None]


@dataclass(frozen=True, slots=True)
class WithAnyPicture:
    """A file that shows the picture where there is one."""

    ends: Callable[[Reporting, Inspection], tuple[str, ...]]
    write: Callable[[str, Picture | None, Inspection], None]


PictureReport: TypeAlias = WithoutPicture | WithPicture | WithAnyPicture


def ends_of(wanted: Reporting, inspection: Inspection, is_there: bool = True) -> tuple[str, ...]:
    """The ends of the names of all files that belong to a picture beside its record.

    Parameters
    ----------
    wanted : which are asked for
    inspection : of the picture
    is_there : whether the picture is at hand: without it none of those is written that show it
    """
    reports = (one for one in PICTURE_REPORTS if is_there or not isinstance(one, WithPicture))
    return tuple(end for report in reports for end in _ends(report, wanted, inspection))


def write_reports(start: str, picture: Picture | None, inspection: Inspection, config: Config) -> Inspection:
    """Write them all; one that fails is left out, for the picture was inspected all the same.

    Parameters
    ----------
    start : path of the files up to the end of NAME
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored; None where it cannot be read or drawn
    inspection : of it
    config : its section `reporting` says which are asked for

    Returns
    -------
    The inspection, with a warning for each that was left out

    Raises
    ------
    UserError, OSError : a file cannot be written (disk full, no permission)
    """
    for report in PICTURE_REPORTS:
        ends = _ends(report, config.reporting, inspection)
        if ends:
            write = partial(_write, report, start, picture, inspection, config)
            inspection = written_or_left_out(start, ends, inspection, write)
    return inspection


def written_or_left_out(
    start: str, ends: tuple[str, ...], inspection: Inspection, write: Callable[[], None]
) -> Inspection:
    """Write files beside a record; those that fail in another way than that the system takes no more are left out.

    Parameters
    ----------
    start : path of the files up to the end of NAME
    ends : of their names
    inspection : the record
    write : writes them

    Returns
    -------
    The record, with a warning if they were left out

    Raises
    ------
    UserError, OSError : a file cannot be written (disk full, no permission)
    """
    try:
        write()
    except Exception as error:
        if is_of_writing(error):
            raise
        logger.exception("%s: not drawn", printable(inspection.image.file))
        return _left_out(start, ends, inspection, error)
    return inspection


def _write(report: PictureReport, start: str, picture: Picture | None, inspection: Inspection, config: Config) -> None:
    if isinstance(report, WithoutPicture):
        report.write(start, inspection, config.reporting)
    elif isinstance(report, WithAnyPicture):
        report.write(start, picture, inspection)
    elif picture is not None:
        report.write(start, picture, inspection, config)


def _left_out(start: str, ends: tuple[str, ...], inspection: Inspection, error: Exception) -> Inspection:
    """Remove what there is of a report that failed, so that it counts as missing, and say so."""
    for end in ends:
        with suppress(OSError):
            discard(Path(start + end))
    names = ", ".join(Path(start).name + end for end in ends)
    said = textwrap.shorten(f"{names}, {type(error).__name__}: {error}", LONGEST_ERROR, placeholder=" ...")
    warnings = (*inspection.quality.warnings, notice("not_drawn", said))
    return replace(inspection, quality=replace(inspection.quality, warnings=warnings))


def _ends(report: PictureReport, wanted: Reporting, inspection: Inspection) -> tuple[str, ...]:
    unseen = isinstance(report, WithPicture) and inspection.image.width is None
    return () if unseen else report.ends(wanted, inspection)


def _if(asked: bool, *ends: str) -> tuple[str, ...]:
    return ends if asked else ()


def _view_ends(wanted: Reporting, inspection: Inspection) -> tuple[str, ...]:
    return _if(wanted.report, VIEW, THUMBNAIL) + _if(wanted.report and inspection.was_measured, CONFIDENCE)


def _zone_ends(wanted: Reporting, inspection: Inspection) -> tuple[str, ...]:
    inspected = (zone.name for zone in inspection.zones if zone.name in inspection.request.zones)
    return _if(wanted.zone_images, *(ZONE_IMAGES[name] for name in inspected))


def _write_annotated(start: str, picture: Picture, inspection: Inspection, config: Config) -> None:
    wanted = config.reporting
    write_annotated(Path(start + ANNOTATED[wanted.annotated_format]), picture, inspection, wanted)


def _write_histogram(start: str, picture: Picture, inspection: Inspection, config: Config) -> None:
    wanted = config.reporting
    write_histogram(Path(start + HISTOGRAM[wanted.plot_format]), inspection, wanted)


def _write_zone_images(start: str, picture: Picture, inspection: Inspection, config: Config) -> None:
    for zone, cut in zone_images(picture, inspection).items():
        write_zone_image(Path(start + ZONE_IMAGES[zone]), cut)


def _write_defect_table(start: str, inspection: Inspection, wanted: Reporting) -> None:
    write_defect_table(Path(start + TABLE), inspection, wanted)


def _write_certificate(start: str, picture: Picture | None, inspection: Inspection) -> None:
    from dscope_blink.reporting.certificate import write_certificate

    write_certificate(Path(start + CERTIFICATE), inspection, page_picture(start, inspection, picture))


PICTURE_REPORTS: tuple[PictureReport, ...] = (
    WithoutPicture(lambda wanted, i: (TABLE,), _write_defect_table),
    WithPicture(lambda wanted, i: (ANNOTATED[wanted.annotated_format],), _write_annotated),
    WithPicture(lambda wanted, i: _if(wanted.plots, HISTOGRAM[wanted.plot_format]), _write_histogram),
    WithPicture(_view_ends, lambda start, picture, i, config: write_views(start, picture, i, config.reporting)),
    WithPicture(
        lambda wanted, i: _if(wanted.agreement and i.was_measured, AGREEMENT),
        lambda start, picture, i, config: write_agreement(Path(start + AGREEMENT), i, config),
    ),
    WithPicture(
        lambda wanted, i: _if(wanted.cells and i.was_measured, CELLS),
        lambda start, picture, i, config: write_cells(Path(start + CELLS), i, config),
    ),
    WithPicture(_zone_ends, _write_zone_images),
    WithAnyPicture(lambda wanted, i: _if(wanted.pdf, CERTIFICATE), _write_certificate),
)
