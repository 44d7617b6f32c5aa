"""Where do sewers lie: streets with a storm and a foul sewer, an old quarter with combined ones, pumps and works."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from outfall.simulate._data import syllables
from outfall.simulate._mains import draw_culvert_pipes, draw_overflow, draw_trunk_sewer
from outfall.simulate._streets import (
    PIPE,
    TRUNK_GAP_M,
    District,
    Spot,
    across_street,
    closest,
    draw_mouth,
    draw_pipes,
    middle,
    steps,
    towards,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.simulate._rivers import Course
    from outfall.simulate._sketch import Point, Sketch

__all__ = ["draw_sewers"]


def draw_sewers(sketch: Sketch, course: Course, *, is_leaking: bool) -> list[Spot]:
    """Draw all public sewers with their mouths; return where buildings may stand."""
    rng = sketch.rng
    town = District("A", 1.0, _spaced(rng, 880, course.north_u - 190, 225), 4, combined=3)
    works = District("B", 1.0, _spaced(rng, course.north_u + 300, course.braid_u[0] - 20, 205), 2)
    south = District("C", -1.0, _spaced(rng, 1240, course.south_u - 160, 215), 2)
    names = list(syllables()["street"])
    rng.shuffle(names)
    for district in (town, works, south):
        _draw_levels(sketch, course, district)
        for number in range(len(district.trunks_u)):
            _draw_trunk(sketch, course, district, number, names, is_leaking=is_leaking)
        _draw_laterals(sketch, district, names)
    _draw_side_streets(sketch, town, len(town.trunks_u) - 1, names, "A")
    _draw_side_streets(sketch, works, 0, names, "B")
    draw_culvert_pipes(sketch, course, town)
    draw_trunk_sewer(sketch, course, town, works, south)
    return [*town.spots, *works.spots, *south.spots]


def _spaced(rng: np.random.Generator, start: float, end: float, gap: float) -> list[float]:
    count = max(int((end - start) / gap) + 1, 2)
    return (np.linspace(start, end, count) + rng.uniform(-16, 16, count)).tolist()


def _draw_levels(sketch: Sketch, course: Course, district: District) -> None:
    """Put the streets along the water: a gentle curve each, clear of the outermost bend."""
    rng = sketch.rng
    near = [course.at(u) * district.up for u in np.arange(district.trunks_u[0] - 60, district.trunks_u[-1] + 60, 20.0)]
    base = max(near) + course.half_width_m + TRUNK_GAP_M + rng.uniform(45, 70)
    gaps = np.cumsum([0.0, *rng.uniform(165, 225, district.level_count - 1)])
    phase, swing = rng.uniform(0, 6), rng.uniform(10, 26)
    district.bend = (float(rng.uniform(0, 6)), float(rng.uniform(14, 34)))
    for gap in gaps:
        district.levels.append(
            [district.up * (base + gap + swing * np.sin(u / 520 + phase)) for u in district.trunks_u]
        )


def _draw_trunk(
    sketch: Sketch, course: Course, district: District, number: int, names: list[str], *, is_leaking: bool
) -> None:
    u, rng = district.trunks_u[number], sketch.rng
    tilt, foot = rng.uniform(-0.03, 0.03), district.levels[0][number]
    reached = district.level_count - int(rng.random() < 0.3) * (district.level_count > 2)
    phase, swing = district.bend
    levels = []
    for line in reversed(district.levels[:reached]):
        rise = abs(line[number] - foot)
        levels.append((u + tilt * rise + swing * float(np.sin(rise / 310 + phase) - np.sin(phase)), line[number]))
    top = (levels[0][0] + tilt * 40, levels[0][1] + district.up * rng.uniform(40, 80))
    river_v = course.at(u) + district.up * (course.half_width_m + TRUNK_GAP_M)
    is_combined = number < district.combined
    net_id = f"{district.code}{number + 1:02d}"
    street = names[number % len(names)]
    storm, foul = _draw_street(
        sketch, district, net_id, [top, *levels, (u, river_v)], street=street, is_combined=is_combined
    )
    for at, point in enumerate(levels):
        level = reached - 1 - at
        district.storm_at[number, level] = closest(sketch, storm, point)
        district.foul_at[number, level] = closest(sketch, foul, point)
    district.foul_ends.append(foul[-1])
    if is_combined:
        draw_overflow(sketch, district, net_id, foul[-1], street=street, is_leaking=is_leaking and number == 1)
    else:
        outlet = draw_mouth(sketch, net_id, (u, river_v), near=street, only="HC")
        sketch.line(
            f"YS-{net_id}-K",
            "gravity_sewer",
            (storm[-1], outlet),
            like=replace(PIPE, system="storm", diameter_mm=1000.0),
        )


def _draw_street(
    sketch: Sketch,
    district: District,
    name: str,
    axis: Sequence[Point],
    *,
    street: str,
    is_combined: bool,
    ends: tuple[str, str] | None = None,
    net_id: str = "",
) -> tuple[list[str], list[str]]:
    """Draw storm and foul sewer of one street side by side; the last manholes may be given ones."""
    points = steps(axis)
    across = across_street(points)
    runs: list[list[str]] = []
    for letter, off in (("Y", 3.0), ("W", -3.0)):
        letter_ = "H" if is_combined else letter
        nodes = [
            sketch.node(f"{letter_}{name}-{i:02d}", (p[0] + off * a[0], p[1] + off * a[1]))
            for i, (p, a) in enumerate(zip(points, across, strict=True))
        ]
        if ends:
            del sketch.nodes[nodes[-1]]
            nodes[-1] = ends[0] if letter == "Y" else ends[1]
        runs.append(nodes)
    storm, foul = runs
    draw_pipes(
        sketch,
        f"{'HL' if is_combined else 'WS'}-{name}",
        foul,
        "combined" if is_combined else "foul",
        700.0 if is_combined else 400.0,
    )
    if not is_combined:
        draw_pipes(sketch, f"YS-{name}", storm, "storm", 800.0)
    for point, normal, a, b in list(zip(points, across, storm, foul, strict=True))[:-1]:
        district.spots.append(Spot(point, normal, a, b, net_id or name, street))
    return storm, foul


def _draw_laterals(sketch: Sketch, district: District, names: list[str]) -> None:
    """Streets along the water between two trunks; each drains to one of them."""
    rng = sketch.rng
    for level in range(district.level_count):
        for number in range(len(district.trunks_u) - 1):
            if rng.random() < 0.12 or not {(number, level), (number + 1, level)} <= set(district.storm_at):
                continue
            is_combined = number + 1 < district.combined
            to_east = bool(rng.random() < 0.35) and (is_combined or number >= district.combined)
            to_east = to_east or number + 1 == district.combined
            target, other = (number + 1, number) if to_east else (number, number + 1)
            end = middle(sketch, district.storm_at[target, level], district.foul_at[target, level])
            begin = middle(sketch, district.storm_at[other, level], district.foul_at[other, level])
            begin = towards(begin, end, rng.uniform(32, 60))
            _draw_street(
                sketch, district, f"{district.code}{target + 1:02d}{'W' if to_east else 'E'}{level + 1}",
                [begin, end], street=names[-1 - level],
                is_combined=target < district.combined,
                ends=(district.storm_at[target, level], district.foul_at[target, level]),
                net_id=f"{district.code}{target + 1:02d}",
            )  # fmt: skip


def _draw_side_streets(sketch: Sketch, district: District, trunk: int, names: list[str], code: str) -> None:
    """Streets between the last trunk and the north tributary, whose storm sewers end there."""
    for level in range(district.level_count):
        if (trunk, level) not in district.storm_at:
            continue
        begin = sketch.nodes[district.storm_at[trunk, level]]
        bank, river, _, _ = sketch.on_bank(begin, back_m=3.0, only="QX-02")
        begin, reach = towards(begin, bank, 36), float(np.hypot(bank[0] - begin[0], bank[1] - begin[1]))
        if reach < 70:
            continue
        net_id = f"{code}Q{level + 1}"
        street = names[-1 - level]
        outlet = draw_mouth(sketch, net_id, bank, near=street, only=river.line_id)
        points = steps([begin, sketch.nodes[outlet]])
        nodes = [sketch.node(f"Y{net_id}-{i:02d}", p) for i, p in enumerate(points[:-1])]
        draw_pipes(sketch, f"YS-{net_id}", [*nodes, outlet], "storm", 600.0)
        foul = district.foul_at[trunk, level]
        district.spots += [
            Spot(p, a, n, foul, net_id, street)
            for p, a, n in zip(points[:-1], across_street(points)[:-1], nodes, strict=True)
        ]
