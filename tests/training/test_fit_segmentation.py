"""A network of blemishes is taught, kept, gone on with, exported and read back as an inspection does."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dscope_blink.models.blemish_views import KINDS, network_input, searched
from dscope_blink.models.segmentation import load_segmentation
from dscope_blink.records import UserError
from dscope_blink.synthetic.faces import FaceSpec, Pit, render_face
from dscope_blink.synthetic.varied_marks import Group
from dscope_blink.training import fit_segmentation as fitting
from dscope_blink.training.segmentation_lessons import read_lesson, search_of
from dscope_blink.training.segmentation_options import asked_of
from dscope_blink.training.segmentation_photographs import labelled_photographs
from dscope_blink.training.segmentation_pictures import HELD_OUT, TaughtPicture, request_of, true_marks
from dscope_blink.training.segmentation_preparing import (
    DatasetJob,
    PhotographJob,
    RenderedFaceJob,
    default_config,
    photograph_jobs,
    prepare,
)
from tests.training.test_segmentation_photographs import LABEL, folder_of

SPEC = FaceSpec(shape=(300, 400), centre_px=(203.4, 146.7), um_per_px_x=0.6, um_per_px_y=0.6)
MARK = Pit((22.0, 18.0), 12.0, -0.4)


def drawn(*blemishes):
    groups = tuple(Group(one.kind, (one,)) for one in blemishes)
    face = render_face(SPEC, blemishes, np.random.default_rng(3))
    return TaughtPicture(face.image, request_of(SPEC, "iec_61300_3_35_2015"), true_marks(groups, face))


def taught_by(job):
    taught = job.taught(default_config())
    assert taught is not None
    return taught


# --- the command line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "0"], "--steps must be at least 1, got 0"),
        (["--threads", "-1"], "--threads must be at least 1, got -1"),
        (["--folds", "4"], "--folds needs --photographs"),
    ],
)
def test_what_cannot_be_is_refused(words, said, tmp_path):
    with pytest.raises(UserError, match=said):
        asked_of(["--output", str(tmp_path), *words])


def test_work_lies_beside_the_output_unless_it_is_told_where(tmp_path):
    assert asked_of(["--output", str(tmp_path)]).work == tmp_path / "work"
    assert asked_of(["--output", "a", "--work", "b"]).work.name == "b"


@pytest.mark.slow
def test_a_folder_that_is_no_data_set_is_refused_before_anything_is_made(tmp_path):
    pytest.importorskip("torch", reason="torch is not installed: requirements-train.txt")
    words = ["--output", str(tmp_path / "out"), "--dataset", str(tmp_path)]
    with pytest.raises(UserError, match="no data set"):
        fitting.main(words)
    assert not list(tmp_path.glob("out/*.onnx"))


# --- lessons in files


@pytest.mark.slow
def test_lessons_are_made_once_and_held_out_ones_are_others(tmp_path):
    jobs = [RenderedFaceJob(3), RenderedFaceJob(3 + HELD_OUT)]
    files = prepare(jobs, tmp_path, 1)
    times = {name: file.stat().st_mtime_ns for name, file in files.items()}
    assert set(files) == {"any_3", "any_1000006"}
    assert {name: file.stat().st_mtime_ns for name, file in prepare(jobs, tmp_path, 1).items()} == times
    first, other = (read_lesson(files[job.name]) for job in jobs)
    assert first.snr.shape != other.snr.shape or (first.snr != other.snr).any()


def test_a_picture_that_gives_no_lesson_is_not_looked_at_again(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(RenderedFaceJob, "taught", lambda job, config: looked.append(job.number))
    for _ in range(2):
        assert prepare([RenderedFaceJob(5)], tmp_path, 1) == {}
    assert looked == [5]


def test_copies_of_a_photograph_are_untouched_varied_and_painted(tmp_path):
    cladding = {"center": [203.4, 146.7], "axes": [208.3, 208.3], "angle": 0.0}
    label = {**LABEL, "name": "a.png", "cladding": cladding, "zones": {"A": 0, "B": 0, "edge": None, "D": None}}
    folder = folder_of(tmp_path, label)
    cv2.imwrite(str(folder / "a.png"), drawn().picture)
    (photograph,) = labelled_photographs([folder], default_config())
    jobs = photograph_jobs([photograph])
    untouched, other, painted = made = [taught_by(jobs[k]) for k in (0, 1, 3)]
    assert all(isinstance(job, PhotographJob) for job in jobs)
    assert len({job.name for job in jobs}) == len(jobs)
    assert (untouched.picture == photograph.picture(default_config())).all()
    assert (other.picture != untouched.picture).any()
    known = np.pi * (0.95 * 208.3 / 2) ** 2 / (300 * 400)
    assert [bool(one.marks) for one in made] == [False, False, True]
    assert {round(float(np.mean(one.known)), 3) for one in (untouched, other, painted)} == {round(known, 3)}


# --- learning


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """Two files of lessons with a mark, and one without."""
    from dscope_blink.training.segmentation_lessons import lesson_of, write_lesson

    folder, config = tmp_path_factory.mktemp("lessons"), default_config()
    files = []
    for k, blemishes in enumerate([(MARK,), (replace(MARK, centre_um=(-30.0, 0.0)),), ()]):
        lesson = lesson_of(drawn(*blemishes), f"any_{k}", config)
        assert lesson is not None
        files.append(folder / f"any_{k}.npz")
        write_lesson(files[-1], lesson)
    return tuple(files)


@pytest.fixture
def course(lessons):
    pytest.importorskip("torch", reason="torch is not installed: requirements-train.txt")
    from dscope_blink.training.network_export import torch_for_training
    from dscope_blink.training.segmentation_course import Course, Pool

    torch_for_training(1, 1)
    return Course((Pool(1.0, lessons, (1.0, 1.0, 1.0)),), 4, 1, held_out=lessons[:1])


def weights_of(network):
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


@pytest.mark.slow
def test_what_is_resumed_is_what_was_not_interrupted(course, tmp_path, monkeypatch):
    from dscope_blink.training import segmentation_course as learning

    monkeypatch.setattr(learning, "EVERY", 1)
    whole = learning.learn(course, None, tmp_path / "whole.pt")
    steps, batch = [], learning._batch

    def interrupted(course, step):
        steps.append(step)
        if steps == [0, 1, 2]:
            raise KeyboardInterrupt
        return batch(course, step)

    monkeypatch.setattr(learning, "_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        learning.learn(course, None, tmp_path / "part.pt")
    resumed = learning.learn(course, None, tmp_path / "part.pt", resume=True)
    assert steps == [0, 1, 2, 2, 3]
    assert resumed.curve == whole.curve
    for name, values in weights_of(whole.network).items():
        assert (weights_of(resumed.network)[name] == values).all(), name


@pytest.mark.slow
def test_another_course_is_not_resumed_and_no_checkpoint_is_told(course, tmp_path):
    from dscope_blink.training.segmentation_course import learn, network_of

    short = replace(course, steps=1)
    learn(short, None, tmp_path / "one.pt")
    with pytest.raises(UserError, match="checkpoint of another course"):
        learn(replace(short, seed=2), None, tmp_path / "one.pt", resume=True)
    whole = (tmp_path / "one.pt").read_bytes()
    for name, data in {"empty": b"", "text": b"no weights", "cut": whole[: len(whole) // 2]}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=f"{name}: no checkpoint") as caught:
            network_of(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="cannot be read, No such file"):
        network_of(tmp_path / "absent")


@pytest.mark.slow
def test_weights_of_another_form_are_told(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: requirements-train.txt")
    from dscope_blink.training.segmentation_course import network_of

    kept = {"made_of": "", "step": 0, "curve": [], "network": {"head.weight": torch.zeros(1)}}
    torch.save(kept, tmp_path / "other.pt")
    with pytest.raises(UserError, match="a network of another form"):
        network_of(tmp_path / "other.pt")


@pytest.mark.slow
def test_a_network_is_taught_by_lessons_that_say_nothing_of_some_pixels():
    torch = pytest.importorskip("torch", reason="torch is not installed: requirements-train.txt")
    from dscope_blink.training.segmentation_lessons import IGNORED
    from dscope_blink.training.segmentation_network import loss_of

    logits = torch.zeros(1, len(KINDS), 32, 32, requires_grad=True)
    kinds = torch.full((1, 32, 32), IGNORED)
    kinds[0, :16] = 0
    kinds[0, 4:8, 4:8] = 2
    loss_of(logits, kinds, (kinds != IGNORED).float()).backward()
    taught = logits.grad.abs().sum(1)[0] > 0
    assert taught[:16].all()
    assert not taught[16:].any()


# --- the whole path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Half a minute of training by the command, with two photographs and their folds."""
    pytest.importorskip("torch", reason="torch is not installed: requirements-train.txt")
    folder = tmp_path_factory.mktemp("trained")
    shots = folder / "shots"
    shots.mkdir()
    cladding = {"center": [203.4, 146.7], "axes": [208.3, 208.3], "angle": 0.0}
    clean = {"A": 0, "B": 0, "edge": None, "D": 0}
    labels = [{**LABEL, "name": f"{k}.png", "cladding": cladding, "zones": clean} for k in range(2)]
    folder_of(shots, *labels)
    for label in labels:
        cv2.imwrite(str(shots / label["name"]), drawn().picture)
    words = ["--faces=24", "--held-out=4", "--steps=60", "--tuning-steps=10", "--folds=2", f"--photographs={shots}"]
    assert fitting.main([f"--output={folder / 'out'}", *words]) == 0
    return folder / "out"


@pytest.mark.slow
def test_half_a_minute_of_training_finds_a_mark_of_an_inspection(trained):
    network = load_segmentation(trained / "blemish_segmenter.onnx")
    search = search_of(drawn(MARK), default_config())
    assert search is not None
    found = 1 - network.probabilities(search.residual)[0]
    (x, y), field = search.residual.origin_px, search.residual
    at = (round(203.4 + 22 / 0.6) - x, round(146.7 + 18 / 0.6) - y)
    assert field.inside[at[1], at[0]]
    assert found[at[1] - 3 : at[1] + 4, at[0] - 3 : at[0] + 4].mean() > 0.5
    assert (found > 0.5).sum() < 6 * np.pi * (12 / 0.6 / 2) ** 2


@pytest.mark.slow
def test_it_is_written_with_card_curve_figures_and_weights(trained):
    network = load_segmentation(trained / "blemish_segmenter.onnx")
    card = (trained / "blemish_segmenter.md").read_text(encoding="utf-8")
    assert network.sha256 in card
    assert "--faces 24 --steps 60" in card
    assert "2 photographs" in card
    figures = json.loads((trained / "blemish_segmenter_figures.json").read_text(encoding="utf-8"))
    assert figures["sha256"] == network.sha256
    assert figures["clean"]["pictures"] <= 4
    curve = (trained / "blemish_segmenter_curve.csv").read_text(encoding="utf-8").splitlines()
    assert curve[0] == "course,step,loss,held_out_loss"
    losses = [float(line.split(",")[2]) for line in curve[1:] if line.startswith("1,")]
    assert losses[-1] < losses[0]
    assert cv2.imread(str(trained / "blemish_segmenter_curve.png")) is not None


@pytest.mark.slow
def test_networks_of_folds_have_seen_no_face_that_they_hold_out(trained):
    folds = json.loads((trained / "folds.json").read_text(encoding="utf-8"))
    assert folds == {"fold_0.onnx": ["0.png"], "fold_1.onnx": ["1.png"]}
    assert len({load_segmentation(trained / name).sha256 for name in folds}) == 2


@pytest.mark.slow
def test_what_is_exported_says_what_was_trained(trained):
    from dscope_blink.training.segmentation_calibration import Calibration, probabilities_of
    from dscope_blink.training.segmentation_course import network_of
    from dscope_blink.training.segmentation_network import onnx_bytes

    network = network_of(trained / "blemish_segmenter.pt").eval()
    calibration = Calibration(1.3, (0.5, 0, 0, -0.5, 0, 0))
    path = trained / "again.onnx"
    path.write_bytes(onnx_bytes(network, 384, calibration.temperature, calibration.bias))
    search = search_of(drawn(MARK), default_config())
    assert search is not None
    said = load_segmentation(path).probabilities(search.residual)
    own = probabilities_of(network, calibration, network_input(search.residual))
    looked = searched(search.residual)
    apart = np.abs(said - own)[:, looked]  # where a tile ends, a network does not see all that it would
    assert apart.max() < 0.03
    assert apart.mean() < 1e-4


@pytest.mark.slow
def test_a_built_data_set_is_learned_from_going_on_from_weights(trained, tmp_path):
    from dscope_blink.terminal.commands import main

    built = tmp_path / "set"
    assert main(["dataset", "render", f"--output-dir={built}", "--count=3", "--workers=0", "--quiet"]) == 0
    teaching, testing = fitting._dataset_jobs([built])
    assert all(isinstance(job, DatasetJob) for job in (*teaching, *testing))
    words = ["--faces=4", "--held-out=2", "--tuning-steps=4", f"--dataset={built}"]
    start = f"--start={trained / 'blemish_segmenter.pt'}"
    assert fitting.main([f"--output={tmp_path / 'own'}", start, *words]) == 0
    card = (tmp_path / "own" / "blemish_segmenter.md").read_text(encoding="utf-8")
    assert "what blemish_segmenter.pt had learned" in card
    assert "1 data set(s)" in card


@pytest.mark.slow
def test_the_command_says_what_it_does(trained, caplog, tmp_path):
    with caplog.at_level(logging.INFO):
        words = ["--faces=24", "--held-out=4", "--steps=60", f"--work={trained / 'work'}", "--resume"]
        assert fitting.main([f"--output={tmp_path}", *words]) == 0
    assert "resumed after step 60" in caplog.text


@pytest.mark.slow
def test_the_lesson_of_a_photograph_has_one_name_in_every_process(tmp_path):
    folder = folder_of(tmp_path, {**LABEL, "zones": {"A": 0, "B": 0, "edge": 0, "D": 0}})
    (photograph,) = labelled_photographs([folder], default_config())
    again = replace(photograph, clean=frozenset(sorted(photograph.clean, reverse=True)))
    program = (
        "from pathlib import Path; import sys; from dscope_blink.training.segmentation_preparing import *; "
        "from dscope_blink.training.segmentation_photographs import *; "
        "print(photograph_jobs(labelled_photographs([Path(sys.argv[1])], default_config()))[0].name)"
    )
    names = {
        subprocess.run(
            [sys.executable, "-c", program, str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert names == {f"{photograph_jobs([photograph])[0].name}\n"}
    assert photograph_jobs([again])[0].name == photograph_jobs([photograph])[0].name
