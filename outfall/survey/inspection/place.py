"""Where along its pipe was each thing seen, and how surely."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.survey.inspection.drives import Drive, find_codes, find_drives
from outfall.tables import attach_issues, issue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.survey.inspection.model import Inspections

__all__ = ["list_findings"]

# Our default: how far beyond its end a pipe is believed.
_BEYOND_M = 1.0


def list_findings(inspections: Inspections, *, matches: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return everything a robot saw with its distance from the upstream end of the pipe.

    Parameters
    ----------
    inspections : Inspections
        From ``read_inspections``. Not changed.
    matches : DataFrame, optional
        From ``match_pipes``: which pipe of the network each drive was in, and its length there.

    Returns
    -------
    DataFrame, n rows
        One row per observation in the order given: ``pipe_id``, ``along_m`` (nothing where it cannot be known),
        ``to_m`` (where a continuous defect ends), ``sigma_m``, ``kind``, ``says_en``, ``says_zh``, ``system``,
        ``is_verified``, and all columns of the observation. A code nobody knows is kept with kind ``unknown``. Issues
        travel with it.

    Examples
    --------
    >>> from outfall.survey.inspection.model import Inspections, build
    >>> seen = [{"run_id": "1", "distance_m": "12.5", "code": "BCA"}, {"run_id": "1", "distance_m": 40, "code": "BCE"}]
    >>> tables = build([{"run_id": "1", "pipe_id": "Y12", "direction": "against_flow"}], seen, where="a.xml")
    >>> list_findings(Inspections(*tables, ()))[["pipe_id", "along_m", "kind"]].values.tolist()
    [['Y12', 27.5, 'connection'], ['Y12', 0.0, 'inventory']]
    """
    seen = inspections.observations
    codes = find_codes(seen)
    issues = list(inspections.issues)
    drives = find_drives(inspections, codes, matches, issues)
    by_run = seen["run_id"].map(drives)
    along = pd.Series(
        [_along(distance, drive) for distance, drive in zip(seen["distance_m"], by_run, strict=True)],
        index=seen.index,
        dtype="float64",
    )
    table = seen.assign(
        pipe_id=pd.Series([drive.pipe_id if drive else None for drive in by_run], index=seen.index, dtype="str"),
        along_m=along,
        sigma_m=pd.Series(
            [drive.sigma_m if drive else math.nan for drive in by_run], index=seen.index, dtype="float64"
        ),
        kind=pd.Series([code.kind if code else "unknown" for code in codes], index=seen.index, dtype="str"),
        says_en=pd.Series([code.en if code else None for code in codes], index=seen.index, dtype="str"),
        says_zh=pd.Series([code.zh if code else None for code in codes], index=seen.index, dtype="str"),
        known_as=pd.Series([code.code if code else None for code in codes], index=seen.index, dtype="str"),
        system=pd.Series([code.system if code else None for code in codes], index=seen.index, dtype="str"),
        is_verified=pd.Series([bool(code and code.is_verified) for code in codes], index=seen.index, dtype="bool"),
    )
    table["to_m"] = _ends(table, issues)
    _doubt(table, by_run, issues)
    return attach_issues(table, issues)


def _along(distance: float, drive: Drive | float | None) -> float:
    if not isinstance(drive, Drive) or math.isnan(distance):
        return math.nan
    along = drive.start_m + distance * drive.scale
    if drive.is_against:
        along = drive.length_m - along
    return round(min(max(along, 0.0), drive.length_m if not math.isnan(drive.length_m) else math.inf), 3)


def _ends(table: pd.DataFrame, issues: list[Mapping[str, object]]) -> pd.Series:
    """Return where continuous defects end; an observation at one place ends where it is."""
    to_m = table["along_m"].copy()
    begun: dict[tuple[object, str], int] = {}
    odd: list[object] = []
    for at, (run, said) in enumerate(zip(table["run_id"], table["continuous"], strict=True)):
        if pd.isna(said):
            continue
        letter, number = str(said)[:1], str(said)[1:]
        if letter == "A":
            if (run, number) in begun:
                odd.append(table["source_ref"].iloc[begun[run, number]])
            begun[run, number] = at
        elif letter == "B":
            start = begun.pop((run, number), None)
            if start is None:
                odd.append(table["source_ref"].iloc[at])
            else:
                to_m.iloc[start] = table["along_m"].iloc[at]
    odd += [table["source_ref"].iloc[at] for at in begun.values()]
    if odd:
        reason, zh = "continuous defects that begin or end only", "连续缺陷只有起点或终点"
        about = str(odd[0]).partition("#")[0]
        issues.append(issue("doubtful_value", about, reason, reason_zh=zh, rows=odd, decision="taken as one place"))
    return to_m


def _doubt(table: pd.DataFrame, by_run: pd.Series, issues: list[Mapping[str, object]]) -> None:
    files = table["source_ref"].map(lambda ref: str(ref).partition("#")[0])
    unknown = table["kind"].eq("unknown") & table["code"].notna()
    over = [
        drive.start_m + distance * drive.scale - drive.length_m if isinstance(drive, Drive) else math.nan
        for distance, drive in zip(table["distance_m"], by_run, strict=True)
    ]
    beyond = np.array(over, dtype=float) > _BEYOND_M
    for about, rows in table.groupby(files, sort=False):
        strange = rows[unknown.loc[rows.index]]
        if len(strange):
            words = ", ".join(sorted(set(strange["code"].astype("str")))[:8])
            reason, zh = f"codes that are not known: {words}", f"未识别的代码: {words}"
            kept = "kept with their text as findings; no sighting"
            issues.append(
                issue("unknown_word", str(about), reason, reason_zh=zh, rows=strange["source_ref"], decision=kept)
            )
        far = rows["source_ref"][beyond[table.index.get_indexer(rows.index)]]
        if len(far):
            reason, zh = "distances beyond the end of the pipe", "距离超过管长"
            issues.append(
                issue("doubtful_value", str(about), reason, reason_zh=zh, rows=far, decision="kept within the pipe")
            )
