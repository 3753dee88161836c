"""The words that every bench of marks takes."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.validation.bench import settings


def bench_parser(text: str | None, shared: Path | None = None) -> argparse.ArgumentParser:
    """A parser with `--shared`, `--profile` and `--workers`, to which a bench adds its own.

    Parameters
    ----------
    text : what the bench says of itself
    shared : the folder of the photographs unless one is named; None: rendered faces alone
    """
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=shared, metavar="DIR", help="the photographs, with their labels")
    parser.add_argument("--profile", default=settings().default_profile)
    parser.add_argument("--workers", type=int, default=2)
    return parser
