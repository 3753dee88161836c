"""Photographs that a person has looked at, zone by zone: where they are known to be clean, and which go together.

A folder holds `labels.json`, a list of objects with `name`, `cladding` (`center`, `axes`, `angle`, in pixels, as OpenCV
has ellipses), `core_um`, `cladding_um`, `zones` (A the core, B the cladding, `edge` its edge, D what is beyond, each 1
a blemish is seen, 0 clean, null nobody can say) and `sequence` (pictures of one face have the same; null: its own), and
perhaps `manifest.csv`, as `inspect --manifest` has it; without a row there the two diameters are what is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture, decode_image, most_bytes
from dscope_blink.files.manifest import file_key, read_manifest
from dscope_blink.records import Mask, Request, UserError, read_file

LABELS, MANIFEST = "labels.json", "manifest.csv"
REGIONS = ("A", "B", "edge", "D")
# Where each region lies, in radii of the cladding; `core` is the radius of the core in these.
CORE_GAP, EDGE_GAP, FARTHEST = (0.97, 1.05), (0.95, 1.07), 2.0


class _Cladding(msgspec.Struct, frozen=True):
    center: tuple[float, float]
    axes: tuple[float, float]
    angle: float = 0.0


class _Label(msgspec.Struct, frozen=True):
    name: str
    core_um: float
    cladding_um: float
    zones: dict[str, int | None]
    cladding: _Cladding | None = None
    sequence: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledPhotograph:
    """One photograph, what is known of its fiber, and where a person saw nothing."""

    path: Path
    request: Request
    face: str  # of all photographs of one face the same
    clean: frozenset[str]  # of REGIONS
    core: float  # radius of the core in radii of the cladding
    center_px: tuple[float, float] = (0.0, 0.0)
    axes_px: tuple[float, float] | None = None  # of the cladding; None: nobody says where it lies
    angle_deg: float = 0.0

    @property
    def name(self) -> str:
        """Unique among the photographs of several folders."""
        return f"{self.path.parent.name}/{self.path.name}"

    def picture(self, config: Config) -> Picture:
        """Its pixels as stored."""
        most = config.preprocessing.max_pixels
        return decode_image(read_file(self.path, most_bytes(most)), most)

    def known(self, shape: tuple[int, ...]) -> Mask:
        """Where it is known to be clean: regions in which a person saw nothing, and what lies between two of them.

        Parameters
        ----------
        shape : (H, W) of the picture

        Returns
        -------
        (H, W) bool
        """
        if self.axes_px is None:
            return np.zeros(shape[:2], bool)
        rho = self._rho(shape)
        inner, outer = (self.core * gap for gap in CORE_GAP)
        bands = (
            ({"A"}, 0.0, inner),
            ({"A", "B"}, inner, outer),
            ({"B"}, outer, EDGE_GAP[0]),
            ({"edge"}, EDGE_GAP[0], EDGE_GAP[1]),
            ({"D"}, EDGE_GAP[1], FARTHEST),
        )
        found = np.zeros(shape[:2], bool)
        for regions, least, most in bands:
            if regions <= self.clean:
                found |= (rho >= least) & (rho < most)
        return found

    def _rho(self, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
        assert self.axes_px is not None
        x = (np.arange(shape[1]) - self.center_px[0])[None, :]
        y = (np.arange(shape[0]) - self.center_px[1])[:, None]
        turn = math.radians(self.angle_deg)
        along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
        return np.hypot(along / (self.axes_px[0] / 2), across / (self.axes_px[1] / 2))


def labelled_photographs(folders: Sequence[Path], config: Config) -> tuple[LabelledPhotograph, ...]:
    """All photographs of some folders, in the order of their labels; UserError, naming the file, of wrong labels."""
    found = tuple(one for folder in folders for one in _of_folder(folder, config))
    if folders and not found:
        raise UserError(f"no photograph is labelled in {', '.join(str(folder) for folder in folders)}")
    return found


def _of_folder(folder: Path, config: Config) -> list[LabelledPhotograph]:
    path = folder / LABELS
    try:
        labels = msgspec.json.decode(read_file(path), type=list[_Label])
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no labels of photographs: {error}") from None
    manifest, defaults = folder / MANIFEST, Request(config.criteria.default_edition, "custom")
    asked = read_manifest(manifest, config.criteria, defaults).requests if manifest.exists() else {}
    return [_photograph(folder, path, label, asked, defaults) for label in labels]


def _photograph(
    folder: Path, path: Path, label: _Label, asked: Mapping[str, Request], defaults: Request
) -> LabelledPhotograph:
    if not 0 < label.core_um < label.cladding_um:
        sizes = f"{label.core_um:g} and {label.cladding_um:g}"
        raise UserError(f"{path}: {label.name}: core_um must be above 0 and below cladding_um, got {sizes}")
    if Path(label.name).name != label.name or not (folder / label.name).is_file():
        raise UserError(f"{path}: {label.name} must be the name of a picture in {folder}")
    where = label.cladding
    if where is not None and min(where.axes) <= 0:
        raise UserError(f"{path}: {label.name}: the axes of the cladding must be above 0, got {list(where.axes)}")
    return LabelledPhotograph(
        folder / label.name,
        asked.get(file_key(label.name)) or _said(label, defaults),
        f"{folder.name}/{label.sequence or label.name}",
        frozenset(region for region in REGIONS if label.zones.get(region) == 0),
        label.core_um / label.cladding_um,
        *(() if where is None else (where.center, where.axes, where.angle)),
    )


def _said(label: _Label, defaults: Request) -> Request:
    """What the label itself knows of the fiber."""
    return replace(defaults, core_diameter_um=label.core_um, cladding_diameter_um=label.cladding_um)


def folds_of(photographs: Sequence[LabelledPhotograph], count: int) -> tuple[tuple[LabelledPhotograph, ...], ...]:
    """Share out photographs among the folds of a cross-validation, all of one face into the same.

    Faces are dealt out in turn, those of a folder one after the other, so that each fold has its share of every
    microscope.

    Raises
    ------
    UserError : there are fewer faces than folds
    """
    faces = list(dict.fromkeys(one.face for one in photographs))
    if not 2 <= count <= len(faces):
        raise UserError(f"--folds must be between 2 and the number of faces, {len(faces)}, got {count}")
    fold = {face: k % count for k, face in enumerate(faces)}
    return tuple(tuple(one for one in photographs if fold[one.face] == k) for k in range(count))
