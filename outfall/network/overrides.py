"""What a user decides against the builder: which ends are joined, which are not, which lines are turned or left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import to_crs
from outfall.errors import NetworkError, Problem
from outfall.network.cut import cut_rows
from outfall.tables import split_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.join import Atoms
    from outfall.network.record import Record

__all__ = ["ACTIONS", "Overrides", "Undo", "list_overrides"]

ACTIONS = ("join", "apart", "turn", "drop", "keep")
Undo: TypeAlias = Sequence[str] | pd.DataFrame | None

_NEAR_M = 1.0  # how near to the place of an override an end is meant by it
_FIX = "list_overrides says which issues are decisions; a line is turned or left out by a row of your own"


def list_overrides(issues: pd.DataFrame, issue_ids: Sequence[str]) -> gpd.GeoDataFrame:
    """Return the rows that make the builder decide the other way where an issue says what it did.

    The rows may be saved, edited and passed as ``undo`` to `build_network`: ``action`` is one of join (the lines meet at
    the place), apart (their ends near the place are one only where they are identical; without a place, anywhere),
    turn (the line runs the other way), drop (it is left out), keep (a copy is kept).

    Parameters
    ----------
    issues : DataFrame
        The issues of a network.
    issue_ids : sequence of str
        Which decisions are reversed.

    Returns
    -------
    GeoDataFrame
        ``action``, ``about``, ``row_ids``, ``reason`` and the place, in the CRS of the issues.

    Raises
    ------
    NetworkError
        An id is none of the issues, or the issue is an observation and no decision.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network, list_overrides
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400000, 400100 3400000)", "LINESTRING (400100.2 3400000, 400200 3400000)"]))
    >>> issues = build_network(lines).issues
    >>> rows = list_overrides(issues, issues["issue_id"])
    >>> rows[["action", "row_ids"]].to_numpy().tolist()
    [['apart', 'A;B']]
    >>> build_network(lines, undo=rows).upstream("B")
    ['B']
    """
    known = issues.drop_duplicates("issue_id").set_index("issue_id")
    rows, problems = [], []
    for name in dict.fromkeys(map(str, issue_ids)):
        if name not in known.index:
            problems.append(Problem("undo", f"no issue {name!r}", "take an issue_id of network.issues"))
            continue
        row = known.loc[name]
        action = _opposite(row)
        if action is None:
            problems.append(Problem("undo", f"{name} ({row['kind']}) is no decision that can be reversed", _FIX))
            continue
        ids = _dropped(row) if action == "keep" else str(row["row_ids"])
        rows.append((action, str(row["about"]), ids, f"undo {name}", row["geometry"]))
    if problems:
        msg = "overrides"
        raise NetworkError(msg, problems)
    frame = pd.DataFrame(rows, columns=["action", "about", "row_ids", "reason", "geometry"])
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=getattr(issues, "crs", None))


def _opposite(row: pd.Series) -> str | None:
    """Return the action that reverses the decision of an issue, if it is one."""
    kind, decision = str(row["kind"]), str(row["decision"])
    if kind == "unsnapped" and decision.startswith("joined to one node"):
        return None if "override" in decision else "apart"
    if kind == "unsnapped" and decision.startswith("kept apart"):
        return None if "no line becomes a point" in decision or "override" in decision else "join"
    if kind in {"split_line", "interface"} and decision.endswith("is cut there") | decision.startswith("joined by"):
        return "apart"
    if (kind in {"dangling", "crossing"} and ";" in str(row["row_ids"])) or (
        kind == "overlap" and row["geometry"] is not None
    ):
        return "join"
    if kind == "duplicate" and "left out" in decision:
        return "keep"
    single = ";" not in str(row["row_ids"])
    return "turn" if kind == "reversed" and single else None


def _dropped(row: pd.Series) -> str:
    kept = str(row["decision"]).removeprefix("kept ").split(" (")[0]
    return ";".join(name for name in split_ids(str(row["row_ids"])) if name != kept)


@dataclass(frozen=True, eq=False)
class Overrides:
    """The rows of an override table as the builder asks for them.

    Parameters
    ----------
    rows : list of (action, about, ids, place, reason)
        In the metric CRS of the network; ``about`` is empty where it holds for rivers and pipes.
    """

    rows: list[tuple[str, str, frozenset[str], shapely.Point | None, str]]

    @classmethod
    def read(cls, table: pd.DataFrame | None, crs: object) -> Overrides:
        """Return the rows of a table with their places in a CRS; all that is wrong with it is said at once."""
        if table is None or not len(table):
            return cls([])
        lost = [name for name in ("action", "row_ids") if name not in table.columns]
        if lost:
            msg = "overrides"
            raise NetworkError(msg, [Problem(name, "no such column", "give action and row_ids") for name in lost])
        places: list[object] = [None] * len(table)
        if isinstance(table, gpd.GeoDataFrame) and table.geometry.notna().any():
            places = list(to_crs(table, crs, where="overrides").geometry)
        words = table["action"].astype("str").tolist()
        problems = [
            Problem("action", f"{word!r} is none of ours", f"one of {', '.join(ACTIONS)}", (str(row),))
            for row, word in enumerate(words, 1) if word not in ACTIONS
        ]  # fmt: skip
        if problems:
            msg = "overrides"
            raise NetworkError(msg, problems)
        about = table["about"].fillna("") if "about" in table else [""] * len(table)
        reasons = table["reason"].fillna("") if "reason" in table else [""] * len(table)
        ids = [frozenset(split_ids(str(text))) for text in table["row_ids"]]
        at = [shapely.centroid(place) if place is not None else None for place in places]
        return cls(list(zip(words, map(str, about), ids, at, map(str, reasons), strict=True)))

    def of(self, action: str, about: str) -> list[tuple[frozenset[str], shapely.Point | None, str]]:
        """Return ids, place and reason of the rows of one action for rivers or pipes."""
        return [
            (ids, at, why)
            for word, role, ids, at, why in self.rows
            if word == action and role in {"", "reaches", about}
        ]

    def ids(self, action: str, about: str) -> set[str]:
        """Return the ids of the rows of one action for rivers or pipes."""
        return {name for ids, _, _ in self.of(action, about) for name in ids}

    def check(self, known: set[str]) -> None:
        """Raise where a row speaks of lines that are not there."""
        problems = [
            Problem("row_ids", f"no line {', '.join(sorted(ids - known)[:5])} to {word}", "take ids of your lines")
            for word, _, ids, _, _ in self.rows
            if word not in {"drop", "keep"} and ids - known
        ]
        if problems:
            msg = "overrides"
            raise NetworkError(msg, problems)

    def leave_out(self, lines: gpd.GeoDataFrame, record: Record, *, about: str) -> gpd.GeoDataFrame:
        """Return lines without those that rows leave out, and record them."""
        for name in sorted(self.ids("keep", about) & set(lines["line_id"]) if self.ids("keep", about) else ()):
            record.add("overridden", [name], (f"{name} is kept by an override", f"{name} 由人工指定保留"), about=about,
                       decision="kept")  # fmt: skip
        if not self.ids("drop", about):
            return lines
        gone = lines["line_id"].isin(self.ids("drop", about))
        for name in sorted(set(lines["line_id"][gone])):
            record.add("overridden", [name], (f"{name} is left out by an override", f"{name} 由人工指定删除"), about=about,
                       decision="left out")  # fmt: skip
        return lines[~gone].reset_index(drop=True)

    def cut(self, lines: gpd.GeoDataFrame, record: Record, *, about: str, tolerance_m: float) -> gpd.GeoDataFrame:
        """Return lines cut where a row joins something to their middle; every row that is used is recorded."""
        for ids, place, why in [row for row in self.of("join", about) if row[0] & set(lines["line_id"])]:
            at = place if place is not None else _meeting(lines, ids)
            record.add("overridden", ids, (f"to be joined{_because(why)}", "人工指定相连"), about=about, at=at,
                       decision="joined to one node", level="note")  # fmt: skip
            for name in sorted(ids & set(lines["line_id"])):
                row, far = _nearest_row(lines, name, at)
                shape = lines.geometry.iloc[row]
                ends = min(shapely.distance(shapely.get_point(shape, end), at) for end in (0, -1))
                if ends > far + max(tolerance_m, 1e-3):
                    lines = cut_rows(lines, row, float(shapely.line_locate_point(shape, at)))
        for ids, place, why in self.of("apart", about):
            record.add("overridden", ids, (f"to be kept apart{_because(why)}", "人工指定不相连"), about=about, at=place,
                       decision="kept apart", level="note")  # fmt: skip
        return lines

    def joins(self, lines: gpd.GeoDataFrame, atoms: Atoms, *, about: str) -> list[tuple[int, int]]:
        """Return pairs of ends that rows join."""
        ids, pairs = np.tile(lines["line_id"].to_numpy(dtype=object), 2), []
        for names, place, _ in self.of("join", about):
            at = shapely.get_coordinates(place if place is not None else _meeting(lines, names))[0]
            chosen = []
            for name in sorted(names & set(ids)):
                ends = np.flatnonzero(ids == name)
                far = np.hypot(*(atoms.place[ends] - at).T)
                chosen.append(int(ends[np.lexsort((ends, far))[0]]))
            pairs += [(chosen[0], other) for other in chosen[1:]]
        return pairs

    def held(self, lines: gpd.GeoDataFrame, atoms: Atoms, pairs: pd.DataFrame, *, about: str) -> NDArray[np.bool_]:
        """Return which pairs of ends rows keep apart."""
        out = np.zeros(len(pairs), dtype=bool)
        ids = np.tile(lines["line_id"].to_numpy(dtype=object), 2)
        for names, place, _ in self.of("apart", about):
            meant = np.isin(ids, sorted(names)) if place is None else _nearest_ends(ids, names, atoms.place, place)
            spots = np.isin(atoms.spot, atoms.spot[meant])
            out |= spots[pairs["one"]] & spots[pairs["other"]]
        return out

    def held_cut(self, names: set[str], line: str, place: NDArray[np.float64], *, about: str) -> bool:
        """Return whether a row keeps the end of any of the lines named off the middle of another."""
        return any(
            line in ids and ids & names and (at is None or shapely.distance(at, shapely.Point(place)) <= _NEAR_M)
            for ids, at, _ in self.of("apart", about)
        )


def _because(why: str) -> str:
    return f": {why}" if why else ""


def _nearest_ends(
    ids: NDArray[np.object_], names: frozenset[str], place: NDArray[np.float64], at: shapely.Point
) -> NDArray[np.bool_]:
    """Return which ends are, of their line, the nearest to a place."""
    far = np.hypot(*(place - shapely.get_coordinates(at)[0]).T)
    out = np.zeros(len(ids), dtype=bool)
    for name in names:
        mine = ids == name
        out |= mine & (far <= np.min(far[mine], initial=np.inf) + 1e-9)
    return out


def _nearest_row(lines: gpd.GeoDataFrame, name: str, at: shapely.Point) -> tuple[int, float]:
    rows = np.flatnonzero((lines["line_id"] == name).to_numpy())
    far = shapely.distance(lines.geometry.to_numpy()[rows], at)
    best = int(np.argmin(far))
    return int(rows[best]), float(far[best])


def _meeting(lines: gpd.GeoDataFrame, ids: frozenset[str]) -> shapely.Point:
    """Return the end of one of the lines that is nearest to another of them."""
    mine = lines[lines["line_id"].isin(ids)].sort_values(["line_id", "part"])
    best: tuple[float, shapely.Point] = (np.inf, shapely.Point())
    for name, shape in zip(mine["line_id"], mine.geometry, strict=True):
        others = mine.geometry[mine["line_id"] != name].to_numpy()
        for end in (0, -1):
            point = shapely.get_point(shape, end)
            far = float(np.min(shapely.distance(others, point), initial=np.inf))
            best = min(best, (far, point), key=lambda item: item[0])
    return best[1]
