"""Which way through the lens did a pixel come: focal length, centre and distortion by the Brown-Conrady model.

A lens travels as one line of text in the photo table: ``fx fy cx cy k1 k2 p1 p2 k3``, the first four as shares of
the longer side of the picture, the centre counted from the middle to the right and down.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Lens", "find_slopes", "lens_of_dewarp", "parse_lens", "read_lens"]

_ROUNDS = 25
_OFF_SHARE = 1e-4
_MAX_BYTES = 5_000_000
_NAMES = ("focal_x", "focal_y", "c_x", "c_y", "k1", "k2", "p1", "p2", "k3")


class Lens(NamedTuple):
    """A lens: focal lengths and centre as shares of the longer side, radial and tangential distortion."""

    fx: float
    fy: float
    cx: float = 0.0
    cy: float = 0.0
    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0

    def __str__(self) -> str:
        """Return the lens as the photo table keeps it."""
        return " ".join(f"{value:.9g}" for value in self)


def parse_lens(text: object) -> Lens | None:
    """Return the lens a photo table keeps as text; None where there is none, or it is no lens.

    Examples
    --------
    >>> parse_lens("0.67 0.67 0 0 -0.26 0.1 0 0 0").k1, parse_lens(None), parse_lens("wide")
    (-0.26, None, None)
    """
    try:
        values = [float(part) for part in str(text).split()]
    except ValueError:
        return None
    if not 2 <= len(values) <= len(_NAMES) or not np.isfinite(values).all() or min(values[:2]) <= 0:
        return None
    return Lens(*values)


def lens_of_dewarp(text: str, centre_px: float, centre_row_px: float) -> Lens | None:
    """Return the lens DJI writes as ``DewarpData``, given the middle of its full frame in pixels.

    Examples
    --------
    >>> str(lens_of_dewarp("2018-09-07;3657.02,3650.62,-4.03,23.1,-0.267,0.112,0.0009,0.00009,-0.033", 2736, 1824))[:24]
    '0.668315058 0.667145468 '
    """
    try:
        values = [float(part) for part in text.rpartition(";")[2].split(",")]
    except ValueError:
        return None
    if len(values) != len(_NAMES) or not np.isfinite(values).all() or min(values[:2]) <= 0:
        return None
    side = 2 * max(centre_px, centre_row_px)
    return Lens(*(value / side for value in values[:4]), *values[4:]) if side > 0 else None


def read_lens(path: Path | str) -> Lens:
    """Return the lens of an OpenDroneMap ``cameras.json`` or OpenSfM ``reconstruction.json``.

    Parameters
    ----------
    path : path
        The file; it must hold exactly one camera.

    Returns
    -------
    Lens

    Raises
    ------
    ReadError
        The file is missing or damaged, holds several cameras, or a model other than brown or perspective.

    Examples
    --------
    >>> read_lens("none.json")
    Traceback (most recent call last):
    ...
    outfall.errors.ReadError: none.json: no such lens file
    """
    file = Path(path)
    if not file.is_file():
        msg = f"{file}: no such lens file"
        raise ReadError(msg)
    if file.stat().st_size > _MAX_BYTES * 40:
        msg = f"{file}: {file.stat().st_size / 1e6:.0f} MB is no lens file; give cameras.json"
        raise ReadError(msg)
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        held = held[0]["cameras"] if isinstance(held, list) else held.get("cameras", held)
        cameras = dict(held)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{file}: is not a cameras.json of OpenDroneMap ({type(error).__name__}: {error})"
        raise ReadError(msg) from error
    if len(cameras) != 1:
        msg = f"{file}: holds {len(cameras)} cameras, one is expected; leave the others out"
        raise ReadError(msg)
    return _lens(file, next(iter(cameras.values())))


def _lens(file: Path, camera: object) -> Lens:
    told: Mapping[str, object] = camera if isinstance(camera, dict) else {}
    model = told.get("projection_type", "brown")
    if model not in ("brown", "perspective", "simple_radial", "radial"):
        msg = f"{file}: the lens model {model!r} is not known; undistort the pictures, or give a brown model"
        raise ReadError(msg)
    focal = told.get("focal", told.get("focal_x"))
    values = [told.get(name, focal if name.startswith("focal") else 0.0) for name in _NAMES]
    lens = parse_lens(" ".join(map(str, values)))
    if lens is None:
        msg = (
            f"{file}: {dict(zip(_NAMES, values, strict=True))} is no lens; focal lengths are shares of the longer side"
        )
        raise ReadError(msg)
    return lens


def find_slopes(
    lens: NDArray[np.float64],
    col_px: NDArray[np.float64],
    row_px: NDArray[np.float64],
    size_px: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far each pixel's ray goes to the right and upwards per unit forward.

    Parameters
    ----------
    lens : array of float, n x 9
        One lens per pixel, in the order of ``Lens``.
    col_px, row_px : array of float, n
        Pixels from the upper left corner.
    size_px : two arrays of float, n
        Width and height of each picture.

    Returns
    -------
    two arrays of float, n
        Right and up; NaN where the model has no answer for the pixel.

    Examples
    --------
    >>> lens = np.array([[0.5, 0.5, 0, 0, 0, 0, 0, 0, 0]])
    >>> right, up = find_slopes(lens, np.array([4000.0]), np.array([0.0]), (np.array([4000.0]), np.array([3000.0])))
    >>> float(right[0]), float(up[0])
    (1.0, 0.75)
    """
    fx, fy, cx, cy = lens[:, :4].T
    width, height = size_px
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        side = np.fmax(width, height)
        bent = np.array([((col_px - width / 2) / side - cx) / fx, ((row_px - height / 2) / side - cy) / fy])
        straight = bent.copy()
        for _ in range(_ROUNDS):
            straight = straight + bent - _bend(lens, straight)
        is_lost = ~(np.abs(_bend(lens, straight) - bent).max(axis=0) * fx < _OFF_SHARE)
    right, down = np.where(is_lost, np.nan, straight)
    return right, -down


def _bend(lens: NDArray[np.float64], slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    k1, k2, p1, p2, k3 = lens[:, 4:].T
    right, down = slopes
    square = right**2 + down**2
    radial = 1 + square * (k1 + square * (k2 + square * k3))
    return np.array(
        [
            right * radial + 2 * p1 * right * down + p2 * (square + 2 * right**2),
            down * radial + p1 * (square + 2 * down**2) + 2 * p2 * right * down,
        ]
    )
