"""Which connections did a pipe robot find, how far along which pipe, and which of them carry the wrong water."""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import pandas as pd

from outfall.survey.inspection.files import read_inspections
from outfall.survey.inspection.pipes import match_pipes
from outfall.survey.inspection.place import list_findings
from outfall.tables import attach_issues, check, empty, issue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.network import Network
    from outfall.survey.inspection.model import Inspections

__all__ = ["read_crawler", "read_crawler_links"]

KINDS = ("wrong_foul", "wrong_storm", "flow", "connection")
# Our default: one connection, not two.
_SAME_M = 0.3


def read_crawler(
    path: Path | str,
    *,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
    network: Network | None = None,
) -> gpd.GeoDataFrame:
    r"""Return the connections a pipe robot saw as sightings, each at a distance along its pipe.

    ISYBAU XML, DWA-M 150 XML, the text format of EN 13508-2, PACP exchange tables and flat tables are read. Codes in the
    style of CJJ 181 (``AJ``), of EN 13508-2 (``BCA``, ``BDE``…), PACP taps and Chinese names are known; the table of codes
    is ours, none was read in its standard. Defects are counted in ``.attrs["defects"]`` and listed by ``list_findings``.
    Several observations of one connection (a fitting and the water from it) are one sighting.

    Parameters
    ----------
    path : path
        An inspection file, or a folder of them. A table has pipe (or its two manholes), distance, code; where there are
        any clock, direction, pipe length, date, photo and remark.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to ``pipe_id``, ``distance_m``, ``code``, ``clock``, ``direction``, ``length_m`` and so on.
    constants : mapping of str to object, optional
        Values for columns the table lacks, such as ``seen_at``.
    layer : str, optional
        Sheet of a workbook.
    network : Network, optional
        Pipes are matched with it (`match_pipes`): mistyped ids, swapped manholes and lengths are put right or listed.

    Returns
    -------
    GeoDataFrame, n rows, no points, EPSG:4490
        The contract ``sightings`` with ``reach_id`` (the pipe) and ``along_m`` from its upstream end, in the order of
        the files; ``connection_kind`` is ``wrong_foul``, ``wrong_storm``, ``flow`` or ``connection``. A survey against the flow
        is turned round by the length of the pipe (of the network, the file, or a finished drive); without any it is left
        out and listed. Where counter and pipe differ a little, distances are scaled and ``sigma_m`` grows.

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
    inspections = read_inspections(path, rename=rename, constants=constants, layer=layer)
    matches = match_pipes(inspections, network) if network is not None else None
    found = list_findings(inspections, matches=matches)
    if matches is not None:
        found = attach_issues(found, matches.attrs.get("issues", ()))
    survey = str(
        (constants or {}).get("survey_id", Path(path).resolve().name if Path(path).is_dir() else Path(path).stem)
    )
    seen, issues = _connections(found, inspections, matches)
    if len(seen):
        rows = _merged(_sightings(seen, survey))
        table = gpd.GeoDataFrame(rows, geometry=gpd.GeoSeries([None] * len(rows), crs=4490))
        sightings: pd.DataFrame = check(table, "sightings", tz=tz, where=survey)
    else:
        sightings = empty("sightings", crs=4490)
    told = [*found.attrs.get("issues", ()), *issues]
    sightings = attach_issues(sightings, told) if told else sightings
    defects = Counter(found["known_as"][found["kind"].eq("defect")].astype("str"))
    sightings.attrs["defects"] = dict(sorted(defects.items()))
    return gpd.GeoDataFrame(sightings)


def read_crawler_links(
    path: Path | str,
    *,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
    network: Network | None = None,
    least_share: float = 0.5,
) -> gpd.GeoDataFrame:
    r"""Return the wrong connections a pipe robot proved, as links from the connection to the pipe.

    What each kind of evidence is worth stands in ``inspection/shares.csv``: wrong water 0.95, a hidden lateral 0.4, water
    from a connection 0.3, a connection made badly 0.2, any connection 0.1. All are our defaults, no standard.

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
    network : Network, optional
        As for ``read_crawler``.
    least_share : float, default 0.5
        Evidence worth less is left out; 0 gives a link for every connection.

    Returns
    -------
    GeoDataFrame, n rows
        The contract ``links``: ``from_id`` is the sighting of ``read_crawler``, ``to_id`` the pipe; ``exists_share`` is how
        surely the connection carries the wrong water. No row where nothing is worth ``least_share``.

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
    seen = read_crawler(path, tz=tz, rename=rename, constants=constants, layer=layer, network=network)
    shares = _shares()
    about = seen["evidence_of"].map(lambda name: shares[str(name)]) if len(seen) else pd.Series(dtype="object")
    seen = seen[[share.exists_share >= least_share for share in about]]
    if not len(seen):
        return gpd.GeoDataFrame(empty("links", crs=4490))
    about = about.loc[seen.index]
    links = pd.DataFrame(
        {
            "link_id": "link-" + seen["sighting_id"],
            "kind": "crawler",
            "from_table": "sightings",
            "from_id": seen["sighting_id"],
            "to_table": "reaches",
            "to_id": seen["reach_id"],
            "exists_share": [share.exists_share for share in about],
            "seen_at": seen["seen_at"],
            "reason": [share.en for share in about],
            "reason_zh": [share.zh for share in about],
            "source_ref": seen["source_ref"],
        }
    ).reset_index(drop=True)
    geometry = gpd.GeoSeries([None] * len(links), crs=4490)
    return gpd.GeoDataFrame(check(gpd.GeoDataFrame(links, geometry=geometry), "links"))


class _Share(NamedTuple):
    exists_share: float
    en: str
    zh: str


@cache
def _shares() -> Mapping[str, _Share]:
    text = files("outfall.survey.inspection").joinpath("shares.csv").read_text(encoding="utf-8")
    return {
        row["about"]: _Share(float(row["exists_share"]), row["en"], row["zh"])
        for row in csv.DictReader(text.splitlines())
    }


def _connections(
    found: pd.DataFrame, inspections: Inspections, matches: pd.DataFrame | None
) -> tuple[pd.DataFrame, list[Mapping[str, object]]]:
    """Return the findings that are connections with a place and what their drive says; those without one are listed."""
    runs = inspections.runs.set_index("run_id")
    rows = found[found["kind"].isin(KINDS)]
    open_runs = set() if matches is None else set(matches["run_id"][matches["line_id"].isna()])
    is_lost = rows["along_m"].isna() | rows["pipe_id"].isna() | rows["run_id"].isin(open_runs)
    issues: list[Mapping[str, object]] = []
    for about, lost in rows[is_lost].groupby(
        rows["source_ref"].map(lambda ref: str(ref).partition("#")[0]), sort=False
    ):
        reason = "connections without pipe or distance, in a pipe not decided, or seen against the flow in a pipe whose length is not given"
        zh = "缺少管段、距离, 管段未确定, 或逆流检测而无管长"
        fix = "left out; add the pipe length (管长)"
        issues.append(issue("skipped_row", str(about), reason, reason_zh=zh, rows=lost["source_ref"], decision=fix))
    kept = rows[~is_lost]
    drive = runs.reindex(kept["run_id"])
    return kept.assign(seen_at=drive["seen_at"].to_numpy(), observer=drive["observer"].to_numpy()), issues


def _sightings(rows: pd.DataFrame, survey: str) -> pd.DataFrame:
    clock = [_clock(first, last) for first, last in zip(rows["clock_from"], rows["clock_to"], strict=True)]
    names = zip(rows["code"], rows["known_as"], rows["says_zh"], rows["says_en"], strict=True)
    titles = [f"{known} {zh} {en}" if str(code) != "" else "" for code, known, zh, en in names]
    said = [_note(*parts) for parts in zip(titles, clock, rows["note"], strict=True)]
    kept = [
        "seen_at",
        "photo_ids",
        "observer",
        "reach_id",
        "along_m",
        "sigma_m",
        "connection_kind",
        "clock",
        "source_ref",
        "evidence_of",
    ]
    known = set(_shares())
    evidence = [
        kind if str(kind).startswith("wrong") or code not in known else code
        for kind, code in zip(rows["kind"], rows["known_as"], strict=True)
    ]
    table = rows.assign(reach_id=rows["pipe_id"], connection_kind=rows["kind"], clock=clock, evidence_of=evidence)
    table = table[kept].reset_index(drop=True)
    is_wet = table["connection_kind"].ne("connection")
    return table.assign(
        platform="crawler", survey_id=survey, note=said, is_discharging=is_wet.astype("boolean").where(is_wet)
    )


def _merged(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per connection: observations of one pipe within 0.3 m, the one that says most first."""
    shares = _shares()
    rank = rows["connection_kind"].map({kind: number for number, kind in enumerate(KINDS)})
    worth = rows["evidence_of"].map(lambda name: -shares[str(name)].exists_share)
    order = rows.assign(_rank=rank, _worth=worth)
    order = order.sort_values(["reach_id", "along_m", "_rank", "source_ref"], kind="stable")
    apart = (order["reach_id"] != order["reach_id"].shift()) | (order["along_m"].diff().abs() > _SAME_M)
    clock = order["clock"].map(lambda text: str(text).partition("-")[0] or None)
    apart |= clock.notna() & clock.shift().notna() & (clock != clock.shift())
    group = apart.cumsum()
    best = order.sort_values(["_rank", "_worth", "source_ref"], kind="stable").groupby(group, sort=False).head(1)
    notes = order.groupby(group)["note"].agg("; ".join)
    best = best.assign(note=notes.loc[group.loc[best.index]].to_numpy()).sort_index()
    ids = best["survey_id"] + "-" + best["reach_id"] + "@" + best["along_m"].map("{:g}".format)
    number = ids.groupby(ids).cumcount()
    ids = ids.where(number.eq(0), ids + "/" + (number + 1).astype(str))
    return best.assign(sighting_id=ids).drop(columns=["_rank", "_worth", "clock"]).reset_index(drop=True)


def _clock(first: float, last: float) -> str:
    if pd.isna(first):
        return ""
    return f"{first:g}" if pd.isna(last) else f"{first:g}-{last:g}"


def _note(says: object, clock: object, remark: object) -> str:
    parts = [str(says)]
    if pd.notna(clock) and str(clock).strip():
        parts.append(f"环向 clock {clock}")
    if pd.notna(remark) and str(remark).strip():
        parts.append(str(remark).strip())
    return ", ".join(parts)
