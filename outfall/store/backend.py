"""What a store must be able to do, whichever database holds it: the border between the log and SQLite or PostGIS.

SQL that crosses this border is understood by both: ``?`` placeholders in order, ``CAST`` around a placeholder whose type
cannot be seen, text keys compared byte by byte (``COLLATE "C"`` in PostgreSQL). Geometry crosses it as ISO WKB.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, overload, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from outfall.store.found import Found

__all__ = [
    "TRUTH",
    "Backend",
    "Box",
    "Cell",
    "Dialect",
    "RowNow",
    "Session",
    "Store",
    "create_store",
    "find_backend",
    "is_url",
    "open_store",
    "read_transaction",
    "write_transaction",
]

TRUTH = (
    "hlc DESC, device DESC, device_seq DESC"  # which of two versions of a row is the newer one, in every store alike
)
Cell = str | int | float | bool | None
Box = tuple[float, float, float, float]
Line = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What two databases say differently.

    Parameters
    ----------
    name : {"sqlite", "postgis"}
        Which one.
    keys : str
        What stands in FROM to turn one ``?``, a JSON array of texts, into rows ``k.value``.
    """

    name: str
    keys: str


class RowNow(NamedTuple):
    """A row as it is now, as a projection holds it.

    Parameters
    ----------
    key : str
        Value of the key column.
    fid : int
        Seq of the first event of this row: the order in which rows were first saved.
    event_seq : int
        Seq of the event that says what the row is.
    cells : tuple
        One per contract column, in order; times as the body writes them.
    crs : str or None
        As the body writes it.
    geometry : bytes or None
        ISO WKB.
    extra : str or None
        JSON of the columns the contract does not know, with their dtypes.
    """

    key: str
    fid: int
    event_seq: int
    cells: tuple[Cell, ...]
    crs: str | None
    geometry: bytes | None
    extra: str | None


class Session(Protocol):
    """One transaction on one database."""

    dialect: Dialect

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Line]:
        """Run one statement and return all its rows."""

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[Line]:
        """Run one statement and yield its rows, without holding them all."""

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for every row of values."""

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Insert many rows the fastest way there is."""

    def put_rows(self, table: str, rows: Iterable[RowNow]) -> None:
        """Insert or overwrite rows of a projection, by key; make the projection where it is not there yet."""

    def drop_rows(self, table: str, keys: Iterable[str]) -> None:
        """Remove rows of a projection; keys it does not have are passed over."""

    def clear_rows(self, table: str) -> None:
        """Make a projection empty and of today's columns."""

    def rows_now(self, table: str, *, keys: Sequence[str] | None = None, box: Box | None = None) -> Iterator[RowNow]:
        """Yield the rows of a projection by fid; a box yields at least the rows that touch it."""

    def rows_light(
        self, table: str, *, keys: Sequence[str] | None = None, box: Box | None = None
    ) -> list[Found] | None:
        """Return rows as they are now by fid, those that touch a box exactly; None where there is no short way."""

    def projections(self) -> list[str]:
        """Return the tables that have a projection of today's columns, in the order of the contracts."""


@runtime_checkable
class Backend(Protocol):
    """One store in one database; ``open_store`` gives it out, every verb of the store takes it."""

    name: str

    def create(self) -> None:
        """Make the store where there is none; keep one that is there."""

    def reading(self) -> AbstractContextManager[Session]:
        """Hold one consistent moment of the store."""

    def writing(self) -> AbstractContextManager[Session]:
        """Write all or nothing, one writer at a time; refuse where a guard of the log was changed."""

    def problems(self, session: Session) -> list[str]:
        """Say what in the schema or the file is not as we made it."""

    def keep_open(self) -> AbstractContextManager[Backend]:
        """Hold one connection for all transactions until the end."""


Store = Path | str | Backend


def is_url(store: Store) -> bool:
    """Return whether a store is named by the address of a database server."""
    return isinstance(store, str) and store.startswith(("postgresql://", "postgres://"))


def find_backend(store: Store) -> Backend:
    """Return what serves a store: a live file by its path, PostGIS by its address, or the open store itself."""
    if isinstance(store, (str, Path)):  # each database is loaded only where it is used
        module, name = ("postgis", "PostgisStore") if is_url(store) else ("live", "LiveFile")
        found: Backend = getattr(import_module(f"outfall.store.{module}"), name)(store)
        return found
    return store


@overload
def create_store(path: Path) -> Path: ...
@overload
def create_store(path: str) -> Path | str: ...
def create_store(path: Path | str) -> Path | str:
    """Make an empty store, or return the one that is already there.

    Parameters
    ----------
    path : path or URL
        A file ends in ``.outfalldb``; folders above it are made. On a local disk the file is in WAL mode, on a network
        drive in DELETE mode. A ``postgresql://`` address names a database with PostGIS.

    Returns
    -------
    Path or str
        The path as a Path, or the address given.

    Raises
    ------
    StoreError
        The name has another ending, another kind of file is there, or the server cannot be reached.

    Examples
    --------
    >>> import tempfile
    >>> create_store(Path(tempfile.mkdtemp()) / "county.outfalldb").name
    'county.outfalldb'
    """
    find_backend(path).create()
    return path if is_url(path) else Path(path)


@contextmanager
def open_store(path: Store) -> Iterator[Backend]:
    """Keep a store open, so that many reads and writes share one connection.

    Parameters
    ----------
    path : path, URL or open store
        The live file, or a ``postgresql://`` address.

    Yields
    ------
    Backend
        Takes the place of the path in every verb of the store.

    Raises
    ------
    StoreError
        No store is there, or it cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store, list_tables
    >>> with open_store(create_store(Path(tempfile.mkdtemp()) / "county.outfalldb")) as store:
    ...     list_tables(store)
    {}
    """
    with find_backend(path).keep_open() as backend:
        yield backend


@contextmanager
def read_transaction(path: Store) -> Iterator[Session]:
    """Hold one consistent moment of a store."""
    with find_backend(path).reading() as session:
        yield session


@contextmanager
def write_transaction(path: Store) -> Iterator[Session]:
    """Write to a store all or nothing; wait up to 30 s for another writer."""
    with find_backend(path).writing() as session:
        yield session
