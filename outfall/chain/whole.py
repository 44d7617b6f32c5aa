"""How a folder of raw files becomes a traced outfall on a map: every step in order, timed, all or nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.chain.measure import peak_memory_mb
from outfall.chain.outputs import replace_together, summarise, write_summary
from outfall.chain.state import State
from outfall.chain.steps import STEPS
from outfall.errors import ProjectError
from outfall.project import Project

if TYPE_CHECKING:
    from outfall.chain.state import Progress
    from outfall.vocabulary import Lang

__all__ = ["choose_out", "run", "take_steps"]


def run(
    folder: Path | str, *, out: Path | str | None = None, lang: Lang = "zh", progress: Progress | None = None
) -> dict[str, object]:
    r"""Run the whole chain over a project folder and write what it found.

    Reads every input, joins the network, makes outfalls, traces them, and writes ``map.html``, ``inventory.xlsx``,
    ``briefs/``, ``trace.gpkg`` and ``summary.json``. They are written aside and moved into place together at the end: a
    run that fails leaves earlier outputs as they were. Nothing is ever written into the project folder.

    Parameters
    ----------
    folder : path
        Holds ``outfall.toml``.
    out : path, optional
        Where the outputs go; ``./<name of the folder>_out`` by default.
    lang : {"zh", "en"}, default "zh"
        Language of map, inventory and sheets.
    progress : callable, optional
        Is told what is done, how many steps are done, and how many there are.

    Returns
    -------
    dict
        What ``summary.json`` holds: counts per table, pieces and loops of the network with their ids, the ranked
        sources of every outfall, seconds and peak memory per step, version and settings.

    Raises
    ------
    OutfallError
        Some input cannot be used; every problem of every file is in one error.

    Examples
    --------
    >>> import geopandas as gpd, shapely, tempfile
    >>> home = Path(tempfile.mkdtemp()) / "county"
    >>> home.mkdir()
    >>> river = gpd.GeoDataFrame(geometry=[shapely.LineString([(114.30, 30.50), (114.34, 30.50)])], crs=4490)
    >>> river.to_file(home / "rivers.gpkg")
    >>> _ = (home / "walk.csv").write_text("编号,批次,经度,纬度\nE1,walk-1,114.31,30.5001\n", encoding="utf-8")
    >>> _ = (home / "outfall.toml").write_text(
    ...     '[[input]]\nrole = "rivers"\npath = "rivers.gpkg"\n[[input]]\nrole = "ground"\npath = "walk.csv"\n')
    >>> summary = run(home, out=home.parent / "out", lang="en")
    >>> summary["counts"]["outfalls"], sorted(path.name for path in (home.parent / "out").iterdir())
    (1, ['briefs', 'inventory.xlsx', 'map.html', 'summary.json', 'trace.gpkg'])
    """
    project = Project.open(folder)
    target = choose_out(project, out)
    started = time.perf_counter()
    with replace_together(target) as aside:
        state, steps = take_steps(State(project=project, lang=lang, out=aside, problems=[]), progress=progress)
        summary = {
            **summarise(state, state["tables"]),
            "steps": steps,
            "seconds": round(time.perf_counter() - started, 3),
        }
        summary["peak_memory_mb"] = peak_memory_mb()
        write_summary(summary, aside / "summary.json")
    return {**summary, "out": str(target)}


def take_steps(
    state: State, *, until: str | None = None, progress: Progress | None = None
) -> tuple[State, list[dict[str, object]]]:
    """Take the steps of the chain in order, leaving out those that lack what they need.

    Parameters
    ----------
    state : State
        What is known already; a step whose result is there is not taken again.
    until : str, optional
        Name of the last step; all of them by default.
    progress : callable, optional
        Is told what is done.

    Returns
    -------
    State
        All that is known then.
    list of dict
        Step, seconds and peak memory of each step taken.
    """
    known, steps = State(**state), []
    for at, step in enumerate(STEPS):
        if progress:
            progress(step.zh if known["lang"] == "zh" else step.en, at, len(STEPS))
        if all(name in known for name in step.needs) and not (step.gives and all(name in state for name in step.gives)):
            started = time.perf_counter()
            known = State(**{**known, **step.do(known)})
            steps.append(_measured(step.name, started))
        if step.name == until:
            break
    if progress:
        progress("", len(STEPS), len(STEPS))
    return known, steps


def choose_out(project: Project, out: Path | str | None) -> Path:
    """Return where the outputs go: never into the project folder, and never over it.

    Parameters
    ----------
    project : Project
        Its folder and its name.
    out : path, optional
        What the user wants.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    ProjectError
        The place wanted is the project folder, lies in it or holds it.
    """
    home = project.folder.resolve()
    name = f"{project.settings['name']}_out"
    target = (Path(out) if out is not None else Path.cwd() / name).resolve()
    if out is None and (target.is_relative_to(home)):
        target = home.parent / name
    if target.is_relative_to(home) or home.is_relative_to(target):
        msg = f"{target}: outputs never go into or over the project folder {home}; choose another place with --out"
        raise ProjectError(msg)
    return target


def _measured(name: str, started: float) -> dict[str, object]:
    return {"step": name, "seconds": round(time.perf_counter() - started, 3), "peak_memory_mb": peak_memory_mb()}
