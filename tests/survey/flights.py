"""Flights over a bank whose things are known: photos with honest errors, boxes as a detector draws them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.camera.ellipse import Aim

SIZE = (4000, 3000)
FOCAL = 3000.0
CRS = 32650
ORIGIN = (500_000.0, 3_387_000.0)


def make_flight(seed, *, things=40, gap_m=12.0, height_m=80.0, pitch_deg=-60.0, sigma_m=0.5, seen=0.9, false=0.15):
    """Return photos (as written: with errors), boxes, and the truth: things, and the thing of each box (-1 for none).

    Yaw errs by 2 degrees, pitch by 0.5, height by 1 metre, position by sigma_m, each once per frame; boxes by 3 pixels.
    The water is level at 0; things lie along a bank, some close together.
    """
    rng = np.random.default_rng(seed)
    along = np.cumsum(rng.choice([4.0, gap_m, 2 * gap_m], things, p=[0.3, 0.4, 0.3]))
    place = np.column_stack([along, rng.normal(0, 3, things)])
    step = height_m * 0.35
    stands = np.arange(-step, along[-1] + step, step)
    camera = np.column_stack([stands, np.full(len(stands), -height_m / np.tan(np.radians(-pitch_deg)))])
    camera += rng.normal(0, 1.0, camera.shape)
    yaw, pitch = rng.normal(0, 5, len(stands)), np.full(len(stands), pitch_deg)
    names = [f"DJI_{number:04d}.JPG" for number in range(len(stands))]
    boxes = _boxes(rng, place, (camera, yaw, pitch, height_m), names, (seen, false))
    told = camera + rng.normal(0, sigma_m, camera.shape)
    photos = gpd.GeoDataFrame(
        {
            "photo_id": [f"id{number}" for number in range(len(stands))],
            "file": names,
            "source_ref": names,
            "taken_at": pd.Timestamp("2026-04-12", tz="UTC") + pd.to_timedelta(np.arange(len(stands)) * 4.0, unit="s"),
            "sigma_m": sigma_m,
            "altitude_m": height_m + rng.normal(0, 1.0, len(stands)),
            "altitude_sigma_m": 1.0,
            "yaw_deg": (yaw + rng.normal(0, 2.0, len(stands))) % 360,
            "pitch_deg": pitch + rng.normal(0, 0.5, len(stands)),
            "roll_deg": rng.normal(0, 0.5, len(stands)),
            "yaw_by": "gimbal",
            "width_px": SIZE[0],
            "height_px": SIZE[1],
            "focal_px": FOCAL,
        },
        geometry=gpd.points_from_xy(told[:, 0] + ORIGIN[0], told[:, 1] + ORIGIN[1]),
        crs=CRS,
    )
    truth = gpd.GeoDataFrame(
        {"thing_id": range(things)},
        geometry=gpd.points_from_xy(place[:, 0] + ORIGIN[0], place[:, 1] + ORIGIN[1]),
        crs=CRS,
    )
    return photos, boxes.drop(columns="thing"), truth, boxes["thing"].to_numpy()


def _boxes(rng, place, frames, names, shares):
    camera, yaw, pitch, height_m = frames
    rows = []
    for at, name in enumerate(names):
        pixel = project(place - camera[at], height_m, yaw[at], pitch[at])
        is_in = (pixel > 0).all(axis=1) & (pixel < SIZE).all(axis=1) & (rng.uniform(size=len(place)) < shares[0])
        pixel = pixel + rng.normal(0, 3, pixel.shape)
        rows += [(name, *pixel[one], *rng.uniform(10, 40, 2), rng.beta(5, 2), one) for one in np.flatnonzero(is_in)]
        wrong = rng.poisson(shares[1] * max(is_in.sum(), 1))
        spots = rng.uniform(0.1, 0.9, (wrong, 2)) * SIZE
        rows += [(name, *spot, *rng.uniform(10, 40, 2), rng.beta(2, 4), -1) for spot in spots]
    names = ["photo", "col_px", "row_px", "half_width_px", "half_height_px", "confidence_share", "thing"]
    boxes = pd.DataFrame(rows, columns=names)
    return boxes.assign(source_ref=[f"boxes.json#{number}" for number in range(1, len(boxes) + 1)])


def project(offset, height_m, yaw_deg, pitch_deg):
    """Return the pixels of places on level ground, offset (east, north) from a camera: written apart from look_at."""
    one = np.zeros(1)
    aim = Aim(one + pitch_deg, one + yaw_deg, one, one, one)
    forward = aim._replace(across=one, upward=one).ray()[:, 0]
    right = aim._replace(across=one + 1, upward=one).ray()[:, 0] - forward
    top = aim._replace(across=one, upward=one + 1).ray()[:, 0] - forward
    way = np.column_stack([offset, np.full(len(offset), -height_m)])
    ahead = way @ forward
    slope = np.column_stack([way @ right, -(way @ top)]) / ahead[:, None]
    return np.where(ahead[:, None] > 0, slope * FOCAL + np.array(SIZE) / 2, -1.0)


def links(groups):
    """Return the pairs of boxes that groups join."""
    return {(a, b) for members in groups for i, a in enumerate(members) for b in members[i + 1 :]}


def members(merged):
    """Return the rows of boxes behind each merged sighting, by the numbers in source_ref."""
    import re

    return [sorted(int(part) - 1 for part in re.findall(r"boxes\.json#(\d+)", ref)) for ref in merged["source_ref"]]
