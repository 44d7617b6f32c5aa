"""Where what is upstream leaves the data, and how much comes from beyond: the boundary inflows of an extract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import NetworkError
from outfall.network.inflows import check_inflows, inflow_rows
from outfall.network.published import find_excess, find_flags, find_total_column, inflow_column
from outfall.tables import empty, join_ids, split_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outfall.network.graph import Network

__all__ = ["boundaries_above", "boundary_inflows", "declare_inflows"]


def boundary_inflows(
    network: Network, *, column: str | None = None, own: str = "area_km2", least_excess: float = 0.1
) -> gpd.GeoDataFrame:
    """Return the places where water enters a network from beyond its file, and how much where the file says it.

    How much is said by a column that holds the total upstream, such as NHDPlus ``TotDASqKM`` or HydroRIVERS
    ``UPLAND_SKM``: where it is larger than what the file holds above the reach, the rest comes from beyond. That a
    place is a boundary at all is also said by ``StartFlag``, by ``UpHydroseq``, and by nodes of kind ``boundary``.

    Parameters
    ----------
    network : Network
        Any network.
    column : str, optional
        Column with the published total; the first known one by default, none is an answer too.
    own : str, default "area_km2"
        Column with what each reach adds itself, in the same unit.
    least_excess : float, default 0.1
        What a published total may be too large by, in its unit; published columns are rounded. Our default: the
        largest rounding of NHDPlus totals on 6,295 reaches is 0.07 km2.

    Returns
    -------
    GeoDataFrame, one row per place, from upstream to downstream
        ``node_id``; ``reach_ids`` it enters; ``column`` it is counted in; ``inflow`` (missing where nobody says how
        much); ``evidence`` (``total``, ``start_flag``, ``upstream_id``, ``cut_off``); ``reason``, ``reason_zh``;
        ``source_ref``; the node. ``attrs["smaller"]`` counts reaches whose published total is smaller than what the
        file holds.

    Raises
    ------
    NetworkError
        There is no such column.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"], "area_km2": [2.0, 3.0], "TotDASqKM": [42.0, 45.0]},
    ...     crs=32650, geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...                                                  "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> boundary_inflows(build_network(lines))[["reach_ids", "inflow"]].values.tolist()
    [['upper', 40.0]]
    """
    for name in (column, own):
        if name is not None and name not in network.reaches.columns:
            msg = f"boundary_inflows: the reaches have no column {name!r}"
            raise NetworkError(msg, fix="Name the columns with the total upstream and with what each reach adds.")
    total = column or find_total_column(network.reaches)
    known = total is not None and network.reaches[own].notna().any()
    found, smaller = find_excess(network, str(total), own, least_excess) if known else (inflow_rows(), 0)
    flagged = find_flags(network, own)
    flagged = flagged[~flagged["node_id"].isin(set(found["node_id"]))]
    rows = pd.concat([found, flagged], ignore_index=True).assign(column=own)
    return _placed(network, rows, smaller)


def declare_inflows(network: Network, inflows: pd.DataFrame | None = None) -> Network:
    """Return the network with one issue per boundary inflow, so that whoever reads it is told.

    Parameters
    ----------
    network : Network
        Any network.
    inflows : DataFrame, optional
        ``node_id`` or ``reach_id``, ``inflow`` and what else `boundary_inflows` gives; what it finds by default.

    Returns
    -------
    Network
        Amounts stand in the column ``inflow_<column>`` of the nodes, or of the reaches where only some exits of a node
        are meant; earlier issues of the kind are replaced.

    Raises
    ------
    NetworkError
        A place is not in the network, or an inflow is negative.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["only"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)"]))
    >>> network = declare_inflows(build_network(lines), pd.DataFrame({"reach_id": ["only"], "inflow": [12.5]}))
    >>> network.issues["reason"].tolist()
    ['12.5 (area_km2) enter from beyond the data by only: declared']
    """
    rows = boundary_inflows(network) if inflows is None else _placed(network, check_inflows(network, inflows), 0)
    nodes, reaches = _with_amounts(network, rows)
    kept = network.issues if network.issues is not None else empty("issues", crs=network.crs)
    kept = kept[kept["kind"] != "boundary_inflow"]
    if not len(rows):
        return type(network)(reaches, nodes, kept, network.edits)
    said = gpd.GeoDataFrame(
        {
            "issue_id": [f"boundary-{number}" for number in range(1, len(rows) + 1)],
            "about": "reaches",
            "row_ids": rows["reach_ids"].to_numpy(),
            "kind": "boundary_inflow",
            "level": "warning",
            "reason": [_say(row, "en") for row in rows.to_dict("records")],
            "reason_zh": [_say(row, "zh") for row in rows.to_dict("records")],
            "decision": "kept; totals count it where inflows are given",
            "distance_m": np.nan,
            "source_ref": rows["source_ref"].to_numpy(),
        },
        geometry=rows.geometry.to_numpy(),
        crs=network.crs,
    )
    blank = empty("issues", crs=network.crs)
    said = said.astype({name: blank[name].dtype for name in blank.columns if name != "geometry"})[list(blank.columns)]
    issues = gpd.GeoDataFrame(pd.concat([kept, said], ignore_index=True), crs=network.crs) if len(kept) else said
    return type(network)(reaches, nodes, issues, network.edits)


def boundaries_above(
    network: Network, reach_ids: Iterable[str], *, inflows: pd.DataFrame | None = None, column: str = "area_km2"
) -> pd.DataFrame:
    """Return for each reach whether what is upstream of it leaves the data, where, and how much comes from there.

    Parameters
    ----------
    network : Network
        Any network.
    reach_ids : iterable of str, n values
        Reaches, or lines that were cut.
    inflows : DataFrame, optional
        As for `declare_inflows`; what `boundary_inflows` finds by default.
    column : str, default "area_km2"
        What is counted.

    Returns
    -------
    DataFrame, n rows, in the order given
        ``reach_id``, ``is_complete`` (no boundary upstream), ``node_ids``, ``own`` (what the file holds upstream),
        ``inflow`` (what enters from beyond), ``unknown_count`` (places nobody says the size of), ``inflow_share`` of
        the whole, ``text``, ``text_zh``.

    Raises
    ------
    NetworkError
        An id is not in the network.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"], "area_km2": [2.0, 3.0], "TotDASqKM": [42.0, 45.0]},
    ...     crs=32650, geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...                                                  "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> boundaries_above(build_network(lines), ["lower"])["text"].item()
    'upstream leaves the data at 1 place: 40 of 45 (area_km2, 89 %) come from beyond'
    """
    wanted = [str(item) for item in reach_ids]
    rows = boundary_inflows(network) if inflows is None else _placed(network, check_inflows(network, inflows), 0)
    at = network.position(wanted)
    has = column in network.reaches.columns and network.reaches[column].notna().any()
    own = network.accumulate(column).to_numpy(float)[at] if has else np.full(len(at), np.nan)
    enters: dict[str, list[int]] = {}
    for number, names in enumerate(rows["reach_ids"].tolist()):
        for name in split_ids(names):
            enters.setdefault(name, []).append(number)
    found = []
    for name, here in zip(wanted, own.tolist(), strict=True):
        numbers = sorted({one for above in network.upstream(name) for one in enters.get(above, ())}) if enters else []
        found.append({"reach_id": name, **_sum_up(rows.iloc[numbers], here, column)})
    names = ["reach_id", "is_complete", "node_ids", "own", "inflow", "unknown_count", "inflow_share", "text", "text_zh"]
    return pd.DataFrame(found, columns=names)


def _sum_up(rows: pd.DataFrame, own: float, column: str) -> dict[str, object]:
    counted = rows["inflow"].where(rows["column"] == column)
    inflow, unknown = float(counted.sum()), int(counted.isna().sum())
    whole = inflow + (own if np.isfinite(own) else 0.0)
    share = inflow / whole if whole > 0 else 0.0
    text, text_zh = "all that is upstream is in the data", "上游全部在数据范围内"
    if len(rows):
        many = "place" if len(rows) == 1 else "places"
        text = f"upstream leaves the data at {len(rows)} {many}"
        text_zh = f"上游在 {len(rows)} 处超出数据范围"
        if unknown < len(rows):
            text += f": {inflow:,.4g} of {whole:,.4g} ({column}, {share:.0%}) come from beyond".replace("%)", " %)")
            text_zh += f":{whole:,.4g} 中有 {inflow:,.4g}({column},{share:.0%})来自界外"
        if unknown:
            text += f"; nobody says how much enters at {unknown} of them"
            text_zh += f";其中 {unknown} 处水量不明"
    names = join_ids(rows["node_id"].tolist()) if len(rows) else ""
    return {"is_complete": not len(rows), "node_ids": names, "own": own, "inflow": inflow, "unknown_count": unknown,
            "inflow_share": share, "text": text, "text_zh": text_zh}  # fmt: skip


def _with_amounts(network: Network, rows: pd.DataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return nodes and reaches with the amounts that enter at them."""
    nodes, reaches = network.nodes, network.reaches
    known = rows[rows["inflow"].notna()]
    exits = reaches["from_node"].value_counts()
    count = known["reach_ids"].map(lambda ids: len(split_ids(ids)))
    all_exits = count.to_numpy() == exits.reindex(known["node_id"]).to_numpy()
    for column in known["column"].unique():
        of = (known["column"] == column).to_numpy()
        at_node = known[of & all_exits].groupby("node_id")["inflow"].sum()
        nodes = nodes.assign(**{inflow_column(column): nodes["node_id"].map(at_node).astype("float64")})
        some = known[of & ~all_exits]
        if len(some):
            at_reach = (
                some.assign(one=some["reach_ids"].map(lambda ids: split_ids(ids)[0])).groupby("one")["inflow"].sum()
            )
            reaches = reaches.assign(**{inflow_column(column): reaches["reach_id"].map(at_reach).astype("float64")})
    return nodes, reaches


def _say(row: dict[str, object], lang: str) -> str:
    amount, names, column = float(str(row["inflow"])), row["reach_ids"], row["column"]
    if lang == "zh":
        much = f"{amount:,.6g}({column})" if np.isfinite(amount) else "水量不明的来水"
        return f"{much} 经 {names} 自数据范围外流入:{row['reason_zh']}"
    much = f"{amount:,.6g} ({column}) enter" if np.isfinite(amount) else "water of unknown amount enters"
    return f"{much} from beyond the data by {names}: {row['reason']}"


def _placed(network: Network, rows: pd.DataFrame, smaller: int) -> gpd.GeoDataFrame:
    """Return the rows with their nodes as points, from upstream to downstream."""
    at = pd.Index(network.nodes["node_id"]).get_indexer(rows["node_id"])
    points = network.nodes.geometry.to_numpy()[at]
    placed = gpd.GeoDataFrame(rows.reset_index(drop=True), geometry=points, crs=network.crs)
    out = placed.sort_values(["node_id", "reach_ids"], kind="stable", ignore_index=True)
    out.attrs["smaller"] = smaller
    return out
