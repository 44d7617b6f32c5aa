"""How a sheet of any shape becomes one row per value: long, wide with units in headings or rows, samples as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables import contract, name_columns, read_frame, rename_problems
from outfall.units import find_unit
from outfall.vocabulary import plain
from outfall.water.headings import Heading, Role, find_role, parse_heading
from outfall.water.notes import Note
from outfall.water.values import parse_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Sheet", "fill_sample_ids", "open_sheet", "split_rows", "to_long"]

# Cells that are there for layout and never name a sample of a transposed sheet.
_LAYOUT = {"序号", "no", "no.", "number", "sourceref", "备注", "remark"}
_LEAST_REMARK = 6
# Columns of the contract that belong to one value and are brought to its unit.
_PER_VALUE = ("unit", "detection_limit", "quantitation_limit", "limit_unit", "loq_unit", "flag")
_ID_COLUMNS = ("sample_id", "point_name", "outfall_id", "source_id", "meter_id")


class Sheet(NamedTuple):
    """A file as read: its columns named, its parameter columns understood, its helper rows set apart."""

    name: str
    frame: pd.DataFrame
    headings: dict[str, Heading]
    shared_unit: str
    shared_limit_unit: str
    notes: list[Note]
    shared_loq_unit: str = ""


def open_sheet(
    path: Path | str,
    table: str,
    *,
    rename: Mapping[str, str] | None,
    constants: Mapping[str, object] | None,
    layer: str | None,
) -> Sheet:
    """Return a file with its columns named and its parameter columns understood."""
    frame = read_frame(path, table=table, layer=layer)
    name = str(frame["source_ref"].iloc[0]).rsplit("#", 1)[0] if len(frame) else str(path)
    problems = rename_problems(frame, table, rename)
    if problems:
        msg = f"{name}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TableError(msg, problems, fix=f"The headings are {', '.join(map(str, frame.columns))}.")
    headings = _parameter_headings(frame, table, rename or {})
    value_columns = {} if headings else _value_headings(frame, table, rename or {})
    others = frame.drop(columns=list(headings)).rename(columns={old: new for old, (new, _) in value_columns.items()})
    named = name_columns(others, table, rename=rename)
    for column, value in (constants or {}).items():
        if column not in named.columns:
            named[column] = value
    shared = dict(value_columns.values())
    units = [shared.get(column, "") for column in ("value", "detection_limit", "quantitation_limit")]
    whole = pd.concat([named, frame[list(headings)]], axis=1)
    return Sheet(name, whole, headings, units[0], units[1], [], units[2])


def to_long(sheet: Sheet, table: str) -> pd.DataFrame:
    """Return one row per value, with text columns parameter_text, value_text, unit_text, limit_text and flag_text.

    ``unit_own`` is False where the unit stands above several columns. Rows keep the order of the file.
    """
    frame, known = sheet.frame, contract(table).columns
    if "parameter" in frame.columns and "value" in frame.columns:
        return _long(sheet)
    values = {name: found for name, found in sheet.headings.items() if found.role == "value"}
    if values:
        return _wide(sheet, values, [name for name in frame.columns if name in known])
    if "parameter" in frame.columns:
        return _transposed(sheet, known)
    shown = ", ".join(str(name) for name in list(frame.columns)[:12])
    problem = Problem(
        "headings", f"no parameter was recognised among {shown}", "name one column per parameter and unit"
    )
    fix = "Or give a long table with rename={'heading of the parameter': 'parameter', 'heading of the value': 'value'}."
    msg = f"{sheet.name}: neither a long nor a wide table of {table}"
    raise TableError(msg, [problem], fix=fix)


def split_rows(sheet: Sheet) -> tuple[pd.DataFrame, dict[str, dict[str, str]]]:
    """Return the data rows, and by role (unit, limit) the helper rows that stand between headings and data."""
    frame = sheet.frame
    helpers: dict[str, dict[str, str]] = {}
    names = [name for name in _ID_COLUMNS if name in frame.columns]
    first = next((name for name in frame.columns if name not in sheet.headings and name != "source_ref"), None)
    names += [first] if first is not None and first not in names else []
    roles = pd.Series([None] * len(frame), index=frame.index, dtype="object")
    for name in names:
        found = frame[name].map({text: find_role(text) for text in frame[name].dropna().unique()})
        roles = roles.where(roles.notna(), found)
    for row in frame.index[:3]:
        if roles[row] is None and _is_unit_row(frame.loc[row, list(sheet.headings)]):
            roles[row] = "unit"
    roles = roles.where(roles.notna() | ~_is_remark(frame), "other")
    keep = roles.isna().to_numpy()
    for role, row in zip(roles[~keep], frame.index[~keep], strict=True):
        cells = {name: str(frame.loc[row, name]).strip() for name in sheet.headings}
        if role in ("unit", "limit", "quantitation"):
            helpers.setdefault(str(role), {}).update({name: text for name, text in cells.items() if text})
        else:
            where = frame.loc[row, "source_ref"]
            reason = f"row {where} is a row of limits, methods, means or remarks and no sample"
            reason_zh = f"{where} 行是限值、方法、均值或备注, 不是样品"
            sheet.notes.append(Note("skipped_row", reason, reason_zh, rows=[where], decision="not read"))
    return frame[keep], helpers


def fill_sample_ids(frame: pd.DataFrame, notes: list[Note], *, is_long: bool) -> pd.DataFrame:
    """Return rows that all have a sample id: their own, that of the merged cell above, or one made of place and time.

    Where a sample has several rows (``is_long``) an empty cell means the one above; doubts are appended to the notes.
    """
    out = frame.copy()
    meta = [name for name in ("outfall_id", "source_id", "point_name", "taken_at") if name in out.columns]
    if "sample_id" not in out.columns:
        made = pd.Series("", index=out.index, dtype="object")
        for name in meta:
            made = made + " " + out[name].astype("object").where(out[name].notna(), "").astype(str).str.strip()
        made = made.str.strip()
        out["sample_id"] = made.where(made != "", out["source_ref"])
        reason = "the file has no sample ids: they are made of place and time"
        notes.append(Note("assumption", reason, "文件无样品编号, 由点位和时间组成", decision="made up", level="note"))
        return out
    blank = out["sample_id"].isna() | (out["sample_id"].astype("object").astype(str).str.strip() == "")
    if blank.any() and is_long and not blank.iloc[0]:
        for name in ("sample_id", *meta):
            empty = out[name].isna() | (out[name].astype("object").astype(str).str.strip() == "")
            out[name] = out[name].mask(blank & empty).ffill().where(blank, out[name])
        reason = f"{int(blank.sum())} rows without sample id belong to the sample above, as in merged cells"
        reason_zh = f"{int(blank.sum())} 行无样品编号, 按合并单元格归入上一样品"
        rows = out.loc[blank, "source_ref"]
        notes.append(Note("assumption", reason, reason_zh, rows=rows, decision="filled down"))
    elif blank.any():
        out["sample_id"] = out["sample_id"].mask(blank, out["source_ref"])
    return out


def _long(sheet: Sheet) -> pd.DataFrame:
    frame = sheet.frame.drop(columns=list(sheet.headings))
    for name, found in sheet.headings.items():
        reason = f"column {name!r} names {found.parameter} in a table that has one row per value"
        reason_zh = f"长表中的列 {name!r} 未读"
        sheet.notes.append(Note("unknown_word", reason, reason_zh, decision="not read", level="note"))
    own = frame["unit"] if "unit" in frame.columns else pd.Series("", index=frame.index)
    own = own.astype("object").where(own.notna(), "").astype(str).str.strip()
    long = frame.drop(columns=[name for name in _PER_VALUE if name in frame.columns])
    long = long.rename(columns={"parameter": "parameter_text", "value": "value_text"})
    long["unit_text"] = own.where(own != "", sheet.shared_unit)
    long["unit_own"] = own != ""
    long["limit_text"] = frame["detection_limit"] if "detection_limit" in frame.columns else ""
    long["limit_unit"] = frame["limit_unit"] if "limit_unit" in frame.columns else sheet.shared_limit_unit
    long["loq_text"] = frame["quantitation_limit"] if "quantitation_limit" in frame.columns else ""
    long["loq_unit"] = frame["loq_unit"] if "loq_unit" in frame.columns else sheet.shared_loq_unit
    long["flag_text"] = frame["flag"] if "flag" in frame.columns else ""
    return long


def _wide(sheet: Sheet, values: Mapping[str, Heading], meta: Sequence[str]) -> pd.DataFrame:
    rows, helpers = split_rows(sheet)
    _note_unread(sheet, rows)
    beside = {(found.parameter, found.fraction, found.role): name for name, found in sheet.headings.items()}
    constant = str(rows["unit"].iloc[0]) if "unit" in meta and len(rows) else ""
    kept = rows[[name for name in meta if name not in _PER_VALUE]]
    blocks = []
    for name, found in values.items():
        block = kept.copy()
        units = helpers.get("unit", {})
        own = found.unit or units.get(name, "")
        if own.startswith(" as "):  # the heading says how it is counted, and a heading or row above it the unit
            own = (units.get(name, "") or found.shared_unit) + own
        block["parameter_text"] = found.parameter
        block["value_text"] = rows[name]
        if found.fraction:
            block["fraction"] = found.fraction
        column = beside.get((found.parameter, found.fraction, "unit"))
        block["unit_text"] = rows[column] if column else own or found.shared_unit or constant
        block["unit_own"] = bool(column or own)
        roles: tuple[tuple[Role, str], ...] = (("limit", "limit"), ("quantitation", "loq"))
        for role, prefix in roles:
            limit = beside.get((found.parameter, found.fraction, role))
            block[f"{prefix}_text"] = rows[limit] if limit else helpers.get(role, {}).get(name, "")
            block[f"{prefix}_unit"] = sheet.headings[limit].unit if limit else ""
        flag = beside.get((found.parameter, found.fraction, "flag"))
        block["flag_text"] = rows[flag] if flag else rows.get("flag", "")
        blocks.append(block)
    order = np.argsort(np.tile(np.arange(len(rows)), len(blocks)), kind="stable")
    return pd.concat(blocks, ignore_index=True).iloc[order].reset_index(drop=True)


def _transposed(sheet: Sheet, known: Mapping[str, object]) -> pd.DataFrame:
    """Return the values of a sheet that has a row per parameter and a column per sample."""
    frame = sheet.frame
    samples = [
        name
        for name in frame.columns
        if name not in known and plain(name) not in _LAYOUT and find_role(str(name).rsplit("|", 1)[-1]) is None
    ]
    kept = frame[[name for name in known if name in frame.columns and name not in _PER_VALUE]]
    blocks = []
    for name in samples:
        block = kept.rename(columns={"parameter": "parameter_text"})
        upper, _, lower = str(name).rpartition("|")
        shared = parse_heading(f"{upper}|ph") if upper else None
        block["sample_id"] = lower
        block["value_text"] = frame[name]
        block["unit_text"] = frame["unit"] if "unit" in frame.columns else (shared.shared_unit if shared else "")
        block["unit_own"] = "unit" in frame.columns
        block["limit_text"] = frame.get("detection_limit", "")
        block["limit_unit"] = sheet.shared_limit_unit
        block["loq_text"] = frame.get("quantitation_limit", "")
        block["loq_unit"] = sheet.shared_loq_unit
        block["flag_text"] = ""
        blocks.append(block)
    if not blocks:
        problem = Problem("value (检测值)", "missing", "add a column of values, or one column per sample")
        msg = f"{sheet.name}: parameters have no values"
        raise TableError(msg, [problem], fix="Name it with rename={'heading of the value': 'value'}.")
    order = np.argsort(np.tile(np.arange(len(frame)), len(blocks)), kind="stable")
    return pd.concat(blocks, ignore_index=True).iloc[order].reset_index(drop=True)


def _parameter_headings(frame: pd.DataFrame, table: str, rename: Mapping[str, str]) -> dict[str, Heading]:
    declared, found = contract(table), {}
    for name in frame.columns:
        if name in rename or name in ("source_ref", "geometry") or declared.find_column(name) is not None:
            continue
        heading = parse_heading(name)
        if heading is not None:
            found[str(name)] = heading
    return found


def _value_headings(frame: pd.DataFrame, table: str, rename: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return headings such as ``检测结果(mg/L)``: a column of the contract with a unit for all its rows."""
    declared = contract(table)
    found: dict[str, tuple[str, str]] = {}
    for name in frame.columns:
        if name in rename or declared.find_column(name) is not None:
            continue
        bare = str(name).replace("（", "(").partition("(")[0]
        column = declared.find_column(bare)
        if column in ("value", "detection_limit", "quantitation_limit") and column not in [
            new for new, _ in found.values()
        ]:
            inside = str(name).replace("（", "(").replace("）", ")").partition("(")[2].rstrip(")")
            found[str(name)] = (column, find_unit(inside) or inside)
    return found


def _is_remark(frame: pd.DataFrame) -> pd.Series:
    """Return which rows of a sheet say one thing only, as a remark below a table does."""
    cells = frame.drop(columns=[name for name in ("source_ref", "geometry") if name in frame.columns])
    if cells.shape[1] < 3 or not len(cells):
        return pd.Series(data=False, index=frame.index)
    texts = [
        cells[name].astype("object").where(cells[name].notna(), "").astype(str).str.strip() for name in cells.columns
    ]
    count = sum((text != "").astype(int) for text in texts)
    first = texts[0]
    for text in texts[1:]:
        first = first.where(first != "", text)
    # A merged remark fills all its cells; three samples named 1 with values of 1 do not make one.
    same = sum(((text != "") & (text == first)).astype(int) for text in texts)
    return (count <= 1) | ((same == count) & (first.str.len() > _LEAST_REMARK))


def _is_unit_row(cells: pd.Series) -> bool:
    texts = [str(cell).strip() for cell in cells if str(cell).strip()]
    says_unit = [text for text in texts if parse_value(text).state == "unread"]
    return bool(says_unit) and all(find_unit(text) for text in texts)


def _note_unread(sheet: Sheet, rows: pd.DataFrame) -> None:
    """Write down columns that hold numbers and whose heading nobody understood."""
    known = {*sheet.headings, "source_ref", "lon", "lat", "geometry"}
    for name in rows.columns:
        if name in known or contract("results").find_column(name) or contract("samples").find_column(name):
            continue
        read = [parse_value(text).state for text in rows[name].head(50)]
        if "(" in str(name) and read.count("read") > len(read) / 2:
            reason = f"column {name!r} holds numbers of a parameter we do not know"
            reason_zh = f"列 {name!r} 的检测项目未识别"
            sheet.notes.append(Note("unknown_word", reason, reason_zh, rows=[name], decision="not read"))
