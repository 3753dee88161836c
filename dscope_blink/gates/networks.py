"""Networks of objects as finders of markers: named in the configuration, loaded once, asked for each search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dscope_blink.config.checking import must_be_one_of
from dscope_blink.gates.searching import Picture, Search
from dscope_blink.models.objects import ObjectNetwork, Wanted, object_network
from dscope_blink.models.session import load_network
from dscope_blink.records import FoundObject, UserError

if TYPE_CHECKING:
    from dscope_blink.config.gate_settings import GateSettings


@dataclass(frozen=True, slots=True)
class NetworkFinder:
    """A finder of markers; it can be sent to another process."""

    name: str
    network: ObjectNetwork

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """The network file and its hash."""
        return ((Path(self.network.network.name).name, self.network.network.sha256),)

    def __call__(self, picture: Picture, wanted: Search) -> tuple[FoundObject, ...]:
        """The markers in a picture.

        Parameters
        ----------
        picture : (H, W) grey or (H, W, 3) BGR, uint8
        wanted : `side_px` beyond the input of the network is that of its input: more it cannot see

        Returns
        -------
        tuple of FoundObject, the most confident first, boxes in pixels of the picture
        """
        return self.network.find(picture, Wanted(wanted.side_px, wanted.confidence, wanted.overlap))


def network_finder(name: str, settings: GateSettings, folder: Path) -> NetworkFinder:
    """Load a network and hold it against what the configuration declares it to be.

    Parameters
    ----------
    name : its key in `gates.networks`
    settings : section `gates`
    folder : of the configuration, where files that it names are sought

    Raises
    ------
    UserError : there is no network of that name, the package onnxruntime is missing, or the file is not what it is
        declared to be
    """
    if name not in settings.networks:
        raise UserError(f"gates.networks: {must_be_one_of(settings.networks, name)}")
    declared = settings.networks[name]
    network = load_network(folder / declared.file, declared.sha256)
    return NetworkFinder(name, object_network(network, declared))
