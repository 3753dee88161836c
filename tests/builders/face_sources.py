"""Folders of stored results that have seen the same small faces, for the tests of aggregation."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from dscope_blink.batch.aggregating import Aggregating, in_folder, run_aggregation
from dscope_blink.batch.face_results import FaceDone, FaceJob
from dscope_blink.batch.face_sources import find_faces
from dscope_blink.batch.job import Job
from dscope_blink.config.settings import Config
from dscope_blink.files.names import RESULT
from dscope_blink.library import inspect
from dscope_blink.records import Inspection
from dscope_blink.reporting.picture_files import write_result
from tests.builders.batches import ASKED, CONFIG
from tests.builders.pictures import SCRATCH, face_png, folder_of

SECOND = "deep_inspection"  # profile of the second source


@cache
def seen(scratched: bool, folder: Path) -> Inspection:
    """What `fast_scan` finds in the small face, read from a file in the folder."""
    name = "scratched.png" if scratched else "clean.png"
    folder_of(folder, name, data=face_png(SCRATCH) if scratched else face_png())
    asked = {"fiber_class": ASKED.fiber_class, "core_diameter_um": 50.0, "cladding_diameter_um": 125.0}
    return inspect(folder / name, config=CONFIG, edition=ASKED.edition, **asked)  # type: ignore[arg-type]


def stored(folder: Path, inspection: Inspection, file: str, **manifest: str) -> Path:
    """NAME_result.json of an inspection under the name of a picture."""
    named = replace(
        inspection,
        image=replace(inspection.image, file=file),
        request=replace(inspection.request, manifest=manifest),
    )
    path = folder / f"{file.rpartition('.')[0]}{RESULT}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_result(path, named)
    return path


def by_second(inspection: Inspection, profile: str = SECOND) -> Inspection:
    """The same by another profile."""
    return replace(inspection, provenance=replace(inspection.provenance, profile=profile))


def two_sources(folder: Path, clean: Inspection, scratched: Inspection, *names: str) -> tuple[Path, Path]:
    """Two folders of results of the pictures of these names, of which that of `b` is scratched.

    Each picture has a hash of its own, so that each is a face.
    """
    for number, name in enumerate(names):
        of = scratched if name == "b" else clean
        info = replace(of.image, sha256=of.image.sha256 if number < 2 else f"{number:064x}")
        one = replace(of, image=info)
        stored(folder / "first", one, f"{name}.png")
        stored(folder / "second", by_second(one), f"{name}.png")
    return folder / "first", folder / "second"


def pictures_of(folder: Path) -> Path:
    """The pictures of the faces a and b."""
    folder_of(folder, "a.png")
    return folder_of(folder, "b.png", data=face_png(SCRATCH))


def aggregating(
    out: Path, *folders: Path, config: Config = CONFIG, pictures: Path | None = None, **changes: Any
) -> Aggregating:
    """A run over all faces of some folders, in this process."""
    reporting = replace(config.reporting, plots=False)
    config = replace(config, reporting=reporting)
    faces = in_folder(find_faces(folders, None, config).faces, out) if folders else ()
    return replace(Aggregating(FaceJob(Job(out, config), ASKED, pictures), faces), **changes)


def brought_together(run: Aggregating) -> dict[str, FaceDone]:
    """All that a run has done, by name."""
    return {done.name: done for done in run_aggregation(run)}
