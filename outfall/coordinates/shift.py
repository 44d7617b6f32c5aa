"""Why a whole table of points lies off the water: GCJ-02, BD-09 or swapped columns, with the measured offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyproj
import shapely

from outfall.coordinates.china import bd09_to_wgs84, gcj02_to_wgs84
from outfall.coordinates.crs import choose_crs, to_crs, to_lonlat

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

__all__ = ["Shift", "find_shift"]


@dataclass(frozen=True, slots=True)
class Shift:
    """A systematic error in the positions of a whole table.

    Parameters
    ----------
    kind : {"gcj02", "bd09", "swapped"}
        What the numbers really are.
    before_m, after_m : float
        Median distance to the lines as the table stands, and once it is corrected.
    east_m, north_m : float
        Median offset that the correction removes.
    count : int
        Points it was measured on.
    """

    kind: Literal["gcj02", "bd09", "swapped"]
    before_m: float
    after_m: float
    east_m: float
    north_m: float
    count: int

    def __str__(self) -> str:
        """Return the finding as a sentence."""
        return (
            f"the points look like {self.kind}: their median distance to the lines falls from {self.before_m:,.0f} m to "
            f"{self.after_m:,.0f} m when corrected by {self.east_m:+,.0f} m east and {self.north_m:+,.0f} m north ({self.count} points)"
        )


def find_shift(points: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> Shift | None:
    """Return the systematic error that explains why a table of points lies off the lines, or None.

    Outfalls lie on banks. If the whole table fits the lines much better once it is taken as GCJ-02 or BD-09, or with
    longitude and latitude swapped, that is what it is; the offset is measured, nothing is corrected.

    Parameters
    ----------
    points : GeoDataFrame, n rows
        With a CRS. Fewer than five points decide nothing.
    lines : GeoDataFrame
        Rivers or reaches with a CRS.

    Returns
    -------
    Shift or None
        None where the points fit as they are, or no known error explains them.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> river = gpd.GeoDataFrame(geometry=[shapely.LineString([(114.0, 30.5), (114.6, 30.7)])], crs=4490)
    >>> lon = np.linspace(114.1, 114.5, 9)
    >>> from outfall.coordinates import wgs84_to_gcj02
    >>> moved = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*wgs84_to_gcj02(lon, 30.5 + (lon - 114.0) / 3)), crs=4490)
    >>> find_shift(moved, river).kind
    'gcj02'
    """
    filled = points.loc[points.geometry.notna() & ~points.geometry.is_empty]
    usable = lines.loc[lines.geometry.notna() & ~lines.geometry.is_empty]
    if len(filled) < 5 or not len(usable):
        return None
    metric = choose_crs(to_lonlat(usable))
    tree = shapely.STRtree(to_crs(usable, metric).geometry.to_numpy())
    # a project's point table may carry any CRS; the candidate readings are all of its longitude and latitude
    there = to_lonlat(filled)
    lon, lat = there.geometry.x.to_numpy(), there.geometry.y.to_numpy()
    before_m, old = _median_distance_m(lon, lat, metric, tree)
    if np.isfinite(before_m) and before_m < 60.0:
        return None
    readings: dict[Literal["gcj02", "bd09", "swapped"], tuple[NDArray[np.float64], NDArray[np.float64]]] = {
        "gcj02": gcj02_to_wgs84(lon, lat),
        "bd09": bd09_to_wgs84(lon, lat),
        "swapped": (lat, lon),
    }
    best: Shift | None = None
    for kind, (east, north) in readings.items():
        if np.abs(north).max() > 90.0:
            continue
        after_m, new = _median_distance_m(east, north, metric, tree)
        if not after_m < 0.33 * before_m or (best is not None and after_m >= best.after_m):
            continue
        move = np.median(new - old, axis=0) if kind != "swapped" else np.zeros(2)
        best = Shift(kind, before_m, after_m, float(move[0]), float(move[1]), len(filled))
    return best


def _median_distance_m(
    lon: NDArray[np.float64], lat: NDArray[np.float64], metric: pyproj.CRS, tree: shapely.STRtree
) -> tuple[float, NDArray[np.float64]]:
    project = pyproj.Transformer.from_crs(4326, metric, always_xy=True)
    east, north = project.transform(lon, lat)
    moved = np.column_stack([east, north])
    fine = np.isfinite(moved).all(axis=1)
    if fine.mean() < 0.5:
        return float("inf"), moved
    _, distance = tree.query_nearest(shapely.points(moved[fine]), return_distance=True, all_matches=False)
    return float(np.median(distance)), moved
