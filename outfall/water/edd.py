"""What a laboratory's electronic delivery says: one flat table of a LIMS, or the files of an EQuIS-like delivery."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import Problem, ReadError, TableError
from outfall.tables import read_frame
from outfall.vocabulary import plain
from outfall.water.exchange import WaterTables, day_texts, stripped, to_tables
from outfall.water.notes import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["read_edd"]

_KEYS = (
    "sample_id",
    "join_method",
    "join_type",
    "join_column",
    "fraction",
    "analysis_date",
    "analysis_time",
    "point_name",
)
_ENDINGS = (".csv", ".txt", ".tsv", ".xlsx", ".xls")
# EQuIS sample types and what laboratories write instead.
_KINDS = {
    **dict.fromkeys(("n", "reg", "normal", "sa", "samp", "field"), "routine"),
    **dict.fromkeys(("fd", "fr", "dup", "fielddup", "fieldduplicate"), "duplicate"),
    **dict.fromkeys(("lr", "ld", "labdup"), "laboratory_duplicate"),
    **dict.fromkeys(("fb", "ab"), "field_blank"),
    **dict.fromkeys(("tb",), "trip_blank"),
    **dict.fromkeys(("eb", "rb"), "equipment_blank"),
    **dict.fromkeys(("lb", "mb"), "laboratory_blank"),
    **dict.fromkeys(("ms", "sd", "msd"), "spike"),
    **dict.fromkeys(("bs", "bd", "lcs", "lcsd", "srm"), "control"),
}
_NOT_DETECTED = {"n", "no", "nd", "u", "false", "0", "否"}


def read_edd(
    path: Path | str | Sequence[Path | str],
    *,
    tz: str | None = None,
    crs: object = 4326,
    rename: Mapping[str, str] | None = None,
    layer: str | None = None,
) -> WaterTables:
    r"""Return the samples and results of a laboratory's electronic delivery.

    One flat table, a list of files or a folder (samples, tests, results, batches, as EQuIS divides them) are
    understood; files are joined by the keys they share. Headings are known by their usual synonyms. A result marked as
    not detected (``detect_flag`` N, qualifier U) has no value: it is below the reporting limit where one is given,
    else below the method detection limit. Limits may have their own unit.

    Parameters
    ----------
    path : path or sequence of paths
        A table, several, or a folder of them.
    tz : str, optional
        Zone of times that do not say theirs.
    crs : anything pyproj understands
        Of longitude and latitude columns, where there are any.
    rename : mapping of str to str, optional
        The file's heading to one of ours, such as ``{"Analyte text": "parameter"}``.
    layer : str, optional
        Sheet of a workbook.

    Returns
    -------
    WaterTables
        ``samples`` and ``results``; ``tables.list_issues(results)`` says what was assumed or left out.

    Raises
    ------
    ReadError
        A file cannot be read, or a folder holds no table.
    TableError
        No file has results, or a table does not meet its contract.
    UnitError
        A unit is unknown or measures something else.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "edd.csv"
    >>> head = "sys_sample_code,sample_date,chemical_name,result_value,result_unit,detect_flag,reporting_detection_limit,detection_limit_unit"
    >>> _ = file.write_text(head + "\nW1,2026-04-12,Lead,,ug/L,N,2,ug/L\nW1,2026-04-12,Zinc,30,ug/L,Y,5,ug/L\n")
    >>> read_edd(file, tz="Asia/Shanghai").results[["parameter", "qualifier", "value", "detection_limit"]].values.tolist()
    [['lead', '<', nan, 0.002], ['zinc', '=', 0.03, nan]]
    """
    notes: list[Note] = []
    parts = [_named(read_frame(file, layer=layer), rename or {}) for file in _files(path)]
    results = [part for part in parts if {"parameter", "sample_id"} <= set(part.columns)]
    others = [part for part in parts if part is not None and not any(part is one for one in results)]
    if not results:
        known = "; ".join(", ".join(map(str, part.columns[:8])) for part in parts)
        problem = Problem(
            "headings", f"no table has a sample and an analyte; found {known}", "name them with rename={…}"
        )
        msg = f"{path}: no results in the delivery"
        raise TableError(
            msg, [problem], fix="rename={'heading of the sample': 'sample_id', 'heading of the analyte': 'parameter'}"
        )
    whole = pd.concat(results, ignore_index=True)
    for other in sorted(others, key=lambda part: -len([key for key in _KEYS if key in part.columns])):
        whole = _joined(whole, other, notes)
    name = str(whole["source_ref"].iloc[0]).rsplit("#", 1)[0] if len(whole) else str(path)
    return to_tables(_ready(whole, notes), name=name, tz=tz, crs=crs, notes=notes)


def _files(path: Path | str | Sequence[Path | str]) -> list[Path]:
    given = [Path(path)] if isinstance(path, (str, Path)) else [Path(one) for one in path]
    out: list[Path] = []
    for one in given:
        out += sorted(file for file in one.iterdir() if file.suffix.casefold() in _ENDINGS) if one.is_dir() else [one]
    if not out:
        msg = f"{path}: holds no table ({', '.join(_ENDINGS)}); give the files of the delivery"
        raise ReadError(msg)
    return out


def _named(frame: pd.DataFrame, rename: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns that mean something to us, under our names; the first of several wins."""
    out = {"source_ref": frame["source_ref"]} if "source_ref" in frame.columns else {}
    for heading in frame.columns:
        column = rename.get(str(heading)) or _headings().get(_fold(heading))
        if column is not None and column not in out:
            out[column] = stripped(frame[heading])
    return pd.DataFrame(out, index=frame.index)


def _joined(whole: pd.DataFrame, other: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    keys = [key for key in _KEYS if key in whole.columns and key in other.columns]
    if not keys:
        rows = other["source_ref"].head(3) if "source_ref" in other.columns else []
        text = "a file of the delivery shares no key with the results"
        notes.append(Note("skipped_file", text, "交付文件与结果无共同键", rows=rows, decision="not read"))
        return whole
    new = [column for column in other.columns if column not in whole.columns]
    once = other.drop_duplicates(keys)
    if len(once) < len(other) and new:
        text = f"{len(other) - len(once)} rows of a file repeat their keys {', '.join(keys)}; the first counts"
        notes.append(
            Note(
                "duplicate", text, "交付文件键值重复, 取第一行", rows=other["source_ref"].head(3), decision="first row"
            )
        )
    return whole.merge(once[[*keys, *new]], on=keys, how="left", sort=False)


def _ready(frame: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    """Return the frame with what codes and flags mean, ready for to_tables."""
    out = _kept(frame, notes)
    text = {
        name: stripped(out[name]) if name in out.columns else pd.Series("", index=out.index)
        for name in _headings().values()
    }
    is_sign = text["qualifier"].isin(("<", ">", "=", "<=", ">=", "≤", "≥", "＜", "＞"))
    codes = (text["codes"] + " " + text["qualifier"]).str.upper().str.replace(r"[^A-Z<>]", " ", regex=True).str.split()
    absent = text["detect_flag"].str.casefold().isin(_NOT_DETECTED) | codes.map(
        lambda found: "U" in found or "UJ" in found or "ND" in found
    )
    value = text["value"].where(text["value"] != "", text["result_text"])
    out["value"] = value.mask(absent & (value == ""), "ND")
    out["qualifier"] = text["qualifier"].where(is_sign, "").where(~absent, "<")
    reporting = text["reporting_limit"] != ""
    out["detection_limit"] = text["reporting_limit"].where(absent & reporting, text["method_limit"])
    # A number beside "not detected" repeats the limit; the limit given as such is the one that counts.
    out["value"] = out["value"].mask(absent & (out["detection_limit"] != ""), "ND")
    out["quantitation_limit"] = text["quantitation_limit"]
    for name, column in (("sample", "taken_at"), ("analysis", "analysed_at")):
        day = day_texts(text[f"{name}_date"], notes)
        clock = text[f"{name}_time"].where(~day.str.contains(":"), "")
        out[column] = (day + " " + clock).str.strip()
    if "kind" in out.columns:
        folded = out["kind"].map(plain)
        out["kind"] = folded.map(_KINDS).where(folded.isin(list(_KINDS)), out["kind"])
    if "method" in out.columns:  # EQuIS says INITIAL, REANALYSIS … in the same column
        field = out["method"].str.casefold().str.startswith("field")
        out["method"] = field.map({True: "field", False: "laboratory"})
    dropped = [
        *("codes", "detect_flag", "result_text", "method_limit", "reporting_limit", "cas", "reportable"),
        *_joiners(),
        *("sample_date", "sample_time", "analysis_date", "analysis_time"),
    ]
    return out.drop(columns=[name for name in dropped if name in out.columns])


def _kept(frame: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    """Return the rows that have a sample and that the laboratory stands by; the others are written down."""
    nameless = stripped(frame["sample_id"]) == ""
    reportable = (
        stripped(frame["reportable"]).str.casefold()
        if "reportable" in frame.columns
        else pd.Series("", index=frame.index)
    )
    withdrawn = reportable.isin(("no", "n", "false", "否")) & ~nameless
    for gone, text, text_zh in (
        (nameless, "rows without a sample", "无样品编号的行"),
        (withdrawn, "rows that the laboratory marks as not reportable", "实验室标为不报告的行"),
    ):
        if gone.any():
            notes.append(Note("skipped_row", text, text_zh, rows=frame.loc[gone, "source_ref"], decision="not read"))
    return frame[~nameless & ~withdrawn].reset_index(drop=True)


def _joiners() -> tuple[str, ...]:
    return ("join_method", "join_type", "join_column")


def _fold(heading: object) -> str:
    return plain(str(heading).lstrip("#")).replace("_", "").replace(" ", "")


@cache
def _headings() -> Mapping[str, str]:
    found: dict[str, str] = {}
    text = files(__package__).joinpath("edd_columns.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        for heading in (row["column"], *row["headings"].split(";")):
            found.setdefault(_fold(heading), row["column"])
    return found
