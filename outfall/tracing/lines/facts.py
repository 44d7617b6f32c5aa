"""Lines that judge by what somebody saw or a meter wrote: tracers, crawlers, documents; whether the unit was running."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outfall.tables import split_ids
from outfall.tracing.lines.registry import Context, as_rows, once_per_window
from outfall.tracing.lines.timing import timed_pairs
from outfall.tracing.texts import say
from outfall.vocabulary import label

__all__ = ["judge_links", "judge_operation"]

_MOVING = ("flow", "energy")
_STOPPED_RATIO, _RUNNING_RATIO = 0.1, 0.5
_WINDOW_H = 3.0


def judge_links(context: Context) -> pd.DataFrame:
    """Judge by tracer tests, crawler finds and documents that join a source to an outfall, a reach or a node."""
    links, rows = context.links, context.candidates.reset_index(drop=True)
    if links.empty or rows.empty:
        return _nothing()
    pairs = pd.concat([_direct(links, rows), _on_path(links, rows), _at_inlet(links, rows)], ignore_index=True)
    if pairs.empty:
        return _nothing()
    base = context.settings["facts"]["link_base_share"]
    share = pairs["exists_share"].clip(0.001, 0.999)
    said = np.log(share / (1 - share)) - np.log(base / (1 - base))
    # a find on the way says half of what a find at the outfall says; one elsewhere speaks against; a connection
    # without a name points at those who enter that pipe
    factor = pairs["case"].map({"direct": 1.0, "path": 0.5, "elsewhere": -0.25, "inlet": 0.25})
    window_h = context.settings["links"]["window_h"]
    once = once_per_window(pairs.assign(said=said * factor), ["at", "kind"], time="seen_at", window_h=window_h)
    once = once.assign(size=-once["said"].abs()).sort_values(["at", "size", "link_id"], ignore_index=True)
    groups = once.groupby("at", sort=True)
    # the strongest counts in full; others, which saw the same connection, as the root of their number
    rest = groups["said"].sum() - groups["said"].first()
    log_lr = groups["said"].first() + rest / np.sqrt(groups.size())
    refs = groups["source_ref"].agg(lambda cells: ";".join(sorted(set(cells))))
    strongest = groups.head(1)
    texts = [
        _link_text(case, kind, link_id, share, place) for case, kind, link_id, share, place in _link_figures(strongest)
    ]
    return as_rows(rows.iloc[strongest["at"]], log_lr.to_numpy(), texts, refs.to_numpy())


def judge_operation(context: Context) -> pd.DataFrame:
    """Judge by whether the source's own meter says it was running when the outfall was sampled.

    Where a monitor at the outfall can be compared with the meter all along, that says this too: see `judge_time`.
    """
    readings, seen = context.readings, context.observations
    sampled = seen[(seen["about"] == "outfall") & seen["taken_at"].notna()]
    readings = readings[readings["parameter"].isin(_MOVING) & readings["source_id"].notna() & readings["value"].notna()]
    rows = context.candidates.reset_index(drop=True)
    if sampled.empty or readings.empty or rows.empty:
        return _nothing()
    pairs_of = pd.MultiIndex.from_frame(rows[["outfall_id", "source_id"]].astype("object"))
    rows = rows[~pairs_of.isin(list(timed_pairs(context)))].reset_index(drop=True)
    usual = readings[readings["value"] > 0].groupby("meter_id")["value"].median().rename("usual")
    readings = readings.merge(usual, on="meter_id")
    times = (
        sampled.groupby(["about_id", "taken_at"], sort=True)["refs"].agg(";".join).rename("visit_refs").reset_index()
    )
    times = times.rename(columns={"about_id": "outfall_id"})
    pairs = rows[["outfall_id", "source_id", "travel_h"]].assign(at=rows.index).merge(times, on="outfall_id")
    pairs = pairs.merge(readings[["source_id", "meter_id", "read_at", "value", "usual", "source_ref"]], on="source_id")
    left = pairs["taken_at"] - pd.to_timedelta(pairs["travel_h"].fillna(0.0), unit="h")
    pairs = pairs[(pairs["read_at"] - left).abs() <= pd.Timedelta(hours=_WINDOW_H)]
    if pairs.empty:
        return _nothing()
    pairs = pairs.assign(ratio=pairs["value"] / pairs["usual"]).sort_values(["at", "meter_id", "read_at", "source_ref"])
    groups = pairs.groupby("at", sort=True)
    best = groups.agg(
        ratio=("ratio", "mean"),
        meter_id=("meter_id", "first"),
        refs=("source_ref", _joined),
        taken=("visit_refs", _joined),
    )
    best = best[(best["ratio"] < _STOPPED_RATIO) | (best["ratio"] > _RUNNING_RATIO)]
    facts, stopped = context.settings["facts"], best["ratio"] < _STOPPED_RATIO
    texts = [
        say("operation", "stopped" if ratio < _STOPPED_RATIO else "running", {"meter": meter, "ratio": ratio})
        for ratio, meter in zip(best["ratio"], best["meter_id"], strict=True)
    ]
    log_lr = np.where(stopped, np.log(facts["stopped_lr"]), np.log(facts["running_lr"]))
    return as_rows(rows.iloc[best.index], log_lr, texts, (best["refs"] + ";" + best["taken"]).to_numpy())


def _joined(refs: pd.Series) -> str:
    return ";".join(sorted({ref for cell in refs for ref in cell.split(";")}))


def _direct(links: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return candidates a link joins to the outfall itself, whichever end is which."""
    told = links.assign(source_id=_end(links, "sources"), outfall_id=_end(links, "outfalls"), place="", case="direct")
    told = told.dropna(subset=["source_id", "outfall_id"])
    return rows[["outfall_id", "source_id"]].assign(at=rows.index).merge(told, on=["outfall_id", "source_id"])


def _on_path(links: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return candidates whose source a link joins to a reach: on the way to the outfall, or elsewhere."""
    told = links.assign(source_id=_end(links, "sources"), place=_end(links, "reaches")).dropna(
        subset=["source_id", "place"]
    )
    pairs = rows[["outfall_id", "source_id", "path_ids"]].assign(at=rows.index).merge(told, on="source_id")
    on_way = [place in split_ids(path) for place, path in zip(pairs["place"], pairs["path_ids"], strict=True)]
    return pairs.assign(case=np.where(np.array(on_way, dtype=bool), "path", "elsewhere"))


def _at_inlet(links: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return candidates that enter a pipe in which a crawler saw a connection of somebody it cannot name."""
    seen = (links["from_table"] == "sightings") | (links["to_table"] == "sightings")
    told = links.assign(place=_end(links, "reaches"))[seen.to_numpy()].dropna(subset=["place"])
    first = [next(iter(split_ids(path)), "") for path in rows["path_ids"]]
    pairs = rows[["outfall_id", "source_id"]].assign(at=rows.index, place=first)
    return pairs.merge(told, on="place").assign(case="inlet")


def _end(links: pd.DataFrame, table: str) -> pd.Series:
    """Return the id at the end of each link that is in a table."""
    return links["from_id"].where(links["from_table"] == table, links["to_id"].where(links["to_table"] == table))


def _link_figures(pairs: pd.DataFrame) -> list[tuple[str, str, str, float, str]]:
    columns = ["case", "kind", "link_id", "exists_share", "place"]
    return list(pairs[columns].itertuples(index=False, name=None))


def _link_text(case: str, kind: str, link_id: str, share: float, place: str) -> tuple[str, str]:
    english, _ = say("links", case, {"kind": label("link_kind", kind), "link": link_id, "share": share, "place": place})
    _, chinese = say(
        "links", case, {"kind": label("link_kind", kind, lang="zh"), "link": link_id, "share": share, "place": place}
    )
    return english, chinese


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(columns=["outfall_id", "source_id", "log_lr", "reason", "reason_zh", "refs"])
