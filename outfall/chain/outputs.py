"""What a run leaves behind: every table in one GeoPackage, a summary, and all of it moved into place at once."""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

import outfall
from outfall.chain.scenes import count_unseen
from outfall.errors import ProjectError
from outfall.tables import contracts, empty

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from outfall.chain.state import State

__all__ = ["list_tables", "replace_together", "summarise", "write_summary", "write_tables"]

_RESERVED = ("fid", "geom", "geometry", "ogc_fid")
_TOP = 5
_SYNC = "OGR_SQLITE_SYNCHRONOUS"


@contextmanager
def replace_together(out: Path) -> Iterator[Path]:
    """Give a folder to write into, and put what was written there in its place only when all went well.

    Parameters
    ----------
    out : Path
        Where the outputs shall be. What else lies there stays.

    Yields
    ------
    Path
        An empty folder beside it.

    Raises
    ------
    ProjectError
        A place cannot be written, or an earlier output is open in another program; then all earlier ones are as before.
    """
    if out.exists() and not out.is_dir():
        msg = f"{out}: a file stands where the output folder should be; move it away or choose another with --out"
        raise ProjectError(msg)
    aside = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        aside.mkdir(parents=True)
    except OSError as error:
        msg = f"{out}: the folder cannot be written ({error.strerror}); choose another with --out"
        raise ProjectError(msg) from error
    try:
        yield aside
        _move_all(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def list_tables(state: State) -> dict[str, pd.DataFrame]:
    """Return every contracted table a state holds, by name, in the order of the flow."""
    from outfall.network import locate

    found, network = state.get("found"), state.get("network")
    known: dict[str, pd.DataFrame | None] = {
        "reaches": network.reaches if network else None,
        "nodes": network.nodes if network else None,
        "issues": _all_issues(state),
        "places": locate(state["outfalls"], network) if network and "outfalls" in state else None,
        "photos": state.get("photos"),
        "sightings": state.get("sightings"),
        "outfalls": state.get("outfalls"),
        "links": state.get("links"),
        "sources": state.get("sources"),
        "samples": state.get("samples"),
        "results": state.get("results"),
        "readings": state.get("readings"),
        "contrasts": state.get("contrasts"),
        "clues": state.get("clues"),
        "candidates": found.candidates if found else None,
        "evidence": found.evidence if found else None,
    }
    return {name: frame for name, frame in known.items() if frame is not None}


def write_tables(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write tables as layers of one GeoPackage, empty ones too; field text stays text."""
    import pyogrio

    before = pyogrio.get_gdal_config_option(_SYNC)
    pyogrio.set_gdal_config_options({_SYNC: "OFF"})  # the file is moved into place when it is whole: no need to wait
    try:
        for name, frame in tables.items():
            ready, options = _ready(frame), {}
            if isinstance(ready, gpd.GeoDataFrame):
                options["geometry_type"] = "Point" if contracts()[name].geometry.startswith("point") else "Unknown"
            pyogrio.write_dataframe(ready, path, layer=name, driver="GPKG", **options)
    finally:
        pyogrio.set_gdal_config_options({_SYNC: before})


def write_summary(summary: Mapping[str, object], path: Path) -> None:
    """Write a summary as JSON that any language reads: UTF-8, no NaN."""
    text = json.dumps(summary, ensure_ascii=False, indent=2, allow_nan=False, default=str)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def summarise(state: State, tables: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    """Return what a run found as plain values: counts, the network, and the ranked sources of every outfall."""
    network, found, issues = state["network"], state.get("found"), tables["issues"]
    by_level = issues.groupby(["level", "kind"]).size()
    levels = sorted(set(by_level.index.get_level_values(0)))
    return {
        "project": state["project"].settings["name"],
        "version": outfall.__version__,
        "lang": state["lang"],
        "inputs": state.get("inputs", []),
        "counts": {name: len(frame) for name, frame in tables.items()},
        "second_look": int((issues["kind"] == "doubtful_pair").sum()),
        "network": _network(network),
        "issues": {level: {str(kind): int(count) for kind, count in by_level[level].items()} for level in levels},
        "scenes": count_unseen(state.get("contrasts")),
        "outfalls": _ranked(state),
        "settings": dict(found.settings) if found else {},
    }


def _network(network: object) -> dict[str, object]:
    pieces, loops = network.pieces(), network.loops()  # type: ignore[attr-defined]
    return {
        "crs": network.crs.to_string(),  # type: ignore[attr-defined]
        "reaches": len(network.reaches),  # type: ignore[attr-defined]
        "nodes": len(network.nodes),  # type: ignore[attr-defined]
        "pieces": [
            {"piece": int(piece), "reach_count": len(ids), "reach_ids": sorted(map(str, ids))}
            for piece, ids in pieces.groupby(pieces).groups.items()
        ],
        "loops": [
            {"loop": int(loop), "reach_ids": sorted(map(str, rows))} for loop, rows in loops.groupby("loop")["reach_id"]
        ],
    }


def _ranked(state: State) -> list[dict[str, object]]:
    found, outfalls = state.get("found"), state["outfalls"]
    names: dict[str, str] = {}
    rows: dict[str, pd.DataFrame] = {}
    if found is not None:
        named = found.sources[found.sources["name"].notna()]
        names = dict(zip(named["source_id"].astype(str), named["name"].astype(str), strict=True))
        ordered = found.candidates.sort_values(["outfall_id", "rank", "source_id"], kind="stable")
        rows = {str(name): group for name, group in ordered.groupby("outfall_id", sort=False)}
    ranked: list[dict[str, object]] = []
    for outfall_id, name in zip(outfalls["outfall_id"].astype(str), outfalls["name"], strict=True):
        group = rows.get(outfall_id)
        sources = [] if group is None else [
            {"source_id": str(source_id), "name": names.get(str(source_id)), "posterior_share": round(float(share), 6)}
            for source_id, share in zip(group["source_id"], group["posterior_share"], strict=True)
        ]  # fmt: skip
        shown = sources[:_TOP] + [row for row in sources[_TOP:] if row["source_id"] == "unregistered"]
        ranked.append({"outfall_id": outfall_id, "name": None if pd.isna(name) else str(name), "sources": shown})
    return ranked


def _all_issues(state: State) -> pd.DataFrame:
    network, issues = state.get("network"), state.get("issues")
    filled = [frame for frame in (network.issues if network else None, issues) if frame is not None and len(frame)]
    if not filled:
        return empty("issues")
    crs = next((frame.crs for frame in filled if frame.crs is not None), None)
    alike = [frame.to_crs(crs) if frame.crs is not None else frame for frame in filled]
    joined = pd.concat(alike, ignore_index=True) if len(alike) > 1 else alike[0]
    return joined.drop_duplicates("issue_id").reset_index(drop=True)


def _ready(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table GeoPackage can hold: names that differ by more than case, and cells that are text or numbers."""
    taken = {*_RESERVED}
    names: dict[str, str] = {}
    geometry = frame.active_geometry_name if isinstance(frame, gpd.GeoDataFrame) else None
    for name in map(str, frame.columns):
        free, at = name, 1
        while name != geometry and free.casefold() in taken:
            free, at = f"{name}_{at}", at + 1
        taken.add(free.casefold())
        names[name] = free
    texts = {
        name: frame[name].astype("object").map(str, na_action="ignore").astype("str")
        for name in frame.columns
        if name != geometry and frame[name].dtype == object
    }
    ready = frame.assign(**texts).rename(columns=names).reset_index(drop=True)
    ready.attrs = {}
    if isinstance(ready, gpd.GeoDataFrame) and ready.crs is None and not ready.geometry.notna().any():
        return pd.DataFrame(ready.drop(columns=str(ready.active_geometry_name)))
    return ready


def _move_all(aside: Path, out: Path) -> None:
    """Put every item in its place; where one cannot be replaced, put all the others back."""
    old = out.with_name(f".{out.name}.{secrets.token_hex(4)}.old")
    done: list[tuple[Path, Path]] = []
    try:
        if not out.exists():
            aside.replace(out)
            return
        old.mkdir()
        for item in sorted(aside.iterdir()):
            for source, target in ((out / item.name, old / item.name), (item, out / item.name)):
                if source.exists():
                    source.replace(target)
                    done.append((source, target))
    except OSError as error:
        for source, target in reversed(done):
            target.replace(source)
        msg = (
            f"{error.filename or out}: cannot be replaced, probably because it is open in another program such as Excel, "
            f"QGIS or a browser ({error.strerror}); close it there and run again, or choose another folder with --out. "
            "The earlier outputs are unchanged"
        )
        raise ProjectError(msg) from error
    finally:
        shutil.rmtree(old, ignore_errors=True)
