"""What the page is told about a trace: who may be responsible, how probable, by which path, for which reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from outfall.errors import MapError, Problem
from outfall.tables import empty, split_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.maps.pack import Blob

__all__ = ["UNREGISTERED", "Found", "describe_answers", "judge"]

UNREGISTERED = "unregistered"
_SURE_SHARE = 0.5
_NEEDED = ("outfall_id", "source_id", "posterior_share")


class Found(Protocol):
    """What a map needs of a trace: two tables."""

    @property
    def candidates(self) -> pd.DataFrame:
        """One row per outfall and source, ``unregistered`` included."""

    @property
    def evidence(self) -> pd.DataFrame:
        """One row per outfall, source and line of evidence."""


def judge(outfalls: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
    """Return the answer for each outfall: which kind, which source first, how probable.

    Parameters
    ----------
    outfalls : DataFrame, n rows
        With ``outfall_id``.
    candidates : DataFrame, m rows
        With ``outfall_id``, ``source_id`` and ``posterior_share``.

    Returns
    -------
    DataFrame, n rows
        ``answer`` (``named`` from a probability of 0.5, ``contested`` below, ``unregistered``, ``untraced``), ``answer_source`` and
        ``answer_share``; the index of the outfalls.

    Raises
    ------
    MapError
        A needed column is missing.

    Examples
    --------
    >>> outfalls = pd.DataFrame({"outfall_id": ["A", "B"]})
    >>> rows = pd.DataFrame({"outfall_id": ["A", "A"], "source_id": ["S1", "unregistered"], "posterior_share": [0.8, 0.2]})
    >>> judge(outfalls, rows)["answer"].tolist()
    ['named', 'untraced']
    """
    missing = [name for name in _NEEDED if name not in candidates.columns]
    if missing:
        msg = f"candidates: no column {', '.join(missing)}; expected the candidates of a trace"
        raise MapError(msg)
    order = candidates.sort_values(["posterior_share", "source_id"], ascending=[False, True], kind="stable")
    first = order.drop_duplicates("outfall_id").set_index("outfall_id")
    source = outfalls["outfall_id"].map(first["source_id"])
    share = outfalls["outfall_id"].map(first["posterior_share"]).astype("float64")
    is_sure = share.ge(_SURE_SHARE)
    answer = np.select(
        [share.isna(), source.eq(UNREGISTERED).fillna(value=False), is_sure],
        ["untraced", UNREGISTERED, "named"],
        "contested",
    )
    return pd.DataFrame(
        {"answer": answer, "answer_source": source, "answer_share": share}, index=outfalls.index
    ).astype({"answer": "str", "answer_source": "str"})


def describe_answers(
    found: Found, outfall_ids: Sequence[str], source_ids: Sequence[str], reach_ids: Sequence[str], blob: Blob
) -> dict[str, object]:
    """Return the header of a trace; its columns go into the blob.

    Outfalls, sources and reaches become row numbers of the layers drawn. A candidate of an outfall that is not drawn is left out; a
    source that is not drawn keeps its id.
    """
    candidates = _with_columns(found.candidates, "candidates")
    outfall_row = {name: row for row, name in enumerate(outfall_ids)}
    candidates = candidates[candidates["outfall_id"].isin(outfall_row)]
    candidates = candidates.sort_values(["outfall_id", "posterior_share", "source_id"], ascending=[True, False, True])
    reach_row = {name: row for row, name in enumerate(reach_ids)}
    source_row = {name: row for row, name in enumerate(source_ids)}
    paths = [[reach_row[name] for name in split_ids(cell) if name in reach_row] for cell in candidates["path_ids"]]
    rows = {
        "outfall": blob.integers([outfall_row[name] for name in candidates["outfall_id"]]),
        "source": blob.integers([source_row.get(name, -1) for name in candidates["source_id"]]),
        "source_id": blob.words(candidates["source_id"]),
        "path": blob.lists(paths),
        "reason": blob.words(candidates["reason"]),
        "reason_zh": blob.words(candidates["reason_zh"]),
    }
    for name in ("posterior_share", "prior_share", "distance_m", "off_m", "travel_h"):
        rows[name] = blob.numbers(candidates[name])
    return {"n": len(candidates), "rows": rows, "evidence": _describe_evidence(found, candidates, blob)}


def _describe_evidence(found: Found, candidates: pd.DataFrame, blob: Blob) -> dict[str, object]:
    evidence = _with_columns(found.evidence, "evidence")
    if not np.isfinite(evidence["log_lr"].astype("float64")).all():
        rows = tuple(str(row) for row in evidence.index[~np.isfinite(evidence["log_lr"].astype("float64"))])
        msg = "evidence cannot be drawn"
        raise MapError(
            msg, [Problem("log_lr", "not a finite number", "give every line a finite log likelihood ratio", rows)]
        )
    keys = zip(candidates["outfall_id"], candidates["source_id"], strict=True)
    position = {key: row for row, key in enumerate(keys)}
    pairs = zip(evidence["outfall_id"], evidence["source_id"], strict=True)
    at = np.array([position.get(pair, -1) for pair in pairs], dtype=np.int64)
    kept = evidence[at >= 0].assign(_at=at[at >= 0])
    kept = kept.assign(_size=-kept["log_lr"].abs()).sort_values(["_at", "_size", "line"], kind="stable")
    texts: dict[str, dict[str, object]] = {
        name: blob.words(kept[name]) for name in ("line", "reason", "reason_zh", "refs")
    }
    texts["line"]["words"] = _line_labels(set(kept["line"]))
    return {
        "n": len(kept),
        "candidate": blob.integers(kept["_at"]),
        "log_lr": blob.numbers(kept["log_lr"]),
        **texts,
    }


def _line_labels(names: set[str]) -> dict[str, list[str]]:
    from outfall.tracing import LINES

    return {name: [LINES[name].zh, LINES[name].en] for name in sorted(names) if name in LINES}


def _with_columns(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the table with every column of its contract, missing ones empty, so that hand-made tables draw too."""
    frame = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
    lacking = [name for name in empty(table).columns if name not in frame.columns and name != "geometry"]
    return frame.assign(**{name: empty(table)[name].reindex(frame.index) for name in lacking})
