"""Pictures inspected by a learned network, beside the detectors or alone, and networks that are refused."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from dscope_blink.batch.job import hash_of_network
from dscope_blink.batch.run import Batch, run_batch
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.records import Inspection, UserError
from dscope_blink.records.stored import load_record
from dscope_blink.terminal.commands import main
from tests.builders.batches import CONFIG, batch_of, finished, summary
from tests.builders.commands import inspect
from tests.builders.networks import onnx_file, passing_on, saying, segmenting
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of

SCRATCH_OF_KINDS = 1


def with_network(path: Path, engine: str, config: Config = CONFIG, sha256: str | None = None) -> Config:
    return replace(config, learned=replace(config.learned, engine=engine, network=path, sha256=sha256))


def asked(faces: Path, out: Path, config: Config) -> Batch:
    batch = batch_of(faces, out, config=config)
    return replace(batch, job=replace(batch.job, learned_sha256=hash_of_network(config)))


def inspected(faces: Path, out: Path, config: Config, **how: Any) -> dict[str, Inspection]:
    batch = replace(asked(faces, out, config), **how)
    return {done.inspection.image.file: done.inspection for done in run_batch(batch)}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "own.onnx"
    path.write_bytes(segmenting(256, threshold=1.0, kind=SCRATCH_OF_KINDS))
    return path


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = folder_of(tmp_path_factory.mktemp("faces"), "clean.png")
    return folder_of(folder, "scratched.png", data=face_png(SCRATCH))


@pytest.fixture(scope="module")
def both(faces: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("both")
    inspected(faces, out, with_network(network, "both"))
    return out


@pytest.fixture(scope="module")
def alone(faces: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone")
    inspected(faces, out, with_network(network, "dl"))
    return out


def test_beside_the_detectors_it_is_one_more_and_the_record_says_which(both: Path, network: Path) -> None:
    record = load_record(both / "scratched_result.json")
    assert record.provenance.engine == "both"
    assert record.provenance.inputs["learned"] == hashlib.sha256(network.read_bytes()).hexdigest()
    (scratch,) = record.defects
    assert scratch.classification == "scratch"
    assert {"learned", "lei"} <= set(scratch.detected_by)
    assert not load_record(both / "clean_result.json").defects


def test_alone_it_finds_and_all_else_is_the_same(alone: Path, both: Path) -> None:
    found, beside = (load_record(folder / "scratched_result.json") for folder in (alone, both))
    (scratch,) = found.defects
    assert (found.provenance.engine, scratch.detected_by) == ("dl", ("learned",))
    assert (found.verdict.status, found.zones, found.scale) == ("FAIL", beside.zones, beside.scale)
    assert scratch.length_um == pytest.approx(beside.defects[0].length_um, rel=0.1)
    assert scratch.confidence > 0.5
    assert load_record(alone / "clean_result.json").verdict.status == "PASS"


def test_the_summary_says_engine_and_model(both: Path, network: Path) -> None:
    table = summary(both).set_index("Image_Filename")
    assert table.loc["clean.png", "Engine"] == "both"
    assert table.loc["clean.png", "Learned_sha256"] == hashlib.sha256(network.read_bytes()).hexdigest()


def test_without_a_network_nothing_of_it_is_in_a_record(faces: Path, tmp_path: Path) -> None:
    config = with_network(tmp_path / "absent.onnx", "classical")
    for one in inspected(faces, tmp_path / "out", config).values():
        assert one.provenance.engine == "classical"
        assert "learned" not in one.provenance.inputs
        assert not any("learned" in mark.evidence for mark in one.defects)


def test_another_model_or_engine_is_not_what_an_earlier_run_has_done(
    faces: Path, network: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "one", tmp_path / "out"
    folder_of(folder, "clean.png")
    other = tmp_path / "other.onnx"
    other.write_bytes(segmenting(256, threshold=1.01))
    runs = [("both", network), ("both", network), ("both", other), ("dl", other), ("dl", other), ("classical", other)]
    resumed = [
        finished(replace(asked(folder, out, with_network(path, engine)), resume=True))[0].resumed
        for engine, path in runs
    ]
    assert resumed == [False, True, False, False, True, False]


def test_the_detector_switched_on_is_the_engine_of_both(network: Path) -> None:
    detectors = {**CONFIG.detectors, "learned": replace(CONFIG.detectors["learned"], enabled=True)}
    config = replace(with_network(network, "classical"), detectors=detectors)
    assert config.engine == "both"
    assert config.with_engine("classical").engine == "classical"
    assert not config.with_engine("classical").engaged_detectors["learned"].enabled


@pytest.mark.parametrize("profile_threshold", [0.5, 0.9, 1.0])
def test_alone_half_of_its_support_makes_a_mark_in_every_profile(network: Path, profile_threshold: float) -> None:
    config = replace(
        with_network(network, "dl"), fusion=replace(CONFIG.fusion, threshold=profile_threshold)
    ).engaged_detectors
    assert [name for name, one in config.items() if one.enabled] == ["learned"]
    assert np.float32(0.5) * np.float32(config["learned"].weight) >= np.float32(profile_threshold)


@pytest.mark.slow
def test_processes_of_the_machine_find_the_same(alone: Path, faces: Path, network: Path, tmp_path: Path) -> None:
    found = inspected(faces, tmp_path / "out", with_network(network, "dl"), workers=2)
    for file, one in found.items():
        there = load_record(alone / file.replace(".png", "_result.json"))
        assert (one.defects, one.provenance.inputs) == (there.defects, there.provenance.inputs)


# --- networks that are refused


def test_a_network_that_changes_while_the_batch_runs_grades_nothing(faces: Path, tmp_path: Path) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(segmenting(128))
    batch = asked(faces, tmp_path / "out", with_network(path, "both"))
    path.write_bytes(segmenting(128, threshold=3.0))
    for done in run_batch(batch):
        assert done.inspection.verdict.status == "NOT_GRADED"
        assert "n.onnx: it was changed while the batch ran" in done.inspection.verdict.reasons[0].text


def test_a_picture_of_which_a_network_gives_what_are_no_probabilities_is_not_graded(
    faces: Path, tmp_path: Path
) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(failing_on_a_mark())
    found = inspected(faces, tmp_path / "out", with_network(path, "dl"))
    assert {file: one.verdict.status for file, one in found.items()} == {
        "clean.png": "PASS",
        "scratched.png": "NOT_GRADED",
    }
    assert "its output must be probabilities" in found["scratched.png"].verdict.reasons[0].text


def of_kinds(probabilities: Any, side_px: int = 128) -> np.ndarray:
    """(1, 6, T, T) of the same everywhere."""
    return np.broadcast_to(np.reshape(probabilities, (1, 6, 1, 1)), (1, 6, side_px, side_px)).astype(np.float32)


SEEN = (1, 2, 128, 128)
NONE = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def with_weight(value: float) -> bytes:
    """The real network of the tests, with a weight that is no number."""
    weights = np.zeros((6, 2, 1, 1), np.float32)
    weights[2, 0] = value
    nodes = [helper.make_node("Conv", ["x", "w"], ["z"]), helper.make_node("Softmax", ["z"], ["y"], axis=1)]
    return onnx_file(nodes, [("x", SEEN)], [("y", (1, 6, 128, 128))], [numpy_helper.from_array(weights, "w")])


def with_weights_elsewhere() -> bytes:
    weight = numpy_helper.from_array(np.zeros((6, 2, 1, 1), np.float32), "w")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../weights.bin"
    return onnx_file([helper.make_node("Conv", ["x", "w"], ["y"])], [("x", SEEN)], [("y", (1, 6, 128, 128))], [weight])


def failing_on_a_mark() -> bytes:
    """None everywhere, but twice as sure of it where something stands out near the centre, as in no trial."""
    constants = {"none": of_kinds(NONE), "two": 2.0, "one": 1.0, "most": 1.5}
    tensors = [numpy_helper.from_array(np.asarray(one, np.float32), name) for name, one in constants.items()]
    nodes = [
        helper.make_node("Split", ["x"], ["height", "rho"], axis=1),
        helper.make_node("Sub", ["one", "rho"], ["nearness"]),
        helper.make_node("Abs", ["height"], ["departure"]),
        helper.make_node("Mul", ["departure", "nearness"], ["mark"]),
        helper.make_node("ReduceMax", ["mark"], ["highest"], keepdims=0),
        helper.make_node("Greater", ["highest", "most"], ["is_marked"]),
        helper.make_node("Where", ["is_marked", "two", "one"], ["times"]),
        helper.make_node("Mul", ["none", "times"], ["y"]),
    ]
    return onnx_file(nodes, [("x", SEEN)], [("y", (1, 6, 128, 128))], tensors)


HOSTILE = {
    "input of another shape": (
        saying(of_kinds(NONE), input_shape=(1, 3, 128, 128)),
        r"its input must be \[1, 2, T, T\], T a multiple of 16 from 128 to 1024, got \[1, 3, 128, 128\]",
    ),
    "input that is no square": (saying(of_kinds(NONE), input_shape=(1, 2, 128, 256)), "its input must be"),
    "tile too small": (saying(of_kinds(NONE, 64), input_shape=(1, 2, 64, 64)), "its input must be"),
    "tile of an odd size": (saying(of_kinds(NONE, 130), input_shape=(1, 2, 130, 130)), "its input must be"),
    "tile too large": (passing_on((1, 2, 1040, 1040)), "its input must be"),
    "output of another shape": (
        saying(of_kinds(NONE)[:, :5], input_shape=SEEN),
        r"its output must be \[1, 6, T, T\].*, got \[1, 5, 128, 128\]",
    ),
    "output of another size": (
        saying(of_kinds(NONE, 256), input_shape=SEEN),
        "its output must be as large as its input, 128 px, got 256 px",
    ),
    "dynamic axes": (passing_on(("batch", 2, 128, 128)), r"must have a fixed shape, got \[batch, 2, 128, 128\]"),
    "missing operator": (passing_on(SEEN, operator="Nope"), "cannot be loaded: .*Nope"),
    "weights that are NaN": (with_weight(math.nan), "must hold finite numbers"),
    "weights that are infinite": (with_weight(math.inf), "must hold finite numbers"),
    "no ONNX": (b"%PDF-1.4 no network at all", "no ONNX file"),
    "empty": (b"", "no ONNX file"),
    "cut off": (segmenting(128)[:-40], "no ONNX file: cut off"),
    "no probabilities": (
        saying(of_kinds((3.0, -1.0, -1.0, 0.0, 0.0, 0.0)), input_shape=SEEN),
        "its output must be probabilities, which sum to 1 at each pixel, got -1",
    ),
    "sums of two": (saying(of_kinds((1.0, 1.0, 0, 0, 0, 0)), input_shape=SEEN), "got sums that are off by 1"),
    "two outputs": (saying(of_kinds(NONE), of_kinds(NONE), input_shape=SEEN), "it must have one output, got 2"),
    "weights elsewhere": (with_weights_elsewhere(), "it must hold all its weights itself"),
    "opset too new": (passing_on(SEEN, opset=99), r"its opset must lie in 7\.\.21, got 99"),
    "whole numbers": (passing_on(SEEN, operator="Identity", kind=TensorProto.INT64), "must be float32"),
}


def refused(path: Path) -> str:
    """The one line with which such a network is refused, before anything is read or written."""
    with pytest.raises(UserError) as caught:
        hash_of_network(with_network(path, "both"))
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"learned.network: {path}: ")
    return line


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_network_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    data, says = HOSTILE[name]
    (tmp_path / "n.onnx").write_bytes(data)
    line = refused(tmp_path / "n.onnx")
    assert re.search(says, line), line


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def a_huge_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def absent(path: Path) -> None:
    pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("made", [absent, a_folder, a_pipe, a_link_to_nothing, a_link_to_itself, a_huge_file])
def test_what_is_no_file_of_a_network_is_refused_in_one_line(made: Callable[[Path], None], tmp_path: Path) -> None:
    made(tmp_path / "n.onnx")
    assert "cannot be read, " in refused(tmp_path / "n.onnx")


def test_a_link_to_a_network_is_that_network(network: Path, tmp_path: Path) -> None:
    (tmp_path / "n.onnx").symlink_to(network)
    assert hash_of_network(with_network(tmp_path / "n.onnx", "dl")) == hashlib.sha256(network.read_bytes()).hexdigest()


def test_another_hash_than_the_one_demanded_is_refused(network: Path) -> None:
    own = hashlib.sha256(network.read_bytes()).hexdigest()
    assert hash_of_network(with_network(network, "both", sha256=own)) == own
    with pytest.raises(UserError, match=rf"own\.onnx: its sha256 must be (ab){{32}}, got {own}$"):
        hash_of_network(with_network(network, "both", sha256="ab" * 32))


def test_without_the_package_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "n.onnx").write_bytes(segmenting(144))  # not opened before
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match="a network needs the package onnxruntime, which the extra `gates` installs"):
        hash_of_network(with_network(tmp_path / "n.onnx", "both"))


# --- at a terminal


def site_of(folder: Path, **learned: Any) -> Path:
    """A configuration whose network lies beside it."""
    path = folder / "site.json"
    own = {"network": "n.onnx", **learned}
    path.write_text(json.dumps({"extends": "shipped", "learned": own}), encoding="utf-8")
    return path


@pytest.mark.parametrize("words", [("--model=both",), ()])
def test_a_network_that_cannot_be_used_ends_it_before_anything_is_done(
    words: tuple[str, ...], faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = site_of(tmp_path, engine="classical" if words else "dl")
    assert inspect(faces, tmp_path / "out", *MULTIMODE, f"--config={site}", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"learned.network: {tmp_path / 'n.onnx'}: cannot be read, No such file" in line
    assert not (tmp_path / "out").exists()


def test_what_the_terminal_asks_wins_over_the_configuration_and_reads_no_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = folder_of(tmp_path / "faces", "clean.png")
    words = (*MULTIMODE, "--profile=fast_scan", "--no-plots", "--no-report", "--model=classical")
    assert inspect(faces, tmp_path / "out", *words, f"--config={site_of(tmp_path, engine='dl')}") == 0
    assert load_record(tmp_path / "out" / "clean_result.json").provenance.engine == "classical"
    assert "model" not in capsys.readouterr().out.splitlines()[0]


def test_the_terminal_and_the_reports_say_engine_and_model(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces, out = folder_of(tmp_path / "faces", "clean.png"), tmp_path / "out"
    (tmp_path / "n.onnx").write_bytes(network.read_bytes())
    words = (*MULTIMODE, "--profile=fast_scan", "--no-plots", "--model=both", f"--config={site_of(tmp_path)}")
    assert inspect(faces, out, *words) == 0
    assert "1 image, profile fast_scan, model both (n.onnx), results in" in capsys.readouterr().out
    sha256 = hashlib.sha256(network.read_bytes()).hexdigest()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Learned model, sha256" in page
    assert sha256 in page
    assert main(["show", str(out / "clean_result.json")]) == 0
    told = capsys.readouterr().out
    assert "detectors and a learned model" in told
    assert sha256[:16] in told


def test_an_engine_that_needs_a_network_is_refused_without_one(faces: Path, network: Path, tmp_path: Path) -> None:
    batch = asked(faces, tmp_path / "out", with_network(network, "dl"))
    for done in run_batch(replace(batch, job=replace(batch.job, learned_sha256=None))):
        assert "engine dl: needs a network that looks for marks, got none" in done.inspection.verdict.reasons[0].text


@pytest.mark.parametrize("engine", ["", "deep", None, 3])
def test_an_engine_that_there_is_none_of_is_refused(engine: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"site\.json: \$\.learned\.engine: "):
        load_config(site_of(tmp_path, engine=engine))
