"""A record of this program as one detection of the face that it shows."""

from __future__ import annotations

from dscope_blink.records import Detection, Inspection, Source, SourceMark


def detection_of(inspection: Inspection, source: Source) -> Detection:
    """The marks of a record, in pixels of its own picture.

    Parameters
    ----------
    inspection : as it was stored
    source : what is said of it
    """
    marks = tuple(
        SourceMark(
            source=source.key,
            id=mark.id,
            kind=mark.classification,
            named=mark.classification,
            outline_px=mark.contour_px,
            confidence=mark.confidence,
            detectors=mark.detected_by or (source.detector,),
            severity=mark.severity,
            defect=mark,
        )
        for mark in inspection.defects
    )
    return Detection(source, marks, inspection, inspection.image.size_px)
