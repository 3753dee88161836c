"""The engines that are compared, their settings, and the networks of the cross-validation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from benchmarks.validation.bench import default_config
from dscope_blink.config.settings import Config
from dscope_blink.records import UserError

CLASSICAL, BOTH, DL = ENGINES = ("classical", "both", "dl")
HELD_OUT_SEED = 1_000_003  # training draws from seeds below a million
FOLDS_FILE = "folds.json"


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured."""

    title: str
    faint: int  # rendered faces with faint pits and contamination
    lines: int  # with scratches, cracks and chips of all contrasts
    varied: int  # with marks of every kind that must be found
    clean: int  # without any
    injected: int  # photographs with marks put in, for each region
    drifted: int  # rendered faces, and photographs, that drift
    photographs: int | None  # of those that are there; None: all


FULL = Amounts("full", 160, 48, 48, 120, 24, 6, None)
QUICK = Amounts("quick", 6, 3, 3, 4, 2, 1, 4)


@cache
def engine_config(engine: str, network: Path | None = None) -> Config:
    """The default profile with one engine; `network` is another than the one that ships."""
    config = default_config()
    file = config.learned.network if network is None else str(network)
    return replace(config, learned=replace(config.learned, engine=engine, network=file))


def read_folds(folder: Path) -> Mapping[str, Path]:
    """The network that has not seen a photograph, by the name of the photograph.

    Parameters
    ----------
    folder : of folds.json, which says of each network in it which photographs it was not shown

    Raises
    ------
    UserError
        Where the file cannot be read, two networks claim a photograph, or a network is absent.
    """
    path = folder / FOLDS_FILE
    try:
        held_out: Mapping[str, Sequence[str]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read, {error}") from None
    found: dict[str, Path] = {}
    for file, names in held_out.items():
        if not (folder / file).is_file():
            raise UserError(f"{path}: the network {file!r} must lie beside it")
        for name in names:
            if name in found:
                raise UserError(f"{path}: {name!r} must be held out by one network, got {found[name].name} and {file}")
            found[name] = folder / file
    return MappingProxyType(found)
