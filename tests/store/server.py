"""A PostgreSQL server with PostGIS of our own: its own port, folder and password, killed and started at will."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "geheim-7f3a"  # made up for a server that lives as long as a test
_USERS = ("postgres", "nobody")
_SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "shared_buffers": "'32MB'",
    "max_connections": "40",
    "max_wal_size": "'256MB'",
    "log_min_messages": "'warning'",
    "log_statement": "'ddl'",
}


def find_programs() -> Path | None:
    """Return the folder with initdb and postgres of a version that has PostGIS; None where there is none."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name.split(".")[0]))
    for folder in [*found, *([Path(on_path).parent] if on_path else [])]:
        shared = (
            Path("/usr/share/postgresql", folder.parent.name),
            *folder.parent.glob("share"),
            *folder.parent.glob("share/postgresql*"),
        )
        if (folder / "initdb").exists() and any((at / "extension" / "postgis.control").exists() for at in shared):
            return folder
    return None


class Server:
    """One server; ``kill`` ends it and all its backends without warning, ``start`` recovers it."""

    def __init__(self, folder: Path) -> None:
        programs = find_programs()
        assert programs is not None
        self.programs, self.folder, self.data = programs, folder, folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.databases = 0
        self.process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:  # the server refuses to run as root
            for name in _USERS:
                if subprocess.run(["id", name], capture_output=True, check=False).returncode == 0:
                    self.user = name
                    break
            shutil.chown(folder, self.user)
            self.prefix = ["setpriv", "--reuid", self.user, "--regid", self._group(), "--clear-groups"]
        else:
            self.prefix = []
        self._make()

    def _group(self) -> str:
        return subprocess.run(["id", "-gn", self.user], capture_output=True, text=True, check=True).stdout.strip()

    def _make(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(PASSWORD, encoding="utf-8")
        secret.chmod(0o644)
        options = ["--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", "--username=keeper", "--no-sync"]
        auth = ["--auth-host=scram-sha-256", "--auth-local=trust", f"--pwfile={secret}"]
        self._run([str(self.programs / "initdb"), "-D", str(self.data), *options, *auth])
        lines = [f"{name} = {value}" for name, value in _SETTINGS.items()]
        lines += [f"port = {self.port}", f"unix_socket_directories = '{self.folder}'"]
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def _run(self, command: list[str]) -> None:
        done = subprocess.run([*self.prefix, *command], capture_output=True, text=True, cwd=self.folder, check=False)
        assert done.returncode == 0, done.stderr

    def start(self, wait_s: float = 60.0) -> float:
        """Start the server and return the seconds until it answers."""
        begun = time.monotonic()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, str(self.programs / "postgres"), "-D", str(self.data)],
                stdout=log, stderr=log, cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            assert self.process.poll() is None, self.log()[-2000:]
            assert time.monotonic() - begun < wait_s, self.log()[-2000:]
            time.sleep(0.02)
        return time.monotonic() - begun

    def stop(self) -> None:
        """Stop the server at once but cleanly."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def kill(self) -> None:
        """End the postmaster and all its backends with SIGKILL, and wait until none is left."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)
        until = time.monotonic() + 30
        while family := self.backends():
            assert time.monotonic() < until, "backends of a dead server are still there"
            for number in family:
                with _gone_is_fine():
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.002)

    def backends(self) -> list[int]:
        """Return the processes the server has started, also orphans: those that work in its folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and not (self.process and int(entry.name) == self.process.pid):
                with _gone_is_fine():
                    if (entry / "cwd").readlink() == self.data and b"postgres" in (entry / "cmdline").read_bytes():
                        found.append(int(entry.name))
        return found

    def url(self, database: str, *, user: str = "keeper", password: str = PASSWORD) -> str:
        """Return the address of a database, with the password in it."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def make_database(self) -> str:
        """Make a new database with PostGIS and return its address."""
        import psycopg

        self.databases += 1
        name = f"town{self.databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            template = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'with_postgis'").fetchone()
            if template is None:
                connection.execute("CREATE DATABASE with_postgis")
                with psycopg.connect(self.url("with_postgis"), autocommit=True) as inside:
                    inside.execute("CREATE EXTENSION postgis")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE with_postgis")
        return self.url(name)

    def log(self) -> str:
        """Return what the server has written to its log."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def _gone_is_fine():
    try:
        yield
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return


@contextmanager
def run_server():
    """Make, start and at last remove a server; its folder has a short name, as a socket needs."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    folder.chmod(0o755)
    try:
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
