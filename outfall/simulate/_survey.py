"""What does a survey bring home: finds of a flight, a walkover form, a pipe inspection, each with honest errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.simulate._data import errors
from outfall.simulate._draw import FLOWING_M3S
from outfall.simulate._names import outfall_name
from outfall.simulate._transport import STEP_S

if TYPE_CHECKING:
    from outfall.simulate._draw import Scenery
    from outfall.simulate._sketch import Line, Mouth

__all__ = ["START", "fly", "inspect", "step_at", "walk"]

START = pd.Timestamp("2026-04-05 00:00", tz="Asia/Shanghai")
_FLIGHT = pd.Timestamp("2026-04-12 09:02", tz="Asia/Shanghai")
_WALK = pd.Timestamp("2026-04-13 08:20", tz="Asia/Shanghai")
_INSPECTION = pd.Timestamp("2026-04-10 09:00", tz="Asia/Shanghai")
_LANDMARK_M = 600.0
_COLOURS = {
    "dyeing": "蓝黑",
    "livestock": "黄褐",
    "domestic": "灰",
    "restaurant": "灰白",
    "laundry": "乳白",
    "food": "乳白",
    "paper": "浅褐",
    "construction": "泥黄",
}
_ODOURS = {
    "domestic": "粪臭",
    "restaurant": "油脂味",
    "livestock": "粪臭",
    "chemical": "刺激性气味",
    "food": "酸臭",
    "machinery": "油味",
    "car_wash": "油味",
}


def step_at(at: pd.Timestamp) -> int:
    """Return the step of the water that a time falls into."""
    return int((at - START).total_seconds() // STEP_S)


def is_flowing(scenery: Scenery, mouth: Mouth, at: pd.Timestamp) -> bool:
    """Whether water leaves a mouth at a time."""
    flow = scenery.water.flow_m3s.get(mouth.node)
    return flow is not None and bool(flow[step_at(at)] > FLOWING_M3S)


def fly(scenery: Scenery) -> pd.DataFrame:
    """Return the finds of one flight: some outfalls are missed, some finds are nothing, all are shifted together."""
    size, rng = errors(), scenery.rng(1)
    bearing = rng.uniform(0, 2 * np.pi)
    bias = size["drone_bias_m"] * np.array([np.cos(bearing), np.sin(bearing)])
    seen = []
    for mouth in sorted(scenery.sketch.mouths, key=lambda m: m.point[0]):
        at = _FLIGHT + pd.Timedelta(seconds=int(40 + mouth.point[0] * 1.15 + rng.integers(0, 30)))
        wet = is_flowing(scenery, mouth, at)
        if rng.random() < size["drone_miss_share"] * (0.75 if wet else 1.4):
            continue
        sigma = rng.uniform(size["drone_sigma_min_m"], size["drone_sigma_max_m"])
        seen.append((at, mouth.point, sigma, float(rng.beta(6, 2)), mouth.mouth_id, wet, mouth.shape))
    false_count = round(len(seen) * size["drone_false_share"] / (1 - size["drone_false_share"]))
    for _ in range(false_count):
        at = _FLIGHT + pd.Timedelta(seconds=int(rng.integers(60, 6500)))
        seen.append((at, _any_bank(scenery, rng), rng.uniform(3, 6), float(rng.beta(3, 3)), "", False, "other"))
    seen.sort(key=lambda row: row[0])
    points = np.array([row[1] for row in seen])
    noise = rng.normal(0, 1, points.shape) * np.array([[row[2]] for row in seen]) + bias
    lonlat = scenery.lonlat(points, error_m=noise)
    return pd.DataFrame(
        {
            "sighting_id": [f"D{i:03d}" for i in range(1, len(seen) + 1)],
            "survey_id": "flight_0412",
            "seen_at": [row[0].tz_convert("UTC") for row in seen],
            "lon": np.round(lonlat[:, 0], 7),
            "lat": np.round(lonlat[:, 1], 7),
            "sigma_m": 3.5,
            "confidence_share": np.round([row[3] for row in seen], 2),
            "outfall_shape": [row[6] if rng.random() < 0.8 else "other" for row in seen],
            "is_discharging": [row[5] for row in seen],
            "mouth_id": [row[4] for row in seen],
        }
    )


def _any_bank(scenery: Scenery, rng: np.random.Generator) -> tuple[float, float]:
    lines = [
        line
        for line in scenery.sketch.rivers()
        if line.line_id.startswith(("HC", "QX", "NG-01")) and line.kind != "culvert"
    ]
    line = lines[int(rng.integers(len(lines)))]
    spot = line.points[int(rng.integers(1, len(line.points) - 1))]
    return scenery.sketch.on_bank(
        (float(spot[0]), float(spot[1] + rng.choice([-25, 25]))), back_m=rng.uniform(-1, 5), only=line.line_id
    )[0]


def walk(scenery: Scenery) -> pd.DataFrame:
    """Return the walkover form: most outfalls, a code painted on most; what nobody registered is always found."""
    size, rng = errors(), scenery.rng(2)
    by_net = {
        s.net_id: s for s in sorted(scenery.sources, key=lambda s: s.mean_m3d) if s.true_system in ("storm", "river")
    }
    hidden = {s.net_id for s in scenery.sources if not s.is_registered}
    order = sorted(scenery.sketch.mouths, key=lambda m: (m.river_id, m.along_m))
    rows = []
    for number, mouth in enumerate(order):
        day, clock = divmod(number * 21 + int(rng.integers(0, 9)), 500)
        at = _WALK + pd.Timedelta(days=day, minutes=clock)
        wet = is_flowing(scenery, mouth, at)
        noise, spare = rng.normal(0, size["walk_sigma_m"], 2), rng.random(4)
        if mouth.net_id in hidden:
            spare[:2] = 1.0, 0.0
        if spare[0] < size["walk_miss_share"] * (0.5 if wet else 1.5):
            continue
        lon, lat = np.round(scenery.lonlat(np.array([mouth.point]), error_m=noise)[0], 6)
        flow = scenery.water.flow_m3s[mouth.node][step_at(at)] if wet else 0.0
        source = by_net.get(mouth.net_id)
        is_painted = spare[1] < size["walk_code_share"] + (0.07 if wet else 0)
        rows.append(
            {
                "sighting_id": f"F{number + 1:03d}", "survey_id": f"walk_04{13 + day}",
                "seen_at": at.tz_convert("UTC"),
                "name": _name(scenery, mouth),
                "code": f"QH-{17 + number * 2:04d}" if is_painted else "",
                "lon": lon, "lat": lat, "sigma_m": round(float(rng.uniform(3, 7)), 1),
                "side": scenery.sheet.side(mouth.side),
                "outfall_class": mouth.outfall_class if spare[2] < 0.9 else "undetermined",
                "outfall_shape": mouth.shape,
                "is_discharging": wet, "diameter_mm": mouth.diameter_mm,
                "flow_m3s": round(float(flow * np.exp(rng.normal(0, 0.3))), 5) if wet else np.nan,
                "colour": _COLOURS.get(source.kind, "清") if wet and source else "",
                "odour": _ODOURS.get(source.kind, "") if wet and source and spare[3] < 0.7 else "",
                "observer": ("甲组", "乙组")[number % 2], "note": "" if wet else "晴天无水", "mouth_id": mouth.mouth_id,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _name(scenery: Scenery, mouth: Mouth) -> str:
    """Return the name by the landmark: the nearest registered unit, whoever discharges, or a street or river."""
    gaps = [
        (float(np.hypot(s.point[0] - mouth.point[0], s.point[1] - mouth.point[1])), s)
        for s in scenery.sources
        if s.is_registered
    ]
    gap, unit = min(gaps, key=lambda found: (found[0], found[1].source_id))
    if mouth.outfall_class == "oth.urban_storm" or gap > _LANDMARK_M:
        away_m = 20.0 + mouth.along_m % 97.0  # the corner the crew counted from
        place, near = np.array(mouth.point) + away_m * np.array([np.sin(away_m), np.cos(away_m)]), mouth.near
    else:
        place, near = np.array(unit.point), unit.name
    east, north = (scenery.sheet.place(np.array(mouth.point)) - scenery.sheet.place(place))[0]
    return outfall_name(near, mouth.outfall_class, east_m=float(east), north_m=float(north))


def inspect(scenery: Scenery) -> pd.DataFrame:
    """Return what a crawler logged in some storm sewers: connections, wrong ones among them, and ordinary defects."""
    size, rng = errors(), scenery.rng(3)
    wrong: dict[str, list[str]] = {}
    for source in scenery.sources:
        if source.true_system == "storm":
            wrong.setdefault(source.node, []).append(source.source_id)
    nets = sorted(
        {m.net_id for m in scenery.sketch.mouths if m.outfall_class == "oth.urban_storm" and m.net_id[1] != "Q"}
    )
    chosen = set(rng.permutation(nets)[: max(8, len(nets) // 2)].tolist())
    rows: list[dict[str, object]] = []
    lines = [
        line
        for line in scenery.sketch.lines.values()
        if line.system == "storm" and line.line_id[3:6] in chosen and not line.line_id.endswith("-K")
    ]
    for number, line in enumerate(lines):
        _inspect_line(rng, line, wrong.get(line.from_node, []), rows, number, size["crawler_wrong_miss_share"])
    return pd.DataFrame(rows)


_DEFECTS = (
    ("PL", "破裂"),
    ("CK", "错口"),
    ("CJ", "沉积"),
    ("AJ", "支管暗接"),
    ("SL", "渗漏"),
    ("SG", "树根"),
    ("BCAEA", "支管接入"),
    ("FZ", "浮渣"),
)


def _inspect_line(
    rng: np.random.Generator,
    line: Line,
    wrong: list[str],
    rows: list[dict[str, object]],
    number: int,
    miss_share: float,
) -> None:
    length = round(line.shape.length, 2)
    is_down = bool(rng.random() < 0.7)
    seen = [
        (
            round(float(rng.uniform(1, length - 1)), 2),
            *_DEFECTS[int(rng.integers(len(_DEFECTS)))],
            int(rng.integers(1, 4)),
        )
        for _ in range(int(rng.poisson(0.8)))
    ]
    for _ in wrong:
        at, is_missed = round(float(rng.uniform(1.5, 9.0)), 2), bool(rng.random() < miss_share)
        kind = ("BDECA", "BDEDA", "BDEYA")[int(rng.integers(3))]
        seen.append((at, "BCAEA", "支管接入,未见水流", 1) if is_missed else (at, kind, "支管来水,疑似污水混接", 3))
    seen += [(0.0, "BCD", "起点", 0), (length, "BCE", "终点", 0)]
    at_clock = _INSPECTION + pd.Timedelta(days=number // 40, minutes=(number % 40) * 11)
    for along, code, text, grade in seen:
        rows.append(
            {
                "pipe_id": line.line_id, "from_node": line.from_node, "to_node": line.to_node,
                "direction": "顺流" if is_down else "逆流",
                "distance_m": along if is_down else round(length - along, 2), "length_m": length, "code": code,
                "grade": grade or "",
                "clock": int(rng.integers(1, 13)), "note": text,
                "seen_at": (at_clock + pd.Timedelta(seconds=int(along * 4))).tz_convert("UTC"),
            }
        )  # fmt: skip
    if not is_down:
        for row in rows[-2:]:
            row["code"], row["note"] = {"BCD": ("BCE", "终点"), "BCE": ("BCD", "起点")}[str(row["code"])]
    rows[-len(seen) :] = sorted(rows[-len(seen) :], key=lambda row: float(str(row["distance_m"])))
