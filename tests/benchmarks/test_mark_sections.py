"""The sections of docs/validation.md on single marks: counted as they say, with the weaknesses that the counts show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.marks import by_eye, centre, lines, neighbours, sizes, specks
from benchmarks.validation.bench import RENDERED
from benchmarks.validation.charts import examples as drawn
from benchmarks.validation.examples import SHEETS, captions, show
from benchmarks.validation.mark_sections import of_eye, of_lines, of_middle, of_neighbours, of_sizes, of_specks
from benchmarks.validation.page import Section, Table
from benchmarks.validation.single_marks import SIZED_FACES
from dscope_blink.synthetic.faces import Pit


def table(section: Section, title: str) -> Table:
    (found,) = (block for block in section.blocks if isinstance(block, Table) and block.title == title)
    return found


def figures(section: Section) -> dict[str, str]:
    """The figures of a table of two columns, by name."""
    return {row[0]: row[1] for row in table(section, "Reports").rows}


def line(contrast, length, ideal, covered):
    return lines.Trial(lines.RENDERED, contrast, length, ideal, covered, (0.0, 0.0))


def test_lines_are_counted_by_contrast_length_and_ideal_sum():
    section = of_lines([line(0.05, 40.0, 9.0, 0.9), line(0.05, 40.0, 9.0, 0.1), line(0.08, 70.0, 30.0, 0.9)])
    at = list(table(section, "Found by contrast").header).index("5%")
    assert [row[at] for row in table(section, "Found by contrast").rows if row[1] == "40"] == ["1/2"]
    ((_, *cells),) = table(section, "Found by ideal sum").rows
    assert [cell for cell in cells if cell != "-"] == ["1/2", "1/1"]
    assert len(section.weaknesses) == 1
    assert "2/3" in section.weaknesses[0]


def test_lines_too_weak_to_be_asked_for_are_no_weakness():
    assert of_lines([line(0.02, 20.0, 3.0, 0.0), line(0.05, 40.0, 9.0, 0.9)]).weaknesses == ()


def pair(gap, right, background="rendered"):
    return neighbours.Result(background, "B", f"pair 3 um, gap {gap:g} um", True, right, (0.5, 0.7), 0)


def test_neighbours_two_um_apart_that_are_one_mark_are_a_weakness_and_nearer_ones_are_not():
    assert of_neighbours([pair(1.0, right=False), pair(2.0, right=True)]).weaknesses == ()
    section = of_neighbours([pair(2.0, right=False), pair(2.0, right=True), pair(2.0, right=True, background="mm50")])
    assert "2/3" in section.weaknesses[0]
    assert [row[1] for row in table(section, "As many marks as they are").rows] == ["rendered faces", "photographs"]


def speck(size, contrast, found):
    return specks.Trial("rendered", "B", size, contrast, found)


def test_specks_are_counted_by_size_and_contrast():
    section = of_specks([speck(2.0, 0.1, found=True), speck(2.0, 0.1, found=False), speck(3.0, 0.4, found=True)])
    rows = {row[2]: row[3:] for row in table(section, "Found by size and contrast").rows}
    assert {cell for cell in rows["2"] if cell != "-"} == {"1/2"}
    assert "1/2" in section.weaknesses[0]


def sized(error, unsure):
    job = next(job for job in sizes.jobs(SIZED_FACES, None) if job.kind == "round" and job.ground == RENDERED)
    one = {"diameter": 5.0, "length": 5.0, "width": 5.0}
    measured = {name: size + error for name, size in one.items()}
    return sizes.Sized(job, "pit_dig", one, measured, dict.fromkeys(one, unsure), (), 0.5, 20.0)


@pytest.mark.parametrize(
    ("error", "unsure", "weak"), [(0.1, 0.2, 0), (0.3, 0.4, 1), (-0.3, 0.4, 1), (0.1, 0.05, 1), (0.5, 0.1, 2)]
)
def test_a_bias_and_an_uncertainty_that_is_too_small_are_weaknesses(error, unsure, weak):
    assert len(of_sizes([sized(error, unsure)] * 3).weaknesses) == weak


def core(found=0, false=0, size_um=0.0):
    return centre.Trial(centre.Job("fast_scan", "multimode, lit", 0, size_um), found, false)


def test_what_lies_in_the_middle_is_to_be_one_mark_and_nothing_is_to_be_none():
    good = [core(), core(1, size_um=5.0)]
    assert of_middle(good).weaknesses == ()
    section = of_middle([*good, core(false=1), core(2, size_um=5.0), core(0, size_um=9.0)])
    assert table(section, "By core").rows == (("multimode, lit", "1/2", "2/3", "1/2", "-", "-"),)
    by_size = {row[0]: row[1] for row in table(section, "Blots found by size").rows if row[1] != "-"}
    assert by_size == {"5": "2/2", "9": "0/1"}
    assert ["1/2" in section.weaknesses[0], "1/3" in section.weaknesses[1]] == [True, True]


def seen(size_um, found, region="B", error=0.5):
    label = by_eye.Label(np.zeros(2), None, size_um, size_um, "speck", True, region, False)
    return by_eye.Seen(
        "a.jpg", label, (0.0, 0.0), ("P1",) if found else (), found, int(found), error if found else None
    )


def report(covers=1, *, false=False, zone="cladding"):
    return by_eye.Report("a.jpg", "P1", (0.0, 0.0), "B", zone, 3.0, covers, false, False)


def test_marks_by_eye_are_counted_by_size_and_by_place():
    labels = (seen(3.0, found=True), seen(3.0, found=False), seen(1.5, found=True, region="A", error=1.0))
    section = of_eye(by_eye.Compared(labels, (report(), report(2)), 1))
    by_size = {row[0]: row[1:] for row in table(section, "Sure marks by size").rows}
    assert by_size[">= 2 um"][0].startswith("1/2")
    assert by_size["1-2 um"][:2] == ("1/1 = 100.0 % (20.7 to 100.0)", "+1.00")
    assert figures(section)["reports that join sure marks"].startswith("1/2")
    assert [text.partition(":")[0] for text in section.weaknesses] == [
        "Marks that the eye is sure of, >= 2 um",
        "Reports that join marks the eye sees apart",
    ]


def test_false_marks_count_where_the_record_puts_them():
    reports = (report(false=True), report(false=True), report(false=True, zone="contact"), report())
    section = of_eye(by_eye.Compared((seen(3.0, found=True),), reports, 1))
    rows = figures(section)
    assert (rows["false in A and B, a picture"], rows["false in D, a picture"]) == ("2.00", "1.00")
    assert len(section.weaknesses) == 1


def test_without_photographs_the_section_by_eye_says_so():
    (text,) = of_eye(by_eye.Compared((), (), 0)).blocks
    assert "absent" in str(text)


@pytest.mark.slow
def test_an_example_shows_its_mark_in_the_middle_with_what_is_reported():
    example = next(
        e for e in SHEETS["example_sizes"] if isinstance(e.blemishes[0], Pit) and e.blemishes[0].diameter_um > 8
    )
    one = show(example)
    assert len(one.outlines_px) == 1
    middle = one.outlines_px[0].mean(axis=0)
    assert np.abs(middle - (np.array(one.part.shape[::-1]) - 1) / 2).max() < 1.5
    assert one.part.shape[0] == one.part.shape[1]
    assert captions([one]) == [one.reports[0]] != ["nothing"]
    assert captions([replace(one, reports=())]) == ["nothing"]
    assert captions([replace(one, reports=("a", "b", "c", "d"))]) == ["a\nb\nc\nand 1 more"]
    assert drawn([one]).startswith(b"\x89PNG")


def test_no_two_examples_have_the_same_title():
    for sheet in SHEETS.values():
        assert len({example.title for example in sheet}) == len(sheet)
