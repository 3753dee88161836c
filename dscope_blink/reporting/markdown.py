"""Records -> the summary of a batch as Markdown, for the log of a build or a message. Judges nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dscope_blink.records import UNCONFIRMED, Inspection, printable, texts
from dscope_blink.reporting.batch_totals import Totals

MOST_LISTED = 50  # pictures that do not pass and get a line each
SHORT = {"PASS": "PASS", "FAIL": "**FAIL**", "NOT_GRADED": "NOT GRADED"}


@dataclass(slots=True)
class MarkdownSummary:
    """Totals, and a line for each picture that does not pass; records are added one by one."""

    totals: Totals = field(default_factory=Totals)
    _listed: list[str] = field(default_factory=list)
    _others: int = 0

    def add(self, inspection: Inspection) -> None:
        """Count one more picture."""
        self.totals.add(inspection)
        verdict = inspection.verdict
        if verdict.status == "PASS" and not verdict.marginal:
            return
        if len(self._listed) == MOST_LISTED:
            self._others += 1
            return
        status = SHORT[verdict.status] + " (marginal)" * verdict.marginal
        why = "; ".join(texts(verdict.reasons) or verdict.doubts)
        self._listed.append(_row(escaped(inspection.title), status, escaped(why)))

    def text(self, title: str) -> str:
        """The whole of it, under a title."""
        return "\n".join(self._lines(title)) + "\n"

    def _lines(self, title: str) -> Iterator[str]:
        totals = self.totals
        yield f"# {escaped(title)}"
        yield ""
        yield f"{totals.yield_text}; {totals.statuses['FAIL']} fail, {totals.marginal} marginal."
        for criteria in totals.criteria:
            doubt = "" if criteria.confirmed or not criteria.zones else f" {UNCONFIRMED.format(criteria.fiber_class)}."
            yield f"Limits: {escaped(f'{criteria.edition} {criteria.fiber_class}')}.{escaped(doubt)}"
        if self._listed:
            yield from ("", _row("Picture", "Verdict", "Why"), "|---|---|---|", *self._listed)
        if self._others:
            yield from ("", f"and {self._others} more that do not pass or are marginal.")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Words that no Markdown reads as its own: a file name is no link, no table and no HTML."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~-])", r"\\\1", printable(text))
