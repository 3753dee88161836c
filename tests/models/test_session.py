"""Networks in files: run as they are, and refused in one line where they are not what they should be."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dscope_blink.models import session
from dscope_blink.models.network_file import network_facts
from dscope_blink.models.session import BadNetwork, TensorForm, load_network, network_from
from dscope_blink.records import UserError
from tests.builders.networks import onnx_file, passing_on, saying


def refused(data: bytes) -> str:
    with pytest.raises(BadNetwork) as caught:
        network_from(data, "n.onnx")
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("n.onnx: ")
    return text


def test_a_network_says_what_goes_in_and_what_comes_out(tmp_path):
    path = tmp_path / "relu.onnx"
    path.write_bytes(passing_on((1, 1, 2, 2)))
    network = load_network(path)
    assert network.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (network.inputs, network.outputs) == ((TensorForm("x", (1, 1, 2, 2)),), (TensorForm("y", (1, 1, 2, 2)),))
    (found,) = network.run([np.array([[[[-1, 2], [3, -4]]]], np.float32)])
    assert found.tolist() == [[[[0, 2], [3, 0]]]]


def test_a_network_works_in_another_process():
    sent = pickle.dumps(network_from(passing_on((1, 1, 1, 1)), "relu.onnx"))
    code = (
        "import pickle, sys, numpy as np; n = pickle.load(sys.stdin.buffer); print(n.run([np.ones((1,1,1,1), 'f4')]))"
    )
    run = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    assert run.stdout.startswith(b"(array([[[[1.]]]]")


def test_a_session_is_opened_once_and_has_one_thread():
    network = network_from(passing_on((1, 1, 3, 3)), "once.onnx")
    before = session._session.cache_info().misses
    for _ in range(3):
        network.run([np.zeros((1, 1, 3, 3), np.float32)])
    assert session._session.cache_info().misses == before
    file = session._File(network.name, network.sha256, network.data)
    options = session._session(file, os.getpid()).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_another_file_than_the_one_meant_is_refused(tmp_path):
    path = tmp_path / "relu.onnx"
    path.write_bytes(passing_on())
    own = hashlib.sha256(path.read_bytes()).hexdigest()
    assert load_network(path, own).sha256 == own
    with pytest.raises(BadNetwork, match=rf"relu\.onnx: its sha256 must be 0{{64}}, got {own}$"):
        load_network(path, "0" * 64)


def test_without_the_package_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    data = passing_on((1, 1, 5, 5))  # not opened before
    with pytest.raises(UserError, match=r"^a network needs the package onnxruntime, which the extra `gates` installs"):
        network_from(data, "relu.onnx")


def test_what_is_not_there_or_no_file_is_refused(tmp_path):
    with pytest.raises(BadNetwork, match=r"absent\.onnx: cannot be read, No such file"):
        load_network(tmp_path / "absent.onnx")
    with pytest.raises(BadNetwork, match="cannot be read"):
        load_network(tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(session.MOST_BYTES + 1)
    with pytest.raises(BadNetwork, match=r"huge\.onnx: cannot be read, it must have at most \d+ bytes"):
        load_network(path)


# --- hostile files

WEIGHT = numpy_helper.from_array(np.zeros((1, 1, 8, 8), np.float32), "w")


def with_weights_at(place: str) -> bytes:
    weight = onnx.TensorProto()
    weight.CopyFrom(WEIGHT)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", place
    add = helper.make_node("Add", ["x", "w"], ["y"])
    return onnx_file([add], [("x", (1, 1, 8, 8))], [("y", (1, 1, 8, 8))], [weight])


def with_a_constant_at(place: str) -> bytes:
    model = onnx.load_from_string(with_weights_at(place))
    weight = model.graph.initializer.pop()
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=weight))
    return model.SerializeToString()


def with_a_loop() -> bytes:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 1, 8, 8]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [1, 1, 8, 8]),
        ],
    )
    loop = helper.make_node("Loop", ["", "go", "x"], ["y"], body=body)
    go = helper.make_tensor("go", TensorProto.BOOL, [], [True])
    return onnx_file([loop], [("x", (1, 1, 8, 8))], [("y", (1, 1, 8, 8))], [go])


def with_a_huge_tensor() -> bytes:
    shape = numpy_helper.from_array(np.array([10**13]), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["much"]),
        helper.make_node("ReduceSum", ["much"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    return onnx_file(nodes, [("x", (1, 1, 8, 8))], [("y", (1, 1, 8, 8))], [shape])


def with_other_shape_than_declared() -> bytes:
    """Columns are left out by what stands in the picture, which nothing tells before."""
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Add", ["columns", "sum"], ["places"]),
        helper.make_node("Less", ["places", "three"], ["chosen"]),
        helper.make_node("Compress", ["x", "chosen"], ["y"], axis=3),
    ]
    weights = [
        numpy_helper.from_array(np.arange(8, dtype=np.float32), "columns"),
        numpy_helper.from_array(np.array(3, np.float32), "three"),
    ]
    return onnx_file(nodes, [("x", (1, 1, 8, 8))], [("y", (1, 1, 8, 8))], weights)


HOSTILE = {
    "empty": (b"", "no ONNX file: no operators"),
    "text": (b"This is no network at all, but it has many words.", "no ONNX file"),
    "a zip": (b"PK\x03\x04" + bytes(200), "no ONNX file"),
    "cut off": (passing_on()[:-9], "no ONNX file: cut off"),
    "of an opset too new": (passing_on(opset=99), r"its opset must lie in 7\.\.21, got 99"),
    "of an opset too old": (passing_on(opset=3), r"its opset must lie in 7\.\.21, got 3"),
    "with weights outside of its folder": (with_weights_at("../../secret"), "it must hold all its weights itself"),
    "with weights in another file": (with_weights_at("weights.bin"), "it must hold all its weights itself"),
    "with a constant elsewhere": (with_a_constant_at("/etc/hostname"), "it must hold all its weights itself"),
    "with a loop": (with_a_loop(), "it must hold no loops, got Loop"),
    "with dynamic axes": (passing_on(("batch", 1, 8, 8)), r"must have a fixed shape, got \[batch, 1, 8, 8\]"),
    "with an operator that nobody has": (passing_on(operator="Nope"), "cannot be loaded: .*Nope"),
    "of whole numbers": (
        passing_on(operator="Identity", kind=TensorProto.INT64),
        r"input x must be float32, got tensor\(int64\)",
    ),
    "with a tensor beyond all memory": (with_a_huge_tensor(), "cannot be"),
    "that gives another shape than it says": (
        with_other_shape_than_declared(),
        r"y must be \[1, 1, 8, 8\], got \[1, 1, 8, 3\]",
    ),
    "that gives NaN": (saying(np.full((1, 2, 2), math.nan)), "output output0 must hold finite numbers"),
    "that gives infinity": (saying(np.full((1, 2, 2), math.inf)), "output output0 must hold finite numbers"),
    "with a tensor too large": (passing_on((1, 1, 2**14, 2**14)), "input x must hold at most 67108864 numbers"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(name):
    data, says = HOSTILE[name]
    text = refused(data)
    assert re.search(says, text), text


def test_a_file_cut_off_anywhere_is_refused_in_one_line():
    data = saying(np.zeros((1, 4, 6)))
    for end in range(0, len(data), 7):
        refused(data[:end])


def test_any_changed_byte_is_refused_or_does_no_harm():
    data, rng = passing_on(), np.random.default_rng(5)
    for place, value in zip(rng.integers(0, len(data), 150), rng.integers(0, 256, 150), strict=True):
        changed = bytearray(data)
        changed[place] = value
        with contextlib.suppress(BadNetwork):  # any other error is a fault of ours
            network_from(bytes(changed), "n.onnx")


def part(number: int, inner: bytes) -> bytes:
    """A field that has a size, of protocol buffers; fewer than 2^14 bytes."""
    return bytes((number << 3 | 2, len(inner) & 127 | 128, len(inner) >> 7)) + inner


def test_graphs_within_graphs_are_read_to_an_end():
    graph = b""
    for _ in range(30):  # a graph in an attribute of a node of a graph
        graph = part(1, part(5, part(6, graph)))
    with pytest.raises(ValueError, match="nested deeper than 64"):
        network_facts(part(7, graph))


def test_facts_are_those_that_the_package_onnx_reads():
    facts = network_facts(with_a_loop())
    assert facts.operators == {"Loop", "Identity"}
    assert facts.opsets == {"": 17}
    assert not facts.external_weights
