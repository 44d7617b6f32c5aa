"""What stands by the water: works, farms, villages and a plant with pipes of their own, and dry old mouths."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from outfall.simulate._data import errors
from outfall.simulate._sketch import BLANK, Point, Sketch
from outfall.simulate._source import Source, new_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.simulate._names import Names
    from outfall.simulate._rivers import Course
    from outfall.simulate._streets import Spot

__all__ = ["add_dry", "draw_private", "find_waterside", "settle_by_water"]

_MOUTH_CLASS = {"works": "ind.enterprise", "village": "oth.rural_domestic", "plant": "wwtp.urban"}
_DRY_COUNT = 17
_WATERS_AS_MOUTHS = (("T-LG", "K1", "LG-03", "box_culvert"), ("T-DP", "E2", "DP-01", "open_channel"))
_FARM_CLASS = {"livestock": "oth.livestock_small", "aquaculture": "agr.aquaculture_scale"}


def settle_by_water(
    sketch: Sketch, course: Course, spots: list[Spot], kind: Mapping[str, str], names: Names, others: list[Source]
) -> Source:
    """Settle a works, farm, village or plant near open water, with a pipe or ditch of its own to the bank."""
    rng = sketch.rng
    base = new_source(rng, kind, names)
    if kind["place"] == "plant":
        u = course.braid_u[0] + 85
        return draw_private(sketch, replace(base, point=(u, course.at(u) + 250)), "HC-05L", "river")
    for _ in range(200):
        point, only = find_waterside(rng, sketch, course, kind["place"], kind["kind"])
        gap = min((np.hypot(point[0] - o.point[0], point[1] - o.point[1]) for o in others), default=1e9)
        street = min(np.hypot(point[0] - s.point[0], point[1] - s.point[1]) for s in spots)
        clear = 28 if kind["place"] != "village" else 40
        bank, *_ = sketch.on_bank(point, back_m=3.0, only=only)
        if gap > 60 and sketch.clear_m(point) > clear and street > 70 and sketch.crowd_m(bank) > 25:
            break
    return draw_private(sketch, replace(base, point=point), only, "river")


def find_waterside(
    rng: np.random.Generator, sketch: Sketch, course: Course, place: str, kind: str
) -> tuple[Point, str]:
    """Return a point near the water where such a thing stands, and the river its pipe runs to."""
    if place == "works":
        low, high = ((course.north_u + 750, 5450.0), (180.0, 620.0), (course.south_u + 150, 4150.0))[
            int(rng.choice(3, p=[0.45, 0.25, 0.3]))
        ]
        u = float(rng.uniform(low, high))
        up = -1.0 if low > course.south_u and low < course.north_u else (1.0 if rng.random() < 0.6 else -1.0)
        river, *_ = sketch.bank((u, course.at(u) + up * 120), only="HC")
        return (u, course.at(u) + up * (course.half_width_m + rng.uniform(70, 190))), river.line_id
    if place == "farm":
        only = (
            ("NG", "DP", "XG", "HC-07")[int(rng.integers(4))]
            if kind == "aquaculture"
            else ("NG", "DP", "QX-01")[int(rng.integers(3))]
        )
    else:
        only = ("NG", "QX-01", "LG-0", "DP-01", "XG", "HC-01", "QX-03", "HC-06")[int(rng.integers(8))]
    lines = [
        line
        for line in sketch.rivers()
        if line.line_id.startswith(only) and line.kind != "culvert" and line.shape.length > 100
    ]
    line = lines[int(rng.integers(len(lines)))]
    spot = line.points[int(rng.integers(2, len(line.points) - 2))]
    turn = rng.uniform(0, 2 * np.pi)
    reach = line.width_m / 2 + rng.uniform(35, 110)
    return (float(spot[0] + reach * np.cos(turn)), float(spot[1] + reach * np.sin(turn))), line.line_id


def draw_private(sketch: Sketch, source: Source, only: str, system: str) -> Source:
    """Draw the private pipe from a source to the nearest bank and the outfall at its end."""
    rng = sketch.rng
    number = sum(line.startswith("ZY-") for line in sketch.lines) + 1
    bank = sketch.on_bank(source.point, back_m=rng.uniform(1.0, 4.0), only=only)
    start = sketch.node(f"Z{number:02d}-1", _near(source.point, bank[0], 12.0))
    end = sketch.node(f"Z{number:02d}-2", bank[0])
    is_open = source.place == "village" and bool(rng.random() < 0.4)
    diameter, speed = float(rng.choice([200, 300, 400, 500])), float(rng.uniform(0.25, 0.6))
    is_drawn = bool(rng.random() > errors()["unrecorded_private_share"]) or source.kind == "wwtp"
    like = replace(BLANK, diameter_mm=diameter, velocity_ms=speed, is_recorded=source.is_registered and is_drawn)
    sketch.line(f"ZY-{number:02d}", "ditch" if is_open else "gravity_sewer", (start, end), like=like)
    look = (
        _FARM_CLASS.get(source.kind) or _MOUTH_CLASS.get(source.place, "oth.other"),
        "open_channel" if is_open else "pipe",
        diameter,
    )
    near = bank[1].name
    sketch.put_mouth(f"T-Z{number:02d}", end, bank, look=look, near=near, net_id=f"Z{number:02d}")
    here = f"{bank[1].name}沿岸"
    return replace(source, node=start, true_system=system, stated_system=system, net_id=f"Z{number:02d}", address=here)


def _near(point: Point, target: Point, off_m: float) -> Point:
    share = off_m / max(float(np.hypot(target[0] - point[0], target[1] - point[1])), off_m + 1)
    return (point[0] + (target[0] - point[0]) * share, point[1] + (target[1] - point[1]) * share)


def add_dry(sketch: Sketch) -> None:
    """Add old pipes and irrigation mouths without water, and the mouths of the culvert and the field drain."""
    rng = sketch.rng
    waters = [
        line for line in sketch.rivers() if line.line_id.startswith(("HC", "QX-0", "NG-01")) and line.shape.length > 200
    ]
    weights = np.array([line.shape.length for line in waters])
    number = 0
    for _ in range(400):
        line = waters[int(rng.choice(len(waters), p=weights / weights.sum()))]
        spot = line.points[int(rng.integers(3, len(line.points) - 3))]
        aim = (float(spot[0]), float(spot[1] + rng.choice([-30, 30])))
        bank = sketch.on_bank(aim, back_m=rng.uniform(0.5, 4), only=line.line_id)
        if sketch.crowd_m(bank[0]) < (12 if number < 3 else 30):
            continue
        number += 1
        is_field = number % 5 == 0
        shape = "sluice" if is_field else ("open_channel", "pipe", "pipe", "box_culvert")[number % 4]
        look = ("oth.irrigation" if is_field else "oth.other", shape, float(rng.choice([150, 200, 300, 400, 600])))
        sketch.put_mouth(f"T-G{number:02d}", sketch.node(f"G{number:02d}", bank[0]), bank, look=look, near=bank[1].name)
        if number == _DRY_COUNT:
            break
    for mouth_id, node, inside, shape in _WATERS_AS_MOUTHS:
        line = sketch.lines[inside]
        bank = (sketch.nodes[node], line, line.shape.length, "left" if node == "K1" else "right")
        net_id = "LG" if node == "K1" else ""
        sketch.put_mouth(mouth_id, node, bank, look=("oth.other", shape, 2000.0), near=line.name, net_id=net_id)
