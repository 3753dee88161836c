"""D-Scope Blink: inspects microscope photographs of polished optical-fiber end faces.

    import dscope_blink

    found = dscope_blink.inspect("face.png", fiber_class="multimode", core_diameter_um=50, cladding_diameter_um=125)
    print(found.verdict.status, *(reason.text for reason in found.verdict.reasons))

The names below are those of `dscope_blink.library`, imported when one of them is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dscope_blink.library import (
        Aggregate,
        Anomaly,
        Calibration,
        CladdingFit,
        Comparison,
        Config,
        ConfigError,
        ConfigFile,
        CoreFit,
        Criteria,
        Defect,
        FiberGeometry,
        Inspection,
        Notice,
        ReferenceModel,
        Request,
        Residual,
        Scale,
        UserError,
        Verdict,
        __version__,
        aggregate,
        aggregate_folders,
        analyze,
        analyze_folder,
        inspect,
        inspect_folder,
        judge,
        learn,
        load_config,
        load_model,
        load_record,
        summary_table,
    )

__all__ = [
    "Aggregate",
    "Anomaly",
    "Calibration",
    "CladdingFit",
    "Comparison",
    "Config",
    "ConfigError",
    "ConfigFile",
    "CoreFit",
    "Criteria",
    "Defect",
    "FiberGeometry",
    "Inspection",
    "Notice",
    "ReferenceModel",
    "Request",
    "Residual",
    "Scale",
    "UserError",
    "Verdict",
    "__version__",
    "aggregate",
    "aggregate_folders",
    "analyze",
    "analyze_folder",
    "inspect",
    "inspect_folder",
    "judge",
    "learn",
    "load_config",
    "load_model",
    "load_record",
    "summary_table",
]


def __getattr__(name: str) -> object:
    """Python looks here for what the package does not hold yet (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dscope_blink import library

    return getattr(library, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
