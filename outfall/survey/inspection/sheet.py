"""What does a flat table of a pipe inspection say: one row per observation, in the style of CJJ 181 logs or any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import Problem, TableError
from outfall.survey.headings import find_answer, name_headings
from outfall.survey.inspection.model import Inspections, build, columns_of, read_clock
from outfall.tables import issue, read_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["read_rows", "read_sheet"]

_NEEDED = (("pipe_id", "管段编号"), ("distance_m", "距离"), ("code", "代码"))
_MANHOLES = ({"from_manhole", "to_manhole"}, {"upper_manhole", "lower_manhole"})
_RUN = (
    "run_id",
    "pipe_id",
    "from_manhole",
    "to_manhole",
    "upper_manhole",
    "lower_manhole",
    "direction",
    "seen_at",
    "video",
)


def read_sheet(
    file: Path,
    *,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
    issues: list[dict[str, object]],
) -> Inspections:
    r"""Return the inspections in one CSV file or workbook.

    Parameters
    ----------
    file : Path
        The table; its headings are known from ``headings.csv``.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the table lacks.
    layer : str, optional
        Sheet of a workbook.
    issues : list of dict
        Doubts so far.

    Returns
    -------
    Inspections
        Rows of one pipe, direction, time and film are one run.

    Raises
    ------
    ReadError
        The file cannot be read.
    TableError
        A column is missing, or a distance is no number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "cctv.csv"
    >>> _ = file.write_text("管段编号,距离(m),缺陷代码,环向位置\nY12,3,PL,0903\nY12,7,AJ,0003\n", encoding="gb18030")
    >>> read_sheet(file, issues=[])
    Inspections(1 run, 2 observations, 0 issues)
    """
    frame = name_headings(read_frame(file, table="sightings", layer=layer), "crawler", rename=rename)
    for column, value in (constants or {}).items():
        if column not in frame.columns:
            frame[column] = value
    _refuse_incomplete(frame, file.name)
    return read_rows(frame, file.name, issues=issues)


def read_rows(frame: pd.DataFrame, where: str, *, issues: list[dict[str, object]]) -> Inspections:
    """Return the inspections in a frame whose columns have our names.

    Parameters
    ----------
    frame : DataFrame
        With ``source_ref``. Not changed.
    where : str
        The file.
    issues : list of dict
        Doubts so far.

    Returns
    -------
    Inspections
        In the order of the rows.

    Raises
    ------
    TableError
        A distance or length is no number.
    """
    rows: list[dict[str, object]] = [
        {str(name): _said(value) for name, value in row.items()} for row in frame.to_dict("records")
    ]
    _answer(rows, "direction", where, issues)
    runs: dict[tuple[object, ...], dict[str, object]] = {}
    observations: list[dict[str, object]] = []
    unread: list[object] = []
    for row in rows:
        key = tuple(row.get(name) for name in _RUN)
        run = runs.setdefault(key, _run(row, len(runs) + 1))
        for column in columns_of("runs"):
            if run.get(column) is None and column != "note":
                run[column] = row.get(column)
        if row.get("code") is None and row.get("distance_m") is None:
            continue
        seen = {name: row.get(name) for name in columns_of("observations")}
        first, last = read_clock(row.get("clock"))
        seen |= {"run_id": run["run_id"], "clock_from": first, "clock_to": last or read_clock(row.get("clock_to"))[0]}
        seen["is_joint"] = find_answer("joint", row.get("is_joint")) == "yes"
        if row.get("clock") is not None and first is None:
            unread.append(row.get("source_ref"))
        observations.append(seen)
    if unread:
        reason, zh = "clock positions that are not read", "未能读取的环向位置"
        issues.append(issue("unread_value", where, reason, reason_zh=zh, rows=unread, decision="left blank"))
    return Inspections(*build(list(runs.values()), observations, where=where), tuple(issues))


def _refuse_incomplete(frame: pd.DataFrame, where: str) -> None:
    headings = ", ".join(map(str, frame.columns[:12]))
    by_manholes = any(pair <= set(frame.columns) for pair in _MANHOLES)
    problems = [
        Problem(
            f"{column} ({zh})",
            "missing",
            f"name it with rename={{'heading': '{column}'}}; the headings are {headings}",
        )
        for column, zh in _NEEDED
        if column not in frame.columns and not (column == "pipe_id" and by_manholes)
    ]
    if problems:
        msg = f"{where}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TableError(msg, problems)


def _answer(rows: list[dict[str, object]], column: str, where: str, issues: list[dict[str, object]]) -> None:
    """Replace the file's words for a direction by ours; words that are not known are listed."""
    unknown = []
    for row in rows:
        said = row.get(column)
        row[column] = find_answer(column, said) if said is not None else None
        if said is not None and row[column] is None:
            unknown.append((str(said), row.get("source_ref")))
    if unknown:
        words = ", ".join(sorted({word for word, _ in unknown})[:8])
        reason, zh = f"{column}s that are not known: {words}", f"未识别的方向: {words}"
        refs = [ref for _, ref in unknown]
        issues.append(issue("unknown_word", where, reason, reason_zh=zh, rows=refs, decision="taken as not given"))


def _run(row: Mapping[str, object], number: int) -> dict[str, object]:
    start, end, against = row.get("from_manhole"), row.get("to_manhole"), row.get("direction") == "against_flow"
    upper, lower = row.get("upper_manhole"), row.get("lower_manhole")
    by_start = upper is None and lower is None
    if by_start:
        upper, lower = (end, start) if against else (start, end)
    pipe = row.get("pipe_id")
    if pipe is None and upper is not None and lower is not None:
        pipe = f"{upper}-{lower}"
    given = {"upper_manhole": upper, "lower_manhole": lower, "manholes_say": "start" if by_start else "flow"}
    run = {name: row.get(name) for name in columns_of("runs")}
    return run | given | {"run_id": str(number), "pipe_id": pipe, "note": row.get("run_note")}


def _said(value: object) -> object:
    text = "" if value is None or value is pd.NA or value != value else str(value).strip()  # noqa: PLR0124
    return None if text in ("", "-", "/") else text
