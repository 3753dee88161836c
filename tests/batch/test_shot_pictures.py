"""The pictures of one face, found again and compared."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dscope_blink.analysis.aggregation.shots import bring_together
from dscope_blink.batch.face_sources import Face, SourceFile, read_detections
from dscope_blink.batch.shot_pictures import alike_pictures
from dscope_blink.files.names import RESULT
from dscope_blink.records import FiberGeometry, ImageInfo, PictureLikeness, Scale, ZoneOutline
from dscope_blink.reporting.picture_files import write_result
from tests.builders.copies import SPEC, other, picture, turned
from tests.builders.inspections import PASSED, cladding_fit
from tests.builders.settings import SETTINGS

pytestmark = pytest.mark.usefixtures("as_written")

MAX_PIXELS = 10_000_000


def face_of(folder: Path, pictures: Path, **images: np.ndarray) -> Face:
    """A face and its records, whose pictures lie in a folder of their own; no mark was found."""
    sources, cladding = [], SPEC.cladding_ellipse
    for name, image in images.items():
        pictures.mkdir(exist_ok=True)
        cv2.imwrite(str(pictures / f"{name}.png"), image)
        sha = hashlib.sha256((pictures / f"{name}.png").read_bytes()).hexdigest()
        height, width = image.shape
        record = replace(
            PASSED,
            image=ImageInfo(f"{name}.png", sha, width, height),
            geometry=FiberGeometry(cladding_fit(cladding), None),
            scale=Scale(SPEC.um_per_px_x, SPEC.um_per_px_y, "user_cladding"),
            zones=(ZoneOutline("B", cladding, seen=1.0),),
        )
        write_result(folder / f"{name}{RESULT}", record)
        sources.append(SourceFile(folder / f"{name}{RESULT}", f"results/{name}{RESULT}"))
    return Face("face", tuple(sources))


def compared(face: Face, pictures: Path | None) -> tuple[PictureLikeness, ...]:
    detections, log = read_detections(face, SETTINGS.profile(SETTINGS.default_profile))
    assert not log
    return alike_pictures(face, detections, pictures, MAX_PIXELS)


def test_shots_of_a_face_without_marks_are_brought_together_by_their_pictures(tmp_path):
    face = face_of(tmp_path, tmp_path / "in", a=picture(), b=turned(picture(), 40.0), c=other(3))
    detections, _ = read_detections(face, SETTINGS.profile(SETTINGS.default_profile))
    alike = alike_pictures(face, detections, tmp_path / "in", MAX_PIXELS)
    assert sum(one.tells_the_turn for one in alike) == 1
    turns = {one.source.picture: one.source.turn for one in bring_together(detections, alike).detections}
    assert {"a.png", "b.png"} == set(turns)
    (turn,) = (of.angle_deg for of in turns.values() if of.angle_deg)
    assert turn == pytest.approx(40.0, abs=0.3) or turn == pytest.approx(320.0, abs=0.3)  # the base is either
    assert len(bring_together(detections).detections) == 1


def test_pictures_that_lie_beside_the_records_are_found(tmp_path):
    face = face_of(tmp_path, tmp_path, a=picture(), b=turned(picture(), 40.0))
    (alike,) = compared(face, None)
    assert alike.tells_the_turn


def test_what_is_gone_or_another_picture_now_is_not_compared(tmp_path):
    results = tmp_path / "run" / "results"  # what lies beside these is looked into
    results.mkdir(parents=True)
    face = face_of(results, tmp_path / "in", a=picture(), b=turned(picture(), 40.0))
    cv2.imwrite(str(tmp_path / "in" / "b.png"), other(3))
    assert compared(face, tmp_path / "in") == ()
    (tmp_path / "in" / "b.png").unlink()
    assert compared(face, tmp_path / "in") == ()


def test_one_picture_is_not_read_again(tmp_path):
    face = face_of(tmp_path, tmp_path / "in", a=picture())
    (tmp_path / "in" / "a.png").unlink()
    assert compared(Face("face", face.sources * 2), None) == ()
