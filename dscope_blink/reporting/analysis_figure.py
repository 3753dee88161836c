"""NAME_analysis.png: a face beside what good ones are like on one page of eight panels, whatever the picture's size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dscope_blink.files.decoding import Picture as StoredPicture
from dscope_blink.models.reference import ReferenceCard
from dscope_blink.records import ComparisonMaps, Inspection
from dscope_blink.reporting.aggregate_face import Area, Shown, reduced
from dscope_blink.reporting.analysis_maps import (
    DEPARTURE_LEVELS,
    archetype_photo,
    departure_photo,
    similarity_photo,
    similarity_steps,
)
from dscope_blink.reporting.analysis_outlines import draw_anomalies, draw_marks, draw_zones, lay_ground
from dscope_blink.reporting.analysis_profile import draw_profile
from dscope_blink.reporting.analysis_text import analysis_lines
from dscope_blink.reporting.displayable import Picture
from dscope_blink.reporting.face_box import Part, part_around
from dscope_blink.reporting.figures import drawable
from dscope_blink.reporting.look import CLASS_TITLES, SEVERITY_COLOURS
from dscope_blink.reporting.plots import CLASS_MARKS, EDGE, HEAT_COLOURS, draw_markers, write
from dscope_blink.reporting.sheet import Photo, Sheet
from dscope_blink.reporting.sheet_files import sheet_bytes
from dscope_blink.reporting.sheet_pixels import text_inches

PAGE_INCHES = (16.0, 9.0)
SIDE, GAP, LEFT = 3.7, 0.25, 0.225  # of a panel, between two, beside the first; inches
BOTTOMS = (4.75, 0.4)  # of the two rows
ROW_HEIGHT = 3.55
MARGIN = 0.02  # beside the outermost zone
LETTERS, LINE = 8.5, 0.155  # points, inches from line to line
SHARP = {"png": 1, "svg": 2}
STATUS_COLOURS = {
    "NORMAL": "#009E73",
    "ANOMALOUS": "#D55E00",
    "NOT_OF_THIS_FAMILY": "#505050",
    "NOT_COMPARED": "#505050",
    "NO_REFERENCE": "#505050",
}
TITLES = (
    *("1  picture", "2  archetype: the median good face", "3  structural similarity", "4  departures, 1 the limit"),
    *(
        "5  places that depart",
        "6  marks of the inspection beside them",
        "7  light around the fiber, features",
        "8  in words",
    ),
)
# Without a model there is no good face to show.
OWN_TITLES = (TITLES[0], "2  own symmetry: the median of each ring", *TITLES[2:])


def analysis_figure(
    face: Inspection,
    card: ReferenceCard | None,
    picture: StoredPicture,
    maps: ComparisonMaps | None,
    file_format: str,
) -> bytes:
    """The figure as a file: png or svg; the same one gives the same bytes each time.

    Parameters
    ----------
    face, card, picture, maps : as `analysis_sheet` has them
    file_format : png or svg
    """
    return sheet_bytes(analysis_sheet(face, card, picture, maps, SHARP[file_format]), file_format)


def analysis_sheet(
    face: Inspection,
    card: ReferenceCard | None,
    picture: StoredPicture,
    maps: ComparisonMaps | None,
    zoom: int = 1,
) -> Sheet:
    """The page: picture, archetype, similarity, departures; places, marks, light of the rings, words.

    All pictures show the same part of the stored picture.

    Parameters
    ----------
    face : compared; its outlines are in pixels of the picture
    card : of the model; None: there is none, the face is compared with its own symmetry
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored
    maps : None where the face was not compared: its panels say so
    zoom : pixels of the pictures on the page for one of a page of 100 pixels to the inch
    """
    page = Sheet(PAGE_INCHES)
    areas = [area_of(place) for place in range(len(TITLES))]
    part = part_of(face, picture)
    shown = [Shown.fitted(part, area) for area in areas]
    photo = reduced(picture, shown[0], zoom)
    assert photo is not None, "there is a picture"
    _write_titles(page, face, areas, TITLES if card is not None else OWN_TITLES)
    lay_ground(page, shown[0], photo)
    draw_zones(page, shown[0], face)
    for place, drawn in zip((1, 2, 3), _maps(maps, shown[1], photo, zoom), strict=True):
        _draw_map(page, shown[place], drawn, face)
    lay_ground(page, shown[4], photo)
    draw_anomalies(page, shown[4], face)
    lay_ground(page, shown[5], photo)
    draw_marks(page, shown[5], face)
    _draw_keys(page, areas, face, maps is not None)
    if maps is None:
        _say_nothing(page, areas[6])
    else:
        whole = face.comparison.whole
        draw_profile(page, areas[6], maps, () if whole is None else whole.deviations)
    _write_words(page, areas[7], face, card)
    return page


def area_of(place: int) -> Area:
    """Where a panel lies, from 0, row by row."""
    row, column = divmod(place, 4)
    return Area(LEFT + (SIDE + GAP) * column, BOTTOMS[row], SIDE, ROW_HEIGHT)


def part_of(face: Inspection, picture: StoredPicture) -> Part:
    """The part of the picture that holds the outermost zone; all of it where there is none."""
    zones, geometry = face.zones, face.geometry
    around = zones[-1].outer if zones else None if geometry is None else geometry.cladding.ellipse
    whole = 0, 0, picture.shape[1], picture.shape[0]
    return whole if around is None else part_around(around, picture.shape[:2], MARGIN) or whole


def _maps(maps: ComparisonMaps | None, shown: Shown, photo: Picture, zoom: int) -> tuple[Picture | None, ...]:
    if maps is None:
        return None, None, None
    return (
        archetype_photo(maps, shown, photo, zoom),
        similarity_photo(maps, shown, zoom),
        departure_photo(maps, shown, photo, zoom),
    )


def _draw_map(page: Sheet, shown: Shown, drawn: Picture | None, face: Inspection) -> None:
    if drawn is None:
        _say_nothing(page, shown.area)
        return
    area = shown.area
    page.items.append(Photo((area.left, area.bottom), (area.width, area.height), drawn, "map"))
    draw_zones(page, shown, face, 0.8)


def _say_nothing(page: Sheet, area: Area) -> None:
    write(page, (area.left + area.width / 2, area.bottom + area.height / 2), "not compared", size=10, across="center")


def _write_titles(page: Sheet, face: Inspection, areas: list[Area], titles: Sequence[str]) -> None:
    y, status = 8.78, face.comparison.status
    name = _shortened(drawable(face.image.file), 7.4, 13)
    write(page, (LEFT, y), name, size=13, bold=True)
    score = "" if face.comparison.score is None else f"  {face.comparison.score:.2f} of the limit"
    said = status.replace("_", " ") + score
    write(page, (areas[2].left, y), said, size=13, bold=True, colour=STATUS_COLOURS[status])
    verdict = f"by the acceptance criteria: {face.verdict.status.replace('_', ' ')}"
    write(page, (areas[3].right, y), verdict, size=10, across="right")
    for area, title in zip(areas, titles, strict=True):
        write(page, (area.left, area.top + 0.14), title, size=9, bold=True)


def _shortened(text: str, inches: float, size: float) -> str:
    if text_inches(text, size, True) <= inches:
        return text
    while text and text_inches(text + "...", size, True) > inches:
        text = text[:-1]
    return text + "..."


# --- what colours mean


def _draw_keys(page: Sheet, areas: list[Area], face: Inspection, is_compared: bool) -> None:
    if is_compared:
        said = [f"{value:g}" for value, _ in similarity_steps()]
        _key(page, areas[2], "contamination", [colour for _, colour in similarity_steps()], said)
        _key(page, areas[3], "contamination", HEAT_COLOURS, [f"{level:g}" for level in DEPARTURE_LEVELS])
    severities = Counter[str](one.severity for one in face.comparison.anomalies)
    found = [name for name in SEVERITY_COLOURS if severities[name]]
    said = [f"{name} {severities[name]}" for name in found] or ["none"]
    _key(page, areas[4], "contamination", [SEVERITY_COLOURS[name] for name in found] or [None], said)
    kinds = Counter(mark.classification for mark in face.defects)
    names = [name for name in CLASS_TITLES if kinds[name]]
    _class_key(page, areas[5], [(name, kinds[name]) for name in names])


def _key(page: Sheet, area: Area, marker: str, colours: list[str | None] | tuple[str, ...], said: list[str]) -> None:
    x, y = area.left + 0.06, area.bottom - 0.16
    for colour, text in zip(colours, said, strict=True):
        draw_markers(page, CLASS_MARKS[marker], np.array([(x, y)]), np.array([8.0]), [colour], EDGE, width=0.6)
        write(page, (x + 0.1, y), text, size=7.5)
        x += text_inches(text, 7.5) + 0.28


def _class_key(page: Sheet, area: Area, kinds: list[tuple[str, int]]) -> None:
    x, y = area.left + 0.06, area.bottom - 0.16
    for name, count in kinds:
        text = f"{CLASS_TITLES[name]} {count}"
        draw_markers(page, CLASS_MARKS[name], np.array([(x, y)]), np.array([8.0]), [None], EDGE, width=1.0)
        write(page, (x + 0.1, y), text, size=7.5)
        x += text_inches(text, 7.5) + 0.28
    if not kinds:
        write(page, (area.left, y), "no marks; white: places that depart", size=7.5)


# --- the words


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    bold: bool = False


def _write_words(page: Sheet, area: Area, face: Inspection, card: ReferenceCard | None) -> None:
    """As far as they fit; all of them are in NAME_analysis.txt."""
    said = [_Line(text, number == 1) for number, text in enumerate(analysis_lines(face, card))]
    lines = [part for line in said for part in _wrapped(line, area.width)]
    room = int(area.height / LINE)
    if len(lines) > room:
        lines = [*lines[: room - 1], _Line(f"... and {len(lines) - room + 1} lines more in the text report")]
    for number, line in enumerate(lines):
        write(page, (area.left, area.top - 0.1 - LINE * number), line.text, size=LETTERS, bold=line.bold)


def _wrapped(line: _Line, inches: float) -> Iterator[_Line]:
    """Lines that fit, cut within a word where one does not."""
    text = drawable(line.text)
    indent = "  " if text.startswith("  ") else ""
    current = indent
    for word in text.split():
        for piece in _pieces(word, inches):
            longer = f"{current} {piece}" if current.strip() else current + piece
            if current.strip() and text_inches(longer, LETTERS, line.bold) > inches:
                yield _Line(current, line.bold)
                longer = f"{indent}  {piece}"
            current = longer
    yield _Line(current, line.bold)


def _pieces(word: str, inches: float) -> list[str]:
    """A long word, as a hash is, in parts that fit whatever their letters."""
    letters = int(inches / text_inches("W", LETTERS))
    return [word[start : start + letters] for start in range(0, len(word), letters)]
