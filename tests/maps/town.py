"""A small invented town for map tests: reaches, outfalls, sources, sightings and a hand-made trace."""

from __future__ import annotations

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import LineString, Point

CRS = "EPSG:4549"
EAST, NORTH = 500_000.0, 3_345_000.0


def make_town(seed=1, *, outfall_count=60, source_count=30):
    """Return network, outfalls, sources, sightings, found as a namespace."""
    rng = np.random.default_rng(seed)
    reaches = _reaches(rng)
    outfalls = _outfalls(rng, reaches, outfall_count)
    sources = _sources(rng, reaches, source_count)
    found = _found(rng, reaches, outfalls, sources)
    sightings = _sightings(rng, outfalls)
    network = SimpleNamespace(reaches=reaches, crs=reaches.crs)
    return SimpleNamespace(network=network, outfalls=outfalls, sources=sources, sightings=sightings, found=found)


def _bend(rng, start, end, steps=14, swing=60.0):
    t = np.linspace(0, 1, steps)
    line = np.outer(1 - t, start) + np.outer(t, end)
    across = np.array([-(end[1] - start[1]), end[0] - start[0]]) / max(
        1.0, np.hypot(end[0] - start[0], end[1] - start[1])
    )
    wave = np.sin(t * np.pi * rng.uniform(1.5, 3)) * swing * np.sin(t * np.pi)
    return LineString(line + wave[:, None] * across + [EAST, NORTH])


def _reaches(rng):
    rows, spots = [], {}
    stem = [(0, 2600), (900, 2300), (1800, 2050), (2700, 1500), (3500, 1450), (4400, 1000), (5300, 700), (6200, 300)]
    spots.update({f"R{k}": np.array(at, float) for k, at in enumerate(stem)})
    for k in range(7):
        kind = "tidal" if k == 6 else "river"
        rows.append((f"river-{k}", kind, None, "清溪河", f"R{k}", f"R{k + 1}", 14 + 5 * k))
    for k, (at, end, name) in enumerate(
        [((1200, 3600), "R2", "石桥港"), ((2300, 400), "R3", "南塘河"), ((4700, 2600), "R5", "")]
    ):
        spots[f"T{k}"] = np.array(at, float)
        rows.append((f"trib-{k}", "ditch" if k == 2 else "river", None, name, f"T{k}", end, 9))
    systems = ["storm", "foul", "combined", "storm"]
    for k in range(8):
        end = np.array(stem[min(k, 6)], float) * 0.45 + np.array(stem[min(k, 6) + 1], float) * 0.55
        side = 1 if k % 2 else -1
        system = systems[k % 4]
        down = end + np.array([20, side * 40])
        chain = [down + np.array([rng.uniform(-150, 150), side * 330 * j]) for j in range(1, 4)]
        for j in range(3, 0, -1):
            spots[f"M{k}.{j}"] = chain[j - 1]
        spots[f"M{k}.0"] = down
        spots[f"I{k}"] = end
        for j in range(3, 0, -1):
            kind = "pump" if (k == 4 and j == 1) else "culvert" if (k == 6 and j == 2) else "gravity_sewer"
            rows.append((f"pipe-{k}.{j}", kind, system if k != 7 else None, "", f"M{k}.{j}", f"M{k}.{j - 1}", None))
        rows.append((f"join-{k}", "interface", None, "", f"M{k}.0", f"I{k}", None))
    frame = pd.DataFrame(rows, columns=["reach_id", "kind", "system", "name", "from_node", "to_node", "width_m"])
    river = frame["kind"].isin(["river", "tidal", "ditch"])
    lines = [
        _bend(rng, spots[a], spots[b], swing=70 if r else 0, steps=14 if r else 2)
        for a, b, r in zip(frame["from_node"], frame["to_node"], river, strict=True)
    ]
    frame["forward_share"] = np.where(frame["kind"] == "tidal", 0.5, 1.0)
    frame["diameter_mm"] = np.where(frame["kind"] == "gravity_sewer", 800.0, np.nan)
    frame["source_ref"] = [f"rivers.gpkg#{k + 1}" for k in range(len(frame))]
    table = gpd.GeoDataFrame(frame, geometry=lines, crs=CRS)
    velocity_ms = np.where(river, 0.4, 0.8)
    return table.assign(
        length_m=table.length,
        travel_h=table.length / velocity_ms / 3600,
        system=table["system"].astype("str"),
        name=table["name"].astype("str"),
    )


def _outfalls(rng, reaches, count):
    joins = reaches[reaches["kind"] == "interface"].reset_index(drop=True)
    rivers = reaches[reaches["kind"].isin(["river", "tidal"])].reset_index(drop=True)
    rows, points = [], []
    for k in range(count):
        if k < len(joins):
            line, along = joins.iloc[k], 0.0
            point = Point(line.geometry.coords[-1])
        else:
            line = rivers.iloc[int(rng.integers(len(rivers)))]
            along = float(rng.uniform(0, line.geometry.length))
            spot = line.geometry.interpolate(along)
            point = Point(spot.x + rng.normal(0, 15), spot.y + rng.normal(0, 15))
        points.append(point)
        rows.append(
            {
                "outfall_id": f"MX-{k + 1:04d}" if k % 3 else f"P-{int(rng.integers(16**8)):08x}",
                "name": f"{line['name'] or '无名渠'}{'左' if k % 2 else '右'}岸{k + 1}号口" if k % 4 else None,
                "status": ["confirmed", "suspected", "confirmed", "rejected"][k % 4 if k % 7 else 1],
                "outfall_class": ["ind.enterprise", "oth.urban_storm", "oth.urban_domestic", None][k % 4],
                "outfall_shape": "pipe",
                "is_discharging": [True, False, None][k % 3],
                "diameter_mm": float(rng.choice([300, 500, 800])),
                "receiving_water": "清溪河",
                "reach_id": line["reach_id"],
                "along_m": along,
                "side": "left" if k % 2 else "right",
                "sigma_m": float(rng.uniform(2, 12)),
                "place_share": float(rng.uniform(0.77, 1)),
                "match_share": float(rng.uniform(0.79, 1)),
                "first_seen_at": pd.Timestamp("2026-04-12T02:30Z"),
                "sighting_count": 2,
                "sighting_ids": f"S{2 * k};S{2 * k + 1}",
                "photo_ids": f"DJI_{k:04d}.JPG" if k < 12 else None,
                "reason": "two sightings within 6 m on two surveys",
                "reason_zh": "两次调查的疑似点相距 6 m，同岸同型",
                "source_ref": f"register(S{2 * k};S{2 * k + 1})",
            }
        )
    table = gpd.GeoDataFrame(pd.DataFrame(rows), geometry=points, crs=CRS)
    return table.assign(is_discharging=table["is_discharging"].astype("boolean"))


def _sources(rng, reaches, count):
    kinds = [
        "electroplating",
        "dyeing",
        "food",
        "restaurant",
        "car_wash",
        "hospital",
        "domestic",
        "livestock",
        "wwtp",
        "chemical",
        "machinery",
        "laundry",
    ]
    names = ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸"]
    words = {
        "electroplating": "电镀厂",
        "dyeing": "印染公司",
        "food": "食品厂",
        "restaurant": "饭店",
        "car_wash": "洗车行",
        "hospital": "医院",
        "domestic": "小区",
        "livestock": "养殖场",
        "wwtp": "污水处理厂",
        "chemical": "化工厂",
        "machinery": "机械厂",
        "laundry": "洗涤中心",
    }
    rows, points = [], []
    for k in range(count):
        kind = kinds[k % len(kinds)]
        start = _entry(k)
        spot = reaches.loc[reaches["from_node"] == start, "geometry"].iloc[0].coords[0]
        points.append(Point(spot[0] + rng.uniform(-170, 170), spot[1] + rng.uniform(-130, 130)))
        rows.append(
            {
                "source_id": f"E{k + 1:03d}",
                "name": f"虚构{names[k % 10]}{k // 10 + 1}{words[kind]}",
                "kind": kind,
                "permit_no": f"9133{k:05d}P",
                "discharge_m3d": float(rng.integers(5, 900)),
                "parameters": "cod;ammonia",
                "address": f"示例路 {k + 1} 号",
                "source_ref": f"permits.xlsx#{k + 2}",
            }
        )
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=points, crs=CRS)


def _entry(k):
    """Return the node at which source k enters the network."""
    heads = [f"M{i}.{j}" for j in (3, 2, 1) for i in range(8)] + ["T0", "T1", "T2"]
    return heads[k % len(heads)]


def _found(rng, reaches, outfalls, sources):
    after = dict(zip(reaches["from_node"], reaches["reach_id"], strict=True))
    node = reaches.set_index("reach_id")["to_node"].to_dict()
    entry = {name: _entry(k) for k, name in enumerate(sources["source_id"])}
    rivers = {f"I{k}": f"river-{min(k, 6)}" for k in range(8)}
    candidates, evidence = [], []
    for position, outfall in enumerate(outfalls.to_dict("records")):
        if position % 11 == 10:
            continue
        reach = outfall["reach_id"]
        paths = {}
        for name, start in entry.items():
            path, at = [], start
            while at is not None and len(path) < 40:
                reach_id = after.get(at)
                if reach_id is None:
                    reach_id = rivers.get(at)
                if reach_id is None:
                    break
                path.append(reach_id)
                if reach_id == reach:
                    paths[name] = path
                    break
                at = node[reach_id]
        names = sorted(paths)[:6]
        weight = np.append(rng.exponential(1, len(names)) ** 3, rng.exponential(0.35 if position % 6 else 3.0))
        share = weight / weight.sum()
        for rank, k in enumerate(np.argsort(-share)):
            name = names[k] if k < len(names) else "unregistered"
            candidates.append(
                {
                    "candidate_id": f"{outfall['outfall_id']}:{name}",
                    "outfall_id": outfall["outfall_id"],
                    "source_id": name,
                    "rank": rank + 1,
                    "posterior_share": share[k],
                    "prior_share": 0.15 if name == "unregistered" else 0.85 / max(1, len(names)),
                    "distance_m": np.nan if name == "unregistered" else float(rng.uniform(200, 4000)),
                    "travel_h": np.nan if name == "unregistered" else float(rng.uniform(0.2, 6)),
                    "path_ids": ";".join(paths.get(name, [])),
                    "reason": "reachable by the storm sewer; signature fits",
                    "reason_zh": "经雨水管可达；特征污染物吻合",
                    "source_ref": "trace()",
                }
            )
            for line, zh in (
                ("reachability", "沿管网 3 段可达，流向确定"),
                ("distance", "按流速推算 1.4 小时到达，衰减后仍可检出"),
                ("chemical_signature", "COD/氨氮 比值与该企业废水谱相近，总氮偏高"),
            ):
                evidence.append(
                    {
                        "evidence_id": f"{outfall['outfall_id']}:{name}:{line}",
                        "outfall_id": outfall["outfall_id"],
                        "source_id": name,
                        "line": line,
                        "log_lr": float(rng.normal(2 * share[k], 1.2)),
                        "reason": f"{line}: consistent with the network and the sample",
                        "reason_zh": zh,
                        "refs": "lab.xlsx#12;permits.xlsx#4",
                        "source_ref": "trace()",
                    }
                )
    return SimpleNamespace(candidates=pd.DataFrame(candidates), evidence=pd.DataFrame(evidence))


def _sightings(rng, outfalls):
    rows, points = [], []
    for k, outfall in enumerate(outfalls.itertuples()):
        for j in range(2):
            points.append(Point(outfall.geometry.x + rng.normal(0, 12), outfall.geometry.y + rng.normal(0, 12)))
            rows.append(
                {
                    "sighting_id": f"S{2 * k + j}",
                    "platform": ["drone", "boat", "foot"][(k + j) % 3],
                    "survey_id": f"f{j}",
                    "seen_at": pd.Timestamp("2026-04-12T02:30Z"),
                    "name": None,
                    "code": None,
                    "reach_id": None,
                    "along_m": np.nan,
                    "source_ref": f"finds.geojson#{k}",
                }
            )
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=points, crs=CRS)
