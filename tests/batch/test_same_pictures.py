"""A picture that is met under two names warns on both, and each only once."""

from __future__ import annotations

from dataclasses import replace

from dscope_blink.batch.same_pictures import IN_RECORD, SAME, MetPictures, warn_in_record
from dscope_blink.records import notice, texts
from dscope_blink.records.stored import load_record
from tests.builders.alterations import altered, with_verdict
from tests.builders.batches import CONFIG, batch_of, finished
from tests.builders.pictures import SCRATCH, face_png, folder_of

ONE, TWO, PIXELS = "1" * 64, "2" * 64, "3" * 64


def told(met: MetPictures, number: int, file: str, sha256: str | None, pixels: str | None) -> list[tuple[int, str]]:
    return [(one, warning.text) for one, warning in met.add(number, file, sha256, pixels)]


def test_the_same_bytes_under_another_name_warn_on_both():
    met = MetPictures()
    assert told(met, 0, "a.png", ONE, PIXELS) == []
    assert told(met, 1, "b.png", ONE, PIXELS) == [
        (1, "Same picture: it has the same bytes as a.png"),
        (0, "Same picture: it has the same bytes as b.png"),
    ]
    assert told(met, 2, "c.png", ONE, PIXELS) == [(2, "Same picture: it has the same bytes as a.png")]


def test_the_same_pixels_in_other_bytes_warn_on_both():
    met = MetPictures()
    assert told(met, 0, "a.png", ONE, PIXELS) == []
    assert [number for number, _ in told(met, 1, "a.bmp", TWO, PIXELS)] == [1, 0]


def test_other_pictures_unread_ones_and_lanes_of_one_picture_do_not():
    met = MetPictures()
    for number, (file, sha256) in enumerate([("a", ONE), ("a", ONE), ("b", TWO), ("c", None), ("d", None)]):
        assert told(met, number, file, sha256, None) == []


def test_a_picture_that_was_replaced_is_that_of_before_no_more():
    met = MetPictures()
    assert told(met, 0, "a", ONE, None) == []
    assert told(met, 0, "a", TWO, None) == []
    assert told(met, 1, "b", ONE, None) == []


def test_a_warned_record_is_whole_with_its_certificate_and_an_altered_one_is_left_as_it_is(pictures, out):
    folder_of(pictures, "a.png", data=face_png(SCRATCH))
    asked = batch_of(pictures, out, config=replace(CONFIG, reporting=replace(CONFIG.reporting, pdf=True)))
    finished(asked)
    start, path, warning = str(out / "a"), out / "a_result.json", notice(SAME, "it has the same bytes as b.png")
    whole, certificate = path.read_bytes(), (out / "a_certificate.pdf").read_bytes()
    altered(path, with_verdict)
    before = path.read_bytes()
    assert warn_in_record(start, warning, CONFIG) is None
    assert (path.read_bytes(), (out / "a_certificate.pdf").read_bytes()) == (before, certificate)
    path.write_bytes(whole)
    warned = warn_in_record(start, warning, CONFIG)
    assert warned == load_record(path)
    assert IN_RECORD.text in texts(warned.quality.warnings)
    assert (out / "a_certificate.pdf").read_bytes() != certificate
    assert [done.resumed for done in finished(replace(asked, resume=True))] == [True]
