"""As PASCAL VOC has it: masks of classes and of objects as indexed PNG, lists of pictures, boxes as XML.

Format: Everingham and Winn, "The PASCAL Visual Object Classes Challenge 2012 (VOC2012) Development Kit", 2012.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from dscope_blink.files.decoding import encode_indexed
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import Labels
from dscope_blink.training.classes import MARK_CLASSES, MARK_PALETTE
from dscope_blink.training.exported import Exported, ExportSet
from dscope_blink.training.masks import kinds_of

IMAGES, CLASSES, OBJECTS, BOXES = "JPEGImages", "SegmentationClass", "SegmentationObject", "Annotations"
VOID = 255  # of what is neither a known object nor none


def write_pascal(exported: ExportSet, folder: Path) -> None:
    """JPEGImages/, SegmentationClass/, SegmentationObject/, Annotations/, ImageSets/ and labelmap.txt."""
    for name in (IMAGES, CLASSES, OBJECTS, BOXES, "ImageSets/Segmentation", "ImageSets/Main"):
        make_folder(folder / name)
    for side in exported.used_sides:
        stems = [_write(picture, folder) for picture in exported.pictures(side)]
        for kind in ("Segmentation", "Main"):
            text = "".join(f"{stem}\n" for stem in stems)
            write_file(folder / "ImageSets" / kind / f"{side}.txt", text.encode())
    write_file(folder / "labelmap.txt", _label_map().encode())


def _write(picture: Exported, folder: Path) -> str:
    file, stem = picture.put_image(folder / IMAGES), picture.stem
    kinds = kinds_of(picture.label, picture.instances)
    write_file(folder / CLASSES / f"{stem}.png", encode_indexed(kinds, MARK_PALETTE))
    write_file(folder / OBJECTS / f"{stem}.png", encode_indexed(_objects(picture), _palette()))
    write_file(folder / BOXES / f"{stem}.xml", _boxes(picture, file).encode())
    return stem


def _objects(picture: Exported) -> Labels:
    """1 + index of the mark; of so many marks that a byte has no number for them the last are void."""
    return np.minimum(picture.instances, VOID).astype(np.uint8)


def _palette() -> tuple[tuple[int, int, int], ...]:
    """The colours of VOC: the bits of the value dealt out to red, green and blue, the lowest to their highest."""
    colours = []
    for value in range(256):
        red, green, blue = (
            sum((value >> (3 * place + channel) & 1) << (7 - place) for place in range(3)) for channel in range(3)
        )
        colours.append((red, green, blue))
    return tuple(colours)


def _boxes(picture: Exported, file: str) -> str:
    """Pixels are counted from 1 there, and the last one belongs to the box."""
    label = picture.label
    size = f"<size><width>{label.width}</width><height>{label.height}</height><depth>3</depth></size>"
    lines = [f"<annotation><folder>{IMAGES}</folder><filename>{escape(file)}</filename>{size}<segmented>1</segmented>"]
    for found in picture.marks():
        x, y, w, h = found.box
        box = f"<xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax>"
        lines.append(
            f"<object><name>{found.mark.kind}</name><truncated>0</truncated><difficult>0</difficult>"
            f"<bndbox>{box}</bndbox></object>"
        )
    return "\n".join([*lines, "</annotation>", ""])


def _label_map() -> str:
    """As datumaro and CVAT read it beside the masks."""
    named = zip(("background", *MARK_CLASSES[1:]), MARK_PALETTE, strict=True)
    lines = [f"{name}:{','.join(map(str, colour))}::" for name, colour in named]
    return "\n".join(["# label:color_rgb:parts:actions", *lines, ""])
