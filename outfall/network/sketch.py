"""What a network looks like in one line, in a notebook, and to networkx."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
import shapely

from outfall.vocabulary import label

if TYPE_CHECKING:
    import geopandas as gpd
    import networkx as nx
    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["describe_network", "make_networkx", "sketch_network"]

_WIDTH = 560
_HEIGHT = 320
_MAX_DRAWN = 6000
_COLOURS = {
    "river": "#2b6cb0",
    "tidal": "#3182ce",
    "ditch": "#4299e1",
    "lake": "#63b3ed",
    "coast": "#2c5282",
    "culvert": "#667eea",
    "gravity_sewer": "#8a6d3b",
    "pressure_main": "#b7791f",
    "pump": "#c53030",
    "weir": "#c53030",
    "gate": "#c53030",
    "interface": "#dd6b20",
}
_THIN = {"gravity_sewer", "pressure_main", "interface", "ditch"}


def describe_network(network: Network) -> str:
    """Return counts and units on one line.

    Parameters
    ----------
    network : Network
        What is described.

    Returns
    -------
    str
        One line.
    """
    kinds = network.reaches["kind"].value_counts()
    named = ", ".join(
        f"{count:,} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    )
    loops = network.loops()["loop"].nunique()
    said = network.crs.to_json_dict().get("id")
    crs = f"{said['authority']}:{said['code']}" if said else network.crs.name
    return (
        f"Network: {_count(len(network.reaches), 'reach', 'reaches')}{f' ({named})' if named else ''}, "
        f"{network.arrays.length_m.sum() / 1000:,.1f} km, {_count(len(network.nodes), 'node')}, "
        f"{_count(int(network.arrays.is_mouth.sum()), 'mouth')}, {_count(int(network.pieces().nunique()), 'piece')}, "
        f"{_count(loops, 'loop')}, {crs}"
    )


def sketch_network(network: Network) -> str:
    """Return a small drawing of the network with its counts, as HTML that needs nothing else.

    Parameters
    ----------
    network : Network
        What is drawn. Of very large networks only the longest reaches are.

    Returns
    -------
    str
        HTML with an inline SVG.
    """
    line = html.escape(repr(network))
    if not len(network.reaches):
        return f"<p>{line}</p>"
    longest = np.sort(np.argsort(-network.arrays.length_m, kind="stable")[:_MAX_DRAWN])
    drawn = network.reaches.iloc[longest]
    paths = "".join(_svg_paths(drawn, network.reaches.total_bounds))
    issues = network.issues["kind"].value_counts() if network.issues is not None else {}
    table = "".join(
        f"<tr><td style='text-align:left'>{html.escape(label('issue_kind', kind))} · "
        f"{html.escape(label('issue_kind', kind, lang='zh'))}</td><td>{count:,}</td></tr>"
        for kind, count in issues.items()
    )
    legend = " ".join(
        f"<span style='color:{_COLOURS.get(kind, '#718096')}'>&#9632;</span> {html.escape(label('reach_kind', kind))} "
        f"{html.escape(label('reach_kind', kind, lang='zh'))}"
        for kind in drawn["kind"].value_counts().index
    )
    return (
        f"<div style='font-family:system-ui,sans-serif;font-size:13px'><p style='margin:4px 0'><b>{line}</b></p>"
        "<div style='display:flex;gap:16px;align-items:flex-start'>"
        f"<svg width='{_WIDTH}' height='{_HEIGHT}' viewBox='0 0 {_WIDTH} {_HEIGHT}' "
        f"style='background:#f7fafc;border:1px solid #e2e8f0;border-radius:6px'>{paths}</svg>"
        f"<table><thead><tr><th style='text-align:left'>Issues · 问题</th><th></th></tr></thead><tbody>{table}</tbody></table>"
        f"</div><p style='margin:4px 0'>{legend}</p></div>"
    )


def make_networkx(reaches: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame, two_way: NDArray[np.bool_]) -> nx.MultiDiGraph:
    """Return reaches and nodes as a networkx graph.

    Parameters
    ----------
    reaches, nodes : GeoDataFrame
        Tables of the network.
    two_way : ndarray of bool, one per reach
        Whether a reach may be walked either way.

    Returns
    -------
    MultiDiGraph
        Nodes by node_id, edges by reach_id.
    """
    import networkx as nx

    graph = nx.MultiDiGraph(crs=reaches.crs.to_wkt())
    for number, kind, point in zip(nodes["node_id"], nodes["kind"], nodes.geometry, strict=True):
        graph.add_node(number, kind=kind, east=point.x, north=point.y)
    columns = [reaches[name] for name in ("reach_id", "from_node", "to_node", "kind")]
    numbers = zip(
        reaches["length_m"].tolist(), reaches["forward_share"].fillna(1.0).tolist(), two_way.tolist(), strict=True
    )
    for (reach, tail, head, kind), (length, share, both) in zip(zip(*columns, strict=True), numbers, strict=True):
        graph.add_edge(tail, head, key=reach, kind=kind, length_m=length, forward_share=share, is_reverse=False)
        if both:
            graph.add_edge(
                head, tail, key=reach, kind=kind, length_m=length, forward_share=1.0 - share, is_reverse=True
            )
    return graph


def _svg_paths(drawn: gpd.GeoDataFrame, bounds: NDArray[np.float64]) -> list[str]:
    west, south, east, north = bounds
    scale = min((_WIDTH - 20) / max(east - west, 1.0), (_HEIGHT - 20) / max(north - south, 1.0))
    left = (_WIDTH - (east - west) * scale) / 2
    top = (_HEIGHT - (north - south) * scale) / 2
    lines = shapely.simplify(drawn.geometry.to_numpy(), 0.4 / scale, preserve_topology=False)
    found = []
    for kind in sorted(drawn["kind"].unique(), key=lambda kind: kind not in _THIN):
        shapes = []
        for line in lines[(drawn["kind"] == kind).to_numpy()]:
            at = shapely.get_coordinates(line)
            pairs = np.round(np.column_stack([left + (at[:, 0] - west) * scale, top + (north - at[:, 1]) * scale]), 1)
            shapes.append("M" + " ".join(f"{a:g},{b:g}" for a, b in pairs))
        width = 0.8 if kind in _THIN else 1.6
        found.append(
            f"<path d='{''.join(shapes)}' fill='none' stroke='{_COLOURS.get(kind, '#718096')}' stroke-width='{width}'/>"
        )
    return found


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
