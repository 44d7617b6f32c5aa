"""What the files of a project hold, read by their roles; one bad file does not hide the next one."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from outfall.chain.state import State
from outfall.coordinates import find_shift, read_table, to_points
from outfall.errors import OutfallError, Problem
from outfall.tables import attach_issues, contract, empty, issue, list_issues, read_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from outfall.chain.state import Progress
    from outfall.project import Input, Project

__all__ = ["PLATFORMS", "read_inputs", "read_lines", "read_with", "without_doubts"]

PLATFORMS = ("drone", "boat", "crawler", "ground")
_NETWORK_OPTIONS = ("tolerance_m", "join_m")
_TABLES: Mapping[str, str] = MappingProxyType(
    {"drone": "sightings", "boat": "sightings", "crawler": "sightings", "ground": "sightings"}
    | {name: name for name in ("sources", "samples", "results", "readings", "links")}
)


def read_lines(project: Project) -> State:
    """Return the network of a project's rivers and pipes, or the problems with them."""
    from outfall.network import read_network

    problems: list[Problem] = []
    lines: dict[str, list[gpd.GeoDataFrame]] = {"rivers": [], "pipes": []}
    options: dict[str, Any] = {}
    for item in project.inputs:
        if item.role in lines:
            try:
                lines[item.role].append(_read_lines(item))
            except (OutfallError, OSError) as error:
                problems.append(_problem(item, error))
            options |= {name: value for name, value in item.options.items() if name in _NETWORK_OPTIONS}
    if problems:
        return State(problems=problems)
    if not any(lines.values()):
        fix = "add one: outfall add rivers FILE"
        return State(problems=[Problem("outfall.toml", "no input has the role rivers or pipes", fix)])
    try:
        network = read_network(lines["rivers"] or None, pipes=lines["pipes"] or None, crs=_metric(project), **options)
    except (OutfallError, OSError) as error:
        return State(problems=[Problem("rivers, pipes", _indented(error))])
    return State(network=network)


def read_inputs(project: Project, *, lines: gpd.GeoDataFrame | None = None, progress: Progress | None = None) -> State:
    """Return every table the files of a project hold, and every problem with any of them.

    Parameters
    ----------
    project : Project
        Its inputs are read; nothing in its folder is written.
    lines : GeoDataFrame, optional
        Reaches; sightings that lie off them as GCJ-02 or swapped points do are a problem.
    progress : callable, optional
        Is told each file.

    Returns
    -------
    State
        ``sightings``, ``sources`` and the others that have a file, ``issues``, and ``problems``, empty if all is well.
    """
    frames: dict[str, list[pd.DataFrame]] = {}
    problems: list[Problem] = []
    state = State(inputs=[])
    items = [item for item in project.inputs if item.role in _TABLES]
    for at, item in enumerate(items):
        if progress:
            progress(f"{item.role}: {item.path.name}", at, len(items))
        try:
            read = {table: read_with(reader, item, project.folder) for table, reader in _readers(item.role).items()}
        except (OutfallError, OSError) as error:
            problems.append(_problem(item, error))
            continue
        if lines is not None and "sightings" in read:
            read["sightings"], found = _check_shift(read["sightings"], lines, item, project.settings["points_crs"])
            problems += found
        for table, frame in read.items():
            frames.setdefault(table, []).append(frame)
        state["inputs"].append({"role": item.role, "path": item.path.name, "rows": len(read[_TABLES[item.role]])})
    for item in project.inputs:
        if item.role == "scene":
            if not item.path.is_dir():
                state["scene"] = item.path  # a product in a folder has no one picture to lie under the map
            state["scenes"] = [*state.get("scenes", []), item]
            problems += [] if item.path.exists() else [Problem(str(item.path), "no such file", "correct outfall.toml")]
    problems += _repeated(frames)
    state["problems"] = problems
    if not problems:
        state["issues"] = list_issues(*(frame for found in frames.values() for frame in found))
        tables = {name: without_doubts(_together(found, name)) for name, found in frames.items()}
        state.update(tables)  # type: ignore[typeddict-item]
    return state


def without_doubts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame without the doubts it carries, once they are listed: pandas copies them at every step."""
    out = frame.copy(deep=False)
    out.attrs = {}
    return out


def _read_lines(item: Input) -> gpd.GeoDataFrame:
    frame = read_frame(item.path, table="reaches", layer=item.layer)
    if not isinstance(frame, gpd.GeoDataFrame):
        msg = f"{item.path.name}: holds no lines; give a GeoPackage, Shapefile or GeoJSON of rivers or pipes"
        raise OutfallError(msg)
    frame = frame.rename(columns=dict(item.rename))
    return to_points(frame, crs=item.crs, where=item.path.name) if item.crs is not None or frame.crs is None else frame


def _metric(project: Project) -> str | None:
    return None if project.settings["crs"] == "auto" else project.settings["crs"]


def read_with(reader: Callable[..., pd.DataFrame], item: Input, folder: Path) -> pd.DataFrame:
    """Call a reader with those of the input's settings that it takes."""
    taken = inspect.signature(reader).parameters
    common = {
        "crs": item.crs,
        "tz": item.tz,
        "rename": item.rename or None,
        "constants": item.constants or None,
        "layer": item.layer,
    }
    given = {name: value for name, value in common.items() if name in taken and value is not None}
    options = {name: _inside(folder, value) if name == "finds" else value for name, value in item.options.items()}
    return reader(item.path, **{**given, **options})


def _inside(folder: Path, value: object) -> object:
    """Return files named in outfall.toml as paths; they are relative to the project's folder."""
    return [folder / str(part) for part in value] if isinstance(value, list) else folder / str(value)


def _readers(role: str) -> dict[str, Callable[..., pd.DataFrame]]:
    """Return the verbs that read a role, by the table each fills; they are imported when a project has such a file."""
    from importlib import import_module

    return {table: getattr(import_module(home), name) for table, home, name in _READERS[role]}


_READERS: Mapping[str, tuple[tuple[str, str, str], ...]] = MappingProxyType(
    {
        "drone": (("sightings", "outfall.survey", "read_drone"), ("photos", "outfall.camera", "read_photos")),
        "boat": (("sightings", "outfall.survey", "read_boat"),),
        "crawler": (("sightings", "outfall.survey", "read_crawler"), ("links", "outfall.survey", "read_crawler_links")),
        "ground": (("sightings", "outfall.survey", "read_ground"),),
        "sources": (("sources", "outfall.sources", "read_sources"),),
        "samples": (("samples", "outfall.water", "read_samples"),),
        "results": (("results", "outfall.water", "read_results"),),
        "readings": (("readings", "outfall.water", "read_readings"),),
        "links": (("links", "outfall.chain.inputs", "_read_links"),),
    }
)


def _read_links(
    path: Path,
    *,
    crs: object = None,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> pd.DataFrame:
    return read_table(path, "links", crs=crs, tz=tz, rename=rename, constants=constants, layer=layer)


def _check_shift(
    frame: pd.DataFrame, lines: gpd.GeoDataFrame, item: Input, default_crs: str
) -> tuple[pd.DataFrame, list[Problem]]:
    """Refuse points that are plainly not what the settings say; where the input itself says its CRS, only remark it."""
    if not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
        return frame, []
    shift = find_shift(frame, lines)
    if shift is None:
        return frame, []
    if item.crs == default_crs or shift.kind == "swapped":
        fix = (
            f'write crs = "{shift.kind}" under this input in outfall.toml, or crs = "EPSG:4326" if the points are right'
        )
        return frame, [
            Problem(item.path.name, str(shift), "exchange the two columns" if shift.kind == "swapped" else fix)
        ]
    remark = issue(
        "coordinate_shift",
        item.path.name,
        str(shift),
        reason_zh=f"点位整体偏离水系：中位距离 {shift.before_m:,.0f} m，按 {shift.kind} 改正后 {shift.after_m:,.0f} m",
        decision=f"kept as {item.crs}, as outfall.toml says",
        distance_m=shift.before_m,
    )
    return attach_issues(frame, [remark]), []


def _repeated(frames: Mapping[str, Sequence[pd.DataFrame]]) -> list[Problem]:
    """Return ids that stand in two files of one table; within one file its reader says so."""
    problems = []
    for name, found in frames.items():
        if name == "photos":  # its key is the content: one photo in two folders is one photo
            continue
        key = contract(name).key
        ids = pd.concat([frame[[key, "source_ref"]] for frame in found], ignore_index=True)
        twice = ids[ids[key].duplicated(keep=False)]
        if len(found) > 1 and len(twice):
            shown = ", ".join(repr(text) for text in dict.fromkeys(twice[key].astype(str)))
            fix = "give every row its own id, or list the file once"
            problems.append(
                Problem(f"{name}.{key}", f"{shown} stands in more than one file", fix, tuple(twice["source_ref"]))
            )
    return problems


def _together(frames: Sequence[pd.DataFrame], name: str) -> pd.DataFrame:
    """Return the rows of several files as one table; geographic ones in CGCS2000."""
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    if contract(name).geometry == "none":
        return pd.concat(filled, ignore_index=True) if filled else empty(name)
    alike = [
        frame.to_crs(4490) if isinstance(frame, gpd.GeoDataFrame) and frame.crs is not None else frame
        for frame in filled
    ]
    joined = alike[0] if len(alike) == 1 else pd.concat(alike, ignore_index=True)
    joined = joined.drop_duplicates(contract(name).key) if name == "photos" else joined
    out = joined if isinstance(joined, gpd.GeoDataFrame) else gpd.GeoDataFrame(joined)
    return out if out.crs is not None else out.set_crs(4490)


def _problem(item: Input, error: OutfallError | OSError) -> Problem:
    return Problem(f"{item.role} {item.path.name}", _indented(error))


def _indented(error: OutfallError | OSError) -> str:
    text = str(error) if isinstance(error, OutfallError) else f"cannot be opened ({error.strerror or error})"
    return text.replace("\n", "\n    ")
