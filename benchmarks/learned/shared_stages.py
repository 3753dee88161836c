"""What no engine changes is computed once for a picture: the fiber, the residual, what each detector says.

The stages of the program stay as they are: while a picture is inspected by one engine after the other, the first
result of these functions is given to the later ones, which would come to the same. A test compares the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from dscope_blink.config.settings import LEARNED_DETECTOR
from dscope_blink.detectors.registry import support_of
from dscope_blink.image_processing import background, fusion, hot_pixels, localization, overlays, speckle
from dscope_blink.models.segmentation import SegmentationNetwork

ONCE: tuple[tuple[Any, str], ...] = (
    (localization, "find_fiber"),
    (hot_pixels, "without_hot_pixels"),
    (overlays, "find_drawn"),
    (speckle, "find_speckle"),
    (background, "residual"),
    (SegmentationNetwork, "probabilities"),
)


@contextmanager
def shared() -> Iterator[None]:
    """Within it every inspection is of one and the same picture, by settings that differ in their engine alone."""
    with ExitStack() as stack:
        for owner, name in ONCE:
            stack.enter_context(patch.object(owner, name, _first(getattr(owner, name))))
        stack.enter_context(patch.object(fusion, support_of.__name__, _first_of_each(support_of)))
        yield


def _first(function: Callable[..., Any]) -> Callable[..., Any]:
    """Whatever it is given: in every inspection it is called once."""
    found: list[Any] = []

    def again(*given: Any, **named: Any) -> Any:
        if not found:
            found.append(function(*given, **named))
        return found[0]

    return again


def _first_of_each(function: Callable[..., Any]) -> Callable[..., Any]:
    """By name of the detector; that of the network sees what it says."""
    found: dict[str, Any] = {}

    def again(name: str, *given: Any, **named: Any) -> Any:
        if name == LEARNED_DETECTOR:
            return function(name, *given, **named)
        if name not in found:
            found[name] = function(name, *given, **named)
        return found[name]

    return again
