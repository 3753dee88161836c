"""Records -> PDF certificates of one picture and of a batch; the only home of reportlab. Judges nothing.

The letters are DejaVu Sans, which comes with matplotlib; what it lacks is written as [U+56F3], so that two names stay
apart. Imported when it is used: most runs make no certificate.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

from dscope_blink.files.whole_files import write_file
from dscope_blink.records import PROGRAM, Inspection, texts
from dscope_blink.reporting import wording
from dscope_blink.reporting.as_shipped import reportlab_as_shipped
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.certificate_picture import HEIGHT_MM, PagePicture
from dscope_blink.reporting.connector_verdicts import ConnectorVerdicts
from dscope_blink.reporting.fonts import font_file
from dscope_blink.reporting.look import STATUS_COLOURS
from dscope_blink.reporting.wording import Facts, TextTable

with reportlab_as_shipped():
    from reportlab import rl_config
    from reportlab.lib.colors import HexColor, white
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import (
        CondPageBreak,
        Flowable,
        Image,
        KeepTogether,
        PageBreak,
        Paragraph,
        SimpleDocTemplate,
        Spacer,
        Table,
    )

Story: TypeAlias = list[Flowable]

rl_config.useA85 = False  # pictures as letters took 60 of 100 ms and a quarter more bytes

_MARGIN = 15 * mm
_LEFT = _MARGIN + 6  # where the lines begin: the frame of a page has a border of 6 points
_WIDTH = A4[0] - 2 * _LEFT
_GRID, _PALE, _BROKEN, _WARNING = (HexColor(c) for c in ("#B8B8B8", "#EEEEEE", "#FBE3D6", "#8A5A00"))
_LAST_LETTER = 0xFFFF  # reportlab's table of letters for those who copy text ends there
_ROWS_AT_ONCE = 200  # a table is laid out as a whole: in pieces the time grows with the rows, not with their square
_ROWS_TOGETHER = 12  # tables of no more rows are not parted by the end of a page
_NAME_LETTERS = 70  # of a file name in the foot of a page
_PASSED_OVER = 20  # records that are named one by one


def certificate(inspection: Inspection, picture: PagePicture | None) -> bytes:
    """The certificate of one picture.

    Parameters
    ----------
    inspection : its verdict is repeated, not found anew
    picture : of the face, as `page_picture` gives it; None when there is none

    Returns
    -------
    A PDF file; the same bytes for the same record and picture
    """
    story = [
        *_head("Inspection certificate", inspection.title),
        _stamp(wording.status_of(inspection), inspection.verdict.status, wording.reasons_of(inspection)),
        *_alarms(_alarms_of(inspection)),
        *_picture(picture),
        *_section("From the manifest", _facts(wording.carried_facts(inspection))),
        *_section("Criteria", _facts(wording.criteria_facts(inspection))),
        *_section("Scale and calibration", _facts(wording.scale_facts(inspection))),
        *_table_section("Fiber", wording.dimension_table(inspection), (0.4, 0.2, 0.4), "The fiber was not located."),
        *_table_section(
            "Zones", wording.zone_table(inspection), (0.12, 0.15, 0.11, 0.1, 0.21, 0.31), "No zone was inspected."
        ),
        *_table_section("Limits", wording.limit_table(inspection), _LIMIT_WIDTHS, "No limit was held."),
        *_table_section("Marks", wording.mark_table(inspection), _MARK_WIDTHS, _no_marks(inspection)),
        *_section("Picture quality", _facts(wording.quality_facts(inspection) + wording.warning_facts(inspection))),
        *_section("Provenance", _facts(wording.provenance_facts(inspection))),
        _signature("The verdict is that of the record"),
    ]
    name, started = inspection.title, inspection.provenance.started
    return _pdf(story, name, started, f"{name}: {wording.status_of(inspection)}")


def write_certificate(path: Path, inspection: Inspection, picture: PagePicture | None) -> None:
    """NAME_certificate.pdf; UserError if it cannot be written.

    Parameters
    ----------
    path : the file
    inspection, picture : as `certificate` takes them
    """
    write_file(path, certificate(inspection, picture))


_LIMIT_WIDTHS = (0.13, 0.33, 0.1, 0.11, 0.11, 0.11, 0.11)
_MARK_WIDTHS = (0.08, 0.12, 0.16, 0.12, 0.18, 0.22, 0.12)


def _alarms_of(inspection: Inspection) -> list[str]:
    doubts = [f"MARGINAL: {doubt}" for doubt in inspection.verdict.doubts]
    return [text for text in (wording.unconfirmed(inspection), *doubts) if text]


def _no_marks(inspection: Inspection) -> str:
    return "No mark was found." if inspection.zones else "Marks were not sought."


# --- the batch --------------------------------------------------------------------------------------------------------


class BatchCertificate:
    """The certificate of a batch: records are added one by one, and of each only its line is kept."""

    def __init__(self) -> None:
        self._totals = Totals()
        self._rows: list[tuple[str, ...]] = []

    def add(self, inspection: Inspection) -> None:
        """Add one inspection."""
        self._totals.add(inspection)
        reasons, marginal = texts(inspection.verdict.reasons), inspection.verdict.marginal
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        why = "; ".join(["MARGINAL"] * marginal + [f"{reason}{more}" for reason in reasons[:1]])
        place, status = str(len(self._rows) + 1), wording.status_of(inspection)
        self._rows.append((place, inspection.title, status, why, inspection.image.sha256 or "not read"))

    def pdf(self, name: str, passed_over: Sequence[str], connectors: ConnectorVerdicts | None = None) -> bytes:
        """The PDF file.

        Parameters
        ----------
        name : of the batch
        passed_over : records that are missing in it, each with the reason
        connectors : of its lanes; None: it has none
        """
        totals = self._totals
        last = max((run.last for run in totals.runs.values()), default="")
        failed = frozenset(n for n, row in enumerate(self._rows) if row[2] == "FAIL")
        images = TextTable(_IMAGE_HEADER, tuple(self._rows), failed)
        story = [
            *_head("Inspection certificate of a batch", name),
            *_alarms(_batch_alarms(totals, passed_over)),
            *_section("Totals", _facts(_total_facts(totals))),
            *_connectors(connectors),
            *_table_section("Why not passed", _reason_table(totals), (0.2, 0.8), "Every picture passed."),
            *_table_section("Criteria", _criteria_table(totals), (0.1, 0.42, 0.28, 0.2), "No record could be read."),
            *_section("Settings", _facts(_run_facts(totals))),
            _signature("The verdicts are those of the records"),
            PageBreak(),
            *_table_section("Pictures", images, _IMAGE_WIDTHS, "None."),
        ]
        return _pdf(story, name, last, f"{name}: {totals.images} pictures")


_IMAGE_HEADER = ("No.", "Picture", "Verdict", "Why", "Picture sha256")
_IMAGE_WIDTHS = (0.06, 0.25, 0.13, 0.31, 0.25)


def _batch_alarms(totals: Totals, passed_over: Sequence[str]) -> list[str]:
    named = [f"MISSING here: {text}" for text in passed_over[:_PASSED_OVER]]
    if len(passed_over) > _PASSED_OVER:
        named.append(f"MISSING here: {len(passed_over) - _PASSED_OVER} more records")
    return [f"{wording.NOT_CONFIRMED}: {limits.title}" for limits in totals.unconfirmed] + named


def _connectors(connectors: ConnectorVerdicts | None) -> Story:
    """The verdict of each connector; nothing where the batch has none."""
    if connectors is None:
        return []
    lines = connectors.lines()
    rows = tuple(
        (one.name, one.status.replace("_", " "), one.passed, one.failed, one.not_graded, one.why) for one in lines
    )
    failed = frozenset(n for n, one in enumerate(lines) if one.status == "FAIL")
    if not rows and not connectors.note:
        return []
    return _table_section("Connectors", TextTable(_CONNECTOR_HEADER, rows, failed), _CONNECTOR_WIDTHS, connectors.note)


_CONNECTOR_HEADER = ("Connector", "Verdict", "Lanes passed", "Lanes failed", "Lanes not graded", "Why")
_CONNECTOR_WIDTHS = (0.22, 0.13, 0.1, 0.12, 0.12, 0.31)


def _total_facts(totals: Totals) -> Facts:
    counts = totals.statuses
    share = "" if totals.yield_pct is None else f"{totals.yield_pct:.1f} %: "
    words = ", ".join(f"{counts[status]} {status.replace('_', ' ')}" for status in ("PASS", "FAIL", "NOT_GRADED"))
    return (
        ("Pictures", str(totals.images)),
        ("Verdicts", f"{words}; {totals.marginal} of them MARGINAL"),
        ("Yield", f"{share}{totals.yield_text}"),
    )


def _reason_table(totals: Totals) -> TextTable:
    return TextTable(("Pictures", "Reason"), tuple((str(n), reason) for (_, reason), n in totals.reasons.most_common()))


def _criteria_table(totals: Totals) -> TextTable:
    """The limits that were judged by; those that are not confirmed stand out."""
    rows = tuple(
        (str(number), criteria.title, f"{criteria.edition}, {criteria.fiber_class}", _confirmed(criteria.confirmed))
        for criteria, number in totals.criteria.most_common()
    )
    doubtful = frozenset(n for n, row in enumerate(rows) if row[3] != _confirmed(True))
    return TextTable(("Pictures", "Limits", "Edition, class", "Confirmed"), rows, doubtful)


def _confirmed(is_so: bool) -> str:
    return "yes" if is_so else "NOT CONFIRMED"


def _run_facts(totals: Totals) -> Facts:
    sources = ", ".join(f"{source.replace('_', ' ')} ({n})" for source, n in totals.scale_sources.most_common())
    facts = [("Scale from", sources)]
    for made, run in totals.runs.items():
        facts += [
            ("Program", f"{made.program}, profile {made.profile}: {run.images} pictures"),
            ("Inspected", run.first if run.first == run.last else f"{run.first} to {run.last}"),
            ("Configuration sha256", made.inputs.get("config", "none")),
            ("Calibration sha256", made.inputs.get("calibration") or "no calibration was given"),
            ("Flat field sha256", made.inputs.get("flat_field") or "none was used"),
            *wording.engine_facts(made),
        ]
    return tuple(facts)


# --- parts of a page --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    """Registers the fonts and returns the letters that both have."""
    fonts = [TTFont("Text", font_file(bold=False)), TTFont("Bold", font_file(bold=True))]
    for font in fonts:
        pdfmetrics.registerFont(font)
    return frozenset.intersection(*(frozenset(font.face.charToGlyph) for font in fonts))


def _shown(text: str) -> str:
    """The text with what cannot be printed written out."""
    letters = _letters()
    return "".join(c if c.isprintable() and ord(c) in letters and ord(c) <= _LAST_LETTER else _named(c) for c in text)


def _named(letter: str) -> str:
    return f"[U+{ord(letter):04X}]"


@lru_cache(maxsize=32)
def _style(size: float, font: str = "Text", colour: Any = None) -> ParagraphStyle:
    _letters()
    name = f"{font} {size}"
    return ParagraphStyle(
        name, fontName=font, fontSize=size, leading=1.25 * size, textColor=colour or HexColor("#000000")
    )


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(_shown(text)), style)


def _head(title: str, name: str) -> Story:
    return [_text(f"{PROGRAM} - {title}", _style(9)), _text(name, _style(13, "Bold")), Spacer(0, 2 * mm)]


def _stamp(word: str, status: str, reasons: Iterable[str]) -> Flowable:
    """The verdict, large, and the reasons beside it."""
    big = ParagraphStyle("stamp", _style(26, "Bold", white), alignment=1, leading=30)
    lines = [_text(reason, _style(8.5)) for reason in reasons]
    stamp = Table([[_text(word, big), lines]], colWidths=(0.34 * _WIDTH, 0.66 * _WIDTH), hAlign="LEFT", splitInRow=1)
    colour = HexColor(STATUS_COLOURS[status])
    stamp.setStyle([("BACKGROUND", (0, 0), (0, 0), colour), ("BOX", (0, 0), (-1, -1), 1.5, colour), _MIDDLE])
    return stamp


_MIDDLE = ("VALIGN", (0, 0), (-1, -1), "MIDDLE")


def _alarms(texts: Iterable[str]) -> Story:
    """What nobody may overlook."""
    story: Story = []
    for text in texts:
        bar = Table([[_text(text, _style(9, "Bold", white))]], colWidths=(_WIDTH,), hAlign="LEFT", splitInRow=1)
        bar.setStyle([("BACKGROUND", (0, 0), (-1, -1), _WARNING)])
        story += [Spacer(0, 1 * mm), bar]
    return story


def _picture(picture: PagePicture | None) -> Story:
    """The picture as wide or high as there is room."""
    if picture is None:
        return [Spacer(0, 2 * mm), _text("There is no picture.", _style(9))]
    width, height = ImageReader(io.BytesIO(picture.data)).getSize()
    factor = min(_WIDTH / width, HEIGHT_MM * mm / height)
    caption = [_text(picture.caption, _style(7.5))] if picture.caption else []
    return [Spacer(0, 2 * mm), Image(io.BytesIO(picture.data), factor * width, factor * height), *caption]


def _section(title: str, content: Story) -> Story:
    """A heading that is never the last line of its page; nothing where there is no content."""
    return [CondPageBreak(20 * mm), Spacer(0, 3 * mm), _text(title, _style(10, "Bold")), *content] if content else []


def _facts(facts: Facts) -> Story:
    if not facts:
        return []
    rows = [[_text(label, _style(8)), _text(text, _style(8))] for label, text in facts]
    table = Table(rows, colWidths=(0.24 * _WIDTH, 0.76 * _WIDTH), hAlign="LEFT", splitInRow=1)
    table.setStyle([*_TIGHT, ("LINEBELOW", (0, 0), (-1, -1), 0.25, _GRID)])
    return [table]


_TIGHT = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("TOPPADDING", (0, 0), (-1, -1), 1.2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.8),
    ("LEFTPADDING", (0, 0), (-1, -1), 2),
    ("RIGHTPADDING", (0, 0), (-1, -1), 2),
]


def _table_section(title: str, table: TextTable, widths: Sequence[float], otherwise: str) -> Story:
    if not table.rows:
        return _section(title, [_text(otherwise, _style(8))])
    pieces = [_piece(table, start, widths) for start in range(0, len(table.rows), _ROWS_AT_ONCE)]
    section = _section(title, pieces)
    return [KeepTogether(section)] if len(table.rows) <= _ROWS_TOGETHER else section


def _piece(table: TextTable, start: int, widths: Sequence[float]) -> Flowable:
    """Some rows of a table, those that break a limit in bold on a ground of their own."""
    rows = table.rows[start : start + _ROWS_AT_ONCE]
    broken = [n + 1 for n in range(len(rows)) if start + n in table.broken]
    cells = [[_text(text, _style(7, "Bold")) for text in table.header]]
    for n, row in enumerate(rows, 1):
        cells.append(
            [_text(text, _cell_style(name, n in broken)) for name, text in zip(table.header, row, strict=True)]
        )
    grounds = [("BACKGROUND", (0, n), (-1, n), _BROKEN) for n in broken]
    piece = Table(cells, colWidths=[share * _WIDTH for share in widths], repeatRows=1, hAlign="LEFT", splitInRow=1)
    head = ("BACKGROUND", (0, 0), (-1, 0), _PALE)
    piece.setStyle([*_TIGHT, head, ("LINEBELOW", (0, 0), (-1, -1), 0.25, _GRID), *grounds])
    return piece


def _cell_style(name: str, broken: bool) -> ParagraphStyle:
    """A hash in letters so small that two lines hold it."""
    return _style(5.5 if name.endswith("sha256") else 7, "Bold" if broken and not name.endswith("sha256") else "Text")


def _signature(says: str) -> Flowable:
    """Where somebody signs; never parted by the end of a page."""
    labels = ("Name", "Signature", "Date")
    widths = [0.36 * _WIDTH, 0.4 * _WIDTH, 0.24 * _WIDTH]
    lines = Table(
        [["", "", ""], [_text(label, _style(8)) for label in labels]], colWidths=widths, rowHeights=(14 * mm, 5 * mm)
    )
    lines.setStyle([("LINEBELOW", (n, 0), (n, 0), 0.8, HexColor("#000000")) for n in range(3)])
    return KeepTogether(
        [Spacer(0, 4 * mm), _text(f"{says}, by the limits, scale and settings named here.", _style(8)), lines]
    )


# --- pages ------------------------------------------------------------------------------------------------------------


def _pdf(story: Story, name: str, dated: str, title: str) -> bytes:
    """The pages as a file, each with the name and its number at the foot."""
    file, shown = io.BytesIO(), _shown(title)
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN),
        title=shown,
        author=PROGRAM,
        invariant=1,
    )
    document.build(story, canvasmaker=partial(_Pages, name=_shown(name), dated=dated))
    return file.getvalue()


class _Pages(Canvas):  # type: ignore[misc]
    """Keeps its pages until it knows how many there are."""

    def __init__(self, *args: Any, name: str, dated: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._name = name if len(name) <= _NAME_LETTERS else f"...{name[-_NAME_LETTERS:]}"
        self._kept: list[dict[str, Any]] = []
        self.setDateFormatter(lambda *_: _pdf_date(dated))

    def showPage(self) -> None:
        """Keep the page."""
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write the pages that were kept, each with its foot."""
        pages = self._kept
        for number, page in enumerate(pages, 1):
            self.__dict__.update(page)
            self.setFont("Text", 7)
            self.drawString(_LEFT, 8 * mm, f"{self._name} page {number} of {len(pages)}")
            self.drawRightString(A4[0] - _LEFT, 8 * mm, PROGRAM)
            super().showPage()
        super().save()


def _pdf_date(dated: str) -> str:
    """The time of the inspection as PDF has it: the file is the same whenever it is made."""
    try:
        return datetime.fromisoformat(dated).astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ")
    except (ValueError, OverflowError):  # no moment, or one whose zone leads out of the calendar
        return "D:20000101000000Z"
