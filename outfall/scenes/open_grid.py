"""On which metric grid does a scene lie, and which of its pixels are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely
from affine import Affine

from outfall.errors import SceneError
from outfall.scenes.open_place import Block
from outfall.scenes.orthorectify import ground_grid, move
from outfall.scenes.scene import Grid

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.scenes.open_pixels import Pixels
    from outfall.scenes.orthorectify import Heights
    from outfall.scenes.products.plan import ScenePlan

__all__ = ["crs_note", "plan_grid", "window_block"]

_LARGEST = 2_000_000
_WGS84 = 4326


def plan_grid(plan: ScenePlan, heights: Heights | None) -> Grid:
    """Return the grid of a scene: that of its finest band, or a metric one where that is in degrees or not on the ground.

    Raises
    ------
    SceneError
        A raster without a CRS, or an image that is not orthorectified without a height.
    """
    if plan.grid is not None:
        return plan.grid
    used = {band.stack for band in plan.bands}
    tiles = [tile for at in sorted(used) for tile in plan.stacks[at].tiles]
    first = min(tiles, key=lambda tile: abs(tile.transform.determinant))
    if first.rpc is not None:
        if heights is None:
            msg = f"{plan.source_ref}: this image is not orthorectified (L1A); give dem= (a raster of elevations, or one height in metres)"
            raise SceneError(msg)
        finest = min(band.gsd_m for band in plan.bands)
        return ground_grid(tiles, heights, finest)
    if first.crs is None:
        msg = f"{plan.source_ref}: the raster says no CRS; assign it (gdal_edit -a_srs) or give the .rpb of the scene"
        raise SceneError(msg)
    unit = first.crs.axis_info[0].unit_name if first.crs.axis_info else ""
    step = first.transform
    if unit == "metre" and step.b == 0 == step.d and step.e < 0:
        return Grid(first.height, first.width, step, first.crs)
    return _metric_grid(first, first.crs)


def window_block(grid: Grid, window: tuple[float, float, float, float] | gpd.GeoSeries | None) -> Block:
    """Return the rows and columns a window touches, in whole pixels outwards, within the scene.

    Parameters
    ----------
    grid : Grid
        Of the scene.
    window : tuple of float or GeoSeries, optional
        West, south, east, north in its CRS, or geometries in any CRS; everything by default.

    Returns
    -------
    Block
        At least one pixel.

    Raises
    ------
    SceneError
        The window lies beside the scene, is empty, or has no CRS.
    """
    if window is None:
        return Block(0, grid.height, 0, grid.width)
    if not isinstance(window, tuple | list):
        if window.crs is None:
            msg = "window: the geometries say no CRS; set it with .set_crs(...)"
            raise SceneError(msg)
        west, south, east, north = (float(edge) for edge in window.to_crs(grid.crs).total_bounds)
    else:
        west, south, east, north = (float(edge) for edge in window)
    if not (west < east and south < north):
        hint = (
            "west, south, east, north in the CRS of the scene"
            if np.isfinite([west, south, east, north]).all()
            else "numbers"
        )
        msg = f"window: ({west:g}, {south:g}, {east:g}, {north:g}) is no window; expected {hint}"
        raise SceneError(msg)
    back = ~grid.transform
    left, top = back @ (west, north)
    right, bottom = back @ (east, south)
    block = Block(
        max(int(np.floor(round(top, 6))), 0), min(int(np.ceil(round(bottom, 6))), grid.height),
        max(int(np.floor(round(left, 6))), 0), min(int(np.ceil(round(right, 6))), grid.width),
    )  # fmt: skip
    if block.top >= block.bottom or block.left >= block.right:
        step = grid.transform
        said = f"{step.c:g} to {step.c + step.a * grid.width:g} east, {step.f + step.e * grid.height:g} to {step.f:g} north"
        msg = f"window: ({west:g}, {south:g}, {east:g}, {north:g}) lies beside the scene ({said}, {grid.crs.name})"
        raise SceneError(msg)
    return block


def crs_note(tile: Pixels) -> str:
    """Return what is strange about the CRS a raster states: that it was made for another part of the world."""
    code = tile.crs.to_epsg() if tile.crs is not None else None
    area = pyproj.CRS(code).area_of_use if code else None
    if tile.crs is None or area is None:
        return ""
    lon, lat = move(tile.crs, _WGS84).transform(*(tile.transform @ (tile.width / 2, tile.height / 2)))
    slack = 3.0  # people use the neighbouring zone along its edge
    inside = area.south - slack <= lat <= area.north + slack and (
        area.west > area.east or area.west - slack <= lon <= area.east + slack
    )
    if inside:
        return ""
    return f"EPSG:{code} was made for {area.name}; the raster lies at {lon:.2f}, {lat:.2f}: its code may be wrong"


def _metric_grid(tile: Pixels, crs: pyproj.CRS) -> Grid:
    """Return a grid in metres, with about as many pixels as a raster in degrees or a turned one has."""
    import geopandas as gpd

    from outfall.coordinates import choose_crs

    corners = [tile.transform @ spot for spot in ((0, 0), (tile.width, 0), (tile.width, tile.height), (0, tile.height))]
    lon, lat = move(crs, _WGS84).transform(*np.transpose(corners))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        msg = f"{crs.name}: the corners of the raster lie nowhere on earth; its CRS or its transform is wrong"
        raise SceneError(msg)
    outline = gpd.GeoDataFrame(geometry=[shapely.Polygon(corners)], crs=crs)
    target = choose_crs(outline)
    if crs.is_projected and crs.axis_info[0].unit_name == "metre":
        target = crs
    step = max(np.ptp(corners, axis=0)) / 20
    west, south, east, north = outline.geometry.segmentize(step).to_crs(target).total_bounds
    pixel_m = float(np.hypot(east - west, north - south) / np.hypot(tile.width, tile.height))
    left, top = np.floor(west / pixel_m) * pixel_m, np.ceil(north / pixel_m) * pixel_m
    width, height = int(np.ceil((east - left) / pixel_m)), int(np.ceil((top - south) / pixel_m))
    if not (0 < width < _LARGEST and 0 < height < _LARGEST):
        msg = f"{crs.name}: the raster would have {height:,} x {width:,} pixels in {target.name}; its place on earth is wrong"
        raise SceneError(msg)
    return Grid(height, width, Affine(pixel_m, 0.0, float(left), 0.0, -pixel_m, float(top)), target)
