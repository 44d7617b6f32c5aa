"""What is known about one outfall, on one sheet: where it is, who discharges, what, and where it goes.

Each sheet is one HTML file that needs nothing else: no script, no font, no address; pictures lie in it. Field text is
escaped by the template engine, and the page forbids itself to load anything.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote

import geopandas as gpd
import pandas as pd

import outfall
from outfall.reports.measured import compare, group_results
from outfall.reports.photos import index_photos
from outfall.reports.reasons import source_names
from outfall.reports.sheet import Known, Row, Sheet, make_sheet
from outfall.store import write_aside
from outfall.tables import check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import jinja2

    from outfall.network import Network
    from outfall.tracing import Trace
    from outfall.vocabulary import Lang

__all__ = ["write_briefs"]

_UNSAFE = re.compile(r"[^\w\-.]+")
_RESERVED = {"con", "prn", "aux", "nul", "index", *(f"{port}{at}" for port in ("com", "lpt") for at in range(10))}
_NAME_CHARS = 60
_CGCS2000 = 4490
_TZ = "Asia/Shanghai"


def write_briefs(
    outfalls: gpd.GeoDataFrame,
    found: Trace | None,
    folder: Path | str,
    *,
    network: Network | None = None,
    photos_folder: Path | str | None = None,
    results: pd.DataFrame | None = None,
    compare_with: tuple[str, str] = ("GB 3838-2002", "V"),
    lang: Lang = "zh",
) -> list[Path]:
    """Write one sheet per outfall and ``index.html`` that lists them.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows, Point
        Contract ``outfalls``.
    found : Trace or None
        Ranked sources with reasons; None leaves that part empty and says so.
    folder : path
        Replaced as a whole: written aside first, so that a failing run leaves the earlier sheets.
    network : Network, optional
        For the location map and the waters downstream.
    photos_folder : path, optional
        Where photo ids (digest, relative path or file name) are looked up, subfolders included.
    results : DataFrame, optional
        Contract ``results``; a row belongs to the outfall its ``outfall_id`` or ``point_name`` names.
    compare_with : tuple of str, default ("GB 3838-2002", "V")
        Standard and grade the results are compared with. Our default: the worst class of surface water says at a
        glance what an outfall adds; which standard it must meet depends on its permit.
    lang : {"zh", "en"}, default "zh"
        Language.

    Returns
    -------
    list of Path, n + 1
        The sheets in the order of the outfalls, then the index. File names hold no character a file system refuses:
        an id that is not a safe name is shortened and gets a digest.

    Raises
    ------
    TableError
        A table does not meet its contract.
    ProjectError
        The folder cannot be written, or a file in it is open in another program.

    Examples
    --------
    >>> import tempfile
    >>> one = gpd.GeoDataFrame({"outfall_id": ["MX-0042"], "status": ["suspected"], "source_ref": ["register(E1)"]},
    ...                        geometry=gpd.points_from_xy([120.1], [31.5]), crs=4490)
    >>> [page.name for page in write_briefs(one, None, Path(tempfile.mkdtemp()) / "briefs")]
    ['MX-0042.html', 'index.html']
    """
    target = Path(folder)
    table = check(outfalls, "outfalls")
    names = _file_names(table["outfall_id"].tolist())
    known = _look_up(table, found, network, photos_folder, lang)
    if results is not None and len(results):
        known = _with_results(known, table, check(results, "results").reset_index(drop=True), compare_with)
    write_aside(target, lambda aside: _write(aside, table, names, known))
    return [*(target / names[name] for name in table["outfall_id"]), target / "index.html"]


def _look_up(
    outfalls: gpd.GeoDataFrame,
    found: Trace | None,
    network: Network | None,
    photos_folder: Path | str | None,
    lang: Lang,
) -> Known:
    candidates: dict[str, list[Row]] = {}
    evidence: dict[tuple[str, str], list[Row]] = {}
    sources = None
    if found is not None:
        ranked = found.candidates.sort_values(["outfall_id", "rank", "source_id"], kind="stable")
        if network is not None and isinstance(ranked, gpd.GeoDataFrame) and ranked.crs is not None:
            ranked = ranked.to_crs(network.crs)
        for row in pd.DataFrame(ranked).to_dict("records"):
            candidates.setdefault(str(row["outfall_id"]), []).append(row)
        judged = found.evidence.sort_values("log_lr", key=abs, ascending=False, kind="stable")
        for row in judged.to_dict("records"):
            evidence.setdefault((str(row["outfall_id"]), str(row["source_id"])), []).append(row)
        sources = found.sources.set_index("source_id")
        sources = sources if network is None else sources.to_crs(network.crs)
    return Known(
        lonlat=outfalls.geometry.to_crs(_CGCS2000),
        candidates=candidates,
        evidence=evidence,
        names={} if found is None else source_names(found, None, lang),
        network=network,
        waters={} if network is None else _waters(network.reaches),
        places=None if network is None else outfalls.geometry.to_crs(network.crs),
        sources=sources,
        photos=index_photos(photos_folder),
        results={},
        compared="",
        words=_words(lang),
        tz=_TZ,
        lang=lang,
    )


def _waters(reaches: pd.DataFrame) -> dict[str, str]:
    names = reaches["name"].astype("object").where(reaches["name"].notna(), "")
    return dict(zip(reaches["reach_id"].astype(str), names.astype(str), strict=True))


def _with_results(
    known: Known, outfalls: gpd.GeoDataFrame, results: pd.DataFrame, compare_with: tuple[str, str]
) -> Known:
    standard, grade = compare_with
    compared, is_compared = compare(results, standard=standard, grade=grade)
    text = known.words["compare" if is_compared else "not_compared"].format(standard=standard, grade=grade)
    return replace(known, results=group_results(compared, outfalls), compared=text)


def _write(folder: Path, outfalls: gpd.GeoDataFrame, names: Mapping[str, str], known: Known) -> None:
    folder.mkdir()
    words, pages = known.words, _pages()
    common = {
        "w": words,
        "lang": known.lang,
        **_style(),
        "made_by": words["made_by"].format(version=outfall.__version__),
    }
    template, rows = pages.get_template("brief.html.j2"), []
    for at, row in enumerate(outfalls.drop(columns="geometry").to_dict("records")):
        brief = make_sheet({str(key): value for key, value in row.items()}, known, at)
        name = names[brief.outfall_id]
        (folder / name).write_text(template.render(brief=brief, **common), encoding="utf-8", newline="\n")
        rows.append(_index_row(brief, name))
    total = words["count"].format(count=len(rows))
    index = pages.get_template("index.html.j2").render(rows=rows, total=total, **common)
    (folder / "index.html").write_text(index, encoding="utf-8", newline="\n")


def _index_row(brief: Sheet, name: str) -> dict[str, str]:
    first = brief.ranks[0] if brief.ranks else None
    return {
        "href": quote(name),
        "outfall_id": brief.outfall_id,
        "name": brief.title,
        "water": brief.water,
        "status": brief.status,
        "first_name": first.name if first else "",
        "first_share": first.share if first else "",
        "over": str(brief.over_count) if brief.results else "",
    }


def _file_names(ids: Sequence[str]) -> dict[str, str]:
    """Return a file name per id that every file system takes and no two ids share, whatever else is in the table."""
    slugs = {name: _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip("._ ")[:_NAME_CHARS] for name in ids}
    counts = Counter(slug.casefold() for slug in slugs.values())
    names = {}
    for name, slug in slugs.items():
        is_plain = slug == name and slug.split(".")[0].casefold() not in _RESERVED and counts[slug.casefold()] == 1
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        names[name] = f"{slug}.html" if is_plain else f"{slug or 'outfall'}-{digest}.html"
    return names


@cache
def _words(lang: Lang) -> Mapping[str, str]:
    text = files(__package__).joinpath("page_words.csv").read_text(encoding="utf-8")
    return MappingProxyType({row["key"]: row[lang] for row in csv.DictReader(text.splitlines())})


@cache
def _pages() -> jinja2.Environment:
    import jinja2

    folder = jinja2.PackageLoader("outfall.reports", "templates")
    return jinja2.Environment(loader=folder, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)


@cache
def _style() -> Mapping[str, str]:
    """Return the style sheet and the digest by which the page allows this one and no other."""
    from markupsafe import Markup

    style = files(__package__).joinpath("templates/style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return MappingProxyType({"style": Markup(style), "style_hash": f"sha256-{digest}"})  # noqa: S704  # our own file
