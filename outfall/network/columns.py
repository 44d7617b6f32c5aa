"""What the columns of a line file mean: NHDPlus-like, utility, 水系 and 排水管线 headings to one set of names."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.tables import contract, empty, name_columns
from outfall.vocabulary import find_word, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.network.record import Record

__all__ = ["name_lines", "tidy_lines"]

_BLANK = {"", "nan", "none", "null", "<na>", "/", "-", "--"}
_INCHES_BELOW = 60.0  # the median of a pipe layer in millimetres is never this small
_OURS = {
    "to_reach": "text",
    "divergence": "real",
    "direction": "text",
    "is_tidal": "flag",
}  # read here, used by the builder alone

_DTYPES = {"real": "float64", "text": "str", "flag": "boolean"}


def name_lines(frame: gpd.GeoDataFrame, *, rename: Mapping[str, str] | None = None) -> gpd.GeoDataFrame:
    """Return lines with every recognised heading replaced by the name of its column.

    Parameters
    ----------
    frame : GeoDataFrame, n rows
        Lines as a file calls its columns.
    rename : mapping of str to str, optional
        The file's heading to our column; wins over everything.

    Returns
    -------
    GeoDataFrame, n rows
        Same rows; numbers of a schema with other units are converted.
    """
    given = {old: new for old, new in (rename or {}).items() if old in frame.columns}
    named = frame.rename(columns=given)
    taken = set(given.values()) | {str(name) for name in named.columns if name in contract("reaches").columns}
    maps, new = _column_maps(), {}
    for heading in named.columns:
        known = maps.get(plain(str(heading).split("|")[-1]))
        if known and heading not in taken and heading != named.geometry.name and known[0] not in taken:
            new[heading] = known
            taken.add(known[0])
    for heading, (_, factor) in new.items():
        if factor != 1.0:
            numbers = pd.to_numeric(named[heading], errors="coerce") * factor
            named = named.assign(**{str(heading): numbers.where(numbers >= 0)})
    named = named.rename(columns={heading: column for heading, (column, _) in new.items()})
    out = name_columns(named, "reaches")
    assert isinstance(out, gpd.GeoDataFrame)
    return out


def tidy_lines(frame: gpd.GeoDataFrame, record: Record, *, about: str, kind: str) -> gpd.GeoDataFrame:
    """Return lines whose known columns hold words, numbers and flags of the contract; what does not fit is recorded.

    Parameters
    ----------
    frame : GeoDataFrame, n rows
        Named lines.
    record : Record
        Decisions are added to it.
    about : str
        ``"rivers"`` or ``"pipes"``.
    kind : str
        Kind of reaches whose file does not say it.

    Returns
    -------
    GeoDataFrame, n rows
        Every column of ``reaches`` but its nodes and length, the file's other columns, and a new index from 0.
    """
    declared = contract("reaches").columns
    lines = name_lines(frame).reset_index(drop=True)
    refs = lines["source_ref"] if "source_ref" in lines else pd.Series(np.nan, index=lines.index, dtype="object")
    own = pd.Series([f"{about}#{row}" for row in range(1, len(lines) + 1)], index=lines.index, dtype="str")
    lines["source_ref"] = _as_text(refs).fillna(own)
    blank = empty("reaches")
    columns: dict[str, pd.Series] = {}
    for name, dtype in {**{n: c.dtype for n, c in declared.items()}, **_OURS}.items():
        if name not in lines.columns:
            like = blank[name].dtype if name in blank else _DTYPES[dtype]
            columns[name] = pd.Series(index=lines.index, dtype=like)
        else:
            allowed = declared[name].allowed if name in declared else ""
            columns[name] = _tidy(lines[name], name, dtype, allowed, record, about)
    others = [name for name in lines.columns if name not in columns and name != lines.geometry.name]
    out = pd.concat([pd.DataFrame(columns), lines[others]], axis=1)
    out["kind"] = out["kind"].fillna(kind)
    out["kind"] = out["kind"].mask((out["kind"] == "river") & out["is_tidal"].eq(True).fillna(value=False), "tidal")  # noqa: FBT003
    _doubt_inches(out["diameter_mm"], record, about)
    return gpd.GeoDataFrame(out, geometry=gpd.GeoSeries(lines.geometry.array, index=out.index, crs=frame.crs))


def _tidy(raw: pd.Series, name: str, dtype: str, allowed: str, record: Record, about: str) -> pd.Series:
    text = _as_text(raw)
    if dtype == "real":
        numbers = pd.to_numeric(raw if pd.api.types.is_numeric_dtype(raw.dtype) else text, errors="coerce").astype(
            "float64"
        )
        numbers = numbers.where(np.isfinite(numbers))
        column = contract("reaches").columns.get(name)
        if column is not None:
            numbers = numbers.mask(numbers < (column.minimum if column.minimum is not None else -np.inf))
            numbers = numbers.mask(numbers > (column.maximum if column.maximum is not None else np.inf))
        _record_lost(text, numbers, name, "is not a number this column can hold", record, about)
        return numbers
    if dtype == "flag":
        words = {"true": True, "1": True, "yes": True, "是": True, "false": False, "0": False, "no": False, "否": False}
        flags = text.map(plain, na_action="ignore").map(words, na_action="ignore").astype("boolean")
        _record_lost(text, flags, name, "is neither yes nor no", record, about)
        return flags
    if not allowed:
        return text
    words_found = {word: find_word(allowed, word) for word in text.dropna().unique()}
    found = text.map(words_found, na_action="ignore").astype("str")
    _record_lost(text, found, name, "is not a word we know", record, about)
    return found


def _record_lost(text: pd.Series, values: pd.Series, name: str, what: str, record: Record, about: str) -> None:
    lost = text.notna() & values.isna()
    if not lost.any():
        return
    counts = text[lost].value_counts()
    shown = ", ".join(f"{value!r} ({count})" for value, count in counts.head(8).items())
    label = contract("reaches").columns[name].zh if name in contract("reaches").columns else name
    decision = "the default kind is used" if name == "kind" else "left empty"
    record.add(
        "assumption",
        [name],
        (f"column {name}: {shown} {what}", f"{label}:{shown} 无法识别"),
        level="warning",
        about=about,
        decision=decision,
    )


def _doubt_inches(diameter: pd.Series, record: Record, about: str) -> None:
    known = diameter[diameter > 0]
    if len(known) >= 5 and known.median() < _INCHES_BELOW:
        record.add(
            "assumption",
            ["diameter_mm"],
            (
                f"column diameter_mm: the median is {known.median():g}; these look like inches, or centimetres",
                f"管径中位数为 {known.median():g},疑似英寸或厘米",
            ),
            level="warning",
            about=about,
            decision="kept as they are; convert them to millimetres before reading",
        )


def _as_text(raw: pd.Series) -> pd.Series:
    if isinstance(raw, pd.DataFrame):
        raw = raw.iloc[:, 0]
    if pd.api.types.is_float_dtype(raw.dtype):
        whole = raw.dropna()
        if np.isfinite(whole).all() and (whole % 1 == 0).all():
            return raw.astype("Int64").astype("str").where(raw.notna()).astype("str")
    text = raw.astype("str").str.strip()
    return text.mask(text.str.casefold().isin(_BLANK))


@cache
def _column_maps() -> Mapping[str, tuple[str, float]]:
    stream = files(__package__).joinpath("column_maps.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(stream))
    found: dict[str, tuple[str, float]] = {}
    for row in rows:
        found.setdefault(plain(row["heading"]), (row["column"], float(row["factor"] or 1.0)))
    return found
