"""Green is said of a fresh OK alone, whatever happens to results, clock and link."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

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


def _end(signals: Signals) -> None:
    for beacon in signals._beacons:
        beacon.end(END)
    for beacon in signals._beacons:
        beacon.wait()


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
    _end(signals)
    assert link.colours() == [("yellow", 0), ("green", 1), ("yellow", 1)]
    assert link.closed
    assert link.heard[-1].why == "the run has ended"


def test_every_result_is_told_of_in_its_order(told) -> None:
    signals, link, _ = told()
    for ok in (True, False, True, None, False):
        signals.result(ok, "a.png")
    _end(signals)
    assert link.colours() == [
        *(("yellow", 0), ("green", 1), ("red", 2), ("green", 3), ("yellow", 4), ("red", 5), ("yellow", 5)),
    ]


def test_the_heart_beats_between_results(told) -> None:
    signals, link, _ = told()
    signals.result(True, "a.png")
    until(lambda: len(link.heard) > 5)
    _end(signals)
    beats = [one.beat for one in link.heard]
    assert beats == list(range(1, len(beats) + 1))


def test_green_turns_yellow_when_nothing_comes_any_more(told) -> None:
    signals, link, clock = told()
    signals.result(True, "a.png")
    until(lambda: link.heard[-1].colour == "green")
    clock.s += FRESH_S
    until(lambda: link.heard[-1].colour == "yellow")
    assert link.heard[-1].why == "the last result is old"
    _end(signals)


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
    _end(signals)


class _HangingLink(_Link):
    """As long as it hangs it neither hears nor refuses."""

    name = "a link that hangs"

    def __init__(self) -> None:
        super().__init__()
        self.moves = threading.Event()
        self.moves.set()

    def send(self, signal: Signal) -> None:
        self.moves.wait()
        super().send(signal)


def test_what_was_judged_while_the_link_was_lost_is_never_green_however_late_it_is_told() -> None:
    link = _HangingLink()
    beacon = Beacon(link, FAST)
    beacon.start()
    signals = Signals((beacon,))
    link.deaf = True
    until(lambda: beacon._is_lost)
    link.moves.clear()
    for name in ("a.png", "b.png", "c.png"):  # they wait behind an attempt that takes long
        signals.result(True, name)
    link.deaf = False
    link.moves.set()
    until(lambda: link.heard[-1].sequence == 3)
    assert {one.colour for one in link.heard} == {"yellow"}
    signals.result(True, "d.png")
    until(lambda: link.heard[-1].colour == "green")
    assert link.heard[-1].picture == "d.png"
    _end(signals)


def test_a_link_that_hangs_holds_up_no_other_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, other = _HangingLink(), _Link()
    monkeypatch.setattr("dscope_blink.devices.signals._links", lambda settings: iter((hanging, other)))
    with signalling(replace(FAST, timeout_s=0.2)) as signals:
        signals.result(True, "a.png")
        until(lambda: other.heard[-1].colour == "green")
        hanging.moves.clear()
        ending = threading.Timer(0.3, lambda: heard_meanwhile.extend(other.heard))
        heard_meanwhile: list[Signal] = []
        ending.start()
    ending.join()
    assert heard_meanwhile[-1].why == END
    hanging.moves.set()
    until(lambda: hanging.closed)
    assert hanging.heard[-1].why == END, "it is told so, however late"


def test_neither_results_nor_the_end_wait_for_a_link_that_is_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dscope_blink.devices.signals.MOST_BEHIND", 3)
    link = _HangingLink()
    beacon = Beacon(link, FAST)
    beacon.start()
    signals = Signals((beacon,))
    link.moves.clear()

    def run() -> None:
        for _ in range(10):
            signals.result(True, "a.png")
        beacon.end(END)

    running = threading.Thread(target=run, daemon=True)
    running.start()
    running.join(5)
    assert not running.is_alive()
    link.moves.set()
    until(lambda: link.closed)
    assert (link.heard[-1].why, link.heard[-1].sequence) == (END, 10)


def test_a_result_grows_old_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("this system has no clock that counts the sleep apart")
    link, real, slept_s = _Link(), time.clock_gettime, [0.0]
    monkeypatch.setattr(time, "clock_gettime", lambda which: real(which) + slept_s[0] * (which == time.CLOCK_BOOTTIME))
    beacon = Beacon(link, FAST)
    beacon.start()
    signals = Signals((beacon,))
    signals.result(True, "a.png")
    until(lambda: link.heard[-1].colour == "green")
    slept_s[0] = 3600.0
    until(lambda: link.heard[-1].colour == "yellow")
    _end(signals)


@given(st.lists(st.sampled_from(["ok", "ng", "none", "wait", "lose", "find", "beat"]), max_size=30))
def test_green_is_said_of_a_fresh_ok_on_a_link_that_was_there_since(steps: list[str]) -> None:
    """The beacon is driven by hand; beside it the rule as a slow reader would write it."""
    link, clock = _Link(), _Clock()
    beacon = Beacon(link, FAST, clock)
    sequence, latest, at_s, may_be_green = 0, "", 0.0, False
    for step in steps:
        if step in ("ok", "ng", "none"):
            sequence, latest, at_s = sequence + 1, step, clock.s
            beacon._newest, was_lost = sequence, beacon._is_lost
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
