"""Made scenes whose truth is known: rivers with plumes, natural water that varies, banks, shadows and clouds.

Nothing here is taken from the method that is measured: distances come from dense points of the centre lines, plumes from the
steady two-dimensional solution at a bank, natural water from random fields with a range of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from affine import Affine
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree
from shapely import LineString, Point

from outfall.network import Network, build_network
from outfall.scenes import Band, Grid, flags, make_scene

if TYPE_CHECKING:
    import xarray as xr

CRS = pyproj.CRS(4549)
WEST, NORTH, PIXEL_M = 500_000.0, 3_350_000.0, 10.0
ROWS, COLUMNS = 460, 760
STRENGTHS = (
    2.0,
    4.0,
    8.0,
    16.0,
)  # a natural standard deviation is 3 to 7 % of the background; half of it reaches clean water
LAND = {"green": 0.09, "red": 0.10, "nir": 0.28}
WATER = {"green": 0.055, "red": 0.035, "nir": 0.012}


class Case(NamedTuple):
    """One made scene: what a user has, and the truth."""

    scene: xr.Dataset
    network: Network
    outfalls: gpd.GeoDataFrame
    truth: pd.DataFrame


class _River(NamedTuple):
    name: str
    line: LineString
    width_m: float
    count: int


def make_case(seed: int, *, is_null: bool | None = None) -> Case:
    """Return one made scene; every fourth has no plume at all unless said.

    Parameters
    ----------
    seed : int
        Of everything in it.
    is_null : bool, optional
        Whether no outfall has a plume.

    Returns
    -------
    Case
        Scene, network, outfalls and ``truth``: outfall_id, river, width_m, strength (plume at its mouth in standard
        deviations of the natural water; 0 without one; negative darkens).
    """
    rng = np.random.default_rng(seed)
    null = seed % 4 == 0 if is_null is None else is_null
    rivers = _rivers(rng)
    frame = gpd.GeoDataFrame(
        {"id": [river.name for river in rivers], "kind": "river", "width_m": [river.width_m for river in rivers]},
        geometry=[river.line for river in rivers],
        crs=CRS,
    )
    network = build_network(frame)
    east, north = np.meshgrid(WEST + PIXEL_M * (np.arange(COLUMNS) + 0.5), NORTH - PIXEL_M * (np.arange(ROWS) + 0.5))
    truth, outfalls = _outfalls(rivers, rng, is_null=null)
    share, red = _water(rivers, truth, (east, north), rng)
    scene = _sense(share, red, rng, seed)
    return Case(scene, network, outfalls.to_crs(network.crs), truth)


def _rivers(rng: np.random.Generator) -> list[_River]:
    """Return a main river, a second one, a tributary of the main one and a creek no satellite can see."""
    length = COLUMNS * PIXEL_M
    main = _meander(rng, 1300.0, length)
    second = _meander(rng, 3500.0, length)
    at = main.interpolate(rng.uniform(0.4, 0.6), normalized=True)
    branch = LineString([(at.x - 900, NORTH - 20), (at.x - 250, NORTH - 500), (at.x, at.y)])
    lower = second.interpolate(rng.uniform(0.3, 0.7), normalized=True)
    creek = LineString(
        [(lower.x - 1200, NORTH - ROWS * PIXEL_M + 30), (lower.x - 300, lower.y - 350), (lower.x, lower.y)]
    )
    width_m = float(rng.choice([90.0, 140.0, 220.0, 320.0]))
    return [
        _River("main", main, width_m, 6),
        _River("second", second, float(np.clip(width_m * rng.uniform(0.6, 1.5), 75, 320)), 3),
        _River("branch", branch, float(rng.uniform(58, 90)), 1),
        _River("creek", creek, float(rng.uniform(12, 40)), 3),
    ]


def _meander(rng: np.random.Generator, down_m: float, length_m: float) -> LineString:
    east = np.linspace(-100, length_m + 100, 160)
    swing = rng.uniform(80, 220) * np.sin(2 * np.pi * east / rng.uniform(2500, 4500) + rng.uniform(0, 6.28))
    return LineString(np.c_[WEST + east, NORTH - down_m + swing])


def _outfalls(
    rivers: list[_River], rng: np.random.Generator, *, is_null: bool
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    rows, points = [], []
    for river in rivers:
        places = np.sort(rng.uniform(0.06, 0.94 if river.count > 3 else 0.75, river.count)) * river.line.length
        for place in places:
            side = float(rng.choice([-1.0, 1.0]))
            has = not is_null and rng.random() < 0.5
            strength = float(rng.choice(STRENGTHS)) if has else 0.0
            strength = (
                -min(strength, 8.0) if strength and rng.random() < 1 / 3 else strength
            )  # no water is darker than black
            here, ahead = river.line.interpolate(place), river.line.interpolate(place + 1)
            off = side * river.width_m / 2
            points.append(Point(here.x - (ahead.y - here.y) * off, here.y + (ahead.x - here.x) * off))
            rows.append((f"P{len(rows):02d}", river.name, river.width_m, place, side, strength))
    truth = pd.DataFrame(rows, columns=["outfall_id", "river", "width_m", "at_m", "side", "strength"])
    error = rng.normal(0, 5.0, (len(points), 2))
    moved = [Point(point.x + step[0], point.y + step[1]) for point, step in zip(points, error, strict=True)]
    frame = gpd.GeoDataFrame({"outfall_id": truth["outfall_id"], "sigma_m": 5.0}, geometry=moved, crs=CRS)
    return truth, frame


def _water(
    rivers: list[_River], truth: pd.DataFrame, place: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of water in each pixel and the red reflectance of its water."""
    natural_sd = rng.uniform(0.0012, 0.0025)
    field = natural_sd * _field(rng, rng.uniform(60, 300) / PIXEL_M)
    share, red = np.zeros(place[0].shape), WATER["red"] + field
    centres = np.c_[place[0].ravel(), place[1].ravel()]
    for river in reversed(rivers):
        along, off, near = _along(river, centres)
        inside = np.clip((river.width_m / 2 - np.abs(off)) / PIXEL_M + 0.5, 0, 1)
        trend = rng.normal(0, 1.5) * natural_sd * along / 5000 + rng.normal(0, 0.5) * natural_sd * off / river.width_m
        value = trend + sum(
            natural_sd * row.strength * _plume(along - row.at_m, off, float(row.side), river.width_m, rng)
            for row in truth[truth["river"] == river.name].itertuples()
            if row.strength
        )
        flat = share.ravel()
        rows = near[inside > flat[near]]
        red.ravel()[rows] += (trend if np.isscalar(value) else value)[inside > flat[near]]
        flat[near] = np.maximum(flat[near], inside)
        share = flat.reshape(share.shape)
    return share, red


def _along(river: _River, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return metres along and across (left is above 0) of the pixels near a river, and which pixels they are."""
    steps = np.arange(0, river.line.length, 2.0)
    points = np.array([(point.x, point.y) for point in river.line.interpolate(steps)])
    off, at = cKDTree(points).query(centres, distance_upper_bound=river.width_m / 2 + 40)
    near = np.flatnonzero(np.isfinite(off))
    at = at[near]
    ahead = np.gradient(points, axis=0)[at]
    gap = centres[near] - points[at]
    return steps[at], off[near] * np.sign(ahead[:, 0] * gap[:, 1] - ahead[:, 1] * gap[:, 0]), near


def _plume(down_m: np.ndarray, off: np.ndarray, side: float, width_m: float, rng: np.random.Generator) -> np.ndarray:
    """Return a steady plume along one bank, 1 at its mouth, spreading and reflected by both banks."""
    spread, decay = rng.uniform(0.4, 1.5), rng.uniform(300, 1500)
    begin = rng.uniform(15, 35)
    from_bank = np.clip(width_m / 2 - side * off, 0, None)
    ahead = np.clip(down_m, 0, None)
    wide = np.sqrt(begin**2 + 2 * spread * ahead)
    shape = np.exp(-0.5 * (from_bank / wide) ** 2) + np.exp(-0.5 * ((2 * width_m - from_bank) / wide) ** 2)
    front = 1 / (1 + np.exp(-np.clip(down_m, -200, 200) / 5))
    return np.asarray(front * (begin / wide) ** 0.5 * np.exp(-ahead / decay) * shape)


def _field(rng: np.random.Generator, range_px: float) -> np.ndarray:
    """Return a random field of mean 0 and standard deviation 1 whose correlation dies over its range."""
    rough = _smooth(rng, range_px / 2.5)
    fine = gaussian_filter(rng.normal(size=(ROWS, COLUMNS)), 1.2, mode="wrap")
    return np.asarray(0.85 * rough / rough.std() + 0.53 * fine / fine.std())


def _smooth(rng: np.random.Generator, sigma_px: float) -> np.ndarray:
    """Return noise smoothed over so many pixels; wide smoothing is done on coarse cells."""
    cell = max(int(sigma_px / 2), 1)
    size = (ROWS // cell + 3, COLUMNS // cell + 3)
    coarse = gaussian_filter(rng.normal(size=size), sigma_px / cell, mode="wrap", truncate=3)
    fine = zoom(coarse, cell, order=1) if cell > 1 else coarse
    return np.asarray(fine[:ROWS, :COLUMNS] / fine.std())


def _sense(share: np.ndarray, red: np.ndarray, rng: np.random.Generator, seed: int) -> xr.Dataset:
    """Return what a sensor makes of it: neighbours shine in, shadows fall, clouds hide, noise is added."""
    parcels = rng.normal(1, 0.12, (ROWS // 8 + 1, COLUMNS // 8 + 1)).repeat(8, 0).repeat(8, 1)[:ROWS, :COLUMNS]
    haze = np.clip(_smooth(rng, 40.0), 0, 2) * 0.001
    shade = _shadows(share, rng)
    clouds = _smooth(rng, 25.0)
    field = np.where(clouds > np.quantile(clouds, 1 - rng.uniform(0, 0.12)), flags()["cloud"].mask, 0)
    bands = {}
    for role, nm in {"green": 560, "red": 665, "nir": 842}.items():
        own = red if role == "red" else WATER[role] + (red - WATER["red"]) * (0.5 if role == "green" else 0.2)
        seen = share * own * shade + (1 - share) * LAND[role] * parcels
        seen = 0.97 * gaussian_filter(seen, 0.45) + 0.03 * gaussian_filter(seen, 1.0)
        seen = seen + haze + rng.normal(0, 0.0008, share.shape)
        seen = np.where(field > 0, 0.4, seen)
        bands[role] = Band(np.maximum(seen, 1e-4), nm, 30, PIXEL_M)
    grid = Grid(ROWS, COLUMNS, Affine(PIXEL_M, 0, WEST, 0, -PIXEL_M, NORTH), CRS)
    moment = pd.Timestamp("2025-01-01 03:00", tz="UTC") + pd.Timedelta(days=seed % 365)
    return make_scene(
        bands, grid, quantity="rho_s", taken_at=moment, sensor="S2A MSI", flag_field=field.astype(np.uint16),
        source_ref=f"made_{seed}",
    )  # fmt: skip


def _shadows(share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how bright water is under shadows of houses and trees at the banks, which no flag tells."""
    banks = np.argwhere((share > 0.3) & (share < 0.7))
    dark = np.ones(share.shape)
    for row, column in banks[rng.choice(len(banks), 25, replace=False)] if len(banks) > 25 else []:
        deep, long = rng.integers(2, 6), rng.integers(2, 9)
        dark[max(row - deep, 0) : row + deep, max(column - long, 0) : column + long] = rng.uniform(0.6, 0.9)
    return np.asarray(gaussian_filter(dark, 0.7))
