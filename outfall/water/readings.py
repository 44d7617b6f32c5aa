"""What automatic and electricity meters said, moment by moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.tables import check
from outfall.vocabulary import find_word, parameters
from outfall.water.canonical import known_parameters, repeated_ids, scale_units
from outfall.water.notes import Note, attach_notes
from outfall.water.sheets import open_sheet, to_long
from outfall.water.values import parse_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["read_readings"]

# HJ 212-2017 transmits these in other units than ours; used only where a file names the code and no unit.
_HJ212_UNITS = {
    **dict.fromkeys(("w20111", "w20115", "w20117", "w20119", "w20120"), "ug/L"),
    "w00000": "L/s",
}
_HELPERS = ["parameter_text", "value_text", "unit_text", "unit_own", "limit_text", "limit_unit", "flag_text"]
_HELPERS += ["loq_text", "loq_unit", "fraction"]


def read_readings(
    path: Path | str,
    *,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> pd.DataFrame:
    r"""Return the readings of meters, long (one value per row) or wide (one column per parameter).

    HJ 212 codes (``w01018-Rtd``, ``w01018-Flag``) are understood; codes without a unit are in the unit of that
    standard, which is ug/L for several metals.

    Parameters
    ----------
    path : path
        CSV, Excel, ODS or anything tables.read_frame reads.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the file lacks, such as ``{"meter_id": "M1"}``.
    layer : str, optional
        Sheet of a workbook.

    Returns
    -------
    DataFrame, n rows
        Contract ``readings``, in canonical units and in the order of the file. A reading with a flag and no value is
        kept; an empty cell without a flag is no reading. tables.list_issues
        says what was assumed or left out.

    Raises
    ------
    ReadError
        The file cannot be read.
    UnitError
        A unit is unknown or measures something else.
    TableError
        The table does not meet its contract.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "meters.csv"
    >>> _ = file.write_text("电表编号,时间,用电量(kWh)\nP1,2026-04-12 01:00,3.5\n", encoding="utf-8")
    >>> read_readings(file, tz="Asia/Shanghai")[["meter_id", "parameter", "value", "unit"]].values.tolist()
    [['P1', 'energy', 3.5, 'kWh']]
    """
    sheet = open_sheet(path, "readings", rename=rename, constants=constants, layer=layer)
    notes = sheet.notes
    long = to_long(sheet, "readings")
    codes = {name: found for name in sheet.headings if (found := _hj212_unit(name))}
    by_parameter = {sheet.headings[name].parameter: unit for name, unit in codes.items()}
    own = long["parameter_text"].map(_hj212_unit)
    guess = own.where(own != "", long["parameter_text"].map(by_parameter)).fillna("")
    blank = long["unit_text"].isna() | (long["unit_text"].astype("object").astype(str) == "")
    long = known_parameters(long.assign(unit_text=long["unit_text"].mask(blank, guess)), notes)
    value, flag = _values(long, notes)
    kept = ~np.isnan(value) | (flag != "")
    long, value, flag = long[kept].reset_index(drop=True), value[kept], flag[kept]
    factor, offset = scale_units(long, name=sheet.name, notes=notes)
    table = long.drop(columns=[helper for helper in _HELPERS if helper in long.columns])
    table["value"], table["flag"] = value * factor + offset, flag
    table["unit"] = long["parameter"].map({key: found.unit for key, found in parameters().items()})
    if "reading_id" not in table.columns:
        table["reading_id"] = _reading_ids(table)
    checked = check(table, "readings", tz=tz, where=sheet.name)
    return attach_notes(checked, notes, about=sheet.name)


def _hj212_unit(text: object) -> str:
    return _HJ212_UNITS.get(str(text).strip().casefold().partition("-")[0].partition("_")[0], "")


def _values(long: pd.DataFrame, notes: list[Note]) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers and flags; a flag word nobody knows and a text that is no number are written down."""
    texts = long["value_text"].astype("object").where(long["value_text"].notna(), "").astype(str).str.strip()
    read = {text: parse_value(text) for text in texts.unique()}
    value = texts.map({text: found.value for text, found in read.items()}).to_numpy(dtype=float)
    unread = [text for text, found in read.items() if found.state == "unread" or found.qualifier == "<"]
    for text in sorted(unread):
        refs = long.loc[(texts == text).to_numpy(), "source_ref"]
        reason, reason_zh = f"{text!r} is no reading", f"读数 {text!r} 未读"
        notes.append(Note("unread_value", reason, reason_zh, rows=refs, decision="no value"))
    flags = long["flag_text"].astype("object").where(long["flag_text"].notna(), "").astype(str).str.strip()
    known = {text: find_word("reading_flag", text) for text in flags.unique() if text}
    for text in sorted(text for text, found in known.items() if found is None):
        refs = long.loc[(flags == text).to_numpy(), "source_ref"]
        reason, reason_zh = f"flag {text!r} is not one of HJ 212", f"数据标记 {text!r} 不属于 HJ 212"
        notes.append(Note("unknown_word", reason, reason_zh, rows=refs, decision="no flag"))
    return value, flags.map({"": "", **{text: found or "" for text, found in known.items()}}).to_numpy(dtype=object)


def _reading_ids(table: pd.DataFrame) -> pd.Series:
    made = pd.Series("", index=table.index, dtype="object")
    for name in ("meter_id", "parameter", "read_at"):
        if name in table.columns:
            made = made + "/" + table[name].astype("object").where(table[name].notna(), "").astype(str).str.strip()
    return repeated_ids(made.str.removeprefix("/"), table["value"])
