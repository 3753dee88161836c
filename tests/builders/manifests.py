"""Manifests of a run, as a folder of results has them."""

from __future__ import annotations

from dataclasses import replace

from dscope_blink.records.batch_manifest import BatchManifest, ListedFile, ListedPart, ListedPicture, MadeBy, OtherFile

HASH = "0123456789abcdef" * 4
BY = MadeBy("D-Scope Blink", "0.2.0", HASH, "3.12.0", {"numpy": "2.2.0"}, "one, x86_64", "station-3", "Ann")
A_MANIFEST = BatchManifest(
    batch="0" * 32,
    run=1,
    previous=None,
    command="inspect",
    state="finished",
    made="2026-05-06T07:08:09+00:00",
    folder="/results/a",
    configuration_sha256=HASH,
    inputs={"config": (HASH,)},
    made_by=BY,
    pictures=(ListedPicture("a.png", HASH, None, "a_result.json"),),
    files=(ListedFile("a_result.json", HASH, 7, 1), ListedFile("sub/b_result.json", HASH, 7, 1)),
    others=(OtherFile("notes.txt", 3),),
    parts=(ListedPart("inspections", HASH),),
    unsigned="no key",
)
OTHER_BATCH = replace(A_MANIFEST, batch="1" * 32, folder="/results/b", run=4)


def of_run(run: int) -> BatchManifest:
    """A later run of the same batch."""
    return replace(A_MANIFEST, run=run, previous=HASH)
