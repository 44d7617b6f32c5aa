"""How much of an outfall's foul water each source brings: shares with intervals, from loads and, where given, chemistry.

Worlds are drawn: a main source by its probability, others beside it by theirs, and loads by permit and by how much of
a source's water comes out here; nobody beside the main source brings more than it does.
"""

from __future__ import annotations

import dataclasses
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from outfall.errors import Problem, TraceError
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.combine import combine
from outfall.tracing.lines import LINES
from outfall.tracing.ranking import require_outfall
from outfall.tracing.subsets import side_shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from outfall.tracing.answer import Trace

__all__ = ["add_shares", "draw_shares"]

_COLUMNS = ["contribution_share", "contribution_low_share", "contribution_high_share"]


def add_shares(
    found: Trace,
    *,
    chemistry: Mapping[str, pd.DataFrame] | None = None,
    outfall_ids: Iterable[str] | None = None,
    draw_count: int = 2000,
    level_share: float = 0.9,
    seed: int = 0,
) -> Trace:
    """Return the trace with the share each candidate brings to the foul water of its outfall, with its interval.

    Parameters
    ----------
    found : Trace
        Not changed.
    chemistry : mapping of outfall id to DataFrame, optional
        What a mixture model says: one row per draw, one column per source (``unregistered`` among them), shares of the
        foul water that sum to 1. What it gives to a source that cannot reach the outfall counts as unregistered. Lines
        that read the same laboratory results do not count again.
    outfall_ids : iterable of str, optional
        Outfalls to do; all by default.
    draw_count : int, default 2000
        Worlds drawn per outfall.
    level_share : float, default 0.9
        Probability inside the interval.
    seed : int, default 0
        Of the draws; an outfall's draws do not depend on which others are done.

    Returns
    -------
    Trace
        ``candidates`` with ``contribution_share`` (mean; sums to 1 per outfall), ``contribution_low_share`` and
        ``contribution_high_share``; missing for outfalls that were not done.

    Raises
    ------
    TraceError
        An outfall is not in the trace, ``chemistry`` names none of its candidates, or a draw is no set of shares.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> from outfall.tracing import trace
    >>> len(add_shares(trace(empty("outfalls", crs=4547), None, empty("sources", crs=4547))).candidates)
    0
    """
    done = found.outfalls["outfall_id"].tolist() if outfall_ids is None else list(outfall_ids)
    tail = 0.5 * (1.0 - level_share)
    out = pd.DataFrame(np.nan, index=found.candidates.index, columns=_COLUMNS)
    at_outfall = found.candidates.groupby("outfall_id", sort=False).indices
    for outfall_id in done:
        table, weight = draw_shares(
            found, outfall_id, chemistry=(chemistry or {}).get(outfall_id), draw_count=draw_count, seed=seed
        )
        shares = table.to_numpy(dtype=float)
        at = at_outfall[outfall_id]
        out.iloc[at, 0] = np.minimum(weight @ shares, 1.0)
        out.iloc[at, 1] = _quantile(shares, weight, tail)
        out.iloc[at, 2] = _quantile(shares, weight, 1.0 - tail)
    return dataclasses.replace(found, candidates=found.candidates.assign(**{name: out[name] for name in _COLUMNS}))


def draw_shares(
    found: Trace, outfall_id: str, *, chemistry: pd.DataFrame | None = None, draw_count: int = 2000, seed: int = 0
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return worlds of shares of one outfall, and the weight of each.

    Parameters
    ----------
    found : Trace
        Not changed.
    outfall_id : str
        One of its outfalls.
    chemistry : DataFrame, optional
        Draws of a mixture model, see `add_shares`.
    draw_count : int, default 2000
        Worlds drawn.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    tuple of DataFrame and ndarray
        One column per candidate in the order of the trace, rows sum to 1; weights that sum to 1.

    Raises
    ------
    TraceError
        The outfall is not in the trace, the draws name none of its candidates, or one is no set of shares.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> from outfall.tracing import trace
    >>> draw_shares(trace(empty("outfalls", crs=4547), None, empty("sources", crs=4547)), "P1")
    Traceback (most recent call last):
    outfall.errors.TraceError: trace: no outfall 'P1'; it has 0 outfalls, such as ; trace.best() lists all
    """
    require_outfall(found.outfalls, outfall_id)
    rows = found.candidates[found.candidates["outfall_id"] == outfall_id]
    ids = rows["source_id"].tolist()
    if chemistry is not None:
        said = found.evidence[found.evidence["outfall_id"] == outfall_id]
        same = frozenset(name for name, line in LINES.items() if line.reads == "results")
        less = combine(rows, said, settings=found.settings, leave_out=same)
        rows = less.set_index("source_id").loc[ids].reset_index()
    rng = np.random.default_rng([seed, zlib.crc32(outfall_id.encode())])
    shares = _draw_worlds(found, rows, ids, draw_count, rng)
    weight = np.full(draw_count, 1.0 / draw_count)
    if chemistry is not None:
        shares, weight = _with_chemistry(
            shares, _read_draws(chemistry, ids, outfall_id), found.settings["subsets"]["kernel_share"]
        )
    return pd.DataFrame(shares, columns=ids), weight


def _draw_worlds(
    found: Trace, rows: pd.DataFrame, ids: list[str], draw_count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return shares drawn from who is the main source, who is beside it, and how much each may bring."""
    mean, sd = _log_loads(found, rows)
    side = side_shares(rows, settings=found.settings)
    order = np.argsort(np.array(ids, dtype=object), kind="stable")  # by id: the order of the rows does not matter
    posterior = rows["posterior_share"].to_numpy(dtype=float)[order]
    main = order[rng.choice(len(ids), size=draw_count, p=posterior / posterior.sum())]
    load = np.zeros((draw_count, len(ids)))
    for at in order:
        takes_part = rng.random(draw_count) < side[at]
        centre, spread = mean[at] - mean[main], np.hypot(sd[at], sd[main])
        below = rng.random(draw_count) * special.ndtr(-centre / spread)  # a lognormal ratio to the main load, cut at 1
        ratio = np.exp(np.minimum(centre + spread * special.ndtri(np.maximum(below, 1e-300)), 0.0))
        load[:, at] = np.where(takes_part, ratio, 0.0)
    load = np.where(load >= found.settings["subsets"]["least_part_share"], load, 0.0)
    load[np.arange(draw_count), main] = 1.0
    return np.asarray(load / load.sum(axis=1, keepdims=True))


def _log_loads(found: Trace, rows: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return natural log of what each candidate may bring here, and how far that is off."""
    load = found.settings["load"]
    may = found.sources.set_index("source_id")["discharge_m3d"].astype(float)
    known = np.log(may[may > 0])
    typical = float(known.median()) if len(known) else 0.0
    own = np.log(may.where(may > 0)).reindex(rows["source_id"]).to_numpy(dtype=float)
    exits = rows["exit_share"].to_numpy(dtype=float) if "exit_share" in rows.columns else np.ones(len(rows))
    exits = np.where(np.isfinite(exits) & (exits > 0), np.clip(exits, 0.01, 1.0), 1.0)
    is_nobody = (rows["source_id"] == UNREGISTERED).to_numpy()
    mean = np.where(np.isfinite(own), own, typical) + np.where(is_nobody, 0.0, np.log(exits))
    return mean, np.where(np.isfinite(own), load["ratio_sd"], 1.5 * load["ratio_sd"])


def _with_chemistry(
    shares: NDArray[np.float64], draws: NDArray[np.float64], kernel: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the worlds weighed by how near the draws of the mixture model come to them.

    Where hardly any world is near, loads and chemistry contradict each other, and the draws themselves join the worlds.
    """
    log = _log_kernel(shares, draws, kernel)
    weight = np.exp(log - log.max())
    weight = weight / weight.sum()
    if 1.0 / np.sum(weight**2) >= 20.0:
        return shares, weight
    both = np.concatenate([shares, draws])
    half = np.concatenate([0.5 * weight, np.full(len(draws), 0.5 / len(draws))])
    return both, half


def _log_kernel(shares: NDArray[np.float64], draws: NDArray[np.float64], kernel: float) -> NDArray[np.float64]:
    gap = (shares**2).sum(axis=1)[:, None] + (draws**2).sum(axis=1)[None, :] - 2.0 * shares @ draws.T
    return np.asarray(special.logsumexp(-np.maximum(gap, 0.0) / (2.0 * kernel**2), axis=1))


def _read_draws(chemistry: pd.DataFrame, ids: list[str], outfall_id: str) -> NDArray[np.float64]:
    named = [name for name in chemistry.columns if name in ids]
    values = np.array(chemistry.reindex(columns=ids).fillna(0.0), dtype=float)
    total = chemistry.fillna(0.0).to_numpy(dtype=float).sum(axis=1)
    values[:, ids.index(UNREGISTERED)] += total - values.sum(axis=1)
    problems = []
    if not named:
        some = ", ".join(map(str, chemistry.columns[:3]))
        problems.append(Problem(outfall_id, f"has draws of {some}, none of them a candidate", "name candidates"))
    bad = np.flatnonzero((values < -1e-9).any(axis=1) | (np.abs(total - 1.0) > 0.01))
    if not len(values) or len(bad):
        what = f"{len(bad)} of {len(values)} draws do not sum to 1 or fall below 0"
        problems.append(
            Problem(
                outfall_id, what, "give shares of the foul water that sum to 1", rows=tuple(str(row) for row in bad[:5])
            )
        )
    if problems:
        msg = "add_shares: draws of the mixture model cannot be used"
        raise TraceError(msg, problems)
    return np.asarray(np.clip(values, 0.0, None) / np.clip(values, 0.0, None).sum(axis=1, keepdims=True))


def _quantile(shares: NDArray[np.float64], weight: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    order = np.argsort(shares, axis=0, kind="stable")
    total = np.cumsum(weight[order], axis=0)
    at = np.minimum((total < level - 1e-12).sum(axis=0), len(shares) - 1)
    return np.asarray(np.take_along_axis(np.take_along_axis(shares, order, axis=0), at[None, :], axis=0)[0])
