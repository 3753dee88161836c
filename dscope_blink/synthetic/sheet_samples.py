"""The rendered sheets of the demo as files: good ones to learn from, and others with one fault each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import SheetStatus
from dscope_blink.synthetic.sheets import (
    Look,
    Picture8,
    SheetFault,
    SheetPlan,
    render_sheet,
    sheet_of_14,
    sheet_of_21,
)

GOOD = 28  # sheets of each layout: as many as the configuration that ships asks for, and some to be held back
FAULTS: Mapping[str, tuple[SheetFault, ...]] = {
    "good": (),
    "moved": (SheetFault("moved", "B05", 20),),
    "missing": (SheetFault("missing", "B09"),),
    "extra": (SheetFault("extra"),),
    "pale": (SheetFault("pale", "B06", 0.4),),
    "fat": (SheetFault("fat", "B03", 1.4),),
}


def sheet_plans() -> tuple[SheetPlan, ...]:
    """The layouts of the demo."""
    return sheet_of_14(), sheet_of_21()


def write_good_sheets(folder: Path, plan: SheetPlan) -> None:
    """Render sheets to learn a layout from; UserError if a file cannot be written."""
    for seed in range(GOOD):
        _write(folder / f"{seed:02d}.png", _rendered(plan, seed))


def write_sheet_samples(folder: Path) -> dict[str, SheetStatus]:
    """Render a good sheet of each layout, and one with each fault.

    Returns
    -------
    What each file must get
    """
    expected: dict[str, SheetStatus] = {}
    for plan in sheet_plans():
        for number, (name, faults) in enumerate(FAULTS.items()):
            file = f"{plan.name}_{name}.png"
            _write(folder / file, _rendered(plan, GOOD + number, *faults))
            expected[file] = "NG" if faults else "OK"
    return expected


def _rendered(plan: SheetPlan, seed: int, *faults: SheetFault) -> Picture8:
    rng = np.random.default_rng(seed)
    look = Look(
        turn_deg=rng.uniform(-3, 3),
        scale=rng.uniform(0.75, 0.9),
        perspective=rng.uniform(0, 0.01),
        toner=rng.uniform(0.85, 0.95),
        noise=rng.uniform(1, 3),
    )
    return render_sheet(plan, rng, faults, look).picture


def _write(path: Path, picture: Picture8) -> None:
    make_folder(path.parent)
    _, data = cv2.imencode(".png", picture)
    write_file(path, data.tobytes())
