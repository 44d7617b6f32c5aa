"""What an outfall holds when several become one, or when it becomes several."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.registry.merge import as_members, merge_rows
from outfall.registry.seen import gather
from outfall.tables import join_ids, split_ids

if TYPE_CHECKING:
    import pyproj

__all__ = ["is_same", "joined_cells", "new_id", "part_cells", "with_cells"]


def joined_cells(outfalls: gpd.GeoDataFrame, order: list[int]) -> dict[str, object]:
    """Return the cells of the outfall that lives on: what it lacks comes from the others, in their order."""
    rows = outfalls.iloc[order]
    own = {"outfall_id", "merged_into", "status", "source_ref", "geometry", "code_national", "code_local"}
    found: dict[str, object] = {}
    for column in rows.columns.difference(list(own)):
        there = rows[column].dropna()
        if pd.isna(rows[column].iloc[0]) and len(there):
            found[column] = there.iloc[0]
    for column in ("sighting_ids", "platforms", "photo_ids"):
        found[column] = join_ids(sorted({one for text in rows[column].dropna() for one in split_ids(text)})) or None
    found["sighting_count"] = len(split_ids(str(found["sighting_ids"] or "")))
    found["first_seen_at"], found["last_seen_at"] = rows["first_seen_at"].min(), rows["last_seen_at"].max()
    if (rows["status"] == "confirmed").any():
        found["status"] = "confirmed"
    weight = np.nan_to_num(rows["sigma_m"].to_numpy(dtype=float), nan=10.0) ** -2.0
    east, north = (np.average(values, weights=weight) for values in (rows.geometry.x, rows.geometry.y))
    found["geometry"] = gpd.points_from_xy([east], [north])[0]
    found["sigma_m"] = float(weight.sum() ** -0.5)
    found["source_ref"] = f"merge_outfalls({join_ids(rows['outfall_id'])})"
    return found


def part_cells(group: list[str], sightings: gpd.GeoDataFrame | None, crs: pyproj.CRS) -> dict[str, object]:
    """Return the cells of one part of an outfall."""
    ids = join_ids(group)
    if sightings is None:
        return {"sighting_ids": ids, "sighting_count": len(group), "source_ref": f"split_outfall({ids})"}
    every, _ = gather(sightings[sightings["sighting_id"].isin(group)], crs)
    missing = sorted(set(group) - set(every["sighting_id"]))
    if missing or every.geometry.isna().all():
        msg = "split_outfall: sightings are missing"
        raise TableError(
            msg, [Problem(name, "is not in sightings with a point", "pass all of them") for name in missing]
        )
    there = every[every.geometry.notna()]
    weight = there["sigma_m"].to_numpy(dtype=float) ** -2.0
    east, north = (np.average(values, weights=weight) for values in (there.geometry.x, there.geometry.y))
    place = {"geometry": gpd.points_from_xy([east], [north])[0], "sigma_m": float(weight.sum() ** -0.5)}
    return merge_rows(as_members(every)) | place | {"source_ref": f"split_outfall({ids})"}


def new_id(group: list[str], used: set[str]) -> str:
    """Return an id made of the first sighting that no outfall has."""
    digest = hashlib.sha256(group[0].encode()).hexdigest()
    return next(name for length in range(8, 64) if (name := f"P-{digest[:length]}") not in used)


def with_cells(column: pd.Series, rows: list[int], values: list[object]) -> pd.Series:
    """Return a column with some cells replaced, of the same type."""
    cells = column.astype("object").to_numpy(dtype=object, copy=True)
    for row, value in zip(rows, values, strict=True):
        cells[row] = value
    if column.name == "geometry":
        return gpd.GeoSeries(cells, index=column.index, crs=column.crs)
    return pd.Series(list(cells), index=column.index, name=column.name, dtype=column.dtype)


def is_same(one: pd.Series, two: pd.Series) -> bool:
    """Return whether two rows hold the same, missing cells included."""
    missing = one.isna() & two.isna()
    return bool((missing | (one.astype("object") == two.astype("object")).fillna(value=False).astype(bool)).all())
