"""A network of blemishes learns: step by step from crops of lessons, kept now and then, so that it can go on later."""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dscope_blink.files.whole_files import write_file
from dscope_blink.records import UserError, read_file
from dscope_blink.training.network_export import pace
from dscope_blink.training.segmentation_lessons import Crop, Lesson, crop_of, far_view, near_view, read_lesson
from dscope_blink.training.segmentation_network import BlemishNetwork, loss_of
from dscope_blink.training.segmentation_options import BATCH

CROP_PX = 192
NEAR_MARK = 0.7  # of the crops of lessons with marks
FAR_VIEWS = 0.3  # of the crops: of what lies around the fiber
FASTEST = 4e-3  # of learning
EVERY = 50  # steps: the loss on held-out crops, and what it has learned is kept
CHECKED = 48  # held-out crops

# What torch's readers of archives and of pickled weights raise of a file that is none.
UNREADABLE = (RuntimeError, ValueError, TypeError, AttributeError, LookupError, EOFError, pickle.UnpicklingError)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pool:
    """Lessons of one sort, and how often each is shown."""

    share: float  # of a batch
    files: tuple[Path, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """What a network learns from, how long and how fast."""

    pools: tuple[Pool, ...]
    steps: int
    seed: int
    fastest: float = FASTEST
    held_out: tuple[Path, ...] = ()  # lessons for the curve

    @property
    def made_of(self) -> str:
        """A hash of all that the result follows from, but for what it starts from."""
        names = [[pool.share, [file.name for file in pool.files], pool.weights] for pool in self.pools]
        said = repr((names, self.steps, self.seed, self.fastest, CROP_PX, BATCH, NEAR_MARK, FAR_VIEWS))
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(slots=True)
class Learned:
    """What came of it."""

    network: BlemishNetwork
    curve: list[tuple[int, float, float]] = field(default_factory=list)  # step, loss, loss on held-out crops


def learn(course: Course, start: BlemishNetwork | None, checkpoint: Path, *, resume: bool = False) -> Learned:
    """Teach a network.

    Parameters
    ----------
    course : what it learns from
    start : network that it goes on from; None: a new one
    checkpoint : file that holds what it has learned so far
    resume : go on from that file if it is there; the result is that of a course that was not interrupted

    Raises
    ------
    UserError : the checkpoint is of another course, or cannot be read
    """
    torch.manual_seed(course.seed)
    network = BlemishNetwork()
    if start is not None:
        network.load_state_dict(start.state_dict())
    optimizer = torch.optim.AdamW(network.parameters(), course.fastest, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: pace(step / course.steps))
    learned, first = Learned(network), 0
    if resume and checkpoint.exists():
        first = _resumed(checkpoint, course, learned, optimizer, schedule)
    checked = _checked(course)
    for step in range(first, course.steps):
        network.train()
        shown, *asked = _batch(course, step)
        loss = loss_of(network(shown), *asked)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % EVERY == 0 or step == course.steps - 1:
            learned.curve.append((step, loss.item(), _held_out_loss(network, checked)))
            logger.info("step %d of %d: loss %.4f, held out %.4f", *_told(learned, course))
            _keep(checkpoint, course, step + 1, learned, optimizer, schedule)
    network.eval()
    return learned


def _told(learned: Learned, course: Course) -> tuple[int, int, float, float]:
    step, loss, held_out = learned.curve[-1]
    return step, course.steps, loss, held_out


def _batch(course: Course, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """The crops of one step: they follow from seed and step alone, so that a course can be resumed at any."""
    rng = np.random.default_rng((course.seed, step))
    shares = np.array([pool.share for pool in course.pools])
    crops = []
    for _ in range(BATCH):
        pool = course.pools[int(rng.choice(len(shares), p=shares / shares.sum()))]
        weights = np.array(pool.weights)
        file = pool.files[int(rng.choice(len(weights), p=weights / weights.sum()))]
        crops.append(crop_of(_view(read_lesson(file), rng), CROP_PX, NEAR_MARK, rng))
    return _stacked(crops)


def _view(lesson: Lesson, rng: np.random.Generator) -> Lesson:
    """By chance one of both that a network is shown of a picture."""
    return far_view(lesson) if rng.random() < FAR_VIEWS else near_view(lesson)


def _stacked(crops: Sequence[Crop]) -> tuple[Tensor, Tensor, Tensor]:
    """What is shown, the kinds and the weights of crops."""
    parts = ([crop.shown for crop in crops], [crop.kinds for crop in crops], [crop.weights for crop in crops])
    shown, kinds, weights = (torch.from_numpy(np.stack(part)) for part in parts)
    return shown, kinds.long(), weights


def _checked(course: Course) -> tuple[Tensor, Tensor, Tensor] | None:
    if not course.held_out:
        return None
    rng = np.random.default_rng((course.seed, 1, 1))
    files = [course.held_out[k % len(course.held_out)] for k in range(CHECKED)]
    return _stacked([crop_of(_view(read_lesson(file), rng), CROP_PX, NEAR_MARK, rng) for file in files])


def _held_out_loss(network: BlemishNetwork, checked: tuple[Tensor, Tensor, Tensor] | None) -> float:
    if checked is None:
        return float("nan")
    network.eval()
    shown, *asked = checked
    with torch.no_grad():
        return float(loss_of(network(shown), *asked).item())


# --- kept


def _keep(
    path: Path,
    course: Course,
    step: int,
    learned: Learned,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
) -> None:
    file = io.BytesIO()
    kept = {
        "made_of": course.made_of,
        "step": step,
        "curve": learned.curve,
        "network": learned.network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
    }
    torch.save(kept, file)
    write_file(path, file.getvalue())


def keep_weights(path: Path, network: BlemishNetwork) -> None:
    """Write the weights alone, for others to go on from."""
    file = io.BytesIO()
    torch.save({"made_of": "", "step": 0, "curve": [], "network": network.state_dict()}, file)
    write_file(path, file.getvalue())


def _resumed(
    path: Path,
    course: Course,
    learned: Learned,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
) -> int:
    kept = _read(path)
    if kept["made_of"] != course.made_of:
        raise UserError(f"{path}: it is the checkpoint of another course; without --resume it is made anew")
    learned.network.load_state_dict(kept["network"])
    optimizer.load_state_dict(kept["optimizer"])
    schedule.load_state_dict(kept["schedule"])
    learned.curve = [tuple(row) for row in kept["curve"]]
    logger.info("%s: resumed after step %d", path, kept["step"])
    return int(kept["step"])


def _read(path: Path) -> dict:  # type: ignore[type-arg]
    """A checkpoint; weights and numbers only, nothing in it is run."""
    try:
        kept = torch.load(io.BytesIO(read_file(path)), weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None
    except UNREADABLE as error:
        raise UserError(f"{path}: no checkpoint of a network of blemishes: {type(error).__name__}") from None
    if not isinstance(kept, dict) or {"made_of", "step", "curve", "network"} - kept.keys():
        raise UserError(f"{path}: no checkpoint of a network of blemishes")
    return kept


def network_of(path: Path) -> BlemishNetwork:
    """The network of a checkpoint, to go on from; UserError where it holds none of this form."""
    network = BlemishNetwork()
    try:
        network.load_state_dict(_read(path)["network"])
    except (RuntimeError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: it holds a network of another form: {str(error).splitlines()[0]}") from None
    return network
