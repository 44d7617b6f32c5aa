"""Where a PostGIS store is: its address read, its password kept out of everything that is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from outfall.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Address", "read_address"]

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
_DEFAULT_SCHEMA = "outfall"
_SECRET = ("password", "sslpassword", "passfile", "sslkey")
_FORM = "postgresql://user@host:5432/database?schema=outfall"


@dataclass(frozen=True, slots=True)
class Address:
    """A database, and the schema in it that holds the store.

    Parameters
    ----------
    name : str
        What is shown: the address without any secret.
    schema : str
        Name of the schema.
    options : mapping
        What the driver is given, secrets included; never shown.
    """

    name: str
    schema: str
    options: Mapping[str, str] = field(repr=False)

    def clean(self, text: object) -> str:
        """Return a text as one line in which every secret of the address reads ``***``."""
        shown = " ".join(str(text).split())
        for secret in sorted((self.options[key] for key in _SECRET if self.options.get(key)), key=len, reverse=True):
            for form in (secret, quote(secret, safe=""), quote(secret)):
                shown = shown.replace(form, "***")
        return shown


def read_address(url: str) -> Address:
    """Read an address such as ``postgresql://user:password@host:5432/database?schema=county``.

    Parameters
    ----------
    url : str
        Everything libpq understands, and ``schema``: where the store is, ``outfall`` by default.

    Returns
    -------
    Address
        Its ``name`` and ``repr`` show no password.

    Raises
    ------
    StoreError
        The address cannot be read, the schema has an impossible name, or psycopg is not installed.

    Examples
    --------
    >>> read_address("postgresql://team:geheim@localhost/province?schema=county").name
    'postgresql://team@localhost/province?schema=county'
    """
    schema, options = _parts(url)
    if any("@" in options.get(key, "") for key in ("host", "port", "dbname")):
        msg = (
            "the address of the store has one @ too many; in a password write @ as %40, / as %2F, ? as %3F and # as %23"
        )
        raise StoreError(msg)
    host, port, user = (options.get(key, "") for key in ("host", "port", "user"))
    where = (f"{quote(user)}@" if user else "") + ("localhost" if host.startswith("/") else host or "localhost")
    where += f":{port}" if port else ""
    name = urlunsplit(("postgresql", where, quote(options.get("dbname", "")), urlencode({"schema": schema}), ""))
    if not _SCHEMA.fullmatch(schema) or schema.startswith("pg_") or schema == "information_schema":
        msg = f"{name}: {schema!r} is no name for the schema of a store; use small letters, digits and _, such as schema=county"
        raise StoreError(msg)
    return Address(name, schema, options)


def _parts(url: str) -> tuple[str, dict[str, str]]:
    try:
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        msg = "a store on PostGIS needs psycopg, which is not installed; run: python -m pip install 'outfall[postgis]'"
        raise StoreError(msg) from None
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        schema = dict(pairs).get("schema", _DEFAULT_SCHEMA)
        rest = urlencode([pair for pair in pairs if pair[0] != "schema"], quote_via=quote)
        plain = f"{url.partition('?')[0]}?{rest}" if rest else url.partition("?")[0]
        options = {key: str(value) for key, value in conninfo_to_dict(plain).items() if value is not None}
    except (ValueError, Error):
        msg = f"the address of the store cannot be read; write {_FORM}, with %40 for an @ in a password"
        raise StoreError(msg) from None
    return schema, options
