"""A province to draw: outfalls with twelve fields along winding rivers, and reaches of twelve corners with four fields.

All of it invented and seeded. Text is Chinese, codes run on along a river as a survey team numbers them, measured values have the
digits a laboratory prints. Positions carry noise well above the millionth of a degree that is kept.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.maps import Layer, Map

_TOWNS = [
    "石桥",
    "柳林",
    "新河",
    "东湖",
    "龙泉",
    "青山",
    "白沙",
    "花园",
    "长堤",
    "北渡",
    "清水",
    "黄坡",
    "双溪",
    "古楼",
    "三江",
    "南湾",
]
_ROADS = [
    "滨河路",
    "解放大道",
    "工业一路",
    "沿江大道",
    "人民路",
    "建设二路",
    "环湖东路",
    "码头街",
    "桥南巷",
    "支渠",
    "排涝泵站",
    "三干渠",
]
_TRADES = ["印染", "电镀", "造纸", "食品", "化工", "制药", "酿造", "养殖", "机械", "医院", "污水处理", "洗涤"]
_CLASSES = ["industrial", "urban_sewage", "agricultural", "storm", "other"]
_STATUS = ["suspected", "confirmed", "traced", "treated", "closed"]
_METHODS = ["drone", "boat", "crawler", "ground"]
_CORNERS = 12


def make_reaches(n: int, *, seed: int = 0) -> gpd.GeoDataFrame:
    """Return n reaches of twelve corners and four fields, forty to a river, rivers spread over a basin of 8 by 5 degrees."""
    draw = np.random.default_rng([seed, 1])
    per_river = 40
    n_rivers = -(-n // per_river)
    steps = per_river * (_CORNERS - 1) + 1
    heading = np.cumsum(draw.normal(0, 0.35, (n_rivers, steps)), axis=1) + draw.uniform(0, 2 * np.pi, (n_rivers, 1))
    step_deg = draw.gamma(1.5, 0.016 / 1.5, (n_rivers, steps))
    lon = draw.uniform(110, 118, (n_rivers, 1)) + np.cumsum(step_deg * np.cos(heading), axis=1)
    lat = draw.uniform(28, 33, (n_rivers, 1)) + np.cumsum(step_deg * np.sin(heading) * 0.87, axis=1)
    first = np.arange(per_river) * (_CORNERS - 1)
    take = first[:, None] + np.arange(_CORNERS)
    corners = np.stack([lon[:, take], lat[:, take]], axis=-1).reshape(-1, _CORNERS, 2)[:n]
    river = np.repeat(np.arange(n_rivers), per_river)[:n]
    names = np.array([f"{_TOWNS[k % 16]}{_TOWNS[k // 16 % 16]}{'河港沟渠溪'[k % 5]}" for k in range(n_rivers)])
    table = {
        "reach_id": [f"R{r:05d}-{k % per_river:02d}" for k, r in enumerate(river)],
        "name": names[river],
        "kind": draw.choice(["river", "canal", "gravity_sewer", "culvert"], n, p=[0.55, 0.15, 0.25, 0.05]),
        "width_m": np.round(draw.lognormal(2.3, 0.6, n), 2),
    }
    lines = shapely.linestrings(corners.reshape(-1, 2), indices=np.repeat(np.arange(n), _CORNERS))
    return gpd.GeoDataFrame(pd.DataFrame(table), geometry=lines, crs=4326)


def make_outfalls(n: int, *, seed: int = 0) -> gpd.GeoDataFrame:
    """Return n outfalls with twelve fields beside the rivers of ``make_reaches``."""
    draw = np.random.default_rng([seed, 2])
    reaches = make_reaches(n, seed=seed)
    # In the order of their codes, as found: a walk does not follow the map.
    corners = shapely.get_coordinates(reaches.geometry).reshape(n, _CORNERS, 2)[draw.permutation(n)]
    at = corners[np.arange(n), draw.integers(0, _CORNERS, n)] + draw.normal(0, 0.001, (n, 2))
    enterprises = np.array(
        [
            f"{_TOWNS[k % 16]}{_TOWNS[k * 7 // 16 % 16]}{_TRADES[k % 12]}{'有限公司厂站合作社'[k % 3 * 2 :][:4]}{k // 192 or ''}"
            for k in range(5000)
        ]
    )
    road = draw.integers(0, len(_ROADS), n)
    cod_mgl = draw.lognormal(3.4, 0.7, n)
    known = draw.random(n) < 0.85
    minutes = draw.integers(0, 90 * 1440, n)
    table = {
        "code": [f"FD-{420100 + k // 2500:06d}-{k % 2500 + 1:04d}" for k in range(n)],
        "name": [
            f"{a}{_ROADS[r]}{k % 97 + 1}号排口" for k, (a, r) in enumerate(zip(reaches["name"], road, strict=True))
        ],
        "status": draw.choice(_STATUS, n, p=[0.4, 0.25, 0.2, 0.1, 0.05]),
        "outfall_class": draw.choice(_CLASSES, n, p=[0.2, 0.3, 0.15, 0.3, 0.05]),
        "receiving_water": reaches["name"].to_numpy(),
        "method": draw.choice(_METHODS, n),
        "cod_mgl": np.where(known, np.round(cod_mgl, 2), np.nan),
        "nh3n_mgl": np.where(known, np.round(cod_mgl * draw.lognormal(-2.6, 0.5, n), 3), np.nan),
        "tp_mgl": np.where(known, np.round(cod_mgl * draw.lognormal(-4.4, 0.5, n), 3), np.nan),
        "match_share": np.round(draw.beta(6, 1.5, n), 4),
        "seen_at": pd.Timestamp("2026-03-01T00:00Z") + pd.to_timedelta(minutes, unit="min"),
        "enterprise": np.where(draw.random(n) < 0.7, enterprises[draw.integers(0, 5000, n)], None),
    }
    return gpd.GeoDataFrame(pd.DataFrame(table), geometry=shapely.points(at), crs=4326)


def make_map(n_outfalls: int, n_reaches: int = 0, *, seed: int = 0) -> Map:
    """Return a map of both, as a user would put it together."""
    layers = []
    if n_reaches:
        layers.append(Layer("reaches", "lines", make_reaches(n_reaches, seed=seed), style="kind", label="name"))
    table = make_outfalls(n_outfalls, seed=seed)
    layers.append(Layer("outfalls", "points", table, style="status", styles=("outfall_class",), label="code"))
    return Map(tuple(layers), title="江汉流域排污口")
