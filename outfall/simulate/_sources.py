"""Who discharges, where and into what: registered sources, wrong connections, and the ones nobody registered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from outfall.simulate._data import kinds, town_rules
from outfall.simulate._names import Names
from outfall.simulate._source import Source, new_source
from outfall.simulate._waterside import add_dry, draw_private, find_waterside, settle_by_water

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.simulate._rivers import Course
    from outfall.simulate._sketch import Sketch
    from outfall.simulate._streets import Spot

__all__ = ["settle"]

_HIDDEN = ("electroplating", "laundry", "livestock", "food", "machinery", "chemical")


def settle(sketch: Sketch, course: Course, spots: list[Spot], *, hidden_count: int) -> list[Source]:
    """Settle all sources of the town and draw their private pipes; true outfalls are added to the sketch."""
    rng = sketch.rng
    names = Names(rng)
    sources: list[Source] = []
    crowd = _crowd(rng, spots)
    for kind in kinds():
        for _ in range(int(kind["weight"])):
            if kind["place"] == "street":
                sources.append(_on_street(sketch, crowd, kind, names, sources))
            else:
                sources.append(settle_by_water(sketch, course, spots, kind, names, sources))
    sources = _connect_wrongly(sketch, sources, spots)
    sources += _hide(sketch, course, spots, names, sources, hidden_count)
    add_dry(sketch)
    order = rng.permutation(len(sources))
    numbered = {int(at): f"E{number + 1:03d}" for number, at in enumerate(order)}
    return [replace(source, source_id=numbered[at]) for at, source in enumerate(sources)]


def _crowd(rng: np.random.Generator, spots: list[Spot]) -> list[Spot]:
    """Return spots drawn so that some streets are busy and others quiet."""
    nets = sorted({spot.net_id for spot in spots})
    busy = dict(zip(nets, rng.gamma(3.0, 1.0, len(nets)).tolist(), strict=True))
    weights = np.array([busy[spot.net_id] for spot in spots])
    return [spots[int(at)] for at in rng.choice(len(spots), size=500, p=weights / weights.sum())]


def _on_street(
    sketch: Sketch, spots: list[Spot], kind: Mapping[str, str], names: Names, others: list[Source]
) -> Source:
    """Settle a building on a street, connected as it should be; wrong connections come later."""
    rng = sketch.rng
    for _ in range(60):
        spot = spots[int(rng.integers(len(spots)))]
        off = rng.uniform(14, 42) * (1 if rng.random() < 0.5 else -1)
        point = (spot.point[0] + off * spot.across[0], spot.point[1] + off * spot.across[1])
        gap = min((np.hypot(point[0] - o.point[0], point[1] - o.point[1]) for o in others), default=1e9)
        if gap > 35 and sketch.clear_m(point) > 18 and (kind["kind"] != "electroplating" or spot.net_id[0] in "BC"):
            break
    base = new_source(rng, kind, names)
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


def _connect_wrongly(sketch: Sketch, sources: list[Source], spots: list[Spot]) -> list[Source]:
    """Connect some street sources to the storm sewer in front of them; the permit still says foul."""
    rng = sketch.rng
    storm_of = {spot.foul + spot.net_id: spot for spot in spots}
    nets: dict[str, list[int]] = {}
    for at, source in enumerate(sources):
        if source.place == "street" and source.true_system == "foul":
            nets.setdefault(source.net_id, []).append(at)
    changed = list(sources)
    wet = max(
        round(town_rules()["storm_wet_share"] * sum(m.outfall_class == "oth.urban_storm" for m in sketch.mouths)), 10
    )
    weights = np.array([len(members) for members in nets.values()], dtype=float)
    order = rng.choice(list(nets), size=min(wet, max(len(nets) - 3, 1)), replace=False, p=weights / weights.sum())
    for net_id in order.tolist():
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
        source = replace(
            new_source(rng, kind, names), is_registered=False, is_wrong=True, place="hidden", credit_code=""
        )
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
            point, only = find_waterside(rng, sketch, course, "farm", "livestock")
            hidden.append(replace(draw_private(sketch, replace(source, point=point), only, "river"), stated_system=""))
    return hidden
