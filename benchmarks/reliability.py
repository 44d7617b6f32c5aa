"""Are stated probabilities as often right as they say: bins, the expected gap, and the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bin_stated", "draw_reliability", "expected_gap"]

EDGES = np.linspace(0.0, 1.0, 11)
_BLUE, _ORANGE, _GREY = "#0072B2", "#E69F00", "#595959"  # Okabe-Ito


def _bins(stated: np.ndarray) -> np.ndarray:
    return np.clip(np.digitize(stated, EDGES) - 1, 0, len(EDGES) - 2)


def expected_gap(stated: np.ndarray, hit: np.ndarray) -> float:
    """Return the expected calibration error: the mean gap between stated and true over ten bins of equal width."""
    bins, size = _bins(stated), len(EDGES) - 1
    gap = np.abs(np.bincount(bins, stated, size) - np.bincount(bins, hit, size))
    return float(gap.sum() / max(len(stated), 1))


def bin_stated(stated: np.ndarray, hit: np.ndarray) -> pd.DataFrame:
    """Return one row per bin with something in it: how many, what was stated, what came true."""
    frame = pd.DataFrame({"bin": _bins(stated), "stated": stated, "hit": hit})
    return frame.groupby("bin").agg(count=("hit", "size"), stated=("stated", "mean"), hit=("hit", "mean"))


def draw_reliability(scored: pd.DataFrame, path: Path, *, towns: int) -> None:
    """Draw how often the first source was the true one, by what was stated of it; bars are 95 % over towns."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    stated = scored["first_stated"].to_numpy(dtype=float)
    hit = scored["first"].eq(scored["true"]).to_numpy(dtype=float)
    table = bin_stated(stated, hit)
    table = table[table["count"] >= 5]
    low, high = _bootstrap(scored["seed"].to_numpy(), stated, hit, table.index)
    with plt.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure, (top, below) = plt.subplots(
            2, 1, figsize=(5.2, 6.0), height_ratios=(4, 1), sharex=True, layout="constrained"
        )
        top.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="as stated")
        bars = np.clip([table["hit"] - low, high - table["hit"]], 0, None)
        top.errorbar(
            table["stated"], table["hit"], yerr=bars, color=_BLUE, marker="o", capsize=3, label="measured, 95 %"
        )
        top.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share right")
        top.legend(frameon=False, loc="lower right")
        gap = expected_gap(stated, hit)
        top.set_title(
            f"{len(scored):,} sampled outfalls of {towns} invented towns\n"
            f"first source right {hit.mean():.3f}, stated {stated.mean():.3f}, expected gap {gap:.3f}",
            fontsize=10, loc="left",
        )  # fmt: skip
        below.hist(stated, bins=EDGES, color=_ORANGE, edgecolor="white")
        below.set(xlabel="stated probability of the first source", ylabel="outfalls", xlim=(0, 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150, metadata={"Software": ""})
        plt.close(figure)


def _bootstrap(seed: np.ndarray, stated: np.ndarray, hit: np.ndarray, bins: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of the share right in each bin, whole towns drawn again."""
    rng = np.random.default_rng(0)
    groups = list(pd.Series(range(len(seed))).groupby(seed).indices.values())
    draws = np.full((400, len(bins)), np.nan)
    for row in draws:
        at = np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])
        row[:] = bin_stated(stated[at], hit[at])["hit"].reindex(bins)
    return np.nanquantile(draws, 0.025, axis=0), np.nanquantile(draws, 0.975, axis=0)
