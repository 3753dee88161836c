"""gates.html: a run of sheets on one page without script or network; NG first.

Names are escaped; the policy of the page lets nothing run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from dscope_blink.records import PROGRAM, VERSION, SheetStatus
from dscope_blink.reporting.page_safety import policy_hash

STYLE = Path(__file__).resolve().parent / "templates" / "comparison.css"  # plain enough for any page without script
CLASSES = {"OK": "PASS", "NG": "FAIL"}  # of the style sheet
MOST_SHOWN = 200  # pictures on the page; the table has them all
MOST_REASONS = 6


@dataclass(frozen=True, slots=True)
class PageRow:
    """What the page says of one picture; links are relative to it."""

    file: str
    status: SheetStatus
    layout: str  # empty: it fits none
    reasons: tuple[str, ...]
    drawn: str  # empty: there is no picture of it
    record: str


def gates_page(rows: Sequence[PageRow], layouts: Sequence[str]) -> bytes:
    """The page.

    Parameters
    ----------
    rows : of all pictures
    layouts : that they were held against
    """
    wrong = [row for row in rows if row.status == "NG"]
    counts = f"{len(rows)} pictures: {len(rows) - len(wrong)} OK, {len(wrong)} NG"
    parts = (
        page_head("Printed sheets", counts),
        f'<p class="small">Layouts: {escape(", ".join(layouts))}</p>\n',
        *_section("NG", wrong),
        *_section("OK", [row for row in rows if row.status == "OK"]),
        "</main>\n</body>\n</html>\n",
    )
    return "".join(parts).encode("utf-8", "replace")


def page_head(title: str, said: str) -> str:
    """The beginning of a page up to its first paragraph.

    Parameters
    ----------
    title, said : plain text
    """
    style = STYLE.read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; img-src 'self' data: file:; style-src 'sha256-{policy_hash(style)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(title)}</h1><p>{escape(said)}</p>"
        f'<p class="small">{escape(f"{PROGRAM} {VERSION}")}</p></header>\n<main>\n'
    )


def _section(title: str, rows: Sequence[PageRow]) -> Iterable[str]:
    if not rows:
        return
    yield f"<h2>{title}: {len(rows)}</h2>\n<table>\n"
    yield "<tr><th>status</th><th>picture</th><th>layout</th><th>why</th><th>files</th></tr>\n"
    for row in rows[:MOST_SHOWN]:
        yield _row(row)
    yield "</table>\n"
    if len(rows) > MOST_SHOWN:
        yield f"<p>and {len(rows) - MOST_SHOWN} more, in the table</p>\n"


def _row(row: PageRow) -> str:
    more = len(row.reasons) - MOST_REASONS
    why = [*row.reasons[:MOST_REASONS], *([f"and {more} more"] if more > 0 else [])]
    links = [(name, target) for name, target in (("drawn", row.drawn), ("record", row.record)) if target]
    cells = (
        f'<span class="status {CLASSES[row.status]}">{row.status}</span>',
        escape(row.file),
        escape(row.layout or "none"),
        "<br>".join(map(escape, why)),
        " ".join(f'<a href="{quote(target)}">{name}</a>' for name, target in links),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"
