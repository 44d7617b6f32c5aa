"""What to sample, where, when, by which crew, in which bottle."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables import issue
from outfall.tables.issues import attach_issues
from outfall.vocabulary import find_parameter
from outfall.water.plan_bottles import shortest_hold_h
from outfall.water.plan_brackets import find_brackets
from outfall.water.plan_route import order_stops, split_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["plan_rules", "plan_sampling"]

_FIRST = {"downstream": 0, "outfall": 1, "upstream": 2}  # up the river, so that no step stirs the next sample
_COLUMNS = (
    "sample_id", "kind", "role", "outfall_id", "reach_id", "along_m", "side", "point_name", "parameters", "planned_at",
    "day", "crew", "stop", "reason", "reason_zh", "source_ref", "geometry",
)  # fmt: skip


def plan_rules() -> dict[str, float]:
    """Return how a sampling day is planned: hours, speeds, distances and shares, all our default.

    Returns
    -------
    dict of str to float
        Change what differs and pass it to plan_sampling as ``rules``.

    Examples
    --------
    >>> plan_rules()["day_h"]
    8.0
    """
    return dict(_defaults())


def plan_sampling(
    outfalls: gpd.GeoDataFrame,
    network: Network,
    *,
    parameters: Sequence[str],
    starts_at: datetime,
    crews: int = 1,
    base: gpd.GeoSeries | None = None,
    priority: pd.Series | None = None,
    rules: Mapping[str, float] | None = None,
) -> gpd.GeoDataFrame:
    """Return the samples to take: outfalls, the river above and below each, duplicates and blanks, by crew and day.

    Outfalls that discharge come first, those nobody saw running last; ``priority`` wins over that. Every site is
    visited going up the river. Rounds are short, not shortest.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        Contract ``outfalls``; rejected and merged ones are left out. Not changed.
    network : Network
        Where the points above and below lie; see find_brackets.
    parameters : sequence of str
        What shall be measured, by any name the vocabulary knows.
    starts_at : datetime with zone
        When the first day begins.
    crews : int, default 1
        Crews that go out each day.
    base : GeoSeries of one Point, optional
        Where crews start and end; without it days have no way to and from.
    priority : Series by outfall_id, optional
        Outfalls to sample, those with the greatest number first, on the first days; others are left out.
    rules : mapping of str to float, optional
        Like plan_rules(); ours where a name is missing.

    Returns
    -------
    GeoDataFrame, Point, CRS of the network
        ``sample_id`` (day, crew, stop: write it on the bottle), ``kind``, ``role``, ``outfall_id``, ``reach_id``,
        ``along_m``, ``side``, ``point_name``, ``parameters``, ``planned_at``, ``day``, ``crew``, ``stop``, ``reason``,
        ``reason_zh``, ``source_ref``; in the order of the day. tables.list_issues says what does not keep until evening.

    Raises
    ------
    TableError
        A parameter or rule nobody knows, no crew, or a time without a zone.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from outfall.network import build_network
    >>> river = gpd.GeoDataFrame({"reach_id": ["A"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400000, 502000 3400000)"]))
    >>> mouths = gpd.GeoDataFrame({"outfall_id": ["P1", "P2"], "reach_id": "A", "along_m": [400.0, 1500.0]},
    ...     geometry=gpd.points_from_xy([500400, 501500], [3400005, 3400005]), crs=32650)
    >>> plan = plan_sampling(mouths, build_network(river), parameters=["氨氮"], starts_at=datetime(2026, 4, 12, tzinfo=UTC))
    >>> plan["role"].tolist()[:4], len(plan)
    (['downstream', 'blank', 'outfall', 'duplicate'], 8)
    """
    used = _rules(rules)
    wanted = _parameters(parameters, starts_at, crews)
    chosen = _chosen(outfalls, priority).to_crs(network.crs)
    stops = _stops(chosen, network, used)
    homes = None if base is None else np.array(base.to_crs(network.crs).iloc[0].coords[0])
    rows: list[dict[str, object]] = []
    for number, (names, minutes) in enumerate(_days(chosen, stops, used, homes, priority)):
        day, crew = divmod(number, crews)
        begin = pd.Timestamp(starts_at) + pd.Timedelta(days=day)
        rows += _one_day(names, minutes, stops, used, (day + 1, crew + 1, begin))
    table = gpd.GeoDataFrame(
        pd.DataFrame(rows, columns=[c for c in _COLUMNS if c != "parameters"]), geometry="geometry", crs=network.crs
    )
    table.insert(8, "parameters", pd.Series([";".join(wanted)] * len(table), dtype="str", index=table.index))
    text = {name: "str" for name in _COLUMNS[:8] if name != "along_m"} | {"reason": "str", "reason_zh": "str"}
    return attach_issues(table.astype(text), _notes(table, wanted, used))


def _rules(given: Mapping[str, float] | None) -> dict[str, float]:
    unknown = sorted(set(given or {}) - set(_defaults()))
    if unknown:
        msg = f"plan: no rule is called {unknown[0]!r}; the rules are {', '.join(_defaults())}"
        raise TableError(msg)
    return {**_defaults(), **(given or {})}


def _parameters(names: Sequence[str], starts_at: datetime, crews: int) -> list[str]:
    found = {name: find_parameter(name) for name in names}
    problems = [
        Problem("parameters", f"{name!r} is no parameter", "use a name of vocabulary/parameters.csv")
        for name, known in found.items()
        if known is None
    ]
    if starts_at.tzinfo is None:
        problems.append(Problem("starts_at", f"{starts_at} has no time zone", "give it a tzinfo"))
    if crews < 1:
        problems.append(Problem("crews", f"is {crews}", "send at least one"))
    if problems:
        msg = f"plan: {len(problems)} problems"
        raise TableError(msg, problems)
    return [str(known) for known in found.values()]


def _chosen(outfalls: gpd.GeoDataFrame, priority: pd.Series | None) -> gpd.GeoDataFrame:
    status = outfalls["status"] if "status" in outfalls else pd.Series("confirmed", index=outfalls.index)
    kept = outfalls[~status.isin(["rejected", "merged"]) & outfalls.geometry.notna()]
    if priority is not None:
        kept = kept[kept["outfall_id"].isin(priority.index)]
    for name in ("reach_id", "along_m", "side", "name", "is_discharging"):
        if name not in kept:
            kept = kept.assign(**{name: None})
    return kept.sort_values("outfall_id", kind="stable").reset_index(drop=True)


def _stops(
    chosen: gpd.GeoDataFrame, network: Network, rules: Mapping[str, float]
) -> dict[str, list[dict[str, object]]]:
    """Return the samples of every outfall, up the river."""
    brackets = find_brackets(chosen, network, upstream_m=rules["upstream_m"], farthest_m=rules["farthest_m"])
    found: dict[str, list[dict[str, object]]] = {name: [] for name in chosen["outfall_id"]}
    labels = {
        row.outfall_id: row.name_ if isinstance(row.name_, str) else row.outfall_id
        for row in chosen.rename(columns={"name": "name_"}).itertuples()
    }
    for row in [*chosen.assign(role="outfall").to_dict("records"), *brackets.to_dict("records")]:
        name, role = str(row["outfall_id"]), str(row["role"])
        word = {"upstream": "上游", "downstream": "下游", "outfall": ""}[role]
        found[name].append(
            {
                **{key: row.get(key) for key in ("outfall_id", "role", "reach_id", "along_m", "side", "geometry")},
                "kind": "routine",
                "point_name": f"{labels[name]}{word}",
                "reason": "the outfall itself" if role == "outfall" else row["reason"],
                "reason_zh": "排口出水" if role == "outfall" else row["reason_zh"],
            }
        )
    return {name: sorted(rows, key=lambda row: _FIRST[str(row["role"])]) for name, rows in found.items()}


def _days(
    chosen: gpd.GeoDataFrame,
    stops: Mapping[str, list[dict[str, object]]],
    rules: Mapping[str, float],
    base: NDArray[np.float64] | None,
    priority: pd.Series | None,
) -> list[tuple[list[str], list[float]]]:
    """Return the outfalls of each crew's day with the minute of arrival, the urgent days first."""
    if not len(chosen):
        return []
    names = chosen["outfall_id"].tolist()
    points = np.column_stack([chosen.geometry.x, chosen.geometry.y])
    stay = np.array([rules["sample_min"] * len(stops[name]) for name in names])
    wet = chosen["is_discharging"].astype("object")
    urgency = np.where(wet == True, 1.0, np.where(wet == False, -1.0, 0.0))  # noqa: E712 (missing is neither)
    if priority is not None:
        urgency = priority.reindex(names).to_numpy(dtype=float)
    days = split_days(
        order_stops(points),
        points,
        stay,
        base=base,
        metres_per_min=rules["speed_kmh"] * 1000 / 60 / rules["detour"],
        most_min=rules["day_h"] * 60,
    )
    days.sort(key=lambda day: (-float(np.mean(urgency[day[0]])), names[min(day[0])]))
    return [([names[at] for at in order], minutes) for order, minutes in days]


def _one_day(
    names: list[str],
    minutes: list[float],
    stops: Mapping[str, list[dict[str, object]]],
    rules: Mapping[str, float],
    when: tuple[int, int, pd.Timestamp],
) -> list[dict[str, object]]:
    """Return the samples of one crew's day with its duplicates and blanks."""
    day, crew, begin = when
    rows = [
        {**row, "planned_at": begin + pd.Timedelta(minutes=at + rules["sample_min"] * number)}
        for name, at in zip(names, minutes, strict=True)
        for number, row in enumerate(stops[name])
    ]
    own = [row for row in rows if row["role"] == "outfall"]
    wanted = min(max(1, round(rules["duplicate_share"] * len(rows))), len(own)) if rules["duplicate_share"] > 0 else 0
    picked = [own[at] for at in np.linspace(0, len(own) - 1, wanted).round().astype(int)] if wanted else []
    extra = {
        "role": "duplicate",
        "kind": "duplicate",
        "reason": "a second bottle at once, to see the scatter",
        "reason_zh": "现场平行样",
    }
    rows += [{**row, **extra} for row in picked]
    for kind, count in (("field_blank", rules["field_blanks"]), ("trip_blank", rules["trip_blanks"])):
        rows += [_blank(rows[0], kind) for _ in range(int(count))]
    rows.sort(key=lambda row: pd.Timestamp(str(row["planned_at"])))
    for stop, row in enumerate(rows, start=1):
        code = f"W{begin:%y%m%d}-{crew}{stop:02d}"
        row.update(
            sample_id=code, day=day, crew=crew, stop=stop, source_ref=f"plan_sampling({row['outfall_id'] or 'blank'})"
        )
    return rows


def _blank(first: Mapping[str, object], kind: str) -> dict[str, object]:
    place = {"outfall_id": None, "reach_id": None, "along_m": np.nan, "side": None}
    words = {
        "field_blank": ("clean water filled on site", "全程序空白"),
        "trip_blank": ("clean water that only travels", "运输空白"),
    }
    reason, reason_zh = words[kind]
    return {
        **first,
        **place,
        "role": "blank",
        "kind": kind,
        "point_name": reason_zh,
        "reason": reason,
        "reason_zh": reason_zh,
    }


def _notes(plan: pd.DataFrame, parameters: Sequence[str], rules: Mapping[str, float]) -> list[dict[str, object]]:
    hold = shortest_hold_h(parameters)
    if not len(plan) or hold >= rules["day_h"]:
        return []
    reason = f"the first parameter keeps {hold:.0f} h, a day takes {rules['day_h']:.0f} h: bring bottles to the laboratory in between"
    reason_zh = f"最短保存时间 {hold:.0f} 小时, 短于单日 {rules['day_h']:.0f} 小时, 须中途送样"
    return [
        issue(
            "assumption",
            "samples",
            reason,
            reason_zh=reason_zh,
            rows=plan["sample_id"],
            level="warning",
            decision="kept",
        )
    ]


@cache
def _defaults() -> dict[str, float]:
    text = files(__package__).joinpath("plan.toml").read_text(encoding="utf-8")
    return {name: float(value) for name, value in tomllib.loads(text).items() if name != "is_verified"}
