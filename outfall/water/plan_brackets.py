"""Where to sample above and below an outfall, so that the difference is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.network.mixing import mixing_lengths

if TYPE_CHECKING:
    from outfall.network import Network

__all__ = ["find_brackets"]

OPEN = ("river", "ditch", "tidal")
_CLEAR_M = 10.0  # this far from the next discharge or confluence
_FRICTION_PER_VELOCITY = 0.1  # where the fall is not known: friction velocity a tenth of the velocity; our default
_BANK_PER_SPREAD = 0.4 / 0.6


class _Spot(NamedTuple):
    reach: int
    along_m: float
    moved_m: float
    stop: str


_STOPS = {
    "": ("", ""),
    "discharge": ("; another discharge lies in between, so it ends before it", "; 其间有另一排口, 止于其前"),
    "confluence": ("; a confluence lies in between, so it ends before it", "; 其间有汇流口, 止于其前"),
    "end": ("; the network ends there", "; 管网资料止于此"),
}


def find_brackets(
    outfalls: gpd.GeoDataFrame, network: Network, *, upstream_m: float = 30.0, farthest_m: float = 500.0
) -> gpd.GeoDataFrame:
    """Return a point above and a point below every outfall on open water.

    The upper one lies ``upstream_m`` above, the lower one where the water of the outfall has mixed over the river, but
    never beyond the next discharge or confluence, nor beyond ``farthest_m``: there it stands on the bank of the outfall
    and says that it is not mixed.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        ``outfall_id``, ``reach_id``, ``along_m``, ``side``; those on pipes are taken to the water their pipe comes to.
        Not changed.
    network : Network
        Width, depth, velocity and fall give the mixing length.
    upstream_m : float, default 30
        Distance of the upper point.
    farthest_m : float, default 500
        Farthest distance of the lower point.

    Returns
    -------
    GeoDataFrame, at most 2 n rows, Point, CRS of the network
        ``outfall_id``, ``role`` (``upstream``, ``downstream``), ``reach_id``, ``along_m``, ``side``, ``distance_m``,
        ``mixing_m``, ``is_mixed`` (missing above, or where no length is known), ``reason``, ``reason_zh``. An outfall at
        the head of its river has no upper point.

    Raises
    ------
    NetworkError
        A reach is not in the network.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> river = gpd.GeoDataFrame({"reach_id": ["A"], "width_m": [4.0], "depth_m": [0.5], "slope_share": [0.002]},
    ...     crs=32650, geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400000, 501000 3400000)"]))
    >>> mouths = gpd.GeoDataFrame({"outfall_id": ["P1"], "reach_id": ["A"], "along_m": [400.0], "side": ["left"]},
    ...     geometry=gpd.points_from_xy([500400], [3400005]), crs=32650)
    >>> find_brackets(mouths, build_network(river))[["role", "distance_m", "is_mixed"]].values.tolist()
    [['upstream', 30.0, <NA>], ['downstream', 86.17, True]]
    """
    known = outfalls[outfalls["reach_id"].notna()]
    walker = _Walker(network, known)
    mixing = _mixing(network)
    rows = []
    for number, row in enumerate(known.itertuples()):
        at = walker.place(number)
        if at is None:
            continue
        side = row.side if isinstance(row.side, str) else None
        up = walker.up(*at, upstream_m)
        if up.moved_m > 0:
            rows.append(_row(row.outfall_id, "upstream", walker, up, side, np.nan))
        length = float(mixing[at[0]])
        wanted = min(length if np.isfinite(length) else farthest_m, farthest_m)
        down = walker.down(*at, wanted)
        if down.moved_m > 0:
            rows.append(_row(row.outfall_id, "downstream", walker, down, side, length))
    return _table(rows, network)


_WORDS = {
    "upstream": ("not reached by it", "不受其影响"),
    "True": ("mixed", "已混合"),
    "False": ("not mixed: keep to this bank", "未混合, 须同岸采样"),
    "None": ("mixing length unknown", "混合长度未知"),
}


class _Walker:
    """Walks along open water from the place of an outfall, and knows where the others are."""

    def __init__(self, network: Network, outfalls: pd.DataFrame) -> None:
        self.reaches = network.reaches
        self.arrays = network.arrays
        self.is_open = self.reaches["kind"].isin(OPEN).to_numpy(dtype=bool)
        self.length = self.reaches["length_m"].to_numpy(dtype=float)
        reach = network.position(outfalls["reach_id"]) if len(outfalls) else np.zeros(0, dtype=np.int64)
        along = outfalls["along_m"].fillna(0.0).to_numpy(dtype=float)
        self.at = [self._to_water(int(r), float(a)) for r, a in zip(reach, along, strict=True)]
        self.others: dict[int, list[float]] = {}
        for place in self.at:
            if place is not None:
                self.others.setdefault(place[0], []).append(place[1])

    def place(self, number: int) -> tuple[int, float] | None:
        return self.at[number]

    def down(self, reach: int, along_m: float, wanted_m: float) -> _Spot:
        """Return the place a distance further down, or where something else comes in."""
        moved, start = 0.0, along_m
        while True:
            ahead = min((other for other in self.others.get(reach, []) if other > start + 1e-6), default=np.inf)
            end = min(start + wanted_m - moved, self.length[reach])
            if ahead - _CLEAR_M <= end:
                to = max(ahead - _CLEAR_M, start)
                return _Spot(reach, to, moved + to - start, "discharge")
            moved = moved + end - start
            following = self._following(reach, is_own=moved <= _CLEAR_M)
            if moved >= wanted_m - 1e-9:
                return _Spot(reach, end, moved, "")
            if isinstance(following, str):
                back = min(_CLEAR_M, end - start)
                return _Spot(reach, end - back, moved - back, following)
            reach, start = following, -1e-6

    def up(self, reach: int, along_m: float, wanted_m: float) -> _Spot:
        """Return the place a distance further up, or where something else comes in."""
        moved, start = 0.0, along_m
        while True:
            behind = max((other for other in self.others.get(reach, []) if other < start - 1e-6), default=-np.inf)
            end = max(start - wanted_m + moved, 0.0)
            if behind + _CLEAR_M >= end:
                to = min(behind + _CLEAR_M, start)
                return _Spot(reach, to, moved + start - to, "discharge")
            moved = moved + start - end
            before = self._before(reach, is_own=moved <= _CLEAR_M)
            if moved >= wanted_m - 1e-9 or isinstance(before, str):
                return _Spot(reach, end, moved, "" if moved >= wanted_m - 1e-9 else str(before))
            reach, start = before, float(self.length[before]) + 1e-6

    def _following(self, reach: int, *, is_own: bool) -> int | str:
        """Return the reach below, or what comes in before it; the pipe of the outfall itself does not count."""
        node = int(self.arrays.to_node[reach])
        word = self._entry(node, is_own=is_own)
        onward = [r for r in self._beside(self.arrays.leaves, node) if self.is_open[r]]
        return word or (min(onward, key=lambda r: int(self.arrays.rank[r])) if onward else "end")

    def _before(self, reach: int, *, is_own: bool) -> int | str:
        node = int(self.arrays.from_node[reach])
        word = self._entry(node, is_own=is_own)
        coming = [r for r in self._beside(self.arrays.ends_at, node) if self.is_open[r]]
        return word or (int(coming[0]) if coming else "end")

    def _entry(self, node: int, *, is_own: bool) -> str:
        coming = self._beside(self.arrays.ends_at, node)
        if self.is_open[coming].sum() > 1:
            return "confluence"
        return "discharge" if len(coming) > 1 and not is_own else ""

    def _to_water(self, reach: int, along_m: float) -> tuple[int, float] | None:
        seen: set[int] = set()
        while not self.is_open[reach]:
            seen.add(reach)
            leaving = self._beside(self.arrays.leaves, int(self.arrays.to_node[reach]))
            onward = [r for r in leaving if r not in seen]
            if not onward:
                return None
            reach, along_m = min(onward, key=lambda r: (not self.is_open[r], int(self.arrays.rank[r]))), 0.0
        return reach, min(along_m, float(self.length[reach]))

    @staticmethod
    def _beside(csr: tuple[np.ndarray, np.ndarray], node: int) -> np.ndarray:
        start, rows = csr
        return np.asarray(rows[start[node] : start[node + 1]], dtype=np.int64)


def _mixing(network: Network) -> np.ndarray:
    """Return the mixing length of every reach; where the fall is missing, from width and depth alone."""
    said = mixing_lengths(network)["mixing_m"].to_numpy(dtype=float)
    width = network.reaches["width_m"].to_numpy(dtype=float, na_value=np.nan)
    depth = network.reaches["depth_m"].to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        rough = _BANK_PER_SPREAD * width**2 / (depth * _FRICTION_PER_VELOCITY)
    return np.where(np.isfinite(said), said, rough)


def _row(
    outfall_id: str, role: str, walker: _Walker, spot: _Spot, side: str | None, mixing_m: float
) -> dict[str, object]:
    is_mixed = None if role == "upstream" or not np.isfinite(mixing_m) else bool(spot.moved_m >= mixing_m - 1e-6)
    why, why_zh = _STOPS[spot.stop]
    word, word_zh = _WORDS["upstream" if role == "upstream" else str(is_mixed)]
    where, where_zh = ("below", "下游") if role == "downstream" else ("above", "上游")
    return {
        "outfall_id": outfall_id,
        "role": role,
        "reach_id": walker.reaches["reach_id"].iloc[spot.reach],
        "along_m": spot.along_m,
        "side": side,
        "distance_m": round(spot.moved_m, 3),
        "mixing_m": mixing_m,
        "is_mixed": is_mixed,
        "reason": f"{spot.moved_m:.0f} m {where}: {word}{why}",
        "reason_zh": f"{where_zh} {spot.moved_m:.0f} 米: {word_zh}{why_zh}",
        "geometry": _point(walker, spot),
    }


def _point(walker: _Walker, spot: _Spot) -> shapely.Point:
    line = walker.reaches.geometry.iloc[spot.reach]
    share = spot.along_m / walker.length[spot.reach] if walker.length[spot.reach] > 0 else 0.0
    return shapely.line_interpolate_point(line, share, normalized=True)


def _table(rows: list[dict[str, object]], network: Network) -> gpd.GeoDataFrame:
    columns = ["outfall_id", "role", "reach_id", "along_m", "side", "distance_m", "mixing_m", "is_mixed", "reason"]
    frame = pd.DataFrame(rows, columns=[*columns, "reason_zh", "geometry"])
    text = dict.fromkeys(["outfall_id", "role", "reach_id", "side", "reason", "reason_zh"], "str")
    frame = frame.astype({**text, "is_mixed": "boolean"})
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=network.crs)
