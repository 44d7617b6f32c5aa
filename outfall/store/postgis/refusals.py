"""What PostgreSQL and the driver say, as one sentence a person can act on, without any password."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from outfall.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from outfall.store.postgis.address import Address

__all__ = ["Progress", "spoken"]

_SENTENCES = {
    "55P03": "another program has been writing for 30 s; wait until it ends and try again. Nothing was written",
    "57014": "the server took too long or was told to stop ({text}); try again with fewer rows. Nothing was written",
    "53100": "the disk of the server is full; make room and try again. Nothing was written",
    "53300": "the server has no free connection; try again later. Nothing was written",
    "42501": "this user may not do that ({text}); ask the keeper of the database for the right. Nothing was written",
    "25006": "the database is read-only ({text}); write to its primary server. Nothing was written",
    "23001": "{text}. Nothing was written",
    "23505": "the row is there already ({text}); read the store again and try once more. Nothing was written",
    "28P01": "the server refuses the user or the password; check the address",
    "28000": "the server refuses the user ({text}); check the address",
    "3D000": "there is no such database ({text}); make it with createdb",
    "22021": "PostgreSQL cannot hold this text ({text}); remove the character. Nothing was written",
    "22P05": "PostgreSQL cannot hold this text ({text}); remove the character. Nothing was written",
    "58P01": "PostGIS is not installed on the server ({text}); ask its keeper to install it",
    "0A000": "PostGIS is not installed on the server ({text}); ask its keeper to install it",
}
_LOST = (
    "the connection was lost while the rows were being saved, and nobody knows yet whether they were; save them again: "
    "what was saved already is not written twice"
)


@dataclass(slots=True)
class Progress:
    """How far a transaction has come when something happens to it."""

    is_committing: bool = False


@contextmanager
def spoken(address: Address) -> Iterator[Progress]:
    """Turn every error of the driver into ours."""
    import psycopg

    progress = Progress()
    try:
        yield progress
    except psycopg.Error as error:
        raise StoreError(_sentence(address, error, progress)) from None  # its own text may hold what we hide


def _sentence(address: Address, error: psycopg.Error, progress: Progress) -> str:
    import psycopg

    text = address.clean(error.diag.message_primary or error)
    state = error.sqlstate or ""
    if progress.is_committing and (not state or state[:2] in ("08", "57")):
        return f"{address.name}: {_LOST}"
    if "password authentication failed" in text or "no password supplied" in text:
        state = "28P01"
    elif "NUL" in text and isinstance(error, psycopg.DataError):
        state = "22021"
    if state in _SENTENCES:
        return f"{address.name}: {_SENTENCES[state].format(text=text)}"
    if isinstance(error, psycopg.OperationalError):
        return f"{address.name}: the server does not answer ({text}); check the address, or wait until it is back. Nothing was written"
    return f"{address.name}: PostgreSQL refuses ({text}); nothing was written"
