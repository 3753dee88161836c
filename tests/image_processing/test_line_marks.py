"""Which of lines and marks that touch are marks."""

from __future__ import annotations

import numpy as np

from dscope_blink.image_processing.line_marks import apart

LINE = np.zeros((60, 100), bool)
LINE[30:33, 10:90] = True


def test_a_mark_that_is_a_piece_of_a_line_becomes_the_line():
    piece = np.zeros_like(LINE)
    piece[30:34, 40:55] = True
    lines, marks = apart(LINE, piece)
    assert (lines == (LINE | piece)).all()
    assert not marks.any()


def test_a_mark_that_a_line_passes_stays_a_mark():
    blot = np.zeros_like(LINE)
    blot[20:45, 40:60] = True
    lines, marks = apart(LINE, blot)
    assert (lines == LINE).all()
    assert (marks == blot).all()


def test_a_line_that_is_a_mark_anyway_is_left_to_it():
    scratch = np.zeros_like(LINE)
    scratch[31, 12:88] = True
    lines, marks = apart(LINE, scratch)
    assert not lines.any()
    assert (marks == scratch).all()


def test_without_marks_the_line_stays():
    lines, marks = apart(LINE, np.zeros_like(LINE))
    assert (lines == LINE).all()
    assert not marks.any()


def test_the_flank_of_a_scratch_is_no_line():
    scratch = np.zeros_like(LINE)
    scratch[36:42, 8:95] = True
    lines, marks = apart(LINE, scratch)
    assert not lines.any()
    assert (marks == scratch).all()


def test_a_line_beside_several_specks_is_none_of_their_flanks():
    specks = np.zeros_like(LINE)
    specks[36:39, 12:90:20] = specks[36:39, 13:90:20] = True
    lines, marks = apart(LINE, specks)
    assert (lines == LINE).all()
    assert (marks == specks).all()
