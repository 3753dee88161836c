"""One picture of a connector: fibers found and numbered, each inspected in its window, what is unsure not graded."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter

import numpy as np

from dscope_blink.analysis import judging
from dscope_blink.batch.job import (
    Job,
    Loaded,
    calibration_of,
    flat_field_of,
    load,
    network_of,
    provenance_of,
    reference_of,
)
from dscope_blink.files.decoding import Picture
from dscope_blink.files.plan import ImageFile
from dscope_blink.gates.lanes import Numbering, number_places
from dscope_blink.gates.lattice import Index, Lattice, fit_lattice, misfits_px
from dscope_blink.image_processing.cladding_choice import KnownPlace
from dscope_blink.image_processing.fiber_row import FoundPlace, FoundRow, is_clear
from dscope_blink.pipeline import find_ferrule_residue, find_lanes, inspect_lane, not_measured
from dscope_blink.records import (
    ConnectorLayout,
    FittedLattice,
    ImageInfo,
    Inspection,
    Lane,
    LaneOutcome,
    Notice,
    RowPicture,
    Window,
    notice,
    printable,
)

logger = logging.getLogger("dscope.connector")


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """One record of a picture: of a lane, or of the picture where its lanes could not be numbered."""

    name: str  # start of the names of its files, relative to the output folder
    inspection: Inspection
    loaded: Loaded  # the window; without a picture where nothing was inspected
    outcome: LaneOutcome | None  # None: of no lane


@dataclass(frozen=True, slots=True)
class Seen:
    """What one picture of a connector came to."""

    picture: RowPicture
    records: tuple[LaneRecord, ...]
    loaded: Loaded  # the whole picture
    name: str  # start of the names of its files


@dataclass(frozen=True, slots=True)
class View:
    """One picture of a connector and what is asked of it."""

    job: Job
    connector: str  # its name
    layout_key: str
    image: ImageFile
    first_lane: int | None

    @property
    def layout(self) -> ConnectorLayout:
        """Of the connector."""
        return self.job.config.connectors[self.layout_key]

    def lane(self, number: int | None, window: Window | None = None) -> Lane:
        """A lane of it."""
        return Lane(self.connector, self.layout_key, number, window)

    def name_of(self, number: int) -> str:
        """Start of the names of the files of a lane."""
        return f"{self.image.name}_lane{number:02d}"


def inspect_view(view: View) -> Seen:
    """Inspect all fibers of one picture; whatever goes wrong with it, there is a record that says so."""
    loaded = Loaded(ImageInfo(view.image.file))
    try:
        loaded = load(view.image.path, view.image.file, view.job.config)
        return _seen(view, loaded)
    except Exception as error:
        logger.error("%s: internal error", printable(view.image.file), exc_info=error)
        return refused(view, loaded, notice("internal_error", f"{type(error).__name__}: {error}"))


def refused(view: View, loaded: Loaded, *problems: Notice, row: FoundRow | None = None) -> Seen:
    """Not graded as a whole: no lane is said to have been seen."""
    inspection = not_measured(loaded.info, view.image.request, view.job.config, provenance_of(view.job), problems[0])
    inspection = replace(inspection, lane=view.lane(None))
    record = LaneRecord(view.image.name, inspection, loaded, None)
    return Seen(_row_picture(view, loaded, problems, row), (record,), loaded, view.image.name)


def _seen(view: View, loaded: Loaded) -> Seen:
    if loaded.picture is None:
        assert loaded.problem is not None, "without a picture there is a problem"
        return refused(view, loaded, loaded.problem)
    started, job = perf_counter(), view.job
    row = find_lanes(
        *(loaded.picture, loaded.info, view.image.request, job.config, calibration_of(job, loaded), view.layout),
        flat_field_of(job),
    )
    if isinstance(row, Notice):
        return refused(view, loaded, row)
    if row.strange_px:
        return refused(view, loaded, _strange(row), row=row)
    whole, cut = ([place.index for place in row.places if place.whole is kind] for kind in (True, False))
    numbering = number_places(view.layout, whole, cut, view.first_lane)
    if isinstance(numbering, Notice):
        return refused(view, loaded, numbering, row=row)
    faces = _without_coreless(dict(_faces(view, loaded, row, numbering)))
    located = {n: face for n, face in faces.items() if face.inspection.geometry is not None}
    fitted, problems = _fitted(view, row, numbering, located)
    unsure = _why_unsure(view, loaded.picture, row, numbering, {n for n in located if n not in fitted.off})
    if unsure is not None:
        return refused(view, loaded, unsure, row=row)
    records = tuple(_settled(view, face, fitted, problems, row) for face in faces.values())
    residue = None
    if row.whole > 1:
        first = numbering.back((0, 0))
        residue = find_ferrule_residue(
            loaded.picture, loaded.info, job.config, view.layout, fitted.lattice, first, flat_field_of(job)
        )
    seconds = round(perf_counter() - started, 3)
    sha256, described = loaded.info.sha256, fitted.described
    picture = RowPicture(view.image.file, sha256, view.first_lane, problems, described, residue, seconds)
    return Seen(picture, records, loaded, view.image.name)


def _strange(row: FoundRow) -> Notice:
    """Fibers that nobody would judge: of another row than the layout has, or of another connector."""
    x, y = row.strange_px[0]
    more = f" and {len(row.strange_px) - 1} more" if len(row.strange_px) > 1 else ""
    return notice("extra_fiber", f"one shows at ({x:.0f}, {y:.0f}){more}, where no row of the layout lies")


@dataclass(frozen=True, slots=True)
class _Face:
    """One lane in the picture, and where its fiber lies."""

    number: int
    index: Index
    inspection: Inspection
    loaded: Loaded

    @property
    def center_px(self) -> tuple[float, float]:
        """Of its cladding in the whole picture."""
        assert self.inspection.geometry is not None, "only a fiber that is located has a centre"
        assert self.inspection.lane is not None, "and a window"
        assert self.inspection.lane.window is not None, "of its own"
        x, y = self.inspection.geometry.cladding.ellipse.center_px
        return x + self.inspection.lane.window.left_px, y + self.inspection.lane.window.top_px

    @property
    def has_core(self) -> bool:
        """Whether its core shows, and is not only where it should be."""
        geometry = self.inspection.geometry
        return geometry is not None and geometry.core is not None and geometry.core.source == "measured"

    @property
    def diameter_px(self) -> float:
        """Of its cladding."""
        assert self.inspection.geometry is not None, "only a fiber that is located has one"
        return self.inspection.geometry.cladding.ellipse.mean_diameter_px


def _faces(view: View, loaded: Loaded, row: FoundRow, numbering: Numbering) -> Iterator[tuple[int, _Face]]:
    """Every lane that lies in the picture, if only in part."""
    assert loaded.picture is not None, "checked before"
    places = {place.index: place for place in row.places}
    brightest = max(place.level for place in row.places if place.whole)
    least = view.job.config.connector_search.min_level_share * brightest
    for number, index in enumerate(map(numbering.back, view.layout.lanes), 1):
        place = places.get(index)
        reason = _why_not_inspected(row, index, place, least, loaded.picture)
        if reason is None:
            assert place is not None, "what is not there has a reason"
            yield number, _inspected(view, loaded, row, place, number)
        elif reason.kind != "lane_not_seen":
            yield number, _uninspected(view, loaded, number, index, reason)


def _why_not_inspected(
    row: FoundRow, index: Index, place: FoundPlace | None, least_level: float, picture: Picture
) -> Notice | None:
    """Why the fiber of a lane is not inspected."""
    x, y = place.center_px if place else row.lattice.at(*index)
    room = _room(row, (x, y), picture)
    if room <= -1:
        return notice("lane_not_seen", "it lies outside of the picture")
    if place is None and room >= 1:
        return notice("lane_missing", f"nothing round shows at ({x:.0f}, {y:.0f}), where its fiber would lie")
    if place is None or not place.whole:
        return notice("lane_cut", f"its fiber at ({x:.0f}, {y:.0f}) does not lie wholly in the picture")
    if place.inverted or place.level < least_level:
        return notice("lane_missing", f"what is round at ({x:.0f}, {y:.0f}) is as dark as an empty hole")
    return None


def _uninspected(view: View, loaded: Loaded, number: int, index: Index, reason: Notice) -> _Face:
    inspection = not_measured(loaded.info, view.image.request, view.job.config, provenance_of(view.job), reason)
    return _Face(number, index, replace(inspection, lane=view.lane(number)), replace(loaded, picture=None))


def _inspected(view: View, loaded: Loaded, row: FoundRow, place: FoundPlace, number: int) -> _Face:
    assert loaded.picture is not None, "checked before"
    job = view.job
    lane = view.lane(number, window_of(place.center_px, row, job.config.connector_search.window_share, loaded.picture))
    (x, y), corner = place.center_px, lane.window
    assert corner is not None, "just made"
    there = KnownPlace((x - corner.left_px, y - corner.top_px), row.cladding_px / 2, row.whole > 1)
    part, inspection = inspect_lane(
        *(loaded.picture, loaded.info, view.image.request, job.config, calibration_of(job, loaded), provenance_of(job)),
        lane,
        flat_field_of(job),
        reference_of(job),
        there,
        network_of(job),
    )
    quality = replace(inspection.quality, warnings=(*loaded.warnings, *inspection.quality.warnings))
    return _Face(number, place.index, replace(inspection, quality=quality), replace(loaded, picture=part))


def window_of(center_px: tuple[float, float], row: FoundRow, share: float, picture: Picture) -> Window:
    """The window of a fiber, as far as it lies in the picture; half its side is a share of the pitch."""
    half = share * row.lattice.pitch_px
    (x, y), (h, w) = center_px, picture.shape[:2]
    left, top = max(round(x - half), 0), max(round(y - half), 0)
    right, bottom = min(round(x + half) + 1, w), min(round(y + half) + 1, h)
    return Window(left, top, right - left, bottom - top)


def _without_coreless(faces: Mapping[int, _Face]) -> Mapping[int, _Face]:
    """No lane passes whose core does not show where those of most do: it may be a hole filled with adhesive."""
    located = [face for face in faces.values() if face.inspection.geometry is not None]
    shown = sum(face.has_core for face in located)
    if 2 * shown <= len(located):
        return faces
    text = f"no core shows, as those of {shown} of {len(located)} fibers do: it may be a hole filled with adhesive"
    doubt = judging.not_graded(notice("lane_missing", text))
    lost = {face.number for face in located if not face.has_core and face.inspection.verdict.status == "PASS"}
    return {
        n: replace(face, inspection=replace(face.inspection, verdict=doubt)) if n in lost else face
        for n, face in faces.items()
    }


# --- whether the numbers are sure -------------------------------------------------------------------------------------


def _why_unsure(
    view: View, picture: Picture, row: FoundRow, numbering: Numbering, located: Collection[int]
) -> Notice | None:
    """Why the fibers that the numbers count from may be others than they seem: one overlooked would shift them all."""
    sure = {place.index for place in row.places if place.whole and _is_sure(view, row, numbering, place, located)}
    whole = [place.index for place in row.places if place.whole]
    if view.first_lane is None:
        ends = {min(place for _, place in whole), max(place for _, place in whole)}
        lost = ends - {place for _, place in sure}
        return notice("not_numbered", "a fiber at an end of the row is not located") if lost else None
    first = min(whole)
    if first not in sure:
        return notice("not_numbered", "the first fiber, from which the lanes are counted, is not located")
    before = first[0], first[1] - 1
    is_lane = view.layout.lane_at(*numbering.of(before)) is not None
    if is_lane and _room(row, row.lattice.at(*before), picture) >= 1:
        return notice("not_numbered", "the place before the first fiber lies in the picture, and may be that of a lane")
    return None


def _is_sure(view: View, row: FoundRow, numbering: Numbering, place: FoundPlace, located: Collection[int]) -> bool:
    return view.layout.lane_at(*numbering.of(place.index)) in located or is_clear(row, place)


def _room(row: FoundRow, center_px: tuple[float, float], picture: Picture) -> float:
    """How far a place lies within the picture, in radii: from 1 on wholly, from -1 down not at all."""
    (x, y), (h, w) = center_px, picture.shape[:2]
    return min(x, y, w - 1 - x, h - 1 - y) / (row.cladding_px / 2)


# --- whether what was located lies on the lattice ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The lattice by the exact centres, how it is described, and the lanes that do not lie on it."""

    lattice: Lattice
    described: FittedLattice
    off: Mapping[int, Notice]


def _fitted(
    view: View, row: FoundRow, numbering: Numbering, located: Mapping[int, _Face]
) -> tuple[_Fitted, tuple[Notice, ...]]:
    """The lattice through all fibers but those that lie off it, and what is wrong with all of it."""
    search, layout = view.job.config.connector_search, view.layout
    kept, lattice = list(located.values()), row.lattice
    while len(kept) > 1:
        points, indices = np.array([face.center_px for face in kept]), [face.index for face in kept]
        lattice = fit_lattice(layout, points, indices)
        off = misfits_px(lattice, points, indices)
        if off.max() <= search.max_offset_share * lattice.pitch_px:
            break
        del kept[int(off.argmax())]
    described = _described(layout, lattice, numbering, kept)
    problems = _problems(described, located, kept, search.max_scale_disagreement)
    lost = {n: _why_off(face, lattice, row, search.max_size_error) for n, face in located.items()}
    lost_numbers = located.keys() - {face.number for face in kept}
    outside = {n: notice("off_lattice", "it lies off the lattice of the others") for n in lost_numbers}
    return _Fitted(lattice, described, {n: why for n, why in lost.items() if why is not None} | outside), problems


def _why_off(face: _Face, lattice: Lattice, row: FoundRow, most: float) -> Notice | None:
    wrong = abs(face.diameter_px / row.cladding_px - 1)
    if wrong <= most:
        return None
    text = f"the edge found is {face.diameter_px:.1f} px wide, within {most:.0%} of the {row.cladding_px:.1f} px needed"
    return notice("off_lattice", text)


def _described(layout: ConnectorLayout, lattice: Lattice, numbering: Numbering, kept: Sequence[_Face]) -> FittedLattice:
    points, indices = np.array([face.center_px for face in kept]).reshape(-1, 2), [face.index for face in kept]
    rms = float(np.sqrt(np.mean(misfits_px(lattice, points, indices) ** 2))) if kept else 0.0
    first = lattice.at(*numbering.back((0, 0)))
    of_pitch = layout.pitch_um / lattice.pitch_px if len(kept) > 1 else None
    of_cladding = layout.cladding_um / median(face.diameter_px for face in kept) if kept else None
    return FittedLattice(
        _rounded(first),
        _rounded(lattice.along_px),
        _rounded(lattice.across_px),
        len(kept),
        round(rms, 3),
        of_pitch and round(of_pitch, 5),
        of_cladding and round(of_cladding, 5),
    )


def _rounded(pair: tuple[float, float]) -> tuple[float, float]:
    return round(pair[0], 3), round(pair[1], 3)


def _problems(
    described: FittedLattice, located: Mapping[int, _Face], kept: Sequence[_Face], most: float
) -> tuple[Notice, ...]:
    if len(located) > 1 and 2 * len(kept) <= len(located):
        return (notice("lattice_doubtful", f"only {len(kept)} of {len(located)} fibers lie on one lattice"),)
    pitch, cladding = described.um_per_px, described.cladding_um_per_px
    if pitch is None or cladding is None or abs(pitch / cladding - 1) <= most:
        return ()
    text = f"by the pitch a pixel has {pitch:.4f} um, by the claddings {cladding:.4f} um, within {most:.0%} needed"
    return (notice("lattice_doubtful", text),)


def _settled(view: View, face: _Face, fitted: _Fitted, problems: tuple[Notice, ...], row: FoundRow) -> LaneRecord:
    """The record of a lane; not graded where it, or all of the lattice, is in doubt."""
    inspection, why = face.inspection, (*problems, *filter(None, [fitted.off.get(face.number)]))
    if why and inspection.geometry is not None:
        inspection = replace(inspection, verdict=judging.not_graded(*why))
    located = inspection.geometry is not None
    name = view.name_of(face.number)
    outcome = LaneOutcome(
        face.number,
        inspection.verdict.status,
        inspection.verdict.reasons,
        name,
        view.image.file,
        _rounded(face.center_px if located else fitted.lattice.at(*face.index)),
        round(face.diameter_px if located else row.cladding_px, 3),
    )
    return LaneRecord(name, inspection, face.loaded, outcome)


def _row_picture(view: View, loaded: Loaded, problems: tuple[Notice, ...], row: FoundRow | None) -> RowPicture:
    lattice = None
    if row is not None:
        lattice = _described(view.layout, row.lattice, Numbering(0, 0), ())
    return RowPicture(view.image.file, loaded.info.sha256, view.first_lane, problems, lattice, None)
