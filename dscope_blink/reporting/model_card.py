"""MODEL_card.html: what a reference model holds and where it comes from, on one page without script or network.

What a model says is escaped; the policy of the page lets nothing run.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from dscope_blink.models.family import GATES, Family, NoFamily
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import PROGRAM, VERSION, FloatImage
from dscope_blink.reporting.page_safety import policy_hash

STYLE = Path(__file__).resolve().parent / "templates" / "comparison.css"  # plain enough for any page without script
WIDTH, HEIGHT, PAD = 640, 240, 40  # of the drawn profile
CANNOT = (
    "Whether a departure matters: the acceptance criteria say that.",
    "Anything of faces of another kind, another microscope or other light.",
    "What lies beyond the frame, a little inside of the contact zone.",
    "That a face is clean where the model's own faces vary much: their spread hides it.",
)
# As `image_processing.departures` looks at them.
RINGS = (
    *("whole rings, fine", "whole rings, coarse"),
    *("rings beside levels and edges, fine", "rings beside levels and edges, coarse", "a core that lies off"),
)


def model_page(name: str, model: ReferenceModel, notes: Sequence[str]) -> bytes:
    """The page.

    Parameters
    ----------
    name : of the file of the model
    model : it
    notes : what is to be known before it is used, as that it has expired
    """
    style = STYLE.read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{policy_hash(style)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    parts = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(name)}</h1><p>What good faces look like</p>"
        f'<p class="small">{escape(f"{PROGRAM} {VERSION}")}</p></header>\n<main>\n',
        *(f'<p class="remark">{escape(note)}</p>\n' for note in notes),
        _table((escape(title), escape(value)) for title, value in _facts(model)),
        _pictures(model),
        f"<h2>Light around the fiber</h2>\n{_profile(model)}",
        "<h2>Limits</h2>\n<p>How many times its spread a place or a ring may depart.</p>\n",
        _table(_limits(model)),
        _family(model),
        f"<h2>Faces: {len(model.used)} used of {len(model.card.faces)}</h2>\n",
        _faces(model),
        "<h2>What it cannot say</h2>\n<ul>",
        *(f"<li>{escape(text)}</li>" for text in CANNOT),
        "</ul>\n</main>\n</body>\n</html>\n",
    )
    return "".join(parts).encode("utf-8", "replace")


def _facts(model: ReferenceModel) -> Iterator[tuple[str, str]]:
    card = model.card
    yield "made", card.made
    if card.updated is not None:
        yield "faces added", card.updated
    yield "expires", card.expires or "never"
    yield "microscope", card.microscope or "nobody says"
    yield (
        "cladding",
        f"{card.cladding_px:.1f} px" + ("" if card.cladding_um is None else f", {card.cladding_um:.1f} um"),
    )
    yield "scale", "none" if card.um_per_px is None else f"{card.um_per_px:.4f} um/px"
    yield "core over cladding", "no core was seen" if card.core_ratio is None else f"{card.core_ratio:.4f}"
    yield "blur of the cladding edge", f"{card.blur_px:.2f} px of the frame"
    yield "frame", f"cladding radius {model.radius_px} px"
    yield "good faces called anomalous", f"{card.rate:.1%} meant, at most {card.rate_at_most:.1%} by its faces (95 %)"
    yield "keeps its faces", f"yes, {len(model.faces)}: others can be added" if len(model.faces) else "no"
    yield "program", card.program
    yield "configuration", f"sha256 {card.config_sha256}"
    yield "file", f"sha256 {model.sha256}"
    if card.note:
        yield "note", card.note


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    """Of cells that are escaped."""
    return f"<table>{''.join(f'<tr>{_cells(row)}</tr>' for row in rows)}</table>\n"


def _cells(row: tuple[str, ...]) -> str:
    return "".join(f"<td>{cell}</td>" for cell in row)


def _limits(model: ReferenceModel) -> Iterator[tuple[str, ...]]:
    places = (*(f"places, Gaussian of {sigma:g} px" for sigma in model.scales_px), "places along lines")
    for name, limit in zip((*places, *RINGS), (*model.limits, *model.ring_limits), strict=True):
        yield name, f"{limit:.2f}"


def _family(model: ReferenceModel) -> str:
    """What a face as a whole must have to be of the family."""
    family = model.family
    if isinstance(family, NoFamily):
        return f"<h2>Faces as a whole</h2>\n<p>Not compared: {escape(family.reason)}.</p>\n"
    gates = ((gate, family.at(gate.name)) for gate in GATES)
    head = "<tr><th>feature</th><th>of another</th><th>median</th><th>spread</th><th>what it is</th></tr>"
    rows = "".join(
        f"<tr>{_cells((escape(gate.name), escape(gate.other), *_middle(family, at), escape(gate.says)))}</tr>"
        for gate, at in gates
    )
    said = (
        f"{len(family.names)} features, in {len(set(family.groups))} groups; limit of the distance "
        f"{family.limits[0]:.2f}, of the gates {family.limits[1]:.2f} spreads."
    )
    return f"<h2>Faces as a whole</h2>\n<p>{said}</p>\n<table>{head}{rows}</table>\n"


def _middle(family: Family, at: int) -> tuple[str, str]:
    if not np.isfinite(family.location[at]):
        return "not seen", ""
    return f"{family.location[at]:.4g}", f"{family.spread[at]:.2g}"


def _faces(model: ReferenceModel) -> str:
    head = "<tr><th>picture</th><th>used</th><th>score by the others</th><th>why not</th><th>sha256</th></tr>"
    rows = (
        (
            escape(face.file),
            "yes" if face.used else "no",
            "" if face.left_out_score is None else f"{face.left_out_score:.2f}",
            escape(face.why_not),
            escape(face.sha256[:16]),
        )
        for face in model.card.faces
    )
    return f"<table>{head}{''.join(f'<tr>{_cells(row)}</tr>' for row in rows)}</table>\n"


# --- pictures


def _pictures(model: ReferenceModel) -> str:
    side = len(model.archetype)
    along = np.arange(side) - side // 2
    rings = np.rint(np.hypot(along, along[:, None])).astype(int)
    spread = model.spread[0][np.minimum(rings, model.spread.shape[1] - 1)]
    seen = np.isfinite(model.archetype)
    figures = (
        (_png(model.archetype, seen, None), "archetype: the median of its faces at each place"),
        (_png(spread, seen, cv2.COLORMAP_VIRIDIS), f"spread, bright where faces vary: up to {spread[seen].max():.3f}"),
    )
    drawn = (
        f'<figure><img alt="" src="data:image/png;base64,{data}"><figcaption>{escape(said)}</figcaption></figure>'
        for data, said in figures
    )
    return f'<div class="shots">{"".join(drawn)}</div>\n'


def _png(values: FloatImage, seen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], colours: int | None) -> str:
    low, high = (float(v) for v in np.percentile(values[seen], (0.5, 99.5))) if seen.any() else (0.0, 1.0)
    levels = np.clip((np.where(seen, values, low) - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    shown = cv2.cvtColor(levels, cv2.COLOR_GRAY2BGR) if colours is None else cv2.applyColorMap(levels, colours)
    shown[~seen] = 255
    _, data = cv2.imencode(".png", shown)
    return base64.b64encode(data.tobytes()).decode("ascii")


def _profile(model: ReferenceModel) -> str:
    """The light of the rings along one row and column of the archetype, and what a place may depart, as a drawing."""
    side = len(model.archetype)
    half = side // 2
    arms = [model.archetype[half, half:], model.archetype[half, half::-1], model.archetype[half:, half]]
    arms.append(model.archetype[half::-1, half])
    columns = (column[np.isfinite(column)] for column in np.stack(arms, axis=1))
    light = np.array([np.median(column) if column.size else np.nan for column in columns])
    seen = np.isfinite(light)
    if not seen.any():
        return ""
    radii, light = np.flatnonzero(seen), light[seen]
    limit = (model.spread[0] * model.limits[0])[radii]
    low, high = float((light - limit).min()), float((light + limit).max())

    def path(values: FloatImage) -> list[str]:
        x = PAD + radii / radii.max() * (WIDTH - 2 * PAD)
        y = HEIGHT - PAD - (values - low) / max(high - low, 1e-6) * (HEIGHT - 2 * PAD)
        return [f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)]

    band = " ".join([*path(light - limit), *reversed(path(light + limit))])
    reach = radii.max() / model.radius_px
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="light over the distance from the '
        f'centre"><polygon points="{band}" fill="#d9d9d9"/><polyline points="{" ".join(path(light))}" fill="none" '
        f'stroke="#0072b2" stroke-width="1.5"/></svg>\n<p class="small">From the centre to {reach:.2f} radii of the '
        f"cladding; light {low:.2f} to {high:.2f} of the median. Grey: what one place may depart.</p>\n"
    )
