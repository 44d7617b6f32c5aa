"""How a comparison becomes a row of the table ``contrasts``, with its reason in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from outfall.scenes.scene import taken_at
from outfall.tables import empty
from outfall.vocabulary import label

if TYPE_CHECKING:
    import xarray as xr

    from outfall.scenes.contrast_layers import Layer

__all__ = ["Verdict", "to_table"]

_NAN = float("nan")
_DESIGNS = {
    "bank": ("against the other bank", "与对岸对比"),
    "width": ("over the whole width: too narrow for two strips", "河窄，按全宽对比"),
}


class Verdict(NamedTuple):
    """What one comparison found, or why there is none."""

    estimate: float = _NAN
    low: float = _NAN
    high: float = _NAN
    sd: float = _NAN
    studentised: float = _NAN
    freedom: float = _NAN
    p: float = _NAN
    q: float = _NAN
    level: float = _NAN
    natural_sd: float = _NAN
    effective_n: float = _NAN
    window_m: float = _NAN
    pixels: int = 0
    controls: int = 0
    design: str = ""
    cut_by: str = ""
    is_two_way: bool = False
    code: str = ""
    reason: str = ""
    reason_zh: str = ""


def to_table(
    verdicts: list[Verdict], places: pd.DataFrame, layer: Layer | None, scene: xr.Dataset | None
) -> pd.DataFrame:
    """Return verdicts as rows of ``contrasts``.

    Parameters
    ----------
    verdicts : list of Verdict, n
        In the order of the outfalls.
    places : DataFrame, n rows
        Of the outfalls.
    layer : Layer
        What was compared.
    scene : Dataset
        Where it was seen.

    Returns
    -------
    DataFrame, n rows
        Contract ``contrasts``.
    """
    blank = empty("contrasts")
    if not verdicts or layer is None or scene is None:
        return pd.DataFrame(blank)
    frame = pd.DataFrame(verdicts)
    texts = [_say(verdict, layer) for verdict in verdicts]
    ref = str(scene.attrs.get("source_ref", "")) or "scene"
    moment = taken_at(scene)
    ids = places["outfall_id"].tolist()
    stamp = "undated" if pd.isna(moment) else moment.strftime("%Y%m%dT%H%M")
    columns = {
        "contrast_id": [f"{one}/{layer.name}/{stamp}/{ref}" for one in ids],
        "outfall_id": ids,
        "layer": layer.name,
        "taken_at": pd.Series([moment] * len(ids), dtype=blank["taken_at"].dtype),
        "sensor": str(scene.attrs.get("sensor", "")) or None,
        "unit": layer.unit or None,
        "reach_id": places["reach_id"].to_numpy(dtype=object),
        "along_m": places["along_m"].to_numpy(),
        "is_observable": frame["estimate"].notna().to_numpy(),
        "reason": [text[0] for text in texts],
        "reason_zh": [text[1] for text in texts],
        "source_ref": [f"find_contrasts({ref};{one})" for one in ids],
        **{name: frame[name].replace("", None).to_numpy(dtype=object) for name in ("design", "cut_by", "code")},
        **{name: frame[name].to_numpy() for name in blank.columns if name in frame.columns and name not in
           ("design", "cut_by", "code", "reason", "reason_zh")},
    }  # fmt: skip
    typed = {name: pd.Series(columns[name], index=range(len(ids))).astype(blank[name].dtype) for name in blank.columns}
    return pd.DataFrame(typed)


def _say(verdict: Verdict, layer: Layer) -> tuple[str, str]:
    """Return the reason in both languages, with the figures."""
    if verdict.reason:
        return verdict.reason, verdict.reason_zh
    word = (
        (label("unseen_reason", verdict.code), label("unseen_reason", verdict.code, lang="zh"))
        if verdict.code
        else ("", "")
    )
    if not np.isfinite(verdict.estimate):
        return word
    unit = f" {layer.unit}" if layer.unit and layer.unit != "1" else ""
    figures = f"{verdict.estimate:+.3g}{unit} ({verdict.low:.3g}…{verdict.high:.3g})"
    where = ("about", "附近") if verdict.is_two_way else ("below", "下游")
    design = _DESIGNS[verdict.design]
    chance = f", p {verdict.p:.2g}, q {verdict.q:.2g}" if np.isfinite(verdict.p) else ""
    en = f"{layer.name} {figures} {where[0]} the outfall, {design[0]}; {verdict.window_m:.0f} m, {verdict.pixels} pixels worth {verdict.effective_n:.1f}, {verdict.controls} control places{chance}"
    zh = f"{layer.name}：排口{where[1]}{figures}，{design[1]}；窗口{verdict.window_m:.0f} m，{verdict.pixels}个像元（有效{verdict.effective_n:.1f}），{verdict.controls}个对照位置{chance}"
    if layer.assumed_from:
        en, zh = (
            f"{en}; {layer.assumed_from} taken for water-leaving reflectance",
            f"{zh}；以{layer.assumed_from}代离水反射率",
        )
    if verdict.cut_by:
        cut = "few_pixels" if verdict.cut_by == "edge" else verdict.cut_by
        en, zh = (
            f"{en}; cut short: {label('unseen_reason', cut)}",
            f"{zh}；窗口受限：{label('unseen_reason', cut, lang='zh')}",
        )
    return (f"{word[0]}: {en}", f"{word[1]}：{zh}") if verdict.code else (en, zh)
