"""LAYOUT_card.html: what a layout holds, what it was learned from and how far it may be trusted, on one page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from dscope_blink.records import Layout, LayoutPlace
from dscope_blink.reporting.gate_page import page_head

CANNOT = (
    "Whether a good sheet is good: it learns what it is shown, and only what is unlike the rest is left out.",
    "Which way round a sheet lies that looks the same turned or mirrored, as far as its markers go.",
    "Anything between the markers: text, answers, pictures.",
    "How often a faulty sheet passes: that takes faulty sheets. Without one that passes, 299 bound the rate at 1 %.",
)
RANGES = ("confidence", "area_share", "size_ratio", "median_gray", "gray_apart", "dark_ratio", "ink_ratio")
STYLE_LETTERS_PX = 7  # of the style sheet, for drawings of another size
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


def layout_page(file: str, layout: Layout) -> bytes:
    """The page.

    Parameters
    ----------
    file : name of the file of the layout
    layout : it
    """
    parts = (
        page_head(f"Layout {layout.name}", f"{len(layout.places)} places, learned from good sheets"),
        *(f'<p class="remark">{escape(text)}</p>\n' for text in _remarks(layout)),
        _table(_facts(file, layout)),
        f"<h2>Places</h2>\n{_drawn(layout)}",
        "<h2>What good markers have</h2>\n",
        _table(_ranges(layout)),
        f"<h2>Pictures: {len(layout.sources)}</h2>\n",
        _table((one.file, one.use, one.why, one.sha256[:16]) for one in layout.sources),
        "<h2>What it cannot say</h2>\n<ul>",
        *(f"<li>{escape(text)}</li>" for text in CANNOT),
        "</ul>\n</main>\n</body>\n</html>\n",
    )
    return "".join(parts).encode("utf-8", "replace")


def _remarks(layout: Layout) -> Iterator[str]:
    stated = layout.stated
    if stated.learned_from < stated.needed:
        yield (
            f"Learned from {stated.learned_from} sheets: {stated.needed} are needed to be {stated.confidence:.0%} sure "
            f"that at most {stated.risk:.1%} of good ones lie beyond what was seen; these bound it to "
            f"{stated.rate_at_most:.1%}."
        )
    if stated.checked_ng:
        yield f"{stated.checked_ng} of {stated.checked_on} good sheets that were held back are NG; see below."


def _facts(file: str, layout: Layout) -> Iterator[tuple[str, ...]]:
    stated, turn = layout.stated, layout.orientation_deg
    yield "file", f"{file}, sha256 {layout.sha256}"
    yield "made", f"{layout.made}, {layout.program}, finder {layout.finder}"
    yield "reference picture", f"{layout.width_px} x {layout.height_px} px"
    for kind in layout.kinds:
        yield f"{kind} markers", str(layout.count_of(kind))
    yield "learned from", f"{stated.learned_from} sheets"
    yield "good sheets beyond what was seen", f"at most {stated.rate_at_most:.2%} ({stated.confidence:.0%} sure)"
    yield "held back", f"{stated.checked_on} sheets, of which {stated.checked_ng} are NG"
    yield "good sheets that are NG", f"at most {stated.false_ng_at_most:.2%} ({stated.confidence:.0%} sure)"
    yield "tolerance of a place", f"{layout.tolerance_px:.2f} px; good markers {layout.noise_px:.2f} px along one axis"
    yield "surely caught", f"a marker that is moved by {stated.surely_caught_px:.2f} px"
    yield "median distance of two", f"{layout.spread.low:.4f} to {layout.spread.high:.4f} of the diagonal"
    axis = "none that is clearly the longest" if turn is None else f"{turn.low:.2f} to {turn.high:.2f} deg"
    yield "longest axis of the big ones", axis
    yield "level of ink", f"{layout.ink_level:.3f} of the grey of the paper"


def _ranges(layout: Layout) -> Iterator[tuple[str, ...]]:
    yield "", *layout.kinds
    for name in RANGES:
        held = [getattr(layout.ranges_of(kind), name) for kind in layout.kinds]
        yield name, *(f"{one.low:.4g} to {one.high:.4g}" for one in held)


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>\n"


def _drawn(layout: Layout) -> str:
    """The places at their size, by their names, in the frame of the reference picture."""
    size = layout.height_px / 80
    return (
        f'<svg viewBox="0 0 {layout.width_px} {layout.height_px}" width="640" role="img" aria-label="places">'
        f'<rect width="{layout.width_px}" height="{layout.height_px}" fill="#f3f3f1" stroke="#bbb" stroke-width="3"/>'
        f"{''.join(_place(place, layout, size) for place in layout.places)}</svg>\n"
    )


def _place(place: LayoutPlace, layout: Layout, size: float) -> str:
    colour = COLOURS[layout.kinds.index(place.kind) % len(COLOURS)]
    left, top = place.x_px - place.width_px / 2, place.y_px - place.height_px / 2
    box = f'<rect x="{left:.1f}" y="{top:.1f}" width="{place.width_px:.1f}" height="{place.height_px:.1f}"'
    at = f"translate({place.x_px:.1f} {top - size / 4:.1f}) scale({size / STYLE_LETTERS_PX:.2f})"
    return f'{box} fill="{colour}"/><text transform="{at}" text-anchor="middle">{escape(place.id)}</text>'
