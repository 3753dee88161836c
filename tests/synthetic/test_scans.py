"""What befalls the picture of a sheet does what it says, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.synthetic.scans import Streak, blurred, low_toner, mapped, scale_of, streaked, turn_of


def _sheet() -> NDArray[np.uint8]:
    picture = np.full((120, 200), 240, np.uint8)
    picture[40:60, 80:130] = 40
    return picture


def test_a_dark_streak_takes_light_from_its_columns_only() -> None:
    sheet = _sheet()
    seen = streaked(sheet, [Streak(0.5025, 3, 0.5)])  # its middle is that of column 100
    assert seen[10, 99:102].tolist() == [120, 120, 120]
    assert seen[50, 99:102].tolist() == [20, 20, 20]
    untouched = np.delete(np.arange(200), np.arange(97, 105))
    assert np.array_equal(seen[:, untouched], sheet[:, untouched])


def test_a_light_streak_takes_ink_and_leaves_paper() -> None:
    seen = streaked(_sheet(), [Streak(0.5025, 3, -0.5)])
    assert seen[50, 99:102].tolist() == [140, 140, 140]
    assert (seen[10] == 240).all()


def test_low_toner_takes_its_share_of_the_contrast() -> None:
    seen = low_toner(_sheet(), 0.4)
    assert (seen[50, 100], seen[10, 10]) == (160, 240)


@pytest.mark.parametrize("angle", [-5.0, 3.0])
def test_what_is_turned_lies_where_the_map_says(angle: float) -> None:
    sheet = _sheet()
    matrix = turn_of(sheet, angle)
    seen = mapped(sheet, matrix, (200, 120))
    ink = 240.0 - seen
    y, x = np.indices(seen.shape) + 0.5
    middle = (ink * x).sum() / ink.sum(), (ink * y).sum() / ink.sum()
    assert middle == pytest.approx((matrix @ (105, 50, 1))[:2], abs=0.05)
    assert ink.sum() == pytest.approx((240.0 - sheet).sum(), rel=0.01)


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_what_is_scaled_has_its_ink_scaled(factor: float) -> None:
    sheet = _sheet()
    seen = mapped(sheet, scale_of(factor), (round(200 * factor), round(120 * factor)))
    ink = 240.0 - seen
    y, x = np.indices(seen.shape) + 0.5
    assert ((ink * x).sum() / ink.sum(), (ink * y).sum() / ink.sum()) == pytest.approx(
        (105 * factor, 50 * factor), abs=0.1
    )
    assert ink.sum() == pytest.approx(factor**2 * (240.0 - sheet).sum(), rel=0.02)


def test_blur_keeps_the_ink_and_softens_its_edge() -> None:
    sheet = _sheet()
    seen = blurred(sheet, 2.0)
    assert (240.0 - seen).sum() == pytest.approx((240.0 - sheet).sum(), rel=0.01)
    assert 40 < seen[50, 80] < 240


def test_pictures_are_not_changed_in_place() -> None:
    sheet = _sheet()
    streaked(sheet, [Streak(0.5, 3, 0.5)])
    low_toner(sheet, 0.5)
    assert np.array_equal(sheet, _sheet())
