"""How fast the index is beside its peers: build, sums, one set, 10,000 sets, 10,000 totals; CPU seconds, best of three."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import network_made as made
import numpy as np
from network_peers import PEERS, Case, TooSlow, make_walks

from outfall.network.index import add_up, make_index, sum_rows, sum_total
from outfall.network.query import compare_rows, take_sets

STARTS = 10_000
CLOSE = {"rtol": 1e-9, "atol": 1e-6}


def best(call, repeats: int = 3, enough_s: float = 20.0):
    """Return the CPU seconds of the best of some runs, and the last result; what takes long is not run again."""
    seconds, result, first = float("inf"), None, time.process_time()
    for _ in range(repeats):
        begun = time.process_time()
        result = call()
        seconds = min(seconds, time.process_time() - begun)
        if time.process_time() - first > enough_s:
            break
    return seconds, result


def measure(name: str, arrays, *, peers: list[str], limit_s: float, seed: int = 0) -> dict[str, object]:
    """Return the figures of one network; ``<name>_exact`` says whether all who answered agree."""
    count = len(arrays.length_m)
    values = np.random.default_rng(seed).integers(1, 100, count).astype(float)
    rows = np.random.default_rng(seed + 1).integers(0, count, STARTS)
    unknown = np.full(count, np.nan)
    mean_above = float(
        np.mean(arrays.sum_down(np.ones(count)))
    )  # reaches down from a place are, on average, also those up
    out: dict[str, object] = {f"{name}_reaches": count, f"{name}_mean_upstream_reaches": round(mean_above, 1)}
    build_s, index = best(lambda: make_index(arrays, unknown))
    sums_s, sums = best(lambda: add_up(index, values))
    totals_s, totals = best(lambda: sum_rows(index, sums, rows), 9)
    all_s, total = best(lambda: sum_total(index, values))
    sets_s, sets = best(lambda: take_sets(index, rows))
    views_s, _ = best(lambda: [sets[at] for at in range(len(sets))])
    pairs = np.random.default_rng(seed + 2).integers(0, count, (2, 1_000_000))
    pairs_s, is_above = best(lambda: compare_rows(index, *pairs))
    one_s, _ = best(lambda: take_sets(index, rows[:1])[0])
    ours = {
        "build": build_s, "prefix_sums": sums_s, "totals_10k": totals_s, "accumulate": all_s, "sets_10k": sets_s + views_s,
        "one_set": one_s, "million_pairs": pairs_s,
    }  # fmt: skip
    out |= {f"{name}_outfall_{key}_s": value for key, value in ours.items()}
    out[f"{name}_bytes_per_reach"] = round(index.nbytes / count, 2)
    out[f"{name}_extra_intervals"] = len(index.extra_first)
    agree = [bool(np.allclose(totals, total[rows], **CLOSE))]
    agree.append(bool(np.allclose([values[sets[at]].sum() for at in range(50)], totals[:50], **CLOSE)))
    agree.append(all((pairs[0][at] in sets_of(index, pairs[1][at])) == is_above[at] for at in range(50)))
    case = _case(arrays, values, index, limit_s)
    out |= _walks(name, case, arrays, rows, totals, total, agree)
    for peer in peers:
        out |= _peer(name, peer, case, rows, totals, total, agree)
    out[f"{name}_exact"] = all(agree)
    return out


def sets_of(index, reach: int) -> set[int]:
    return set(take_sets(index, np.array([reach]))[0].tolist())


def _case(arrays, values, index, limit_s: float) -> Case:
    tail, head = made.below(arrays)
    order = index.sequence[::-1]  # in a forest what is above comes before
    return Case(len(values), tail, head, values, order, limit_s)


def _walks(name, case, arrays, rows, totals, total, agree) -> dict[str, object]:
    """Return the figures of the compiled loops, which are the fastest way without an index."""
    try:
        walk, loop = make_walks()
    except ImportError as error:
        return {f"{name}_walk_totals_10k_s": None, f"{name}_loop_accumulate_s": None, f"{name}_walk_why": str(error)}
    start, above = arrays.up
    stamp, stack = np.zeros(case.count, dtype=np.int64), np.zeros(case.count, dtype=np.int64)
    walk(start, above, case.values, rows[:1].copy(), stamp, stack, 1)
    marks = iter(range(1 << 20, 1 << 40, 1 << 20))
    trial, _ = best(lambda: walk(start, above, case.values, rows[:200], stamp, stack, next(marks)), 1)
    some = rows[: max(200, min(len(rows), int(200 * case.limit_s / max(trial, 1e-9))))]
    seconds, found = best(lambda: walk(start, above, case.values, some, stamp, stack, next(marks)), 3, case.limit_s)
    agree.append(bool(np.allclose(found, totals[: len(some)], **CLOSE)))
    out: dict[str, object] = {
        f"{name}_walk_totals_10k_s": seconds * len(rows) / len(some),
        f"{name}_loop_accumulate_s": None,
    }
    if len(some) < len(rows):
        out[f"{name}_walk_totals_10k_extrapolated"] = True
    if case.is_tree:
        onward = np.full(case.count, -1)
        onward[case.tail] = case.head
        loop(case.order[:1], onward, case.values)
        out[f"{name}_loop_accumulate_s"], found = best(lambda: loop(case.order, onward, case.values))
        agree.append(bool(np.allclose(found, total, **CLOSE)))
    return out


def _peer(name, peer, case, rows, totals, total, agree) -> dict[str, object]:
    """Return the cells of one peer: seconds, null with a reason, or extrapolated and marked."""
    out: dict[str, object] = {}
    key = f"{name}_{peer}"

    def cell(what, call) -> object:
        try:
            seconds, found = best(call, 3, case.limit_s)
        except TooSlow as slow:
            out[f"{key}_{what}_s"], out[f"{key}_{what}_extrapolated"] = (
                (slow.seconds if slow.seconds == slow.seconds else None),
                True,
            )
        except NotImplementedError:
            out[f"{key}_{what}_s"], out[f"{key}_{what}_why"] = None, "not for networks that divide"
        except (ImportError, AttributeError) as error:
            out[f"{key}_{what}_s"], out[f"{key}_{what}_why"] = None, f"cannot be imported here: {error}"
        else:
            out[f"{key}_{what}_s"] = seconds
            return found
        return None

    graph = cell("build", lambda: PEERS[peer](case))
    if graph is None:
        return out
    found = cell("accumulate", graph.accumulate)
    if found is not None:
        agree.append(bool(np.allclose(np.ravel(found), total, **CLOSE)))
    if hasattr(graph, "one"):
        largest = int(rows[np.argmax(totals)])
        cell("one_set", lambda: graph.one(largest))
        out |= _many(key, graph, case, rows, totals, agree)
    return out


def _many(key, graph, case, rows, totals, agree) -> dict[str, object]:
    """Find the sets of all starts and their totals one by one, for as long as the limit allows."""
    seconds = {"sets_10k": 0.0, "totals_10k": 0.0}
    found = []
    for reach in rows.tolist():
        begun = time.process_time()
        reached = graph.one(reach)
        between = time.process_time()
        found.append(case.values[reached].sum())
        seconds["totals_10k"] += time.process_time() - begun
        seconds["sets_10k"] += between - begun
        if seconds["totals_10k"] > case.limit_s:
            break
    done = len(found)
    agree.append(bool(np.allclose(found, totals[:done], **CLOSE)))
    out: dict[str, object] = {f"{key}_{what}_s": spent * len(rows) / done for what, spent in seconds.items()}
    if done < len(rows):
        out |= {f"{key}_{what}_extrapolated": True for what in seconds}
    return out


def worst(*, quick: bool) -> dict[str, object]:
    """Return what a chain of 100,000 reaches and a 300 x 300 grid of diversions cost, in a process of their own.

    The quick run asks the grid for 64 places only, not for the totals of all its 179,400 reaches.
    """
    return _alone("worst quick" if quick else "worst")


def peak(count: int) -> dict[str, object]:
    """Return the memory of a process that makes a tree, indexes it and sums it."""
    return _alone(f"peak {count}")


def _alone(what: str) -> dict[str, object]:
    code = f"import sys; sys.path[:0] = {sys.path[:1]!r}; import network_speed as n; n.alone({what!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    return dict(eval(done.stdout))


def alone(what: str) -> None:
    """Print the figures of one process; called by the functions above."""
    if what.startswith("worst"):
        chain_s, index = best(partial(_index_of, made.chain(100_000)), 1)
        side = 300
        grid = made.grid(side)
        grid_s, swept = best(partial(_index_of, grid), 1)
        east, north = grid.from_node.astype(np.int64) // side, grid.from_node % side
        want = east * (north + 1) + (east + 1) * north + 1  # reaches above a corner of the grid, and the reach itself
        one, rows = np.ones(len(want)), np.arange(64) * 997
        some_s, some = best(lambda: sum_rows(swept, add_up(swept, one), rows), 1)
        sets_s, sets = best(lambda: take_sets(swept, rows), 1)
        right = bool((sum_total(index, np.ones(100_000)) == np.arange(1, 100_001)).all() and (some == want[rows]).all())
        found = {
            "chain_1e5_build_s": chain_s, "grid_300_build_s": grid_s, "grid_300_64_totals_s": some_s, "grid_300_64_sets_s": sets_s,
            "grid_300_exploded": bool(len(swept.exploded) and swept.exploded.any()),
            "worst_exact": right and bool((sets.count() == want[rows]).all()),
        }  # fmt: skip
        if what == "worst":
            found["grid_300_all_totals_s"], total = best(lambda: sum_total(swept, one), 1)
            found["worst_exact"] &= bool((total == want).all())
        key = "worst_peak_mb"
    else:
        count = int(what.split()[1])
        arrays = made.made(count)
        index = _index_of(arrays)
        found = {"peak_all_totals_ok": bool(sum_total(index, arrays.length_m).max() <= count)}
        key = "peak_mb"
    status = Path("/proc/self/status").read_text(encoding="utf-8")  # getrusage would tell of the parent before exec
    found[key] = round(int(status.split("VmHWM:")[1].split()[0]) / 1024)
    print(found)


def _index_of(arrays):
    return make_index(arrays, np.full(len(arrays.length_m), np.nan))
