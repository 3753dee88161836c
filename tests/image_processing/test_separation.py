"""Two peaks are two marks where the ground between them is calm, and a tail thinner than the optics is none of it."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.image_processing.separation import find_peaks, pieces_of, ways_between, without_tails

Y, X = np.mgrid[:41, :61].astype(np.float32)


def blob(x, y, height, sigma=2.0):
    return (height * np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * sigma**2))).astype(np.float32)


def marks(height):
    return find_peaks(height, height > 1.0, 2.5, 0.45)


@pytest.mark.parametrize(
    ("apart", "height", "count"),
    [(9, 20.0, 2), (4, 20.0, 1), (9, 2.8, 1)],
    ids=["calm between", "touching", "no deeper than noise"],
)
def test_the_saddle_tells_how_many_marks_there_are(apart, height, count):
    found = find_peaks(blob(25, 20, height) + blob(25 + apart, 20, height), np.ones(X.shape, bool), 2.5, 0.45)
    assert len(found.height) == count
    assert found.height.max() >= height


def test_a_faint_neighbour_keeps_a_peak_of_its_own():
    found = marks(blob(20, 20, 60.0) + blob(30, 20, 8.0))
    assert sorted(np.round(found.height).tolist()) == [8, 60]


def test_each_pixel_of_the_ground_bears_the_label_of_its_peak():
    labels = marks(blob(20, 20, 20.0) + blob(40, 20, 20.0)).labels(X.shape)
    assert labels[20, 20] != labels[20, 40]
    assert labels[0, 0] == 0


def test_a_way_leads_from_one_piece_of_a_mark_to_the_other():
    height = blob(20, 20, 8.0) + blob(29, 20, 8.0) + np.where(np.abs(Y - 20) < 2, 4.0, 0).astype(np.float32)
    found = marks(height)
    labels = np.where(height > 6, found.labels(X.shape), 0)
    assert len(found.height) == 1
    assert pieces_of(labels).max() == 2
    labels.ravel()[ways_between(found, labels)] = 1
    assert pieces_of(labels).max() == 1


def test_a_short_thread_is_taken_off_and_a_long_one_stays():
    labels = (np.hypot(X - 20, Y - 20) <= 4).astype(np.int32)
    disc = labels.copy()
    labels[20, 24:29] = 1
    np.testing.assert_array_equal(without_tails(labels, 3, 8.0), disc)
    labels[20, 24:40] = 1
    np.testing.assert_array_equal(without_tails(labels, 3, 8.0), labels)


def test_a_thread_between_two_bodies_of_one_mark_and_a_mark_all_thin_stay():
    both = ((np.hypot(X - 15, Y - 20) <= 4) | (np.hypot(X - 28, Y - 20) <= 4)).astype(np.int32)
    both[20, 15:28] = 1
    np.testing.assert_array_equal(without_tails(both, 3, 8.0), both)
    line = np.zeros(X.shape, np.int32)
    line[20, 10:16] = 1
    np.testing.assert_array_equal(without_tails(line, 3, 8.0), line)
