"""Small good faces as pictures, the model that is learned of them, and runs that compare others with it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dscope_blink.batch.analysis_run import run_analysis
from dscope_blink.batch.analyzing import Analyzing
from dscope_blink.batch.job import Job, hash_of_reference
from dscope_blink.batch.learning import Learning
from dscope_blink.batch.whole_run import Done
from dscope_blink.config.settings import Config
from dscope_blink.files.manifest import Manifest
from dscope_blink.files.pictures import find_images
from dscope_blink.files.plan import plan_images
from dscope_blink.synthetic.faces import Blemish, render_face
from tests.builders.batches import ASKED, CONFIG
from tests.builders.pictures import SCRATCH, folder_of
from tests.builders.references import RADIUS_PX, varied

SMALL = replace(CONFIG, reference=replace(CONFIG.reference, radius_px=RADIUS_PX))


@cache
def varied_png(seed: int, *blemishes: Blemish) -> bytes:
    """A face of the kind of the good ones, in a place and light of its own."""
    picture = render_face(varied(seed), blemishes, np.random.default_rng(seed)).image
    return cv2.imencode(".png", picture)[1].tobytes()


def good_pictures(folder: Path, count: int) -> Path:
    """A folder of so many good faces."""
    for seed in range(count):
        folder_of(folder, f"good_{seed}.png", data=varied_png(seed))
    return folder


def other_pictures(folder: Path, *names: str) -> Path:
    """A folder with a face under each of these names, that of `b` scratched."""
    for number, name in enumerate(names):
        blemishes = (SCRATCH,) if name == "b" else ()
        folder_of(folder, f"{name}.png", data=varied_png(100 + number % 5, *blemishes))
    return folder


def learning(folder: Path, output: Path, config: Config = SMALL, **changes: Any) -> Learning:
    """What is asked of `learn`, of all pictures of a folder, in this process."""
    images = plan_images(find_images(folder, True, output.parent), output.parent, Manifest(), ASKED)
    return replace(Learning(Job(output.parent, config), images, output), **changes)


def analyzing(folder: Path, out: Path, model: Path | None, config: Config = SMALL, **changes: Any) -> Analyzing:
    """A run over all pictures of a folder, in this process; without a model each face beside its own symmetry."""
    config = replace(config, reporting=replace(config.reporting, plots=False))
    images = plan_images(find_images(folder, True, out), out, Manifest(), ASKED)
    config = replace(config, reference=replace(config.reference, model=model))
    job = Job(out, config, reference_sha256=hash_of_reference(config))
    return replace(Analyzing(job, images), **changes)


def compared(run: Analyzing) -> dict[str, Done]:
    """All that a run has done, by name."""
    done = {one.name: one for one in run_analysis(run)}
    return {name: done[name] for name in sorted(done)}
