"""A page as pixels: what is listed lies where and as wide as it says, in its colour."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dscope_blink.records import Points
from dscope_blink.reporting.displayable import Picture
from dscope_blink.reporting.plots import polar_sheet
from dscope_blink.reporting.sheet import Shapes, Sheet, Strokes, Words
from dscope_blink.reporting.sheet_files import sheet_bytes
from dscope_blink.reporting.sheet_pixels import DPI, pixels
from tests.builders.inspections import FAILED

RED, BLUE = "#FF0000", "#0000FF"
PLAIN = Words((1.0, 0.5), "H", 12.0)


def _paper(*items: Strokes | Shapes | Words) -> Picture:
    return pixels(Sheet((2.0, 1.0), list(items)))


def _square(left: float, side: float) -> Points:
    return np.array([(left, 0.2), (left + side, 0.2), (left + side, 0.2 + side), (left, 0.2 + side)])


def _box_of(paper: Picture) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not white, the last ones beyond it."""
    rows, columns = np.nonzero((paper < 255).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_an_empty_page_is_white_paper_of_its_size() -> None:
    paper = _paper()
    assert paper.shape == (DPI, 2 * DPI, 3)
    assert (paper == 255).all()


def test_a_figure_lies_where_it_says_from_the_lower_left() -> None:
    paper = _paper(Shapes([(_square(0.5, 0.4),)], [RED], None, 0.0))
    np.testing.assert_allclose(_box_of(paper), (50, 40, 90, 80), atol=2)
    np.testing.assert_array_equal(paper[60, 70], (0, 0, 255))


def test_a_ring_within_a_figure_is_a_hole() -> None:
    inner = _square(0.5, 0.4) * 0.5 + _square(0.5, 0.4).mean(axis=0) * 0.5
    paper = _paper(Shapes([(_square(0.5, 0.4), inner)], [RED], None, 0.0))
    assert (paper[60, 70] == 255).all()
    np.testing.assert_array_equal(paper[60, 54], (0, 0, 255))


def test_what_comes_later_lies_on_top() -> None:
    paper = _paper(*(Shapes([(_square(0.5, 0.4),)], [colour], None, 0.0) for colour in (RED, BLUE)))
    np.testing.assert_array_equal(paper[60, 70], (255, 0, 0))


def test_a_thin_line_along_a_row_is_one_pixel_and_sharp() -> None:
    paper = _paper(Strokes([np.array([(0.2, 0.5), (1.8, 0.5)])], [RED], 0.8))
    assert set(paper[:, 100, 1].tolist()) == {0, 255}
    assert (paper[:, 100, 1] == 0).sum() == 1


@pytest.mark.parametrize("points", [1.5, 3.0, 6.0])
@pytest.mark.parametrize("rise", [0.0, 0.3], ids=["along a row", "slanted"])
def test_a_thick_line_covers_its_width(points: float, rise: float) -> None:
    paper = _paper(Strokes([np.array([(0.2, 0.3), (1.0, 0.3 + rise / 2), (1.8, 0.3 + rise)])], ["#000000"], points))
    covered = (255 - paper[:, 60, 0].astype(float)).sum() / 255 * np.cos(np.arctan2(rise, 1.6))
    assert covered == pytest.approx(points * DPI / 72, abs=0.6)


@pytest.mark.parametrize(("across", "place"), [("left", 0.0), ("center", 0.5), ("right", 1.0)])
def test_words_stand_to_the_side_of_their_place_that_is_asked(across: str, place: float) -> None:
    left, _, right, _ = _box_of(_paper(Words((1.0, 0.5), "HHHH", 12.0, across=across)))  # type: ignore[arg-type]
    assert left + place * (right - left) == pytest.approx(100, abs=2.5)


def test_letters_are_as_large_as_they_say() -> None:
    """A capital of DejaVu Sans is 0.73 of its size."""
    _, top, _, bottom = _box_of(_paper(PLAIN))
    assert bottom - top == pytest.approx(0.73 * 12 * DPI / 72, abs=1)
    assert (top + bottom) / 2 == pytest.approx(50, abs=3)


def test_lines_of_words_stand_below_each_other() -> None:
    one = _box_of(_paper(PLAIN))
    two = _box_of(_paper(Words((1.0, 0.5), "H\nH", 12.0)))
    assert two[3] - two[1] > 2 * (one[3] - one[1])
    assert (two[0], two[2]) == (one[0], one[2])


def test_a_box_is_white_around_the_words() -> None:
    ground = Shapes([(_square(0.5, 0.7),)], [BLUE], None, 0.0)
    paper = _paper(ground, Words((0.8, 0.5), "H", 12.0, across="center", box=RED))
    column = paper[:, 74].tolist()
    assert column.count([0, 0, 255]) == 2
    assert [255, 255, 255] in column


@pytest.mark.parametrize("at", [(-0.05, 0.5), (1.98, 0.5), (1.0, 1.02), (1.0, -0.02), (5.0, 5.0)])
def test_words_at_the_border_and_beyond_are_cut(at: tuple[float, float]) -> None:
    assert _paper(Words(at, "many words", 12.0)).shape == (DPI, 2 * DPI, 3)


def test_a_page_of_pixels_and_one_of_lines_say_the_same() -> None:
    """The SVG has what the list has: each text once, as matplotlib notes it beside its outlines."""
    sheet = polar_sheet(FAILED, {"CRITICAL": 8.0, "HIGH": 4.0, "MEDIUM": 2.0, "LOW": 1.0}, 0.04)
    written = re.findall(r"<!-- (.+?) -->", sheet_bytes(sheet, "svg").decode())
    assert sorted(written) == sorted(
        w for item in sheet.items if isinstance(item, Words) for w in item.text.split("\n")
    )
