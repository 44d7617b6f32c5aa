"""The same map in three dimensions: how a page with the MapLibre engine is put together, for notebooks and screens with WebGL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.maps.assembly import assemble, one_of
from outfall.maps.beside import shards_of
from outfall.maps.bundle import pack_layers
from outfall.maps.header import phrases
from outfall.maps.writing import Beside, files_folder, write_page

if TYPE_CHECKING:
    from outfall.maps.layers import Layer
    from outfall.maps.page import Map
    from outfall.vocabulary import Lang

__all__ = ["GL_PAGE", "GlMap"]

_STYLES = ("page.css", "panel.css", "dialog.css", "legend.css", "search.css", "raster.css", "gl.css")
# In this order: each file uses only those before it.
GL_PAGE = (
    "tiny-inflate.js", "dom.js", "blob.js", "grid.js", "symbols.js", "classes.js", "rows.js", "gl_view.js", "state.js", "data.js", "gcj.js", "geodesy.js",
    "raster_legend.js", "counts.js", "brush.js", "tree.js", "legend.js", "spots.js", "search.js", "photos.js", "fields.js", "candidates.js", "panel.js",
    "frame.js", "pointer.js", "gl_tiles.js", "gl_looks.js", "gl_sheet.js", "gl_start.js",
)  # fmt: skip
_MOST_MB = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class GlMap:
    """The layers of a map as a page that tilts and turns; it needs WebGL 2, asks nobody for anything and carries its engine.

    Base maps, time, prints, traces along the network and what else the normal page can do are not here: see ``Map.save``.

    Parameters
    ----------
    drawn : Map
        What is shown.

    Examples
    --------
    >>> from outfall.maps import Map
    >>> page = Map((), title="Empty").to_maplibre()
    >>> page
    <GlMap 'Empty': no layers>
    >>> "worker-src blob:" in page.html()
    True
    """

    drawn: Map

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, the lowest first."""
        return self.drawn.layers

    @property
    def title(self) -> str:
        """Heading of the page."""
        return self.drawn.title

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
        return self._page(self._packed(lang), lang)

    def save(self, path: Path | str, *, lang: Lang = "zh", most_mb: float = _MOST_MB) -> Path:
        """Write the page so that it opens from the disk: one file, or above ``most_mb`` a page and a folder beside it.

        Parameters
        ----------
        path : path
            The page, ``map.html``; its folder must exist.
        lang : {"zh", "en"}, default "zh"
            Language the page opens in; the reader can switch.
        most_mb : float, default 25
            A larger page is split; 0 always splits it.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        MapError
            The folder does not exist, the folder beside holds other things, or the file cannot be replaced.
        """
        target = Path(path)
        data = self._packed(lang)
        page, beside = self._page(data, lang), Beside()
        if len(page) > most_mb * 1e6:
            texts, rows = shards_of(data, folder=files_folder(target).name)
            page, beside = self._page(data, lang, rows=rows), Beside(texts)
        write_page(target, page.encode("utf-8", errors="replace"), beside)
        return target

    def _packed(self, lang: Lang) -> str:
        one_of("lang", lang, ("zh", "en"))
        drawn = self.drawn
        return pack_layers(drawn.layers, title=drawn.title, lang=lang, found=drawn.found, photos=drawn.photos)

    def _page(self, data: str, lang: Lang, *, rows: list[dict[str, object]] | None = None) -> str:
        return assemble(
            data,
            styles=("maplibre-gl.css", *_STYLES),
            scripts=(("maplibre-gl.js",), GL_PAGE),
            title=self.title or phrases(lang)["title"],
            lang=lang,
            rows=rows,
            needs=("workers",),
        )

    def __repr__(self) -> str:
        """Return the title and what is drawn."""
        return f"<GlMap{repr(self.drawn)[4:]}"

    def _repr_mimebundle_(self, **_asked: object) -> dict[str, object]:
        from outfall.maps.notebook import notebook_bundle

        return notebook_bundle(self)

    def _repr_html_(self) -> str:
        return str(self._repr_mimebundle_()["text/html"])
