"""Keys, and whether what was written is as it was written: `keys make`, `keys show`, `verify DIR`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from rich.console import Console

from dscope_blink.batch.verifying import Verified, Verifying, verify
from dscope_blink.batch.vouching import Trust
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import SigningSettings
from dscope_blink.files.keys import PUBLIC, fingerprint, known_key, load_public, make_keys, public_file
from dscope_blink.files.ledger import Ledger, ledger_file, read_ledger
from dscope_blink.records import UserError
from dscope_blink.terminal.running import UNFINISHED
from dscope_blink.terminal.starting import missing_packages
from dscope_blink.terminal.tables import console_of, print_line


def keys(arguments: argparse.Namespace) -> int:
    """Make a pair of keys, or say which one a file holds; returns the exit code 0."""
    _check_package()
    path, console = _file(arguments.file, "key"), console_of()
    if arguments.action == "show":
        print_line(console, fingerprint(load_public(path)))
        return 0
    public_key = make_keys(path)
    print_line(console, f"Private key: {path} (keep it where only who signs can read it)")
    print_line(console, f"Public key: {public_file(path)} (for who verifies), {fingerprint(public_key)}")
    print_line(
        console, f'What is written from now on is signed once the configuration says "signing": {{"key": "{path}"}}'
    )
    return 0


def verify_results(arguments: argparse.Namespace) -> int:
    """Say line by line what is not as it was written; 0: nothing, 1: something, or it cannot be told."""
    asked = checked_verifying(arguments)
    well, console = True, console_of(arguments.quiet)
    for found in verify(asked):
        well &= not found.findings
        if arguments.json:
            _print_json(found)
        else:
            _print(found, console)
    return 0 if well else UNFINISHED


def _print(found: Verified, console: Console) -> None:
    """What is wrong is told also where nothing else is."""
    loud = console_of()
    for finding in found.findings:
        print_line(loud, finding.line)
    for note in found.notes:
        print_line(console, f"Note: {note}")
    print_line(loud if found.findings else console, f"{found.folder}: {found.in_words}")


def _print_json(found: Verified) -> None:
    for finding in found.findings:
        told = {"folder": str(found.folder), "kind": finding.kind, "name": finding.name, "text": finding.text}
        print(json.dumps(told), flush=True)
    ended = {"folder": str(found.folder), "well": not found.findings, "findings": len(found.findings)}
    print(json.dumps({**ended, "notes": found.notes, "text": found.in_words}), flush=True)


def checked_verifying(arguments: argparse.Namespace) -> Verifying:
    """Check what was asked of `verify`; UserError where a folder, key or ledger cannot be used."""
    folder = _folder(arguments.results_dir, "results folder")
    settings = load_config(Path(arguments.config))
    signing = settings.profile(settings.default_profile).signing
    if arguments.key or signing.key or signing.public_key:
        _check_package()
    key = load_public(_file(arguments.key, "--key")) if arguments.key else known_key(signing)
    pictures = None if arguments.input_dir is None else _folder(arguments.input_dir, "input folder")
    trust = Trust(key, _ledger(arguments, signing), arguments.unsigned)
    return Verifying(folder, trust, settings, pictures)


def _ledger(arguments: argparse.Namespace, signing: SigningSettings) -> Ledger | None:
    """That which is named, or else that beside the key, if there is one."""
    if arguments.ledger:
        path = _file(arguments.ledger, "--ledger")
        if not path.exists():
            raise UserError(f"ledger {path}: no such file")
        return read_ledger(path)
    named = arguments.key or signing.key or signing.public_key
    beside = None if named is None else ledger_file(Path(named).expanduser())
    return read_ledger(beside) if beside is not None and beside.exists() else None


def _folder(text: str, name: str) -> Path:
    folder = _file(text, name)
    if not os.path.isdir(folder):
        raise UserError(f"{name} {text}: {'not a folder' if os.path.lexists(folder) else 'no such folder'}")
    return folder


def _file(text: str, name: str) -> Path:
    if not text:
        raise UserError(f"{name}: a name must not be empty")
    return Path(text).expanduser().absolute()


def _check_package() -> None:
    if missing := missing_packages(("cryptography",)):
        raise UserError("\n".join(missing))


def add_keys(parser: argparse.ArgumentParser) -> None:
    """What is asked of keys."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    make = actions.add_parser("make", help="make a pair of keys for signing", allow_abbrev=False)
    make.add_argument(
        "file", metavar="FILE", help=f"of the private key, in no folder of results; beside it FILE{PUBLIC}"
    )
    show = actions.add_parser("show", help="print which key a file holds", allow_abbrev=False)
    show.add_argument("file", metavar=f"FILE{PUBLIC}", help="of the public key")


def add_verify(parser: argparse.ArgumentParser, config: str) -> None:
    """What is asked of verifying; `config` is the configuration that ships."""
    parser.add_argument("results_dir", metavar="DIR", help="folder that a run has written")
    parser.add_argument(
        "--key", metavar=f"FILE{PUBLIC}", help="public key that must have signed; default: the configured"
    )
    parser.add_argument("--ledger", metavar="FILE", help="of what the key has signed; default: the one beside the key")
    parser.add_argument("--input-dir", metavar="DIR", help="folder of the pictures: these are looked at, too")
    parser.add_argument(
        "--unsigned", action="store_true", help="hashes will do: they tell of accidents, not of forgers"
    )
    parser.add_argument("--config", metavar="FILE", default=config, help="default: the one that ships")
    parser.add_argument(
        "--json", action="store_true", help="print JSON, one line for each finding and one for each folder"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but what was found")
