"""The manifest of a run: begun before its first file, written after its last, and signed where there is a key."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from dscope_blink.batch.made_by import made_by
from dscope_blink.config.settings import Config
from dscope_blink.files.folder_listing import CHAIN_LINK, Hashed, Listing, hash_file, list_folder
from dscope_blink.files.keys import SigningKey, is_signed_by, signing_key
from dscope_blink.files.ledger import Ledger, append, ledger_file, read_ledger
from dscope_blink.files.locking import locked
from dscope_blink.files.names import LOG, MANIFEST, MANIFESTS, OWN_ENDS, is_earlier_report, is_of_results
from dscope_blink.files.whole_files import FileState, WriteFailed, state_of, write_file, writing
from dscope_blink.records import ImageInfo, UserError, printable, read_file
from dscope_blink.records.batch_manifest import (
    BadManifest,
    BatchManifest,
    ListedFile,
    ListedPart,
    ListedPicture,
    OtherFile,
    Signature,
    State,
    by_name,
    manifest_bytes,
    read_manifest,
)
from dscope_blink.reporting.batch_reports import ReportsNotWritten

NO_KEY = "no key: signing.key of the configuration names none, so these hashes tell of accidents, and of no forger"

INTERRUPTING = (KeyboardInterrupt, GeneratorExit)  # Ctrl-C, in the run or in who takes what it has done

logger = logging.getLogger("dscope.batch")


@dataclass(frozen=True, slots=True)
class Before:
    """What the runs before have left: the newest manifest, whether it can be trusted, and its place in the chain."""

    number: int = 0
    sha256: str | None = None  # of the newest manifest
    manifest: BatchManifest | None = None  # None: there is none that is trusted

    @property
    def batch(self) -> str:
        """That of the folder, a new one where nothing is known of it."""
        return uuid.uuid4().hex if self.manifest is None else self.manifest.batch

    @property
    def files(self) -> Mapping[str, ListedFile]:
        """What they have written."""
        return {} if self.manifest is None else by_name(self.manifest.files)


@dataclass(slots=True)
class Seal:
    """The manifest of a run while it goes on: what was written so far, with its hashes.

    Parameters
    ----------
    folder : of the results, whose lock is held
    config : of the run, whose section `signing` says by whom
    command : that was given
    key : that signs; None: nobody does
    before : what the runs before have left
    tables : names of the files of the whole run, which are hashed when all is written
    ends : of the names that a result may have beside OWN_ENDS
    """

    folder: Path
    config: Config
    command: str
    key: SigningKey | None
    before: Before
    tables: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    _batch: str = ""
    _written: dict[str, dict[str, Hashed]] = field(default_factory=dict)  # by the start of the names of one result
    _pictures: dict[str, ListedPicture] = field(default_factory=dict)  # by the names of their records
    _inputs: dict[str, set[str]] = field(default_factory=dict)
    _known: dict[Path, tuple[FileState, Hashed]] = field(default_factory=dict)  # a watch renews its manifest often

    def __post_init__(self) -> None:
        self._batch = self.before.batch

    def picture(self, record: str, info: ImageInfo | None, inputs: Mapping[str, str]) -> None:
        """Note a picture that is done.

        Parameters
        ----------
        record : name of its record, relative to the folder
        info : of the picture; None: its record tells of none
        inputs : sha256 of what its record rests on, by name
        """
        if info is not None:
            self._pictures[record] = ListedPicture(info.file, info.sha256, info.pixels_sha256, record)
        for name, sha256 in inputs.items():
            self._inputs.setdefault(name, set()).add(sha256)

    def results(self, start: str) -> None:
        """Hash the files of one result, all of which are written; `start` of their names, relative to the folder."""
        self._written[start] = dict(self._hashed(start + end for end in (*OWN_ENDS, *self.ends)))

    def wrote(self, names: Iterable[str]) -> None:
        """Hash other files that this run has written, those of them that are there."""
        for name in names:
            self._written[name] = dict(self._hashed((name,)))

    def wrote_everything(self) -> None:
        """All that lies in the folder now is of this run."""
        self.wrote(list_folder(self.folder).files)

    def _hashed(self, names: Iterable[str]) -> Iterator[tuple[str, Hashed]]:
        for name in names:
            path = self.folder / name
            try:
                yield name, hash_file(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                logger.error("%s: not in the manifest, %s", printable(name), error.strerror)

    def write(self, state: State) -> None:
        """Write the manifest of all that is there now, signed and entered in the ledger where there is a key.

        Raises
        ------
        WriteFailed : it cannot be written
        """
        if not self.folder.is_dir():  # it is not to come back as a folder with nothing but a manifest
            raise WriteFailed(f"{self.folder} is gone")
        manifest = self._made(state, list_folder(self.folder))
        if self.key is not None:
            value = self.key.sign(manifest.signed_text)
            signature = Signature("Ed25519", self.key.public_key, value)
            manifest = replace(manifest, unsigned="", signature=signature)
        data, path = manifest_bytes(manifest), self.folder / MANIFEST
        with writing(path):
            write_file(path, data)
            if self.key is not None:
                append(ledger_file(self.key.path), manifest, hashlib.sha256(data).hexdigest())

    def _made(self, state: State, there: Listing) -> BatchManifest:
        number = self.before.number + 1
        self.wrote((*self.tables, *(name for name in there.files if LOG.match(name))))
        files = {
            name: ListedFile(name, hashed.sha256, hashed.size, number)
            for written in self._written.values()
            for name, hashed in written.items()
        }
        files |= {file.name: file for file in self._carried(there, files)}
        pictures = self._all_pictures(files)
        for name, why in there.odd.items():
            logger.warning("%s: not in the manifest, %s", printable(name), why)
        return BatchManifest(
            self._batch,
            number,
            self.before.sha256,
            self.command,
            state,
            datetime.now().astimezone().isoformat(timespec="seconds"),
            folder_name(self.folder),
            self.config.sha256,
            {name: tuple(sorted(hashes)) for name, hashes in sorted(self._inputs.items())},
            made_by(self.config.signing),
            pictures,
            tuple(files[name] for name in sorted(files)),
            tuple(self._others(there, files, pictures)),
            tuple(ListedPart(name, _sha256_of(there.parts[name])) for name in sorted(there.parts)),
            NO_KEY,
        )

    def _carried(self, there: Listing, written: Mapping[str, ListedFile]) -> Iterator[ListedFile]:
        """What the runs before have written and is as it was, also where this one has moved it aside."""
        for name, path in there.files.items():
            earlier = self.before.files.get(name) or self.before.files.get(is_earlier_report(name))
            if name in written or earlier is None:
                continue
            hashed = self._remembered(path)
            if hashed == Hashed(earlier.sha256, earlier.size):
                yield replace(earlier, name=name)

    def _remembered(self, path: Path) -> Hashed | None:
        try:
            state = state_of(path)
            if self._known.get(path, (None, None))[0] != state:
                self._known[path] = (state, hash_file(path))
            return self._known[path][1]
        except OSError:
            return None

    def _all_pictures(self, files: Mapping[str, ListedFile]) -> tuple[ListedPicture, ...]:
        """Of this run and of those before whose record is still as it was."""
        number = self.before.number + 1
        earlier = () if self.before.manifest is None else self.before.manifest.pictures
        kept = {one.record: one for one in earlier if one.record in files and files[one.record].run < number}
        pictures = kept | self._pictures
        return tuple(pictures[record] for record in sorted(pictures))

    def _others(
        self, there: Listing, files: Mapping[str, ListedFile], pictures: Iterable[ListedPicture]
    ) -> Iterator[OtherFile]:
        of_pictures = {one.file: one.sha256 for one in pictures}
        for name in sorted(there.files.keys() - files.keys()):
            try:
                size = there.files[name].lstat().st_size
            except OSError:
                continue
            sha256 = of_pictures.get(name)
            hashed = None if sha256 is None else self._remembered(there.files[name])
            yield OtherFile(name, size, sha256 if hashed is not None and hashed.sha256 == sha256 else None)


def folder_name(folder: Path) -> str:
    """Where a folder lies, as manifest and ledger call it."""
    return os.fsencode(os.path.realpath(folder)).decode("utf-8", "backslashreplace")


def _sha256_of(part: Path) -> str:
    try:
        return hashlib.sha256(read_file(part / MANIFEST)).hexdigest()
    except OSError:
        return hashlib.sha256(b"").hexdigest()


@contextmanager
def sealing(
    folder: Path,
    config: Config,
    command: str,
    tables: Sequence[str] = (),
    ends: Sequence[str] = (),
    is_endless: bool = False,
) -> Iterator[Seal]:
    """Around all that a run does in its folder, whose lock is held: its manifest is written whatever ends it.

    The manifest of the run before is set aside at once: a run that is killed leaves none.

    Parameters
    ----------
    folder, config, command, tables, ends : as `Seal` has them
    is_endless : it is finished when it is interrupted, as a watch is

    Raises
    ------
    UserError : the key or its ledger cannot be used; nothing was done then
    WriteFailed : the manifest cannot be written
    """
    key = signing_key(config.signing, folder)
    ledger = None if key is None else read_ledger(ledger_file(key.path))  # that it cannot be read is told first
    seal = Seal(folder, config, command, key, set_aside(folder, key, ledger), tuple(tables), tuple(ends))
    is_whole = False
    try:
        yield seal
        is_whole = True
    finally:
        error = None if is_whole else sys.exception()
        if error is None:
            seal.write("finished")
        else:
            _write_early(seal, error, "finished" if is_endless and isinstance(error, INTERRUPTING) else "unfinished")


def _write_early(seal: Seal, error: BaseException, state: State) -> None:
    """The manifest of a run that an error ends, which is to be told and not hidden by another."""
    why = printable(str(error).partition("\n")[0]) or "interrupted"
    if isinstance(error, ReportsNotWritten):
        logger.error("Batch finished without all reports")  # before the log is hashed, as its last line
    elif state == "finished":
        logger.info("Batch ended: %s", why)
    else:
        logger.error("Batch ended early: %s", why)
    try:
        seal.write(state)
    except UserError as problem:
        logger.error("No manifest: %s", printable(str(problem)))


def set_aside(folder: Path, key: SigningKey | None, ledger: Ledger | None) -> Before:
    """Put the manifest of the run before to those of all runs; a run that is killed leaves none in its place.

    Parameters
    ----------
    folder : of the results
    key : of this run: what another has signed, or an older manifest that somebody put back, is not gone on with
    ledger : of that key
    """
    chain = list_chain(folder)
    newest, path = max(chain, default=0), folder / MANIFEST
    if os.path.lexists(path):
        newest += 1
        place = folder / MANIFESTS / f"{newest:04}.json"
        with writing(place):
            os.replace(path, place)
        chain[newest] = place
    if not newest:
        return Before()
    return _newest_trusted(chain, newest, key, ledger)


def list_chain(folder: Path) -> dict[int, Path]:
    """The manifests of the runs before, by their numbers."""
    try:
        names = os.listdir(folder / MANIFESTS)
    except OSError:
        return {}
    return {int(found[1]): folder / MANIFESTS / found[0] for found in map(CHAIN_LINK.match, names) if found}


def _newest_trusted(chain: Mapping[int, Path], newest: int, key: SigningKey | None, ledger: Ledger | None) -> Before:
    """With what the newest of them lists that can be trusted: runs without a key may have come after it."""
    before = Before(newest)
    for number in sorted(chain, reverse=True):
        try:
            data = read_file(chain[number])
            sha256 = hashlib.sha256(data).hexdigest()
            if number == newest:
                before = replace(before, sha256=sha256)
            manifest = read_manifest(data)
            why = _why_not_trusted(manifest, number, sha256, key) or _outdated(manifest, sha256, ledger)
        except (OSError, BadManifest) as error:
            why = str(getattr(error, "strerror", None) or error)
        else:
            if not why:
                return replace(before, manifest=manifest)
        logger.error("manifest of run %d: %s; what it lists is not vouched for", number, printable(why))
    return before


def _why_not_trusted(manifest: BatchManifest, number: int, sha256: str, key: SigningKey | None) -> str:
    """What is carried on from it would be signed by this run: it is to be signed itself, and the newest."""
    if manifest.run != number:
        return f"it says that it is of run {manifest.run}"
    if key is None:
        return ""
    signed = manifest.signature
    if signed is None or signed.public_key != key.public_key:
        return "it is not signed by the key of this run"
    if not is_signed_by(signed.public_key, signed.value, manifest.signed_text):
        return "its signature is not of what it says"
    return ""


def _outdated(manifest: BatchManifest, sha256: str, ledger: Ledger | None) -> str:
    newest = None if ledger is None else ledger.newest(manifest.batch)
    return "" if newest is None or newest.sha256 == sha256 else "the ledger knows a newer one"


@contextmanager
def renewing(folder: Path, config: Config, command: str) -> Iterator[None]:
    """Around what is written into a folder all of which is of this program, a data set, say; its lock is held.

    One that has no manifest yet gets none: nobody can vouch for what lies there.
    """
    if not _has_manifest(folder):
        yield
        return
    with sealing(folder, config, command) as seal:
        yield
        seal.wrote_everything()


def _has_manifest(folder: Path) -> bool:
    return os.path.lexists(folder / MANIFEST) or bool(list_chain(folder))


def _can_be_vouched_for(folder: Path) -> bool:
    """It has a manifest, or holds no result that is none's: only folders that have manifests, the nights, say."""
    return _has_manifest(folder) or not any(map(is_of_results, list_folder(folder).files))


class Resealing:
    """The manifests of a folder of results that is there, and of those within it, while more is written into them.

    What holds results and no manifest yet gets none: nobody can vouch for what lies there. Nor does a folder that
    another run is writing to, which will tell what is written now as of nobody.
    """

    def __init__(self, seals: Sequence[Seal]) -> None:
        self._seals = sorted(seals, key=lambda seal: len(seal.folder.parts), reverse=True)

    def wrote(self, paths: Iterable[Path]) -> None:
        """Hash files that were written, those of them that are there."""
        for path in map(Path.absolute, paths):
            seal = next((seal for seal in self._seals if seal.folder in path.parents), None)
            if seal is not None:
                seal.wrote([path.relative_to(seal.folder).as_posix()])


@contextmanager
def resealing(folder: Path, config: Config, command: str, within: bool = False) -> Iterator[Resealing]:
    """Around what is written into folders of results beside their results.

    Parameters
    ----------
    folder : of the results
    config, command : as `Seal` has them
    within : whether something is written into the folders within it as well
    """
    folder = folder.absolute()
    folders = [folder, *(list_folder(folder).parts.values() if within else ())]
    with ExitStack() as stack:
        seals = []
        for one in filter(_can_be_vouched_for, folders):
            try:
                stack.enter_context(locked(one))
            except UserError as error:
                logger.warning("%s; its manifest is not renewed", printable(str(error)))
                continue
            seals.append(stack.enter_context(sealing(one, config, command)))
        yield Resealing(seals)
