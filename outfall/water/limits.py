"""What is allowed, by which standard and clause, and which results exceed it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables import check, name_columns, read_frame, scale_to_canonical

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["find_exceedances", "read_limits"]

_NEUTRAL_PH = 7.0
# Limited as whole water: a filtered sample can only exceed.
_WHOLE = {
    *("copper", "zinc", "nickel", "chromium", "lead", "cadmium", "mercury", "arsenic", "manganese", "iron", "selenium"),
    *("silver", "beryllium", "total_nitrogen", "total_phosphorus", "cod", "cod_mn", "bod5", "toc"),
}


def read_limits(path: Path | str | None = None, *, rename: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the limits that come with the package, or those of a file, such as a permit.

    GB 3838-2002 table 1 (grades ``I`` to ``V`` for rivers, ``I lake`` to ``V lake`` for lakes and reservoirs), GB
    8978-1996 tables 1 and 4 (grades ``1`` to ``3``; other dischargers, built from 1998) and GB 18918-2002 tables 1 and
    2 (grades ``1A``, ``1B``, ``2``, ``3``). Dissolved oxygen of class I is 7.5 mg/L; the standard also accepts 90 %
    saturation. These were read in the standards (``is_verified``). GB 3097-1997 (sea water, grades ``1`` to ``4``) and
    the grades of black-odorous water of 2015 (``light``, ``heavy``: what exceeds ``light`` is at least lightly
    black-odorous) are known from second hand only and carry ``is_verified`` False. Alkyl mercury ("not detectable") has no number and is not in the table. Amendments and local standards
    are not in it either.

    Parameters
    ----------
    path : path, optional
        A table of limits: standard (or permit), grade, parameter, qualifier (``<`` at most, ``>`` at least), value and
        unit. Its limits count as not verified where it does not say so.
    rename : mapping of str to str, optional
        The file's heading to our column.

    Returns
    -------
    DataFrame
        Contract ``limits`` and a column ``condition`` that says when a limit holds, empty where it always does.

    Raises
    ------
    ReadError
        The file cannot be read.
    TableError
        The table does not meet its contract.

    Examples
    --------
    >>> limits = read_limits()
    >>> limits.query("grade == 'III' and parameter == 'ammonia'")[["standard", "value", "unit"]].values.tolist()
    [['GB 3838-2002', 1.0, 'mg/L']]
    """
    return _shipped().copy() if path is None else _own_limits(path, rename)


def find_exceedances(results: pd.DataFrame, limits: pd.DataFrame, *, standard: str, grade: str) -> pd.DataFrame:
    """Return results with the limit of each and how many times it is reached.

    Parameters
    ----------
    results : DataFrame, n rows
        Contract ``results``. Not changed.
    limits : DataFrame
        Contract ``limits``, such as read_limits(); a column ``condition`` (``temperature > 12``) is followed where the
        same sample has that result.
    standard : str
        Such as ``"GB 3838-2002"``.
    grade : str
        Such as ``"III"`` or ``"1A"``.

    Returns
    -------
    DataFrame, n rows
        In the order given, with limit_id, limit_value and multiple_share: value over limit; for dissolved oxygen limit
        over value; for pH the distance from 7 over the distance of the bound. Above 1 means exceeded. For ``>`` values
        it is the least it can be. is_exceeded is missing where there is no limit, where a non-detect's limit is above
        the limit, where what passed the filter keeps a limit that the whole water may exceed, and where limits hold
        under conditions nobody knows and disagree. ``verdict`` says it in a word: ``exceeded``, ``met``, ``undecided``,
        or missing where there is no limit; is_verified is that of the limit.

    Raises
    ------
    TableError
        There is no such standard or grade in the limits.

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"sample_id": ["W1"], "parameter": ["ammonia"], "qualifier": ["="], "value": [3.0],
    ...                     "detection_limit": [float("nan")]})
    >>> found = find_exceedances(one, read_limits(), standard="GB 3838-2002", grade="III")
    >>> found[["multiple_share", "is_exceeded"]].values.tolist()
    [[3.0, True]]
    """
    chosen = _chosen(limits, standard, grade)
    names = ["limit_id", "limit_value", "multiple_share", "is_exceeded", "verdict", "is_verified"]
    out = results.drop(columns=[name for name in names if name in results.columns])
    count = len(out)
    limit_id = np.full(count, None, dtype=object)
    limit_value, multiple = np.full(count, np.nan), np.full(count, np.nan)
    says_yes, says_no = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    unsure = np.zeros(count, dtype=bool)
    for limit in chosen.sort_values("limit_id", kind="stable").to_dict("records"):
        at = np.flatnonzero((out["parameter"] == limit["parameter"]).to_numpy() & _holds(out, limit["condition"]))
        rows = out.iloc[at]
        times, verdict = _judged(rows, limit)
        worse = np.isnan(multiple[at]) | (times > multiple[at])
        multiple[at] = np.where(worse, times, multiple[at])
        limit_id[at] = np.where(worse, limit["limit_id"], limit_id[at])
        limit_value[at] = np.where(worse, limit["value"], limit_value[at])
        says_yes[at] |= verdict == 1
        says_no[at] |= (verdict == 0) & (limit["condition"] != "")
        unsure[at] |= verdict == -1
    out["limit_id"] = pd.array(limit_id, dtype="str")
    out["limit_value"], out["multiple_share"] = limit_value, multiple
    has_limit = pd.notna(limit_id)
    known = has_limit & ~(says_yes & says_no) & ~(unsure & ~says_yes)
    out["is_exceeded"] = pd.arrays.BooleanArray(says_yes, ~known)
    words = np.where(~known, "undecided", np.where(says_yes, "exceeded", "met"))
    out["verdict"] = pd.array(
        [word if known_limit else None for word, known_limit in zip(words, has_limit, strict=True)], dtype="str"
    )
    verified = dict(zip(chosen["limit_id"], chosen["is_verified"], strict=True))
    out["is_verified"] = pd.array([verified.get(name, pd.NA) for name in limit_id], dtype="boolean")
    return out


def _own_limits(path: Path | str, rename: Mapping[str, str] | None) -> pd.DataFrame:
    frame = name_columns(read_frame(path, table="limits"), "limits", rename=rename)
    for column, value in (("is_verified", "no"), ("condition", ""), ("qualifier", "<")):
        if column not in frame.columns:
            frame[column] = value
    if "limit_id" not in frame.columns and {"standard", "grade", "parameter", "qualifier"} <= set(frame.columns):
        made = frame["standard"] + "/" + frame["grade"] + "/" + frame["parameter"]
        frame["limit_id"] = made.where(frame["qualifier"] != ">", made + "/min")
    return check(frame, "limits", where=str(path))


@cache
def _shipped() -> pd.DataFrame:
    with files(__package__).joinpath("limits.csv").open(encoding="utf-8") as stream:
        frame = pd.read_csv(stream, dtype="str", keep_default_na=False)
    frame["source_ref"] = [f"limits.csv#{row}" for row in range(2, len(frame) + 2)]
    return check(frame, "limits")


def _chosen(limits: pd.DataFrame, standard: str, grade: str) -> pd.DataFrame:
    for column, value in (("standard", standard), ("grade", grade)):
        there = limits if column == "standard" else limits[limits["standard"] == standard]
        if value not in set(there[column]):
            known = ", ".join(dict.fromkeys(there[column].astype(str)))
            problem = Problem(column, f"{value!r} is not in the limits", f"write one of {known}")
            msg = f"limits: no {column} {value!r}"
            raise TableError(msg, [problem])
    chosen = limits[(limits["standard"] == standard) & (limits["grade"] == grade)].copy()
    condition = chosen["condition"] if "condition" in chosen.columns else pd.Series("", index=chosen.index)
    chosen["condition"] = condition.astype("object").where(condition.notna(), "").astype(str)
    scales = [scale_to_canonical(row["parameter"], row["unit"]) for row in chosen.to_dict("records")]
    chosen["value"] = [value * scale + off for value, (scale, off) in zip(chosen["value"], scales, strict=True)]
    return chosen


def _judged(rows: pd.DataFrame, limit: dict[str, object]) -> tuple[np.ndarray, np.ndarray]:
    """Return how many times the limit is reached, and whether it is: 1 yes, 0 no, -1 cannot be said."""
    value = rows["value"].to_numpy(dtype=float)
    below = rows["detection_limit"].to_numpy(dtype=float)
    qualifier = rows["qualifier"].to_numpy(dtype=object)
    bound = float(str(limit["value"]))
    at_least = limit["qualifier"] == ">"
    with np.errstate(divide="ignore", invalid="ignore"):
        if limit["parameter"] == "ph":
            times = np.maximum((value - _NEUTRAL_PH) / (bound - _NEUTRAL_PH), 0.0)
        else:
            times = np.where(at_least, bound / value, value / bound)
    worse = value < bound if at_least else value > bound
    verdict = np.where(worse, 1, 0)
    above = qualifier == ">"
    verdict = np.where(above & (value < bound), -1, np.where(above & (not at_least), 1, verdict))
    absent = qualifier == "<"
    known = absent & (below <= bound)
    verdict = np.where(absent, np.where(known, 1 if at_least else 0, -1), verdict)
    if not at_least and "fraction" in rows.columns and limit["parameter"] in _WHOLE:
        # What passed the filter may keep a limit of the whole water that the whole water exceeds.
        part = rows["fraction"].isin(("dissolved", "suspended")).to_numpy()
        verdict = np.where(part & (verdict == 0), -1, verdict)
    times = np.where(absent | ~np.isfinite(times) | (bound <= 0), np.nan, times)
    return times, np.where(~absent & np.isnan(value), -1, verdict)


def _holds(results: pd.DataFrame, condition: object) -> np.ndarray:
    """Return which rows a condition may hold for: where it is true, and where nobody knows."""
    maybe = np.ones(len(results), dtype=bool)
    parts = str(condition).split()
    if len(parts) != 3:
        return maybe
    name, sign, bound = parts
    there = results[(results["parameter"] == name) & (results["qualifier"] == "=")]
    known = there.groupby("sample_id")["value"].median()
    values = results["sample_id"].map(known).to_numpy(dtype=float)
    true = values > float(bound) if sign == ">" else values <= float(bound)
    return np.isnan(values) | true
