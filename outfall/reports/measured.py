"""Which results belong to which outfall, and which of them are above what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.vocabulary import Lang, label, plain
from outfall.water import find_exceedances, read_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Measured", "compare", "group_results", "printed"]

_KEYS = ("outfall_id", "code_national", "code_local", "name")


@dataclass(frozen=True, slots=True)
class Measured:
    """One result as a sheet prints it."""

    taken_at: str
    sample: str
    parameter: str
    value: str
    limit: str
    multiple: str
    is_over: bool


def compare(results: pd.DataFrame, *, standard: str, grade: str) -> tuple[pd.DataFrame, bool]:
    """Return the results with what they are compared with, and whether the shipped limits have that standard."""
    limits = read_limits()
    if not len(limits[(limits["standard"] == standard) & (limits["grade"] == grade)]):
        return results.assign(limit_value=np.nan, multiple_share=np.nan, is_exceeded=pd.NA), False
    return find_exceedances(results, limits, standard=standard, grade=grade), True


def group_results(results: pd.DataFrame, outfalls: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each outfall that has any: by its id, either code or its name, as the laboratory wrote it."""
    homes: dict[str, set[str]] = {}
    for column in _KEYS:
        for outfall_id, text in zip(outfalls["outfall_id"], outfalls[column], strict=True):
            if not pd.isna(text) and str(text).strip():
                homes.setdefault(plain(text), set()).add(str(outfall_id))
    home = pd.Series(None, index=results.index, dtype="object")
    for column in ("outfall_id", "point_name"):
        texts = results[column] if column in results.columns else home
        found = texts.map(lambda text: _only(homes.get(plain(text), set())), na_action="ignore")
        home = home.where(home.notna(), found)
    return {str(name): rows for name, rows in results.groupby(home, sort=False)}


def printed(rows: pd.DataFrame, *, tz: str, words: Mapping[str, str], lang: Lang) -> list[Measured]:
    """Return results as a sheet prints them: those above the limit first, then by time and parameter."""
    ordered = rows.sort_values(
        ["multiple_share", "taken_at", "parameter"], ascending=[False, True, True], kind="stable"
    )
    return [_print(row, tz, words, lang) for row in ordered.to_dict("records")]


def _print(row: Mapping[str, object], tz: str, words: Mapping[str, str], lang: Lang) -> Measured:
    taken_at, multiple, limit = row["taken_at"], _number(row["multiple_share"]), _number(row["limit_value"])
    verdict = row["is_exceeded"]
    is_over = not pd.isna(verdict) and bool(verdict)
    least = "≥ " if row["qualifier"] == ">" else ""
    times = "" if multiple is None else words["multiple_times"].format(value=f"{least}{multiple:.1f}")
    return Measured(
        taken_at=taken_at.tz_convert(tz).strftime("%Y-%m-%d %H:%M") if isinstance(taken_at, pd.Timestamp) else "",
        sample=str(row["sample_id"]),
        parameter=label("parameter", row["parameter"], lang=lang),
        value=_value(row, words),
        limit="" if limit is None else _plain_number(limit),
        multiple="" if pd.isna(verdict) else times if is_over else words["within"],
        is_over=is_over,
    )


def _value(row: Mapping[str, object], words: Mapping[str, str]) -> str:
    value, limit, unit = _number(row["value"]), _number(row["detection_limit"]), str(row["unit"])
    shown_unit = "" if unit == "1" else f" {unit}"
    if row["qualifier"] == "<":
        return words["not_detected"] + (f" (<{_plain_number(limit)}{shown_unit})" if limit is not None else "")
    if value is None:
        return str(row["value_text"])
    return f"{'>' if row['qualifier'] == '>' else ''}{_plain_number(value)}{shown_unit}"


def _plain_number(value: float) -> str:
    """Return a number as people write it: six digits, never in powers of ten."""
    return np.format_float_positional(float(f"{value:.6g}"), trim="-")


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type]


def _only(ids: set[str]) -> str | None:
    return next(iter(ids)) if len(ids) == 1 else None
