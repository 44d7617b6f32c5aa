"""The line that judges by time: whether the monitor at an outfall follows the source's meter, as late as its water."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outfall.tracing.lines.registry import Context, as_rows
from outfall.tracing.time_line import compare_series

__all__ = ["judge_time", "timed_pairs"]

_LEAST, _MOST_PAIRS = 24, 12
_BAD_FLAGS = {"M", "D", "C", "T", "B"}  # maintenance, fault, calibration, over range, communication
_KEYS = ["meter_id", "parameter", "unit"]


def judge_time(context: Context) -> pd.DataFrame:
    """Judge by whether a monitor at the outfall follows a meter of the source, delayed by the water's way.

    Several monitors of one outfall or meters of one source are alternatives: any one of them may be the one that shows
    it, so their ratios are averaged and nothing counts twice.
    """
    monitors, meters = _series(context, "outfall_id"), _series(context, "source_id")
    pairs = _join(context.candidates.reset_index(drop=True), monitors, meters)
    if pairs.empty:
        return _nothing()
    lines = {key: _line(rows) for table in (monitors, meters) for key, rows in table.groupby("key", sort=True)}
    found, time = [], context.settings["time"]
    for row in pairs.itertuples(index=False):
        answer = compare_series(
            lines[row.key_outfall],
            {str(row.source_id): lines[row.key_source]},
            travel_h=None if pd.isna(row.travel_h) else float(row.travel_h),
            travel_sd=time["travel_sd"],
            most_h=time["most_h"],
        ).iloc[0]
        if np.isfinite(answer["delay_h"]):
            refs = f"{row.refs_outfall};{row.refs_source}"
            found.append((row.at, answer["log_lr"], answer["reason"], answer["reason_zh"], refs))
    if not found:
        return _nothing()
    table = pd.DataFrame(found, columns=["at", "log_lr", "reason", "reason_zh", "refs"])
    said = np.log(np.exp(table["log_lr"]).groupby(table["at"]).mean())
    best = table.sort_values(["at", "log_lr", "refs"], ascending=[True, False, True]).drop_duplicates("at")
    texts = list(best[["reason", "reason_zh"]].itertuples(index=False, name=None))
    rows = context.candidates.reset_index(drop=True).iloc[best["at"]]
    return as_rows(rows, said.loc[best["at"]].to_numpy(), texts, best["refs"].to_numpy())


def timed_pairs(context: Context) -> set[tuple[str, str]]:
    """Return the outfall and source of every pair this line can judge: what asks only for a moment need not ask again."""
    rows = context.candidates.reset_index(drop=True)
    pairs = _join(rows, _series(context, "outfall_id"), _series(context, "source_id"))
    return set(pairs[["outfall_id", "source_id"]].itertuples(index=False, name=None))


def _series(context: Context, owner: str) -> pd.DataFrame:
    """Return the readings of monitors at outfalls, or of meters of sources, that change and are long enough."""
    readings = context.readings
    if readings.empty or owner not in readings.columns:
        return pd.DataFrame(columns=[owner, "key", *_KEYS, "read_at", "value", "source_ref"])
    rows = readings[readings[owner].notna() & readings["value"].notna() & ~readings["flag"].isin(_BAD_FLAGS)]
    groups = rows.groupby([owner, *_KEYS], sort=True)["value"]
    kept = rows[(groups.transform("size") >= _LEAST) & (groups.transform("nunique") > 1)]
    key = kept[[owner, *_KEYS]].astype("object").agg("|".join, axis=1) if len(kept) else kept["meter_id"]
    return kept.assign(key=key)[[owner, "key", *_KEYS, "read_at", "value", "source_ref"]]


def _join(rows: pd.DataFrame, monitors: pd.DataFrame, meters: pd.DataFrame) -> pd.DataFrame:
    """Return candidates with every monitor and meter that read at the same time; the longest twelve of each."""
    ends = [_summary(monitors, "outfall_id"), _summary(meters, "source_id")]
    pairs = rows[["outfall_id", "source_id", "travel_h"]].assign(at=rows.index)
    pairs = pairs.merge(ends[0], on="outfall_id").merge(ends[1], on="source_id", suffixes=("_outfall", "_source"))
    if pairs.empty:
        return pairs
    first = pairs[["first_outfall", "first_source"]].max(axis=1)
    last = pairs[["last_outfall", "last_source"]].min(axis=1)
    pairs = pairs[first < last].assign(size=pairs[["size_outfall", "size_source"]].min(axis=1))
    pairs = pairs.sort_values(["at", "size", "key_outfall", "key_source"], ascending=[True, False, True, True])
    return pairs[pairs.groupby("at").cumcount() < _MOST_PAIRS]


def _summary(table: pd.DataFrame, owner: str) -> pd.DataFrame:
    """Return one row per series: when it begins and ends, how long it is, the first and last row it rests on."""
    if table.empty:
        blank = {owner: "str", "key": "str", "first": "datetime64[us, UTC]", "last": "datetime64[us, UTC]"}
        return pd.DataFrame(columns=[*blank, "size", "refs"]).astype({**blank, "size": "int64", "refs": "str"})
    groups = table.sort_values(["read_at", "source_ref"]).groupby([owner, "key"], sort=True)
    ends = groups.agg(
        first=("read_at", "min"),
        last=("read_at", "max"),
        size=("value", "size"),
        ref_first=("source_ref", "first"),
        ref_last=("source_ref", "last"),
    ).reset_index()
    return ends.assign(refs=ends["ref_first"] + ";" + ends["ref_last"]).drop(columns=["ref_first", "ref_last"])


def _line(rows: pd.DataFrame) -> pd.Series:
    ordered = rows.sort_values(["read_at", "source_ref"])
    return pd.Series(ordered["value"].to_numpy(dtype=float), index=pd.DatetimeIndex(ordered["read_at"]))


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(columns=["outfall_id", "source_id", "log_lr", "reason", "reason_zh", "refs"])
