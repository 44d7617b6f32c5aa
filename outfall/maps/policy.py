"""What may a page load: nothing, unless the hosts of chosen online tiles or the files beside it are named."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from outfall.errors import MapError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outfall.maps.basemap import BaseMap
    from outfall.maps.layers import Layer

__all__ = ["hosts_of", "policy"]

_HOST = re.compile(r"https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.IGNORECASE)


def policy(
    scripts: Iterable[str],
    *,
    nonce: str = "",
    image_hosts: Iterable[str] = (),
    connect_hosts: Iterable[str] = (),
    has_files_beside: bool = False,
    has_workers: bool = False,
) -> str:
    """Return the content-security-policy of a page: its own scripts by their hash, and only what is named here.

    Parameters
    ----------
    scripts : iterable of str
        Scripts that stand in the page, exactly as they stand there.
    nonce : str, optional
        Mark of the scripts beside the page that may run; none may without.
    image_hosts, connect_hosts : iterable of str, optional
        ``https://host`` or ``https://host:port`` of online tiles the user asked for.
    has_files_beside : bool, default False
        Whether pictures may come from the folder of the page.
    has_workers : bool, default False
        Whether a script may start a worker from its own text.

    Returns
    -------
    str
        For ``http-equiv="Content-Security-Policy"``.

    Raises
    ------
    MapError
        A host is more than a host: it has a path, spaces or another protocol.

    Examples
    --------
    >>> policy(["1"]).split("; ")[:2]
    ["default-src 'none'", "script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"]
    >>> "connect-src" in policy([]), "connect-src https://t0.tianditu.gov.cn" in policy([], connect_hosts=["https://t0.tianditu.gov.cn"])
    (False, True)
    """
    allowed = [f"'sha256-{_digest(script)}'" for script in scripts] + ([f"'nonce-{nonce}'"] if nonce else [])
    images = ["data:", "blob:", *(["'self'", "file:"] if has_files_beside else []), *_hosts(image_hosts)]
    connections = _hosts(connect_hosts)
    parts = [
        "default-src 'none'",
        f"script-src {' '.join(allowed) or chr(39) + 'none' + chr(39)}",
        "style-src 'unsafe-inline'",
        f"img-src {' '.join(images)}",
        *(["worker-src blob:"] if has_workers else []),
        *([f"connect-src {' '.join(connections)}"] if connections else []),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(parts)


def hosts_of(layers: Iterable[Layer | BaseMap]) -> tuple[str, ...]:
    """Return the hosts that layers of online tiles ask, each once; a map without such layers has none.

    Parameters
    ----------
    layers : iterable of Layer or BaseMap
        One that needs hosts has them in its attribute ``hosts``.

    Returns
    -------
    tuple of str
        In the order of the layers.

    Examples
    --------
    >>> hosts_of(())
    ()
    """
    return tuple(dict.fromkeys(host for layer in layers for host in getattr(layer, "hosts", ())))


def _hosts(hosts: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(hosts))
    wrong = [host for host in found if not _HOST.fullmatch(host)]
    if wrong:
        msg = f"hosts: {', '.join(map(repr, wrong))}; expected http(s)://host without a path"
        raise MapError(msg)
    return found


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
