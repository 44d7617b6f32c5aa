"""Which shares of which sources one water is likely to be made of: the numbers behind a mixture.

The shares are integrated over every small set of sources. Each set is looked at with points spread evenly over its
shares; sets that matter are looked at again with points where the likelihood is (adaptive importance sampling).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from outfall.tracing.mixture_likelihood import log_likelihood

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from outfall.tracing.mixture_likelihood import Mixed, Tracers

__all__ = ["Weighed", "weigh_shares"]

_POINTS = {1: 1, 2: 32, 3: 64, 4: 96}
_AGAIN = 128
_ROUNDS = 2
_KEPT_SETS = 14
_KEPT_LOG = 9.0
_BEAM = 24
_TAIL_DF = 5.0
_FORGOTTEN, _FORGOTTEN_LOG = 1e-7, 14.0
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Weighed:
    """Shares that may be, and how likely each is.

    Parameters
    ----------
    share : array, points x sources
        Each row sums to 1, with exact zeros.
    weight : array, points
        Sums to 1.
    log_evidence : float
        Log probability of the water, shares integrated out.
    """

    share: NDArray[np.float64]
    weight: NDArray[np.float64]
    log_evidence: float


@dataclass(slots=True)
class _Set:
    """One set of sources while it is looked at.

    ``at`` are log ratios of shares, ``prior`` their log density, ``target`` prior times likelihood, ``even`` how many
    points were spread evenly, ``drawn`` what drew the others, ``weight`` log weights whose sum is ``evidence``.
    """

    members: tuple[int, ...]
    at: NDArray[np.float64]
    prior: NDArray[np.float64]
    target: NDArray[np.float64]
    even: int
    drawn: list[tuple[NDArray[np.float64], NDArray[np.float64]]]
    weight: NDArray[np.float64]
    evidence: float

    def weigh(self) -> None:
        """Bring weights and evidence up to date with the points."""
        density = np.log(self.even) + self.prior
        for mean, root in self.drawn:
            density = np.logaddexp(density, np.log(_AGAIN) + _log_t(self.at, mean, root))
        self.weight = self.target - density
        self.evidence = _log_sum(self.weight)


def weigh_shares(water: Tracers, mixed: Mixed, settings: Mapping[str, float]) -> Weighed:
    """Return the shares one water may be made of, with their probabilities.

    Parameters
    ----------
    water : Tracers
        What was measured.
    mixed : Mixed
        What each source brings, in the same tracers.
    settings : mapping of str to float
        ``size_penalty``, ``share_alpha``, ``most_sources``, ``tail_df``.

    Returns
    -------
    Weighed
        Points over all sets of sources that matter.
    """
    sources = len(mixed.amount)
    most = min(int(settings["most_sources"]), sources, max(_POINTS))
    found: list[_Set] = []
    last: list[_Set] = []
    for size in range(1, most + 1):
        last = _look(_members(last, size, sources), water, mixed, settings)
        found += last
    for _ in range(_ROUNDS):
        _look_again(found, water, mixed, settings)
    return _gather(found, sources)


def _members(last: list[_Set], size: int, sources: int) -> NDArray[np.int64]:
    """Return the sets of one size: all singles and pairs, then the best of the size below with each further source."""
    if size == 1:
        return np.arange(sources)[:, None]
    if size == 2:
        return np.stack(np.triu_indices(sources, 1), axis=1)
    best = np.argsort([-one.evidence for one in last], kind="stable")[:_BEAM]
    grown = {
        tuple(sorted((*last[at].members, more)))
        for at in best
        for more in range(sources)
        if more not in last[at].members
    }
    return np.array(sorted(grown), dtype=np.int64)


def _look(members: NDArray[np.int64], water: Tracers, mixed: Mixed, settings: Mapping[str, float]) -> list[_Set]:
    """Return sets of one size, each with points spread evenly over its shares."""
    size, alpha = members.shape[1], settings["share_alpha"]
    shares = _even(size, _POINTS[size], alpha)
    count = len(shares)
    rows = np.repeat(members, count, axis=0)
    likely = log_likelihood(
        water, mixed, rows, np.tile(shares, (len(members), 1)), settings["tail_df"], is_fine=size == 1
    )
    likely = likely.reshape(len(members), count) + _log_size(size, len(mixed.amount), settings)
    at = np.log(shares[:, :-1]) - np.log(shares[:, -1:])
    prior = _log_prior(at, alpha)
    weight = likely - np.log(count)
    highest = weight.max(axis=1)
    evidence = highest + np.log(np.exp(weight - highest[:, None]).sum(axis=1))
    return [
        _Set(tuple(one), at, prior, likely[k] + prior, count, [], weight[k], float(evidence[k]))
        for k, one in enumerate(members.tolist())
    ]


def _look_again(found: list[_Set], water: Tracers, mixed: Mixed, settings: Mapping[str, float]) -> None:
    """Give the sets that matter further points, where the likelihood is."""
    order = np.argsort([-one.evidence for one in found], kind="stable")[:_KEPT_SETS]
    least = found[order[0]].evidence - _KEPT_LOG
    chosen = [found[at] for at in order if found[at].evidence > least and len(found[at].members) > 1]
    for size in sorted({len(one.members) for one in chosen}):
        group = [one for one in chosen if len(one.members) == size]
        _refine([one for one in group if not one.drawn], water, mixed, settings)
        fits = [_fit(one) for one in group]
        at = np.stack([mean + _bell(size - 1, _AGAIN) @ root.T for mean, root in fits])
        rows = np.repeat(np.array([one.members for one in group]), _AGAIN, axis=0)
        likely = log_likelihood(water, mixed, rows, _to_shares(at).reshape(-1, size), settings["tail_df"], is_fine=True)
        likely = likely.reshape(len(group), _AGAIN) + _log_size(size, len(mixed.amount), settings)
        for one, where, part, fit in zip(group, at, likely, fits, strict=True):
            prior = _log_prior(where, settings["share_alpha"])
            one.at = np.concatenate([one.at, where])
            one.prior = np.concatenate([one.prior, prior])
            one.target = np.concatenate([one.target, part + prior])
            one.drawn = [*one.drawn, fit]
            one.weigh()


def _refine(group: list[_Set], water: Tracers, mixed: Mixed, settings: Mapping[str, float]) -> None:
    """Weigh the even points of sets of one size anew, each sum integrated: at first its moments were good enough."""
    if not group or mixed.cov.ndim > 2:
        return
    size, even = len(group[0].members), group[0].even
    rows = np.repeat(np.array([one.members for one in group]), even, axis=0)
    shares = np.tile(_to_shares(group[0].at), (len(group), 1))
    likely = log_likelihood(water, mixed, rows, shares, settings["tail_df"], is_fine=True).reshape(len(group), even)
    for one, part in zip(group, likely, strict=True):
        one.target = part + _log_size(size, len(mixed.amount), settings) + one.prior
        one.weigh()


def _fit(one: _Set) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centre and root of the spread of the points; weights are flattened until enough of them count."""
    log_weight = one.weight - one.weight.max()
    size = one.at.shape[1]
    for power in (1.0, 0.5, 0.25, 0.1, 0.03):
        weight = np.exp(log_weight * power)
        weight /= weight.sum()
        if 1.0 / (weight**2).sum() >= 4 * (size + 1):
            break
    mean = weight @ one.at
    off = one.at - mean
    cov = 1.3 * (off * weight[:, None]).T @ off + 1e-4 * np.eye(size)
    return mean, np.linalg.cholesky(cov)


def _gather(found: list[_Set], sources: int) -> Weighed:
    total = _log_sum(np.array([one.evidence for one in found]))
    found = [one for one in found if one.evidence > total - _FORGOTTEN_LOG]
    shares = []
    for one in found:
        full = np.zeros((len(one.target), sources))
        full[:, list(one.members)] = _to_shares(one.at)
        shares.append(full)
    weight = np.exp(np.concatenate([one.weight for one in found]) - total)
    kept = weight > _FORGOTTEN
    return Weighed(np.concatenate(shares)[kept], weight[kept] / weight[kept].sum(), total)


def _log_size(size: int, sources: int, settings: Mapping[str, float]) -> float:
    """Return the log prior of one set: how many sources take part comes first, then which, all alike.

    So a longer library does not make mixtures of many sources likelier.
    """
    most = min(int(settings["most_sources"]), sources, max(_POINTS))
    total = sum(settings["size_penalty"] ** number for number in range(1, most + 1))
    return float(size * np.log(settings["size_penalty"]) - np.log(special.comb(sources, size)) - np.log(total))


def _log_sum(logs: NDArray[np.float64]) -> float:
    highest = float(logs.max())
    return highest + float(np.log(np.exp(logs - highest).sum()))


def _to_shares(at: NDArray[np.float64]) -> NDArray[np.float64]:
    logs = np.concatenate([at, np.zeros((*at.shape[:-1], 1))], axis=-1)
    parts = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(parts / parts.sum(axis=-1, keepdims=True))


def _log_prior(at: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Return the log density of even shares, in log ratios to the last one."""
    size = at.shape[1] + 1
    logs = np.log(_to_shares(at) + _TINY)
    return np.asarray(special.gammaln(size * alpha) - size * special.gammaln(alpha) + alpha * logs.sum(axis=1))


def _log_t(at: NDArray[np.float64], mean: NDArray[np.float64], root: NDArray[np.float64]) -> NDArray[np.float64]:
    size = at.shape[1]
    z = np.linalg.solve(root, (at - mean).T)
    constant = special.gammaln((_TAIL_DF + size) / 2) - special.gammaln(_TAIL_DF / 2)
    constant -= size / 2 * np.log(_TAIL_DF * np.pi) + np.log(np.diag(root)).sum()
    return np.asarray(constant - (_TAIL_DF + size) / 2 * np.log1p((z**2).sum(axis=0) / _TAIL_DF))


def _lattice(count: int, size: int) -> NDArray[np.float64]:
    """Return points that fill the unit cube evenly (the golden ratio of each dimension), never 0 or 1."""
    ratio = 2.0
    for _ in range(40):
        ratio = (1.0 + ratio) ** (1.0 / (size + 1))
    steps = ratio ** -np.arange(1.0, size + 1)
    points = (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0
    return np.clip(points, 1e-6, 1.0 - 1e-6)


@cache
def _even(size: int, count: int, alpha: float) -> NDArray[np.float64]:
    """Return shares spread as the prior says: a stick broken size - 1 times."""
    if size == 1:
        return np.ones((1, 1))
    left, parts = np.ones(count), []
    for place, cut in enumerate(_lattice(count, size - 1).T):
        part = special.betaincinv(alpha, alpha * (size - 1 - place), cut)
        parts.append(left * part)
        left = left * (1.0 - part)
    return np.maximum(np.stack([*parts, left], axis=1), 1e-9)


@cache
def _bell(size: int, count: int) -> NDArray[np.float64]:
    """Return points spread as a Student t of several dimensions."""
    cube = _lattice(count, size + 1)
    scale = np.sqrt(_TAIL_DF / special.chdtri(_TAIL_DF, cube[:, -1]))
    return np.asarray(special.ndtri(cube[:, :-1]) * scale[:, None])
