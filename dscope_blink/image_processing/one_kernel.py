"""The same arithmetic on every processor: OpenCV's own kernels for newer ones round the last bit otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

import cv2


@dataclass(slots=True)
class _Users:
    """Who asks for it: several threads of one program may, and the last one gives back what the first one found."""

    lock: Lock = field(default_factory=Lock)
    count: int = 0
    optimized: bool = True

    def enter(self) -> None:
        with self.lock:
            if not self.count:
                self.optimized = cv2.useOptimized()
            self.count += 1
            cv2.setUseOptimized(False)  # also by those that come later: IPP is asked of each thread

    def leave(self, ipp: bool) -> None:
        with self.lock:
            self.count -= 1
            if not self.count:
                cv2.setUseOptimized(self.optimized)
            cv2.ipp.setUseIPP(ipp)


_users = _Users()


@contextmanager
def one_kernel() -> Iterator[None]:
    """Let OpenCV calculate as any processor can, in `with` or as a decorator.

    Its kernels for AVX2 and AVX-512, and IPP by processor, multiply and add in one step with one rounding less: the
    grey levels of a picture that is sampled or smoothed differ in their last bit, and what lies on the very edge of a
    threshold then depends on the machine. The baseline kernels are as fast on pictures of this size. What NumPy sums
    by BLAS also differs, by far less, as it is float64: `records.rounding.steady` takes that away where it decides.
    """
    ipp = cv2.ipp.useIPP()
    _users.enter()
    try:
        yield
    finally:
        _users.leave(ipp)
