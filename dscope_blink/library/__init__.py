"""The program as a library: a picture to its inspection, a folder to a table, a record read and judged again.

These are the names of `dscope_blink`, which imports this module when one of them is used. What they take and give are
the records of `dscope_blink.records`: frozen, with lengths in the unit at the end of the name (`length_um`, `area_px`).
"""

from __future__ import annotations

import logging

from dscope_blink.config.settings import Config, ConfigFile
from dscope_blink.library.aggregating import aggregate, aggregate_folders
from dscope_blink.library.comparing import analyze, analyze_folder, learn, load_model
from dscope_blink.library.given import load_config
from dscope_blink.library.inspecting import inspect, inspect_folder, judge, load_record, summary_table
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import (
    VERSION,
    Aggregate,
    Anomaly,
    Calibration,
    CladdingFit,
    Comparison,
    ConfigError,
    CoreFit,
    Criteria,
    Defect,
    FiberGeometry,
    Inspection,
    Notice,
    Request,
    Residual,
    Scale,
    UserError,
    Verdict,
)

__version__ = VERSION

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

# What is logged goes where the importing program sends it, and is not printed where it sends it nowhere.
logging.getLogger("dscope").addHandler(logging.NullHandler())
