"""The page of a batch as text: complete, safe whatever the names, and whole whatever is missing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

from dscope_blink.files.names import REPORT
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.records import Check, Inspection, Notice, UserError
from dscope_blink.reporting.page import write_html_report
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.terminal.commands import main
from tests.builders.batches import SHIPPED, batch_of, finished, written
from tests.builders.folders import linux_names
from tests.builders.inspections import EVERY_KIND, FAILED, HOSTILE_FILE, NO_SCALE, NOT_LOCATED, PASSED, UNREADABLE
from tests.builders.pictures import SCRATCH, face_png, folder_of
from tests.builders.stored_results import APART, HOSTILE, REPORTING, alternating, annotated, result_of, results_of


class _Page(HTMLParser):
    """Elements with their attributes, what stands in scripts and styles, and all other text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, dict[str, str | None], str]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in self.CDATA_CONTENT_ELEMENTS:
            self.inside.append((tag, dict(attrs), ""))

    def handle_data(self, data):
        if self.cdata_elem is None:
            self.words += data
        else:
            tag, attributes, text = self.inside[-1]
            self.inside[-1] = tag, attributes, text + data

    def script(self, name: str) -> str:
        return next(data for _, attributes, data in self.inside if attributes.get("id") == name)


def page_of(folder: Path, results: list[Path], wanted: Any = REPORTING) -> _Page:
    return _Page(write_html_report(folder / REPORT, StoredResults(results), wanted).read_text(encoding="utf-8"))


def rows_of(page: _Page) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(page.script("batch"))["rows"]
    return rows


def details_of(page: _Page) -> list[dict[str, Any]]:
    return [json.loads(line) for line in page.script("details").strip().split("\n")]


def page_with(folder: Path, inspection: Inspection, **others: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Row and details of the only picture."""
    page = page_of(folder, [result_of(folder, "a", inspection, **others)])
    return rows_of(page)[0], details_of(page)[0]


# --- what it says


def test_every_result_has_its_row_and_its_details_in_the_order_of_the_batch(tmp_path):
    page = page_of(tmp_path, results_of(tmp_path, EVERY_KIND))
    assert [row["f"] for row in rows_of(page)] == [f"{name}.png" for name in EVERY_KIND]
    assert [len(one["marks"]) for one in details_of(page)] == [len(one.defects) for one in EVERY_KIND.values()]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_batch_of_one_result_of_any_kind_has_a_page(tmp_path, kind):
    assert len(rows_of(page_of(tmp_path, results_of(tmp_path, {kind: EVERY_KIND[kind]})))) == 1


def test_a_batch_without_a_readable_record_has_a_page(tmp_path):
    assert "0 end faces" in page_of(tmp_path, [tmp_path / "gone_result.json"]).words


def test_a_record_that_is_damaged_is_passed_over_with_a_warning(tmp_path, caplog):
    paths = results_of(tmp_path, alternating(3))
    paths[1].write_text(paths[1].read_text(encoding="utf-8").replace('"contour_px"', '"contour"'), encoding="utf-8")
    paths[0].write_text(paths[0].read_text(encoding="utf-8").replace('"contour_px"', '"contour"'), encoding="utf-8")
    assert [row["f"] for row in rows_of(page_of(tmp_path, paths))] == ["face_0001.png", "face_0002.png"]
    assert "face_0000_result.json: not in the reports" in caplog.text


def test_yield_and_verdicts_are_counted(tmp_path):
    inspections = {"a": FAILED, "b": PASSED, "c": PASSED, "d": NOT_LOCATED}
    words = re.sub(r"\s+", " ", page_of(tmp_path, results_of(tmp_path, inspections)).words)
    assert "50.0%yield: 3 of 4 graded, 2 pass 2PASS 1FAIL 1NOT GRADED 0MARGINAL" in words


def test_limits_that_are_not_confirmed_are_named(tmp_path):
    assert (
        "not confirmed: iec_61300_3_35_2022 single_mode_upc"
        in page_of(tmp_path, results_of(tmp_path, {"a": FAILED})).words
    )
    sure = replace(FAILED, criteria=replace(FAILED.criteria, confirmed=True))
    assert "These limits are not confirmed" not in page_of(tmp_path, results_of(tmp_path, {"a": sure})).words


def test_a_mark_stands_beside_the_limit_that_counts_it_or_the_next_above_its_size(tmp_path):
    _, details = page_with(tmp_path, FAILED)
    marks, rules = {mark["id"]: mark for mark in details["marks"]}, [check["rule"] for check in details["checks"]]
    violating, counted, unlimited = (marks[name]["limit"] for name in ("S1", "P1", "C1"))
    assert rules[violating["check"]] == "scratch width of any size"
    assert violating["measured"] == "width 3.6 \u00b1 0.7 um"
    assert (violating["counts"], violating["share"]) == (1, 1.0)
    assert rules[counted["check"]] == "defect diameter >= 2 um and <= 10 um"
    assert counted["share"] == pytest.approx(1 / 6, abs=1e-3)  # one of the five that are allowed
    assert unlimited is None


def test_a_mark_larger_than_all_that_its_zone_limits_stands_beside_none(tmp_path):
    small = Check("contact", "defect diameter <= 5 um", 0, 4, None, 0.0, (), "defect")
    verdict = replace(PASSED.verdict, checks=(small,))
    _, details = page_with(tmp_path, replace(FAILED, verdict=verdict, defects=FAILED.defects[3:]))
    assert [mark["limit"] for mark in details["marks"]] == [None, None]


def test_the_mark_that_breaks_a_limit_comes_first(tmp_path):
    _, details = page_with(tmp_path, replace(FAILED, defects=FAILED.defects[::-1]))
    assert [(mark["id"], mark["state"]) for mark in details["marks"][:2]] == [("S1", "broken"), ("P1", "counted")]


def test_sizes_are_in_pixels_without_a_scale(tmp_path):
    row, details = page_with(tmp_path, NO_SCALE)
    assert {mark["unit"] for mark in details["marks"]} == {"px"}
    assert [mark["limit"] for mark in details["marks"]] == [None] * 5
    assert row["d"] is None


def test_a_diameter_that_gave_the_scale_is_not_shown_as_measured(tmp_path):
    assert page_with(tmp_path, FAILED)[0]["q"] == 1


def test_the_outline_drawn_is_that_of_the_record(tmp_path):
    _, details = page_with(tmp_path, FAILED)
    path = next(mark["path"] for mark in details["marks"] if mark["id"] == "P1")
    drawn = np.array(re.findall(r"-?[\d.]+", path), float).reshape(-1, 2).cumsum(axis=0)
    middle, radius = FAILED.defects[1].centroid_px, FAILED.defects[1].diameter_px / 2
    assert len(drawn) > 8
    assert np.abs(np.hypot(*(drawn - middle).T) - radius).max() < 0.6


# --- pictures


def test_a_small_batch_holds_its_pictures_itself(tmp_path):
    row, details = page_with(tmp_path, FAILED)
    thumbnail = base64.b64decode(row["i"].removeprefix("data:image/jpeg;base64,"))
    assert thumbnail == (tmp_path / "a_thumbnail.jpg").read_bytes()
    assert details["view"].startswith("data:image/jpeg;base64,")
    assert details["evidence"].startswith("data:image/png;base64,")


def test_a_large_batch_shows_the_pictures_beside_it(tmp_path):
    page = page_of(tmp_path, [result_of(tmp_path, "sub/a", FAILED)], APART)
    assert rows_of(page)[0]["i"] == "sub/a_thumbnail.jpg"
    assert details_of(page)[0]["view"] == "sub/a_view.jpg"
    assert "data:" not in page.script("batch") + page.script("details")


def test_the_limit_counts_what_the_pictures_take_in_the_page(tmp_path):
    paths = results_of(tmp_path, alternating(4))
    pictures = sum(path.stat().st_size for path in tmp_path.iterdir() if path.suffix in (".jpg", ".png"))
    just = pictures * 4 / 3 / 1e6
    for limit, embedded in ((just * 1.001, True), (just * 0.999, False)):
        page = page_of(tmp_path, paths, replace(REPORTING, report_embed_max_mb=limit))
        assert rows_of(page)[0]["i"].startswith("data:") == embedded


def test_without_its_own_picture_the_annotated_one_is_shown(tmp_path):
    path = result_of(tmp_path, "a", FAILED, pictures=False)
    annotated(tmp_path, "a", FAILED)
    details = details_of(page_of(tmp_path, [path]))[0]
    assert (details["view"], details["drawn"]) == ("", "a_annotated.png")


def test_without_any_picture_none_is_asked_for(tmp_path):
    row, details = page_with(tmp_path, FAILED, pictures=False)
    assert (row["i"], details["view"], details["drawn"], details["evidence"]) == ("", "", "", "")
    assert details["links"] == [["Record (JSON)", "a_result.json"]]


@linux_names
def test_links_lead_to_files_of_any_name(tmp_path):
    name = 'tray #1/50% "so" ?&\'\u56f3 javascript:x'
    path = result_of(tmp_path, name, FAILED)
    annotated(tmp_path, name, FAILED)
    details = details_of(page_of(tmp_path, [path], APART))[0]
    for link in [details["view"], details["evidence"], *(address for _, address in details["links"])]:
        assert re.fullmatch(r"[\w.%/-]+", link, re.ASCII)
        assert (tmp_path / unquote(link)).is_file()


# --- safe


def test_no_name_becomes_markup(tmp_path):
    kind = {name: replace(FAILED, image=replace(FAILED.image, file=name)) for name in HOSTILE}
    carried = replace(FAILED.request, manifest={name: name for name in HOSTILE})
    reasons = replace(NOT_LOCATED.verdict, reasons=tuple(Notice("other", text) for text in HOSTILE))
    kind |= {"reason": replace(NOT_LOCATED, verdict=reasons), "carried": replace(FAILED, request=carried)}
    paths = [result_of(tmp_path, str(number), one) for number, one in enumerate(kind.values())]
    page, plain = page_of(tmp_path, paths), page_of(tmp_path, results_of(tmp_path, alternating(10)))
    assert [row["f"] for row in rows_of(page)[: len(HOSTILE)]] == list(HOSTILE)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements} | {"ol", "li"}
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_the_policy_lets_only_the_own_script_and_style_run_and_nothing_be_fetched(tmp_path):
    page = page_of(tmp_path, results_of(tmp_path, {"a": UNREADABLE}))
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (text,) = (data for tag, attributes, data in page.inside if tag == kind and not attributes)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    addresses = [
        value for _, attributes in page.elements for name, value in attributes.items() if name in ("src", "href")
    ]
    assert addresses == []


def test_a_folder_of_a_hostile_name_is_text(tmp_path):
    folder = tmp_path / "<b>&amp;"
    page = page_of(
        folder, results_of(folder, {"a": replace(UNREADABLE, image=replace(UNREADABLE.image, file=HOSTILE_FILE))})
    )
    assert "<b>&amp;" in page.words
    assert "b" not in {tag for tag, _ in page.elements}


# --- in a batch


def reported(tmp_path: Path, **changes: Any) -> Path:
    pictures = folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH))
    folder_of(pictures, "b.png", data=b"no picture")
    config = replace(SHIPPED, reporting=replace(SHIPPED.reporting, **changes))
    finished(batch_of(pictures, tmp_path / "out", config=config))
    return tmp_path / "out"


def test_a_batch_leaves_its_page_and_what_it_shows(tmp_path):
    out = reported(tmp_path)
    views = {"a_view.jpg", "a_thumbnail.jpg", "a_confidence.png"}
    assert written(out) >= views | {"report.html"}
    assert not any(name.startswith("b_") and name not in ("b_result.json", "b_report.csv") for name in written(out))


def test_without_the_report_nothing_of_it_is_written(tmp_path):
    out = reported(tmp_path, report=False)
    assert written(out) == {
        "a_annotated.png",
        *(f"{n}_{end}" for n in "ab" for end in ("result.json", "report.csv")),
        "summary_report.csv",
    }


def test_the_page_is_written_again_from_what_is_stored(tmp_path, capsys):
    out = reported(tmp_path)
    before = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    assert main(["report", str(out)]) == 0
    assert (out / "report.html").read_bytes() == before
    assert "report.html" in capsys.readouterr().out.splitlines()[0]
    assert main(["report", str(out), "--no-report", "--quiet"]) == 0


@pytest.mark.parametrize("end", ["view.jpg", "thumbnail.jpg", "confidence.png"])
def test_an_image_without_what_the_page_shows_is_not_finished(tmp_path, end):
    out = reported(tmp_path)
    (out / f"a_{end}").unlink()
    again = finished(replace(batch_of(tmp_path / "pictures", out, config=SHIPPED), resume=True))
    assert [done.resumed for done in again] == [False, True]
    assert (out / f"a_{end}").is_file()


def test_the_confidence_map_does_not_travel_with_the_result(tmp_path):
    pictures = folder_of(tmp_path / "pictures", "a.png")
    (done,) = finished(batch_of(pictures, tmp_path / "out", config=SHIPPED))
    assert done.inspection.confidence is None


def test_a_page_that_cannot_be_written_ends_the_batch_as_any_result_does(tmp_path):
    (tmp_path / "out" / "report.html" / "in the way").mkdir(parents=True)
    with pytest.raises(WriteFailed, match=r"report\.html cannot be written"):
        reported(tmp_path)
    with pytest.raises(UserError):
        write_html_report(tmp_path / "out" / REPORT, StoredResults([]), REPORTING)
