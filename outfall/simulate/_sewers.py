"""Where do sewers lie: streets with a storm and a foul sewer, an old quarter with combined ones, pumps and works."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from outfall.simulate._data import syllables
from outfall.simulate._sketch import Line, Mouth, Point, Sketch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.simulate._rivers import Course

__all__ = ["Spot", "draw_sewers"]

_STEP_M = 92.0
_TRUNK_GAP_M = 42.0  # interceptor behind the edge of the water
_PIPE = Line("", "", "", "", np.zeros((0, 2)), diameter_mm=600.0)


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
class _District:
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


def draw_sewers(sketch: Sketch, course: Course, *, is_leaking: bool) -> list[Spot]:
    """Draw all public sewers with their mouths; return where buildings may stand."""
    rng = sketch.rng
    town = _District("A", 1.0, _spaced(rng, 880, course.north_u - 190, 225), 4, combined=3)
    works = _District("B", 1.0, _spaced(rng, course.north_u + 300, course.braid_u[0] - 20, 205), 2)
    south = _District("C", -1.0, _spaced(rng, 1240, course.south_u - 160, 215), 2)
    names = list(syllables()["street"])
    rng.shuffle(names)
    for district in (town, works, south):
        _draw_levels(sketch, course, district)
        for number in range(len(district.trunks_u)):
            _draw_trunk(sketch, course, district, number, names, is_leaking=is_leaking)
        _draw_laterals(sketch, district, names)
    _draw_side_streets(sketch, town, len(town.trunks_u) - 1, names, "A")
    _draw_side_streets(sketch, works, 0, names, "B")
    _draw_culvert_pipes(sketch, course, town)
    _draw_trunk_sewer(sketch, course, town, works, south)
    return [*town.spots, *works.spots, *south.spots]


def _spaced(rng: np.random.Generator, start: float, end: float, gap: float) -> list[float]:
    count = max(int((end - start) / gap) + 1, 2)
    return (np.linspace(start, end, count) + rng.uniform(-16, 16, count)).tolist()


def _draw_levels(sketch: Sketch, course: Course, district: _District) -> None:
    """Put the streets along the water: a gentle curve each, clear of the outermost bend."""
    rng = sketch.rng
    near = [course.at(u) * district.up for u in np.arange(district.trunks_u[0] - 60, district.trunks_u[-1] + 60, 20.0)]
    base = max(near) + course.half_width_m + _TRUNK_GAP_M + rng.uniform(45, 70)
    gaps = np.cumsum([0.0, *rng.uniform(165, 225, district.level_count - 1)])
    phase, swing = rng.uniform(0, 6), rng.uniform(6, 16)
    for gap in gaps:
        district.levels.append(
            [district.up * (base + gap + swing * np.sin(u / 520 + phase)) for u in district.trunks_u]
        )


def _draw_trunk(
    sketch: Sketch, course: Course, district: _District, number: int, names: list[str], *, is_leaking: bool
) -> None:
    u, tilt = district.trunks_u[number], sketch.rng.uniform(-0.04, 0.04)
    foot = district.levels[0][number]
    levels = [(u + tilt * (level[number] - foot) * district.up, level[number]) for level in reversed(district.levels)]
    top = (levels[0][0] + tilt * 40, levels[0][1] + district.up * sketch.rng.uniform(40, 80))
    river_v = course.at(u) + district.up * (course.half_width_m + _TRUNK_GAP_M)
    is_combined = number < district.combined
    net_id = f"{district.code}{number + 1:02d}"
    street = names[number % len(names)]
    storm, foul = _draw_street(
        sketch, district, net_id, [top, *levels, (u, river_v)], street=street, is_combined=is_combined
    )
    for at, point in enumerate(levels):
        level = district.level_count - 1 - at
        district.storm_at[number, level] = _closest(sketch, storm, point)
        district.foul_at[number, level] = _closest(sketch, foul, point)
    district.foul_ends.append(foul[-1])
    if is_combined:
        _draw_overflow(sketch, district, net_id, foul[-1], street=street, is_leaking=is_leaking and number == 1)
    else:
        outlet = _draw_mouth(sketch, net_id, (u, river_v), near=street, only="HC")
        sketch.line(
            f"YS-{net_id}-K",
            "gravity_sewer",
            (storm[-1], outlet),
            like=replace(_PIPE, system="storm", diameter_mm=1000.0),
        )


def _draw_street(
    sketch: Sketch,
    district: _District,
    name: str,
    axis: Sequence[Point],
    *,
    street: str,
    is_combined: bool,
    ends: tuple[str, str] | None = None,
    net_id: str = "",
) -> tuple[list[str], list[str]]:
    """Draw storm and foul sewer of one street side by side; the last manholes may be given ones."""
    points = _steps(axis)
    across = _across(points)
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
    _pipes(
        sketch,
        f"{'HL' if is_combined else 'WS'}-{name}",
        foul,
        "combined" if is_combined else "foul",
        700.0 if is_combined else 400.0,
    )
    if not is_combined:
        _pipes(sketch, f"YS-{name}", storm, "storm", 800.0)
    for point, normal, a, b in list(zip(points, across, storm, foul, strict=True))[:-1]:
        district.spots.append(Spot(point, normal, a, b, net_id or name, street))
    return storm, foul


def _pipes(sketch: Sketch, code: str, nodes: Sequence[str], system: str, diameter_mm: float) -> None:
    speed = float(sketch.rng.uniform(0.35, 0.8))
    for number, ends in enumerate(zip(nodes[:-1], nodes[1:], strict=True)):
        like = replace(_PIPE, system=system, diameter_mm=diameter_mm, velocity_ms=speed)
        sketch.line(f"{code}-{number + 1:02d}", "gravity_sewer", ends, like=like)


def _draw_overflow(
    sketch: Sketch, district: _District, net_id: str, chamber: str, *, street: str, is_leaking: bool
) -> None:
    """An old street ends in a chamber: the throttle goes on to the trunk sewer, the weir to the river."""
    point = sketch.nodes[chamber]
    spill = 0.4 if is_leaking else 0.0
    pit = sketch.node(f"J{net_id}", (point[0] + 7, point[1]))
    crest = sketch.node(f"Y{net_id}-W", (point[0], point[1] - district.up * 4))
    sketch.line(
        f"HL-{net_id}-J",
        "gravity_sewer",
        (chamber, pit),
        like=replace(_PIPE, system="combined", diameter_mm=300.0, split_share=1 - spill),
    )
    sketch.line(
        f"YL-{net_id}-W",
        "weir",
        (chamber, crest),
        like=replace(_PIPE, system="combined", diameter_mm=900.0, split_share=spill),
    )
    outlet = _draw_mouth(sketch, net_id, point, near=street, only="HC")
    sketch.line(
        f"YL-{net_id}-K", "gravity_sewer", (crest, outlet), like=replace(_PIPE, system="combined", diameter_mm=900.0)
    )
    district.foul_ends[-1] = pit


def _draw_mouth(
    sketch: Sketch, net_id: str, point: Point, *, near: str, only: str, outfall_class: str = "oth.urban_storm"
) -> str:
    spot, river, along, side = sketch.on_bank(point, back_m=sketch.rng.uniform(1.5, 5.0), only=only)
    node = sketch.node(f"K{net_id}", spot)
    shape = "box_culvert" if sketch.rng.random() < 0.2 else "pipe"
    diameter = float(sketch.rng.choice([600, 800, 1000, 1200]))
    sketch.mouths.append(
        Mouth(f"T-{net_id}", node, spot, river.line_id, along, side, outfall_class, shape, diameter, near, net_id)
    )
    return node


def _draw_laterals(sketch: Sketch, district: _District, names: list[str]) -> None:
    """Streets along the water between two trunks; each drains to one of them."""
    rng = sketch.rng
    for level in range(district.level_count):
        for number in range(len(district.trunks_u) - 1):
            if rng.random() < 0.12:
                continue
            is_combined = number + 1 < district.combined
            to_east = bool(rng.random() < 0.35) and (is_combined or number >= district.combined)
            to_east = to_east or number + 1 == district.combined
            target, other = (number + 1, number) if to_east else (number, number + 1)
            end = _middle(sketch, district.storm_at[target, level], district.foul_at[target, level])
            begin = _middle(sketch, district.storm_at[other, level], district.foul_at[other, level])
            begin = _towards(begin, end, rng.uniform(32, 60))
            _draw_street(
                sketch, district, f"{district.code}{target + 1:02d}{'W' if to_east else 'E'}{level + 1}", [begin, end], street=names[-1 - level],
                is_combined=target < district.combined, ends=(district.storm_at[target, level], district.foul_at[target, level]), net_id=f"{district.code}{target + 1:02d}",
            )  # fmt: skip


def _draw_side_streets(sketch: Sketch, district: _District, trunk: int, names: list[str], code: str) -> None:
    """Streets between the last trunk and the north tributary, whose storm sewers end there."""
    for level in range(district.level_count):
        begin = sketch.nodes[district.storm_at[trunk, level]]
        bank, river, _, _ = sketch.on_bank(begin, back_m=3.0, only="QX-02")
        begin, reach = _towards(begin, bank, 36), float(np.hypot(bank[0] - begin[0], bank[1] - begin[1]))
        if reach < 70:
            continue
        net_id = f"{code}Q{level + 1}"
        street = names[-1 - level]
        outlet = _draw_mouth(sketch, net_id, bank, near=street, only=river.line_id)
        points = _steps([begin, sketch.nodes[outlet]])
        nodes = [sketch.node(f"Y{net_id}-{i:02d}", p) for i, p in enumerate(points[:-1])]
        _pipes(sketch, f"YS-{net_id}", [*nodes, outlet], "storm", 600.0)
        foul = district.foul_at[trunk, level]
        district.spots += [
            Spot(p, a, n, foul, net_id, street)
            for p, a, n in zip(points[:-1], _across(points)[:-1], nodes, strict=True)
        ]


def _draw_culvert_pipes(sketch: Sketch, course: Course, town: _District) -> None:
    """Two short storm sewers of the old quarter that end in the covered stream."""
    for number, drop in enumerate((150.0, 300.0)):
        along = sketch.lines["LG-03"].shape.project(_point((course.culvert_u, course.at(course.culvert_u) + drop)))
        foot = sketch.lines["LG-03"].shape.interpolate(along)
        end = sketch.node(f"KD{number + 1}", (foot.x + 5.5, foot.y))
        nodes = [
            sketch.node(f"YD{number + 1}-{i:02d}", (foot.x + 5.5 + gap, foot.y + 4))
            for i, gap in enumerate((118.0, 62.0))
        ]
        _pipes(sketch, f"YS-D{number + 1}", [*nodes, end], "storm", 500.0)
        foul = town.foul_ends[0]
        town.spots += [Spot(sketch.nodes[n], (0.0, 1.0), n, foul, "LG", "花石街") for n in nodes]


def _draw_trunk_sewer(sketch: Sketch, course: Course, town: _District, works: _District, south: _District) -> None:
    """The riverside trunk sewer, the pumps, the pressure mains and the treatment works."""
    plant_u = course.braid_u[0] + 70
    inlet = sketch.node("WWTP-IN", (plant_u, course.at(plant_u) + 330))
    _riverside(sketch, course, town, "WS-GA")
    _riverside(sketch, course, works, "WS-GB")
    _riverside(sketch, course, south, "WS-GC")
    _pump(sketch, course, "PA", town.foul_ends[-1], course.north_u - 105, inlet, up=1.0)
    last = sketch.nodes[works.foul_ends[-1]]
    _pipes(
        sketch,
        "WS-GB-Z",
        [works.foul_ends[-1], *_mids(sketch, "WGBZ", last, sketch.nodes[inlet]), inlet],
        "foul",
        800.0,
    )
    target = min(town.foul_ends, key=lambda n: abs(sketch.nodes[n][0] - sketch.nodes[south.foul_ends[-1]][0]))
    _pump(sketch, course, "PC", south.foul_ends[-1], sketch.nodes[south.foul_ends[-1]][0] + 45, target, up=-1.0)


def _riverside(sketch: Sketch, course: Course, district: _District, code: str) -> None:
    for number, (a, b) in enumerate(zip(district.foul_ends[:-1], district.foul_ends[1:], strict=True)):
        start, end = sketch.nodes[a][0], sketch.nodes[b][0]
        count = max(int((end - start) / _STEP_M), 1)
        between = np.linspace(start, end, count + 1)[1:-1]
        gap = district.up * (course.half_width_m + _TRUNK_GAP_M)
        nodes = [
            sketch.node(f"{code[3:]}{number}-{i}", (float(u), course.at(float(u)) + gap)) for i, u in enumerate(between)
        ]
        _pipes(sketch, f"{code}-{number + 1:02d}", [a, *nodes, b], "foul", 800.0)


def _pump(sketch: Sketch, course: Course, code: str, from_node: str, well_u: float, to_node: str, *, up: float) -> None:
    well = sketch.node(f"{code}-1", (well_u, course.at(well_u) + up * (course.half_width_m + _TRUNK_GAP_M + 6)))
    lift = sketch.node(f"{code}-2", (well_u + 6, sketch.nodes[well][1] + up * 3))
    _pipes(sketch, f"WS-{code}", [from_node, well], "foul", 800.0)
    sketch.line(f"BZ-{code}", "pump", (well, lift), like=replace(_PIPE, system="foul", velocity_ms=1.0))
    sketch.line(
        f"YL-{code}",
        "pressure_main",
        (lift, to_node),
        like=replace(_PIPE, system="foul", velocity_ms=1.1, diameter_mm=500.0),
    )


def _mids(sketch: Sketch, code: str, start: Point, end: Point) -> list[str]:
    return [sketch.node(f"{code}-{i}", p) for i, p in enumerate(_steps([start, end])[1:-1])]


def _steps(axis: Sequence[Point]) -> list[Point]:
    """Return the vertices of a street with manholes at most one step apart."""
    points: list[Point] = []
    for a, b in zip(axis[:-1], axis[1:], strict=True):
        count = max(int(np.ceil(np.hypot(b[0] - a[0], b[1] - a[1]) / _STEP_M)), 1)
        points += [(a[0] + (b[0] - a[0]) * i / count, a[1] + (b[1] - a[1]) * i / count) for i in range(count)]
    return [*points, axis[-1]]


def _across(points: Sequence[Point]) -> list[Point]:
    step = np.gradient(np.array(points), axis=0)
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    return [(float(-v), float(u)) for u, v in step]


def _closest(sketch: Sketch, nodes: Sequence[str], point: Point) -> str:
    return min(nodes, key=lambda n: np.hypot(sketch.nodes[n][0] - point[0], sketch.nodes[n][1] - point[1]))


def _middle(sketch: Sketch, a: str, b: str) -> Point:
    (au, av), (bu, bv) = sketch.nodes[a], sketch.nodes[b]
    return ((au + bu) / 2, (av + bv) / 2)


def _towards(start: Point, end: Point, by_m: float) -> Point:
    share = by_m / float(np.hypot(end[0] - start[0], end[1] - start[1]))
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def _point(point: Point) -> object:
    import shapely

    return shapely.Point(point)
