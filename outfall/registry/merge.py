"""What an outfall is called, where it is and why, given the sightings that are one thing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from outfall.registry.proofs import canonical_code, is_national
from outfall.registry.seen import platforms
from outfall.tables import issue, join_ids, split_ids
from outfall.vocabulary import label

if TYPE_CHECKING:
    import pandas as pd

    from outfall.registry.explain import Reasons

__all__ = ["Member", "as_members", "describe_group", "merge_rows", "name_outfalls"]

Member = dict[str, Any]

_FIRST_WORDS = ("name", "outfall_class", "outfall_shape", "diameter_mm", "side")
_VAGUE = {"outfall_class": {"undetermined", "oth.other"}, "outfall_shape": {"other"}}


def as_members(seen: pd.DataFrame) -> list[Member]:
    """Return sightings as plain rows with the rank of their platform; missing cells are None."""
    columns = [name for name in seen.columns if name != "geometry"]
    cells = [seen[name].astype("object").where(seen[name].notna(), None).tolist() for name in columns]
    rank = {name: platform.rank for name, platform in platforms().items()}
    ranks = [rank[str(name)] for name in seen["platform"].tolist()]
    times = seen["seen_at"].astype("object").where(seen["seen_at"].notna(), None)
    moments = [-np.inf if time is None else float(time.timestamp()) for time in times.tolist()]
    names = [*columns, "rank", "moment"]
    return [dict(zip(names, row, strict=True)) for row in zip(*cells, ranks, moments, strict=True)]


def merge_rows(members: list[Member]) -> dict[str, object]:
    """Return the fields of one outfall from its sightings.

    Where sightings differ, the platform that sees best speaks first (foot, drone, crawler, radar, boat, tracer,
    satellite, document), then the latest; a vague word gives way to a clear one. Whether it discharges is as last seen.
    It is confirmed if seen on foot or by two platforms, else suspected: our rule.

    Parameters
    ----------
    members : list of dict
        Sightings of one outfall, from as_members.

    Returns
    -------
    dict
        Columns of the contract ``outfalls``.
    """
    order, late = members, members
    if len(members) > 1:
        order = sorted(members, key=lambda row: (row["rank"], -row["moment"], row["sighting_id"]))
        late = sorted(members, key=lambda row: (-row["moment"], row["rank"], row["sighting_id"]))
    found: dict[str, object] = {name: _first(order, name) for name in _FIRST_WORDS}
    codes = list(dict.fromkeys(canonical_code(row["code"]) for row in order if row["code"] is not None))
    national = [code for code in codes if is_national(code)]
    others = [code for code in codes if code not in national[:1]]
    used = sorted({str(row["platform"]) for row in members}, key=lambda name: platforms()[name].rank)
    photos = sorted({photo for row in members for photo in split_ids(row["photo_ids"])})
    times = [row["seen_at"] for row in members if row["seen_at"] is not None]
    ids = join_ids(sorted(str(row["sighting_id"]) for row in members))
    return found | {
        "code_national": national[0] if national else None,
        "code_local": others[0] if others else None,
        "status": "confirmed" if "foot" in used or len(used) > 1 else "suspected",
        "is_discharging": _first(late, "is_discharging"),
        "first_seen_at": min(times) if times else None,
        "last_seen_at": max(times) if times else None,
        "sighting_count": len(members),
        "sighting_ids": ids,
        "platforms": join_ids(used),
        "photo_ids": join_ids(photos) or None,
        "note": "; ".join(dict.fromkeys(str(row["note"]) for row in order if row["note"] is not None)) or None,
        "source_ref": f"register({ids})",
    }


def name_outfalls(rows: list[dict[str, object]]) -> tuple[list[str], list[dict[str, object]]]:
    """Return an id for each outfall: its code on site, else P- and a hash of its smallest sighting id.

    Parameters
    ----------
    rows : list of dict
        From merge_rows.

    Returns
    -------
    tuple of list of str and list of issue rows
        Where two outfalls bear one code, the one with more sightings keeps it.
    """
    codes = [row["code_national"] or row["code_local"] for row in rows]
    holders: dict[object, list[int]] = {}
    for at, code in enumerate(codes):
        if code:
            holders.setdefault(code, []).append(at)
    notes, keeper = [], {}
    for code, ats in holders.items():
        order = sorted(ats, key=lambda at: (-int(str(rows[at]["sighting_count"])), str(rows[at]["sighting_ids"])))
        keeper[code] = order[0]
        if len(ats) > 1:
            ids = [str(rows[at]["sighting_ids"]) for at in order]
            reason = f"code {code!r} stands on {len(ats)} outfalls that are not one thing"
            reason_zh = f"编码 {code!r} 出现在 {len(ats)} 个不同排口上"
            decision = "the one with most sightings keeps it"
            listed = [one for text in ids for one in split_ids(text)]
            notes.append(issue("duplicate", "sightings", reason, reason_zh=reason_zh, rows=listed, decision=decision))
    named: dict[str, None] = {}
    for at, (row, code) in enumerate(zip(rows, codes, strict=True)):
        digest = hashlib.sha256(split_ids(row["sighting_ids"])[0].encode()).hexdigest()
        made = f"P-{digest[:8]}" if f"P-{digest[:8]}" not in named else f"P-{digest[:16]}"
        named[str(code) if code and keeper[code] == at else made] = None
    return list(named), notes


def describe_group(members: dict[int, Member], reasons: Reasons, *, decided: bool) -> tuple[str, str]:
    """Return why sightings are one outfall, in English and Chinese.

    Parameters
    ----------
    members : mapping of int to dict
        The sightings by their row in the matches.
    reasons : Reasons
        How far each is from the others, and what it says.
    decided : bool
        Whether people put all of them together.

    Returns
    -------
    tuple of str and str
        One clause per sighting; two sightings share one.
    """
    named = [(str(row["sighting_id"]), row["platform"]) for row in members.values()]
    listed = ", ".join(f"{name} ({platform})" for name, platform in named)
    listed_zh = "、".join(f"{name}（{label('platform', platform, lang='zh')}）" for name, platform in named)
    if len(members) == 1:
        return f"One sighting: {listed}.", f"仅一个疑似点: {listed_zh}。"
    if decided:
        parts, parts_zh = ["Put together by decision of people."], ["人工判定为同一排口。"]
    else:
        asked = list(members)[:1] if len(members) == 2 else list(members)
        other = str(list(members.values())[1]["sighting_id"]) if len(members) == 2 else ""
        both = [_one_member(str(members[row]["sighting_id"]), other, row, reasons) for row in asked]
        parts, parts_zh = [text for text, _ in both], [text for _, text in both]
    return (
        f"{len(members)} sightings are one: {listed}. {' '.join(parts)}",
        f"{len(members)} 个疑似点为同一排口: {listed_zh}。{''.join(parts_zh)}",
    )


def _one_member(name: str, other: str, row: int, reasons: Reasons) -> tuple[str, str]:
    words, words_zh = reasons.words[reasons.word[row]]
    gap, share = reasons.gap_m[row], reasons.share[row]
    if other:
        return (
            f"{name} + {other}: {gap:.1f} m apart{words}; {share:.2f}.",
            f"{name} 与 {other} 相距 {gap:.1f} m{words_zh}, 概率 {share:.2f}。",
        )
    return (
        f"{name}: {gap:.1f} m from the others{words}; {share:.2f}.",
        f"{name} 距其余 {gap:.1f} m{words_zh}, 概率 {share:.2f}。",
    )


def _first(rows: list[Member], name: str) -> object:
    vague, first = _VAGUE.get(name, ()), None
    for row in rows:
        value = row[name]
        if value is not None and value not in vague:
            return value
        first = value if first is None else first
    return first
