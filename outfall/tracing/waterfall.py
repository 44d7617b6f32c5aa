"""How a source came to its odds, line by line in decibans: a table and a drawing that add up."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import TraceError
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.combine import weigh_evidence
from outfall.tracing.lines import LINES
from outfall.tracing.strength import DECIBANS, say_strength
from outfall.tracing.texts import say

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.tracing.settings import Settings
    from outfall.vocabulary import Lang

__all__ = ["Waterfall", "draw_waterfall"]

_ROW_PX, _LABEL_PX, _WIDTH_PX, _HEAD_PX = 24, 190, 760, 30
_COLOURS = {"for": "#2a78b5", "against": "#c0562f", "whole": "#5b6770"}


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Odds of one source against another, step by step.

    Parameters
    ----------
    title : str
        Whose odds against whose.
    table : DataFrame
        ``step`` (``prior``, a line, ``posterior``), ``label``, ``decibans`` (what the step adds, after weights),
        ``total_decibans`` (odds after it), ``strength`` (our scale), ``reason``, ``refs``.
    """

    title: str
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        rows = [
            f"  {row.decibans:+6.1f} dB  {row.label}"
            for row in self.table[["decibans", "label"]].itertuples(index=False)
        ]
        return "\n".join([self.title, *rows])

    def _repr_svg_(self) -> str:
        added = self.table["decibans"].to_numpy(dtype=float)
        total = self.table["total_decibans"].to_numpy(dtype=float)
        is_whole = self.table["step"].isin(["prior", "posterior"]).to_numpy()
        start = np.where(is_whole, 0.0, total - added)
        low, high = min(0.0, total.min(), start.min()), max(0.0, total.max(), start.max())
        scale = (_WIDTH_PX - _LABEL_PX - 90) / max(high - low, 1e-9)
        height = _HEAD_PX + _ROW_PX * len(self.table) + 8
        zero = _LABEL_PX + (0.0 - low) * scale
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH_PX}" height="{height}" role="img" font-family="sans-serif" font-size="12">',
            f'<text x="4" y="18" font-weight="bold">{html.escape(self.title)}</text>',
            f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="{_HEAD_PX}" y2="{height}" stroke="#999"/>',
        ]
        for at, label in enumerate(self.table["label"]):
            left = _LABEL_PX + (min(start[at], total[at]) - low) * scale
            wide = max(abs(total[at] - start[at]) * scale, 1.0)
            colour = _COLOURS["whole" if is_whole[at] else "for" if added[at] >= 0 else "against"]
            top = _HEAD_PX + _ROW_PX * at
            reason = html.escape(str(self.table["reason"].iloc[at]))
            parts.append(
                f'<g><title>{reason}</title><text x="4" y="{top + 16}">{html.escape(str(label))}</text>'
                f'<rect x="{left:.1f}" y="{top + 4}" width="{wide:.1f}" height="{_ROW_PX - 8}" fill="{colour}"/>'
                f'<text x="{left + wide + 4:.1f}" y="{top + 16}">{added[at]:+.1f}</text></g>'
            )
        return "".join([*parts, "</svg>"])

    def _repr_html_(self) -> str:
        shown = self.table[["label", "decibans", "total_decibans", "strength", "reason"]]
        return f"{self._repr_svg_()}{shown.to_html(index=False, escape=True, float_format='%+.1f')}"


def draw_waterfall(
    rows: gpd.GeoDataFrame,
    evidence: pd.DataFrame,
    sources: gpd.GeoDataFrame,
    settings: Settings,
    *,
    source_id: str | None = None,
    lang: Lang = "en",
) -> Waterfall:
    """Return how a candidate came to its odds against the source nobody registered.

    Parameters
    ----------
    rows : GeoDataFrame
        Candidates of one outfall, most probable first.
    evidence : DataFrame
        Evidence of the same outfall.
    sources : GeoDataFrame
        For their names.
    settings : dict
        Of the trace.
    source_id : str, optional
        Candidate; the most probable one by default. The source nobody registered is drawn against the best of the
        registered ones.
    lang : {"zh", "en"}, default "en"
        Language.

    Returns
    -------
    Waterfall
        Prior and lines add up to the odds of the posterior exactly.

    Raises
    ------
    TraceError
        The source is no candidate of the outfall.
    """
    shares = rows.set_index("source_id")["prior_share"]
    who = rows["source_id"].iloc[0] if source_id is None else source_id
    if who not in shares.index:
        msg = f"trace: {who!r} is no candidate of {rows['outfall_id'].iloc[0]}; its candidates are {', '.join(rows['source_id'].head(5))}"
        raise TraceError(msg)
    registered = rows.loc[rows["source_id"] != UNREGISTERED, "source_id"]
    other = UNREGISTERED if who != UNREGISTERED or registered.empty else str(registered.iloc[0])
    place, reason = (0, "reason") if lang == "en" else (1, "reason_zh")
    names = dict(zip(sources["source_id"], sources["name"], strict=True))
    nat = weigh_evidence(evidence, settings=settings)
    steps = [(0.0, "prior", DECIBANS * float(np.log(shares[who] / shares[other])), "", "")]
    for about, line, added, text, refs in zip(
        evidence["source_id"], evidence["line"], nat, evidence[reason], evidence["refs"], strict=True
    ):
        sign = {who: 1.0, other: -1.0}.get(str(about), 0.0) * (who != other)
        if sign:
            steps.append((sign, line, DECIBANS * sign * added, text, refs))
    table = pd.DataFrame(steps, columns=["sign", "step", "decibans", "reason", "refs"])
    table["total_decibans"] = table["decibans"].cumsum()
    whole = table["total_decibans"].iloc[-1]
    last = {"sign": 0.0, "step": "posterior", "decibans": whole, "reason": "", "refs": "", "total_decibans": whole}
    table = pd.concat([table, pd.DataFrame([last])], ignore_index=True)
    table["label"] = [_label(step, lang) for step in table["step"]]
    table["strength"] = [say_strength(value, lang=lang) for value in table["decibans"]]
    title = say("waterfall", "title", {"source": _name(who, names, lang), "other": _name(other, names, lang)})[place]
    columns = ["step", "label", "decibans", "total_decibans", "strength", "reason", "refs"]
    return Waterfall(f"{rows['outfall_id'].iloc[0]}: {title}", table[columns])


def _label(step: str, lang: Lang) -> str:
    if step in LINES:
        return LINES[step].label(lang)
    if step in ("prior", "posterior"):
        return say("waterfall", step, {})[0 if lang == "en" else 1]
    return step


def _name(source_id: str, names: dict[str, str], lang: Lang) -> str:
    if source_id == UNREGISTERED:
        return say("waterfall", "nobody", {})[0 if lang == "en" else 1]
    name = names.get(source_id)
    return f"{name} ({source_id})" if isinstance(name, str) else source_id
