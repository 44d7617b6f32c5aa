"""How often does a detector's score come true here: probabilities from boxes that a person checked, and never without.

A score is a rank until somebody has looked: the same network gives the same number in a basin where half of its boxes
are roofs. A calibration therefore speaks for the basins it was checked in, and says how far off it would be elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.survey.score_fits import FITS, Fit, fit_dependence, log_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Calibration", "calibrate_scores"]

# Our defaults (no standard): fewer checked boxes, or fewer of either outcome, tell no curve.
_LEAST_CHECKED, _LEAST_EACH = 30, 5
_FOLDS, _BINS = 5, 10
_HERE = "(one basin)"


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """How often scores came true, basin by basin.

    Parameters
    ----------
    fits : dict of str to Fit
        A curve per basin with enough checked boxes.
    reliability : DataFrame
        ``basin``, ``score_from``, ``score_to``, ``checked``, ``came_true``, ``share`` and its 95 % interval
        ``share_low``, ``share_high`` (Jeffreys), ``said_share`` (mean of probabilities fitted without these boxes).
    held_out : DataFrame
        ``basin``, ``method``, ``checked``, ``log_loss`` and ``off_share`` (mean of said minus came true, in absolute
        value over bins) of probabilities given by the *other* basins (``from`` = others) and by other boxes of the same
        basin (``from`` = here).
    base_share : dict of str to float
        How many of the checked boxes were real, by basin.
    dependence_share : float
        How far several boxes of one thing repeat each other: 0 is independent, 1 says nothing new. 1 where the checked
        boxes do not name their things.
    refused : dict of str to tuple of str
        Basins without a curve, and why (English, Chinese).
    """

    fits: dict[str, Fit]
    reliability: pd.DataFrame
    held_out: pd.DataFrame
    base_share: dict[str, float]
    dependence_share: float
    refused: dict[str, tuple[str, str]]

    def __repr__(self) -> str:
        """Return the basins and their curves."""
        told = ", ".join(f"{basin}: {fit.method} of {fit.checked}" for basin, fit in self.fits.items())
        return f"Calibration({told or 'no basin'})"

    def apply(self, scores: ArrayLike, *, basins: Sequence[object] | str | None = None) -> pd.DataFrame:
        """Return the probability of each score; none where nobody checked, with the reason.

        Parameters
        ----------
        scores : array of float, n
            As the detector wrote them.
        basins : str or sequence of n, optional
            Where each box was seen; may be left out where one basin was checked without a name.

        Returns
        -------
        DataFrame, n rows
            ``share``, ``reason``, ``reason_zh``; the index of scores where it has one.
        """
        values = pd.Series(scores, dtype=float)
        named = [basins] * len(values) if basins is None or isinstance(basins, str) else list(basins)
        where = pd.Series([_HERE if name is None or pd.isna(name) else str(name) for name in named], index=values.index)
        answer = pd.DataFrame({"share": np.nan, "reason": "", "reason_zh": ""}, index=values.index)
        for basin in sorted(set(where)):
            at = where.eq(basin)
            fit = self.fits.get(basin)
            if fit is None:
                answer.loc[at, ["reason", "reason_zh"]] = list(self.refused.get(basin, _unknown(basin)))
                continue
            part = values[at].to_numpy()
            answer.loc[at, "share"] = fit.share(part)
            beyond = values.index[at][np.isfinite(part) & ((part < fit.least) | (part > fit.most))]
            what = (f"no checked box has a score outside {fit.least:g} to {fit.most:g}", "得分超出已核对范围")
            answer.loc[beyond, ["share", "reason", "reason_zh"]] = [np.nan, *what]
        is_none = values.isna()
        answer.loc[is_none, ["share", "reason", "reason_zh"]] = [np.nan, "the box has no score", "检测框没有得分"]
        return answer


def calibrate_scores(
    checked: pd.DataFrame,
    *,
    method: Literal["best", "isotonic", "logistic"] = "best",
    least_checked: int = _LEAST_CHECKED,
) -> Calibration:
    """Return how often scores came true among boxes a person checked, as probabilities for the same basins.

    Parameters
    ----------
    checked : DataFrame, n rows
        ``score``, ``is_real`` (what the person saw), perhaps ``basin``, and ``thing_id`` where several boxes show one
        thing. Not changed; the order of rows does not matter.
    method : {"best", "isotonic", "logistic"}
        Monotone steps or a logistic curve; by default the one that gave unseen boxes the smaller log loss: of other
        basins where at least three were checked, else of other boxes of the same basin.
    least_checked : int, default 30
        Basins with fewer checked boxes, or with fewer than five of either outcome, get no curve (our default).

    Returns
    -------
    Calibration
        Curves by basin, how often scores came true, and what was refused.

    Raises
    ------
    TableError
        A column is missing, or nobody checked anything.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score = rng.uniform(size=400)
    >>> checked = pd.DataFrame({"score": score, "is_real": rng.uniform(size=400) < score**2, "basin": "青河"})
    >>> known = calibrate_scores(checked)
    >>> known.apply([0.5, 0.9], basins="青河")["share"].round(1).tolist()
    [0.2, 0.8]
    >>> known.apply([0.5], basins="elsewhere")["reason"].tolist()
    ["no box of basin 'elsewhere' was checked"]
    """
    table = _checked(checked)
    basins = {str(name): part for name, part in table.groupby("basin", sort=True)}
    refused = {name: why for name, part in basins.items() if (why := _too_few(part, least_checked)) is not None}
    good = {name: part for name, part in basins.items() if name not in refused}
    methods: list[str] = list(FITS) if method == "best" else [method]
    held = pd.DataFrame([row for one in methods for row in _held_out(good, one)], columns=_HELD)
    chosen = _choose(held, methods)
    fits = {name: FITS[chosen](*_pairs(part)) for name, part in good.items()}
    rows = [row for name, part in good.items() for row in _reliability(name, part, chosen)]
    things = table[table["basin"].isin(list(good))]
    said = pd.concat(
        [pd.Series(_within(part, chosen), index=part.index) for part in good.values()] or [pd.Series(dtype=float)]
    )
    return Calibration(
        fits,
        pd.DataFrame(rows, columns=_RELIABILITY),
        held,
        {name: float(part["is_real"].mean()) for name, part in good.items()},
        fit_dependence(things.assign(said=said.reindex(things.index))),
        refused,
    )


_HELD = ["basin", "method", "from", "checked", "log_loss", "off_share"]
_RELIABILITY = [
    "basin", "score_from", "score_to", "checked", "came_true", "share", "share_low", "share_high", "said_share",
]  # fmt: skip


def _unknown(basin: str) -> tuple[str, str]:
    if basin == _HERE:
        return ("nobody said which basin the boxes are of", "未说明检测框所在流域")
    return (f"no box of basin {basin!r} was checked", f"流域 {basin} 未经人工核对")


def _checked(checked: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in ("score", "is_real") if name not in checked.columns]
    if missing:
        problem = Problem(", ".join(missing), "missing", "give score and is_real (what the person saw) of each box")
        msg = "checked: 1 problem"
        raise TableError(msg, [problem])
    basin = checked["basin"].astype(object) if "basin" in checked.columns else pd.Series(_HERE, index=checked.index)
    things = checked["thing_id"].astype(object) if "thing_id" in checked.columns else None
    table = pd.DataFrame(
        {
            "score": pd.to_numeric(checked["score"], errors="coerce").astype(float),
            "is_real": checked["is_real"],
            "basin": basin.where(basin.notna(), _HERE).astype(str),
            "thing_id": None if things is None else things,
        }
    )
    table = table[np.isfinite(table["score"]) & table["is_real"].notna()]
    if table.empty:
        msg = "checked: no box has both a score and what the person saw; without a check a score is a rank"
        raise TableError(msg)
    table["is_real"] = table["is_real"].astype(bool)
    return table.sort_values(["basin", "score", "is_real"], kind="stable", ignore_index=True)


def _too_few(part: pd.DataFrame, least: int) -> tuple[str, str] | None:
    real = int(part["is_real"].sum())
    if len(part) >= least and min(real, len(part) - real) >= _LEAST_EACH:
        return None
    what = f"{len(part)} checked boxes, {real} of them real, tell no curve (needed: {least}, {_LEAST_EACH} of either)"
    return what, f"仅核对 {len(part)} 个检测框(真 {real} 个)，不足以校准"


def _pairs(part: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return part["score"].to_numpy(dtype=float), part["is_real"].to_numpy(dtype=bool)


def _within(part: pd.DataFrame, method: str) -> NDArray[np.float64]:
    """Return what curves of other boxes of the same basin say of each box; boxes of one thing stay together."""
    score, real = _pairs(part)
    own = pd.Series(np.arange(len(part)), index=part.index).astype(str)
    things = part["thing_id"].astype(object)
    code = pd.factorize(things.where(things.notna(), "row " + own))[0]
    said = np.empty(len(part))
    for fold in range(_FOLDS):
        out = code % _FOLDS == fold
        fit = FITS[method](score[~out], real[~out])
        said[out] = fit.share(score[out])
    return said


def _held_out(good: dict[str, pd.DataFrame], method: str) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, part in good.items():
        real = part["is_real"].to_numpy(dtype=bool)
        others = [other for key, other in good.items() if key != name]
        told = {"here": _within(part, method)}
        if others:
            told["others"] = FITS[method](*_pairs(pd.concat(others))).share(part["score"].to_numpy(dtype=float))
        rows += [
            [name, method, source, len(part), log_loss(said, real), _off(said, real)] for source, said in told.items()
        ]
    return rows


def _choose(held: pd.DataFrame, methods: list[str]) -> str:
    if len(methods) == 1 or held.empty:
        return methods[-1]
    source = "others" if held["basin"].nunique() >= 3 else "here"
    mean = held[held["from"].eq(source)].groupby("method")["log_loss"].mean()
    return min(methods, key=lambda name: (round(float(mean[name]), 9), name))


def _bins(values: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return the rows of equally filled bins of values; equal values stay together."""
    order = np.argsort(values, kind="stable")
    parts = [part for part in np.array_split(order, min(_BINS, max(1, len(values) // 10))) if len(part)]
    code = np.empty(len(values), dtype=np.int64)
    for number, part in enumerate(parts):
        code[part] = number
    first = pd.Series(code).groupby(values).transform("min").to_numpy()
    return [np.flatnonzero(first == number) for number in np.unique(first)]


def _off(said: NDArray[np.float64], real: NDArray[np.bool_]) -> float:
    parts = _bins(said)
    return float(sum(abs(said[part].mean() - real[part].mean()) * len(part) for part in parts) / len(said))


def _reliability(basin: str, part: pd.DataFrame, method: str) -> list[list[object]]:
    from scipy.stats import beta

    score, real = _pairs(part)
    said = _within(part, method)
    rows: list[list[object]] = []
    for at in _bins(score):
        true, count = int(real[at].sum()), len(at)
        low, high = beta.ppf([0.025, 0.975], true + 0.5, count - true + 0.5)
        edges = [float(score[at].min()), float(score[at].max())]
        rows.append([basin, *edges, count, true, true / count, float(low), float(high), float(said[at].mean())])
    return rows
