"""What a record checks where it is made, and what it may hold where it is read."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Size: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e15)]  # also an area; beyond it numbers overflow
Place: TypeAlias = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]  # px
PerPixel: TypeAlias = Annotated[float, msgspec.Meta(ge=1e-9, le=1e6)]  # um
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]  # what a float can hold: it is counted with
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Axis: TypeAlias = Annotated[float, msgspec.Meta(ge=1, le=1e6)]  # px; beyond lies no fiber, but a slip of the pen


def require(condition: bool, message: str) -> None:
    """ValueError with this message unless the condition holds."""
    if not condition:
        raise ValueError(message)
