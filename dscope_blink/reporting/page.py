"""report.html: all results of a batch on one page that needs no network; the only home of Jinja2.

What a record says reaches the page as JSON or through a template that escapes it, and the script makes text of it: no
file name and no reason ever becomes markup. The policy of the page lets nothing else run than its own script.
"""

from __future__ import annotations

import base64
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import Reporting
from dscope_blink.files.names import AGGREGATE, CONFIDENCE, RESULT, RESULT_FILES, THUMBNAIL, VIEW
from dscope_blink.files.results import annotated_picture
from dscope_blink.files.whole_files import write_parts
from dscope_blink.records import (
    CLASSIFICATIONS,
    PROGRAM,
    UNCONFIRMED,
    VERSION,
    ZONE_NAMES,
    Anomaly,
    Check,
    Comparison,
    Defect,
    Ellipse,
    Inspection,
    Provenance,
    is_scratch,
    judged_by,
    limits_of,
    rounded,
    size_of,
    texts,
    unsure_size,
)
from dscope_blink.reporting import wording
from dscope_blink.reporting.aggregate_layers import FaceLayers, Member, read_layers
from dscope_blink.reporting.analysis_text import SHORT, place_diameter, place_kind
from dscope_blink.reporting.batch_groups import CONNECTOR, groupings, heading, in_words
from dscope_blink.reporting.batch_statistics import BatchStatistics, simplified
from dscope_blink.reporting.batch_totals import Totals, reasons_of
from dscope_blink.reporting.connector_verdicts import ConnectorLine, ConnectorVerdicts
from dscope_blink.reporting.look import (
    CLASS_TITLES,
    COUNTED_COLOUR,
    SEVERITY_COLOURS,
    SOURCE_COLOURS,
    STATUS_COLOURS,
    UNCOUNTED_COLOUR,
    VIOLATING_COLOUR,
    ZONE_COLOURS,
)
from dscope_blink.reporting.page_charts import (
    NAME_DEG,
    STATUSES,
    cladding_plot,
    concentricity_plot,
    fiber_chart,
    pareto,
    picture_chart,
    too_few_for_maps,
    trend,
)
from dscope_blink.reporting.page_safety import policy_hash, script_json
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.reporting.wording import Facts

Json: TypeAlias = dict[str, Any]  # an object that the script of the page reads

TEMPLATES = Path(__file__).resolve().parent / "templates"
ZONES = tuple(ZONE_NAMES.values())
LETTERS = {name: letter for letter, name in ZONE_NAMES.items()}
OUTLINE_PX = 0.5  # a drawn outline may lie so far off the recorded one, as that off the mark
SPOOLED_BYTES = 8 * 2**20  # details of the images beyond wait in a file, so that memory does not grow with the batch
BASE64 = 4 / 3  # characters for a byte of an embedded picture
LINKED = tuple((file.title, end) for file in RESULT_FILES if file.title for end in file.ends)

logger = logging.getLogger("dscope.reports")


def write_html_report(path: Path, results: StoredResults, wanted: Reporting) -> Path:
    """Write report.html.

    Parameters
    ----------
    path : the file
    results : the stored records, in the order of the batch; one that is gone or no record is passed over with a warning
    wanted : how many pictures it may hold itself

    Raises
    ------
    UserError : it cannot be written
    """
    folder, room = path.parent, wanted.report_embed_max_mb * 1e6
    layers = sum(_size(_beside(result, AGGREGATE)) for result in results.paths)  # they take less in the page
    layered = layers <= room
    embedded = _bytes_of_pictures(results.paths) * BASE64 + layers * layered <= room
    with tempfile.SpooledTemporaryFile(max_size=SPOOLED_BYTES) as details:
        pictures = _Pictures(folder, embedded, as_stored=not results.judged_again, layered=layered)
        page = _Page(pictures, ConnectorVerdicts(folder, results.judged_again))
        for result, inspection in results.inspections():
            details.write(script_json(page.add(result, inspection)) + b"\n")
        details.seek(0)
        write_parts(path, _rendered(folder, page, details))
    return path


def _bytes_of_pictures(results: Sequence[Path]) -> int:
    return sum(_size(_beside(result, end)) for result in results for end in (VIEW, THUMBNAIL, CONFIDENCE))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _beside(result: Path, end: str) -> Path:
    return result.with_name(result.name.removesuffix(RESULT) + end)


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Where the page finds the files of an image: in itself, or beside it."""

    folder: Path
    embedded: bool
    as_stored: bool = True  # the files beside the record show the verdict of the page
    layered: bool = True  # there is room for the outlines of the sources of a face

    def link(self, path: Path) -> str:
        """Address relative to the page; empty where there is no such file."""
        if not path.is_file():
            return ""
        relative = os.path.relpath(path, self.folder).replace(os.sep, "/")
        return quote(os.fsencode(relative), safe="/")

    def source(self, path: Path) -> str:
        """The same for a picture, which may be held by the page itself."""
        if not self.embedded:
            return self.link(path)
        try:
            data = base64.b64encode(path.read_bytes()).decode("ascii")
        except OSError:
            return ""
        return f"data:image/{'png' if path.suffix == '.png' else 'jpeg'};base64,{data}"


@dataclass(slots=True)
class _Page:
    """What is kept of every image until the page is written."""

    pictures: _Pictures
    connectors: ConnectorVerdicts
    batch: BatchStatistics = field(default_factory=BatchStatistics)
    rows: list[bytes] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)  # number of each key
    criteria: dict[str, int] = field(default_factory=dict)
    columns: dict[str, dict[str, int]] = field(default_factory=dict)  # number of each value

    def add(self, result: Path, inspection: Inspection) -> Json:
        """Take up one inspection; what only its own view shows is returned."""
        self.batch.add(inspection)
        self.connectors.add(result, inspection)
        layers = read_layers(_beside(result, AGGREGATE)) if self.pictures.as_stored else None
        compared = inspection.reference
        row = self._row(result, inspection, layers)
        self.rows.append(script_json(row if compared is None else {**row, "a": [compared.status, compared.score]}))
        departs = None if compared is None else _departures(compared)
        return {**_details(result, inspection, self.pictures, layers), "departs": departs}

    def _row(self, result: Path, inspection: Inspection, layers: FaceLayers | None) -> Json:
        """Names of one letter or two, for there are as many of them as rows."""
        verdict, criteria, measured = inspection.verdict, inspection.criteria, inspection.measured
        limits = f"{criteria.edition} {criteria.fiber_class}"
        return {
            "f": inspection.title,
            "s": STATUSES.index(verdict.status),
            "m": int(verdict.marginal),
            "e": self.criteria.setdefault(limits, len(self.criteria)),
            "r": texts(verdict.reasons) or [inspection.closest_limit or "No mark comes near a limit"],
            "k": [self.reasons.setdefault(key, len(self.reasons)) for key in reasons_of(verdict)],
            "z": _tally(inspection),
            "n": len(inspection.defects) if inspection.zones else None,
            "d": measured("cladding_diameter_um").value,
            "p": measured("cladding_diameter_px").value,
            "o": measured("core_cladding_offset_um").value,
            "q": int(inspection.scale is not None and inspection.scale.rests_on_cladding),
            "t": inspection.moment,
            "g": self._values(),
            "w": len(inspection.quality.warnings),
            "i": self.pictures.source(_beside(result, THUMBNAIL)),
            **({} if layers is None or layers.score is None else {"c": layers.score}),
        }

    def _values(self) -> list[int | None]:
        """Of the picture that was added last, the number of its value in each column."""
        said = self.batch.pictures[-1].columns
        for name, value in said.items():
            values = self.columns.setdefault(name, {})
            values.setdefault(value, len(values))
        return [values[said[name]] if name in said else None for name, values in self.columns.items()]

    def values_of(self, name: str) -> Mapping[str, int]:
        """The number of each value of a column; the empty one is that of the pictures of which it says nothing, too."""
        values = self.columns[name]
        lacking = any(name not in said.columns for said in self.batch.pictures)
        return {**values, "": values.get("", len(values))} if lacking else values


def _tally(inspection: Inspection) -> list[list[int]]:
    """Zone, kind, number of marks, and how many of them break a limit."""
    counts: dict[tuple[int, int], list[int]] = {}
    for mark in inspection.defects:
        key = ZONES.index(mark.zone), CLASSIFICATIONS.index(mark.classification)
        found = counts.setdefault(key, [*key, 0, 0])
        found[2] += 1
        found[3] += mark.id in inspection.broken
    return [counts[key] for key in sorted(counts)]


# --- the view of one image --------------------------------------------------------------------------------------------


def _links(result: Path, pictures: _Pictures) -> list[list[str]]:
    """Title and address of each file of a picture; none where they say what the page no longer does."""
    found = LINKED if pictures.as_stored else ()
    return [[title, link] for title, end in found if (link := pictures.link(_beside(result, end)))]


def _details(result: Path, inspection: Inspection, pictures: _Pictures, layers: FaceLayers | None) -> Json:
    verdict, image, asked = inspection.verdict, inspection.image, inspection.request.zones
    view = pictures.source(_beside(result, VIEW))
    drawn = annotated_picture(str(_beside(result, ""))) if pictures.as_stored else None
    return {
        "size": [image.width, image.height],
        "view": view,
        "drawn": pictures.link(drawn) if drawn and not view else "",
        "evidence": pictures.source(_beside(result, CONFIDENCE)),
        "links": _links(result, pictures),
        "zones": [[zone.letter, zone.name, *_svg_ellipse(zone.outer)] for zone in inspection.zones],
        "outermost": next((zone.letter for zone in reversed(inspection.zones) if zone.name in asked), ""),
        "reasons": texts(verdict.reasons),
        "doubts": verdict.doubts,
        "warnings": texts(inspection.quality.warnings),
        "closest": inspection.closest_limit,
        "marks": _marks(inspection),
        "checks": [_check(check) for check in verdict.checks],
        "facts": _facts(inspection),
        "who": None if layers is None else _who(layers, inspection, pictures.layered),
    }


def _who(layers: FaceLayers, inspection: Inspection, outlines: bool) -> Json:
    """The score of a face, its sources, and of each mark who saw it, with its outline where that is another one."""
    own = {mark.id: _svg_path(simplified(mark.contour_px, OUTLINE_PX)) for mark in inspection.defects}
    seen = {name: members for name, members in layers.members.items() if name in own}
    return {
        "score": layers.score,
        "passed": layers.passed,
        "reasons": layers.reasons,
        "sources": [[one.key, one.marks, one.alone, one.status_without, int(one.flips)] for one in layers.sources],
        "marks": {name: [_seen(one, own[name], outlines) for one in members] for name, members in seen.items()},
        "outlines": int(outlines),
    }


def _departures(compared: Comparison) -> Json:
    """What a reference model says of a face, and its places that depart."""
    return {
        "status": compared.status,
        "score": compared.score,
        "reasons": compared.reasons,
        "whole": None if compared.whole is None else round(compared.whole.score, 3),
        "model": compared.model_sha256[:SHORT],
        "places": [_place(one) for one in compared.anomalies],
    }


def _place(anomaly: Anomaly) -> Json:
    low, high = anomaly.outline_px.min(axis=0), anomaly.outline_px.max(axis=0)
    outline = simplified(anomaly.outline_px, OUTLINE_PX)
    return {
        "id": anomaly.id,
        "title": place_kind(anomaly),
        "zone": anomaly.zone or "beyond",
        "score": anomaly.score,
        "size": place_diameter(anomaly),
        "severity": anomaly.severity,
        "confidence": anomaly.confidence,
        "marks": anomaly.marks,
        "path": _svg_path(outline),
        "at": np.round((low + high) / 2, 1).tolist(),
        "name": np.round(_upper_right(outline), 1).tolist(),
        "r": anomaly.diameter_px / 2,
    }


def _seen(member: Member, own: str, outlines: bool) -> list[int | str]:
    """Number of its source, id, and its outline; 0 where that is the one of the mark, empty where it is not known."""
    if not outlines:
        return [member.source, member.id, ""]
    path = _svg_path(simplified(member.outline_px, OUTLINE_PX))
    return [member.source, member.id, 0 if path == own else path]


def _svg_ellipse(ellipse: Ellipse) -> list[float]:
    """Centre, half axes, angle."""
    return [*ellipse.center_px, *(round(axis / 2, 3) for axis in ellipse.axes_px), ellipse.angle_deg]


def _marks(inspection: Inspection) -> list[Json]:
    """The worst first: those that break a limit, then those that count."""
    broken = inspection.broken
    shown = [_mark(mark, mark.id in broken, inspection) for mark in inspection.defects]
    return sorted(shown, key=lambda mark: ("broken", "counted", "free").index(mark["state"]))


def _mark(mark: Defect, breaks: bool, inspection: Inspection) -> Json:
    unit = "um" if inspection.scale else "px"
    limits_um = limits_of(inspection.criteria, mark.zone, scratches=is_scratch(mark, inspection.criteria))
    sizes = [size_of(mark, name, limits_um) for name in ("length", "width", "diameter")]
    outline = simplified(mark.contour_px, OUTLINE_PX)
    return {
        "id": mark.id,
        "kind": CLASSIFICATIONS.index(mark.classification),
        "zone": ZONES.index(mark.zone),
        "state": "broken" if breaks else "counted" if mark.counted else "free",
        "path": _svg_path(outline),
        "at": mark.centroid_px,
        "name": np.round(_upper_right(outline), 1).tolist() if len(outline) else mark.centroid_px,
        "r": mark.diameter_px / 2,
        "sizes": sizes,
        "unit": unit,
        "confidence": round(mark.confidence, 2),
        "title": wording.kind_in_words(mark),
        "by": ", ".join(mark.detected_by),
        "limit": _against_limit(mark, inspection),
    }


def _upper_right(outline: NDArray[Any]) -> NDArray[Any]:
    """The point of an outline, (N, 2), that a name is written beside."""
    return np.asarray(outline[np.argmax(outline @ (1, -1))])


def _svg_path(outline: NDArray[np.float32]) -> str:
    """Relative and in tenths of a pixel, for outlines are most of the page."""
    tenths = np.rint(outline * 10)
    steps = np.diff(tenths, axis=0, prepend=0).ravel() / 10
    text = " ".join(f"{step:g}" for step in steps.tolist())
    return f"m{text.replace(' -', '-')}z" if text else ""


def _against_limit(mark: Defect, inspection: Inspection) -> Json | None:
    """What the limits of its zone measure of a mark, beside the one that counts it, or else the next above its size.

    None where there is neither, or no size to hold against them.
    """
    criteria = inspection.criteria
    measure, kind = judged_by(mark, criteria), "scratch" if is_scratch(mark, criteria) else "defect"
    size_um = getattr(mark, f"{measure}_um")
    held = [check for check in inspection.verdict.checks if (check.zone, check.kind) == (mark.zone, kind)]
    counting = [check for check in held if mark.id in check.defects]
    above = [check for check in held if size_um is not None and check.limit_um > size_um]
    if size_um is None or not (counting or above):
        return None
    check = counting[0] if counting else min(above, key=lambda check: check.limit_um)
    return {
        "check": inspection.verdict.checks.index(check),
        "measured": f"{measure} {unsure_size(mark, criteria)}",
        "share": _share(size_um, check, bool(counting)),
        "counts": int(bool(counting)),
    }


def _allowed(count: int) -> str:
    return f"at most {count}" if count else "none allowed"


def _share(size_um: float, check: Check, counts: bool) -> float:
    """How full the bar is: the size over the limit, or the number of marks over that which breaks it."""
    if counts and (check.max_count or not check.limit_um):
        return round(check.count / (check.max_count + 1), 3)
    return round(size_um / check.limit_um, 3)


def _check(check: Check) -> Json:
    margin = check.margin_in_words
    return {
        "zone": check.zone,
        "rule": check.rule,
        "count": check.count,
        "allowed": _allowed(check.max_count),
        "margin": f"{margin} {'over' if check.broken else 'to spare'}" if margin else "",
        "share": rounded("nearness", check.nearness),
        "broken": check.broken,
        "marks": check.defects,
    }


def _facts(inspection: Inspection) -> Facts:
    """Everything else that is said of an image, as the certificate says it."""
    dimensions = (
        (title, f"{value} {unsure}".strip()) for title, value, unsure in wording.dimension_table(inspection).rows
    )
    return (
        *dimensions,
        *wording.scale_facts(inspection),
        *wording.criteria_facts(inspection),
        *wording.quality_facts(inspection),
        *wording.provenance_facts(inspection),
        *wording.carried_facts(inspection),
    )


# --- the page ---------------------------------------------------------------------------------------------------------


def _rendered(folder: Path, page: _Page, details: IO[bytes]) -> Iterator[bytes]:
    """The page in pieces, so that it never is in memory as a whole."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    settings = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = f":root{{{_colours()}}}\n" + (TEMPLATES / "report.css").read_text(encoding="utf-8")
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    pieces = settings.get_template("report.html").generate(
        style=style,
        script=script,
        style_hash=policy_hash(style),
        script_hash=policy_hash(script),
        data=_data(page),
        details=(line.decode("ascii") for line in details),
        **_content(folder, page),
    )
    return (piece.encode("utf-8", "replace") for piece in pieces)


def _colours() -> str:
    """Those of all pictures of the program, as variables of the style sheet."""
    named = {f"zone-{letter}": colour for letter, colour in ZONE_COLOURS.items()}
    named |= {f"status-{status}": colour for status, colour in STATUS_COLOURS.items()}
    named |= {"mark-broken": VIOLATING_COLOUR, "mark-counted": COUNTED_COLOUR, "mark-free": UNCOUNTED_COLOUR}
    named |= {f"severity-{severity}": colour for severity, colour in SEVERITY_COLOURS.items()}
    named |= {f"source-{number}": colour for number, colour in enumerate(SOURCE_COLOURS)}
    return "".join(f"--{name}:{colour};" for name, colour in named.items())


def _data(page: _Page) -> Iterator[str]:
    """What the table is made of, as JSON in pieces."""
    yield '{"rows":[\n'
    for number, row in enumerate(page.rows):
        yield (",\n" if number else "") + row.decode("ascii")
    words = {
        "statuses": STATUSES,
        "zones": ZONES,
        "letters": [LETTERS[zone] for zone in ZONES],
        "name_deg": NAME_DEG,
        "kinds": [CLASS_TITLES[kind] for kind in CLASSIFICATIONS],
        "criteria": list(page.criteria),
        "reasons": list(page.reasons),
        "columns": _columns(page),
    }
    yield "\n]," + script_json(words).decode("ascii")[1:]


def _columns(page: _Page) -> list[Json]:
    """What pictures may be chosen by; the values that are carried stand beside their names."""
    carried = {name for said in page.batch.pictures for name in said.carried}.union({CONNECTOR})
    return [
        {"name": name, "title": in_words(name), "carried": name in carried, "values": list(page.values_of(name))}
        for name in page.columns
    ]


def _numbers(page: _Page) -> Mapping[str, Mapping[str, int]]:
    """The number by which the script knows each group of a grouping: no text has to survive the markup."""
    columns = {f"column {name}": page.values_of(name) for name in page.columns}
    kinds = {CLASS_TITLES[kind]: number for number, kind in enumerate(CLASSIFICATIONS)}
    return {**columns, "zone": {zone: number for number, zone in enumerate(ZONES)}, "kind": kinds}


def _content(folder: Path, page: _Page) -> Mapping[str, Any]:
    batch = page.batch
    moments = sorted(moment for moment, _ in batch.moments)
    divided = groupings(batch.pictures)
    return {
        "program": f"{PROGRAM} {VERSION}",
        "name": os.fsencode(folder.resolve().name).decode("utf-8", "replace"),
        "batch": batch.totals,
        "total": batch.totals.images,
        "period": _period(moments),
        "heading": heading(batch.pictures, batch.totals),
        "groupings": divided,
        "numbers": _numbers(page),
        "column_numbers": {f"column {name}": number for number, name in enumerate(page.columns)},
        "first_grouping": next(one.key for one in divided if one.tells),
        "connectors": _connectors(page),
        "connectors_note": page.connectors.note,
        "unconfirmed": _unconfirmed(batch.totals),
        "provenance": _provenance(batch.totals),
        "reasons": pareto(batch),
        "plots": (trend(batch), cladding_plot(batch), concentricity_plot(batch)),
        "no_maps": too_few_for_maps(batch),
        "fiber": fiber_chart(batch),
        "picture": picture_chart(batch),
        "kinds": CLASS_TITLES,
        "embedded": page.pictures.embedded,
    }


def _connectors(page: _Page) -> list[tuple[ConnectorLine, list[str]]]:
    """Each connector with the addresses of the pictures of its lanes."""
    link = page.pictures.link
    return [(line, list(filter(None, map(link, line.pictures)))) for line in page.connectors.lines()]


def _period(moments: Sequence[str]) -> str:
    if not moments:
        return ""
    first, last = (moment[:19].replace("T", " ") for moment in (moments[0], moments[-1]))
    return first if first == last else f"{first} to {last}"


def _unconfirmed(totals: Totals) -> list[str]:
    limits = (judged_by for judged_by in totals.criteria if not judged_by.confirmed)
    return list(dict.fromkeys(UNCONFIRMED.format(f"{one.edition} {one.fiber_class}") for one in limits))


def _provenance(totals: Totals) -> list[tuple[str, list[tuple[str, int]]]]:
    """What the results were made with, each with the number of pictures."""
    made_with: list[tuple[str, Callable[[Provenance], str | None]]] = [
        ("Program", lambda made: made.program),
        ("Profile", lambda made: made.profile),
        ("Engine", lambda made: made.engine),
    ]
    made_with += [(title, partial(_hash_of, name)) for name, title in _INPUT_TITLES.items()]
    return [(title, _counted(totals, value)) for title, value in made_with]


def _hash_of(name: str, made: Provenance) -> str | None:
    return made.inputs.get(name)


_INPUT_TITLES = {
    "config": "Configuration, sha256",
    "calibration": "Calibration, sha256",
    "flat_field": "Flat field, sha256",
    "reference": "Reference model, sha256",
    "learned": "Learned model, sha256",
}


def _counted(totals: Totals, value: Callable[[Provenance], str | None]) -> list[tuple[str, int]]:
    """What the provenances say of one thing, the commonest first."""
    counts: Counter[str] = Counter()
    for made, run in totals.runs.items():
        counts[value(made) or "none"] += run.images
    return counts.most_common()
