"""What the sheet of one outfall says, as plain values that a template prints."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from outfall.reports.location import Row, Sketch, sketch
from outfall.reports.measured import Measured, printed
from outfall.reports.reasons import UNREGISTERED, percent
from outfall.tables import contract, split_ids
from outfall.vocabulary import Lang, label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

    from outfall.network import Network
    from outfall.reports.photos import PhotoIndex, Thumbnail

__all__ = ["Known", "Rank", "Row", "Sheet", "make_sheet"]

_RANKS = 5
_REASONS = 4
_PHOTOS = 6
_WATERS = 6
_TELLS = 0.05
_LIKELY = 0.01
_LEAST_RANKS = 3


@dataclass(frozen=True, slots=True)
class Known:
    """Everything the sheets of one run look things up in."""

    lonlat: gpd.GeoSeries
    candidates: Mapping[str, list[Row]]
    evidence: Mapping[tuple[str, str], list[Row]]
    names: Mapping[str, str]
    network: Network | None
    waters: Mapping[str, str]
    places: gpd.GeoSeries | None
    sources: gpd.GeoDataFrame | None
    photos: PhotoIndex
    results: Mapping[str, pd.DataFrame]
    compared: str
    words: Mapping[str, str]
    tz: str
    lang: Lang


@dataclass(frozen=True, slots=True)
class Rank:
    """One candidate source of an outfall as its sheet prints it."""

    rank: int
    name: str
    share: str
    bar: float
    is_unregistered: bool
    about: str
    reason: str
    evidence: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The sheet of one outfall: texts as they are, to be escaped where they are printed."""

    outfall_id: str
    title: str
    subtitle: str
    status: str
    water: str
    where: str
    who: str
    what: str
    whither: str
    facts: tuple[tuple[str, str], ...]
    sketch: Sketch | None
    photos: tuple[Thumbnail, ...]
    first_name: str
    ranks: tuple[Rank, ...]
    rest: str
    results: tuple[Measured, ...]
    over_count: int
    compared: str
    downstream: tuple[tuple[str, str], ...]
    source_ref: str


def make_sheet(row: Mapping[str, Any], known: Known, at: int) -> Sheet:
    """Return the sheet of one row of ``outfalls``; ``at`` is its position in the table."""
    words, outfall_id = known.words, str(row["outfall_id"])
    candidates = known.candidates.get(outfall_id, [])
    ranks = _ranks(outfall_id, candidates, known)
    results = (
        tuple(printed(known.results[outfall_id], tz=known.tz, words=words, lang=known.lang))
        if outfall_id in known.results
        else ()
    )
    over = sum(result.is_over for result in results)
    located = next((rank for rank in ranks if not rank.is_unregistered), None)
    return Sheet(
        outfall_id=outfall_id,
        title=_text(row["name"]) or f"{words['outfall']} {outfall_id}",
        subtitle=" · ".join(
            dict.fromkeys(filter(None, (outfall_id, _text(row["code_national"]), _text(row["code_local"]))))
        ),
        status=_word(row, "status", known.lang),
        water=_text(row["receiving_water"]),
        where=" · ".join(
            filter(None, (_text(row["receiving_water"]), _chainage(row["chainage_m"]), _word(row, "side", known.lang)))
        ),
        who=f"{ranks[0].name} {ranks[0].share}" if ranks else "",
        what=f"{words['exceeded']}: {over} / {len(results)}" if results else "",
        whither=_text(row["receiving_water"]),
        facts=_facts(row, known, at),
        sketch=_sketch(known, candidates, at),
        photos=tuple(known.photos.thumbnail(photo) for photo in split_ids(row["photo_ids"])[:_PHOTOS]),
        first_name=located.name if located else "",
        ranks=ranks,
        rest=_rest(candidates, words),
        results=results,
        over_count=over,
        compared=known.compared,
        downstream=_downstream(row, known),
        source_ref=_text(row["source_ref"]),
    )


def _facts(row: Mapping[str, Any], known: Known, at: int) -> tuple[tuple[str, str], ...]:
    words, lang = known.words, known.lang
    point = known.lonlat.iloc[at]
    classes = _word(row, "outfall_class", lang)
    pairs = [
        ("position", f"{point.x:.6f}, {point.y:.6f}" if point is not None else ""),
        ("sigma", _number(row["sigma_m"], "± {:.1f} m")),
        ("receiving_water", _text(row["receiving_water"])),
        ("bank", _word(row, "side", lang)),
        ("chainage", _chainage(row["chainage_m"])),
        ("reach", _text(row["reach_id"]) + _number(row["place_share"], " ({:.0%})")),
        ("address", _text(row["address"])),
        ("class", classes),
        ("shape", _word(row, "outfall_shape", lang) + _number(row["diameter_mm"], " DN{:.0f}")),
        ("discharging", "" if pd.isna(row["is_discharging"]) else words["yes" if row["is_discharging"] else "no"]),
        ("seen", _seen(row, known)),
        (
            "platforms",
            ("、" if lang == "zh" else ", ").join(
                label("platform", name, lang=lang) for name in split_ids(row["platforms"])
            ),
        ),
        ("sightings", _text(row["sighting_ids"]).replace(";", "; ")),
        ("merge_reason", _text(row["reason_zh" if lang == "zh" else "reason"])),
        ("party", _text(row["responsible_party"]) or words["party_none"]),
        (
            "remediation",
            " · ".join(filter(None, (_word(row, "remediation_type", lang), _word(row, "remediation_stage", lang)))),
        ),
        ("note", _text(row["note"])),
    ]
    return tuple((words[key], value) for key, value in pairs if value)


def _ranks(outfall_id: str, candidates: Sequence[Row], known: Known) -> tuple[Rank, ...]:
    return tuple(_rank(outfall_id, row, known) for at, row in enumerate(candidates) if _is_shown(at, row))


def _is_shown(at: int, row: Row) -> bool:
    """Return whether a candidate gets its own lines: the first three, the likely of the first five, and nobody."""
    is_likely = at < _RANKS and float(row["posterior_share"]) >= _LIKELY
    return at < _LEAST_RANKS or is_likely or str(row["source_id"]) == UNREGISTERED


def _rank(outfall_id: str, row: Row, known: Known) -> Rank:
    words, source_id = known.words, str(row["source_id"])
    column = "reason_zh" if known.lang == "zh" else "reason"
    about = [
        f"{words['distance']} {row['distance_m'] / 1000:.2f} km" if not pd.isna(row["distance_m"]) else "",
        f"{words['off']} {row['off_m']:.0f} m" if not pd.isna(row["off_m"]) else "",
        f"{words['travel']} {_duration(row['travel_h'], words)}" if not pd.isna(row["travel_h"]) else "",
        f"{words['prior']} {percent(float(row['prior_share']))}",
    ]
    rows = known.evidence.get((outfall_id, source_id), [])
    telling = [line for line in rows if abs(line["log_lr"]) >= _TELLS]  # a verdict of +0.0 is no reason
    lines = tuple(
        MappingProxyType({"log_lr": f"{line['log_lr']:+.1f}", "reason": str(line[column])})
        for line in telling[:_REASONS]
    )
    return Rank(
        rank=int(row["rank"]),
        name=known.names.get(source_id, source_id),
        share=percent(float(row["posterior_share"])),
        bar=round(100 * float(row["posterior_share"]), 1),
        is_unregistered=source_id == UNREGISTERED,
        about=" · ".join(filter(None, about)),
        reason="" if lines else _text(row[column]),
        evidence=lines,
    )


def _rest(candidates: Sequence[Row], words: Mapping[str, str]) -> str:
    hidden = [float(row["posterior_share"]) for at, row in enumerate(candidates) if not _is_shown(at, row)]
    return words["more"].format(count=len(hidden), share=percent(sum(hidden))) if hidden else ""


def _sketch(known: Known, candidates: Sequence[Row], at: int) -> Sketch | None:
    if known.network is None or known.places is None:
        return None
    return sketch(known.places.iloc[at], known.network, candidates=candidates, sources=known.sources)


def _downstream(row: Mapping[str, Any], known: Known) -> tuple[tuple[str, str], ...]:
    words = known.words
    pairs = [(words["receiving_water"], _text(row["receiving_water"]) or words["unknown"])]
    if not pd.isna(row["chainage_m"]):
        pairs.append((words["to_mouth"], f"{row['chainage_m'] / 1000:.2f} km"))
    reach_id = _text(row["reach_id"])
    if known.network is not None and reach_id in known.waters:
        names = (known.waters.get(one, "") for one in known.network.downstream(reach_id))
        waters = [name for name in dict.fromkeys(names) if name]
        if waters:
            shown = [*waters[:_WATERS], *(["…"] if len(waters) > _WATERS else [])]
            pairs.append((words["flows_through"], " → ".join(shown)))
    return tuple(pairs)


def _seen(row: Mapping[str, Any], known: Known) -> str:
    times = [
        time.tz_convert(known.tz).strftime("%Y-%m-%d %H:%M")
        for time in (row["first_seen_at"], row["last_seen_at"])
        if not pd.isna(time)
    ]
    if len(set(times)) < 2:
        return next(iter(times), "")
    return known.words["first_last"].format(first=times[0], last=times[1])


def _word(row: Mapping[str, Any], column: str, lang: Lang) -> str:
    value = _text(row[column])
    return label(contract("outfalls").columns[column].allowed, value, lang=lang) if value else ""


def _duration(hours_h: float, words: Mapping[str, str]) -> str:
    if hours_h < 1:
        return words["minutes"].format(value=f"{hours_h * 60:.0f}")
    return words["hours"].format(value=f"{hours_h:.1f}")


def _chainage(metres_m: object) -> str:
    if pd.isna(metres_m):
        return ""
    whole = round(float(metres_m))  # type: ignore[arg-type]
    return f"K{whole // 1000}+{whole % 1000:03d}"


def _number(value: object, pattern: str) -> str:
    return "" if pd.isna(value) else pattern.format(value)


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)
