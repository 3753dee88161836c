"""Which marks of several sources are one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn.cluster")
pytest.importorskip("shapely")

from dscope_blink.analysis.aggregation.clustering import closeness_of, cluster
from dscope_blink.records import Closeness, Scale, SourceMark
from tests.builders.source_marks import SETTINGS, SQUARE, arc, bar, disc, names_of, seen

NEAR = Closeness(2.0, "um", "a test")


def together(*marks: SourceMark, scale: Scale | None = SQUARE, near: Closeness = NEAR) -> set[frozenset[str]]:
    """The clusters, each mark as its source and id together."""
    found = names_of(marks, cluster(marks, near, scale, SETTINGS))
    return {frozenset("".join(name) for name in one) for one in found}


def sets(*texts: str) -> set[frozenset[str]]:
    return {frozenset(text.split()) for text in texts}


def test_the_same_mark_of_two_sources_is_one_though_one_lies_three_pixels_off() -> None:
    assert together(seen("a", "1", disc((50, 50), 10)), seen("b", "1", disc((53, 50), 8))) == sets("a1 b1")


def test_marks_of_one_source_stay_apart_however_near() -> None:
    assert together(seen("a", "1", disc((50, 50), 10)), seen("a", "2", disc((56, 50), 10))) == sets("a1", "a2")


def test_each_of_two_neighbours_finds_its_own() -> None:
    marks = [
        seen(key, n, disc((50 + 12 * int(n) + shift, 50), 10)) for key, shift in (("a", 0), ("b", 3)) for n in "12"
    ]
    assert together(*marks) == sets("a1 b1", "a2 b2")


def test_what_one_source_alone_has_seen_beside_a_mark_stays_by_itself() -> None:
    """Their borders are 2.5 px apart, less than `eps`, and neither covers the other."""
    assert together(seen("a", "1", disc((50, 50), 10)), seen("b", "1", disc((62.5, 50), 10))) == sets("a1", "b1")


def test_distances_are_in_micrometres_along_either_axis() -> None:
    wide = Scale(2.0, 0.2, "user_cladding")
    beside = (seen("a", "1", disc((50, 50), 1)), seen("b", "1", disc((53, 50), 1)))
    below = (seen("a", "1", disc((50, 50), 1)), seen("b", "1", disc((50, 53), 1)))
    assert together(*beside, scale=wide) == sets("a1", "b1")
    assert together(*below, scale=wide) == sets("a1 b1")


@pytest.mark.parametrize(("angle", "length"), [(12, 160), (20, 160), (45, 40), (45, 160), (90, 40), (135, 160)])
def test_scratches_that_cross_are_two(angle: float, length: float) -> None:
    marks = [
        seen(key, name, bar((100 + shift, 100), length, 3, turn), "scratch")
        for key, shift in (("a", 0.0), ("b", 2.0))
        for name, turn in (("1", 0.0), ("2", float(angle)))
    ]
    assert together(*marks) == sets("a1 b1", "a2 b2")
    assert together(marks[0], marks[3]) == sets("a1", "b2")


def test_the_pieces_of_a_scratch_are_one_with_the_whole_of_another_source() -> None:
    whole = seen("a", "1", bar((100, 100), 120, 3), "scratch")
    pieces = [seen("b", str(k), bar((60 + 40 * k, 101), 30, 3), "scratch") for k in range(3)]
    assert together(whole, *pieces) == sets("a1 b0 b1 b2")


def test_the_pieces_of_a_bent_scratch_are_one() -> None:
    whole = seen("a", "1", arc((100, 100), 60, 3, 0, 180), "scratch")
    pieces = [seen("b", str(k), arc((101, 100), 60, 3, 60 * k + 3, 60 * k + 57), "scratch") for k in range(3)]
    assert together(whole, *pieces) == sets("a1 b0 b1 b2")


def test_two_sources_that_break_a_scratch_at_other_places_have_one() -> None:
    first = [seen("a", "1", bar((70, 100), 60, 3), "scratch"), seen("a", "2", bar((140, 100), 70, 3), "scratch")]
    second = [seen("b", "1", bar((90, 101), 100, 3), "scratch"), seen("b", "2", bar((160, 101), 30, 3), "scratch")]
    assert together(*first, *second) == sets("a1 a2 b1 b2")


def test_scratches_side_by_side_are_no_pieces() -> None:
    """A wide one of another source covers both within `eps`."""
    pair = [seen("b", str(k), bar((100, 98 + 5 * k), 80, 2), "scratch") for k in range(2)]
    found = together(seen("a", "1", bar((100, 100), 80, 6), "scratch"), *pair)
    assert len(found) == 2


def test_pieces_that_nobody_has_seen_whole_stay_apart() -> None:
    pieces = [seen("b", str(k), bar((60 + 40 * k, 101), 30, 3), "scratch") for k in range(3)]
    assert len(together(*pieces)) == 3


def test_a_pit_on_a_scratch_and_the_scratch_both_stay() -> None:
    marks = [
        mark
        for key in "ab"
        for mark in (seen(key, "1", bar((100, 100), 80, 4), "scratch"), seen(key, "2", disc((110, 100), 7)))
    ]
    assert together(*marks) == sets("a1 b1", "a2 b2")
    assert together(marks[0], marks[3]) == sets("a1", "b2")


def test_a_row_of_pits_stays_a_row_beside_a_source_that_has_it_as_one() -> None:
    pits = [seen("a", str(k), disc((60 + 12 * k, 100), 8)) for k in range(5)]
    assert len(together(*pits, seen("b", "0", bar((84, 100), 60, 9), "scratch"))) == 6
    found = together(*pits, seen("b", "0", bar((84, 100), 60, 14), "contamination"))
    assert sum(any(name.startswith("a") for name in one) for one in found) == 5
    assert all(sum(name.startswith("a") for name in one) <= 1 for one in found)


def test_kinds_that_the_settings_name_together_are_one_and_others_are_not() -> None:
    outline = disc((50, 50), 10)
    first = seen("a", "1", outline)
    assert together(first, seen("b", "1", outline, "contamination")) == sets("a1 b1")
    assert together(first, seen("b", "1", outline, "scratch")) == sets("a1", "b1")
    assert together(first, seen("b", "1", outline, "scratch", named="thing 7")) == sets("a1 b1")


def test_kinds_that_do_not_fit_meet_in_no_cluster_of_three() -> None:
    kinds = {"a": "scratch", "b": "crack", "c": "chip"}
    found = together(*(seen(key, "1", bar((100, 100), 60, 4), kind) for key, kind in kinds.items()))
    assert all(not {"a1", "c1"} <= one for one in found)


def test_a_box_is_compared_with_the_boxes_of_others() -> None:
    line, box = bar((100, 100), 60, 3, 45), bar((100, 100), 45, 45)
    assert together(seen("a", "1", line, "scratch"), seen("b", "1", box, "scratch", is_box=True)) == sets("a1 b1")
    speck = seen("a", "1", disc((100, 85), 6), "scratch")
    assert together(speck, seen("b", "1", box, "scratch", is_box=True)) == sets("a1", "b1")


@pytest.mark.parametrize("count", [10, 20, 40])
def test_as_many_marks_as_there_are_in_a_row_stay(count: int) -> None:
    marks = [
        seen(key, str(k), disc((50 + 14 * k + shift, 100), 8))
        for key, shift in (("a", -2.5), ("b", 0.0), ("c", 2.5))
        for k in range(count)
    ]
    found = together(*marks)
    assert len(found) == count
    assert all(len({name[1:] for name in one}) == 1 for one in found)


@pytest.mark.parametrize("outline", [[(5, 5)], [(5, 5), (9, 9)], [(0, 0), (8, 8), (8, 0), (0, 8)]])
def test_outlines_without_an_area_or_that_cross_themselves_find_their_own(outline: list[tuple[int, int]]) -> None:
    points = np.array(outline, np.float64)
    assert together(seen("a", "1", points), seen("b", "1", points + 0.5)) == sets("a1 b1")


# --- closeness --------------------------------------------------------------------------------------------------------


def test_a_dense_face_asks_for_nearer_outlines_and_says_why() -> None:
    wide = replace(SETTINGS, eps_um=15.0)
    few = [seen("a", str(k), disc((k, 0), 1)) for k in range(100)]
    assert closeness_of(few, SQUARE, wide).eps == 15.0
    dense = closeness_of([*few, seen("a", "more", disc((0, 0), 1))], SQUARE, wide)
    assert dense == Closeness(10.0, "um", "a source has 101 marks, more than 100: 20 px at most")


def test_running_all_again_makes_no_face_denser() -> None:
    marks = [seen(key, str(k), disc((k, 0), 1)) for key in "ab" for k in range(60)]
    assert closeness_of(marks, None, replace(SETTINGS, eps_px=30.0)).eps == 30.0


# --- laws -------------------------------------------------------------------------------------------------------------

KINDS = ("pit_dig", "contamination", "scratch", "crack", "chip")


@st.composite
def faces(draw: st.DrawFn) -> list[SourceMark]:
    """A few marks of up to four sources, crowded so that they touch."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    marks = []
    for k in range(draw(st.integers(1, 14))):
        at = tuple(rng.uniform(0, 60, 2).round(2).tolist())
        outline = (
            disc(at, rng.uniform(2, 15)) if rng.random() < 0.5 else bar(at, rng.uniform(10, 60), 3, rng.uniform(0, 180))
        )
        kind = KINDS[rng.integers(len(KINDS))]
        marks.append(seen("abcd"[rng.integers(4)], f"{k}", outline, kind, named="?" if rng.random() < 0.1 else kind))
    return marks


@given(faces(), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_marks_does_not_matter(marks: list[SourceMark], random: Random) -> None:
    shuffled = random.sample(marks, len(marks))
    assert names_of(marks, cluster(marks, NEAR, SQUARE, SETTINGS)) == names_of(
        shuffled, cluster(shuffled, NEAR, SQUARE, SETTINGS)
    )


@given(faces())
@settings(max_examples=30, deadline=None)
def test_every_mark_is_in_one_cluster_and_a_source_in_pieces_of_lines_only(marks: list[SourceMark]) -> None:
    clusters = cluster(marks, NEAR, SQUARE, SETTINGS)
    assert sorted(place for one in clusters for place in one) == list(range(len(marks)))
    for one in clusters:
        for key in "abcd":
            mine = [marks[place] for place in one if marks[place].source == key]
            assert len(mine) <= 1 or len(mine[0].outline_px) == 4 or mine[0].kind in ("scratch", "crack")


@given(faces())
@settings(max_examples=30, deadline=None)
def test_a_quarter_turn_of_all_sources_changes_no_cluster(marks: list[SourceMark]) -> None:
    turned = [replace(mark, outline_px=mark.outline_px @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 500) for mark in marks]
    assert cluster(marks, NEAR, SQUARE, SETTINGS) == cluster(turned, NEAR, SQUARE, SETTINGS)


@given(faces())
@settings(max_examples=30, deadline=None)
def test_one_source_alone_keeps_all_its_marks(marks: list[SourceMark]) -> None:
    alone = [replace(mark, source="a") for mark in marks]
    assert len(cluster(alone, NEAR, SQUARE, SETTINGS)) == len(marks)


@given(faces())
@settings(max_examples=30, deadline=None)
def test_the_marks_of_one_source_again_change_no_number(marks: list[SourceMark]) -> None:
    alone = [replace(mark, source="a") for mark in marks]
    again = [*alone, *(replace(mark, source="b") for mark in alone)]
    assert together(*again) == {frozenset({f"a{mark.id}", f"b{mark.id}"}) for mark in alone}


@given(faces())
@settings(max_examples=30, deadline=None)
def test_one_more_mark_removes_none_of_its_sources_other_marks(marks: list[SourceMark]) -> None:
    """Compact ones: a line may show that two pieces are one."""
    round_marks = [replace(mark, kind="pit_dig", named="pit_dig") for mark in marks if len(mark.outline_px) > 4]
    for count in range(len(round_marks) + 1):
        clusters = cluster(round_marks[:count], NEAR, SQUARE, SETTINGS)
        for key in "abcd":
            mine = [one for one in clusters if any(round_marks[place].source == key for place in one)]
            assert len(mine) == sum(mark.source == key for mark in round_marks[:count])
