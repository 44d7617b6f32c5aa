"""What each command does: the steps of the chain over a project, with what they make saved in its store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outfall.chain import State, read_inputs, read_lines, take_steps
from outfall.cli.screen import progress_bar, say, show_counts
from outfall.errors import Problem, ProjectError
from outfall.project import Project

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.vocabulary import Lang

__all__ = [
    "add_input",
    "check_project",
    "init_folder",
    "load_register",
    "register_outfalls",
    "save_inventory",
    "save_map",
    "trace_outfalls",
    "write_demo",
]

_DECIDED = (
    "code_national", "code_local", "name", "responsible_party", "remediation_type", "remediation_stage", "county_code", "address", "note",
)  # fmt: skip
_FIRST_STATUS = "suspected"


def init_folder(folder: Path, name: str | None) -> None:
    """Write outfall.toml from what lies in the folder and print what was assumed."""
    from outfall.project import describe_folder

    if not folder.exists():
        Project.create(folder, name=name)
        say(f"{folder / 'outfall.toml'}: written; add files with: outfall add ROLE PATH -C {folder}")
        return
    text, assumed = describe_folder(folder)
    project = Project.create(folder, text=text if name is None else _named(text, name))
    say(f"{folder / 'outfall.toml'}: {len(project.inputs)} inputs")
    for item in project.inputs:
        say(f"  {item.role:<9} {item.path.name}")
    for line in assumed:
        say(f"  ? {line}")


def add_input(
    role: str,
    path: Path,
    *,
    pipes: Path | None = None,
    crs: str | None = None,
    layer: str | None = None,
    tz: str | None = None,
    folder: Path = Path(),
) -> None:
    """Write one more input into outfall.toml; ``network`` means rivers, with pipes beside them."""
    if pipes is not None and role not in ("network", "rivers"):
        msg = "--pipes goes with the role network: outfall add network RIVERS --pipes PIPES"
        raise click.UsageError(msg)
    project = Project.open(folder)
    pairs = [("rivers" if role == "network" else role, path)] + ([("pipes", pipes)] if pipes is not None else [])
    for name, file in pairs:
        project = project.add(name, file.resolve(), crs=crs, layer=layer, tz=tz)
        say(f"{name}: {file}")


def register_outfalls(folder: Path, lang: Lang) -> None:
    """Make outfalls of the project's sightings and save both."""
    state = _register(Project.open(folder), lang)
    doubtful = state["issues"][state["issues"]["kind"] == "doubtful_pair"]
    show_counts(len(state["sightings"]), len(state["outfalls"]), len(doubtful), lang=lang)
    for reason in doubtful["reason_zh" if lang == "zh" else "reason"]:
        say(f"  ? {reason}")


def trace_outfalls(folder: Path, lang: Lang) -> None:
    """Trace the project's outfalls, registering them first where nobody has, and save candidates and evidence."""
    project = Project.open(folder)
    state = _take(_saved(project, lang), until="trace")
    if "found" not in state:
        msg = f"{project.settings['name']}: no sources; add a list of them: outfall add sources FILE"
        raise ProjectError(msg)
    found = state["found"]
    for table, frame in (("sources", found.sources), ("candidates", found.candidates), ("evidence", found.evidence)):
        project.save(table, frame, actor="outfall trace", replace=True)
    best = found.best()
    nobody = int((best["source_id"] == "unregistered").sum())
    zh = f"已溯源 {len(best)} 个排污口，其中 {nobody} 个首位为未登记污染源"
    say(
        zh
        if lang == "zh"
        else f"{len(best)} outfalls traced, {nobody} of them most likely to a source nobody registered"
    )


def save_map(folder: Path, output: Path, lang: Lang) -> None:
    """Draw what the project knows."""
    state = _take(_saved(Project.open(folder), lang, with_trace=True), until="map")
    state["page"].save(output, lang=lang)
    say(str(output))


def save_inventory(folder: Path, output: Path, lang: Lang) -> None:
    """Write the official table of what the project knows."""
    from outfall.chain.steps import make_inventory
    from outfall.reports import write_inventory

    state = _take(_saved(Project.open(folder), lang, with_trace=True), until="trace")
    table = make_inventory(state)["inventory"]
    write_inventory(table, output)
    say(f"{output}: {len(table)}")


def load_register(folder: Path, lang: Lang) -> State:
    """Return the project's outfalls as saved, registered first where nobody has, with what lies around them."""
    project = Project.open(folder)
    state = _saved(project, lang)
    saved: dict[str, Any] = {name: project.load(name) for name in ("sightings", "sources") if name in project.tables()}
    lines = read_lines(project)
    known: dict[str, Any] = {"outfalls": project.load("outfalls"), "network": lines.get("network"), **saved}
    return State(**{**state, **{name: value for name, value in known.items() if value is not None}})  # type: ignore[typeddict-item]


def check_project(folder: Path) -> int:
    """Print every problem of every file and table, and return 1 if there is any."""
    project = Project.open(folder)
    lines = read_lines(project)
    network = lines.get("network")
    read = read_inputs(project, lines=network.reaches if network is not None else None)
    problems = [*lines.get("problems", []), *read["problems"], *project.problems()]
    issues = [
        frame for frame in (network.issues if network is not None else None, read.get("issues")) if frame is not None
    ]
    problems += [problem for frame in issues for problem in _errors(frame)]
    for problem in problems:
        say(f"- {problem}")
    remarks = sum(int((frame["level"] != "error").sum()) for frame in issues)
    say(f"{len(problems)} problems, {remarks} remarks (listed as issues in trace.gpkg)")
    return 1 if problems else 0


def write_demo(folder: Path, seed: int) -> None:
    """Write an invented town into a new folder."""
    from outfall.simulate import make_town, write_town

    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        msg = f"{folder}: is there already and not empty; run it with: outfall run {folder}, or give another folder"
        raise ProjectError(msg)
    write_town(make_town(seed), folder)
    say(f"{folder}: town {seed}")


def _named(text: str, name: str) -> str:
    """Return the text of an outfall.toml with another name of the project, its comments kept."""
    import tomlkit

    document = tomlkit.parse(text)
    document["project"]["name"] = name
    return tomlkit.dumps(document)


def _register(project: Project, lang: Lang) -> State:
    state = _take(State(project=project, lang=lang, problems=[]), until="register")
    outfalls = _keep_decided(state["outfalls"], project)
    made = {
        "photos": state.get("photos"),
        "sightings": state["sightings"],
        "outfalls": outfalls,
        "issues": state["issues"],
    }
    for table, frame in made.items():
        if frame is not None:
            project.save(table, frame, actor="outfall register", replace=True)
    return State(**{**state, "outfalls": outfalls})


def _keep_decided(outfalls: gpd.GeoDataFrame, project: Project) -> gpd.GeoDataFrame:
    """Return outfalls with what people decided about them before: codes, names, parties, remediation, status."""
    before = project.load("outfalls").set_index("outfall_id") if "outfalls" in project.tables() else None
    if before is None or not len(before):
        return outfalls
    kept = {}
    for column in _DECIDED:
        said = outfalls["outfall_id"].map(before[column])
        kept[column] = said.where(said.notna(), outfalls[column])
    status = outfalls["outfall_id"].map(before["status"])
    kept["status"] = status.where(status.notna() & (status != _FIRST_STATUS), outfalls["status"])
    return outfalls.assign(**kept)


def _saved(project: Project, lang: Lang, *, with_trace: bool = False) -> State:
    """Return what the project has saved; outfalls are registered first where nobody has."""
    tables = project.tables()
    if "outfalls" not in tables:
        return _register(project, lang)
    state = State(project=project, lang=lang, problems=[], outfalls=project.load("outfalls"))
    if with_trace and {"candidates", "evidence", "sources"} <= tables.keys():
        from outfall.tracing import Trace, default_settings

        known: dict[str, Any] = {name: project.load(name) for name in ("outfalls", "sources", "candidates", "evidence")}
        state["found"] = Trace(**known, settings=default_settings())
    return state


def _take(state: State, *, until: str) -> State:
    with progress_bar() as progress:
        return take_steps(state, until=until, progress=progress)[0]


def _errors(frame: gpd.GeoDataFrame) -> list[Problem]:
    rows = frame[frame["level"] == "error"]
    return [
        Problem(
            str(about),
            str(reason),
            "" if not isinstance(decision, str) else decision,
            tuple(str(ids).split(";")) if isinstance(ids, str) else (),
        )
        for about, reason, decision, ids in zip(
            rows["about"], rows["reason"], rows["decision"], rows["row_ids"], strict=True
        )
    ]
