from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.image_processing import similarity as module
from dscope_blink.image_processing.similarity import similarity
from dscope_blink.records import FloatImage
from tests.builders.references import good_faces, learned


def _pair(side: int = 41) -> tuple[FloatImage, FloatImage]:
    rng = np.random.default_rng(3)
    normal = (1 + 0.3 * rng.normal(size=(side, side))).astype(np.float32)
    return (normal + 0.1 * rng.normal(size=(side, side))).astype(np.float32), normal


def _slowly(face: FloatImage, normal: FloatImage, window: int) -> list[float]:
    """Equation 13 window by window."""
    face = face * (np.median(normal) / np.median(face))
    span, size, found = float(np.ptp(normal)), window + 1, []
    for y in range(window // 2, len(face) - window // 2, window // 2):
        for x in range(window // 2, len(face) - window // 2, window // 2):
            rows, columns = slice(y - size // 2, y + size // 2 + 1), slice(x - size // 2, x + size // 2 + 1)
            a, b = face[rows, columns].astype(float).ravel(), normal[rows, columns].astype(float).ravel()
            (aa, ab), (_, bb) = np.cov(a, b)
            c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
            top = (2 * a.mean() * b.mean() + c1) * (2 * ab + c2)
            found.append(top / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (aa + bb + c2)))
    return found


def test_it_is_the_mean_of_half_overlapping_windows() -> None:
    face, normal = _pair()
    expected = np.mean([np.mean(_slowly(face, normal, window)) for window in (16, 32)])  # 64 is larger than the face
    assert similarity(face, normal).whole == pytest.approx(expected, abs=1e-4)


def test_a_face_is_like_itself_however_bright() -> None:
    _, normal = _pair()
    found = similarity(normal * np.float32(1.2), normal)
    assert found.whole == pytest.approx(1, abs=1e-5)
    assert np.nanmin(found.map) == pytest.approx(1, abs=1e-5)


def test_what_is_not_seen_says_nothing_and_spoils_nothing() -> None:
    face, normal = _pair(101)
    holed = face.copy()
    holed[:30, :30] = np.nan
    found, whole = similarity(holed, normal), similarity(face, normal)
    assert np.isnan(found.map[:30, :30]).all()
    assert np.isfinite(found.map[40:, 40:]).all()
    np.testing.assert_allclose(found.map[80:, 80:], whole.map[80:, 80:], atol=0.05)


def test_where_nothing_is_seen_there_is_no_number() -> None:
    _, normal = _pair()
    found = similarity(np.full_like(normal, np.nan), normal)
    assert found.whole is None
    assert np.isnan(found.map).all()


def test_a_blemish_makes_its_place_unlike() -> None:
    face, archetype = good_faces()[0].light.copy(), learned().archetype
    before = similarity(face, archetype)
    side = len(face) // 2
    face[side + 25 : side + 33, side + 25 : side + 33] *= 0.5
    after = similarity(face, archetype)
    apart = before.map - after.map
    y, x = np.unravel_index(np.nanargmax(apart), apart.shape)
    assert abs(y - side - 29) <= max(module.WINDOWS_PX) / 4
    assert abs(x - side - 29) <= max(module.WINDOWS_PX) / 4
    assert after.whole is not None
    assert before.whole is not None
    assert after.whole < before.whole
