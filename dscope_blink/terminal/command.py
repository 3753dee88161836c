"""The installed command `dscope-blink`: what `python main.py` is in a checkout."""

from __future__ import annotations

from dscope_blink.terminal.starting import COMMAND, needed_by


def command() -> int:
    """Run the terminal; returns its exit code, with one line where a package is missing."""
    with needed_by(COMMAND):
        from dscope_blink.terminal.commands import run_program
    return run_program()
