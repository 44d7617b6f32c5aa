"""Rivers and pipes as one directed network: what is upstream, where a point lies on it, how long water takes."""

from outfall.network.arrays import Arrays
from outfall.network.build import build_network
from outfall.network.chances import upstream_probability
from outfall.network.direction import default_weights, weigh_direction
from outfall.network.graph import Network
from outfall.network.places import locate
from outfall.network.read import read_network
from outfall.network.states import as_of, open_shares, pump_states
from outfall.network.travel import travel_times

__all__ = [
    "Arrays",
    "Network",
    "as_of",
    "build_network",
    "default_weights",
    "locate",
    "open_shares",
    "pump_states",
    "read_network",
    "travel_times",
    "upstream_probability",
    "weigh_direction",
]
