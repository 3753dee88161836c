"""Marks by a learned network: the residual of a picture in, the probability of each kind at each pixel out.

A network is an ONNX file of one input, float32 [1, 2, T, T], and one output, float32 [1, 6, T, T], the probabilities of
`KINDS`. Its views (`blemish_views`) are shown to it in tiles that overlap, where they are larger than one, so that what
it says of a pixel does not depend on where a tile ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dscope_blink.models.blemish_views import CHANNELS, KINDS, SNR_CLIP, SNR_SCALE, by_views, network_input, searched
from dscope_blink.models.session import BadNetwork, Network, TensorForm, load_network
from dscope_blink.records import FloatImage, Residual

MARGIN_PX = 32  # of a tile, where another follows: what lies so near its border is taken from that one
SIDES = range(128, 1025, 16)  # of a tile
ROUNDING = 1e-3  # by which probabilities may miss their sum of 1


@dataclass(frozen=True, slots=True)
class SegmentationNetwork:
    """A checked network that finds marks; it can be sent to another process, which opens a session of its own."""

    network: Network

    @property
    def name(self) -> str:
        """Of its file."""
        return self.network.name

    @property
    def sha256(self) -> str:
        """Of the bytes of its file."""
        return self.network.sha256

    @property
    def side_px(self) -> int:
        """T, of a tile."""
        return self.network.inputs[0].shape[-1]

    def probabilities(self, residual: Residual) -> FloatImage:
        """How likely each pixel of a residual is of each kind.

        Parameters
        ----------
        residual : window of a picture, (h, w)

        Returns
        -------
        (6, h, w) float32, 0..1, in the order of `KINDS`; each pixel sums to 1, and is none of a mark where none is
        looked for

        Raises
        ------
        BadNetwork : the network gives what are no probabilities
        """
        return by_views(network_input(residual), searched(residual), self._of_view)

    def _of_view(self, seen: FloatImage) -> FloatImage:
        """What it says of a view, tile by tile; (2, h, w) to (6, h, w)."""
        found = np.empty((len(KINDS), *seen.shape[1:]), np.float32)
        for tile in tiles(seen.shape[1:], self.side_px):
            found[:, *tile.kept] = self._of_tile(seen, tile)
        return found

    def _of_tile(self, seen: FloatImage, tile: Tile) -> FloatImage:
        """(6, h, w) of the part of a tile that is kept."""
        (probabilities,) = self.network.run([_cut(seen, tile, self.side_px)])
        inner = tuple(slice(k.start - t.start, k.stop - t.start) for k, t in zip(tile.kept, tile.taken, strict=True))
        kept = probabilities[0][:, *inner]
        _check_probabilities(self.name, kept)
        return kept if kept.min() >= 0 else np.clip(kept, 0, 1)


def load_segmentation(path: Path, sha256: str | None = None) -> SegmentationNetwork:
    """Read and check a network that finds marks, and try it once.

    Parameters
    ----------
    path : an ONNX file
    sha256 : the hash that its bytes must have; None: any

    Raises
    ------
    BadNetwork : as of `load_network`; or its tensors have other shapes, or what it gives are no probabilities
    UserError : the package onnxruntime is missing
    """
    network = load_network(path, sha256)
    _check_forms(network)
    found = SegmentationNetwork(network)
    (tried,) = network.run([_trial(found.side_px)])
    _check_probabilities(network.name, tried[0])
    return found


class Tile(NamedTuple):
    """A square part of a window that a network is shown, and what of its answer is kept; rows, then columns."""

    taken: tuple[slice, slice]
    kept: tuple[slice, slice]


def tiles(shape: tuple[int, ...], side_px: int) -> Iterator[Tile]:
    """The tiles of a window: what they keep covers it once, each pixel at least `MARGIN_PX` from where it is cut off.

    Parameters
    ----------
    shape : (h, w) of the window
    side_px : of a tile; one of a smaller window reaches beyond it

    Yields
    ------
    Tile, row by row
    """
    rows, columns = (_steps(size, side_px) for size in shape)
    for (taken_rows, kept_rows), (taken_columns, kept_columns) in product(rows, columns):
        yield Tile((taken_rows, taken_columns), (kept_rows, kept_columns))


def _steps(size: int, side_px: int) -> list[tuple[slice, slice]]:
    """What tiles take along one axis, evenly spread, and what is kept of each."""
    count = max(math.ceil((size - 2 * MARGIN_PX) / (side_px - 2 * MARGIN_PX)), 1) if size > side_px else 1
    starts = np.linspace(0, max(size - side_px, 0), count).round().astype(int).tolist()
    ends = [0, *((before + side_px + after) // 2 for before, after in pairwise(starts)), size]
    return [(slice(start, start + side_px), slice(*kept)) for start, kept in zip(starts, pairwise(ends), strict=True)]


def _cut(seen: FloatImage, tile: Tile, side_px: int) -> FloatImage:
    """What a network is shown, (1, 2, T, T); beyond the window nothing stands out, and all is far off."""
    part = seen[:, *tile.taken]
    shown = np.zeros((1, CHANNELS, side_px, side_px), np.float32)
    shown[:, 1] = 1
    shown[0, :, : part.shape[1], : part.shape[2]] = part
    return shown


def _check_forms(network: Network) -> None:
    """That a network has one input and one output, of the shapes that it must have."""
    name = network.name
    _check_form(name, "input", network.inputs, CHANNELS)
    side = network.inputs[0].shape[-1]
    _check_form(name, "output", network.outputs, len(KINDS))
    given = network.outputs[0].shape[-1]
    if given != side:
        raise BadNetwork(f"{name}: its output must be as large as its input, {side} px, got {given} px")


def _check_form(name: str, what: str, forms: tuple[TensorForm, ...], channels: int) -> None:
    if len(forms) != 1:
        raise BadNetwork(f"{name}: it must have one {what}, got {len(forms)}")
    shape = forms[0].shape
    side = shape[-1]
    if shape != (1, channels, side, side) or side not in SIDES:
        rule = f"[1, {channels}, T, T], T a multiple of {SIDES.step} from {SIDES[0]} to {SIDES[-1]}"
        raise BadNetwork(f"{name}: its {what} must be {rule}, got {list(shape)}")


def _check_probabilities(name: str, found: FloatImage) -> None:
    """That what a network gives, (6, h, w), are probabilities; the sum is looked at as a sum, in one pass."""
    least, off = float(found.min()), float(np.abs(found.sum(axis=0) - 1).max())
    if least < -ROUNDING or off > ROUNDING:
        got = f"{least:.4g}" if least < -ROUNDING else f"sums that are off by {off:.4g}"
        raise BadNetwork(f"{name}: its output must be probabilities, which sum to 1 at each pixel, got {got}")


def _trial(side_px: int) -> FloatImage:
    """Something to look at, (1, 2, T, T): waves of every strength over all zones."""
    across = np.linspace(0, 1, side_px, dtype=np.float32)
    waves = np.sin(across[:, None] * np.float32(40)) * across * np.float32(SNR_CLIP / SNR_SCALE)
    return np.stack((waves, np.broadcast_to(across, waves.shape)))[None]
