"""Where does open water run: a river with meanders, braid and backwater mouth, tributaries, ditches, a culvert."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from outfall.simulate._data import syllables
from outfall.simulate._sketch import BLANK, Line, Point, Sketch, wander

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Course", "draw_rivers"]

_END_U = 5600.0


@dataclass(frozen=True, slots=True)
class Course:
    """The axis of the main river on the sheet, and where things meet it."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    half_width_m: float
    culvert_u: float
    south_u: float
    north_u: float
    braid_u: tuple[float, float]
    tidal_u: float
    times_wider: float = 1.0

    def at(self, u: float) -> float:
        """Return v of the axis."""
        return float(np.interp(u, self.u, self.v))

    def between(self, start: float, end: float) -> list[Point]:
        """Return the vertices strictly between two places."""
        inside = (self.u > start + 4) & (self.u < end - 4)
        return list(zip(self.u[inside].tolist(), self.v[inside].tolist(), strict=True))


def draw_rivers(sketch: Sketch, *, width_m: float | None = None) -> Course:
    """Draw all open water and return the course of the main river, of its own width or a given one."""
    own = _course(sketch.rng)
    times_wider = 1.0 if width_m is None else width_m / 2 / own.half_width_m
    course = own if width_m is None else replace(own, half_width_m=width_m / 2, times_wider=times_wider)
    _draw_main(sketch, course)
    _draw_north(sketch, course)
    _draw_south(sketch, course)
    _draw_west(sketch, course)
    return course


def _course(rng: np.random.Generator) -> Course:
    u = np.arange(0.0, _END_U + 1, 14.0)
    phase = rng.uniform(0, 2 * np.pi, 4)
    long_wave = rng.uniform(1900, 2500)
    v = rng.uniform(130, 175) * np.sin(2 * np.pi * u / long_wave + phase[0])
    v += rng.uniform(28, 42) * np.sin(2 * np.pi * u / rng.uniform(750, 980) + phase[1])
    v += 7 * np.sin(2 * np.pi * u / 330 + phase[2]) + 2.5 * np.sin(2 * np.pi * u / 140 + phase[3])
    start = rng.uniform(4260, 4320)
    return Course(
        u=u,
        v=v,
        half_width_m=float(rng.uniform(15, 18)),
        culvert_u=float(rng.uniform(660, 720)),
        south_u=float(rng.uniform(2420, 2520)),
        north_u=float(rng.uniform(3500, 3560)),
        braid_u=(float(start), float(start + rng.uniform(480, 560))),
        tidal_u=float(rng.uniform(5040, 5100)),
    )


def _draw_main(sketch: Sketch, course: Course) -> None:
    """Draw the main river; one that is wider is deeper and faster too, as rivers are (Leopold and Maddock 1953)."""
    name = syllables()["river"][0]
    stops = [0.0, course.culvert_u, course.south_u, course.north_u, *course.braid_u, course.tidal_u, _END_U]
    for number, u in enumerate(stops):
        sketch.node(f"M{number}", (u, course.at(u)))
    flow = float(sketch.rng.uniform(3.5, 5.5)) * course.times_wider**2
    depth, tidal_depth = 1.3 * course.times_wider**0.8, 2.2 * course.times_wider**0.8
    width = 2 * course.half_width_m
    like = replace(
        BLANK,
        name=name,
        width_m=width,
        depth_m=depth,
        velocity_ms=flow / (width * depth),
        flow_m3s=flow,
    )
    for number in (0, 1, 2, 3, 5):
        sketch.line(
            f"HC-{number + 1:02d}",
            "river",
            (f"M{number}", f"M{number + 1}"),
            via=course.between(stops[number], stops[number + 1]),
            like=like,
        )
    _draw_braid(sketch, course, like)
    tidal = replace(
        BLANK,
        name=name,
        width_m=width,
        depth_m=tidal_depth,
        velocity_ms=flow / (width * tidal_depth),
        flow_m3s=flow,
    )
    sketch.line("HC-07", "tidal", ("M6", "M7"), via=course.between(stops[6], stops[7]), like=tidal)


def _draw_braid(sketch: Sketch, course: Course, like: Line) -> None:
    start, end = course.braid_u
    t = np.linspace(0, 1, int((end - start) / 14))[1:-1]
    u = start + t * (end - start)
    bulge = np.sin(np.pi * t) ** 0.8
    share = float(sketch.rng.uniform(0.45, 0.65))
    for arm, reach, sign, part in (("左汊", 92.0, 1.0, share), ("右汊", 78.0, -1.0, 1 - share)):
        wobble = 6 * np.sin(t * 9 + reach)
        points = [
            (float(a), course.at(float(a)) + sign * (reach * float(b) + float(c) * float(b)))
            for a, b, c in zip(u, bulge, wobble, strict=True)
        ]
        attributes = replace(BLANK, name=f"{like.name}{arm}", width_m=like.width_m * 0.7, depth_m=round(like.depth_m * 12 / 13, 9),
            velocity_ms=like.velocity_ms, flow_m3s=like.flow_m3s * part, split_share=part,
        )  # fmt: skip
        sketch.line(f"HC-05{'L' if sign > 0 else 'R'}", "river", ("M4", "M5"), via=points, like=attributes)


def _stream(name: str, width_m: float, depth_m: float, flow_m3s: float) -> Line:
    return replace(BLANK, name=name, width_m=width_m, depth_m=depth_m,
        velocity_ms=flow_m3s / (width_m * depth_m), flow_m3s=flow_m3s,
    )  # fmt: skip


def _course_between(sketch: Sketch, ends: tuple[str, str], swing_m: float, wave_m: float) -> list[Point]:
    points = wander(sketch.rng, sketch.nodes[ends[0]], sketch.nodes[ends[1]], swing_m=swing_m, wave_m=wave_m)
    return [(float(u), float(v)) for u, v in points[1:-1]]


def _draw_north(sketch: Sketch, course: Course) -> None:
    """Draw the north tributary along the eastern edge of the town, with a small branch of its own."""
    rng, name = sketch.rng, syllables()["tributary"][0]
    joint = sketch.node("N1", (course.north_u + rng.uniform(60, 110), 1420.0))
    sketch.node("N0", (course.north_u + rng.uniform(150, 330), 2150.0))
    sketch.node("N2", (course.north_u + rng.uniform(520, 640), 1990.0))
    like = _stream(name, 11.0, 0.6, float(rng.uniform(0.5, 0.9)))
    for line_id, ends in (("QX-01", ("N0", joint)), ("QX-02", (joint, "M3"))):
        sketch.line(line_id, "river", ends, via=_course_between(sketch, ends, 34, 640), like=like)
    ends = ("N2", joint)
    sketch.line(
        "QX-03",
        "ditch",
        ends,
        via=_course_between(sketch, ends, 12, 300),
        like=_stream(syllables()["ditch"][1], 4.0, 0.4, 0.08),
    )


def _draw_south(sketch: Sketch, course: Course) -> None:
    """Draw the south tributary with a drain that ends on one of its vertices, and a field drain further east."""
    rng, name = sketch.rng, syllables()["tributary"][2]
    sketch.node("S0", (course.south_u + rng.uniform(50, 250), -1750.0))
    sketch.node("S1", (course.south_u - rng.uniform(900, 1100), -1320.0))
    like = _stream(name, 13.0, 0.7, float(rng.uniform(0.6, 1.1)))
    line = sketch.line("NG-01", "river", ("S0", "M2"), via=_course_between(sketch, ("S0", "M2"), 42, 760), like=like)
    joint = line.points[int(len(line.points) * 0.45)]
    sketch.node("S2", (float(joint[0]), float(joint[1])))
    ends = ("S1", "S2")
    sketch.line(
        "NG-02",
        "ditch",
        ends,
        via=_course_between(sketch, ends, 9, 420),
        like=_stream(syllables()["ditch"][2], 5.0, 0.5, 0.09),
    )
    foot = course.braid_u[1] + 60
    sketch.node("E0", (foot + rng.uniform(-250, 50), course.at(foot) - 1050))
    vertex = min(sketch.lines["HC-06"].points[1:-1].tolist(), key=lambda p: abs(p[0] - foot))
    sketch.node("E1", (vertex[0], vertex[1]))
    edge = sketch.node("E2", (vertex[0], vertex[1] - course.half_width_m - 2))
    like = _stream(f"{syllables()['ditch'][2]}支渠", 4.5, 0.4, 0.06)
    sketch.line("DP-01", "ditch", ("E0", edge), via=_course_between(sketch, ("E0", edge), 8, 380), like=like)
    sketch.line("DP-02", "ditch", (edge, "E1"), like=like)


def _draw_west(sketch: Sketch, course: Course) -> None:
    """Draw the small stream that runs under the old town in a culvert, and the canal that feeds it."""
    rng, name = sketch.rng, syllables()["tributary"][1]
    entrance = sketch.node("W2", (course.culvert_u - 25, course.at(course.culvert_u) + 430))
    joint = sketch.node("W1", (course.culvert_u - rng.uniform(130, 200), course.at(course.culvert_u) + 860))
    sketch.node("W0", (course.culvert_u - rng.uniform(250, 350), 1900.0))
    sketch.node("W3", (40.0, course.at(40.0) + rng.uniform(560, 640)))
    like = _stream(name, 5.0, 0.35, float(rng.uniform(0.05, 0.09)))
    for line_id, ends, swing in (("LG-01", ("W0", joint), 26.0), ("LG-02", (joint, entrance), 18.0)):
        sketch.line(line_id, "river", ends, via=_course_between(sketch, ends, swing, 430), like=like)
    ends = ("W3", joint)
    sketch.line(
        "XG-01",
        "ditch",
        ends,
        via=_course_between(sketch, ends, 7, 500),
        like=_stream(syllables()["ditch"][0], 4.0, 0.4, 0.04),
    )
    bend = (course.culvert_u - 4, course.at(course.culvert_u) + 210)
    edge = sketch.node("K1", (course.culvert_u - 1, course.at(course.culvert_u) + course.half_width_m + 2))
    covered = _stream(f"{name}暗涵", 3.0, 0.35, like.flow_m3s + 0.04)
    sketch.line("LG-03", "culvert", (entrance, edge), via=[bend], like=covered)
    sketch.line("LG-04", "culvert", (edge, "M1"), like=covered)
