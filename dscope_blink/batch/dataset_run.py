"""Stored results and their pictures to a data set, many at a time; one failure never stops the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dscope_blink.batch.crew import Workers, completed, crew_of, in_run
from dscope_blink.batch.executors import result_of, tune_process
from dscope_blink.batch.processes import Lost
from dscope_blink.batch.run_manifest import manifest_of
from dscope_blink.batch.whole_run import running_in
from dscope_blink.config.settings import Config
from dscope_blink.files.names import RESULT
from dscope_blink.files.whole_files import is_of_writing, writing
from dscope_blink.records import printable
from dscope_blink.training.build import Item, build_picture
from dscope_blink.training.dataset import INDEX, Dataset, LeftOut, Problem
from dscope_blink.training.finish import finish
from dscope_blink.training.labels import Label

MODULES = ("dscope_blink.training.build", "dscope_blink.training.painted")

logger = logging.getLogger("dscope.dataset")


@dataclass(frozen=True, slots=True)
class DatasetRun:
    """Everything that a build needs, checked; nothing has been written yet."""

    folder: Path
    items: tuple[Item, ...]
    pictures: Path  # folder that the names of pictures in records are relative to
    config: Config
    workers: int = 0  # processes of this machine; 0: this one alone
    make: Callable[[Item, Path, Path, Config], Label] = build_picture  # the files of a picture; a name of a module


@dataclass(frozen=True, slots=True)
class Built:
    """One picture whose files are written, or why there are none."""

    item: Item
    there: bool  # in the data set
    problem: str = ""


def items_of(results_dir: Path, results: Sequence[Path]) -> tuple[Item, ...]:
    """A picture for each stored result of a folder, named as its results are."""
    return tuple(Item(path, path.relative_to(results_dir).as_posix().removesuffix(RESULT)) for path in results)


def run_dataset(run: DatasetRun) -> Generator[Built, None, Dataset]:
    """Write the files of each picture, then what is made of all of them.

    What an earlier build has written of the same records under the same settings is kept.

    Yields
    ------
    Built of each picture, in the order in which they are finished; returns the data set

    Raises
    ------
    UserError : another run writes to the folder
    WriteFailed : a file cannot be written (disk full, no permission)
    """
    listing = manifest_of(run.folder, run.config, "dataset")
    with running_in(run.folder, run.config.batch), listing as manifest, writing(run.folder / INDEX):
        (run.folder / INDEX).unlink(missing_ok=True)  # it is no whole data set until it is written anew
        built: dict[int, Built] = {}
        for number, one in _build_all(run):
            built[number] = one
            yield one
        ordered = [built[number] for number in sorted(built)]
        names = tuple(one.item.name for one in ordered if one.there)
        problems = tuple(Problem(_file(one), one.problem) for one in ordered if one.problem)
        dataset = Dataset(run.folder, names, problems)
        finish(dataset, run.config)
        manifest.wrote_everything()
    return dataset


def _file(one: Built) -> str:
    return printable(one.item.name)


def _build_all(run: DatasetRun) -> Iterator[tuple[int, Built]]:
    workers = Workers(run.config.batch, run.workers, modules=MODULES)
    with crew_of(workers, len(run.items)) as crew:
        job = in_run(partial(_build, replace(run, items=())), run.config.batch)
        for (number, item), future in completed(crew, job, enumerate(run.items)):
            try:
                yield number, result_of(future)
            except (Lost, TimeoutError) as error:
                yield number, Built(item, False, f"lost: {error or 'it took too long'}")


def _build(run: DatasetRun, numbered: tuple[int, Item]) -> Built:
    tune_process()
    _, item = numbered
    try:
        label = run.make(item, run.folder, run.pictures, run.config)
    except LeftOut as error:
        return Built(item, False, str(error))
    except Exception as error:
        if is_of_writing(error):
            raise
        logger.exception("%s: no part of the data set", printable(item.name))
        return Built(item, False, f"internal error: {type(error).__name__}: {error}")
    if label.status != "NOT_GRADED":
        return Built(item, True)
    what = "in pixels only" if label.marks_are_known else "zones only"
    return Built(item, True, f"{what}, not graded: {'; '.join(label.reasons)}")
