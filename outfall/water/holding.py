"""Whether samples were analysed before they spoiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.water.checks import Check, check_table
from outfall.water.notes import Note
from outfall.water.plan_bottles import bottle_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_holding", "holding_notes"]

_HOUR_S = 3600.0
_NEEDED = ("parameter", "hold_h")


def check_holding(
    results: pd.DataFrame, *, samples: pd.DataFrame | None = None, rules: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return how long each sample waited for its analysis, and whether that was too long.

    Field tests wait for nothing and are not judged. A result without both times is not judged either and says so.
    Water that was not preserved may keep less long than our defaults, which are for the preserved.

    Parameters
    ----------
    results : DataFrame, n rows
        Contract ``results`` with analysed_at, and taken_at where samples are not given. Not changed.
    samples : DataFrame, optional
        Contract ``samples``; their taken_at wins. Not changed.
    rules : DataFrame, optional
        ``parameter``, ``hold_h`` and optionally ``is_verified``; bottle_rules() by default, none of it verified.

    Returns
    -------
    DataFrame, one row per result of a parameter with a rule
        As check_table says; ``value`` and ``limit`` are hours. Analysed before it was taken fails too.

    Raises
    ------
    TableError
        The rules lack a column.

    Examples
    --------
    >>> import pandas as pd
    >>> late = pd.DataFrame({"result_id": ["R1"], "sample_id": "W1", "parameter": "bod5", "method": "laboratory",
    ...                      "taken_at": pd.to_datetime(["2026-04-12T00:00Z"]), "analysed_at": pd.to_datetime(["2026-04-13T00:00Z"])})
    >>> check_holding(late)[["value", "limit", "is_passed"]].values.tolist()
    [[24.0, 12.0, False]]
    """
    table = bottle_rules() if rules is None else rules
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        msg = f"rules: no column {', '.join(missing)}"
        raise TableError(msg, [Problem(name, "missing", "start from bottle_rules()") for name in missing])
    hours = dict(zip(table["parameter"], table["hold_h"].astype(float), strict=True))
    verified = (
        dict(zip(table["parameter"], table["is_verified"], strict=True)) if "is_verified" in table.columns else {}
    )
    out = check_table(_waits(results, _taken(results, samples), hours), name="check_holding")
    out["is_verified"] = [bool(verified.get(name, False)) for name in out["parameter"]]
    return out


def holding_notes(results: pd.DataFrame) -> list[Note]:
    """Return doubts about results of a file whose own times say that they waited too long."""
    if not {"analysed_at", "taken_at"} <= set(results.columns):
        return []
    checks = check_holding(results)
    failed = checks[~checks["is_passed"].fillna(value=True).astype(bool)]
    return [
        Note("doubtful_value", row["reason"], row["reason_zh"], rows=[row["sample_ids"]], decision="kept")
        for row in failed.to_dict("records")
    ]


def _taken(results: pd.DataFrame, samples: pd.DataFrame | None) -> pd.Series:
    own = results["taken_at"] if "taken_at" in results.columns else pd.Series(pd.NaT, index=results.index)
    own = pd.to_datetime(own, utc=True)
    if samples is None or "taken_at" not in samples.columns:
        return own
    said = samples.drop_duplicates("sample_id").set_index("sample_id")["taken_at"]
    return pd.to_datetime(results["sample_id"].map(said), utc=True).fillna(own)


def _waits(results: pd.DataFrame, taken: pd.Series, hours: dict[str, float]) -> Iterator[Check]:
    done = results["analysed_at"] if "analysed_at" in results.columns else pd.Series(pd.NaT, index=results.index)
    waited = ((pd.to_datetime(done, utc=True) - taken).dt.total_seconds() / _HOUR_S).to_numpy(dtype=float)
    for row, hour in zip(results.to_dict("records"), waited, strict=True):
        limit = hours.get(str(row["parameter"]), np.nan)
        if not np.isfinite(limit) or row.get("method") == "field":
            continue
        sample, parameter = str(row["sample_id"]), str(row["parameter"])
        if np.isnan(hour):
            passed: bool | None = None
            reason, reason_zh = (
                f"{parameter} of {sample}: times are missing",
                f"{sample} 的 {parameter}: 缺少采样或分析时间",
            )
        elif hour < 0:
            passed = False
            reason, reason_zh = (
                f"{parameter} of {sample}: analysed {-hour:.1f} h before it was taken",
                f"{sample} 的 {parameter}: 分析时间早于采样时间",
            )
        else:
            passed = bool(hour <= limit)
            reason = f"{parameter} of {sample}: analysed after {hour:.1f} h, {limit:g} h allowed (our default unless verified)"
            reason_zh = f"{sample} 的 {parameter}: {hour:.1f} h 后分析, 允许 {limit:g} h"
        yield Check(
            "holding_time",
            parameter,
            [str(row["result_id"])],
            [sample],
            passed,
            reason,
            reason_zh,
            float(hour),
            float(limit),
        )
