"""Whose water is it everywhere: all outfalls of a province, basin by basin, by one worker or many, with the same answer."""

from __future__ import annotations

import dataclasses
import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import to_crs
from outfall.errors import TraceError
from outfall.network import Network, travel_times, weigh_direction
from outfall.tables import check, empty
from outfall.tracing.answer import Trace, trace
from outfall.tracing.basin_parts import split_parts
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.candidates import place_sources, reach_candidates
from outfall.tracing.combine import combine
from outfall.tracing.context import make_context, read_told, samples_in
from outfall.tracing.edges import say_boundaries
from outfall.tracing.lines import LINES, Context, judge_all
from outfall.tracing.observations import find_flows
from outfall.tracing.settings import Settings, merge_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from outfall.tracing.basin_parts import Part

__all__ = ["Workers", "trace_basins"]

_AT_ONCE = 1000  # outfalls of a part, unless told otherwise
_TABLES = ("samples", "results", "readings", "links", "clues")


class _Future(Protocol):
    def result(self) -> str: ...


class Workers(Protocol):
    """Anything that runs a function elsewhere: an executor of concurrent.futures, a client of Dask."""

    def submit(self, task: Callable[[str], str], path: str, /) -> _Future:
        """Start a task and return its future."""
        ...


def trace_basins(
    outfalls: gpd.GeoDataFrame,
    network: Network,
    sources: gpd.GeoDataFrame,
    *,
    tables: Mapping[str, pd.DataFrame | None] | None = None,
    settings: Mapping[str, Mapping[str, float]] | None = None,
    parts: int | None = None,
    workers: int | Workers = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> Trace:
    """Trace all outfalls of a province basin by basin, as `trace` does; the answer is the same for any parts and workers.

    Each part is given its outfalls and all that could change their answers: the sources that may reach them, the
    outfalls those may reach instead, the drains of both, across basins too. A worker reads its part from a file and
    holds nothing else of the province. Directions and travel times are found once, on the whole network.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        Contract ``outfalls``. Not changed, like every other table.
    network : Network
        Rivers and pipes as one.
    sources : GeoDataFrame, m rows
        Contract ``sources``.
    tables : mapping of str to DataFrame, optional
        ``samples``, ``results``, ``readings``, ``links``, ``clues``, as `trace` takes them.
    settings : mapping of str to mapping, optional
        Numbers that replace our defaults, as for `trace`.
    parts : int, optional
        How many parts; by default one per thousand outfalls, and no fewer than workers.
    workers : int or executor, default 1
        Processes on this machine, or anything with ``submit``: an executor, or a Dask client (extra ``dask``) whose
        workers see the folder of temporary files of this machine (``TMPDIR``).
    progress : callable, optional
        Called with what is done, how many parts are done and how many there are.

    Returns
    -------
    Trace
        As `trace` returns it.

    Raises
    ------
    TraceError
        A setting, a table's name or a number of parts or workers cannot be used.
    TableError, CoordinateError
        As for `trace`.

    Examples
    --------
    >>> trace_basins(empty("outfalls", crs=4547), None, empty("sources", crs=4547), workers=2)
    <Trace 0 outfalls x 0 sources: 0 candidates, 0 verdicts of 0 lines>
    """
    _refuse(tables, parts, workers)
    given = {name: (tables or {}).get(name) for name in _TABLES}
    chosen = merge_settings(settings)
    if not len(outfalls):
        return trace(outfalls, network, sources, settings=settings)
    outfalls = to_crs(check(outfalls, "outfalls"), network.crs, where="outfalls")
    placed = place_sources(sources, network, settings=chosen)
    context = _context(outfalls, placed, network, given, chosen)
    whole = _settle(network, chosen)
    count = parts or max(-(-len(outfalls) // _AT_ONCE), workers if isinstance(workers, int) else 2)
    shares = split_parts(outfalls, whole, placed, links=context.links, settings=chosen, parts=count)
    with TemporaryDirectory(prefix="outfall-") as folder:
        common = Path(folder) / "common"
        _save(common, {**_fields(context), "settings": chosen})
        paths = (
            _save(Path(folder) / f"part-{number}", _cut(share, outfalls, whole, placed) | {"common": str(common)})
            for number, share in enumerate(shares)
        )
        found = []
        for done, path in enumerate(_run(paths, workers), start=1):
            found.append(_load(path))
            Path(path).unlink()
            if progress is not None:
                progress("trace", done, len(shares))
    return _joined(found, outfalls, network, placed, context)


def _refuse(tables: Mapping[str, pd.DataFrame | None] | None, parts: int | None, workers: int | Workers) -> None:
    unknown = sorted(set(tables or {}) - set(_TABLES))
    if unknown:
        msg = f"trace_basins: tables has {unknown[0]!r}; it may have {', '.join(_TABLES)}"
        raise TraceError(msg)
    for name, number in (("parts", parts), ("workers", workers if isinstance(workers, int) else 1)):
        if number is not None and number < 1:
            msg = f"trace_basins: {name} is {number}; 1 or more was expected"
            raise TraceError(msg)


def _context(
    outfalls: gpd.GeoDataFrame,
    placed: gpd.GeoDataFrame,
    network: Network,
    given: Mapping[str, pd.DataFrame | None],
    settings: Settings,
) -> Context:
    """Return what the lines may look at, but for the candidates: water of all outfalls, as lines learn from all of it."""
    samples = samples_in(given["samples"], network)
    told = [table for name in ("links", "clues") if (table := given[name]) is not None]
    flows = find_flows(samples, outfalls, placed)
    nobody = gpd.GeoDataFrame(empty("candidates", crs=network.crs))
    return make_context(
        outfalls,
        placed,
        nobody,
        water=(given["results"], samples, flows),
        readings=given["readings"],
        told=read_told(told),
        settings=settings,
    )


def _settle(network: Network, settings: Settings) -> Network:
    """Return the network with directions and velocities written to its reaches, so that a part of it keeps them."""
    weighed = weigh_direction(network, weights=settings["direction"], turn=False)
    hours = travel_times(weighed).to_numpy(dtype=float)
    length = weighed.reaches["length_m"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.where((hours > 0) & (length > 0), length / (hours * 3600.0), np.nan)
    return Network(weighed.reaches.assign(velocity_ms=speed), weighed.nodes, weighed.issues)


def _cut(share: Part, outfalls: gpd.GeoDataFrame, network: Network, placed: gpd.GeoDataFrame) -> dict[str, Any]:
    reaches = network.reaches.iloc[share.reaches]
    ends = np.union1d(network.arrays.from_node[share.reaches], network.arrays.to_node[share.reaches])
    return {
        "asked": outfalls["outfall_id"].iloc[share.asked].tolist(),
        "outfalls": outfalls.iloc[share.outfalls],
        "sources": placed.iloc[share.sources],
        "reaches": reaches.reset_index(drop=True),
        "nodes": network.nodes.iloc[ends].reset_index(drop=True),
    }


def _run(paths: Iterator[str], workers: int | Workers) -> Iterator[str]:
    """Yield the path of each answer in the order of the parts."""
    if not isinstance(workers, int):
        futures = [workers.submit(_trace_part, path) for path in paths]
        yield from (future.result() for future in futures)
    elif workers == 1:
        yield from map(_trace_part, paths)
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield from pool.map(_trace_part, paths)


def _trace_part(path: str) -> str:
    """Trace the part in a file, and return the path of the answer."""
    part = _load(path)
    common = _common(str(part["common"]))
    settings, context = common["settings"], common["context"]
    network = Network(part["reaches"], part["nodes"])
    rows = reach_candidates(
        part["outfalls"], network, part["sources"], flows=context.flows, links=context.links, settings=settings
    )
    rows = rows[rows["outfall_id"].isin(part["asked"])].reset_index(drop=True)
    known = pd.DataFrame(rows[rows["source_id"] != UNREGISTERED])
    known = known.sort_values(["outfall_id", "source_id"], ignore_index=True)
    readings = _of_these(context.readings, known, part["asked"])
    evidence = judge_all(dataclasses.replace(context, candidates=known, readings=readings), LINES)
    answer = {"candidates": combine(rows, evidence, settings=settings), "known": known, "evidence": evidence}
    Path(path).unlink()
    return _save(Path(f"{path}-answer"), answer)


def _of_these(readings: pd.DataFrame, known: pd.DataFrame, asked: list[str]) -> pd.DataFrame:
    """Return the meters of some sources and outfalls: the series of others say nothing about them, and are long."""
    source, outfall = readings["source_id"], readings["outfall_id"]
    return readings[(source.isna() | source.isin(known["source_id"])) & (outfall.isna() | outfall.isin(asked))]


@lru_cache(maxsize=1)
def _common(path: str) -> dict[str, Any]:
    """Return what every part needs; read once by each worker."""
    fields = _load(path)
    return {"settings": fields["settings"], "context": Context(**fields)}


def _joined(
    found: list[dict[str, Any]],
    outfalls: gpd.GeoDataFrame,
    network: Network,
    placed: gpd.GeoDataFrame,
    context: Context,
) -> Trace:
    """Return the answers of all parts as one, in the order of the outfalls."""
    rank = pd.Series(range(len(outfalls)), index=outfalls["outfall_id"])
    candidates = _stacked(found, "candidates")
    order = np.argsort(candidates["outfall_id"].map(rank).to_numpy(), kind="stable")
    candidates = candidates.iloc[order].reset_index(drop=True)
    candidates = say_boundaries(gpd.GeoDataFrame(candidates, geometry="geometry", crs=network.crs), outfalls, network)
    evidence = _stacked(found, "evidence").sort_values("outfall_id", kind="stable", ignore_index=True)
    known = _stacked(found, "known").sort_values("outfall_id", kind="stable", ignore_index=True)
    context = dataclasses.replace(context, candidates=known)
    return Trace(outfalls, placed.drop(columns="stated"), candidates, evidence, context.settings, context)


def _stacked(found: list[dict[str, Any]], name: str) -> pd.DataFrame:
    tables = [table for one in found if isinstance(table := one[name], pd.DataFrame)]
    full = [table for table in tables if len(table)]
    return pd.concat(full, ignore_index=True) if full else tables[0]


def _fields(context: Context) -> dict[str, Any]:
    return {field.name: getattr(context, field.name) for field in dataclasses.fields(context)}


def _save(path: Path, tables: Mapping[str, Any]) -> str:
    """Write tables to a file, geometries as one array of bytes: pickling them one by one takes five times as long."""
    packed = {name: _pack(table) for name, table in tables.items()}
    path.write_bytes(pickle.dumps(packed, protocol=5))
    return str(path)


def _load(path: str) -> dict[str, Any]:
    packed = pickle.loads(Path(path).read_bytes())  # noqa: S301  (written by _save)
    return {name: _unpack(table) for name, table in packed.items()}


def _pack(table: Any) -> Any:
    if not isinstance(table, gpd.GeoDataFrame) or table.active_geometry_name is None:
        return table
    shapes, name = shapely.to_wkb(np.asarray(table.geometry.array)), table.active_geometry_name
    return "shapes", pd.DataFrame(table.drop(columns=name)), list(table.columns), name, shapes, table.crs


def _unpack(table: Any) -> Any:
    if not isinstance(table, tuple):
        return table
    _, frame, columns, name, shapes, crs = table
    whole = frame.assign(**{name: gpd.GeoSeries(shapely.from_wkb(shapes), index=frame.index, crs=crs)})
    return gpd.GeoDataFrame(whole[columns], geometry=name, crs=crs)
