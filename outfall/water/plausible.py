"""Whether results can be true: units that make metals absurd, parts above their whole, water that cannot exist."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from outfall.water.checks import Check, check_rules, check_table
from outfall.water.limits import read_limits
from outfall.water.notes import Note
from outfall.water.plausible_water import check_conductivity, check_oxygen
from outfall.water.uncertainty import with_sigma

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

__all__ = ["check_plausible", "implausible_notes"]

# Our default: half of a column above this many times the laxest limit for waste water speaks of ug/L read as mg/L.
_ABSURD_TIMES = 20.0
_METALS = ("copper", "zinc", "nickel", "chromium", "chromium_vi", "lead", "cadmium", "mercury", "arsenic", "silver")
_RANGES = {"ph": (0.0, 14.0), "temperature": (-2.0, 100.0), "oxygen_saturation": (0.0, 300.0)}


def check_plausible(
    results: pd.DataFrame, *, rules: Mapping[str, float] | None = None, uncertainty: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return whether results of one sample agree with physics, within what measuring them can err.

    A part is not above its whole (NH3-N and TN, BOD5 and COD, phosphate and TP, hexavalent and total chromium), what is
    dissolved not above the total, pH, temperature and saturation are in their range, oxygen is not above what water of
    this temperature takes up (our default: 2.5 times), and the ions found do not conduct more than the water does. Only
    what differs by ``plausible_z`` standard deviations fails, so a tie never does; a non-detect counts only as far as
    its limit proves something.

    Parameters
    ----------
    results : DataFrame, n rows
        Contract ``results``. Not changed.
    rules : mapping of str to float, optional
        ``plausible_z`` of check_rules().
    uncertainty : DataFrame, optional
        Like default_uncertainty(), for results that say none of their own.

    Returns
    -------
    DataFrame, one row per comparison that could be made
        As check_table says.

    Raises
    ------
    TableError
        A rule is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> two = pd.DataFrame({"result_id": ["R1", "R2"], "sample_id": "W1", "parameter": ["ammonia", "total_nitrogen"],
    ...                     "qualifier": "=", "value": [9.0, 3.0], "detection_limit": float("nan")})
    >>> check_plausible(two)[["kind", "is_passed"]].values.tolist()
    [['part_above_whole', False]]
    """
    least_z = check_rules(rules)["plausible_z"]
    rows = with_sigma(results, defaults=uncertainty)
    if "fraction" not in rows.columns:
        rows["fraction"] = None
    rows["fraction"] = rows["fraction"].astype("object").where(rows["fraction"].notna(), "")
    rows = rows.sort_values(["sample_id", "parameter", "fraction", "result_id"], kind="stable")
    checks = [*_parts(rows, least_z), *_dissolved(rows, least_z), *_ranges(rows, least_z)]
    checks += [*check_oxygen(rows, least_z), *check_conductivity(rows, least_z)]
    return check_table(checks, name="check_plausible")


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
    checks = check_plausible(results)
    failed = checks[~checks["is_passed"].fillna(value=True).astype(bool)]
    found = [
        Note("doubtful_value", row["reason"], row["reason_zh"], rows=row["sample_ids"].split(";"), decision="kept")
        for row in failed.to_dict("records")
    ]
    return [*_absurd_metals(results), *found]


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


def _parts(rows: pd.DataFrame, least_z: float) -> Iterator[Check]:
    whole_water = rows[rows["fraction"] != "suspended"]
    for part, whole, zh in _pairs():
        left = whole_water[whole_water["parameter"] == part]
        right = whole_water[(whole_water["parameter"] == whole) & (whole_water["fraction"] != "dissolved")]
        for one, other in _beside(left, right):
            yield _compared("part_above_whole", one, other, least_z, f"{part} and {whole}", zh)


def _dissolved(rows: pd.DataFrame, least_z: float) -> Iterator[Check]:
    left = rows[rows["fraction"].isin(("dissolved", "suspended"))]
    right = rows[rows["fraction"].isin(("", "total"))]
    for parameter, found in left.groupby("parameter", sort=True):
        for one, other in _beside(found, right[right["parameter"] == parameter]):
            text = f"{one['fraction']} and total {parameter}"
            yield _compared(
                "fraction_above_total", one, other, least_z, text, f"{parameter} 溶解态(颗粒态)不应大于总量"
            )


def _beside(left: pd.DataFrame, right: pd.DataFrame) -> Iterator[tuple[Mapping[str, object], Mapping[str, object]]]:
    """Return each result of the left with the first of the right from the same sample."""
    first = {row["sample_id"]: row for row in reversed(right.to_dict("records"))}
    for row in left.to_dict("records"):
        if row["sample_id"] in first:
            yield row, first[row["sample_id"]]


def _compared(
    kind: str, one: Mapping[str, object], other: Mapping[str, object], least_z: float, text: str, text_zh: str
) -> Check:
    """Return whether one result is surely above the other."""
    low = 0.0 if one["qualifier"] == "<" else float(str(one["value"]))
    high = float(str(other["detection_limit" if other["qualifier"] == "<" else "value"]))
    high = np.inf if other["qualifier"] == ">" or np.isnan(high) else high
    spread = float(
        np.hypot(
            float(str(one["sigma_value"])) if low else 0.0,
            float(str(other["sigma_value"])) if np.isfinite(high) else 0.0,
        )
    )
    excess = low - high
    z = excess / spread if spread > 0 and np.isfinite(excess) else (np.inf if excess > 0 else -np.inf)
    passed = not (excess > 0 and z > least_z)
    sign = ">" if excess > 0 else "<="
    reason = f"{text} of {one['sample_id']}: {low:g} {sign} {high:g}"
    reason_zh = f"{one['sample_id']}: {text_zh} ({low:g} {sign} {high:g})"
    ids = [str(one["result_id"]), str(other["result_id"])]
    shown_z = z if np.isfinite(z) else float("nan")
    return Check(
        kind, str(one["parameter"]), ids, [str(one["sample_id"])], passed, reason, reason_zh, low, high, shown_z
    )


def _ranges(rows: pd.DataFrame, least_z: float) -> Iterator[Check]:
    for row in rows[rows["parameter"].isin(_RANGES) & (rows["qualifier"] == "=")].to_dict("records"):
        low, high = _RANGES[row["parameter"]]
        value, sigma = float(row["value"]), float(row["sigma_value"])
        outside = max(low - value, value - high, 0.0)
        passed = not outside > least_z * (sigma if np.isfinite(sigma) else 0.0)
        bound = low if value < low else high
        reason = f"{row['parameter']} of {row['sample_id']} is {value:g}; it lies between {low:g} and {high:g}"
        reason_zh = f"{row['sample_id']}: {row['parameter']} 为 {value:g}, 应在 {low:g} 至 {high:g}"
        ids, samples = [str(row["result_id"])], [str(row["sample_id"])]
        z = outside / sigma if sigma > 0 else float("nan")
        yield Check("out_of_range", str(row["parameter"]), ids, samples, passed, reason, reason_zh, value, bound, z)


@cache
def _pairs() -> tuple[tuple[str, str, str], ...]:
    text = files(__package__).joinpath("plausible_parts.csv").read_text(encoding="utf-8")
    return tuple((row["part"], row["whole"], row["zh"]) for row in csv.DictReader(text.splitlines()))
