"""What good faces of one kind look like: a learned model, its file and back; weights only, no program in it.

The file is a zip of model.json (what it is, where it comes from) and arrays.npz (numbers); neither holds code. It is
opened only when it is whole, of a known version, and the arrays are those that model.json has the hash of.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from dscope_blink.models.family import ARRAY_NAMES as FAMILY_ARRAYS
from dscope_blink.models.family import Family, NoFamily, family_arrays, family_from
from dscope_blink.records import FloatImage, UserError, read_file
from dscope_blink.records.json_reading import decode_json

LevelStack: TypeAlias = NDArray[np.uint16]
Number = TypeVar("Number", np.float32, np.uint16)

SCHEMA: Literal["dscope-blink/reference/2"] = "dscope-blink/reference/2"
META, ARRAYS = "model.json", "arrays.npz"
MOST_BYTES = 256 * 2**20  # of the file, and of what it holds when unpacked
ROOM_BYTES = 2**20  # of these, for what is no number
MOST_SIDE = 4096  # pixels of the frame
SCALES, LINES, RING_SCALES = 5, 1, 5  # at which, and along which, `image_processing.departures` looks


@dataclass(frozen=True, slots=True)
class FaceFacts:
    """What a model says of its faces, by the inspection of one."""

    cladding_px: float  # diameter in the picture
    blur_px: float  # sigma of the cladding edge in the frame
    core_ratio: float | None = None  # core over cladding diameter
    um_per_px: float | None = None

    @property
    def cladding_um(self) -> float | None:
        """Diameter; None without a scale."""
        return None if self.um_per_px is None else self.um_per_px * self.cladding_px


@dataclass(frozen=True, slots=True)
class ReferenceFace:
    """One picture that the model was learned from, or was not."""

    file: str
    sha256: str
    used: bool
    why_not: str = ""  # where it was left out
    left_out_score: float | None = None  # its score by a model of all the others; None: it could not be scored
    seen: FaceFacts | None = None  # None: it taught nothing


@dataclass(frozen=True, slots=True)
class ReferenceCard:
    """Where a model comes from, and for what it holds."""

    program: str
    made: str  # ISO 8601 with offset
    expires: str | None  # the same; None: never
    microscope: str  # as its user names it; empty: nobody says
    cladding_um: float | None  # of the fibers; None: learned without a scale
    core_ratio: float | None  # core over cladding diameter; None: no core was seen
    um_per_px: float | None  # of the pictures, median
    cladding_px: float  # diameter in the pictures, median
    blur_px: float  # sigma of the cladding edge in the frame, median
    config_sha256: str
    faces: tuple[ReferenceFace, ...]
    rate: float  # of good faces that are meant to be called anomalous
    rate_at_most: float  # what the faces left out bound it to, at 95 % confidence
    note: str = ""
    updated: str | None = None  # when faces were added last, ISO 8601 with offset


@dataclass(frozen=True, slots=True)
class TaughtNumbers:
    """The features of the faces that taught a model, so that a family can be fitted anew when faces are added."""

    names: tuple[str, ...]  # of the features
    groups: tuple[str, ...]  # (n_feature) the group of each
    values: FloatImage  # (n_face, n_feature) float32; NaN: not seen
    histograms: FloatImage  # (n_face, n_zone, n_bin) float32, shares of light

    def of_face(self, place: int) -> tuple[NDArray[np.float64], FloatImage]:
        """Values, (n_feature,), and histograms, (n_zone, n_bin), of one face."""
        return self.values[place].astype(np.float64), self.histograms[place]


def taught_numbers(
    names: tuple[str, ...], groups: tuple[str, ...], faces: Sequence[tuple[NDArray[np.float64], FloatImage]]
) -> TaughtNumbers:
    """Those of faces, in the precision that a file gives back.

    Parameters
    ----------
    names, groups : of the features
    faces : values, (n_feature,), and histograms, (n_zone, n_bin), of each
    """
    values = np.stack([one for one, _ in faces]).astype(np.float32)
    return TaughtNumbers(names, groups, values, np.stack([light for _, light in faces]))


NO_FEATURES = NoFamily("the model keeps no features of its faces")


@dataclass(frozen=True, slots=True)
class ReferenceModel:
    """Normal faces in the frame of `image_processing.face_frame`: light 1.0 is the median of a face.

    Arrays over radius have one row for each pixel of distance from the centre of the frame.
    """

    card: ReferenceCard
    radius_px: int  # of the cladding in the frame
    scales_px: tuple[float, ...]  # sigmas of the Gaussians through which departures are looked at
    archetype: FloatImage  # (n, n) float32; NaN where no face showed the place
    spread: FloatImage  # (n_scale + 1, n_radius) float32, of the departures at each place, and along lines
    ring_spread: FloatImage  # (n_ring_scale, n_radius) float32, of the departures of whole rings
    limits: FloatImage  # (n_scale + 1,) float32, times the spread
    ring_limits: FloatImage  # (n_ring_scale,) float32
    faces: LevelStack  # (n_face, n, n) uint16 as `kept_levels` has it, of the card's faces that taught; or (0, n, n)
    numbers: TaughtNumbers | None = None  # of the same faces
    family: Family | NoFamily = NO_FEATURES  # of those that are used
    sha256: str = ""  # of its file; empty: it has none yet

    @property
    def used(self) -> tuple[ReferenceFace, ...]:
        """The faces that it was learned from."""
        return tuple(face for face in self.card.faces if face.used)

    @property
    def taught(self) -> tuple[ReferenceFace, ...]:
        """Those whose light it was offered: the ones that it keeps, unless it keeps none."""
        return tuple(face for face in self.card.faces if face.seen is not None)


ARRAY_NAMES = ("archetype", "spread", "ring_spread", "limits", "ring_limits", "faces")
TAUGHT_ARRAYS = ("values", "histograms")
LIGHT_STEPS = 1024  # of light 1.0: finer than the noise of any picture of 8 bits, coarse enough to pack well
UNSEEN = np.uint16(65535)


def kept_levels(lights: FloatImage) -> LevelStack:
    """(..., n, n) uint16 of light in the frame, as a model keeps faces: steps of 1/1024, 65535 for what is not seen."""
    with np.errstate(invalid="ignore"):
        levels = np.clip(np.rint(lights * LIGHT_STEPS), 0, UNSEEN - 1)
    return np.where(np.isfinite(lights), levels, UNSEEN).astype(np.uint16)


def stacked(levels: Sequence[LevelStack], keep: bool) -> LevelStack:
    """(n_face, n, n) of the faces of a model; without any where none are to be kept."""
    return np.stack(levels) if keep else np.empty((0, *levels[0].shape), np.uint16)


def light_of(levels: LevelStack) -> FloatImage:
    """The other way round."""
    return np.where(levels == UNSEEN, np.float32(math.nan), levels.astype(np.float32) / LIGHT_STEPS)


# What readers of zip, JSON and arrays raise of files that are none; zlib.error is of what was damaged.
REFUSALS = (
    *(ValueError, KeyError, OSError, EOFError, RecursionError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)


class BadModel(UserError):
    """A file that is no model of this program; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class _FeatureMeta:
    names: tuple[str, ...]
    groups: tuple[str, ...]
    why_no_family: str = ""  # empty: there is one


@dataclass(frozen=True, slots=True)
class _Meta:
    schema: Literal["dscope-blink/reference/2"]
    arrays_sha256: str
    radius_px: int
    scales_px: tuple[float, ...]
    card: ReferenceCard
    features: _FeatureMeta | None = None


def model_bytes(model: ReferenceModel) -> bytes:
    """The file; the same of the same model."""
    numbers = {name: getattr(model, name) for name in ARRAY_NAMES} | _feature_arrays(model)
    size = sum(array.nbytes for array in numbers.values())
    if size > MOST_BYTES - ROOM_BYTES:
        text = f"a model must have at most {MOST_BYTES - ROOM_BYTES} bytes of numbers, got {size}"
        raise UserError(f"{text}: keep no faces (reference.keep_faces), or fewer of them")
    arrays = io.BytesIO()
    np.savez(arrays, **numbers)
    data = arrays.getvalue()
    meta = _Meta(
        SCHEMA, hashlib.sha256(data).hexdigest(), model.radius_px, model.scales_px, model.card, _feature_meta(model)
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as whole:
        for name, part in ((META, msgspec.json.format(msgspec.json.encode(meta))), (ARRAYS, data)):
            info = zipfile.ZipInfo(name)  # without the time, so that the same model is the same file
            info.compress_type = zipfile.ZIP_DEFLATED
            whole.writestr(info, part)
    return packed.getvalue()


def _feature_meta(model: ReferenceModel) -> _FeatureMeta | None:
    if model.numbers is None:
        return None
    why = model.family.reason if isinstance(model.family, NoFamily) else ""
    return _FeatureMeta(model.numbers.names, model.numbers.groups, why)


def _feature_arrays(model: ReferenceModel) -> dict[str, FloatImage]:
    if model.numbers is None:
        return {}
    own = {f"taught_{name}": getattr(model.numbers, name) for name in TAUGHT_ARRAYS}
    if isinstance(model.family, NoFamily):
        return own
    return own | {f"family_{name}": array for name, array in family_arrays(model.family).items()}


def check_expiry(model: ReferenceModel, now: datetime) -> None:
    """UserError for a model whose time is over."""
    if model.card.expires is not None and datetime.fromisoformat(model.card.expires) < now:
        raise UserError(f"the model expired {model.card.expires}: learn it anew")


def load_model(path: Path) -> ReferenceModel:
    """Read a model.

    Raises
    ------
    BadModel : it cannot be read, is no model, damaged, changed, of another version, or holds what no model can
    """
    try:
        data = read_file(path, MOST_BYTES)
    except OSError as error:
        raise BadModel(f"{path}: cannot be read, {error.strerror}") from None
    except UserError as error:
        raise BadModel(f"{path}: {error}") from None
    try:
        return _model(data)
    except REFUSALS as error:
        raise BadModel(f"{path}: no reference model: {error}") from None


def _model(data: bytes) -> ReferenceModel:
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        names = sorted(whole.namelist())
        if names != sorted((META, ARRAYS)):
            raise ValueError(f"it must hold {META} and {ARRAYS}, got {', '.join(names) or 'nothing'}")
        _check_size(whole)
        described, packed = whole.read(META), whole.read(ARRAYS)
    known: Any = decode_json(described)
    if not isinstance(known, dict) or known.get("schema") != SCHEMA:
        raise ValueError(
            f"its schema must be {SCHEMA}, got {known.get('schema') if isinstance(known, dict) else known!r}"
        )
    meta = msgspec.convert(known, _Meta)
    if hashlib.sha256(packed).hexdigest() != meta.arrays_sha256:
        raise ValueError("its numbers are not those that it was written with")
    numbers, family = _features(packed, meta)
    sha256 = hashlib.sha256(data).hexdigest()
    model = ReferenceModel(
        meta.card, meta.radius_px, meta.scales_px, *_arrays(packed), numbers=numbers, family=family, sha256=sha256
    )
    _check(model)
    return model


def _arrays(packed: bytes) -> tuple[FloatImage, FloatImage, FloatImage, FloatImage, FloatImage, LevelStack]:
    """In the order of ARRAY_NAMES."""
    with zipfile.ZipFile(io.BytesIO(packed)) as arrays:
        _check_size(arrays)
        archetype, spread, ring_spread, limits, ring_limits = (
            _array(arrays.read(f"{name}.npy"), name, np.float32) for name in ARRAY_NAMES[:-1]
        )
        faces = _array(arrays.read(f"{ARRAY_NAMES[-1]}.npy"), ARRAY_NAMES[-1], np.uint16)
    return archetype, spread, ring_spread, limits, ring_limits, faces


def _features(packed: bytes, meta: _Meta) -> tuple[TaughtNumbers | None, Family | NoFamily]:
    """The features of the faces that taught, and the family of those that are used."""
    about = meta.features
    if about is None:
        return None, NO_FEATURES
    taught = sum(face.seen is not None for face in meta.card.faces)
    own = _floats(packed, "taught_", TAUGHT_ARRAYS)
    numbers = TaughtNumbers(about.names, about.groups, own["values"], own["histograms"])
    if numbers.values.shape != (taught, len(about.names)):
        raise ValueError(f"taught_values must be of {taught} faces and {len(about.names)} features")
    if numbers.histograms.ndim != 3 or len(numbers.histograms) != taught:
        raise ValueError(f"taught_histograms must be of {taught} faces")
    if about.why_no_family:
        return numbers, NoFamily(about.why_no_family)
    family = family_from(about.names, about.groups, _floats(packed, "family_", FAMILY_ARRAYS))
    used = sum(face.used for face in meta.card.faces)
    if len(family.references) != used or family.histograms.shape[1:] != numbers.histograms.shape[1:]:
        raise ValueError(f"its family must be of the {used} faces that are used, and their light as that of all")
    return numbers, family


def _floats(packed: bytes, before: str, names: Sequence[str]) -> Mapping[str, FloatImage]:
    with zipfile.ZipFile(io.BytesIO(packed)) as arrays:
        _check_size(arrays)
        return {name: _array(arrays.read(f"{before}{name}.npy"), f"{before}{name}", np.float32) for name in names}


def _check_size(packed: zipfile.ZipFile) -> None:
    """Before anything is unpacked: a few bytes can stand for many."""
    unpacked = sum(info.file_size for info in packed.infolist())
    if unpacked > MOST_BYTES:
        raise ValueError(f"unpacked it must have at most {MOST_BYTES} bytes, got {unpacked}")


def _array(data: bytes, name: str, kind: type[Number]) -> NDArray[Number]:
    """No more memory is taken than the file has bytes, whatever shape it claims."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"{name} must be of format 1.0, got {'.'.join(map(str, version))}")
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype != kind or by_column:
        raise ValueError(f"{name} must be of {kind.__name__}, row by row, got {dtype}")
    numbers, size = data[file.tell() :], dtype.itemsize
    if math.prod(shape) * size != len(numbers):
        raise ValueError(f"{name} must hold as many numbers as its shape {shape} says, got {len(numbers) / size:g}")
    return np.frombuffer(numbers, kind).reshape(shape)  # read-only


def _check(model: ReferenceModel) -> None:
    """ValueError where arrays do not fit together."""
    side, scales, rings = len(model.archetype), len(model.scales_px), len(model.ring_limits)
    radii = model.spread.shape[-1]
    taught = len(model.taught)
    rules = {
        f"radius_px must lie in 16..1024, got {model.radius_px}": not 16 <= model.radius_px <= 1024,
        f"archetype must be square, of at most {MOST_SIDE} px": model.archetype.shape != (side, side)
        or not 2 * model.radius_px < side <= MOST_SIDE,
        "spread must have a row for each scale, and one for lines": model.spread.shape != (scales + LINES, radii),
        "limits must have one for each scale, and one for lines": model.limits.shape != (scales + LINES,),
        "ring_spread must have a row for each of the ring limits": model.ring_spread.shape != (rings, radii),
        f"there must be {SCALES} scales and {RING_SCALES} of rings, got {scales} and {rings}": (scales, rings)
        != (SCALES, RING_SCALES),
        "spread must reach to the corner of the frame": radii < side * 0.7,
        f"it must keep the {taught} faces that taught it, or none": model.faces.ndim != 3
        or model.faces.shape[1:] != (side, side)
        or len(model.faces) not in (0, taught),
        "spreads and limits must be positive": not all(
            (part > 0).all() for part in (model.spread, model.ring_spread, model.limits, model.ring_limits)
        ),
    }
    for rule, broken in rules.items():
        if broken:
            raise ValueError(rule)
