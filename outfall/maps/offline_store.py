"""Where do the bytes behind an address come from: the user's copies, ours, the disk beside the page, or the net if allowed."""

from __future__ import annotations

import base64
import mimetypes
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import unquote, urljoin
from urllib.request import Request, urlopen

from outfall.errors import MapError
from outfall.maps.vendored import Asset, beside, find_asset, read_member

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Store", "data_uri"]

_WAIT_S = 20
_BUDGET_BYTES = 30_000_000
_TYPES = {
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".js": "text/javascript",
}
_ADVICE = "give your copy with inline(..., extra={url: path}), or allow fetching with is_online=True"
_TILES = "draw your own layers, or put the ground under them as a picture: outfall.draw(..., under='scene.tif')"


class Store:
    """What is at hand, and what turned out not to be.

    Parameters
    ----------
    extra : mapping of str to bytes or path
        Copies of the user, by address.
    folder : Path, optional
        Where the page lies; files inside it can be put in.
    is_online : bool
        Whether the rest is fetched.
    """

    def __init__(self, extra: Mapping[str, bytes | Path | str], folder: Path | None, *, is_online: bool) -> None:
        self._extra = {url.strip(): _content(url, given) for url, given in extra.items()}
        self._folder = folder
        self._is_online = is_online
        self.missing: list[tuple[str, str, str, str]] = []
        self.swapped: list[tuple[str, str, str]] = []

    def get(self, url: str, where: str, *, base: str = "") -> Asset | None:
        """Return what an address stands for, or note why not; ``base`` is the member or address it is relative to."""
        address = url.strip()
        if base and not re.match(r"(https?:)?//", address):
            member = beside(base, address)
            if member:
                return Asset(read_member(member), member, "", "")
            address = urljoin(base, address) if base.startswith(("http", "//")) else address
        if address in self._extra:
            return Asset(self._extra[address], "", "", "")
        found = find_asset(address)
        if found is not None and found.is_near:
            if not found.is_same:
                self.swapped.append((address, found.asked, found.given))
            return found
        return self._outside(address, where, found)

    def lack(self, url: str, where: str, why: str, advice: str = _ADVICE) -> None:
        """Note what stays outside."""
        self.missing.append((url, where, why, advice))

    def lack_tiles(self, url: str, where: str) -> None:
        """Note a base map."""
        self.lack(url, where, "tiles of a base map come from a server as they are looked at", _TILES)

    def _outside(self, address: str, where: str, found: Asset | None) -> Asset | None:
        is_remote = bool(re.match(r"(https?:)?//", address))
        content = self._fetch(address) if is_remote else self._beside(address)
        if content is not None:
            return Asset(content, address if is_remote else "", "", "")
        why = "not among the files this package carries" if is_remote else "a file that is not beside the page"
        if found is not None:
            why = f"version {found.asked} is asked for, {found.given} is at hand: too different"
        if is_remote and self._is_online:
            why += "; fetching it failed"
        self.lack(address, where, why)
        return None

    def _fetch(self, address: str) -> bytes | None:
        if not self._is_online:
            return None
        url = f"https:{address}" if address.startswith("//") else address
        try:
            with urlopen(Request(url, headers={"User-Agent": "outfall"}), timeout=_WAIT_S) as answer:  # noqa: S310 - http only
                content = answer.read(_BUDGET_BYTES + 1)
        except (URLError, OSError, ValueError):
            return None
        return content if len(content) <= _BUDGET_BYTES else None

    def _beside(self, address: str) -> bytes | None:
        """Return a file inside the folder of the page; a page cannot reach for files elsewhere."""
        if self._folder is None or re.match(r"[a-zA-Z][\w+.-]*:|/", address):
            return None
        root = self._folder.resolve()
        file = (root / unquote(re.split(r"[?#]", address)[0])).resolve()
        if not file.is_relative_to(root) or not file.is_file() or file.stat().st_size > _BUDGET_BYTES:
            return None
        return file.read_bytes()


def data_uri(content: bytes, name: str) -> str:
    """Return bytes as an address that holds them."""
    suffix = Path(re.split(r"[?#]", name)[0]).suffix.lower()
    kind = _TYPES.get(suffix) or mimetypes.guess_type(f"a{suffix}")[0] or _sniff(content)
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _sniff(content: bytes) -> str:
    heads = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
    return next((kind for head, kind in heads.items() if content.startswith(head)), "application/octet-stream")


def _content(url: str, given: bytes | Path | str) -> bytes:
    if isinstance(given, bytes):
        return given
    try:
        return Path(given).read_bytes()
    except OSError as error:
        msg = f"extra: the file '{given}' for {url} cannot be read ({error.strerror}); expected a path or bytes"
        raise MapError(msg) from error
