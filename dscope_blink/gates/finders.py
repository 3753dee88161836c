"""The finder of markers that the configuration names: by rule, or a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dscope_blink.gates.blocks import DarkBlocks
from dscope_blink.gates.networks import network_finder
from dscope_blink.gates.searching import MarkerFinder

if TYPE_CHECKING:
    from dscope_blink.config.gate_settings import GateSettings

BLOCKS = "blocks"  # what the rule is called; a network of this name is never asked


def marker_finder(settings: GateSettings, folder: Path) -> MarkerFinder:
    """The finder that `gates.finder` names.

    Parameters
    ----------
    settings : section `gates`
    folder : of the configuration, where files that it names are sought

    Raises
    ------
    UserError : it names a network that cannot be used; see `network_finder`
    """
    if settings.finder == BLOCKS:
        return DarkBlocks(settings.blocks)
    return network_finder(settings.finder, settings, folder)
