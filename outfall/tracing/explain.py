"""Why this source: one paragraph in which every number comes from the tables of the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.combine import combine, weigh_evidence
from outfall.tracing.lines import LINES
from outfall.tracing.strength import DECIBANS, say_strength
from outfall.tracing.texts import say

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from outfall.tracing.settings import Settings
    from outfall.vocabulary import Lang

__all__ = ["explain_outfall"]

_OTHERS = 3
_WORTH_SAYING_SHARE = 0.05
_WORTH_SAYING_PART = 0.2


def explain_outfall(
    rows: gpd.GeoDataFrame, evidence: pd.DataFrame, sources: gpd.GeoDataFrame, settings: Settings, *, lang: Lang = "en"
) -> str:
    """Return who is most probable, by which way, what each line says, and what the answer leans on.

    Parameters
    ----------
    rows : GeoDataFrame
        Candidates of one outfall, most probable first.
    evidence : DataFrame
        Evidence of the same outfall.
    sources : GeoDataFrame
        For their names.
    settings : dict
        Of the trace: weights and cap.
    lang : {"zh", "en"}, default "en"
        Language.

    Returns
    -------
    str
        One paragraph. Weights of the lines are in it: decibans are what the line contributes.
    """
    place = 0 if lang == "en" else 1
    reason = "reason" if lang == "en" else "reason_zh"
    names = dict(zip(sources["source_id"], sources["name"], strict=True))
    best = rows.iloc[0]
    figures: dict[str, object] = {
        "outfall": best["outfall_id"],
        "source": _name(best["source_id"], names),
        "share": best["posterior_share"],
    }
    parts: list[str] = []
    if best["source_id"] == UNREGISTERED:
        parts.append(say("explain", "nobody", figures)[place])
        parts.append(say("explain", "none", {"reason": best[reason]})[place])
    else:
        parts.append(say("explain", "best", figures)[place])
        parts.append(say("explain", "way", {"reason": best[reason]})[place])
        nat = weigh_evidence(evidence, settings=settings)
        said = evidence.assign(decibans=DECIBANS * nat)[(evidence["source_id"] == best["source_id"]).to_numpy()]
        for line, decibans, text in zip(said["line"], said["decibans"], said[reason], strict=True):
            strength = say_strength(decibans, lang=lang)
            values = {"line": _label(line, lang), "decibans": decibans, "reason": text, "strength": strength}
            parts.append(say("explain", "line", values)[place])
        if len(said):
            parts.append(say("explain", "scale", {})[place])
        parts += _leaning(rows, evidence, best, settings, lang)
        nobody = rows.loc[rows["source_id"] == UNREGISTERED, "posterior_share"].iloc[0]
        parts.append(say("explain", "nobody_too", {"share": nobody})[place])
    others = rows.iloc[1:]
    others = others[(others["source_id"] != UNREGISTERED) & (others["posterior_share"] >= _WORTH_SAYING_SHARE)].head(
        _OTHERS
    )
    if len(others):
        listed = [
            f"{_name(who, names)} ({share:.2f})"
            for who, share in zip(others["source_id"], others["posterior_share"], strict=True)
        ]
        parts.append(say("explain", "others", {"others": (", " if lang == "en" else "、").join(listed)})[place])
    parts += _beside(rows, best, names, place)
    parts.append(say("explain", "caution", {})[place])
    return (" " if lang == "en" else "").join(parts)


def _beside(rows: gpd.GeoDataFrame, best: pd.Series, names: dict[str, str], place: int) -> list[str]:
    """Return who else probably takes part beside the main source."""
    if "inclusion_share" not in rows.columns:
        return []
    too = rows[(rows["source_id"] != best["source_id"]) & (rows["inclusion_share"] >= _WORTH_SAYING_PART)].head(_OTHERS)
    listed = [
        f"{_name(who, names)} ({share:.2f})"
        for who, share in zip(too["source_id"], too["inclusion_share"], strict=True)
        if who != UNREGISTERED
    ]
    return [say("explain", "beside", {"others": (", ", "、")[place].join(listed)})[place]] if listed else []


def _leaning(
    rows: gpd.GeoDataFrame, evidence: pd.DataFrame, best: pd.Series, settings: Settings, lang: Lang
) -> list[str]:
    """Return the line without which the best source would lose most, and what it would fall to."""
    falls = []
    for line in dict.fromkeys(evidence["line"]):
        again = combine(rows, evidence, settings=settings, leave_out=frozenset({line}))
        share = again.loc[again["source_id"] == best["source_id"], "posterior_share"].iloc[0]
        falls.append((share, line))
    if not falls or min(falls)[0] > best["posterior_share"] - _WORTH_SAYING_SHARE:
        return []
    share, line = min(falls)
    return [say("explain", "without", {"line": _label(line, lang), "share": share})[0 if lang == "en" else 1]]


def _label(line: str, lang: Lang) -> str:
    return LINES[line].label(lang) if line in LINES else line


def _name(source_id: str, names: dict[str, str]) -> str:
    name = names.get(source_id)
    return f"{name} ({source_id})" if isinstance(name, str) else source_id
