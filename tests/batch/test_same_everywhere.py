"""The same records on a processor with newer instructions and on one without: the decisions, and nearly all digits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import pytest

from dscope_blink.image_processing.one_kernel import one_kernel
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.settings import ROOT

# What tells OpenCV, NumPy and OpenBLAS, each before it is loaded, to calculate as a processor of 2008 does.
AS_OF_2008 = {
    "OPENCV_CPU_DISABLE": "AVX2,FMA3,AVX,FP16",
    "OPENCV_IPP": "sse42",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "OPENBLAS_CORETYPE": "Nehalem",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
}
AVX2 = 11  # of OpenCV's list of features, which Python does not name
HAS_AVX2 = cv2.checkHardwareSupport(AVX2)
BY_THE_CLOCK = ("timings_s", "provenance", "record_sha256", "outputs")


def test_opencv_calculates_by_one_kernel_and_afterwards_as_before() -> None:
    before = cv2.useOptimized(), cv2.ipp.useIPP()
    with one_kernel():
        with one_kernel():
            assert not cv2.useOptimized()
        assert not cv2.useOptimized()
        assert not cv2.ipp.useIPP()
    assert (cv2.useOptimized(), cv2.ipp.useIPP()) == before


def test_every_thread_calculates_by_it_until_the_last_has_ended() -> None:
    inside, go_on, seen = threading.Event(), threading.Event(), []

    def other() -> None:
        with one_kernel():
            seen.append(cv2.ipp.useIPP() or cv2.useOptimized())
            inside.set()
            go_on.wait(10)
            seen.append(cv2.useOptimized())

    before = cv2.useOptimized()
    thread = threading.Thread(target=other)
    with one_kernel():
        thread.start()
        assert inside.wait(10)
    assert not cv2.useOptimized()  # the other is still at it
    go_on.set()
    thread.join()
    assert seen == [False, False]
    assert cv2.useOptimized() == before


@pytest.mark.slow
@pytest.mark.skipif(not HAS_AVX2, reason="this processor has no AVX2: there is only one kernel to compare")
def test_a_record_does_not_depend_on_the_instructions_of_the_processor(tmp_path: Path) -> None:
    pictures = folder_of(tmp_path / "pictures", "clean.png")
    folder_of(pictures, "scratched.png", data=face_png(SCRATCH))
    newer = _records(pictures, tmp_path / "newer", {})
    older = _records(pictures, tmp_path / "older", AS_OF_2008)
    assert newer["scratched_result.json"]["defects"]
    assert newer == older


def _records(pictures: Path, out: Path, environment: dict[str, str]) -> dict[str, Any]:
    words = ["inspect", str(pictures), f"--output-dir={out}", *MULTIMODE, "--workers=0", "--no-plots", "--no-report"]
    subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *words],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
        timeout=300,
    )
    found = {path.name: json.loads(path.read_bytes()) for path in sorted(out.glob("*_result.json"))}
    assert found
    return {name: {k: v for k, v in one.items() if k not in BY_THE_CLOCK} for name, one in found.items()}
