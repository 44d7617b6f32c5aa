"""The same store in a schema of a PostGIS database."""

from outfall.store.postgis.store import PostgisStore

__all__ = ["PostgisStore"]
