"""Times that files name, whatever their zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SLACK = timedelta(days=1)  # between times of which one alone says its time zone


def in_utc(text: str) -> datetime | None:
    """A time in ISO 8601; one without zone is taken for UTC, None is no time."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_before(first: str, second: str) -> bool:
    """Whether one time lies before another for certain; not where one of them is none."""
    a, b = in_utc(first), in_utc(second)
    if a is None or b is None:
        return False
    zoned = [datetime.fromisoformat(text).tzinfo is not None for text in (first, second)]
    return b - a > (SLACK if zoned[0] != zoned[1] else timedelta(0))
