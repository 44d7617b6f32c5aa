"""What is known of a spill, as tables: places, sources, release time and mass with their 90 % regions, and reasons."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.spill_model import mass_shares
from outfall.tracing.texts import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.tracing.spill_places import Cells

__all__ = ["Spill", "build_spill"]

Reals: TypeAlias = "NDArray[np.float64]"

_REGION, _QUANTILES = 0.9, [0.05, 0.5, 0.95]


@dataclass(frozen=True, slots=True)
class Spill:
    """Where, when and how much was spilled.

    Parameters
    ----------
    places : DataFrame
        ``reach_id``, ``from_m``, ``to_m``, ``posterior_share`` (sums to 1, sources included at their place), whether the
        stretch ``is_inside`` the 90 % region, ``source_ref``.
    sources : DataFrame
        ``source_id`` (``unregistered`` among them), ``prior_share``, ``posterior_share`` (sums to 1), ``rank``,
        ``release_at``, ``mass_g``, ``reason``, ``reason_zh``, ``source_ref``; most probable first.
    release : dict of str to Timestamp
        ``low_at``, ``middle_at``, ``high_at``: 90 % between low and high.
    mass : dict of str to float
        ``low_g``, ``middle_g``, ``high_g``; NaN where no station has both a peak and a flow.
    reason, reason_zh : str
        The answer in one sentence.
    """

    places: pd.DataFrame
    sources: pd.DataFrame
    release: dict[str, pd.Timestamp]
    mass: dict[str, float]
    reason: str
    reason_zh: str

    def __repr__(self) -> str:
        best = self.sources.iloc[0]
        return f"<Spill {best['source_id']} {best['posterior_share']:.2f}, {self.release['middle_at']:%Y-%m-%d %H:%M}>"

    def _repr_html_(self) -> str:
        table = self.sources[["source_id", "posterior_share", "release_at", "mass_g"]].head(20)
        return f"<p>{html.escape(self.reason)}</p>{table.to_html(index=False, escape=True, float_format='%.2f')}"


def build_spill(
    rows: pd.DataFrame,
    network: Network,
    cells: Cells,
    posterior: Reals,
    *,
    ages_h: Reals,
    mass: tuple[Reals, Reals, Reals],
    arriving: Reals,
    source_ids: list[str],
    start: Reals,
) -> Spill:
    """Return the tables of a posterior over places (cells, then sources) and ages of the water at the first peak."""
    first_at = rows.loc[rows["is_seen"], "peak_at"].min()
    refs = "find_spill(" + ";".join(sorted(rows["station_id"].astype("str"))) + ")"
    by_place, by_age = posterior.sum(axis=1), posterior.sum(axis=0)
    free = len(by_place) - len(source_ids)
    age = _weighted(ages_h, by_age, _QUANTILES)
    release = {
        n: first_at - pd.Timedelta(hours=h) for n, h in zip(("low_at", "middle_at", "high_at"), age[::-1], strict=True)
    }
    grams = _grams(mass, posterior, arriving)
    places = _places(network, cells, by_place, free).assign(source_ref=refs)
    names = np.array([UNREGISTERED] * free + source_ids, dtype=object)
    table = []
    for name in sorted(set(names)):
        mine = names == name
        ages = posterior[mine].sum(axis=0)
        empty = not ages.sum() > 0
        when = pd.NaT if empty else first_at - pd.Timedelta(hours=float(_weighted(ages_h, ages, [0.5])[0]))
        amount = np.nan if empty else _grams(mass, posterior[mine], arriving[mine])[1]
        table.append((name, start[mine].sum(), by_place[mine].sum(), when, amount))
    columns = ["source_id", "prior_share", "posterior_share", "release_at", "mass_g"]
    sources = pd.DataFrame(table, columns=columns).sort_values(
        ["posterior_share", "source_id"], ascending=[False, True], ignore_index=True
    )
    texts = [_text(row) for row in sources.itertuples(index=False)]
    sources = sources.assign(
        rank=np.arange(1, len(sources) + 1),
        reason=[t[0] for t in texts],
        reason_zh=[t[1] for t in texts],
        source_ref=refs,
    )
    inside = places[places["is_inside"]]
    figures = {
        "length": float((inside["to_m"] - inside["from_m"]).sum() / 1000.0),
        "reaches": inside["reach_id"].nunique(),
        "low": f"{release['low_at']:%Y-%m-%d %H:%M}",
        "high": f"{release['high_at']:%Y-%m-%d %H:%M}",
        "least": grams[0] / 1000.0,
        "most": grams[2] / 1000.0,
    }
    english, chinese = say("spill", "answer" if np.isfinite(grams[1]) else "answer_without_mass", figures)
    amounts = dict(zip(("low_g", "middle_g", "high_g"), map(float, grams), strict=True))
    return Spill(places, sources, release, amounts, english, chinese)


def _places(network: Network, cells: Cells, by_place: Reals, free: int) -> pd.DataFrame:
    """Return stretches with their probability, that of sources added where they are, the likeliest per metre inside."""
    share = by_place[:free].copy()
    reach, low, high = cells.reach[:free], cells.from_m[:free], cells.to_m[:free]
    for at in np.flatnonzero(by_place[free:] > 0) + free:
        own = np.flatnonzero(reach == cells.reach[at])
        if len(own):
            share[own[np.argmin(np.abs(0.5 * (low[own] + high[own]) - cells.from_m[at]))]] += by_place[at]
    order = np.lexsort((np.arange(free), -share / np.maximum(high - low, 1e-9)))
    before = np.cumsum(share[order]) - share[order]
    inside = np.zeros(free, dtype=bool)
    inside[order] = before < _REGION * share.sum()
    ids = network.reaches["reach_id"].to_numpy(dtype=object)[reach]
    return pd.DataFrame({"reach_id": ids, "from_m": low, "to_m": high, "posterior_share": share, "is_inside": inside})


def _grams(mass: tuple[Reals, Reals, Reals], posterior: Reals, arriving: Reals) -> Reals:
    """Return the quantiles of the mass that was spilled: more than arrived where a branch took a part."""
    mean, sd, share = mass
    if not np.isfinite(mean).all():
        return np.full(3, np.nan)
    by_age = posterior.sum(axis=0)
    lost = -np.log(arriving) @ posterior / np.where(by_age > 0, by_age, 1.0)
    weight = by_age[:, None] * share
    return mass_shares((mean + lost[:, None]).ravel(), np.repeat(sd, mean.shape[1]), weight.ravel(), _QUANTILES)


def _weighted(values: Reals, weight: Reals, shares: list[float]) -> Reals:
    below = np.cumsum(weight) - 0.5 * weight
    return np.asarray(np.interp(np.array(shares) * weight.sum(), below, values))


def _text(row: object) -> tuple[str, str]:
    share, prior = getattr(row, "posterior_share", 0.0), getattr(row, "prior_share", 0.0)
    when, grams = getattr(row, "release_at", pd.NaT), getattr(row, "mass_g", np.nan)
    if pd.isna(when):
        return say("spill", "impossible", {})
    amount = f"{grams / 1000.0:.3g} kg" if np.isfinite(grams) else "?"
    figures = {"share": share, "prior": prior, "when": f"{when:%Y-%m-%d %H:%M}", "mass": amount}
    return say("spill", "nobody" if getattr(row, "source_id", "") == UNREGISTERED else "source", figures)
