"""How layers become one page: code, styles and data in a single file that asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.errors import MapError
from outfall.maps.bundle import DRAWING, code, pack_layers, text_of
from outfall.maps.header import phrases

if TYPE_CHECKING:
    from collections.abc import Mapping

    import folium

    from outfall.maps.answers import Found
    from outfall.maps.layers import Layer
    from outfall.maps.photos import Thumbnail
    from outfall.vocabulary import Lang

__all__ = ["Map"]

_STYLES = ("page.css", "raster.css")
_PAGE = ("state.js", "labels.js", "paths.js", "graticule.js", "raster.js", "legend.js", "search.js", "fields.js", "candidates.js", "panel.js", "frame.js",
    "print.js", "start.js")  # fmt: skip
_NOTEBOOK_BYTES = 8_000_000
_NOTEBOOK_HEIGHT_PX = 620


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Ordered layers, and the page they make.

    Parameters
    ----------
    layers : tuple of Layer
        The first is drawn lowest. Names are unique.
    title : str
        Heading of the page.
    found : Trace, optional
        Answers: anything with the tables ``candidates`` and ``evidence``. They refer to the layers ``outfalls``,
        ``sources`` and ``reaches``.
    photos : mapping of str to Thumbnail
        Small pictures by photo id.

    Raises
    ------
    MapError
        Two layers have the same name.

    Examples
    --------
    >>> page = Map((), title="Empty")
    >>> page
    <Map 'Empty': no layers>
    >>> "http-equiv" in page.html()
    True
    """

    layers: tuple[Layer, ...]
    title: str = ""
    found: Found | None = None
    photos: Mapping[str, Thumbnail] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two layers of one name."""
        names = [layer.name for layer in self.layers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"layers: {', '.join(map(repr, twice))} more than once; expected unique names"
            raise MapError(msg)

    def add(self, *layers: Layer, below: str = "") -> Map:
        """Return a map with more layers.

        Parameters
        ----------
        *layers : Layer
            Names must be new.
        below : str, optional
            Name of the layer they are drawn under; on top of all by default.

        Returns
        -------
        Map
            A new map; this one stays as it is.

        Raises
        ------
        MapError
            A name is taken, or ``below`` names no layer.

        Examples
        --------
        >>> import geopandas as gpd
        >>> from shapely import Point
        >>> from outfall.maps import Layer
        >>> wells = gpd.GeoDataFrame({"code": ["A1"]}, geometry=[Point(120.1, 30.2)], crs=4490)
        >>> Map(()).add(Layer("wells", "points", wells))
        <Map '': wells: 1 points>
        """
        names = [layer.name for layer in self.layers]
        if below and below not in names:
            msg = f"below: {below!r} is not one of {', '.join(names)}"
            raise MapError(msg)
        at = names.index(below) if below else len(names)
        return replace(self, layers=(*self.layers[:at], *layers, *self.layers[at:]))

    def html(self, *, lang: Lang = "zh") -> str:
        """Return the page as text: one file, no request, a content-security-policy that allows none.

        Parameters
        ----------
        lang : {"zh", "en"}, default "zh"
            Language the page opens in; the reader can switch.

        Returns
        -------
        str
            HTML.

        Raises
        ------
        MapError
            The language is not known.
        """
        if lang not in ("zh", "en"):
            msg = f"lang: {lang!r} is not one of zh, en"
            raise MapError(msg)
        styles = _without_requests(text_of("leaflet.css")) + "".join(text_of(name) for name in _STYLES)
        scripts = [_without_map(text_of("leaflet.js")), code(*DRAWING, *_PAGE)]
        hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
        policy = (
            f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
            "base-uri 'none'; form-action 'none'"
        )
        parts = {
            "lang": "zh-CN" if lang == "zh" else "en",
            "policy": policy,
            "title": html.escape(self.title or phrases(lang)["title"]),
            "styles": styles,
            "data": pack_layers(self.layers, title=self.title, lang=lang, found=self.found, photos=self.photos),
            "engine": scripts[0],
            "code": scripts[1],
        }
        return re.sub(r"\{\{ (\w+) \}\}", lambda match: parts[match[1]], text_of("page.html"))

    def save(self, path: Path | str, *, lang: Lang = "zh") -> Path:
        """Write the page as one HTML file that opens from the disk.

        The file is written aside and moved into place, so an earlier page survives a failure.

        Parameters
        ----------
        path : path
            The file; its folder must exist.
        lang : {"zh", "en"}, default "zh"
            Language the page opens in; the reader can switch.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        MapError
            The folder does not exist or the file cannot be replaced.
        """
        target = Path(path)
        content = self.html(lang=lang).encode("utf-8", errors="replace")
        if not target.parent.is_dir():
            msg = f"'{target}' cannot be written: the folder '{target.parent}' does not exist; make it first"
            raise MapError(msg)
        handle, aside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            Path(aside).chmod(0o644)
            Path(aside).replace(target)
        except OSError as error:
            Path(aside).unlink(missing_ok=True)
            msg = f"'{target}' cannot be written ({error.strerror}); close the program that has it open"
            raise MapError(msg) from error
        return target

    def to_folium(self, *, lang: Lang = "zh") -> folium.Map:
        """Return the same layers as a folium map, safe against whatever text they hold.

        Parameters
        ----------
        lang : {"zh", "en"}, default "zh"
            Language of the labels.

        Returns
        -------
        folium.Map
            Without a base map; add one with ``folium.TileLayer(...).add_to(...)``.
        """
        from outfall.maps.folium_layer import to_folium

        return to_folium(self, lang=lang)

    def __repr__(self) -> str:
        """Return the title and what is drawn."""
        shown = ", ".join(repr(layer)[7:-1] for layer in self.layers) or "no layers"
        return f"<Map {self.title!r}: {shown}>"

    def _repr_html_(self) -> str:
        content = self.html()
        size = len(content.encode("utf-8", errors="replace"))
        if size > _NOTEBOOK_BYTES:
            says = f"{self!r}: {size / 1e6:.1f} MB is too much for a notebook. Write it with .save('map.html') and open that file."
            return f"<p>{html.escape(says)}</p>"
        return (
            f'<iframe srcdoc="{html.escape(content)}" sandbox="allow-scripts allow-downloads allow-modals" '
            f'allow="clipboard-write" style="width:100%;height:{_NOTEBOOK_HEIGHT_PX}px;border:0" '
            f'title="{html.escape(self.title)}"></iframe>'
        )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _without_requests(style: str) -> str:
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    return re.sub(r"url\((?!data:)[^)]*\)", "none", style)


def _without_map(script: str) -> str:
    return re.sub(r"\n//# sourceMappingURL=.*\s*$", "\n", script)
