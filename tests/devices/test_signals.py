"""Green is said of a fresh OK alone, whatever happens to results, clock and link."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.config.settings import SignalSettings
from dscope_blink.devices.signal_state import LinkLost, Outcome, Signal, signal_of
from dscope_blink.devices.signals import END, Beacon, Signals, signalling
from tests.builders.settings import SETTINGS
from tests.builders.waiting import until

FRESH_S = 10.0
FAST = SignalSettings(heartbeat_s=0.02, fresh_s=FRESH_S, timeout_s=1.0, modbus=None, mqtt=None)


class _Link:
    """Keeps what it hears; deaf when it is told to be."""

    name = "a link of the tests"

    def __init__(self) -> None:
        self.heard, self.deaf, self.closed = list[Signal](), False, False
        self._lock = threading.Lock()

    def send(self, signal: Signal) -> None:
        with self._lock:
            if self.deaf:
                raise LinkLost(f"{self.name}: deaf")
            self.heard.append(signal)

    def close(self) -> None:
        self.closed = True

    def colours(self) -> list[tuple[str, int]]:
        """Without repetitions."""
        said = [(one.colour, one.sequence) for one in self.heard]
        return [one for k, one in enumerate(said) if k == 0 or one != said[k - 1]]


class _Clock:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def told() -> Callable[[], tuple[Signals, _Link, _Clock]]:
    def begun() -> tuple[Signals, _Link, _Clock]:
        link, clock = _Link(), _Clock()
        beacon = Beacon(link, FAST, clock)
        beacon.start()
        return Signals((beacon,), clock), link, clock

    return begun


@pytest.mark.parametrize(
    ("ok", "age_s", "colour"),
    [
        (True, 0, "green"),
        (True, FRESH_S - 0.01, "green"),
        (True, FRESH_S, "yellow"),
        (True, -0.01, "yellow"),
        (True, float("nan"), "yellow"),
        (False, 0, "red"),
        (False, FRESH_S, "yellow"),
        (None, 0, "yellow"),
    ],
)
def test_the_colour_is_that_of_a_fresh_result(ok: bool | None, age_s: float, colour: str) -> None:
    assert signal_of(Outcome(ok, 1, "a.png", "", 0.0), age_s, FRESH_S, 1).colour == colour


def test_a_run_begins_and_ends_yellow(told) -> None:
    signals, link, _ = told()
    signals.result(True, "a.png")
    signals._beacons[0].end(END)
    assert link.colours() == [("yellow", 0), ("green", 1), ("yellow", 1)]
    assert link.closed
    assert link.heard[-1].why == "the run has ended"


def test_every_result_is_told_of_in_its_order(told) -> None:
    signals, link, _ = told()
    for ok in (True, False, True, None, False):
        signals.result(ok, "a.png")
    signals._beacons[0].end(END)
    assert link.colours() == [
        *(("yellow", 0), ("green", 1), ("red", 2), ("green", 3), ("yellow", 4), ("red", 5), ("yellow", 5)),
    ]


def test_the_heart_beats_between_results(told) -> None:
    signals, link, _ = told()
    signals.result(True, "a.png")
    until(lambda: len(link.heard) > 5)
    signals._beacons[0].end(END)
    beats = [one.beat for one in link.heard]
    assert beats == list(range(1, len(beats) + 1))


def test_green_turns_yellow_when_nothing_comes_any_more(told) -> None:
    signals, link, clock = told()
    signals.result(True, "a.png")
    until(lambda: link.heard[-1].colour == "green")
    clock.s += FRESH_S
    until(lambda: link.heard[-1].colour == "yellow")
    assert link.heard[-1].why == "the last result is old"
    signals._beacons[0].end(END)


def test_a_link_that_comes_back_hears_yellow_until_the_next_result(told) -> None:
    signals, link, _ = told()
    signals.result(True, "a.png")
    until(lambda: link.heard[-1].colour == "green")
    link.deaf = True
    signals.result(True, "b.png")
    before = len(link.heard)
    until(lambda: signals._beacons[0]._is_lost)
    link.deaf = False
    until(lambda: len(link.heard) > before + 3)
    assert {one.colour for one in link.heard[before:]} == {"yellow"}
    assert link.heard[-1].why == "the link was lost since"
    signals.result(True, "c.png")
    until(lambda: link.heard[-1].colour == "green")
    assert link.heard[-1].picture == "c.png"
    signals._beacons[0].end(END)


@given(st.lists(st.sampled_from(["ok", "ng", "none", "wait", "lose", "find", "beat"]), max_size=30))
def test_green_is_said_of_a_fresh_ok_on_a_link_that_was_there_since(steps: list[str]) -> None:
    """The beacon is driven by hand; beside it the rule as a slow reader would write it."""
    link, clock = _Link(), _Clock()
    beacon = Beacon(link, FAST, clock)
    sequence, latest, at_s, may_be_green = 0, "", 0.0, False
    for step in steps:
        if step in ("ok", "ng", "none"):
            sequence, latest, at_s = sequence + 1, step, clock.s
            was_lost = beacon._is_lost
            beacon._last = Outcome({"ok": True, "ng": False, "none": None}[step], sequence, "", "", clock.s)
            may_be_green = step == "ok" and not link.deaf and not was_lost
        elif step == "wait":
            clock.s += FRESH_S / 2
        else:
            link.deaf = {"lose": True, "find": False}.get(step, link.deaf)
        before = len(link.heard)
        beacon._say()
        may_be_green = may_be_green and not link.deaf and clock.s - at_s < FRESH_S
        for signal in link.heard[before:]:
            assert (signal.colour == "green") == (may_be_green and latest == "ok")


def test_without_links_nobody_is_told_anything() -> None:
    with signalling(SETTINGS.profile("fast_scan").signals) as signals:
        signals.result(True, "a.png")
