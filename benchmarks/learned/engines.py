"""The engines that are compared, their settings, and the networks of the cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import process_time
from types import MappingProxyType

import msgspec

from benchmarks.validation.bench import default_config
from dscope_blink.config.settings import Config
from dscope_blink.models.segmentation import SegmentationNetwork, load_segmentation
from dscope_blink.records import Inspection, UserError, read_file

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
    timed: int  # rendered faces whose inspections are timed
    drifted: int  # rendered faces, and photographs, that drift
    photographs: int | None  # of those that are there; None: all


FULL = Amounts("full", 140, 30, 30, 100, 16, 20, 3, None)
# The question, clean faces and photographs as in full, of the rest a part.
SHORT = Amounts("short", 140, 12, 16, 100, 8, 8, 1, None)
QUICK = Amounts("quick", 6, 3, 3, 4, 2, 3, 1, 4)


@cache
def config_of(engine: str) -> Config:
    """The default profile with one engine."""
    return default_config().with_engine(engine)


@cache
def network_of(engine: str, file: Path | None) -> SegmentationNetwork | None:
    """The network that an engine asks, read once in each process; without a file the one that ships."""
    if engine == CLASSICAL:
        return None
    config = config_of(engine)
    return load_segmentation(config.folder / config.learned.network if file is None else file)


def timed(inspect: Callable[..., Inspection], engine: str, file: Path | None) -> tuple[Inspection, float]:
    """A record by one engine, and the milliseconds that the processor spent on it.

    Parameters
    ----------
    inspect : takes settings and network, as `inspect_face` and `inspect_picture` do after the rest
    engine, file : as of `network_of`
    """
    config, network = config_of(engine), network_of(engine, file)
    start = process_time()
    inspection = inspect(config=config, network=network)
    return inspection, 1000 * (process_time() - start)


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
        held_out = msgspec.json.decode(read_file(path), type=dict[str, tuple[str, ...]])
    except (OSError, ValueError, RecursionError) as error:
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
