"""How does any folium page open where there is no network: what it fetches is put inside, what cannot be is listed."""

from __future__ import annotations

import html as markup
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import MapError
from outfall.maps.offline_page import embed_page
from outfall.maps.offline_store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branca.element import Element

__all__ = ["Inlined", "inline"]

_MISSING = ("url", "where", "why", "advice")
_SWAPPED = ("url", "asked", "given")


@dataclass(frozen=True, slots=True, eq=False)
class Inlined:
    """A page that carries what it needs, and the list of what it does not.

    Parameters
    ----------
    html : str
        The page.
    missing : DataFrame
        What stayed outside: ``url``, ``where`` in the page, ``why``, ``advice``. Empty when the page asks nobody for anything.
    swapped : DataFrame
        What was replaced by another version of the same thing: ``url``, ``asked``, ``given``.

    Examples
    --------
    >>> page = inline("<html><script src='https://code.jquery.com/jquery-3.7.1.min.js'></script></html>")
    >>> page
    <Inlined 0.1 MB, nothing missing>
    """

    html: str
    missing: pd.DataFrame
    swapped: pd.DataFrame

    def save(self, path: Path | str) -> Path:
        """Write the page as one file.

        Parameters
        ----------
        path : path
            The file; its folder must exist.

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
        try:
            target.write_text(self.html, encoding="utf-8", errors="replace")
        except OSError as error:
            msg = f"'{target}' cannot be written ({error.strerror}); make its folder first and close the program that has it open"
            raise MapError(msg) from error
        return target

    def __repr__(self) -> str:
        """Return the size and how much is missing."""
        left = f"{len(self.missing)} missing" if len(self.missing) else "nothing missing"
        return f"<Inlined {len(self.html) / 1e6:.1f} MB, {left}>"

    def _repr_html_(self) -> str:
        table = self.missing.to_html(index=False, escape=True) if len(self.missing) else ""
        return f"<p>{markup.escape(repr(self)[1:-1])}</p>{table}"


def inline(
    page: Element | Path | str, *, extra: Mapping[str, bytes | Path | str] | None = None, is_online: bool = False
) -> Inlined:
    """Return a folium page that opens without a network.

    Scripts, style sheets, fonts and pictures that folium 0.20 and its plugins fetch are put inside from copies that travel with this
    package; a copy of another version is used only when its first number is the one asked for, and is named in ``swapped``.
    What is not at hand stays as it is and is listed in ``missing`` with what to do; tiles of base maps always are.

    A page does not become safe by this: folium runs markup and templates in tooltips, popups and layer names, and so does the page
    made here. The layers of :meth:`outfall.maps.Map.to_folium` do not.

    Parameters
    ----------
    page : folium.Map, any folium or branca element, path, or str
        A map, a ``DualMap``, a file, or the text of a page.
    extra : mapping of str to bytes or path, optional
        Your own copies: address as the page writes it, and the file or its content. They win.
    is_online : bool, default False
        Whether what is not at hand is fetched now. Nothing is fetched otherwise.

    Returns
    -------
    Inlined
        The page and the lists of what is missing or swapped.

    Raises
    ------
    MapError
        The file or a file of ``extra`` cannot be read.

    Examples
    --------
    >>> import folium
    >>> made = inline(folium.Map((30.2, 120.1), tiles=None).add_child(folium.Marker((30.2, 120.1))))
    >>> len(made.missing), made.swapped["given"].tolist()[0]
    (0, '1.9.4')
    >>> "https://cdn" in made.html
    False
    """
    text, folder = _read(page)
    store = Store(extra or {}, folder, is_online=is_online)
    content = embed_page(text, store)
    return Inlined(
        content,
        pd.DataFrame(list(dict.fromkeys(store.missing)), columns=list(_MISSING)),
        pd.DataFrame(list(dict.fromkeys(store.swapped)), columns=list(_SWAPPED)),
    )


def _read(page: Element | Path | str) -> tuple[str, Path | None]:
    if isinstance(page, str) and "<" in page:
        return page, None
    if isinstance(page, (str, Path)):
        file = Path(page)
        try:
            return file.read_text(encoding="utf-8", errors="replace"), file.parent
        except OSError as error:
            msg = f"'{file}' cannot be read ({error.strerror}); expected a page, its text or a folium map"
            raise MapError(msg) from error
    return str(page.get_root().render()), None
