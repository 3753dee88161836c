"""compare_batches.html: two batches side by side on one page without script or network, its pictures in it.

Both shots of a face are drawn in the coordinates of the fiber, the second turned back to the first, so that what is the
same lies in the same place. What a record says is escaped; the policy of the page lets nothing run.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from dscope_blink.files.names import RESULT
from dscope_blink.records import PROGRAM, VERSION, ZONE_NAMES, Ellipse, Inspection, Points, texts, to_circle
from dscope_blink.reporting.comparison import OUTCOME_TITLES, OUTCOMES, Outcome, Pair, Shot, largest_in_words, marks_in
from dscope_blink.reporting.displayable import Picture
from dscope_blink.reporting.face_box import part_around
from dscope_blink.reporting.face_drawing import outermost_inspected
from dscope_blink.reporting.stored_pictures import clean_picture

_RADIUS = 100  # of the cladding, in the units of the drawing
_FACE_PX = 640  # of the longer side of an embedded picture
_JPEG_QUALITY = 80
_BASE64 = 4 / 3
_MOST_LETTERED = 12  # marks of a shot whose names are written: of those alone in it, the largest
_LEAST_RING = 3.0  # units: a smaller mark gets a ring of it, so that it is seen
_FATES: dict[str, str] = {"removed": "removed", "stayed": "stayed", "new": "new", "unseen": "out of the other's view"}
_STYLE = Path(__file__).resolve().parent / "templates" / "comparison.css"


class ComparisonPage:
    """The page: pairs are added one by one, and of each only its text is kept.

    Parameters
    ----------
    before, after : the names of the batches
    embed_max_mb : of pictures that the page may hold; pairs after that have none, which is said
    """

    def __init__(self, before: str, after: str, embed_max_mb: float) -> None:
        self._names = before, after
        self._left = embed_max_mb * 1e6
        self._counts: Counter[Outcome] = Counter()
        self._articles: dict[Outcome, list[str]] = {outcome: [] for outcome in OUTCOMES}

    def add(self, pair: Pair) -> None:
        """Take up one pair."""
        self._counts[pair.outcome] += 1
        self._articles[pair.outcome].append(self._article(pair))

    def html(self) -> Iterator[bytes]:
        """The page in parts, what asks for a look first."""
        for part in self._parts():
            yield part.encode("utf-8", "replace")

    def _parts(self) -> Iterator[str]:
        style = _STYLE.read_text(encoding="utf-8")
        hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = f"default-src 'none'; img-src data:; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
        before, after = map(escape, self._names)
        yield (
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{before} and {after}</title>\n<style>{style}</style>\n</head>\n<body>\n"
            f"<header><h1>{before} &rarr; {after}</h1><p>{self._counts.total()} end faces, before and after</p>"
            f'<p class="small">{escape(f"{PROGRAM} {VERSION}")}</p></header>\n<main>\n{self._summary()}{_key()}'
        )
        for outcome in OUTCOMES:
            if self._articles[outcome]:
                yield f"<h2>{OUTCOME_TITLES[outcome]}: {len(self._articles[outcome])}</h2>\n"
                yield from self._articles[outcome]
        yield "</main>\n</body>\n</html>\n"

    def _summary(self) -> str:
        rows = "".join(
            f'<tr><td>{OUTCOME_TITLES[outcome]}</td><td class="n">{self._counts[outcome]}</td></tr>'
            for outcome in OUTCOMES
        )
        return f"<table>{rows}</table>\n"

    def _article(self, pair: Pair) -> str:
        figures = [self._figure(pair, pair.before, "before"), self._figure(pair, pair.after, "after")]
        counted = pair.counted
        told = "" if counted is None else ", ".join(f"{n} {_FATES[fate]}" for fate, n in counted.items() if n)
        turn = pair.change.turn.angle_deg
        turned = "" if turn is None else f"<p>{told or 'No mark'}; turned back by {turn:.1f} degrees.</p>"
        remark = f'<p class="remark">{escape(_sentence(pair.remarks))}</p>' if pair.remarks else ""
        return (
            f"<article><h3>{escape(pair.name)}</h3>{turned}{remark}{_table(pair)}"
            f'<div class="shots">{"".join(figures)}</div></article>\n'
        )

    def _figure(self, pair: Pair, shot: Shot | None, when: str) -> str:
        if shot is None:
            return f'<figure><p class="none">No picture {when}.</p></figure>'
        face = _face(pair, shot, when) if self._left > 0 else ""
        self._left -= len(face)
        missing = "The picture is not found." if self._left > 0 else "The page has no room for more pictures."
        drawn = face or f'<p class="none">{missing}</p>'
        return f"<figure>{drawn}<figcaption>{when}: {escape(shot.inspection.image.file)}</figcaption></figure>"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _key() -> str:
    entries = (
        f'<span><svg viewBox="0 0 28 12"><path class="mark {fate}" d="M2 6H26"/></svg>{title}</span>'
        for fate, title in _FATES.items()
    )
    return f'<p class="key">{"".join(entries)}</p>\n'


def _table(pair: Pair) -> str:
    """Verdict, marks of each zone, the largest one; before and after."""
    shots = [shot.inspection if shot else None for shot in (pair.before, pair.after)]
    rows = [("Verdict", [_status(i) for i in shots])]
    rows += [
        (f"{zone.capitalize()} marks", ["" if i is None else _count(marks_in(i, zone)) for i in shots])
        for zone in ZONE_NAMES.values()
    ]
    rows.append(("Largest mark", ["" if i is None else escape(largest_in_words(i)) for i in shots]))
    rows.append(("Why", ["" if i is None else escape("; ".join(texts(i.verdict.reasons))) for i in shots]))
    lines = "".join(f"<tr><th>{label}</th><td>{was}</td><td>{now}</td></tr>" for label, (was, now) in rows)
    return f"<table><tr><th></th><th>before</th><th>after</th></tr>{lines}</table>"


def _status(inspection: Inspection | None) -> str:
    if inspection is None:
        return ""
    status = inspection.verdict.status
    marginal = " MARGINAL" if inspection.verdict.marginal else ""
    return f'<span class="status {status}">{status.replace("_", " ")}</span>{marginal}'


def _count(number: int | None) -> str:
    return "not inspected" if number is None else str(number)


# --- the face


def _face(pair: Pair, shot: Shot, when: str) -> str:
    """The shot as SVG, marks coloured by their fate; empty where its picture is not found."""
    inspection = shot.inspection
    picture = clean_picture(str(shot.result).removesuffix(RESULT), inspection.image, lane=inspection.lane)
    if picture is None or inspection.geometry is None:
        return ""
    cladding = inspection.geometry.cladding.ellipse
    border = outermost_inspected(inspection) or cladding
    part = part_around(border, picture.shape)
    if part is None:
        return ""
    left, top, right, bottom = part
    source = _source(picture[top:bottom, left:right])
    turn = pair.change.turn.angle_deg or 0.0
    matrix = _to_drawing(cladding, -turn if when == "after" else 0.0)
    reach = _RADIUS * border.mean_diameter_px / cladding.mean_diameter_px
    box = f"{-reach:.1f} {-reach:.1f} {2 * reach:.1f} {2 * reach:.1f}"
    transform = " ".join(f"{value:.6g}" for value in _svg_matrix(matrix))
    # Pixel centres are at integers: the picture begins half a pixel before its first.
    return (
        f'<svg class="face" viewBox="{box}" role="img" aria-label="{when}">'
        f'<image transform="matrix({transform})" x="{left - 0.5}" y="{top - 0.5}" width="{right - left}" '
        f'height="{bottom - top}" preserveAspectRatio="none" href="{source}"/>'
        f'<circle class="border" r="{_RADIUS}"/>{_marks(pair, shot, when, matrix)}</svg>'
    )


def _source(cut: Picture) -> str:
    share = _FACE_PX / max(cut.shape[:2])
    if share < 1:
        cut = np.asarray(cv2.resize(cut, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, data = cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode('ascii')}"


def _to_drawing(cladding: Ellipse, turn_deg: float) -> tuple[Points, Points]:
    """What brings pixels into the drawing: `(points - center) @ matrix`."""
    center, matrix = to_circle(cladding)
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return center, _RADIUS * matrix @ np.array([[c, s], [-s, c]])


def _svg_matrix(drawing: tuple[Points, Points]) -> Sequence[float]:
    center, matrix = drawing
    return (*matrix[0], *matrix[1], *(-center @ matrix))


def _marks(pair: Pair, shot: Shot, when: str, drawing: tuple[Points, Points]) -> str:
    """Outlines in the coordinates of the drawing, and the names of those that the other shot has not."""
    fates = pair.change.before if when == "before" else pair.change.after
    marks = shot.inspection.defects
    known: list[str] = [mark.fate for mark in fates] or ["untold"] * len(marks)
    center, matrix = drawing
    drawn, names = list[str](), list[tuple[float, str]]()
    for mark, fate in zip(marks, known, strict=True):
        outline = (mark.contour_px - center) @ matrix
        (x, y), radius = cv2.minEnclosingCircle(outline.astype(np.float32))
        title = (
            f"<title>{escape(mark.id)} {escape(mark.classification)}, {_FATES[fate] if fates else 'not told'}</title>"
        )
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in outline)
        shape = (
            f'<polygon class="mark {fate}" points="{path}">{title}</polygon>'
            if radius >= _LEAST_RING
            else f'<circle class="mark {fate}" cx="{x:.1f}" cy="{y:.1f}" r="{_LEAST_RING}">{title}</circle>'
        )
        drawn.append(shape)
        if fate in ("removed", "new"):
            place = f'x="{x + radius + 3:.1f}" y="{y + 2.5:.1f}"'
            names.append((-mark.diameter_px, f"<text {place}>{escape(mark.id)}</text>"))
    return "".join(drawn) + "".join(text for _, text in sorted(names)[:_MOST_LETTERED])
