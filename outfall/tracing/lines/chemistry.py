"""Lines that judge by what is in the water: the whole signature, and what the permit names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.tables import split_ids
from outfall.tracing.lines.registry import Context, as_rows
from outfall.tracing.profiles import Profiles, learn_profiles
from outfall.tracing.signature import Fit, Water, any_water, fit_sources
from outfall.tracing.texts import say
from outfall.vocabulary import find_parameter, label

if TYPE_CHECKING:
    from outfall.vocabulary import Lang

__all__ = ["judge_permit", "judge_signature"]

_LANGS: tuple[Lang, Lang] = ("en", "zh")
_NAMED_AT_ONCE = 3
_WORTH_SAYING = 0.5
_COMMON = {"cod", "ammonia", "ph", "suspended_solids", "total_nitrogen", "total_phosphorus", "bod5"}


def judge_signature(context: Context) -> pd.DataFrame:
    """Judge by all that was measured at the outfall against what the source, or its kind, discharges."""
    seen = context.observations[context.observations["about"] == "outfall"]
    rows = context.candidates
    if seen.empty or rows.empty:
        return _nothing()
    chemistry = context.settings["chemistry"]
    profiles = learn_profiles(context.sources, context.observations, default_sd=chemistry["default_sd"])
    general = any_water(context.observations, profiles)
    position = profiles.source_ids.get_indexer(pd.Index(rows["source_id"].astype("object")))
    kinds = context.sources.set_index("source_id")["kind"]
    source_refs = _source_refs(context)
    of_outfall = rows.groupby("outfall_id").indices
    parts = []
    for outfall_id, group in seen.groupby("about_id", sort=True):
        at = of_outfall.get(outfall_id)
        if at is None:
            continue
        chosen, who = rows.iloc[at], position[at]
        water = _water(group, profiles)
        fit = fit_sources(water, who, profiles, general, chemistry)
        texts = _texts(chosen, fit, group, profiles, who, kinds)
        refs = ";".join(dict.fromkeys(";".join(group["refs"]).split(";")))
        parts.append(
            as_rows(chosen, fit.log_lr, texts, [f"{refs};{source_refs[name]}" for name in chosen["source_id"]])
        )
    return pd.concat(parts, ignore_index=True) if parts else _nothing()


def judge_permit(context: Context) -> pd.DataFrame:
    """Judge by whether what the permit names, and few others discharge, is high at the outfall."""
    seen = context.observations
    seen = seen[(seen["about"] == "outfall") & ~seen["parameter"].isin(_COMMON)]
    rows = context.candidates.reset_index(drop=True)
    if seen.empty or rows.empty:
        return _nothing()
    facts = context.settings["facts"]
    profiles = learn_profiles(context.sources, seen.iloc[:0], default_sd=1.0)
    clean = pd.Series(profiles.background, index=profiles.parameters).reindex(seen["parameter"]).to_numpy()
    high = (seen["censored"].to_numpy() >= 0) & (
        seen["value_ln"].to_numpy(dtype=float) > clean + np.log(facts["high_factor"])
    )
    table = (
        seen.assign(high=high)
        .groupby(["about_id", "parameter"], sort=True)
        .agg(high=("high", "max"), refs=("refs", "first"))
    )
    table = table.reset_index().rename(columns={"about_id": "outfall_id"})
    groups = table.groupby("parameter")["high"]
    usual = (groups.sum() + 1.0) / (groups.count() + 4.0)
    table["usual"] = table["parameter"].map(usual).astype(float)
    named = _named(context)
    pairs = rows[["outfall_id", "source_id"]].assign(at=np.arange(len(rows))).merge(named, on="source_id")
    pairs = pairs.merge(table, on=["outfall_id", "parameter"])
    if pairs.empty:
        return _nothing()
    hit = np.maximum(facts["named_share"], pairs["usual"])
    pairs["log_lr"] = np.where(pairs["high"], np.log(hit / pairs["usual"]), np.log((1 - hit) / (1 - pairs["usual"])))
    return _permit_rows(context, rows, pairs.sort_values(["at", "parameter"]))


def _permit_rows(context: Context, rows: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    groups = pairs.groupby("at", sort=True)
    source_refs, texts, refs = _source_refs(context), [], []
    for at, group in groups:
        names = group["parameter"][group["high"]].tolist()
        count = {"named": len(group), "high": len(names), "expected": float(group["usual"].sum())}
        english, _ = say("permit", "named", {**count, "names": _list(names, "en")})
        _, chinese = say("permit", "named", {**count, "names": _list(names, "zh")})
        texts.append((english, chinese))
        refs.append(f"{';'.join(group['refs'])};{source_refs[rows['source_id'].iloc[int(str(at))]]}")
    chosen = rows.iloc[list(groups.indices)]
    return as_rows(chosen, groups["log_lr"].sum().to_numpy(), texts, refs)


def _named(context: Context) -> pd.DataFrame:
    """Return one row per source and parameter its permit names; texts we do not know are left out."""
    rows = [
        (source_id, find_parameter(text))
        for source_id, cell in zip(context.sources["source_id"], context.sources["parameters"], strict=True)
        for text in split_ids(cell)
    ]
    frame = pd.DataFrame(rows, columns=["source_id", "parameter"]).dropna().drop_duplicates()
    return frame.astype({"source_id": "str", "parameter": "str"})


def _water(group: pd.DataFrame, profiles: Profiles) -> Water:
    return Water(
        visit=pd.factorize(group["visit"], sort=True)[0].astype(np.int64),
        column=profiles.parameters.get_indexer(group["parameter"]).astype(np.int64),
        value=group["value_ln"].to_numpy(dtype=float),
        censored=group["censored"].to_numpy(dtype=np.int64),
        sigma=group["sigma"].to_numpy(dtype=float),
    )


def _texts(
    rows: pd.DataFrame, fit: Fit, group: pd.DataFrame, profiles: Profiles, who: np.ndarray, kinds: pd.Series
) -> list[tuple[str, str]]:
    """Return what speaks for and against each candidate, with the values measured."""
    visits, count = group["visit"].nunique(), group["parameter"].nunique()
    order = np.argsort(-fit.gain, axis=1, kind="stable")
    shown = {lang: _values(group, lang) for lang in _LANGS}
    texts = []
    for at, source_id in enumerate(rows["source_id"]):
        ranked = order[at]
        good = [i for i in ranked[:_NAMED_AT_ONCE] if fit.gain[at, i] > _WORTH_SAYING]
        bad = [i for i in ranked[::-1][:2] if fit.gain[at, i] < -_WORTH_SAYING]
        own, kind = int(profiles.own[who[at]]), kinds.get(source_id)
        pair = []
        for place, lang in enumerate(_LANGS):
            mark = ", " if lang == "en" else "、"
            best = mark.join(shown[lang][i] for i in good) or say("signature", "nothing", {})[place]
            names = mark.join(shown[lang][i] for i in bad)
            worst = say("signature", "against", {"names": names})[place] if bad else ""
            figures = {"visits": visits, "count": count, "own": own, "best": best, "worst": worst}
            figures |= {
                "dilution": float(fit.dilution_share[at]),
                "kind": label("source_kind", kind or "other", lang=lang),
            }
            pair.append(say("signature", "own" if own else "kind", figures)[place])
        texts.append((pair[0], pair[1]))
    return texts


def _values(group: pd.DataFrame, lang: Lang) -> list[str]:
    """Return every measured parameter with its value as people read it; a non-detect keeps its sign."""
    sign = {-1: "<", 0: "", 1: ">"}
    return [
        f"{label('parameter', name, lang=lang)} {sign[int(censored)]}{value:.3g}"
        for name, value, censored in zip(group["parameter"], group["value"], group["censored"], strict=True)
    ]


def _list(names: list[str], lang: Lang) -> str:
    words = [label("parameter", name, lang=lang) for name in names]
    return (", " if lang == "en" else "、").join(words) or say("signature", "nothing", {})[0 if lang == "en" else 1]


def _source_refs(context: Context) -> dict[str, str]:
    """Return the rows each source's profile rests on: its own row and its own samples."""
    own = context.observations[context.observations["about"] == "source"]
    samples = own.groupby("about_id")["refs"].agg(";".join).to_dict() if len(own) else {}
    return {
        source_id: ";".join(dict.fromkeys(f"{ref};{samples.get(source_id, '')}".strip(";").split(";")))
        for source_id, ref in zip(context.sources["source_id"], context.sources["source_ref"], strict=True)
    }


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(columns=["outfall_id", "source_id", "log_lr", "reason", "reason_zh", "refs"])
