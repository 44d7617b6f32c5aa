"""What does the laboratory report: samples of outfalls and sources, with noise, non-detects, a duplicate and a blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.simulate._data import town_rules, tracers
from outfall.simulate._draw import FLOWING_M3S
from outfall.simulate._survey import START, step_at
from outfall.vocabulary import parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.simulate._draw import Scenery

__all__ = ["analyse", "sampled_mouths", "take_samples"]

_SAMPLING = pd.Timestamp("2026-04-15 08:30", tz="Asia/Shanghai")
_NATURAL = ("river", "groundwater")


def take_samples(scenery: Scenery, walked: pd.DataFrame) -> pd.DataFrame:
    """Return who took which water where and when: painted outfalls with water, then effluents of registered sources."""
    rows = _at_outfalls(scenery, walked) + _at_sources(scenery)
    frame = pd.DataFrame(rows)
    frame = frame.sort_values(["taken_at", "point_name"], kind="stable", ignore_index=True)
    day = frame["taken_at"].dt.tz_convert("Asia/Shanghai").dt.strftime("%m%d")
    frame.insert(0, "sample_id", "W" + day + "-" + (frame.groupby(day).cumcount() + 1).map("{:02d}".format))
    return _with_checks(scenery, frame)


def _at_outfalls(scenery: Scenery, walked: pd.DataFrame) -> list[dict[str, object]]:
    rng = scenery.rng(5)
    mouths = {m.mouth_id: m for m in scenery.sketch.mouths}
    wet = walked[walked["is_discharging"] & (walked["code"] != "") & ~walked["mouth_id"].isin(["T-LG"])]
    hidden = {s.net_id for s in scenery.sources if not s.is_registered}
    is_storm = (wet["outfall_class"] == "oth.urban_storm").to_numpy()
    is_hidden = np.array([mouths[name].net_id in hidden for name in wet["mouth_id"]])
    turn = rng.permutation(len(wet)) - len(wet) * (is_storm.astype(int) + 2 * is_hidden)
    wet = wet.iloc[np.sort(np.argsort(turn)[: int(town_rules()["sampled_outfalls_max"])])]
    rows: list[dict[str, object]] = []
    for number, row in enumerate(wet.itertuples()):
        mouth = mouths[row.mouth_id]
        flow = scenery.water.flow_m3s[mouth.node]
        day, turn = divmod(number, 12)
        times = [_SAMPLING + pd.Timedelta(days=day, minutes=turn * 40 + 30 * retry) for retry in range(4)]
        at = next((t for t in times if flow[step_at(t)] > FLOWING_M3S), times[0])
        if flow[step_at(at)] <= FLOWING_M3S:
            continue
        measured = round(float(flow[step_at(at)] * np.exp(rng.normal(0, 0.2))), 5) if rng.random() < 0.7 else np.nan
        rows.append(_sample(at, row.code, "outfall_id", row.lon, row.lat, measured, mouth.mouth_id))
    return rows


def _at_sources(scenery: Scenery) -> list[dict[str, object]]:
    rng = scenery.rng(6)
    registered = sorted((s for s in scenery.sources if s.is_registered), key=lambda s: s.source_id)
    chosen = rng.permutation(len(registered))[: round(town_rules()["own_sample_share"] * len(registered))]
    rows: list[dict[str, object]] = []
    for source in (registered[i] for i in sorted(chosen.tolist())):
        lon, lat = np.round(scenery.lonlat(np.array([source.point]), error_m=rng.normal(0, 4, 2))[0], 6)
        days = rng.choice(10, size=int(rng.choice([1, 2, 3], p=[0.4, 0.35, 0.25])), replace=False)
        for day in sorted(days.tolist()):
            at = START + pd.Timedelta(
                days=int(day), hours=int(rng.integers(9, 17)), minutes=int(rng.choice([0, 10, 20, 40]))
            )
            rows.append(_sample(at, f"{source.name}排水口", "source_id", lon, lat, np.nan, source.source_id))
    return rows


def _sample(
    at: pd.Timestamp, point_name: str, column: str, lon: float, lat: float, flow: float, truth_id: str
) -> dict[str, object]:
    return {
        "kind": "routine", "method": "laboratory", "outfall_id": point_name if column == "outfall_id" else "",
        "source_id": truth_id if column == "source_id" else "", "point_name": point_name,
        "taken_at": at.tz_convert("UTC"),
        "flow_m3s": flow, "lon": lon, "lat": lat, "truth_id": truth_id, "note": "",
    }  # fmt: skip


def _with_checks(scenery: Scenery, frame: pd.DataFrame) -> pd.DataFrame:
    """Add two duplicates and one field blank."""
    rng = scenery.rng(7)
    outfalls = frame.index[frame["outfall_id"] != ""]
    twins = frame.loc[np.sort(rng.choice(outfalls, size=2, replace=False))].copy()
    twins["sample_id"] += "P"
    twins["kind"], twins["note"] = "duplicate", "现场平行"
    blank = frame.loc[[outfalls[-1]]].copy()
    blank["sample_id"], blank["kind"], blank["note"] = "W0417-KB", "field_blank", "全程序空白"
    blank["point_name"], blank["outfall_id"], blank["flow_m3s"] = "全程序空白", "", np.nan
    blank["lon"], blank["lat"], blank["truth_id"] = np.nan, np.nan, ""
    return pd.concat([frame, twins, blank], ignore_index=True)


def analyse(scenery: Scenery, samples: pd.DataFrame) -> pd.DataFrame:
    """Return the results in long form, values as a laboratory writes them."""
    rng = scenery.rng(8)
    names = [t["parameter"] for t in tracers()]
    lab_cv = np.array([float(t["lab_cv"]) for t in tracers()])
    rows: list[dict[str, object]] = []
    for sample in samples.itertuples():
        true = _true_water(scenery, sample)
        found = true * np.exp(rng.normal(0, lab_cv))
        found[names.index("total_nitrogen")] = max(
            found[names.index("total_nitrogen")], 1.03 * found[names.index("ammonia")]
        )
        rows += [_result(rng, str(sample.sample_id), index, float(value)) for index, value in enumerate(found)]
    frame = pd.DataFrame(rows)
    slash = frame.index[(frame["parameter"] == "grease")][int(rng.integers(len(samples)))]
    return frame.drop(index=slash).reset_index(drop=True)  # that cell of the sheet says "/"


def _true_water(scenery: Scenery, sample: object) -> NDArray[np.float64]:
    truth_id, at = getattr(sample, "truth_id"), getattr(sample, "taken_at")  # noqa: B009
    if truth_id == "":
        limits = np.array([float(t["detection_limit"] or 0.01) for t in tracers()])
        blank = 0.3 * limits
        blank[:3] = (6.9, 18.0, 2.0)
        return blank
    step = step_at(at)
    if truth_id in scenery.made:
        concentration: NDArray[np.float64] = scenery.made[truth_id][1][:, step]
        return concentration
    node = next(m.node for m in scenery.sketch.mouths if m.mouth_id == truth_id)
    return scenery.water.concentration(node)[:, step]


def _result(rng: np.random.Generator, sample_id: str, index: int, value: float) -> dict[str, object]:
    """Return one result; below its detection limit it is written as one of three ways laboratories have."""
    tracer = tracers()[index]
    name, limit = tracer["parameter"], tracer["detection_limit"]
    factor = 1000.0 if tracer["heading"].endswith("(µg/L)") else 1.0
    places = int(tracer["decimals"])
    is_found = not limit or value >= float(limit)
    shown = f"{value * factor:.{places}f}" if is_found else _below(rng, float(limit) * factor)
    return {
        "result_id": f"{sample_id}/{name}", "sample_id": sample_id, "parameter": name,
        "qualifier": "=" if is_found else "<",
        "value": float(shown) / factor if is_found else np.nan, "unit": parameters()[name].unit,
        "detection_limit": float(limit) if limit else np.nan, "value_text": shown,
        "unit_text": tracer["heading"].rpartition("(")[2].rstrip(")"), "method": "laboratory",
    }  # fmt: skip


def _below(rng: np.random.Generator, limit: float) -> str:
    return (f"<{limit:g}", f"<{limit:g}", f"<{limit:g}", "未检出", "ND")[int(rng.integers(5))]


def sampled_mouths(samples: pd.DataFrame) -> dict[str, list[str]]:
    """Return the sample ids of every true outfall."""
    rows = samples[(samples["outfall_id"] != "")]
    return {str(key): list(group["sample_id"]) for key, group in rows.groupby("truth_id")}
