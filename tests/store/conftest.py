"""Fixtures of the store's tests: a PostgreSQL server with PostGIS, and a database in it for each test."""

from __future__ import annotations

import importlib.util

import pytest

from outfall.store import create_store
from tests.conftest import _missing
from tests.store.server import find_programs, run_server


@pytest.fixture(scope="session")
def postgis_server():
    """Return a running server of our own; skip where PostgreSQL with PostGIS or psycopg is not installed."""
    if find_programs() is None:
        _missing("postgis", "no PostgreSQL with PostGIS is installed; run: apt-get install postgresql-15-postgis-3")
    if importlib.util.find_spec("psycopg") is None:
        _missing("postgis", "psycopg is not installed; run: python -m pip install 'outfall[postgis]'")
    with run_server() as server:
        yield server


@pytest.fixture
def postgis_url(postgis_server):
    """Return the address of a new, empty database with PostGIS."""
    return postgis_server.make_database()


@pytest.fixture
def url(postgis_url):
    """Return the address of a new, empty store on PostGIS."""
    create_store(postgis_url)
    return postgis_url


@pytest.fixture
def run_sql(url):
    """Return a way to do what somebody with a database client does, past the store."""
    import psycopg

    def run(*statements, user_url=url):
        with psycopg.connect(user_url, autocommit=True) as connection:
            connection.execute("SET search_path TO outfall, public")
            for statement in statements:
                connection.execute(statement)

    return run
