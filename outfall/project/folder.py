"""One project: its settings, its inputs, and the tables saved in its store."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.errors import Problem, ProjectError
from outfall.project.problems import table_problems
from outfall.project.settings import DEFAULTS, FILE_NAME, parse_settings, to_relative
from outfall.project.writing import append_input, read_text, write_text
from outfall.store import append_rows, create_store, list_tables, read_rows, write_aside
from outfall.store.backend import is_url
from outfall.tables import contracts, empty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import pandas as pd

    from outfall.project.roles import Cell, Input

__all__ = ["Project"]


@dataclass(frozen=True, slots=True, repr=False)
class Project:
    """A folder of files described by an ``outfall.toml``, and the store its tables are saved in.

    It opens, saves, lists and checks, and knows nothing about rivers. The folder may be read-only: what is saved goes
    to ``out``, which is the folder itself unless another one is given.

    Parameters
    ----------
    folder : Path
        Where ``outfall.toml`` and the inputs lie.
    out : Path
        Where the store and the outputs lie.
    settings : mapping of str to str
        ``name``, ``crs`` (metric CRS of the network or ``auto``), ``points_crs``, ``tz``.
    inputs : tuple of Input
        In the order of ``outfall.toml``.
    address : str, default ""
        ``postgresql://…`` of the store, where it is not a file in ``out``. It is never written into ``outfall.toml``, for
        it may hold a password.

    Examples
    --------
    >>> import tempfile
    >>> project = Project.create(Path(tempfile.mkdtemp()) / "county")
    >>> project.settings["points_crs"], project.tables()
    ('EPSG:4490', {})
    """

    folder: Path
    out: Path
    settings: Mapping[str, str]
    inputs: tuple[Input, ...] = ()
    address: str = ""

    @classmethod
    def open(cls, folder: Path | str, *, out: Path | str | None = None, address: str = "") -> Project:
        """Return the project of a folder; nothing is written.

        Parameters
        ----------
        folder : path
            Has an ``outfall.toml``.
        out : path, optional
            Where the store and the outputs go; the folder itself by default.
        address : str, default ""
            ``postgresql://…`` of a store that teams share; by default the store is a file in ``out``.

        Returns
        -------
        Project
            With every input checked to be there.

        Raises
        ------
        ProjectError
            There is no ``outfall.toml``, or it says something impossible: all problems at once. Or the address is none.
        """
        if address and not is_url(address):
            msg = f"{address!r} is not the address of a store; write postgresql://USER@SERVER/DATABASE"
            raise ProjectError(msg)
        home = Path(folder)
        home = home.parent if home.name == FILE_NAME else home
        text = read_text(home)
        settings, inputs = parse_settings(text, home)
        return cls(home, home if out is None else Path(out), settings, inputs, address)

    @classmethod
    def create(
        cls,
        folder: Path | str,
        *,
        name: str | None = None,
        crs: str = DEFAULTS["crs"],
        points_crs: str = DEFAULTS["points_crs"],
        tz: str = DEFAULTS["tz"],
        text: str | None = None,
    ) -> Project:
        """Write an ``outfall.toml`` into a folder and return its project.

        Parameters
        ----------
        folder : path
            Is made where it is missing.
        name : str, optional
            Name of the project and of its files; that of the folder by default.
        crs : str, default "auto"
            Metric CRS of the network.
        points_crs : str, default "EPSG:4490"
            CRS of lon/lat columns that do not say theirs; ``gcj02`` and ``bd09`` are understood.
        tz : str, default "Asia/Shanghai"
            Zone of times that do not say theirs.
        text : str, optional
            The whole file, such as ``describe_folder`` returns it; the other options are then not used.

        Returns
        -------
        Project
            The new project.

        Raises
        ------
        ProjectError
            There is an ``outfall.toml`` already, or the new one would say something impossible. Nothing is written.
        """
        home = Path(folder)
        if (home / FILE_NAME).exists():
            msg = f"{home / FILE_NAME}: the folder is a project already; edit the file, or remove it to begin anew"
            raise ProjectError(msg)
        if text is None:
            given = {"name": name or home.resolve().name, "crs": crs, "points_crs": points_crs, "tz": tz}
            text = write_text(given, [])
        settings, inputs = parse_settings(text, home)
        _write(home, text)
        return cls(home, home, settings, inputs)

    def add(
        self,
        role: str,
        path: Path | str,
        *,
        layer: str | None = None,
        crs: str | None = None,
        tz: str | None = None,
        rename: Mapping[str, str] | None = None,
        constants: Mapping[str, Cell] | None = None,
        options: Mapping[str, Cell | list[str]] | None = None,
    ) -> Project:
        """Write one more input into ``outfall.toml``, comments kept, and return the project that has it.

        Parameters
        ----------
        role : str
            What the file is: rivers, pipes, drone, boat, crawler, ground, sources, samples, results, readings, links
            or scene.
        path : path
            Relative to the folder, or absolute. A file outside the folder is noted as such.
        layer, crs, tz : str, optional
            As the reader takes them.
        rename : mapping of str to str, optional
            Heading in the file to column.
        constants : mapping, optional
            Values of columns the file lacks.
        options : mapping, optional
            Options of the reader alone.

        Returns
        -------
        Project
            With the input at the end.

        Raises
        ------
        ProjectError
            The input is impossible; the file stays as it was.
        """
        entry: dict[str, object] = {"role": role, "path": to_relative(path, self.folder)}
        if not (self.folder / str(entry["path"])).resolve().is_relative_to(self.folder.resolve()):
            entry["is_outside"] = True
        given = {"layer": layer, "crs": crs, "tz": tz, "rename": rename, "constants": constants, "options": options}
        entry |= {key: value for key, value in given.items() if value}
        text = append_input(read_text(self.folder), entry)
        settings, inputs = parse_settings(text, self.folder)
        _write(self.folder, text)
        return Project(self.folder, self.out, settings, inputs, self.address)

    @property
    def store(self) -> Path | str:
        """Address of the store, or path of the live file: ``<name>.outfalldb`` in ``out``, made by the first save."""
        return self.address or self.out / f"{self.settings['name']}.outfalldb"

    def save(
        self, table: str, frame: pd.DataFrame, *, actor: str = "outfall", reason: str = "", replace: bool = False
    ) -> int:
        """Save the rows that are new or changed and return how many events that took.

        Parameters
        ----------
        table : str
            Name of the contract.
        frame : DataFrame or GeoDataFrame, n rows
            Rows that meet the contract. Not changed.
        actor : str, default "outfall"
            Who or what saves.
        reason : str, default ""
            Why.
        replace : bool, default False
            Whether the frame is the whole table, so that rows it lacks are deleted.

        Returns
        -------
        int
            Events written; 0 where nothing is new.

        Raises
        ------
        StoreError
            The store refuses.
        TableError
            The rows do not meet the contract.
        """
        create_store(self.store)
        return append_rows(self.store, table, frame, actor=actor, reason=reason, replace=replace)

    def load(self, table: str, *, as_of: datetime | int | None = None) -> pd.DataFrame:
        """Return a saved table, now or as of a moment; empty where nothing was saved.

        Parameters
        ----------
        table : str
            Name of the contract.
        as_of : datetime with zone, or int, optional
            A time, or the seq of an event.

        Returns
        -------
        DataFrame or GeoDataFrame, n rows
            In the CRS it was saved in.

        Raises
        ------
        StoreError
            There is no such table, or the store is damaged.
        """
        if not self._has_store() and table in contracts():
            return empty(table)
        return read_rows(self.store, table, as_of=as_of)

    def tables(self) -> dict[str, int]:
        """Return the saved tables, with how many rows each has."""
        return list_tables(self.store) if self._has_store() else {}

    def problems(self) -> list[Problem]:
        """Return everything that is wrong: the settings, the log, each saved table, ids that lead nowhere, what waits.

        What waits for a person are rows in quarantine, and conflicts between what two teams wrote.

        Returns
        -------
        list of Problem
            Empty for a sound project.
        """
        try:
            parse_settings(read_text(self.folder), self.folder)
            found: list[Problem] = []
        except ProjectError as error:
            found = list(error.problems) or [Problem(FILE_NAME, error.message)]
        return found + (table_problems(self.store) if self._has_store() else [])

    def _has_store(self) -> bool:
        return bool(self.address) or Path(self.store).exists()

    def __repr__(self) -> str:
        """Return the project in one line."""
        return f"Project {self.settings['name']!r}: {len(self.inputs)} inputs in {self.folder}, results in {self.out}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(item.role)}</td><td>{html.escape(to_relative(item.path, self.folder))}</td></tr>"
            for item in self.inputs
        )
        return f"<table><caption>{html.escape(repr(self))}</caption><tr><th>role</th><th>file</th></tr>{rows}</table>"


def _write(folder: Path, text: str) -> None:
    write_aside(folder / FILE_NAME, lambda aside: aside.write_text(text, encoding="utf-8", newline="\n"))
