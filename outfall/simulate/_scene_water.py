"""What is in the main river at every pixel and moment: solids and colour of natural water, and of every plume in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from outfall.simulate._boat import plume
from outfall.simulate._data import tracers
from outfall.simulate._transport import STEPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.simulate._draw import Scenery
    from outfall.simulate._sketch import Line

__all__ = ["Channel", "Release", "find_releases", "list_channels", "place_in", "rise_of", "water_share"]

_STEM = ("HC-01", "HC-02", "HC-03", "HC-04", "HC-05L", "HC-05R", "HC-06", "HC-07")
_ARMS = ("HC-05L", "HC-05R")
_JOINS = {"N0": ("HC-04", "left", "QX-02"), "S0": ("HC-03", "right", "NG-01")}
_EDGES = {"K1": ("HC-02", 0.0), "E2": ("HC-06", 60.0)}
_STEP_M = 2.0


class Channel(NamedTuple):
    """One open water: its line, dense points of its axis, the direction of flow there, metres along, and where it begins."""

    line: Line
    points: NDArray[np.float64]
    flow: NDArray[np.float64]
    along: NDArray[np.float64]
    begin_m: float


class Release(NamedTuple):
    """What enters the main river at a bank: where, from which mouth, how much water with what in it."""

    mouth_id: str
    line_id: str
    along_m: float
    side: str
    flow_m3s: float
    concentration: NDArray[np.float64]


def list_channels(scenery: Scenery) -> list[Channel]:
    """Return the open waters on the earth, the main river first; metres of the main river run on through its lines."""
    lines = scenery.sketch.lines
    begin, at = {}, 0.0
    for name in _STEM:
        begin[name] = at
        at += 0.0 if name == "HC-05L" else lines[name].shape.length
    others = [line.line_id for line in scenery.sketch.rivers() if line.line_id not in begin and line.kind != "culvert"]
    return [_channel(scenery, lines[name], begin.get(name, np.nan)) for name in [*begin, *others]]


def _channel(scenery: Scenery, line: Line, begin_m: float) -> Channel:
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line.points, axis=0), axis=1))])
    along = np.linspace(0.0, steps[-1], max(int(steps[-1] / _STEP_M), 2) + 1)
    sheet = np.column_stack([np.interp(along, steps, line.points[:, at]) for at in (0, 1)])
    points = scenery.sheet.place(sheet)
    flow = np.column_stack([np.gradient(points[:, 0]), np.gradient(points[:, 1])])
    return Channel(line, points, flow / np.linalg.norm(flow, axis=1, keepdims=True), along, begin_m)


def place_in(channel: Channel, spots: NDArray[np.float64], reach_m: float) -> tuple[NDArray[np.int64], ...]:
    """Return which spots lie within a distance of the axis, and for these the nearest point of it."""
    low, high = channel.points.min(axis=0) - reach_m, channel.points.max(axis=0) + reach_m
    near = np.flatnonzero(((spots >= low) & (spots <= high)).all(axis=1))
    gap, point = cKDTree(channel.points).query(spots[near], distance_upper_bound=reach_m)
    there = np.isfinite(gap)
    return near[there], point[there].astype(np.int64)


def water_share(channel: Channel, off_m: NDArray[np.float64], pixel_m: float) -> NDArray[np.float64]:
    """Return the share of a pixel that is water, by the distance of its centre from the axis."""
    half_m = channel.line.width_m / 2
    return np.asarray(np.clip((half_m - np.abs(off_m)) / pixel_m + 0.5, 0, 1) * min(channel.line.width_m / pixel_m, 1))


def find_releases(scenery: Scenery, step: int, *, flow_share: float = 1.0) -> list[Release]:
    """Return everything that enters the main river at one step of the water; other waters carry a share of their mean."""
    found, at = [], step % STEPS
    for mouth in scenery.sketch.mouths:
        flow = scenery.water.flow_m3s.get(mouth.node)
        line_id, along = _EDGES.get(mouth.node, (mouth.river_id, mouth.along_m))
        if flow is not None and flow[at] > 1e-6 and line_id in _STEM:
            there = scenery.water.concentration(mouth.node)[:, at]
            found.append(Release(mouth.mouth_id, line_id, along, mouth.side, float(flow[at]), there))
    for spring, (line_id, side, stream) in _JOINS.items():
        own = float(scenery.sketch.lines[stream].flow_m3s) * flow_share
        found.append(Release("", line_id, 0.0, side, own, scenery.natural[spring]))
    return found


def rise_of(
    scenery: Scenery,
    channel: Channel,
    releases: list[Release],
    *,
    along_m: NDArray[np.float64],
    left_m: NDArray[np.float64],
    flow_share: float = 1.0,
) -> NDArray[np.float64]:
    """Return how far releases raise (or lower) each parameter at places of a channel, one row per parameter.

    Parameters
    ----------
    scenery : Scenery
        The town.
    channel : Channel
        Of the main river.
    releases : list of Release
        Of :func:`find_releases`.
    along_m, left_m : array
        Of each place: metres of the main river, and left of its axis as the sheet is drawn.
    flow_share : float, default 1
        Of the river's mean flow: weirs hold its width and depth, so that it is slower by as much.
    """
    rise = np.zeros((len(tracers()), len(along_m)))
    line, begin = channel.line, {one.line.line_id: one.begin_m for one in list_channels(scenery)}
    clean = scenery.natural["M0"]
    for release in releases:
        if release.line_id in _ARMS and line.line_id in _ARMS and release.line_id != line.line_id:
            continue
        gone = along_m - (begin[release.line_id] + release.along_m)
        below = np.flatnonzero(gone > 0)
        sign = 1.0 if release.side == "left" else -1.0
        off = np.clip(line.width_m / 2 - sign * left_m[below], 0.0, line.width_m)
        like = {"speed_ms": line.velocity_ms * flow_share, "depth_m": line.depth_m, "width_m": line.width_m}
        shape = plume(release.flow_m3s, gone[below], off, **like)
        rise[:, below] += np.nan_to_num(release.concentration - clean)[:, None] * shape[None, :]
    return rise
