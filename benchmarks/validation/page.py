"""The page that `make validate` writes: sections of text, tables and plots, and the weaknesses they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks.geometry import Table, as_markdown
from benchmarks.validation.bench import SEED, Bench, default_config
from dscope_blink.files.whole_files import write_file

__all__ = ["ABSENT", "Section", "Table", "prose", "write"]

ABSENT = "Skipped: the photographs in `../shared` are absent."


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page."""

    title: str
    blocks: tuple[str | Table, ...]  # paragraphs and tables in their order
    plots: Mapping[str, bytes] = field(default_factory=dict)  # name -> PNG
    weaknesses: tuple[str, ...] = ()


def prose(text: str) -> str:
    """A paragraph on one line, however it is broken in the source."""
    return " ".join(text.split())


def write(path: Path, bench: Bench, sections: Sequence[Section]) -> None:
    """Write the page of the validation."""
    write_page(path, (_head(bench), _weaknesses(sections)), sections)


def write_page(path: Path, first: Sequence[str], sections: Sequence[Section]) -> None:
    """Write what comes first, then the sections, and their plots into the folder of the same name beside the page."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for name, data in section.plots.items():
            write_file(folder / f"{name}.png", data)
    parts = [*first, *(_markdown(section, folder.name) for section in sections)]
    write_file(path, ("\n\n".join(parts) + "\n").encode())


def _head(bench: Bench) -> str:
    config = default_config()
    command = "make validate" if bench.plan.title == "full" else "python -m benchmarks.validation --quick"
    absent = (
        "" if bench.shared else " The photographs were absent: what needs them is left out, and each place says so."
    )
    made = f"""
        Written by `{command}`; do not edit. All random numbers come from seed {SEED}, so the same program, settings
        and libraries give the same figures again; another kind of processor may round a grey level differently and
        move a count by one. Here: profile `{config.profile}` unless a table names
        another, `config.json` of SHA-256 `{config.sha256[:12]}`, OpenCV {cv2.__version__}, NumPy
        {np.__version__}.{absent}
    """
    read = """
        Every share stands with its count and, in brackets, its 95 % confidence interval (Wilson, 1927, DOI
        10.1080/01621459.1927.10502953). 20 of 20 is compatible with 84 %: read the interval, not the share. The
        intervals count pictures and marks as independent; marks on one photograph are not, so there the true ones are
        wider.
    """
    return f"# Validation\n\n{prose(made)}\n\n{prose(read)}"


def _weaknesses(sections: Sequence[Section]) -> str:
    lines = [f"- {text}" for section in sections for text in section.weaknesses]
    return "\n".join(
        (
            "## Known weaknesses\n",
            "Taken from the figures below by rule, so that none is left out because it looks bad:\n",
            *lines,
            "\nAnd what this page cannot show:\n",
            *(f"- {text}" for text in LIMITS),
        )
    )


LIMITS = (
    "Rendered blemishes are of the shapes that `synthetic/scenes.py` draws. They are not residue, glass splinters or "
    "fluid as an inspector meets them, and program and renderer come from the same hands.",
    "The photographs come from three microscopes and were labelled by one eye, without a reference instrument. The "
    "settings were tuned on them, so their scores say what is reached on known pictures, not on new ones.",
    "The marks labelled one by one are those of six photographs; four in ten of them lie on one ferrule. The eye knows "
    "no truth either: what it is sure of is there, what it does not see may be.",
    "Few photographs are clean: injected marks share the same few backgrounds.",
    "Marks are painted into photographs after their JPEG compression, which would have worn the weak ones down.",
    "Agreement with several people (kappa) and with a second instrument is not measured: there are no such data.",
)


def _markdown(section: Section, folder: str) -> str:
    blocks = [as_markdown(block).strip() if isinstance(block, Table) else block for block in section.blocks]
    plots = [f"![{name.replace('_', ' ')}]({folder}/{name}.png)" for name in section.plots]
    return "\n\n".join((f"## {section.title}", *blocks, *plots))
