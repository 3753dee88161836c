"""Measures the scale: `python calibration.py --image FILE ...`."""

import sys

from dscope_blink.terminal.calibrate import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
