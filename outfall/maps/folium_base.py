"""Which base maps can lie under a folium map, and which cannot: folium puts tiles where WGS 84 has them."""

from __future__ import annotations

import html
import warnings
from typing import TYPE_CHECKING

import folium

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.maps.basemap import BaseMap
    from outfall.vocabulary import Lang

__all__ = ["base_groups"]

_DATUMS = ("wgs84", "cgcs2000")  # less than a decimetre apart


def base_groups(bases: Sequence[BaseMap], lang: Lang) -> list[folium.FeatureGroup]:
    """Return one group of tile layers per base map, the first one shown; a warning names those left out and why.

    Parameters
    ----------
    bases : sequence of BaseMap
        Those of a map.
    lang : {"zh", "en"}
        Language of names and makers.

    Returns
    -------
    list of folium.FeatureGroup
        Base layers, of which one is shown at a time.

    Examples
    --------
    >>> from outfall.maps import openstreetmap
    >>> [group.overlay for group in base_groups([openstreetmap()], "en")]
    [False]
    """
    groups: list[folium.FeatureGroup] = []
    missing = []
    for base in bases:
        reason = _reason(base)
        if reason:
            missing.append(f"{base.name} ({reason})")
        else:
            groups.append(_group(base, lang, is_shown=not groups))
    if missing:
        msg = f"left out of the folium map: {', '.join(missing)}; the page of Map.save draws them"
        warnings.warn(msg, UserWarning, stacklevel=4)
    return groups


def _reason(base: BaseMap) -> str:
    if not base.urls:
        return "a file"
    if base.datum not in _DATUMS:
        return f"{base.datum} tiles would lie hundreds of metres off"
    return "no key" if not base.key and any("{key}" in url for url in base.urls) else ""


def _group(base: BaseMap, lang: Lang, *, is_shown: bool) -> folium.FeatureGroup:
    name = html.escape((base.zh if lang == "zh" else base.en) or base.name)
    maker = (base.attribution if lang == "zh" else base.attribution_en) or base.attribution
    credit = html.escape(" ".join(part for part in (maker, base.approval) if part) or base.name)
    group = folium.FeatureGroup(name, overlay=False, show=is_shown)
    for url in base.urls:
        folium.TileLayer(
            url.replace("{key}", base.key).replace("{-y}", "{y}"),
            attr=credit,
            min_zoom=0,
            max_zoom=20,
            max_native_zoom=base.max_zoom,
            tms=base.is_tms or "{-y}" in url,
            subdomains=list(base.servers) or "abc",  # type: ignore[arg-type]
            control=False,
        ).add_to(group)
    return group
