"""What outfall.toml says, and everything that is wrong with it at once."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path, PureWindowsPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from outfall.errors import Problem, ProjectError
from outfall.project.checks import (
    SHIFTED,
    crs_problems,
    find_existing,
    list_neighbours,
    name_problem,
    near_miss,
    zone_problems,
)
from outfall.project.roles import COMMON_KEYS, Cell, Input, Role, is_column_of, role_columns, roles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DEFAULTS", "FILE_NAME", "parse_settings", "to_relative"]

FILE_NAME = "outfall.toml"
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {"name": "", "crs": "auto", "points_crs": "EPSG:4490", "tz": "Asia/Shanghai"}
)


def parse_settings(text: str, folder: Path) -> tuple[Mapping[str, str], tuple[Input, ...]]:
    r"""Return the settings and the inputs that a text says, with defaults filled in, or raise with every problem.

    Parameters
    ----------
    text : str
        Content of ``outfall.toml``.
    folder : Path
        Folder that relative paths start from.

    Returns
    -------
    mapping of str to str, tuple of Input
        ``name``, ``crs``, ``points_crs``, ``tz``; the inputs in the order of the file.

    Raises
    ------
    ProjectError
        Lists everything that is wrong.

    Examples
    --------
    >>> settings, inputs = parse_settings('project.name = "county"', Path())
    >>> settings["name"], settings["tz"], inputs
    ('county', 'Asia/Shanghai', ())
    """
    document = _load(text, folder / FILE_NAME)
    problems: list[Problem] = []
    _refuse_unknown(document, ("project", "input"), FILE_NAME, problems)
    given, entries = document.get("project", {}), document.get("input", [])
    settings = dict(DEFAULTS)
    if isinstance(given, dict):
        settings = _project(given, folder, problems)
    else:
        problems.append(Problem("project", f"{given!r} is not a table", "write [project] on a line of its own"))
    inputs = []
    if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
        inputs = [_input(entry, number, folder, settings, problems) for number, entry in enumerate(entries, start=1)]
        _refuse_twice(inputs, problems)
    else:
        problems.append(Problem("input", "inputs are a list of tables", "write [[input]] with two brackets above each"))
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        msg = f"{folder / FILE_NAME}: {count}"
        raise ProjectError(msg, problems, fix="Correct the file and run again.")
    return MappingProxyType(settings), tuple(item for item in inputs if item is not None)


def to_relative(path: Path | str, folder: Path) -> str:
    """Return a path as outfall.toml writes it: relative to the folder with / where it lies inside, absolute elsewhere.

    Examples
    --------
    >>> to_relative("flight/a", Path("county")), to_relative(Path.cwd() / "county" / "a b.csv", Path("county"))
    ('flight/a', 'a b.csv')
    """
    given = Path(path)
    if not given.is_absolute():
        return given.as_posix()
    home = folder.resolve()
    return given.resolve().relative_to(home).as_posix() if given.resolve().is_relative_to(home) else given.as_posix()


def _load(text: str, file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        hint = (
            "write Windows paths with / or between single quotes: 'flight\\0412'"
            if "\\" in text
            else "see the lines above it for a missing quote or bracket"
        )
        msg = f"{file}: not readable as TOML ({error}); {hint}"
        raise ProjectError(msg) from error


def _project(given: dict[str, object], folder: Path, problems: list[Problem]) -> dict[str, str]:
    _refuse_unknown(given, DEFAULTS, "[project]", problems)
    settings = {**DEFAULTS, "name": folder.resolve().name or "project"}
    for key in [key for key in DEFAULTS if key in given]:
        settings[key] = _text(given[key], f"[project] {key}", problems) or settings[key]
    wrong = name_problem(settings["name"])
    if wrong and "name" in given:
        fix = "it becomes a file name; use letters, digits, - and _"
        problems.append(Problem("[project] name", f"{settings['name']!r} {wrong}", fix))
    elif wrong:
        settings["name"] = "project"
    problems += crs_problems(settings["crs"], "[project] crs", words=("auto",), is_metric=True)
    problems += crs_problems(settings["points_crs"], "[project] points_crs", words=SHIFTED)
    problems += zone_problems(settings["tz"], "[project] tz")
    return settings


def _input(
    entry: dict[str, object], number: int, folder: Path, settings: Mapping[str, str], problems: list[Problem]
) -> Input | None:
    where = f"input {number}"
    role = roles().get(str(entry.get("role", "")))
    if role is None:
        what = f"{entry['role']!r} is not a role" if "role" in entry else "no role"
        problems.append(Problem(f"{where} role", what, near_miss(str(entry.get("role", "")), roles(), "the roles are")))
    else:
        where = f"{where} ({role.name})"
    _refuse_unknown(entry, ("role", "path", "is_outside", *COMMON_KEYS), where, problems)
    path = _path(entry, folder, where, role, problems)
    if role is None:
        return None
    takes = f"it takes {', '.join(role.takes) or 'none of these'}"
    refused = [key for key in COMMON_KEYS[:-1] if key in entry and key not in role.takes]
    problems += [Problem(f"{where} {key}", f"{role.name} does not take it", takes) for key in refused]
    texts = {key: _text(entry.get(key), f"{where} {key}", problems) for key in ("layer", "crs", "tz")}
    if texts["crs"] is not None:
        problems += crs_problems(texts["crs"], f"{where} crs", words=SHIFTED)
    if texts["tz"] is not None:
        problems += zone_problems(texts["tz"], f"{where} tz")
    is_located = "crs" in role.takes and role.table != "reaches"
    return Input(
        role=role.name,
        path=path,
        layer=texts["layer"],
        crs=texts["crs"] or (settings["points_crs"] if is_located else None),
        tz=texts["tz"] or (settings["tz"] if "tz" in role.takes else None),
        rename=_rename(entry.get("rename", {}), role, where, problems),
        constants=_constants(entry.get("constants", {}), role, where, problems),
        options=_options(entry.get("options", {}), role, where, folder, problems),
    )


def _path(entry: dict[str, object], folder: Path, where: str, role: Role | None, problems: list[Problem]) -> Path:
    where = f"{where} path"
    text = _text(entry.get("path"), where, problems)
    if text is None:
        if "path" not in entry:
            problems.append(Problem(where, "missing", "say which file or folder, relative to this folder"))
        return folder
    windows = PureWindowsPath(text)
    parts = windows.parts if "\\" in text and not windows.drive else (text,)
    path = folder.joinpath(*parts)
    is_inside = not windows.drive and path.resolve().is_relative_to(folder.resolve())
    if not is_inside and entry.get("is_outside") is not True:
        fix = "move it into the folder, or write is_outside = true for this input if no other computer needs it"
        problems.append(Problem(where, f"{text!r} lies outside the project folder", fix))
        return path
    found = find_existing(path)
    if found is None:
        names = [item.relative_to(folder).as_posix() for item in list_neighbours(folder)]
        problems.append(
            Problem(where, f"no file or folder {text!r}", near_miss(text.replace("\\", "/"), names, "the folder holds"))
        )
        return path
    if role is not None and role.place != "either" and found.is_dir() != (role.place == "folder"):
        problems.append(
            Problem(
                where, f"{text!r} is a {'folder' if found.is_dir() else 'file'}", f"{role.name} needs a {role.place}"
            )
        )
    return found.resolve()


def _rename(given: object, role: Role, where: str, problems: list[Problem]) -> Mapping[str, str]:
    table = _table(given, f"{where} rename", problems)
    for heading, name in table.items():
        if not isinstance(name, str) or not is_column_of(role, name):
            fix = near_miss(str(name), role_columns(role), f"the columns of {role.table} are")
            problems.append(Problem(f"{where} rename", f"{heading!r} = {name!r} is not a column", fix))
    return MappingProxyType({heading: str(name) for heading, name in table.items()})


def _constants(given: object, role: Role, where: str, problems: list[Problem]) -> Mapping[str, Cell]:
    constants: dict[str, Cell] = {}
    for name, value in _table(given, f"{where} constants", problems).items():
        if not is_column_of(role, name):
            fix = near_miss(name, role_columns(role), f"the columns of {role.table} are")
            problems.append(Problem(f"{where} constants", f"{name!r} is not a column", fix))
        elif isinstance(value, (str, int, float, bool)):
            constants[name] = value
        elif isinstance(value, (dt.date, dt.time)):
            constants[name] = value.isoformat()
        else:
            problems.append(
                Problem(
                    f"{where} constants",
                    f"{name} = {value!r} is not one value",
                    "write text, a number, true or false, or a time",
                )
            )
    return MappingProxyType(constants)


def _options(
    given: object, role: Role, where: str, folder: Path, problems: list[Problem]
) -> Mapping[str, Cell | list[str]]:
    where = f"{where} options"
    options: dict[str, Cell | list[str]] = {}
    for name, value in _table(given, where, problems).items():
        if name not in role.options:
            fix = near_miss(name, role.options, f"the options of {role.name} are")
            problems.append(Problem(where, f"{name!r} is not an option", fix))
        elif isinstance(value, (str, int, float, bool)):
            options[name] = value
        elif isinstance(value, list) and all(isinstance(part, str) for part in value):
            options[name] = [str(part) for part in value]
        else:
            fix = "write text, a number, or true or false"
            problems.append(Problem(where, f"{name} = {value!r} is no setting", fix))
    finds = options.get("finds", [])
    for part in finds if isinstance(finds, list) else [str(finds)]:
        _path({"path": part}, folder, f"{where} finds", None, problems)
    return MappingProxyType(options)


def _table(given: object, where: str, problems: list[Problem]) -> dict[str, object]:
    if isinstance(given, dict):
        return given
    problems.append(Problem(where, f"{given!r} is not a table", 'write { "heading in the file" = "column" }'))
    return {}


def _text(given: object, where: str, problems: list[Problem]) -> str | None:
    if given is None or (isinstance(given, str) and given.strip()):
        return given
    if isinstance(given, int) and not isinstance(given, bool) and where.endswith("crs"):
        return f"EPSG:{given}"
    problems.append(
        Problem(where, f"{given!r} is not a text" if given != "" else "is empty", "write it between quotes")
    )
    return None


def _refuse_unknown(given: Iterable[str], known: Iterable[str], where: str, problems: list[Problem]) -> None:
    names = list(known)
    unknown = [key for key in given if key not in names]
    problems += [Problem(where, f"unknown key {key!r}", near_miss(key, names, "it knows")) for key in unknown]


def _refuse_twice(inputs: list[Input | None], problems: list[Problem]) -> None:
    seen: dict[tuple[str, Path, str | None], int] = {}
    for number, item in enumerate(inputs, start=1):
        first = seen.setdefault((item.role, item.path, item.layer), number) if item is not None else number
        if item is not None and first != number:
            problems.append(
                Problem(f"input {number} ({item.role})", f"the same file as input {first}", "remove one of the two")
            )
