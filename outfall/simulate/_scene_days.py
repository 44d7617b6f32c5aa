"""What does a sensor see on one day: reflectance of water with its solids and colour, banks, haze, clouds and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from outfall.simulate._data import rows, tracers
from outfall.simulate._scene_water import Channel, find_releases, list_channels, place_in, rise_of, water_share
from outfall.simulate._survey import step_at

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from outfall.simulate._draw import Scenery

__all__ = ["SENSORS", "Bed", "bands_of", "lay_bed", "see_day"]

SENSORS = ("S2A MSI", "GF-2 PMS1")
# Ours and invented, of the size that inland waters have.
_SCATTER, _PARTICLES, _COLOUR = 0.006, 0.03, 0.012
_PATCH_CV, _PATCH_M = 0.03, 70.0
_BLUR_M, _BLUR_SHARE = 9.0, 0.12
_LAND = {"blue": 0.06, "green": 0.09, "red": 0.10, "nir": 0.27, "swir_1": 0.24, "swir_2": 0.16}
_EDGE = {"red_edge_1": 0.13, "red_edge_2": 0.21, "red_edge_3": 0.25, "nir_narrow": 0.28}
_CLOUD, _MARGIN_M = 0.38, 220.0
_CLEAR, _WATER, _SHADOW, _CLOUDY = 4, 6, 3, 9


class Bed(NamedTuple):
    """What does not change from day to day: pixels, the share of water in each, land, and where in the main river each lies."""

    west_m: float
    north_m: float
    pixel_m: float
    water: NDArray[np.float64]
    land: NDArray[np.float64]
    pixels: NDArray[np.int64]
    channel: NDArray[np.int64]
    along_m: NDArray[np.float64]
    left_m: NDArray[np.float64]
    channels: list[Channel]


def bands_of(sensor: str) -> list[dict[str, str]]:
    """Return the bands of a sensor, in the order of the product."""
    return [dict(row) for row in rows("scene_sensors.csv") if row["sensor"] == sensor]


def lay_bed(scenery: Scenery, rng: np.random.Generator, pixel_m: float) -> Bed:
    """Return the main river with its banks on the pixels of a sensor."""
    channels = list_channels(scenery)
    stem = np.vstack([one.points for one in channels if np.isfinite(one.begin_m)])
    west, south = np.floor((stem.min(axis=0) - _MARGIN_M) / 20.0) * 20.0
    east, north = np.ceil((stem.max(axis=0) + _MARGIN_M) / 20.0) * 20.0
    easts, norths = np.arange(west + pixel_m / 2, east, pixel_m), np.arange(north - pixel_m / 2, south, -pixel_m)
    shape = (len(norths), len(easts))
    spots = np.column_stack([axis.ravel() for axis in np.meshgrid(easts, norths)])
    water, owner = np.zeros(len(spots)), np.full(len(spots), -1)
    along, left = np.zeros(len(spots)), np.zeros(len(spots))
    mirrored = -1.0 if scenery.sheet.is_mirrored else 1.0
    for number, one in enumerate(channels):
        at, point = place_in(one, spots, one.line.width_m / 2 + pixel_m)
        gap = spots[at] - one.points[point]
        off = one.flow[point, 0] * gap[:, 1] - one.flow[point, 1] * gap[:, 0]
        share = water_share(one, np.hypot(*gap.T), pixel_m)
        better = share > water[at]
        water[at[better]] = share[better]
        if np.isfinite(one.begin_m):
            mine = at[better]
            owner[mine], along[mine] = number, one.begin_m + one.along[point[better]]
            left[mine] = mirrored * off[better]
    rough = gaussian_filter(rng.normal(0, 1, shape), 25.0 / pixel_m)
    land = np.exp(0.25 * rough / max(float(rough.std()), 1e-9))
    inside = np.flatnonzero(owner >= 0)
    return Bed(
        float(west), float(north), pixel_m, water.reshape(shape), land,
        inside, owner[inside], along[inside], left[inside], channels,
    )  # fmt: skip


def see_day(
    scenery: Scenery, bed: Bed, sensor: str, moment: pd.Timestamp, rng: np.random.Generator, *, flow_share: float = 1.0
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.uint8]]:
    """Return surface reflectance by role, and the classes of a scene classification."""
    solids, colour = _water_of(scenery, bed, moment, rng, flow_share)
    cloud, shadow = _sky(bed, rng)
    haze, seen = float(rng.normal(0, 0.001)), {}
    for band in bands_of(sensor):
        role, gsd_m = band["role"], float(band["gsd_m"])
        wet = _reflectance(solids, colour, float(band["centre_nm"]), float(band["water_absorption"]))
        dry = {**_LAND, **_EDGE}[role] * bed.land
        picture = wet * bed.water + dry * (1 - bed.water)
        far = gaussian_filter(picture, _BLUR_M / bed.pixel_m, mode="nearest")
        picture = (1 - _BLUR_SHARE) * picture + _BLUR_SHARE * far + haze
        picture = np.where(shadow, 0.6 * picture, picture) * (1 - cloud) + _CLOUD * cloud
        picture = _sense(picture, gsd_m, bed.pixel_m, float(band["noise"]), rng)
        seen[role] = picture
    classes = np.where(bed.water > 0.5, _WATER, _CLEAR).astype(np.uint8)
    classes = np.where(shadow, _SHADOW, np.where(cloud > 0.15, _CLOUDY, classes)).astype(np.uint8)
    return seen, classes


def _water_of(
    scenery: Scenery, bed: Bed, moment: pd.Timestamp, rng: np.random.Generator, flow_share: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return solids (mg/L) and colour of the water in every pixel: natural water in patches, and plumes."""
    names = [row["parameter"] for row in tracers()]
    wanted = [names.index("suspended_solids"), names.index("colour")]
    rough = gaussian_filter(rng.normal(0, 1, bed.water.shape), _PATCH_M / bed.pixel_m)
    patch = np.exp(_PATCH_CV * rough / max(float(rough.std()), 1e-9)) * np.exp(rng.normal(0, 0.2))
    fields = [np.full(bed.water.size, float(scenery.natural["M0"][at])) * patch.ravel() for at in wanted]
    releases = find_releases(scenery, step_at(moment), flow_share=flow_share)
    for number, channel in enumerate(bed.channels):
        mine = bed.channel == number
        if mine.any():
            places = {"along_m": bed.along_m[mine], "left_m": bed.left_m[mine]}
            rise = rise_of(scenery, channel, releases, flow_share=flow_share, **places)
            for field, at in zip(fields, wanted, strict=True):
                field[bed.pixels[mine]] += rise[at]
    solids, colour = (np.maximum(field, 0.5).reshape(bed.water.shape) for field in fields)
    return solids, colour


def _reflectance(
    solids: NDArray[np.float64], colour: NDArray[np.float64], centre_nm: float, absorbed: float
) -> NDArray[np.float64]:
    """Return water-leaving reflectance: what scatters over what scatters and absorbs (Lee 2002, as QAA inverts it)."""
    scatter = _SCATTER * solids * (centre_nm / 555.0) ** -0.7
    absorbs = absorbed + _COLOUR * colour * np.exp(-0.015 * (centre_nm - 440.0))
    absorbs = absorbs + _PARTICLES * solids * np.exp(-0.011 * (centre_nm - 440.0))
    share = scatter / (scatter + absorbs)
    below = (0.0895 + 0.1247 * share) * share
    return np.asarray(np.pi * 0.52 * below / (1 - 1.7 * below))


def _sky(bed: Bed, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how thick clouds are, and where their shadows lie; half of all days are clear."""
    shape = bed.water.shape
    if rng.random() < 0.5:
        return np.zeros(shape), np.zeros(shape, dtype=bool)
    rough = gaussian_filter(rng.normal(0, 1, shape), 260.0 / bed.pixel_m)
    rough = rough / max(float(rough.std()), 1e-9)
    cloud = np.clip((rough - rng.uniform(0.3, 1.4)) * 2.0, 0, 1)
    move = tuple(round(part / bed.pixel_m) for part in (-180.0, 120.0))
    shadow = np.roll(cloud, move, axis=(0, 1)) > 0.3
    return cloud, shadow & (cloud <= 0.15)


def _sense(
    picture: NDArray[np.float64], gsd_m: float, pixel_m: float, noise: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return a band as the sensor has it: coarser bands as blocks, noise that neighbours share a little."""
    times = round(gsd_m / pixel_m)
    if times > 1:
        height, width = (size // times * times for size in picture.shape)
        blocks = picture[:height, :width].reshape(height // times, times, width // times, times).mean(axis=(1, 3))
        grain = gaussian_filter(rng.normal(0, 1, blocks.shape), 0.5)
        blocks = blocks + noise * grain / grain.std()
        out = picture.copy()
        out[:height, :width] = blocks.repeat(times, 0).repeat(times, 1)
        return out
    grain = gaussian_filter(rng.normal(0, 1, picture.shape), 0.5)
    return np.asarray(picture + noise * grain / grain.std())
