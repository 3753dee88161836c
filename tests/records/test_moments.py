"""Times of files, whatever their zones."""

from __future__ import annotations

import pytest

from dscope_blink.records.moments import in_utc, is_before


@pytest.mark.parametrize(
    ("first", "second", "before"),
    [
        ("2026-01-01T10:00:00+00:00", "2026-01-01T10:00:01+00:00", True),
        ("2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00+00:00", True),
        ("2026-01-01T10:00:00", "2026-01-01T10:00:01", True),
        ("2026-01-01T10:00:00", "2026-01-01T20:00:00+00:00", False),  # of the one nobody knows the zone
        ("2026-01-01T10:00:00", "2026-01-03T10:00:00Z", True),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", False),
        ("yesterday", "2026-01-03T10:00:00Z", False),
        ("0001-01-01T00:00:00+14:00", "2026-01-03T10:00:00Z", False),  # before the first year
    ],
)
def test_a_time_lies_before_another_only_if_that_is_certain(first: str, second: str, before: bool) -> None:
    assert is_before(first, second) is before
    assert not is_before(second, first) or not before


def test_what_is_no_time_is_none() -> None:
    assert in_utc("") is None
