"""How far are positions read from real photos off an independent solution, and what does reading many photos take."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
from scipy.spatial.transform import Rotation

from outfall.camera import find_anomalies, look_at, read_lens, read_photos, read_thermal
from outfall.camera.lens import find_slopes
from outfall.camera.surface import meet_surface

GEOD = pyproj.Geod(ellps="WGS84")
# Two-dimensional normal: this many sigmas hold 95 % of the points.
COVER_SIGMAS = 2.4477


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return the figures of photos: RTK frames against the ODM solution, the beach, thermal planes, many small files."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    data = Path(os.environ.get("OUTFALL_DATA", default)) / "remote"
    return {
        **measure_rtk(data),
        **measure_beach(data),
        **measure_thermal(data, quick=quick),
        **measure_many(200 if quick else 2000),
    }


def measure_rtk(data: Path) -> dict[str, float | int | bool | None]:
    """Return distances to the solution: cameras, and where the middle of each picture meets the ground."""
    names = ("max_m", "height_max_m", "centre_least_m", "centre_most_m", "ground_max_m", "covered", "flat_off_max_m")
    folder = data / "drone_rtk"
    if not folder.is_dir():
        return {f"drone_rtk_{name}": None for name in names}
    photos, dsm = read_photos(folder / "images", tz="Asia/Taipei"), folder / "odm_dem" / "dsm.tif"
    solved = solve(folder, photos["file"].tolist())
    exact, flat = look_at(photos, surface=dsm), look_at(photos)
    own = _apart(photos, solved["camera_lon"], solved["camera_lat"])[1]
    azimuth, ground = _apart(exact, solved["ground_lon"], solved["ground_lat"])
    turn = np.radians(azimuth - exact["major_azimuth_deg"].to_numpy())
    sigmas = np.hypot(
        ground * np.cos(turn) / exact["sigma_major_m"].to_numpy(),
        ground * np.sin(turn) / exact["sigma_minor_m"].to_numpy(),
    )
    values = (
        float(own.max()),
        float(np.abs(photos["altitude_m"].to_numpy() - solved["camera_m"].to_numpy()).max()),
        float(exact["distance_m"].min()),
        float(exact["distance_m"].max()),
        float(ground.max()),
        int((sigmas <= COVER_SIGMAS).sum()),
        float(_apart(flat, exact.geometry.x, exact.geometry.y)[1].max()),
    )
    return {f"drone_rtk_{name}": round(value, 3) for name, value in zip(names, values, strict=True)}


def solve(folder: Path, files: list[str]) -> pd.DataFrame:
    """Return camera and ground point of each frame by the ODM reconstruction: its poses, its lens, its surface.

    The reconstruction is in metres of UTM 51N from its reference; this is checked against ``odm_xyz_opk.csv``.
    """
    held = json.loads((folder / "opensfm" / "reconstruction.json").read_text(encoding="utf-8"))[0]
    to_grid = pyproj.Transformer.from_crs(4326, 32651, always_xy=True)
    origin = np.array(to_grid.transform(held["reference_lla"]["longitude"], held["reference_lla"]["latitude"]))
    listed = pd.read_csv(folder / "odm_xyz_opk.csv", sep=" ", quotechar="'").set_index("filename")
    camera = next(iter(held["cameras"].values()))
    size = (np.array([float(camera["width"])]), np.array([float(camera["height"])]))
    lens = np.array([read_lens(folder / "opensfm" / "reconstruction.json")])
    right, up = (part[0] for part in find_slopes(lens, size[0] / 2, size[1] / 2, size))
    rows = []
    for file in files:
        shot = held["shots"][Path(file).stem]
        turn = Rotation.from_rotvec(shot["rotation"]).as_matrix()
        place = -turn.T @ np.array(shot["translation"])
        east, north = origin + place[:2]
        off = np.hypot(*(np.array([east, north]) - listed.loc[Path(file).stem, ["x", "y"]].to_numpy(dtype=float)))
        if off > 0.01:
            msg = f"{file}: the frame of the reconstruction is not UTM 51N ({off:.2f} m off)"
            raise ValueError(msg)
        lon, lat = to_grid.transform(east, north, direction="INVERSE")
        ray = turn.T @ np.array([right, -up, 1.0])
        grid_north = pyproj.Proj(32651).get_factors(lon, lat).meridian_convergence
        azimuth, flat = np.degrees(np.arctan2(ray[0], ray[1])) + grid_north, np.hypot(ray[0], ray[1])
        true = np.array([[flat * np.sin(np.radians(azimuth))], [flat * np.cos(np.radians(azimuth))], [ray[2]]])
        where = tuple(np.array([value]) for value in (lon, lat, place[2]))
        height = meet_surface(folder / "odm_dem" / "dsm.tif", where, true).height_m[0]
        ground = GEOD.fwd(lon, lat, azimuth, height * flat / -ray[2])
        rows.append((lon, lat, place[2], *ground[:2]))
    return pd.DataFrame(rows, columns=["camera_lon", "camera_lat", "camera_m", "ground_lon", "ground_lat"])


def _apart(frame, lon, lat) -> tuple[np.ndarray, np.ndarray]:
    """Return azimuth and distance from each point to where the solution has it."""
    parts = (frame.geometry.x, frame.geometry.y, lon, lat)
    azimuth, _, distance = GEOD.inv(*(np.asarray(part, dtype=float) for part in parts))
    return np.asarray(azimuth), np.asarray(distance)


def measure_beach(data: Path) -> dict[str, float | int | bool | None]:
    """Return how many of the three photos were read with position, time, height and angles, the re-saved one too."""
    folder = data / "drone_beach"
    if not folder.is_dir():
        return {"drone_beach_read": None, "drone_beach_resaved_equal": None}
    photos = read_photos(folder, tz="America/Chicago").set_index("file")
    needed = ["taken_at", "relative_altitude_m", "altitude_m", "yaw_deg", "pitch_deg", "focal_px", "camera"]
    whole = photos[needed].notna().all(axis="columns") & photos.geometry.notna()
    resaved, camera = (photos.loc[name] for name in ("DJI_0024.JPG", "DJI_0018.JPG"))
    equal = all(resaved[name] == camera[name] for name in ("pitch_deg", "camera", "width_px", "focal_px"))
    return {"drone_beach_read": int(whole.sum()), "drone_beach_resaved_equal": bool(equal)}


def measure_thermal(data: Path, *, quick: bool) -> dict[str, float | int | bool | None]:
    """Return how many raw planes were read whole, and how like their pictures they are (rank correlation)."""
    folder = data / "drone_thermal"
    if not folder.is_dir():
        return {"drone_thermal_planes": None, "drone_thermal_least_rank": None, "drone_thermal_degrees": None}
    from PIL import Image
    from scipy.stats import spearmanr

    ranks, degrees, places = [], 0, 0
    for file in sorted(folder.rglob("*_R.JPG")):
        frame = read_thermal(file)
        degrees += frame.unit == "degC"
        places += 0 if quick else len(find_anomalies(frame))
        with Image.open(file) as image:
            grey = np.asarray(image.convert("L").resize(frame.values.shape[::-1]), dtype=float)
        ranks.append(float(spearmanr(grey.ravel()[::29], frame.values.ravel()[::29]).statistic))
    found = {} if quick else {"drone_thermal_places": places}
    return {
        "drone_thermal_planes": len(ranks),
        "drone_thermal_least_rank": round(min(ranks), 3),
        "drone_thermal_degrees": int(degrees),
        **found,
    }


def measure_many(count: int) -> dict[str, float | int | bool | None]:
    """Return CPU milliseconds and growth of memory per small photo, made here and read twice (half, then all)."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        exif = Image.Exif()
        gps = exif.get_ifd(0x8825)
        gps[1], gps[2], gps[3], gps[4] = "N", (30.0, 36.0, 0.0), "E", (114.0, 18.0, 0.0)
        Image.new("RGB", (64, 48)).save(folder / "first.jpg", exif=exif)
        raw = (folder / "first.jpg").read_bytes()
        (folder / "first.jpg").unlink()
        peaks, cpu = [], 0.0
        for first, last in ((0, count // 2), (count // 2, count)):
            for number in range(first, last):
                (folder / f"{number:07d}.jpg").write_bytes(raw + f"{number}".encode())
            begun = time.process_time()
            read_photos(folder, tz="UTC")
            cpu = time.process_time() - begun
            if count <= 400:
                continue
            tracemalloc.start()
            read_photos(folder, tz="UTC")
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    growth = (peaks[1] - peaks[0]) / (count - count // 2) if len(peaks) == 2 else None
    return {
        "drone_photo_ms": round(cpu / count * 1000, 3),
        "drone_photo_bytes": None if growth is None else round(growth),
        "drone_200k_min": round(cpu / count * 200_000 / 60, 2),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    for key, value in measure(quick=parser.parse_args().quick).items():
        print(f"{key}: {value}")
