"""Which passes of a boat are one run along a river, and what was read where along each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter1d

from outfall.survey.shapes import Run

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["Pass", "cut_passes", "to_metres"]

# Our defaults: bins no finer than a plume is, turns seen over this much track, and still readings counted this often.
_LEAST_M, _WIDEST_M = 4.0, 25.0
_TURN_M = 60.0
_TURN_SHARE = 0.4
_MOST_READINGS = 10.0
_LEAST_BINS = 12
_EARTH_M = 111_320.0


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass along a river without turning back.

    Parameters
    ----------
    run : Run
        Readings in bins.
    along_m, east_m, north_m : array of float, readings
        Distance from the start of the pass and position, both smoothed by what the receiver is uncertain.
    rows : array of int, readings
        Where the readings stand in the track.
    """

    run: Run
    along_m: Reals
    east_m: Reals
    north_m: Reals
    rows: NDArray[np.int64]

    def place(self, at_m: float) -> tuple[float, float, float]:
        """Return east, north and the row (with fraction) of the reading at a distance along the pass."""
        row = np.arange(len(self.along_m), dtype=float)
        return tuple(float(np.interp(at_m, self.along_m, one)) for one in (self.east_m, self.north_m, row))  # type: ignore[return-value]

    def heading(self, at_m: float) -> tuple[float, float]:
        """Return the direction of travel at a distance along the pass as a unit vector."""
        ends = [self.place(at_m + step) for step in (-20.0, 20.0)]
        east, north = ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]
        length = max(float(np.hypot(east, north)), 1e-9)
        return east / length, north / length


def to_metres(track: gpd.GeoDataFrame) -> tuple[Reals, Reals]:
    """Return east and north of a track about its first fix, for distances of a few kilometres."""
    lon, lat = track.geometry.x.to_numpy(dtype=float), track.geometry.y.to_numpy(dtype=float)
    return (lon - lon[0]) * _EARTH_M * float(np.cos(np.radians(lat[0]))), (lat - lat[0]) * _EARTH_M


def cut_passes(track: gpd.GeoDataFrame, names: list[str]) -> list[Pass]:
    """Return the passes of a track: its legs, cut where the boat turned back.

    Parameters
    ----------
    track : GeoDataFrame, n rows
        From ``read_track``.
    names : list of str
        Its sensors.

    Returns
    -------
    list of Pass
        In the order of the track. Pieces shorter than twelve bins are left out.
    """
    east, north = to_metres(track)
    leg, sigma = track["leg"].to_numpy(), track["sigma_m"].to_numpy(dtype=float)
    values = track[names].to_numpy(dtype=float)
    found: list[Pass] = []
    for number in np.unique(leg):
        rows = np.flatnonzero(leg == number)
        if len(rows) < _LEAST_BINS:
            continue
        where = _smooth(east[rows], north[rows], float(np.median(sigma[rows])))
        moved = np.append(0.0, np.cumsum(np.hypot(*(np.diff(one) for one in where))))
        for piece in np.split(np.arange(len(rows)), _turns(moved, *where)):
            if len(piece) < _LEAST_BINS:
                continue
            along = moved[piece] - moved[piece[0]]
            run = _binned(along, values[rows[piece]])
            if len(run.values) >= _LEAST_BINS:
                found.append(Pass(run, along, where[0][piece], where[1][piece], rows[piece]))
    return found


def _smooth(east: Reals, north: Reals, sigma_m: float) -> tuple[Reals, Reals]:
    """Return positions averaged over so many fixes that their scatter does not lengthen the way."""
    span = min(15, len(east) - 1)
    real = np.hypot(east[span:] - east[:-span], north[span:] - north[:-span]) / span
    spacing = max(float(np.median(real)), 0.05)
    width = min(int(np.ceil(4.0 * sigma_m / spacing)), 61, len(east))
    if width <= 2:
        return east, north
    return uniform_filter1d(east, width, mode="nearest"), uniform_filter1d(north, width, mode="nearest")


def _turns(moved: Reals, east: Reals, north: Reals) -> NDArray[np.int64]:
    """Return the readings at which the boat turned back: it came no nearer to where it was heading."""
    before = [np.interp(moved - _TURN_M, moved, one) for one in (east, north)]
    after = [np.interp(moved + _TURN_M, moved, one) for one in (east, north)]
    way = np.minimum(moved + _TURN_M, moved[-1]) - np.maximum(moved - _TURN_M, moved[0])
    straight = np.hypot(after[0] - before[0], after[1] - before[1]) / np.maximum(way, 1e-9)
    is_inside = (moved > _TURN_M / 2) & (moved < moved[-1] - _TURN_M / 2)
    is_turn = (straight < _TURN_SHARE) & is_inside
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_turn.astype(int), [0]])))
    return np.array(
        [start + int(np.argmin(straight[start:stop])) for start, stop in zip(edges[::2], edges[1::2], strict=True)],
        dtype=np.int64,
    )


def _binned(along: Reals, values: Reals) -> Run:
    """Return means of the readings in bins as wide as the fixes are apart, at least 4 m."""
    moves = np.diff(along)
    moves = moves[moves > 0.05]
    width = float(np.clip(np.median(moves), _LEAST_M, _WIDEST_M)) if len(moves) else _LEAST_M
    cell = np.minimum((along / width).astype(np.int64), int(along[-1] / width))
    size = (int(cell[-1]) + 1, values.shape[1])
    total, counts = np.zeros(size), np.zeros(size)
    is_read = np.isfinite(values)
    np.add.at(total, cell, np.where(is_read, values, 0.0))
    np.add.at(counts, cell, is_read.astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = total / counts
    return Run(means, np.minimum(counts, _MOST_READINGS), width)
