"""What became of what each platform brought home: suspected, confirmed, rejected, merged, found by nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables import split_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["count_funnel"]

_COLUMNS = ("sightings", "confirmed", "suspected", "rejected", "merged", "unused", "only_here")


def count_funnel(seen: pd.DataFrame | Sequence[pd.DataFrame], outfalls: pd.DataFrame) -> pd.DataFrame:
    """Return the funnel of the three-level survey: from sightings to outfalls, platform by platform.

    Every sighting is counted once: it made an outfall known to its platform (by status of the outfall), or it was
    merged into one its platform already knew, or it became no outfall.

    Parameters
    ----------
    seen : table or list of tables
        Contract ``sightings``, as given to register. Not changed.
    outfalls : DataFrame, n rows
        Contract ``outfalls``, as register returned it or as people decided since.

    Returns
    -------
    DataFrame, one row per platform, then ``(all)``
        ``platform``, ``sightings`` = ``confirmed`` + ``suspected`` + ``rejected`` + ``merged`` + ``unused``, and
        ``only_here``: outfalls no other platform saw. The row ``(all)`` counts every outfall once.

    Raises
    ------
    TableError
        A column is missing.

    Examples
    --------
    >>> seen = pd.DataFrame({"sighting_id": ["D1", "D2", "F1"], "platform": ["drone", "drone", "foot"]})
    >>> outfalls = pd.DataFrame({"outfall_id": ["P1", "P2"], "sighting_ids": ["D1;F1", "D2"],
    ...     "status": ["confirmed", "rejected"]})
    >>> count_funnel(seen, outfalls)[["platform", "sightings", "confirmed", "rejected", "merged"]].values.tolist()
    [['drone', 2, 1, 1, 0], ['foot', 1, 1, 0, 0], ['(all)', 3, 1, 1, 1]]
    """
    tables = [seen] if isinstance(seen, pd.DataFrame) else list(seen)
    _refuse(tables, outfalls)
    every = pd.concat([pd.DataFrame(table[["sighting_id", "platform"]]) for table in tables] or [_nothing()])
    home = {
        sighting: (str(outfall), str(status))
        for outfall, status, ids in outfalls[["outfall_id", "status", "sighting_ids"]].itertuples(index=False)
        for sighting in (split_ids(ids) if isinstance(ids, str) else [])
    }
    platforms: dict[str, set[str]] = {}
    for sighting, platform in every.itertuples(index=False):
        if sighting in home:
            platforms.setdefault(home[sighting][0], set()).add(str(platform))
    lone = {outfall for outfall, names in platforms.items() if len(names) == 1}
    names = sorted(every["platform"].astype("str").unique())
    rows = [_count(name, every.loc[every["platform"] == name, "sighting_id"], home, lone) for name in names]
    rows.append(_count("(all)", every["sighting_id"], home, lone))
    return pd.DataFrame(rows, columns=["platform", *_COLUMNS])


def _count(name: str, sightings: pd.Series, home: dict[str, tuple[str, str]], lone: set[str]) -> dict[str, str | int]:
    found = dict.fromkeys(_COLUMNS, 0)
    known: set[str] = set()
    for sighting in sightings:
        found["sightings"] += 1
        if sighting not in home:
            found["unused"] += 1
            continue
        outfall, status = home[sighting]
        is_again = outfall in known
        known.add(outfall)
        is_settled = status in {"confirmed", "rejected", "suspected"}
        found[status if is_settled and not is_again else "merged"] += 1
        found["only_here"] += not is_again and outfall in lone
    return {"platform": name, **found}


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({"sighting_id": pd.Series(dtype="str"), "platform": pd.Series(dtype="str")})


def _refuse(tables: Sequence[pd.DataFrame], outfalls: pd.DataFrame) -> None:
    problems = [
        Problem(f"sightings.{name}", "is missing", "use tables that the survey readers returned")
        for name in ("sighting_id", "platform")
        if any(name not in table.columns for table in tables)
    ]
    problems += [
        Problem(f"outfalls.{name}", "is missing", "use the table that register returned")
        for name in ("outfall_id", "status", "sighting_ids")
        if name not in outfalls.columns
    ]
    if problems:
        msg = f"funnel: {len(problems)} problems"
        raise TableError(msg, problems)
