"""How does a map show itself in a notebook without making the notebook large: a live frame, or a picture and a hint."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from outfall.maps.sketch import sketch

if TYPE_CHECKING:
    from outfall.maps.gl_page import GlMap
    from outfall.maps.page import Map

__all__ = ["notebook_bundle", "notebook_html"]

_MOST_BYTES = 2_000_000  # a notebook of ten maps stays under 20 MB, which viewers and git still take
_HEIGHT_PX = 620


def notebook_html(drawn: Map | GlMap) -> str:
    """Return a frame with the whole map where it is small, else its picture, its size and how to write it.

    Parameters
    ----------
    drawn : Map or GlMap
        The map.

    Returns
    -------
    str
        At most about 2 MB of HTML without scripts of its own; the map inside the frame can reach nothing outside it.

    Examples
    --------
    >>> from outfall.maps import Map
    >>> notebook_html(Map(()))[:16]
    '<iframe srcdoc="'
    """
    content = drawn.html()
    if len(content.encode("utf-8", errors="replace")) > _MOST_BYTES:
        return _card(drawn, len(content) / 1e6)
    inside = content.encode("utf-8", errors="replace").decode().replace("&", "&amp;").replace('"', "&quot;")
    return (
        f'<iframe srcdoc="{inside}" sandbox="allow-scripts allow-downloads allow-modals" '
        f'allow="clipboard-write" style="width:100%;height:{_HEIGHT_PX}px;border:0" title="{escape(_text(drawn.title))}"></iframe>'
    )


def notebook_bundle(drawn: Map | GlMap) -> dict[str, object]:
    """Return the map as HTML for live notebooks, as a picture for printed ones and as a line of text.

    Parameters
    ----------
    drawn : Map or GlMap
        The map.

    Returns
    -------
    dict of str to object
        ``text/html``, ``image/png`` where anything is drawn, ``text/plain``.

    Examples
    --------
    >>> from outfall.maps import Map
    >>> sorted(notebook_bundle(Map(())))
    ['text/html', 'text/plain']
    """
    bundle: dict[str, object] = {"text/plain": _text(repr(drawn)), "text/html": notebook_html(drawn)}
    picture = sketch(drawn.layers)
    if picture:
        bundle["image/png"] = base64.b64encode(picture).decode("ascii")
    return bundle


def _card(drawn: Map | GlMap, size_mb: float) -> str:
    picture = sketch(drawn.layers)
    image = base64.b64encode(picture).decode("ascii")
    title = escape(_text(drawn.title or "Map"))
    rows = "".join(f"<li>{escape(_text(repr(layer)[7:-1]))}</li>" for layer in drawn.layers)
    shown = f'<img alt="{title}" width="320" style="border-radius:8px;background:#f8f5ec;max-width:100%" src="data:image/png;base64,{image}">'
    says = (
        f"<b style='font-size:15px'>{title}</b><ul style='margin:6px 0;padding-left:18px'>{rows}</ul>"
        f"<div>{size_mb:.1f} MB: too much for a notebook. Write it with <code>.save('map.html')</code> and open that file.</div>"
        f"<div lang='zh-CN'>{size_mb:.1f} MB，不宜放进笔记本：用 <code>.save('map.html')</code> 写成文件再打开。</div>"
    )
    return (
        "<div style='display:flex;flex-wrap:wrap;gap:16px;align-items:center;padding:14px;border:1px solid #e2dac7;border-radius:12px;"
        f"max-width:760px;font:13px/1.6 sans-serif'>{shown if picture else ''}<div style='flex:1;min-width:220px'>{says}</div></div>"
    )


def _text(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode("utf-8")
