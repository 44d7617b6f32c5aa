CREATE TABLE event (
    seq BIGINT PRIMARY KEY,
    event_id TEXT COLLATE "C" NOT NULL UNIQUE,
    recorded_at TEXT COLLATE "C" NOT NULL,
    valid_from TEXT COLLATE "C",
    valid_to TEXT COLLATE "C",
    hlc TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    device_seq BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    table_name TEXT COLLATE "C" NOT NULL,
    row_key TEXT COLLATE "C" NOT NULL,
    base TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    source_ref TEXT COLLATE "C" NOT NULL,
    prev_hash TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    CHECK (kind <> 'put' OR body IS NOT NULL),
    CHECK (kind <> 'delete' OR body IS NULL)
);

CREATE INDEX event_by_row ON event (table_name, row_key, seq);

CREATE UNIQUE INDEX event_by_device ON event (device, device_seq);

CREATE TABLE setting (
    name TEXT COLLATE "C" PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed, removed or replaced; append a new one' USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION refuse_gap() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM added AS fresh LEFT JOIN event AS before ON before.seq = fresh.seq - 1
        WHERE fresh.prev_hash <> coalesce(before.hash, repeat('0', 64)) OR (before.seq IS NULL AND fresh.seq <> 1)
    ) THEN
        RAISE EXCEPTION 'an event must follow the last one' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE OR DELETE ON event
FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER event_is_never_emptied BEFORE TRUNCATE ON event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER event_follows_the_last AFTER INSERT ON event
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_gap();

ALTER TABLE event ENABLE ALWAYS TRIGGER event_is_never_changed;

ALTER TABLE event ENABLE ALWAYS TRIGGER event_is_never_emptied;

ALTER TABLE event ENABLE ALWAYS TRIGGER event_follows_the_last;

REVOKE UPDATE, DELETE, TRUNCATE ON event FROM PUBLIC, CURRENT_USER;
