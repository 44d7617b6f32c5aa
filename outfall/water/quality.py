"""Whether duplicates, blanks, spikes and controls say that the results of a batch can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from outfall.water.checks import Check, check_rules, check_table
from outfall.water.quality_pairs import judge_pair, judge_recovery, judge_series
from outfall.water.uncertainty import with_sigma

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["check_quality"]

_DUPLICATES = ("duplicate", "laboratory_duplicate")
_BLANKS = ("field_blank", "trip_blank", "equipment_blank", "laboratory_blank")
_CONTROLS = ("spike", "control")
# Nobody expects clean water to have none of these.
_NOT_IN_BLANKS = {
    *("ph", "temperature", "orp", "flow", "energy", "dissolved_oxygen", "oxygen_saturation"),
    *("transparency", "conductivity", "colour", "turbidity"),
}
_BLANK_ZH = {
    "field_blank": "现场空白",
    "trip_blank": "运输空白",
    "equipment_blank": "设备空白",
    "laboratory_blank": "实验室空白",
}
_LOQ_PER_LOD = 10 / 3
_PAIR_H = 2.0


class _Batch(NamedTuple):
    """The results of samples that travelled together, and the rules they are judged by."""

    name: str
    rows: pd.DataFrame
    rules: dict[str, float]


def check_quality(
    results: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    rules: Mapping[str, float] | None = None,
    uncertainty: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return what the control samples say, each with its statistic and its reason.

    Duplicates: relative difference, or the absolute one below five quantitation limits; blanks against the
    quantitation limit; recovery of spikes and controls; the spread of all duplicates against the stated uncertainty;
    how many control samples a batch has. What breaks a rule and is still within the errors of analysis
    (``duplicate_z`` standard deviations) is neither passed nor failed. A batch is ``batch_id``, else the day. A
    duplicate or spike without parent_sample_id is paired with the ordinary sample of its place within two hours.
    Limits are our defaults (check_rules) and no standard's rule.

    Parameters
    ----------
    results : DataFrame, n rows
        Contract ``results``. Not changed.
    samples : DataFrame
        Contract ``samples`` with ``kind``. Not changed.
    rules : mapping of str to float, optional
        Other numbers for some of check_rules().
    uncertainty : DataFrame, optional
        Like default_uncertainty(), for results that say none of their own.

    Returns
    -------
    DataFrame, one row per check
        As check_table says; ``flag_results(results, checks)`` marks the results concerned.

    Raises
    ------
    TableError
        A rule is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> nan = float("nan")
    >>> samples = pd.DataFrame({"sample_id": ["W1", "B1"], "kind": ["routine", "field_blank"], "batch_id": "day 1"})
    >>> results = pd.DataFrame({"result_id": ["R1", "R2"], "sample_id": ["W1", "B1"], "parameter": "lead", "qualifier": "=",
    ...                         "value": [0.02, 0.01], "detection_limit": nan, "quantitation_limit": 0.002})
    >>> check_quality(results, samples)[["kind", "is_passed", "row_ids"]].values.tolist()
    [['field_blank', False, 'R1;R2']]
    """
    known = check_rules(rules)
    rows = _joined(with_sigma(results, defaults=uncertainty), samples)
    checks: list[Check] = []
    for name, found in rows.groupby("batch", sort=True):
        batch = _Batch(str(name), found, known)
        checks += [*_duplicates(batch), *_blanks(batch), *_spikes(batch), *_counts(batch)]
    return check_table([*checks, *judge_series(checks)], name="check_quality")


def _joined(results: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Return results beside what their sample is, in an order of their own."""
    facts = samples.drop_duplicates("sample_id").set_index("sample_id")
    out = results.copy()
    for name in ("kind", "parent_sample_id", "batch_id", "taken_at", "outfall_id", "source_id", "point_name"):
        own = out[name] if name in out.columns else pd.Series(None, index=out.index, dtype="object")
        said = out["sample_id"].map(facts[name]) if name in facts.columns else pd.Series(None, index=out.index)
        out[name] = said.astype("object").where(said.notna(), own.astype("object"))
    for name in ("fraction", "quantitation_limit", "spike_added"):
        if name not in out.columns:
            out[name] = np.nan
    out["kind"] = out["kind"].fillna("routine")
    out["taken_at"] = pd.to_datetime(out["taken_at"], utc=True)
    out["place"] = out["outfall_id"].fillna(out["source_id"]).fillna(out["point_name"])
    day = out["taken_at"].dt.strftime("%Y-%m-%d").astype("object")
    out["batch"] = out["batch_id"].where(out["batch_id"].notna(), day).fillna("").astype(str)
    own_loq = pd.to_numeric(out["quantitation_limit"])
    out["loq"] = own_loq.fillna(pd.to_numeric(out["detection_limit"]) * _LOQ_PER_LOD)
    out["what"] = out["parameter"].astype(str) + "/" + out["fraction"].astype("object").fillna("").astype(str)
    best = out.groupby("what")["loq"].transform("median")
    out["loq"] = out["loq"].fillna(best).to_numpy(dtype=float)
    return out.sort_values(["sample_id", "what", "result_id"], kind="stable")


def _parent_rows(batch: _Batch, sample: pd.DataFrame) -> pd.DataFrame:
    """Return the results of the sample that a duplicate or spike repeats; empty where nobody knows."""
    said = sample["parent_sample_id"].dropna()
    if len(said):
        return batch.rows[batch.rows["sample_id"] == said.iloc[0]]
    ordinary = batch.rows[(batch.rows["kind"] == "routine") & (batch.rows["place"] == sample["place"].iloc[0])]
    apart = (ordinary["taken_at"] - sample["taken_at"].iloc[0]).abs()
    near = ordinary[apart <= pd.Timedelta(hours=_PAIR_H)]
    if not len(near):
        return near
    return near[near["sample_id"] == near.loc[apart[near.index].idxmin(), "sample_id"]]


def _duplicates(batch: _Batch) -> Iterator[Check]:
    for sample_id, sample in batch.rows[batch.rows["kind"].isin(_DUPLICATES)].groupby("sample_id", sort=True):
        parent = _parent_rows(batch, sample)
        if not len(parent):
            reason, reason_zh = f"{sample_id} duplicates no sample we can find", f"平行样 {sample_id} 找不到原样"
            yield Check("duplicate", "", list(sample["result_id"]), [str(sample_id)], None, reason, reason_zh)
            continue
        for what, one in sample.groupby("what", sort=True):
            other = parent[parent["what"] == what]
            if len(other):
                yield judge_pair(one.iloc[0], other.iloc[0], batch.rules, batch.name)


def _blanks(batch: _Batch) -> Iterator[Check]:
    blanks = batch.rows[batch.rows["kind"].isin(_BLANKS) & ~batch.rows["parameter"].isin(_NOT_IN_BLANKS)]
    ordinary = batch.rows[~batch.rows["kind"].isin((*_BLANKS, "control"))]
    for row in blanks.itertuples():
        limit = float(row.loq) * batch.rules["blank_times"]
        measured = row.qualifier != "<"
        value = float(row.value) if measured else float("nan")
        passed: bool | None = not measured or (value < limit if not np.isnan(limit) else None)
        reach = ordinary[(ordinary["what"] == row.what) & (ordinary["qualifier"] != "<")]
        reach = reach[reach["value"] <= batch.rules["blank_reach_times"] * value]
        touched = [str(row.result_id), *(reach["result_id"].astype(str) if passed is False else ())]
        name = str(row.kind).replace("_", " ")
        if not measured:
            reason, reason_zh = (
                f"{row.parameter}: nothing in the {name}",
                f"{_BLANK_ZH[str(row.kind)]}未检出 {row.parameter}",
            )
        else:
            text = f"{value:g} against a quantitation limit of {limit:g}"
            more = (
                f"; {len(reach)} results up to {batch.rules['blank_reach_times']:g} times it may be the blank's"
                if passed is False
                else ""
            )
            reason = f"{row.parameter} in the {name} {row.sample_id}: {text}{more}"
            reason_zh = f"{_BLANK_ZH[str(row.kind)]} {row.sample_id} 检出 {row.parameter} {value:g}, 定量限 {limit:g}"
        z = (value - limit) / float(row.sigma_value) if measured and float(row.sigma_value) > 0 else float("nan")
        yield Check(
            str(row.kind), str(row.parameter), touched, [str(row.sample_id)], passed, reason, reason_zh, value, limit, z, batch.name
        )  # fmt: skip


def _spikes(batch: _Batch) -> Iterator[Check]:
    for sample_id, sample in batch.rows[batch.rows["kind"].isin(_CONTROLS)].groupby("sample_id", sort=True):
        is_spike = sample["kind"].iloc[0] == "spike"
        parent = _parent_rows(batch, sample) if is_spike else sample.iloc[:0]
        for row in sample.to_dict("records"):
            added = float(row["spike_added"])
            before = parent[parent["what"] == row["what"]]
            if not added > 0 or (is_spike and not len(before)):
                reason = f"{row['parameter']} of {sample_id}: what was added or what was there is not known"
                reason_zh = f"{sample_id} 的 {row['parameter']}: 加标量或原样未知"
                ids = [str(row["result_id"])]
                yield Check(
                    str(row["kind"]),
                    str(row["parameter"]),
                    ids,
                    [str(sample_id)],
                    None,
                    reason,
                    reason_zh,
                    batch_id=batch.name,
                )
                continue
            found = judge_recovery(row, before.iloc[0] if len(before) else None, batch.rules, batch.name)
            if found.is_passed is False and not is_spike:
                same = batch.rows[(batch.rows["what"] == row["what"]) & (batch.rows["kind"] == "routine")]
                found = found._replace(row_ids=[*found.row_ids, *same["result_id"].astype(str)])
            yield found


def _counts(batch: _Batch) -> Iterator[Check]:
    kinds = batch.rows.drop_duplicates("sample_id")["kind"]
    ordinary = int((kinds == "routine").sum())
    if ordinary < batch.rules["small_batch"]:
        return
    share = float(kinds.isin(_DUPLICATES).sum()) / ordinary
    least = batch.rules["least_duplicate_share"]
    reason = f"batch {batch.name}: {share:.0%} duplicates of {ordinary} samples, {least:.0%} wanted"
    reason_zh = f"批次 {batch.name}: {ordinary} 个样品, 平行样占 {share:.0%}, 要求 {least:.0%}"
    yield Check("duplicate_share", "", [], [], share >= least, reason, reason_zh, share, least, batch_id=batch.name)
    blanks, wanted = float(kinds.isin(_BLANKS).sum()), batch.rules["least_blanks"]
    reason = f"batch {batch.name}: {blanks:g} blanks, {wanted:g} wanted"
    reason_zh = f"批次 {batch.name}: 空白样 {blanks:g} 个, 要求 {wanted:g} 个"
    yield Check("blank_count", "", [], [], blanks >= wanted, reason, reason_zh, blanks, wanted, batch_id=batch.name)
