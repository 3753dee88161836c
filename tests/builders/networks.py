"""Small ONNX files: networks that always say the same, and files that are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]
Node = onnx.NodeProto


def onnx_file(
    nodes: Sequence[Node],
    inputs: Sequence[tuple[str, Shape]],
    outputs: Sequence[tuple[str, Shape]],
    weights: Sequence[onnx.TensorProto] = (),
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
) -> bytes:
    """The bytes of a network; nothing is checked."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs],
        weights,
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def saying(*outputs: NDArray[Any], input_shape: Shape = (1, 3, 64, 64)) -> bytes:
    """A network whose outputs are these, whatever it sees."""
    tensors = [numpy_helper.from_array(np.asarray(one, np.float32), f"says{k}") for k, one in enumerate(outputs)]
    nodes = [helper.make_node("Identity", [f"says{k}"], [f"output{k}"]) for k in range(len(outputs))]
    return onnx_file(
        nodes, [("images", input_shape)], [(f"output{k}", one.shape) for k, one in enumerate(outputs)], tensors
    )


def failing_on_light(rows: NDArray[Any], side_px: int) -> bytes:
    """A network of one layer of grey that says these rows, but NaN where any level passes half."""
    constants = {"rows": rows, "half": np.array(0.5), "nothing": np.array(0.0)}
    tensors = [numpy_helper.from_array(np.asarray(one, np.float32), name) for name, one in constants.items()]
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["lightest"], keepdims=0),
        helper.make_node("Sub", ["half", "lightest"], ["spare"]),
        helper.make_node("Sqrt", ["spare"], ["root"]),
        helper.make_node("Mul", ["root", "nothing"], ["zero"]),
        helper.make_node("Add", ["rows", "zero"], ["y"]),
    ]
    return onnx_file(nodes, [("x", (1, 1, side_px, side_px))], [("y", rows.shape)], tensors)


def passing_on(
    shape: Shape = (1, 1, 8, 8), operator: str = "Relu", opset: int = 17, kind: int = TensorProto.FLOAT
) -> bytes:
    """A network of one operator, whose output has the shape of its input."""
    return onnx_file([helper.make_node(operator, ["x"], ["y"])], [("x", shape)], [("y", shape)], opset=opset, kind=kind)


def segmenting(side_px: int = 128, threshold: float = 0.8, kind: int = 2, slope: float = 10.0) -> bytes:
    """A real network of blemishes: what stands out by more than `threshold`, dark or bright, is of `kind`.

    Parameters
    ----------
    side_px : of a tile
    threshold : of what it is shown, in `SNR_SCALE` sigmas
    kind : place in `KINDS` of what it calls marks
    slope : how steeply its probability rises there
    """
    weights = np.zeros((6, 1, 1, 1), np.float32)
    bias = np.full(6, -20, np.float32)
    weights[kind], bias[kind], bias[0] = slope, -slope * threshold, 0
    constants = {
        "first": np.array([1, 0], np.float32).reshape(1, 2, 1, 1),  # the zone is not looked at
        "weights": weights,
        "bias": bias,
    }
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["residual"]),
        helper.make_node("Abs", ["residual"], ["height"]),
        helper.make_node("Conv", ["height", "weights", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["y"], axis=1),
    ]
    tensors = [numpy_helper.from_array(one, name) for name, one in constants.items()]
    return onnx_file(nodes, [("x", (1, 2, side_px, side_px))], [("y", (1, 6, side_px, side_px))], tensors)
