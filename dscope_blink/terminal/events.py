"""What a batch comes to while it runs: JSON lines as progress.schema.json has them, a command, and signals for a line.

The lines go to the standard output, a file or a TCP address; the command is run once for each picture.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from dscope_blink.batch.whole_run import Done
from dscope_blink.config.settings import Config
from dscope_blink.devices.signals import Signals, signalling
from dscope_blink.files.names import RESULT, SUMMARY
from dscope_blink.records import PROGRAM, VERSION, ConnectorResult, Inspection, UserError, texts
from dscope_blink.records.user_paths import user_path
from dscope_blink.reporting.batch_reports import reports_of
from dscope_blink.reporting.batch_totals import Totals

SCHEMA = "dscope-blink/progress/1"
HOOK_S = 60.0  # a command that takes longer is ended
CONNECT_S = 5.0
NOBODY = Signals(())
FIELDS = ("file", "status", "record")  # what a command may be told, in braces

logger = logging.getLogger("dscope.events")

Event: TypeAlias = Mapping[str, Any]
Sink: TypeAlias = Callable[[str], None]  # takes one line, its end included


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a batch before its first picture."""

    folder: Path  # of the results
    config: Config
    total: int | None  # None: nobody knows


class Events:
    """Tells of one batch; what cannot be told is logged once and ends no batch.

    Parameters
    ----------
    batch : what is said of it
    sinks : where the lines go
    hook : words of a command, in which `{record}` and the other FIELDS are replaced; empty: none
    signals : told of each picture that this batch judges itself
    """

    def __init__(self, batch: Told, sinks: Sequence[Sink], hook: Sequence[str] = (), signals: Signals = NOBODY) -> None:
        self._batch, self._sinks, self._hook, self._signals = batch, list(sinks), tuple(hook), signals
        self.failed_hooks = 0

    def start(self) -> None:
        """Before the first picture."""
        batch = self._batch
        asked = {"total": batch.total, "profile": batch.config.profile, "results": str(batch.folder)}
        self._tell({"event": "start", "schema": SCHEMA, "program": f"{PROGRAM} {VERSION}", **asked})

    def picture(self, done: Done, totals: Totals) -> None:
        """After each picture, whose results are on disk."""
        inspection = done.inspection
        if not done.resumed:
            self._signals.result(_OK.get(inspection.verdict.status), inspection.image.file, _why(inspection))
        self.lane(done, totals)

    def lane(self, done: Done, totals: Totals) -> None:
        """The same of a lane of a connector, of which no line is told: one that passes says nothing of the others."""
        inspection = done.inspection
        record = Path(f"{self._batch.folder / done.name}{RESULT}")
        event = {"event": "picture", "done": totals.images, "total": self._batch.total, **_verdict(inspection)}
        self._tell(event | {"record": str(record), "resumed": done.resumed, "counts": totals.counts})
        if self._hook and not done.resumed:
            self._run_hook(inspection, record)

    def connector(self, result: ConnectorResult) -> None:
        """After each connector, whose results are on disk, those of its lanes too."""
        self._signals.result(_OK.get(result.status), result.name, "; ".join(result.reasons))

    def end(self, totals: Totals, code: int) -> None:
        """After the last picture, and the reports."""
        reports = reports_of(self._batch.folder, self._batch.config.reporting)
        paths = {
            "summary": str(self._batch.folder / SUMMARY),
            "reports": [str(path) for path in reports if path.exists()],
        }
        self._tell({"event": "end", "counts": totals.counts, "exit_code": code, **paths})

    def error(self, message: str) -> None:
        """Where the batch ends before its end."""
        self._tell(_error(message))

    def _tell(self, event: Event) -> None:
        line = json.dumps(event) + "\n"
        for sink in list(self._sinks):
            try:
                sink(line)
            except OSError as error:
                logger.error("Progress can no longer be told: %s", error.strerror or error)
                self._sinks.remove(sink)

    def _run_hook(self, inspection: Inspection, record: Path) -> None:
        told = {"file": inspection.image.file, "status": inspection.verdict.status, "record": str(record)}
        words = [_filled(word, told) for word in self._hook]
        try:
            subprocess.run(words, check=True, timeout=HOOK_S, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            self.failed_hooks += 1
            logger.error("Hook of %s: %s", inspection.image.file, error)


_OK = {"PASS": True, "FAIL": False}  # of anything else nobody knows


def _why(inspection: Inspection) -> str:
    return "; ".join(texts(inspection.verdict.reasons)) if inspection.verdict.status != "PASS" else ""


def _error(message: str) -> Event:
    return {"event": "error", "message": message}


def _verdict(inspection: Inspection) -> dict[str, Any]:
    verdict = inspection.verdict
    return {
        "file": inspection.image.file,
        "manifest": dict(inspection.request.manifest),
        "status": verdict.status,
        "marginal": verdict.marginal,
        "reasons": texts(verdict.reasons),
    }


def _filled(word: str, told: Mapping[str, str]) -> str:
    for name, text in told.items():
        word = word.replace(f"{{{name}}}", text)
    return word


def checked_hook(text: str | None) -> tuple[str, ...]:
    """The words of a command; UserError where its quotes do not end, or it names no command."""
    if text is None:
        return ()
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UserError(f"--hook: {error}, got {text!r}") from None
    if not words:
        raise UserError("--hook: no command is named")
    return words


@contextmanager
def sink_to(place: str) -> Iterator[Sink]:
    """Where lines go that are meant for a file, to which they are appended, or for `tcp://HOST:PORT`.

    Raises
    ------
    UserError : the file cannot be written, or nobody listens there
    """
    with ExitStack() as stack:
        if place.startswith("tcp://"):
            connection = stack.enter_context(_connected(place))
            yield lambda line: connection.sendall(line.encode())
            return
        try:
            file = stack.enter_context(user_path(place).open("a", encoding="utf-8", buffering=1))
        except OSError as error:
            raise UserError(f"--progress-to {place}: cannot be written, {error.strerror}") from None

        def write(line: str) -> None:
            file.write(line)

        yield write


def _connected(place: str) -> socket.socket:
    host, _, port = place.removeprefix("tcp://").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"--progress-to must be a file or tcp://HOST:PORT, got {place}")
    try:
        return socket.create_connection((host.strip("[]"), int(port)), CONNECT_S)
    except OSError as error:
        raise UserError(f"--progress-to {place}: nobody listens there, {error.strerror or error}") from None


@contextmanager
def events_of(batch: Told, arguments: argparse.Namespace) -> Iterator[Events]:
    """Those that the command line asks for; where the batch ends early they tell why.

    Raises
    ------
    UserError : the hook is no command, its place cannot be told anything, or nobody hears the signals
    """
    hook, places = checked_hook(arguments.hook), [arguments.progress_to] if arguments.progress_to else []
    with ExitStack() as stack:
        sinks = [stack.enter_context(sink_to(place)) for place in places]
        signals = stack.enter_context(signalling(batch.config.signals))
        events = Events(batch, [*([_print] if arguments.json_progress else []), *sinks], hook, signals)
        try:
            yield events
        except (UserError, KeyboardInterrupt) as error:
            events.error("; ".join(filter(None, ("interrupted" * isinstance(error, KeyboardInterrupt), str(error)))))
            raise


@contextmanager
def refusals(arguments: argparse.Namespace) -> Iterator[None]:
    """Around the checks before a batch: what they refuse is told in JSON too where that is asked for."""
    try:
        yield
    except UserError as error:
        if arguments.json_progress:
            _print(json.dumps(_error(str(error))) + "\n")
        raise


def _print(line: str) -> None:
    print(line, end="", flush=True)
