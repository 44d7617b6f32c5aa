"""What does one spill look like further down: place, time and mass known, curves at stations, an uncertain river file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely

from outfall.errors import TableError
from outfall.simulate._draw import CRS, draw_sheet
from outfall.simulate._rivers import draw_rivers
from outfall.simulate._sketch import Sketch
from outfall.simulate._survey import START
from outfall.simulate._transport import channel_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Spill", "make_spill"]

_STEP_S, _DAYS = 300.0, 6
_WATERS = ("HC-01", "HC-02", "HC-03", "QX-01", "QX-02", "NG-01")
_BELOW_M = (250.0, 900.0, 1800.0, 2700.0, 3500.0)
_SPRINGS = {"M0": "HC-01", "N0": "QX-01", "S0": "NG-01", "N2": "QX-03", "S1": "NG-02", "W0": "LG-01", "E0": "DP-01"}
_SIZES = {
    "velocity_cv": 0.30,  # velocities in the river file against the true ones
    "flow_cv": 0.20,
    "storage_share": 0.25,  # water that stands beside the stream, as a share of it
    "storage_h": 0.5,  # how long it stands there
    "dispersion_m2s": 8.0,
    "lab_cv": 0.06,
    "decay_per_d": 0.1,
}


@dataclass(frozen=True, slots=True)
class Spill:
    """One spill: what is true, and what a team would have.

    Parameters
    ----------
    rivers : GeoDataFrame, lines
        The river layer, its velocities and flows not quite right.
    truth : mapping
        ``reach_id``, ``along_m``, ``spilled_at``, ``mass_g``, ``parameter``.
    stations : GeoDataFrame, points
        ``station_id``, ``reach_id``, ``along_m``, ``flow_m3s`` (measured).
    curves : DataFrame
        Contract ``readings``: concentration at every station.
    settings : mapping of str to float
        Sizes of the errors made on purpose.
    """

    rivers: gpd.GeoDataFrame
    truth: Mapping[str, object]
    stations: gpd.GeoDataFrame
    curves: pd.DataFrame
    settings: Mapping[str, float]


def make_spill(seed: int = 0, *, stations: int = 4, step_min: int = 15, mass_g: float | None = None) -> Spill:
    """Spill something into an invented river, and watch it pass stations below.

    Water moves by the simulator's own unsteady transport: advection, dispersion, standing water beside the stream,
    decay, and mixing where rivers meet or divide. A tracer that assumes another law is wrong here as it is outside.

    Parameters
    ----------
    seed : int, default 0
        Not negative.
    stations : int, default 4
        1 to 5, further and further down.
    step_min : int, minutes, default 15
        Between readings; a multiple of 5.
    mass_g : float, g, optional
        Drawn between 2 and 200 kg by default.

    Returns
    -------
    Spill
        The truth and the observations.

    Raises
    ------
    TableError
        An option is out of range.

    Examples
    --------
    >>> spill = make_spill(3)
    >>> len(spill.stations), bool(spill.curves["value"].max() > 0), float(spill.truth["mass_g"]) > 0
    (4, True, True)
    """
    _refuse(seed, stations, step_min, mass_g)
    rng = np.random.default_rng([seed, 4711])
    sheet, sketch = draw_sheet(rng), Sketch(rng)
    draw_rivers(sketch)
    start = sketch.lines[_WATERS[int(rng.integers(len(_WATERS)))]]
    along = float(rng.uniform(0.1, 0.5) * start.shape.length)
    mass = float(np.exp(rng.uniform(np.log(2e3), np.log(2e5)))) if mass_g is None else float(mass_g)
    at_step = int(rng.integers(24, 12 * 24))
    where = _downstream(sketch, start.line_id, along, stations)
    source = sketch.node("SPILL", tuple(shapely.get_coordinates(start.shape.interpolate(along))[0]))
    nodes = {source: start.line_id}
    for number, (line_id, metres) in enumerate(where, start=1):
        point = shapely.get_coordinates(sketch.lines[line_id].shape.interpolate(metres))[0]
        nodes[sketch.node(f"ST{number}", tuple(point))] = line_id
    found = _flow_down(sketch, nodes, source, mass, at_step)
    truth = {
        "reach_id": start.line_id, "along_m": round(along, 1), "mass_g": mass, "parameter": "ammonia",
        "spilled_at": (START + pd.Timedelta(seconds=at_step * _STEP_S)).tz_convert("UTC"),
    }  # fmt: skip
    curves = _read(rng, {f"ST{n}": found[f"ST{n}"][1] for n in range(1, len(where) + 1)}, step_min)
    points = sheet.place(np.array([sketch.nodes[f"ST{n}"] for n in range(1, len(where) + 1)]))
    measured = [round(found[f"ST{n}"][0] * float(np.exp(rng.normal(0, 0.1))), 3) for n in range(1, len(where) + 1)]
    table = {
        "station_id": [f"ST{n}" for n in range(1, len(where) + 1)], "reach_id": [line_id for line_id, _ in where],
        "along_m": [round(metres, 1) for _, metres in where], "flow_m3s": measured,
    }  # fmt: skip
    placed = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(points[:, 0], points[:, 1]), crs=CRS)
    rivers = _river_file(rng, sketch, {line: sheet.place(item.points) for line, item in sketch.lines.items()})
    return Spill(rivers, truth, placed, curves, dict(_SIZES))


def _refuse(seed: int, stations: int, step_min: int, mass_g: float | None) -> None:
    if (
        seed < 0
        or not 1 <= stations <= len(_BELOW_M)
        or step_min < 5
        or step_min % 5
        or not (mass_g is None or mass_g > 0)
    ):
        msg = (
            f"make_spill: seed {seed}, stations {stations}, step_min {step_min}, mass_g {mass_g}; expected a seed of 0 or "
            "more, 1 to 5 stations, a step of 5, 10, 15 ... minutes and a mass above 0"
        )
        raise TableError(msg)


def _downstream(sketch: Sketch, line_id: str, along_m: float, count: int) -> list[tuple[str, float]]:
    """Return places further and further below one, on the first line that leaves each node."""
    first = {line.from_node: line for line in reversed(sketch.rivers())}
    places: list[tuple[str, float]] = []
    line, passed = sketch.lines[line_id], -along_m
    for goal in _BELOW_M[:count]:
        while passed + line.shape.length < goal and line.to_node in first:
            passed += line.shape.length
            line = first[line.to_node]
        places.append((line.line_id, float(min(goal - passed, line.shape.length - 5.0))))
    return places


def _flow_down(
    sketch: Sketch, nodes: Mapping[str, str], source: str, mass_g: float, at_step: int
) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """Return flow and concentration (mg/L by step) at every node, the spill being an impulse at its node."""
    steps = int(_DAYS * 86400 / _STEP_S)
    omega = np.asarray(2 * np.pi * np.fft.rfftfreq(steps, _STEP_S), dtype=np.float64)
    pulse = np.zeros(steps)
    pulse[at_step] = mass_g / _STEP_S
    graph = channel_graph(sketch, on_lines=nodes)
    load: dict[str, NDArray[np.complex128]] = {source: np.fft.rfft(pulse)}
    flow: dict[str, float] = {node: sketch.lines[line].flow_m3s for node, line in _SPRINGS.items()}
    for node in nx.topological_sort(graph):
        for _, below, data in graph.out_edges(node, data=True):
            if node in flow:
                flow[below] = flow.get(below, 0.0) + data["share"] * flow[node]
            if node in load:
                load[below] = load.get(below, 0) + data["share"] * load[node] * _transfer(data, omega)
    blank = np.zeros(len(omega), dtype=complex)
    reached = {node: f"{line}@{node}" for node, line in nodes.items()}
    return {
        node: (flow[at], np.maximum(np.fft.irfft(load.get(at, blank), steps), 0.0) / flow[at])
        for node, at in reached.items()
    }


def _transfer(data: Mapping[str, float], omega: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return what a length of river does to a signal: advection, dispersion, standing water, decay."""
    stored = _SIZES["storage_share"] / (1.0 + 1j * omega * _SIZES["storage_h"] * 3600.0)
    rate = 1j * omega * (1.0 + stored) + _SIZES["decay_per_d"] / 86400.0
    speed, spread = data["velocity_ms"], _SIZES["dispersion_m2s"]
    root = np.sqrt(1.0 + 4.0 * spread * rate / speed**2)
    return np.asarray(np.exp(data["length_m"] * speed / (2.0 * spread) * (1.0 - root)))


def _read(rng: np.random.Generator, curves: Mapping[str, NDArray[np.float64]], step_min: int) -> pd.DataFrame:
    every = int(step_min * 60 / _STEP_S)
    parts = []
    for station, value in curves.items():
        seen = value[::every]
        noisy = seen * np.exp(rng.normal(0, _SIZES["lab_cv"], len(seen))) + np.abs(rng.normal(0, 0.005, len(seen)))
        times = (START + pd.to_timedelta(np.arange(len(seen)) * step_min, unit="min")).tz_convert("UTC")
        parts.append(
            pd.DataFrame({"reading_id": [f"{station}/{n}" for n in range(len(seen))], "meter_id": station, "parameter": "ammonia",
                          "read_at": times, "value": np.round(noisy, 4), "unit": "mg/L"})
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _river_file(
    rng: np.random.Generator, sketch: Sketch, points: Mapping[str, NDArray[np.float64]]
) -> gpd.GeoDataFrame:
    lines = sketch.rivers()
    noise = np.exp(rng.normal(0, 1, (len(lines), 2)) * [_SIZES["velocity_cv"], _SIZES["flow_cv"]])
    frame = {
        "reach_id": [line.line_id for line in lines], "name": [line.name for line in lines],
        "kind": [line.kind for line in lines], "width_m": [round(line.width_m, 1) for line in lines],
        "depth_m": [round(line.depth_m, 1) for line in lines],
        "velocity_ms": [round(line.velocity_ms * n, 3) for line, n in zip(lines, noise[:, 0], strict=True)],
        "flow_m3s": [round(line.flow_m3s * n, 3) for line, n in zip(lines, noise[:, 1], strict=True)],
    }  # fmt: skip
    shapes = [shapely.LineString(np.round(points[line.line_id], 2)) for line in lines]
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)
