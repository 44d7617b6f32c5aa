"""Which of the places a point may have fits what else was noted: its bank, the water's name, its size, who saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import PlaceError
from outfall.vocabulary import plain

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["weigh_places"]

# Our defaults, none measured: how much rarer a place is that disagrees with a note.
_OTHER_BANK = 0.1  # people confuse left and right, looking up the river
_OTHER_NAME, _NO_NAME = 0.15, 0.6
_OTHER_KIND = 0.05
_SIZE_SD = 0.7  # natural log: an estimate of a stream's size is good to a factor of two
_OPEN = frozenset({"river", "ditch", "tidal", "lake", "coast"})
_SEES_OPEN = frozenset({"boat", "satellite"})
_IN_PIPES = frozenset({"crawler", "manhole", "inlet", "pump_well"})
_SIZES = {"upstream_km2": ("area_km2", 1.0), "upstream_km": ("length_m", 1000.0)}


def weigh_places(places: gpd.GeoDataFrame, points: pd.DataFrame, network: Network) -> gpd.GeoDataFrame:
    """Return places with the shares they have once the notes on each point are weighed too.

    A note moves probability between the places of a point and never makes it surer that the point is on the network
    at all: the sum over its places stays. Notes are columns of the points: ``side``, ``receiving_water`` (a name),
    ``upstream_km2`` or ``upstream_km`` (a rough size of the water it was seen on), ``platform`` (what a boat sees is
    open water, what a crawler sees a pipe) and ``kind`` (a manhole belongs to a pipe). An empty note says nothing.

    Parameters
    ----------
    places : GeoDataFrame, m rows
        Answer of `locate`. Not changed.
    points : DataFrame, n rows
        The points that were placed, with their key column (or index) and any of the notes.
    network : Network
        Where they were placed.

    Returns
    -------
    GeoDataFrame, m rows
        Contract ``places``; points in the order of the places given, the most probable place first.

    Raises
    ------
    PlaceError
        A place is of a point that is not in the table.
    NetworkError
        A place is on a reach that is not in the network.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network, locate
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"], "name": ["North", "South"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400000, 501000 3400000)",
    ...                                      "LINESTRING (500000 3399990, 501000 3399990)"]))
    >>> network = build_network(lines)
    >>> seen = gpd.GeoDataFrame({"sighting_id": ["E1"], "sigma_m": [5.0], "receiving_water": ["South"]}, crs=32650,
    ...                         geometry=gpd.points_from_xy([500200], [3399996]))
    >>> places = locate(seen, network)
    >>> places["reach_id"].tolist(), weigh_places(places, seen, network)["reach_id"].tolist()
    (['A', 'B'], ['B', 'A'])
    >>> len(weigh_places(places.iloc[:0], seen, network))
    0
    """
    if not len(places):
        return places.copy()
    notes = _notes(places, points)
    rows = network.position(places["reach_id"])
    reaches = network.reaches.iloc[rows].reset_index(drop=True)
    weight = np.ones(len(places))
    said = np.full(len(places), "", dtype=object)
    for name, factor in (
        ("bank", _bank(notes, places)),
        ("name", _name(notes, reaches)),
        ("size", _size(notes, network, rows)),
        ("kind", _kind(notes, reaches)),
    ):
        weight *= factor
        said[factor != 1.0] += f"; {name}"
    return _shared(places, weight, said)


def _notes(places: gpd.GeoDataFrame, points: pd.DataFrame) -> pd.DataFrame:
    key = next((name for name in points.columns if str(name).endswith("_id") and points[name].is_unique
                and places["point_id"].isin(points[name].astype("str")).all()), None)  # fmt: skip
    ids = pd.Index(points[key].astype("str") if key is not None else points.index.astype("str"))
    at = ids.get_indexer(places["point_id"])
    if (at < 0).any():
        lost = places["point_id"].to_numpy()[at < 0][0]
        msg = f"places: point {lost!r} is not in the table of points; give the table that was placed"
        raise PlaceError(msg)
    return pd.DataFrame(points).iloc[at].reset_index(drop=True)


def _bank(notes: pd.DataFrame, places: gpd.GeoDataFrame) -> NDArray[np.float64]:
    noted, side = _text(notes, "side"), places["side"].to_numpy(dtype=object)
    other = pd.notna(noted) & pd.notna(side) & (noted != side)
    return np.where(other, _OTHER_BANK, 1.0)


def _name(notes: pd.DataFrame, reaches: pd.DataFrame) -> NDArray[np.float64]:
    noted, name = _text(notes, "receiving_water"), reaches["name"].to_numpy(dtype=object)
    given, known = pd.notna(noted), pd.notna(name)
    same = np.array([a and b and plain(c) == plain(d) for a, b, c, d in zip(given, known, noted, name, strict=True)])
    return np.where(~given | same, 1.0, np.where(known, _OTHER_NAME, _NO_NAME))


def _size(notes: pd.DataFrame, network: Network, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    factor = np.ones(len(rows))
    for note, (column, unit) in _SIZES.items():
        if note in notes.columns and column in network.reaches.columns and network.reaches[column].notna().any():
            total = network.accumulate(column).to_numpy(dtype=float)[rows] / unit
            hint = pd.to_numeric(notes[note], errors="coerce").to_numpy(dtype=float)
            with np.errstate(divide="ignore", invalid="ignore"):
                gap = np.log(total / hint) / _SIZE_SD
            factor *= np.where(np.isfinite(gap), np.exp(-0.5 * np.minimum(gap**2, 40.0)), 1.0)
    return factor


def _kind(notes: pd.DataFrame, reaches: pd.DataFrame) -> NDArray[np.float64]:
    is_open = reaches["kind"].isin(_OPEN).to_numpy()
    factor = np.ones(len(notes))
    for column in ("platform", "kind"):
        noted = pd.Series(_text(notes, column))
        factor[noted.isin(_SEES_OPEN).to_numpy() & ~is_open] = _OTHER_KIND
        factor[noted.isin(_IN_PIPES).to_numpy() & is_open] = _OTHER_KIND
    return factor


def _text(notes: pd.DataFrame, column: str) -> NDArray[np.object_]:
    if column not in notes.columns:
        return np.full(len(notes), None, dtype=object)
    return notes[column].astype("object").where(notes[column].notna(), None).to_numpy(dtype=object)


def _shared(places: gpd.GeoDataFrame, weight: NDArray[np.float64], said: NDArray[np.object_]) -> gpd.GeoDataFrame:
    code, _ = pd.factorize(places["point_id"])
    old = places["place_share"].to_numpy(dtype=float)
    before, after = np.bincount(code, old), np.bincount(code, old * weight)
    share = np.where(after[code] > 0, old * weight * before[code] / np.where(after > 0, after, 1.0)[code], old)
    reason = (places["reason"].fillna("").astype("object").to_numpy() + said).astype(object)
    out = places.assign(place_share=share, reason=[str(text).removeprefix("; ") or None for text in reason])
    order = np.lexsort((places["rank"].to_numpy(dtype=float), -share, code))
    out = out.iloc[order]
    rank = out.groupby(code[order]).cumcount().to_numpy() + 1
    return out.assign(rank=pd.array(rank, dtype="Int64")).reset_index(drop=True)
