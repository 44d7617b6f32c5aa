"""What the laboratory found: one row per parameter and sample, in canonical units, non-detects with their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from outfall.tables import check
from outfall.water.canonical import canonical_rows, known_parameters
from outfall.water.holding import holding_notes
from outfall.water.notes import Note, attach_notes
from outfall.water.plausible import implausible_notes
from outfall.water.sheets import Sheet, fill_sample_ids, open_sheet, to_long
from outfall.water.values import Value, parse_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["read_results", "results_of"]


def read_results(
    path: Path | str,
    *,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> pd.DataFrame:
    r"""Return a laboratory or field sheet as one row per parameter and sample.

    Long tables (sample, parameter, value, unit), wide ones (a column per parameter, its unit in the heading, in a
    merged heading above, or in a row of units) and transposed ones (a column per sample) are understood. Values are
    brought to the canonical unit of their parameter. ``<0.05``, ``0.05L``, ``未检出`` and ``ND`` are non-detects: they
    have no value, and a detection limit where the cell, a limit column or a limit row says one.

    Parameters
    ----------
    path : path
        CSV, Excel, ODS or anything tables.read_frame reads.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the file lacks, such as ``{"unit": "mg/L", "method": "field"}``.
    layer : str, optional
        Sheet of a workbook.

    Returns
    -------
    DataFrame, n rows
        Contract ``results``, in the order of the file. tables.list_issues says what was assumed or left out,
        ``attrs["not_analysed"]`` counts cells that say nothing was analysed.

    Raises
    ------
    ReadError
        The file cannot be read.
    UnitError
        A unit is unknown or measures something else; all of them are listed.
    TableError
        No parameter is recognised, or the table does not meet its contract.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "lab.csv"
    >>> _ = file.write_text("样品编号,氨氮(mg/L),总铅(μg/L)\nW1,<0.025,12\nW2,3.1,/\n", encoding="utf-8")
    >>> read_results(file)[["sample_id", "parameter", "qualifier", "value", "detection_limit"]].values.tolist()
    [['W1', 'ammonia', '<', nan, 0.025], ['W1', 'lead', '=', 0.012, nan], ['W2', 'ammonia', '=', 3.1, nan]]
    """
    return results_of(open_sheet(path, "results", rename=rename, constants=constants, layer=layer), tz=tz)


def results_of(sheet: Sheet, *, tz: str | None) -> pd.DataFrame:
    """Return the results of a sheet whose columns are named."""
    notes = sheet.notes
    is_long = {"parameter", "value"} <= set(sheet.frame.columns)
    long = fill_sample_ids(known_parameters(to_long(sheet, "results"), notes), notes, is_long=is_long)
    cells = _cells(long["value_text"])
    analysed, read = cells["state"] != "not analysed", cells["state"] == "read"
    _note_unread(long[analysed & ~read], notes)
    table = canonical_rows(long[read], cells[read], name=sheet.name, notes=notes)
    checked = check(table, "results", tz=tz, where=sheet.name)
    notes += [*implausible_notes(checked), *holding_notes(checked)]
    checked.attrs["not_analysed"] = int((~analysed).sum())
    return attach_notes(checked, notes, about=sheet.name)


def _cells(texts: pd.Series) -> pd.DataFrame:
    """Return every cell read, on the index of the texts; each distinct text is read once."""
    plain = texts.astype("object").where(texts.notna(), "").astype(str).str.strip()
    parsed = {text: parse_value(text) for text in plain.unique()}
    return pd.DataFrame([parsed[text] for text in plain], columns=list(Value._fields), index=texts.index)


def _note_unread(unread: pd.DataFrame, notes: list[Note]) -> None:
    for (parameter, text), rows in unread.groupby(["parameter", "value_text"], sort=True):
        why = parse_value(text).note
        reason = f"{parameter}: {text!r} is not read ({why})"
        decision = "no result made of it"
        ids = rows["sample_id"]
        notes.append(Note("unread_value", reason, f"{parameter} 的值 {text!r} 未读", rows=ids, decision=decision))
