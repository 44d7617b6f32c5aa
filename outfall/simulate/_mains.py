"""What carries sewage away: overflow chambers, the riverside trunk sewer, pumps, pressure mains, treatment works."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from outfall.simulate._streets import PIPE, STEP_M, TRUNK_GAP_M, District, Spot, draw_mouth, draw_pipes, steps

if TYPE_CHECKING:
    from outfall.simulate._rivers import Course
    from outfall.simulate._sketch import Point, Sketch

__all__ = ["draw_culvert_pipes", "draw_overflow", "draw_trunk_sewer"]


def draw_overflow(
    sketch: Sketch, district: District, net_id: str, chamber: str, *, street: str, is_leaking: bool
) -> None:
    """End an old street in a chamber: the throttle goes on to the trunk sewer, the weir to the river."""
    point = sketch.nodes[chamber]
    spill = 0.4 if is_leaking else 0.0
    pit = sketch.node(f"J{net_id}", (point[0] + 7, point[1]))
    crest = sketch.node(f"Y{net_id}-W", (point[0], point[1] - district.up * 4))
    sketch.line(
        f"HL-{net_id}-J",
        "gravity_sewer",
        (chamber, pit),
        like=replace(PIPE, system="combined", diameter_mm=300.0, split_share=1 - spill),
    )
    sketch.line(
        f"YL-{net_id}-W",
        "weir",
        (chamber, crest),
        like=replace(PIPE, system="combined", diameter_mm=900.0, split_share=spill),
    )
    outlet = draw_mouth(sketch, net_id, point, near=street, only="HC")
    sketch.line(
        f"YL-{net_id}-K", "gravity_sewer", (crest, outlet), like=replace(PIPE, system="combined", diameter_mm=900.0)
    )
    district.foul_ends[-1] = pit


def draw_culvert_pipes(sketch: Sketch, course: Course, town: District) -> None:
    """Draw two short storm sewers of the old quarter that end in the covered stream."""
    for number, drop in enumerate((150.0, 300.0)):
        along = sketch.lines["LG-03"].shape.project(shapely.Point(course.culvert_u, course.at(course.culvert_u) + drop))
        foot = sketch.lines["LG-03"].shape.interpolate(along)
        end = sketch.node(f"KD{number + 1}", (foot.x + 5.5, foot.y))
        nodes = [
            sketch.node(f"YD{number + 1}-{i:02d}", (foot.x + 5.5 + gap, foot.y + 4))
            for i, gap in enumerate((118.0, 62.0))
        ]
        draw_pipes(sketch, f"YS-D{number + 1}", [*nodes, end], "storm", 500.0)
        foul = town.foul_ends[0]
        town.spots += [Spot(sketch.nodes[n], (0.0, 1.0), n, foul, "LG", "花石街") for n in nodes]


def draw_trunk_sewer(sketch: Sketch, course: Course, town: District, works: District, south: District) -> None:
    """Draw the riverside trunk sewer, the pumps, the pressure mains and the treatment works."""
    plant_u = course.braid_u[0] + 70
    inlet = sketch.node("WWTP-IN", (plant_u - 45, course.at(plant_u) + 245))
    _riverside(sketch, course, town, "WS-GA")
    _riverside(sketch, course, works, "WS-GB")
    _riverside(sketch, course, south, "WS-GC")
    _pump(sketch, course, "PA", town.foul_ends[-1], course.north_u - 105, works.foul_ends[0], up=1.0)
    last = sketch.nodes[works.foul_ends[-1]]
    draw_pipes(
        sketch,
        "WS-GB-Z",
        [works.foul_ends[-1], *_mids(sketch, "WGBZ", last, sketch.nodes[inlet]), inlet],
        "foul",
        800.0,
    )
    target = min(town.foul_ends, key=lambda n: abs(sketch.nodes[n][0] - sketch.nodes[south.foul_ends[-1]][0]))
    _pump(sketch, course, "PC", south.foul_ends[-1], sketch.nodes[south.foul_ends[-1]][0] + 45, target, up=-1.0)


def _riverside(sketch: Sketch, course: Course, district: District, code: str) -> None:
    for number, (a, b) in enumerate(zip(district.foul_ends[:-1], district.foul_ends[1:], strict=True)):
        start, end = sketch.nodes[a][0], sketch.nodes[b][0]
        count = max(int((end - start) / STEP_M), 1)
        between = np.linspace(start, end, count + 1)[1:-1]
        gap = district.up * (course.half_width_m + TRUNK_GAP_M)
        nodes = [
            sketch.node(f"{code[3:]}{number}-{i}", (float(u), course.at(float(u)) + gap)) for i, u in enumerate(between)
        ]
        draw_pipes(sketch, f"{code}-{number + 1:02d}", [a, *nodes, b], "foul", 800.0)


def _pump(sketch: Sketch, course: Course, code: str, from_node: str, well_u: float, to_node: str, *, up: float) -> None:
    well = sketch.node(f"{code}-1", (well_u, course.at(well_u) + up * (course.half_width_m + TRUNK_GAP_M + 6)))
    lift = sketch.node(f"{code}-2", (well_u + 6, sketch.nodes[well][1] + up * 3))
    draw_pipes(sketch, f"WS-{code}", [from_node, well], "foul", 800.0)
    sketch.line(f"BZ-{code}", "pump", (well, lift), like=replace(PIPE, system="foul", velocity_ms=1.0))
    sketch.line(
        f"YL-{code}",
        "pressure_main",
        (lift, to_node),
        like=replace(PIPE, system="foul", velocity_ms=1.1, diameter_mm=500.0),
    )


def _mids(sketch: Sketch, code: str, start: Point, end: Point) -> list[str]:
    return [sketch.node(f"{code}-{i}", p) for i, p in enumerate(steps([start, end])[1:-1])]
