"""How a batch ends: what was finished is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from dscope_blink.batch.run import exit_code, run_batch
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.reporting.batch_totals import Totals
from tests.builders.batches import ZONE_BY_ZONE, batch_of, results_of, summary, written
from tests.builders.inspections import FAILED, NO_SCALE, PASSED, UNREADABLE
from tests.builders.pictures import blanks, folder_of
from tests.builders.unprivileged import unprivileged

# --- how a batch ends


def test_a_batch_that_is_stopped_keeps_what_was_finished(pictures, out):
    with closing(run_batch(batch_of(blanks(pictures, "a.png", "b.png", "c.png"), out))) as inspections:
        next(inspections)
        next(inspections)
    assert list(summary(out)["Image_Filename"]) == ["a.png", "b.png"]


def test_a_result_that_cannot_be_written_ends_the_batch_and_keeps_what_was_finished(pictures, out):
    inspections = run_batch(batch_of(blanks(pictures, "a.png", "b.png", "sub/c.png"), out))
    next(inspections)
    (out / "sub").write_text("in the way")
    next(inspections)
    with pytest.raises(WriteFailed, match="sub cannot be written"):
        next(inspections)
    assert list(summary(out)["Image_Filename"]) == ["a.png", "b.png"]


def test_a_batch_without_permission_to_write_says_so(open_folder):
    blanks(open_folder, "a.png")
    (open_folder / "out").mkdir()
    (open_folder / "out").chmod(0o500)
    with unprivileged(), pytest.raises(WriteFailed, match="Permission denied"):
        results_of(open_folder, open_folder / "out")
    (open_folder / "out").chmod(0o700)
    assert written(open_folder / "out") == set()


@contextmanager
def files_of_at_most(max_bytes: int) -> Iterator[None]:
    """As `ulimit -f` does: what is written beyond is refused by the system."""
    resource = pytest.importorskip("resource", reason="this system does not limit the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_of_a_picture_whose_results_do_not_fit_nothing_is_left(pictures, out):
    blanks(pictures, "a.png")
    folder_of(pictures, "b.png")
    with (
        files_of_at_most(100_000),
        pytest.raises(WriteFailed, match=r"b_annotated\.png cannot be written: File too large"),
    ):
        results_of(pictures, out)
    assert written(out) == {"a_annotated.png", "a_report.csv", "a_result.json", "summary_report.csv"}
    assert list(summary(out)["Image_Filename"]) == ["a.png"]


def test_results_beside_the_pictures_of_a_run_that_was_killed_are_replaced(pictures, out):
    results_of(folder_of(pictures, "a.png"), pictures, config=ZONE_BY_ZONE)
    (pictures / "a_result.json").unlink()
    assert set(results_of(pictures, pictures)) == {"a.png"}


def test_results_that_would_lie_too_deep_do_not_end_the_batch(pictures, tmp_path):
    deep = "/".join(["d" * 200] * 15)
    results = results_of(blanks(pictures, f"{deep}/a.png", "b.png"), tmp_path / "/".join(["o" * 200] * 5))
    assert set(results) == {f"{deep}/a.png", "b.png"}


def test_what_is_odd_about_the_folder_is_logged(pictures, out, caplog):
    list(run_batch(replace(batch_of(blanks(pictures, "a.png"), out), warnings=("100 % odd",))))
    assert "100 % odd" in caplog.text


@pytest.mark.parametrize(
    ("inspections", "fail_exit", "code"),
    [
        ((PASSED, PASSED), True, 0),
        ((PASSED, FAILED), False, 0),
        ((PASSED, FAILED), True, 3),
        ((FAILED, UNREADABLE), True, 1),
        ((NO_SCALE,) * 3, True, 4),
        ((UNREADABLE,), False, 4),
        ((PASSED, NO_SCALE), True, 0),
        ((), True, 0),
    ],
)
def test_the_exit_code_tells_what_could_not_be_measured_and_what_failed_if_asked(inspections, fail_exit, code):
    totals = Totals()
    for inspection in inspections:
        totals.add(inspection)
    assert exit_code(totals, fail_exit) == code
