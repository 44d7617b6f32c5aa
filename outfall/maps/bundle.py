"""What a page carries: the scripts that draw and the data they draw, each as one text."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from outfall.maps.answers import describe_answers
from outfall.maps.basemap_pack import describe_bases
from outfall.maps.header import describe_layer, phrases
from outfall.maps.pack import Blob
from outfall.maps.vendored import read_member
from outfall.tables import contract

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outfall.maps.answers import Found
    from outfall.maps.basemap import BaseMap
    from outfall.maps.layers import Layer
    from outfall.maps.photos import Thumbnail
    from outfall.vocabulary import Lang

__all__ = ["DRAWING", "PAGE", "STYLES", "code", "pack_layers", "text_of"]

_ENGINE = "maplibre-gl"  # lies packed, because only a page that asks for it carries it

# In this order: each file uses only those before it.
DRAWING = (
    "tiny-inflate.js",
    "dom.js",
    "blob.js",
    "grid.js",
    "symbols.js",
    "classes.js",
    "rows.js",
    "canvas.js",
    "pixels.js",
    "lines.js",
    "points.js",
    "clusters.js",
    "polygons.js",
)
STYLES = (
    "page.css",
    "panel.css",
    "dialog.css",
    "print.css",
    "legend.css",
    "time.css",
    "search.css",
    "raster.css",
    "swipe.css",
    "base.css",
    "gather.css",
)
PAGE = ("state.js", "data.js", "gcj.js", "geodesy.js", "labels.js", "paths.js", "graticule.js", "raster_legend.js", "raster.js", "swipe.js", "counts.js", "brush.js", "tree.js", "legend.js", "moments.js", "time.js", "spots.js", "search.js", "flow.js", "lit.js", "photos.js", "fields.js", "candidates.js", "journey.js", "panel.js", "dialog.js", "frame.js", "tools.js", "measure.js", "menu.js", "locate.js", "table.js",
    "compose.js", "layout.js", "png.js", "print.js", "tiles.js", "shapes_read.js", "shapes_paint.js", "pick_pmtiles.js", "pick_mbtiles.js", "base_pick.js", "gather.js", "pointer.js", "start.js")  # fmt: skip


def pack_layers(
    layers: tuple[Layer, ...],
    *,
    title: str = "",
    lang: Lang = "zh",
    found: Found | None = None,
    photos: Mapping[str, Thumbnail] | None = None,
    bases: Sequence[BaseMap] = (),
) -> str:
    """Return everything a map shows as one text."""
    blob = Blob()
    header: dict[str, object] = {
        "title": title,
        "lang": lang,
        "phrases": {"zh": phrases("zh"), "en": phrases("en")},
        "layers": [describe_layer(layer, blob) for layer in layers],
        "photos": {
            photo: {
                "image": blob.bytes(small.image),
                "width": small.width_px,
                "height": small.height_px,
                "file": small.file,
                "beside": small.beside,
            }
            for photo, small in (photos or {}).items()
        },
    }
    if bases:
        header["bases"] = describe_bases(bases, layers, blob)
    if found is not None:
        outfall_ids, source_ids, reach_ids = (_ids(layers, name) for name in ("outfalls", "sources", "reaches"))
        header["found"] = describe_answers(found, outfall_ids, source_ids, reach_ids, blob)
    return blob.to_text(header)


def code(*names: str) -> str:
    """Return script files joined in a scope of their own."""
    return "(function () {\n'use strict';\n" + "\n".join(text_of(name) for name in names) + "\n})();\n"


@cache
def text_of(name: str) -> str:
    """Return one asset, ours or vendored, with line ends as the browser hashes them."""
    assets = files("outfall.maps").joinpath("assets")
    own = assets.joinpath(name)
    if name.startswith(_ENGINE):
        return read_member(f"{_ENGINE}@5.24.1/dist/{name}").decode("utf-8")
    text = (own if own.is_file() else assets.joinpath("vendor", name)).read_text(encoding="utf-8")
    if name == "tiny-inflate.js":
        text = f"const tinyInflate = (function () {{\n{text.replace('module.exports =', 'return')}\n}})();"
    return text.replace("\r\n", "\n")


def _ids(layers: tuple[Layer, ...], name: str) -> list[str]:
    key = contract(name).key
    tables = [layer.table for layer in layers if layer.name == name and layer.table is not None]
    return [str(value) for table in tables for value in table[key]]
