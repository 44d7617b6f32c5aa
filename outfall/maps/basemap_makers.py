"""Whose online base maps do we know: Tianditu, AMap, Tencent, OpenStreetMap, from a list that says what each asks."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Literal

from outfall.errors import MapError
from outfall.maps.basemap import BaseMap, warn_of_key

__all__ = ["amap", "openstreetmap", "tencent", "tianditu"]


def tianditu(
    kind: Literal["vec", "img", "ter"] = "vec", *, labels: bool = True, approval: str = "", with_key: bool = False
) -> BaseMap:
    """Return Tianditu tiles in Web Mercator (the ``_w`` sets).

    The key is yours and is not written into the page: the page asks its reader for one and keeps it in memory only.

    Parameters
    ----------
    kind : {"vec", "img", "ter"}, default "vec"
        Streets, imagery or terrain.
    labels : bool, default True
        Whether names are drawn on top (cva, cia, cta).
    approval : str, optional
        Approval number (审图号) to print with the map.
    with_key : bool, default False
        Write the key of the environment variable ``OUTFALL_TIANDITU_KEY`` into the page, with a warning.

    Returns
    -------
    BaseMap
        CGCS2000, zooms 1 to 18 (terrain to 14).

    Raises
    ------
    MapError
        Another kind, a set in degrees (``_c``), or no key in the environment where it is asked for.

    Examples
    --------
    >>> tianditu("img").hosts[0]
    'https://t0.tianditu.gov.cn'
    >>> tianditu("vec_c")
    Traceback (most recent call last):
    outfall.errors.MapError: tianditu: 'vec_c' is in degrees (EPSG:4490) and would lie wrong on this map; use 'vec', which is Web Mercator
    """
    if kind.endswith("_c"):
        msg = f"tianditu: {kind!r} is in degrees (EPSG:4490) and would lie wrong on this map; use {kind[:-2]!r}, which is Web Mercator"
        raise MapError(msg)
    base = replace(_provider("tianditu", kind.removesuffix("_w"), labels=labels), approval=approval)
    return _with_key(base) if with_key else base


def amap(kind: Literal["vec", "img"] = "vec", *, labels: bool = True) -> BaseMap:
    """Return AMap tiles, which are in GCJ-02 and are put in place one by one.

    Parameters
    ----------
    kind : {"vec", "img"}, default "vec"
        Streets or imagery.
    labels : bool, default True
        Whether names are drawn on imagery.

    Returns
    -------
    BaseMap
        GCJ-02, zooms 3 to 18.

    Examples
    --------
    >>> amap().datum
    'gcj02'
    """
    return _provider("amap", kind, labels=labels)


def tencent(kind: Literal["vec", "img"] = "vec") -> BaseMap:
    """Return Tencent tiles, which are in GCJ-02 and are put in place one by one.

    Parameters
    ----------
    kind : {"vec", "img"}, default "vec"
        Streets or imagery.

    Returns
    -------
    BaseMap
        GCJ-02, zooms 3 to 18.

    Examples
    --------
    >>> tencent("img").is_tms
    True
    """
    return _provider("tencent", kind, labels=True)


def openstreetmap() -> BaseMap:
    """Return the standard tiles of OpenStreetMap.

    Returns
    -------
    BaseMap
        WGS 84, zooms 0 to 19. Their server wants to know who refers to it, which a page from the disk does not say.

    Examples
    --------
    >>> openstreetmap().hosts
    ('https://tile.openstreetmap.org',)
    """
    return _provider("osm", "", labels=True)


def _provider(maker: str, kind: str, *, labels: bool) -> BaseMap:
    known = _providers()
    name = f"{maker}.{kind}" if kind else maker
    if name not in known:
        kinds = [other.partition(".")[2] for other in known if other.startswith(f"{maker}.")]
        msg = f"{maker}: {kind!r} is not one of {', '.join(kinds)}"
        raise MapError(msg)
    row = known[name]
    urls = (row["url"], row["names_url"]) if labels and row["names_url"] else (row["url"],)
    return BaseMap(
        name, row["zh"], row["en"], urls, tuple(row["servers"].split()), None, row["datum"],  # type: ignore[arg-type]
        int(row["min_zoom"]), int(row["max_zoom"]), row["is_tms"] == "yes", row["attribution_zh"], row["attribution_en"],
        note=row["note_zh"], note_en=row["note_en"], key_variable=row["key_variable"],
    )  # fmt: skip


@cache
def _providers() -> dict[str, dict[str, str]]:
    text = files("outfall.maps").joinpath("basemaps.csv").read_text(encoding="utf-8")
    return {row["name"]: row for row in csv.DictReader(text.splitlines())}


def _with_key(base: BaseMap) -> BaseMap:
    key = os.environ.get(base.key_variable, "").strip()
    if not key:
        msg = f"{base.name}: no key; set the environment variable {base.key_variable}"
        raise MapError(msg)
    warn_of_key(base.name)
    return replace(base, key=key)
