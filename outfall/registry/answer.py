"""Many sightings, one outfall: which sightings are one thing, where it is, and why we say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.coordinates import to_crs
from outfall.registry.known import keep_known, known_sightings
from outfall.registry.matched import find_doubts, match_sightings
from outfall.registry.merge import name_outfalls
from outfall.registry.mouths import place_outfalls
from outfall.registry.rows import outfall_rows
from outfall.tables import attach_issues, check, empty, issue, list_issues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.network import Network

__all__ = ["list_doubtful", "register"]


def register(
    seen: pd.DataFrame | Sequence[pd.DataFrame],
    network: Network,
    *,
    same_share: float = 0.5,
    doubt_share: float = 0.2,
    review: pd.DataFrame | None = None,
    known: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Return one outfall for each thing that was seen, with its place on the network and the reasons.

    Sightings are one thing with odds made of how crowded the bank is and who missed it, their positions (a
    two-dimensional Gaussian with the sigma of each), and what they say: bank, shape, class, discharge, colour, diameter,
    name, code, photo. The offset of each survey, the true scale of each platform's sigmas and how often it misses or says
    a wrong word are learned from the sightings. Groups grow from the surest pairs; then single sightings move, swap and
    part while that makes the whole likelier. One survey sees a thing at most once, people on foot rarely twice. Steps of a towed sensor go to the outfall that explains them; a step nobody explains
    becomes a suspected outfall. Finds inside pipes are no outfalls and are left out with a note.

    Parameters
    ----------
    seen : table or list of tables
        Contract ``sightings``, in any CRS; from read_drone, read_boat, read_crawler, read_ground. Not changed.
    network : Network
        Rivers and pipes the outfalls get their place on.
    same_share : float, default 0.5
        Least probability for sightings to be put together, step by step; the whole of an outfall may end below it
        (``match_share``), and is then listed for people.
    doubt_share : float, default 0.2
        Decisions nearer to even odds than this are listed for people.
    review : DataFrame, optional
        Decisions of people that win over everything: ``sighting_a``, ``sighting_b``, ``same`` (True or False).
    known : GeoDataFrame, optional
        Contract ``outfalls`` from before: their ids stay. Give all sightings again or only new ones; a known outfall
        whose sightings are not given stands for itself. One that becomes part of another keeps its row, with
        ``merged_into``.

    Returns
    -------
    GeoDataFrame, CRS of the network
        Contract ``outfalls``, ordered by outfall_id; the same for any order of the sightings. The position is the mean
        weighted by inverse variance. tables.list_issues says what was doubted; ``attrs["unused"]`` lists sightings that
        became no outfall.

    Raises
    ------
    TableError
        A table of sightings or the review cannot be used.
    CoordinateError
        A table does not say its CRS.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> river = gpd.GeoDataFrame({"reach_id": ["A"], "name": ["East Brook"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400000, 501000 3400000)"]))
    >>> def one(id, platform, east):
    ...     return gpd.GeoDataFrame({"sighting_id": [id], "platform": [platform], "survey_id": [platform],
    ...         "source_ref": [f"{platform}.csv#2"]}, geometry=gpd.points_from_xy([east], [3400008]), crs=32650)
    >>> outfalls = register([one("D1", "drone", 500200), one("F1", "foot", 500203)], build_network(river))
    >>> outfalls[["status", "sighting_ids", "receiving_water", "side"]].values.tolist()
    [['confirmed', 'D1;F1', 'East Brook', 'left']]
    """
    tables = [seen] if isinstance(seen, pd.DataFrame) else list(seen)
    if known is not None:
        stand_ins = known_sightings(known, {str(one) for table in tables for one in table["sighting_id"]}, network.crs)
        tables += [] if stand_ins is None else [stand_ins]
    matched = match_sightings(tables, network, same_share=same_share, doubt_share=doubt_share, review=review)
    rows, notes, unused = outfall_rows(matched, network, same_share=same_share)
    notes = [*matched.notes, *matched.piped.notes, *find_doubts(matched, doubt_share), *notes]
    if not rows:
        nothing = attach_issues(empty("outfalls", crs=network.crs), notes)
        nothing.attrs["unused"] = unused
        return nothing
    names, found = name_outfalls(rows)
    dead: list[dict[str, object]] = []
    if known is not None:
        names, dead, kept = keep_known(rows, names, to_crs(known, network.crs, where="known"))
        found += kept
    table = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=network.crs)
    table["outfall_id"] = names
    return _finished(table, dead, network, notes=[*notes, *found], unused=unused)


def list_doubtful(
    seen: pd.DataFrame | Sequence[pd.DataFrame],
    network: Network,
    *,
    same_share: float = 0.5,
    doubt_share: float = 0.2,
    review: pd.DataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Return the pairs a person should look at: put together or kept apart at nearly even odds.

    Answer them in a table with ``sighting_a``, ``sighting_b`` and ``same``, and pass it as ``review`` to register.

    Parameters
    ----------
    seen : table or list of tables
        Contract ``sightings``. Not changed.
    network : Network
        As for register.
    same_share : float, default 0.5
        As for register.
    doubt_share : float, default 0.2
        A merge below 1 - doubt_share and a refusal above doubt_share are doubtful.
    review : DataFrame, optional
        Decisions already made; they are not asked again.

    Returns
    -------
    GeoDataFrame
        Contract ``issues``, kind ``doubtful_pair``; row_ids are the two sightings, distance_m is between them.

    Raises
    ------
    TableError
        A table of sightings or the review cannot be used.
    CoordinateError
        A table does not say its CRS.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> from outfall.tables import empty
    >>> import geopandas as gpd
    >>> river = gpd.GeoDataFrame({"reach_id": ["A"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400000, 501000 3400000)"]))
    >>> len(list_doubtful(empty("sightings"), build_network(river)))
    0
    """
    known = match_sightings(seen, network, same_share=same_share, doubt_share=doubt_share, review=review)
    return list_issues(attach_issues(pd.DataFrame(), find_doubts(known, doubt_share)))


def _finished(
    table: gpd.GeoDataFrame,
    dead: list[dict[str, object]],
    network: Network,
    *,
    notes: list[dict[str, object]],
    unused: list[dict[str, str]],
) -> gpd.GeoDataFrame:
    """Return outfalls with their places, checked, with what was doubted; those merged before stand among them."""
    table = table.sort_values("outfall_id", kind="stable").reset_index(drop=True)
    places = place_outfalls(table, network)
    said = table["side"].astype("object")
    for column in places.columns:
        table[column] = places[column].to_numpy()
    table["side"] = said.where(said.notna(), table["side"])
    lost = table.loc[table["reach_id"].isna(), "outfall_id"]
    if len(lost):
        reason, reason_zh = f"{len(lost)} outfalls have no water or pipe near", f"{len(lost)} 个排口附近无水系或管网"
        decision = "kept without a place"
        notes = [*notes, issue("no_place", "outfalls", reason, reason_zh=reason_zh, rows=lost, decision=decision)]
    checked = gpd.GeoDataFrame(check(table, "outfalls"))
    if dead:
        gone = check(gpd.GeoDataFrame(pd.DataFrame(dead), geometry="geometry", crs=network.crs), "outfalls")
        both = pd.concat([checked, gone]).sort_values("outfall_id", kind="stable").reset_index(drop=True)
        checked = gpd.GeoDataFrame(check(both, "outfalls"))
    checked = gpd.GeoDataFrame(attach_issues(checked, notes))
    checked.attrs["unused"] = unused
    return checked
