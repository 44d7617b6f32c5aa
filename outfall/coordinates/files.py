"""How one file becomes one table that meets its contract, with points where it has coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.coordinates.points import has_coordinates, to_points
from outfall.errors import CoordinateError, TableError
from outfall.tables import check, contract, find_problems, name_columns, read_frame, rename_problems

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["read_table"]


def read_table(
    path: Path | str,
    table: str,
    *,
    crs: object = None,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> pd.DataFrame:
    r"""Return one file as a table that meets its contract.

    Parameters
    ----------
    path : path
        Any file that tables.read_frame reads.
    table : str
        Name of the contract.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What lon and lat columns are; a file with a geometry says it itself.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the file lacks; a column the file has is never overwritten.
    layer : str, optional
        Layer or sheet.

    Returns
    -------
    DataFrame or GeoDataFrame, n rows
        Meets the contract; rows keep the order of the file.

    Raises
    ------
    ReadError
        The file cannot be read.
    CoordinateError
        The coordinates cannot be what is said.
    TableError
        The table does not meet its contract.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "permits.csv"
    >>> _ = file.write_text("编号,企业名称,经度,纬度\nW1,青禾印染厂,114.30,30.60\n", encoding="utf-8")
    >>> read_table(file, "sources", crs=4490)[["source_id", "name"]].values.tolist()
    [['W1', '青禾印染厂']]
    """
    frame = read_frame(path, table=table, layer=layer)
    where = str(frame["source_ref"].iloc[0]).split("#")[0] if len(frame) else str(path)
    return _contracted(frame, table, where, crs, tz, rename, constants)


def _contracted(
    frame: pd.DataFrame,
    table: str,
    where: str,
    crs: object,
    tz: str | None,
    rename: Mapping[str, str] | None,
    constants: Mapping[str, object] | None,
) -> pd.DataFrame:
    named = name_columns(frame, table, rename=rename)
    for column, value in (constants or {}).items():
        if column not in named.columns:
            named[column] = value
    problems = rename_problems(frame, table, rename)
    kind = contract(table).geometry
    if kind != "none" and (has_coordinates(named) or not kind.endswith("?")):
        try:
            named = to_points(named, crs=crs, where=where)
        except CoordinateError as error:
            others = [problem for problem in find_problems(named, table, tz=tz) if problem.where != "geometry"]
            raise CoordinateError(error.message, [*error.problems, *problems, *others], fix=error.fix) from None
    elif isinstance(named, gpd.GeoDataFrame):
        named = pd.DataFrame(named.drop(columns=named.geometry.name))
    if problems:
        problems += find_problems(named, table, tz=tz)
        msg = f"{where}: {len(problems)} problems"
        raise TableError(msg, problems, fix=f"The headings are {', '.join(map(str, frame.columns))}.")
    return check(named, table, tz=tz, where=where)
