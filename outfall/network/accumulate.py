"""How much lies upstream of every reach: three rules, none of which counts anything twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.index import sum_main, sum_split, sum_total

if TYPE_CHECKING:
    from outfall.network.arrays import Reals
    from outfall.network.index import Index

__all__ = ["Rule", "accumulate_values", "pick_values"]

Rule = Literal["total", "main", "apportioned"]

_OF_THE_PIECE = ("length_m", "area_km2")  # the builder has shared these out already

_RULES = {"total": sum_total, "main": sum_main, "apportioned": sum_split}


def accumulate_values(index: Index, values: Reals, *, rule: Rule = "total") -> Reals:
    """Return the sum of values over each reach and what is upstream of it.

    Parameters
    ----------
    index : Index
        Of the network.
    values : ndarray of float, one per reach
        What is summed; NaN adds nothing.
    rule : {"total", "main", "apportioned"}, default "total"
        ``total``: everything that can come to the reach, once. ``main``: a divergence gives all to its main path.
        ``apportioned``: a divergence splits by fraction.

    Returns
    -------
    ndarray of float, one per reach
        Sums in the unit of the values.

    Raises
    ------
    NetworkError
        There is no such rule.
    """
    if rule not in _RULES:
        msg = f"accumulate: rule {rule!r} is not one of {', '.join(_RULES)}"
        raise NetworkError(msg)
    return _RULES[rule](index, np.nan_to_num(values, nan=0.0))


def pick_values(reaches: pd.DataFrame, column: str | pd.Series) -> pd.Series:
    """Return the values of a column, or of a series by reach id, in the order of the reaches.

    Parameters
    ----------
    reaches : DataFrame
        Reaches of the network.
    column : str or Series
        Name of a column with numbers (of a line that was cut, each piece has its share by length), or numbers indexed by reach id; reaches that are not in it are missing.

    Returns
    -------
    Series of float, indexed by reach id
        NaN where missing.

    Raises
    ------
    NetworkError
        The column is not there, holds no number, or the series names reaches that are not in the network.
    """
    ids = pd.Index(reaches["reach_id"], name="reach_id")
    if isinstance(column, pd.Series):
        unknown = column.index.difference(ids)
        if len(unknown) or column.index.has_duplicates:
            twice = column.index[column.index.duplicated()]
            rows = tuple(str(item) for item in (unknown if len(unknown) else twice))
            what = "names reaches that are not in the network" if len(unknown) else "names a reach more than once"
            raise NetworkError("accumulate", [Problem("series", what, "give one number per reach id", rows)])
        return pd.to_numeric(column).astype("float64").reindex(ids)
    if column not in reaches.columns:
        numbers = ", ".join(
            str(name) for name in reaches.select_dtypes("number").columns if reaches[name].notna().any()
        )
        msg = f"accumulate: the reaches have no column {column!r}; columns with numbers are {numbers}"
        raise NetworkError(msg)
    values = pd.to_numeric(reaches[column], errors="coerce").astype("float64")
    if len(values) and values.isna().all():
        msg = f"accumulate: column {column!r} of the reaches holds no number; nothing can be summed"
        raise NetworkError(msg)
    numbers = values.to_numpy(float)
    if column not in _OF_THE_PIECE:
        numbers = numbers * _share_of_line(reaches)
    return pd.Series(numbers, index=ids, name=column)


def _share_of_line(reaches: pd.DataFrame) -> Reals:
    """Return the share of its line that each reach is: what a line has is counted once, not once per piece."""
    if "line_id" not in reaches.columns or reaches["line_id"].isna().all():
        return np.ones(len(reaches))
    length = reaches["length_m"].astype("float64")
    line = reaches["line_id"].fillna(reaches["reach_id"])
    whole = length.groupby(line.to_numpy()).transform("sum")
    return np.where(whole > 0, length / whole.where(whole > 0, 1.0), 1.0)
