"""Which pipe of the network was a robot really in, when its id is mistyped, or its manholes are given the wrong way round."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from outfall.survey.inspection.drives import MANHOLES_M, Drive, find_codes, find_drives
from outfall.tables import attach_issues, issue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outfall.network import Network
    from outfall.survey.inspection.model import Inspections

__all__ = ["match_pipes"]

_OPEN = {"river", "ditch", "tidal", "lake", "coast", "interface"}
# Our defaults, log odds: what an id, manholes, length and diameter say for or against a pipe; that it is none of them.
_SAME_ID, _NEARLY_ID, _ALIKE_ID, _OTHER_ID = 6.0, 4.0, 1.5, -2.0
_BOTH, _SWAPPED, _ONE, _NEITHER = 6.0, 5.0, 1.5, -4.0
_LENGTH_BEST, _LENGTH_WORST, _LENGTH_SHARE = 1.0, 8.0, 0.03
_SAME_SIZE, _OTHER_SIZE, _SIZE_SHARE, _SIZES_SHARE = 0.5, -1.0, 0.05, 0.3
_NONE = 1.0
_ALIKE, _MOST_ALIKE, _LARGEST = 0.8, 5, 20_000
_COLUMNS = ["run_id", "said_id", "line_id", "match_share", "second_id", "second_share", "is_reversed", "direction"]
_COLUMNS += ["length_m", "reason", "reason_zh", "source_ref"]


class _Pipe(NamedTuple):
    line_id: str
    upper: str
    lower: str
    length_m: float
    diameter_mm: float


class _Judged(NamedTuple):
    pipe: _Pipe
    odds: float
    is_reversed: bool
    says: tuple[tuple[str, str], ...]


def match_pipes(inspections: Inspections, network: Network, *, least_share: float = 0.9) -> pd.DataFrame:
    """Return for every drive of a robot the pipe of the network it was in, with a probability.

    The id as written, the manholes at both ends (either way round), the length and the diameter speak for and against
    every pipe that has that id, one like it, or one of the manholes; that it is none of them is always possible. Length
    alone never finds a pipe. The weights are ours, no standard.

    Parameters
    ----------
    inspections : Inspections
        From ``read_inspections``. Not changed.
    network : Network
        Its ``line_id`` is the user's own pipe id, its node ids are manholes.
    least_share : float, default 0.9
        Below it the choice is left to people: ``line_id`` is empty and an issue names the two best.

    Returns
    -------
    DataFrame, one row per drive
        ``run_id``, ``said_id``, ``line_id``, ``match_share``, ``second_id``, ``second_share``, ``is_reversed`` (the file has
        the manholes the wrong way round), ``direction`` (towards the network's own flow), ``length_m`` (of the pipe in the
        network), ``reason``, ``reason_zh``, ``source_ref``. Issues travel with it.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from outfall.network import read_network
    >>> from outfall.survey.inspection.model import Inspections, build
    >>> line = gpd.GeoDataFrame({"id": ["Y12"], "from_node": ["W1"], "to_node": ["W2"], "kind": ["pipe"]},
    ...     geometry=[shapely.LineString([(0, 0), (40, 0)])], crs=32650)
    >>> run = {"run_id": "1", "pipe_id": "Y-12", "upper_manhole": "W1", "lower_manhole": "W2", "length_m": 40}
    >>> found = match_pipes(Inspections(*build([run], [], where="a"), ()), read_network(None, pipes=line))
    >>> found["line_id"].tolist(), found["match_share"].round(2).tolist()
    (['Y12'], [1.0])
    """
    pipes = _pipes(network)
    index = _Index(pipes)
    drives = find_drives(inspections, find_codes(inspections.observations), None, [])
    manholes = pd.concat([inspections.runs["upper_manhole"], inspections.runs["lower_manhole"]]).map(_loose)
    are_known = bool((set(manholes) - {""}) & set(index.by_manhole))
    issues: list[Mapping[str, object]] = []
    rows = []
    for run in inspections.runs.to_dict("records"):
        drive = drives[str(run["run_id"])]
        judged = [_judge(run, drive, pipe, are_known=are_known) for pipe in index.candidates(run)]
        rows.append(_decide(run, judged, least_share, issues))
    return attach_issues(pd.DataFrame(rows, columns=_COLUMNS), issues)


class _Index:
    """The pipes by what a log may call them."""

    def __init__(self, pipes: Sequence[_Pipe]) -> None:
        self.by_id: dict[str, list[_Pipe]] = {}
        self.by_manhole: dict[str, list[_Pipe]] = {}
        for pipe in pipes:
            self.by_id.setdefault(_loose(pipe.line_id), []).append(pipe)
            for end in {_loose(pipe.upper), _loose(pipe.lower)}:
                self.by_manhole.setdefault(end, []).append(pipe)

    def candidates(self, run: Mapping[str, object]) -> list[_Pipe]:
        """Return the pipes that have the id, one like it, or one of the manholes, in order of their ids."""
        name = _loose(run["pipe_id"])
        found = list(self.by_id.get(name, ()))
        for end in ("upper_manhole", "lower_manhole"):
            found += self.by_manhole.get(_loose(run[end]), []) if _loose(run[end]) else []
        if name and name not in self.by_id and len(self.by_id) <= _LARGEST:
            for alike in difflib.get_close_matches(name, self.by_id, n=_MOST_ALIKE, cutoff=_ALIKE):
                found += self.by_id[alike]
        return sorted(set(found))


def _pipes(network: Network) -> list[_Pipe]:
    """Return the user's own lines, whole; pieces of one line are put together again."""
    table = network.reaches[~network.reaches["kind"].isin(_OPEN)]
    start = table["start_m"] if "start_m" in table.columns else pd.Series(0.0, index=table.index)
    line = table["line_id"] if "line_id" in table.columns else table["reach_id"]
    table = table.assign(_line=line.fillna(table["reach_id"]), _start=start.fillna(0.0))
    table = table.sort_values(["_line", "_start"], kind="stable")
    if "diameter_mm" not in table.columns:
        table["diameter_mm"] = math.nan
    groups = table.groupby("_line", sort=False)
    whole = groups.agg(
        upper=("from_node", "first"),
        lower=("to_node", "last"),
        length=("length_m", "sum"),
        diameter=("diameter_mm", "max"),
    )
    return [
        _Pipe(str(row.Index), str(row.upper), str(row.lower), float(row.length), float(row.diameter))
        for row in whole.itertuples()
    ]


def _loose(text: object) -> str:
    """Return an id without what people write differently: width, case, separators, zeros before digits."""
    if text is None or pd.isna(text):
        return ""
    plain = unicodedata.normalize("NFKC", str(text)).upper()
    return "".join(part.lstrip("0") or "0" if part.isdigit() else part for part in re.findall(r"\d+|[^\W\d_]+", plain))


def _judge(run: Mapping[str, object], drive: Drive, pipe: _Pipe, *, are_known: bool) -> _Judged:
    said = run["pipe_id"]
    odds, says = _judge_id(said, pipe)
    ends = (_loose(run["upper_manhole"]), _loose(run["lower_manhole"]))
    real = (_loose(pipe.upper), _loose(pipe.lower))
    is_reversed = False
    if are_known and all(ends):
        is_reversed = ends == real[::-1] and ends != real
        same = len(set(ends) & set(real))
        part = _BOTH if ends == real else _SWAPPED if is_reversed else _ONE if same else _NEITHER
        odds += part
        words = {
            _BOTH: ("both manholes agree", "两端井号一致"),
            _SWAPPED: ("manholes agree the other way round", "两端井号颠倒"),
        }
        words |= {_ONE: ("one manhole agrees", "一端井号一致"), _NEITHER: ("no manhole agrees", "井号不符")}
        says.append(words[part])
    elif are_known and any(ends):
        odds += _ONE if set(ends) & set(real) else 0.0
    odds += _judge_length(run, drive, pipe, says)
    size = _real(run["diameter_mm"])
    if size > 0 and pipe.diameter_mm > 0:
        apart = abs(math.log(size / pipe.diameter_mm))
        odds += _SAME_SIZE if apart < _SIZE_SHARE else _OTHER_SIZE if apart > _SIZES_SHARE else 0.0
    return _Judged(pipe, odds, is_reversed, tuple(says))


def _real(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _judge_id(said: object, pipe: _Pipe) -> tuple[float, list[tuple[str, str]]]:
    if said is None or pd.isna(said):
        return 0.0, []
    if str(said) == pipe.line_id:
        return _SAME_ID, [("same id", "编号一致")]
    if _loose(said) == _loose(pipe.line_id):
        return _NEARLY_ID, [(f"id {said} written differently", f"编号 {said} 写法不同")]
    alike = difflib.SequenceMatcher(None, _loose(said), _loose(pipe.line_id)).ratio()
    if alike >= _ALIKE:
        return _ALIKE_ID, [(f"id {said} is alike", f"编号 {said} 相近")]
    return _OTHER_ID, [(f"id {said} is another", f"编号 {said} 不同")]


def _judge_length(run: Mapping[str, object], drive: Drive, pipe: _Pipe, says: list[tuple[str, str]]) -> float:
    """Return what the length says: the stated one or that of a finished drive; a part only when it is too long."""
    stated = _real(run["length_m"])
    sigma = max(1.0, _LENGTH_SHARE * pipe.length_m)
    if math.isnan(stated) and drive.is_complete:
        stated = drive.end_m + MANHOLES_M / 2.0
    if not math.isnan(stated):
        says.append(
            (f"length {stated:.1f} m, here {pipe.length_m:.1f} m", f"管长 {stated:.1f} m, 管网 {pipe.length_m:.1f} m")
        )
        return _LENGTH_BEST - min(0.5 * ((stated - pipe.length_m) / sigma) ** 2, _LENGTH_WORST)
    if drive.end_m > pipe.length_m + 3 * sigma:
        says.append((f"driven {drive.end_m:g} m, longer than the pipe", f"检测 {drive.end_m:g} m, 超过管长"))
        return -_LENGTH_WORST
    return 0.0


def _decide(
    run: Mapping[str, object], judged: list[_Judged], least_share: float, issues: list[Mapping[str, object]]
) -> dict[str, object]:
    top = max([_NONE, *(one.odds for one in judged)])
    total = math.exp(_NONE - top) + sum(math.exp(one.odds - top) for one in judged)
    ranked = sorted(
        ((math.exp(one.odds - top) / total, one) for one in judged), key=lambda pair: (-pair[0], pair[1].pipe)
    )
    share, best = ranked[0] if ranked else (0.0, None)
    second = ranked[1] if len(ranked) > 1 else None
    row: dict[str, object] = {
        "run_id": run["run_id"],
        "said_id": run["pipe_id"],
        "line_id": None,
        "match_share": share,
        "second_id": second[1].pipe.line_id if second else None,
        "second_share": second[0] if second else 0.0,
        "is_reversed": False,
        "direction": run["direction"],
        "length_m": math.nan,
        "reason": "; ".join(said for said, _ in best.says) if best else "no pipe has this id or these manholes",
        "reason_zh": "; ".join(said for _, said in best.says) if best else "管网中无此编号或井号",
        "source_ref": run["source_ref"],
    }
    if best is None or share < least_share:
        _list_open(run, ranked, issues)
        return row
    if str(run["pipe_id"]) != best.pipe.line_id or best.is_reversed:
        reason = f"pipe {run['pipe_id']} taken as {best.pipe.line_id} ({share:.2f}): {row['reason']}"
        zh = f"管段 {run['pipe_id']} 按 {best.pipe.line_id} 处理 ({share:.2f}): {row['reason_zh']}"
        issues.append(_issue("assumption", run, reason, zh, "matched"))
    row |= {"line_id": best.pipe.line_id, "is_reversed": best.is_reversed, "length_m": best.pipe.length_m}
    row["direction"] = _direction(run, best, issues)
    return row


def _direction(run: Mapping[str, object], best: _Judged, issues: list[Mapping[str, object]]) -> object:
    said = run["direction"]
    if not best.is_reversed:
        return said
    # A table with start and end may mean the robot's or the water's: against the flow the network decides which. With
    # the flow both are the manhole the robot entered, and distances count from there whatever the network calls upstream.
    if run["manholes_say"] == "start" and said == "against_flow":
        reason = f"pipe {run['pipe_id']}: the direction and the first manhole disagree; the direction is believed"
        zh = f"管段 {run['pipe_id']}: 检测方向与起始井不符, 以方向为准"
        issues.append(_issue("doubtful_value", run, reason, zh, "the word for the direction is kept"))
        return said
    return "with_flow" if said == "against_flow" else "against_flow"


def _list_open(
    run: Mapping[str, object], ranked: list[tuple[float, _Judged]], issues: list[Mapping[str, object]]
) -> None:
    names = ", ".join(f"{one.pipe.line_id} {share:.2f}" for share, one in ranked[:3])
    reason = f"pipe {run['pipe_id']} is not decided: {names or 'nothing like it in the network'}"
    zh = f"管段 {run['pipe_id']} 未能确定: {names or '管网中无相近管段'}"
    issues.append(_issue("no_place", run, reason, zh, "left to people; name the pipe in the file"))


def _issue(kind: str, run: Mapping[str, object], reason: str, zh: str, decision: str) -> dict[str, object]:
    about = str(run["source_ref"]).partition("#")[0]
    level = "error" if kind == "no_place" else "warning"
    return issue(kind, about, reason, reason_zh=zh, rows=[run["source_ref"]], decision=decision, level=level)
