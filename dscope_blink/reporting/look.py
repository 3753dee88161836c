"""Colours and titles, the same in every report: zones in cool colours, marks in warm ones.

All are of the colour-blind-safe palette of Okabe and Ito ("Color Universal Design", 2008,
https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

from types import MappingProxyType

ZONE_COLOURS = MappingProxyType({"A": "#56B4E9", "B": "#009E73", "C": "#0072B2", "D": "#CC79A7"})
VIOLATING_COLOUR = "#D55E00"
COUNTED_COLOUR = "#F0E442"
UNCOUNTED_COLOUR = "#FFFFFF"
# Of a zone, by its result.
RESULT_COLOURS = MappingProxyType(
    {
        "kept": "#009E73",
        "broken": VIOLATING_COLOUR,
        "no limit": "#56B4E9",
        "not graded": "#B4B4B4",
        "not inspected": "#B4B4B4",  # and its ring is broken
    }
)
STATUS_COLOURS = MappingProxyType({"PASS": "#009E73", "FAIL": VIOLATING_COLOUR, "NOT_GRADED": "#505050"})
# Of merged marks, from the worst on; what counts most is of the colour of what breaks a limit.
SEVERITY_COLOURS = MappingProxyType(
    {
        "CRITICAL": VIOLATING_COLOUR,
        "HIGH": "#E69F00",
        "MEDIUM": COUNTED_COLOUR,
        "LOW": UNCOUNTED_COLOUR,
        "NEGLIGIBLE": "#B4B4B4",
    }
)
# Of the sources of a face, in their order; after the last they begin again, with broken lines.
SOURCE_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2")
CLASS_TITLES = MappingProxyType(
    {"scratch": "Scratch", "pit_dig": "Pit/Dig", "contamination": "Contamination", "crack": "Crack", "chip": "Chip"}
)
