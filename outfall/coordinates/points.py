"""How columns become points, and whether the numbers can be what the file says they are."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from outfall.coordinates.china import bd09_to_wgs84, gcj02_to_wgs84, is_in_china_box
from outfall.coordinates.crs import to_lonlat
from outfall.errors import CoordinateError, Problem
from outfall.vocabulary import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["has_coordinates", "to_points"]

_LON = {"lon", "经度", "longitude", "long", "lng", "东经", "经度(°)", "经度(e)"}
_LAT = {"lat", "纬度", "latitude", "北纬", "纬度(°)", "纬度(n)"}
_EAST = {"east", "easting", "east(m)", "横坐标", "y坐标"}
_NORTH = {"north", "northing", "north(m)", "纵坐标", "x坐标"}
_SHIFTED = {"gcj02": gcj02_to_wgs84, "bd09": bd09_to_wgs84}


def to_points(frame: pd.DataFrame, *, crs: object = None, where: str = "table") -> gpd.GeoDataFrame:
    """Return a table with a point per row, from its lon/lat or east/north columns or the geometry it has.

    Parameters
    ----------
    frame : DataFrame, n rows
        With lon and lat (经度, 纬度) or east and north; or a GeoDataFrame. Not changed.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What the numbers are. Ignored where a GeoDataFrame says it, except gcj02 and bd09, which no file can say.
    where : str
        What the error calls the table.

    Returns
    -------
    GeoDataFrame, n rows
        In crs; EPSG:4490 where GCJ-02 or BD-09 was given. Rows without coordinates have no geometry.

    Raises
    ------
    CoordinateError
        No CRS is said; or rows are swapped, zero or outside the earth: all rows are listed.

    Examples
    --------
    >>> import pandas as pd
    >>> to_points(pd.DataFrame({"经度": ["114.3"], "纬度": ["30.6"]}), crs=4490).geometry.x.tolist()
    [114.3]
    """
    shifted = _SHIFTED.get(plain(crs).replace("-", "")) if crs is not None else None
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name:
        return _unshifted(frame, shifted, crs, where)
    pair = _coordinate_columns(frame)
    if pair is None:
        shown = ", ".join(str(name) for name in list(frame.columns)[:12])
        msg = f"{where}: no coordinates; expected lon and lat (经度, 纬度) or east and north, found {shown}"
        raise CoordinateError(msg, fix="Name them with rename={'heading in the file': 'lon', …}.")
    if crs is None:
        msg = f"{where}: the coordinates do not say what they are; give crs= (EPSG:4490 for CGCS2000, 'gcj02' for AMap)"
        raise CoordinateError(msg)
    first, second, problems = _numbers(frame, pair)
    target = pyproj.CRS.from_epsg(4490) if shifted else _known_crs(crs, where)
    if target.is_geographic:
        problems += _lonlat_problems(frame, first, second, pair)
    if problems:
        msg = f"{where}: {len(problems)} problem{'s' if len(problems) > 1 else ''} with coordinates"
        raise CoordinateError(msg, problems, fix="Correct the rows, or name the columns with rename=.")
    if shifted:
        first, second = shifted(first, second)
    points = shapely.points(first, second)
    gone = np.isnan(first) | np.isnan(second)
    points[gone] = None
    rest = frame.drop(columns=list(pair))
    return gpd.GeoDataFrame(rest, geometry=gpd.GeoSeries(points, index=frame.index, crs=target))


def has_coordinates(frame: pd.DataFrame) -> bool:
    """Return whether a table has a geometry or columns that to_points can make one from.

    Parameters
    ----------
    frame : DataFrame
        Any table.

    Returns
    -------
    bool
        True where to_points has something to work on.

    Examples
    --------
    >>> import pandas as pd
    >>> has_coordinates(pd.DataFrame(columns=["经度", "纬度"])), has_coordinates(pd.DataFrame(columns=["桩号"]))
    (True, False)
    """
    return isinstance(frame, gpd.GeoDataFrame) or _coordinate_columns(frame) is not None


def _unshifted(frame: gpd.GeoDataFrame, shifted: object, crs: object, where: str) -> gpd.GeoDataFrame:
    if frame.crs is None and crs is None:
        msg = f"{where}: no CRS; say which with crs= (EPSG:4490 for CGCS2000, 'gcj02' for AMap)"
        raise CoordinateError(msg)
    frame = _possible(frame if frame.crs is not None or shifted else frame.set_crs(_known_crs(crs, where)), where)
    if shifted is None:
        return frame
    lonlat = to_lonlat(frame if frame.crs is not None else frame.set_crs(4326))
    moved = shapely.transform(
        lonlat.geometry.to_numpy(),
        lambda xy: np.column_stack(shifted(xy[:, 0], xy[:, 1])),  # type: ignore[operator]
    )
    return lonlat.set_geometry(gpd.GeoSeries(moved, index=frame.index, crs=4490))


def _possible(frame: gpd.GeoDataFrame, where: str) -> gpd.GeoDataFrame:
    """Return a copy whose points are places, those without numbers missing; impossible ones are refused by row."""
    shapes = frame.geometry.to_numpy()
    first, second = shapely.get_x(shapes), shapely.get_y(shapes)
    is_point = shapely.get_type_id(shapes) == 0
    is_bare = is_point & (shapely.is_empty(shapes) | np.isnan(first) | np.isnan(second))
    if frame.crs is None or frame.crs.is_geographic:
        problems = _lonlat_problems(frame, first, second, ("lon", "lat"))
        if problems:
            msg = f"{where}: {len(problems)} problem{'s' if len(problems) > 1 else ''} with coordinates"
            raise CoordinateError(msg, problems, fix="Correct the rows in the file; its own CRS says degrees.")
    frame = frame.copy()
    if is_bare.any():
        kept = np.where(is_bare, None, shapes)
        frame = frame.set_geometry(gpd.GeoSeries(kept, index=frame.index, crs=frame.crs))
    return frame


def _coordinate_columns(frame: pd.DataFrame) -> tuple[str, str] | None:
    folded = {plain(str(name).split("|")[-1]): name for name in reversed(list(frame.columns))}
    for left, right in ((_LON, _LAT), (_EAST, _NORTH), ({"x"}, {"y"})):
        one = next((folded[name] for name in left if name in folded), None)
        two = next((folded[name] for name in right if name in folded), None)
        if one is not None and two is not None:
            return one, two
    return None


def _numbers(
    frame: pd.DataFrame, pair: tuple[str, str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Problem]]:
    rows = _row_names(frame)
    problems, numbers = [], []
    for name in pair:
        text = (
            frame[name]
            .astype("object")
            .map(lambda value: unicodedata.normalize("NFKC", str(value)).strip(), na_action="ignore")
        )
        text = text.mask(text.isin(["", "/", "-", "--", "nan", "None", "<NA>"]))
        values = pd.to_numeric(text, errors="coerce")
        wrong = (values.isna() & text.notna()).to_numpy(dtype=bool)
        if wrong.any():
            example = text.to_numpy()[wrong][0]
            what = f"{example!r} is not a number"
            problems.append(Problem(name, what, "write decimal degrees, such as 114.305312", tuple(rows[wrong])))
        numbers.append(values.to_numpy(dtype=float))
    return numbers[0], numbers[1], problems


def _lonlat_problems(
    frame: pd.DataFrame, lon: NDArray[np.float64], lat: NDArray[np.float64], pair: tuple[str, str]
) -> list[Problem]:
    rows, problems = _row_names(frame), []
    where = f"{pair[0]}, {pair[1]}"
    zero = (np.abs(lon) < 1e-9) & (np.abs(lat) < 1e-9)
    off = ~zero & ((np.abs(lon) > 180.0) | (np.abs(lat) > 90.0))
    swapped = ~zero & is_in_china_box(lat, lon) & ~is_in_china_box(lon, lat)
    off &= ~swapped
    for mask, what, fix in (
        (swapped, "longitude and latitude look swapped, e.g. {0:g}, {1:g}", "exchange the two columns"),
        (zero, "0, 0 is no position", "leave the cells empty if unknown"),
        (off, "{0:g}, {1:g} is outside the earth", "decimal degrees were expected; give crs= for metres"),
    ):
        if mask.any():
            at = int(np.flatnonzero(mask)[0])
            problems.append(Problem(where, what.format(lon[at], lat[at]), fix, tuple(rows[mask])))
    return problems


def _known_crs(crs: object, where: str) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        msg = f"{where}: {crs!r} is no coordinate system we know; write EPSG:4490, EPSG:4547, 'gcj02' or 'bd09'"
        raise CoordinateError(msg) from error


def _row_names(frame: pd.DataFrame) -> NDArray[np.object_]:
    if "source_ref" in frame.columns:
        return frame["source_ref"].astype(str).to_numpy(dtype=object)
    return frame.index.astype(str).to_numpy(dtype=object)
