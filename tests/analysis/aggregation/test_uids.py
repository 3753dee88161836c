"""What merged marks are called: the same after a rerun and with a source more, and no two alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.analysis.aggregation.uids import uids_of
from dscope_blink.records import KnownUids, Source, SourceMark, bounding_box
from tests.builders.found_marks import SMALL, member, source

NOTHING = KnownUids()
NOWHERE = (-9.0, -9.0, 1.0, 1.0)
THERE = bounding_box(SMALL.contour_px)
BESIDE = (THERE[0] + 6, *THERE[1:])
EARLY, LATE = "2026-01-01T00:00:00+00:00", "2026-06-01T00:00:00+00:00"


def marks(*names: str) -> list[SourceMark]:
    """Members by `source/id`."""
    return [member(SMALL, *name.split("/")) for name in names]


def sources(*keys: str, **changes) -> list[Source]:
    return [source(key, **changes) for key in keys]


def known(uids: dict[str, str], *of: Source, boxes: Any = None) -> KnownUids:
    about = {one.key: (one.sha256, one.file) for one in of}
    named = {(name[0], name[2:]): uid for name, uid in uids.items()}
    return KnownUids(about, named, {name: (boxes or {}).get("/".join(name), NOWHERE) for name in named})


def test_a_rerun_calls_every_mark_the_same():
    groups = [marks("a/P1", "b/P1"), marks("a/P2"), marks("b/P7")]
    first = uids_of(groups, sources("a", "b"), NOTHING)
    assert uids_of(groups, sources("a", "b"), NOTHING) == first
    assert len(set(first)) == 3


def test_neither_the_order_of_marks_nor_that_of_members_matters():
    groups = [marks("a/P1", "b/P1"), marks("a/P2")]
    turned = [marks("a/P2"), marks("b/P1", "a/P1")]
    assert uids_of(turned, sources("b", "a"), NOTHING) == uids_of(groups, sources("a", "b"), NOTHING)[::-1]


def test_a_later_source_changes_no_name_whatever_it_is_called():
    before = uids_of([marks("m/P1")], sources("m", timestamp=EARLY), NOTHING)
    both = [*sources("m", timestamp=EARLY), *sources("a", timestamp=LATE)]
    assert uids_of([marks("a/P9", "m/P1")], both, NOTHING) == before


def test_a_source_that_does_not_say_its_time_counts_as_the_latest():
    before = uids_of([marks("m/P1")], sources("m", timestamp=LATE), NOTHING)
    both = [*sources("m", timestamp=LATE), *sources("a", timestamp="")]
    assert uids_of([marks("a/P9", "m/P1")], both, NOTHING) == before


def test_a_known_mark_keeps_its_name():
    earlier = known({"a/P1": "one", "a/P2": "two"}, *sources("a"))
    assert uids_of([marks("a/P2"), marks("a/P1")], sources("a"), earlier) == ("two", "one")


def test_it_goes_with_most_of_its_members_and_to_one_mark_alone():
    earlier = known({"a/P1": "one", "b/P1": "one", "c/P1": "one"}, *sources("a", "b", "c"))
    lone, most = uids_of([marks("a/P1"), marks("b/P1", "c/P1")], sources("a", "b", "c"), earlier)
    assert most == "one"
    assert lone != "one"


def test_of_two_that_became_one_the_name_with_more_members_stays():
    earlier = known({"a/P1": "one", "b/P1": "two", "c/P1": "two"}, *sources("a", "b", "c"))
    assert uids_of([marks("a/P1", "b/P1", "c/P1")], sources("a", "b", "c"), earlier) == ("two",)


def test_where_a_mark_splits_evenly_the_first_member_takes_the_name():
    earlier = known({"a/P1": "one", "b/P1": "one"}, *sources("a", "b"))
    first, second = uids_of([marks("b/P1"), marks("a/P1")], sources("a", "b"), earlier)
    assert second == "one"
    assert first != "one"


def test_a_new_mark_never_takes_the_name_of_another():
    (own,) = uids_of([marks("b/P1")], sources("a", "b"), NOTHING)
    earlier = known({"a/P1": own}, *sources("a", "b"))
    assert len(set(uids_of([marks("a/P1"), marks("b/P1")], sources("a", "b"), earlier))) == 2


def test_a_source_is_known_by_its_content_whatever_it_is_called_now():
    earlier = known({"a/P1": "one"}, *sources("a"))
    renamed = [replace(source("a"), key="a 2", file="elsewhere/face_result.json"), replace(source("b"), key="a")]
    assert uids_of([marks("a/P1"), marks("a 2/P1")], renamed, earlier)[1] == "one"


def test_of_a_file_that_was_made_anew_the_places_tell_and_not_the_ids():
    earlier = known(
        {"a/P1": "one", "a/P2": "two", "a/P3": "three"}, *sources("a"), boxes={"a/P2": THERE, "a/P3": BESIDE}
    )
    assert uids_of([marks("a/P1")], sources("a", sha256="ff" * 32), earlier) == ("two",)


def test_a_new_mark_in_a_file_that_was_made_anew_takes_the_name_of_none_before():
    (own,) = uids_of([marks("a/P1")], sources("a"), NOTHING)
    (found,) = uids_of([marks("a/P1")], sources("a", sha256="ff" * 32), known({"a/P1": own}, *sources("a")))
    assert found != own


def test_copies_of_one_file_are_told_by_where_they_lie():
    copies = [source("a"), replace(source("b"), sha256=source("a").sha256)]
    earlier = known({"a/P1": "one", "b/P1": "two"}, *copies)
    assert uids_of([marks("b/P1"), marks("a/P1")], copies[::-1], earlier) == ("two", "one")


def test_a_source_that_is_gone_gives_no_name():
    earlier = known({"a/P1": "one"}, *sources("a"))
    assert uids_of([marks("b/P1")], sources("b"), earlier) != ("one",)


def test_two_marks_of_one_id_in_one_file_have_names_of_their_own():
    twins = [source("a"), replace(source("a"), key="b")]
    assert len(set(uids_of([marks("a/P1"), marks("b/P1")], twins, NOTHING))) == 2


def test_a_file_name_that_is_no_text_is_none_the_less_a_name():
    (uid,) = uids_of([marks("a/P1")], sources("a", file="b\udcff_result.json"), NOTHING)
    assert len(uid) == 12


names = st.sampled_from([f"{key}/P{number}" for key in "abc" for number in range(4)])


@settings(max_examples=40)
@given(
    st.lists(st.lists(names, min_size=1, unique=True), unique_by=tuple), st.dictionaries(names, st.sampled_from("xyz"))
)
def test_no_two_marks_are_ever_called_alike(groups, earlier):
    members, taken = [], set()
    for group in groups:
        left = [name for name in group if name not in taken]
        taken |= set(left)
        members += [marks(*left)] if left else []
    found = uids_of(members, sources("a", "b", "c"), known(earlier, *sources("a", "b", "c")))
    assert len(set(found)) == len(members)
