"""Lines into a Network: join ends, split at junctions, join pipes to the river, report every decision as an issue row."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import choose_crs, length_m, to_crs
from outfall.errors import NetworkError, Problem
from outfall.network.clean import clean_lines
from outfall.network.columns import tidy_lines
from outfall.network.cut import cut_lines, find_midline_joins
from outfall.network.finish import finish_network
from outfall.network.join import Ends, join_ends
from outfall.network.pipes import join_pipes
from outfall.network.record import Record
from outfall.vocabulary import plain

if TYPE_CHECKING:
    from outfall.network.graph import Network

__all__ = ["build_network"]

Lines: TypeAlias = gpd.GeoDataFrame | Sequence[gpd.GeoDataFrame]


def build_network(
    rivers: Lines | None,
    *,
    pipes: Lines | None = None,
    crs: object = None,
    tolerance_m: float = 0.5,
    join_m: float = 30.0,
    split_midline: bool = True,
) -> Network:
    """Return the network that lines make: rivers and pipes as one, every decision recorded.

    Lines run as they are digitised unless a column says otherwise. Ends are one node where the file's node ids say so,
    where their coordinates are identical, or within the tolerance; a line is cut where another ends on its middle, and
    where a pipe discharges. Nothing is dropped without a row in ``issues``. Loops are reported, never cut.

    Parameters
    ----------
    rivers : GeoDataFrame, a list of them, or None
        Lines of rivers, ditches, lakes; any CRS, which must be stated. Columns of the contract ``reaches`` or headings
        that are known to mean them.
    pipes : GeoDataFrame or a list of them, optional
        Lines of sewers, pumps, gates.
    crs : anything pyproj understands, optional
        Metric CRS of the network; chosen from the data by default.
    tolerance_m : float, metres, default 0.5
        Largest gap between ends that are one node; our default, about the error of a good survey. An end within 1 mm
        of the middle of a line touches it whatever the tolerance, 0 included: rounding leaves no join exact.
    join_m : float, metres, default 30
        Distance within which a pipe that ends discharges to a river; our default, about half a river's width.
    split_midline : bool, default True
        Whether a line is cut where another ends on its middle.

    Returns
    -------
    Network
        Reaches in the order of the lines; the pieces of a line that was cut are called ``<id>.1``, ``<id>.2`` …

    Raises
    ------
    NetworkError
        There are no lines, or a distance is not a number from 0 on.
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
    """
    _check_options(tolerance_m=tolerance_m, join_m=join_m)
    given = {"rivers": _as_list(rivers), "pipes": _as_list(pipes)}
    frames = [frame for group in given.values() for frame in group]
    if not frames:
        msg = "build_network: neither rivers nor pipes were given; pass lines of at least one"
        raise NetworkError(msg)
    metric = crs if crs is not None else _metric_crs(frames)
    record = Record()
    made: dict[str, tuple[gpd.GeoDataFrame, Ends]] = {}
    cleaned = {
        about: _lines(group, record, about=about, kind="river" if about == "rivers" else "gravity_sewer", crs=metric)
        for about, group in given.items()
    }
    _refuse_nothing(frames, cleaned, record)
    _rename_clashes(cleaned, record)
    for about, lines in cleaned.items():
        ends = join_ends(lines, record, about=about, tolerance_m=tolerance_m)
        if split_midline:
            cuts = find_midline_joins(lines, ends, record, about=about, tolerance_m=tolerance_m)
            lines, ends = cut_lines(lines, ends, cuts)  # noqa: PLW2901
        made[about] = lines, ends
    joined = join_pipes(*made["rivers"], *made["pipes"], record, tolerance_m=tolerance_m, join_m=join_m)
    return finish_network(*joined, record)


def _lines(
    frames: Sequence[gpd.GeoDataFrame], record: Record, *, about: str, kind: str, crs: object
) -> gpd.GeoDataFrame:
    """Return the clean lines of one role in the metric CRS, digitised downstream."""
    tidy = [tidy_lines(to_crs(frame, crs, where=about), record, about=about, kind=kind) for frame in frames]
    if not tidy:
        tidy = [tidy_lines(gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=crs)), record, about=about, kind=kind)]
    lines = pd.concat(tidy, ignore_index=True) if len(tidy) > 1 else tidy[0]
    directed = _directed(clean_lines(lines, record, about=about), record, about)
    return directed.assign(line_m=length_m(directed.geometry))


def _directed(lines: gpd.GeoDataFrame, record: Record, about: str) -> gpd.GeoDataFrame:
    """Return lines with their forward share and its reason; those that run against their digitising are turned."""
    words = lines["direction"].map(plain, na_action="ignore")
    said = words.map(_directions(), na_action="ignore").astype("float64")
    unknown = sorted(set(lines["direction"][words.notna() & said.isna()]))
    if unknown:
        text = f"column direction: {', '.join(map(repr, unknown[:8]))} is not a word we know"
        record.add("assumption", ["direction"], (text, f"流向:{', '.join(unknown[:8])} 无法识别"), level="warning", about=about,
                   decision="digitised order is used")  # fmt: skip
    given = lines["forward_share"]
    tidal = lines["kind"] == "tidal"
    share = given.fillna(said).fillna(pd.Series(np.where(tidal, 0.5, 1.0), index=lines.index))
    why = pd.Series(np.where(tidal, "tidal: either way", "digitised order"), index=lines.index, dtype="str")
    why = why.mask(said.notna(), "the file says " + lines["direction"].astype("str"))
    why = lines["forward_reason"].fillna(why.mask(given.notna(), "given as forward_share"))
    turn = (share == 0).to_numpy(dtype=bool)
    out = lines.assign(forward_share=share, forward_reason=why.astype("str"))
    if not turn.any():
        return out
    shapes = out.geometry.to_numpy().copy()
    shapes[turn] = shapely.reverse(shapes[turn])
    out = out.set_geometry(gpd.GeoSeries(shapes, index=out.index, crs=out.crs))
    for one, other in (("from_node", "to_node"), ("invert_from_m", "invert_to_m")):
        first, second = out[one].where(~turn, out[other]), out[other].where(~turn, out[one])
        out[one], out[other] = first, second
    out["forward_share"] = out["forward_share"].mask(turn, 1.0)
    record.add("reversed", out["line_id"][turn], (f"{int(turn.sum()):,} lines run against their digitised order, as the file says",
               f"{int(turn.sum()):,} 条线按文件说明反向"), about=about, decision="turned")  # fmt: skip
    return out


def _rename_clashes(cleaned: dict[str, gpd.GeoDataFrame], record: Record) -> None:
    """Give rivers another name where a pipe has the same id: pipe ids are what crawler logs speak of."""
    rivers, pipes = cleaned["rivers"], cleaned["pipes"]
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


@cache
def _directions() -> Mapping[str, float]:
    stream = files(__package__).joinpath("directions.csv").read_text(encoding="utf-8").splitlines()
    return {plain(row["word"]): float(row["forward_share"]) for row in csv.DictReader(stream)}
