"""What only a network sees becomes a mark; what others show stays theirs."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.image_processing.seen_marks import unshown

EVERYWHERE = np.ones((40, 60), bool)
NOWHERE = np.zeros((40, 60), bool)


@pytest.fixture
def support():
    """A mark that the network is sure of in its middle, and one that it is not sure of."""
    support = np.zeros((40, 60), np.float32)
    support[10:18, 10:18], support[12:16, 12:16] = 0.2, 0.9
    support[10:18, 40:48] = 0.4
    return support


def test_a_mark_that_the_network_is_sure_of_reaches_as_far_as_it_supports_it(support):
    found = unshown(support, NOWHERE, EVERYWHERE, NOWHERE)
    assert found.sum() == 64
    assert found[10:18, 10:18].all()


@pytest.mark.parametrize(("column", "others"), [(19, 0), (21, 64)])
def test_what_another_mark_shows_or_lies_beside_is_a_part_of_that(support, column, others):
    marks = NOWHERE.copy()
    marks[12, column] = True
    assert unshown(support, marks, EVERYWHERE, NOWHERE).sum() == others


def test_nothing_is_a_mark_where_none_is_looked_for(support):
    inside = EVERYWHERE.copy()
    inside[:, :14] = False
    assert unshown(support, NOWHERE, inside, NOWHERE).sum() == 8 * 4
    assert not unshown(support, NOWHERE, NOWHERE, NOWHERE).any()


def test_what_holds_the_centre_is_no_mark_of_its_own(support):
    support[10:18, 40:48] = 0.9
    centre = NOWHERE.copy()
    centre[13, 11] = True
    found = unshown(support, NOWHERE, EVERYWHERE, centre)
    assert found.sum() == 64
    assert found[10:18, 40:48].all()
