"""What came back from the field: which outfalls are unchanged, changed, new or missing, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.coordinates import to_crs
from outfall.errors import Problem, TableError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["compare_returned"]

_COLUMNS = ["outfall_id", "change", "column", "before", "after", "moved_m", "merged_into"]


def compare_returned(
    outfalls: gpd.GeoDataFrame,
    returned: pd.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    tolerance_m: float = 0.01,
) -> pd.DataFrame:
    """Return what differs between the inventory and a copy people took to the field, by outfall and column.

    Rows are paired by ``outfall_id``. Nothing is written: what is to be kept is decided where conflicts are kept.

    Parameters
    ----------
    outfalls : GeoDataFrame
        Contract ``outfalls``: what is known now. Not changed.
    returned : DataFrame or GeoDataFrame
        What came back, in any CRS; it may lack columns, which are then not compared. Not changed.
    columns : sequence of str, optional
        Only these; default is every column both have, except source_ref.
    tolerance_m : float, default 0.01
        A point that moved by less stayed where it is.

    Returns
    -------
    DataFrame
        Columns outfall_id, change (``unchanged``, ``changed``, ``new``, ``missing``), column, before, after, moved_m and, for an
        outfall that became part of another meanwhile, merged_into. A changed outfall has a row per column; a new one,
        without an id or with one nobody knows, has no column. In the order returned, missing ones last.

    Raises
    ------
    TableError
        The copy has no outfall_id or holds one twice.
    CoordinateError
        A table does not say its CRS.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.tables import check
    >>> table = check(gpd.GeoDataFrame({"outfall_id": ["P-1", "P-2"], "status": "suspected", "source_ref": "x"},
    ...     geometry=gpd.points_from_xy([0, 3], [0, 0]), crs=32650), "outfalls")
    >>> back = table.iloc[[0]].assign(status="confirmed")
    >>> compare_returned(table, back)[["outfall_id", "change", "column", "before", "after"]].values.tolist()[0]
    ['P-1', 'changed', 'status', 'suspected', 'confirmed']
    >>> compare_returned(table, back)["change"].tolist()
    ['changed', 'missing']
    """
    _check_ids(returned)
    known = outfalls.set_index(outfalls["outfall_id"].astype(str))
    moved = _moved(outfalls, returned)
    shared = [name for name in outfalls.columns if name in returned.columns and name not in {"geometry", "source_ref"}]
    shared = [name for name in shared if name != "outfall_id" and (columns is None or name in columns)]
    rows: list[dict[str, object]] = []
    for at, name in enumerate(returned["outfall_id"].astype("object")):
        if pd.isna(name) or str(name) not in known.index:
            rows.append({"outfall_id": None if pd.isna(name) else str(name), "change": "new"})
            continue
        before, after = known.loc[str(name)], returned.iloc[at]
        found = [_difference(column, before[column], after[column]) for column in shared]
        differences = [row for row in found if row is not None]
        if moved[at] > tolerance_m and (columns is None or "geometry" in columns):
            point = returned.geometry.iloc[at]
            differences.append({"column": "geometry", "before": before["geometry"].wkt, "after": point.wkt})
        base = {"outfall_id": str(name), "moved_m": float(moved[at]), "merged_into": before["merged_into"]}
        rows += [base | {"change": "changed"} | row for row in differences] or [base | {"change": "unchanged"}]
    back = set(returned["outfall_id"].dropna().astype(str))
    living = known[known["merged_into"].isna()]
    rows += [{"outfall_id": name, "change": "missing"} for name in living.index if name not in back]
    table = pd.DataFrame(rows, columns=_COLUMNS).astype("object")
    table["moved_m"] = pd.to_numeric(table["moved_m"])
    return table.where(table.notna(), None).assign(moved_m=table["moved_m"])


def _check_ids(returned: pd.DataFrame) -> None:
    if "outfall_id" not in returned.columns:
        problem = Problem("outfall_id", "missing", "give the copy back with the outfall_id it was taken with")
        msg = "returned: rows cannot be paired"
        raise TableError(msg, [problem])
    names = returned["outfall_id"].dropna().astype(str)
    twice = names[names.duplicated()].unique().tolist()
    if twice:
        problems = [Problem(name, "stands more than once", "give back one row per outfall") for name in twice]
        msg = f"returned: {len(twice)} outfalls came back twice"
        raise TableError(msg, problems)


def _moved(outfalls: gpd.GeoDataFrame, returned: pd.DataFrame) -> np.ndarray:
    found = np.zeros(len(returned))
    if not isinstance(returned, gpd.GeoDataFrame) or not len(returned):
        return found
    there = to_crs(returned, outfalls.crs, where="returned").geometry.to_numpy()
    place = dict(zip(outfalls["outfall_id"].astype(str), outfalls.geometry, strict=True))
    for at, name in enumerate(returned["outfall_id"].astype("object")):
        was = place.get(str(name)) if pd.notna(name) else None
        if was is not None and there[at] is not None:
            found[at] = was.distance(there[at])
    return found


def _difference(column: str, before: object, after: object) -> dict[str, object] | None:
    gone, missing = pd.isna(before), pd.isna(after)
    if gone and missing:
        return None
    if not gone and not missing:
        same = (
            bool(np.isclose(float(before), float(after), rtol=1e-9, atol=1e-9))
            if isinstance(before, float) and isinstance(after, (int, float))
            else before == after or str(before) == str(after)
        )
        if same:
            return None
    return {"column": column, "before": None if gone else before, "after": None if missing else after}
