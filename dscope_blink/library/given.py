"""What is given to the functions of the library: settings, what is asked, pictures and folders, each checked."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from datetime import datetime
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias, TypedDict

from dscope_blink.batch.job import (
    Job,
    Loaded,
    hash_of_flat_field,
    hash_of_network,
    hash_of_reference,
    load,
)
from dscope_blink.calibration.scale_file import load_calibration
from dscope_blink.config import loading
from dscope_blink.config.settings import Config, ConfigFile
from dscope_blink.config.shipped import calibration_file, shipped
from dscope_blink.files.decoding import Picture
from dscope_blink.files.keys import known_key
from dscope_blink.files.manifest import NUMBERS, Manifest, make_request
from dscope_blink.files.pictures import find_images
from dscope_blink.files.plan import ImageFile, plan_images
from dscope_blink.records import ENGINES, ZONE_NAMES, Calibration, ImageInfo, Request, UserError

FilePath: TypeAlias = str | os.PathLike[str]


class Asked(TypedDict, total=False):
    """What may be asked of a picture, as the command line has it; what is not given is as the configuration has it."""

    edition: str
    fiber_class: str
    core_diameter_um: float
    cladding_diameter_um: float
    pixel_aspect_ratio: float
    fiber_is_angled: bool
    fiber: str
    fiber_structure: str
    zones: tuple[str, ...]


def load_config(path: FilePath | None = None) -> ConfigFile:
    """Read and check a configuration.

    Parameters
    ----------
    path : str or path-like, optional
        A file as config.schema.json describes it; None: the one that ships with the program.

    Returns
    -------
    ConfigFile
        Its `profile(name)` is the Config of one profile, with one field for each section of the file.

    Raises
    ------
    ConfigError
        The file cannot be read or is wrong; `problems` has one line for each problem, with its place.
    """
    return loading.load_config(shipped("config.json") if path is None else Path(path))


def job_of(
    config: ConfigFile | Config | None,
    profile: str | None,
    calibration: FilePath | Calibration | None,
    engine: str | None = None,
) -> Job:
    """Settings, calibration, and hashes of the files that they name; UserError where one is wrong."""
    settings = settings_of(config, profile)
    if engine is not None and engine not in ENGINES:
        raise UserError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    settings = settings if engine is None else settings.with_engine(engine)
    hashes = hash_of_flat_field(settings), hash_of_reference(settings), hash_of_network(settings)
    return Job(Path(), settings, _calibration(calibration, settings), *hashes)


def settings_of(config: ConfigFile | Config | None, profile: str | None) -> Config:
    """The settings of one profile; UserError where both name another."""
    if isinstance(config, Config):
        if profile not in (None, config.profile):
            raise UserError(f"the settings are those of profile {config.profile}, got {profile}")
        return config
    file = load_config() if config is None else config
    return file.profile(profile or file.default_profile)


def _calibration(given: FilePath | Calibration | None, config: Config) -> Calibration | None:
    if isinstance(given, Calibration):
        return given
    path = calibration_file() if given is None else Path(given)
    known = known_key(config.signing)
    return load_calibration(path, datetime.now().astimezone().date(), config.calibration, known)


def request_of(config: Config, asked: Asked) -> Request:
    """What is asked of each picture; UserError where it cannot be."""
    criteria, given = config.criteria, dict[str, Any](asked)
    for name, value in given.items():
        _check_kind(name, value)
    if "zones" in given:
        given["zones"] = _zones(given["zones"])
    defaults = Request(criteria.default_edition, criteria.default_class)
    return make_request(defaults, given, criteria, config.fiber_structures)


def _check_kind(name: str, value: object) -> None:
    """What is asked goes into the record as it is given, and must come back from it."""
    if name not in KINDS:
        raise UserError(f"{name} is nothing that can be asked, that are {', '.join(KINDS)}")
    kind, in_words, optional = KINDS[name]
    is_odd = isinstance(value, bool | str) and kind not in (bool, str)  # True is the number 1, a text has letters
    if is_odd or not (isinstance(value, kind) or (optional and value is None)):
        raise UserError(f"{name} must be {in_words}, got {value!r}")


KINDS: Mapping[str, tuple[type, str, bool]] = MappingProxyType(
    {
        **dict.fromkeys(("edition", "fiber_class", "fiber"), (str, "a text", False)),
        **dict.fromkeys(NUMBERS, (Real, "a number", True)),
        "fiber_is_angled": (bool, "True or False", True),
        "fiber_structure": (str, "a text", True),
        "zones": (Collection, "a list of names", False),
    }
)


def _zones(names: Collection[str]) -> tuple[str, ...]:
    asked, there = list(names), tuple(ZONE_NAMES.values())
    if not asked or any(name not in there for name in asked):
        raise UserError(f"zones must be some of {', '.join(there)}, got {', '.join(map(str, asked)) or 'none'}")
    return tuple(zone for zone in there if zone in asked)


def check_workers(workers: int) -> None:
    """UserError unless it is a number of processes."""
    if not isinstance(workers, int) or workers < 0:
        raise UserError(f"workers must be a whole number, at least 0, got {workers!r}")


def folder_of(given: FilePath) -> Path:
    """The folder, from the root; UserError where it is none."""
    folder = Path(given).absolute()
    if not folder.is_dir():
        raise UserError(f"{given}: {'not a folder' if folder.exists() else 'no such folder'}")
    return folder


def picture_of(picture: Picture | FilePath, name: str, config: Config) -> Loaded:
    """A picture as it is inspected, read or given; UserError or ValueError where it is none."""
    if isinstance(picture, str | os.PathLike):
        path = Path(picture)
        if not path.is_file():
            raise UserError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
        return load(path, path.name, config)
    _check_array(picture)
    if not isinstance(name, str):
        raise UserError(f"name must be a text, got {name!r}")
    return Loaded(ImageInfo(name, width=picture.shape[1], height=picture.shape[0]), picture)


def _check_array(picture: Picture) -> None:
    shape, dtype = getattr(picture, "shape", None), getattr(picture, "dtype", None)
    if shape is None or dtype is None:
        raise ValueError(f"picture must be an array or a path, got {type(picture).__name__}")
    if dtype not in ("uint8", "uint16"):
        raise ValueError(f"picture must be of uint8 or uint16, got {dtype}")
    if 0 in shape or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        raise ValueError(f"picture must be of shape (H, W) or (H, W, 3), got {shape}")


def images_of(folder: Path, output_dir: FilePath | None, recursive: bool, request: Request) -> tuple[ImageFile, ...]:
    """The pictures of a folder; UserError where there is none."""
    folder_of(folder)
    results = Path(os.devnull) if output_dir is None else Path(output_dir)
    found = find_images(folder, recursive, results)
    if not found.files:
        raise UserError(f"{folder}: no picture in it")
    return plan_images(found, results, Manifest(), request)
