"""How a store of an earlier version becomes one of today: in one transaction, with every event and its old proof.

Version 1 knew no devices and named events by their content alone. Its log is checked first, then every event gets its
name and hash of today under the device ``v1-…`` of that store. The old hashes are not kept but follow from what the
events say: ``verify_chain`` computes the old chain again, compares its end with the one found at migration, and takes
any old hash as ``head``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.errors import StoreError
from outfall.store.seal import COLUMNS, GENESIS, digest, name_event, seal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import apsw

__all__ = ["migrate"]

_OLD_NAMES = "event_is_never_changed", "event_is_never_removed", "event_is_never_replaced"
_OLD = (
    "SELECT seq, event_id, recorded_at, actor, kind, table_name, row_key, body, reason, source_ref, prev_hash, hash "
    "FROM event_v1 ORDER BY seq"
)


def migrate(connection: apsw.Connection, file: Path, make_schema: Callable[[apsw.Connection], None]) -> None:
    """Bring a store from version 1 to today's, inside the transaction that is open."""
    for name in _OLD_NAMES:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}").fetchall()
    connection.execute("DROP INDEX IF EXISTS event_by_row").fetchall()
    connection.execute("ALTER TABLE event RENAME TO event_v1").fetchall()
    head, count, device = _checked(connection, file)
    make_schema(connection)
    marks = ", ".join("?" * len(COLUMNS))
    connection.executemany(f"INSERT INTO event VALUES ({marks})", _renamed(connection, device)).fetchall()  # noqa: S608
    if count:
        settings = [("v1_events", str(count)), ("v1_head", head)]
        connection.executemany("INSERT INTO setting VALUES (?, ?)", settings).fetchall()
    connection.execute("DROP TABLE event_v1").fetchall()


def _checked(connection: apsw.Connection, file: Path) -> tuple[str, int, str]:
    """Return the last hash of the old log, its number of events and the device they get; refuse a broken one."""
    last, count, first = GENESIS, 0, GENESIS
    for count, event in enumerate(connection.execute(_OLD), start=1):
        if event[0] != count or event[10] != last or event[11] != digest(event[:11]):
            msg = f"{file}: event {count} of the version 1 log was changed after it was written; restore the store from a backup. Nothing was migrated"
            raise StoreError(msg)
        last = str(event[11])
        first = last if count == 1 else first
    return last, count, f"v1-{first[:16]}"


def _renamed(connection: apsw.Connection, device: str) -> Iterator[tuple[object, ...]]:
    last = GENESIS
    versions: dict[tuple[object, object], str] = {}
    for seq, _, at, actor, kind, table, key, body, reason, ref, *_ in connection.execute(_OLD):
        hlc, base = f"{str(at)[:26]}Z|000000", versions.get((table, key), "")
        said = (None, None, hlc, device, seq, actor, kind, table, key, base, body, reason, ref)
        name = name_event(("", *said))
        event = (seq, name, at, *said, last)
        last, versions[table, key] = seal(event), name
        yield (*event, last)
