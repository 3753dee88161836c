"""Batches of small pictures, and what they leave on disk."""

from __future__ import annotations

import csv
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd

from dscope_blink.batch.job import Job
from dscope_blink.batch.run import Batch, run_batch
from dscope_blink.batch.whole_run import Done
from dscope_blink.config.settings import Config
from dscope_blink.files.manifest import Manifest
from dscope_blink.files.names import LOCK, MANIFEST, MANIFESTS, PICTURE_FOLDERS
from dscope_blink.files.pictures import find_images
from dscope_blink.files.plan import plan_images
from dscope_blink.records import Inspection, Request
from tests.builders.settings import ROOT, SETTINGS

PATIENCE_S = 120.0  # with a program that is to end by itself

SHIPPED = SETTINGS.profile("fast_scan")
CONFIG = replace(SHIPPED, reporting=replace(SHIPPED.reporting, report=False))  # the report has tests of its own
ASKED = Request("iec_61300_3_35_2015", "multimode", 50.0, 125.0)
ZONE_BY_ZONE = replace(CONFIG, reporting=replace(CONFIG.reporting, cells=True, zone_images=True, agreement=True))


def batch_of(folder: Path, output: Path, plots: bool = False, config: Config = CONFIG) -> Batch:
    """A batch of all pictures of a folder and those below it, in this process."""
    found = find_images(folder, True, output)
    config = replace(config, reporting=replace(config.reporting, plots=plots))
    return Batch(Job(output, config), plan_images(found, output, Manifest(), ASKED))


def results_of(folder: Path, output: Path, plots: bool = False, config: Config = CONFIG) -> dict[str, Inspection]:
    """The inspections of such a batch by their file."""
    found = (done.inspection for done in run_batch(batch_of(folder, output, plots, config)))
    return {inspection.image.file: inspection for inspection in found}


def written(output: Path) -> set[str]:
    """Every file that was written, with its folder, but for what every run leaves: lock, list of folders, manifests."""
    names = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    own = (LOCK, PICTURE_FOLDERS, MANIFEST)
    return {name for name in names if name not in own and not name.startswith(f"{MANIFESTS}/")}


def summary(output: Path) -> pd.DataFrame:
    """The table of the batch."""
    return pd.read_csv(output / "summary_report.csv", keep_default_na=False)


def rows(out: Path) -> list[dict[str, str]]:
    """The summary without what the clock decides."""
    with (out / "summary_report.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        del row["Processing_Time_s"]
    return found


def finished(asked: Batch) -> list[Done]:
    """All that a batch has done, by file."""
    return sorted(run_batch(asked), key=lambda done: done.inspection.image.file)


def program(pictures: Path, out: Path, *words: str) -> list[str]:
    """The command line that inspects this folder in a process of its own."""
    known = ["--fiber-class=multimode", "--core-diameter-um=50", "--cladding-diameter-um=125", "--profile=fast_scan"]
    start = [sys.executable, str(ROOT / "main.py"), "inspect", f"--input-dir={pictures}", f"--output-dir={out}"]
    return [*start, *known, "--no-plots", "--quiet", *words]


@contextmanager
def started(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A program in a process of its own, which is killed if it does not end by itself: no test waits for ever."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        patience = threading.Timer(PATIENCE_S, run.kill)
        patience.start()
        try:
            yield run
        finally:
            patience.cancel()
            run.kill()
