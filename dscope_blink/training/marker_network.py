"""A small network of markers on two grids, in torch: what it says, how wrong that is, and its ONNX file."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dscope_blink.training.network_export import onnx_bytes_of

STRIDES = (8, 16)
WIDTHS = (8, 16, 24, 32)  # channels at 2, 4, 8 and 16 px
RARE = 0.01  # share of cells that are to hold a marker at first: it keeps the first steps from being lost


def _block(channels: int, wanted: int, stride: int = 1) -> nn.Module:
    convolution = nn.Conv2d(channels, wanted, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(wanted), nn.ReLU())


class MarkerNetwork(nn.Module):
    """Grey input, (n, 1, side, side), to rows of YOLOX, (n, n_cell, 5 + C), the confidences still logits.

    Z. Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430: one box for each cell, without anchors.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        first, second, third, fourth = WIDTHS
        self.fine = nn.Sequential(
            _block(1, first, 2), _block(first, second, 2), _block(second, third, 2), _block(third, third)
        )
        self.coarse = nn.Sequential(_block(third, fourth, 2), _block(fourth, fourth), _block(fourth, fourth))
        self.lift = nn.Conv2d(fourth, third, 1)
        self.heads = nn.ModuleList(
            nn.Sequential(_block(width, width), nn.Conv2d(width, 5 + classes, 1)) for width in (third, fourth)
        )
        for head in self.heads:
            nn.init.constant_(head[-1].bias[4], torch.logit(torch.tensor(RARE)).item())

    def forward(self, images: Tensor) -> Tensor:
        """Rows of all cells, grid after grid."""
        fine = self.fine(images)
        coarse = self.coarse(fine)
        fine = fine + functional.interpolate(self.lift(coarse), scale_factor=2.0, mode="nearest")
        grids = [head(seen) for head, seen in zip(self.heads, (fine, coarse), strict=True)]
        return torch.cat([grid.flatten(2).transpose(1, 2) for grid in grids], dim=1)  # (n, n_cell, 5 + C)


class _Exported(nn.Module):
    """The same with confidences in place of logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        rows = self.network(images)
        return torch.cat((rows[..., :4], torch.sigmoid(rows[..., 4:])), dim=-1)


def loss_of(rows: Tensor, present: Tensor, boxes: Tensor, classes: Tensor, cells: Tensor) -> Tensor:
    """How wrong rows are.

    Parameters
    ----------
    rows : (n, n_cell, 5 + C) of the network
    present, boxes, classes : what is asked, as `marker_pictures.Lesson` has it, stacked
    cells : (n_cell, 3) column, row and stride of each cell
    """
    asked, chosen = present >= 0, classes >= 0
    count = chosen.sum().clamp(min=1)
    there = functional.binary_cross_entropy_with_logits(rows[..., 4], present.clamp(min=0), reduction="none")
    found = rows[chosen]  # (n_chosen, 5 + C)
    places = cells.expand(len(rows), -1, -1)[chosen]
    middle, size = (found[:, :2] + places[:, :2]) * places[:, 2:], torch.exp(found[:, 2:4]) * places[:, 2:]
    wanted = boxes[chosen]
    apart = functional.l1_loss(torch.cat((middle, size), 1), wanted, reduction="none") / wanted[:, 2:].repeat(1, 2)
    kinds = functional.one_hot(classes[chosen], rows.shape[-1] - 5).to(rows.dtype)
    named = functional.binary_cross_entropy_with_logits(found[:, 5:], kinds, reduction="sum")
    missed = 1 - _overlap(middle, size, wanted)
    return there[asked].sum() / (present == 1).sum().clamp(min=1) + (2 * missed.sum() + apart.sum() + named) / count


def _overlap(middle: Tensor, size: Tensor, wanted: Tensor) -> Tensor:
    low = torch.maximum(middle - size / 2, wanted[:, :2] - wanted[:, 2:] / 2)
    high = torch.minimum(middle + size / 2, wanted[:, :2] + wanted[:, 2:] / 2)
    common = (high - low).clamp(min=0).prod(dim=1)
    return common / (size.prod(dim=1) + wanted[:, 2:].prod(dim=1) - common + 1e-6)


def onnx_bytes(network: MarkerNetwork, side_px: int) -> bytes:
    """The ONNX file of a trained network, of layout yolox; its confidences are no logits any more."""
    return onnx_bytes_of(_Exported(network), (1, 1, side_px, side_px), "images", "rows")
