"""Which rows of a file meet their contract, which do not and why, and which only repeat another row."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import pandas as pd

from outfall.errors import TableError
from outfall.store.body import encode
from outfall.tables import check, contract, find_problems, name_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Refused", "Sorted", "content_of", "crs_of", "in_crs", "sort_rows"]

_OWN = re.compile(
    r"^_|uuid|instance_?id|submission|^meta", re.IGNORECASE
)  # what a form server adds to every submission


class Refused(NamedTuple):
    """A row that is kept apart: where it stood, why in two languages, and all of it as text."""

    row: str
    reason: str
    reason_zh: str
    raw: str


class Sorted(NamedTuple):
    """The rows of a file: those that enter, in rounds in which every key stands once, and those kept apart."""

    rounds: list[pd.DataFrame]
    refused: list[Refused]


def sort_rows(
    frame: pd.DataFrame, table: str, *, name: str, rename: Mapping[str, str] | None = None, tz: str | None = None
) -> Sorted:
    """Return the rows of a file apart: those that meet their contract, and those that do not, with the reason.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame, n rows
        As read; not changed.
    table : str
        Name of the contract.
    name : str
        Name of the file, for rows that do not say where they come from.
    rename, tz
        As ``check`` takes them.

    Returns
    -------
    Sorted
        Every row is in exactly one of the rounds or among those refused. Rows that share a key with different contents
        are in different rounds.

    Raises
    ------
    TableError
        The whole file is at fault: a required column is missing, or its geometry has no CRS.

    Examples
    --------
    >>> rows = pd.DataFrame({"sample_id": ["W1", "W2"], "taken_at": ["2026-04-12T08:00Z", "昨天"]})
    >>> good, bad = sort_rows(rows, "samples", name="lab.csv")
    >>> good[0]["sample_id"].tolist(), bad[0].row
    (['W1'], 'lab.csv#3')
    """
    if not len(frame):
        return Sorted([], [])
    work = name_columns(frame, table, rename=rename).reset_index(drop=True)
    refs = _refs(work, name)
    work["source_ref"] = [str(at) for at in range(len(work))]  # problems then name rows by position
    key = contract(table).key
    turn = work.groupby(work[key].astype("str"), dropna=False).cumcount() if key in work else pd.Series(0, work.index)
    rounds, bad = [], dict[int, list[str]]()
    for _, part in work.groupby(turn, sort=True):
        for problem in find_problems(part, table, tz=tz):
            if not problem.rows:
                check(part, table, tz=tz, where=name)
                raise TableError(name, [problem])
            for row in problem.rows:
                bad.setdefault(int(row), []).append(
                    f"{problem.where}: {problem.what}; {problem.fix}".removesuffix("; ")
                )
        good = part[[at not in bad for at in part.index]]
        if len(good):
            named = good.assign(source_ref=[refs[at] for at in good.index])
            rounds.append(check(named, table, tz=tz, where=name))
    raw = [_raw(work.iloc[at], refs[at]) for at in sorted(bad)]
    refused = [
        Refused(refs[at], "; ".join(bad[at]), f"不符合表约定：{'；'.join(bad[at])}", text)
        for at, text in zip(sorted(bad), raw, strict=True)
    ]
    return Sorted(rounds, refused)


def content_of(frame: pd.DataFrame, table: str) -> list[tuple[str, bool]]:
    """Return what a row says without its id and where it was read, to recognise it when it comes under another id.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame, n rows
        Meets the contract.
    table : str
        Name of the contract.

    Returns
    -------
    list of tuple of str and bool
        One per row: the content, and whether it tells the row from others. A row that has neither a time nor a place
        may well say the same as another.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> content_of(empty("samples"), "samples")
    []
    """
    if not len(frame):
        return []
    declared = contract(table)
    times = [column.name for column in declared.columns.values() if column.dtype == "time"]
    has_time = frame[times].notna().any(axis=1) if times else pd.Series(data=False, index=frame.index)
    if isinstance(frame, gpd.GeoDataFrame):
        has_time |= frame.geometry.notna() & ~frame.geometry.is_empty
    found = []
    for body, is_telling in zip(encode(frame, table), has_time.tolist(), strict=True):
        whole = json.loads(body)
        for own in (declared.key, "source_ref"):
            whole["columns"].pop(own, None)
        extra = whole.pop("extra", {})
        extra = {name: cell for name, cell in extra.items() if not _OWN.search(name) and cell is not None}
        whole.pop("dtypes", None)
        found.append((json.dumps([whole, extra], ensure_ascii=False, sort_keys=True), is_telling))
    return found


def in_crs(frame: pd.DataFrame, crs: str | None) -> pd.DataFrame:
    """Return rows in the CRS the table is stored in."""
    if crs is None or not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None or frame.crs == crs:
        return frame
    return frame.to_crs(crs)


def crs_of(*frames: pd.DataFrame) -> str:
    """Return the CRS of the first frame that has one, empty where none has."""
    found = [frame.crs for frame in frames if isinstance(frame, gpd.GeoDataFrame) and frame.crs is not None]
    return "" if not found else str(found[0].to_string())


def _refs(work: pd.DataFrame, name: str) -> list[str]:
    if "source_ref" not in work:
        return [f"{name}#{at + 2}" for at in range(len(work))]
    given: Iterable[object] = work["source_ref"]
    return [str(ref) if isinstance(ref, str) and ref else f"{name}#{at + 2}" for at, ref in enumerate(given)]


def _raw(row: pd.Series, ref: str) -> str:
    cells = {str(name): None if _is_missing(cell) else str(cell) for name, cell in row.items()}
    return json.dumps({**cells, "source_ref": ref}, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def _is_missing(cell: object) -> bool:
    answer = pd.isna(cell)
    return bool(answer) if isinstance(answer, bool) else False
