CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    recorded_at TEXT NOT NULL,
    valid_from TEXT,
    valid_to TEXT,
    hlc TEXT NOT NULL,
    device TEXT NOT NULL,
    device_seq INTEGER NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL,
    base TEXT NOT NULL,
    body TEXT,
    reason TEXT NOT NULL,
    source_ref TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    CHECK (kind <> 'put' OR body IS NOT NULL),
    CHECK (kind <> 'delete' OR body IS NULL)
) STRICT;

CREATE INDEX event_by_row ON event (table_name, row_key, seq);

CREATE UNIQUE INDEX event_by_device ON event (device, device_seq);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are never changed; append a new one'); END;

CREATE TRIGGER event_is_never_removed BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are never removed; append a delete event'); END;

CREATE TRIGGER event_is_never_replaced BEFORE INSERT ON event
WHEN EXISTS (SELECT 1 FROM event WHERE seq = NEW.seq OR event_id = NEW.event_id OR (device = NEW.device AND device_seq = NEW.device_seq))
BEGIN SELECT RAISE(ABORT, 'events are never replaced; append a new one'); END;
