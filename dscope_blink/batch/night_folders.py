"""One folder of results for each night, of which the newest are kept."""

from __future__ import annotations

import logging
import os
import shutil
from datetime import date
from pathlib import Path

from dscope_blink.files.names import LOCK

logger = logging.getLogger("dscope.nights")


def folder_of(results_dir: Path, night: date) -> Path:
    """Where the results of a night lie: RESULTS_DIR/YYYY-MM-DD."""
    return results_dir / night.isoformat()


def keep_newest(results_dir: Path, count: int, night: date) -> None:
    """Remove the folders of all but the newest nights; what cannot be removed is logged and stays.

    Only a folder that is named as a night and in which this program has worked is one. Nothing newer than the night
    that begins is removed: who does an old one again has not asked for the end of those that came after it.

    Parameters
    ----------
    results_dir : folder of the nights
    count : how many to keep, at least 1
    night : one that is kept among them, whether its folder is there yet or not
    """
    others = sorted(found for found in _nights(results_dir) if found != night)
    for old in others[: max(0, len(others) - (count - 1))]:
        if old > night:
            break
        try:
            shutil.rmtree(folder_of(results_dir, old))
            logger.info("Removed the results of %s", old)
        except OSError as error:
            logger.warning("%s: cannot be removed, %s", error.filename, error.strerror)
        except RecursionError:
            logger.warning("%s: cannot be removed, its folders lie too deep in each other", folder_of(results_dir, old))


def _nights(results_dir: Path) -> set[date]:
    found = set()
    for entry in os.scandir(results_dir) if results_dir.is_dir() else ():
        try:
            night = date.fromisoformat(entry.name)
        except ValueError:
            continue
        folder = folder_of(results_dir, night)
        if entry.name == folder.name and entry.is_dir(follow_symlinks=False) and (folder / LOCK).exists():
            found.add(night)
    return found
