"""Whether `verify` finds what was altered in folders of results, finds nothing in others, and what it costs.

python -m benchmarks.integrity [--each 50] [--pictures 1000] [--seed 23] [--cost 24]

Everything is made here: rendered faces are inspected, signed with a key of their own. Each alteration begins from the
folder as it was, in its own place, and counts as found where `verify` would end with code 1; of three ways to ask it,
with key and ledger, with the key alone, and with hashes alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dscope_blink.batch.run_manifest import RunManifest, manifest_of
from dscope_blink.batch.verifying import Verifying, verify
from dscope_blink.batch.vouching import Finding, Trust
from dscope_blink.config.loading import load_config
from dscope_blink.files.keys import load_private, load_public, make_keys
from dscope_blink.files.ledger import ledger_file, read_ledger
from dscope_blink.files.names import LOCK, MANIFEST, RESULT
from dscope_blink.records.batch_manifest import Signature, manifest_bytes, read_manifest
from dscope_blink.synthetic.faces import render_face
from dscope_blink.synthetic.scenes import random_blemishes, random_face
from dscope_blink.terminal.commands import main as program

FACES, SHAPE = 3, (300, 400)
FIBER = (
    "--fiber-class=multimode",
    "--cladding-diameter-um=125",
    "--profile=fast_scan",
    "--workers=0",
    "--no-plots",
)


@dataclass(frozen=True, slots=True)
class Site:
    """A station: its pictures, key, configuration and folders of results."""

    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "keys" / "site.key"

    @property
    def config(self) -> Path:
        return self.folder / "site.json"

    def pictures(self, name: str, seed: int) -> Path:
        """A folder of rendered faces."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        for k in range(FACES):
            rng = np.random.default_rng((seed, k))
            spec = random_face(rng, shape=SHAPE)
            picture = render_face(spec, random_blemishes(rng, spec, k), rng).image
            cv2.imwrite(str(folder / f"{k}.png"), picture)
        return folder

    def run(self, *words: object) -> None:
        """The program, silent, with the configuration of the site."""
        program([*map(str, words), f"--config={self.config}"])

    def found(self, folder: Path) -> list[Finding]:
        """What `verify` finds, asked with key and ledger."""
        known, ledger = load_public(self.key.with_name("site.key.pub")), read_ledger(ledger_file(self.key))
        asked = Verifying(folder, Trust(known, ledger), load_config(self.config))
        return [finding for one in verify(asked) for finding in one.findings]


def by_way(found: list[Finding]) -> dict[str, bool]:
    """Whether something would be found when asked with key and ledger, with the key alone, and with hashes alone."""
    with_key = [one for one in found if not (one.kind in OF_LEDGER or (one.kind, one.name) == ("exchanged", MANIFEST))]
    return {
        "ledger": bool(found),
        "key": bool(with_key),
        "hashes": any(one.kind not in OF_KEY for one in with_key),
    }


OF_LEDGER, OF_KEY = ("older_run", "not_in_ledger", "broken_ledger"), ("not_signed", "other_key", "wrong_signature")
WAYS = ("ledger", "key", "hashes")


def site_in(folder: Path) -> Site:
    """A station with a key."""
    site = Site(folder)
    site.key.parent.mkdir(parents=True)
    make_keys(site.key)
    named = {"extends": "shipped", "signing": {"key": str(site.key), "operator": "bench"}}
    site.config.write_text(json.dumps(named), encoding="utf-8")
    return site


# --- alterations of a folder: each takes what it needs and says nothing


@dataclass(frozen=True, slots=True)
class Attacked:
    """A folder, what lay there after the run before, and another one with files of the same names."""

    now: Path
    older: Path
    other: Path
    rng: np.random.Generator

    def files(self) -> list[Path]:
        """All that a run has written, manifests too."""
        found = sorted(path for path in self.now.rglob("*") if path.is_file() and path.name != LOCK)
        return [path for path in found if path.stat().st_size]

    def pick(self, paths: list[Path]) -> Path:
        """One of them."""
        return paths[int(self.rng.integers(len(paths)))]


def byte(on: Attacked) -> None:
    """One byte of one file is another."""
    path = on.pick(on.files())
    data = bytearray(path.read_bytes())
    data[int(on.rng.integers(len(data)))] ^= int(on.rng.integers(1, 256))
    path.write_bytes(data)


def field(on: Attacked) -> None:
    """One value of one record or manifest is another; every second time the manifest is made to fit by a forger."""
    path = on.pick([path for path in on.files() if path.suffix == ".json"])
    document = json.loads(path.read_bytes())
    places = list(_leaves(document, ()))
    place, value = places[int(on.rng.integers(len(places)))]
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = _another(value)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    if on.rng.integers(2) and path.name.endswith(RESULT):
        _forge(on, path)


def _forge(on: Attacked, path: Path) -> None:
    """The manifest says what the file is now, and is signed with a key of the forger's own."""
    target, data = on.now / MANIFEST, path.read_bytes()
    manifest = read_manifest(target.read_bytes())
    name = path.relative_to(on.now).as_posix()
    sha256 = hashlib.sha256(data).hexdigest()
    files = tuple(replace(f, sha256=sha256, size=len(data)) if f.name == name else f for f in manifest.files)
    made = on.now.parent / f"forger-{int(on.rng.integers(2**40))}"
    make_keys(made)
    key = load_private(made)
    forged = replace(manifest, files=files)
    forged = replace(forged, signature=Signature("Ed25519", key.public_key, key.sign(forged.signed_text)))
    target.write_bytes(manifest_bytes(forged))


def _leaves(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield place, value
    else:
        for key, inner in items:
            yield from _leaves(inner, (*place, key))


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return {"PASS": "FAIL", "FAIL": "PASS", "NOT_GRADED": "PASS"}.get(value, f"{value}x") if value else "x"


def swap(on: Attacked) -> None:
    """Two files hold each other's bytes."""
    files = on.files()
    one = on.pick(files)
    other = on.pick([path for path in files if path.read_bytes() != one.read_bytes()])
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def removal(on: Attacked) -> None:
    """One file is gone; every third time it is called otherwise now, or another lies there, too."""
    path, how = on.pick(on.files()), int(on.rng.integers(3))
    if how == 0:
        path.unlink()
    elif how == 1:
        path.rename(path.with_name(f"x{path.name}"))
    else:
        shutil.copy(path, path.with_name(f"x{path.name}"))


def exchange(on: Attacked) -> None:
    """A file is that of this name in another signed batch; every third time all of the folder is that batch."""
    if on.rng.integers(3) == 0:
        shutil.rmtree(on.now)
        shutil.copytree(on.other, on.now)
        return
    shared = [path for path in on.files() if (on.other / path.relative_to(on.now)).is_file()]
    path = on.pick([path for path in shared if path.read_bytes() != _twin(on.other, on, path)])
    path.write_bytes(_twin(on.other, on, path))


def replay(on: Attacked) -> None:
    """The signed batch of the run before is put back, whole; every third time one file of it."""
    changed = [path for path in on.files() if (on.older / path.relative_to(on.now)).is_file()]
    changed = [path for path in changed if path.read_bytes() != _twin(on.older, on, path)]
    if on.rng.integers(3) == 0:
        path = on.pick(changed)
        path.write_bytes(_twin(on.older, on, path))
        return
    shutil.rmtree(on.now)
    shutil.copytree(on.older, on.now)


def _twin(folder: Path, on: Attacked, path: Path) -> bytes:
    return (folder / path.relative_to(on.now)).read_bytes()


ALTERATIONS: tuple[Callable[[Attacked], None], ...] = (byte, field, swap, removal, exchange, replay)


def attack(site: Site, each: int, seed: int) -> Mapping[str, Counter[str]]:
    """How many alterations of each kind are found in each way; those that are not are printed."""
    now, older, other, whole = (site.folder / name for name in ("results", "older", "other", "whole"))
    first, second = site.pictures("first", 1), site.pictures("second", 2)
    words = ("inspect", *FIBER, "--quiet", "--pdf")
    site.run(*words, first, f"--output-dir={now}")
    shutil.copytree(now, older)
    site.run(*words, first, f"--output-dir={now}", "--edition=iec_61300_3_35_2015")
    site.run(*words, second, f"--output-dir={other}")
    shutil.copytree(now, whole)
    found: dict[str, Counter[str]] = {}
    for kind, alter in enumerate(ALTERATIONS):
        counts = found[alter.__name__] = Counter()
        for number in range(each):
            shutil.rmtree(now)
            shutil.copytree(whole, now)
            alter(Attacked(now, older, other, np.random.default_rng((seed, kind, number))))
            counts["all"] += 1
            is_found = by_way(site.found(now))
            counts.update(how for how in WAYS if is_found[how])
            if not is_found["ledger"]:
                print(f"NOT FOUND: {alter.__name__} {number}")
    return found


# --- folders that nobody touched


def untouched(site: Site) -> list[tuple[str, list[str]]]:
    """What is found in folders as the program has left them, each made in another way."""
    first = site.pictures("calm", 3)
    told = []
    for number, (name, runs) in enumerate(CALM.items()):
        out = site.folder / f"calm-{number:02}"
        for words in runs:
            filled = [str(word).format(pictures=first, out=out) for word in words]
            site.run(*filled)
        if name.startswith("copied"):
            shutil.copytree(out, out.with_name(f"{out.name}-copy"))
            out = out.with_name(f"{out.name}-copy")
        told.append((name, [finding.line for finding in site.found(out)]))
    return told


INSPECT = ("inspect", *FIBER, "--quiet", "{pictures}", "--output-dir={out}")
REPORT, REGRADE = ("report", "--quiet", "{out}"), ("regrade", "--quiet", "{out}")
NIGHT_2 = ("nightly", *FIBER, "--input-dir={pictures}", "--results-dir={out}", "--night=2026-01-02")
NIGHTLY = ("nightly", *FIBER, "--input-dir={pictures}", "--results-dir={out}")
DATASET = ("dataset", "render", "--quiet", "--count=2", "--output-dir={out}", "--workers=0")
ALONE = ("analyze", *FIBER, "--quiet", "{pictures}", "--output-dir={out}")
CALM: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "inspected": (INSPECT,),
    "with plots": (tuple(word for word in INSPECT if word != "--no-plots"),),
    "with every report": ((*INSPECT, "--pdf", "--excel", "--json-lines", "--markdown"),),
    "with cells and zones": ((*INSPECT, "--cells", "--zone-images", "--agreement"),),
    "without page": ((*INSPECT, "--no-report"),),
    "by two processes": (tuple(word.replace("--workers=0", "--workers=2") for word in INSPECT),),
    "twice": (INSPECT, INSPECT),
    "resumed": (INSPECT, (*INSPECT, "--resume")),
    "resumed with more": (INSPECT, (*INSPECT, "--resume", "--pdf")),
    "fewer reports then": ((*INSPECT, "--pdf", "--excel"), INSPECT),
    "another edition then": (INSPECT, (*INSPECT, "--edition=iec_61300_3_35_2015")),
    "reported": (INSPECT, (*REPORT, "--pdf")),
    "regraded": (INSPECT, (*REGRADE, "--edition=iec_61300_3_35_2015")),
    "regraded with certificates": (INSPECT, (*REGRADE, "--edition=iec_61300_3_35_2015", "--pdf", "--report")),
    "compared": (INSPECT, (*REGRADE, "--compare")),
    "a night": (NIGHTLY,),
    "nights, reported": (
        NIGHTLY,
        ("nightly", *FIBER, "--input-dir={pictures}", "--results-dir={out}", "--night=2026-01-02"),
        REPORT,
    ),
    "a data set": (DATASET,),
    "a data set, exported": (DATASET, ("dataset", "export", "--to=coco", "--quiet", "{out}")),
    "copied elsewhere, analyzed": (ALONE,),
}


# --- what it costs


def of_many(site: Site, pictures: int) -> dict[str, float]:
    """Seconds of the processor for a folder of so many pictures: hashed and listed, signed, verified."""
    source, folder = site.folder / "calm-02", site.folder / "many"
    config = load_config(site.config).profiles["fast_scan"]
    folder.mkdir()
    starts = [str(path).removesuffix(RESULT) for path in sorted(source.glob(f"*{RESULT}"))]
    for number in range(pictures):
        start = starts[number % len(starts)]
        for path in source.glob(f"{Path(start).name}_*"):
            shutil.copy(path, folder / f"{number:05}{path.name.removeprefix(Path(start).name)}")
    began = process_time()
    with manifest_of(folder, config, "inspect") as manifest:
        _note_all(manifest, folder, pictures)
        hashed = process_time()
    written = process_time()
    told = [
        one for one in site.found(folder) if one.kind != "wrong_verdict"
    ]  # copies lie under other names than theirs
    assert not told, told[:3]
    verified = process_time()
    files = read_manifest((folder / MANIFEST).read_bytes()).files
    spent = {"hash_s": hashed - began, "write_s": written - hashed, "verify_s": verified - written}
    return {"files": len(files), "MB": sum(file.size for file in files) / 1e6, **spent}


def _note_all(manifest: RunManifest, folder: Path, pictures: int) -> None:
    from dscope_blink.records import ImageInfo

    for number in range(pictures):
        name = f"{number:05}"
        manifest.picture(name + RESULT, ImageInfo(f"{name}.png", "0" * 64), {})
        manifest.results(name)


def speeds(site: Site, pictures: int) -> dict[str, float]:
    """Images per second of the processor, signed and not, by turns."""
    folder = site.folder / "many_faces"
    folder.mkdir()
    for number, path in zip(range(pictures), sorted(site.folder.glob("calm/*.png")) * pictures, strict=False):
        shutil.copy(path, folder / f"{number}{path.name}")
    spent = dict.fromkeys(("signed", "unsigned"), 0.0)
    for turn in range(2):
        for how in spent:
            out = site.folder / f"{how}-{turn}"
            config = [f"--config={site.config}"] if how == "signed" else []
            began = process_time()
            program(["inspect", *FIBER, "--quiet", str(folder), f"--output-dir={out}", *config])
            spent[how] += process_time() - began
    return {how: 2 * pictures / seconds for how, seconds in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=50, help="alterations of each of the six kinds")
    parser.add_argument("--pictures", type=int, default=1000, help="of the folder that is timed")
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--cost", type=int, default=24, help="pictures that are inspected, signed and not")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _tell(site_in(Path(folder)), asked)


def _tell(site: Site, asked: argparse.Namespace) -> None:
    print("| alteration | made | with key and ledger | with key alone | with hashes alone |\n|---|---|---|---|---|")
    for kind, counts in attack(site, asked.each, asked.seed).items():
        print(f"| {kind} | {' | '.join(str(counts[how]) for how in ('all', *WAYS))} |", flush=True)
    calm = untouched(site)
    print(f"\nuntouched folders: {len(calm)}, with findings: {sum(bool(found) for _, found in calm)}", flush=True)
    for name, found in calm:
        for line in found:
            print(f"  {name}: {line}")
    if asked.pictures:
        print(
            f"\n{asked.pictures} pictures, seconds of the processor:",
            _rounded(of_many(site, asked.pictures)),
            flush=True,
        )
    if asked.cost:
        print("pictures per second of the processor:", _rounded(speeds(site, asked.cost)), flush=True)


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in values.items()}


if __name__ == "__main__":
    main()
