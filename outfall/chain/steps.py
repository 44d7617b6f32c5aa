"""The steps of the chain, each a function from what is known to what it adds."""

from __future__ import annotations

from typing import cast

import geopandas as gpd
import pandas as pd

from outfall.chain.inputs import read_inputs, read_lines, without_doubts
from outfall.chain.layers import add_layers
from outfall.chain.outputs import list_tables, write_tables
from outfall.chain.scenes import see_outfalls
from outfall.chain.state import State, Step
from outfall.errors import ProjectError
from outfall.tables import empty, list_issues, split_ids

__all__ = [
    "STEPS",
    "check_inputs",
    "join_lines",
    "make_briefs",
    "make_inventory",
    "make_map",
    "make_outfalls",
    "make_trace",
    "refuse_problems",
    "save_tables",
]


def join_lines(state: State) -> State:
    """Join the project's rivers and pipes."""
    return read_lines(state["project"])


def check_inputs(state: State) -> State:
    """Read every file of the project against its contract, and compare its points with the rivers."""
    lines = state["network"].reaches if "network" in state else None
    added = read_inputs(state["project"], lines=lines)
    return State(**{**added, "problems": [*state.get("problems", []), *added["problems"]]})


def refuse_problems(state: State) -> State:
    """Raise one error that lists what is wrong with every file, or add nothing."""
    problems = state.get("problems", [])
    if problems:
        files = "1 input has" if len(problems) == 1 else f"{len(problems)} inputs have"
        msg = f"{state['project'].settings['name']}: {files} problems; nothing was written"
        raise ProjectError(msg, problems)
    if "sightings" not in state:
        msg = f"{state['project'].settings['name']}: no sightings; add what a survey brought home: outfall add drone FOLDER, boat FILE, crawler FILE or ground FILE"
        raise ProjectError(msg)
    return State()


def make_outfalls(state: State) -> State:
    """Make one outfall of many sightings, and list the pairs a person should look at."""
    from outfall.registry import list_doubtful, register

    outfalls = register(state["sightings"], state["network"])
    doubtful = list_doubtful(state["sightings"], state["network"])
    plain = cast("gpd.GeoDataFrame", without_doubts(outfalls))
    return State(outfalls=plain, issues=_merged(state.get("issues"), list_issues(outfalls), doubtful))


def make_trace(state: State) -> State:
    """Weigh which source each outfall's water comes from."""
    from outfall.tracing import trace

    found = trace(
        state["outfalls"],
        state["network"],
        state["sources"],
        samples=state.get("samples"),
        results=state.get("results"),
        readings=state.get("readings"),
        links=[state[name] for name in ("links", "clues") if name in state],
    )
    return State(found=found)


def make_map(state: State) -> State:
    """Draw everything on one page that opens without a network."""
    from outfall.maps import draw

    project = state["project"]
    page = draw(
        state["network"],
        state["outfalls"],
        state.get("found"),
        sources=state.get("sources"),
        sightings=state.get("sightings"),
        photos_folder=project.folder,
        under=state.get("scene"),
        title=project.settings["name"],
    )
    page = add_layers(page, state)
    if "out" in state:
        page.save(state["out"] / "map.html", lang=state["lang"])
    return State(page=page)


def make_inventory(state: State) -> State:
    """Write the official table."""
    from outfall.reports import inventory, write_inventory

    table = inventory(
        state["outfalls"],
        state.get("found"),
        sources=state.get("sources"),
        photos=state.get("photos"),
        tz=state["project"].settings["tz"],
        lang=state["lang"],
    )
    if "out" in state:
        write_inventory(table, state["out"] / "inventory.xlsx")
    return State(inventory=table)


def make_briefs(state: State) -> State:
    """Write one sheet per outfall."""
    from outfall.reports import write_briefs

    write_briefs(
        state["outfalls"],
        state.get("found"),
        state["out"] / "briefs",
        network=state["network"],
        photos_folder=state["project"].folder,
        results=_with_outfalls(state),
        lang=state["lang"],
    )
    return State()


def save_tables(state: State) -> State:
    """Write every table into one GeoPackage."""
    tables = list_tables(state)
    write_tables(tables, state["out"] / "trace.gpkg")
    return State(tables=tables)


def _merged(*tables: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    filled = [table for table in tables if table is not None and len(table)]
    if not filled:
        return list_issues()
    crs = next((table.crs for table in filled if table.crs is not None), None)
    alike = [table.to_crs(crs) if table.crs is not None else table for table in filled]
    joined = pd.concat(alike, ignore_index=True) if len(alike) > 1 else alike[0]
    return cast("gpd.GeoDataFrame", joined.drop_duplicates("issue_id").reset_index(drop=True))


def _with_outfalls(state: State) -> pd.DataFrame | None:
    """Return the results with the outfall each sample was taken at, as the trace found it: by name, code or place."""
    from outfall.tracing.observations import match_results

    results, network = state.get("results"), state["network"]
    if results is None or not len(results):
        return None
    outfalls, samples = state["outfalls"].to_crs(network.crs), state.get("samples")
    sources = (
        state["sources"].to_crs(network.crs)
        if "sources" in state
        else cast("gpd.GeoDataFrame", empty("sources", crs=network.crs))
    )
    if samples is not None and isinstance(samples, gpd.GeoDataFrame) and samples.crs is not None:
        samples = samples.to_crs(network.crs)
    one = results.drop_duplicates("sample_id")  # a stand-in result per sample: only where it was taken is asked
    one = one.assign(parameter="ammonia", qualifier="=", value=1.0, unit="mg/L", source_ref=one["sample_id"])
    matched = match_results(one, samples, outfalls, sources)
    matched = matched[matched["about"] == "outfall"]
    homes = {
        ref: home for home, refs in zip(matched["about_id"], matched["refs"], strict=True) for ref in split_ids(refs)
    }
    return results.assign(outfall_id=results["sample_id"].map(homes), point_name=None)


STEPS: tuple[Step, ...] = (
    Step("network", "连接河流与管网", "Join rivers and pipes", (), ("network",), join_lines),
    Step("read", "读取调查、污染源与检测数据", "Read surveys, sources and results", (), ("sightings",), check_inputs),
    Step("check", "检查", "Check", (), (), refuse_problems),
    Step(
        "register", "归并疑似点", "Make outfalls of sightings", ("network", "sightings"), ("outfalls",), make_outfalls
    ),
    Step("scenes", "判读影像", "Look at the scenes", ("outfalls", "network", "scenes"), ("contrasts",), see_outfalls),
    Step("trace", "溯源", "Trace", ("outfalls", "sources"), ("found",), make_trace),
    Step("map", "绘制地图", "Draw the map", ("outfalls",), ("page",), make_map),
    Step("inventory", "编制台账", "Write the inventory", ("outfalls",), ("inventory",), make_inventory),
    Step("briefs", "编制一口一档", "Write a sheet per outfall", ("outfalls", "out"), (), make_briefs),
    Step("tables", "保存全部数据表", "Save all tables", ("outfalls", "out"), ("tables",), save_tables),
)
