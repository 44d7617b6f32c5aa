"""SWMM input files as pipes, nodes and a Network: conduits, pumps, orifices, weirs and outlets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import TransverseMercatorConversion

from outfall.coordinates import choose_crs
from outfall.errors import Problem, ReadError
from outfall.network.build import build_network
from outfall.network.graph import Network
from outfall.network.inp_layout import draw_links, place_nodes
from outfall.network.inp_links import read_links
from outfall.network.inp_sections import Sections, read_sections
from outfall.tables import empty

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_inp", "read_inp_network", "read_inp_nodes"]

_NODES = {"JUNCTIONS": "manhole", "OUTFALLS": "outfall", "DIVIDERS": "divergence", "STORAGE": "tank"}

Place = tuple[float, float]


def read_inp(path: Path | str, *, crs: object = None) -> gpd.GeoDataFrame:
    r"""Return the links of a SWMM input file as lines for ``build_network(rivers, pipes=…)``.

    Lengths and levels are converted to metres, offsets to levels. What the file calls pump, orifice, weir and outlet is
    a reach of kind pump, gate, weir and gate; open channels are ditches, force mains pressure mains. A link whose nodes
    have no coordinates is drawn as a scheme and says so.

    Parameters
    ----------
    path : path
        The ``.inp`` file.
    crs : anything pyproj understands, optional
        CRS of its coordinates, which the file does not say. Without it the map is kept in its own shape and metres
        around 0° N 0° E: lengths are right, places are not.

    Returns
    -------
    GeoDataFrame, one row per link, in the order of the file
        Columns of ``reaches`` with the file's node names, and ``swmm_section``, ``stated_length_m``, ``roughness``,
        ``start_level_m`` and ``stop_level_m`` of pumps, ``is_schematic``.

    Raises
    ------
    ReadError
        There is no such file, it has no sections, a link has too few words or names a node that is not there.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "small.inp"
    >>> _ = file.write_text("[OPTIONS]\nFLOW_UNITS CMS\n[JUNCTIONS]\nJ1 4.0\nJ2 3.5\n[OUTFALLS]\nO1 3.0 FREE\n"
    ...     "[CONDUITS]\nC1 J1 J2 100 0.013 0 0\n[PUMPS]\nP1 J2 O1 * OFF 1.5 0.5\n[XSECTIONS]\nC1 CIRCULAR 0.6\n")
    >>> read_inp(file)[["reach_id", "kind", "state", "invert_from_m", "diameter_mm", "start_level_m"]].values.tolist()
    [['C1', 'gravity_sewer', nan, 4.0, 600.0, nan], ['P1', 'pump', 'shut', nan, nan, 5.0]]
    """
    sections = read_sections(path)
    links, bends = read_links(sections, _levels(sections))
    places, schematic, metric = _places(sections, links, crs)
    pairs = list(zip(links["from_node"], links["to_node"], strict=True))
    inner = [[_moved(place, metric) for place in bends.get(name, [])] for name in links["reach_id"]]
    shapes = draw_links(places, pairs, inner)
    links["is_schematic"] = [tail in schematic or head in schematic for tail, head in pairs]
    return gpd.GeoDataFrame(links, geometry=gpd.GeoSeries(shapes, index=links.index, crs=metric.crs))


def read_inp_nodes(path: Path | str, *, crs: object = None) -> gpd.GeoDataFrame:
    r"""Return the nodes of a SWMM input file: junctions, outfalls, dividers and storages.

    Parameters
    ----------
    path : path
        The ``.inp`` file.
    crs : anything pyproj understands, optional
        As in `read_inp`.

    Returns
    -------
    GeoDataFrame, one row per node, in the order of the file
        Contract ``nodes``: junctions are manholes, storages tanks; ``ground_m`` is the invert and the greatest depth.

    Raises
    ------
    ReadError
        As in `read_inp`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "small.inp"
    >>> _ = file.write_text("[OPTIONS]\nFLOW_UNITS CFS\n[JUNCTIONS]\nJ1 10 5\n[OUTFALLS]\nO1 8 FREE\n"
    ...     "[CONDUITS]\nC1 J1 O1 100 0.013 0 0\n")
    >>> read_inp_nodes(file)[["node_id", "kind", "invert_m", "ground_m"]].values.tolist()
    [['J1', 'manhole', 3.048, 4.572], ['O1', 'outfall', 2.4384, nan]]
    """
    sections = read_sections(path)
    levels = _levels(sections)
    links, _ = read_links(sections, levels)
    places, _, metric = _places(sections, links, crs)
    rows = []
    for section, kind in _NODES.items():
        for number, words in sections.of(section):
            depth = _number(words, 2) if section in {"JUNCTIONS", "STORAGE"} else np.nan
            level = levels[words[0]]
            row = {"node_id": words[0], "kind": kind, "invert_m": level, "ground_m": level + depth * sections.metres}
            rows.append({**row, "source_ref": f"{sections.name}#{number}"})
    blank = empty("nodes", crs=metric.crs)
    frame = pd.DataFrame(rows, columns=[name for name in blank.columns if name != "geometry"])
    frame = frame.astype({name: blank[name].dtype for name in frame.columns})
    points = gpd.GeoSeries.from_xy(
        *np.array([places[name] for name in frame["node_id"]]).reshape(-1, 2).T, crs=metric.crs
    )
    return gpd.GeoDataFrame(frame, geometry=points.to_numpy(), crs=metric.crs)


def read_inp_network(
    path: Path | str, *, crs: object = None, rivers: gpd.GeoDataFrame | None = None, join_m: float = 30.0
) -> Network:
    r"""Return the network of a SWMM input file: links joined by their node names alone.

    Parameters
    ----------
    path : path
        The ``.inp`` file.
    crs : anything pyproj understands, optional
        As in `read_inp`; needed where there are rivers.
    rivers : GeoDataFrame, optional
        Lines the outfalls discharge to.
    join_m : float, metres, default 30
        Distance within which an outfall discharges to a river.

    Returns
    -------
    Network
        With every node of the file; one that no link touches is ``isolated``.

    Raises
    ------
    ReadError
        As in `read_inp`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "small.inp"
    >>> _ = file.write_text("[JUNCTIONS]\nJ1 4\nJ2 3\n[OUTFALLS]\nO1 2 FREE\n[CONDUITS]\nC1 J1 J2 100 0.013 0 0\n"
    ...     "[WEIRS]\nW1 J2 O1 TRANSVERSE 1 3.3 NO\n[COORDINATES]\nJ1 0 0\nJ2 300 0\nO1 330 0\n")
    >>> network = read_inp_network(file)
    >>> network.upstream("W1"), network.nodes.set_index("node_id")["kind"].to_dict()
    (['W1', 'C1'], {'J1': 'manhole', 'J2': 'manhole', 'O1': 'outfall'})
    """
    lines, said = read_inp(path, crs=crs), read_inp_nodes(path, crs=crs)
    network = build_network(rivers, pipes=lines, tolerance_m=0.0, join_m=join_m)
    said = said.to_crs(network.crs).set_index("node_id")
    nodes = network.nodes.copy()
    own = nodes["node_id"].isin(said.index)
    for column in ("kind", "invert_m", "ground_m", "source_ref"):
        told = nodes["node_id"].map(said[column])
        keep = ~own | (nodes["kind"].eq("pump_well") if column == "kind" else False)
        nodes[column] = nodes[column].where(keep, told).astype(nodes[column].dtype)
    alone = said[~said.index.isin(nodes["node_id"])].reset_index().assign(kind="isolated")
    if len(alone):
        nodes = pd.concat([nodes, alone], ignore_index=True)
    return Network(network.reaches, nodes, network.issues)


def _levels(sections: Sections) -> dict[str, float]:
    """Return the level of the bottom of every node in metres."""
    rows = [words for section in _NODES for _, words in sections.of(section)]
    return {words[0]: _number(words, 1) * sections.metres for words in rows}


class _Metric:
    """The metric CRS of the map, and the way into it."""

    def __init__(self, sections: Sections, crs: object, places: list[Place]) -> None:
        self.factor, self.shift = 1.0, (0.0, 0.0)
        self.transformer = None
        if crs is None:
            self.crs: pyproj.CRS = ProjectedCRS(TransverseMercatorConversion(), name="map without a place")
            self.factor = sections.map_metres
            if places:
                middle = np.mean([np.min(places, axis=0), np.max(places, axis=0)], axis=0) * self.factor
                self.shift = (float(middle[0]), float(middle[1]))
            return
        self.crs = pyproj.CRS.from_user_input(crs)
        if self.crs.is_geographic:
            points = gpd.GeoSeries.from_xy(*np.array(places).reshape(-1, 2).T, crs=self.crs)
            own, self.crs = self.crs, choose_crs(gpd.GeoDataFrame(geometry=points))
            self.transformer = pyproj.Transformer.from_crs(own, self.crs, always_xy=True)


def _moved(place: Place, metric: _Metric) -> Place:
    if metric.transformer is not None:
        east, north = metric.transformer.transform(*place)
        return float(east), float(north)
    return place[0] * metric.factor - metric.shift[0], place[1] * metric.factor - metric.shift[1]


def _places(sections: Sections, links: pd.DataFrame, crs: object) -> tuple[dict[str, Place], set[str], _Metric]:
    """Return where every node is, which are only a scheme, and the CRS."""
    nodes = [words[0] for section in _NODES for _, words in sections.of(section)]
    rows = [words for _, words in sections.of("COORDINATES") if len(words) > 2]
    known = {words[0]: (_number(words, 1), _number(words, 2)) for words in rows}
    known = {name: place for name, place in known.items() if np.isfinite(place).all() and name in set(nodes)}
    metric = _Metric(sections, crs, list(known.values()))
    here = {name: _moved(place, metric) for name, place in known.items()}
    pairs = list(zip(links["from_node"], links["to_node"], strict=True))
    lost = sorted({name for pair in pairs for name in pair} - set(nodes))
    if lost:
        problem = Problem("links", "name nodes that are in no section of nodes", "add them to the file", tuple(lost))
        raise ReadError(sections.name, [problem])
    linked = {name for pair in pairs for name in pair}
    alone = [(name, name) for name in nodes if name not in linked]
    ends = [words[0] for _, words in sections.of("OUTFALLS")]
    return *place_nodes(here, [*pairs, *alone], ends), metric


def _number(words: list[str], at: int) -> float:
    try:
        return float(words[at])
    except (IndexError, ValueError):
        return float("nan")
