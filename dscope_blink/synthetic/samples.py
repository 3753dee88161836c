"""The rendered samples as files: pictures, and the manifest that says what they show."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import cv2

from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import Inspection, UserError
from dscope_blink.synthetic.scenes import DemoFace

EDITION = "iec_61300_3_35_2022"  # the verdicts that the samples expect are those of its limits


def write_samples(folder: Path, manifest: Path, faces: Sequence[DemoFace]) -> None:
    """Render the samples into `folder` and write their manifest; UserError if a file cannot be written."""
    _make_folder(folder)
    for seed, face in enumerate(faces):
        _, data = cv2.imencode(".png", face.image(seed))
        write_file(folder / _file(face), data.tobytes())
    text = io.StringIO()
    table = csv.DictWriter(text, list(_row(faces[0])), lineterminator="\n")
    table.writeheader()
    table.writerows(map(_row, faces))
    write_file(manifest, text.getvalue().encode())


def expected_verdict(inspection: Inspection) -> str:
    """What a sample must get; it stands in the manifest."""
    return inspection.request.manifest.get("expected", "")


def differs(inspection: Inspection) -> bool:
    """Whether it got something else."""
    return inspection.verdict.status != expected_verdict(inspection)


def _make_folder(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}") from None


def _file(face: DemoFace) -> str:
    return f"{face.name}.png"


def _row(face: DemoFace) -> dict[str, str]:
    spec = face.spec
    return {
        "file": _file(face),
        "edition": EDITION,
        "fiber_class": face.fiber_class,
        "core_diameter_um": "" if spec is None else f"{spec.core_diameter_um:g}",
        "cladding_diameter_um": "" if spec is None else f"{spec.cladding_diameter_um:g}",
        "pixel_aspect_ratio": "" if spec is None else f"{spec.um_per_px_x / spec.um_per_px_y:g}",
        "expected": face.expected,
    }
