"""The manifest of a run: begun before its first file, written after its last, and signed where there is a key."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from dscope_blink.batch.earlier_runs import Before, list_chain, set_aside
from dscope_blink.batch.made_by import made_by
from dscope_blink.config.settings import Config
from dscope_blink.files.folder_listing import Hashed, Listing, hash_file, list_folder
from dscope_blink.files.keys import SigningKey, signing_key
from dscope_blink.files.ledger import append, ledger_file, read_ledger
from dscope_blink.files.locking import locked
from dscope_blink.files.names import LOG, MANIFEST, OWN_ENDS, is_earlier_report, is_of_results
from dscope_blink.files.whole_files import FileState, WriteFailed, state_of, write_file, writing
from dscope_blink.records import ImageInfo, UserError, printable, read_file
from dscope_blink.records.batch_manifest import (
    BatchManifest,
    ListedFile,
    ListedPart,
    ListedPicture,
    OtherFile,
    Signature,
    State,
    manifest_bytes,
)
from dscope_blink.reporting.batch_reports import ReportsNotWritten

NO_KEY = "no key: signing.key of the configuration names none, so these hashes tell of accidents, and of no forger"

INTERRUPTING = (KeyboardInterrupt, GeneratorExit)  # Ctrl-C, in the run or in who takes what it has done

logger = logging.getLogger("dscope.batch")


@dataclass(slots=True)
class RunManifest:
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
def manifest_of(
    folder: Path,
    config: Config,
    command: str,
    tables: Sequence[str] = (),
    ends: Sequence[str] = (),
    is_endless: bool = False,
) -> Iterator[RunManifest]:
    """Around all that a run does in its folder, whose lock is held: its manifest is written whatever ends it.

    The manifest of the run before is set aside at once: a run that is killed leaves none.

    Parameters
    ----------
    folder, config, command, tables, ends : as `RunManifest` has them
    is_endless : it is finished when it is interrupted, as a watch is

    Raises
    ------
    UserError : the key or its ledger cannot be used; nothing was done then
    WriteFailed : the manifest cannot be written
    """
    key = signing_key(config.signing, folder)
    ledger = None if key is None else read_ledger(ledger_file(key.path))  # that it cannot be read is told first
    manifest = RunManifest(folder, config, command, key, set_aside(folder, key, ledger), tuple(tables), tuple(ends))
    is_whole = False
    try:
        yield manifest
        is_whole = True
    finally:
        error = None if is_whole else sys.exception()
        if error is None:
            manifest.write("finished")
        else:
            _write_early(
                manifest, error, "finished" if is_endless and isinstance(error, INTERRUPTING) else "unfinished"
            )


def _write_early(manifest: RunManifest, error: BaseException, state: State) -> None:
    """The manifest of a run that an error ends, which is to be told and not hidden by another."""
    why = printable(str(error).partition("\n")[0]) or "interrupted"
    if isinstance(error, ReportsNotWritten):
        logger.error("Batch finished without all reports")  # before the log is hashed, as its last line
    elif state == "finished":
        logger.info("Batch ended: %s", why)
    else:
        logger.error("Batch ended early: %s", why)
    try:
        manifest.write(state)
    except UserError as problem:
        logger.error("No manifest: %s", printable(str(problem)))


@contextmanager
def renewing(folder: Path, config: Config, command: str) -> Iterator[None]:
    """Around what is written into a folder all of which is of this program, a data set, say; its lock is held.

    One that has no manifest yet gets none: nobody can vouch for what lies there.
    """
    if not _has_manifest(folder):
        yield
        return
    with manifest_of(folder, config, command) as manifest:
        yield
        manifest.wrote_everything()


def _has_manifest(folder: Path) -> bool:
    return os.path.lexists(folder / MANIFEST) or bool(list_chain(folder))


def _can_be_vouched_for(folder: Path) -> bool:
    """It has a manifest, or holds no result that is none's: only folders that have manifests, the nights, say."""
    return _has_manifest(folder) or not any(map(is_of_results, list_folder(folder).files))


class Renewed:
    """The manifests of a folder of results that is there, and of those within it, while more is written into them.

    What holds results and no manifest yet gets none: nobody can vouch for what lies there. Nor does a folder that
    another run is writing to, which will tell what is written now as of nobody.
    """

    def __init__(self, manifests: Sequence[RunManifest]) -> None:
        self._manifests = sorted(manifests, key=lambda manifest: len(manifest.folder.parts), reverse=True)

    def wrote(self, paths: Iterable[Path]) -> None:
        """Hash files that were written, those of them that are there."""
        for path in map(Path.absolute, paths):
            manifest = next((manifest for manifest in self._manifests if manifest.folder in path.parents), None)
            if manifest is not None:
                manifest.wrote([path.relative_to(manifest.folder).as_posix()])


@contextmanager
def renewing_all(folder: Path, config: Config, command: str, within: bool = False) -> Iterator[Renewed]:
    """Around what is written into folders of results beside their results.

    Parameters
    ----------
    folder : of the results
    config, command : as `RunManifest` has them
    within : whether something is written into the folders within it as well
    """
    folder = folder.absolute()
    folders = [folder, *(list_folder(folder).parts.values() if within else ())]
    with ExitStack() as stack:
        manifests = []
        for one in filter(_can_be_vouched_for, folders):
            try:
                stack.enter_context(locked(one))
            except UserError as error:
                logger.warning("%s; its manifest is not renewed", printable(str(error)))
                continue
            manifests.append(stack.enter_context(manifest_of(one, config, command)))
        yield Renewed(manifests)
