"""What stands by the water: works, farms, villages and a plant with pipes of their own, and old mouths without water."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from outfall.simulate._data import errors
from outfall.simulate._sketch import Line, Mouth, Point, Sketch
from outfall.simulate._source import Source, new_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.simulate._names import Names
    from outfall.simulate._rivers import Course
    from outfall.simulate._streets import Spot

__all__ = ["add_dry", "draw_private", "find_waterside", "settle_by_water"]

_MOUTH_CLASS = {"works": "ind.enterprise", "village": "oth.rural_domestic", "plant": "wwtp.urban"}
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
        crowd = min((np.hypot(bank[0] - m.point[0], bank[1] - m.point[1]) for m in sketch.mouths), default=1e9)
        if gap > 60 and sketch.clear_m(point) > clear and street > 70 and crowd > 25:
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
    bank, river, along, side = sketch.on_bank(source.point, back_m=rng.uniform(1.0, 4.0), only=only)
    start = sketch.node(f"Z{number:02d}-1", _near(source.point, bank, 12.0))
    end = sketch.node(f"Z{number:02d}-2", bank)
    is_open = source.place == "village" and bool(rng.random() < 0.4)
    like = Line(
        "",
        "",
        "",
        "",
        np.zeros((0, 2)),
        diameter_mm=float(rng.choice([200, 300, 400, 500])),
        velocity_ms=float(rng.uniform(0.25, 0.6)),
    )
    is_drawn = bool(rng.random() > errors()["unrecorded_private_share"]) or source.kind == "wwtp"
    recorded = source.is_registered and is_drawn
    sketch.line(
        f"ZY-{number:02d}",
        "ditch" if is_open else "gravity_sewer",
        (start, end),
        like=replace(like, is_recorded=recorded, width_m=0.6 if is_open else np.nan),
    )
    outfall_class = _FARM_CLASS.get(source.kind) or _MOUTH_CLASS.get(source.place, "oth.other")
    shape = "open_channel" if is_open else "pipe"
    mouth_id = f"T-Z{number:02d}"
    sketch.mouths.append(
        Mouth(
            mouth_id,
            end,
            bank,
            river.line_id,
            along,
            side,
            outfall_class,
            shape,
            like.diameter_mm,
            source.name if source.is_registered else river.name,
            f"Z{number:02d}",
        )
    )
    return replace(
        source,
        node=start,
        true_system=system,
        stated_system=system,
        net_id=f"Z{number:02d}",
        address=river.name + "沿岸",
    )


def _near(point: Point, target: Point, off_m: float) -> Point:
    share = off_m / max(float(np.hypot(target[0] - point[0], target[1] - point[1])), off_m + 1)
    return (point[0] + (target[0] - point[0]) * share, point[1] + (target[1] - point[1]) * share)


def add_dry(sketch: Sketch, course: Course) -> None:
    """Add old pipes and irrigation mouths without water, and the mouths of the culvert and the field drain."""
    rng = sketch.rng
    waters = [
        line for line in sketch.rivers() if line.line_id.startswith(("HC", "QX-0", "NG-01")) and line.shape.length > 200
    ]
    weights = np.array([line.shape.length for line in waters])
    number, wanted = 0, 17
    for _ in range(400):
        line = waters[int(rng.choice(len(waters), p=weights / weights.sum()))]
        spot = line.points[int(rng.integers(3, len(line.points) - 3))]
        bank, river, along, side = sketch.on_bank(
            (float(spot[0]), float(spot[1] + rng.choice([-30, 30]))), back_m=rng.uniform(0.5, 4), only=line.line_id
        )
        crowd = min(float(np.hypot(bank[0] - m.point[0], bank[1] - m.point[1])) for m in sketch.mouths)
        if crowd < (12 if number < 3 else 30):
            continue
        number += 1
        outfall_class = "oth.irrigation" if number % 5 == 0 else "oth.other"
        node = sketch.node(f"G{number:02d}", bank)
        shape = (
            "sluice"
            if outfall_class == "oth.irrigation"
            else ("open_channel", "pipe", "pipe", "box_culvert")[number % 4]
        )
        sketch.mouths.append(
            Mouth(
                f"T-G{number:02d}",
                node,
                bank,
                river.line_id,
                along,
                side,
                outfall_class,
                shape,
                float(rng.choice([150, 200, 300, 400, 600])),
                river.name,
            )
        )
        if number == wanted:
            break
    for mouth_id, node, inside, shape in (
        ("T-LG", "K1", "LG-03", "box_culvert"),
        ("T-DP", "E2", "DP-01", "open_channel"),
    ):
        line = sketch.lines[inside]
        side = "left" if node == "K1" else "right"
        sketch.mouths.append(
            Mouth(
                mouth_id,
                node,
                sketch.nodes[node],
                inside,
                line.shape.length,
                side,
                "oth.other",
                shape,
                2000.0,
                line.name,
                "LG" if node == "K1" else "",
            )
        )
    del course
