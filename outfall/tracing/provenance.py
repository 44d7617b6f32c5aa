"""Where every number of a trace comes from, for others to read: W3C PROV as JSON-LD, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from outfall.errors import Problem, TraceError
from outfall.tables import check, empty, split_ids
from outfall.tracing.lines import LINES

if TYPE_CHECKING:
    from outfall.tracing.answer import Trace
    from outfall.tracing.settings import Settings

__all__ = ["read_provenance", "write_provenance"]

_BASE = "urn:outfall:"
_CONTEXT: dict[str, object] = {
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "of": "urn:outfall:term:",
    "label": {"@id": "rdfs:label"},
    "used": {"@id": "prov:used", "@type": "@id"},
    "wasGeneratedBy": {"@id": "prov:wasGeneratedBy", "@type": "@id"},
    "wasDerivedFrom": {"@id": "prov:wasDerivedFrom", "@type": "@id"},
    "wasAssociatedWith": {"@id": "prov:wasAssociatedWith", "@type": "@id"},
    "startedAtTime": {"@id": "prov:startedAtTime", "@type": "xsd:dateTime"},
    "specializationOf": {"@id": "prov:specializationOf", "@type": "@id"},
}


def write_provenance(found: Trace, path: str | Path, *, written_at: datetime | None = None) -> Path:
    """Write a trace with everything it rests on as PROV in JSON-LD.

    Candidates, verdicts, settings and the rows they cite are entities; the run and each line of evidence are
    activities; the package is the agent. The context is in the file: nothing is fetched to read it.

    Parameters
    ----------
    found : Trace
        Not changed.
    path : str or Path
        File to write; by custom it ends in ``.jsonld``.
    written_at : datetime with its zone, optional
        When the run was; now by default.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TraceError
        The time has no zone.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.tables import empty
    >>> from outfall.tracing import trace
    >>> found = trace(empty("outfalls", crs=4547), None, empty("sources", crs=4547))
    >>> file = write_provenance(found, Path(tempfile.mkdtemp()) / "trace.jsonld")
    >>> sorted(read_provenance(file))
    ['candidates', 'evidence', 'settings']
    """
    moment = datetime.now(UTC) if written_at is None else written_at
    if moment.tzinfo is None:
        msg = f"write_provenance: written_at {moment} has no zone; give one, such as datetime(..., tzinfo=UTC)"
        raise TraceError(msg)
    graph = [*_run(found, moment), *_lines(found), *_candidates(found), *_verdicts(found), *_rows(found)]
    text = json.dumps({"@context": _CONTEXT, "@graph": graph}, ensure_ascii=False, indent=1, allow_nan=False)
    target = Path(path)
    target.write_text(text, encoding="utf-8")
    return target


def read_provenance(path: str | Path) -> dict[str, pd.DataFrame | Settings]:
    """Return the tables and settings of a trace from the file `write_provenance` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    dict
        ``candidates`` (without lines to draw) and ``evidence``, contracts; ``settings``.

    Raises
    ------
    TraceError
        The file is no such file.

    Examples
    --------
    >>> read_provenance("pyproject.toml")
    Traceback (most recent call last):
    outfall.errors.TraceError: read_provenance: pyproject.toml
      - file: is not JSON-LD with a @graph; give a file of write_provenance
    """
    try:
        graph = json.loads(Path(path).read_text(encoding="utf-8"))["@graph"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        msg = f"read_provenance: {path}"
        problem = Problem("file", "is not JSON-LD with a @graph", "give a file of write_provenance")
        raise TraceError(msg, [problem]) from error
    settings: Settings = next((node["of:settings"]["@value"] for node in graph if "of:settings" in node), {})
    return {
        "candidates": _table(graph, "of:Candidate", "candidates"),
        "evidence": _table(graph, "of:Evidence", "evidence"),
        "settings": settings,
    }


def _run(found: Trace, moment: datetime) -> list[dict[str, Any]]:
    from importlib.metadata import version

    agent: dict[str, Any] = {
        "@id": f"{_BASE}agent:outfall",
        "@type": ["prov:Agent", "prov:SoftwareAgent"],
        "label": f"outfall {version('outfall')}",
    }
    settings: dict[str, Any] = {
        "@id": f"{_BASE}settings:run",
        "@type": ["prov:Entity", "of:Settings"],
        "of:settings": {"@type": "@json", "@value": found.settings},
    }
    run: dict[str, Any] = {
        "@id": f"{_BASE}run:trace",
        "@type": "prov:Activity",
        "label": "trace",
        "startedAtTime": moment.isoformat(),
        "used": [settings["@id"]],
        "wasAssociatedWith": [agent["@id"]],
    }
    return [agent, settings, run]


def _lines(found: Trace) -> list[dict[str, Any]]:
    nodes = []
    for name in dict.fromkeys(found.evidence["line"]):
        known = LINES.get(name)
        node = {"@id": _iri("line", name), "@type": "prov:Activity", "used": [f"{_BASE}settings:run"]}
        labels = (
            [{"@value": known.label("en"), "@language": "en"}, {"@value": known.label("zh"), "@language": "zh"}]
            if known
            else name
        )
        nodes.append({**node, "label": labels, "of:part": {"@id": f"{_BASE}run:trace"}})
    return nodes


def _candidates(found: Trace) -> list[dict[str, Any]]:
    verdicts = found.evidence.groupby(["outfall_id", "source_id"])["evidence_id"].agg(list).to_dict()
    nodes = []
    for row in pd.DataFrame(found.candidates).to_dict("records"):
        derived = [_iri("evidence", name) for name in verdicts.get((row["outfall_id"], row["source_id"]), [])]
        derived += [_iri("row", ref) for ref in _refs(row["source_ref"])]
        nodes.append(
            {
                "@id": _iri("candidate", row["candidate_id"]),
                "@type": ["prov:Entity", "of:Candidate"],
                "wasGeneratedBy": [f"{_BASE}run:trace"],
                "wasDerivedFrom": derived,
                **_values(row),
            }
        )
    return nodes


def _verdicts(found: Trace) -> list[dict[str, Any]]:
    return [
        {
            "@id": _iri("evidence", row["evidence_id"]),
            "@type": ["prov:Entity", "of:Evidence"],
            "wasGeneratedBy": [_iri("line", row["line"])],
            "wasDerivedFrom": [_iri("row", ref) for ref in _refs(row["refs"])],
            **_values(row),
        }
        for row in found.evidence.to_dict("records")
    ]


def _rows(found: Trace) -> list[dict[str, Any]]:
    cells = [*found.evidence["refs"], *found.candidates["source_ref"]]
    refs = sorted({ref for cell in cells for ref in _refs(cell)})
    names = sorted({ref.split("#", maxsplit=1)[0] for ref in refs if "#" in ref})
    nodes: list[dict[str, Any]] = [
        {"@id": _iri("file", name), "@type": ["prov:Entity", "of:File"], "label": name} for name in names
    ]
    for ref in refs:
        node: dict[str, Any] = {"@id": _iri("row", ref), "@type": ["prov:Entity", "of:Row"], "label": ref}
        if "#" in ref:
            node["wasDerivedFrom"] = [_iri("file", ref.split("#", maxsplit=1)[0])]
        nodes.append(node)
    return nodes


def _refs(cell: object) -> list[str]:
    """Return the rows a reference names: its parts, or what stands in the brackets of a derived one."""
    if not isinstance(cell, str):
        return []
    inner = cell[cell.index("(") + 1 : -1] if "(" in cell and cell.endswith(")") else cell
    return [ref for ref in dict.fromkeys(split_ids(inner)) if ref]


def _values(row: dict[Any, Any]) -> dict[str, Any]:
    """Return what a row holds as JSON; what is missing has no entry, and geometry is left to the tables."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        if (
            name == "geometry"
            or value is None
            or value is pd.NA
            or (isinstance(value, float) and not np.isfinite(value))
        ):
            continue
        out[f"of:{name}"] = value.item() if isinstance(value, np.generic) else value
    return out


def _table(graph: list[dict[str, Any]], kind: str, table: str) -> pd.DataFrame:
    rows = [
        {name[3:]: value for name, value in node.items() if name.startswith("of:")}
        for node in graph
        if kind in node.get("@type", [])
    ]
    if not rows:
        return pd.DataFrame(empty(table))
    return pd.DataFrame(check(pd.DataFrame(rows), table))


def _iri(kind: str, name: str) -> str:
    """Return a name as part of a URN: nothing in it can end it early."""
    return f"{_BASE}{kind}:{quote(name, safe='')}"
