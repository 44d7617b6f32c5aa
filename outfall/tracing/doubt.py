"""How sure the drawn direction of each drain is, where nothing but the drawing says it.

Sewer plans hold pipes drawn the wrong way round. Levels tell, and so do nodes into which water runs and never out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["doubt_directions"]

_AS_DRAWN = "digitised order"
_MOST = 4.0


def doubt_directions(
    reaches: pd.DataFrame,
    from_node: NDArray[np.int64],
    to_node: NDArray[np.int64],
    at_water: NDArray[np.bool_],
    direction: dict[str, float],
) -> NDArray[np.float64]:
    """Return the probability that water runs from ``from_node`` to ``to_node`` of each drain.

    Where the network has a reason for its ``forward_share`` that is kept. Where it only has the drawing, three things
    speak: how often pipes are drawn the wrong way, the fall between their levels, and whether turning one pipe would
    mend a node that water runs into and never out of.

    Parameters
    ----------
    reaches : DataFrame, n rows
        Drains and interfaces.
    from_node, to_node : array of n int
        Positions of their nodes.
    at_water : array of bool, nodes
        Whether open water is beside the node: a pipe that begins there may well end there.
    direction : dict
        Section ``direction`` of the settings.

    Returns
    -------
    array of n float
        Probability of the drawn direction.
    """
    share = reaches["forward_share"].fillna(1.0).to_numpy(dtype=float)
    drawn = (reaches["forward_reason"].fillna(_AS_DRAWN) == _AS_DRAWN).to_numpy() & (share == 1.0)
    turnable = drawn & reaches["kind"].isin(["gravity_sewer", "culvert", "ditch"]).to_numpy()
    fall_m = (reaches["invert_from_m"] - reaches["invert_to_m"]).to_numpy(dtype=float)
    against = np.full(len(reaches), logit(direction["drawn_wrong_share"]))
    against += np.clip(-np.nan_to_num(fall_m) / direction["fall_sigma_m"], -_MOST, _MOST)
    against += _mends(from_node, to_node, turnable, at_water, direction["dead_end_lr"])
    return np.where(turnable, 1.0 - expit(against), share)


def _mends(
    from_node: NDArray[np.int64],
    to_node: NDArray[np.int64],
    turnable: NDArray[np.bool_],
    at_water: NDArray[np.bool_],
    dead_end_lr: float,
) -> NDArray[np.float64]:
    """Return the log evidence that a reach is drawn the wrong way: turning it gives a dead end its way out."""
    size = len(at_water)
    leaving, entering = np.bincount(from_node, minlength=size), np.bincount(to_node, minlength=size)
    is_dead = (leaving == 0) & (entering >= 2)
    leads_out = (leaving >= 2) | (at_water & (entering == 0))
    is_way_out = turnable & is_dead[to_node] & leads_out[from_node]
    ways = np.bincount(to_node[is_way_out], minlength=size)
    return np.where(is_way_out, np.log(dead_end_lr / np.maximum(ways[to_node], 1)), 0.0)
