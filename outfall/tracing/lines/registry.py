"""Which lines of evidence there are, and what each is given to judge by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from outfall.tables import check, empty
from outfall.tracing.observations import match_results

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

    from outfall.tracing.settings import Settings

__all__ = ["Context", "Line", "as_rows", "judge_all", "no_rows", "once_per_window"]

_NEEDED = ["outfall_id", "source_id", "log_lr", "reason", "reason_zh", "refs"]


@dataclass(frozen=True, slots=True)
class Context:
    """The tables a line may look at; a line changes none of them.

    Parameters
    ----------
    outfalls, sources : GeoDataFrame
        Contracts ``outfalls`` and ``sources``, metric CRS.
    candidates : DataFrame
        Contract ``candidates`` without the unregistered ones, sorted by outfall and source, with ``exit_share``.
    observations : DataFrame
        Answer of `match_results`.
    flows : DataFrame
        Answer of `find_flows`.
    readings, links : DataFrame
        Contracts; empty where nothing was given.
    settings : dict
        See `default_settings`.
    clues : DataFrame, optional
        Contract; empty where nothing was given.
    spectra : DataFrame, optional
        Like ``observations``, of fluorescence peaks and isotopes.
    """

    outfalls: gpd.GeoDataFrame
    sources: gpd.GeoDataFrame
    candidates: pd.DataFrame
    observations: pd.DataFrame
    flows: pd.DataFrame
    readings: pd.DataFrame
    links: pd.DataFrame
    settings: Settings
    clues: pd.DataFrame = field(default_factory=lambda: empty("clues"))
    spectra: pd.DataFrame = field(
        default_factory=lambda: match_results(None, None, empty("outfalls"), empty("sources"))
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One way of judging.

    Parameters
    ----------
    name : str
        Identifier, as in the evidence table.
    zh, en : str
        What people call it.
    meaning, meaning_zh : str
        What it judges by.
    judge : callable
        Context in, evidence rows out; a pair it knows nothing about has no row.
    family, reads : str, optional
        Lines of one family judge by the same kind of thing, and those of it that read the same rows count once: see
        `weigh_evidence`. A line without a family stands alone.
    """

    name: str
    zh: str
    en: str
    meaning: str
    meaning_zh: str
    judge: Callable[[Context], pd.DataFrame]
    family: str = ""
    reads: str = ""

    def label(self, lang: Literal["zh", "en"] = "en") -> str:
        """Return what people call it."""
        return self.zh if lang == "zh" else self.en


def as_rows(candidates: pd.DataFrame, log_lr: object, texts: list[tuple[str, str]], refs: object) -> pd.DataFrame:
    """Return evidence rows for some candidates.

    Parameters
    ----------
    candidates : DataFrame, n rows
        The candidates judged.
    log_lr : array of n float
        Natural log likelihood ratio.
    texts : list of n pairs
        Reason in English and Chinese.
    refs : array of n str
        ``source_ref`` of the rows it rests on, joined by ``;``.

    Returns
    -------
    DataFrame, n rows
        Columns of an evidence table but for the ids a registry adds.
    """
    return pd.DataFrame(
        {
            "outfall_id": candidates["outfall_id"].to_numpy(),
            "source_id": candidates["source_id"].to_numpy(),
            "log_lr": np.asarray(log_lr, dtype=float),
            "reason": [text[0] for text in texts],
            "reason_zh": [text[1] for text in texts],
            "refs": np.asarray(refs, dtype=object),
        }
    )


def no_rows() -> pd.DataFrame:
    """Return what a line says that knows nothing.

    Returns
    -------
    DataFrame
        No row.
    """
    return pd.DataFrame(columns=_NEEDED)


def once_per_window(pairs: pd.DataFrame, keys: list[str], *, time: str, window_h: float) -> pd.DataFrame:
    """Return of all that says the same about the same at about the same time only the strongest.

    Parameters
    ----------
    pairs : DataFrame
        ``said`` is the strength of each row; its other columns break ties.
    keys : list of str
        What makes rows say the same: whom they are about, and their kind.
    time : str
        Column of their time; rows without one are of one time.
    window_h : float
        A row further than this from the first of its window opens the next one.

    Returns
    -------
    DataFrame
        One row per window.
    """
    told = pairs.sort_values([*keys, time, "source_ref"], ignore_index=True)
    hours = (told[time] - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(dtype=float) / 3600.0
    group = told.groupby(keys, sort=False).ngroup().to_numpy()
    window = np.zeros(len(told), dtype=np.int64)
    last, first = -1, np.nan
    for row, (own, hour) in enumerate(zip(group, hours, strict=True)):
        if own != last:
            last, first = own, hour
        elif hour - first > window_h:
            window[row:] += 1
            first = hour
    told = told.assign(window=window, size=-told["said"].abs())
    told = told.sort_values([*keys, "window", "size", "source_ref"], ignore_index=True)
    return told.drop_duplicates([*keys, "window"]).drop(columns=["window", "size"]).reset_index(drop=True)


def judge_all(context: Context, lines: dict[str, Line]) -> pd.DataFrame:
    """Return the verdicts of every line on every candidate it knows something about.

    No line says more than the cap of the settings, whatever its model says: models are wrong further out.

    Parameters
    ----------
    context : Context
        What is known.
    lines : dict of str to Line
        The registry, or part of it.

    Returns
    -------
    DataFrame
        Contract ``evidence``, in the order of the candidates, then of the lines.
    """
    cap, parts = context.settings["combine"]["cap"], []
    for done, (name, line) in enumerate(lines.items()):
        rows = line.judge(context)
        if len(rows):
            parts.append(rows[_NEEDED].assign(line=name, step=done))
    if not parts:
        return empty("evidence")
    rows = pd.concat(parts, ignore_index=True)
    order = pd.MultiIndex.from_frame(context.candidates[["outfall_id", "source_id"]].astype("object"))
    at = order.get_indexer(pd.MultiIndex.from_frame(rows[["outfall_id", "source_id"]].astype("object")))
    rows = rows.assign(at=at, log_lr=rows["log_lr"].clip(-cap, cap)).sort_values(["at", "step"], ignore_index=True)
    pair = rows["outfall_id"].astype("object") + "/" + rows["source_id"].astype("object")
    name = rows["line"].astype("object")
    rows = rows.assign(evidence_id=pair + "/" + name, source_ref="trace(" + pair + ";" + name + ")")
    return check(rows.drop(columns=["at", "step"]), "evidence")
