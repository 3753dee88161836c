"""The summary of a batch for the log of a build."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dscope_blink.reporting.markdown import MOST_LISTED, MarkdownSummary, escaped
from tests.builders.inspections import FAILED, MARGINAL, NOT_LOCATED, PASSED


def summary_of(*inspections):
    made = MarkdownSummary()
    for inspection in inspections:
        made.add(inspection)
    return made.text("lot 7")


def test_totals_and_what_does_not_pass_are_listed():
    text = summary_of(PASSED, FAILED, NOT_LOCATED, MARGINAL)
    assert text.startswith("# lot 7\n\n3 of 4 graded, 2 pass; 1 fail, 1 marginal.\n")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[1].strip() for row in rows] == [
        "Verdict",
        "**FAIL**",
        "NOT GRADED",
        "PASS (marginal)",
    ]


def test_a_batch_without_faults_has_no_table():
    assert "|" not in summary_of(PASSED)


def test_a_long_list_ends_with_how_many_more_there_are():
    text = summary_of(*[FAILED] * (MOST_LISTED + 3))
    assert text.count("**FAIL**") == MOST_LISTED
    assert text.endswith("and 3 more that do not pass or are marginal.\n")


@pytest.mark.parametrize("name", ["a|b.png", "[x](http://y).png", "<b>.png", "*a*_b_.png", "a\nb.png"])
def test_a_name_is_no_markdown(name):
    odd = replace(FAILED, image=replace(FAILED.image, file=name))
    (_, row) = (line for line in summary_of(odd).splitlines() if line.startswith("| "))
    assert row.startswith(f"| {escaped(name)} | ")
    assert "\n" not in escaped(name)
    assert all(f"\\{sign}" in escaped(name) for sign in set(name) & set("|[]()<>*_"))
