"""Which sightings there are: tables of many surveys as one, in one CRS, every id once, every sigma known."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.coordinates import to_crs
from outfall.errors import Problem, TableError
from outfall.tables import check, empty, issue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyproj

__all__ = ["Platform", "gather", "platforms", "positions"]

_LEAST_SIGMA_M = 0.5


@dataclass(frozen=True, slots=True)
class Platform:
    """What we assume of a platform where a survey does not say better; our defaults, no standard's.

    Parameters
    ----------
    rank : int
        Whose word counts first where sightings of one outfall differ; 1 is the first.
    sigma_m : float
        Standard deviation of a position in each direction.
    bias_m : float
        Standard deviation of the offset all positions of one survey share.
    twice_share : float
        How often one survey writes one thing down twice; 0 means never.
    """

    rank: int
    sigma_m: float
    bias_m: float
    twice_share: float


@cache
def platforms() -> Mapping[str, Platform]:
    """Return our defaults by platform, in the order of whose word counts first."""
    with files(__package__).joinpath("platforms.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    numbers = ("sigma_m", "bias_m", "twice_share")
    return {row["platform"]: Platform(int(row["rank"]), *(float(row[name]) for name in numbers)) for row in rows}


def gather(
    seen: pd.DataFrame | Sequence[pd.DataFrame], crs: pyproj.CRS
) -> tuple[gpd.GeoDataFrame, list[dict[str, object]]]:
    """Return all sightings as one table ordered by id, in one CRS, with a sigma in every row.

    Parameters
    ----------
    seen : table or list of tables
        Contract ``sightings``. Not changed.
    crs : pyproj.CRS
        CRS of the network.

    Returns
    -------
    tuple of GeoDataFrame and list of issue rows
        Ids that stand in several surveys become ``survey/id``.

    Raises
    ------
    TableError
        A table does not meet its contract, or one survey holds an id twice.
    """
    tables = [seen] if isinstance(seen, pd.DataFrame) else list(seen)
    checked = [check(_bare(table), "sightings", where=f"sightings {at}") for at, table in enumerate(tables, start=1)]
    filled = [_projected(table, crs, f"sightings {at}") for at, table in enumerate(checked, start=1) if len(table)]
    if not filled:
        return to_crs(empty("sightings", crs=crs), crs, where="sightings"), []
    every = gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), geometry="geometry", crs=crs)
    every, notes = _unique_ids(every)
    default = every["platform"].map({name: platform.sigma_m for name, platform in platforms().items()})
    every["sigma_m"] = every["sigma_m"].fillna(default.astype(float)).clip(lower=_LEAST_SIGMA_M)
    return every.sort_values("sighting_id", kind="stable").reset_index(drop=True), notes


def _bare(table: pd.DataFrame) -> pd.DataFrame:
    out = table.copy(deep=False)
    out.attrs = {}
    return out


def _projected(table: pd.DataFrame, crs: pyproj.CRS, where: str) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(table)
    if frame.geometry.isna().all() and frame.crs is None:
        return frame.set_crs(crs)
    return to_crs(frame, crs, where=where)


def _unique_ids(every: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[dict[str, object]]]:
    twice = every["sighting_id"].duplicated(keep=False)
    if not twice.any():
        return every, []
    longer = every["survey_id"].astype(str) + "/" + every["sighting_id"].astype(str)
    ids = every["sighting_id"].mask(twice, longer)
    still = ids.duplicated(keep=False)
    if still.any():
        rows = tuple(every.loc[still, "source_ref"].astype(str))
        what = f"{ids[still].iloc[0]!r} stands more than once in one survey"
        problem = Problem(
            "sighting_id (疑似点编号)", what, "give every sighting its own id, or pass each file once", rows
        )
        msg = f"sightings: {int(still.sum())} rows share an id"
        raise TableError(msg, [problem])
    reason = "several surveys use the same ids: the survey is written before them"
    reason_zh = "多个批次编号重复, 编号前加批次名"
    note = issue(
        "duplicate", "sightings", reason, reason_zh=reason_zh, rows=ids[twice], level="note", decision="renamed"
    )
    return every.assign(sighting_id=ids.astype("str")), [note]


def positions(every: gpd.GeoDataFrame) -> np.ndarray:
    """Return east and north of every sighting, n by 2."""
    return np.column_stack([every.geometry.x.to_numpy(), every.geometry.y.to_numpy()])
