"""Who is suspected of each outfall, how probable that is and why, in words people read."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from outfall.tracing import Trace
    from outfall.vocabulary import Lang

__all__ = ["UNREGISTERED", "basis", "percent", "source_names", "suspects"]

UNREGISTERED = "unregistered"
_SHOWN = 3
_NOBODY: Mapping[Lang, str] = MappingProxyType({"zh": "未登记污染源", "en": "a source nobody registered"})
_STOP: Mapping[Lang, str] = MappingProxyType({"zh": "；", "en": "; "})


def suspects(outfall_ids: pd.Series, found: Trace | None, sources: pd.DataFrame | None, lang: Lang) -> pd.Series:
    """Return for each outfall its likeliest sources with their probability, as one text."""
    texts: dict[str, str] = {}
    if found is not None and len(found.candidates):
        names = source_names(found, sources, lang)
        ordered = found.candidates.sort_values(["outfall_id", "rank", "source_id"], kind="stable")
        for outfall_id, rows in ordered.groupby("outfall_id", sort=False):
            pairs = list(zip(rows["source_id"].astype(str), rows["posterior_share"].astype(float), strict=True))
            shown = pairs[:_SHOWN] + [pair for pair in pairs[_SHOWN:] if pair[0] == UNREGISTERED]
            texts[str(outfall_id)] = _STOP[lang].join(
                f"{names.get(name, name)} {percent(share)}" for name, share in shown
            )
    return _in_order(outfall_ids, texts)


def basis(outfall_ids: pd.Series, found: Trace | None, lang: Lang) -> pd.Series:
    """Return for each outfall why its likeliest source is the likeliest, as one text."""
    texts: dict[str, str] = {}
    if found is not None and len(found.candidates):
        first = found.candidates.sort_values(["outfall_id", "rank", "source_id"], kind="stable").drop_duplicates(
            "outfall_id"
        )
        column = "reason_zh" if lang == "zh" else "reason"
        lines = _lines(found.evidence, column, lang)
        for outfall_id, source_id, reason in zip(first["outfall_id"], first["source_id"], first[column], strict=True):
            said = "" if pd.isna(reason) else str(reason)
            texts[str(outfall_id)] = said or lines.get((str(outfall_id), str(source_id)), "")
    return _in_order(outfall_ids, texts)


def source_names(found: Trace, sources: pd.DataFrame | None, lang: Lang) -> dict[str, str]:
    """Return what each source is called; the source nobody registered has a name too."""
    names: dict[str, str] = {}
    for table in (found.sources, sources):
        if table is not None and "name" in table.columns:
            known = table[table["name"].notna()]
            names.update(zip(known["source_id"].astype(str), known["name"].astype(str), strict=True))
    return {**names, UNREGISTERED: _NOBODY[lang]}


def percent(share: float) -> str:
    """Return a probability as people read it; one that is nearly 0 or 1 is not called so.

    Examples
    --------
    >>> percent(0.624), percent(0.0004), percent(0.9999), percent(1.0), percent(0.0)
    ('62%', '<1%', '>99%', '100%', '0%')
    """
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{share:.0%}"


def _lines(evidence: pd.DataFrame, column: str, lang: Lang) -> dict[tuple[str, str], str]:
    ordered = evidence.sort_values("log_lr", ascending=False, kind="stable")
    texts: dict[tuple[str, str], list[str]] = {}
    for outfall_id, source_id, reason in zip(ordered["outfall_id"], ordered["source_id"], ordered[column], strict=True):
        if not pd.isna(reason):
            texts.setdefault((str(outfall_id), str(source_id)), []).append(str(reason))
    return {pair: _STOP[lang].join(reasons) for pair, reasons in texts.items()}


def _in_order(outfall_ids: Iterable[object], texts: Mapping[str, str]) -> pd.Series:
    ids = list(outfall_ids)
    index = outfall_ids.index if isinstance(outfall_ids, pd.Series) else None
    return pd.Series([texts.get(str(item), "") for item in ids], index=index, dtype="str")
