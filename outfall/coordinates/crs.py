"""Which coordinate system numbers are in, which metric one a project should use, and how long lines really are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from outfall.coordinates.china import is_in_china_box
from outfall.errors import CoordinateError, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["choose_crs", "common_crs", "length_m", "to_crs", "to_lonlat"]

_CGCS2000_GK3_FIRST = 4534  # 3-degree Gauss-Krueger by central meridian, 75 E … 135 E in steps of 3
_GEOD = pyproj.Geod(ellps="GRS80")


def choose_crs(*frames: gpd.GeoDataFrame) -> pyproj.CRS:
    """Return the metric CRS a project with these tables should declare.

    A projected metric CRS that all tables share is kept. Otherwise it is the zone of the middle of the data:
    CGCS2000 3-degree Gauss-Krueger by central meridian (EPSG:4534-4554) in China, UTM on WGS 84 elsewhere.

    Parameters
    ----------
    *frames : GeoDataFrame
        At least one with a geometry.

    Returns
    -------
    pyproj.CRS
        In metres.

    Raises
    ------
    CoordinateError
        No table has a geometry, or a table does not say its CRS.

    Examples
    --------
    >>> import geopandas as gpd
    >>> choose_crs(gpd.GeoDataFrame(geometry=gpd.points_from_xy([114.3], [30.6]), crs=4490)).to_epsg()
    4547
    """
    filled = [frame for frame in frames if len(frame) and frame.geometry.notna().any()]
    if not filled:
        msg = "no table has a geometry: the metric CRS cannot be chosen; give crs="
        raise CoordinateError(msg)
    declared = [_declared(frame, f"table {at}") for at, frame in enumerate(filled, start=1)]
    if all(crs == declared[0] for crs in declared) and _is_metric(declared[0]):
        return declared[0]
    bounds = np.array([to_lonlat(frame).total_bounds for frame in filled])
    lon = float((np.nanmin(bounds[:, 0]) + np.nanmax(bounds[:, 2])) / 2)
    lat = float((np.nanmin(bounds[:, 1]) + np.nanmax(bounds[:, 3])) / 2)
    if bool(is_in_china_box(lon, lat)) and 73.5 <= lon < 136.5:
        zone = round((lon - 75.0) / 3.0)
        return pyproj.CRS.from_epsg(_CGCS2000_GK3_FIRST + zone)
    return pyproj.CRS.from_epsg((32601 if lat >= 0 else 32701) + int((lon + 180.0) // 6.0) % 60)


def common_crs(*frames: gpd.GeoDataFrame) -> pyproj.CRS:
    """Return the one CRS all tables are in.

    Parameters
    ----------
    *frames : GeoDataFrame
        At least one.

    Returns
    -------
    pyproj.CRS
        The CRS they share.

    Raises
    ------
    CoordinateError
        A CRS is missing, or two differ; the message names each.

    Examples
    --------
    >>> import geopandas as gpd
    >>> common_crs(gpd.GeoDataFrame(geometry=[], crs=4490)).to_epsg()
    4490
    """
    declared = [_declared(frame, f"table {at}") for at, frame in enumerate(frames, start=1)]
    names = list(dict.fromkeys(crs.to_string() for crs in declared))
    if len(names) != 1:
        problems = [Problem(f"table {at}", crs.to_string()) for at, crs in enumerate(declared, start=1)]
        msg = f"{len(names)} coordinate systems are mixed"
        raise CoordinateError(msg, problems, fix="Bring them into one with coordinates.to_crs(frame, crs).")
    return declared[0]


def to_crs(frame: gpd.GeoDataFrame, crs: object, *, where: str = "table") -> gpd.GeoDataFrame:
    """Return a table in another CRS; a missing CRS is refused.

    Parameters
    ----------
    frame : GeoDataFrame, n rows
        Not changed.
    crs : anything pyproj understands
        Target.
    where : str
        What the error calls the table.

    Returns
    -------
    GeoDataFrame, n rows
        In the order given.

    Raises
    ------
    CoordinateError
        The table does not say its CRS.

    Examples
    --------
    >>> import geopandas as gpd
    >>> points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([114.0], [30.0]), crs=4490)
    >>> round(to_crs(points, 4547).geometry.x[0])
    500000
    """
    declared = _declared(frame, where)
    target = pyproj.CRS.from_user_input(crs)
    return frame.copy() if declared == target else frame.to_crs(target)


def to_lonlat(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table in WGS 84 longitude and latitude.

    Parameters
    ----------
    frame : GeoDataFrame, n rows
        With a CRS.

    Returns
    -------
    GeoDataFrame, n rows
        EPSG:4326, longitude first.

    Raises
    ------
    CoordinateError
        The table does not say its CRS.

    Examples
    --------
    >>> import geopandas as gpd
    >>> to_lonlat(gpd.GeoDataFrame(geometry=[], crs=4490)).crs.to_epsg()
    4326
    """
    return to_crs(frame, 4326)


def length_m(lines: gpd.GeoSeries) -> NDArray[np.float64]:
    """Return the geodesic length of every line, whatever its CRS.

    Parameters
    ----------
    lines : GeoSeries, n rows
        With a CRS; missing and empty lines have length 0.

    Returns
    -------
    ndarray of float, n
        Metres on the GRS 80 ellipsoid.

    Raises
    ------
    CoordinateError
        The lines do not say their CRS.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> round(float(length_m(gpd.GeoSeries([shapely.LineString([(114, 30), (114, 31)])], crs=4490))[0]))
    110861
    """
    lonlat = to_lonlat(gpd.GeoDataFrame(geometry=gpd.GeoSeries(lines).reset_index(drop=True), crs=lines.crs)).geometry
    coords, owner = shapely.get_coordinates(lonlat.to_numpy(), return_index=True)
    lengths = np.zeros(len(lonlat))
    if len(coords) < 2:
        return lengths
    _, _, step_m = _GEOD.inv(coords[:-1, 0], coords[:-1, 1], coords[1:, 0], coords[1:, 1])
    inside = _same_part(lonlat.to_numpy(), owner)
    np.add.at(lengths, owner[:-1][inside], np.asarray(step_m)[inside])
    return lengths


def _same_part(lines: NDArray[np.object_], owner: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether vertex i and i + 1 belong to one part of one line."""
    parts, part_owner = shapely.get_parts(lines, return_index=True)
    del part_owner
    part = np.repeat(np.arange(len(parts)), shapely.get_num_coordinates(parts))
    return np.asarray((owner[:-1] == owner[1:]) & (part[:-1] == part[1:]))


def _declared(frame: gpd.GeoDataFrame, where: str) -> pyproj.CRS:
    crs = frame.crs if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name else None
    if crs is None:
        msg = f"{where}: no CRS; say which with frame.set_crs(...) or crs= (EPSG:4490 for CGCS2000, 'gcj02' for AMap)"
        raise CoordinateError(msg)
    return pyproj.CRS(crs)


def _is_metric(crs: pyproj.CRS) -> bool:
    # Web Mercator is in metres but stretches them by 1 / cos(latitude).
    axes = crs.axis_info
    return crs.is_projected and crs.to_epsg() != 3857 and bool(axes) and axes[0].unit_conversion_factor == 1.0
