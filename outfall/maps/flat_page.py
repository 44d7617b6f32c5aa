"""What a saved map is made of: one page, or a page with the data and photos that do not fit into it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from outfall.maps.assembly import assemble, one_of
from outfall.maps.beside import name_photos, shards_of
from outfall.maps.bundle import DRAWING, PAGE, STYLES, pack_layers
from outfall.maps.header import phrases
from outfall.maps.policy import hosts_of
from outfall.maps.writing import Beside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.maps.page import Map
    from outfall.vocabulary import Lang

__all__ = ["packed", "page_of", "pages_of"]


def packed(drawn: Map, lang: Lang, hrefs: Mapping[str, str] | None = None) -> str:
    """Return a map's data as text, its photos with the files beside the page that ``hrefs`` names."""
    one_of("lang", lang, ("zh", "en"))
    photos = {photo: replace(small, beside=(hrefs or {}).get(photo, "")) for photo, small in drawn.photos.items()}
    return pack_layers(drawn.layers, title=drawn.title, lang=lang, found=drawn.found, photos=photos, bases=drawn.bases)


def page_of(
    drawn: Map, data: str, lang: Lang, *, rows: list[dict[str, object]] | None = None, has_photos: bool = False
) -> str:
    """Return the page that shows packed data, or that looks for it in the shards of ``rows``."""
    return assemble(
        data,
        styles=("leaflet.css", *STYLES),
        scripts=(("leaflet.js",), (*DRAWING, *PAGE)),
        title=drawn.title or phrases(lang)["title"],
        lang=lang,
        rows=rows,
        hosts=hosts_of((*drawn.layers, *drawn.bases)),
        needs=("beside",) if has_photos else (),
    )


def pages_of(drawn: Map, folder: str, lang: Lang, most_mb: float, *, has_photos: bool) -> tuple[str, Beside]:
    """Return the page and what lies in the folder beside it: photos where asked for, data above ``most_mb``."""
    found = {photo: small.source for photo, small in drawn.photos.items() if has_photos and small.source is not None}
    sources = {photo: file for photo, file in found.items() if file.is_file()}
    names = name_photos(sources)
    hrefs = {photo: f"{folder}/{name}" for photo, name in names.items()}
    copies = {names[photo]: file for photo, file in sources.items()}
    data = packed(drawn, lang, hrefs)
    page = page_of(drawn, data, lang, has_photos=bool(hrefs))
    if len(page) <= most_mb * 1e6:
        return page, Beside(copies=copies)
    texts, rows = shards_of(data, folder=folder)
    return page_of(drawn, data, lang, rows=rows, has_photos=bool(hrefs)), Beside(texts, copies)
