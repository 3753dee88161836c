"""Commands as tests give them: in this process, because to start another takes half a second."""

from __future__ import annotations

from pathlib import Path

from dscope_blink.terminal.commands import main

IN_THIS_PROCESS = "--workers=0"


def inspect(pictures: Path, out: Path, *words: str) -> int:
    """The exit code of `inspect`; a later `--workers` among the words wins."""
    return main(["inspect", f"--input-dir={pictures}", f"--output-dir={out}", IN_THIS_PROCESS, *words])
