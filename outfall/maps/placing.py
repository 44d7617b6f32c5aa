"""Where does a row stand on the map that has no point of its own: along its reach, at its outfall or at its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.errors import MapError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["as_places", "lengths_m", "place_along", "place_at", "present", "require"]


def as_places(table: pd.DataFrame, *, crs: object) -> gpd.GeoDataFrame:
    """Return a table with a geometry, empty where it has none, so that its rows can be searched."""
    if isinstance(table, gpd.GeoDataFrame) and "geometry" in table:
        return table if table.crs is not None or crs is None else table.set_crs(crs)
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries([None] * len(table), index=table.index, crs=crs), crs=crs)


def place_along(table: gpd.GeoDataFrame, reaches: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table with a point on its reach where a row has only ``reach_id`` and ``along_m``.

    Examples
    --------
    >>> from shapely import LineString
    >>> reaches = gpd.GeoDataFrame({"reach_id": ["a"], "length_m": [100.0]}, geometry=[LineString([(0, 0), (100, 0)])], crs=32650)
    >>> table = gpd.GeoDataFrame({"reach_id": ["a"], "along_m": [25.0]}, geometry=[None], crs=32650)
    >>> place_along(table, reaches).geometry[0].x
    25.0
    """
    has_none = table.geometry.isna() | table.geometry.is_empty
    if not {"reach_id", "along_m"} <= set(table.columns) or not has_none.any():
        return table
    table = table if table.crs is not None else table.set_crs(reaches.crs)
    lines = reaches.set_index("reach_id").geometry.to_crs(table.crs)
    lengths_m = reaches.set_index("reach_id")["length_m"].astype("float64")
    known = has_none & table["reach_id"].isin(lines.index) & table["along_m"].notna()
    names = table.loc[known, "reach_id"]
    share = table.loc[known, "along_m"].to_numpy(float) / np.maximum(lengths_m.reindex(names).to_numpy(), 1e-9)
    points = shapely.line_interpolate_point(np.asarray(lines.reindex(names)), np.clip(share, 0, 1), normalized=True)
    geometry = table.geometry.copy()
    geometry[known] = gpd.GeoSeries(points, index=names.index, crs=table.crs)
    return table.set_geometry(geometry)


def place_at(table: gpd.GeoDataFrame, places: Iterable[tuple[str, gpd.GeoDataFrame | None]]) -> gpd.GeoDataFrame:
    """Return a table with the point of the outfall or source a row names where it has no point of its own.

    Examples
    --------
    >>> from shapely import Point
    >>> outfalls = gpd.GeoDataFrame({"outfall_id": ["A"]}, geometry=[Point(1, 2)], crs=32650)
    >>> table = gpd.GeoDataFrame({"outfall_id": ["A", "B"]}, geometry=[None, None], crs=32650)
    >>> place_at(table, [("outfall_id", outfalls)]).geometry.notna().tolist()
    [True, False]
    """
    for column, known in places:
        if known is None or column not in table or column not in known or not len(known):
            continue
        table = table if table.crs is not None else table.set_crs(known.crs)
        points = known.drop_duplicates(column).set_index(column).geometry.to_crs(table.crs).representative_point()
        lacks = (table.geometry.isna() | table.geometry.is_empty) & table[column].isin(points.index)
        geometry = table.geometry.copy()
        geometry[lacks] = gpd.GeoSeries(
            np.asarray(points.reindex(table.loc[lacks, column])), index=table.index[lacks], crs=table.crs
        )
        table = table.set_geometry(geometry)
    return table


def lengths_m(lines: gpd.GeoDataFrame) -> pd.Series:
    """Return the length of each line: the column ``length_m`` where there is one, else along the ellipsoid."""
    from outfall.coordinates import length_m

    if not len(lines) or "length_m" in lines:
        return (
            lines["length_m"].astype("float64")
            if "length_m" in lines
            else pd.Series(dtype="float64", index=lines.index)
        )
    return pd.Series(length_m(lines.geometry), index=lines.index)


def present(table: pd.DataFrame, *names: str) -> tuple[str, ...]:
    """Return those of the names that are columns."""
    return tuple(name for name in names if name in table.columns)


def require(name: str, table: pd.DataFrame, *columns: str) -> None:
    """Refuse a table that lacks a column a layer cannot do without."""
    problems = [
        Problem(column, "missing", f"the table has {', '.join(map(str, table.columns[:8]))}")
        for column in columns
        if column not in table
    ]
    if problems:
        msg = f"{name} cannot be drawn"
        raise MapError(msg, problems)
