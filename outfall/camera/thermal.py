"""What is warmer or colder than its surroundings in a thermal frame, without inventing degrees.

The picture a thermal camera draws has a palette of any kind, warm as white or warm as black; only the raw plane behind
it is read. A plane of counts has no unit: it gives contrasts, and never a temperature.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import ndimage

from outfall.camera.exif import MAX_PIXELS
from outfall.camera.segments import Segment, list_segments
from outfall.errors import ReadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Thermal", "find_anomalies", "read_thermal"]

_MAX_BYTES = 300_000_000
_KELVIN, _CELSIUS = (
    re.compile(r"\b(K|kelvin)\b", re.IGNORECASE),
    re.compile(r"°\s?C\b|\bdeg_?C\b|\bcelsius\b", re.IGNORECASE),
)
_ALIVE_C = (-80.0, 600.0)
# Our default (no standard): the surroundings of a place are this share of the frame's shorter side wide.
_AROUND_SHARE = 1 / 5
_BLOCK = 4


@dataclass(frozen=True, slots=True, eq=False)
class Thermal:
    """One thermal frame: values as they were read, and what they are.

    Parameters
    ----------
    values : array of float, rows x columns
        Counts, or degrees Celsius.
    unit : {"count", "degC"}
        ``count`` says nothing about temperature: only that more is warmer.
    size_px : tuple of int
        Width and height of the picture the frame lies under.
    """

    values: NDArray[np.float32]
    unit: Literal["count", "degC"]
    size_px: tuple[int, int]

    def __repr__(self) -> str:
        """Return the size and the unit."""
        rows, columns = self.values.shape
        return f"Thermal({columns} x {rows}, {'relative' if self.unit == 'count' else self.unit})"

    def contrast(self) -> NDArray[np.float32]:
        """Return how far each pixel is from its surroundings, in robust standard deviations of the frame; warm is above 0."""
        return _contrast(self.values)[0]


def read_thermal(path: Path | str, *, max_pixels: int = MAX_PIXELS) -> Thermal:
    """Return the raw plane of a DJI R-JPEG, or the values of a one-band TIFF.

    Degrees are given only where a TIFF says that its values are kelvin or degrees Celsius, in the unit of its band or
    its description; a R-JPEG never does without its maker's program.

    Parameters
    ----------
    path : path
        The file.
    max_pixels : int, pixels, default 100 million
        Frames that claim more are refused.

    Returns
    -------
    Thermal

    Raises
    ------
    ReadError
        The file is missing, damaged, too large, or carries no thermal values.

    Examples
    --------
    >>> read_thermal("none.jpg")
    Traceback (most recent call last):
    ...
    outfall.errors.ReadError: none.jpg: no such thermal frame
    """
    file = Path(path)
    if not file.is_file():
        msg = f"{file}: no such thermal frame"
        raise ReadError(msg)
    if file.stat().st_size > _MAX_BYTES:
        msg = f"{file}: {file.stat().st_size / 1e6:,.0f} MB is no thermal frame"
        raise ReadError(msg)
    raw = file.read_bytes()
    if raw.startswith(b"\xff\xd8"):
        return _read_plane(file, list_segments(raw))
    if raw[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return _read_tiff(file, max_pixels)
    msg = f"{file}: is neither a R-JPEG nor a TIFF; export the thermal frame as one of them"
    raise ReadError(msg)


def _read_plane(file: Path, segments: list[Segment]) -> Thermal:
    size = next((_size(part) for part in segments if 0xC0 <= part.marker <= 0xC3 and len(part.body) >= 5), None)
    plane = b"".join(part.body for part in segments if part.marker == 0xE3)
    if not plane or size is None or 0 in size:
        msg = f"{file}: carries no raw thermal plane (APP3); its colours are a palette and are not read as temperature"
        raise ReadError(msg)
    count, odd = divmod(len(plane), 2)
    rows = round((count * size[1] / size[0]) ** 0.5)
    if odd or rows == 0 or count % rows or abs(count / rows / rows - size[0] / size[1]) > 0.01:
        msg = f"{file}: its raw plane of {len(plane):,} bytes does not fit a picture of {size[0]} x {size[1]}; the file is damaged"
        raise ReadError(msg)
    values = np.frombuffer(plane, dtype="<u2").reshape(rows, count // rows).astype(np.float32)
    if float(values.min()) == float(values.max()):
        msg = f"{file}: its raw plane holds one value only ({values.flat[0]:g}); it was erased"
        raise ReadError(msg)
    return Thermal(values, "count", size)


def _size(part: Segment) -> tuple[int, int]:
    return int.from_bytes(part.body[3:5], "big"), int.from_bytes(part.body[1:3], "big")


def _read_tiff(file: Path, max_pixels: int) -> Thermal:
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(file, driver="GTiff") as raster:
                shape = f"{raster.width} x {raster.height} pixels in {raster.count} bands of {raster.dtypes[0]}"
                if raster.count != 1 or raster.dtypes[0] not in ("uint16", "int16", "float32", "float64"):
                    msg = f"{file}: {shape} is a picture; a thermal frame has one band of 16 bits or more"
                    raise ReadError(msg)
                if raster.width * raster.height > max_pixels:
                    msg = f"{file}: {shape} is above {max_pixels / 1e6:.0f} million; raise max_pixels if it is real"
                    raise ReadError(msg)
                values = raster.read(1, masked=True).astype(np.float32).filled(np.nan)
                values = values * np.float32(raster.scales[0]) + np.float32(raster.offsets[0])
                told = f"{raster.units[0] or ''} {raster.tags().get('TIFFTAG_IMAGEDESCRIPTION', '')}"
    except (RasterioError, ValueError, TypeError) as error:
        msg = f"{file}: cannot be read as a TIFF ({error})"
        raise ReadError(msg) from error
    values[~np.isfinite(values)] = np.nan
    if np.isnan(values).all():
        msg = f"{file}: holds no value"
        raise ReadError(msg)
    is_kelvin, is_celsius = _KELVIN.search(told) is not None, _CELSIUS.search(told) is not None
    degrees = values - np.float32(273.15) if is_kelvin else values
    is_real = bool(_ALIVE_C[0] < float(np.nanmin(degrees)) and float(np.nanmax(degrees)) < _ALIVE_C[1])
    size = (values.shape[1], values.shape[0])
    if is_kelvin != is_celsius and is_real:
        return Thermal(degrees, "degC", size)
    return Thermal(values, "count", size)


def find_anomalies(
    thermal: Thermal, *, least_z: float = 6.0, least_px: int = 9, most_share: float = 0.02
) -> pd.DataFrame:
    """Return the places that are warmer or colder than their surroundings.

    Parameters
    ----------
    thermal : Thermal
        One frame.
    least_z : float, default 6
        Robust standard deviations from the surroundings (our default).
    least_px : int, pixels, default 9
        Smaller places are noise of the sensor (our default).
    most_share : float, default 0.02
        Larger places, as a share of the frame, are banks and roofs, not mouths (our default).

    Returns
    -------
    DataFrame, n rows
        ``is_warm``, the middle as ``col_px`` and ``row_px``, ``half_width_px``, ``half_height_px`` and ``sigma_px`` of
        the picture (with photo and source_ref they are boxes for ``place_boxes``), ``area_share``,
        ``thermal_z`` (signed, of the middle tenth of its pixels) and ``difference_k``, missing where the frame carries
        no temperature. The strongest first.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(3000, 5, (80, 100)).astype("float32")
    >>> frame[40:45, 50:55] += 100
    >>> found = find_anomalies(Thermal(frame, "count", (100, 80)))
    >>> found[["is_warm", "col_px", "row_px"]].round().to_dict("records"), found["difference_k"].isna().all()
    ([{'is_warm': True, 'col_px': 52.0, 'row_px': 42.0}], np.True_)
    """
    score, difference = _contrast(thermal.values)
    rows: list[dict[str, object]] = []
    scale = thermal.size_px[0] / thermal.values.shape[1]
    for is_warm in (True, False):
        marked, count = ndimage.label((score >= least_z) if is_warm else (score <= -least_z), np.ones((3, 3)))
        for at, box in enumerate(ndimage.find_objects(marked, count), start=1):
            inside = marked[box] == at
            area = int(inside.sum())
            if not least_px <= area <= most_share * score.size:
                continue
            down, right = (float(part.mean()) for part in np.nonzero(inside))
            rows.append(
                {
                    "is_warm": is_warm,
                    "col_px": (box[1].start + right + 0.5) * scale,
                    "row_px": (box[0].start + down + 0.5) * scale,
                    "half_width_px": (box[1].stop - box[1].start) / 2 * scale,
                    "half_height_px": (box[0].stop - box[0].start) / 2 * scale,
                    "sigma_px": float(np.sqrt(area) / 4) * scale,
                    "area_share": area / score.size,
                    "thermal_z": float(np.median(score[box][inside])),
                    "difference_k": float(np.median(difference[box][inside])) if thermal.unit == "degC" else np.nan,
                }
            )
    found = pd.DataFrame(rows, columns=_COLUMNS).astype({"difference_k": float})
    return found.sort_values("thermal_z", key=np.abs, ascending=False, kind="stable", ignore_index=True)


_COLUMNS = [
    "is_warm", "col_px", "row_px", "half_width_px", "half_height_px", "sigma_px", "area_share", "thermal_z",
    "difference_k",
]  # fmt: skip


def _contrast(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the robust z of each pixel against its surroundings, and the difference itself; 0 where nothing is known."""
    middle = float(np.nanmedian(values))
    filled = np.where(np.isfinite(values), values, middle).astype(np.float32)
    rows, columns = (max(1, size // _BLOCK) for size in filled.shape)
    coarse = filled[: rows * _BLOCK, : columns * _BLOCK] if min(filled.shape) >= _BLOCK else filled
    if coarse.shape == (rows * _BLOCK, columns * _BLOCK):
        coarse = np.median(coarse.reshape(rows, _BLOCK, columns, _BLOCK), axis=(1, 3))
    wide = max(3, int(min(coarse.shape) * _AROUND_SHARE) | 1)
    smooth = ndimage.median_filter(coarse, size=wide, mode="nearest")
    at = [
        np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1) for n, m in zip(filled.shape, smooth.shape, strict=True)
    ]
    around = ndimage.map_coordinates(smooth, np.meshgrid(*at, indexing="ij"), order=1, mode="nearest")
    difference = np.where(np.isfinite(values), filled - around, 0.0).astype(np.float32)
    # A frame of equal values with a few others has a spread of 0; one step of its counts stands for it then.
    spread = 1.4826 * float(np.median(np.abs(difference - np.median(difference))))
    steps = np.diff(np.unique(filled))
    least = float(np.median(steps)) if len(steps) else 1.0
    return (difference / max(spread, least, 1e-6)).astype(np.float32), difference
