"""What do satellites see of a town whose truth is known: scenes of several days by two sensors, and their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from outfall.errors import TableError
from outfall.simulate._draw import CRS, build_scenery
from outfall.simulate._region import check_width
from outfall.simulate._scene_days import SENSORS, bands_of, lay_bed, see_day
from outfall.simulate._survey import START

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["SeenScene", "make_scenes", "write_scenes"]

_KEY = 141  # of the random numbers of scenes: nothing else of a town is drawn from it
_EVERY_D, _FIRST = 5, pd.Timedelta(days=2, hours=11, minutes=8)
_SCALE, _SHIFT, _BASELINE = 10_000.0, -1000, "05.10"


@dataclass(frozen=True, slots=True)
class SeenScene:
    """One day of one sensor, as its product stores it.

    Parameters
    ----------
    sensor : str
        ``S2A MSI`` or ``GF-2 PMS1``.
    taken_at : Timestamp
        UTC.
    stored : mapping of str to uint16 array
        By role; reflectance is ``(stored + shift) / 10000``, 0 is no data.
    classes : uint8 array or None
        Scene classification (SCL) of Sentinel-2.
    shift : int
        -1000 for Sentinel-2 of its baseline, else 0.
    baseline : str
        Processing baseline; empty where the product has none.
    west_m, north_m, pixel_m : float
        Upper left corner and side of a pixel.
    """

    sensor: str
    taken_at: pd.Timestamp
    stored: Mapping[str, NDArray[np.uint16]]
    classes: NDArray[np.uint8] | None
    shift: int
    baseline: str
    west_m: float
    north_m: float
    pixel_m: float

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{'S2' if self.sensor.startswith('S2') else 'GF2'}_{self.taken_at:%Y%m%d}.tif"

    def open(self) -> xr.Dataset:
        """Return the scene as ``outfall.scenes.open_scene`` would: reflectance, offset applied once, with flags."""
        import pyproj
        from affine import Affine

        from outfall.scenes import Band, Grid, decode_scl, make_scene

        first = next(iter(self.stored.values()))
        grid = Grid(
            first.shape[0],
            first.shape[1],
            Affine(self.pixel_m, 0, self.west_m, 0, -self.pixel_m, self.north_m),
            pyproj.CRS(CRS),
        )
        bands = {}
        for row in bands_of(self.sensor):
            stored = self.stored[row["role"]].astype(np.float32)
            values = np.where(stored > 0, (stored + self.shift) / _SCALE, np.nan)
            centre, width, gsd = (float(row[key]) for key in ("centre_nm", "width_nm", "gsd_m"))
            bands[row["role"]] = Band(values, centre, width, gsd, name=row["band"])
        field = decode_scl(self.classes) if self.classes is not None else None
        return make_scene(
            bands, grid, quantity="rho_s", taken_at=self.taken_at, sensor=self.sensor, flag_field=field,
            source_ref=self.name, notes={"baseline": self.baseline, "offset_applied": self.shift},
        )  # fmt: skip


def make_scenes(
    seed: int = 0,
    *,
    sensor: Literal["S2A MSI", "GF-2 PMS1"] = "S2A MSI",
    days: int = 6,
    river_width_m: float | None = None,
    flow_share: float = 1.0,
) -> list[SeenScene]:
    """Draw what a satellite sees of the main river of a town, every five days from 7 April 2026.

    Plumes follow the simulator's own law from the loads of the outfalls at that moment; natural water comes in patches; banks
    shine into the water beside them; every second day or so has clouds with shadows. The town is the one of
    ``make_town(seed, river_width_m=...)``, and its other tables do not change.

    Parameters
    ----------
    seed : int, default 0
        Of the town.
    sensor : {"S2A MSI", "GF-2 PMS1"}
        Ten bands of 10 and 20 m with a scene classification, or four of 4 m.
    days : int, default 6
        Number of scenes.
    river_width_m : float, optional
        As for `make_town`.
    flow_share : float, default 1
        What the rivers carry on these days, of their mean: 0.1 is low water behind weirs, which hold width and depth.

    Returns
    -------
    list of SeenScene
        In order of time.

    Raises
    ------
    TableError
        The sensor is not known, or seed, days or width cannot be used.

    Examples
    --------
    >>> scene = make_scenes(1, days=1)[0]
    >>> scene.sensor, scene.shift, scene.pixel_m, sorted(scene.stored)[:2]
    ('S2A MSI', -1000, 10.0, ['blue', 'green'])
    """
    if sensor not in SENSORS or seed < 0 or days < 1:
        msg = f"make_scenes: sensor {sensor!r}, seed {seed} and {days} days were given; expected {' or '.join(SENSORS)}, 0 and 1 or more"
        raise TableError(msg)
    if not 0.01 <= flow_share <= 1:
        msg = f"make_scenes: flow_share {flow_share!r} was given; expected 0.01 to 1 of the mean flow"
        raise TableError(msg)
    check_width(river_width_m)
    scenery = build_scenery(seed, river_width_m=river_width_m)
    number = SENSORS.index(sensor)
    pixel_m = min(float(row["gsd_m"]) for row in bands_of(sensor))
    bed = lay_bed(scenery, np.random.default_rng([seed, _KEY, number]), pixel_m)
    shift, baseline = (_SHIFT, _BASELINE) if number == 0 else (0, "")
    found = []
    for day in range(days):
        moment = START + _FIRST + pd.Timedelta(days=_EVERY_D * day)
        seen, classes = see_day(
            scenery, bed, sensor, moment, np.random.default_rng([seed, _KEY, number, day + 1]), flow_share=flow_share
        )
        stored = {
            role: np.clip(np.round(values * _SCALE) - shift, 1, 65535).astype(np.uint16)
            for role, values in seen.items()
        }
        found.append(
            SeenScene(
                sensor, moment.tz_convert("UTC"), stored, classes if number == 0 else None, shift, baseline,
                bed.west_m, bed.north_m, bed.pixel_m,
            )
        )  # fmt: skip
    return found


def write_scenes(scenes: Sequence[SeenScene], folder: Path | str) -> list[Path]:
    """Write scenes as GeoTIFFs that name their bands, scale, offset, baseline and moment; classes beside them.

    Parameters
    ----------
    scenes : sequence of SeenScene
        Of `make_scenes`.
    folder : path
        Made where it does not exist.

    Returns
    -------
    list of Path
        One file per scene.

    Examples
    --------
    >>> import tempfile
    >>> [path.name for path in write_scenes(make_scenes(1, days=1), tempfile.mkdtemp())]
    ['S2_20260407.tif']
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    return [_write(scene, target / scene.name) for scene in scenes]


def _write(scene: SeenScene, path: Path) -> Path:
    import rasterio
    from affine import Affine

    first = next(iter(scene.stored.values()))
    place = {
        "driver": "GTiff", "height": first.shape[0], "width": first.shape[1], "crs": CRS, "compress": "deflate",
        "transform": Affine(scene.pixel_m, 0, scene.west_m, 0, -scene.pixel_m, scene.north_m),
    }  # fmt: skip
    known = bands_of(scene.sensor)
    with rasterio.open(path, "w", count=len(known), dtype="uint16", nodata=0, predictor=2, **place) as out:
        for number, row in enumerate(known, start=1):
            out.write(scene.stored[row["role"]], number)
        out.descriptions = [row["role"] for row in known]
        out.scales = (1 / _SCALE,) * len(known)
        out.offsets = (scene.shift / _SCALE,) * len(known)
        moment = scene.taken_at.isoformat()
        out.update_tags(TIFFTAG_DATETIME=moment, PROCESSING_BASELINE=scene.baseline, invented="yes")
    if scene.classes is not None:
        with rasterio.open(path.with_name(f"{path.stem}_SCL.tif"), "w", count=1, dtype="uint8", **place) as out:
            out.write(scene.classes, 1)
    return path
