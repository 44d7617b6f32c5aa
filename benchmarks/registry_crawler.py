"""Measure whether pipe inspections survive every format, damaged files are refused, and the right pipe is found.

Everything is drawn from seeds. Losses are cells that do not come back although the format has a field for them; what it
has no field for is drawn too, and must be in the list the writer returns.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from time import process_time

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.errors import OutfallError
from outfall.network import read_network
from outfall.survey import read_crawler
from outfall.survey.inspection import (
    Inspections,
    compare_inspections,
    list_findings,
    match_pipes,
    read_inspections,
    write_cjj,
    write_en13508,
    write_isybau,
    write_m150,
    write_pacp,
)
from outfall.survey.inspection.model import build

__all__ = ["measure"]

_FORMATS = {
    "isybau": (write_isybau, "a.xml", set()),
    "m150": (write_m150, "a.xml", {"inspected_m"}),
    "en13508": (write_en13508, "a.txt", {"inspected_m", "grade"}),
    "cjj_csv": (write_cjj, "a.csv", set()),
    "cjj_xlsx": (write_cjj, "a.xlsx", set()),
    "pacp": (write_pacp, "out", {"char_1", "char_2", "grade"}),
}
_CODES = ("BCA", "BAB", "BDE", "BAF", "AJ", "PL", "CJ", "SL", "TBI", "QQ7")


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return the figures of the crawler part; quick takes about two seconds of one core.

    Parameters
    ----------
    quick : bool
        Fewer drawn cases.

    Returns
    -------
    dict
        Keys start with ``crawler_``.
    """
    started = process_time()
    count = 2 if quick else 60
    figures: dict[str, float | int | bool | None] = {"crawler_formats": len(_FORMATS)}
    figures |= _round_trips(range(1, 1 + count))
    figures |= _damage(range(1, 1 + 15 if quick else 500))
    figures |= _matching(1, 60 if quick else 400)
    figures["crawler_cpu_s"] = round(process_time() - started, 2)
    return figures


def _round_trips(seeds: range) -> dict[str, int]:
    trips = cells = losses = unlisted = without_field = 0
    for seed in seeds:
        drawn = _draw(np.random.default_rng(seed), runs=4, each=8)
        for write, name, lacks in _FORMATS.values():
            folder = Path(tempfile.mkdtemp())
            listed = write(drawn, folder / name)
            differ = compare_inspections(drawn, read_inspections(folder / name))
            shutil.rmtree(folder)
            trips += 1
            cells += drawn.runs.size + drawn.observations.size
            without_field += int(differ["column"].isin(lacks).sum())
            losses += int((~differ["column"].isin(lacks)).sum())
            told = set(listed["reason"].str.split(" ").str[0]) if len(listed) else set()
            unlisted += int((~(differ["table"] + "." + differ["column"]).isin(told)).sum())
    return {
        "crawler_round_trips": trips,
        "crawler_cells": cells,
        "crawler_losses": losses,
        "crawler_without_field": without_field,
        "crawler_unlisted": unlisted,
    }


def _damage(seeds: range) -> dict[str, int]:
    read = refused = foreign = 0
    for write, name, _ in _FORMATS.values():
        home = Path(tempfile.mkdtemp())
        write(_draw(np.random.default_rng(0), runs=1, each=4), home / name)
        files = sorted((home / name).iterdir()) if (home / name).is_dir() else [home / name]
        for seed in seeds:
            rng = np.random.default_rng(seed)
            folder = Path(tempfile.mkdtemp())
            hurt = files[int(rng.integers(len(files)))]
            for file in files:
                (folder / file.name).write_bytes(_hurt(rng, file.read_bytes()) if file == hurt else file.read_bytes())
            try:
                read_crawler(folder / hurt.name if len(files) == 1 else folder, tz="Asia/Shanghai")
                read += 1
            except OutfallError:
                refused += 1
            except Exception:  # what is counted here is any error that is not ours
                foreign += 1
            shutil.rmtree(folder)
        shutil.rmtree(home)
    return {"crawler_fuzz_read": read, "crawler_fuzz_refused": refused, "crawler_fuzz_foreign": foreign}


def _hurt(rng: np.random.Generator, raw: bytes) -> bytes:
    out = bytearray(raw)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(max(len(out), 1)))
        how = int(rng.integers(20))
        if how < 12 and out:
            out[min(at, len(out) - 1)] = int(rng.integers(256))
        elif how < 16:
            del out[at : at + int(rng.integers(1, 40))]
        elif how < 19:
            out[at:at] = (b"1e999", b"-5", b"nan", b"<!--", b"\xff\xfe", b"#", b'"', b",,", b"\x00")[
                int(rng.integers(9))
            ]
        else:
            del out[at:]
    return bytes(out)


def _matching(seed: int, pipes: int) -> dict[str, float | int]:
    """Plant pipes and drives with mistyped ids, swapped manholes, counters that drift; see what is found."""
    rng = np.random.default_rng(seed)
    length = rng.uniform(15, 60, pipes).round(1)
    names = [f"Y{at // 20 + 1:02d}-{at % 20 + 1:02d}" for at in range(pipes)]
    ends = [(f"W{at // 20 + 1}{at % 20:02d}", f"W{at // 20 + 1}{at % 20 + 1:02d}") for at in range(pipes)]
    rows = [length[start : start + 20] for start in range(0, pipes, 20)]
    east = 500_000 + np.concatenate([np.cumsum(row) - row for row in rows])
    north = 3_000_000 + (np.arange(pipes) // 20) * 80.0
    lines = [shapely.LineString([(x, y), (x + one, y)]) for x, y, one in zip(east, north, length, strict=True)]
    frame = gpd.GeoDataFrame(
        {"id": names, "from_node": [a for a, _ in ends], "to_node": [b for _, b in ends], "kind": "pipe"},
        geometry=lines,
        crs=32650,
    )
    network = read_network(None, pipes=frame)
    runs, seen, truth = [], [], []
    for at in range(pipes):
        run, rows, along = _drive(rng, at, names, ends[at], float(length[at]))
        runs.append(run)
        seen += rows
        truth.append((names[at], along, run["_kind"]))
    inspections = Inspections(*build(runs, seen, where="planted"), ())
    matches = match_pipes(inspections, network)
    is_told = matches["line_id"].notna()
    is_right = matches["line_id"] == pd.Series([name for name, _, _ in truth])
    found = list_findings(inspections, matches=matches)
    found = found[found["kind"] == "connection"].set_index("run_id")["along_m"]
    true_m = pd.Series({str(at): along for at, (_, along, _) in enumerate(truth)})
    error = (found - true_m).abs()[is_right.to_numpy()]
    is_wrong_said = pd.Series([kind != "clean" for _, _, kind in truth])
    return {
        "crawler_match_drives": pipes,
        "crawler_match_faulty": int(is_wrong_said.sum()),
        "crawler_match_right_share": round(float(is_right.mean()), 3),
        "crawler_match_faulty_right_share": round(float(is_right[is_wrong_said].mean()), 3),
        "crawler_match_wrong": int((is_told & ~is_right).sum()),
        "crawler_match_open": int((~is_told).sum()),
        "crawler_place_median_m": round(float(error.median()), 2),
        "crawler_place_p95_m": round(float(error.quantile(0.95)), 2),
    }


def _drive(
    rng: np.random.Generator, at: int, names: list[str], ends: tuple[str, str], length: float
) -> tuple[dict[str, object], list[dict[str, object]], float]:
    kind = str(rng.choice(["clean", "typed", "other", "swapped", "no_manholes"], p=[0.5, 0.15, 0.1, 0.15, 0.1]))
    against, along = bool(rng.random() < 0.5), float(rng.uniform(1, length - 1))
    driven = length - float(rng.normal(1.0, 0.2))
    place = (length - along if against else along) - (length - driven) / 2 + float(rng.normal(0, 0.2))
    name, (upper, lower) = names[at], ends
    if kind == "typed":
        spot = int(rng.integers(len(name)))
        name = name[:spot] + str(rng.choice(list("0123456789YX"))) + name[spot + 1 :]
    elif kind == "other":
        name = names[int(rng.integers(len(names)))]
    elif kind == "no_manholes":
        name, upper, lower = name.lower().replace("-", " "), "", ""
    elif kind == "swapped":
        upper, lower, against = lower, upper, not against
    run: dict[str, object] = {
        "run_id": str(at), "pipe_id": name, "upper_manhole": upper or None, "lower_manhole": lower or None,
        "manholes_say": "flow", "direction": "against_flow" if against else "with_flow",
        "source_ref": f"planted#{at}", "_kind": kind,
    }  # fmt: skip
    rows = [{"run_id": str(at), "distance_m": max(place, 0.0), "code": "BCA"}]
    return run, [*rows, {"run_id": str(at), "distance_m": driven, "code": "BCE"}], along


def _draw(rng: np.random.Generator, *, runs: int, each: int) -> Inspections:
    def maybe(value: object) -> object:
        return value if rng.random() < 0.7 else None

    drives, seen = [], []
    for number in range(runs):
        drives.append(
            {
                "run_id": str(number + 1), "pipe_id": f"管-{number}{rng.integers(100)}", "upper_manhole": maybe(f"W{rng.integers(99)}"),
                "lower_manhole": maybe(f"S/{rng.integers(99)}"), "direction": maybe(str(rng.choice(["with_flow", "against_flow"]))),
                "length_m": maybe(round(float(rng.uniform(5, 90)), 2)), "inspected_m": maybe(round(float(rng.uniform(5, 90)), 2)),
                "diameter_mm": maybe(float(rng.choice([200, 300, 600]))), "seen_at": maybe(f"2026-04-{rng.integers(10, 29)}T08:{rng.integers(10, 59)}:00"),
                "observer": maybe('A, "B" & <C>'), "video": maybe(f"{number}.mpg"), "note": maybe("Straße; 雨后"), "source_ref": f"drawn#{number}",
            }
        )  # fmt: skip
        seen += [_draw_row(rng, str(number + 1), maybe) for _ in range(each)]
    return Inspections(*build(drives, seen, where="drawn"), ())


def _draw_row(rng: np.random.Generator, run_id: str, maybe: object) -> dict[str, object]:
    choose = maybe if callable(maybe) else str
    first = choose(float(rng.integers(1, 13)))
    return {
        "run_id": run_id, "distance_m": round(float(rng.uniform(0, 90)), 2), "code": str(rng.choice(_CODES)),
        "char_1": choose("A"), "char_2": choose("B"), "quantity_1": choose("12.5"), "quantity_2": choose("3-5"),
        "clock_from": first, "clock_to": choose(float(rng.integers(1, 13))) if first is not None else None,
        "continuous": choose(str(rng.choice(["A1", "B1", "A12"]))), "is_joint": choose(value=True), "grade": choose("D2 S1"),
        "video_counter": choose(f"{rng.integers(10_000_000, 99_999_999)}"), "photo_ids": choose("照片 1.jpg"),
        "note": choose("=cmd|' /C calc'!A0"), "source_ref": f"drawn#{run_id}",
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(measure(quick=parser.parse_args().quick), indent=1))
