"""What does a towed sensor log: a background, a plume along the bank below every wet outfall, noise and drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.simulate._data import errors, tracers
from outfall.simulate._survey import START
from outfall.simulate._transport import STEP_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.simulate._draw import Scenery

__all__ = ["plume", "tow"]

_TOW = pd.Timestamp("2026-04-13 08:31", tz="Asia/Shanghai")
_SPEED_MS = 1.6
_EVERY_S = 5
_OFF_BANK_M = 2.5
_UP = ("HC-07", "HC-06", "HC-05L", "HC-04", "HC-03", "HC-02", "HC-01")
_SPRING_AT = {"QX-02": "N0", "NG-01": "S0"}


def plume(
    rate: float,
    gone_m: NDArray[np.float64],
    off_m: float | NDArray[np.float64],
    *,
    speed_ms: float,
    depth_m: float,
    width_m: float,
) -> NDArray[np.float64]:
    """Return the rise of concentration below a steady release at a bank, with reflection at both banks."""
    mixing = 0.30 * depth_m * 0.09 * speed_ms
    gone = np.maximum(gone_m, 2.0)
    spread = 4 * mixing * gone / speed_ms
    images = sum(np.exp(-((off_m + 2 * n * width_m) ** 2) / spread) for n in (-2, -1, 0, 1, 2))
    found: NDArray[np.float64] = np.where(
        gone_m > 0, rate / (depth_m * np.sqrt(np.pi * mixing * speed_ms * gone)) * images, 0.0
    )
    return found


def tow(scenery: Scenery) -> pd.DataFrame:
    """Return the log of one tow: upstream along the left bank, downstream along the right one."""
    size, rng = errors(), scenery.rng(4)
    up, down = _track(scenery, is_left=True), _track(scenery, is_left=False)
    parts = [up.iloc[::-1], down]
    track = pd.concat(parts, ignore_index=True)
    track["seen_at"] = [_TOW + pd.Timedelta(seconds=_EVERY_S * i) for i in range(len(track))]
    rise = np.zeros((len(track), len(tracers())))
    for is_left in (True, False):
        rows = track["is_left"].to_numpy() == is_left
        rise[rows] = _rise(scenery, track[rows])
    names = [t["parameter"] for t in tracers()]
    background = scenery.natural["M0"]
    value = background + rise
    drift = np.linspace(0, size["boat_drift_share"], len(track))
    jitter = rng.normal(0, size["boat_sigma_m"], (len(track), 2))
    lonlat = scenery.lonlat(track[["u", "v"]].to_numpy(), error_m=jitter)
    at = {name: i for i, name in enumerate(names)}
    ammonia = value[:, at["ammonia"]] + rng.normal(0, size["boat_ammonia_sigma_mgl"], len(track))
    solids = value[:, at["suspended_solids"]] * 0.6 + rng.normal(0, size["boat_turbidity_sigma_ntu"], len(track))
    slow = np.cumsum(rng.normal(0, 0.12, len(track)))
    warming = 0.6 * np.linspace(0, 1, len(track)) + rng.normal(0, 0.03, len(track))
    charge = (value[:, at["conductivity"]] + slow) * (1 + drift)
    charge += rng.normal(0, size["boat_conductivity_sigma"], len(track))
    oxygen = 7.6 - 0.35 * rise[:, at["ammonia"]] - 0.01 * rise[:, at["cod"]] + rng.normal(0, 0.05, len(track))
    return pd.DataFrame(
        {
            "seen_at": [t.tz_convert("UTC") for t in track["seen_at"]],
            "lon": np.round(lonlat[:, 0], 7), "lat": np.round(lonlat[:, 1], 7),
            "temperature": np.round(value[:, at["temperature"]] + warming, 2),
            "conductivity": np.round(charge, 1),
            "turbidity": np.round(np.maximum(solids * (1 + 1.5 * drift), 0.1), 1),
            "dissolved_oxygen": np.round(np.maximum(oxygen, 0.1), 2),
            "ammonia": np.round(np.maximum(ammonia * (1 - drift), 0.0), 3),
        }
    )  # fmt: skip


def _track(scenery: Scenery, *, is_left: bool) -> pd.DataFrame:
    """Return points in the direction of flow, every few metres, with the distance from the source of the river."""
    arms = {"HC-05L": "HC-05L" if is_left else "HC-05R"}
    rows, start = [], 0.0
    for line_id in reversed(_UP):
        line = scenery.sketch.lines[arms.get(line_id, line_id)]
        along = np.arange(0.0, line.shape.length, _SPEED_MS * _EVERY_S)
        steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line.points, axis=0), axis=1))])
        u, v = np.interp(along, steps, line.points[:, 0]), np.interp(along, steps, line.points[:, 1])
        flow = np.column_stack([np.gradient(u), np.gradient(v)])
        flow /= np.linalg.norm(flow, axis=1, keepdims=True)
        off = (line.width_m / 2 - _OFF_BANK_M) * (1 if is_left else -1)
        rows.append(
            pd.DataFrame(
                {
                    "u": u - off * flow[:, 1],
                    "v": v + off * flow[:, 0],
                    "s": start + along,
                    "line_id": line.line_id,
                    "is_left": is_left,
                }
            )
        )
        start += scenery.sketch.lines[line_id].shape.length
    return pd.concat(rows, ignore_index=True)


def _rise(scenery: Scenery, track: pd.DataFrame) -> NDArray[np.float64]:
    """Return the rise above the background, one row per reading and one column per parameter."""
    s = track["s"].to_numpy()
    begin = track.groupby("line_id")["s"].min().to_dict()
    rise = np.zeros((len(track), len(tracers())))
    is_left = bool(track["is_left"].iloc[0])
    for river_id, along, side, flow, concentration in _releases(scenery):
        if river_id not in begin:
            continue
        line = scenery.sketch.lines[river_id]
        off = _OFF_BANK_M if (side == "left") == is_left else line.width_m - _OFF_BANK_M
        shape = plume(
            flow,
            s - (begin[river_id] + along),
            off,
            speed_ms=line.velocity_ms,
            depth_m=line.depth_m,
            width_m=line.width_m,
        )
        rise += shape[:, None] * (concentration - scenery.natural["M0"])[None, :]
    return rise


def _releases(scenery: Scenery) -> list[tuple[str, float, str, float, NDArray[np.float64]]]:
    """Return everything that enters the main river during the tow: river, place, bank, flow and concentration."""
    step = int((_TOW - START).total_seconds() // STEP_S) + 2
    found = []
    for mouth in scenery.sketch.mouths:
        flow = scenery.water.flow_m3s.get(mouth.node)
        if flow is not None and flow[step] > 1e-6:
            river_id, along = mouth.river_id, mouth.along_m
            if mouth.node in ("K1", "E2"):
                river_id, along = ("HC-02", 0.0) if mouth.node == "K1" else ("HC-06", 60.0)
            found.append(
                (river_id, along, mouth.side, float(flow[step]), scenery.water.concentration(mouth.node)[:, step])
            )
    for line_id, spring in _SPRING_AT.items():
        river_id, side = ("HC-04", "left") if line_id == "QX-02" else ("HC-03", "right")
        found.append((river_id, 0.0, side, scenery.sketch.lines[line_id].flow_m3s, scenery.natural[spring]))
    return found
