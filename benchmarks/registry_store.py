"""The store against pyogrio and bare SQLite in one run: bulk, single commits, boxes, one outfall, snapshots; results checked equal.

Every ratio is printed both ways. Ours has the history, the hash chain, the projection and its R-tree on; pyogrio writes
a plain GeoPackage. PostGIS is measured where the environment variable OUTFALL_PG names a store on a server.
"""

from __future__ import annotations

import importlib.util
import math
import os
import resource
import tempfile
import time
from pathlib import Path

import apsw
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from outfall.store import append_rows, create_store, find_rows, open_store, read_rows, take_snapshot
from outfall.tables import check

SEED = 42
BOX_M = 5_000.0
CRS = "EPSG:4547"


def make_county(count: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return outfalls, 100,000 to 350 x 350 km, and two photos of each, checked, in metres."""
    side_m = _side_m(count)
    rng = np.random.default_rng(SEED)
    ids, photos = np.arange(count), np.arange(2 * count)
    east, north = rng.uniform(300_000, 300_000 + side_m, count), rng.uniform(2_400_000, 2_400_000 + side_m, count)
    outfalls = gpd.GeoDataFrame(
        {
            "outfall_id": [f"P-{one:08x}" for one in ids],
            "code_national": [f"440306{one:07d}" for one in ids],
            "name": [f"排口 {one}" for one in ids],
            "status": "confirmed",
            "is_discharging": rng.random(count) < 0.5,
            "diameter_mm": rng.uniform(100, 2_000, count).round(),
            "receiving_water": [f"河 {one % 500}" for one in ids],
            "reach_id": [f"R{one % 20_000}" for one in ids],
            "along_m": rng.uniform(0, 1_000, count),
            "sigma_m": rng.uniform(0.5, 9, count),
            "first_seen_at": pd.Timestamp("2026-04-12T08:00Z") + pd.to_timedelta(ids, unit="s"),
            "sighting_count": rng.integers(1, 6, count),
            "photo_ids": [f"{2 * one:064x};{2 * one + 1:064x}" for one in ids],
            "source_ref": [f"walk.xlsx#{one + 2}" for one in ids],
        },
        geometry=gpd.points_from_xy(east, north),
        crs=CRS,
    )
    pictures = gpd.GeoDataFrame(
        {
            "photo_id": [f"{one:064x}" for one in photos],
            "file": [f"100MEDIA/DJI_{one:06d}.JPG" for one in photos],
            "taken_at": pd.Timestamp("2026-04-12T08:00Z") + pd.to_timedelta(photos, unit="s"),
            "sigma_m": 2.0,
            "yaw_deg": rng.uniform(0, 360, 2 * count),
            "width_px": 5_280,
            "source_ref": [f"DJI_{one:06d}.JPG" for one in photos],
        },
        geometry=gpd.points_from_xy(np.repeat(east, 2) + 3, np.repeat(north, 2) + 3),
        crs=CRS,
    )
    return check(outfalls, "outfalls"), check(pictures, "photos")


def _side_m(count: int) -> float:
    """Return how wide the county is, so that a box holds as many rows whatever the number of outfalls."""
    return 350_000 * math.sqrt(count / 100_000)


def p50(action, times: int) -> float:
    """Return the median seconds of an action that is given its number."""
    taken = []
    for number in range(times):
        start = time.perf_counter()
        action(number)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def once(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def write_plain(path: Path, outfalls, photos) -> None:
    pyogrio.write_dataframe(outfalls, path, layer="outfalls")
    pyogrio.write_dataframe(photos, path, layer="photos")


def bulk(folder: Path, outfalls, photos) -> dict[str, float]:
    """Write everything at once: pyogrio, ours, and rows into a bare table by apsw."""
    pyogrio_s = once(lambda: write_plain(folder / "plain.gpkg", outfalls, photos))
    store = create_store(folder / "county.outfalldb")
    ours_s = once(
        lambda: [
            append_rows(store, name, frame, actor="bench")
            for name, frame in (("outfalls", outfalls), ("photos", photos))
        ]
    )
    rows = [
        tuple(None if pd.isna(cell) else str(cell) for cell in row)
        for frame in (outfalls, photos)
        for row in pd.DataFrame(frame).iloc[:, :14].itertuples(index=False)
    ]

    def raw() -> None:
        connection = apsw.Connection(str(folder / "raw.db"))
        connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").fetchall()
        connection.execute(f"CREATE TABLE a ({', '.join(f'c{at}' for at in range(14))}); BEGIN").fetchall()
        connection.executemany(f"INSERT INTO a VALUES ({', '.join('?' * 14)})", rows)
        connection.execute("COMMIT").fetchall()
        connection.close()

    for name, frame in (("outfalls", outfalls), ("photos", photos)):
        assert read_rows(store, name).iloc[:, 0].tolist() == frame.iloc[:, 0].tolist()
    return {
        "bulk_vs_pyogrio": ours_s / pyogrio_s,
        "bulk_s": ours_s,
        "bulk_pyogrio_s": pyogrio_s,
        "bulk_raw_apsw_s": once(raw),
    }


def commits(folder: Path, outfalls, times: int) -> dict[str, float]:
    """Save one changed outfall durably: ours; pyogrio's only way to change a row, rewriting; and its append."""
    plain = folder / "plain.gpkg"
    with open_store(folder / "county.outfalldb") as store:

        def ours(number: int) -> None:
            row = outfalls.iloc[[number]].assign(name=f"renamed {number}")
            assert append_rows(store, "outfalls", row, actor="bench") == 1

        ours_s = p50(ours, times)
        names = [row["name"] for row in find_rows(store, "outfalls", keys=outfalls["outfall_id"].iloc[:times])]
        assert names == [f"renamed {number}" for number in range(times)]

    def rewrite(number: int) -> None:
        frame = pyogrio.read_dataframe(plain, layer="outfalls")
        frame.loc[number, "name"] = f"renamed {number}"
        pyogrio.write_dataframe(frame, folder / "next.gpkg", layer="outfalls")
        with (folder / "next.gpkg").open("rb+") as stream:
            os.fsync(stream.fileno())

    def append(number: int) -> None:
        pyogrio.write_dataframe(outfalls.iloc[[number]], folder / "more.gpkg", layer="outfalls", append=True)

    pyogrio.write_dataframe(outfalls, folder / "more.gpkg", layer="outfalls")
    rewrite_s, append_s = p50(rewrite, 2), p50(append, 5)
    return {
        "commit_vs_pyogrio": rewrite_s / ours_s,
        "commit_vs_pyogrio_append": append_s / ours_s,
        "commit_s": ours_s,
        "commit_pyogrio_rewrite_s": rewrite_s,
        "commit_pyogrio_append_s": append_s,
    }


def boxes(folder: Path, outfalls, times: int) -> dict[str, float]:
    """Ask for all rows in 5 km boxes, and for one outfall with its photos; the same rows must come back."""
    plain = folder / "boxes.gpkg"
    rng = np.random.default_rng(SEED + 1)
    inner_m = _side_m(len(outfalls)) - BOX_M
    corners = [
        (west, south, west + BOX_M, south + BOX_M)
        for west, south in zip(
            rng.uniform(300_000, 300_000 + inner_m, times),
            rng.uniform(2_400_000, 2_400_000 + inner_m, times),
            strict=True,
        )
    ]
    pyogrio.write_dataframe(outfalls, plain, layer="outfalls")
    found: dict[str, list[list[str]]] = {"rows": [], "frame": [], "pyogrio": []}
    few = min(times, 60) if times > 200 else 20
    with open_store(folder / "county.outfalldb") as store:
        assert all(_same(store, plain, box) for box in corners[:10] if not changed(outfalls, box))
        asks = {
            "rows": lambda box: [row["outfall_id"] for row in find_rows(store, "outfalls", box=box)],
            "frame": lambda box: read_rows(store, "outfalls", box=box)["outfall_id"].tolist(),
            "pyogrio": lambda box: pyogrio.read_dataframe(plain, layer="outfalls", bbox=box)["outfall_id"].tolist(),
        }
        taken: dict[str, list[float]] = {name: [] for name in asks}
        every = times // few
        for at, box in enumerate(corners):  # in turns, so that a busy moment meets all of them
            for name in asks if at % every == 0 else ("rows",):
                taken[name].append(once(lambda name=name, box=box: found[name].append(asks[name](box))))
        rows_s, frame_s, pyogrio_s = (float(np.median(taken[name])) for name in asks)
        one_s = p50(lambda at: _one(store, outfalls["outfall_id"].iloc[at * 7]), few)
    assert (
        [sorted(one) for one in found["rows"][::every]]
        == [sorted(one) for one in found["pyogrio"]]
        == [sorted(one) for one in found["frame"]]
    )
    return {
        "bbox_vs_pyogrio": pyogrio_s / rows_s,
        "bbox_frame_vs_pyogrio": pyogrio_s / frame_s,
        "bbox_ms": rows_s * 1e3,
        "bbox_frame_ms": frame_s * 1e3,
        "bbox_pyogrio_ms": pyogrio_s * 1e3,
        "bbox_rows_mean": float(np.mean([len(one) for one in found["rows"]])),
        "one_outfall_with_photos_ms": one_s * 1e3,
    }


def changed(outfalls, box: tuple[float, ...]) -> bool:
    """Return whether a box holds one of the rows that ``commits`` renamed."""
    return bool(outfalls.geometry.iloc[:50].intersects(shapely.box(*box)).any())


def _same(store, plain: Path, box: tuple[float, ...]) -> bool:
    """Return whether every cell of a light row is the one pyogrio reads back, times and flags included."""
    theirs = pyogrio.read_dataframe(plain, layer="outfalls", bbox=box).sort_values("outfall_id")
    ours = sorted(find_rows(store, "outfalls", box=box), key=lambda row: row["outfall_id"])
    for row, (_, other) in zip(ours, theirs.iterrows(), strict=True):
        for name, cell in row.items():
            there = other[name]
            if name == "geometry":
                assert cell == there.wkb
            elif cell is None:
                assert pd.isna(there), name
            else:
                assert (pd.Timestamp(cell) if name.endswith("_at") else cell) == there, name
    return True


def _one(store, outfall_id: str) -> None:
    outfall = find_rows(store, "outfalls", keys=[outfall_id])[0]
    assert len(find_rows(store, "photos", keys=str(outfall["photo_ids"]).split(";"))) == 2


def read_s(path: Path, *, is_arrow: bool) -> float:
    return min(once(lambda: pyogrio.read_dataframe(path, layer="outfalls", use_arrow=is_arrow)) for _ in range(3))


def snapshots(folder: Path, outfalls) -> dict[str, float | None]:
    """Make a snapshot, make it again after one event, and read it whole beside a file pyogrio wrote."""
    store, target = folder / "county.outfalldb", folder / "county.gpkg"
    first_s = once(lambda: take_snapshot(store, target))
    append_rows(store, "outfalls", outfalls.iloc[[5]].assign(note="again"), actor="bench")
    again_s = once(lambda: take_snapshot(store, target))
    back = pyogrio.read_dataframe(target, layer="outfalls")
    assert back["outfall_id"].tolist() == outfalls["outfall_id"].tolist()
    assert back["note"].iloc[5] == "again"
    answer: dict[str, float | None] = {
        "snapshot_first_s": first_s,
        "snapshot_make_s": again_s,
        "snapshot_read_vs_pyogrio": None,
    }
    for key, is_arrow in (("snapshot_read_vs_pyogrio", True), ("snapshot_read_plain_vs_pyogrio", False)):
        if is_arrow and importlib.util.find_spec("pyarrow") is None:
            continue  # pyarrow is no dependency of ours
        times = [read_s(path, is_arrow=is_arrow) for path in (target, folder / "boxes.gpkg")]
        answer[key] = times[0] / times[1]
    return answer


def postgis(outfalls, photos, pyogrio_s: float) -> dict[str, float | None]:
    """Write everything to a store on a server, by COPY."""
    url = os.environ.get("OUTFALL_PG")
    if not url:
        return {"bulk_postgis_vs_pyogrio": None}
    create_store(url)
    seconds = once(
        lambda: [
            append_rows(url, name, frame, actor="bench") for name, frame in (("outfalls", outfalls), ("photos", photos))
        ]
    )
    return {"bulk_postgis_vs_pyogrio": seconds / pyogrio_s}


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return every figure; quick has an eighth of the rows, as dense."""
    count = 12_000 if quick else 100_000
    outfalls, photos = make_county(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answer: dict[str, float | int | bool | None] = {"store_outfalls": count, "store_photos": 2 * count}
        answer |= bulk(folder, outfalls, photos)
        answer |= commits(folder, outfalls, 15 if quick else 50)
        answer |= boxes(folder, outfalls, 200 if quick else 1_000)
        answer |= snapshots(folder, outfalls)
        answer |= postgis(outfalls, photos, float(answer["bulk_pyogrio_s"] or 0))
        answer["store_mb"] = (folder / "county.outfalldb").stat().st_size / 1e6
    answer["store_peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return answer


if __name__ == "__main__":
    import sys

    for key, value in measure(quick="--quick" in sys.argv).items():
        shown = "not measured" if value is None else f"{value:.4g}"
        other = f"   (the other way {1 / value:.4g})" if value and "_vs_" in key else ""
        print(f"{key:34} {shown}{other}")
