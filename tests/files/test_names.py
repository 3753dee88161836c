"""Under which names results are stored: unique, and short enough."""

from __future__ import annotations

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.files.names import Names
from dscope_blink.records import printable

# --- under which names


def test_the_stem_is_kept_where_it_is_unique():
    assert Names().give(["a.png", "sub/a.jpg", "b.c.tif"]) == ["a", "sub/a", "b.c"]


def test_two_pictures_of_one_stem_get_their_extension_into_the_name():
    assert Names().give(["a.jpg", "a.png", "b.png"]) == ["a_jpg", "a_png", "b"]


def test_a_name_made_unique_avoids_the_names_that_exist():
    assert Names().give(["a.jpg", "a.png", "a_jpg.png"]) == ["a_jpg_2", "a_png", "a_jpg"]


def test_names_that_differ_only_in_case_are_told_apart():
    names = Names().give(["A.png", "a.PNG", "a.tif"])
    assert len({name.casefold() for name in names}) == 3


def test_the_table_of_a_picture_never_replaces_the_summary():
    assert Names().give(["Summary.png"]) == ["Summary_png"]


def test_a_name_too_long_for_its_results_is_cut():
    names = Names().give(["\u00e9" * 120 + ".png", "\u00e9" * 120 + "x.png"])
    assert all(len(name.encode()) < 220 for name in names)
    assert len(set(names)) == 2


def test_a_name_that_was_cut_is_the_same_whatever_lies_beside_it():
    alone = Names().give(["x" * 240 + "1.png"])
    assert Names().give(["x" * 240 + "0.png", "x" * 240 + "1.png"])[1:] == alone


files = st.builds(
    "{}{}.{}".format,
    st.sampled_from(["", "sub/", "Sub/"]),
    st.sampled_from(["a", "A", "a_png", "A_PNG", "a_png_2", "a_jpg", "summary", "\u00e9", "e\u0301"]),
    st.sampled_from(["png", "PNG", "jpg"]),
)


@given(st.lists(files, unique=True))
def test_no_two_pictures_ever_share_a_name(names):
    assert len({name.casefold() for name in Names().give(names)}) == len(names)


@given(st.lists(files, unique=True))
def test_results_stay_in_the_folder_of_their_picture(names):
    pairs = zip(names, Names().give(names), strict=True)
    assert all(PurePosixPath(file).parent == PurePosixPath(name).parent for file, name in pairs)


# --- the plan


def test_a_name_takes_one_line_and_sends_no_codes_to_the_terminal():
    assert printable("a\nb\x1b[2J \u00b5m.png") == "a\ufffdb\ufffd[2J \u00b5m.png"
