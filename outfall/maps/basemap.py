"""What may lie under a survey: tiles of chosen hosts, or of a file, with their datum, their makers and their limits."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from outfall.errors import MapError, Problem, ReadError

__all__ = ["BaseMap", "Datum", "online", "open_basemap", "warn_of_key"]

Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]

_DATUMS = ("wgs84", "cgcs2000", "gcj02", "bd09")
_MARKS = {"z", "x", "y", "-y", "s", "key", "x16", "y16"}
_SAFE_URL = re.compile(r"[A-Za-z0-9:/?&=_.,~%+{}()!*@-]+")
_ORIGIN = re.compile(r"(https?)://([A-Za-z0-9{}](?:[A-Za-z0-9.{}-]*[A-Za-z0-9{}])?(?::\d{1,5})?)/")
_KEYS = re.compile(r"(?<=[?&])(tk|key|token|ak|access_token|api_?key|apikey)=([^&{}]+)", re.IGNORECASE)
_DEGREE_TILES = re.compile(r"(_c/wmts|TILEMATRIXSET=c\b|EPSG:+(4326|4490))", re.IGNORECASE)
_MOST_MB = 8.0
_TOP_ZOOM = 22


@dataclass(frozen=True, slots=True, eq=False)
class BaseMap:
    """One base map: where its tiles are, in which datum, and who made them.

    Make one with ``tianditu``, ``amap``, ``tencent``, ``openstreetmap``, ``online`` or ``open_basemap``; draw it with
    ``draw(..., under=...)`` or ``Map.with_base``.

    Parameters
    ----------
    name : str
        Identifier, unique in a map.
    zh, en : str
        What people call it.
    urls : tuple of str
        Templates of online tiles, drawn one on another, with ``{z}``, ``{x}``, ``{y}``, ``{s}`` and ``{key}``.
    servers : tuple of str
        What ``{s}`` may be.
    path : path, optional
        File or folder whose tiles travel inside the page.
    datum : {"wgs84", "cgcs2000", "gcj02", "bd09"}
        Datum of the tiles; those in GCJ-02 and BD-09 are put in place one by one.
    min_zoom, max_zoom : int
        Zooms there are tiles for; nearer, the last are enlarged.
    is_tms : bool
        Whether rows count from the south.
    attribution, attribution_en : str
        Who made it; always shown.
    approval : str
        Approval number (审图号), printed with the map. That a public map must carry it is our default, not a rule we have verified.
    note, note_en : str
        What the maker asks of those who use it.
    key_variable : str
        Environment variable that holds your key.
    key : str
        Written into the page, where everybody who has the page can read it. Empty: the page asks its reader.
    most_mb : float, MB
        What the tiles of a file may add to the page.
    bounds_deg : tuple of float, optional
        West, south, east, north of what is cut out of a file; where the layers lie by default.

    Raises
    ------
    MapError
        A template, datum or zoom cannot be drawn; every reason at once.

    Examples
    --------
    >>> BaseMap("town", urls=("https://tiles.example.org/{z}/{x}/{y}.png",), datum="gcj02")
    <BaseMap town: online, gcj02, zooms 0-18>
    """

    name: str
    zh: str = ""
    en: str = ""
    urls: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    path: Path | None = None
    datum: Datum = "wgs84"
    min_zoom: int = 0
    max_zoom: int = 18
    is_tms: bool = False
    attribution: str = ""
    attribution_en: str = ""
    approval: str = ""
    note: str = ""
    note_en: str = ""
    key_variable: str = ""
    key: str = field(default="", repr=False)
    most_mb: float = _MOST_MB
    bounds_deg: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse a base map that cannot be drawn, with every reason at once."""
        problems = [problem for url in self.urls for problem in _url_problems(url, self.servers)]
        if self.datum not in _DATUMS:
            problems.append(Problem("datum", f"{self.datum!r} is not one of {', '.join(_DATUMS)}"))
        if not 0 <= self.min_zoom <= self.max_zoom <= _TOP_ZOOM:
            problems.append(
                Problem("min_zoom, max_zoom", f"{self.min_zoom}, {self.max_zoom}; expected 0 to {_TOP_ZOOM}")
            )
        if bool(self.urls) == (self.path is not None):
            problems.append(Problem("urls, path", "expected one of them: online tiles, or a file"))
        if problems:
            msg = f"base map {self.name!r} cannot be drawn"
            raise MapError(msg, problems)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Everyone this base map asks for tiles, as ``https://host``; nobody for a file."""
        origins = []
        for url in self.urls:
            found = _ORIGIN.match(url)
            assert found is not None
            origin = f"{found[1]}://{found[2]}"
            origins += [origin.replace("{s}", server) for server in self.servers] if "{s}" in origin else [origin]
        return tuple(dict.fromkeys(origins))

    def __repr__(self) -> str:
        """Return the name, where tiles come from, the datum and the zooms; never a key."""
        kind = "online" if self.urls else f"from {self.path.name}" if self.path else "empty"
        return f"<BaseMap {self.name}: {kind}, {self.datum}, zooms {self.min_zoom}-{self.max_zoom}>"


def online(
    url: str,
    *,
    name: str = "tiles",
    datum: Datum = "wgs84",
    attribution: str = "",
    max_zoom: int = 18,
    servers: tuple[str, ...] = (),
    is_tms: bool = False,
    with_key: bool = False,
) -> BaseMap:
    """Return online tiles of any template in Web Mercator.

    Parameters
    ----------
    url : str
        With ``{z}``, ``{x}``, ``{y}`` (or ``{-y}``), and ``{s}`` where ``servers`` has several. A key that stands in it
        (``tk=…``, ``token=…``) is taken out, and the page asks its reader for one.
    name : str, default "tiles"
        Identifier and label.
    datum : {"wgs84", "cgcs2000", "gcj02", "bd09"}, default "wgs84"
        Datum of the tiles.
    attribution : str, optional
        Who made them.
    max_zoom : int, default 18
        Nearest zoom there are tiles for.
    servers : tuple of str, optional
        What ``{s}`` may be.
    is_tms : bool, default False
        Whether rows count from the south.
    with_key : bool, default False
        Leave the key in the page, with a warning.

    Returns
    -------
    BaseMap
        Of this one template.

    Raises
    ------
    MapError
        Not a template of Web Mercator tiles.

    Examples
    --------
    >>> online("https://tiles.example.org/{z}/{x}/{y}.png?key=secret").urls
    ('https://tiles.example.org/{z}/{x}/{y}.png?key={key}',)
    """
    found = _KEYS.search(url)
    key = found[2] if found and with_key else ""
    if key:
        warn_of_key(name)
    template = _KEYS.sub(r"\1={key}", url)
    return BaseMap(
        name, name, name, (template,), servers, None, datum, 0, max_zoom, is_tms, attribution, attribution, key=key
    )


def open_basemap(
    path: Path | str,
    *,
    name: str = "",
    datum: Datum = "wgs84",
    most_mb: float = _MOST_MB,
    bounds_deg: tuple[float, float, float, float] | None = None,
    attribution: str = "",
    approval: str = "",
    is_tms: bool = False,
) -> BaseMap:
    """Return a base map from a file, whose tiles will travel inside the page.

    The page takes the tiles where the layers lie, from the farthest zoom on, as long as they fit; what is left out is
    said in the page and by ``outfall.maps.cut_basemap``.

    Parameters
    ----------
    path : path
        PMTiles or MBTiles (pictures or vector tiles), a folder ``{z}/{x}/{y}.png`` of tiles you may use, or a GeoTIFF.
    name : str, optional
        Identifier and label; the file's own by default.
    datum : {"wgs84", "cgcs2000", "gcj02", "bd09"}, default "wgs84"
        Datum of the tiles.
    most_mb : float, MB, default 8
        What they may add to the page.
    bounds_deg : tuple of float, optional
        West, south, east, north (WGS 84) of what is cut out; where the layers lie by default.
    attribution : str, optional
        Who made it; the file's own words by default.
    approval : str, optional
        Approval number (审图号) to print with the map.
    is_tms : bool, default False
        Whether the rows of a folder count from the south.

    Returns
    -------
    BaseMap
        Read when the page is made.

    Raises
    ------
    MapError
        Missing, or not a base map.

    Examples
    --------
    >>> open_basemap("no such.pmtiles")
    Traceback (most recent call last):
    outfall.errors.MapError: base map: no such.pmtiles: no such file; the folder holds ...
    """
    from outfall.maps.basemap_cut import describe_file

    try:
        told = describe_file(Path(path))
    except ReadError as error:
        msg = f"base map: {error}"
        raise MapError(msg) from error
    label = name or told.told.get("name", "") or Path(path).stem
    maker = attribution or re.sub(r"<[^>]*>", "", told.told.get("attribution", ""))
    return BaseMap(
        label, label, label, path=Path(path), datum=datum, min_zoom=told.min_zoom, max_zoom=min(told.max_zoom, _TOP_ZOOM), is_tms=is_tms,
        attribution=maker, attribution_en=maker, approval=approval, most_mb=most_mb, bounds_deg=bounds_deg,
    )  # fmt: skip


def warn_of_key(name: str) -> None:
    """Warn that a key will stand in a page."""
    msg = f"{name}: the key is written into the page; everybody who has the page can read and spend it"
    warnings.warn(msg, UserWarning, stacklevel=4)


def _url_problems(url: str, servers: tuple[str, ...]) -> list[Problem]:
    problems = []
    found = _ORIGIN.match(url)
    marks = set(re.findall(r"\{([^}]*)\}", url))
    shown = _KEYS.sub(r"\1=…", url)[:120]
    if not _SAFE_URL.fullmatch(url) or found is None or re.search(r"[{}]", found[2].replace("{s}", "")):
        problems.append(Problem("url", f"{shown!r}; expected https://host/… with {{z}}, {{x}} and {{y}}"))
    if not {"z", "x"} <= marks or not marks & {"y", "-y"} or marks - _MARKS:
        problems.append(
            Problem("url", f"marks {', '.join(sorted(marks)) or 'none'}; expected z, x, y, and s or key where needed")
        )
    if "s" in marks and not all(re.fullmatch(r"[A-Za-z0-9-]+", server) for server in servers or ("",)):
        problems.append(Problem("servers", f"{servers!r}; expected letters or digits for {{s}}"))
    if _DEGREE_TILES.search(url):
        problems.append(
            Problem(
                "url",
                "tiles in degrees (EPSG:4490, 4326) would lie wrong on this map",
                "use the set in Web Mercator (_w)",
            )
        )
    return problems
