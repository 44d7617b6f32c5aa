"""What is one town before anybody looks at it: its sketch, its sources, its water, and its place on the earth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyproj

from outfall.simulate._data import profiles, town_rules, tracers
from outfall.simulate._rivers import Course, draw_rivers
from outfall.simulate._sewers import draw_sewers
from outfall.simulate._sketch import Sheet, Sketch
from outfall.simulate._sources import settle
from outfall.simulate._transport import STEPS, Water, discharge, move

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.simulate._source import Source

__all__ = ["CRS", "FLOWING_M3S", "Inflow", "Scenery", "build_scenery", "draw_sheet", "to_lonlat"]

CRS = "EPSG:4546"
FLOWING_M3S = 2e-5
_WITH_THE_RIVER = ("works", "plant")
_BETWEEN_M = 500.0
_SPRINGS = {
    "M0": "HC-01",
    "N0": "QX-01",
    "N2": "QX-03",
    "S0": "NG-01",
    "S1": "NG-02",
    "E0": "DP-01",
    "W0": "LG-01",
    "W3": "XG-01",
}


@dataclass(frozen=True, slots=True)
class Inflow:
    """The main river as it comes from the town upstream: where it ends, its flow and what is in it, by step."""

    place: NDArray[np.float64]
    flow_m3s: NDArray[np.float64]
    concentration: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scenery:
    """The truth, on the sheet."""

    seed: int
    sketch: Sketch
    course: Course
    sheet: Sheet
    sources: list[Source]
    made: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    water: Water
    natural: dict[str, NDArray[np.float64]]

    def rng(self, part: int) -> np.random.Generator:
        """Return the generator of one part of the survey, so that parts do not disturb one another."""
        return np.random.default_rng([self.seed, part])

    def lonlat(self, points: NDArray[np.float64], *, error_m: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """Return longitude and latitude of points of the sheet, moved by an error in east and north."""
        return to_lonlat(self.sheet.place(points) + error_m)

    def parts(self, node: str, step: int | None = None) -> dict[str, float]:
        """Return the flow of every owner at a node, at one step or on average."""
        found = self.water.parts_m3s.get(node, {})
        return {owner: float(flow.mean() if step is None else flow[step]) for owner, flow in found.items()}


def build_scenery(
    seed: int, *, sheet: Sheet | None = None, inflow: Inflow | None = None, river_width_m: float | None = None
) -> Scenery:
    """Draw one town from a seed and let its water run for two weeks; on a given sheet, below another town.

    On a wider river the works and the treatment plant discharge more, by as much as it carries more: the dilution of
    their water stays that of a small town.
    """
    rng = np.random.default_rng(seed)
    own = draw_sheet(rng)
    sketch = Sketch(rng)
    course = draw_rivers(sketch, width_m=river_width_m)
    sheet = _below(sketch, course, sheet or own, inflow) if inflow else sheet or own
    spots = draw_sewers(sketch, course, is_leaking=bool(seed % 2 == 0))
    hidden = 1 if seed == 0 else int(rng.integers(1, 4))
    sources = settle(sketch, course, spots, hidden_count=hidden)
    if river_width_m is not None:
        sources = [_grown(source, course.times_wider**2) for source in sources]
    made = {
        source.source_id: discharge(np.random.default_rng([seed, 77, at]), source) for at, source in enumerate(sources)
    }
    natural = {node: _natural(rng, "river") for node in _SPRINGS}
    inflows = [(s.node, s.source_id, *made[s.source_id]) for s in sources]
    springs = {node: line for node, line in _SPRINGS.items() if not (inflow and node == "M0")}
    inflows += [
        (node, "river", _steady(sketch.lines[line].flow_m3s), _held(natural[node])) for node, line in springs.items()
    ]
    if inflow:
        inflows.append(("U0", "river", inflow.flow_m3s, inflow.concentration))
    inflows += _seepage(rng, sketch, sources)
    keep = sorted({m.node for m in sketch.mouths} | {"M3", "M7"})
    return Scenery(seed, sketch, course, sheet, sources, made, move(sketch, inflows, keep=keep), natural)


def _below(sketch: Sketch, course: Course, sheet: Sheet, inflow: Inflow) -> Sheet:
    """Draw the river from the town upstream to this one, and return the sheet moved so that both meet."""
    sketch.node("U0", (-_BETWEEN_M, course.at(0.0)))
    sketch.line("LJ-01", "river", ("U0", "M0"), like=sketch.lines["HC-01"])
    east, north = (inflow.place - sheet.place(np.array(sketch.nodes["U0"])))[0].tolist()
    return replace(sheet, east_m=sheet.east_m + east, north_m=sheet.north_m + north)


def draw_sheet(rng: np.random.Generator) -> Sheet:
    """Return where on the earth a town lies."""
    lon, lat = rng.uniform(112.12, 112.36), rng.uniform(30.05, 30.35)
    east, north = pyproj.Transformer.from_crs("EPSG:4490", CRS, always_xy=True).transform(lon, lat)
    return Sheet(float(east), float(north), float(rng.uniform(-0.35, 0.35)), bool(rng.random() < 0.5))


def _grown(source: Source, times: float) -> Source:
    """Return a works or a plant that discharges so many times as much; others as they are."""
    if source.place not in _WITH_THE_RIVER:
        return source
    return replace(source, mean_m3d=round(source.mean_m3d * times, 1))


def _seepage(
    rng: np.random.Generator, sketch: Sketch, sources: list[Source]
) -> list[tuple[str, str, NDArray[np.float64], NDArray[np.float64]]]:
    """Let groundwater, or the river where it stands high, into sewers that carry foul water."""
    rules = town_rules()
    found = []
    for mouth in sketch.mouths:
        own = sum(s.mean_m3d for s in sources if s.net_id == mouth.net_id and s.true_system == "storm") / 86400
        share = rng.uniform(rules["infiltration_min_share"], rules["infiltration_max_share"])
        kind = "river" if rng.random() < 0.15 else "groundwater"
        water = _natural(rng, kind)
        if own > 0 and mouth.net_id != "LG" and mouth.outfall_class == "oth.urban_storm":
            found.append((mouth.node, kind, _steady(own * share / (1 - share)), _held(water)))
    return found


def _natural(rng: np.random.Generator, kind: str) -> NDArray[np.float64]:
    means = np.array([profiles()[kind][t["parameter"]] for t in tracers()])
    spread = np.array([0.01 if t["parameter"] == "ph" else 0.12 for t in tracers()])
    natural: NDArray[np.float64] = means * np.exp(rng.normal(0, spread))
    return natural


def _steady(flow_m3s: float) -> NDArray[np.float64]:
    return np.full(STEPS, float(flow_m3s))


def _held(concentration: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.repeat(concentration[:, None], STEPS, axis=1)


@cache
def _turn() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)


def to_lonlat(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return longitude and latitude of east and north."""
    lon, lat = _turn().transform(points[:, 0], points[:, 1])
    return np.column_stack([lon, lat])
