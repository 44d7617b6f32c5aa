"""What do PACP exchange tables say: two CSV files of a folder, or the same tables in an Access database.

Table and field names are those of public programs that read the exchange database (versions 6 and 7); the meaning of
codes was not checked, so that every PACP code is our default and not verified.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import ReadError
from outfall.survey.headings import find_answer
from outfall.survey.inspection.model import Inspections, build, read_clock, read_number
from outfall.tables import issue, read_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["exchange_files", "read_database", "read_exchange"]

_TABLES = ("pacp_inspections", "pacp_conditions", "pacp_media_inspections", "pacp_media_conditions")
_FOOT_M, _INCH_MM = 0.3048, 25.4
_SECONDS = 120
_RUN = {
    "pipe_id": "pipe_segment_reference",
    "upper_manhole": "upstream_mh",
    "lower_manhole": "downstream_mh",
    "observer": "surveyed_by",
    "note": "additional_info",
}
_OBSERVATION = {
    "code": "pacp_code",
    "quantity_1": "value_1st_dimension",
    "quantity_2": "value_2nd_dimension",
    "video_counter": "vcr_time",
    "note": "remarks",
}
_CONTINUOUS = {"S": "A", "F": "B"}


def exchange_files(folder: Path) -> dict[str, Path]:
    """Return the PACP tables of a folder by name; empty where it holds none.

    Examples
    --------
    >>> import pathlib
    >>> exchange_files(pathlib.Path("no such folder"))
    {}
    """
    found = {file.stem.casefold().replace(" ", "_"): file for file in sorted(folder.rglob("*.[cC][sS][vV]"))}
    return {name: found[name] for name in _TABLES if name in found} if _TABLES[1] in found else {}


def read_exchange(tables: Mapping[str, Path], *, issues: list[dict[str, object]]) -> Inspections:
    r"""Return the inspections in the CSV tables of a PACP exchange.

    Parameters
    ----------
    tables : mapping of str to Path
        From ``exchange_files``.
    issues : list of dict
        Doubts so far.

    Returns
    -------
    Inspections
        Metres and millimetres, whatever the file's units.

    Raises
    ------
    ReadError
        A table is missing or cannot be read.
    TableError
        A distance is no number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "PACP_Inspections.csv").write_text("InspectionID,Pipe_Segment_Reference,Direction,IsImperial\n1,P7,U,1\n")
    >>> _ = (folder / "PACP_Conditions.csv").write_text("InspectionID,Distance,PACP_Code,Continuous\n1,10,TBI,S01\n")
    >>> found = read_exchange(exchange_files(folder), issues=[])
    >>> found.observations[["distance_m", "code", "continuous"]].values.tolist()
    [[3.048, 'TBI', 'A1']]
    """
    if _TABLES[0] not in tables:
        msg = f"{tables[_TABLES[1]]}: PACP_Inspections.csv is missing beside it; export both tables"
        raise ReadError(msg)
    return _assemble({name: read_frame(file) for name, file in tables.items()}, tables[_TABLES[1]].name, issues)


def read_database(file: Path, *, issues: list[dict[str, object]]) -> Inspections:
    """Return the inspections in a PACP exchange database, read by ``mdb-export`` (mdbtools).

    Parameters
    ----------
    file : Path
        ``.mdb`` or ``.accdb``.
    issues : list of dict
        Doubts so far.

    Returns
    -------
    Inspections
        As ``read_exchange``.

    Raises
    ------
    ReadError
        mdbtools is not installed, or the file is no such database.
    TableError
        A distance is no number.
    """
    tool = shutil.which("mdb-export")
    if tool is None:
        msg = f"{file}: Access databases are read by mdb-export, which is not installed; install mdbtools or export the PACP tables as CSV"
        raise ReadError(msg)
    frames = {}
    for name in ("PACP_Inspections", "PACP_Conditions", "PACP_Media_Inspections", "PACP_Media_Conditions"):
        text = _export(tool, file, name)
        if text is not None:
            frame = _frame(text, file)
            frame["source_ref"] = [f"{file.name}:{name}#{row}" for row in range(1, len(frame) + 1)]
            frames[name.casefold()] = frame
    if not set(_TABLES[:2]) <= set(frames):
        msg = f"{file}: no tables PACP_Inspections and PACP_Conditions; expected a PACP exchange database. Export it as PACP 6 or 7"
        raise ReadError(msg)
    return _assemble(frames, file.name, issues)


def _export(tool: str, file: Path, table: str) -> str | None:
    command = [tool, "-D", "%Y-%m-%d", "-T", "%Y-%m-%d %H:%M:%S", str(file.resolve()), table]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"{file}: mdb-export failed ({type(error).__name__}); export the PACP tables as CSV"
        raise ReadError(msg) from error
    return done.stdout.decode("utf-8", errors="replace") if done.returncode == 0 and done.stdout.strip() else None


def _frame(text: str, file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        msg = f"{file}: what mdb-export returns is no table ({error}); export the PACP tables as CSV"
        raise ReadError(msg) from error


def _assemble(frames: Mapping[str, pd.DataFrame], where: str, issues: list[dict[str, object]]) -> Inspections:
    tables = {name: _records(frame) for name, frame in frames.items()}
    films = {row.get("inspectionid"): row.get("video_name") for row in tables.get(_TABLES[2], [])}
    photos: dict[object, list[str]] = {}
    for row in tables.get(_TABLES[3], []):
        if row.get("image_name"):
            photos.setdefault(row.get("conditionid"), []).append(str(row["image_name"]))
    runs: dict[object, dict[str, object]] = {}
    for row in tables[_TABLES[0]]:
        runs[row.get("inspectionid")] = _run(row, len(runs) + 1) | {
            "video": films.get(row.get("inspectionid")) or row.get("media_label")
        }
    observations, lost = [], []
    for row in tables[_TABLES[1]]:
        run = runs.get(row.get("inspectionid"))
        if run is None:
            lost.append(row["source_ref"])
            continue
        observations.append(_observation(row, run, photos.get(row.get("conditionid"), [])))
    if lost:
        reason, zh = "conditions of inspections that are not in the file", "所属检测记录缺失"
        issues.append(issue("skipped_row", where, reason, reason_zh=zh, rows=lost, level="error", decision="left out"))
    return Inspections(*build(list(runs.values()), observations, where=where), tuple(issues))


def _records(frame: pd.DataFrame) -> list[dict[str, str | None]]:
    named = frame.rename(columns=lambda name: str(name).strip().casefold().replace(" ", "_"))
    named = named.loc[:, ~named.columns.duplicated()]
    return [
        {name: str(value).strip() if not pd.isna(value) and str(value).strip() else None for name, value in row.items()}
        for row in named.to_dict("records")
    ]


def _run(row: Mapping[str, str | None], number: int) -> dict[str, object]:
    is_imperial = find_answer("units", row.get("isimperial")) == "imperial"
    date = row.get("inspection_date") or row.get("date")
    time = row.get("inspection_time") or row.get("time")
    run: dict[str, object] = {column: row.get(field) for column, field in _RUN.items()}
    return run | {
        "run_id": str(number),
        "manholes_say": "flow",
        "direction": find_answer("direction", row.get("direction")),
        "length_m": _metric(row.get("total_length"), _FOOT_M, is_imperial=is_imperial),
        "inspected_m": _metric(row.get("length_surveyed"), _FOOT_M, is_imperial=is_imperial),
        "diameter_mm": _metric(row.get("height"), _INCH_MM, is_imperial=is_imperial),
        "seen_at": _moment(date, time),
        "source_ref": row["source_ref"],
        "_imperial": is_imperial,
    }


def _observation(row: Mapping[str, str | None], run: Mapping[str, object], photos: list[str]) -> dict[str, object]:
    seen: dict[str, object] = {column: row.get(field) for column, field in _OBSERVATION.items()}
    said = row.get("continuous") or ""
    is_pair = said[:1].upper() in _CONTINUOUS and said[1:].isascii() and said[1:].isdigit()
    seen["continuous"] = f"{_CONTINUOUS[said[0].upper()]}{int(said[1:])}" if is_pair and len(said) < 6 else said or None
    seen["distance_m"] = _metric(row.get("distance"), _FOOT_M, is_imperial=bool(run["_imperial"]))
    seen["clock_from"], seen["clock_to"] = read_clock(row.get("clock_at_from"))[0], read_clock(row.get("clock_to"))[0]
    seen["is_joint"] = find_answer("joint", row.get("joint")) == "yes"
    return seen | {"photo_ids": ";".join(photos), "run_id": run["run_id"], "source_ref": row["source_ref"]}


def _metric(text: str | None, unit: float, *, is_imperial: bool) -> object:
    try:
        number = read_number(text)
    except ValueError:
        return text
    return number if number is None or not is_imperial else round(number * unit, 6)


def _moment(date: str | None, time: str | None) -> str | None:
    """Return date and time as one text; Access keeps a time of day on a day of its own."""
    if date is None:
        return None
    day = date.replace("T", " ").split(" ")[0]
    clock = time.replace("T", " ").split(" ")[-1] if time else None
    return f"{day}T{clock}" if clock else date
