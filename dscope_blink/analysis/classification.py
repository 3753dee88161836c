"""The features of marks to how likely each kind is: what was learnt, within rules that hold regardless.

The rules: a smooth thin thing is a scratch, also with a dot beside it; a crack is a line of one width and grey that
branches or is jagged beyond what blur and noise make of a smooth one; what breaks the edge is a chip, or dirt where it
also lies beyond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dscope_blink.analysis.class_model import class_model
from dscope_blink.config.settings import Classification
from dscope_blink.records import CLASSIFICATIONS

LEAST = 0.004  # of any kind before the rules: never is said of none
DECIMALS = 3
# Power of what a network says of a mark beside what the trees do: of 140 rendered marks of held-out faces the mean
# logarithmic loss falls from 0.450 to 0.428, as many are named right (122), and from 0.5 on fewer are.
NETWORK_SAYS = 0.3


def class_probabilities(
    features: Sequence[Mapping[str, float]],
    settings: Classification,
    seen: Sequence[tuple[float, ...] | None] | None = None,
) -> tuple[Mapping[str, float], ...]:
    """How likely each mark is of each kind.

    Parameters
    ----------
    features : of each mark, as in Defect.features
    settings : limits from config.json
    seen : of each mark, as in Candidate.kinds; None: no network has looked at any

    Returns
    -------
    For each mark a mapping of CLASSIFICATIONS to 0..1, in three decimals as a record keeps them; the sum is 1 but for
    their rounding
    """
    if not features:
        return ()
    model = class_model()
    learnt = model.probabilities(np.array([[mark[name] for name in model.features] for mark in features])).tolist()
    if seen is not None:
        learnt = [_together(*both) for both in zip(learnt, seen, strict=True)]
    return tuple(_within_rules(*both, settings) for both in zip(features, learnt, strict=True))


def _together(learnt: Sequence[float], kinds: tuple[float, ...] | None) -> Sequence[float]:
    """What trees say of the features and a network of the pixels: the product of both, the latter to a power.

    References
    ----------
    Hinton, Training products of experts by minimizing contrastive divergence, 2002, DOI 10.1162/089976602760128018.
    """
    if kinds is None:
        return learnt
    marks = [max(p, LEAST) for p in kinds[1:]]
    products = [p * (q / sum(marks)) ** NETWORK_SAYS for p, q in zip(learnt, marks, strict=True)]
    return [p / sum(products) for p in products]


def likeliest(chances: Mapping[str, float]) -> str:
    """The kind that a mark is given."""
    return max(chances, key=chances.__getitem__)


def _within_rules(
    features: Mapping[str, float], learnt: Sequence[float], settings: Classification
) -> Mapping[str, float]:
    barred = _barred(features, settings)
    chances = {kind: max(p, LEAST) for kind, p in zip(CLASSIFICATIONS, learnt, strict=True)}
    kept = sum(p for kind, p in chances.items() if kind not in barred)
    left = 1 - BARRED * sum(chances[kind] for kind in barred)
    shares = {kind: BARRED * p if kind in barred else left * p / kept for kind, p in chances.items()}
    return {kind: round(p, DECIMALS) for kind, p in shares.items()}


def _barred(features: Mapping[str, float], settings: Classification) -> set[str]:
    """Kinds that a mark cannot be."""
    if features["on_edge"]:
        within = features["across_edge"] == 0
        return {"scratch", "crack", "pit_dig", *["contamination"] * within}
    smooth = not _is_jagged(features, settings) and not _is_branched(features)
    thin = features["slenderness"] >= settings.scratch_min_aspect_ratio and features["winding"] <= MOST_WINDING
    barred: set[str] = set()
    if smooth and thin:
        barred = {"crack", "pit_dig", "contamination", *["chip"] * (features["rim_share"] < ALONG_EDGE)}
    elif (smooth and features["bow"] <= MOST_BOW) or _is_knotted(features):
        barred = {"crack"}
    if features["edge_gap_blurs"] >= TOUCHES_BLURS:
        barred |= {"chip"}
    if features["winding"] >= CLOSED_WINDING:
        barred |= {"scratch"}
    if features["winding"] < CRACK_WINDING:
        barred |= {"crack"}
    if features["winding"] < SPECKS_WINDING:
        barred = (barred | {"scratch", "crack"}) - {"pit_dig", "contamination"}
    if features["solidity"] < LEAST_SOLID or features["sharpness"] < LEAST_SHARP:
        barred |= {"pit_dig"}
    return barred


def _is_jagged(features: Mapping[str, float], settings: Classification) -> bool:
    """Whether the centreline departs from a smooth curve by more than blur and noise make of one."""
    in_pixels = features["jaggedness_px"] >= settings.crack_min_jaggedness_px
    return in_pixels and features["jaggedness"] >= settings.crack_min_jaggedness


def _is_branched(features: Mapping[str, float]) -> bool:
    return features["branch_ends"] >= LEAST_ENDS and features["winding"] >= LEAST_WINDING


def _is_knotted(features: Mapping[str, float]) -> bool:
    """Whether it is no line of one width and grey, but a row of things."""
    wide_and_thin = features["width_unevenness"] > MOST_UNEVEN_WIDTH and features["winding"] < BRANCHED_WINDING
    return wide_and_thin or features["unevenness"] > MOST_UNEVEN_GREY


BARRED = 0.05  # what is left of the probability of a kind that the rules bar
ALONG_EDGE = 0.5  # of a line: less of it beside the cladding edge only crosses that
LEAST_SOLID = 0.5  # of what lies within its outline: a ring around something is no pit
LEAST_SHARP = 0.3  # of the slope of a step through the optics: what is three times as soft is no pit
TOUCHES_BLURS = 4.0  # what lies farther from the cladding edge has not broken it
LEAST_ENDS, LEAST_WINDING = 3.0, 1.15  # a third end, of a branch that adds to the length
MOST_UNEVEN_WIDTH, MOST_UNEVEN_GREY = 0.5, 0.4  # standard deviation over mean along it; of 98 % of drawn cracks less
MOST_WINDING = 1.6  # skeleton over extent: half a circle is pi / 2 times as long as its chord ...
CLOSED_WINDING = 2.5  # ... and a ring twice that: no scratch closes
CRACK_WINDING = 0.7  # a crack is a line along all of its length, but for half its width at either end
SPECKS_WINDING = 0.25  # less than that of its length are lines: it is a row of specks
BRANCHED_WINDING = 1.2  # from here on branches make the slices of a mark unequal
MOST_BOW = 0.02  # root mean square off a straight line, of its length: that of an arc whose rise is 1/15 of its chord
