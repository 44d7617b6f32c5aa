"""What do style sheets and scripts of a page fetch, and how do they carry it themselves."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from outfall.maps.offline_store import data_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from outfall.maps.offline_store import Store

__all__ = ["embed_script", "embed_style", "find_symbols", "is_resource"]

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_IMPORT = re.compile(r"@import\s+(?:url\()?\s*['\"]?([^'\")\s;]+)['\"]?\s*\)?([^;]*);")
_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
_URL = re.compile(r"url\(\s*(?:\"([^\"]*)\"|'([^']*)'|([^)\s]*))\s*\)")
_FORMATS = (".woff2", ".woff", ".ttf", ".otf")
# Fonts of symbols are large: one travels only with a page that uses it.
_USES = {
    "brands": ("fa-brands", '"fab', "'fab", "fab fa-"),
    "regular": ("fa-regular", '"far', "'far", "far fa-"),
    "v4compat": ("fa fa-", '"fa"'),
    "solid": ("fa-", '"fa"', "'fa'", '"fa ', "'fa ", '"fas'),
    "glyphicons": ("glyphicon",),
}

_SYMBOLS = ("@fortawesome/", "bootstrap@3")

_LITERAL = re.compile(r"([\"'`])((?:https?:)?//[^\"'`\s<>\\]+)\1")
_ATTRIBUTE = re.compile(
    r"(<(?:img|iframe|source|video|audio|embed|script)\b[^<>]*?\bsrc=\\?[\"'])((?:https?:)?//[^\"'\\\s<>]+)",
    re.IGNORECASE,
)
_NESTED = re.compile(r"data:text/html;(?:charset=[\w-]+;)?base64,([A-Za-z0-9+/]+=*)")
_ENDINGS = re.compile(
    r"\.(png|jpe?g|gif|webp|svg|ico|json|geojson|topojson|csv|gpx|kml|pbf|mp4|webm|ogg|js|css|woff2?)(?:[?#].*)?$",
    re.IGNORECASE,
)
_PICTURE = re.compile(r"\.(png|jpe?g|gif|webp|svg|ico|mp4|webm)(?:[?#].*)?$", re.IGNORECASE)
_CALLS = re.compile(
    r"(fetch|getJSON|\.ajax|d3\.\w+|tileLayer|wms|imageOverlay|videoOverlay|realtime|protobuf|\"?(iconUrl|shadowUrl|iconRetinaUrl)\"?\s*:)\s*\(?\s*\[?\s*$"
)
_NAMES = re.compile(r"www\.w3\.org|vega\.github\.io/schema|json-schema\.org")


def is_resource(url: str) -> bool:
    """Return whether an address ends like something a page fetches."""
    return bool(_ENDINGS.search(url))


def find_symbols(texts: list[str]) -> frozenset[str]:
    """Return which fonts of symbols the texts of a page name."""
    return frozenset(key for key, needles in _USES.items() if any(part in text for text in texts for part in needles))


def embed_style(style: str, store: Store, where: str, *, base: str = "", used: frozenset[str] | None = None) -> str:
    """Return a style sheet that carries its fonts and pictures.

    ``base`` is the member or address it came from; of the fonts of symbols only those in ``used`` travel, see ``find_symbols``.
    """
    text = _IMPORT.sub(lambda match: _import(match, store, where, base), _COMMENT.sub("", style))
    text = _FACE.sub(lambda match: _face(match[0], store, where, base, used), text)
    return _URL.sub(lambda match: _picture(match, store, where, base), text).replace("</style", "<\\/style")


def embed_script(script: str, store: Store, where: str, page: Callable[[str], str]) -> str:
    """Return a script whose pictures are inside; other addresses it fetches are noted. ``page`` embeds a page in a page."""
    text = _NESTED.sub(lambda match: _nested(match, page), script)
    text = _ATTRIBUTE.sub(lambda match: match[1] + _embedded(match[2], store, where), text)
    parts, at = [], 0
    for match in _LITERAL.finditer(text):
        parts += [text[at : match.start()], _literal(match, text, store, where)]
        at = match.end()
    return "".join([*parts, text[at:]])


def _import(match: re.Match[str], store: Store, where: str, base: str) -> str:
    found = store.get(match[1], where, base=base)
    if found is None:
        return match[0]
    inner = embed_style(found.content.decode("utf-8", "replace"), store, where, base=found.member)
    media = match[2].strip()
    return f"@media {media} {{{inner}}}" if media else inner


def _face(rule: str, store: Store, where: str, base: str, used: frozenset[str] | None) -> str:
    """Return a font with the first of its formats that is at hand, smallest first."""
    urls = [next(part for part in match.groups() if part is not None) for match in _URL.finditer(rule)]
    outside = [url for url in urls if url and not url.startswith("data:")]
    if not outside:
        return rule
    if used is not None and base.startswith(_SYMBOLS) and not _is_used(outside, used):
        return ""
    order = sorted(outside, key=lambda url: next((n for n, end in enumerate(_FORMATS) if end in url), len(_FORMATS)))
    for url in order:
        found = store.get(url, where, base=base) if _has(store, url, base) else None
        if found is not None:
            return _with_source(rule, f"src:url({data_uri(found.content, found.member or url)})")
    store.lack(order[0], where, "a font that is not among the files this package carries")
    return ""


def _with_source(rule: str, source: str) -> str:
    """Return a font rule with one source in the place of all it had."""
    body = re.sub(r"src:(?:[^;}\"']|\"[^\"]*\"|'[^']*')*;?", "", rule)
    return f"{body.rstrip().removesuffix('}').rstrip('; ')};{source}}}"


def _has(store: Store, url: str, base: str) -> bool:
    """Return whether a font can be had, without noting each of its formats as missing."""
    noted = len(store.missing)
    found = store.get(url, "", base=base)
    del store.missing[noted:]
    return found is not None


def _is_used(urls: list[str], used: frozenset[str]) -> bool:
    return any(key in url for key in used for url in urls)


def _picture(match: re.Match[str], store: Store, where: str, base: str) -> str:
    url = next((part for part in match.groups() if part is not None), "")
    if not url or url.startswith(("data:", "#", "blob:", "%23")):
        return match[0]
    if base and "@" in base and not re.match(r"(https?:)?//", url) and not base.startswith(("http", "//")):
        found = store.get(url, where, base=base) if _has(store, url, base) else None
        # A sharper picture that does not travel: the plain one is there too.
        return f"url({data_uri(found.content, url)})" if found else "none"
    found = store.get(url, where, base=base)
    return f"url({data_uri(found.content, found.member or url)})" if found else match[0]


def _nested(match: re.Match[str], page: Callable[[str], str]) -> str:
    try:
        inner = base64.b64decode(match[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return match[0]
    return match[0].replace(match[1], base64.b64encode(page(inner).encode()).decode("ascii"))


def _embedded(url: str, store: Store, where: str) -> str:
    found = store.get(url, where)
    return data_uri(found.content, found.member or url) if found else url


def _literal(match: re.Match[str], text: str, store: Store, where: str) -> str:
    url, before = match[2], text[max(0, match.start() - 80) : match.start()]
    if _NAMES.search(url):
        return match[0]
    if "{z}" in url or re.search(r"tileLayer(\.wms)?\(\s*$", before):
        store.lack_tiles(url, where)
        return match[0]
    is_called = bool(_CALLS.search(before))
    if is_called or is_resource(url):
        if _PICTURE.search(url) or is_called:
            found = store.get(url, where)
            return f"{match[1]}{data_uri(found.content, found.member or url)}{match[1]}" if found else match[0]
        store.lack(url, where, "named in a script, which may fetch it")
    return match[0]
