"""What are streets and sewers made of: manholes in pairs, runs of pipe, and mouths on a bank."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from outfall.simulate._sketch import BLANK, Point, Sketch

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "PIPE",
    "STEP_M",
    "TRUNK_GAP_M",
    "District",
    "Spot",
    "across_street",
    "closest",
    "draw_mouth",
    "draw_pipes",
    "middle",
    "steps",
    "towards",
]

STEP_M = 92.0
TRUNK_GAP_M = 42.0  # interceptor behind the edge of the water
PIPE = replace(BLANK, diameter_mm=600.0)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on a street where a building may stand, with the manholes in front of it."""

    point: Point
    across: Point
    storm: str
    foul: str
    net_id: str
    street: str


@dataclass(slots=True)
class District:
    """One side of the river with streets towards the water (trunks) and along it (levels)."""

    code: str
    up: float
    trunks_u: list[float]
    level_count: int
    combined: int = 0
    spots: list[Spot] = field(default_factory=list)
    storm_at: dict[tuple[int, int], str] = field(default_factory=dict)
    foul_at: dict[tuple[int, int], str] = field(default_factory=dict)
    foul_ends: list[str] = field(default_factory=list)
    levels: list[list[float]] = field(default_factory=list)
    bend: tuple[float, float] = (0.0, 0.0)


def draw_pipes(sketch: Sketch, code: str, nodes: Sequence[str], system: str, diameter_mm: float) -> None:
    """Draw a run of pipes from manhole to manhole."""
    speed = float(sketch.rng.uniform(0.35, 0.8))
    for number, ends in enumerate(itertools.pairwise(nodes)):
        like = replace(PIPE, system=system, diameter_mm=diameter_mm, velocity_ms=speed)
        sketch.line(f"{code}-{number + 1:02d}", "gravity_sewer", ends, like=like)


def draw_mouth(sketch: Sketch, net_id: str, point: Point, *, near: str, only: str) -> str:
    """Put a true outfall on the nearest bank of some river and return its node."""
    bank = sketch.on_bank(point, back_m=sketch.rng.uniform(1.5, 5.0), only=only)
    shape = "box_culvert" if sketch.rng.random() < 0.2 else "pipe"
    diameter = float(sketch.rng.choice([600, 800, 1000, 1200]))
    look, node = ("oth.urban_storm", shape, diameter), sketch.node(f"K{net_id}", bank[0])
    return sketch.put_mouth(f"T-{net_id}", node, bank, look=look, near=near, net_id=net_id)


def steps(axis: Sequence[Point]) -> list[Point]:
    """Return the vertices of a street with manholes at most one step apart."""
    points: list[Point] = []
    for a, b in itertools.pairwise(axis):
        count = max(int(np.ceil(np.hypot(b[0] - a[0], b[1] - a[1]) / STEP_M)), 1)
        points += [(a[0] + (b[0] - a[0]) * i / count, a[1] + (b[1] - a[1]) * i / count) for i in range(count)]
    return [*points, axis[-1]]


def across_street(points: Sequence[Point]) -> list[Point]:
    """Return the direction across the street at each of its vertices."""
    step = np.gradient(np.array(points), axis=0)
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    return [(float(-v), float(u)) for u, v in step]


def closest(sketch: Sketch, nodes: Sequence[str], point: Point) -> str:
    """Return the node nearest to a point."""
    return min(nodes, key=lambda n: np.hypot(sketch.nodes[n][0] - point[0], sketch.nodes[n][1] - point[1]))


def middle(sketch: Sketch, a: str, b: str) -> Point:
    """Return the point between two nodes."""
    (au, av), (bu, bv) = sketch.nodes[a], sketch.nodes[b]
    return ((au + bu) / 2, (av + bv) / 2)


def towards(start: Point, end: Point, by_m: float) -> Point:
    """Return the point some metres from one point towards another."""
    share = by_m / float(np.hypot(end[0] - start[0], end[1] - start[1]))
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
