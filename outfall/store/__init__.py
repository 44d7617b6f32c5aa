"""Where rows live: an append-only event log in one file, tables as projections of it, snapshots to hand out."""

from outfall.store.append import append_rows
from outfall.store.aside import write_aside
from outfall.store.backend import create_store, open_store
from outfall.store.log import read_events
from outfall.store.replay import digest_tables, rebuild
from outfall.store.rows import find_rows, list_tables, read_rows
from outfall.store.seal import verify_chain
from outfall.store.snapshot import take_snapshot

__all__ = [
    "append_rows",
    "create_store",
    "digest_tables",
    "find_rows",
    "list_tables",
    "open_store",
    "read_events",
    "read_rows",
    "rebuild",
    "take_snapshot",
    "verify_chain",
    "write_aside",
]
