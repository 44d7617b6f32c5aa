"""How a raster becomes a layer: a photograph, a field of numbers or a map of classes that lies right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from outfall.errors import MapError, Problem
from outfall.maps.layers import Layer
from outfall.maps.palettes import list_palettes
from outfall.maps.raster_paint import encode_photo, paint_classes, paint_values, stretch
from outfall.maps.raster_read import RasterGrid, open_raster, refuse
from outfall.maps.raster_warp import warp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

__all__ = ["RasterGrid", "list_palettes", "raster_layer", "read_picture", "under_layers"]

_PHOTO_PX = 4_000_000
_VALUES_PX = 2_000_000
_RED_NAMES = (("b4", "b04", "red"), ("b3", "b03", "green"), ("b2", "b02", "blue"))
_GROUP = "imagery"


def raster_layer(
    what: Path | str | RasterGrid | xr.DataArray | xr.Dataset,
    *,
    band: int | str | Sequence[int | str] | None = None,
    palette: str | Mapping[int, tuple[str, ...]] = "",
    limits: tuple[float, float] | None = None,
    unit: str = "",
    name: str = "raster",
    zh: str = "",
    en: str = "",
) -> Layer:
    """Return a raster as a layer: warped to Web Mercator, with its legend and the values under the pointer.

    One band is drawn as values in the colours of a palette, or as classes where the file holds a colour table or you give
    one; three bands are drawn as a photograph. Cells of the picture are the raster's own. A photograph has at most 4 million of
    them, values and classes at most 2 million; a larger raster is read decimated, through its overviews where it has some.

    Parameters
    ----------
    what : path, RasterGrid, DataArray or Dataset
        A GeoTIFF or another raster file, in any CRS, turned, south-up, or placed by ground control points; an xarray
        object with even coordinates of cell centres and a CRS (attribute ``crs`` or coordinate ``spatial_ref``); or a `RasterGrid`.
    band : int, str or three of them, optional
        Counted from 1, or its name (description, variable). By default the only band, or red, green and blue of several.
    palette : str or mapping, optional
        Name of a palette (see `list_palettes`; ``_r`` reverses it), viridis by default; or the classes: ``{1: ("水", "Water",
        "#0072B2")}`` or ``{1: ("Water", "#0072B2")}``.
    limits : tuple of float, optional
        Values of the first and the last colour; from the 2nd to the 98th percentile by default.
    unit : str, default ""
        Unit of the values.
    name : str, default "raster"
        Name of the layer, unique in a map.
    zh, en : str, default ""
        Labels; by default the name of the band or file.

    Returns
    -------
    Layer
        Of kind ``raster``, in the group ``imagery``.

    Raises
    ------
    MapError
        The raster is missing, cannot be read or placed, crosses the antimeridian, or band, palette or limits do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> from affine import Affine
    >>> ndti = RasterGrid(np.linspace(-0.2, 0.4, 6).reshape(2, 3), Affine(10, 0, 500_000, 0, -10, 3_400_000), 32651)
    >>> layer = raster_layer(ndti, name="ndti", zh="浊度指数", en="NDTI")
    >>> layer.kind, layer.plane.codes.shape
    ('raster', (3, 4))
    """
    with open_raster(what, name) as opened:
        bands = _find_bands(opened, band, name, is_one=bool(palette))
        label = _label(what, opened, bands)
        common: dict[str, Any] = {"zh": zh or label, "en": en or label, "group": _GROUP, "unit": unit}
        where = _where(what)
        if len(bands) == 3:
            done = warp(opened, bands, name, most_px=_PHOTO_PX, how="photo")
            picture, ranges = stretch(done.bands, limits)
            note = " · ".join(part for part in (where, ranges) if part)
            return Layer(
                name,
                "raster",
                image=encode_photo(picture),
                bounds_deg=done.bounds_deg,
                note=note,
                opacity=1.0,
                **common,
            )
        table = _classes(opened, bands[0], palette)
        how = "values" if table is None else "classes"
        done = warp(opened, bands, name, most_px=_VALUES_PX, how=how)
        is_whole = np.dtype(opened.dtypes[bands[0] - 1]).kind in "iu" and opened.scales[bands[0] - 1] == 1
    common |= {"bounds_deg": done.bounds_deg, "note": where, "opacity": 0.8}
    if table is not None:
        image, plane, legend = paint_classes(done.bands[0], table, name)
        return Layer(name, "raster", image=image, plane=plane, classes=legend, **common)
    chosen = palette if isinstance(palette, str) and palette else "viridis"
    image, plane = paint_values(
        done.bands[0], palette=chosen, limits=limits, is_whole=is_whole and not done.is_decimated
    )
    return Layer(name, "raster", image=image, plane=plane, **common)


def read_picture(path: Path | str, *, name: str = "under", zh: str = "影像底图", en: str = "Image") -> Layer:
    """Return a raster as a photograph, warped to Web Mercator and stretched to what the eye can see.

    Red, green and blue are found by colour interpretation, then by band description (``B4``, ``B3``, ``B2``), else the first three
    bands are taken; one band is drawn in grey. Each band is stretched from its 2nd to its 98th percentile.

    Parameters
    ----------
    path : path
        Anything rasterio opens, with a CRS.
    name : str, default "under"
        Name of the layer.
    zh, en : str
        Labels of the layer.

    Returns
    -------
    Layer
        Of kind ``raster``; its picture is WebP with at most 4 million pixels.

    Raises
    ------
    MapError
        The file is missing, is not a raster, or does not say its CRS.

    Examples
    --------
    >>> read_picture("no such.tif")
    Traceback (most recent call last):
    outfall.errors.MapError: under: 'no such.tif' does not exist; expected a raster such as a GeoTIFF
    """
    with open_raster(path, name) as opened:
        bands = _colour_bands(opened) or [1]
        done = warp(opened, bands, name, most_px=_PHOTO_PX, how="photo")
    picture, ranges = stretch(done.bands, None)
    note = f"{Path(path).name} · {ranges}"
    image = encode_photo(picture)
    return Layer(
        name, "raster", zh=zh, en=en, image=image, bounds_deg=done.bounds_deg, note=note, group=_GROUP, opacity=0.8
    )


def under_layers(under: Path | str | Layer | Sequence[Path | str | Layer] | None) -> list[Layer]:
    """Return what lies under a survey as layers, the first one lowest.

    Parameters
    ----------
    under : path, Layer, or a sequence of them, optional
        A path is drawn as `raster_layer` draws it.

    Returns
    -------
    list of Layer
        Paths become layers named ``under``, ``under-2``, … with the names of their files.

    Raises
    ------
    MapError
        A raster cannot be drawn.

    Examples
    --------
    >>> under_layers(None)
    []
    """
    if under is None:
        return []
    items = [under] if isinstance(under, (str, Path, Layer)) else list(under)
    layers: list[Layer] = []
    for at, item in enumerate(items):
        if isinstance(item, Layer):
            layers.append(item)
            continue
        name = f"under-{at + 1}" if at else "under"
        layer = raster_layer(item, name=name)
        if len(items) == 1 and layer.plane is None:
            layer = replace(layer, zh="影像底图", en="Image", opacity=0.8)
        layers.append(layer)
    return layers


def _find_bands(opened: Any, band: object, name: str, *, is_one: bool) -> list[int]:
    """Return one band or three, counted from 1."""
    if band is None:
        colours = None if is_one else _colour_bands(opened)
        return colours or [1]
    asked = [band] if isinstance(band, (int, str)) else list(band) if isinstance(band, (tuple, list)) else []
    if len(asked) not in (1, 3):
        msg = f"{name}: band {band!r} is neither one band nor three"
        raise MapError(msg)
    texts = [str(text or "") for text in opened.descriptions]
    found, problems = [], []
    for one in asked:
        number = one if isinstance(one, (int, np.integer)) else texts.index(one) + 1 if one in texts else 0
        if not 1 <= int(number) <= opened.count:
            named = ", ".join(f"{at + 1} {text!r}" if text else str(at + 1) for at, text in enumerate(texts[:12]))
            problems.append(Problem("band", f"{one!r} is not there; the raster has {named}"))
        found.append(int(number))
    if problems:
        refuse(f"{name}: no such band", *problems)
    return found


def _colour_bands(opened: Any) -> list[int] | None:
    from rasterio.enums import ColorInterp

    kinds = list(opened.colorinterp)
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
    if all(colour in kinds for colour in colours):
        return [kinds.index(colour) + 1 for colour in colours]
    texts = [str(text or "").strip().lower().split(" ")[0] for text in opened.descriptions]
    named = [next((at + 1 for at, text in enumerate(texts) if text in names), 0) for names in _RED_NAMES]
    if all(named):
        return named
    return [1, 2, 3] if len(kinds) - (ColorInterp.alpha in kinds) >= 3 else None


def _classes(
    opened: Any, band: int, palette: str | Mapping[int, tuple[str, ...]]
) -> Mapping[int, tuple[str, ...]] | None:
    """Return the classes given, else those of the file's colour table, else none."""
    from rasterio.enums import ColorInterp

    if not isinstance(palette, str):
        return palette
    if palette or opened.colorinterp[band - 1] != ColorInterp.palette:
        return None
    table = opened.colormap(band)
    return {
        int(value): (str(value), f"#{red:02x}{green:02x}{blue:02x}" if alpha else "")
        for value, (red, green, blue, alpha) in table.items()
    }


def _where(what: object) -> str:
    return Path(what).name if isinstance(what, (str, Path)) else ""


def _label(what: object, opened: Any, bands: list[int]) -> str:
    said = str(opened.descriptions[bands[0] - 1] or "") if len(bands) == 1 else ""
    return said or (Path(what).stem if isinstance(what, (str, Path)) else "")
