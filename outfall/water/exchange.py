"""How tables of other systems (EDD, LIMS, WQX) become our samples and results: one path, whatever the headings were."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from outfall.coordinates import has_coordinates, to_points
from outfall.tables import check, contract, empty
from outfall.vocabulary import find_word
from outfall.water.notes import Note, attach_notes
from outfall.water.results import results_of
from outfall.water.sheets import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["WaterTables", "day_texts", "stripped", "to_tables"]

_SLASHED = re.compile(r"^(\d{1,2})[/-](\d{1,2})[/-](\d{4})(.*)$")
# Columns of a frame for to_tables that belong to the sample; sample_method stands beside the method of the result.
_OF_RESULTS = {
    *("result_id", "parameter", "value", "unit", "detection_limit", "limit_unit", "quantitation_limit", "loq_unit"),
    *("qualifier", "fraction", "method", "analysed_at", "spike_added", "sigma_share", "value_text", "unit_text"),
}


class WaterTables(NamedTuple):
    """Samples and their results.

    Parameters
    ----------
    samples : GeoDataFrame
        Contract ``samples``.
    results : DataFrame
        Contract ``results``.
    """

    samples: pd.DataFrame
    results: pd.DataFrame


def to_tables(frame: pd.DataFrame, *, name: str, tz: str | None, crs: object, notes: Iterable[Note]) -> WaterTables:
    """Return samples and results from one text row per result, its columns called as ours.

    Parameters
    ----------
    frame : DataFrame, n rows
        Text. ``limit_unit`` and ``loq_unit`` are units of the limits where they have their own, ``sample_method`` the
        method of the sample. Rows without parameter are samples without results.
    name : str
        The file.
    tz : str, optional
        Zone of times that say none.
    crs : anything pyproj understands
        Of lon and lat.
    notes : iterable of Note
        Doubts so far.

    Returns
    -------
    WaterTables
        Issues travel with the results.
    """
    doubts = [*notes]
    frame = _known_words(frame, doubts)
    has_result = (
        stripped(frame["parameter"]) != "" if "parameter" in frame.columns else pd.Series(data=False, index=frame.index)
    )
    rows = frame[has_result].reset_index(drop=True)
    of_sample = [column for column in frame.columns if column not in _OF_RESULTS]
    once = frame[of_sample].drop_duplicates("sample_id").reset_index(drop=True)
    once = once.drop(columns="method", errors="ignore").rename(columns={"sample_method": "method"})
    if has_coordinates(once):
        there = stripped(once["lon"]) != ""
        once = to_points(once, crs=crs, where=name) if there.all() else once.drop(columns=["lon", "lat"])
        if not there.all() and there.any():
            text = "positions are missing for some samples; none is used"
            doubts.append(Note("assumption", text, "部分样品无坐标, 均未使用", decision="no positions"))
    samples = attach_notes(check(once, "samples", tz=tz, where=name), [], about=name)
    if not len(rows):
        return WaterTables(samples, attach_notes(empty("results"), doubts, about=name))
    results_columns = [
        column
        for column in rows.columns
        if (column in contract("results").columns or column in _OF_RESULTS)
        and column not in ("value_text", "unit_text")
    ]
    sheet = Sheet(name, rows[results_columns], {}, "", "", doubts)
    return WaterTables(samples, _as_written(results_of(sheet, tz=tz), rows))


def _as_written(results: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return results with what the first file said, where a table carries that along."""
    for column in ("value_text", "unit_text"):
        if column in rows.columns:
            said = dict(zip(rows["source_ref"], stripped(rows[column]), strict=True))
            texts = results["source_ref"].map(said)
            results[column] = texts.where(texts.notna() & (texts != ""), results[column]).astype("str")
    return results


def day_texts(dates: pd.Series, notes: list[Note]) -> pd.Series:
    """Return dates with the year first; ``4/12/2026`` is month first unless a date of the column cannot be.

    Parameters
    ----------
    dates : Series of str
        As written.
    notes : list of Note
        What had to be assumed is added.

    Returns
    -------
    Series of str
        The others as they are.

    Examples
    --------
    >>> day_texts(pd.Series(["4/12/2026", "2026-04-13"]), []).tolist()
    ['2026-04-12', '2026-04-13']
    """
    texts = stripped(dates)
    found = {text: match for text in texts.unique() if (match := _SLASHED.match(text))}
    if not found:
        return texts
    is_day_first = any(int(match[1]) > 12 for match in found.values())
    if not is_day_first and not any(int(match[2]) > 12 for match in found.values()):
        text = "dates such as 4/12/2026 are taken as month first"
        notes.append(Note("assumption", text, "日期按 月/日/年 读取", rows=sorted(found)[:3], decision="month first"))
    at = (2, 1) if is_day_first else (1, 2)
    made = {text: f"{m[3]}-{int(m[at[0]]):02d}-{int(m[at[1]]):02d}{m[4]}" for text, m in found.items()}
    return texts.map(lambda text: made.get(text, text))


def stripped(column: pd.Series) -> pd.Series:
    """Return a column as text without blanks around it, empty where missing."""
    return column.astype("object").where(column.notna(), "").astype(str).str.strip()


def _known_words(frame: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    """Return the frame with words of our lists; a word nobody knows is written down and left empty."""
    out = frame.copy()
    for column, words in (("fraction", "fraction"), ("kind", "sample_kind"), ("method", "sample_method")):
        if column not in out.columns:
            continue
        texts = stripped(out[column])
        found = {text: find_word(words, text.replace(",", "")) for text in texts.unique() if text}
        for text in sorted(text for text, word in found.items() if word is None):
            rows = out.loc[texts == text, "source_ref"]
            notes.append(
                Note(
                    "unknown_word",
                    f"{column} {text!r} is not known",
                    f"{column} {text!r} 未识别",
                    rows=rows,
                    decision="left empty",
                )
            )
        out[column] = texts.map(lambda text, found=found: found.get(text)).astype("object")
    return out
