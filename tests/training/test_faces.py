"""What is made of a picture in memory."""

from __future__ import annotations

import numpy as np

from tests.builders.labelled import face_with, label_with


def test_the_slope_is_the_same_wherever_the_picture_lies_in_memory() -> None:
    grey = np.random.default_rng(3).random((61, 83)).astype(np.float32)
    slopes = []
    for offset in range(9):
        room = np.zeros(grey.size + 16, np.float32)
        moved = room[offset : offset + grey.size].reshape(grey.shape)
        moved[:] = grey
        face = face_with(label_with())
        face.__dict__["gray"] = moved
        slopes.append(face.slope)
    assert all((slope == slopes[0]).all() for slope in slopes)
