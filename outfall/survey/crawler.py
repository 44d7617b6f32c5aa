"""Which connections did a pipe robot find, how far along which pipe, and which of them carry the wrong water."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.errors import ReadError
from outfall.survey.inspection import KINDS, read_connections
from outfall.tables import attach_issues, check, empty

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_crawler", "read_crawler_links"]

# Our defaults (no standard): a cable counter; what one look at the wrong water is worth; one connection, not two.
_SIGMA_M = 0.5
_WRONG_SHARE = 0.95
_SAME_M = 0.3
_FILES = {".csv", ".tsv", ".xlsx", ".xls", ".xlsm", ".ods"}
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def read_crawler(
    path: Path | str,
    *,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> gpd.GeoDataFrame:
    r"""Return the connections a pipe robot saw as sightings, each at a distance along its pipe.

    Codes in the style of CJJ 181 (``AJ``), of EN 13508-2 (``BCA``, ``BDE``…) and their Chinese names are known; the
    table of codes is ours, no code table was read in its standard. Defects are counted in ``.attrs["defects"]``.
    Several observations of one connection (a fitting and the water from it) are one sighting.

    Parameters
    ----------
    path : path
        Table of observations, or a folder of them: pipe (or its two manholes), distance, code; where there are any
        clock, direction, pipe length, date, photo and remark.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to ``pipe_id``, ``distance_m``, ``code``, ``clock``, ``direction``, ``length_m`` and so on.
    constants : mapping of str to object, optional
        Values for columns the table lacks, such as ``seen_at``.
    layer : str, optional
        Sheet of a workbook.

    Returns
    -------
    GeoDataFrame, n rows, no points, EPSG:4490
        The contract ``sightings`` with ``reach_id`` (the pipe) and ``along_m`` from its upstream end, in the order of
        the files; ``connection_kind`` is ``wrong_foul``, ``wrong_storm``, ``flow`` or ``connection``. A survey against the flow
        is turned round by the length of the pipe; without a length it is left out and listed, as are unknown codes.

    Raises
    ------
    ReadError
        The file cannot be read, or the folder has no table.
    TableError
        A column is missing, or a distance is not a number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "cctv.csv"
    >>> _ = file.write_text("管段编号,距离(m),缺陷代码,方向,管长\nY12,12.5,支管暗接,逆流,40\nY12,3,PL,逆流,40\n", encoding="gb18030")
    >>> seen = read_crawler(file)
    >>> seen[["sighting_id", "reach_id", "along_m"]].values.tolist(), seen.attrs["defects"]
    ([['cctv-Y12@27.5', 'Y12', 27.5]], {'PL': 1})
    """
    place = Path(path)
    files = [place] if not place.is_dir() else sorted(f for f in place.rglob("*") if f.suffix.casefold() in _FILES)
    if not files:
        msg = f"{place}: no table of observations in the folder; expected {', '.join(sorted(_FILES))}"
        raise ReadError(msg)
    survey = str(
        (constants or {}).get(
            "survey_id", place.stem if len(files) == 1 and not place.is_dir() else place.resolve().name
        )
    )
    found = [read_connections(file, rename=rename, constants=constants, layer=layer) for file in files]
    issues = [row for part in found for row in part.issues]
    rows = pd.concat([_sightings(part.rows, survey) for part in found], ignore_index=True)
    if len(rows):
        rows = _merged(rows)
        table = gpd.GeoDataFrame(rows, geometry=gpd.GeoSeries([None] * len(rows), crs=4490))
        sightings: pd.DataFrame = check(table, "sightings", tz=tz, where=survey)
    else:
        sightings = empty("sightings", crs=4490)
    sightings = attach_issues(sightings, issues) if issues else sightings
    sightings.attrs["defects"] = dict(sorted(sum((part.defects for part in found), Counter()).items()))
    return gpd.GeoDataFrame(sightings)


def read_crawler_links(
    path: Path | str,
    *,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> gpd.GeoDataFrame:
    r"""Return the wrong connections a pipe robot proved, as links from the connection to the pipe.

    Parameters
    ----------
    path : path
        As for ``read_crawler``.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the table lacks.
    layer : str, optional
        Sheet of a workbook.

    Returns
    -------
    GeoDataFrame, n rows
        The contract ``links``: ``from_id`` is the sighting of ``read_crawler``, ``to_id`` the pipe; ``exists_share``
        is 0.95 (our default). No row where no wrong connection was seen.

    Raises
    ------
    ReadError
        The file cannot be read.
    TableError
        A column is missing, or a distance is not a number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "cctv.csv"
    >>> _ = file.write_text("pipe_id,distance_m,code\nY12,12.5,BDEAA\nY12,30,BCA\n", encoding="utf-8")
    >>> read_crawler_links(file)[["from_id", "to_id", "reason_zh"]].values.tolist()
    [['cctv-Y12@12.5', 'Y12', '污水接入雨水']]
    """
    seen = read_crawler(path, tz=tz, rename=rename, constants=constants, layer=layer)
    if not len(seen):
        return gpd.GeoDataFrame(empty("links", crs=4490))
    wrong = seen[seen["connection_kind"].isin(KINDS[:2])]
    if not len(wrong):
        return gpd.GeoDataFrame(empty("links", crs=4490))
    is_foul = wrong["connection_kind"].eq("wrong_foul")
    links = pd.DataFrame(
        {
            "link_id": "link-" + wrong["sighting_id"],
            "kind": "crawler",
            "from_table": "sightings",
            "from_id": wrong["sighting_id"],
            "to_table": "reaches",
            "to_id": wrong["reach_id"],
            "exists_share": _WRONG_SHARE,
            "seen_at": wrong["seen_at"],
            "reason": is_foul.map(
                {True: "foul water runs into a storm sewer", False: "storm water runs into a foul sewer"}
            ),
            "reason_zh": is_foul.map({True: "污水接入雨水", False: "雨水接入污水"}),
            "source_ref": wrong["source_ref"],
        }
    ).reset_index(drop=True)
    geometry = gpd.GeoSeries([None] * len(links), crs=4490)
    return gpd.GeoDataFrame(check(gpd.GeoDataFrame(links, geometry=geometry), "links"))


def _sightings(rows: pd.DataFrame, survey: str) -> pd.DataFrame:
    said = [_note(row.says, row.clock, row.note) for row in rows.itertuples()]
    kept = ["seen_at", "photo_ids", "observer", "reach_id", "along_m", "connection_kind", "clock", "source_ref"]
    pipe = rows["pipe_id"].astype(str).str.strip()
    table = rows.assign(reach_id=pipe)[kept].reset_index(drop=True)
    is_wet = table["connection_kind"].ne("connection")
    given = {"platform": "crawler", "survey_id": survey, "sigma_m": _SIGMA_M, "note": said}
    return table.assign(**given, is_discharging=is_wet.astype("boolean").where(is_wet))


def _merged(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per connection: observations of one pipe within 0.3 m, the one that says most first."""
    rank = rows["connection_kind"].map({kind: number for number, kind in enumerate(KINDS)})
    order = rows.assign(_rank=rank).sort_values(["reach_id", "along_m", "_rank", "source_ref"], kind="stable")
    apart = (order["reach_id"] != order["reach_id"].shift()) | (order["along_m"].diff().abs() > _SAME_M)
    clock = order["clock"].map(_hour)
    apart |= clock.notna() & clock.shift().notna() & (clock != clock.shift())
    group = apart.cumsum()
    best = order.sort_values(["_rank", "source_ref"], kind="stable").groupby(group, sort=False).head(1)
    notes = order.groupby(group)["note"].agg("; ".join)
    best = best.assign(note=notes.loc[group.loc[best.index]].to_numpy()).sort_index()
    ids = best["survey_id"] + "-" + best["reach_id"] + "@" + best["along_m"].map("{:g}".format)
    number = ids.groupby(ids).cumcount()
    ids = ids.where(number.eq(0), ids + "/" + (number + 1).astype(str))
    return best.assign(sighting_id=ids).drop(columns=["_rank", "clock"]).reset_index(drop=True)


def _note(says: object, clock: object, remark: object) -> str:
    parts = [str(says)]
    if pd.notna(clock) and str(clock).strip():
        parts.append(f"环向 clock {clock}")
    if pd.notna(remark) and str(remark).strip():
        parts.append(str(remark).strip())
    return ", ".join(parts)


def _hour(clock: object) -> float | None:
    found = _NUMBER.search(str(clock)) if pd.notna(clock) else None
    return float(found.group()) if found else None
