"""The figure of a face that several detections saw: readable whatever the picture, the marks and the sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from dscope_blink.records import Aggregate, Pattern
from dscope_blink.reporting.aggregate_charts import shortened
from dscope_blink.reporting.aggregate_figure import aggregate_sheet, write_aggregate_figure
from dscope_blink.reporting.look import SEVERITY_COLOURS, SOURCE_COLOURS
from dscope_blink.reporting.sheet import Photo, Shapes, Sheet, Words
from dscope_blink.reporting.sheet_pixels import DPI, text_inches
from tests.builders.aggregates import KEYS, aggregate_of, scattered
from tests.builders.inspections import EVERY_KIND, FAILED, HEIGHT, NO_SCALE, WIDTH
from tests.builders.settings import SETTINGS
from tests.builders.stored_results import HOSTILE, PICTURE

SETTINGS_OF = SETTINGS.profile("fast_scan").aggregation
LONG = [f"detector_with_a_very_long_name_that_says_all_of_its_settings_{number}" for number in range(12)]
TOLD = tuple(
    Pattern("ring", ("S1",), f"{count} marks lie on a circle about the fiber, by chance on few faces", "polishing")
    for count in range(30)
)


def page_of(aggregate: Aggregate, picture: Any = None) -> Sheet:
    return aggregate_sheet(aggregate, picture, SETTINGS_OF)


def words_of(page: Sheet) -> list[Words]:
    return [item for item in page.items if isinstance(item, Words)]


def text_of(page: Sheet) -> str:
    return "\n".join(words.text for words in words_of(page))


def box(words: Words) -> tuple[float, float, float, float]:
    """Left, bottom, right, top in inches of the small letters: accents and tails may come near to other lines."""
    width = max(text_inches(line, words.size, words.bold) for line in words.text.split("\n"))
    x, y = words.at
    left = x - {"left": 0.0, "center": 0.5, "right": 1.0}[words.across] * width
    half = 0.35 * words.size / 72
    return left, y - half, left + width, y + half


def overlapping(page: Sheet) -> list[tuple[str, str]]:
    found, boxes = [], [(words, box(words)) for words in words_of(page)]
    for (one, a), (other, b) in combinations(boxes, 2):
        if min(a[2], b[2]) - max(a[0], b[0]) > 0.01 and min(a[3], b[3]) - max(a[1], b[1]) > 0.01:
            found.append((one.text, other.text))
    return found


FACES: dict[str, Callable[[], Aggregate]] = {
    "few": aggregate_of,
    "thousand": lambda: aggregate_of(scattered(1000), LONG),
    "twelve sources": lambda: aggregate_of(keys=LONG, patterns=TOLD),
    "thirty sources": lambda: aggregate_of(keys=[f"{key} {n}" for key in KEYS for n in range(10)]),
    "one source": lambda: aggregate_of(keys=["alone"]),
    "no mark": lambda: aggregate_of(scattered(0)),
    "hostile": lambda: replace(aggregate_of(keys=HOSTILE), name=HOSTILE[-1]),
    **{kind: partial(aggregate_of, inspection) for kind, inspection in EVERY_KIND.items()},
}


@pytest.mark.parametrize("name", FACES)
def test_no_words_lie_over_others_or_beyond_the_page(name):
    page = page_of(FACES[name]())
    assert overlapping(page) == []
    for words in words_of(page):
        left, bottom, right, top = box(words)
        assert min(left, bottom) >= 0, words.text
        assert right <= page.inches[0], words.text
        assert top <= page.inches[1], words.text


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(200, 150), (350, 2000), (8000, 500)])
def test_the_page_has_one_size_whatever_that_of_the_picture(tmp_path, size, dtype):
    aggregate = aggregate_of(scattered(30, *size))
    picture = np.full(size[::-1], 90, dtype)
    write_aggregate_figure(tmp_path / "a.png", aggregate, picture, SETTINGS_OF)
    drawn = cv2.imread(str(tmp_path / "a.png"))
    assert drawn is not None
    assert drawn.shape == (1040, 1600, 3)
    page = page_of(aggregate, picture)
    assert overlapping(page) == []
    for photo in (item for item in page.items if isinstance(item, Photo)):
        (left, bottom), (width, height) = photo.at, photo.size
        assert min(left, bottom) >= 0
        assert left + width <= page.inches[0]
        assert bottom + height <= page.inches[1]
        assert max(photo.picture.shape) <= 1000


def test_pixels_stay_square():
    picture = np.full((1500, 600), 90, np.uint8)
    (photo, _) = (
        one for one in page_of(aggregate_of(scattered(0, 600, 1500)), picture).items if isinstance(one, Photo)
    )
    assert photo.size[1] / photo.size[0] == pytest.approx(1.0, abs=0.02)  # as the outermost zone


def test_the_same_face_gives_the_same_bytes(tmp_path):
    for end in ("png", "svg"):
        for name in "ab":
            write_aggregate_figure(tmp_path / f"{name}.{end}", FACES["few"](), PICTURE, SETTINGS_OF)
        assert (tmp_path / f"a.{end}").read_bytes() == (tmp_path / f"b.{end}").read_bytes()


def test_an_svg_holds_the_picture_and_is_well_formed(tmp_path):
    write_aggregate_figure(tmp_path / "a.svg", FACES["hostile"](), PICTURE, SETTINGS_OF)
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert len(root.findall(".//{http://www.w3.org/2000/svg}image")) == 2  # the picture and the heat


def test_a_picture_of_another_size_is_misuse(tmp_path):
    with pytest.raises(ValueError, match=r"tray/fiber_07.png: .* 1000 x 850 px of its record, got 50 x 40"):
        write_aggregate_figure(tmp_path / "a.png", FACES["few"](), np.zeros((40, 50), np.uint8), SETTINGS_OF)


def test_a_face_without_its_picture_says_so_and_shows_its_marks():
    page = page_of(FACES["few"]())
    assert "the picture is not at hand" in text_of(page)
    assert "the picture is not at hand" not in text_of(page_of(FACES["few"](), PICTURE))
    marks = [item for item in page.items if isinstance(item, Shapes) and item.label.startswith("marks ")]
    assert sum(len(item.rings) for item in marks) == len(FAILED.defects)


def test_marks_lie_on_the_page_where_they_do_in_the_picture():
    """A bright spot of the picture is drawn at the place of the outline around it."""
    aggregate = aggregate_of()
    target = next(mark for mark in aggregate.marks if mark.defect.id == "P1")
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    x, y = map(round, target.defect.centroid_px)
    picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    page = page_of(aggregate, picture)
    photo = next(item for item in page.items if isinstance(item, Photo))
    rows, columns = np.nonzero(photo.picture[..., 0] > 128)
    height, width = photo.picture.shape[:2]
    seen = np.array([(columns.mean() + 0.5) / width, 1 - (rows.mean() + 0.5) / height]) * photo.size + photo.at
    (outline,) = (item.rings[0][0] for item in page.items if isinstance(item, Shapes) and item.label == "marks MEDIUM")
    assert (outline.min(axis=0) + outline.max(axis=0)) / 2 == pytest.approx(seen, abs=1.5 / DPI)


def test_the_heat_is_where_the_marks_are():
    only = replace(FAILED, defects=(FAILED.defects[1],))  # P1, at the upper right of the fiber
    page = page_of(aggregate_of(only), np.full((HEIGHT, WIDTH), 90, np.uint8))
    _, heat = (item for item in page.items if isinstance(item, Photo))
    assert heat.label == "heat"
    blue, _, red = heat.picture.astype(int).transpose(2, 0, 1)
    rows, columns = np.nonzero(red - blue > 60)
    height, width = blue.shape
    outline = next(i.rings[0][0] for i in page.items if isinstance(i, Shapes) and i.label == "marks MEDIUM")
    photo = next(item for item in page.items if isinstance(item, Photo))
    at = (outline.mean(axis=0) - photo.at) / photo.size
    assert [(columns.mean() + 0.5) / width, 1 - (rows.mean() + 0.5) / height] == pytest.approx(at, abs=0.01)


def test_the_words_name_verdict_score_and_who_decides():
    text = text_of(page_of(aggregate_of(patterns=TOLD[:1])))
    assert "Verdict by the acceptance criteria: FAIL" in text
    assert "Quality score: 45 of 100, fails" in text
    assert "The verdict hangs on a source: without deep_inspection it is PASS" in text
    told = (
        "9 marks of 3 sources are 5, 2 seen by one source alone; outlines within 2 um may be one mark (as configured)"
    )
    assert told in " ".join(text.split())  # lines are wrapped
    assert "Pattern: 0 marks lie on a circle about the fiber" in text
    assert "it points to polishing" in " ".join(text.split())


def test_what_does_not_fit_is_counted():
    text = text_of(page_of(FACES["twelve sources"]()))
    assert "lines more: face_aggregate.json" in text
    assert "and 18 more sources" in text_of(page_of(FACES["thirty sources"]()))


def test_a_face_that_was_not_located_or_has_no_scale_says_what_is_missing():
    assert "no polar map: the zones were not inspected" in text_of(page_of(FACES["not_located"]()))
    assert "spread by 5 px" in text_of(page_of(aggregate_of(NO_SCALE)))
    assert "spread by 5 um" in text_of(page_of(FACES["few"]()))
    assert "one source: nothing to agree with" in text_of(page_of(FACES["one source"]()))


@pytest.mark.slow  # ten thousand marks take seconds to make
def test_ten_thousand_marks_are_drawn(tmp_path):
    aggregate = aggregate_of(scattered(10_000), KEYS[:1])
    page = page_of(aggregate)
    assert overlapping(page) == []
    marks = [item for item in page.items if isinstance(item, Shapes) and item.label.startswith("marks ")]
    assert sum(len(item.rings) for item in marks) == 10_000


def test_the_worst_marks_are_labelled_with_the_number_of_their_sources():
    labels = [words.text for words in words_of(page_of(FACES["few"]())) if "\u00d7" in words.text]
    assert {"S1 \u00d71", "P1 \u00d72"} <= set(labels)


def test_a_long_name_keeps_its_beginning_and_end():
    text = shortened(LONG[7], 1.2, 7.5)
    assert text.startswith("detec")
    assert text.endswith("_7")
    assert "\u2026" in text
    assert text_inches(text, 7.5) <= 1.2
    assert shortened("lei", 1.2, 7.5) == "lei"


@pytest.mark.parametrize("colours", [tuple(SEVERITY_COLOURS.values()), SOURCE_COLOURS])
def test_colours_are_told_apart_without_red_or_green(colours):
    """By brightness and blue alone, which all colour-blind people but a few in a hundred thousand see."""
    levels = [np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) for colour in colours]
    seen = [(float(rgb @ (0.3, 0.59, 0.11)), float(rgb[2])) for rgb in levels]
    for one, other in combinations(seen, 2):
        assert np.hypot(one[0] - other[0], one[1] - other[1]) > 18


def test_the_file_is_written_whole_in_place_of_another(tmp_path: Path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    write_aggregate_figure(path, FACES["few"](), PICTURE, SETTINGS_OF)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"]
