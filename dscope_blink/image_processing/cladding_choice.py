"""Which of the circular edges in a picture is the cladding's, and what makes that doubtful."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dscope_blink.config.settings import Localization
from dscope_blink.image_processing.coarse_edges import CLOSEST_RING, SAME_CENTER, SURE_SUPPORT, is_convincing
from dscope_blink.image_processing.edges import Edge, share_in_view
from dscope_blink.image_processing.surroundings import sides_of
from dscope_blink.records import FloatImage, Notice, from_form, notice, rescaled


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """Where a fiber lies by what is around it: its neighbours, if it is one of many."""

    center_px: tuple[float, float]
    radius_px: float  # of its cladding
    is_sure: bool  # the radius, and not only about so


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the fiber before it is looked for; lengths in pixels of the picture."""

    core_ratio: float | None = None  # core / cladding diameter
    cladding_px: float | None = None  # mean diameter
    core_px: float | None = None  # the same of the core
    pixel_aspect_ratio: float | None = None  # um_per_px_x / um_per_px_y
    in_the_middle: bool = False  # of several fibers the whole one nearest to the middle of the picture is meant
    place: KnownPlace | None = None  # None: it may lie anywhere


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class Choice:
    """The edge taken for the cladding's, the distance of the next edge in radii, and what else it could be."""

    edge: Edge
    room: float
    faint: bool = False  # chosen for the core in it, not for its own evidence
    warnings: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Undecided:
    """The edges of which one is the cladding's, but nothing says which."""

    edges: tuple[Edge, ...]  # the best one first
    factors: tuple[float, float]  # pixels of the picture per pixel of the one they were found in
    hint: str = ""  # what would tell

    @property
    def reason(self) -> str:
        """What was seen, in pixels of the picture."""
        shown = [from_form(rescaled(edge.form, self.factors)) for edge in self.edges]
        places = [f"{e.mean_diameter_px:.0f} px wide at ({e.center_px[0]:.0f}, {e.center_px[1]:.0f})" for e in shown]
        listed = " and ".join([", ".join(places[:-1]), places[-1]])
        count = {2: "two", 3: "three", 4: "four"}.get(len(shown), str(len(shown)))
        return f"{count} circular edges, {listed}: which is the fiber cannot be said{self.hint}"


def choose_cladding(
    small: FloatImage, found: Sequence[Edge], factors: tuple[float, float], settings: Localization, known: Known
) -> Choice | Undecided:
    """The cladding's edge among those found.

    Parameters
    ----------
    small : (h, w) float32, the reduced picture
    found : at least one edge in it
    factors : pixels of the picture per pixel of `small`, x and y
    settings, known : limits from config.json, and what tells one edge from another

    Returns
    -------
    Choice : the outermost strong edge of the fiber with the best evidence, unless another is the cladding for a reason
    Undecided : where two edges are as good as each other and nothing tells them apart
    """
    within, field = (found, None) if known.cladding_px is not None else _within_the_field(small, found, settings)
    rivals = _fibers(within, settings)
    if len(rivals) > 1 and known.in_the_middle:
        rivals = [_nearest_the_middle(rivals, small.shape)]
    if len(rivals) > 1:
        return Undecided(tuple(rivals), factors, "; --fiber middle takes the one nearest to the middle")
    family = _without_flanks([e for e in within if _concentric(e, rivals[0])])
    choice = _choose_of_one(small, family, factors, settings, known)
    if field is not None and isinstance(choice, Choice) and _may_be_its_core(choice.edge, field, known):
        return replace(choice, warnings=(*choice.warnings, _two_borders(choice.edge, field, factors)))
    return choice


# --- one fiber of several ---------------------------------------------------------------------------------------------


def _within_the_field(
    small: FloatImage, found: Sequence[Edge], settings: Localization
) -> tuple[Sequence[Edge], Edge | None]:
    """The edges within a round field of view, and its border: a bright disc in the dark in which lies a dark one.

    A core that is not lit is only a little darker than its cladding, so a disc as dark as a fiber is no clean core.
    """
    fields = [e for e in found if _is_lit_in_the_dark(small, e, settings)]
    for field in sorted(fields, key=lambda e: -e.radius_px):
        inside = [e for e in found if _lies_within(e, field)]
        if any(_is_dark_disc(small, e, settings) for e in inside):
            return inside, field
    return found, None


def _may_be_its_core(edge: Edge, field: Edge, known: Known) -> bool:
    """Whether the field may be a bright cladding after all, with a burnt core: nothing says how wide one would be."""
    if not _concentric(edge, field):
        return False
    ratio = edge.radius_px / field.radius_px
    return known.core_ratio is None or abs(ratio / known.core_ratio - 1) <= NEAR_RATIO


NEAR_RATIO = 0.1  # a core that is not evenly dark measures so much wider or narrower


def _is_lit_in_the_dark(small: FloatImage, edge: Edge, settings: Localization) -> bool:
    dark = edge.polarity < 0 and sides_of(small, edge.form).is_in_the_dark(settings.max_dark_share)
    return dark and edge.support >= settings.faint_min_support


def _is_dark_disc(small: FloatImage, edge: Edge, settings: Localization) -> bool:
    seen = edge.polarity > 0 and edge.support >= settings.min_support and abs(edge.step) >= settings.min_contrast
    return seen and sides_of(small, edge.form).darkness >= settings.min_disc_darkness


def _lies_within(edge: Edge, outer: Edge) -> bool:
    return math.dist(edge.form[:2], outer.form[:2]) + edge.radius_px <= outer.radius_px * (1 - FLANK)


def _fibers(found: Sequence[Edge], settings: Localization) -> list[Edge]:
    """The best edge, and every other about as good and as large somewhere else: second fibers, or round stains."""
    best = max(found, key=lambda e: e.score)
    around = [e for e in found if is_convincing(e, settings) and _lies_within(best, e) and not _concentric(best, e)]
    best = max(around, key=lambda e: e.score, default=best)  # a pit has a clearer edge than the disc it lies in
    fibers = [best]
    for edge in sorted(found, key=lambda e: -e.score):
        rival = edge.radius_px >= settings.rival_size * best.radius_px
        rival = rival and edge.score >= settings.rival_score * best.score
        if rival and all(_apart(edge, other) for other in fibers):
            fibers.append(edge)
    return fibers


def _apart(a: Edge, b: Edge) -> bool:
    return math.dist(a.form[:2], b.form[:2]) > max(a.radius_px, b.radius_px)


def _nearest_the_middle(fibers: Sequence[Edge], shape: tuple[int, ...]) -> Edge:
    """A whole one, if there is any."""
    middle = ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    return min(fibers, key=lambda e: (share_in_view(e, 1.0, shape) < 1, math.dist(e.form[:2], middle)))


# --- one edge of a fiber ----------------------------------------------------------------------------------------------

RING_FREE = 0.9  # radii of an edge, within which another is that of its core
FAINT_BORDER = notice(
    "faint_cladding_edge", "taken for it because it lies around the core at the known ratio of the diameters"
)


def _choose_of_one(
    small: FloatImage, family: Sequence[Edge], factors: tuple[float, float], settings: Localization, known: Known
) -> Choice | Undecided:
    best = max(family, key=lambda e: e.score)
    strong = [e for e in family if e.score >= settings.outer_edge_share * best.score]
    outermost = max(strong, key=lambda e: e.radius_px)
    of_known_size = _of_known_size(_visible(family, settings), factors, settings, known)
    if of_known_size is not None:
        return Choice(of_known_size, _room(of_known_size, strong, known))
    around_core = sorted(_around_core(strong, strong, settings, known), key=lambda e: -e.radius_px)
    others = [e for e in around_core if _lies_within(e, around_core[0])]
    if not others and _may_be_coating(small, outermost, around_core, settings, known):
        others = sorted((e for e in strong if e.polarity < 0 and _lies_within(e, outermost)), key=lambda e: -e.score)
    if others:
        hint = "; a calibration together with its diameter would tell"
        return Undecided((outermost, others[0]), factors, hint)
    if around_core:
        return Choice(around_core[0], _room(around_core[0], strong, known))
    faint = max(
        _around_core(_visible(family, settings), _shining(strong, settings), settings, known),
        key=lambda e: e.score,
        default=None,
    )
    if faint is not None:
        return Choice(faint, _room(faint, strong, known), faint=True, warnings=(FAINT_BORDER,))
    return _by_its_borders(small, family, strong, factors, settings, known)


def _by_its_borders(
    small: FloatImage,
    family: Sequence[Edge],
    strong: Sequence[Edge],
    factors: tuple[float, float],
    settings: Localization,
    known: Known,
) -> Choice:
    """The outermost strong edge, where no core tells, or the one beside it that is more likely; with its doubts."""
    outermost = max(strong, key=lambda e: e.radius_px)
    beyond = [e for e in _layers(family, settings, math.inf) if _lies_within(outermost, e)]
    if beyond:
        # a burnt core, or a stain, may have the strongest edge of all
        cladding = max(beyond, key=lambda e: e.score)
        return Choice(cladding, _room(cladding, strong, known), warnings=(_two_borders(cladding, outermost, factors),))
    inner = _border_inside(outermost, strong, settings)
    if inner is not None:
        # layers within a cladding are faint: a strong border inside is the cladding's, with adhesive around, unless it
        # may be that of the core of a thin cladding
        has_core = known.core_ratio is not None or min(e.radius_px for e in strong) < RING_FREE * inner.radius_px
        chosen, other = (inner, outermost) if has_core else (outermost, inner)
        return Choice(chosen, _room(chosen, strong, known), warnings=(_two_borders(chosen, other, factors),))
    layers = [e for e in _layers(family, settings) if not _around_core([outermost], [e], settings, known)]
    layer = _border_inside(outermost, layers, settings)
    dark = (e for e in strong if _lies_within(e, outermost) and _is_dark_disc(small, e, settings))
    layer = layer or max(dark, key=lambda e: e.score, default=None)
    warnings = () if layer is None else (_two_borders(outermost, layer, factors),)
    return Choice(outermost, _room(outermost, strong, known), warnings=warnings)


def _may_be_coating(
    small: FloatImage, outermost: Edge, around_core: Sequence[Edge], settings: Localization, known: Known
) -> bool:
    """Whether a disc in the dark may be a coating: the cladding in it looks as a core in its cladding does."""
    if known.core_ratio is not None and known.core_ratio < settings.large_core:
        return False  # no coating is so much wider than its cladding
    told = around_core and outermost not in around_core
    return not told and _is_lit_in_the_dark(small, outermost, settings)


def _of_known_size(
    strong: Sequence[Edge], factors: tuple[float, float], settings: Localization, known: Known
) -> Edge | None:
    if known.cladding_px is None:
        return None
    wanted_px = known.cladding_px / math.sqrt(factors[0] * factors[1]) / 2
    near = [e for e in strong if abs(e.radius_px / wanted_px - 1) <= settings.max_size_error]
    return min(near, key=lambda e: abs(e.radius_px / wanted_px - 1), default=None)


def _around_core(candidates: Sequence[Edge], cores: Sequence[Edge], settings: Localization, known: Known) -> list[Edge]:
    """Those that have another edge within them, at the known ratio of the core's diameter to the cladding's."""
    if known.core_ratio is None:
        return []
    ratios = {e: [c.radius_px / (e.radius_px * known.core_ratio) for c in cores] for e in candidates}
    return [e for e, found in ratios.items() if any(abs(ratio - 1) <= settings.ratio_match for ratio in found)]


def _without_flanks(family: Sequence[Edge]) -> list[Edge]:
    """A halo or a dark line along a border has an edge of its own on its far side, which is no border."""

    def is_flank(edge: Edge) -> bool:
        beside = (e for e in family if e.polarity == -edge.polarity and abs(e.step) > abs(edge.step))
        return any(abs(edge.radius_px / e.radius_px - 1) < FLANK for e in beside)

    return [e for e in family if not is_flank(e)]


FLANK = 0.045  # radii: wider than a halo or a dark line, narrower than adhesive that can be told from them


def _visible(family: Sequence[Edge], settings: Localization) -> list[Edge]:
    """Where something else says which border is the cladding's, such an edge will do."""
    return [e for e in family if e.support >= settings.faint_min_support and abs(e.step) >= settings.min_contrast]


def _shining(strong: Sequence[Edge], settings: Localization) -> list[Edge]:
    return [e for e in strong if e.polarity < 0 and is_convincing(e, settings)]


LAYERS_WITHIN = 0.945  # radii of the outermost border: nearer to it lie the flanks of its dark line


def _layers(family: Sequence[Edge], settings: Localization, within: float = LAYERS_WITHIN) -> list[Edge]:
    """Borders of less contrast than the fiber's own: a layer of it, or after all the cladding in faint adhesive."""
    outside = max(e.radius_px for e in family) * within
    family = [e for e in family if e.radius_px <= outside]
    return [e for e in family if e.support >= SURE_SUPPORT and abs(e.step) >= settings.layer_min_contrast]


def _border_inside(outermost: Edge, strong: Sequence[Edge], settings: Localization) -> Edge | None:
    """A second border so close within the outermost one that either may be the cladding's."""
    low, high = settings.border_min_ratio * outermost.radius_px, settings.border_max_ratio * outermost.radius_px
    near = [e for e in strong if low <= e.radius_px <= high and e.rms_px <= SHARP_RMS_PX]
    return max(near, key=lambda e: e.score, default=None)


SHARP_RMS_PX = 0.35  # pixels of the reduced picture; the flank of a graded core scatters more


def _two_borders(chosen: Edge, other: Edge, factors: tuple[float, float]) -> Notice:
    taken, left = (2 * e.radius_px * math.sqrt(factors[0] * factors[1]) for e in (chosen, other))
    text = f"circles about {taken:.0f} px and {left:.0f} px wide, the first is taken for the cladding"
    return notice("two_borders", f"{text}; a calibration together with its diameter would tell")


def _room(edge: Edge, strong: Sequence[Edge], known: Known) -> float:
    """Distance of the next edge in radii."""
    core = math.inf if known.core_ratio is None else 1 - known.core_ratio
    gaps = (abs(e.radius_px / edge.radius_px - 1) for e in strong)
    return min((gap for gap in gaps if gap > CLOSEST_RING), default=core)


def _concentric(a: Edge, b: Edge) -> bool:
    return math.dist(a.form[:2], b.form[:2]) <= SAME_CENTER * max(a.radius_px, b.radius_px)
