"""A folder of pictures of good sheets to the file of a layout, and its card beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from dscope_blink.batch.job import load
from dscope_blink.batch.sheet_files import MADE_BY, eight_bits
from dscope_blink.config.settings import Config
from dscope_blink.files.names import MODEL_CARD
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import write_file
from dscope_blink.gates.calibrating import Naming, SeenSheet, learn_layout, see_markers
from dscope_blink.gates.crops import gray_of
from dscope_blink.gates.finders import marker_finder
from dscope_blink.gates.layouts import layout_bytes, load_layout
from dscope_blink.gates.sheets import find_good
from dscope_blink.records import Layout
from dscope_blink.reporting.layout_card import layout_page

logger = logging.getLogger("dscope.learning")


@dataclass(frozen=True, slots=True)
class LayoutLearning:
    """Everything that learning a layout needs, checked; nothing has been written yet."""

    config: Config
    images: tuple[ImageFile, ...]
    output: Path
    name: str

    @property
    def card(self) -> Path:
        """Where its card is written."""
        return self.output.with_name(self.output.stem + MODEL_CARD)


def learn_sheets(wanted: LayoutLearning, seen_one: Callable[[ImageFile], None] = lambda image: None) -> Layout:
    """Learn the layout of good sheets, and write it with its card.

    Parameters
    ----------
    wanted : which pictures, and where to write
    seen_one : called for each picture that was looked at

    Returns
    -------
    Layout as it was written

    Raises
    ------
    UserError : nothing can be learned from these, with the reason; nothing is written then
    WriteFailed : it cannot be written
    """
    sheets = []
    for image in wanted.images:
        sheets.append(see_sheet(wanted.config, image))
        seen_one(image)
    finder = marker_finder(wanted.config.gates, wanted.config.folder)
    made = datetime.now().astimezone().isoformat(timespec="seconds")
    layout = learn_layout(sheets, Naming(wanted.name, made, MADE_BY, finder.name), wanted.config.gates)
    write_file(wanted.output, layout_bytes(layout))
    layout = load_layout(wanted.output)
    write_file(wanted.card, layout_page(wanted.output.name, layout))
    logger.info("%s: learned from %d of %d pictures", wanted.output, layout.stated.learned_from, len(sheets))
    return layout


def see_sheet(config: Config, image: ImageFile) -> SeenSheet:
    """The markers of a picture that was offered as one of a good sheet; or why there are none."""
    loaded = load(image.path, image.file, config)
    unread = SeenSheet(image.file, loaded.info.sha256 or "", 0, 0, ())
    if loaded.picture is None:
        return replace(unread, why_not="" if loaded.problem is None else loaded.problem.text)
    settings, picture = config.gates, eight_bits(loaded)
    markers = find_good(picture, marker_finder(settings, config.folder), settings)
    inked = see_markers(markers, gray_of(picture), settings.density.paper_margin)
    return replace(unread, width_px=picture.shape[1], height_px=picture.shape[0], markers=inked)
