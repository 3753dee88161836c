"""The door to the pixels: from the grey levels of a picture to what may be marks on its fiber.

First the fiber is located: circular edges are sought in a reduced picture, one of them is taken for the cladding's,
and its ellipse is fitted to sub-pixel edge points along hundreds of rays (`locate`). Points that do not lie on it are
left out, and when too few remain, the answer is that no fiber was located, with the figures that say why.

What repeats around the fiber, its light, its rings and its borders, is then the background; what is left, in sigmas
of its own noise, is the residual (`residual`). It is near zero on a clean face, so that a threshold means the same in
sharp, noisy and compressed pictures. Every detector says where in it a mark is supported (`gather_evidence`), and
where their weighted sum is high enough, a candidate is cut out (`find_candidates`). Nothing here is in micrometres,
and nothing is judged.

    python image_processing.py PICTURE --output-dir DIR --cladding-diameter-um 125 --core-diameter-um 9

draws each of these stages as a picture of its own, from the edge points used and left out to the annotated marks:
look there when a fiber is not located, or a mark is seen where none is. The wings behind this door are
`dscope_blink/image_processing/` and `dscope_blink/detectors/`.
"""

import sys

from dscope_blink.terminal.starting import needed_by

with needed_by("image_processing.py", __name__):
    from dscope_blink.image_processing.background import residual
    from dscope_blink.image_processing.fiber_coordinates import WorkingPicture, working_picture
    from dscope_blink.image_processing.fusion import Evidence, find_candidates, gather_evidence
    from dscope_blink.image_processing.localization import locate
    from dscope_blink.records import Candidate, FiberGeometry, NotLocated, Residual
    from dscope_blink.terminal.running import as_program
    from dscope_blink.terminal.stages import ALONE, main

__all__ = [
    "Candidate",
    "Evidence",
    "FiberGeometry",
    "NotLocated",
    "Residual",
    "WorkingPicture",
    "find_candidates",
    "gather_evidence",
    "locate",
    "residual",
    "working_picture",
]

if __name__ == "__main__":
    sys.exit(as_program(ALONE, main))
