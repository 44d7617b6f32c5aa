"""A store on PostGIS keeps its log from everybody, and its password out of everything that is shown."""

from __future__ import annotations

import traceback

import pytest

from outfall.errors import OutfallError, StoreError
from outfall.store import (
    append_rows,
    check_store,
    create_store,
    digest_tables,
    export_events,
    list_conflicts,
    list_imports,
    list_quarantine,
    list_tables,
    list_unacknowledged,
    open_store,
    read_events,
    read_rows,
    rebuild,
    take_snapshot,
    undo,
    verify_chain,
)
from tests.store.faults.script import outfalls, samples
from tests.store.rows import draw_rows
from tests.store.server import PASSWORD

pytestmark = pytest.mark.postgis


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET actor = 'x' WHERE seq = 3",
        "DELETE FROM event WHERE seq = 3",
        "TRUNCATE event",
        "INSERT INTO event SELECT * FROM event WHERE seq = 3 ON CONFLICT (seq) DO UPDATE SET actor = 'x'",
        "SET session_replication_role = replica; UPDATE event SET actor = 'x' WHERE seq = 3",
    ],
)
def test_append_only(url, run_sql, statement):
    """Not even the owner of the database changes or removes an event, also not as a replica does."""
    import psycopg

    append_rows(url, "samples", draw_rows("samples"), actor="test")
    head = verify_chain(url)
    with pytest.raises(psycopg.errors.RestrictViolation, match="events are never"):
        run_sql(*statement.split("; "))
    assert verify_chain(url, head=head) == head


def test_foreign_events_must_follow(url, run_sql):
    """An event written past the store that leaves a gap or does not know the last hash is refused by the database."""
    import psycopg

    append_rows(url, "samples", draw_rows("samples", count=2), actor="test")
    columns = "event_id || 'x', recorded_at, valid_from, valid_to, hlc, device || 'x', device_seq, actor, kind, table_name, row_key, base, body, reason, source_ref"
    for seq, last in ((4, "hash"), (3, "prev_hash")):
        with pytest.raises(psycopg.errors.RestrictViolation, match="must follow the last one"):
            run_sql(f"INSERT INTO event SELECT {seq}, {columns}, {last}, 'x' FROM event WHERE seq = 2")
    verify_chain(url)


@pytest.mark.parametrize(
    ("tamper", "match"),
    [
        ("DROP TRIGGER event_is_never_changed ON event", "'event_is_never_changed' was removed"),
        ("ALTER TABLE event DISABLE TRIGGER event_follows_the_last", "'event_follows_the_last' was changed"),
        (
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
            "'event_is_never_changed' was changed",
        ),
        ("CREATE TRIGGER sly BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse_change()", "'sly' was added"),
        ("CREATE RULE sly AS ON INSERT TO event DO INSTEAD NOTHING", "'sly' was added"),
        ("ALTER TABLE event ADD COLUMN sly TEXT", "columns of 'event' were changed"),
    ],
)
def test_changed_guard_is_found(url, run_sql, tamper, match):
    """A store whose guards were changed still reads, is reported, and takes no more rows."""
    append_rows(url, "samples", draw_rows("samples"), actor="test")
    run_sql(tamper)
    assert len(read_rows(url, "samples")) == 9
    with pytest.raises(StoreError, match=match):
        verify_chain(url)
    with pytest.raises(StoreError, match="guards were changed"):
        append_rows(url, "samples", draw_rows("samples", seed=1), actor="test")
    assert len(read_events(url)) == 9


@pytest.mark.parametrize(
    ("tamper", "seq"),
    [
        ("UPDATE event SET body = replace(body, '排口', '排囗') WHERE seq = 1", 1),
        ("UPDATE event SET actor = 'somebody' WHERE seq = 5", 5),
        ("DELETE FROM event WHERE seq = 3", 3),
        ("UPDATE event SET hash = prev_hash WHERE seq = 7", 7),
    ],
)
def test_tampering_is_found(url, run_sql, tamper, seq):
    """Whoever switches the guards off, changes an event and switches them on again is found by the chain."""
    append_rows(url, "samples", draw_rows("samples"), actor="test")
    run_sql("ALTER TABLE event DISABLE TRIGGER ALL", tamper, "ALTER TABLE event ENABLE TRIGGER ALL")
    with pytest.raises(StoreError, match=f"event {seq} "):
        verify_chain(url)


def _addresses(url):
    host = url.partition("@")[2]
    yield url.replace("keeper", "nobody"), "refuses the user or the password"
    yield url.replace(PASSWORD, f"{PASSWORD}1"), "refuses the user or the password"
    yield f"postgresql://keeper@{host}?password={PASSWORD}1", "refuses the user or the password"
    yield f"{url}_none", "does not exist"
    yield f"{url}?schema=empty", "there is no store; make one with create_store"
    yield f"{url}?schema=pg_catalog", "is no name for the schema"
    yield f"{url}?schema=Ä", "is no name for the schema"
    yield f"{url}?nonsense=1", "cannot be read"
    yield f"postgresql://keeper:{PASSWORD}@127.0.0.1:1/town", "does not answer"
    yield f"postgresql://keeper:{PASSWORD}@127.0.0.1:99999999/town", "cannot be read|does not answer"
    yield f"postgresql://keeper:{PASSWORD}@b@127.0.0.1/town", "one @ too many"
    yield f"postgresql://keeper:12/{PASSWORD}@127.0.0.1/town", "one @ too many"
    yield f"postgresql://keeper:{PASSWORD}/@127.0.0.1/town", "cannot be read|one @ too many"
    yield f"postgresql://keeper:{PASSWORD}@[::1/town", "cannot be read"


def test_no_message_holds_the_password(url, caplog, tmp_path):
    """Whatever is wrong with an address, the error is ours, says what to do, and shows no password, nor does a log."""
    calls = (
        read_events, verify_chain, check_store, digest_tables, rebuild, list_tables, list_conflicts, list_imports,
        list_quarantine, list_unacknowledged, lambda store: read_rows(store, "samples"),
        lambda store: append_rows(store, "samples", samples([1]), actor="test"),
        lambda store: undo(store, 1, actor="test", reason="test"),
        lambda store: export_events(store, tmp_path / "town.delta"),
    )  # fmt: skip
    for bad, match in _addresses(url):
        for call in calls[:: 1 if "empty" in bad else 5]:
            with pytest.raises(OutfallError, match=match) as caught:
                call(bad)
            shown = "".join(traceback.format_exception(caught.value))
            assert PASSWORD not in shown
    assert PASSWORD not in caplog.text


def test_no_refusal_holds_the_password(url, tmp_path):
    """The errors of a store that is found show its address without the password too, as does its repr."""
    append_rows(url, "samples", samples([1]), actor="test")
    with open_store(url) as kept:
        calls = [
            lambda: verify_chain(url, head="0" * 63),
            lambda: append_rows(url, "samples", samples([2]), actor="\x00"),
            lambda: append_rows(kept, "samples", samples([2]), actor="\ud800"),
            lambda: take_snapshot(url, tmp_path / "town.outfalldb"),
            lambda: append_rows(url, "nothing", samples([2]), actor="test"),
        ]
        for call in calls:
            with pytest.raises(OutfallError) as caught:
                call()
            assert PASSWORD not in "".join(traceback.format_exception(caught.value))
        assert PASSWORD not in f"{kept!r} {kept} {vars(kept)['name']}"
        assert len(read_events(kept)) == 1


def test_reader_with_few_rights(url, run_sql):
    """A user who may only read reads everything, and is told so when writing."""
    append_rows(url, "samples", samples([1]), actor="test")
    run_sql(
        "DROP ROLE IF EXISTS guest",
        f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'",
        "GRANT USAGE ON SCHEMA outfall TO guest",
        "GRANT SELECT ON ALL TABLES IN SCHEMA outfall TO guest",
    )
    guest = url.replace("keeper", "guest")
    assert len(read_rows(guest, "samples")) == 1
    verify_chain(guest)
    with pytest.raises(StoreError, match="may not do that"):
        append_rows(guest, "samples", samples([2]), actor="guest")
    run_sql("DROP OWNED BY guest", "DROP ROLE guest")


def test_plain_owner_cannot_change_events(url, run_sql):
    """The owner of the log, where it is no superuser, has not even the right to change events."""
    import psycopg

    run_sql(
        "DROP SCHEMA IF EXISTS owned CASCADE",
        "DROP ROLE IF EXISTS team",
        f"CREATE ROLE team LOGIN PASSWORD '{PASSWORD}'",
    )
    run_sql("CREATE SCHEMA owned AUTHORIZATION team", "GRANT CREATE ON DATABASE " + url.rpartition("/")[2] + " TO team")
    team = create_store(url.replace("keeper", "team") + "?schema=owned")
    assert append_rows(team, "outfalls", outfalls([1, 2]), actor="team") == 2
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run_sql("UPDATE owned.event SET actor = 'x'", user_url=url.replace("keeper", "team"))
    run_sql("DROP OWNED BY team CASCADE", "DROP ROLE team")
