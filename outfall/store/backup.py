"""How a live store is copied whole while people write to it: by SQLite itself, never file by file."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.errors import StoreError
from outfall.store.backend import find_backend
from outfall.store.connection import named, spoken
from outfall.store.live import LiveFile, open_live
from outfall.store.seal import verify_chain

if TYPE_CHECKING:
    from outfall.store.backend import Store

__all__ = ["back_up"]


def back_up(path: Store, target: Path | str) -> Path:
    """Copy a store to a new file: whole, checked, at one moment, also while others write.

    Parameters
    ----------
    path : path or open store
        The live file.
    target : path
        Ends in ``.outfalldb`` and is not there yet; a backup is a store and is opened as one.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    StoreError
        The target is there already, the store is on a server, the disk is full, or the copy is not whole.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> folder = Path(tempfile.mkdtemp())
    >>> back_up(create_store(folder / "county.outfalldb"), folder / "monday.outfalldb").name
    'monday.outfalldb'
    """
    store, file = find_backend(path), named(target)
    if not isinstance(store, LiveFile):
        msg = f"{store.name}: a store on a server is backed up there, with pg_dump"
        raise StoreError(msg)
    if file.exists():
        msg = f"{file}: is there already; a backup never replaces a store. Choose a new name, such as one with the date"
        raise StoreError(msg)
    aside = file.with_name(f".{secrets.token_hex(6)}{file.suffix}")
    with spoken(file):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with open_live(store.file) as connection:
                connection.execute("VACUUM INTO ?", (str(aside),)).fetchall()
            verify_chain(aside)
            _flush(aside)
            os.link(aside, file)  # fails where somebody made the target meanwhile
            _flush(file.parent)
        except FileExistsError as error:
            msg = f"{file}: somebody made it meanwhile; choose a new name"
            raise StoreError(msg) from error
        finally:
            for end in ("", "-wal", "-shm", "-journal"):
                Path(f"{aside}{end}").unlink(missing_ok=True)
    return file


def _flush(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows has no handle of a folder to flush
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
