"""Where rows live: an append-only event log in one file, tables as projections of it, snapshots to hand out."""

from outfall.store.append import append_rows
from outfall.store.aside import write_aside
from outfall.store.backend import create_store, open_store
from outfall.store.backup import back_up
from outfall.store.check import check_store
from outfall.store.conflicts import list_conflicts, resolve_conflict
from outfall.store.edits import append_edits
from outfall.store.imports import import_file, list_imports
from outfall.store.log import read_events
from outfall.store.photos import add_photos, find_photo, list_pending_photos, verify_photos
from outfall.store.quarantine import list_quarantine, release_quarantine
from outfall.store.receipts import acknowledge, list_unacknowledged
from outfall.store.replay import digest_tables, rebuild
from outfall.store.rows import find_rows, list_tables, read_rows
from outfall.store.seal import verify_chain
from outfall.store.snapshot import take_snapshot
from outfall.store.sync import export_events, merge_events
from outfall.store.undo import undo

__all__ = [
    "acknowledge",
    "add_photos",
    "append_edits",
    "append_rows",
    "back_up",
    "check_store",
    "create_store",
    "digest_tables",
    "export_events",
    "find_photo",
    "find_rows",
    "import_file",
    "list_conflicts",
    "list_imports",
    "list_pending_photos",
    "list_quarantine",
    "list_tables",
    "list_unacknowledged",
    "merge_events",
    "open_store",
    "read_events",
    "read_rows",
    "rebuild",
    "release_quarantine",
    "resolve_conflict",
    "take_snapshot",
    "undo",
    "verify_chain",
    "verify_photos",
    "write_aside",
]
