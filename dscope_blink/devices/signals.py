"""A line is told of each picture while a run goes on, over every link that the configuration names.

Each link has a thread of its own, so that a server that hangs holds up neither the inspection nor the other link.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from dscope_blink.config.settings import SignalSettings
from dscope_blink.devices.signal_state import Link, LinkLost, Outcome, Signal, signal_of
from dscope_blink.records import UserError

START, END, CUT_SHORT = "nothing has been judged yet", "the run has ended", "the run was cut short"
LOST = "the link was lost since"
MOST_BEHIND = 1000  # results that a link may be behind, before the oldest of them go: each is told of, however late
LEAST_WAIT_S = 0.01  # between two beats, also where a result is about to grow old

logger = logging.getLogger("dscope.signals")


def awake_or_asleep_s() -> float:
    """Seconds of a clock that never goes back, and goes on while the machine sleeps: what was judged before is old."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # on Linux the monotonic clock stands still meanwhile
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Beacon:
    """Tells one link of every outcome, and of the last one again and again.

    Parameters
    ----------
    link : where to
    settings : how often, and for how long a result holds
    clock : seconds, never back
    """

    def __init__(self, link: Link, settings: SignalSettings, clock: Callable[[], float] = awake_or_asleep_s) -> None:
        self._link, self._settings, self._clock = link, settings, clock
        self._last = Outcome(None, 0, "", START, clock())
        self._newest = 0  # outcome that is known, though the link may be behind
        self._void = -1  # outcomes up to this one were known before the link was back
        self._beat, self._is_lost = 0, False
        self._waiting: queue.Queue[Outcome | str] = queue.Queue(MOST_BEHIND)  # text: why it ends
        self._thread = threading.Thread(target=self._run, name=f"signals to {link.name}", daemon=True)

    def start(self) -> None:
        """Say yellow, and go on by itself.

        Raises
        ------
        LinkLost : nobody hears it
        """
        self._link.send(self._signal())
        self._thread.start()

    def tell(self, outcome: Outcome) -> None:
        """Soon."""
        self._newest = outcome.sequence
        self._put(outcome)

    def end(self, why: str) -> None:
        """Say yellow once more and let go, soon; the last result is told of first."""
        self._put(why)

    def wait(self) -> None:
        """Until the end was said, but not for long."""
        self._thread.join(self._settings.timeout_s * 4)
        if self._thread.is_alive():
            logger.error("%s: it does not answer, and may show what it was told last", self._link.name)

    def _put(self, what: Outcome | str) -> None:
        while True:
            try:
                self._waiting.put_nowait(what)
                return
            except queue.Full:
                with suppress(queue.Empty):
                    self._waiting.get_nowait()  # what so old a result would say is yellow

    def _run(self) -> None:
        while True:
            try:
                what = self._waiting.get(timeout=self._wait_s())
            except queue.Empty:
                self._say()
                continue
            if isinstance(what, str):
                self._last = Outcome(None, self._last.sequence, self._last.picture, what, self._clock())
                self._say()
                self._link.close()
                return
            self._last = what
            self._say()

    def _wait_s(self) -> float:
        """Until the next beat, or until the result grows old."""
        left = self._last.at_s + self._settings.fresh_s - self._clock()
        beat = self._settings.heartbeat_s
        return max(min(beat, left) if left > 0 else beat, LEAST_WAIT_S)

    def _say(self) -> None:
        if self._is_lost:
            self._void = self._last.sequence
        try:
            self._link.send(self._signal())
        except LinkLost as error:
            if not self._is_lost:
                logger.error("%s", error)
            self._is_lost = True
            return
        if self._is_lost:
            self._void = self._newest  # whatever became known meanwhile, also what still waits to be told of
            logger.warning("%s: it answers again", self._link.name)
        self._is_lost = False

    def _signal(self) -> Signal:
        self._beat += 1
        outcome = self._last
        if outcome.ok is not None and outcome.sequence <= self._void:
            outcome = Outcome(None, outcome.sequence, outcome.picture, LOST, outcome.at_s)
        return signal_of(outcome, self._clock(), self._settings.fresh_s, self._beat)


class Signals:
    """All links of a run; without any, whatever is told is for nobody."""

    def __init__(self, beacons: tuple[Beacon, ...], clock: Callable[[], float] = awake_or_asleep_s) -> None:
        self._beacons, self._clock, self._sequence = beacons, clock, 0

    def result(self, ok: bool | None, picture: str, why: str = "") -> None:
        """A picture is judged, and its results are on disk.

        Parameters
        ----------
        ok : None: it could not be judged
        picture : its name
        why : it is not ok
        """
        self._sequence += 1
        for beacon in self._beacons:
            beacon.tell(Outcome(ok, self._sequence, picture, why, self._clock()))


@contextmanager
def signalling(settings: SignalSettings) -> Iterator[Signals]:
    """The links that the configuration names, from yellow to yellow.

    Raises
    ------
    UserError : one is named and nobody hears it
    ImportError : the package for it is not installed
    """
    beacons = tuple(Beacon(link, settings) for link in _links(settings))
    started: list[Beacon] = []
    why = CUT_SHORT
    try:
        for beacon in beacons:
            beacon.start()
            started.append(beacon)
        yield Signals(beacons)
        why = END
    except LinkLost as error:  # of the start: later each link loses its own
        raise UserError(str(error)) from None
    finally:
        for beacon in started:
            beacon.end(why)
        for beacon in started:  # one that hangs holds up no other
            beacon.wait()


def _links(settings: SignalSettings) -> Iterator[Link]:
    if settings.modbus is not None:
        from dscope_blink.devices.modbus import ModbusLink

        yield ModbusLink(settings.modbus, settings.timeout_s)
    if settings.mqtt is not None:
        from dscope_blink.devices.mqtt import MqttLink

        yield MqttLink(settings.mqtt, settings.timeout_s)
