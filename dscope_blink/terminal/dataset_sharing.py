"""Data sets handed to other programs and people, and what comes back: `dataset export`, `crops`, `import`, `agree`."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dscope_blink.batch.run_manifest import manifest_of, renewing
from dscope_blink.config.settings import Config
from dscope_blink.files.locking import locked
from dscope_blink.files.whole_files import writing
from dscope_blink.records import UserError
from dscope_blink.records.user_paths import user_path
from dscope_blink.terminal.arguments import check_output_folder, checked_config
from dscope_blink.terminal.tables import console_of, print_line
from dscope_blink.training.agreement import agreement
from dscope_blink.training.crops import cut_crops
from dscope_blink.training.dataset import INDEX, open_dataset
from dscope_blink.training.exporting import EXPORTS, check_formats, export
from dscope_blink.training.importing import import_marks


def export_dataset(arguments: argparse.Namespace) -> int:
    """`dataset export`; 0: all formats are written."""
    asked = [name.strip() for name in arguments.to.split(",") if name.strip()]
    names = tuple(EXPORTS) if asked == ["all"] else check_formats(asked)
    dataset, console = open_dataset(_folder(arguments.dataset)), console_of(arguments.quiet)
    with locked(dataset.folder), renewing(dataset.folder, checked_config(arguments), "dataset export"):
        for name in names:
            print_line(console, f"{name}: {export(dataset, name)}")
    untold = sum(1 for one in dataset.labels() if not one.label.marks_are_known)
    if untold:
        print_line(console, f"{untold} not graded, in which marks may be missing: only in label_studio and cvat")
    return 0


def crop_dataset(arguments: argparse.Namespace) -> int:
    """`dataset crops`; 0: the crops are written."""
    folder = check_output_folder(arguments.output_dir, "crops")
    write_crops(_folder(arguments.dataset), folder, checked_config(arguments), console_of(arguments.quiet))
    return 0


def write_crops(folder: Path, crops: Path, config: Config, console: Console) -> None:
    """Cut crops out of the data set in a folder; earlier ones there are replaced."""
    dataset = open_dataset(folder)
    with writing(crops / INDEX), locked(crops), manifest_of(crops, config, "dataset crops") as manifest:
        if (crops / INDEX).exists():
            (crops / INDEX).unlink()
            for name in ("pixel_level", "labels", "exports"):
                shutil.rmtree(crops / name, ignore_errors=True)
        count = len(cut_crops(dataset, crops, config).names)
        manifest.wrote_everything()
    print_line(console, f"{count} crops of {config.training.crop_px} px: {crops}")


def import_corrections(arguments: argparse.Namespace) -> int:
    """`dataset import`; 0: what people changed is stored."""
    dataset, console = open_dataset(_folder(arguments.dataset)), console_of(arguments.quiet)
    folder = None if arguments.corrections is None else check_output_folder(arguments.corrections, "corrections")
    with locked(dataset.folder), renewing(dataset.folder, checked_config(arguments), "dataset import"):
        found = import_marks(dataset, arguments.form, _folder(arguments.file), arguments.author, folder)
    table = Table(*(found.rows[0]), title="the program as people corrected it")
    for row in found.rows:
        table.add_row(*(_told(value) for value in row.values()))
    print_line(console, f"{len(found.corrections)} pictures corrected or confirmed")
    console.print(table)
    return 0


def tell_agreement(arguments: argparse.Namespace) -> int:
    """`dataset agree`; 0: it is printed."""
    found = agreement(_folder(arguments.first), _folder(arguments.second))
    console = console_of(False)
    for name, value in asdict(found).items():
        print_line(console, f"{name}: {_told(value)}")
    return 0


def _told(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _folder(text: str) -> Path:
    if not text:
        raise UserError("a name must not be empty")
    return user_path(text).absolute()
