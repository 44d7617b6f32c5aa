"""How much does a contrast raise or lower the odds that an outfall was seen discharging: rows of ``clues``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import gammaln

from outfall.errors import Problem, SceneError
from outfall.tables import empty

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["contrast_clues"]

# Our defaults, no standard: a plume changes the water by so many natural standard deviations; half of those that discharge show.
_TYPICAL_SDS = 2.0
_SHOWN_SHARE = 0.5
_CAP_LR = 20.0


def contrast_clues(
    contrasts: pd.DataFrame,
    *,
    typical_sds: float = _TYPICAL_SDS,
    shown_share: float = _SHOWN_SHARE,
    cap_lr: float = _CAP_LR,
) -> pd.DataFrame:
    """Return what contrasts say about outfalls, as clues of kind ``plume``.

    The likelihood of a contrast if the outfall discharges is a mixture: with ``shown_share`` a plume of either sign spreads
    it, else it is as at a control place. So a strong contrast raises the odds, and none lowers them: a little, and the more
    so the more surely a plume would have shown. Where nothing could be seen there is no clue at all.

    Parameters
    ----------
    contrasts : DataFrame, n rows
        Contract ``contrasts``.
    typical_sds : float, default 2
        Standard deviation of plumes, in natural standard deviations of the water. Our default; learn your own from known ones.
    shown_share : float, default 0.5
        Share of discharging outfalls that show in a clear scene. The odds never fall below one less this share.
    cap_lr : float, default 20
        Largest likelihood ratio.

    Returns
    -------
    DataFrame, contract ``clues``
        One row per outfall and scene that had a verdict, in the order of the contrasts. Layers of a scene are not independent:
        their likelihood ratios are averaged, never multiplied.

    Raises
    ------
    SceneError
        An option is out of range.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> len(contrast_clues(empty("contrasts")))
    0
    """
    problems = [
        Problem(name, f"{value}; expected {expected}")
        for name, value, good, expected in (
            ("typical_sds", typical_sds, typical_sds > 0, "above 0"),
            ("shown_share", shown_share, 0 < shown_share < 1, "between 0 and 1"),
            ("cap_lr", cap_lr, cap_lr > 1, "above 1"),
        )
        if not good
    ]
    if problems:
        msg = "contrast_clues"
        raise SceneError(msg, problems)
    blank = pd.DataFrame(empty("clues").drop(columns="geometry", errors="ignore"))
    told = contrasts[contrasts["p"].notna()].reset_index(drop=True)
    if told.empty:
        return blank
    ratio = _ratios(told, typical_sds, shown_share)
    frame = told.assign(ratio=ratio, scene=told["source_ref"].str.rsplit(";", n=1).str[0])
    groups = frame.groupby(["scene", "taken_at", "outfall_id"], sort=False, dropna=False)
    rows = [_row(group, cap_lr, shown_share) for _, group in groups]
    made = pd.DataFrame(rows)
    return pd.DataFrame(
        {name: pd.Series(made.get(name, None), index=made.index).astype(blank[name].dtype) for name in blank}
    )


def _ratios(told: pd.DataFrame, typical_sds: float, shown_share: float) -> NDArray[np.float64]:
    """Return the likelihood ratio of each contrast."""
    studentised, freedom = told["studentised"].to_numpy(float), told["freedom"].to_numpy(float)
    wide = np.sqrt(1 + (typical_sds * told["natural_sd"].to_numpy(float) / told["sd"].to_numpy(float)) ** 2)
    null = _log_t(studentised, freedom)
    plume = _log_t(studentised / wide, freedom) - np.log(wide)
    return np.asarray(shown_share * np.exp(np.clip(plume - null, -50, 50)) + (1 - shown_share))


def _log_t(value: NDArray[np.float64], freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log density of Student's distribution."""
    whole = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - 0.5 * np.log(freedom * np.pi)
    return np.asarray(whole - (freedom + 1) / 2 * np.log1p(value**2 / freedom))


def _row(group: pd.DataFrame, cap_lr: float, shown_share: float) -> dict[str, object]:
    ratio = float(np.clip(group["ratio"].mean(), 1 / cap_lr, cap_lr))
    best = group.loc[group["ratio"].idxmax()]
    count = len(group)
    en = f"{best['reason']}; {'raises' if ratio > 1 else 'lowers'} the odds of a discharge by {max(ratio, 1 / ratio):.2g}"
    zh = f"{best['reason_zh']}；排放可能性{'上升' if ratio > 1 else '下降'}{max(ratio, 1 / ratio):.2g}倍"
    if count > 1:
        en, zh = f"{en}, mean of {count} layers", f"{zh}（{count}个图层平均）"
    return {
        "clue_id": f"plume/{best['contrast_id']}",
        "kind": "plume",
        "from_at": best["taken_at"],
        "to_at": best["taken_at"],
        "log_lr": float(np.log(ratio)),
        "outfall_id": best["outfall_id"],
        "reach_id": best["reach_id"],
        "along_m": best["along_m"],
        "reason": f"{en} (assumed: {shown_share:.0%} of discharges show)",
        "reason_zh": f"{zh}（假定{shown_share:.0%}的排放可见）",
        "source_ref": f"contrast_clues({';'.join(sorted(group['source_ref']))})",
    }
