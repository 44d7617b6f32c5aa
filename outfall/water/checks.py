"""What a check of results says: one row per thing looked at, passed or not, with reasons; results are marked, never deleted."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables import join_ids, split_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Check", "check_rules", "check_table", "flag_results"]

_NAN = float("nan")


class Check(NamedTuple):
    """One thing looked at; ``is_passed`` is None where it cannot be said."""

    kind: str
    parameter: str
    row_ids: Sequence[str]
    sample_ids: Sequence[str]
    is_passed: bool | None
    reason: str
    reason_zh: str
    value: float = _NAN
    limit: float = _NAN
    z: float = _NAN
    batch_id: str = ""


def check_rules(rules: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the numbers checks go by: our defaults with the given ones in their place.

    Parameters
    ----------
    rules : mapping of str to float, optional
        Some of the names this returns.

    Returns
    -------
    dict
        All rules. None of our defaults was read in a standard.

    Raises
    ------
    TableError
        There is no rule of a name.

    Examples
    --------
    >>> check_rules({"duplicate_rpd_share": 0.2})["duplicate_rpd_share"], check_rules()["recovery_low_share"]
    (0.2, 0.7)
    """
    known = _shipped()
    wrong = [name for name in rules or {} if name not in known]
    if wrong:
        problems = [Problem(name, "is no rule", f"write some of {', '.join(known)}") for name in wrong]
        msg = f"rules: {len(wrong)} unknown"
        raise TableError(msg, problems)
    return {**known, **(rules or {})}


def check_table(checks: Iterable[Check], *, name: str) -> pd.DataFrame:
    """Return checks as a table, in an order that does not depend on the order they were made in.

    Parameters
    ----------
    checks : iterable of Check
        Any number.
    name : str
        The verb that made them.

    Returns
    -------
    DataFrame, one row per check
        ``check_id``, ``kind``, ``parameter``, ``batch_id``, ``sample_ids``, ``row_ids`` (results concerned),
        ``value``, ``limit``, ``z``, ``is_passed`` (missing where it cannot be said), ``reason``, ``reason_zh``,
        ``is_verified`` (False: our defaults) and ``source_ref``.

    Examples
    --------
    >>> check_table([Check("blank", "cod", ["R1"], ["W1"], True, "fine", "正常")], name="f")["check_id"].tolist()
    ['blank:cod:W1:R1']
    """
    rows = []
    for check in checks:
        samples, results = sorted(set(check.sample_ids)), sorted(set(check.row_ids))
        middle = "+".join(samples) or check.batch_id
        check_id = ":".join(filter(None, (check.kind, check.parameter, middle, "+".join(results[:2]))))
        ids = {"sample_ids": join_ids(samples) or None, "row_ids": join_ids(results) or None}
        source = f"{name}({join_ids(results or samples) or check.batch_id})"
        said = {"is_verified": False, "source_ref": source, "batch_id": check.batch_id or None}
        rows.append({"check_id": check_id, **check._asdict(), **ids, **said})
    columns = [
        *("check_id", "kind", "parameter", "batch_id", "sample_ids", "row_ids", "value", "limit", "z", "is_passed"),
        *("reason", "reason_zh", "is_verified", "source_ref"),
    ]
    frame = pd.DataFrame(rows, columns=columns).sort_values("check_id", kind="stable").reset_index(drop=True)
    frame["is_passed"] = frame["is_passed"].astype("boolean")
    return frame


def flag_results(results: pd.DataFrame, *checks: pd.DataFrame) -> pd.DataFrame:
    """Return results with what failed about each; none is deleted and no value changes.

    Parameters
    ----------
    results : DataFrame, n rows
        Contract ``results``. Not changed.
    *checks : DataFrame
        From check_quality, check_plausible or check_holding.

    Returns
    -------
    DataFrame, n rows
        In the order given, with ``quality_flags`` (kinds of failed checks joined by ``;``, missing where none),
        ``quality_reason`` and ``quality_reason_zh``, ``is_doubtful`` and ``failed_checks`` (their ids).

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"result_id": ["R1", "R2"]})
    >>> made = check_table([Check("blank", "cod", ["R1"], ["W1"], False, "high", "偏高")], name="f")
    >>> flag_results(one, made)["is_doubtful"].tolist()
    [True, False]
    """
    failed: dict[str, list[tuple[str, str, str, str]]] = {}
    for table in checks:
        for row in table[~table["is_passed"].fillna(value=True).astype(bool)].to_dict("records"):
            for result in split_ids(row["row_ids"]):
                said = (str(row["kind"]), str(row["reason"]), str(row["reason_zh"]), str(row["check_id"]))
                failed.setdefault(result, []).append(said)
    texts = [sorted(set(failed.get(str(result), []))) for result in results["result_id"]]
    parts = {"quality_flags": 0, "quality_reason": 1, "quality_reason_zh": 2, "failed_checks": 3}
    out = results.copy()
    for column, at in parts.items():
        joined = ["; ".join(dict.fromkeys(item[at] for item in said)) if said else None for said in texts]
        out[column] = pd.array([text.replace("; ", ";") if text and at in (0, 3) else text for text in joined], "str")
    out["is_doubtful"] = np.array([bool(said) for said in texts], dtype=bool)
    return out


@cache
def _shipped() -> dict[str, float]:
    text = files(__package__).joinpath("quality.toml").read_text(encoding="utf-8")
    return {name: float(value) for name, value in tomllib.loads(text).items()}
