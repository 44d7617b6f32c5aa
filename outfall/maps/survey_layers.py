"""What was surveyed, by whom and when: banks seen and not seen, and known connections, as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.maps.layers import Layer
from outfall.maps.placing import as_places, lengths_m, present, require
from outfall.tables import contract

if TYPE_CHECKING:
    from outfall.network import Network

__all__ = ["bank_layer", "link_layer"]


def bank_layer(
    segments: gpd.GeoDataFrame,
    coverage: pd.DataFrame | None = None,
    *,
    ranked: pd.DataFrame | None = None,
    enough_share: float = 0.8,
) -> Layer:
    """Return the banks as a layer: calm where they were seen, loud where nobody looked, with kilometres in the legend.

    Parameters
    ----------
    segments : GeoDataFrame, n segments, LineString, any CRS
        From bank_segments. Not changed.
    coverage : DataFrame, optional
        From find_coverage; without it nothing was seen.
    ranked : DataFrame, optional
        From rank_banks: what the next survey would find where, and why.
    enough_share : float, default 0.8
        Share of a segment from which it counts as seen; less is seen in part. Our default.

    Returns
    -------
    Layer
        ``banks``, one line per segment: seen or not, by which platforms, how often, when first and last. The time is
        when it was first seen; banks nobody saw have none.

    Raises
    ------
    MapError
        A column is missing.

    Examples
    --------
    >>> banks = gpd.GeoDataFrame({"segment_id": ["A", "B"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (0 0, 1000 0)", "LINESTRING (1000 0, 2000 0)"]))
    >>> looks = pd.DataFrame({"segment_id": ["A"], "platform": ["drone"], "seen_share": [1.0]})
    >>> layer = bank_layer(banks, looks)
    >>> layer.table["seen"].tolist(), bank_layer(banks.head(0)).table["seen"].tolist()
    (['seen', 'unseen'], [])
    """
    require("segments", segments, "segment_id")
    ids = segments["segment_id"].astype("str")
    table = segments.assign(segment_id=ids, length_m=lengths_m(segments)).drop(columns=["source_ref"], errors="ignore")
    table = table.join(_seen_of(coverage), on="segment_id")
    share = table["seen_share"].fillna(0.0)
    table["seen_share"] = share
    table["seen"] = np.select([share >= enough_share, share > 0], ["seen", "part"], "unseen").astype("object")
    table = table.astype({"seen": "str"})
    if ranked is not None and len(ranked):
        wanted = [name for name in ("expected_finds", "reason", "reason_zh") if name in ranked]
        best = ranked.drop_duplicates("segment_id").set_index("segment_id")
        table = table.join(best[wanted].assign(next_platform=best["platform"]), on="segment_id")
    styles = present(table, "seen_share", "seen_by", "expected_finds")
    popup = present(
        table, "seen", "seen_share", "seen_by", "first_seen_at", "last_seen_at", "look_count", "survey_ids", "best_gsd_m",
        "next_platform", "expected_finds", "reason_zh", "reason", "segment_id", "reach_id", "side", "length_m"
    )  # fmt: skip
    return Layer(
        "banks",
        "lines",
        table,
        group="survey",
        style="seen",
        styles=styles,
        popup=popup,
        search=present(table, "segment_id", "reach_id"),
        time="first_seen_at",
        total="length_m",
    )


def link_layer(
    links: gpd.GeoDataFrame | pd.DataFrame,
    *,
    outfalls: gpd.GeoDataFrame | None = None,
    sources: gpd.GeoDataFrame | None = None,
    network: Network | None = None,
) -> Layer:
    """Return known connections as lines, from what they leave to what they reach.

    Parameters
    ----------
    links : GeoDataFrame or DataFrame, n rows, LineString or none
        Contract ``links``. Not changed.
    outfalls, sources : GeoDataFrame, Point, optional
        A link without a line of its own is drawn straight between those it names.
    network : Network, optional
        For links that name reaches: from or to their middle.

    Returns
    -------
    Layer
        ``links``, coloured by what they rest on or by their probability; links that cannot be placed are kept for the
        search and left off the map.

    Raises
    ------
    MapError
        A column is missing.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> link_layer(empty("links"))
    <Layer links: 0 lines>
    """
    require("links", links, "link_id")
    places = [
        table for table in (outfalls, sources, network.reaches if network is not None else None) if table is not None
    ]
    crs = next((table.crs for table in places), "EPSG:4490")
    table = as_places(links, crs=crs)
    points = _named_points(places, table.crs)
    lacks = (table.geometry.isna() | table.geometry.is_empty).to_numpy(bool)
    ends = [
        table[name].map(points) if name in table else pd.Series(None, index=table.index)
        for name in ("from_id", "to_id")
    ]
    can = lacks & ends[0].notna().to_numpy() & ends[1].notna().to_numpy()
    if can.any():
        geometry = table.geometry.copy()
        pairs = zip(ends[0][can], ends[1][can], strict=True)
        geometry[can] = gpd.GeoSeries(
            [shapely.LineString(pair) for pair in pairs], index=table.index[can], crs=table.crs
        )
        table = table.set_geometry(geometry)
    return Layer(
        "links",
        "lines",
        table,
        contract="links",
        group="survey",
        style="kind" if "kind" in table else "",
        styles=present(table, "exists_share"),
        popup=tuple(name for name in contract("links").columns if name in table),
        search=present(table, "link_id", "from_id", "to_id"),
        time="seen_at" if "seen_at" in table else "",
    )


def _seen_of(coverage: pd.DataFrame | None) -> pd.DataFrame:
    """Return one row per segment: the largest share any platform saw, by whom, how often, when."""
    columns = ["seen_share", "seen_by", "look_count", "survey_ids", "best_gsd_m", "first_seen_at", "last_seen_at"]
    if coverage is None or not len(coverage):
        found = pd.DataFrame({name: pd.Series(dtype="float64") for name in columns}, index=pd.Index([], dtype="str"))
        return found.astype(
            {
                "seen_by": "str",
                "survey_ids": "str",
                "first_seen_at": "datetime64[us, UTC]",
                "last_seen_at": "datetime64[us, UTC]",
            }
        )
    require("coverage", coverage, "segment_id", "platform", "seen_share")
    by = coverage[coverage["seen_share"] > 0].groupby("segment_id", sort=True)
    found = pd.DataFrame({"seen_share": by["seen_share"].max(), "seen_by": by["platform"].agg(_joined)})
    for name, rule in (
        ("look_count", "sum"),
        ("survey_ids", _joined),
        ("best_gsd_m", "min"),
        ("first_seen_at", "min"),
        ("last_seen_at", "max"),
    ):
        if name in coverage:
            found[name] = by[name].agg(rule)
    if "first_seen_at" not in found:
        found["first_seen_at"] = pd.Series(pd.NaT, index=found.index, dtype="datetime64[us, UTC]")
    return found


def _joined(values: pd.Series) -> str:
    return ";".join(sorted({part for value in values.dropna() for part in str(value).split(";") if part}))


def _named_points(places: list[gpd.GeoDataFrame], crs: object) -> dict[str, shapely.Point]:
    points: dict[str, shapely.Point] = {}
    for table in places:
        key = next(name for name in ("outfall_id", "source_id", "reach_id") if name in table)
        spots = table.geometry.to_crs(crs)
        middle = spots.interpolate(0.5, normalized=True) if key == "reach_id" and "from_node" in table else spots
        points.update({str(name): spot for name, spot in zip(table[key], middle, strict=True) if spot is not None})
    return points
