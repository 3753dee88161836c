"""The terminal of the program: `python main.py`, the same as `dscope-blink` once it is installed."""

import sys

from dscope_blink.terminal.starting import needed_by

with needed_by("main.py", __name__):
    from dscope_blink.terminal.commands import main, run_program

__all__ = ["main", "run_program"]

if __name__ == "__main__":
    sys.exit(run_program())
