"""Which tracers of a water and of a library can be compared, in one unit: tables as numbers, all problems at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, TraceError, UnitError
from outfall.tables import scale_to_canonical
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.observations import analytes
from outfall.units import find_unit, transform
from outfall.vocabulary import find_parameter, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["adds_up", "read_both", "refuse_names"]

_NEEDED = {
    "results": ("sample_id", "parameter", "value", "unit"),
    "library": ("source_id", "parameter", "value", "unit"),
}
_OPTIONS = ("sample_id", "qualifier", "detection_limit", "sigma_share", "cv_share", "count", "source_ref")


def read_both(results: pd.DataFrame, library: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables as logs of amounts in one unit per parameter; duplicates of a sample averaged.

    Parameters
    ----------
    results : DataFrame
        Contract ``results``, or as much of it as there is.
    library : DataFrame
        ``source_id``, ``parameter``, ``value``, ``unit``; see `apportion`.

    Returns
    -------
    tuple of DataFrame
        ``value_ln``, ``censored`` (-1 below, 0 measured, 1 above) beside the columns given. Results that do not add up
        stay, without a number; in the library they are left out.

    Raises
    ------
    TraceError
        Columns are missing, a value is no amount, or units do not fit; all problems are listed.
    """
    problems = [
        Problem(f"{name} {column}", "is not there", "rename or add the column")
        for name, frame in (("results", results), ("library", library))
        for column in _NEEDED[name]
        if column not in frame.columns
    ]
    if not problems and not len(library):
        problems.append(Problem("library", "has no row", "give samples of the sources, or their means"))
    if problems:
        _refuse(problems)
    both = [_fill(results), _fill(library)]
    canonical: dict[str, str] = {}
    numbers = [
        _numbers(frame, name, canonical, problems) for name, frame in zip(("results", "library"), both, strict=True)
    ]
    if problems:
        _refuse(problems)
    rest = both[0][~both[0]["parameter"].map(adds_up).to_numpy(dtype=bool)]
    waters = pd.concat([numbers[0], rest.assign(value_ln=np.nan, censored=0)], ignore_index=True)
    return _average(waters, ["sample_id", "parameter"]), _average_samples(numbers[1])


def refuse_names(
    sources: pd.Series, travel_h: Mapping[str, float] | None, decay_per_h: Mapping[str, float] | None
) -> None:
    """Raise where a source has a name it cannot have, travels but is not in the library, or hours or rates are below 0.

    Parameters
    ----------
    sources : Series
        Source ids of the library.
    travel_h, decay_per_h : mapping or None
        As `apportion` takes them.

    Raises
    ------
    TraceError
        All problems are listed.
    """
    known = set(sources)
    problems = [Problem("library source_id", f"{UNREGISTERED!r} names what no library has", "rename the source")]
    problems = problems if UNREGISTERED in known else []
    problems += [
        Problem(f"travel_h {name!r}", "is no source of the library", "name its sources")
        for name in travel_h or {}
        if name not in known
    ]
    problems += [
        Problem(f"{what} {name!r}", f"{value!r} was given; a number from 0 was expected", "correct it")
        for what, part in (("travel_h", travel_h), ("decay_per_h", decay_per_h))
        for name, value in (part or {}).items()
        if not value >= 0 or not np.isfinite(value)
    ]
    if problems:
        _refuse(problems)


def adds_up(parameter: str) -> bool:
    """Say whether amounts of a parameter add when waters mix, and survive the way: not pH, not temperature.

    Parameters
    ----------
    parameter : str
        A parameter; one the vocabulary does not know is taken as an amount.

    Returns
    -------
    bool
        Whether a mixture can use it.

    Examples
    --------
    >>> adds_up("ammonia"), adds_up("ph"), adds_up("Sr")
    (True, False, True)
    """
    if parameter not in parameters():
        return True
    return parameter in analytes() and not analytes()[parameter].is_linear


def _refuse(problems: list[Problem]) -> None:
    msg = f"apportion: {len(problems)} problem{'s' if len(problems) > 1 else ''} in results and library"
    raise TraceError(msg, problems, fix="Units, detection limits and names decide what can be compared.")


def _fill(frame: pd.DataFrame) -> pd.DataFrame:
    out = pd.DataFrame(frame).reset_index(drop=True)
    for name in _OPTIONS:
        if name not in out.columns:
            out[name] = pd.Series(np.nan, index=out.index, dtype=object)
    for name in ("value", "detection_limit", "sigma_share", "cv_share", "count"):
        out[name] = out[name].astype(float)
    return out.assign(parameter=[find_parameter(str(text)) or str(text) for text in out["parameter"]])


def _numbers(frame: pd.DataFrame, table: str, canonical: dict[str, str], problems: list[Problem]) -> pd.DataFrame:
    """Return the rows that say something about an amount, as logs; what does not add up stays, marked by adds_up."""
    frame = frame[frame["parameter"].map(adds_up).to_numpy(dtype=bool)]
    factor = _factors(frame, table, canonical, problems)
    value, limit = frame["value"].to_numpy() * factor, frame["detection_limit"].to_numpy() * factor
    sign = frame["qualifier"].fillna("=").to_numpy(dtype=object)
    below = (sign == "<") | (~(value > 0) & (limit > 0))
    amount = np.where(below & (limit > 0), limit, value)
    bad = ~((amount > 0) & np.isfinite(amount)) & np.isfinite(factor)
    for parameter in sorted(set(frame["parameter"][bad])):
        at = np.flatnonzero(bad & (frame["parameter"] == parameter).to_numpy())
        what = f"{frame['value'].iloc[at[0]]:g} is no amount; above 0, or a detection limit, was expected"
        rows = tuple(str(frame["source_ref"].iloc[i] if pd.notna(frame["source_ref"].iloc[i]) else at) for i in at)
        problems.append(Problem(f"{table} {parameter}", what, "a non-detect has qualifier '<' and its limit", rows))
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(amount)
    return frame.assign(value_ln=logs, censored=np.where(below, -1, np.where(sign == ">", 1, 0)))


def _factors(frame: pd.DataFrame, table: str, canonical: dict[str, str], problems: list[Problem]) -> np.ndarray:
    """Return what brings each value to the unit of its parameter: the vocabulary's, else the first one met."""
    factor = np.ones(len(frame))
    pairs = frame[["parameter", "unit"]].drop_duplicates().sort_values(["parameter", "unit"])
    for parameter, unit in pairs.itertuples(index=False):
        at = ((frame["parameter"] == parameter) & (frame["unit"] == unit)).to_numpy()
        try:
            factor[at] = _scale(str(parameter), str(unit), canonical)
        except UnitError as error:
            factor[at] = np.nan
            problems.append(Problem(f"{table} {parameter}", str(error.message), "correct the unit"))
    return factor


def _scale(parameter: str, unit: str, canonical: dict[str, str]) -> float:
    # a unit we do not know, such as mg/kg, is as good as any where both tables use it
    is_known = parameter in parameters() and find_unit(unit) is not None
    wanted = parameters()[parameter].unit if is_known else unit
    first = canonical.setdefault(parameter, wanted)
    if first != wanted:
        return transform(unit, first)[0]
    return scale_to_canonical(parameter, unit)[0] if is_known else 1.0


def _average_samples(rows: pd.DataFrame) -> pd.DataFrame:
    """Return duplicates of one library sample averaged; rows without a sample stay apart, each a sample of its own."""
    named = rows["sample_id"].notna()
    if not named.any():
        return rows
    return pd.concat([_average(rows[named], ["source_id", "sample_id", "parameter"]), rows[~named]], ignore_index=True)


def _average(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return one row per key: measured values averaged in the log, else the limit that says most."""
    if not rows.duplicated(keys).any():
        return rows.sort_values(keys, ignore_index=True)
    is_measured = rows["censored"] == 0
    kept = rows[is_measured | ~rows.assign(m=is_measured).groupby(keys)["m"].transform("any")]
    kept = kept.sort_values([*keys, "censored", "value_ln"])
    first = kept.groupby(keys)["censored"].transform("first")
    kept = kept[kept["censored"] == first]
    low = kept.groupby(keys)["value_ln"].transform("min")
    high = kept.groupby(keys)["value_ln"].transform("max")
    mean = kept.groupby(keys)["value_ln"].transform("mean")
    sign = kept["censored"].to_numpy()
    said = kept.groupby(keys)["source_ref"].transform(lambda part: ";".join(dict.fromkeys(part.dropna().astype(str))))
    out = kept.assign(value_ln=np.where(sign == 0, mean, np.where(sign < 0, low, high)), source_ref=said)
    return out.drop_duplicates(keys, ignore_index=True)
