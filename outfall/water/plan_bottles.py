"""Which bottles a sample needs: container, what goes in first, how long it keeps."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables import split_ids
from outfall.vocabulary import find_parameter, label

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["bottle_rules", "list_bottles"]

_COLUMNS = ("parameter", "container", "agent", "agent_zh", "hold_h", "volume_ml", "is_single")
_FIELD = {"ph", "temperature", "conductivity", "turbidity", "orp", "transparency", "flow"}


def bottle_rules() -> pd.DataFrame:
    """Return how each parameter is bottled, preserved and how long it keeps.

    Returns
    -------
    DataFrame, one row per parameter
        ``parameter``, ``container``, ``agent``, ``agent_zh``, ``hold_h``, ``volume_ml``, ``is_single`` (a bottle of its
        own) and ``is_verified``. None is verified: they are our default and no standard's rule. Change rows and pass
        the table to list_bottles.

    Examples
    --------
    >>> rules = bottle_rules()
    >>> float(rules.set_index("parameter").loc["bod5", "hold_h"]), bool(rules["is_verified"].any())
    (12.0, False)
    """
    return _rules().copy()


def list_bottles(plan: pd.DataFrame, *, rules: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the bottles of every planned sample.

    Parameters that share a container and an agent share a bottle, unless they need one of their own. What is measured
    on site needs none. A parameter without a rule gets a bottle whose agent is missing, and says so.

    Parameters
    ----------
    plan : DataFrame, n samples
        ``sample_id`` and ``parameters`` (joined by ``;``); from plan_sampling. Not changed.
    rules : DataFrame, optional
        Like bottle_rules(); ours by default.

    Returns
    -------
    DataFrame, one row per bottle
        ``bottle_id``, ``sample_id``, ``parameters``, ``container``, ``agent``, ``agent_zh``, ``volume_ml`` (the sum),
        ``hold_h`` (the shortest), ``reason``, ``reason_zh``.

    Raises
    ------
    TableError
        A column is missing.

    Examples
    --------
    >>> plan = pd.DataFrame({"sample_id": ["W1"], "parameters": ["ammonia;total_nitrogen;bod5;temperature"]})
    >>> list_bottles(plan)[["parameters", "volume_ml", "hold_h"]].values.tolist()
    [['ammonia;total_nitrogen', 500.0, 24.0], ['bod5', 250.0, 12.0]]
    """
    known = bottle_rules() if rules is None else rules
    problems = [
        Problem(f"{where}.{name}", "is missing", f"add the column {name}")
        for where, frame, names in (("plan", plan, ("sample_id", "parameters")), ("rules", known, _COLUMNS))
        for name in names
        if name not in frame.columns
    ]
    if problems:
        msg = f"bottles: {len(problems)} problems"
        raise TableError(msg, problems)
    by = {str(row["parameter"]): row for row in known.to_dict("records")}
    rows = [
        row
        for sample, text in plan[["sample_id", "parameters"]].itertuples(index=False)
        for row in _bottles(str(sample), split_ids(text) if isinstance(text, str) else [], by)
    ]
    columns = ["bottle_id", "sample_id", "parameters", "container", "agent", "agent_zh", "volume_ml", "hold_h"]
    return pd.DataFrame(rows, columns=[*columns, "reason", "reason_zh"])


def shortest_hold_h(parameters: Iterable[str]) -> float:
    """Return after how many hours the first of the parameters is lost; infinite where none has a rule."""
    hold = _rules().set_index("parameter")["hold_h"]
    return float(min((hold[name] for name in parameters if name in hold.index), default=float("inf")))


def _bottles(sample: str, parameters: list[str], by: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in parameters:
        rule = by.get(name)
        if rule is None and name in _FIELD:
            continue
        key = (name,) if rule is None or rule["is_single"] else (rule["container"], rule["agent"])
        groups.setdefault(key, []).append(name)
    rows = []
    for number, names in enumerate(groups.values(), start=1):
        found = [by[name] for name in names if name in by]
        rule = found[0] if found else {}
        words = ", ".join(label("parameter", name, lang="en") if find_parameter(name) else name for name in names)
        rows.append(
            {
                "bottle_id": f"{sample}-{number}",
                "sample_id": sample,
                "parameters": ";".join(names),
                "container": rule.get("container"),
                "agent": rule.get("agent"),
                "agent_zh": rule.get("agent_zh"),
                "volume_ml": sum(float(str(one["volume_ml"])) for one in found) if found else None,
                "hold_h": min(float(str(one["hold_h"])) for one in found) if found else None,
                "reason": f"{words}: our default, no standard's rule"
                if found
                else f"{words}: no rule; ask the laboratory",
                "reason_zh": "默认值, 非标准规定" if found else "无规则, 请询问实验室",
            }
        )
    return rows


@cache
def _rules() -> pd.DataFrame:
    with files(__package__).joinpath("bottles.csv").open(encoding="utf-8") as stream:
        table = pd.read_csv(stream, dtype={"hold_h": float, "volume_ml": float})
    return table.assign(is_single=table["is_single"] == "yes", is_verified=False)
