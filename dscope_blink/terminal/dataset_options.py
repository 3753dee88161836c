"""The words of the command `dataset`: a function of OPTIONS for each of its actions."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeAlias

AddAsked: TypeAlias = Callable[[argparse.ArgumentParser], None]  # what is asked of the pictures, as `inspect` has it


def add_dataset(parser: argparse.ArgumentParser, add_asked: AddAsked, add_settings: AddAsked) -> None:
    """The actions of the command `dataset`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="inspect pictures, or take stored results, and make a data set of them")
    _add_build(build, add_asked)
    render = actions.add_parser("render", help="make a data set of rendered faces, whose marks are known to the pixel")
    _add_render(render, add_settings)
    inject = actions.add_parser("inject", help="paint blemishes into clean photographs, and make a data set of them")
    _add_build(inject, add_asked)
    inject.add_argument("--count", metavar="N", default="100", help="painted copies; default: %(default)s")


def _add_render(parser: argparse.ArgumentParser, add_settings: AddAsked) -> None:
    parser.add_argument("--count", metavar="N", default="100", help="faces; default: %(default)s")
    parser.add_argument("--output-dir", metavar="DATASET", help="folder of the data set, made if need be")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_settings(parser)
    parser.add_argument("--workers", metavar="N", help="processes of this machine; 0: none but this")


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
