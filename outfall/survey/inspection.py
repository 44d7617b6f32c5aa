"""Which rows of a pipe inspection are connections, how far from the upstream end, and what else was seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import Problem, TableError
from outfall.survey.codes import Code, read_code
from outfall.survey.headings import find_answer, name_headings
from outfall.tables import issue, read_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["KINDS", "Inspection", "read_connections"]

KINDS = ("wrong_foul", "wrong_storm", "flow", "connection")
_OPTIONAL = ("clock", "direction", "length_m", "seen_at", "photo_ids", "note", "observer", "char_1", "char_2")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one log holds.

    Parameters
    ----------
    rows : DataFrame
        The connections: ``pipe_id``, ``along_m``, ``connection_kind``, ``says`` and what else the log says of them.
    issues : list of dict
        Rows of the contract ``issues``.
    defects : Counter
        Number of observations by code, of codes that are defects.
    """

    rows: pd.DataFrame
    issues: list[dict[str, object]]
    defects: Counter[str]


def read_connections(
    file: Path,
    *,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> Inspection:
    r"""Return the connections in one table of observations, and note what else it holds.

    Parameters
    ----------
    file : path
        CSV or workbook.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the table lacks.
    layer : str, optional
        Sheet of a workbook.

    Returns
    -------
    Inspection
        Rows in the order of the file.

    Raises
    ------
    ReadError
        The file cannot be read.
    TableError
        A column is missing, or a distance is not a number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "cctv.csv"
    >>> _ = file.write_text("pipe_id,distance_m,code\nY12,12.5,BCAAA\nY12,13,BAB\n", encoding="utf-8")
    >>> found = read_connections(file)
    >>> found.rows[["pipe_id", "along_m", "connection_kind"]].values.tolist(), dict(found.defects)
    ([['Y12', 12.5, 'connection']], {'BAB': 1})
    """
    frame = read_frame(file, table="sightings", layer=layer)
    named = name_headings(frame, "crawler", rename=rename)
    for column, value in (constants or {}).items():
        if column not in named.columns:
            named[column] = value
    named = _complete(named, file.name)
    codes = [_code(row.code, row.char_1, row.char_2) for row in named.itertuples()]
    kinds = pd.Series([code.kind if code else "unknown" for code in codes], index=named.index)
    defects = Counter(code.code for code in codes if code is not None and code.kind == "defect")
    issues: list[dict[str, object]] = []
    is_unknown = kinds.eq("unknown") & named["code"].notna() & named["code"].astype(str).str.strip().ne("")
    if is_unknown.any():
        words = ", ".join(sorted(set(named["code"][is_unknown].astype(str)))[:8])
        reason, zh, refs = (
            f"codes that are not known: {words}",
            f"未识别的代码: {words}",
            named["source_ref"][is_unknown],
        )
        issues.append(issue("unknown_word", file.name, reason, reason_zh=zh, rows=refs, decision="left out"))
    says = [f"{code.code} {code.zh} {code.en}" if code else "" for code in codes]
    rows = named.assign(connection_kind=kinds, says=says)
    return Inspection(_along(rows[kinds.isin(KINDS)], file.name, issues), issues, defects)


def _complete(named: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the table with every column the reader uses; a pipe may be named by its two manholes."""
    problems = []
    if "pipe_id" not in named.columns and {"from_manhole", "to_manhole"} <= set(named.columns):
        named = named.assign(pipe_id=named["from_manhole"].astype(str) + "-" + named["to_manhole"].astype(str))
    headings = ", ".join(map(str, named.columns[:12]))
    for column, zh in (("pipe_id", "管段编号"), ("distance_m", "距离"), ("code", "代码")):
        if column not in named.columns:
            fix = f"name it with rename={{'heading': '{column}'}}; the headings are {headings}"
            problems.append(Problem(f"{column} ({zh})", "missing", fix))
    for column in ("distance_m", "length_m"):
        if column in named.columns:
            text = named[column].astype("str").str.normalize("NFKC").str.strip().str.removesuffix("m")
            numbers = pd.to_numeric(text, errors="coerce")
            wrong = numbers.isna() & text.notna() & ~text.isin(["", "-", "/", "nan", "None"])
            wrong |= numbers < 0
            if wrong.any():
                refs = tuple(named["source_ref"][wrong].astype(str))
                what = f"{named[column][wrong].iloc[0]!r} is not a distance"
                problems.append(Problem(column, what, "write metres, such as 12.5", refs))
            named = named.assign(**{column: numbers})
    if problems:
        msg = f"{where}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TableError(msg, problems)
    lacking = [name for name in _OPTIONAL if name not in named.columns]
    return named.assign(**{name: pd.Series(None, index=named.index, dtype="object") for name in lacking})


def _along(rows: pd.DataFrame, where: str, issues: list[dict[str, object]]) -> pd.DataFrame:
    """Return the rows with their distance from the upstream end of the pipe; those that cannot have one are listed."""
    is_against = (
        rows["direction"]
        .map(lambda text: find_answer("direction", text) == "against_flow", na_action="ignore")
        .eq(other=True)
    )
    length = pd.to_numeric(rows["length_m"])
    along = rows["distance_m"].where(~is_against, (length - rows["distance_m"]).round(3))
    is_lost = along.isna() | rows["pipe_id"].isna() | rows["pipe_id"].astype(str).str.strip().eq("")
    if is_lost.any():
        reason = "connections without pipe or distance, or seen against the flow in a pipe whose length is not given"
        zh = "缺少管段、距离, 或逆流检测而无管长"
        fix = "left out; add the pipe length (管长)"
        issues.append(issue("skipped_row", where, reason, reason_zh=zh, rows=rows["source_ref"][is_lost], decision=fix))
    is_beyond = (rows["distance_m"] > length + 1.0) & ~is_lost
    if is_beyond.any():
        reason = "distances beyond the end of the pipe"
        kept = "kept within the pipe"
        issues.append(
            issue(
                "doubtful_value",
                where,
                reason,
                reason_zh="距离超过管长",
                rows=rows["source_ref"][is_beyond],
                decision=kept,
            )
        )
    return rows.assign(along_m=along.clip(lower=0).clip(upper=length.where(length.notna(), float("inf"))))[~is_lost]


def _code(code: object, first: object, second: object) -> Code | None:
    letters = [str(part).strip() for part in (first, second) if pd.notna(part) and str(part).strip()]
    return read_code(".".join([str(code).strip(), *letters])) or read_code(code)
