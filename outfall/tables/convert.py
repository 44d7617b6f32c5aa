"""What the cells of one column mean: text to numbers, flags, times and words, with every cell that means nothing."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem
from outfall.vocabulary import find_parameter, find_word, parameters, plain, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from outfall.tables.contract import Column

__all__ = ["Cells", "blank", "convert", "pandas_dtype", "rows_where", "wrong_cells"]

_TRUE = {"true", "yes", "y", "1", "1.0", "是", "有", "t"}
_FALSE = {"false", "no", "n", "0", "0.0", "否", "无", "f"}
_MISSING = {"", "/", "-", "--", "—", "nan", "none", "null", "n/a", "na", "<na>", "nat"}
_DTYPE = {"text": "str", "ids": "str", "real": "float64", "integer": "Int64", "flag": "boolean"}
_YEAR_FIRST = re.compile(r"(19|20)\d\d[-/.]?\d")
_MOST_WORDS = 20  # distinct unknown words reported for one column


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one column as a file holds them.

    Parameters
    ----------
    raw : Series, n rows
        As read.
    column : Column
        What the contract says of them.
    rows : ndarray of object, n
        What the user calls each row.
    tz : str or None
        Zone of times that do not say theirs.
    """

    raw: pd.Series
    column: Column
    rows: NDArray[np.object_]
    tz: str | None = None

    @property
    def where(self) -> str:
        """Return what an error calls the column."""
        return f"{self.column.name} ({self.column.zh})"


def convert(cells: Cells) -> tuple[pd.Series, list[Problem]]:
    """Return the cells in the dtype of their column, and a problem for each kind of cell that cannot be.

    Parameters
    ----------
    cells : Cells
        One column.

    Returns
    -------
    tuple of Series and list of Problem
        Cells that mean nothing are missing in the series.
    """
    broken = _half_characters(cells)
    if broken:
        return pd.Series(blank(cells.column, len(cells.raw)), index=cells.raw.index), broken
    values, problems = _CONVERT[cells.column.dtype](cells)
    return values, problems + _bounds(values, cells)


def blank(column: Column, count: int) -> object:
    """Return count missing cells in the dtype of a column."""
    return np.full(count, np.nan) if column.dtype == "real" else pd.array([None] * count, dtype=pandas_dtype(column))


def pandas_dtype(column: Column) -> object:
    """Return the pandas dtype of a column of a contract."""
    return pd.DatetimeTZDtype("us", "UTC") if column.dtype == "time" else _DTYPE[column.dtype]


def rows_where(mask: pd.Series, rows: NDArray[np.object_]) -> tuple[str, ...]:
    """Return the names of the rows where a mask is true."""
    return tuple(str(row) for row in rows[mask.fillna(value=False).to_numpy(dtype=bool)])


def wrong_cells(
    raw: pd.Series, mask: pd.Series, rows: NDArray[np.object_], *, where: str, what: str, fix: str
) -> list[Problem]:
    """Return one problem with up to three example values, or none where the mask is false throughout."""
    at = mask.to_numpy(dtype=bool)
    if not at.any():
        return []
    found = (value.item() if isinstance(value, np.generic) else value for value in raw.to_numpy(dtype=object)[at])
    examples = list(dict.fromkeys(repr(value) for value in found))
    shown = ", ".join(examples[:3]) + (" …" if len(examples) > 3 else "")
    return [Problem(where, f"{shown} {what}", fix, rows_where(mask, rows))]


def _half_characters(cells: Cells) -> list[Problem]:
    """Return a problem where text holds lone surrogates, which no file and no Arrow column can."""
    if not (cells.raw.dtype == object or isinstance(cells.raw.dtype, pd.StringDtype)):
        return []
    if isinstance(cells.raw.dtype, pd.StringDtype):
        texts = cells.raw.fillna("").tolist()
    else:
        texts = [value if isinstance(value, str) else "" for value in cells.raw.to_numpy(dtype=object)]
    try:
        "".join(texts).encode("utf-8")
    except UnicodeEncodeError:
        wrong = np.array([value != value.encode("utf-8", "replace").decode("utf-8") for value in texts], dtype=bool)
        return _wrong(cells, wrong, "holds half a character", "type the text again")
    return []


def _text(cells: Cells) -> tuple[pd.Series, list[Problem]]:
    text, listed = _as_text(cells.raw), cells.column.allowed
    if not listed:
        return text, []
    meaning = {
        str(value): find_parameter(value) if listed == "parameter" else find_word(listed, value)
        for value in text.dropna().unique()
    }
    known = list(parameters() if listed == "parameter" else words(listed))
    shown = ", ".join(known[:8]) + (f" … ({len(known)} in all)" if len(known) > 8 else "")
    problems = []
    for value in [value for value, found in meaning.items() if found is None][:_MOST_WORDS]:
        near = difflib.get_close_matches(plain(value), known, n=1, cutoff=0.6)
        fix = f"did you mean {near[0]!r}?" if near else ""
        rows = rows_where(text == value, cells.rows)
        problems.append(Problem(cells.where, f"{value!r} is not one of {shown}", fix, rows))
    return text.map(meaning, na_action="ignore").astype("str"), problems


def _number(cells: Cells) -> tuple[pd.Series, list[Problem]]:
    if pd.api.types.is_numeric_dtype(cells.raw.dtype):
        values = cells.raw.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        wrong = np.isinf(values)
    else:
        text = _as_text(cells.raw)
        clean = text.str.normalize("NFKC").str.replace(",", "", regex=False).str.strip()
        values = pd.to_numeric(clean, errors="coerce").to_numpy(dtype=float)
        wrong = (np.isnan(values) & text.notna().to_numpy()) | np.isinf(values)
    fix = "write a number alone; leave the cell empty if unknown"
    problems = _wrong(cells, wrong, "is not a number", fix)
    values = np.where(wrong, np.nan, values)
    if cells.column.dtype != "integer":
        return pd.Series(values, index=cells.raw.index), problems
    broken = ~np.isnan(values) & (values != np.round(values))
    problems += _wrong(cells, broken, "is not a whole number", "write a whole number")
    return pd.Series(np.where(broken, np.nan, values), index=cells.raw.index).astype("Int64"), problems


def _flag(cells: Cells) -> tuple[pd.Series, list[Problem]]:
    if pd.api.types.is_bool_dtype(cells.raw.dtype):
        return cells.raw.astype("boolean"), []
    folded = cells.raw.astype("object").map(plain, na_action="ignore").astype("str")
    values = folded.map({**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}).astype("boolean")
    wrong = (values.isna() & folded.notna() & ~folded.isin(_MISSING)).to_numpy()
    return values, _wrong(cells, wrong, "is neither yes nor no", "write 是 or 否, yes or no")


def _time(cells: Cells) -> tuple[pd.Series, list[Problem]]:
    if isinstance(cells.raw.dtype, pd.DatetimeTZDtype):
        return cells.raw.dt.tz_convert("UTC").dt.as_unit("us"), []
    text = _as_text(cells.raw)
    stamps = {value: _stamp(str(value), cells.tz) for value in text.dropna().unique()}
    found = [stamps.get(value) if isinstance(value, str) else pd.NaT for value in text.astype("object")]
    values = [stamp if isinstance(stamp, pd.Timestamp) else pd.NaT for stamp in found]
    problems = _wrong(
        cells,
        np.array([stamp is None for stamp in found], dtype=bool),
        "is not a time",
        "write 2026-04-12 08:30:00 or 2026-04-12T08:30:00+08:00",
    )
    naive = np.array([stamp == "naive" for stamp in found], dtype=bool)
    problems += _wrong(cells, naive, "has no time zone", "pass tz='Asia/Shanghai' or write +08:00 behind it")
    return pd.Series(pd.DatetimeIndex(values, tz="UTC"), index=cells.raw.index).dt.as_unit("us"), problems


def _stamp(text: str, tz: str | None) -> pd.Timestamp | str | None:
    """Return the time in UTC, ``"naive"`` where its zone is nowhere said, None where it is no time."""
    clean = text.replace("年", "-").replace("月", "-").replace("日", " ").strip()
    if not _YEAR_FIRST.match(clean):  # pandas reads "08:30" as today and "03/04/2026" as it likes
        return None
    try:
        stamp = pd.Timestamp(clean)
    except (ValueError, TypeError):
        return None
    if stamp is pd.NaT:
        return None
    if stamp.tzinfo is None:
        if tz is None:
            return "naive"
        stamp = stamp.tz_localize(tz, ambiguous=True, nonexistent="shift_forward")
    return stamp.tz_convert("UTC")


_CONVERT: dict[str, Callable[[Cells], tuple[pd.Series, list[Problem]]]] = {
    "text": _text,
    "ids": _text,
    "real": _number,
    "integer": _number,
    "flag": _flag,
    "time": _time,
}


def _bounds(values: pd.Series, cells: Cells) -> list[Problem]:
    column, problems = cells.column, []
    unit = "" if column.unit in ("", "share") else f" {column.unit}"
    is_share = column.unit == "share"
    if column.minimum is not None:
        below = (values < column.minimum).fillna(value=False).to_numpy(dtype=bool)
        fix = "a share runs from 0 to 1" if is_share else "correct the sign or the unit"
        problems += _wrong(cells, below, f"is below {column.minimum:g}{unit}", fix)
    if column.maximum is not None:
        above = (values > column.maximum).fillna(value=False).to_numpy(dtype=bool)
        fix = "a share runs from 0 to 1; divide percentages by 100" if is_share else "correct the value"
        problems += _wrong(cells, above, f"is above {column.maximum:g}{unit}", fix)
    return problems


def _wrong(cells: Cells, mask: NDArray[np.bool_], what: str, fix: str) -> list[Problem]:
    at = pd.Series(mask, index=cells.raw.index)
    return wrong_cells(cells.raw, at, cells.rows, where=cells.where, what=what, fix=fix)


def _as_text(raw: pd.Series) -> pd.Series:
    """Return cells as stripped text; a float column of whole numbers (ids read by a spreadsheet) loses its ``.0``."""
    if pd.api.types.is_float_dtype(raw.dtype) and raw.dropna().mod(1).eq(0).all():
        text = raw.astype("Int64").astype("str").where(raw.notna())
    elif isinstance(raw.dtype, pd.StringDtype):
        number, said = pd.factorize(raw)
        clean = [value.strip() for value in said]
        kept = [None if value.casefold() in _MISSING else value for value in clean]
        return pd.Series(np.array([*kept, None], dtype=object)[number], index=raw.index, dtype="str")
    else:
        text = raw.astype("object").map(lambda value: str(value).strip(), na_action="ignore").astype("str")
    return text.mask(text.str.casefold().isin(_MISSING))
