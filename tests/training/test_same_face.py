"""Whether pictures of one physical face are known as such among others."""

from __future__ import annotations

from dscope_blink.training.same_face import find_same_faces
from tests.builders.copies import COPIES, map_of, other, picture


def test_copies_are_found_among_others_and_what_has_no_map_is_passed_over() -> None:
    maps = [map_of(other(seed)) for seed in range(12)]
    maps = [*maps, map_of(picture()), *(copy(picture()) for copy in COPIES)]
    found = find_same_faces(len(maps) + 1, lambda k: None if k == 0 else maps[k - 1])
    pairs = {(a, b) for a, b, _ in found}
    assert {(13, b) for b in range(14, 18)} <= pairs
    assert all(a >= 13 for a, _ in pairs)


def test_nothing_is_found_among_none_or_one() -> None:
    one = map_of(picture())
    assert list(find_same_faces(0, lambda k: None)) == []
    assert list(find_same_faces(1, lambda k: one)) == []
