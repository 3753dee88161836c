"""The door to the scale: micrometres per pixel, from pictures of something whose size is known.

Limits are in micrometres, a camera knows pixels only. Three targets tell the one from the other: a square grid of
dots, which gives the scale of each axis, a ruled stage micrometer, which gives it along its ticks, and a fiber of
known cladding diameter. Every dot and tick is found to a few hundredths of a pixel by moving one blurred shape to it;
a lattice is fitted through all of them, and those that are dirty or astray are left out. `find_scale` gives the scale
with its expanded uncertainty, or `NotMeasured` with the reason.

    python calibration.py --image grid1.png grid2.png --dots-um 10 --show plot.png
    python calibration.py --camera --ticks-um 10

measures it and writes calibration.json (`save_scale`), which every inspection then reads (`load_scale`). The file is
sealed by a hash and expires; a camera or picture size other than those it was made with is noticed. Exit code 1: a
picture could not be measured and nothing was written; 2: wrong arguments. The installed command has it as `dscope-
blink calibrate`.

The wing behind this door is `dscope_blink/calibration/`.
"""

import sys

from dscope_blink.terminal.starting import needed_by

with needed_by("calibration.py", __name__):
    from dscope_blink.calibration.target_scale import MeasuredScale, NotMeasured, ScaleFit, Target, find_scale
    from dscope_blink.records import Calibration, Scale
    from dscope_blink.terminal.calibrate import ALONE, load_scale, main, save_scale
    from dscope_blink.terminal.running import as_program

__all__ = [
    "Calibration",
    "MeasuredScale",
    "NotMeasured",
    "Scale",
    "ScaleFit",
    "Target",
    "find_scale",
    "load_scale",
    "main",
    "save_scale",
]

if __name__ == "__main__":
    sys.exit(as_program(ALONE, main))
