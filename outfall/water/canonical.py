"""What a value is in the canonical unit of its parameter, and what a non-detect is below."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outfall.errors import Problem, UnitError
from outfall.tables import scale_to_canonical
from outfall.units import find_unit
from outfall.vocabulary import find_word, parameters
from outfall.water.basis import basis_factor, split_basis
from outfall.water.headings import parse_heading
from outfall.water.notes import Note
from outfall.water.values import parse_value

__all__ = ["canonical_rows", "known_parameters", "repeated_ids", "scale_units"]

# Quantities that can truly be 0, or below it; a concentration written as 0 is a non-detect in disguise.
_MAY_BE_ZERO = {"ph", "temperature", "orp", "flow", "energy", "dissolved_oxygen", "colour", "turbidity", "transparency"}
_MAY_BE_NEGATIVE = {"temperature", "orp", "flow", "energy"}
_HELPERS = ["parameter_text", "unit_own", "limit_text", "limit_unit", "loq_text", "loq_unit", "flag_text"]


def known_parameters(long: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    """Return the rows whose parameter is known, with its name; the others are written down."""
    texts = _texts(long["parameter_text"])
    found = {text: parse_heading(text) for text in texts.unique()}
    known = texts.map({text: heading.parameter if heading else None for text, heading in found.items()})
    for text in sorted(text for text, heading in found.items() if heading is None and text):
        rows = long.loc[texts == text, "source_ref"]
        reason, decision = f"parameter {text!r} is not known", "not read"
        notes.append(Note("unknown_word", reason, f"检测项目 {text!r} 未识别", rows=rows, decision=decision))
    own = texts.map({text: heading.unit if heading else "" for text, heading in found.items()})
    units = _texts(long["unit_text"])
    out = long.assign(parameter=known, unit_text=units.where(units != "", own).astype(str))
    out["unit_own"] = long["unit_own"].astype(bool) | ((units == "") & (own != ""))
    return out[known.notna()].reset_index(drop=True)


def scale_units(long: pd.DataFrame, *, name: str, notes: list[Note]) -> tuple[np.ndarray, np.ndarray]:
    """Return factor and offset from the unit of each row to the canonical unit of its parameter.

    Parameters
    ----------
    long : DataFrame, n rows
        parameter, unit_text, unit_own (False where the unit stands above several columns) and source_ref.
    name : str
        The file, for the error.
    notes : list of dict
        Assumptions are appended.

    Returns
    -------
    tuple of ndarray, n
        Factor and offset.

    Raises
    ------
    UnitError
        Units are unknown or measure something else; all of them are listed.
    """
    factor, offset = np.ones(len(long)), np.zeros(len(long))
    problems: list[Problem] = []
    for (parameter, text, own), at in long.groupby(["parameter", "unit_text", "unit_own"], sort=True).indices.items():
        if text == "":
            notes.extend(_assumed(parameter, "no unit is given", "未写单位"))
            continue
        try:
            factor[at], offset[at] = _scale(parameter, text)
            if text.startswith(" as "):
                notes.extend(_assumed(parameter, "no unit is given", "未写单位"))
        except UnitError as error:
            if not own and find_unit(text) is not None:
                notes.extend(
                    _assumed(parameter, f"the shared unit {text} cannot be meant", f"合并表头单位 {text} 不适用")
                )
                continue
            rows = tuple(dict.fromkeys(long["source_ref"].iloc[at].astype(str)))
            problems.append(Problem(f"{parameter} (unit)", str(error), "correct the unit in the file", rows))
    if problems:
        msg = f"{name}: {len(problems)} unit{'s' if len(problems) > 1 else ''} cannot be used"
        raise UnitError(msg, problems, fix="Give units in the headings, such as 氨氮(mg/L), or constants={'unit': …}.")
    return factor, offset


def _scale(parameter: str, text: str) -> tuple[float, float]:
    """Return factor and offset from a unit that may say as which substance it counts."""
    if find_unit(text) is not None:
        return scale_to_canonical(parameter, text)
    unit, basis = split_basis(text)
    share = basis_factor(parameter, basis)
    if share is None:
        msg = f"{parameter} counted as {basis!r} is not known; correct the unit in the file"
        raise UnitError(msg)
    factor, offset = scale_to_canonical(parameter, unit) if unit else (1.0, 0.0)
    return factor * share, offset * share


def canonical_rows(long: pd.DataFrame, cells: pd.DataFrame, *, name: str, notes: list[Note]) -> pd.DataFrame:
    """Return rows of the contract ``results`` from rows as written and their cells as read (same index)."""
    rows = long.reset_index(drop=True)
    cells = cells.reset_index(drop=True)
    in_cell = cells["unit"] != ""
    units = rows.assign(
        unit_text=rows["unit_text"].mask(in_cell, cells["unit"]), unit_own=rows["unit_own"].astype(bool) | in_cell
    )
    factor, offset = scale_units(units, name=name, notes=notes)
    value = cells["value"].to_numpy(dtype=float) * factor + offset
    limit = cells["detection_limit"].to_numpy(dtype=float) * factor + offset
    qualifier = cells["qualifier"].to_numpy(dtype=object)
    said = _qualifiers(rows)
    turned = (said == "<") & (qualifier == "=")
    limit = np.where(turned, value, limit)
    qualifier = np.where(said == ">", np.where(qualifier == "=", ">", qualifier), np.where(turned, "<", qualifier))
    zero = (qualifier == "=") & (value == 0) & ~rows["parameter"].isin(_MAY_BE_ZERO).to_numpy()
    _note_zero(rows[zero], notes)
    qualifier = np.where(zero, "<", qualifier)
    limit = np.where(limit > 0, limit, np.nan)
    limit = np.where(np.isnan(limit), _limits_beside(rows, "limit", name=name), limit)
    quantitation = _limits_beside(rows, "loq", name=name)
    # What is below the detection limit is below the quantitation limit too: the only bound where no other is given.
    limit = np.where((qualifier == "<") & np.isnan(limit), quantitation, limit)
    out = rows.drop(columns=[helper for helper in _HELPERS if helper in rows.columns])
    out["unit_text"] = units["unit_text"].where(units["unit_text"] != "")
    out["unit"] = rows["parameter"].map({key: found.unit for key, found in parameters().items()})
    out["qualifier"], out["value"] = qualifier, np.where(qualifier == "<", np.nan, value)
    out["detection_limit"], out["quantitation_limit"] = limit, quantitation
    if "spike_added" in out.columns:
        out["spike_added"] = pd.to_numeric(_texts(out["spike_added"]).replace("", np.nan)).to_numpy(float) * factor
    if "sigma_share" not in out.columns:
        out["sigma_share"] = cells["sigma_share"].to_numpy(dtype=float)
    _note_cells(rows, cells, notes)
    _note_no_limit(out, notes)
    return _kept(out, notes)


def repeated_ids(ids: pd.Series, order_by: pd.Series) -> pd.Series:
    """Return ids that are never repeated: the second of equal ones ends in ``#2``, in the order of another column."""
    order = pd.DataFrame({"id": ids.astype(str), "by": order_by.astype(str)}).sort_values(["id", "by"], kind="stable")
    count = order.groupby("id").cumcount().reindex(ids.index)
    return ids.astype(str) + (count + 1).map(lambda number: "" if number == 1 else f"#{number}")


def _texts(values: pd.Series) -> pd.Series:
    return values.astype("object").where(values.notna(), "").astype(str).str.strip()


def _qualifiers(rows: pd.DataFrame) -> np.ndarray:
    if "qualifier" not in rows.columns:
        return np.full(len(rows), "", dtype=object)
    texts = _texts(rows["qualifier"])
    read = {text: find_word("qualifier", text) or parse_value(text or "=") for text in texts.unique()}
    words = {
        text: found if isinstance(found, str) else (found.qualifier if text else "") for text, found in read.items()
    }
    return texts.map(words).to_numpy(dtype=object)


def _limits_beside(rows: pd.DataFrame, which: str, *, name: str) -> np.ndarray:
    """Return the limit that a limit column or a limit row gives, in canonical units; it may have its own unit."""
    if f"{which}_text" not in rows.columns:
        return np.full(len(rows), np.nan)
    texts = _texts(rows[f"{which}_text"])
    read = {text: parse_value(text) for text in texts.unique()}
    amounts = {text: found.detection_limit if np.isnan(found.value) else found.value for text, found in read.items()}
    amount = texts.map(amounts).to_numpy(dtype=float)
    inside = texts.map({text: found.unit for text, found in read.items()})
    above = _texts(rows[f"{which}_unit"]) if f"{which}_unit" in rows.columns else pd.Series("", index=rows.index)
    unit = inside.where(inside != "", above)
    units = rows.assign(unit_text=unit.where(unit != "", rows["unit_text"]))
    given = amount > 0
    factor, offset = scale_units(units[given], name=name, notes=[])
    out = np.full(len(rows), np.nan)
    out[given] = amount[given] * factor + offset
    return out


def _kept(out: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    negative = (out["value"] < 0) & ~out["parameter"].isin(_MAY_BE_NEGATIVE)
    for parameter, rows in out[negative].groupby("parameter", sort=True):
        reason, ids = f"{parameter}: a value below 0 is impossible", rows["sample_id"]
        reason_zh, decision = f"{parameter} 出现负值", "no result made of it"
        notes.append(Note("unread_value", reason, reason_zh, rows=ids, decision=decision, level="error"))
    out = out[~negative].reset_index(drop=True)
    if "result_id" not in out.columns:
        made = _texts(out["sample_id"]) + "/" + _texts(out["parameter"])
        out["result_id"] = repeated_ids(made, out["value_text"])
    return out


def _assumed(parameter: str, reason: str, reason_zh: str) -> list[Note]:
    unit = parameters()[parameter].unit
    if unit in ("1", "degC"):  # pH and temperature are written in one unit only
        return []
    decision = f"taken as {unit}"
    text, text_zh = f"{parameter}: {reason}; {decision}", f"{parameter}: {reason_zh}, 按 {unit} 计"
    return [Note("assumption", text, text_zh, rows=[parameter], decision=decision)]


def _note_zero(rows: pd.DataFrame, notes: list[Note]) -> None:
    for parameter, found in rows.groupby("parameter", sort=True):
        reason, reason_zh = f"{parameter}: 0 is written where nothing was detected", f"{parameter}: 未检出被写成 0"
        decision = "taken as not detected"
        notes.append(Note("doubtful_value", reason, reason_zh, rows=found["sample_id"], decision=decision))


def _note_cells(rows: pd.DataFrame, cells: pd.DataFrame, notes: list[Note]) -> None:
    marked = cells["note"] != ""
    for text, at in rows[marked].groupby(cells["note"][marked], sort=True):
        shown = ", ".join(dict.fromkeys(at["value_text"].astype(str).head(3)))
        reason, reason_zh = f"{shown}: {text}", f"{shown}: 按科学计数法读取"
        notes.append(Note("assumption", reason, reason_zh, rows=at["sample_id"], decision=text))


def _note_no_limit(out: pd.DataFrame, notes: list[Note]) -> None:
    bare = (out["qualifier"] == "<") & out["detection_limit"].isna()
    for parameter, rows in out[bare].groupby("parameter", sort=True):
        reason, reason_zh = (
            f"{parameter}: not detected, and no detection limit is given",
            f"{parameter}: 未检出但无检出限",
        )
        decision = "kept as not detected without a limit"
        notes.append(Note("doubtful_value", reason, reason_zh, rows=rows["sample_id"], decision=decision))
