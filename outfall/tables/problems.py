"""Does a table meet its contract: every problem at once, with row, value and fix."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables.contract import Column, Table, contract
from outfall.tables.convert import Cells, blank, convert, pandas_dtype, rows_where, wrong_cells
from outfall.tables.headings import name_columns, rename_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["check", "empty", "find_problems"]


def check(
    frame: pd.DataFrame,
    table: str,
    *,
    rename: Mapping[str, str] | None = None,
    tz: str | None = None,
    where: str | None = None,
) -> pd.DataFrame:
    """Return a table that meets its contract, or raise one error with every problem.

    Headings in either language are recognised, words of a vocabulary become its values, missing optional columns are
    added empty, and columns the contract does not know are kept at the end. The rows keep their order and index.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame, n rows
        Not changed. A geometry must carry its CRS.
    table : str
        Name of the contract.
    rename : mapping of str to str, optional
        The file's heading to our column, where we cannot know.
    tz : str, optional
        Zone of times that do not say theirs, such as ``"Asia/Shanghai"``. Without it they are refused.
    where : str, optional
        What the error calls the input; the name of the table by default.

    Returns
    -------
    DataFrame or GeoDataFrame, n rows
        Columns of the contract in order, then the others. Times are UTC.

    Raises
    ------
    TableError
        The table does not meet its contract; the message lists all problems.

    Examples
    --------
    >>> import pandas as pd
    >>> table = check(pd.DataFrame({"编号": ["E1"], "调查方式": ["无人机"], "批次": ["f1"], "source_ref": ["a.csv#2"]}),
    ...               "sightings")
    >>> table["platform"].tolist()
    ['drone']
    >>> len(check(pd.DataFrame(), "sightings"))
    0
    """
    checked, problems = _checked(frame, table, rename=rename, tz=tz)
    if problems:
        rows = {row for problem in problems for row in problem.rows}
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        inside = f" in {len(rows)} row{'s' if len(rows) != 1 else ''}" if rows else ""
        fix = "Correct the file, or name its columns with rename={'heading in the file': 'column'}."
        msg = f"{where or table}: {count}{inside}"
        raise TableError(msg, problems, fix=fix)
    return checked


def find_problems(
    frame: pd.DataFrame, table: str, *, rename: Mapping[str, str] | None = None, tz: str | None = None
) -> list[Problem]:
    """Return every problem of a table, as a list that is empty for a good one.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame, n rows
        Not changed.
    table : str
        Name of the contract.
    rename : mapping of str to str, optional
        The file's heading to our column.
    tz : str, optional
        Zone of times that do not say theirs.

    Returns
    -------
    list of Problem
        In the order of the contract.

    Examples
    --------
    >>> import pandas as pd
    >>> print(find_problems(pd.DataFrame({"sighting_id": ["E1"], "platform": ["kite"]}), "sightings")[0])
    platform (调查方式): 'kite' is not one of drone, boat, crawler, foot, radar, tracer, satellite, document (row 0)
    """
    return _checked(frame, table, rename=rename, tz=tz)[1]


def empty(table: str, *, crs: object = None) -> pd.DataFrame:
    """Return a table without rows that meets its contract.

    Parameters
    ----------
    table : str
        Name of the contract.
    crs : anything pyproj understands, optional
        CRS of its geometry, where it has one.

    Returns
    -------
    DataFrame or GeoDataFrame, 0 rows
        Every column of the contract.

    Examples
    --------
    >>> len(empty("places", crs=4490)), "along_m" in empty("places")
    (0, True)
    """
    declared = contract(table)
    columns = {name: pd.Series(dtype=pandas_dtype(column)) for name, column in declared.columns.items()}
    frame = pd.DataFrame(columns)
    if declared.geometry == "none":
        return frame
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([], crs=crs), crs=crs)


def _checked(
    frame: pd.DataFrame, table: str, *, rename: Mapping[str, str] | None, tz: str | None
) -> tuple[pd.DataFrame, list[Problem]]:
    declared = contract(table)
    named = name_columns(frame, table, rename=rename)
    if not len(named.columns):
        return empty(table), []
    problems = rename_problems(frame, table, rename)
    rows = _row_names(named)
    columns: dict[str, pd.Series] = {}
    for name, column in declared.columns.items():
        values, found = _column(named, column, rows, tz)
        columns[name] = values
        problems += found
    problems += _repeated_key(columns[declared.key], declared, rows)
    others = {str(name): named[name] for name in named.columns if name not in columns and name != _geometry_name(named)}
    out = pd.DataFrame({**columns, **others}, index=named.index)
    if declared.geometry == "none":
        return out, problems
    geometry, found = _geometry(named, declared, rows)
    return gpd.GeoDataFrame(out, geometry=geometry), problems + found


def _column(
    frame: pd.DataFrame, column: Column, rows: NDArray[np.object_], tz: str | None
) -> tuple[pd.Series, list[Problem]]:
    where = f"{column.name} ({column.zh})"
    if column.name not in frame.columns:
        missing = pd.Series(blank(column, len(frame)), index=frame.index)
        if not column.is_required or not len(frame):
            return missing, []
        guess = difflib.get_close_matches(column.name, [str(c) for c in frame.columns], n=1, cutoff=0.6)
        guess = guess or difflib.get_close_matches(column.zh, [str(c) for c in frame.columns], n=1, cutoff=0.5)
        fix = f"did you mean column {guess[0]!r}?" if guess else f"add it: {column.meaning or column.en}"
        return missing, [Problem(where, "missing", fix)]
    raw = frame[column.name]
    if isinstance(raw, pd.DataFrame):
        return raw.iloc[:, 0], [Problem(where, "stands twice in the table", "keep one of the two columns")]
    if len(raw) and raw.isna().all():
        values, problems = pd.Series(blank(column, len(raw)), index=raw.index), list[Problem]()
    else:
        values, problems = convert(Cells(raw, column, rows, tz))
    gone = values.isna().to_numpy()
    bad = {row for problem in problems for row in problem.rows}
    lost = [str(row) for row in rows[gone] if str(row) not in bad] if column.is_required else []
    if lost:
        problems.append(Problem(where, "empty", f"fill it in: {column.meaning or column.en}", tuple(lost)))
    return values, problems


def _geometry(frame: pd.DataFrame, declared: Table, rows: NDArray[np.object_]) -> tuple[gpd.GeoSeries, list[Problem]]:
    kind, optional = declared.geometry.rstrip("?"), declared.geometry.endswith("?")
    name = _geometry_name(frame)
    if name is None:
        gone = gpd.GeoSeries([None] * len(frame), index=frame.index)
        fix = "give a GeoDataFrame, or lon and lat columns to a reader"
        return gone, [] if optional or not len(frame) else [Problem("geometry", f"missing; a {kind} was expected", fix)]
    geometry = gpd.GeoSeries(frame[name])
    problems = []
    if geometry.crs is None and geometry.notna().any():
        problems.append(Problem("geometry", "no CRS", "say which with frame.set_crs(...)"))
    lost = pd.Series((geometry.isna() | geometry.is_empty).to_numpy(), index=frame.index)
    if lost.any() and not optional:
        what, fix = f"missing; a {kind} was expected", "draw it, or leave the row out"
        problems.append(Problem("geometry", what, fix, rows_where(lost, rows)))
    types = {"point": {"Point"}, "line": {"LineString"}}.get(kind)
    if types is not None:
        other = pd.Series((~geometry.geom_type.isin(types)).to_numpy() & ~lost.to_numpy(), index=frame.index)
        what, fix = f"is not a {kind}", f"give one {kind} per row"
        problems += wrong_cells(geometry.geom_type, other, rows, where="geometry", what=what, fix=fix)
    return geometry, problems


def _geometry_name(frame: pd.DataFrame) -> str | None:
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None:
        return str(frame.active_geometry_name)
    return "geometry" if "geometry" in frame.columns else None


def _repeated_key(key: pd.Series, declared: Table, rows: NDArray[np.object_]) -> list[Problem]:
    twice = key.duplicated(keep=False) & key.notna()
    column = declared.columns[declared.key]
    where = f"{column.name} ({column.zh})"
    return wrong_cells(key, twice, rows, where=where, what="stands more than once", fix="give every row its own id")


def _row_names(frame: pd.DataFrame) -> NDArray[np.object_]:
    if "source_ref" in frame.columns and not isinstance(frame["source_ref"], pd.DataFrame):
        return frame["source_ref"].astype("object").fillna("?").to_numpy()
    return frame.index.astype("object").to_numpy()
