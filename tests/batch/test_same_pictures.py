"""A picture that is met under two names warns on both, and each only once."""

from __future__ import annotations

from dscope_blink.batch.same_pictures import MetPictures

ONE, TWO, PIXELS = "1" * 64, "2" * 64, "3" * 64


def told(met: MetPictures, number: int, file: str, sha256: str | None, pixels: str | None) -> list[tuple[int, str]]:
    return [(one, warning.text) for one, warning in met.add(number, file, sha256, pixels)]


def test_the_same_bytes_under_another_name_warn_on_both():
    met = MetPictures()
    assert told(met, 0, "a.png", ONE, PIXELS) == []
    assert told(met, 1, "b.png", ONE, PIXELS) == [
        (1, "Same picture: it has the same bytes as a.png"),
        (0, "Same picture: it has the same bytes as b.png"),
    ]
    assert told(met, 2, "c.png", ONE, PIXELS) == [(2, "Same picture: it has the same bytes as a.png")]


def test_the_same_pixels_in_other_bytes_warn_on_both():
    met = MetPictures()
    assert told(met, 0, "a.png", ONE, PIXELS) == []
    assert [number for number, _ in told(met, 1, "a.bmp", TWO, PIXELS)] == [1, 0]


def test_other_pictures_unread_ones_and_lanes_of_one_picture_do_not():
    met = MetPictures()
    for number, (file, sha256) in enumerate([("a", ONE), ("a", ONE), ("b", TWO), ("c", None), ("d", None)]):
        assert told(met, number, file, sha256, None) == []


def test_a_picture_that_was_replaced_is_that_of_before_no_more():
    met = MetPictures()
    assert told(met, 0, "a", ONE, None) == []
    assert told(met, 0, "a", TWO, None) == []
    assert told(met, 1, "b", ONE, None) == []
