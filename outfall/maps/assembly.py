"""How do code, styles and data become the text of one page: packed, named by the policy, and whole or refused."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from functools import cache
from typing import TYPE_CHECKING

from outfall.errors import MapError
from outfall.maps.bundle import code, text_of
from outfall.maps.policy import policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from outfall.vocabulary import Lang

__all__ = ["assemble", "one_of", "unique"]


def assemble(
    data: str,
    *,
    styles: tuple[str, ...],
    scripts: tuple[tuple[str, ...], ...],
    title: str,
    lang: Lang,
    rows: Sequence[dict[str, object]] | None = None,
    hosts: Iterable[str] = (),
    needs: Sequence[str] = (),
) -> str:
    """Return the text of a page.

    Parameters
    ----------
    data : str
        What it shows, base64.
    styles : tuple of str
        Names of assets.
    scripts : tuple of tuples of str
        Names of assets; those of one tuple share a scope, a tuple of one that is not ours stands as it is.
    title : str
        Of the window.
    lang : {"zh", "en"}
        Language the page opens in.
    rows : sequence of dict, optional
        The shards that hold the data instead of the page.
    hosts : iterable of str
        Whom the page may ask for tiles.
    needs : sequence of {"beside", "workers"}
        Pictures beside the page; workers.

    Returns
    -------
    str
        HTML that asks nobody but ``hosts``.

    Examples
    --------
    >>> page = assemble("QUJD", styles=(), scripts=(), title="<b>", lang="en")
    >>> "<title>&lt;b&gt;</title>" in page, "{{" in page
    (True, False)
    """
    packed, texts = _packed(styles, scripts)
    boot = code("tiny-inflate.js", "boot.js")
    digest = hashlib.sha256(data.encode("ascii")).hexdigest()
    allowed = policy(
        [boot, *texts],
        nonce="" if rows is None else digest,
        image_hosts=hosts,
        has_files_beside="beside" in needs,
        has_workers="workers" in needs,
    )
    parts = {
        "lang": "zh-CN" if lang == "zh" else "en",
        "policy": allowed,
        "title": html.escape(title),
        "packed": packed,
        "boot": boot,
        "data": _data_element(data, digest) if rows is None else _shards_element(rows, digest),
    }
    return re.sub(r"\{\{ (\w+) \}\}", lambda match: parts[match[1]], text_of("page.html"))


def one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is not one of those known.

    Raises
    ------
    MapError
        It is another.

    Examples
    --------
    >>> one_of("lang", "zh", ("zh", "en"))
    """
    if value not in known:
        msg = f"{name}: {value!r} is not one of {', '.join(known)}"
        raise MapError(msg)


def unique(kind: str, names: Sequence[str]) -> None:
    """Refuse a name that stands more than once.

    Raises
    ------
    MapError
        One does.

    Examples
    --------
    >>> unique("layers", ["reaches", "outfalls"])
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"{kind}: {', '.join(map(repr, twice))} more than once; expected unique names"
        raise MapError(msg)


@cache
def _packed(styles: tuple[str, ...], scripts: tuple[tuple[str, ...], ...]) -> tuple[str, tuple[str, ...]]:
    """Return styles and scripts as one packed text, and the scripts as the browser will see them."""
    style = "\n".join(_without_requests(text_of(name)) for name in styles)
    texts = tuple(_script(names) for names in scripts)
    raw = "\0".join((style, *texts)).encode()
    assert raw.count(b"\0") == len(texts), "an asset holds a zero character"
    return base64.b64encode(gzip.compress(raw, compresslevel=9, mtime=0)).decode("ascii"), texts


def _script(names: tuple[str, ...]) -> str:
    return re.sub(r"\n//# sourceMappingURL=.*\s*$", "\n", text_of(names[0])) if len(names) == 1 else code(*names)


def _without_requests(style: str) -> str:
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    return re.sub(r"url\((?![\"']?data:)[^)]*\)", "none", style)


def _data_element(data: str, digest: str) -> str:
    return f'<script type="application/octet-stream" id="data" data-characters="{len(data)}" data-sha256="{digest}">{data}</script>'


def _shards_element(rows: Sequence[dict[str, object]], digest: str) -> str:
    told = json.dumps(rows, ensure_ascii=True).replace("<", "\\u003c")
    return f'<script type="application/json" id="shards" data-mark="{digest}">{told}</script>'
