"""How layers become GeoPackages that draw themselves: typed columns, and a style that QGIS finds in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.maps.layers import Layer
from outfall.maps.styles import qml, sld
from outfall.reports.field_pack.forms import field_form

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from outfall.reports.field_pack.packed import Packed
    from outfall.vocabulary import Lang

__all__ = ["outfall_layer", "write_layers", "write_package"]

_STYLE_COLUMNS = (
    *("f_table_catalog", "f_table_schema", "f_table_name", "f_geometry_column", "styleName", "styleQML", "styleSLD"),
    *("useAsDefault", "description", "owner", "ui", "update_time"),
)
_TYPES = {"points": "Point", "lines": "LineString", "polygons": "MultiPolygon"}
_STYLED_AT = "2026-01-01T00:00:00.000Z"  # the same pack is the same bytes
_PHOTO_COLUMNS = ("photo_1", "photo_2", "photo_3")


def write_package(packed: Packed, path: Path) -> None:
    """Write the rows as a GeoPackage with its style and form inside; photos lie beside it in ``DCIM/``."""
    write_layers(path, [outfall_layer(packed)], packed.settings.lang)


def outfall_layer(packed: Packed) -> Layer:
    """Return the rows as a layer, with columns for photos that are taken on site."""
    more = dict.fromkeys((*_PHOTO_COLUMNS, "field_note"), pd.Series(None, index=packed.rows.index, dtype="str"))
    table = packed.rows.assign(photo_ids=pd.Series(packed.photo_cells("DCIM"), dtype="str"), **more)
    texts = [name for name in table.columns if table[name].dtype == object and name != "geometry"]
    table = gpd.GeoDataFrame(table.astype(dict.fromkeys(texts, "str")))
    zh, en = "排污口", "Outfalls"
    return Layer("outfalls", "points", table, zh, en, contract="outfalls", style="status", label="outfall_id")


def write_layers(path: Path, layers: Sequence[Layer], lang: Lang) -> None:
    """Write layers into one GeoPackage, each with its style as QGIS looks for it (``layer_styles``)."""
    import pyogrio

    for layer in layers:
        assert layer.table is not None
        kinds = set(layer.table.geometry.geom_type.dropna())
        kind = "MultiLineString" if kinds - {"LineString"} and layer.kind == "lines" else _TYPES[layer.kind]
        table = layer.table if layer.table.geometry.name == "geom" else layer.table.rename_geometry("geom")
        pyogrio.write_dataframe(
            table, path, layer=layer.name, driver="GPKG", geometry_type=kind, promote_to_multi=kind.startswith("Multi"),
            append=path.exists(), layer_options={"FID": "fid", "GEOMETRY_NAME": "geom", "DESCRIPTION": layer.zh},
        )  # fmt: skip
    rows = [_style_row(layer, lang) for layer in layers]
    pyogrio.write_dataframe(
        pd.DataFrame(rows, columns=list(_STYLE_COLUMNS)), path, layer="layer_styles", driver="GPKG", append=True
    )


def _style_row(layer: Layer, lang: Lang) -> tuple[object, ...]:
    """Return the row of ``layer_styles`` by which QGIS finds the style of a layer when it opens the package."""
    document = qml(layer, lang=lang, form=field_form(layer, lang))
    about = (layer.zh if lang == "zh" else layer.en, "", "", _STYLED_AT)
    return ("", "", layer.name, "geom", layer.name, document, sld(layer, lang=lang), True, *about)
