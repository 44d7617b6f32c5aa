"""How sure is the place a ray ends at: the ellipse of one sigma, from what the camera and the ground are unsure of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Aim", "Doubt", "find_ellipse"]

_UNKNOWN_POSITION_M = 5.0


class Aim(NamedTuple):
    """Where cameras look: angles in degrees, and the pixel's way to the right and upwards per unit forward."""

    pitch_deg: NDArray[np.float64]
    yaw_deg: NDArray[np.float64]
    roll_deg: NDArray[np.float64]
    across: NDArray[np.float64]
    upward: NDArray[np.float64]

    def ray(self) -> NDArray[np.float64]:
        """Return east, north and up of each ray: forward, plus the pixel's way in the picture."""
        tilt, turn, lean = (np.radians(part) for part in (self.pitch_deg, self.yaw_deg, self.roll_deg))
        forward = np.array([np.sin(turn) * np.cos(tilt), np.cos(turn) * np.cos(tilt), np.sin(tilt)])
        right = np.array([np.cos(turn), -np.sin(turn), np.zeros_like(turn)])
        top = np.array([-np.sin(turn) * np.sin(tilt), -np.cos(turn) * np.sin(tilt), np.cos(tilt)])
        across = right * np.cos(lean) - top * np.sin(lean)
        upward = top * np.cos(lean) + right * np.sin(lean)
        ray: NDArray[np.float64] = forward + across * self.across + upward * self.upward
        return ray


class Doubt(NamedTuple):
    """What is unsure, as standard deviations; the height is of the camera above the ground."""

    position_m: NDArray[np.float64]
    height_m: NDArray[np.float64]
    yaw_deg: NDArray[np.float64]
    pitch_deg: float
    pixel: NDArray[np.float64]


def find_ellipse(
    aim: Aim, height_m: NDArray[np.float64], slope: NDArray[np.float64], doubt: Doubt
) -> NDArray[np.float64]:
    """Return major and minor sigma in metres and the azimuth of the major axis in degrees, by first-order propagation.

    The ground is a plane through the place that was hit, so that a slope towards the camera shrinks the ellipse and a
    slope away from it stretches it. Roll is as unsure as pitch.

    Parameters
    ----------
    aim : Aim
        Where the cameras look, n of them.
    height_m : array of float, n
        Camera above the place that was hit.
    slope : array of float, 2 x n
        Slope of the ground to the east and to the north.
    doubt : Doubt
        Standard deviations.

    Returns
    -------
    array of float, 3 x n

    Examples
    --------
    >>> one = np.ones(1)
    >>> aim = Aim(-90 * one, 0 * one, 0 * one, 0 * one, 0 * one)
    >>> doubt = Doubt(3 * one, 0 * one, 0 * one, 0.0, 0 * one)
    >>> find_ellipse(aim, 100 * one, np.zeros((2, 1)), doubt)[:2].ravel().tolist()
    [3.0, 3.0]
    """
    at = _offset(aim, height_m, np.zeros_like(slope))
    level = height_m + (slope * at).sum(axis=0)
    with np.errstate(invalid="ignore"):
        parts = [
            (_offset(aim._replace(pitch_deg=aim.pitch_deg + 0.01), level, slope) - at) / 0.01 * doubt.pitch_deg,
            (_offset(aim._replace(roll_deg=aim.roll_deg + 0.01), level, slope) - at) / 0.01 * doubt.pitch_deg,
            (_offset(aim._replace(yaw_deg=aim.yaw_deg + 0.01), level, slope) - at) / 0.01 * doubt.yaw_deg,
            (_offset(aim._replace(across=aim.across + 1e-4), level, slope) - at) / 1e-4 * doubt.pixel,
            (_offset(aim._replace(upward=aim.upward + 1e-4), level, slope) - at) / 1e-4 * doubt.pixel,
            (_offset(aim, level + 0.1, slope) - at) / 0.1 * doubt.height_m,
        ]
        sigma = np.nan_to_num(doubt.position_m, nan=_UNKNOWN_POSITION_M)
        for axis in (0, 1):
            moved = (_offset(aim, level - 0.1 * slope[axis], slope) - at) / 0.1
            moved[axis] += 1
            parts.append(moved * sigma)
        east, north = (sum(part[axis] ** 2 for part in parts) for axis in (0, 1))
        both = sum(part[0] * part[1] for part in parts)
        middle, spread = (east + north) / 2, np.hypot((east - north) / 2, both)
        azimuth = np.degrees(np.arctan2(2 * both, north - east)) / 2 % 180
        return np.array([np.sqrt(middle + spread), np.sqrt(np.maximum(middle - spread, 0)), azimuth])


def _offset(aim: Aim, level_m: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return east and north of where rays meet a plane that lies level_m below the camera, straight below it."""
    ray = aim.ray()
    with np.errstate(divide="ignore", invalid="ignore"):
        towards = np.maximum((slope * ray[:2]).sum(axis=0) - ray[2], -0.5 * ray[2])
        moved: NDArray[np.float64] = ray[:2] * (level_m / towards)
    return moved
