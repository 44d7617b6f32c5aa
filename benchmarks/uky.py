"""A real storm sewer through the whole chain: the University of Kentucky campus, 5,192 lines nobody prepared for us.

Lines become the network; ``Outfall`` and ``Headwall`` structures become sightings; ``Catchbasin``, ``Inlet`` and water
quality structures become sources. Reports what happened to every line, pieces, loops, and whether every upstream set
equals ``networkx.ancestors``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import geopandas as gpd
import networkx as nx
import pandas as pd

TOML = """
[project]
name = "uky_storm"
crs = "auto"
points_crs = "EPSG:4326"
tz = "America/New_York"

[[input]]
role = "pipes"
path = "lines.gpkg"
rename = {{ OBJECTID = "reach_id", LineType = "kind" }}
options = {{ tolerance_m = {tolerance_m} }}

[[input]]
role = "ground"
path = "structures.gpkg"
constants = {{ platform = "document", survey_id = "structures" }}

[[input]]
role = "sources"
path = "sources.gpkg"
"""

SEEN = ("Outfall", "Headwall")
SOURCES = ("Catchbasin", "Inlet", "Water Quality BMP")


def make_project(data: Path, folder: Path, *, tolerance_m: float = 0.5) -> dict[str, int]:
    """Write a project folder from the two files as they are published; return what went into each table."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = gpd.read_file(data / "STM_Line_ln.geojson")
    structures = gpd.read_file(data / "STM_Structure_pt.geojson")
    lines["OBJECTID"] = [f"L{row}" for row in range(1, len(lines) + 1)]  # the published ids repeat
    structures["id"] = [f"S{row}" for row in range(1, len(structures) + 1)]
    lines[["OBJECTID", "LineType", "FeatureType", "FlowDirection", "LineSize", "geometry"]].to_file(
        folder / "lines.gpkg"
    )
    seen = structures.loc[structures["StructureType"].isin(SEEN), ["id", "StructureType", "geometry"]]
    seen = seen.rename(columns={"id": "sighting_id", "StructureType": "outfall_class"})
    seen.to_file(folder / "structures.gpkg")
    sources = structures.loc[structures["StructureType"].isin(SOURCES), ["id", "StructureType", "geometry"]]
    sources = sources.rename(columns={"id": "source_id", "StructureType": "name"}).assign(kind="drain")
    sources.to_file(folder / "sources.gpkg")
    (folder / "outfall.toml").write_text(TOML.format(tolerance_m=tolerance_m), encoding="utf-8")
    return {"lines": len(lines), "sightings": len(seen), "sources": len(sources)}


def lines_accounted(network, count: int) -> tuple[int, list[str]]:
    """Return how many of the user's lines are reaches or stand in an issue, and the ids of those that are neither."""
    ids = {f"L{row}" for row in range(1, count + 1)}
    kept = set(network.reaches["line_id"].dropna().astype(str)) | set(network.reaches["reach_id"].astype(str))
    named = {part for text in network.issues["row_ids"].dropna() for part in str(text).split(";")}
    return len(ids & (kept | named)), sorted(ids - kept - named)


def upstream_is_exact(network, reach_ids: list[str]) -> bool:
    """Return whether the upstream set of each reach equals networkx.ancestors on the graph of reaches."""
    reaches = network.reaches
    graph = nx.DiGraph()
    graph.add_nodes_from(reaches["reach_id"])
    ends = reaches[["reach_id", "from_node", "to_node", "forward_share"]]
    either = ends["forward_share"].gt(0) & ends["forward_share"].lt(1)
    back = ends.loc[either].rename(columns={"from_node": "to_node", "to_node": "from_node"})
    ways = pd.concat(
        [
            ends.loc[ends["forward_share"].ne(0)],
            back,
            ends.loc[ends["forward_share"].eq(0)].rename(columns={"from_node": "to_node", "to_node": "from_node"}),
        ]
    )
    pairs = ways.merge(ways, left_on="to_node", right_on="from_node", suffixes=("", "_next"))
    graph.add_edges_from(pairs[["reach_id", "reach_id_next"]].itertuples(index=False))
    return all(set(network.upstream(reach)) == nx.ancestors(graph, reach) | {reach} for reach in reach_ids)


def measure(data: Path, folder: Path) -> dict[str, object]:
    """Run the chain on the real sewer and return its figures."""
    import outfall as of

    counts = make_project(data, folder / "uky")
    start = time.perf_counter()
    summary = of.run(folder / "uky", out=folder / "uky_out", lang="en")
    seconds = time.perf_counter() - start
    network = of.read_network(
        None, pipes=folder / "uky" / "lines.gpkg", pipes_rename={"OBJECTID": "reach_id", "LineType": "kind"}
    )
    accounted, lost = lines_accounted(network, counts["lines"])
    outfalls = gpd.read_file(folder / "uky_out" / "trace.gpkg", layer="outfalls")
    exact = upstream_is_exact(network, sorted(set(outfalls["reach_id"].dropna())))
    return {
        "uky_lines": counts["lines"],
        "uky_lines_kept": accounted,
        "uky_lines_lost": "; ".join(lost),
        "uky_pieces": int(network.pieces().nunique()),
        "uky_loops": int(network.loops()["loop"].nunique()) if len(network.loops()) else 0,
        "uky_outfalls": len(outfalls),
        "uky_sources": counts["sources"],
        "uky_upstream_exact": exact,
        "uky_s": round(seconds, 2),
        "uky_map": str(folder / "uky_out" / "map.html"),
        "uky_peak_mb": summary["peak_memory_mb"],
    }


if __name__ == "__main__":
    import tempfile

    shared = Path(__file__).resolve().parents[2] / "shared" / "data" / "network" / "uky_storm"
    with tempfile.TemporaryDirectory() as work:
        print(json.dumps(measure(shared, Path(work)), indent=1, ensure_ascii=False))
