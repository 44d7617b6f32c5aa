"""What do documents, smoke tests and radar picks say connects to what, and how sure is that."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.survey.headings import find_answer, name_headings
from outfall.tables import attach_issues, check, empty, issue, read_frame
from outfall.tables.safe import file_bytes, safe_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_links", "read_radar_links"]

# Our defaults (no standard): what an answer without a probability is worth.
_ANSWERS = {"yes": 0.9, "no": 0.03, "unknown": 0.5}
_PICK_SHARE, _MOST_SHARE, _DEPTH_SIGMA_M = 0.5, 0.95, 0.15
_MISFIT_SIGMAS = 3.0
_SHARE_BASE = 0.2


def read_links(
    path: Path | str,
    *,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> gpd.GeoDataFrame:
    r"""Return a table of connections as links: documents, interviews, smoke tests.

    Parameters
    ----------
    path : path
        CSV or workbook with from (起点), to (终点), and a probability or an answer (``连通``, ``无烟``, ``疑似`` …).
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the file lacks, such as ``kind`` or ``to_table``.
    layer : str, optional
        Sheet.

    Returns
    -------
    GeoDataFrame, n rows, EPSG:4490
        The contract ``links``. ``kind`` is ``document``, ``from_table`` ``sources`` and ``to_table`` ``outfalls``
        where nothing else is said; an answer without a probability counts 0.9, 0.03 or 0.5 (our default).

    Raises
    ------
    ReadError
        The file cannot be read.
    TableError
        A row lacks an end, or says neither how sure nor what was found.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "烟雾.csv"
    >>> _ = file.write_text("起点,终点,结果\nW1,MX-0042,冒烟\nW2,MX-0042,无烟\n", encoding="utf-8")
    >>> read_links(file, constants={"kind": "smoke"})[["from_id", "to_id", "exists_share"]].values.tolist()
    [['W1', 'MX-0042', 0.9], ['W2', 'MX-0042', 0.03]]
    """
    where = Path(path).name
    named = _named(path, "links", rename, constants, layer)
    _require(named, where, ("from_id", "to_id"))
    told = named.get("exists_share", pd.Series(index=named.index, dtype="str"))
    answer = named.get("answer", pd.Series("", index=named.index, dtype="str"))
    share = answer.map(lambda text: _ANSWERS.get(str(find_answer("connected", text)))).astype("float64").astype("str")
    is_told = told.notna() & told.astype(str).str.strip().ne("")
    unclear = ~is_told & share.isna()
    if unclear.any():
        rows = tuple(named["source_ref"][unclear])
        what = "neither a probability nor an answer that is understood"
        problem = Problem("exists_share (存在概率)", what, "write a number from 0 to 1, or 连通, 不通, 疑似", rows)
        msg = f"{where}: {len(rows)} rows do not say whether the link exists"
        raise TableError(msg, [problem])
    named["exists_share"] = told.astype("str").where(is_told, share)
    return _checked(named, where, "link", tz)


def read_radar_links(
    path: Path | str,
    *,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> gpd.GeoDataFrame:
    r"""Return pipes that ground-penetrating radar picked, as links between their ends.

    Each pick says that something buried crosses a profile at a depth. Picks of one pipe on several profiles support
    one another where their depths lie on one slope within their sigmas; a pick that does not fit is listed and
    counts for nothing.

    Parameters
    ----------
    path : path
        CSV or workbook, one pick per row: from, to, profile, distance, depth, its sigma, the radargram's file.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the file lacks.
    layer : str, optional
        Sheet.

    Returns
    -------
    GeoDataFrame, one row per pair of ends, EPSG:4490
        The contract ``links`` with ``depth_m``, ``depth_sigma_m``, ``picks`` and ``radargrams`` (SHA-256 of the
        files that lie beside the table). A single pick is worth 0.5 and all together at most 0.95 (our default).

    Raises
    ------
    ReadError
        The file cannot be read.
    TableError
        A column is missing, or a depth is no number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "picks.csv"
    >>> _ = file.write_text("from,to,line,depth_m\nW1,MX-0042,L1,1.80\nW1,MX-0042,L2,1.85\n", encoding="utf-8")
    >>> read_radar_links(file)[["from_id", "picks", "exists_share"]].values.tolist()
    [['W1', 2, 0.75]]
    """
    where = Path(path).name
    named = _named(path, "radar", rename, {"kind": "radar", **(constants or {})}, layer)
    _require(named, where, ("from_id", "to_id", "depth_m"))
    named = _numbers(named, where, {"depth_m": np.nan, "depth_sigma_m": _DEPTH_SIGMA_M, "pick_share": _PICK_SHARE})
    hashes, pending = _radargrams(Path(path).parent, named)
    rows, misfits = [], []
    ends = [name for name in ("from_table", "from_id", "to_table", "to_id") if name in named.columns]
    for _, picks in named.groupby(ends, sort=False):
        row, odd = _pipe(picks, hashes)
        rows.append(row)
        misfits += odd
    if not rows:
        return gpd.GeoDataFrame(empty("links", crs=4490))
    links = _checked(pd.DataFrame(rows), where, "radar", tz)
    doubts = [
        issue(
            "doubtful_value",
            where,
            "picks whose depth does not fit the others",
            reason_zh="深度与其他拾取不符",
            rows=misfits,
            decision="not counted",
        )
    ] * bool(misfits) + [
        issue(
            "skipped_file",
            where,
            "radargrams that do not lie beside the table",
            reason_zh="未找到雷达数据文件",
            rows=pending,
            level="note",
            decision="picks kept without hash",
        )
    ] * bool(pending)
    return gpd.GeoDataFrame(attach_issues(links, doubts)) if doubts else links


def _pipe(picks: pd.DataFrame, hashes: Mapping[str, str]) -> tuple[dict[str, object], list[str]]:
    depth, sigma = picks["depth_m"].to_numpy(), picks["depth_sigma_m"].to_numpy()
    fits = np.abs(depth - np.median(depth)) <= _MISFIT_SIGMAS * np.hypot(sigma, np.median(sigma)) + _SHARE_BASE
    weight = 1 / sigma[fits] ** 2
    mean, spread = float(np.average(depth[fits], weights=weight)), float(weight.sum() ** -0.5)
    # Picks on one profile are one look: only the surest of each counts.
    line = picks["line"] if "line" in picks.columns else picks["source_ref"]
    surest = picks["pick_share"][fits].groupby(line[fits]).max()
    share = min(_MOST_SHARE, 1 - float(np.prod(1 - np.sort(surest.to_numpy()))))
    files = sorted({hashes[name] for name in picks.get("radargram", pd.Series(dtype="str")).dropna() if name in hashes})
    first = picks.iloc[0]
    row: dict[str, object] = {
        name: first[name] for name in picks.columns if name in ("from_table", "from_id", "to_table", "to_id", "kind")
    }
    count, lines = int(fits.sum()), len(surest)
    row |= {
        "exists_share": round(share, 6),
        "seen_at": picks["seen_at"].min() if "seen_at" in picks.columns else None,
        "reason": f"radar: {count} picks on {lines} profiles at {mean:.2f} ± {spread:.2f} m",
        "reason_zh": f"探地雷达：{lines} 条测线 {count} 处，埋深 {mean:.2f} ± {spread:.2f} m",
        "source_ref": ";".join(sorted(picks["source_ref"].astype(str))),
        "depth_m": mean,
        "depth_sigma_m": spread,
        "picks": count,
        "radargrams": ";".join(files),
    }
    return row, list(picks["source_ref"][~fits])


def _radargrams(folder: Path, picks: pd.DataFrame) -> tuple[dict[str, str], list[str]]:
    """Return the SHA-256 of each radargram that lies beside the table; a name that leaves the folder finds nothing."""
    if "radargram" not in picks.columns:
        return {}, []
    found: dict[str, str] = {}
    base = folder.resolve()
    for given in sorted(set(picks["radargram"].dropna().astype(str)) - {""}):
        name = safe_name(given)
        file = (base / name).resolve() if name is not None else None
        if file is not None and file.is_relative_to(base) and file.is_file() and file.stat().st_size:
            found[given] = hashlib.sha256(file_bytes(file)).hexdigest()
    is_lost = picks["radargram"].notna() & picks["radargram"].astype(str).ne("") & ~picks["radargram"].isin(list(found))
    return found, list(picks["source_ref"][is_lost])


def _named(
    path: Path | str,
    reader: str,
    rename: Mapping[str, str] | None,
    constants: Mapping[str, object] | None,
    layer: str | None,
) -> pd.DataFrame:
    named = pd.DataFrame(name_headings(read_frame(path, table="links", layer=layer), reader, rename=rename))
    defaults = {"kind": "document", "from_table": "sources", "to_table": "outfalls"}
    for column, value in {**defaults, **(constants or {})}.items():
        if column not in named.columns:
            named[column] = value
    return named


def _require(named: pd.DataFrame, where: str, columns: tuple[str, ...]) -> None:
    problems = [
        Problem(name, "no such column", f"the headings are {', '.join(map(str, named.columns))}; or give rename=")
        for name in columns
        if name not in named.columns
    ]
    bare = {name: named[name].isna() | named[name].astype(str).str.strip().eq("") for name in columns if name in named}
    problems += [
        Problem(name, "missing", "fill it in", tuple(named["source_ref"][is_bare].astype(str)))
        for name, is_bare in bare.items()
        if is_bare.any()
    ]
    if problems:
        msg = f"{where}: {len(problems)} problems"
        raise TableError(msg, problems)


def _numbers(named: pd.DataFrame, where: str, defaults: Mapping[str, float]) -> pd.DataFrame:
    problems, new = [], {}
    for name, default in defaults.items():
        text = named[name].astype("str").str.strip() if name in named.columns else pd.Series("", index=named.index)
        numbers = pd.to_numeric(text.where(text.ne(""), None), errors="coerce").astype("float64")
        is_bad = (numbers.isna() | ~np.isfinite(numbers) | (numbers < 0)) & text.notna() & text.ne("")
        if is_bad.any():
            rows = tuple(named["source_ref"][is_bad].astype(str))
            problems.append(
                Problem(name, f"{text[is_bad].iloc[0]!r} is no number of 0 or more", "write a number", rows)
            )
        new[name] = numbers.fillna(default)
    if "depth_sigma_m" in new:
        new["depth_sigma_m"] = new["depth_sigma_m"].where(new["depth_sigma_m"] > 0, _DEPTH_SIGMA_M)
    if problems:
        msg = f"{where}: {len(problems)} problems"
        raise TableError(msg, problems)
    return named.assign(**new)


def _checked(named: pd.DataFrame, where: str, prefix: str, tz: str | None) -> gpd.GeoDataFrame:
    if "link_id" not in named.columns:
        stem = where.rpartition(".")[0]
        named = named.assign(link_id=[f"{prefix}-{stem}-{at}" for at in range(1, len(named) + 1)])
    frame = gpd.GeoDataFrame(named, geometry=gpd.GeoSeries([None] * len(named), index=named.index, crs=4490))
    return gpd.GeoDataFrame(check(frame, "links", tz=tz, where=where))
