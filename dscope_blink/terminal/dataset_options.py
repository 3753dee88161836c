"""The words of the command `dataset`: a function of OPTIONS for each of its actions."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeAlias

AddAsked: TypeAlias = Callable[[argparse.ArgumentParser], None]  # what is asked of the pictures, as `inspect` has it


def add_dataset(parser: argparse.ArgumentParser, add_asked: AddAsked) -> None:
    """The actions of the command `dataset`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="inspect pictures, or take stored results, and make a data set of them")
    _add_build(build, add_asked)


def _add_build(parser: argparse.ArgumentParser, add_asked: AddAsked) -> None:
    what = parser.add_argument_group("pictures and data set")
    what.add_argument("inputs", metavar="PATH", nargs="*", help="pictures, and folders of pictures")
    what.add_argument("--input-dir", metavar="DIR", help="folder of the pictures, as a PATH is")
    what.add_argument(
        "--results", metavar="DIR", help="take the stored results of this folder; PATH has their pictures"
    )
    what.add_argument("--output-dir", metavar="DATASET", help="folder of the data set, made if need be")
    what.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_asked(parser)
    parser.set_defaults(camera=False, watch=False, resume=True)
