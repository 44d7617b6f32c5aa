"""Rivers and pipes as one directed network: what is upstream, where a point lies on it, how long water takes."""

from outfall.network.above import find_points_upstream
from outfall.network.arrays import Arrays
from outfall.network.boundary import boundaries_above, boundary_inflows, declare_inflows
from outfall.network.build import build_network
from outfall.network.bypass import find_bypasses
from outfall.network.capabilities import describe_capabilities
from outfall.network.chances import upstream_probability
from outfall.network.column_maps import column_map, column_maps
from outfall.network.dilution import decay_rate, mix_streams, spread_loads
from outfall.network.direction import default_weights, weigh_direction
from outfall.network.edits import add_interface, add_reaches, remove_reach, reverse_reach, split_reach
from outfall.network.graph import Network
from outfall.network.hints import weigh_places
from outfall.network.inp import read_inp, read_inp_network, read_inp_nodes
from outfall.network.lakes import locate_on_shores, shore_lines
from outfall.network.mixing import find_unmixed, mixing_lengths, plume_concentrations
from outfall.network.order import flow_order, level_paths, path_lengths, stream_orders
from outfall.network.overrides import list_overrides
from outfall.network.places import locate
from outfall.network.query import UpstreamSets, find_upstream, is_upstream, sum_upstream
from outfall.network.read import read_network
from outfall.network.replay import follow_places, replay_edits
from outfall.network.states import as_of, open_shares, pump_states
from outfall.network.structures import insert_structures, name_structures
from outfall.network.terrain import Terrain, build_from_terrain, find_catchments, make_terrain, read_terrain
from outfall.network.travel import estimate_velocities, travel_times
from outfall.network.travel_pipe import pipe_flows, pipe_velocities
from outfall.network.travel_river import predict_pulse, predict_velocities

__all__ = [
    "Arrays",
    "Network",
    "Terrain",
    "UpstreamSets",
    "add_interface",
    "add_reaches",
    "as_of",
    "boundaries_above",
    "boundary_inflows",
    "build_from_terrain",
    "build_network",
    "column_map",
    "column_maps",
    "decay_rate",
    "declare_inflows",
    "default_weights",
    "describe_capabilities",
    "estimate_velocities",
    "find_bypasses",
    "find_catchments",
    "find_points_upstream",
    "find_unmixed",
    "find_upstream",
    "flow_order",
    "follow_places",
    "insert_structures",
    "is_upstream",
    "level_paths",
    "list_overrides",
    "locate",
    "locate_on_shores",
    "make_terrain",
    "mix_streams",
    "mixing_lengths",
    "name_structures",
    "open_shares",
    "path_lengths",
    "pipe_flows",
    "pipe_velocities",
    "plume_concentrations",
    "predict_pulse",
    "predict_velocities",
    "pump_states",
    "read_inp",
    "read_inp_network",
    "read_inp_nodes",
    "read_network",
    "read_terrain",
    "remove_reach",
    "replay_edits",
    "reverse_reach",
    "shore_lines",
    "split_reach",
    "spread_loads",
    "stream_orders",
    "sum_upstream",
    "travel_times",
    "upstream_probability",
    "weigh_direction",
    "weigh_places",
]
