"""Which files of others lie ready in the package, and which address asks for which of them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from posixpath import dirname, join, normpath

__all__ = ["Asset", "beside", "find_asset", "read_member"]

_GLYPHICONS = re.compile(r"[^{}]*\{[^{}]*\}")
_TURN = ".fa-rotate-{0}{{transform:rotate({0}deg)}}"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that answers an address.

    Parameters
    ----------
    content : bytes
        What the page gets.
    member : str
        Where it lies: ``package@version/path``; empty for what we make ourselves.
    asked, given : str
        The version the address names (empty: none) and the version at hand.
    styles : tuple of str
        Members the script asks for on its own.
    """

    content: bytes
    member: str
    asked: str
    given: str
    styles: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether the version at hand is one the address allows."""
        return not re.match(r"\d", self.asked) or f"{self.given}.".startswith(f"{self.asked}.")

    @property
    def is_near(self) -> bool:
        """Whether the version at hand has the same first number, so that it should do."""
        return self.is_same or self.asked.split(".")[0] == self.given.split(".")[0]


def find_asset(url: str) -> Asset | None:
    """Return the file at hand for an address, whatever version it asks for; None where there is none.

    Parameters
    ----------
    url : str
        Address with or without scheme.

    Returns
    -------
    Asset or None
        Compare ``asked`` and ``given`` before using it.

    Examples
    --------
    >>> found = find_asset("https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.js")
    >>> found.asked, found.given, found.is_same, found.is_near
    ('1.9.3', '1.9.4', False, True)
    >>> find_asset("https://example.org/own.js") is None
    True
    """
    address = _plain(url)
    for pattern, member, how in _table():
        match = pattern.fullmatch(address)
        if match:
            asked = (match.groupdict().get("v") or "").removeprefix("v")
            return _open(member, how, asked)
    return None


def read_member(member: str) -> bytes:
    """Return a file of a package, as ``package@version/path``."""
    vendor = files("outfall.maps").joinpath("assets", "vendor")
    own = vendor.joinpath(member.rsplit("/", 1)[-1])
    if member.startswith("leaflet@") and own.is_file():
        return own.read_bytes()
    return _archive("maplibre.zip" if member.startswith("maplibre-gl@") else "folium.zip").read(member)


def beside(member: str, relative: str) -> str:
    """Return the member a style sheet means by a relative address; empty where it is not at hand."""
    path = normpath(join(dirname(member), re.split(r"[?#]", relative)[0]))
    return path if path in _names() else ""


def _open(member: str, how: str, asked: str) -> Asset:
    if how == "rotate":
        turns = "".join(_TURN.format(angle) for angle in range(1, 360))
        return Asset(turns.encode(), "", asked, asked)
    if how == "folium":
        template = files("folium").joinpath("templates", member.removeprefix("folium/"))
        return Asset(template.read_bytes(), member, asked, asked)
    package, version = re.fullmatch(r"(@?[^@]+)@([^/]+)/.*", member).groups()  # type: ignore[union-attr]
    content = read_member(member)
    styles: tuple[str, ...] = ()
    if how == "glyphicons":
        rules = _GLYPHICONS.findall(content.decode("utf-8"))
        content = "".join(rule for rule in rules if "lyphicon" in rule).encode()
        return Asset(content, member, asked, asked)
    if how == "leaflet":
        content += _icons(member)
    if how == "commonjs":
        head, tail = b"(function (require, module) {\n", b"\n})(function () { return window.L; }, {});\n"
        content, styles = (
            head + content + tail,
            tuple(f"{package}@{version}/{name}.css" for name in ("layout", "range")),
        )
    return Asset(content, member, asked, version, styles)


def _icons(member: str) -> bytes:
    """Return the line that gives Leaflet its markers, which it would look for beside its style sheet."""
    import base64
    import json

    names = {"iconUrl": "marker-icon.png", "iconRetinaUrl": "marker-icon-2x.png", "shadowUrl": "marker-shadow.png"}
    folder = f"{dirname(member)}/images"
    icons = {
        key: f"data:image/png;base64,{base64.b64encode(read_member(f'{folder}/{name}')).decode()}"
        for key, name in names.items()
    }
    return f"\n;L.Icon.Default.imagePath='';L.Icon.Default.mergeOptions({json.dumps(icons)});\n".encode()


def _plain(url: str) -> str:
    """Return an address as the table writes it: the kind of server, then what it is asked for."""
    address = re.split(r"[?#]", re.sub(r"^(https?:)?//", "", url.strip()))[0]
    for prefix, kind in _hosts():
        if address.startswith(prefix):
            return f"{kind}:{address[len(prefix) :].lstrip('/')}"
    return f"web:{address}"


@cache
def _table() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    text = files("outfall.maps").joinpath("vendored.csv").read_text(encoding="utf-8")
    rows = []
    for row in csv.DictReader(text.splitlines()):
        pattern = re.escape(row["url"]).replace(r"@\{v\}", r"(?:@(?P<v>[^/]*))?").replace(r"\{v\}", "(?P<v>[^/]+?)")
        rows.append((re.compile(pattern), row["file"], row["how"]))
    return tuple(rows)


@cache
def _hosts() -> tuple[tuple[str, str], ...]:
    text = files("outfall.maps").joinpath("vendored_hosts.csv").read_text(encoding="utf-8")
    return tuple((row["prefix"], row["kind"]) for row in csv.DictReader(text.splitlines()))


@cache
def _archive(name: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(files("outfall.maps").joinpath("assets", "vendor", name).read_bytes()))


@cache
def _names() -> frozenset[str]:
    return frozenset(_archive("folium.zip").namelist())
