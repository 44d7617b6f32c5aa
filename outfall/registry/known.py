"""Which outfalls were known before, and which of the new ones they are: an id once given stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.coordinates import to_crs
from outfall.registry.seen import platforms
from outfall.tables import check, issue, join_ids, split_ids

if TYPE_CHECKING:
    import pyproj

__all__ = ["KNOWN", "keep_known", "known_sightings"]

KNOWN = "known:"
_OUR_SIGMA_M = 5.0
# What the new sightings say stands before what was known; what only people or earlier surveys know is kept.
_MADE = {"outfall_id", "status", "geometry", "sigma_m", "sighting_ids", "sighting_count", "platforms", "photo_ids", "first_seen_at", "last_seen_at", "match_share", "reason", "reason_zh", "source_ref", "reach_id", "along_m", "off_m", "chainage_m", "place_share", "receiving_water"}  # fmt: skip
_WORDS = ("name", "side", "outfall_class", "outfall_shape", "is_discharging", "diameter_mm", "sigma_m")


def known_sightings(known: gpd.GeoDataFrame, seen_ids: set[str], crs: pyproj.CRS) -> gpd.GeoDataFrame | None:
    """Return one stand-in sighting for each known outfall none of whose sightings is given again.

    Parameters
    ----------
    known : GeoDataFrame
        Contract ``outfalls``. Not changed.
    seen_ids : set of str
        Sightings given now.
    crs : pyproj.CRS
        CRS of the network.

    Returns
    -------
    GeoDataFrame or None
        Contract ``sightings``, ids ``known:<outfall_id>``, one survey: two known outfalls never become one by
        themselves. None where every outfall is seen again.
    """
    table = to_crs(gpd.GeoDataFrame(check(known, "outfalls")), crs, where="known")
    living = table[table["merged_into"].isna()]
    again = np.array([bool(set(_ids(text)) & seen_ids) for text in living["sighting_ids"]], dtype=bool)
    alone = living[~again]
    if not len(alone):
        return None
    made = pd.DataFrame({name: alone[name] for name in _WORDS})
    made["sigma_m"] = made["sigma_m"].fillna(_OUR_SIGMA_M)
    made["sighting_id"] = KNOWN + alone["outfall_id"]
    made["code"] = alone["code_national"].fillna(alone["code_local"])
    made["platform"], made["survey_id"] = "document", KNOWN + "outfalls"
    made["source_ref"] = "register(" + alone["outfall_id"] + ")"
    return gpd.GeoDataFrame(made.reset_index(drop=True), geometry=alone.geometry.to_numpy(), crs=crs)


def keep_known(
    rows: list[dict[str, object]], names: list[str], known: gpd.GeoDataFrame
) -> tuple[list[str], list[dict[str, object]], list[dict[str, object]]]:
    """Return the ids of new outfalls with known ones kept, the rows of known ones that live on as part of another, notes.

    A known outfall is the new one that holds most of its sightings. Where two known outfalls became one, the one with
    more sightings lives on and the other points to it. Where one became two, the larger part keeps the id.

    Parameters
    ----------
    rows : list of dict
        New outfalls; cells only the known row has are filled in, and stand-ins become its sightings. Changed in place.
    names : list of str
        Their ids if nothing were known.
    known : GeoDataFrame
        Contract ``outfalls``.

    Returns
    -------
    tuple of list of str, list of dict and list of issue rows
        Ids in the order of the rows.
    """
    before: dict[str, dict[str, object]] = {str(row["outfall_id"]): row for row in _records(known)}
    home = {
        one: name for name, row in before.items() if row["merged_into"] is None for one in _ids(row["sighting_ids"])
    }
    shared: dict[tuple[int, str], int] = {}
    for at, row in enumerate(rows):
        for one in _ids(row["sighting_ids"]):
            name = one.removeprefix(KNOWN) if one.startswith(KNOWN) else home.get(one)
            if name is not None:
                size = len(_ids(before[name]["sighting_ids"])) if one.startswith(KNOWN) else 1
                shared[at, name] = shared.get((at, name), 0) + size
    keeps: dict[int, str] = {}
    gone: dict[str, int] = {}
    for (at, name), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0][1], item[0][0])):
        if at not in keeps and name not in keeps.values() and name not in gone:
            keeps[at] = name
        elif name not in keeps.values():
            gone.setdefault(name, at)
    gone = {name: at for name, at in gone.items() if name not in keeps.values()}
    used = {*before, *keeps.values()}
    found = []
    for at, name in enumerate(names):
        fresh = next(long for long in (name, *(f"{name}-{part}" for part in range(2, 1000))) if long not in used)
        found.append(keeps.get(at, fresh))
        used.add(found[-1])
    for at, row in enumerate(rows):
        _fill(row, before.get(keeps.get(at, "")), before)
    dead = [row for row in before.values() if row["merged_into"] is not None]
    notes = []
    for name, at in sorted(gone.items()):
        dead.append(before[name] | {"status": "merged", "merged_into": found[at]})
        reason, reason_zh = f"known outfall {name} is now part of {found[at]}", f"原排口 {name} 已并入 {found[at]}"
        decision = "kept with merged_into; split_outfall takes them apart"
        notes.append(
            issue("duplicate", "outfalls", reason, reason_zh=reason_zh, rows=[name, found[at]], decision=decision)
        )
    return found, dead, notes


def _fill(row: dict[str, object], old: dict[str, object] | None, before: dict[str, dict[str, object]]) -> None:
    """Put the sightings of known outfalls in the place of their stand-ins, and what only the known row says."""
    ids = _ids(row["sighting_ids"])
    stand_ins = [before[one.removeprefix(KNOWN)] for one in ids if one.startswith(KNOWN)]
    if stand_ins:
        every = [one for one in ids if not one.startswith(KNOWN)]
        every += [one for known in stand_ins for one in _ids(known["sighting_ids"])]
        row["sighting_ids"] = join_ids(sorted(every))
        row["sighting_count"] = (
            sum(int(str(known["sighting_count"] or 0)) for known in stand_ins) + len(ids) - len(stand_ins)
        )
        used = {one for one in _ids(row["platforms"]) if one != "document"}
        used |= {one for known in stand_ins for one in _ids(known["platforms"])}
        row["platforms"] = join_ids(sorted(used, key=lambda one: platforms()[str(one)].rank))
        row["photo_ids"] = (
            join_ids(sorted({*_ids(row["photo_ids"]), *(p for known in stand_ins for p in _ids(known["photo_ids"]))}))
            or None
        )
        times = [
            [part[name] for part in (row, *stand_ins) if part.get(name) is not None]
            for name in ("first_seen_at", "last_seen_at")
        ]
        row["first_seen_at"], row["last_seen_at"] = min(times[0], default=None), max(times[1], default=None)  # type: ignore[type-var]
        statuses = {str(known["status"]) for known in stand_ins}
        only = len(ids) == len(stand_ins)
        others = set(_ids(row["platforms"]))
        if only and len(stand_ins) == 1:
            row["status"] = stand_ins[0]["status"]
        else:
            row["status"] = (
                "confirmed" if "confirmed" in statuses or "foot" in others or len(others) > 1 else "suspected"
            )
    if old is not None:
        for column, value in old.items():
            if column not in _MADE and row.get(column) is None and value is not None:
                row[column] = value


def _records(table: gpd.GeoDataFrame) -> list[dict[str, object]]:
    cells = pd.DataFrame(table).astype("object")
    found: list[dict[str, object]] = cells.where(cells.notna(), None).to_dict("records")
    return found


def _ids(text: object) -> list[str]:
    return split_ids(text) if isinstance(text, str) else []
