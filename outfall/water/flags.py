"""What a meter's readings say per interval when some of them carry HJ 212 flags."""

from __future__ import annotations

import pandas as pd

__all__ = ["average_readings"]

# HJ 212: normal and set by hand count; stopped, maintenance, fault, calibration, over range and link fault do not.
_VALID = ("", "N", "S")


def average_readings(readings: pd.DataFrame, *, minutes: int = 60, least_valid_share: float = 1.0) -> pd.DataFrame:
    """Return the mean of each meter and parameter per interval, and whether its readings allow one.

    Readings flagged N or S (or not at all) are valid. For water HJ 212-2017 calls an interval abnormal if any reading
    in it is: ``least_valid_share=1.0``. Flue gas needs 0.75. Abnormal intervals keep their row, without a value.

    Parameters
    ----------
    readings : DataFrame, n rows
        Contract ``readings``. Not changed.
    minutes : int
        Length of an interval, counted from midnight UTC.
    least_valid_share : float
        Share of readings that must be valid.

    Returns
    -------
    DataFrame, one row per meter, parameter and interval
        ``meter_id``, ``parameter``, ``unit``, ``read_at`` (start), ``value``, ``n``, ``valid_share``, ``flags`` (those that
        do not count, joined by ``;``), ``is_valid``, ``reason``, ``reason_zh`` and ``source_ref``.

    Examples
    --------
    >>> import pandas as pd
    >>> two = pd.DataFrame({"meter_id": "M1", "parameter": "cod", "unit": "mg/L", "value": [40.0, 900.0], "flag": ["N", "D"],
    ...                     "read_at": pd.to_datetime(["2026-04-12T01:00Z", "2026-04-12T01:30Z"]), "source_ref": ["a#2", "a#3"]})
    >>> average_readings(two)[["value", "valid_share", "flags", "is_valid"]].values.tolist()
    [[nan, 0.5, 'D', False]]
    """
    flag = readings["flag"] if "flag" in readings.columns else pd.Series("", index=readings.index)
    flag = flag.astype("object").where(flag.notna(), "").astype(str)
    rows = pd.DataFrame(
        {
            "meter_id": readings["meter_id"],
            "parameter": readings["parameter"],
            "unit": readings["unit"],
            "read_at": pd.to_datetime(readings["read_at"], utc=True).dt.floor(f"{minutes}min"),
            "ok": flag.isin(_VALID) & readings["value"].notna(),
            "bad": flag.where(~flag.isin(_VALID), ""),
            "ref": readings["source_ref"].astype(str),
        }
    )
    rows["number"] = readings["value"].where(rows["ok"])
    rows = rows.sort_values(["meter_id", "parameter", "read_at", "number", "ref"], kind="stable")
    groups = rows.groupby(["meter_id", "parameter", "unit", "read_at"], sort=True, dropna=False)
    out = groups.agg(
        value=("number", "mean"),
        n=("ok", "size"),
        valid_share=("ok", "mean"),
        flags=("bad", lambda bad: ";".join(sorted(set(bad) - {""}))),
        source_ref=("ref", lambda ref: f"average_readings({min(ref)}..{max(ref)})"),
    ).reset_index()
    out["is_valid"] = out["valid_share"] >= least_valid_share
    out["value"] = out["value"].where(out["is_valid"])
    shown = (out["valid_share"] * 100).round().astype(int).astype(str) + " %"
    marks = out["flags"].where(out["flags"] == "", " (" + out["flags"] + ")")
    out["reason"] = shown + " of " + out["n"].astype(str) + " readings are valid" + marks
    out["reason_zh"] = out["n"].astype(str) + " 个读数中有效 " + shown + marks
    columns = ["meter_id", "parameter", "unit", "read_at", "value", "n", "valid_share", "flags", "is_valid"]
    return out[[*columns, "reason", "reason_zh", "source_ref"]]
