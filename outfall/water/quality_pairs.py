"""What one pair of results says: two that should be equal, or one before and one after something was added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from outfall.water.checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

__all__ = ["judge_pair", "judge_recovery", "judge_series"]

_NAN = float("nan")
_LEAST_PAIRS = 3
_SERIES_P = 0.001


def judge_pair(one: pd.Series, other: pd.Series, rules: Mapping[str, float], batch_id: str) -> Check:
    """Return whether two results that should be equal are; a non-detect is only ever below its limit."""
    low_one, high_one = _range(one)
    low_other, high_other = _range(other)
    least = max(low_one - high_other, low_other - high_one, 0.0)
    middle = (_number(one) + _number(other)) / 2
    loq = max(float(one["loq"]), float(other["loq"]))
    spread = float(np.hypot(one["sigma_value"], other["sigma_value"]))
    share = least / middle if middle > 0 else _NAN
    both = one["qualifier"] == "=" and other["qualifier"] == "="
    z = least / spread if spread > 0 else _NAN
    is_low = min(_number(one), _number(other)) < rules["duplicate_low_times"] * loq
    if is_low:
        limit, value = rules["duplicate_low_difference_times"] * loq, least
        text, text_zh = f"difference {least:g}, {limit:g} allowed near the limit", f"差值 {least:g}, 允许 {limit:g}"
    else:
        limit, value = rules["duplicate_rpd_share"], share
        text, text_zh = (
            f"relative difference {share:.0%}, {limit:.0%} allowed",
            f"相对偏差 {share:.0%}, 允许 {limit:.0%}",
        )
    within = not value > limit
    passed = True if within else (None if not z > rules["duplicate_z"] else False)
    if passed is None:
        text, text_zh = f"{text}; errors of analysis explain it ({z:.1f} sd)", f"{text_zh}; 仍在测量误差内"
    if not both and least == 0.0:
        text, text_zh = "not detected, and nothing speaks against it", "未检出, 无矛盾"
    samples = [str(one["sample_id"]), str(other["sample_id"])]
    parameter, kind = str(one["parameter"]), str(one["kind"])
    ids = [str(one["result_id"]), str(other["result_id"])]
    reason, reason_zh = (
        f"{parameter} of {samples[0]} and {samples[1]}: {text}",
        f"{samples[0]} 与 {samples[1]} 的 {parameter}: {text_zh}",
    )
    return Check(kind, parameter, ids, samples, passed, reason, reason_zh, value, limit, z if both else _NAN, batch_id)


def judge_recovery(
    row: Mapping[str, object], before: pd.Series | None, rules: Mapping[str, float], batch_id: str
) -> Check:
    """Return whether what was added is found again; a parent below its limit makes recovery a range."""
    added = float(str(row["spike_added"]))
    low, high = _range(row)
    low_before, high_before = _range(before) if before is not None else (0.0, 0.0)
    least, most = (low - high_before) / added, (high - low_before) / added
    allowed = rules["recovery_low_share"], rules["recovery_high_share"]
    outside = max(least - allowed[1], allowed[0] - most, 0.0)
    sigma = [float(str(row["sigma_value"])), float(before["sigma_value"]) if before is not None else 0.0]
    error = float(np.hypot(*np.nan_to_num(sigma))) / added
    z = outside / error if error > 0 else _NAN
    parameter, samples = str(row["parameter"]), [str(row["sample_id"])]
    ids = [str(row["result_id"])]
    small = False
    if before is not None:
        samples, ids = [*samples, str(before["sample_id"])], [*ids, str(before["result_id"])]
        small = added < rules["least_spike_share"] * low_before
    passed = None if small or (outside > 0 and not z > rules["duplicate_z"]) else outside == 0.0
    shown = f"{least:.0%}" if np.isclose(least, most) else f"{least:.0%} to {most:.0%}"
    why = "; too little was added to tell" if small else ("; errors of analysis explain it" if passed is None else "")
    why_zh = "; 加标量过小" if small else ("; 仍在测量误差内" if passed is None else "")
    reason = f"{parameter} of {row['sample_id']}: recovery {shown}, {allowed[0]:.0%} to {allowed[1]:.0%} wanted{why}"
    reason_zh = f"{row['sample_id']} 的 {parameter}: 回收率 {shown}, 要求 {allowed[0]:.0%}-{allowed[1]:.0%}{why_zh}"
    bound = allowed[1] if least > allowed[1] else allowed[0]
    value = (least + most) / 2 if np.isfinite(most) else least
    return Check(str(row["kind"]), parameter, ids, samples, passed, reason, reason_zh, value, bound, z, batch_id)


def judge_series(checks: Iterable[Check]) -> list[Check]:
    """Return whether all duplicates of a parameter together scatter as much as their stated uncertainty says.

    The squared differences in standard deviations follow a chi-square; a series fails at p < 0.001.
    """
    from scipy.special import chdtrc

    pairs: dict[str, list[Check]] = {}
    for check in checks:
        if check.kind in ("duplicate", "laboratory_duplicate") and np.isfinite(check.z):
            pairs.setdefault(check.parameter, []).append(check)
    out = []
    for parameter, found in sorted(pairs.items()):
        if len(found) < _LEAST_PAIRS:
            continue
        z = np.sort([check.z for check in found])
        p_value, spread = float(chdtrc(len(z), float((z**2).sum()))), float(np.sqrt((z**2).mean()))
        reason = f"{parameter}: {len(z)} duplicates scatter {spread:.1f} times as much as stated (p {p_value:.2g})"
        reason_zh = f"{parameter}: {len(z)} 对平行样离散程度为声明值的 {spread:.1f} 倍 (p {p_value:.2g})"
        samples = [sample for check in found for sample in check.sample_ids]
        ids = [row for check in found for row in check.row_ids] if p_value < _SERIES_P else []
        out.append(
            Check(
                "duplicate_series",
                parameter,
                ids,
                samples,
                p_value >= _SERIES_P,
                reason,
                reason_zh,
                p_value,
                _SERIES_P,
                spread,
            )
        )
    return out


def _range(row: Mapping[str, object] | pd.Series) -> tuple[float, float]:
    """Return between what a result lies: itself, 0 and its limit, or itself and anything."""
    value, limit = float(str(row["value"])), float(str(row["detection_limit"]))
    if row["qualifier"] == "<":
        return 0.0, limit if np.isfinite(limit) else np.inf
    return value, np.inf if row["qualifier"] == ">" else value


def _number(row: pd.Series) -> float:
    limit = float(row["detection_limit"])
    return (limit if np.isfinite(limit) else 0.0) if row["qualifier"] == "<" else float(row["value"])
