"""Boxes out of a network of objects, by the layout that its output is declared to have; any other is refused.

| layout | outputs | what they hold |
|---|---|---|
| yolov5 | [1, 3 N, 5 + C + M] | middle, size, objectness, C confidences |
| yolov8 | [1, 4 + C + M, N] | middle, size, C confidences (also YOLO11) |
| yolox | [1, N, 5 + C] | as yolov5, the middle in cells of its grid, of the size the logarithm in cells |
| end_to_end | [1, K, 6] | left, top, right, bottom, confidence, class: its rivals are suppressed already |
| detr_softmax | [1, K, C + 1], [1, K, 4] | logits, the last of no object; middle and size in shares of the input |
| detr_sigmoid | [1, K, C], [1, K, 4] | logits; the same |

C classes, M coefficients of masks (then a second output [1, M, h, w] follows; neither is used), N cells of all grids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from dscope_blink.models.letterbox import CHANNELS, fit_of, network_input
from dscope_blink.models.session import BadNetwork, Network
from dscope_blink.models.suppression import suppressed
from dscope_blink.records import Box, FloatImage, FoundObject, Points

if TYPE_CHECKING:
    from dscope_blink.config.network_settings import NetworkSettings

ANCHORS = 3  # of YOLOv5 in each cell
ON_GRIDS = ("yolov5", "yolov8", "yolox")
WITH_MASKS = ("yolov5", "yolov8")
MOST_CANDIDATES = 5000  # no sheet has a tenth of it; the time of suppression grows with the square
WIDEST = 20.0  # logarithm of cells: such a box ends where the picture does, as a wider one does
ROUNDING = 1e-3  # by which a confidence in half precision may pass 1


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a network sees, before any is left out: each place with its most confident class."""

    boxes: Points  # (n, 4) left, top, right, bottom, px of the input
    scores: Points  # (n,) 0..1
    classes: NDArray[np.int64]  # (n,)

    def of(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Candidates:
        """Those at some places, in that order."""
        return Candidates(self.boxes[chosen], self.scores[chosen], self.classes[chosen])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a network of objects."""

    side_px: int  # of the longer side of the picture in its input
    confidence: float  # least
    overlap: float  # intersection over union above which of two boxes of one class the more confident stays


@dataclass(frozen=True, slots=True)
class ObjectNetwork:
    """A network and what it is declared to be; made by `object_network`, which holds the one against the other."""

    network: Network
    settings: NetworkSettings

    def find(self, picture: NDArray[np.uint8], wanted: Wanted) -> tuple[FoundObject, ...]:
        """The objects in a picture.

        Parameters
        ----------
        picture : (H, W) grey or (H, W, 3) BGR, uint8
        wanted : how they are looked for

        Returns
        -------
        tuple of FoundObject, the most confident first, boxes in pixels of the picture and inside it

        Raises
        ------
        BadNetwork : it gives what its layout does not allow
        """
        fit = fit_of((picture.shape[0], picture.shape[1]), self.settings, wanted.side_px)
        found = self.candidates(self.network.run([network_input(picture, self.settings, fit)]))
        kept = _chosen(found.of(found.scores >= wanted.confidence), self.settings, wanted.overlap)
        boxes = fit.to_picture(kept.boxes)
        return tuple(
            FoundObject(self.settings.classes[kind], Box(*map(float, box)), min(float(score), 1.0))
            for box, score, kind in zip(boxes, kept.scores, kept.classes, strict=True)
            if box[0] < box[2] and box[1] < box[3]  # not all of it lies in what was padded
        )

    def candidates(self, outputs: tuple[FloatImage, ...]) -> Candidates:
        """What the outputs of the network say by its layout; BadNetwork where they say what it does not allow."""
        try:
            found = DECODERS[self.settings.layout](outputs, self.settings)
            _check_scores(found.scores)
        except ValueError as error:
            raise BadNetwork(f"{self.network.name}: layout {self.settings.layout}: {error}") from None
        return found


def object_network(network: Network, settings: NetworkSettings) -> ObjectNetwork:
    """Hold a network against what it is declared to be.

    Parameters
    ----------
    network : loaded and checked by itself
    settings : what it is declared to be

    Raises
    ------
    BadNetwork : a setting does not fit its layout, or an input or output has another shape than that declares
    """
    _check_settings(network.name, settings)
    side = settings.input_side_px
    _check_shapes(network.name, "input", network.inputs, ((1, CHANNELS[settings.color], side, side),))
    _check_shapes(network.name, f"layout {settings.layout}: output", network.outputs, _declared(settings))
    counts = {form.shape[1] for form in network.outputs}
    if settings.layout.startswith("detr") and len(counts) > 1:
        raise BadNetwork(f"{network.name}: its outputs must be of as many objects each, got {sorted(counts)}")
    return ObjectNetwork(network, settings)


def _check_scores(scores: Points) -> None:
    """Logits where confidences should be are the mark of another layout."""
    wrong = scores[(scores < -ROUNDING) | (scores > 1 + ROUNDING)]
    if wrong.size:
        raise ValueError(f"confidences must lie in 0..1, got {wrong[0]:g}")


class _Form(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


def _check_settings(name: str, settings: NetworkSettings) -> None:
    layout, channels = settings.layout, CHANNELS[settings.color]
    grids = layout in ON_GRIDS
    wrong = {
        f"strides must {'name its grids' if grids else 'be empty'} for layout {layout}": grids
        == (not settings.strides),
        "each of strides must divide input_side_px": any(settings.input_side_px % s for s in settings.strides),
        f"mask_coefficients must be 0 for layout {layout}": settings.mask_coefficients > 0 and layout not in WITH_MASKS,
        f"mean must have {channels} or no numbers": len(settings.mean) not in (0, channels),
        f"std must have {channels} or no numbers": len(settings.std) not in (0, channels),
    }
    for text in (text for text, is_wrong in wrong.items() if is_wrong):
        raise BadNetwork(f"{name}: {text}")


def _declared(settings: NetworkSettings) -> tuple[tuple[int | None, ...], ...]:
    """The shape of each output; None: any size."""
    classes, masks = len(settings.classes), settings.mask_coefficients
    cells = sum((settings.input_side_px // stride) ** 2 for stride in settings.strides)
    prototypes: tuple[tuple[int | None, ...], ...] = ((1, masks, None, None),) if masks else ()
    shapes: Mapping[str, tuple[tuple[int | None, ...], ...]] = {
        "yolov5": ((1, ANCHORS * cells, 5 + classes + masks), *prototypes),
        "yolov8": ((1, 4 + classes + masks, cells), *prototypes),
        "yolox": ((1, cells, 5 + classes),),
        "end_to_end": ((1, None, 6),),
        "detr_softmax": ((1, None, classes + 1), (1, None, 4)),
        "detr_sigmoid": ((1, None, classes), (1, None, 4)),
    }
    return shapes[settings.layout]


def _check_shapes(name: str, what: str, forms: tuple[_Form, ...], wanted: tuple[tuple[int | None, ...], ...]) -> None:
    got = [form.shape for form in forms]
    fits = len(got) == len(wanted) and all(_is_of(*pair) for pair in zip(got, wanted, strict=True))
    if not fits:
        raise BadNetwork(f"{name}: {what} must be {_shown(wanted)}, got {_shown(got)}")


def _is_of(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(a in (b, None) or b is None for a, b in zip(shape, wanted, strict=True))


def _shown(shapes: object) -> str:
    return " and ".join("[" + ", ".join("any" if n is None else str(n) for n in one) + "]" for one in shapes)  # type: ignore[attr-defined]


def _chosen(found: Candidates, settings: NetworkSettings, overlap: float) -> Candidates:
    """The most confident first; of those on grids no two of a class on each other."""
    found = found.of(np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES])
    if settings.layout not in ON_GRIDS:
        return found
    return found.of(suppressed(found.boxes, found.scores, found.classes, overlap))


# --- one decoder for each layout


def _yolov5(outputs: tuple[FloatImage, ...], settings: NetworkSettings) -> Candidates:
    rows = outputs[0][0].astype(np.float64)  # (3 N, 5 + C + M)
    return _rows(rows[:, :4], rows[:, 4:5] * rows[:, 5 : 5 + len(settings.classes)])


def _yolov8(outputs: tuple[FloatImage, ...], settings: NetworkSettings) -> Candidates:
    rows = outputs[0][0].T.astype(np.float64)  # (N, 4 + C + M)
    return _rows(rows[:, :4], rows[:, 4 : 4 + len(settings.classes)])


def _yolox(outputs: tuple[FloatImage, ...], settings: NetworkSettings) -> Candidates:
    """Z. Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430, and `demo_postprocess` of its code."""
    rows = outputs[0][0].astype(np.float64)  # (N, 5 + C)
    cells, strides = grid_cells(settings.input_side_px, settings.strides)
    middle = (rows[:, :2] + cells) * strides
    size = np.exp(np.minimum(rows[:, 2:4], WIDEST)) * strides
    return _rows(np.hstack((middle, size)), rows[:, 4:5] * rows[:, 5:])


def grid_cells(side_px: int, strides: tuple[int, ...]) -> tuple[Points, Points]:
    """The cells of all grids, row by row, grid after grid.

    Parameters
    ----------
    side_px : of the input
    strides : size of a cell of each grid, px

    Returns
    -------
    (n, 2) column and row of each cell; (n, 1) its size in px
    """
    cells, sizes = [], []
    for stride in strides:
        rows, columns = np.indices((side_px // stride, side_px // stride), np.float64)
        cells.append(np.stack((columns.ravel(), rows.ravel()), axis=1))
        sizes.append(np.full((columns.size, 1), float(stride)))
    return np.concatenate(cells), np.concatenate(sizes)


def _end_to_end(outputs: tuple[FloatImage, ...], settings: NetworkSettings) -> Candidates:
    rows = outputs[0][0].astype(np.float64)  # (K, 6)
    rows = rows[rows[:, 4] > 0]  # the rest fills up to K
    classes = rows[:, 5].astype(np.int64)
    known = (classes == rows[:, 5]) & (classes >= 0) & (classes < len(settings.classes))
    if not known.all():
        got = rows[~known, 5][0]
        raise ValueError(f"classes must be whole numbers below {len(settings.classes)}, got {got:g}")
    return Candidates(rows[:, :4], rows[:, 4], classes)


def _detr_softmax(outputs: tuple[FloatImage, ...], settings: NetworkSettings) -> Candidates:
    """N. Carion et al., "End-to-End Object Detection with Transformers", arXiv:2005.12872: the last is no object."""
    logits = outputs[0][0].astype(np.float64)  # (K, C + 1)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return _rows(outputs[1][0].astype(np.float64) * settings.input_side_px, shares[:, :-1])


def _detr_sigmoid(outputs: tuple[FloatImage, ...], settings: NetworkSettings) -> Candidates:
    """Y. Zhao et al., "DETRs Beat YOLOs on Real-time Object Detection", arXiv:2304.08069."""
    with np.errstate(over="ignore"):
        shares = 1 / (1 + np.exp(-outputs[0][0].astype(np.float64)))  # (K, C)
    return _rows(outputs[1][0].astype(np.float64) * settings.input_side_px, shares)


def _rows(middles: Points, shares: Points) -> Candidates:
    """Rows of middle and size, (n, 4), and confidence of each class, (n, C)."""
    classes = shares.argmax(axis=1)
    half = middles[:, 2:] / 2
    boxes = np.hstack((middles[:, :2] - half, middles[:, :2] + half))
    return Candidates(boxes, np.take_along_axis(shares, classes[:, np.newaxis], axis=1)[:, 0], classes)


class _Decoder(Protocol):
    def __call__(self, outputs: tuple[FloatImage, ...], settings: NetworkSettings) -> Candidates: ...


DECODERS: Mapping[str, _Decoder] = MappingProxyType(
    {
        "yolov5": _yolov5,
        "yolov8": _yolov8,
        "yolox": _yolox,
        "end_to_end": _end_to_end,
        "detr_softmax": _detr_softmax,
        "detr_sigmoid": _detr_sigmoid,
    }
)
