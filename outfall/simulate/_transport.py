"""How does water move from sources to outfalls: unsteady advection, dispersion, decay and mixing, solved by frequency.

Every line is a linear channel: for each frequency the advection–dispersion equation with first-order decay has the
exact transfer function ``exp(L v / 2D (1 - sqrt(1 + 4 D (k + i w) / v**2)))``. Loads add, so one pass down the graph gives
every place at every hour. This is the simulator's own; it shares nothing with the travel times the tracing uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import shapely

from outfall.simulate._data import patterns, profiles, tracers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from outfall.simulate._sketch import Line, Sketch
    from outfall.simulate._source import Source

__all__ = ["DAYS", "STEPS", "STEP_S", "Water", "channel_graph", "discharge", "move"]

DAYS = 14
STEP_S = 1800.0
STEPS = int(DAYS * 86400 / STEP_S)
_DISPERSION = {"river": 8.0, "tidal": 12.0, "ditch": 1.5, "culvert": 1.5}
_PIPE_DISPERSION = 0.25
_JOIN_M = 8.0


@dataclass(frozen=True, slots=True)
class Water:
    """Flow and load through time at every node of the graph.

    ``flow_m3s[node]`` has one value per step; ``load[node]`` one row per parameter, in unit times m3/s.
    """

    flow_m3s: Mapping[str, NDArray[np.float64]]
    load: Mapping[str, NDArray[np.float64]]
    parts_m3s: Mapping[str, Mapping[str, NDArray[np.float64]]]

    def concentration(self, node: str) -> NDArray[np.float64]:
        """Return one row per parameter and one column per step; missing where there is no water."""
        flow = self.flow_m3s[node]
        with np.errstate(divide="ignore", invalid="ignore"):
            found: NDArray[np.float64] = np.where(flow > 1e-7, np.maximum(self.load[node], 0) / flow, np.nan)
        return found


def discharge(
    rng: np.random.Generator, source: Source, *, days: int = DAYS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what leaves a source: flow by step, and concentration by parameter and step.

    A plant differs from the mean of its kind (between), and its days differ from one another (within).
    """
    steps = int(days * 86400 / STEP_S)
    hours = np.arange(steps) * STEP_S / 3600
    factor = np.interp(hours % 24, np.arange(25), [*patterns()[source.pattern], patterns()[source.pattern][0]])
    daily = np.exp(rng.normal(0, 0.15, days))
    flow = source.mean_m3d / 86400 * factor * np.repeat(daily, steps // days)
    means = np.array([profiles()[source.kind][t["parameter"]] for t in tracers()])
    between = np.array([float(t["between_cv"]) for t in tracers()])
    within = np.array([float(t["within_cv"]) for t in tracers()])
    strength = rng.normal(0, 0.25) * (between > 0.2)
    plant = rng.normal(-(between**2) / 2, between) + strength
    shared = np.repeat(rng.normal(0, 0.5, days)[None, :], len(means), axis=0) * within[:, None]
    own = rng.normal(0, 0.85, (len(means), days)) * within[:, None]
    by_day = means[:, None] * np.exp(plant[:, None] + shared + own)
    return flow, _keep_sense(np.repeat(by_day, steps // days, axis=1))


def _keep_sense(concentration: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep ammonia below total nitrogen and pH between 3 and 12."""
    at = {t["parameter"]: i for i, t in enumerate(tracers())}
    concentration[at["total_nitrogen"]] = np.maximum(
        concentration[at["total_nitrogen"]], 1.12 * concentration[at["ammonia"]]
    )
    concentration[at["ph"]] = np.clip(concentration[at["ph"]], 3.0, 12.0)
    return concentration


def move(
    sketch: Sketch,
    inflows: Sequence[tuple[str, str, NDArray[np.float64], NDArray[np.float64]]],
    *,
    keep: Collection[str],
) -> Water:
    """Move every inflow (node, owner, flow, concentration) down to the mouth; keep what passes some nodes."""
    graph = channel_graph(sketch)
    omega: NDArray[np.float64] = np.asarray(2 * np.pi * np.fft.rfftfreq(STEPS, STEP_S), dtype=np.float64)
    decay = np.array([float(t["decay_per_d"]) for t in tracers()]) / 86400
    count = len(tracers())
    spectra: dict[str, NDArray[np.complex128]] = {}
    parts: dict[str, dict[str, NDArray[np.complex128]]] = {}
    for node, owner, flow, concentration in inflows:
        packed = np.fft.rfft(np.vstack([flow, flow * concentration]), axis=1)
        spectra[node] = spectra[node] + packed if node in spectra else packed
        parts.setdefault(node, {})
        parts[node][owner] = parts[node].get(owner, 0) + packed[0]
    for node in nx.topological_sort(graph):
        if node not in spectra:
            continue
        for _, to_node, data in graph.out_edges(node, data=True):
            if data["share"] <= 0:
                continue
            pass_flow = data["share"] * _transfer(data, omega, np.zeros(1))
            pass_all = np.vstack([pass_flow, data["share"] * _transfer(data, omega, decay)])
            spectra[to_node] = (
                spectra.get(to_node, np.zeros((count + 1, len(omega)), complex)) + spectra[node] * pass_all
            )
            below = parts.setdefault(to_node, {})
            for owner, part in parts[node].items():
                below[owner] = below.get(owner, 0) + part * pass_flow[0]
    series = {node: np.fft.irfft(spectra[node], STEPS, axis=1) for node in keep if node in spectra}
    return Water(
        flow_m3s={node: np.maximum(found[0], 0) for node, found in series.items()},
        load={node: found[1:] for node, found in series.items()},
        parts_m3s={
            node: {owner: np.maximum(np.fft.irfft(part, STEPS), 0) for owner, part in found.items()}
            for node, found in parts.items()
            if node in series
        },
    )


def _transfer(
    data: Mapping[str, float], omega: NDArray[np.float64], decay: NDArray[np.float64]
) -> NDArray[np.complex128]:
    speed, spread, length = data["velocity_ms"], data["dispersion"], data["length_m"]
    root = np.sqrt(1 + 4 * spread * (decay[:, None] + 1j * omega[None, :]) / speed**2)
    passed: NDArray[np.complex128] = np.exp(length * speed / (2 * spread) * (1 - root))
    return passed


def channel_graph(sketch: Sketch, *, on_lines: Mapping[str, str] | None = None) -> nx.MultiDiGraph:
    """Return all lines as edges, rivers cut where something enters them, and at nodes said to be on a line."""
    graph: nx.MultiDiGraph = nx.MultiDiGraph()
    cuts: dict[str, list[tuple[float, str]]] = {}
    starts = {line.from_node for line in sketch.lines.values()}
    joined = [(mouth.node, mouth.river_id) for mouth in sketch.mouths if mouth.node not in starts]
    joined += list((on_lines or {}).items())
    known = starts | {node for node, _ in joined}
    for line in sketch.lines.values():
        if line.to_node not in known and (line.is_river or line.system == "storm"):
            end = shapely.Point(sketch.nodes[line.to_node])
            near = [river for river in sketch.rivers() if river is not line and river.shape.distance(end) < _JOIN_M]
            joined += [(line.to_node, river.line_id) for river in near[:1]]
    for node, river_id in joined:
        along = float(sketch.lines[river_id].shape.project(shapely.Point(sketch.nodes[node])))
        cuts.setdefault(river_id, []).append((along, node))
    for line in sketch.lines.values():
        _add_line(graph, line, sorted(cuts.get(line.line_id, [])))
    return graph


def _add_line(graph: nx.MultiDiGraph, line: Line, cuts: list[tuple[float, str]]) -> None:
    length = line.shape.length
    spread = _DISPERSION.get(line.kind, _PIPE_DISPERSION)
    fixed = {"velocity_ms": line.velocity_ms, "dispersion": spread}
    last, at = line.from_node, 0.0
    for along, node in cuts:
        here = f"{line.line_id}@{node}"
        share = line.split_share if last == line.from_node else 1.0
        graph.add_edge(last, here, length_m=max(along - at, 0.1), share=share, **fixed)
        graph.add_edge(node, here, length_m=0.1, share=1.0, **fixed)
        last, at = here, along
    share = line.split_share if last == line.from_node else 1.0
    graph.add_edge(last, line.to_node, length_m=max(length - at, 0.1), share=share, **fixed)
