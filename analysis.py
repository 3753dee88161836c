"""The door to the verdict: candidates in pixels become marks in micrometres, and these PASS, FAIL or NOT_GRADED.

`measure` turns each candidate into a defect: length and width of a line seen through the blur of the optics, the
diameter of the smallest circle around anything else, its place on the fiber, each with its uncertainty; and its kind,
scratch, pit, contamination, crack or chip. It is the only place where pixels become micrometres.

`grade` holds the marks against the limits of one connector class in one edition. Every limit that was held stands in
the verdict as a check, with what was measured, what is allowed and how much was to spare. A verdict that would change
within the uncertainties is MARGINAL; what cannot be seen, measured or sized is NOT_GRADED with its reason, never
guessed.

The judge needs no pixels. So a stored result can be judged again, under another edition or class, years later and
without its picture:

    python analysis.py results/NAME_result.json --edition iec_61300_3_35_2015

prints the verdict, its reasons and every check; a whole folder is what `python main.py regrade` is for. The wing
behind this door is `dscope_blink/analysis/`.
"""

import sys

from dscope_blink.terminal.starting import needed_by

with needed_by("analysis.py", __name__):
    from dscope_blink.analysis.judging import grade
    from dscope_blink.analysis.measuring import LocatedFace, measure
    from dscope_blink.records import Check, Criteria, Defect, Inspection, Verdict, Violation
    from dscope_blink.terminal.judging import ALONE, main
    from dscope_blink.terminal.running import as_program

__all__ = ["Check", "Criteria", "Defect", "Inspection", "LocatedFace", "Verdict", "Violation", "grade", "measure"]

if __name__ == "__main__":
    sys.exit(as_program(ALONE, main))
