"""Stores as earlier versions made them: their SQL and their writing, kept as they were."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import apsw

V1 = """
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    recorded_at TEXT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('put', 'delete')),
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL,
    body TEXT,
    reason TEXT NOT NULL,
    source_ref TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    CHECK ((kind = 'put') = (body IS NOT NULL))
) STRICT;
CREATE INDEX event_by_row ON event (table_name, row_key, seq);
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are never changed; append a new one'); END;
CREATE TRIGGER event_is_never_removed BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are never removed; append a delete event'); END;
CREATE TRIGGER event_is_never_replaced BEFORE INSERT ON event
WHEN EXISTS (SELECT 1 FROM event WHERE seq = NEW.seq OR event_id = NEW.event_id)
BEGIN SELECT RAISE(ABORT, 'events are never replaced; append a new one'); END;
PRAGMA application_id = 1330992198;
PRAGMA user_version = 1;
"""


def make_v1(path, changes):
    """Write a version 1 store: changes are (table, key, body or None) in order; return the hash of every event."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute(V1).fetchall()
    last, before, hashes = "0" * 64, {}, []
    for seq, (table, key, body) in enumerate(changes, start=1):
        kind = "delete" if body is None else "put"
        name = _digest((table, key, kind, body, before.get((table, key), "")))
        at = datetime(2026, 4, 12, 8, 0, seq // 3, tzinfo=UTC).isoformat(timespec="microseconds")
        event = (seq, name, at, "甲", kind, table, key, body, "walk", f"表.csv#{seq}", last)
        last, before[table, key] = _digest(event), name
        connection.execute("INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", (*event, last)).fetchall()
        hashes.append(last)
    connection.close()
    return hashes


def _digest(parts):
    whole = "".join("-" if part is None else f"{len(str(part))}:{part}" for part in parts)
    return hashlib.sha256(whole.encode("utf-8")).hexdigest()
