"""Lines into a Network: join ends, split at junctions, join pipes to the river, report every decision as an issue row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.coordinates import choose_crs, to_crs
from outfall.errors import NetworkError, Problem
from outfall.network.clean import clean_lines
from outfall.network.columns import tidy_lines
from outfall.network.digitised import direct_lines
from outfall.network.finish import finish_network
from outfall.network.knit import knit_lines
from outfall.network.overrides import Overrides, Undo, list_overrides
from outfall.network.pipes import join_pipes
from outfall.network.record import Record
from outfall.tables import name_columns

if TYPE_CHECKING:
    from outfall.network.graph import Network
    from outfall.network.join import Ends

__all__ = ["build_network"]

Lines: TypeAlias = gpd.GeoDataFrame | Sequence[gpd.GeoDataFrame]


@dataclass(frozen=True)
class _Options:
    """How lines are joined."""

    crs: object
    tolerance_m: float
    join_m: float
    is_cutting: bool
    structures: gpd.GeoDataFrame | None


def build_network(
    rivers: Lines | None,
    *,
    pipes: Lines | None = None,
    structures: gpd.GeoDataFrame | None = None,
    crs: object = None,
    tolerance_m: float = 0.5,
    join_m: float = 30.0,
    split_midline: bool = True,
    undo: Undo = None,
) -> Network:
    """Return the network that lines make: rivers and pipes as one, every decision recorded.

    Lines run as they are digitised unless a column says otherwise. Ends are one node where the file's node ids say so,
    where their coordinates are identical, where they lie at one structure, or within the tolerance; a line is cut where
    another ends on its middle, and where a pipe discharges. No end is moved by more than half the length of its line,
    and no tolerance makes water run in a circle. Nothing is dropped without a row in ``issues``. Loops are reported,
    never cut. An issue has the same id whatever the order of the lines.

    Parameters
    ----------
    rivers : GeoDataFrame, a list of them, or None
        Lines of rivers, ditches, lakes; any CRS, which must be stated. Columns of the contract ``reaches`` or headings
        that are known to mean them.
    pipes : GeoDataFrame or a list of them, optional
        Lines of sewers, pumps, gates.
    structures : GeoDataFrame, optional
        Points of manholes and chambers with ``node_id``: pipe ends at one of them are one node, ends at two never are.
    crs : anything pyproj understands, optional
        Metric CRS of the network; chosen from the data by default.
    tolerance_m : float, metres, default 0.5
        Largest gap between ends that are one node; our default, about the error of a good survey. An end within 1 mm
        of an end or of the middle of a line touches it whatever the tolerance, 0 included: rounding leaves no join exact.
    join_m : float, metres, default 30
        Distance within which a pipe that ends discharges to a river; our default, about half a river's width.
    split_midline : bool, default True
        Whether a line is cut where another ends on its middle.
    undo : sequence of str, or DataFrame, optional
        Ids of issues whose decision is reversed, or rows as `list_overrides` makes them.

    Returns
    -------
    Network
        Reaches in the order of the lines; the pieces of a line that was cut are called ``<id>.1``, ``<id>.2`` and so on.

    Raises
    ------
    NetworkError
        There are no lines, a distance is not a number from 0 on, or what is to be undone is no decision.
    CoordinateError
        A CRS is missing.

    Examples
    --------
    >>> import geopandas as gpd
    >>> river = gpd.GeoDataFrame({"reach_id": ["R"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400000, 401000 3400000)"]))
    >>> sewer = gpd.GeoDataFrame({"reach_id": ["P"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400600 3400200, 400600 3400010)"]))
    >>> network = build_network(river, pipes=sewer)
    >>> network.reaches["reach_id"].tolist()
    ['R.1', 'R.2', 'P', 'P>river']
    >>> network.upstream("R.2")
    ['R.2', 'R.1', 'P>river', 'P']
    >>> [(name, kind) for name, kind in zip(network.issues["issue_id"], network.issues["kind"])]
    [('interface-598d0555b5', 'interface')]
    >>> build_network(river, pipes=sewer, undo=["interface-598d0555b5"]).reaches["reach_id"].tolist()
    ['R', 'P']
    """
    _check_options(tolerance_m=tolerance_m, join_m=join_m)
    given = {"rivers": _as_list(rivers), "pipes": _as_list(pipes)}
    frames = [frame for group in given.values() for frame in group]
    if not frames:
        msg = "build_network: neither rivers nor pipes were given; pass lines of at least one"
        raise NetworkError(msg)
    metric = crs if crs is not None else _metric_crs(frames)
    options = _Options(metric, tolerance_m, join_m, split_midline, _points(structures, metric))
    if undo is None or isinstance(undo, pd.DataFrame):
        return _build(given, options, Overrides.read(undo, metric))
    return _build_undone(given, options, list(undo))


def _build(given: Mapping[str, list[gpd.GeoDataFrame]], options: _Options, overrides: Overrides) -> Network:
    """Return the network of lines under overrides."""
    record = Record()
    cleaned = {about: _lines(group, record, overrides, about=about, crs=options.crs) for about, group in given.items()}
    _refuse_nothing([frame for group in given.values() for frame in group], cleaned, record)
    _rename_clashes(cleaned, record)
    if overrides.rows:
        overrides.check({name for lines in cleaned.values() for name in lines["line_id"]})
    made: dict[str, tuple[gpd.GeoDataFrame, Ends]] = {}
    for about, lines in cleaned.items():
        points = options.structures if about == "pipes" else None
        made[about] = knit_lines(lines, record, overrides, about=about, tolerance_m=options.tolerance_m,
                                 is_cutting=options.is_cutting, structures=points)  # fmt: skip
    joined = join_pipes(*made["rivers"], *made["pipes"], record, tolerance_m=options.tolerance_m, join_m=options.join_m,
                        apart=[ids for ids, _, _ in overrides.of("apart", "pipes")])  # fmt: skip
    return finish_network(*joined, record)


def _build_undone(given: Mapping[str, list[gpd.GeoDataFrame]], options: _Options, undo: list[str]) -> Network:
    """Return the network with decisions reversed; one reversal may bring to light the next."""
    network, rows, left = _build(given, options, Overrides([])), [], list(undo)
    while left:
        issues = network.issues if network.issues is not None else pd.DataFrame()
        here = set(issues["issue_id"])
        found = [name for name in left if name in here]
        rows.append(list_overrides(issues, found or left))  # raises where none is there
        left = [name for name in left if name not in here]
        table = pd.concat(rows, ignore_index=True)
        network = _build(given, options, Overrides.read(table, options.crs))
    return network


def _points(structures: gpd.GeoDataFrame | None, crs: object) -> gpd.GeoDataFrame | None:
    """Return structures with a place, in the metric CRS, each with an id."""
    if structures is None:
        return None
    named = name_columns(structures, "nodes")
    assert isinstance(named, gpd.GeoDataFrame)
    points = to_crs(named, crs, where="structures").reset_index(drop=True)
    points = points[points.geometry.notna() & ~points.geometry.is_empty]
    wrong = points[points.geometry.geom_type != "Point"]
    if len(wrong):
        msg = "build_network"
        problem = Problem(
            "structures", f"{len(wrong)} rows are no points, e.g. row {wrong.index[0] + 1}", "give points"
        )
        raise NetworkError(msg, [problem])
    own = pd.Series("structure-" + (points.index + 1).astype("str"), index=points.index)
    ids = points["node_id"].astype("str").fillna(own) if "node_id" in points else own
    return points.assign(node_id=ids)


def _lines(
    frames: Sequence[gpd.GeoDataFrame], record: Record, overrides: Overrides, *, about: str, crs: object
) -> gpd.GeoDataFrame:
    """Return the clean lines of one role in the metric CRS, digitised downstream."""
    kind = "river" if about == "rivers" else "gravity_sewer"
    tidy = [tidy_lines(to_crs(frame, crs, where=about), record, about=about, kind=kind) for frame in frames]
    if not tidy:
        tidy = [tidy_lines(gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=crs)), record, about=about, kind=kind)]
    lines = pd.concat(tidy, ignore_index=True) if len(tidy) > 1 else tidy[0]
    lines = clean_lines(lines, record, about=about, keep=overrides.ids("keep", about))
    return direct_lines(overrides.leave_out(lines, record, about=about), record, overrides, about)


def _rename_clashes(cleaned: dict[str, gpd.GeoDataFrame], record: Record) -> None:
    """Give rivers another name where a pipe has the same id: pipe ids are what crawler logs speak of."""
    rivers, pipes = cleaned["rivers"], cleaned["pipes"]
    if not len(rivers) or not len(pipes):
        return
    clash = rivers["line_id"].isin(set(pipes["line_id"]))
    if not clash.any():
        return
    names = rivers["line_id"].mask(clash, "river-" + rivers["line_id"])
    while names.isin(set(pipes["line_id"])).any() or names[clash].isin(set(rivers["line_id"])).any():
        names = names.mask(clash, names + "~")
    count = int(clash.sum())
    record.add("duplicate", rivers["line_id"][clash], (f"{count:,} rivers and pipes have the same ids",
               f"{count:,} 条河流与管道编号相同"), level="warning", about="rivers",
               decision="the rivers are called river-<id>")  # fmt: skip
    cleaned["rivers"] = rivers.assign(line_id=names.astype("str"))


def _as_list(frames: Lines | None) -> list[gpd.GeoDataFrame]:
    """Return the tables, with nothing where a geometry is there but empty."""
    if frames is None:
        return []
    items = [frames] if isinstance(frames, gpd.GeoDataFrame) else list(frames)
    blank = [item.geometry.is_empty.to_numpy() for item in items]
    return [
        item.set_geometry(item.geometry.mask(gone)) if gone.any() else item
        for item, gone in zip(items, blank, strict=True)
    ]


def _refuse_nothing(
    frames: Sequence[gpd.GeoDataFrame], cleaned: Mapping[str, gpd.GeoDataFrame], record: Record
) -> None:
    """Raise where there were rows and not one of them can be a reach."""
    count = sum(map(len, frames))
    if not count or any(map(len, cleaned.values())):
        return
    problems = [
        Problem(str(row["about"]), str(row["reason"]), "", (str(row["row_ids"]),))
        for row in record.rows
        if row["decision"] == "left out"
    ]
    msg = f"build_network: not one of {count} lines can be a reach"
    raise NetworkError(
        msg, problems[:5], fix="Give lines with coordinates in the CRS the file declares (lon before lat)."
    )


def _metric_crs(frames: Sequence[gpd.GeoDataFrame]) -> object:
    """Return the CRS chosen from the data; tables without any line keep the metric CRS they have."""
    empty = all(frame.geometry.isna().all() for frame in frames)
    known = [frame.crs for frame in frames if frame.crs is not None and frame.crs.is_projected]
    return known[0] if empty and known else choose_crs(*frames)


def _check_options(**options: float) -> None:
    problems = [
        Problem(name, f"{value!r} is not a distance", "give metres, 0 or more")
        for name, value in options.items()
        if not (isinstance(value, int | float) and value >= 0 and np.isfinite(value))
    ]
    if problems:
        msg = "build_network"
        raise NetworkError(msg, problems)
