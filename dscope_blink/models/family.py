"""A family of faces in numbers: whether a face is of it, how far it lies from all of it, and in what; weights only.

Two questions, two answers. Whether the picture is of this microscope and this fiber is asked of a few features that
dirt moves little (GATES): a film or a haze over much of a face may still reach them. How unusual the face is as a whole
is one distance over all features, group by group; it sees what is wrong with much of a face, and explains it, but no
small mark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Deviation, FloatImage

Numbers: TypeAlias = NDArray[np.floating[Any]]

CLIP = 30.0  # spreads: beyond it, farther is no more unusual
FEWEST_OF_BATCH = 5  # faces, of which a median tells anything


@dataclass(frozen=True, slots=True)
class Gate:
    """A feature that tells families apart, and that dirt moves little."""

    name: str  # of the feature
    other: str  # what a face is of that has it otherwise
    says: str  # what it is, in words
    least: float  # spread below which families are not told apart, as a share of the value or, `absolute`, in its unit
    absolute: bool = False


GATES: tuple[Gate, ...] = (
    # The diameter of fibers of one kind varies by half a percent: IEC 60793-2-10, 125 +- 1 um.
    Gate("cladding_px", "microscope", "diameter of the cladding in the picture, px", 0.005),
    Gate("edge_blur_px", "microscope", "blur of the cladding edge in the picture, px", 0.05),
    Gate("core_noise", "microscope", "noise of the core", 0.05),
    Gate("cladding_noise", "microscope", "noise of the cladding", 0.05),
    Gate("ferrule_noise", "microscope", "noise of the ferrule", 0.05),
    Gate("core_to_cladding", "light or fiber", "brightness of the core over that of the cladding", 0.01),
    Gate("ferrule_to_cladding", "light or fiber", "brightness of the ferrule over that of the cladding", 0.01),
    Gate("core_ratio", "fiber", "diameter of the core over that of the cladding", 0.005),
    Gate("cladding_non_circularity", "microscope or fiber", "non-circularity of the cladding", 0.002, True),
)
ARRAY_NAMES = (
    *("references", "histograms", "location", "spread", "group_location", "group_precision", "limits", "left_out"),
)


@dataclass(frozen=True, slots=True)
class Family:
    """What the faces of a family have in common. Arrays are float32, so that a file gives back the same answers."""

    names: tuple[str, ...]  # of the features
    groups: tuple[str, ...]  # (n_feature) the group of each
    references: FloatImage  # (n_face, n_feature)
    histograms: FloatImage  # (n_face, n_zone, n_bin) shares of light
    location: FloatImage  # (n_feature,) median; NaN: not seen in half of them
    spread: FloatImage  # (n_feature,) 1.4826 MAD, no less than what two pictures of one face differ by
    group_location: FloatImage  # (n_group,) of the mean deviations of groups
    group_precision: FloatImage  # (n_group, n_group) inverse of their covariance
    limits: FloatImage  # (2,) of the distance, and of the worst gate in spreads
    left_out: FloatImage  # (n_face, 2) the same two of each face by all the others

    def at(self, name: str) -> int:
        """The place of a feature; ValueError: there is none of this name."""
        return self.names.index(name)


@dataclass(frozen=True, slots=True)
class NoFamily:
    """Why there is no family to compare with."""

    reason: str


@dataclass(frozen=True, slots=True)
class FamilyComparison:
    """A face beside its family."""

    distance: float  # Mahalanobis
    limit: float  # that the stated rate of good faces exceed
    why_not: tuple[str, ...]  # it is of another family; empty: it is of this one
    deviations: tuple[Deviation, ...]  # the most deviant first

    @property
    def score(self) -> float:
        """1.0: as unusual as the stated rate of good faces."""
        return self.distance / self.limit

    @property
    def of_the_family(self) -> bool:
        """No gate says otherwise."""
        return not self.why_not


def compare_with_family(values: Numbers, family: Family, deviant: int) -> FamilyComparison:
    """How far a face lies from a family, and in what.

    Parameters
    ----------
    values : (n_feature,) of the face, in the order of `family.names`; NaN: not seen
    family : what is normal
    deviant : how many of the most deviant features to name
    """
    apart = deviations(values, family.location, family.spread)
    away = grouped(apart, family.groups) - family.group_location
    distance = math.sqrt(max(float(away @ family.group_precision @ away), 0.0))
    order = np.argsort(-np.abs(np.nan_to_num(apart)), kind="stable")[:deviant]
    named = tuple(
        Deviation(family.names[k], float(values[k]), float(family.location[k]), float(apart[k]))
        for k in order
        if np.isfinite(apart[k])
    )
    return FamilyComparison(distance, float(family.limits[0]), why_not_of_the_family(values, family), named)


def why_not_of_the_family(values: Numbers, family: Family) -> tuple[str, ...]:
    """What says that a face is of another microscope, light or fiber; empty: nothing does.

    What is not seen says nothing: dirt may cover a core.

    Parameters
    ----------
    values : (n_feature,) of the face, in the order of `family.names`
    family : what is normal
    """
    apart = gate_deviations(values, family.location, family.spread, family.names)
    return _reasons(apart, float(family.limits[1]), values, family, "")


def why_drifted(batch: Numbers | Sequence[Sequence[float]], family: Family) -> tuple[str, ...]:
    """What says that a batch as a whole has moved away from the family; empty: nothing, or it has too few faces.

    The median of many faces varies less than a face does, by sqrt(pi / 2 n), and so does that of the family.

    Parameters
    ----------
    batch : (n_face, n_feature) of faces inspected
    family : what is normal
    """
    if len(batch) < FEWEST_OF_BATCH:
        return ()
    middle = _medians(np.asarray(batch, np.float64))
    apart = gate_deviations(middle, family.location, family.spread, family.names)
    share = math.sqrt(math.pi / 2 * (1 / len(batch) + 1 / len(family.references)))
    limit = max(float(family.limits[1]) * share, 1.0)
    return _reasons(apart, limit, middle, family, f"median of {len(batch)} faces: ")


def _reasons(apart: Numbers, limit: float, values: Numbers, family: Family, before: str) -> tuple[str, ...]:
    found = []
    for k in np.argsort(-np.abs(np.nan_to_num(apart)), kind="stable"):
        if np.abs(apart[k]) > limit:  # not so of NaN
            place, gate = family.at(GATES[k].name), GATES[k]
            way = "above" if apart[k] > 0 else "below"
            found.append(
                f"another {gate.other}: {before}{gate.says}, is {values[place]:.4g}, {abs(apart[k]):.1f} spreads {way} "
                f"{family.location[place]:.4g}; at most {limit:.1f}"
            )
    return tuple(found)


def deviations(values: Numbers, location: Numbers, spread: Numbers) -> NDArray[np.float64]:
    """(..., n_feature) in spreads; NaN where either is not seen."""
    return (np.asarray(values, np.float64) - location) / spread


def grouped(apart: Numbers, groups: Sequence[str]) -> NDArray[np.float64]:
    """(..., n_group) mean deviation of each group, in the order of their names; what is not seen does not deviate."""
    names = sorted(set(groups))
    weights = np.array([[own == name for own in groups] for name in names], np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.nan_to_num(np.clip(apart, -CLIP, CLIP)) @ weights.T, np.float64)


def gate_deviations(values: Numbers, location: Numbers, spread: Numbers, names: Sequence[str]) -> NDArray[np.float64]:
    """(n_gate,) in spreads, none less than what the gate says; NaN where either is not seen."""
    places = [names.index(gate.name) for gate in GATES]
    middle = np.asarray(location, np.float64)[places]
    least = [gate.least if gate.absolute else gate.least * abs(at) for gate, at in zip(GATES, middle, strict=True)]
    return (np.asarray(values, np.float64)[places] - middle) / np.fmax(np.asarray(spread, np.float64)[places], least)


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_feature,) of what is seen; NaN where that is less than half of the faces."""
    found = np.full(values.shape[1], np.nan)
    enough = np.isfinite(values).sum(axis=0) * 2 >= len(values)
    found[enough] = np.nanmedian(values[:, enough], axis=0)
    return found


# --- how far from each reference


def distances_to_references(
    values: Numbers, histograms: FloatImage, family: Family
) -> Mapping[str, NDArray[np.float64]]:
    """Distances of a face to each face that the family was learned from, (n_face,), by the name of the measure.

    The first four compare deviations of features, the last three the light of each zone, the mean of the zones.

    Parameters
    ----------
    values : (n_feature,) of the face
    histograms : (n_zone, n_bin) of the face
    family : what is normal
    """
    own = _seen(deviations(values, family.location, family.spread))
    others = _seen(deviations(family.references, family.location, family.spread))
    by_features = {name: np.array([way(own, other) for other in others]) for name, way in FEATURE_DISTANCES.items()}
    zones = np.asarray(histograms, np.float64)
    by_light = {
        name: np.array([_of_zones(way, zones, np.asarray(other, np.float64)) for other in family.histograms])
        for name, way in LIGHT_DISTANCES.items()
    }
    return by_features | by_light


def _seen(apart: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nan_to_num(np.clip(apart, -CLIP, CLIP))


def _of_zones(way: _Distance, own: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    seen = (own.sum(axis=1) > 0) & (other.sum(axis=1) > 0)
    if not seen.any():
        return math.nan
    return float(np.mean([way(one, two) for one, two in zip(own[seen], other[seen], strict=True)]))


_Distance: TypeAlias = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


def _cosine(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    """1 less the cosine of the angle between them; 1 where either is nothing."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(two))
    return 1 - float(one @ two) / lengths if lengths > 0 else 1.0


FEATURE_DISTANCES: Mapping[str, _Distance] = MappingProxyType(
    {
        "euclid": lambda one, two: float(np.linalg.norm(one - two)),
        "manhattan": lambda one, two: float(np.abs(one - two).sum()),
        "cosine": _cosine,
        "correlation": lambda one, two: _cosine(one - one.mean(), two - two.mean()),
    }
)


def _chi_square(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    both = one + two
    return float(((one - two)[both > 0] ** 2 / both[both > 0]).sum() / 2)


LIGHT_DISTANCES: Mapping[str, _Distance] = MappingProxyType(
    {
        "chi_square": _chi_square,
        "wasserstein": lambda one, two: float(np.abs(np.cumsum(one - two)).sum()),  # bins
        "kolmogorov_smirnov": lambda one, two: float(np.abs(np.cumsum(one - two)).max()),
    }
)


# --- as arrays of a file, and back


def family_arrays(family: Family) -> dict[str, FloatImage]:
    """The numbers of a family, float32, by name; `names` and `groups` are text and go beside them."""
    return {name: getattr(family, name) for name in ARRAY_NAMES}


def family_from(names: Sequence[str], groups: Sequence[str], arrays: Mapping[str, FloatImage]) -> Family:
    """A family of what `family_arrays` gave.

    Raises
    ------
    ValueError : the arrays do not fit together, or hold what no family can
    """
    missing = [name for name in ARRAY_NAMES if name not in arrays]
    if missing:
        raise ValueError(f"a family must have {', '.join(ARRAY_NAMES)}, it lacks {', '.join(missing)}")
    family = Family(tuple(names), tuple(groups), **{name: arrays[name] for name in ARRAY_NAMES})
    for rule, broken in _rules(family).items():
        if broken:
            raise ValueError(rule)
    return family


def _rules(family: Family) -> Mapping[str, bool]:
    faces, features, groups = len(family.references), len(family.names), len(set(family.groups))
    lacking = [gate.name for gate in GATES if gate.name not in family.names]
    shapes = {
        "references": (faces, features),
        "location": (features,),
        "spread": (features,),
        "group_location": (groups,),
        "group_precision": (groups, groups),
        "limits": (2,),
        "left_out": (faces, 2),
    }
    wrong = {
        f"{name} must be of shape {shape}, got {getattr(family, name).shape}": getattr(family, name).shape != shape
        for name, shape in shapes.items()
    }
    return wrong | {
        f"its features must hold {', '.join(lacking)}": bool(lacking),
        "each of its features must be named once": len(set(family.names)) != features,
        f"it must have a group for each of {features} features, got {len(family.groups)}": len(family.groups)
        != features,
        "histograms must be of each face": family.histograms.ndim != 3 or len(family.histograms) != faces or not faces,
        "spreads and limits must be positive": not ((family.spread > 0).all() and (family.limits > 0).all()),
        "locations, precisions and limits must be finite": not all(
            np.isfinite(part).all() for part in (family.group_location, family.group_precision, family.limits)
        ),
    }
