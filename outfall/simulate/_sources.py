"""Who discharges, where and into what: registered sources, wrong connections, and the ones nobody registered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from outfall.simulate._data import errors, kinds, town_rules
from outfall.simulate._names import Names, credit_code
from outfall.simulate._sketch import Line, Mouth, Point, Sketch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.simulate._rivers import Course
    from outfall.simulate._sewers import Spot

__all__ = ["Source", "settle"]

_HIDDEN = ("electroplating", "laundry", "livestock", "food", "machinery", "chemical")
_MOUTH_CLASS = {"works": "ind.enterprise", "village": "oth.rural_domestic", "plant": "wwtp.urban"}
_FARM_CLASS = {"livestock": "oth.livestock_small", "aquaculture": "agr.aquaculture_scale"}


@dataclass(frozen=True, slots=True)
class Source:
    """One true discharger: what it is, where its water enters, and what the register knows of it."""

    source_id: str
    name: str
    kind: str
    place: str
    point: Point
    node: str
    true_system: str
    stated_system: str
    mean_m3d: float
    pattern: str
    credit_code: str
    is_registered: bool
    is_wrong: bool
    net_id: str
    address: str


def settle(sketch: Sketch, course: Course, spots: list[Spot], *, hidden_count: int) -> list[Source]:
    """Settle all sources of the town and draw their private pipes; true outfalls are added to the sketch."""
    rng = sketch.rng
    names = Names(rng)
    sources: list[Source] = []
    for kind in kinds():
        for _ in range(int(kind["weight"])):
            draw = _on_street if kind["place"] == "street" else _by_water
            sources.append(draw(sketch, course, spots, kind, names, sources))
    sources = _connect_wrongly(sketch, sources, spots)
    sources += _hide(sketch, course, spots, names, sources, hidden_count)
    _add_dry(sketch, course)
    order = rng.permutation(len(sources))
    numbered = {int(at): f"E{number + 1:03d}" for number, at in enumerate(order)}
    return [replace(source, source_id=numbered[at]) for at, source in enumerate(sources)]


def _base(rng: np.random.Generator, kind: Mapping[str, str], names: Names) -> Source:
    cv = float(kind["cv"])
    sigma = np.sqrt(np.log(1 + cv**2))
    mean = float(kind["mean_m3d"]) * float(np.exp(rng.normal(-(sigma**2) / 2, sigma)))
    return Source(
        source_id="", name=names.draw(kind["suffixes"]), kind=kind["kind"], place=kind["place"], point=(0, 0), node="", true_system="foul",
        stated_system="foul", mean_m3d=round(mean, 1), pattern=kind["pattern"], credit_code=credit_code(rng), is_registered=True,
        is_wrong=False, net_id="", address="",
    )  # fmt: skip


def _on_street(
    sketch: Sketch, course: Course, spots: list[Spot], kind: Mapping[str, str], names: Names, others: list[Source]
) -> Source:
    """A building on a street, connected as it should be; wrong connections come later."""
    del course
    rng = sketch.rng
    for _ in range(60):
        spot = spots[int(rng.integers(len(spots)))]
        off = rng.uniform(14, 42) * (1 if rng.random() < 0.5 else -1)
        point = (spot.point[0] + off * spot.across[0], spot.point[1] + off * spot.across[1])
        gap = min((np.hypot(point[0] - o.point[0], point[1] - o.point[1]) for o in others), default=1e9)
        if gap > 35 and sketch.clear_m(point) > 18 and (kind["kind"] != "electroplating" or spot.net_id[0] in "BC"):
            break
    base = _base(rng, kind, names)
    system = "combined" if spot.foul.startswith("H") else "foul"
    return replace(
        base,
        point=point,
        node=spot.foul,
        true_system=system,
        stated_system=system,
        net_id=spot.net_id,
        address=spot.street,
    )


def _by_water(
    sketch: Sketch, course: Course, spots: list[Spot], kind: Mapping[str, str], names: Names, others: list[Source]
) -> Source:
    """A works, farm, village or plant near open water, with a pipe or ditch of its own to the bank."""
    rng = sketch.rng
    base = _base(rng, kind, names)
    if kind["place"] == "plant":
        u = course.braid_u[0] + 120
        return _private(sketch, replace(base, point=(u, course.at(u) + 330)), "HC-05L", "river")
    for _ in range(200):
        point, only = _waterside(rng, sketch, course, kind["place"], kind["kind"])
        gap = min((np.hypot(point[0] - o.point[0], point[1] - o.point[1]) for o in others), default=1e9)
        street = min(np.hypot(point[0] - s.point[0], point[1] - s.point[1]) for s in spots)
        clear = 28 if kind["place"] != "village" else 40
        bank, *_ = sketch.on_bank(point, back_m=3.0, only=only)
        crowd = min((np.hypot(bank[0] - m.point[0], bank[1] - m.point[1]) for m in sketch.mouths), default=1e9)
        if gap > 60 and sketch.clear_m(point) > clear and street > 70 and crowd > 25:
            break
    return _private(sketch, replace(base, point=point), only, "river")


def _waterside(rng: np.random.Generator, sketch: Sketch, course: Course, place: str, kind: str) -> tuple[Point, str]:
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


def _private(sketch: Sketch, source: Source, only: str, system: str) -> Source:
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
    recorded = source.is_registered and bool(rng.random() > errors()["unrecorded_private_share"])
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


def _connect_wrongly(sketch: Sketch, sources: list[Source], spots: list[Spot]) -> list[Source]:
    """Connect some street sources to the storm sewer in front of them; the permit still says foul."""
    rng = sketch.rng
    storm_of = {spot.foul + spot.net_id: spot for spot in spots}
    nets: dict[str, list[int]] = {}
    for at, source in enumerate(sources):
        if source.place == "street" and source.true_system == "foul":
            nets.setdefault(source.net_id, []).append(at)
    changed = list(sources)
    order = list(nets)
    rng.shuffle(order)
    wet = max(
        round(town_rules()["storm_wet_share"] * sum(m.outfall_class == "oth.urban_storm" for m in sketch.mouths)), 10
    )
    for net_id in order[:wet]:
        members = nets[net_id]
        count = 2 if len(members) > 1 and rng.random() < town_rules()["second_source_share"] else 1
        for at in rng.choice(members, size=count, replace=False).tolist():
            spot = _spot_of(changed[at], storm_of, spots)
            changed[at] = replace(changed[at], node=spot.storm, true_system="storm", is_wrong=True)
    return changed


def _spot_of(source: Source, by_foul: Mapping[str, Spot], spots: list[Spot]) -> Spot:
    same = [spot for spot in spots if spot.net_id == source.net_id and spot.foul == source.node]
    nearest = min(
        same, key=lambda s: np.hypot(s.point[0] - source.point[0], s.point[1] - source.point[1]), default=None
    )
    return nearest or by_foul[source.node + source.net_id]


def _hide(
    sketch: Sketch, course: Course, spots: list[Spot], names: Names, sources: list[Source], count: int
) -> list[Source]:
    """Add dischargers nobody registered: in a back yard on a storm sewer that is dry, or with a pipe of their own."""
    rng = sketch.rng
    hidden: list[Source] = []
    busy = {source.net_id for source in sources if source.true_system == "storm"}
    for kind_name in rng.permutation(_HIDDEN)[:count].tolist():
        kind = next(k for k in kinds() if k["kind"] == kind_name)
        kind = {
            **kind,
            "mean_m3d": {"livestock": "35", "electroplating": "45"}.get(kind_name, "50"),
            "pattern": kind["pattern"],
        }
        source = replace(_base(rng, kind, names), is_registered=False, is_wrong=True, place="hidden", credit_code="")
        free = [
            spot for spot in spots if spot.net_id not in busy and not spot.storm.startswith("H") and spot.net_id != "LG"
        ]
        if kind_name != "livestock" and free:
            spot = free[int(rng.integers(len(free)))]
            busy.add(spot.net_id)
            point = (spot.point[0] + 30 * spot.across[0], spot.point[1] + 30 * spot.across[1])
            hidden.append(
                replace(
                    source,
                    point=point,
                    node=spot.storm,
                    true_system="storm",
                    stated_system="",
                    net_id=spot.net_id,
                    address=spot.street,
                )
            )
        else:
            point, only = _waterside(rng, sketch, course, "farm", "livestock")
            hidden.append(replace(_private(sketch, replace(source, point=point), only, "river"), stated_system=""))
    return hidden


def _add_dry(sketch: Sketch, course: Course) -> None:
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
