"""Rendered connectors: lanes located, numbered and judged against the truth, and the time that a fiber takes.

`python -m benchmarks.connectors [CONNECTORS]` prints a line for each kind of ferrule and layout.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

import cv2
import numpy as np

from dscope_blink.batch.connector_pictures import Seen, View, inspect_view
from dscope_blink.batch.job import Job
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.config.shipped import shipped
from dscope_blink.files.plan import ImageFile
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import ConnectorLayout, FiberRow, ImageInfo, Provenance, Request
from dscope_blink.synthetic.rows import LaneFault, RenderedRow, RowSpec, render_row

FAULTS: tuple[LaneFault, ...] = ("pit", "scratch", "dirt", "specks", "hole", "absent")
FAULT_RATE = 0.3
SEED = 20261129


@dataclass(frozen=True, slots=True)
class Kind:
    """Connectors that are rendered alike."""

    title: str
    key: str
    glass: bool = False
    core_um: float = 9.0
    columns: tuple[int, int] | None = None  # first and last place that is seen; None: all


KINDS = (
    Kind("1 fiber, bright ferrule", "single"),
    Kind("1 fiber, glass-filled ferrule", "single", glass=True),
    Kind("4 of 12 fibers, first lane given, bright", "mpo12", columns=(5, 8)),
    Kind("4 of 12 fibers, first lane given, glass", "mpo12", glass=True, columns=(5, 8)),
    Kind("8 in 12 places, bright", "mpo8"),
    Kind("12 fibers, bright", "mpo12"),
    Kind("12 fibers, glass", "mpo12", glass=True),
    Kind("16 fibers, glass", "mpo16", glass=True),
    Kind("24 fibers, bright", "mpo24"),
    Kind("24 fibers, glass", "mpo24", glass=True),
    Kind("12 multimode fibers, glass", "mpo12", glass=True, core_um=50.0),
)


def layouts(config: Config) -> dict[str, ConnectorLayout]:
    """Those that ship, and one of a single fiber."""
    single = replace(config.connectors["mpo12"], title="one", rows=(FiberRow((1,), 0.0),))
    return {**config.connectors, "single": single}


def rendered(kind: Kind, layout: ConnectorLayout, rng: np.random.Generator) -> tuple[RenderedRow, int | None]:
    """One connector of a kind, and its first whole lane; its ends show where nothing else says which lanes they are."""
    count = len(layout.lanes)
    ends = {1, count} if kind.columns is None else set()
    faults: dict[int, LaneFault] = {}
    for number in range(1, count + 1):
        if rng.random() < FAULT_RATE:
            fault = FAULTS[int(rng.integers(len(FAULTS)))]
            if number not in ends or fault != "absent":
                faults[number] = fault
    spec = RowSpec(
        layout,
        um_per_px=float(rng.uniform(0.6, 0.95)),
        turn_deg=float(rng.uniform(-2, 2)),
        glass=kind.glass,
        faults=faults,
        core_um=kind.core_um,
        residue_um=((float(rng.uniform(-900, 900)), 130.0, 14.0),) if count > 1 else (),
    )
    if kind.columns is not None:
        first, last = kind.columns
        middle = (first + last - 1 - layout.columns) / 2 * layout.pitch_um
        width = int(((last - first) * layout.pitch_um + 320) / spec.um_per_px)
        spec = replace(spec, shape=(int(340 / spec.um_per_px), width), shift_um=(-middle, 0.0), turn_deg=0.0)
    row = render_row(spec, rng)
    whole = [lane.number for lane in row.lanes if lane.seen == "whole" and lane.fault != "absent"]
    return row, whole[0] if kind.columns is not None or count == 1 else None


def looked_at(row: RenderedRow, key: str, first: int | None, config: Config, folder: Path, core_um: float) -> Seen:
    """The picture through the program."""
    path = folder / "row.png"
    cv2.imwrite(str(path), row.image)
    fiber_class = "multi_fiber_single_mode_upc" if core_um < 20 else "multi_fiber_multimode"
    request = Request(config.criteria.default_edition, fiber_class, core_um, 125.0, fiber="middle")
    return inspect_view(View(Job(folder, config), "row", key, ImageFile(path, "row.png", "row", request), first))


def counted(seen: Seen, row: RenderedRow) -> Iterator[str]:
    """What is to be counted of one connector."""
    outcomes = {record.outcome.number: record.outcome for record in seen.records if record.outcome is not None}
    for lane in row.lanes:
        found = outcomes.get(lane.number)
        if lane.seen != "whole" or lane.fault in ("hole", "absent"):
            if lane.seen != "no":
                yield "no whole fiber"
                yield "no whole fiber, not graded" if found is None or found.status == "NOT_GRADED" else "FALSE GRADE"
            continue
        yield "fibers"
        if found is None:
            yield "not numbered"
            continue
        yield "numbered"
        center = found.center_px
        if center is not None:
            near = np.hypot(*(np.array(center) - lane.center_px)) < 0.1 * row.diameter_px
            yield "located" if near else "WRONG PLACE"
        if found.status == lane.verdict:
            yield "as in truth"
        else:
            yield f"{lane.fault or 'clean'}: {lane.verdict} is {found.status}"
            if found.status == "PASS":
                yield "FALSE PASS"


def single_s(config: Config, count: int = 6) -> float:
    """Processor time of a picture of one fiber of the same size through the pipeline as it is without a connector."""
    rng, seconds = np.random.default_rng(SEED), 0.0
    for _ in range(count):
        row, _ = rendered(KINDS[0], config.connectors["single"], rng)
        height, width = row.image.shape
        info, made = ImageInfo("one.png", None, width, height), Provenance("", "", "")
        request = Request(config.criteria.default_edition, "single_mode_upc", 9.0, 125.0)
        started = process_time()
        inspect_image(row.image, info, request, config, None, made)
        seconds += process_time() - started
    return seconds / count


def main(count: int) -> None:
    """Print a line for each kind."""
    config = load_config(shipped("config.json")).profile("deep_inspection")
    config = replace(config, connectors=layouts(config))
    print(f"one fiber without --connector: {1000 * single_s(config):.0f} ms of processor time", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            rng, total, seconds, fibers = np.random.default_rng(SEED), Counter[str](), 0.0, 0
            for _ in range(count):
                row, first = rendered(kind, config.connectors[kind.key], rng)
                started = process_time()
                seen = looked_at(row, kind.key, first, config, Path(folder), kind.core_um)
                seconds += process_time() - started
                fibers += sum(lane.seen == "whole" for lane in row.lanes)
                total.update(counted(seen, row))
                total.update(f"problem {problem.text}" for problem in seen.picture.problems)
            _print(kind, total, seconds / max(fibers, 1))


def _print(kind: Kind, total: Mapping[str, int], seconds: float) -> None:
    known = ("fibers", "located", "numbered", "as in truth", "FALSE PASS", "FALSE GRADE")
    told = ", ".join(f"{name} {total.get(name, 0)}" for name in known)
    others = "; ".join(f"{name} {n}" for name, n in total.items() if name not in known)
    print(f"{kind.title}: {told}; {1000 * seconds:.0f} ms a fiber; {others}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
