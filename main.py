"""The terminal of the program: `python main.py`, the same as `dscope-blink` once it is installed."""

import sys

from dscope_blink.terminal.commands import main, run_program

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(run_program())
