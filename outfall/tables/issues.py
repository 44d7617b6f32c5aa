"""What a reader or verb doubted: issue rows that travel with the table they are about.

A verb returns its table alone, so its doubts ride in ``frame.attrs["issues"]`` as plain rows (a frame inside ``attrs``
would break ``pandas.concat``). ``list_issues`` turns the doubts of any number of tables into one ``issues`` table.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pandas as pd

from outfall.tables.headings import join_ids
from outfall.tables.problems import check, empty

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import geopandas as gpd

__all__ = ["attach_issues", "issue", "list_issues"]


class _Doubts(tuple[dict[str, object], ...]):
    """Rows that pandas may hand on by reference: it copies ``attrs`` deeply at every operation."""

    __slots__ = ()

    def __deepcopy__(self, _memo: object) -> _Doubts:
        return self


def issue(
    kind: str,
    about: str,
    reason: str,
    *,
    reason_zh: str = "",
    rows: Iterable[object] = (),
    level: str = "warning",
    decision: str = "",
    distance_m: float | None = None,
) -> dict[str, object]:
    """Return one doubt as a row of the contract ``issues``.

    Parameters
    ----------
    kind : str
        A word of the list ``issue_kind``.
    about : str
        The file or table.
    reason, reason_zh : str
        What is doubtful, in English and Chinese.
    rows : iterable
        The user's own ids or rows; named once, in order of their text.
    level : {"error", "warning", "note"}
        How bad.
    decision : str
        What was done about it.
    distance_m : float, optional
        Where the doubt is a distance.

    Returns
    -------
    dict
        The row; its ``issue_id`` depends on its content alone.

    Examples
    --------
    >>> issue("duplicate", "walk.xlsx", "two rows say the same", rows=["walk.xlsx#3", "walk.xlsx#2"])["row_ids"]
    'walk.xlsx#2;walk.xlsx#3'
    """
    row_ids = join_ids(sorted({str(row) for row in rows}))
    digest = hashlib.sha256(f"{kind}\x1f{about}\x1f{row_ids}\x1f{reason}".encode()).hexdigest()
    return {
        "issue_id": f"{kind}:{digest[:10]}",
        "about": about,
        "row_ids": row_ids or None,
        "kind": kind,
        "level": level,
        "reason": reason,
        "reason_zh": reason_zh or None,
        "decision": decision or None,
        "distance_m": distance_m,
        "source_ref": about,
    }


def attach_issues(frame: pd.DataFrame, rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Return the frame with issue rows added to those it carries.

    Parameters
    ----------
    frame : DataFrame
        Not changed.
    rows : iterable of mapping
        From ``issue``.

    Returns
    -------
    DataFrame
        The same rows and columns.

    Examples
    --------
    >>> import pandas as pd
    >>> table = attach_issues(pd.DataFrame({"a": [1]}), [issue("assumption", "a.csv", "times taken as UTC+8")])
    >>> list_issues(table)["kind"].tolist()
    ['assumption']
    """
    out = frame.copy(deep=False)
    doubts = _Doubts((*frame.attrs.get("issues", ()), *(dict(row) for row in rows)))
    out.attrs = {**frame.attrs, "issues": doubts}
    return out


def list_issues(*frames: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the doubts that travel with tables, as one table.

    Parameters
    ----------
    *frames : DataFrame
        Tables from readers and verbs; those without doubts add nothing.

    Returns
    -------
    GeoDataFrame
        Contract ``issues``; a doubt that several tables carry stands once.

    Examples
    --------
    >>> import pandas as pd
    >>> len(list_issues(pd.DataFrame()))
    0
    """
    rows = {str(row["issue_id"]): row for frame in frames for row in frame.attrs.get("issues", ())}
    return check(pd.DataFrame(list(rows.values())), "issues") if rows else empty("issues")
