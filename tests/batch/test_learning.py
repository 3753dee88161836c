"""Faces to models, without pictures: what is seen of each is made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dscope_blink.batch import learning
from dscope_blink.batch.job import Job
from dscope_blink.batch.learning import Learned, Learning, learn
from dscope_blink.batch.reference_faces import SeenFace
from dscope_blink.config.settings import Config
from dscope_blink.files.plan import ImageFile
from dscope_blink.image_processing.face_frame import radii_px
from dscope_blink.models.family import Family, NoFamily, family_arrays
from dscope_blink.models.reference import ARRAY_NAMES, NO_FEATURES, load_model, model_bytes
from dscope_blink.records import UserError
from tests.builders.batches import ASKED, CONFIG
from tests.builders.inspections import FAILED, PASSED
from tests.builders.references import RADIUS_PX, good_faces

SETTINGS = replace(CONFIG.reference, radius_px=RADIUS_PX)
HERE = replace(CONFIG, reference=SETTINGS)
COUNT = 7
FAILING = "1.png"


@pytest.fixture(autouse=True)
def _seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def see(job: Job, image: ImageFile, radius_px: int) -> SeenFace:
        number = int(image.file.removesuffix(".png"))
        info = replace(PASSED.image, file=image.file, sha256=f"{number:064x}")
        inspection = replace(PASSED, image=info)
        if image.file == FAILING:
            return SeenFace(inspection, why_not="no fiber was found")
        return SeenFace(inspection, frame=good_faces()[number])

    monkeypatch.setattr(learning, "see_face", see)


def learned_of(tmp_path: Path, *numbers: int, config: Config = HERE, base: Learned | None = None) -> Learned:
    images = tuple(ImageFile(tmp_path / f"{n}.png", f"{n}.png", str(n), ASKED) for n in numbers)
    update = None if base is None else load_model(base.path)
    name = "-".join(map(str, numbers)) + ("" if base is None else "u")
    return learn(Learning(Job(tmp_path, config), images, tmp_path / f"{name}.dscope", update=update))


def test_adding_faces_gives_what_learning_all_at_once_does(tmp_path: Path) -> None:
    whole = learned_of(tmp_path, *range(COUNT)).model
    base = learned_of(tmp_path, 0, 1, 2, 3)
    added = learned_of(tmp_path, 4, 5, 6, base=base).model
    for name in ARRAY_NAMES:
        np.testing.assert_array_equal(getattr(added, name), getattr(whole, name))
    assert added.card.faces == whole.card.faces
    assert isinstance(added.family, Family)
    assert isinstance(whole.family, Family)
    for name, array in family_arrays(whole.family).items():
        np.testing.assert_array_equal(family_arrays(added.family)[name], array)
    assert (added.card.made, added.card.expires) == (base.model.card.made, base.model.card.expires)
    assert added.card.updated is not None
    assert whole.card.updated is None


def test_what_teaches_nothing_is_named_and_not_kept(tmp_path: Path) -> None:
    model = learned_of(tmp_path, *range(COUNT)).model
    out = [face for face in model.card.faces if not face.used]
    assert [(face.file, face.why_not, face.seen) for face in out] == [(FAILING, "no fiber was found", None)]
    assert len(model.faces) == COUNT - 1


@pytest.mark.parametrize("learn_marks", [False, True])
def test_marks_and_faces_that_fail_by_them_teach_only_where_they_are_to(
    learn_marks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def see(job: Job, image: ImageFile, radius_px: int) -> SeenFace:
        number = int(image.file.removesuffix(".png"))
        failed = replace(FAILED, image=replace(FAILED.image, file=image.file, sha256=f"{number:064x}"))
        marked = replace(failed, verdict=PASSED.verdict) if number else failed
        outline = np.array([(-3.0, -3.0), (3.0, -3.0), (3.0, 3.0), (-3.0, 3.0)]) + len(good_faces()[0].light) // 2
        marks = (replace(FAILED.defects[0], contour_px=outline),)
        frame = replace(good_faces()[number], to_picture=np.eye(2, 3))
        return SeenFace(replace(marked, defects=marks), frame=frame)

    monkeypatch.setattr(learning, "see_face", see)
    config = replace(HERE, reference=replace(SETTINGS, learn_marks=learn_marks))
    model = learned_of(tmp_path, *range(COUNT), config=config).model
    middle = len(model.archetype) // 2
    assert bool(np.isfinite(model.archetype[middle, middle])) == learn_marks
    assert model.card.faces[0].why_not.startswith("" if learn_marks else "it FAILs by ")
    assert (model.card.faces[0].seen is not None) == learn_marks


def test_a_model_of_few_faces_knows_no_family_and_why(tmp_path: Path) -> None:
    few = learned_of(tmp_path, 0, 2, 3, 4)
    assert few.model.family == NoFamily("a family needs at least 5 references, got 4")
    assert load_model(few.path).family == few.model.family
    assert few.model.numbers is not None
    assert len(few.model.numbers.values) == 4


def test_a_model_without_features_gets_no_family_by_adding_faces(tmp_path: Path) -> None:
    old = learned_of(tmp_path, 0, 2, 3, 4)
    old.path.write_bytes(model_bytes(replace(old.model, numbers=None, family=NO_FEATURES)))
    added = learned_of(tmp_path, 5, 6, base=old).model
    assert added.family == NO_FEATURES
    assert added.numbers is None


def test_where_no_picture_teaches_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"at least 3 faces, got 0 \(1\.png: no fiber was found\)"):
        learned_of(tmp_path, 1)


def test_edges_that_are_left_out_are_no_part_of_the_archetype(tmp_path: Path) -> None:
    wide = replace(HERE, reference=replace(SETTINGS, edge_ignore_um=2.0))
    whole = learned_of(tmp_path, 0, 2, 3, 4).model
    left = learned_of(tmp_path, 0, 2, 3, 4, config=wide).model
    gone = np.isfinite(whole.archetype) & ~np.isfinite(left.archetype)
    radii = radii_px(RADIUS_PX)[gone]
    width = 2 * 2.0 * 2 * RADIUS_PX / (left.card.cladding_um or 0.0)
    assert np.ptp(radii[radii > 0.9 * RADIUS_PX]) == pytest.approx(width, abs=1)
    np.testing.assert_array_equal(left.faces, whole.faces)  # faces are kept whole: the setting may be changed later


def test_a_face_teaches_only_once(tmp_path: Path) -> None:
    base = learned_of(tmp_path, 0, 2, 3, 4)
    with pytest.raises(UserError, match=r"3\.png: it is among the faces already"):
        learned_of(tmp_path, 3, 5, base=base)


def test_a_model_without_its_faces_cannot_be_added_to(tmp_path: Path) -> None:
    bare = replace(HERE, reference=replace(SETTINGS, keep_faces=False))
    base = learned_of(tmp_path, 0, 2, 3, 4, config=bare)
    assert len(base.model.faces) == 0
    with pytest.raises(UserError, match="keeps no faces"):
        learned_of(tmp_path, 5, base=base)


def test_a_model_of_another_frame_or_microscope_cannot_be_added_to(tmp_path: Path) -> None:
    base = learned_of(tmp_path, 0, 2, 3, 4)
    with pytest.raises(UserError, match="radius_px"):
        learned_of(tmp_path, 5, base=base, config=replace(HERE, reference=replace(SETTINGS, radius_px=90)))
    with pytest.raises(UserError, match="microscope B"):
        learning.check_updatable(base.model, RADIUS_PX, "B")
