"""How layers become one page: code, styles and data in a single file that asks nobody for anything."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from outfall.maps.assembly import one_of, unique
from outfall.maps.flat_page import packed, page_of, pages_of
from outfall.maps.writing import files_folder, write_page, write_zip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import folium
    import pandas as pd
    from matplotlib.figure import Figure

    from outfall.maps.answers import Found
    from outfall.maps.basemap import BaseMap
    from outfall.maps.gl_page import GlMap
    from outfall.maps.layers import Layer
    from outfall.maps.photos import Thumbnail
    from outfall.vocabulary import Lang

__all__ = ["Map"]

_MOST_MB = 25.0  # maps.md: pages above this open slowly from a mail or a memory stick


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
        Anything with the tables ``candidates`` and ``evidence``, about the layers ``outfalls``, ``sources``, ``reaches``.
    photos : mapping of str to Thumbnail
        Small pictures by photo id.
    bases : tuple of BaseMap
        What may lie under the layers; the reader chooses one, the first at the start. None by default.

    Raises
    ------
    MapError
        Two layers, or two base maps, have the same name.

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
    bases: tuple[BaseMap, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two layers of one name."""
        unique("layers", [layer.name for layer in self.layers])
        unique("base maps", [base.name for base in self.bases])

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
        if below:
            one_of("below", below, tuple(names))
        at = names.index(below) if below else len(names)
        return replace(self, layers=(*self.layers[:at], *layers, *self.layers[at:]))

    def with_base(self, *bases: BaseMap) -> Map:
        """Return a map with more base maps to choose from; the first lies under the layers when the page opens.

        Parameters
        ----------
        *bases : BaseMap
            From ``tianditu``, ``amap``, ``tencent``, ``openstreetmap``, ``online`` or ``open_basemap``.

        Returns
        -------
        Map
            A new map; this one stays as it is.

        Examples
        --------
        >>> from outfall.maps import tianditu
        >>> Map(()).with_base(tianditu("vec")).bases
        (<BaseMap tianditu.vec: online, cgcs2000, zooms 1-18>,)
        """
        return replace(self, bases=(*self.bases, *bases))

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
        return page_of(self, packed(self, lang), lang)

    def size_mb(self, *, lang: Lang = "zh") -> float:
        """Return how large the page would be as one file, without writing it.

        Parameters
        ----------
        lang : {"zh", "en"}, default "zh"
            Language the page opens in.

        Returns
        -------
        float
            Megabytes (a million bytes).

        Examples
        --------
        >>> Map(()).size_mb() < 0.5
        True
        """
        return len(self.html(lang=lang).encode("utf-8", errors="replace")) / 1e6

    def save(
        self,
        path: Path | str,
        *,
        lang: Lang = "zh",
        photos: Literal["inside", "beside"] = "inside",
        most_mb: float = _MOST_MB,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Path:
        """Write the page so that it opens from the disk: one file, or above ``most_mb`` a page and a folder beside it.

        An earlier page survives a failure. The folder of ``map.html`` is ``map_files``; it goes wherever the page goes.

        Parameters
        ----------
        path : path
            The page, ``map.html``; its folder must exist. One that ends in ``.zip`` takes the page and its folder.
        lang : {"zh", "en"}, default "zh"
            Language the page opens in; the reader can switch.
        photos : {"inside", "beside"}, default "inside"
            Small pictures inside, or these and the full-size photos beside.
        most_mb : float, default 25
            A larger page is split; 0 always splits it.
        progress : callable, optional
            Called with the file beside the page, how many are done and how many there are.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        MapError
            The folder does not exist, the folder beside holds other things, or the file cannot be replaced.
        """
        one_of("photos", photos, ("inside", "beside"))
        target = Path(path)
        is_zip = target.suffix.lower() == ".zip"
        folder = "map_files" if is_zip else files_folder(target).name
        page, beside = pages_of(self, folder, lang, most_mb, has_photos=photos == "beside")
        write = write_zip if is_zip else write_page
        write(target, page.encode("utf-8", errors="replace"), beside, progress=progress)
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
            With online base maps in WGS 84; a warning names the others.
        """
        from outfall.maps.folium_layer import to_folium

        return to_folium(self, lang=lang)

    def to_maplibre(self) -> GlMap:
        """Return the same layers as a page drawn with WebGL, which tilts and turns.

        Returns
        -------
        GlMap
            With ``html``, ``save`` and a frame for notebooks.
        """
        from outfall.maps.gl_page import GlMap

        return GlMap(self)

    def to_figure(
        self,
        *,
        layers: Sequence[str] | None = None,
        bounds_deg: tuple[float, float, float, float] | None = None,
        paper: str = "a4",
        lang: Lang = "zh",
        font: str | None = None,
    ) -> Figure:
        """Return the same layers as a static picture, for papers and for machines without a browser.

        Parameters
        ----------
        layers : sequence of str, optional
            Names of the layers drawn; by default those the page opens with.
        bounds_deg : (float, float, float, float), optional
            West, south, east, north; by default what the tables fill.
        paper : {"a4", "a3", "page", "column"}, default "a4"
            A sheet across, or the width of a page or column of a journal.
        lang : {"zh", "en"}, default "zh"
            Language of legend and labels.
        font : str, optional
            Installed font; by default one with Chinese characters.

        Returns
        -------
        matplotlib Figure
            Save it with ``.savefig("map.pdf")``.
        """
        from outfall.maps.figure import plot_map

        return plot_map(self, layers=layers, bounds_deg=bounds_deg, paper=paper, lang=lang, font=font)

    def sizes(self) -> pd.DataFrame:
        """List what each layer's shape and columns add to the saved page, the largest first.

        Returns
        -------
        DataFrame
            ``layer``, ``part`` (``shape`` or the column's name), ``raw_bytes`` and ``page_bytes``.
        """
        from outfall.maps.sizes import list_sizes

        return list_sizes(self.layers)

    def __repr__(self) -> str:
        """Return the title and what is drawn."""
        shown = ", ".join(repr(layer)[7:-1] for layer in self.layers) or "no layers"
        return f"<Map {self.title!r}: {shown}>"

    def _repr_mimebundle_(self, **_asked: object) -> dict[str, object]:
        from outfall.maps.notebook import notebook_bundle

        return notebook_bundle(self)

    def _repr_html_(self) -> str:
        return str(self._repr_mimebundle_()["text/html"])
