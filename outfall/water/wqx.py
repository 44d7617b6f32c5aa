"""What a table of the Water Quality Portal says: WQX 3.0 and the older profile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables import read_frame
from outfall.vocabulary import find_word
from outfall.water.basis import split_basis
from outfall.water.exchange import WaterTables, stripped, to_tables
from outfall.water.notes import Note
from outfall.water.wqx_names import (
    EXTRA,
    ZONES,
    characteristic_of,
    column_names,
    find_characteristic,
    find_kind,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_wqx"]

# write_wqx puts one apostrophe before what a spreadsheet would run.
_GUARDED = re.compile(r"^'[\s']*[=+\-@\t\r＝＋－＠﹢﹣−]")
_BELOW = re.compile(r"not detect|non-detect|below|not present|less than", re.IGNORECASE)
_ABOVE = re.compile(r"above|greater", re.IGNORECASE)
_UNQUANTIFIED = re.compile(r"not quantified|trace|below quantif|below.*reporting", re.IGNORECASE)
_QUANTITATION = re.compile(r"quantitation|quantification|reporting|censoring", re.IGNORECASE)
_DATUMS = {"WGS84": 4326, "NAD83": 4269, "NAD27": 4267}


def read_wqx(path: Path | str, *, tz: str | None = None, layer: str | None = None) -> WaterTables:
    r"""Return the samples and results of a Water Quality Portal table, WQX 3.0 or the older profile.

    "Not Detected" and its kin are non-detects with the limit given; "Detected Not Quantified" is below the
    quantitation limit. Methods that say "as NO3" are brought to N, as NH3 to N, as PO4 to P; where ammonia, nitrate
    or phosphate say nothing they are taken as N or P and an issue says so. Characteristics nobody knows are left out
    and listed.

    Parameters
    ----------
    path : path
        CSV or workbook.
    tz : str, optional
        Zone of times whose zone code is missing or unknown.
    layer : str, optional
        Sheet of a workbook.

    Returns
    -------
    WaterTables
        ``samples`` (WGS 84 unless the table names another datum) and ``results``.

    Raises
    ------
    ReadError
        The file cannot be read.
    TableError
        It has no WQX headings, or a table does not meet its contract.
    UnitError
        A unit is unknown or measures something else.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "wqp.csv"
    >>> head = "ActivityIdentifier,ActivityStartDate,CharacteristicName,MethodSpecificationName,ResultMeasureValue,ResultMeasure/MeasureUnitCode"
    >>> _ = file.write_text(head + "\nA1,2026-04-12,Nitrate,as NO3,10,mg/l\n")
    >>> float(read_wqx(file, tz="UTC").results["value"].iloc[0])
    2.258967
    """
    frame = read_frame(path, layer=layer)
    name = str(frame["source_ref"].iloc[0]).rsplit("#", 1)[0] if len(frame) else str(path)
    cells, notes = _cells(frame, name), list[Note]()
    out = pd.DataFrame({"source_ref": frame["source_ref"], "sample_id": cells["activity"]})
    out["point_name"], out["note"] = (
        cells["location_name"].where(cells["location_name"] != "", cells["location"]),
        cells["comment"],
    )
    kinds = {text: find_kind(text) for text in cells["activity_type"].unique()}
    out["kind"] = cells["activity_type"].map(lambda text: kinds[text] or text)
    field = cells["activity_type"].str.contains("field msr", case=False)
    out["method"] = out["sample_method"] = np.where(field, "field", "laboratory")
    for column, start in (("taken_at", "start"), ("analysed_at", "analysis")):
        out[column] = _moments(cells[f"{start}_date"], cells[f"{start}_time"], cells[f"{start}_zone"])
    out = _with_values(out, cells, notes)
    crs = _positions(out, cells, name)
    for column in [column for column in frame.columns if str(column).startswith(EXTRA)]:
        texts = stripped(frame[column]).map(lambda text: text[1:] if _GUARDED.match(text) else text)
        out[str(column).removeprefix(EXTRA)] = texts
    return to_tables(out, name=name, tz=tz, crs=crs, notes=notes)


def _cells(frame: pd.DataFrame, name: str) -> dict[str, pd.Series]:
    """Return the columns we read as text, empty where the table has none."""
    out: dict[str, pd.Series] = {}
    for column, headings in column_names().items():
        heading = next((text for text in headings if text and text in frame.columns), None)
        texts = stripped(frame[heading]) if heading else pd.Series("", index=frame.index, dtype="object")
        out[column] = texts.map(lambda text: text[1:] if _GUARDED.match(text) else text)
    missing = [
        names
        for key, names in column_names().items()
        if key in ("activity", "characteristic") and not set(names) & set(frame.columns)
    ]
    if missing:
        problems = [
            Problem(" / ".join(filter(None, names)), "missing", "export the result profile again") for names in missing
        ]
        msg = f"{name}: no WQX table"
        raise TableError(msg, problems, fix=f"The headings are {', '.join(map(str, frame.columns[:8]))}.")
    return out


def _moments(day: pd.Series, clock: pd.Series, zone: pd.Series) -> pd.Series:
    """Return times as text with their offset; a zone nobody knows is left to the caller's tz."""
    offsets = {code: f"{'-' if hours < 0 else '+'}{abs(hours):02d}:00" for code, hours in ZONES.items()}
    known = zone.str.upper().map(offsets).fillna("")
    return (day + " " + clock).str.strip() + known.where((clock != "") & (day != ""), "")


def _with_values(out: pd.DataFrame, cells: dict[str, pd.Series], notes: list[Note]) -> pd.DataFrame:
    """Return the frame with parameter, value, unit, qualifier and both limits as text."""
    names = {text: find_characteristic(text) for text in cells["characteristic"].unique()}
    out["parameter"] = cells["characteristic"].map(lambda text: names[text] or text)
    if (cells["result"] == "").all():
        out = out.drop(columns="result_id", errors="ignore")
    else:
        out["result_id"] = cells["result"].where(cells["result"] != "", out["source_ref"])
    condition = cells["condition"]
    weak = condition.str.contains(_UNQUANTIFIED)
    below = condition.str.contains(_BELOW) | weak
    out["qualifier"] = np.where(below, "<", np.where(condition.str.contains(_ABOVE), ">", ""))
    speciation = cells["speciation"]
    out["unit"] = _with_basis(cells["unit"], speciation)
    _note_speciation(out, cells, notes)
    slots = [("a", cells["limit_type_a"]), ("b", cells["limit_type_b"])]
    for column, unit, wants_quantitation in (
        ("detection_limit", "limit_unit", False),
        ("quantitation_limit", "loq_unit", True),
    ):
        out[column], out[unit] = "", ""
        for slot, kind in slots:
            fits = (kind.str.contains(_QUANTITATION) == wants_quantitation) & (out[column] == "")
            out[column] = out[column].mask(fits, cells[f"limit_{slot}"])
            out[unit] = out[unit].mask(fits, _with_basis(cells[f"limit_unit_{slot}"], speciation))
    # Detected and not quantified is below the quantitation limit, not below the detection limit.
    use_loq = below & (out["quantitation_limit"] != "") & (weak | (out["detection_limit"] == ""))
    out["detection_limit"] = out["detection_limit"].mask(use_loq, out["quantitation_limit"])
    out["limit_unit"] = out["limit_unit"].mask(use_loq, out["loq_unit"])
    has_limit = below & (out["detection_limit"] != "")
    out["value"] = cells["value"].mask((below & (cells["value"] == "")) | has_limit, "ND")
    fractions = {text: find_word("fraction", text.replace(",", "")) for text in cells["fraction"].unique()}
    out["fraction"] = cells["fraction"].map(lambda text: fractions[text] or text)
    return out


def _with_basis(unit: pd.Series, speciation: pd.Series) -> pd.Series:
    """Return units with how they count: that of the unit, else that of the method."""
    own = {text: split_basis(text).basis for text in unit.unique()}
    said = speciation.where(speciation.str.casefold().str.startswith("as "), "")
    return unit.where((unit == "") | (said == "") | (unit.map(own) != ""), unit + " " + said)


def _note_speciation(out: pd.DataFrame, cells: dict[str, pd.Series], notes: list[Note]) -> None:
    plain = out["unit"].map({text: split_basis(text).basis for text in out["unit"].unique()}) == ""
    says_itself = cells["characteristic"].str.contains(r"\bas [NP]\b|nitrogen|phosphorus", case=False)
    for parameter in ("ammonia", "nitrate", "nitrite", "phosphate"):
        rows = (out["parameter"] == parameter) & plain & ~says_itself & (cells["value"] != "")
        if rows.any():
            ours = characteristic_of(parameter)[1]
            text = f"{parameter}: {int(rows.sum())} results do not say how they are counted; taken {ours}"
            notes.append(
                Note(
                    "assumption",
                    text,
                    f"{parameter}: 未注明计法, 按 {ours} 计",
                    rows=out.loc[rows, "source_ref"].head(3),
                    decision=ours,
                )
            )


def _positions(out: pd.DataFrame, cells: dict[str, pd.Series], name: str) -> int:
    """Put lon and lat into the frame where the table has them; return their EPSG code."""
    if (cells["longitude"] == "").all():
        return 4326
    out["lon"], out["lat"] = cells["longitude"], cells["latitude"]
    datums = sorted(set(cells["datum"]) - {"", "UNKWN", "OTHER"})
    if len(datums) > 1:
        problem = Problem("datum", f"{', '.join(datums)} in one table", "divide it by datum")
        msg = f"{name}: positions of {len(datums)} datums"
        raise TableError(msg, [problem])
    return _DATUMS.get(datums[0] if datums else "WGS84", 4326)
