"""Whether results can be true: units that make metals absurd, parts above their whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.water.limits import read_limits
from outfall.water.notes import Note

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["implausible_notes"]

# Our default: half of a column above this many times the laxest limit for waste water speaks of ug/L read as mg/L.
_ABSURD_TIMES = 20.0
_METALS = ("copper", "zinc", "nickel", "chromium", "chromium_vi", "lead", "cadmium", "mercury", "arsenic", "silver")
# A part cannot exceed its whole by more than two measurements disagree; the margin is our default.
_PARTS = (
    ("ammonia", "total_nitrogen"),
    ("bod5", "cod"),
    ("cod_mn", "cod"),
    ("phosphate", "total_phosphorus"),
    ("chromium_vi", "chromium"),
)
_MARGIN = 1.2


def implausible_notes(results: pd.DataFrame) -> list[Note]:
    """Return doubts about results that cannot be true as written; nothing is changed.

    Parameters
    ----------
    results : DataFrame, n rows
        Contract ``results``.

    Returns
    -------
    list of Note
        One per doubt.
    """
    return [*_absurd_metals(results), *_parts_above_whole(results)]


def _absurd_metals(results: pd.DataFrame) -> list[Note]:
    limits = read_limits()
    laxest = limits[limits["standard"] == "GB 8978-1996"].groupby("parameter")["value"].max()
    found = []
    measured = results[(results["qualifier"] != "<") & results["parameter"].isin(_METALS)]
    for (parameter, unit), rows in measured.groupby(["parameter", measured["unit_text"].fillna("")], sort=True):
        median = float(rows["value"].median())
        if parameter in laxest.index and median > _ABSURD_TIMES * laxest[parameter]:
            times = median / laxest[parameter]
            reason = f"{parameter} in {unit or 'mg/L'}: half of the values are above {median:.3g} mg/L, {times:.0f} times the laxest waste water limit; is the unit ug/L?"
            reason_zh = f"{parameter} 单位 {unit or 'mg/L'}: 中位数 {median:.3g} mg/L, 为排放限值的 {times:.0f} 倍, 单位是否为 μg/L?"
            found.append(Note("doubtful_value", reason, reason_zh, rows=rows["sample_id"], decision="kept"))
    return found


def _parts_above_whole(results: pd.DataFrame) -> list[Note]:
    measured = results[results["qualifier"] == "="]
    wide = measured.pivot_table(index="sample_id", columns="parameter", values="value", aggfunc="median", observed=True)
    found = []
    for part, whole in _PARTS:
        if part not in wide.columns or whole not in wide.columns:
            continue
        bad = wide[wide[part] > _MARGIN * wide[whole]]
        for sample, left, right in zip(bad.index, bad[part], bad[whole], strict=True):
            values = f"{left:g} > {right:g} mg/L"
            reason, reason_zh = (
                f"{part} above {whole} in {sample}: {values}",
                f"{sample}: {part} 大于 {whole} ({values})",
            )
            found.append(Note("doubtful_value", reason, reason_zh, rows=[sample], decision="kept"))
    return found
