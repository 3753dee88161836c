"""What the networks trained here share: torch, the pace of learning, and their ONNX files."""

from __future__ import annotations

import io
import math
import warnings
from typing import TYPE_CHECKING, Any

from dscope_blink.models.session import OPSETS
from dscope_blink.records import UserError

if TYPE_CHECKING:
    from torch import nn

OPSET = 17
WARMED_UP = 0.05  # share of the steps until learning is fastest


def torch_for_training(seed: int, threads: int) -> Any:
    """torch, seeded and set to give the same on every run; UserError where it is missing."""
    try:
        import torch
    except ImportError:
        raise UserError("training needs the package torch: pip install -r requirements-train.txt") from None
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    return torch


def pace(share: float) -> float:
    """Of learning, by the share of the steps that are done: slowly at first, then less and less."""
    return min(share / WARMED_UP + 0.01, 1.0) * (0.5 + 0.5 * math.cos(math.pi * share))


def onnx_bytes_of(network: nn.Module, shape: tuple[int, ...], input_name: str, output_name: str) -> bytes:
    """The ONNX file of a network with one input of a fixed shape and one output."""
    import torch

    assert OPSET in OPSETS
    file = io.BytesIO()
    network.eval()
    with warnings.catch_warnings():
        # The exporter that torch now prefers needs two packages more, for networks far from these.
        warnings.simplefilter("ignore", DeprecationWarning)
        names = {"input_names": [input_name], "output_names": [output_name]}
        torch.onnx.export(network, (torch.zeros(shape),), file, opset_version=OPSET, dynamo=False, **names)
    return file.getvalue()
