"""Connectors of many fibers at a terminal: `inspect --connector KEY`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dscope_blink.batch.connectors import Connector, ConnectorBatch, Shown, run_connectors
from dscope_blink.batch.run import Batch
from dscope_blink.config.checking import must_be_one_of
from dscope_blink.config.problems import Problems
from dscope_blink.devices.capturing import take_picture
from dscope_blink.files.names import safe_names
from dscope_blink.files.plan import ImageFile
from dscope_blink.records import UNCONFIRMED, ConnectorLayout, ConnectorResult, Request, UserError, printable
from dscope_blink.terminal.arguments import checked_batch
from dscope_blink.terminal.events import Told, events_of, refusals
from dscope_blink.terminal.progress import Display, in_words, lines, silent
from dscope_blink.terminal.running import UNFINISHED
from dscope_blink.terminal.showing import code_of, counted, run_shown

LANE, CONNECTOR = (
    "lane",
    "connector",
)  # columns of the manifest: lane of the first whole fiber, and which connector it is


def inspect_connectors(arguments: argparse.Namespace) -> int:
    """Inspect the connectors that the pictures show, and print the verdict of each."""
    with refusals(arguments):
        batch = checked_connectors(arguments)
    if arguments.camera:
        take_picture(batch.job.config.camera, batch.connectors[0].pictures[0].image.path)
    quiet = arguments.quiet or arguments.json_progress
    finished: list[ConnectorResult] = []
    with events_of(Told(batch.job.output_dir, batch.job.config, None), arguments) as events:
        events.start()
        if not quiet:
            _announce(batch)
        display: Display = silent if quiet else lines

        def told(result: ConnectorResult) -> None:
            finished.append(result)
            events.connector(result)

        ran = run_shown(run_connectors(batch, told), batch.job.output_dir, None, display, events.lane)
        if not quiet:
            print(f"{counted(ran.totals.images, 'lane')}: {in_words(ran.totals)}")
            for result in sorted(finished, key=lambda one: one.name):
                print(printable(_line(result)))
        code = code_of(ran, arguments.fail_exit, events.failed_hooks, "lane")
        if code == 0 and any(one.status == "NOT_GRADED" for one in finished):
            code = UNFINISHED
        events.end(ran.totals, code)
    return code


def _announce(batch: ConnectorBatch) -> None:
    what = counted(len(batch.connectors), "connector")
    print(f"{what} {batch.layout_key}, profile {batch.job.config.profile}, results in {batch.job.output_dir}")
    for text in (*map(UNCONFIRMED.format, batch.unconfirmed), *batch.warnings):
        print(f"Note: {text}")


def _line(result: ConnectorResult) -> str:
    passed = sum(lane.status == "PASS" for lane in result.lanes)
    why = f"; {result.reasons[0]}" if result.reasons else ""
    return f"{result.name}: {result.status}, {passed} of {len(result.lanes)} lanes PASS{why}"


def checked_connectors(arguments: argparse.Namespace) -> ConnectorBatch:
    """Check what was asked, as `checked_batch` does; UserError with one line for every problem."""
    unfit = {"--watch": arguments.watch, "--resume": arguments.resume, "--scheduler": arguments.scheduler is not None}
    asked = [name for name, given in unfit.items() if given]
    if asked:
        raise UserError(f"{', '.join(asked)}: cannot be given with --connector")
    batch = checked_batch(arguments)
    key, layouts = arguments.connector, batch.job.config.connectors
    if key not in layouts:
        raise UserError(f"--connector: {must_be_one_of(layouts, key)}")
    problems, layout = Problems(), layouts[key]
    first = problems.attempt(None, _lane_number, "--first-lane", arguments.first_lane or "", layout)
    rows = [(problems.attempt(None, _shown, image, first, layout), image) for image in batch.images]
    problems.raise_if_any()
    connectors = _joined(batch, [(shown, image) for shown, image in rows if shown is not None])
    return ConnectorBatch(batch.job, key, connectors, batch.warnings, batch.unconfirmed, batch.workers)


def _lane_number(name: str, text: str, layout: ConnectorLayout) -> int | None:
    if not text:
        return None
    most = len(layout.lanes)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise UserError(f"{name} must be a whole number from 1 to {most}, got {text}")
    return int(text)


def _shown(image: ImageFile, first: int | None, layout: ConnectorLayout) -> Shown:
    """A picture with what is asked of each of its fibers."""
    lane = _lane_number(f"{image.file}: {LANE}", image.request.manifest.get(LANE, ""), layout)
    return Shown(replace(image, request=_of_lane(image.request, layout)), first if lane is None else lane)


def _of_lane(request: Request, layout: ConnectorLayout) -> Request:
    if request.pixel_aspect_ratio not in (None, 1.0):
        raise UserError(f"pixel_aspect_ratio must be 1 for connectors, got {request.pixel_aspect_ratio:g}")
    carried = {name: cell for name, cell in request.manifest.items() if name not in (LANE, CONNECTOR)}
    cladding = request.cladding_diameter_um or layout.cladding_um
    return replace(request, fiber="middle", cladding_diameter_um=cladding, manifest=carried)


def _joined(batch: Batch, rows: Sequence[tuple[Shown, ImageFile]]) -> tuple[Connector, ...]:
    """Pictures with one name in the column `connector` are of one; without it each is of its own."""
    together: dict[str, list[Shown]] = {}
    alone: list[Connector] = []
    for shown, planned in rows:
        name = planned.request.manifest.get(CONNECTOR, "")
        if name:
            together.setdefault(name, []).append(shown)
        else:
            alone.append(Connector(planned.name, (shown,)))
    names = safe_names(list(together), batch.job.output_dir)
    sets = tuple(Connector(name, tuple(pictures)) for name, pictures in zip(names, together.values(), strict=True))
    _check_names([*sets, *alone], {planned.name: planned.file for _, planned in rows})
    return (*sets, *alone)


def _check_names(connectors: Sequence[Connector], pictures: Mapping[str, str]) -> None:
    """No record may have the name of another."""
    names = [one.name.casefold() for one in connectors]
    twice = sorted({name for name in names if names.count(name) > 1})
    lanes = {f"{name}_lane{number:02d}".casefold() for name in pictures for number in range(1, 100)}
    taken = sorted(file for name, file in pictures.items() if name.casefold() in lanes)
    if twice or taken:
        raise UserError(f"names of results would not differ: {', '.join(map(printable, [*twice, *taken]))}")
