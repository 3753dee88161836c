"""The settings that ship with the program, read once."""

from __future__ import annotations

from pathlib import Path

from dscope_blink.config.loading import load_config

ROOT = Path(__file__).resolve().parents[2]
CONFIG_FILE = ROOT / "config.json"
SETTINGS = load_config(CONFIG_FILE)
