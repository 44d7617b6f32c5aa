"""Who takes part where more than one discharges: probability of every set of sources, and of each being in it.

The main source is j with its posterior p_j. Beside it, each other candidate k takes part with a_k, its odds being the
size penalty times what speaks for it: P(S) = sum over j in S of p_j prod(a_k, k in S) prod(1 - a_k, k not in S). So
the sets sum to 1, the main source keeps its probability, and a set of more sources needs more evidence.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import TraceError
from outfall.tables import join_ids
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.ranking import require_outfall

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.tracing.answer import Trace
    from outfall.tracing.settings import Settings

__all__ = ["include_sources", "list_sets", "side_shares"]

_REST = "others"


def side_shares(candidates: pd.DataFrame, *, settings: Settings) -> NDArray[np.float64]:
    """Return the probability that each candidate takes part where it is not the main source.

    Parameters
    ----------
    candidates : DataFrame, n rows
        With ``outfall_id``, ``source_id`` and ``posterior_share``.
    settings : dict
        Section ``subsets``.

    Returns
    -------
    ndarray of n float
        Between 0 and 1. It rises with the odds against the source nobody registered.
    """
    part = settings["subsets"]
    share = candidates["posterior_share"].to_numpy(dtype=float)
    is_nobody = (candidates["source_id"] == UNREGISTERED).to_numpy()
    code, _ = pd.factorize(candidates["outfall_id"])
    nobody = np.bincount(code, np.where(is_nobody, share, 0.0))[code] if len(code) else share
    with np.errstate(divide="ignore"):
        odds = np.log(share) - np.log(np.maximum(nobody, 1e-12))
    logit = np.log(part["size_penalty"]) + part["evidence_power"] * np.clip(odds, -30.0, 30.0)
    logit = np.where(is_nobody, np.log(part["unregistered_penalty"]), logit)
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def include_sources(candidates: pd.DataFrame, *, settings: Settings) -> NDArray[np.float64]:
    """Return the probability that each candidate takes part: as the main source, or beside it.

    Parameters
    ----------
    candidates : DataFrame, n rows
        With ``outfall_id``, ``source_id`` and ``posterior_share``.
    settings : dict
        Section ``subsets``.

    Returns
    -------
    ndarray of n float
        At least ``posterior_share``; the sum over the sets of `list_sets` that hold the source.

    Examples
    --------
    >>> from outfall.tracing.settings import default_settings
    >>> rows = pd.DataFrame({"outfall_id": "P1", "source_id": ["S1", "unregistered"], "posterior_share": [0.8, 0.2]})
    >>> include_sources(rows, settings=default_settings()).round(1)[0] >= 0.8
    np.True_
    """
    share = candidates["posterior_share"].to_numpy(dtype=float)
    return np.asarray(share + (1.0 - share) * side_shares(candidates, settings=settings))


def list_sets(found: Trace, outfall_id: str, *, max_size: int = 3, level_share: float = 0.99) -> pd.DataFrame:
    """Return the sets of sources that may discharge together at one outfall, most probable first.

    Parameters
    ----------
    found : Trace
        Not changed.
    outfall_id : str
        One of its outfalls.
    max_size : int, default 3
        Sources in a set; larger sets are counted with the others.
    level_share : float, default 0.99
        Sets are listed until this much probability is reached.

    Returns
    -------
    DataFrame
        ``source_ids``, ``size_count``, ``set_share``; the last row, ``others``, holds every set not listed. Sums to 1.

    Raises
    ------
    TraceError
        The outfall is not in this trace, or an option is out of range.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> from outfall.tracing import trace
    >>> list_sets(trace(empty("outfalls", crs=4547), None, empty("sources", crs=4547)), "P1")
    Traceback (most recent call last):
    outfall.errors.TraceError: trace: no outfall 'P1'; it has 0 outfalls, such as ; trace.best() lists all
    """
    if max_size < 1 or not 0.0 < level_share <= 1.0:
        msg = f"list_sets: max_size {max_size}, level_share {level_share:g}; a size of 1 or more and a share above 0 were expected"
        raise TraceError(msg)
    require_outfall(found.outfalls, outfall_id)
    rows = found.candidates[found.candidates["outfall_id"] == outfall_id]
    ids = rows["source_id"].tolist()
    main = rows["posterior_share"].to_numpy(dtype=float)
    side = side_shares(rows, settings=found.settings)
    shares = dict(_sets(main, side, max_size))
    ranked = sorted(shares.items(), key=lambda item: (-round(item[1], 15), len(item[0]), item[0]))
    reached = np.cumsum([share for _, share in ranked])
    kept = ranked[: int(np.searchsorted(reached, level_share)) + 1]
    table = [(join_ids([ids[at] for at in chosen]), len(chosen), share) for chosen, share in kept]
    rest = max(1.0 - sum(share for *_, share in table), 0.0)
    out = pd.DataFrame([*table, (_REST, pd.NA, rest)], columns=["source_ids", "size_count", "set_share"])
    return out.astype({"source_ids": "str", "size_count": "Int64", "set_share": float})


def _sets(main: NDArray[np.float64], side: NDArray[np.float64], max_size: int) -> list[tuple[tuple[int, ...], float]]:
    """Return every set of the likeliest candidates with its probability; all the rest are not in it."""
    likely = np.argsort(-(main + (1.0 - main) * side), kind="stable")[:14]
    absent = np.log1p(-side)
    nothing = absent.sum()
    out = []
    for size in range(1, max_size + 1):
        for chosen in combinations(sorted(int(at) for at in likely), size):
            at = np.array(chosen)
            # with j the main source, k beside it: a_k / (1 - a_k) for those in the set, 1 - a_k for all but j
            odds = np.log(side[at]) - absent[at]
            terms = main[at] * np.exp(nothing - absent[at] + odds.sum() - odds)
            out.append((chosen, float(terms.sum())))
    return out
