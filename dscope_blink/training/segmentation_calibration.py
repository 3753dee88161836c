"""The logits of a trained network to probabilities that can be believed: a temperature, and a bias of each kind.

The weights of the loss make marks seem likelier than they are, and long training makes a network surer than it may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dscope_blink.models.blemish_views import KINDS, by_views
from dscope_blink.records import FloatImage
from dscope_blink.training.segmentation_lessons import FAR, IGNORED, Lesson, far_view, near_view, read_lesson
from dscope_blink.training.segmentation_network import BlemishNetwork

PIXELS = 20_000  # of a view, drawn at random; its marks all
ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is done to logits before they become probabilities: the biases are added, then the temperature divides."""

    temperature: float = 1.0
    bias: tuple[float, ...] = (0.0,) * len(KINDS)


def logits_of(network: BlemishNetwork, shown: FloatImage) -> Tensor:
    """Of a whole picture, (6, h, w); (2, h, w) is what the network is shown."""
    h, w = shown.shape[1:]
    below, right = -h % 16, -w % 16
    padded = np.zeros((1, len(shown), h + below, w + right), np.float32)
    padded[:, 1] = 1  # all is far off
    padded[0, :, :h, :w] = shown
    with torch.no_grad():
        logits: Tensor = network(torch.from_numpy(padded))[0, :, :h, :w]
    return logits


def probabilities_of(network: BlemishNetwork, calibration: Calibration, shown: FloatImage) -> FloatImage:
    """What the exported network says of a whole picture, (6, h, w) float32."""
    bias = torch.tensor(calibration.bias)[:, None, None]

    def say(view: FloatImage) -> FloatImage:
        found = torch.softmax((logits_of(network, view) + bias) / calibration.temperature, 0)
        return np.asarray(found.numpy())

    return by_views(shown, np.ones(shown.shape[1:], bool), say)


def calibrate(network: BlemishNetwork, files: Sequence[Path], seed: int) -> Calibration:
    """Fit temperature and biases to lessons that the network has not learned from, by their likelihood.

    C. Guo et al., "On Calibration of Modern Neural Networks", 2017, arXiv:1706.04599.
    """
    network.eval()
    rng = np.random.default_rng((seed, 2))
    views = [view(lesson) for lesson in map(read_lesson, files) for view in (near_view, far_view)]
    parts = [_pixels(network, view, rng) for view in views]
    logits, kinds, weights = (torch.cat(part) for part in zip(*parts, strict=True))
    sharpness, bias = torch.zeros(1, requires_grad=True), torch.zeros(len(KINDS), requires_grad=True)
    optimizer = torch.optim.LBFGS([sharpness, bias], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        each = functional.cross_entropy((logits + bias) * torch.exp(sharpness), kinds, reduction="none")
        mean = (each * weights).sum() / weights.sum() + 1e-4 * (bias**2).sum()
        mean.backward()
        return mean

    optimizer.step(loss)
    return Calibration(float(torch.exp(-sharpness).item()), tuple(float(one) for one in bias.tolist()))


def _pixels(network: BlemishNetwork, lesson: Lesson, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, kinds and weights of some pixels of a view: marks count as when they teach, others for all not drawn.

    So it is findings that are to be believable, not pixels, of which large marks have nearly all.
    """
    kinds = lesson.kinds.ravel()
    asked = np.flatnonzero((kinds != IGNORED) & (lesson.zone.ravel() < FAR))
    clean, marks = asked[kinds[asked] == 0], asked[kinds[asked] > 0]
    drawn = rng.choice(clean, min(PIXELS, len(clean)), replace=False)
    chosen = np.concatenate([drawn, marks])
    weights = lesson.weight_of[lesson.labels.ravel()[chosen]]
    weights[: len(drawn)] = len(clean) / max(len(drawn), 1)
    logits = logits_of(network, lesson.shown).reshape(len(KINDS), -1)[:, torch.from_numpy(chosen)].T
    return logits, torch.from_numpy(kinds[chosen].astype(np.int64)), torch.from_numpy(weights)
