"""What is known of one drive of a robot: which pipe, which way, how long, did it reach the other end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from outfall.survey.codes import Code, read_code
from outfall.tables import issue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.survey.inspection.model import Inspections

__all__ = ["MANHOLES_M", "Drive", "find_codes", "find_drives", "list_inspected"]

# Our defaults (no standard): a cable counter; how far counter and map may differ and still mean the same pipe; what is
# left of a difference that was spread over the pipe; a gap worth naming.
_SIGMA_M = 0.5
# A map measures between the middles of two manholes, a counter from wall to wall: in two public samples (37 and 123
# finished drives) the map is longer by a median of 1.0 and 1.1 m whatever the length of the pipe.
MANHOLES_M = 2.0
_SCALE_M, _SCALE_SHARE = 1.0, 0.05
_LEFT_SHARE = 0.3
_GAP_M = 1.0


class Drive(NamedTuple):
    """What is known of one drive once its pipe is known."""

    pipe_id: str | None
    is_against: bool
    length_m: float
    end_m: float
    is_complete: bool
    is_abandoned: bool
    start_m: float
    scale: float
    sigma_m: float


def list_inspected(inspections: Inspections, *, matches: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return how much of each pipe was seen, over all drives through it from either side.

    Parameters
    ----------
    inspections : Inspections
        From ``read_inspections``. Not changed.
    matches : DataFrame, optional
        From ``match_pipes``.

    Returns
    -------
    DataFrame, one row per pipe
        In order of first appearance: ``pipe_id``, ``runs``, ``length_m``, ``seen_m``, ``seen_share``,
        ``is_abandoned`` (some drive was), ``is_completed`` (nothing over a metre is unseen), ``gaps`` (as text, metres from
        the upstream end). Without any length only ``seen_m`` is known.

    Examples
    --------
    >>> from outfall.survey.inspection.model import Inspections, build
    >>> runs = [{"run_id": "1", "pipe_id": "Y12", "length_m": 40, "direction": "with_flow"},
    ...         {"run_id": "2", "pipe_id": "Y12", "length_m": 40, "direction": "against_flow"}]
    >>> seen = [{"run_id": "1", "distance_m": 23, "code": "BDC"}, {"run_id": "2", "distance_m": 15, "code": "BDC"}]
    >>> found = list_inspected(Inspections(*build(runs, seen, where="a.xml"), ()))
    >>> found[["pipe_id", "seen_m", "is_completed", "gaps"]].values.tolist()
    [['Y12', 38.0, False, '23-25']]
    """
    drives = find_drives(inspections, find_codes(inspections.observations), matches, [])
    pipes: dict[str, list[Drive]] = {}
    for drive in drives.values():
        if drive.pipe_id is not None:
            pipes.setdefault(drive.pipe_id, []).append(drive)
    columns = ["pipe_id", "runs", "length_m", "seen_m", "seen_share", "is_abandoned", "is_completed", "gaps"]
    return pd.DataFrame([_covered(pipe, parts) for pipe, parts in pipes.items()], columns=columns)


def find_codes(seen: pd.DataFrame) -> list[Code | None]:
    """Return what the code of each observation says, or None."""
    return [_code(*cells) for cells in zip(*(seen[name] for name in ("code", "char_1", "char_2")), strict=True)]


def _code(code: object, first: object, second: object) -> Code | None:
    if pd.isna(code):
        return None
    letters = [str(part).strip() for part in (first, second) if pd.notna(part) and str(part).strip()]
    return read_code(".".join([str(code).strip(), *letters])) or read_code(code)


def find_drives(
    inspections: Inspections, codes: list[Code | None], matches: pd.DataFrame | None, issues: list[Mapping[str, object]]
) -> dict[str, Drive]:
    """Return every drive by its run, with its pipe, way, length and how distances become places; doubts are added."""
    seen = inspections.observations
    marks = pd.Series([code.mark if code else "" for code in codes], index=seen.index, dtype="str")
    ends = seen["distance_m"].where(marks.isin(["end", "abandoned"])).groupby(seen["run_id"]).max()
    last = seen["distance_m"].groupby(seen["run_id"]).max()
    complete, abandoned = (set(seen["run_id"][marks.eq(name)]) for name in ("end", "abandoned"))
    told = {} if matches is None else {str(row["run_id"]): row for row in matches.to_dict("records")}
    known: dict[str, float] = {}
    for run in inspections.runs.to_dict("records"):
        if run["run_id"] in complete and run["run_id"] not in abandoned:
            known.setdefault(str(run["pipe_id"]), float(ends.get(run["run_id"], math.nan)))
    drives = {}
    for run in inspections.runs.to_dict("records"):
        name = str(run["run_id"])
        stated = float(run["inspected_m"])
        end = next(
            (end for end in (ends.get(name), stated, last.get(name)) if end is not None and not math.isnan(end)),
            math.nan,
        )
        is_abandoned = name in abandoned
        is_complete = name in complete and not is_abandoned
        lengths = (told.get(name, {}).get("length_m"), run["length_m"], known.get(str(run["pipe_id"])))
        length = next((float(one) for one in lengths if one is not None and not math.isnan(one)), math.nan)
        drives[name] = _drive(run, told.get(name), length, float(end), is_complete, is_abandoned, issues)
    return drives


def _drive(
    run: Mapping[str, object],
    match: Mapping[str, object] | None,
    length: float,
    end: float,
    is_complete: bool,  # noqa: FBT001
    is_abandoned: bool,  # noqa: FBT001
    issues: list[Mapping[str, object]],
) -> Drive:
    start, scale, sigma = 0.0, 1.0, _SIGMA_M
    apart = abs(end - length)
    if is_complete and not math.isnan(apart) and end > 0:
        if 0.0 <= length - end <= MANHOLES_M:
            start, sigma = apart / 2.0, math.hypot(_SIGMA_M, _LEFT_SHARE * apart)
        elif apart <= max(_SCALE_M, _SCALE_SHARE * length):
            scale, sigma = length / end, math.hypot(_SIGMA_M, _LEFT_SHARE * apart)
        else:
            sigma = math.hypot(_SIGMA_M, apart)
            reason = f"{run['pipe_id']}: driven to the end at {end:g} m, but the pipe is {length:g} m long"
            zh = f"{run['pipe_id']}: 检测至末端 {end:g} m, 而管长 {length:g} m"
            decision = f"distances kept, sigma {sigma:.1f} m"
            issues.append(
                issue(
                    "doubtful_value",
                    str(run["source_ref"]).partition("#")[0],
                    reason,
                    reason_zh=zh,
                    rows=[run["source_ref"]],
                    decision=decision,
                    distance_m=round(apart, 2),
                )
            )
    pipe = run["pipe_id"] if match is None or pd.isna(match.get("line_id")) else match["line_id"]
    direction = run["direction"] if match is None else match.get("direction", run["direction"])
    return Drive(
        None if pd.isna(pipe) else str(pipe),
        direction == "against_flow",
        length,
        end,
        is_complete,
        is_abandoned,
        start,
        scale,
        sigma,
    )


def _covered(pipe: str, parts: list[Drive]) -> dict[str, object]:
    length = next((part.length_m for part in parts if not math.isnan(part.length_m)), math.nan)
    spans = []
    for part in parts:
        if math.isnan(part.end_m) or (part.is_against and math.isnan(length)):
            continue
        driven = length if part.is_complete and not math.isnan(length) else part.start_m + part.end_m * part.scale
        spans.append((length - driven, length) if part.is_against else (0.0, driven))
    top = length if not math.isnan(length) else max((end for _, end in spans), default=0.0)
    seen, reached = 0.0, 0.0
    gaps: list[tuple[float, float]] = []
    for start, end in [*sorted((max(start, 0.0), min(end, top)) for start, end in spans), (top, top)]:
        if start - reached > _GAP_M:
            gaps.append((reached, start))
        seen += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return {
        "pipe_id": pipe,
        "runs": len(parts),
        "length_m": length,
        "seen_m": round(seen, 3),
        "seen_share": min(seen / length, 1.0) if length > 0 else math.nan,
        "is_abandoned": any(part.is_abandoned for part in parts),
        "is_completed": not gaps and not math.isnan(length) and bool(spans),
        "gaps": ";".join(f"{start:g}-{end:g}" for start, end in gaps),
    }
