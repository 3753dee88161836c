"""A command line -> a checked `Batch`; everything that is wrong with it at once, before anything is written."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from dscope_blink.batch import night_folders
from dscope_blink.batch.comparing import Comparing
from dscope_blink.batch.executors import workers_here
from dscope_blink.batch.job import Job, hash_of_flat_field, hash_of_network, hash_of_reference
from dscope_blink.batch.regrading import Asked, Regrading
from dscope_blink.batch.run import Batch
from dscope_blink.calibration.scale_file import load_calibration
from dscope_blink.config.loading import load_config
from dscope_blink.config.problems import Problems
from dscope_blink.config.settings import Config, ConfigFile, Reporting
from dscope_blink.devices.capturing import FlatField, Series, new_picture
from dscope_blink.files.manifest import Manifest, make_request, positive_number, read_manifest
from dscope_blink.files.pictures import PIXELS, SUFFIXES, Found, find_given
from dscope_blink.files.plan import ImageFile, manifest_gaps, plan_images
from dscope_blink.files.results import FoundResults, find_results
from dscope_blink.files.watching import Watched
from dscope_blink.records import Calibration, Inspection, Request, UserError
from dscope_blink.records.stored import BadRecord, load_record
from dscope_blink.terminal.options import CONFIG, ZONES
from dscope_blink.terminal.starting import missing_packages

NUMBERS, NAMES = ("core_diameter_um", "cladding_diameter_um"), ("edition", "fiber_class", "fiber", "fiber_structure")
SWITCHES = (
    "cells",
    "zone_images",
    "agreement",
    "json_lines",
    "pdf",
    "excel",
    "markdown",
)  # of `Reporting` and of the command line
RESULTS_DIR = ("results folder", "--results-dir")  # how messages name it
MOST_WORKERS = 1024  # as in the configuration


def checked_regrading(arguments: argparse.Namespace) -> Regrading:
    """Check what was asked of `regrade`; UserError with one line for every problem."""
    problems = Problems()
    own = arguments.edition is arguments.fiber_class is arguments.config is None
    asked = Asked(arguments.edition, arguments.fiber_class, own)
    folder = Path(arguments.results_dir).expanduser()
    found = problems.attempt(FoundResults(), _check_results_folder, arguments.results_dir)
    settings = problems.attempt(None, load_config, Path(arguments.config or CONFIG))
    if settings is not None:
        problems.attempt(None, asked.check, settings.profile(settings.default_profile).criteria)
    if arguments.compare and arguments.edition:
        problems.lines.append("--compare tries every edition: --edition cannot be given with it")
    reports = {name: getattr(arguments, name) for name in ("report", "json_lines", "pdf", "excel", "markdown")}
    if arguments.compare and any(reports.values()):
        problems.lines.append("--compare only counts: no report can be asked for with it")
    problems.raise_if_any()
    assert settings is not None, "without settings there was a problem"
    reporting = replace(settings.profile(settings.default_profile).reporting, plots=False, **reports)
    check_packages(reporting)
    return Regrading(folder, found.paths, asked, settings, found.warnings, reporting if any(reports.values()) else None)


def _check_results_folder(text: str) -> FoundResults:
    if not text:
        raise UserError("results folder: none is named")
    return find_results(Path(text).expanduser())


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """Stored results, and the reports that are to be made of them; all checked."""

    folder: Path
    results: tuple[Path, ...]
    config: Config
    warnings: tuple[str, ...] = ()  # about the folder


def checked_reports(arguments: argparse.Namespace) -> StoredBatch:
    """Check what was asked of `report`; UserError with one line for every problem."""
    problems = Problems()
    only = {"AFTER_DIR": arguments.after_dir, "--output-dir": arguments.output_dir, "--fail-exit": arguments.fail_exit}
    problems.lines += [f"{name} needs --compare" for name, given in only.items() if given]
    found = problems.attempt(FoundResults(), _check_results_folder, arguments.results_dir)
    config = problems.attempt(None, checked_config, arguments)
    problems.raise_if_any()
    assert config is not None, "without configuration there was a problem"
    folder = Path(arguments.results_dir).expanduser()
    config = replace(config, reporting=reporting_of(config.reporting, arguments))
    check_packages(replace(config.reporting, plots=False))
    return StoredBatch(folder, found.paths, config, found.warnings)


def checked_comparison(arguments: argparse.Namespace) -> Comparing:
    """Check what was asked of `report --compare`; UserError with one line for every problem."""
    problems = Problems()
    if not arguments.after_dir:
        raise UserError("--compare takes two folders of results: RESULTS_DIR AFTER_DIR")
    asked = [f"--{name.replace('_', '-')}" for name in ("no_report", *SWITCHES) if getattr(arguments, name, False)]
    if asked:
        problems.lines.append(f"--compare writes reports of its own: {', '.join(asked)} cannot be given with it")
    before, after = (Path(text).expanduser() for text in (arguments.results_dir, arguments.after_dir))
    found = [problems.attempt(FoundResults(), _check_results_folder, str(folder)) for folder in (before, after)]
    if before.resolve() == after.resolve():
        problems.lines.append(f"--compare: {before} and {after} are one folder")
    output = problems.attempt(after, check_output_folder, arguments.output_dir or str(after))
    config = problems.attempt(None, checked_config, arguments)
    problems.raise_if_any()
    assert config is not None, "without configuration there was a problem"
    warnings = tuple(dict.fromkeys(warning for one in found for warning in one.warnings))
    return Comparing(before, after, found[0].paths, found[1].paths, output, arguments.by, config.reporting, warnings)


def checked_record(arguments: argparse.Namespace) -> Inspection:
    """The record that is named; UserError if it cannot be read or is none."""
    path = Path(arguments.result).expanduser()
    try:
        return load_record(path)
    except BadRecord as error:
        raise UserError(f"{path}: {error}") from None


def checked_config(arguments: argparse.Namespace) -> Config:
    """The configuration and profile that a command of the camera names; ConfigError or UserError if one is wrong."""
    settings = load_config(Path(arguments.config))
    return settings.profile(arguments.profile or settings.default_profile)


def checked_series(arguments: argparse.Namespace) -> Series:
    """Check what was asked of `capture`; UserError with one line for every problem."""
    problems = Problems()
    folder = problems.attempt(Path(), check_output_folder, arguments.output_dir)
    count = problems.attempt(1, _whole_number, "--count", arguments.count)
    interval_s = 0.0
    if arguments.interval != "0":
        interval_s = problems.attempt(0.0, positive_number, "--interval", arguments.interval)
    config = problems.attempt(None, checked_config, arguments)
    problems.raise_if_any()
    assert config is not None, "without configuration there was a problem"
    return Series(config.camera, folder, count, interval_s)


def checked_flat_field(arguments: argparse.Namespace) -> FlatField:
    """Check what was asked of `flatfield`; UserError with one line for every problem."""
    config = checked_config(arguments)
    named = config.preprocessing.flat_field_image
    if arguments.output is None and named is None:
        raise UserError("flat field: no file is named, neither by --output nor by preprocessing.flat_field_image")
    path = named if arguments.output is None else Path(arguments.output).expanduser().absolute()
    assert path is not None, "one of them is named"
    if path.suffix.lower() != ".png":
        raise UserError(f"flat field {path}: must be a .png file")
    if path.is_dir():
        raise UserError(f"flat field {path}: is a folder")
    check_output_folder(str(path.parent))
    return FlatField(config, path)


def checked_batch(arguments: argparse.Namespace) -> Batch:
    """Check everything that was asked, before anything is written.

    With `--camera` its one image is a file that is still to be made.

    Parameters
    ----------
    arguments : what `make_parser` returns for `inspect`

    Raises
    ------
    UserError : one line for every problem of the command line and of the files it names
    """
    problems = Problems()
    output_dir = problems.attempt(Path(), check_output_folder, arguments.output_dir)
    found = problems.attempt(Found(), _found, arguments, output_dir)
    given = _given(problems, arguments)
    workers = None if arguments.workers is None else problems.attempt(0, check_workers, arguments.workers)
    settings = problems.attempt(None, load_config, Path(arguments.config).absolute())  # workers are elsewhere
    asked = _asked(problems, arguments, given, settings) if settings else None
    problems.raise_if_any()
    assert settings is not None, "without settings there was a problem"
    assert asked is not None, "nor without them"
    config = replace(asked.config, reporting=reporting_of(asked.config.reporting, arguments))
    compares = asked.reference_sha256 is not None or getattr(arguments, "command", "") == "analyze"
    check_packages(config.reporting, of_reference=compares)
    images = plan_images(found, output_dir, asked.manifest, asked.request)
    gaps = manifest_gaps(images, asked.manifest) if arguments.manifest and not arguments.watch else ()
    return Batch(
        Job(output_dir, config, asked.calibration, *asked.hashes),
        images,
        warnings=(*settings.notes, *found.warnings, *gaps, *_class_notes(images, asked, arguments)),
        workers=next(count for count in (workers, config.batch.workers, workers_here()) if count is not None),
        scheduler=arguments.scheduler,
        resume=arguments.resume,
        watched=_watched(arguments, output_dir, asked) if arguments.watch else None,
    )


def _class_notes(images: Sequence[ImageFile], asked: PictureRequest, arguments: argparse.Namespace) -> Iterator[str]:
    """A line for each class that follows from a core diameter, or is not for such a core."""
    criteria = asked.config.criteria
    requests = {(r.fiber_class, r.core_diameter_um) for r in (asked.request, *(image.request for image in images))}
    for fiber_class, core_um in sorted(requests, key=str):
        if not criteria.fits(fiber_class, core_um):
            low, high = criteria.cores_um[fiber_class]
            yield f"Fiber class {fiber_class} is for cores of {low:g} to {high:g} um, the one given has {core_um:g} um"
        elif arguments.fiber_class is None and not criteria.fits(criteria.default_class, core_um):
            yield f"Fiber class {fiber_class} follows from the core of {core_um:g} um; --fiber-class names another"


def checked_request(arguments: argparse.Namespace) -> PictureRequest:
    """What is asked of one picture by the options of `add_request`; UserError with one line for every problem."""
    problems = Problems()
    given = _given(problems, arguments)
    settings = problems.attempt(None, load_config, Path(arguments.config).absolute())  # workers are elsewhere
    asked = _asked(problems, arguments, given, settings) if settings else None
    problems.raise_if_any()
    assert asked is not None, "without settings there was a problem"
    return asked


@dataclass(frozen=True, slots=True)
class Night:
    """A batch into the folder of one night; all checked."""

    batch: Batch
    results_dir: Path
    date: date
    keep: int | None  # nights; None: all


def checked_night(arguments: argparse.Namespace) -> Night:
    """Check what was asked of `nightly`, as `checked_batch` does; UserError with one line for every problem."""
    problems = Problems()
    results_dir = problems.attempt(Path(), check_output_folder, arguments.results_dir, *RESULTS_DIR)
    keep = problems.attempt(None, _keep_nights, arguments.keep_nights)
    night = problems.attempt(date.today(), _night, arguments.night)
    arguments.output_dir = str(night_folders.folder_of(results_dir, night))
    batch = problems.attempt(None, checked_batch, arguments)
    problems.raise_if_any()
    assert batch is not None, "without a batch there was a problem"
    return Night(batch, results_dir, night, keep)


def _keep_nights(text: str | None) -> int | None:
    return None if text is None else _whole_number("--keep-nights", text)


def _night(text: str | None) -> date:
    if text is None:
        return date.today()
    with suppress(ValueError):
        night = date.fromisoformat(text)
        if night.isoformat() == text:
            return night
    raise UserError(f"--night must be a date, YYYY-MM-DD, got {text!r}")


def _found(arguments: argparse.Namespace, output_dir: Path) -> Found:
    """The pictures that are there at the start; of a watched folder none, for it is looked into later."""
    if arguments.camera:
        if _inputs(arguments) or arguments.manifest or arguments.recursive or arguments.watch:
            others = "a PATH, --input-dir, --manifest, --recursive or --watch"
            raise UserError(f"--camera takes the picture itself: not with {others}")
        return Found(output_dir, (new_picture(output_dir).name,))
    if arguments.watch:
        return Found(_watched_folder(arguments))
    return check_images(_inputs(arguments), arguments.recursive, output_dir)


def _inputs(arguments: argparse.Namespace) -> list[str]:
    """The folders and pictures that are named, with or without their option."""
    named = [] if arguments.input_dir is None else [arguments.input_dir]
    return [*named, *arguments.inputs]


def _watched_folder(arguments: argparse.Namespace) -> Path:
    named = _inputs(arguments)
    if len(named) > 1:
        raise UserError(f"--watch: one folder can be watched, {len(named)} are named")
    return check_input_folder(named[0] if named else None)


def _watched(arguments: argparse.Namespace, output_dir: Path, asked: PictureRequest) -> Watched:
    return Watched(
        _watched_folder(arguments),
        arguments.recursive,
        output_dir,
        asked.manifest,
        asked.request,
        asked.config.preprocessing.settle_s,
        asked.config.batch.watch_interval_s,
    )


def check_workers(text: str) -> int:
    """The number of processes; UserError if it is none."""
    if not text.isdecimal() or int(text) > MOST_WORKERS:
        raise UserError(f"--workers must be a whole number from 0 to {MOST_WORKERS}, got {text}")
    return int(text)


def _whole_number(name: str, text: str) -> int:
    value = positive_number(name, text)
    if value != round(value):
        raise UserError(f"{name} must be a whole number, got {text}")
    return round(value)


def _given(problems: Problems, arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of a request that the command line names."""
    given: dict[str, Any] = {"zones": problems.attempt(ZONES, parse_zones, arguments.zones)}
    for name in NUMBERS:
        if (text := getattr(arguments, name)) is not None:
            given[name] = problems.attempt(None, positive_number, f"--{name.replace('_', '-')}", text)
    return given | {name: text for name in NAMES if (text := getattr(arguments, name)) is not None}


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """What depends on the configuration; all checked."""

    config: Config
    request: Request
    manifest: Manifest
    calibration: Calibration | None
    flat_field_sha256: str | None
    reference_sha256: str | None = None
    learned_sha256: str | None = None

    @property
    def hashes(self) -> tuple[str | None, ...]:
        """Of flat field, reference model and network, in the order in which a `Job` has them."""
        return self.flat_field_sha256, self.reference_sha256, self.learned_sha256


def _asked(
    problems: Problems, arguments: argparse.Namespace, given: dict[str, Any], settings: ConfigFile
) -> PictureRequest:
    """What depends on the configuration. A wrong answer is replaced by its default, so that the rest is checked too."""
    config = settings.profile(settings.default_profile)
    if arguments.profile is not None:
        config = problems.attempt(config, settings.profile, arguments.profile)
    layout = config.connectors.get(getattr(arguments, "connector", None) or "")
    fiber_class = config.criteria.default_class if layout is None else layout.fiber_class
    defaults = Request(config.criteria.default_edition, fiber_class)
    structures = config.fiber_structures
    request = problems.attempt(defaults, make_request, defaults, given, config.criteria, structures)
    manifest, asks = Manifest(), "fiber_class" in given
    if arguments.manifest is not None:
        path, criteria = Path(arguments.manifest), config.criteria
        manifest = problems.attempt(manifest, read_manifest, path, criteria, request, structures, class_is_asked=asks)
    file, rules = Path(arguments.calibration), config.calibration
    calibration = problems.attempt(None, load_calibration, file, datetime.now().astimezone().date(), rules)
    config = _engaged(_referenced(config, arguments), arguments)
    found_by = (hash_of_flat_field, hash_of_reference, hash_of_network)
    hashes = (problems.attempt(None, find, config) for find in found_by)
    return PictureRequest(config, request, manifest, calibration, *hashes)


def _referenced(config: Config, arguments: argparse.Namespace) -> Config:
    """With the model that the command line names; without any where one is learned."""
    if getattr(arguments, "command", "") == "learn":
        return config.without_model()
    named = getattr(arguments, "reference", None)
    if named is None:
        return config
    if not named:
        raise UserError("--reference must name a model, as `learn` writes it")
    return replace(config, reference=replace(config.reference, model=Path(named).expanduser().absolute()))


def _engaged(config: Config, arguments: argparse.Namespace) -> Config:
    """With the engine that the command line names."""
    named = getattr(arguments, "model", None)
    return config if named is None else config.with_engine(named)


def reporting_of(configured: Reporting, arguments: argparse.Namespace) -> Reporting:
    """The command line adds to what the configuration asks for, and may leave out plots and the report."""
    switches: dict[str, Any] = {name: getattr(configured, name) or getattr(arguments, name, False) for name in SWITCHES}
    plots = configured.plots and not getattr(arguments, "no_plots", False)
    return replace(configured, **switches, plots=plots, report=configured.report and not arguments.no_report)


def check_packages(wanted: Reporting, of_reference: bool = False) -> None:
    """UserError unless the packages are there that draw what is asked for, or compare: none is to fail after hours."""
    used = {"matplotlib": wanted.plots, "jinja2": wanted.report, "reportlab": wanted.pdf, "xlsxwriter": wanted.excel}
    used["skimage"] = of_reference
    missing = missing_packages(package for package, is_used in used.items() if is_used)
    if missing:
        raise UserError("\n".join(missing))


def check_input_folder(text: str | None) -> Path:
    """The folder of the pictures; UserError if it cannot be read."""
    if not text:
        raise UserError("input folder: none is named (--input-dir)")
    folder = Path(text).expanduser().absolute()  # a worker of a cluster may have been started in another folder
    if not os.path.isdir(folder):
        raise UserError(f"input folder {text}: {'not a folder' if os.path.exists(folder) else 'no such folder'}")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UserError(f"input folder {text}: no permission to read it")
    return folder


def check_images(named: Sequence[str], recursive: bool, output_dir: Path) -> Found:
    """The pictures of folders and those that are named themselves; UserError if one is none, or there is none."""
    problems = Problems()
    if not named:
        check_input_folder(None)
    paths = [problems.attempt(Path(), _check_input, text) for text in named]
    problems.raise_if_any()
    found = find_given(paths, recursive, output_dir)
    if not found.files:
        hint = "" if recursive else "; --recursive looks in its subfolders as well"
        raise UserError(f"input folder {', '.join(named)}: no picture in it ({' '.join((*SUFFIXES, PIXELS))}){hint}")
    return found


def _check_input(text: str) -> Path:
    """A picture, or a folder that can be read."""
    path = Path(text).expanduser().absolute()
    if not os.path.isfile(path):
        return check_input_folder(text)
    if path.suffix.lower() not in (*SUFFIXES, PIXELS):
        raise UserError(f"picture {text}: must be one of {' '.join((*SUFFIXES, PIXELS))}")
    return path


def check_output_folder(text: str | None, name: str = "output folder", option: str = "--output-dir") -> Path:
    """The folder of the results, which may have to be made; UserError if nothing can be written in it."""
    if not text:
        raise UserError(f"{name}: none is named ({option})")
    folder = Path(text).expanduser().absolute()
    odd = [sign for sign in '?*"<>|' if sign in text]
    if odd and not os.path.exists(folder):
        raise UserError(f"{name} {text}: a new folder must have a name without {' '.join(odd)}")
    there = next(place for place in (folder, *folder.parents) if os.path.exists(place))
    if not os.path.isdir(there):
        raise UserError(f"{name} {text}: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{name} {text}: no permission to write in {there}")
    return folder


def parse_zones(text: str) -> tuple[str, ...]:
    """Names of zones from a list with commas, from the innermost outwards; UserError if one is unknown."""
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    unknown = sorted(names - set(ZONES))
    if unknown:
        near = difflib.get_close_matches(unknown[0], ZONES, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UserError(f"zones: {', '.join(map(repr, unknown))} is none of {', '.join(ZONES)}{hint}")
    if not names:
        raise UserError(f"zones: none is named, there are {', '.join(ZONES)}")
    return tuple(zone for zone in ZONES if zone in names)
