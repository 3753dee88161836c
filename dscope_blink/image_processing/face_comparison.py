"""A located face beside what good ones are like: of their family or not, where it departs, and by how much."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.anomaly_names import confidence_of, marks_in, severity_of, zone_at
from dscope_blink.config.settings import Config
from dscope_blink.image_processing.anomalies import Region, regions_of
from dscope_blink.image_processing.departures import FaceScore, Normal, score_face
from dscope_blink.image_processing.face_features import FEATURE_NAMES, FaceNumbers, face_features, gate_features
from dscope_blink.image_processing.face_frame import FaceFrame, face_frame
from dscope_blink.image_processing.ignored_edges import without_edges
from dscope_blink.image_processing.own_symmetry import own_symmetry
from dscope_blink.models.family import (
    Family,
    NoFamily,
    compare_with_family,
    distances_to_references,
    why_drifted,
    why_not_of_the_family,
)
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import (
    ANOMALY,
    Anomaly,
    Comparison,
    FiberGeometry,
    FloatImage,
    FoundBy,
    Inspection,
    Mask,
    ReferenceDistances,
    WholeFace,
    texts,
)

MOST_APART = 0.1  # of the core ratio of the references: faces of other fibers
MOST_SCALED = 1.5  # times the size of the fiber in the references, or one over it: another microscope


@dataclass(frozen=True, slots=True)
class ComparedFace:
    """A face beside good ones, and what it was told by."""

    comparison: Comparison
    regions: tuple[Region, ...] = ()  # of the frame, that its anomalies are
    score: FaceScore | None = None  # None: it was not compared place by place
    frame: FaceFrame | None = None  # None: there is no face
    against: Normal | None = None  # what it was compared with place by place


def compare_face(
    inspection: Inspection, gray: FloatImage, drawn: Mask | None, model: ReferenceModel, config: Config
) -> ComparedFace:
    """Bring the face of an inspected picture to the frame and compare it; NOT_COMPARED where there is none.

    Parameters
    ----------
    inspection : of the picture
    gray : (H, W) float32, the picture with flattened light
    drawn : (H, W) bool, what is drawn over it; None: nothing
    model : what normal is
    config : what is a departure, what it is called, and how severe it is
    """
    if inspection.geometry is None or not inspection.was_measured:
        return _not_compared("; ".join(texts(inspection.verdict.reasons)), model)
    try:
        frame = face_frame(gray, inspection.geometry, model.radius_px, drawn)
    except ValueError as error:
        return _not_compared(str(error), model)
    return compare(inspection, frame, model, config)


def _not_compared(why: str, model: ReferenceModel) -> ComparedFace:
    return ComparedFace(Comparison("NOT_COMPARED", (why,), model.sha256))


def compare(
    inspection: Inspection,
    frame: FaceFrame,
    model: ReferenceModel,
    config: Config,
    numbers: FaceNumbers | None = None,
) -> ComparedFace:
    """Say how far a face departs from good ones, and where.

    Parameters
    ----------
    inspection : of its picture, located
    frame : the face in the frame of the model
    model : what normal is
    config : what is a departure, what it is called, and how severe it is
    numbers : features of the face, where they are known, as when it is compared with several models
    """
    settings = config.reference
    whole, foreign = _whole(inspection, frame, model, settings.deviations, numbers)
    family = family_of(model)
    known = Comparison(
        "NOT_OF_THIS_FAMILY",
        foreign,
        model.sha256,
        whole=whole,
        why_not_whole=family.reason if isinstance(family, NoFamily) else "",
    )
    if foreign:
        return ComparedFace(known, frame=frame)
    part = without_edges(frame, model.card.core_ratio, model.card.cladding_um, settings.edge_ignore_um)
    score = score_face(part, model, settings.absolute_limit)
    places = _places(inspection, frame, score, config, "reference")
    anomalies = tuple(anomaly for _, anomaly in places)
    reasons = _reasons(anomalies, score, whole, settings.named_deviations)
    done = replace(
        known,
        status="ANOMALOUS" if reasons else "NORMAL",
        reasons=reasons,
        score=round(score.worst, 3),
        ring_score=round(score.ring, 3),
        anomalies=anomalies,
    )
    return ComparedFace(done, tuple(region for region, _ in places), score, frame, model)


NO_MODEL = "no reference: the face as a whole was not judged, its places are compared with its own symmetry"


def compare_with_itself(inspection: Inspection, frame: FaceFrame, config: Config) -> ComparedFace:
    """Say where a face is not the same all around the fiber, where no model of good faces is at hand.

    Parameters
    ----------
    inspection : of its picture, located
    frame : the face
    config : what is a departure, what it is called, and how severe it is

    Returns
    -------
    ComparedFace, NO_REFERENCE whatever was found: nothing says what is normal
    """
    settings = config.reference
    part = _without_own_edges(inspection, frame, settings.edge_ignore_um)
    own = own_symmetry(part, settings.own_symmetry_limit)
    score = score_face(part, own, settings.absolute_limit)
    places = _places(inspection, frame, score, config, "own_symmetry")
    anomalies = tuple(anomaly for _, anomaly in places)
    reasons = (NO_MODEL, *_places_in_words(anomalies))
    done = Comparison("NO_REFERENCE", reasons, "", score=round(score.places, 3), anomalies=anomalies)
    return ComparedFace(done, tuple(region for region, _ in places), score, frame, own)


def _without_own_edges(inspection: Inspection, frame: FaceFrame, width_um: float) -> FaceFrame:
    geometry, scale = inspection.geometry, inspection.scale
    assert geometry is not None, "it was located"
    diameter_px = geometry.cladding.ellipse.mean_diameter_px
    ratio = None if geometry.core is None else geometry.core.ellipse.mean_diameter_px / diameter_px
    return without_edges(frame, ratio, None if scale is None else scale.um_per_px * diameter_px, width_um)


def _places(
    inspection: Inspection, frame: FaceFrame, score: FaceScore, config: Config, found_by: FoundBy
) -> list[tuple[Region, Anomaly]]:
    """The regions that depart, the worst first, and what each is."""
    least_um = config.reference.min_diameter_um
    pairs = ((region, _anomaly(region, inspection, config)) for region in regions_of(frame, score))
    kept = [pair for pair in pairs if pair[1].diameter_um is None or pair[1].diameter_um >= least_um]
    return [(region, replace(one, id=f"N{number}", found_by=found_by)) for number, (region, one) in enumerate(kept, 1)]


def family_of(model: ReferenceModel) -> Family | NoFamily:
    """What a face as a whole is compared with; not that of another version, whose features mean something else."""
    if isinstance(model.family, Family) and model.family.names != FEATURE_NAMES:
        return NoFamily("its features are those of another version of the program, learn it anew")
    return model.family


def drift_of(comparisons: Iterable[Comparison], model: ReferenceModel) -> tuple[str, ...]:
    """What says that a batch as a whole has moved away from the model; empty: nothing.

    Parameters
    ----------
    comparisons : of the batch
    model : what normal is
    """
    family = family_of(model)
    rows = [one.whole.values for one in comparisons if one.whole is not None]
    if isinstance(family, NoFamily) or not rows:
        return ()
    return why_drifted(np.array(rows, np.float64), family)  # None is NaN


def why_not_of_family(geometry: FiberGeometry, frame: FaceFrame, model: ReferenceModel) -> tuple[str, ...]:
    """In what a face is none of those that the model knows, before marks are sought in it; empty: in nothing."""
    family = family_of(model)
    if isinstance(family, NoFamily):
        return _why_foreign(geometry, model)
    return why_not_of_the_family(gate_features(frame, geometry), family)


def _whole(
    inspection: Inspection, frame: FaceFrame, model: ReferenceModel, deviations: int, known: FaceNumbers | None
) -> tuple[WholeFace | None, tuple[str, ...]]:
    """The face as a whole, and in what it is none of those that the model knows.

    A model that knows no family is asked by plain rules.
    """
    family, geometry = family_of(model), inspection.geometry
    if isinstance(family, NoFamily) or geometry is None:
        assert geometry is not None, "it was located"
        return None, _why_foreign(geometry, model)
    numbers = known or face_features(frame, geometry, inspection)
    found, beside = compare_with_family(numbers.values, family, deviations), _references(numbers, model, family)
    return WholeFace(found.distance, found.limit, found.deviations, _seen(numbers.values), beside), found.why_not


def _references(numbers: FaceNumbers, model: ReferenceModel, family: Family) -> tuple[ReferenceDistances, ...]:
    """Each face that the model was learned from, the nearest first."""
    found = distances_to_references(numbers.values, numbers.histograms, family)
    each: dict[str, Sequence[Any]] = {name: _seen(values) for name, values in found.items()}  # euclid is always known
    named = (
        ReferenceDistances(face.file, **{name: values[place] for name, values in each.items()})
        for place, face in enumerate(model.used)
    )
    return tuple(sorted(named, key=lambda one: one.euclid))


def _seen(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    """As a record has them."""
    return tuple(value if math.isfinite(value) else None for value in values.tolist())


def _why_foreign(geometry: FiberGeometry, model: ReferenceModel) -> tuple[str, ...]:
    """In what a picture is none of those that the model knows; empty: in nothing."""
    card, cladding = model.card, geometry.cladding.ellipse
    reasons = []
    size = cladding.mean_diameter_px / card.cladding_px
    if not 1 / MOST_SCALED <= size <= MOST_SCALED:
        reasons.append(
            f"the cladding measures {cladding.mean_diameter_px:.0f} px, in the references {card.cladding_px:.0f}"
        )
    core = geometry.core
    if card.core_ratio is not None and core is not None:
        ratio = core.ellipse.mean_diameter_px / cladding.mean_diameter_px
        if abs(ratio / card.core_ratio - 1) > MOST_APART:
            reasons.append(f"core over cladding is {ratio:.3f}, in the references {card.core_ratio:.3f}")
    return tuple(reasons)


def _anomaly(region: Region, inspection: Inspection, config: Config) -> Anomaly:
    scale = inspection.scale
    diameter_um = None if scale is None else region.diameter_px * scale.um_per_px
    zone = zone_at(region.outline_px, inspection.zones)
    marks = marks_in(region.outline_px, inspection)
    return Anomaly(
        id="",
        kind=marks[0].classification if marks else ANOMALY,
        zone=zone,
        score=round(region.score, 3),
        outline_px=region.outline_px,
        area_px=round(region.area_px, 1),
        diameter_px=round(region.diameter_px, 2),
        diameter_um=None if diameter_um is None else round(diameter_um, 2),
        confidence=confidence_of(region.score, config.reference),
        severity=severity_of(diameter_um, zone, config.severity.table),
        marks=tuple(mark.id for mark in marks),
    )


def _reasons(anomalies: tuple[Anomaly, ...], score: FaceScore, whole: WholeFace | None, named: int) -> tuple[str, ...]:
    reasons = [*_places_in_words(anomalies)]
    if score.ring > 1:
        reasons.append(f"whole rings depart, the worst {score.ring:.1f} times the limit")
    if whole is not None and whole.score > 1:
        most = ", ".join(one.in_words for one in whole.deviations[:named])
        reasons.append(f"as a whole it lies {whole.score:.1f} times the limit from the references, most by {most}")
    return tuple(reasons)


def _places_in_words(anomalies: tuple[Anomaly, ...]) -> tuple[str, ...]:
    if not anomalies:
        return ()
    worst = anomalies[0]
    if len(anomalies) == 1:
        return (f"1 place departs, {worst.score:.1f} times the limit ({worst.id})",)
    return (f"{len(anomalies)} places depart, the worst {worst.score:.1f} times the limit ({worst.id})",)
