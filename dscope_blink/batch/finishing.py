"""Every item of a run, or of a watched folder as it comes: kept from an earlier run, or done wherever jobs are done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Generic, TypeVar

from dscope_blink.batch.crew import Workers, crew_of, do_all, finished_of
from dscope_blink.batch.executors import ClusterGone
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.watching import Watched, arrivals
from dscope_blink.records import Notice

Item = TypeVar("Item")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Plan(Generic[Item, Done]):
    """How the items of a run are finished."""

    workers: Workers
    job: Callable[[tuple[int, Item]], Done]  # takes the number of an item and the item; it travels
    given_up: Callable[[Item, Notice], Done]  # records one that could not be done
    clear: Callable[[Item], None]  # removes what is left of one that was not finished
    kept: Callable[[Item], Done | None] | None  # what an earlier run has made of one; None: nothing is to be kept
    name_of: Callable[[Item], str]  # how the log calls one
    what: str  # they are, in the log


def finish(
    plan: Plan[Item, Done], rounds: Iterable[Mapping[int, Item]], is_endless: bool = False
) -> Generator[tuple[int, Item, Done]]:
    """Finish all items; what was begun when the run ends early is cleared away.

    Parameters
    ----------
    plan : how
    rounds : items by their numbers; of a run one round, of a watched folder one whenever something comes
    is_endless : whether nobody knows how many there will be

    Yields
    ------
    Number, item and what was made of it, in the order in which they are finished

    Raises
    ------
    ClusterGone : it says how many are finished
    """
    under_way: dict[int, Item] = {}
    count = 0
    try:
        for one in _finish(plan, rounds, is_endless, under_way):
            count += 1
            yield one
    except ClusterGone as error:
        raise ClusterGone(f"{error}, {count} {plan.what} finished") from None
    finally:
        for item in under_way.values() if plan.workers.scheduler is None else ():  # a cluster may still be at them
            plan.clear(item)


def _finish(
    plan: Plan[Item, Done], rounds: Iterable[Mapping[int, Item]], is_endless: bool, under_way: dict[int, Item]
) -> Iterator[tuple[int, Item, Done]]:
    workers = plan.workers
    with ExitStack() as stack:
        crew = stack.enter_context(crew_of(workers, sys.maxsize)) if is_endless else None
        for items in rounds:
            left = dict(items)
            if plan.kept is not None:
                yield from finished_of(left, plan.kept, plan.what)
            crew = crew or stack.enter_context(crew_of(workers, len(left)))
            for number, item, outcome in do_all(crew, plan.job, left, under_way, workers.settings, plan.name_of):
                done = plan.given_up(item, outcome) if isinstance(outcome, Notice) else outcome
                del under_way[number]
                yield number, item, done


def rounds_of(
    images: Iterable[ImageFile], watched: Watched | None, at_rest: Callable[[], None]
) -> Iterator[Mapping[int, ImageFile]]:
    """The pictures of a run; those of a watched folder as they come, each under the number that it had before.

    Parameters
    ----------
    images : of the run
    watched : a folder that is watched instead
    at_rest : called whenever nothing is new there
    """
    if watched is None:
        yield dict(enumerate(images))
        return
    numbers: dict[str, int] = {}  # of the names: a picture that was changed comes again
    for arrived in arrivals(watched, at_rest):
        yield {numbers.setdefault(image.name, len(numbers)): image for image in arrived}
