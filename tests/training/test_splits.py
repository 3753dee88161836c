"""Pictures shared out: never a physical face on two sides, whatever the seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from dscope_blink.config.settings import SplitSettings
from dscope_blink.training.splits import Join, Told, groups_of, named_joins, share_out

SETTINGS = SplitSettings(0.7, 0.15, 0.15, 5)


def told(name: str, **changes: object) -> Told:
    return replace(Told(name, f"sha of {name}", "", f"{name}.png", frozenset({"scratch"})), **changes)  # type: ignore[arg-type]


def many(count: int = 60) -> list[Told]:
    kinds = ("scratch", "pit_dig", "chip")
    return [
        told(f"p{k:02d}", kinds=frozenset(kinds[: k % 4]), face=f"face {k // 3}" if k < 30 else "")
        for k in range(count)
    ]


@pytest.mark.parametrize("seeds", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_no_face_is_on_two_sides_whatever_the_seed(seeds: int) -> None:
    pictures = many()
    joins = [*named_joins(pictures), Join("p02", "p59", "alike", 0.4, 20.0, 30.0)]
    drawn = set()
    for seed in range(seeds):
        places = share_out(pictures, joins, SETTINGS, seed)
        sides: dict[int, set[tuple[str, int]]] = {}
        for place in places:
            sides.setdefault(place.group, set()).add((place.split, place.fold))
        assert all(len(where) == 1 for where in sides.values())
        assert {p.split for p in places if p.name in ("p00", "p01", "p02", "p59")} == {places[0].split}
        drawn.add(tuple(place.split for place in places))
    assert len(drawn) > seeds // 2  # the seed does count


def test_the_same_seed_draws_the_same() -> None:
    assert share_out(many(), [], SETTINGS, 3) == share_out(many(), [], SETTINGS, 3)


def test_the_shares_are_kept_as_far_as_faces_allow() -> None:
    pictures = many()
    sizes = Counter(place.split for place in share_out(pictures, named_joins(pictures), SETTINGS, 1))
    assert sizes["train"] == pytest.approx(42, abs=4)
    assert sizes["validation"] == pytest.approx(9, abs=3)
    assert sizes["test"] == pytest.approx(9, abs=3)


def test_every_kind_is_in_every_part() -> None:
    places = share_out([told(f"p{k}", kinds=frozenset({("chip", "crack")[k % 2]})) for k in range(60)], [], SETTINGS, 1)
    assert {(p.split, p.stratum) for p in places} == {
        (split, kind) for split in ("train", "validation", "test") for kind in ("chip", "crack")
    }


def test_a_share_of_nothing_gets_nothing() -> None:
    splits = {place.split for place in share_out(many(), [], replace(SETTINGS, validation=0.0), 1)}
    assert splits == {"train", "test"}


@pytest.mark.parametrize("count", [1, 2])
def test_few_pictures_are_trained_on_first(count: int) -> None:
    places = share_out([told(f"p{k}") for k in range(count)], [], SETTINGS, 1)
    assert Counter(place.split for place in places)["train"] >= 1


def test_nothing_is_shared_out_of_an_empty_data_set() -> None:
    assert share_out([], [], SETTINGS, 1) == []


def test_all_pictures_of_one_face_go_one_way() -> None:
    pictures = [told(f"p{k}", face="A-17") for k in range(7)]
    assert {(p.split, p.fold) for p in share_out(pictures, named_joins(pictures), SETTINGS, 1)} == {("train", 0)}


def test_what_is_named_the_same_is_joined_and_says_why() -> None:
    pictures = [
        told("a", sha256="x"),
        told("b", sha256="x"),
        told("c", face="7"),
        told("d", face="7"),
        told("e"),
        told("e_injected", background="e.png"),
        told("f_injected", background="f.png"),
        told("g_injected", background="f.png"),
    ]
    assert list(named_joins(pictures)) == [
        Join("a", "b", "same bytes"),
        Join("c", "d", "same name of the face"),
        Join("e", "e_injected", "same background"),
        Join("f_injected", "g_injected", "same background"),
    ]


def test_joins_run_on() -> None:
    joins = [Join("d", "b", "alike"), Join("b", "c", "alike")]
    assert groups_of(["a", "b", "c", "d", "e"], joins) == [0, 1, 1, 1, 2]
