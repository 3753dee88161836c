"""CVAT for images 1.1: annotations.xml with polygons.

Format: https://docs.cvat.ai/docs/manual/advanced/xml_format/. Coordinates are pixels; pixel x spans x to x + 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_parts
from dscope_blink.training.export_label_studio import shown_polygon
from dscope_blink.training.exported import Exported, ExportSet, MarkMask
from dscope_blink.training.labels import KINDS

ATTRIBUTE = "dscope_id"


def write_cvat(exported: ExportSet, folder: Path) -> None:
    """images/ and annotations.xml."""
    make_folder(folder / "images")
    write_parts(folder / "annotations.xml", (text.encode() for text in _document(exported, folder / "images")))


def _document(exported: ExportSet, images: Path) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
    yield f"  <meta>\n    <task>\n      <size>{len(exported.dataset.names)}</size>\n"
    yield "      <mode>annotation</mode>\n      <labels>\n"
    for kind in KINDS:
        yield f"        <label><name>{escape(kind)}</name><type>polygon</type><attributes><attribute>"
        yield f"<name>{ATTRIBUTE}</name><mutable>False</mutable><input_type>text</input_type>"
        yield "<default_value></default_value><values></values></attribute></attributes></label>\n"
    yield "      </labels>\n    </task>\n  </meta>\n"
    for number, picture in enumerate(exported.pictures(whole=True)):
        yield _image(number, picture, picture.put_image(images))
    yield "</annotations>\n"


def _image(number: int, picture: Exported, file: str) -> str:
    label = picture.label
    shapes = "".join(map(_polygon, picture.marks()))
    size = f'width="{label.width}" height="{label.height}"'
    return f'  <image id="{number}" name={quoteattr(file)} {size}>\n{shapes}  </image>\n'


def _polygon(found: MarkMask) -> str:
    points = ";".join(f"{x:.2f},{y:.2f}" for x, y in shown_polygon(found))
    named = f'    <polygon label={quoteattr(found.mark.kind)} source="file" occluded="0" points="{points}" z_order="0">'
    return f'{named}\n      <attribute name="{ATTRIBUTE}">{escape(found.mark.id)}</attribute>\n    </polygon>\n'
