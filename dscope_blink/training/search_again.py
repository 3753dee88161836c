"""What the search for marks saw of a picture, for maps of it: a record has the marks alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture, decode_image, most_bytes
from dscope_blink.models.reference import BadModel, ReferenceModel, load_model
from dscope_blink.models.segmentation import SegmentationNetwork, load_segmentation
from dscope_blink.pipeline import Search, all_stages
from dscope_blink.records import Calibration, Inspection, UnreadableImage, UserError, read_file
from dscope_blink.training.dataset import LeftOut

CANNOT = "maps of what the search saw cannot be made:"


@dataclass(frozen=True, slots=True)
class Again:
    """How a picture was inspected, so that it can be once more."""

    picture: Picture  # (H, W) or (H, W, 3) uint8 or uint16, as stored
    inspection: Inspection  # its record, with all of its marks
    config: Config  # that of the inspection

    def search(self) -> Search | None:
        """What the search saw; None where no marks were sought.

        Raises
        ------
        LeftOut : settings, flat field or model are not those of the record, so that other marks are found
        """
        said, scale = self.inspection, self.inspection.scale
        calibrated = None if scale is None or scale.source != "calibration" else Calibration(scale, "")
        flat_field = _flat_field(said, self.config)
        model = _reference(said, self.config)
        stages = all_stages(
            *(self.picture, said.image, said.request, self.config, calibrated, said.provenance, flat_field, model),
            network=_network(said, self.config),
        )
        found, recorded = (tuple(mark.id for mark in one.defects) for one in (stages.inspection, said))
        if found != recorded:
            raise LeftOut(f"{CANNOT} with these settings {len(found)} marks are found, its record has {len(recorded)}")
        return stages.search


def _flat_field(inspection: Inspection, config: Config) -> Picture | None:
    path, used = config.preprocessing.flat_field_image, inspection.provenance.inputs.get("flat_field")
    if path is None and used is None:
        return None
    if path is None:
        raise LeftOut(f"{CANNOT} it was inspected with a flat field, and none is given")
    sha256, picture = _read_flat_field(path, config.preprocessing.max_pixels)
    if sha256 != used:
        raise LeftOut(f"{CANNOT} {path} is not the flat field that it was inspected with")
    return picture


def _reference(inspection: Inspection, config: Config) -> ReferenceModel | None:
    """The model that had a part in the search; None where none had."""
    path = config.reference.model
    if not config.uses_of_model or path is None:
        return None
    try:
        model = _read_reference(path)
    except BadModel as error:
        raise LeftOut(f"{CANNOT} {error}") from None
    if model.sha256 != inspection.provenance.inputs.get("reference"):
        raise LeftOut(f"{CANNOT} {path} is not the reference model that it was inspected with")
    return model


def _network(inspection: Inspection, config: Config) -> SegmentationNetwork | None:
    """The network that had a part in the search; None where none had."""
    if config.engine == "classical":
        return None
    try:
        network = _read_network(config.learned.network)
    except UserError as error:
        raise LeftOut(f"{CANNOT} {error}") from None
    if network.sha256 != inspection.provenance.inputs.get("learned"):
        raise LeftOut(f"{CANNOT} {network.name} is not the network that it was inspected with")
    return network


@lru_cache(maxsize=1)
def _read_network(path: Path) -> SegmentationNetwork:
    return load_segmentation(path)


@lru_cache(maxsize=1)
def _read_reference(path: Path) -> ReferenceModel:
    return load_model(path)


@lru_cache(maxsize=1)
def _read_flat_field(path: Path, max_pixels: int) -> tuple[str, Picture]:
    try:
        data = read_file(path, most_bytes(max_pixels))
        return hashlib.sha256(data).hexdigest(), decode_image(data, max_pixels)
    except (OSError, UnreadableImage) as error:
        raise LeftOut(f"{CANNOT} {path} cannot be read: {error}") from None
