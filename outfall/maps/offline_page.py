"""Which parts of a page fetch something, and how the page reads when they carry it themselves."""

from __future__ import annotations

import html as markup
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from outfall.maps.offline_parts import embed_script, embed_style, find_symbols
from outfall.maps.offline_store import data_uri
from outfall.maps.vendored import find_asset, read_member

if TYPE_CHECKING:
    from collections.abc import Callable

    from outfall.maps.offline_store import Store

__all__ = ["embed_page"]

_SOURCES = {
    ("img", "src"),
    ("source", "src"),
    ("video", "src"),
    ("video", "poster"),
    ("audio", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("image", "href"),
    ("image", "xlink:href"),
    ("input", "src"),
}
_HINTS = {"preload", "preconnect", "dns-prefetch", "prefetch", "modulepreload"}
_DEPTH = 4
# A plugin that draws symbols of Font Awesome on its own.
_SYMBOL = re.compile(rb"\bfa[sr]? fa-|prefix\s*:\s*[\"']fa[\"']")
_DRAWN_BY_SCRIPT = " fa-solid "


def embed_page(text: str, store: Store, *, depth: int = 0) -> str:
    """Return a page whose scripts, styles and pictures are inside."""
    walk = _Walk(text)
    walk.feed(text)
    walk.close()
    used = find_symbols([*walk.spoken, *(_DRAWN_BY_SCRIPT for url in walk.scripts if _draws_symbols(url))])
    parts, at = [], 0
    for start, end, tag, attributes in walk.found:
        if start < at:
            continue
        parts += [text[at:start], _replace(text[start:end], tag, attributes, store, used, depth)]
        at = end
    return "".join([*parts, text[at:]])


class _Walk(HTMLParser):
    """Where the elements stand that may fetch something."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._open: tuple[int, str, dict[str, str]] | None = None
        self.found: list[tuple[int, int, str, dict[str, str]]] = []
        self.spoken: list[str] = []
        self.scripts: list[str] = []

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        start, raw = self._at(), self.get_starttag_text() or ""
        if tag in ("script", "style"):
            self._open = (start, tag, attributes)
            self.scripts += [attributes["src"]] if attributes.get("src") else []
            return
        if tag != "link":
            self.spoken.append(raw)
        is_source = any((tag, name) in _SOURCES for name in attributes)
        if is_source or tag in ("link", "iframe", "base") or "url(" in attributes.get("style", ""):
            self.found.append((start, start + len(raw), tag, attributes))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._open is not None and tag == self._open[1]:
            start, _, attributes = self._open
            end = self.rawdata.index(">", self._at()) + 1 if ">" in self.rawdata[self._at() :] else len(self.rawdata)
            self.found.append((start, end, tag, attributes))
            self._open = None

    def handle_data(self, data: str) -> None:
        self.spoken.append(data)


def _replace(raw: str, tag: str, attributes: dict[str, str], store: Store, used: frozenset[str], depth: int) -> str:
    if tag == "script":
        return _script(raw, attributes, store, used, depth)
    if tag == "style":
        head, body = raw.split(">", 1)
        style, tail = body.rsplit("</", 1)
        return f"{head}>{embed_style(style, store, '<style>')}</{tail}"
    if tag == "link":
        return _link(raw, attributes, store, used)
    if tag == "iframe":
        return _frame(raw, attributes, store, depth)
    out = raw
    for name, value in attributes.items():
        if (tag, name) in _SOURCES and value and not value.startswith(("data:", "blob:", "#")):
            found = store.get(value, f"<{tag} {name}>")
            out = _set(out, name, data_uri(found.content, found.member or value)) if found else out
        if name == "style" and "url(" in value:
            out = _set(out, name, embed_style(value, store, f"<{tag} style>"))
    return out


def _script(raw: str, attributes: dict[str, str], store: Store, used: frozenset[str], depth: int) -> str:
    head, body = raw.split(">", 1)
    source = attributes.get("src", "")
    if not source:
        script, tail = body.rsplit("</", 1)
        if attributes.get("type", "").lower() in ("application/json", "application/ld+json"):
            return raw
        return f"{head}>{embed_script(script, store, '<script>', _inner(store, depth))}</{tail}"
    if source.startswith(("data:", "blob:")):
        return raw
    found = store.get(source, "<script src>")
    if found is None:
        return raw
    styles = [embed_style(read_member(name).decode(), store, name, base=name, used=used) for name in found.styles]
    kept = "".join(
        f' {name}="{markup.escape(value)}"' for name, value in attributes.items() if name in ("type", "id", "nonce")
    )
    code = re.sub(r"</(script)", r"<\\/\1", found.content.decode("utf-8", "replace"), flags=re.IGNORECASE)
    code = re.sub(r"\n//[#@] sourceMappingURL=[^\n]*", "\n", code.replace("<!--", "<\\!--"))
    return "".join(f"<style>{style}</style>" for style in styles) + f"<script{kept}>{code}</script>"


def _link(raw: str, attributes: dict[str, str], store: Store, used: frozenset[str]) -> str:
    kinds = attributes.get("rel", "").lower().split()
    address = attributes.get("href", "")
    if not address or address.startswith("data:"):
        return raw
    if "stylesheet" in kinds:
        found = store.get(address, "<link rel=stylesheet>")
        if found is None:
            return raw
        media = f' media="{markup.escape(attributes["media"])}"' if attributes.get("media") else ""
        base = found.member or (address if re.match(r"(https?:)?//", address) else "")
        style = embed_style(found.content.decode("utf-8", "replace"), store, address, base=base, used=used)
        return f"<style{media}>{style}</style>"
    if _HINTS & set(kinds):
        return ""
    if "icon" in kinds or "apple-touch-icon" in kinds:
        found = store.get(address, "<link rel=icon>")
        return _set(raw, "href", data_uri(found.content, address)) if found else raw
    return raw


def _frame(raw: str, attributes: dict[str, str], store: Store, depth: int) -> str:
    inner = _inner(store, depth)
    if "srcdoc" in attributes:
        return _set(raw, "srcdoc", inner(attributes["srcdoc"]))
    source = attributes.get("src", "")
    if source.startswith("data:text/html"):
        return embed_script(raw, store, "<iframe>", inner)
    if re.match(r"(https?:)?//", source):
        store.lack(source, "<iframe src>", "a page of another server", "show it as a link, or as a picture of it")
    return raw


def _draws_symbols(url: str) -> bool:
    found = find_asset(url)
    return found is not None and bool(_SYMBOL.search(found.content))


def _inner(store: Store, depth: int) -> Callable[[str], str]:
    def embed(text: str) -> str:
        return embed_page(text, store, depth=depth + 1) if depth < _DEPTH else text

    return embed


def _set(raw: str, name: str, value: str) -> str:
    """Return a start tag with another value of one attribute."""
    pattern = re.compile(rf"(\b{re.escape(name)}\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
    return pattern.sub(lambda match: f'{match[1]}"{markup.escape(value)}"', raw, count=1)
