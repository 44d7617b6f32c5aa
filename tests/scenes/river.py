"""A straight river of known width on land, seen by a sensor: scenes whose truth is known."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from affine import Affine
from shapely import LineString, Point

from outfall.network import build_network
from outfall.scenes import Band, Grid, make_scene

CRS = pyproj.CRS(4549)
WEST, NORTH = 500_000.0, 3_350_000.0
LAND = {"green": 0.09, "red": 0.10, "nir": 0.28, "swir_1": 0.24}
WATER = {"green": 0.06, "red": 0.045, "nir": 0.02, "swir_1": 0.008}


def network_of(width_m, *, length_m=4000.0, kind="river"):
    """Return a network of one river that flows east through the middle of the scene."""
    line = LineString([(WEST + 50, NORTH - 1000), (WEST + 50 + length_m, NORTH - 1000)])
    frame = gpd.GeoDataFrame({"id": ["R"], "kind": [kind], "width_m": [float(width_m)]}, geometry=[line], crs=CRS)
    return build_network(frame)


def scene_of(width_m, *, pixel_m=10.0, noise=0.004, seed=1, size=(200, 420), flag_field=None, turn=0.0):
    """Return a scene in which each pixel holds the share of water that geometry gives it."""
    rng = np.random.default_rng(seed)
    grid = Grid(*size, Affine(pixel_m, 0, WEST, 0, -pixel_m, NORTH), CRS)
    east, north = np.meshgrid(WEST + pixel_m * (np.arange(size[1]) + 0.5), NORTH - pixel_m * (np.arange(size[0]) + 0.5))
    gap = np.abs((north - (NORTH - 1000)) * np.cos(turn) - (east - WEST) * np.sin(turn))
    share = np.clip((width_m / 2 - gap) / pixel_m + 0.5, 0, 1)
    parcel = (
        rng.normal(1, 0.1, (size[0] // 10 + 1, size[1] // 10 + 1)).repeat(10, 0).repeat(10, 1)[: size[0], : size[1]]
    )
    values = {
        role: share * WATER[role] + (1 - share) * LAND[role] * parcel + rng.normal(0, noise, size) for role in LAND
    }
    bands = {
        role: Band(np.maximum(value, 1e-4), {"green": 560, "red": 665, "nir": 842, "swir_1": 1610}[role], gsd_m=pixel_m)
        for role, value in values.items()
    }
    moment = pd.Timestamp("2026-04-12 03:08", tz="UTC")
    return make_scene(
        bands, grid, quantity="rho_s", taken_at=moment, sensor="S2A MSI", flag_field=flag_field, source_ref="made"
    ), share


def outfalls_on(network, *, along_m=(800.0, 2000.0, 3200.0), side=1.0, width_m=60.0):
    """Return outfalls on a bank of the river."""
    line = network.reaches.geometry.iloc[0]
    points = [line.interpolate(at) for at in along_m]
    points = [Point(point.x, point.y + side * width_m / 2) for point in points]
    return gpd.GeoDataFrame(
        {
            "outfall_id": [f"P{number}" for number in range(len(points))],
            "reach_id": network.reaches["reach_id"].iloc[0],
            "along_m": list(along_m),
        },
        geometry=points,
        crs=network.crs,
    )
