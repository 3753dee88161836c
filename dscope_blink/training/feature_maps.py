"""pixel_level/feature_maps/NAME.npz: what is computed of each pixel, as float16; on request."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import Config, TrainingSettings
from dscope_blink.files.whole_files import write_file
from dscope_blink.image_processing import fusion
from dscope_blink.pipeline import Search
from dscope_blink.training.arrays import write_npz
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.faces import Face
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.labels import Row

FOLDER = Path("pixel_level") / "feature_maps"
Maps: TypeAlias = Iterator[tuple[str, NDArray[Any]]]  # each (H, W), by its name in the file

ENTROPY_REACH_PX = 5
LBP_POINTS, LBP_RADIUS_PX = 8, 1.0


def write_feature_maps(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """Write the maps that are asked for; they have no rows in tables.

    Raises
    ------
    LeftOut : the picture must be inspected again for them, and gives other marks than its record has
    """
    path = folder / FOLDER / f"{face.label.name}.npz"
    path.unlink(missing_ok=True)  # of an earlier build
    if settings.feature_maps:
        maps = ((name, array.astype(np.float16)) for key in settings.feature_maps for name, array in MAPS[key](face))
        write_npz(path, maps)
    return {}


def write_map_meanings(dataset: Dataset, config: Config) -> None:
    """Write pixel_level/feature_maps.json where there are maps."""
    path = dataset.folder / FOLDER.with_suffix(".json")
    path.unlink(missing_ok=True)
    if config.training.feature_maps:
        write_file(path, json_bytes(dict(MEANINGS)))


MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "gray": "grey level, 0..1",
        "gradient_per_px": "magnitude of the gradient (Sobel), grey levels 0..1 per px",
        "direction_rad": "direction in which it gets brighter, from x, clockwise on the screen, -pi..pi",
        "entropy_bits": f"entropy of the grey levels, of 256, within {ENTROPY_REACH_PX} px",
        "lbp": f"uniform local binary pattern of {LBP_POINTS} points at {LBP_RADIUS_PX:g} px, 0..{LBP_POINTS + 1}",
        "residual": "picture less the background of the fiber, grey levels 0..1; NaN where no marks were sought",
        "support_DETECTOR": "how strongly a detector supports a mark, 0..1, 0 where none is sought; NaN as above",
        "confidence": "evidence over what makes a mark, 0 where none is sought; NaN as above",
    }
)


def _gray(face: Face) -> Maps:
    yield "gray", face.gray


def _gradient(face: Face) -> Maps:
    yield "gradient_per_px", face.slope


def _direction(face: Face) -> Maps:
    x, y = (cv2.Sobel(face.gray, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    yield "direction_rad", np.arctan2(y, x)


def _entropy(face: Face) -> Maps:
    from skimage.filters import rank
    from skimage.morphology import disk

    yield "entropy_bits", rank.entropy(face.levels, disk(ENTROPY_REACH_PX))  # type: ignore[no-untyped-call]


def _lbp(face: Face) -> Maps:
    """T. Ojala et al., IEEE Transactions on Pattern Analysis 24(7), 2002, DOI 10.1109/TPAMI.2002.1017623."""
    from skimage.feature import local_binary_pattern

    yield "lbp", local_binary_pattern(face.levels, LBP_POINTS, LBP_RADIUS_PX, "uniform")  # type: ignore[no-untyped-call]


def _residual(face: Face) -> Maps:
    search, shape = face.search, face.gray.shape
    yield (
        "residual",
        _not_sought(face) if search is None else fusion.in_picture(search.residual, search.residual.gray, shape),
    )


def _supports(face: Face) -> Maps:
    if face.search is None:
        return
    supports = fusion.supports_in_picture(face.search.residual, face.search.evidence, face.gray.shape)
    yield from ((f"support_{name}", support) for name, support in supports.items())


def _confidence(face: Face) -> Maps:
    yield "confidence", _not_sought(face) if face.search is None else _confidence_of(face.search, face)


def _confidence_of(search: Search, face: Face) -> NDArray[Any]:
    assert face.again is not None, "it was searched again"
    field = search.residual
    whole = fusion.confidence_map(field, search.evidence, search.picture.gray.shape, face.again.config.fusion)
    (x, y), (h, w) = field.origin_px, field.snr.shape
    return fusion.in_picture(field, whole[y : y + h, x : x + w], face.gray.shape)


def _not_sought(face: Face) -> NDArray[Any]:
    return np.full(face.gray.shape, math.nan, np.float32)


MAPS: Mapping[str, Callable[[Face], Maps]] = MappingProxyType(
    {
        "gray": _gray,
        "gradient": _gradient,
        "direction": _direction,
        "entropy": _entropy,
        "lbp": _lbp,
        "residual": _residual,
        "detectors": _supports,
        "confidence": _confidence,
    }
)
