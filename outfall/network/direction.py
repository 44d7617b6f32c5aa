"""Which way each reach flows, as evidence: ``forward_share`` and every reason for it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.special import expit, logit

from outfall.errors import NetworkError, Problem
from outfall.network.arrays import CERTAIN_SHARE
from outfall.network.continuity import carry_odds
from outfall.network.evidence import Said, hear_diameters, hear_ground, hear_levels, hear_mouths, hear_ways
from outfall.network.followed import find_ways
from outfall.network.graph import Network
from outfall.network.meetings import PIPES, find_meetings, find_mouths
from outfall.network.turning import turn_reaches
from outfall.vocabulary import plain

__all__ = ["default_weights", "weigh_direction"]

Ground: TypeAlias = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

_TURNABLE = ("river", "ditch", "culvert", "gravity_sewer", "gate")
_AS_DRAWN = "digitised order"
_UNKNOWN = ("indeterminate", "uninitialized", "unknown", "不定", "不明")
_LEAST = 0.05  # log odds below this are not worth a reason


def weigh_direction(
    network: Network,
    *,
    links: pd.DataFrame | None = None,
    ground: Ground | None = None,
    mouths: Iterable[str] | None = None,
    weights: Mapping[str, float] | None = None,
    turn: bool = True,
) -> Network:
    """Return the network with the probability that each reach runs as drawn, and every reason for it.

    The log odds of a reach add up what is known of it: the order it is drawn in, the levels of its ends, the ground,
    how pipes grow, the way to known mouths, and water that was followed. Then continuity is carried from reach to
    reach: water neither ends nor begins in the middle of a network, and a river of one name runs through. Directions
    that a file states, tidal reaches, pumps, pressure mains, weirs and discharge interfaces are kept.

    What `Network.upstream` and its sums take as certain is a share from 0.95 on; below it a reach is walked both ways.

    Parameters
    ----------
    network : Network
        Levels are ``invert_from_m`` and ``invert_to_m`` of reaches, else ``invert_m`` of nodes; ground is
        ``ground_from_m`` and ``ground_to_m``, else ``ground_m`` of nodes; pipes have ``diameter_mm``.
    links : DataFrame, optional
        Contract ``links``; rows between ``reaches`` or ``nodes`` say which way water was followed. Others are left.
    ground : callable, optional
        Takes arrays of east and north in the CRS of the network and returns ground levels in metres, NaN where it has
        none: a sampler of an elevation model. Wins over columns.
    mouths : iterable of str, optional
        Ids of nodes where water is known to leave. Outfalls and where pipes enter a river are known without it.
    weights : mapping of str to float, optional
        Wins over `default_weights`.
    turn : bool, default True
        Whether a reach that surely runs against its drawing (a share up to 0.05) is turned, so that all lines run
        downstream; its places then count from the other end, and a row of ``issues`` says so.

    Returns
    -------
    Network
        Reaches in the same order, with ``forward_share``, ``forward_reason`` and ``forward_reason_zh``.

    Raises
    ------
    NetworkError
        A node of ``mouths``, a place of ``links`` or a name of ``weights`` is unknown.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> pipes = gpd.GeoDataFrame({"reach_id": ["A", "B"], "kind": "gravity_sewer", "invert_from_m": [2.1, 2.0],
    ...     "invert_to_m": [2.5, 1.9]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400100, 400000 3400200)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> weighed = weigh_direction(build_network(None, pipes=pipes), turn=False).reaches
    >>> weighed["forward_share"].round(2).tolist()
    [0.38, 1.0]
    >>> weighed["forward_reason"][0]
    'digitised order (+4.2); levels fall -0.40 m (-4.0); what joins it (-0.7)'
    """
    settings = _settings(weights)
    arrays, reaches = network.arrays, network.reaches
    free, drawn = _find_free(reaches)
    if not free.any():
        return network
    known = find_mouths(network, mouths)
    said = [
        _hear_drawing(drawn, settings),
        hear_levels(reaches, network.nodes, arrays, settings),
        _hear_ground(network, ground, settings),
        hear_diameters(_numbers(reaches, "diameter_mm"), arrays, settings),
        hear_mouths(known, arrays, reaches["kind"].isin(PIPES).to_numpy() | (mouths is not None), settings["mouth_lr"]),
        hear_ways(find_ways(network, links), arrays, settings),
    ]
    own = np.where(free, np.sum([item.log_odds for item in said], axis=0), logit(_given(reaches)))
    meetings = find_meetings(network, free, known, settings)
    odds = carry_odds(own, meetings, rounds=int(settings["rounds"]))
    said.append(Said(odds - np.clip(own, -30.0, 30.0), "what joins it", "相邻河段·管段", np.zeros(len(own))))
    share = np.where(free, expit(odds), _given(reaches))
    weighed = _write(reaches, free, share, said)
    surely_against = free & (share <= 1.0 - CERTAIN_SHARE)
    if turn and surely_against.any():
        return turn_reaches(Network(weighed, network.nodes, network.issues), np.flatnonzero(surely_against))
    return Network(weighed, network.nodes, network.issues)


def default_weights() -> dict[str, float]:
    """Return how much each kind of evidence says, free to be changed: a new copy each time.

    Returns
    -------
    dict of str to float
        Every one is our default, none a rule of a standard; ``direction.toml`` says what each is.

    Examples
    --------
    >>> default_weights()["drawn_wrong_share"]
    0.015
    """
    return dict(_defaults())


@cache
def _defaults() -> Mapping[str, float]:
    with files(__package__).joinpath("direction.toml").open("rb") as stream:
        return {name: float(value) for name, value in tomllib.load(stream)["weights"].items()}


def _settings(weights: Mapping[str, float] | None) -> dict[str, float]:
    known = default_weights()
    lost = [name for name in weights or {} if name not in known]
    if lost:
        fix = f"the weights are {', '.join(known)}"
        msg = "weigh_direction"
        raise NetworkError(msg, [Problem("weights", f"{name!r} is not one of them", fix) for name in lost])
    return {**known, **(weights or {})}


def _find_free(reaches: pd.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which reaches nothing but evidence can direct, and which of them are drawn in an order that counts."""
    reason = reaches["forward_reason"].fillna(_AS_DRAWN).astype("str")
    share = _given(reaches)
    drawn = (reason == _AS_DRAWN).to_numpy() & (share == 1.0)
    code, texts = pd.factorize(reason)  # many reaches, few texts
    words = {plain(word) for word in _UNKNOWN}
    is_unknown = np.array([plain(text.removeprefix("the file says ")) in words for text in texts], dtype=bool)
    unknown = (is_unknown[code] if len(code) else np.zeros(0, dtype=bool)) & (share == 0.5)
    turnable = reaches["kind"].isin(_TURNABLE).to_numpy() & (reaches["from_node"] != reaches["to_node"]).to_numpy()
    return turnable & (drawn | unknown), drawn


def _hear_drawing(drawn: NDArray[np.bool_], settings: Mapping[str, float]) -> Said:
    odds = np.where(drawn, logit(1.0 - settings["drawn_wrong_share"]), 0.0)
    return Said(odds, _AS_DRAWN, "数字化方向", odds)


def _hear_ground(network: Network, ground: Ground | None, settings: Mapping[str, float]) -> Said:
    reaches, arrays = network.reaches, network.arrays
    if ground is not None:
        place = shapely.get_coordinates(network.nodes.geometry.to_numpy())
        level = np.asarray(ground(place[:, 0], place[:, 1]), dtype=float)
        ends = level[arrays.from_node], level[arrays.to_node]
    else:
        level = _numbers(network.nodes, "ground_m")
        at = (("ground_from_m", arrays.from_node), ("ground_to_m", arrays.to_node))
        own = [_numbers(reaches, column) for column, _ in at]
        ends = tuple(  # type: ignore[assignment]
            np.where(np.isnan(mine), level[node], mine) for mine, (_, node) in zip(own, at, strict=True)
        )
    return hear_ground(*ends, reaches["kind"].isin(PIPES).to_numpy(), settings)


def _given(reaches: pd.DataFrame) -> NDArray[np.float64]:
    return reaches["forward_share"].fillna(1.0).to_numpy(dtype=float)


def _numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[column], errors="coerce").astype("float64"), dtype=float)


def _write(
    reaches: gpd.GeoDataFrame, free: NDArray[np.bool_], share: NDArray[np.float64], said: list[Said]
) -> gpd.GeoDataFrame:
    """Return the reaches with their shares and every reason that counts."""
    texts = {"forward_reason": "words", "forward_reason_zh": "words_zh"}
    marks = {"forward_reason": ("; ", " ({:+.1f})"), "forward_reason_zh": (";", "({:+.1f})")}
    columns = {}
    for column, field in texts.items():
        between, odds = marks[column]
        parts: list[list[str]] = [[] for _ in range(len(reaches))]
        for item in said:
            for row in np.flatnonzero(free & (np.abs(item.log_odds) > _LEAST)).tolist():
                text = str(getattr(item, field)).format(item.value[row])
                parts[row].append(text + odds.format(item.log_odds[row]))
        nothing = "nothing speaks for either way" if column == "forward_reason" else "无依据"
        new = pd.Series([between.join(part) or nothing for part in parts], index=reaches.index, dtype="str")
        known = reaches[column] if column in reaches.columns else pd.Series(index=reaches.index, dtype="str")
        columns[column] = new.where(free, known)
    out = reaches.assign(forward_share=share, **columns)
    assert isinstance(out, gpd.GeoDataFrame)
    return out
