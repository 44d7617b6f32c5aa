"""How other programs draw our layers: the same colours, shapes and letters as QML, SLD and MapLibre styles."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from outfall.maps.header import describe_layer
from outfall.maps.pack import Blob
from outfall.tables import contract
from outfall.vocabulary import Lang, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outfall.maps.layers import Layer

__all__ = ["list_looks", "maplibre_style", "qml", "qml_renderer", "sld", "xml_text"]

_QGIS_SHAPE = {"circle": "circle", "dot": "circle", "diamond": "diamond", "square": "square", "tile": "square", "triangle": "triangle"}  # fmt: skip
_SLD_SHAPE = {"diamond": "square", "tile": "square", "dot": "circle"}
_PLACES: Mapping[str, object] = {
    "points": shapely.Point(0, 0),
    "lines": shapely.LineString([(0, 0), (1, 0)]),
    "polygons": shapely.Polygon([(0, 0), (1, 0), (1, 1)]),
}
_POINT_MM, _LINE_MM_PER_PX = 4.2, 0.26
_DOT_MM = 2.4
_LETTER_SHARE = 0.62


def list_looks(layer: Layer) -> list[dict[str, object]]:
    """Return how each value of a layer's style column is drawn, words that may still come included.

    Parameters
    ----------
    layer : Layer
        Of points, lines or polygons; without a style column all rows look alike.

    Returns
    -------
    list of dict
        ``value``, ``zh``, ``en``, ``colour``, ``edge``, ``shape``, ``letter``, ``letter_zh``; lines also ``width``
        (pixels) and ``dash``. One without a value is for rows that say nothing.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.maps import Layer
    >>> table = gpd.GeoDataFrame({"status": ["suspected"]}, geometry=gpd.points_from_xy([120], [31]), crs=4490)
    >>> layer = Layer("outfalls", "points", table, contract="outfalls", style="status")
    >>> [look["value"] for look in list_looks(layer)]
    ['confirmed', 'suspected', 'rejected', 'merged', '']
    """
    if layer.table is None or not layer.style:
        return []
    declared = contract(layer.contract).columns.get(layer.style) if layer.contract else None
    values = layer.table[layer.style].dropna().drop_duplicates()
    if declared is not None and declared.allowed and declared.allowed != "parameter":
        values = pd.Series([*words(declared.allowed), *values], dtype="str").drop_duplicates()
    if not pd.api.types.is_numeric_dtype(values):
        values = pd.concat([values.astype("str"), pd.Series([None], dtype="str")])
    points = [_PLACES[layer.kind]] * len(values)
    small = gpd.GeoDataFrame({layer.style: values.to_numpy()}, geometry=points, crs=4490)
    small[layer.style] = pd.Series(values.to_numpy(), dtype=values.dtype)
    bare = replace(layer, table=small, styles=(), popup=(), label="", search=(), ring="", time="")
    styles: Mapping[str, list[dict[str, object]]] = describe_layer(bare, Blob())["styles"]  # type: ignore[assignment]
    return styles[layer.style]


def qml(layer: Layer, *, lang: Lang = "zh", form: str = "") -> str:
    """Return the style of a layer for QGIS and QField.

    Parameters
    ----------
    layer : Layer
        What is drawn.
    lang : {"zh", "en"}, default "zh"
        Language of the legend.
    form : str, default ""
        Elements put beside the style, such as the configuration of fields; already markup.

    Returns
    -------
    str
        A QML document; a value nobody has a look for is drawn grey.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.maps import Layer
    >>> table = gpd.GeoDataFrame({"status": ["suspected"]}, geometry=gpd.points_from_xy([120], [31]), crs=4490)
    >>> '<category' in qml(Layer("outfalls", "points", table, contract="outfalls", style="status"))
    True
    """
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        f'<qgis version="3.34.0" styleCategories="AllStyleCategories">\n{qml_renderer(layer, lang)}\n{form}\n</qgis>\n'
    )


def qml_renderer(layer: Layer, lang: Lang) -> str:
    """Return the drawing part of a QML document: symbols, and the labels beside the features."""
    looks = list_looks(layer)
    if not looks:
        look = {"value": "", "zh": layer.zh, "en": layer.en, "colour": "#0072B2", "edge": "#ffffff", "shape": "circle"}
        body = f'<renderer-v2 type="singleSymbol" enableorderby="0"><symbols>{_symbol(layer.kind, 0, look, lang)}</symbols></renderer-v2>'
        return body + _labels(layer)
    rows = "".join(
        f'<category symbol="{at}" value="{xml_text(look["value"])}" label="{xml_text(look[lang])}" render="true" type="string"/>'
        for at, look in enumerate(looks)
    )
    symbols = "".join(_symbol(layer.kind, at, look, lang) for at, look in enumerate(looks))
    return (
        f'<renderer-v2 type="categorizedSymbol" attr="{xml_text(layer.style)}" enableorderby="0" forceraster="0">'
        f"<categories>{rows}</categories><symbols>{symbols}</symbols></renderer-v2>{_labels(layer)}"
    )


def sld(layer: Layer, *, lang: Lang = "zh") -> str:
    """Return the style of a layer as SLD 1.0, for GeoServer and others.

    Parameters
    ----------
    layer : Layer
        What is drawn.
    lang : {"zh", "en"}, default "zh"
        Language of the legend.

    Returns
    -------
    str
        One rule per value; letters and diamonds, which SLD 1.0 does not have, are left out and drawn as squares.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.maps import Layer
    >>> table = gpd.GeoDataFrame({"status": ["suspected"]}, geometry=gpd.points_from_xy([120], [31]), crs=4490)
    >>> sld(Layer("outfalls", "points", table, contract="outfalls", style="status")).count("<Rule>")
    5
    """
    rules = "".join(_rule(layer, look, lang) for look in list_looks(layer))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<StyledLayerDescriptor version="1.0.0" '
        'xmlns="http://www.opengis.net/sld" xmlns:ogc="http://www.opengis.net/ogc">'
        f"<NamedLayer><Name>{xml_text(layer.name)}</Name><UserStyle><FeatureTypeStyle>{rules}</FeatureTypeStyle>"
        "</UserStyle></NamedLayer></StyledLayerDescriptor>\n"
    )


def maplibre_style(layer: Layer, *, source: str = "") -> list[dict[str, object]]:
    """Return the layers of a MapLibre style that draw a layer.

    Parameters
    ----------
    layer : Layer
        What is drawn.
    source : str, default ""
        Name of the source; that of the layer by default.

    Returns
    -------
    list of dict
        One layer of circles, lines or fills; the colour is matched on the style column.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.maps import Layer
    >>> table = gpd.GeoDataFrame({"status": ["suspected"]}, geometry=gpd.points_from_xy([120], [31]), crs=4490)
    >>> maplibre_style(Layer("outfalls", "points", table, contract="outfalls", style="status"))[0]["type"]
    'circle'
    """
    looks = [look for look in list_looks(layer) if look["value"] != ""]
    kind = {"points": "circle", "lines": "line", "polygons": "fill"}[layer.kind]

    def matched(key: str, other: object) -> object:
        if not looks:
            return other
        pairs = [part for look in looks for part in (look["value"], look[key])]
        return ["match", ["to-string", ["get", layer.style]], *pairs, other]

    paint: dict[str, object] = {f"{kind}-color": matched("colour", "#8b949e")}
    if kind == "circle":
        paint |= {"circle-radius": 6, "circle-stroke-color": matched("edge", "#ffffff"), "circle-stroke-width": 1.5}
    elif kind == "line":
        paint |= {"line-width": matched("width", 2.0) if all("width" in look for look in looks) else 2.0}
    return [{"id": layer.name, "type": kind, "source": source or layer.name, "paint": paint}]


def _symbol(kind: str, at: int, look: Mapping[str, object], lang: Lang) -> str:
    parts = {"points": _point, "lines": _line, "polygons": _fill}[kind](look, lang)
    family = {"points": "marker", "lines": "line", "polygons": "fill"}[kind]
    layers = "".join(_element(name, options) for name, options in parts)
    return f'<symbol type="{family}" name="{at}" alpha="1" clip_to_extent="1" force_rhr="0">{layers}</symbol>'


def _point(look: Mapping[str, object], lang: Lang) -> list[tuple[str, dict[str, str]]]:
    shape = str(look.get("shape", "circle"))
    size_mm = _DOT_MM if shape == "dot" else _POINT_MM
    marker = {
        "name": _QGIS_SHAPE.get(shape, "circle"), "color": _rgba(look["colour"]), "outline_color": _rgba(look["edge"]),
        "outline_width": "0.3", "size": f"{size_mm:g}", "size_unit": "MM",
    }  # fmt: skip
    letter = str((look.get("letter_zh") if lang == "zh" else "") or look.get("letter") or "")
    if not letter:
        return [("SimpleMarker", marker)]
    text = {"chr": letter, "font": "Sans Serif", "color": "255,255,255,255", "size": f"{size_mm * _LETTER_SHARE:g}"}
    return [("SimpleMarker", marker), ("FontMarker", {**text, "size_unit": "MM", "outline_width": "0"})]


def _line(look: Mapping[str, object], lang: Lang) -> list[tuple[str, dict[str, str]]]:
    del lang
    width_px = float(str(look.get("width") or 2.0))
    dash: Sequence[float] = look.get("dash") or ()  # type: ignore[assignment]
    line = {
        "line_color": _rgba(look["colour"]),
        "line_width": f"{width_px * _LINE_MM_PER_PX:g}",
        "line_width_unit": "MM",
        "capstyle": "round",
        "joinstyle": "round",
    }
    if dash:
        cells = ";".join(f"{part * _LINE_MM_PER_PX:g}" for part in dash)
        line |= {"use_custom_dash": "1", "customdash": cells, "customdash_unit": "MM", "capstyle": "flat"}
    return [("SimpleLine", line)]


def _fill(look: Mapping[str, object], lang: Lang) -> list[tuple[str, dict[str, str]]]:
    del lang
    return [("SimpleFill", {"color": _rgba(look["colour"], 110), "outline_color": _rgba(look["colour"]), "style": "solid"})]  # fmt: skip


def _element(name: str, options: Mapping[str, str]) -> str:
    cells = "".join(
        f'<Option type="QString" name="{key}" value="{xml_text(value)}"/>' for key, value in options.items()
    )
    return f'<layer class="{name}" enabled="1" locked="0" pass="0"><Option type="Map">{cells}</Option></layer>'


def _labels(layer: Layer) -> str:
    if not layer.label:
        return '<labeling type="none"/>'
    return (
        '<labeling type="simple"><settings calloutType="simple">'
        f'<text-style fieldName="{xml_text(layer.label)}" fontFamily="Sans Serif" fontSize="9" textColor="40,48,56,255">'
        '<text-buffer bufferDraw="1" bufferSize="0.8" bufferSizeUnits="MM" bufferColor="255,255,255,220"/></text-style>'
        '<placement placement="6" dist="1.5" distUnits="MM"/>'
        '<rendering scaleVisibility="1" scaleMax="15000" scaleMin="1"/></settings></labeling>'
    )


def _rule(layer: Layer, look: Mapping[str, object], lang: Lang) -> str:
    test = (
        f"<ogc:PropertyIsEqualTo><ogc:PropertyName>{xml_text(layer.style)}</ogc:PropertyName>"
        f"<ogc:Literal>{xml_text(look['value'])}</ogc:Literal></ogc:PropertyIsEqualTo>"
    )
    chosen = f"<ogc:Filter>{test}</ogc:Filter>" if look["value"] != "" else "<ElseFilter/>"
    colour = str(look["colour"])
    shape = str(look.get("shape", "circle"))
    symbols = {
        "points": f"<PointSymbolizer><Graphic><Mark><WellKnownName>{_SLD_SHAPE.get(shape, shape)}</WellKnownName>"
        f'<Fill><CssParameter name="fill">{colour}</CssParameter></Fill></Mark><Size>12</Size></Graphic></PointSymbolizer>',
        "lines": f'<LineSymbolizer><Stroke><CssParameter name="stroke">{colour}</CssParameter>'
        f'<CssParameter name="stroke-width">{look.get("width") or 2}</CssParameter></Stroke></LineSymbolizer>',
        "polygons": f'<PolygonSymbolizer><Fill><CssParameter name="fill">{colour}</CssParameter></Fill></PolygonSymbolizer>',
    }
    return f"<Rule><Title>{xml_text(look[lang])}</Title>{chosen}{symbols[layer.kind]}</Rule>"


def _rgba(colour: object, alpha: int = 255) -> str:
    text = str(colour).lstrip("#")
    return ",".join(str(int(text[at : at + 2], 16)) for at in (0, 2, 4)) + f",{alpha}"


def xml_text(value: object) -> str:
    r"""Return a text for an attribute or element: escaped, without characters XML does not have.

    Examples
    --------
    >>> xml_text("<3号口> & \x01")
    '&lt;3号口&gt; &amp; '
    """
    text = "".join(mark for mark in str(value) if mark in "\t\n\r" or (mark >= " " and mark not in "\ufffe\uffff"))
    return escape(text, quote=True).replace("\r", "&#13;")
