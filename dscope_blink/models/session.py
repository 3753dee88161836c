"""Networks in ONNX files: read, checked and run; the only home of ONNX Runtime.

A network is one file, so that its hash says all of it, and every tensor that goes in or comes out has one shape, which
is written in the file. What does not hold to that is refused in one line.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscope_blink.models.network_file import network_facts
from dscope_blink.records import FloatImage, UserError, read_file
from dscope_blink.records.text import printable

MOST_BYTES = 128 * 2**20  # of a file: the largest detectors of today have as many
MOST_NUMBERS = 2**26  # in one tensor: 256 MB
# What every ONNX Runtime that requirements-gates.txt allows can run, so that a network runs here as it does elsewhere.
OPSETS = range(7, 22)
UNBOUNDED = frozenset({"Loop", "Scan"})  # nothing says when they end
FLOAT = "tensor(float)"
SHOWN = 160  # characters of what ONNX Runtime says


class BadNetwork(UserError):
    """A file that is no network of the kind that is wanted, or gives what it should not; says what is wrong."""


@dataclass(frozen=True, slots=True)
class TensorForm:
    """One tensor of float32 that goes into a network or comes out."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """A checked network; it can be sent to another process, which opens a session of its own."""

    name: str  # of its file
    sha256: str
    inputs: tuple[TensorForm, ...]
    outputs: tuple[TensorForm, ...]
    data: bytes = field(repr=False, compare=False)

    def run(self, tensors: Sequence[FloatImage]) -> tuple[FloatImage, ...]:
        """Run it once, on one thread.

        Parameters
        ----------
        tensors : float32, one for each of `inputs`, in their order and of their shapes

        Returns
        -------
        tuple of arrays, float32, one for each of `outputs`, in their order and of their shapes, all finite

        Raises
        ------
        BadNetwork : it cannot be run, or gives other shapes than it declares, or numbers that are not finite
        """
        session = _session(_File(self.name, self.sha256, self.data), os.getpid())
        feed = {form.name: tensor for form, tensor in zip(self.inputs, tensors, strict=True)}
        found = _outputs(session, feed, self.name)
        for form, tensor in zip(self.outputs, found, strict=True):
            self._check_output(form, tensor)
        return found

    def _check_output(self, form: TensorForm, tensor: NDArray[Any]) -> None:
        if tensor.shape != form.shape:
            raise BadNetwork(f"{self.name}: output {form.name} must be {list(form.shape)}, got {list(tensor.shape)}")
        if not np.isfinite(tensor).all():
            raise BadNetwork(f"{self.name}: output {form.name} must hold finite numbers, got NaN or infinity")


def load_network(path: Path, sha256: str | None = None) -> Network:
    """Read and check a network, and try it once on zeros.

    Parameters
    ----------
    path : an ONNX file that holds its weights itself
    sha256 : the hash that its bytes must have; None: any

    Raises
    ------
    BadNetwork : it cannot be read, is too large, not the one meant, no ONNX file, of another opset, has weights
        elsewhere, loops, dynamic axes, tensors that are not float32, an operator that nobody knows, or gives NaN
    UserError : the package onnxruntime is missing
    """
    try:
        data = read_file(path, MOST_BYTES)
    except OSError as error:
        raise BadNetwork(f"{path}: cannot be read, {error.strerror}") from None
    return network_from(data, str(path), sha256)


def network_from(data: bytes, name: str, sha256: str | None = None) -> Network:
    """The same of bytes, and the name that messages have for them."""
    own = hashlib.sha256(data).hexdigest()
    if sha256 is not None and sha256 != own:
        raise BadNetwork(f"{name}: its sha256 must be {sha256}, got {own}")
    if len(data) > MOST_BYTES:
        raise BadNetwork(f"{name}: it must have at most {MOST_BYTES} bytes, got {len(data)}")
    _check_facts(data, name)
    session = _session(_File(name, own, data), os.getpid())
    inputs = tuple(_form(one, "input", name) for one in session.get_inputs())
    network = Network(name, own, inputs, tuple(_form(one, "output", name) for one in session.get_outputs()), data)
    network.run([np.zeros(form.shape, np.float32) for form in inputs])
    return network


def _check_facts(data: bytes, name: str) -> None:
    try:
        facts = network_facts(data)
    except ValueError as error:
        raise BadNetwork(f"{name}: no ONNX file: {error}") from None
    opset = facts.opsets[""]
    if opset not in OPSETS:
        raise BadNetwork(f"{name}: its opset must lie in {OPSETS[0]}..{OPSETS[-1]}, got {opset}")
    if facts.external_weights:
        raise BadNetwork(f"{name}: it must hold all its weights itself, some are to be read from other files")
    if facts.operators & UNBOUNDED:
        raise BadNetwork(f"{name}: it must hold no loops, got {', '.join(sorted(facts.operators & UNBOUNDED))}")


def _form(one: Any, kind: str, name: str) -> TensorForm:
    what = f"{name}: {kind} {printable(one.name)}"
    if one.type != FLOAT:
        raise BadNetwork(f"{what} must be float32, got {one.type}")
    shape = tuple(one.shape)
    if not all(isinstance(size, int) and size > 0 for size in shape):
        shown = ", ".join(printable(str(size)) for size in shape)
        raise BadNetwork(f"{what} must have a fixed shape, got [{shown}]: export it without dynamic axes")
    if math.prod(shape) > MOST_NUMBERS:
        raise BadNetwork(f"{what} must hold at most {MOST_NUMBERS} numbers, got {math.prod(shape)}")
    return TensorForm(one.name, shape)


def _outputs(session: Any, feed: Mapping[str, FloatImage], name: str) -> tuple[FloatImage, ...]:
    try:
        return tuple(session.run(None, feed))
    except _refusals() as error:
        raise BadNetwork(f"{name}: cannot be run: {_told(error)}") from None


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    sha256: str
    data: bytes = field(repr=False, compare=False)


@lru_cache(maxsize=4)  # a finder of markers and a network of blemishes, each before and after a change
def _session(file: _File, process: int) -> Any:
    """One for each process: what a parent opened is not used in its child."""
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # processes share out the processors, not threads
    options.log_severity_level = 4  # what is wrong is raised; the rest would be printed
    try:
        return runtime.InferenceSession(file.data, options, providers=["CPUExecutionProvider"])
    except _refusals() as error:
        raise BadNetwork(f"{file.name}: cannot be loaded: {_told(error)}") from None


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        text = "a network needs the package onnxruntime, which the extra `gates` installs"
        raise UserError(f"{text} (pip install 'dscope-blink[gates]')") from None
    return onnxruntime


def _refusals() -> tuple[type[Exception], ...]:
    """ONNX Runtime derives what it raises from Exception itself, each kind by itself."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = (kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception))
    return *own, RuntimeError, ValueError, MemoryError


def _told(error: Exception) -> str:
    """Its first line without the number and name of the error."""
    line = next(iter(str(error).splitlines()), type(error).__name__)
    text = printable(line.rpartition("[ONNXRuntimeError] : ")[2])
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
