"""The same questions put to other libraries: each peer builds its graph, sums, and finds what is upstream.

A peer is a class with some of ``build`` (its constructor), ``accumulate() -> array``, ``one(reach) -> rows``; what it lacks it cannot
do. A cell stops at the limit; what was done by then is extrapolated and marked.
"""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass

import numpy as np


class TooSlow(Exception):  # noqa: N818 - it is a stop, not an error
    """A cell reached its limit; ``seconds`` is what the whole would have taken."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"about {seconds:.0f} s")
        self.seconds = seconds


@dataclass
class Case:
    """One network as peers get it: connections from reach to reach, and a number per reach."""

    count: int
    tail: np.ndarray
    head: np.ndarray
    values: np.ndarray
    order: np.ndarray  # reaches, upstream ones first
    limit_s: float

    @property
    def is_tree(self) -> bool:
        return len(self.tail) == len(np.unique(self.tail))


def in_portions(case: Case, add) -> None:
    """Hand connections over by portions, so that a slow peer can be stopped."""
    begun, size = time.process_time(), max(1, len(case.tail) // 50)
    for at in range(0, len(case.tail), size):
        add(case.tail[at : at + size], case.head[at : at + size])
        spent = time.process_time() - begun
        if spent > case.limit_s:
            raise TooSlow(spent * len(case.tail) / min(at + size, len(case.tail)))


def loop_over(case: Case, step) -> None:
    """Run a Python loop over all reaches from upstream, with the same stop."""
    begun = time.process_time()
    for number, reach in enumerate(case.order.tolist()):
        step(reach)
        if number % 10_000 == 9_999 and time.process_time() - begun > case.limit_s:
            raise TooSlow((time.process_time() - begun) * case.count / (number + 1))


class Networkx:
    def __init__(self, case: Case) -> None:
        self.nx, self.case = importlib.import_module("networkx"), case
        self.graph = self.nx.DiGraph()
        self.graph.add_nodes_from(range(case.count))
        in_portions(case, lambda tail, head: self.graph.add_edges_from(zip(tail.tolist(), head.tolist(), strict=True)))

    def accumulate(self) -> np.ndarray:
        return _push_down(self.case, self.graph.successors)

    def one(self, reach: int) -> np.ndarray:
        return np.fromiter(self.nx.ancestors(self.graph, reach) | {reach}, dtype=np.int64)


class Rustworkx:
    def __init__(self, case: Case) -> None:
        self.rx, self.case = importlib.import_module("rustworkx"), case
        self.graph = self.rx.PyDiGraph()
        self.graph.add_nodes_from(range(case.count))
        in_portions(
            case,
            lambda tail, head: self.graph.extend_from_edge_list(list(zip(tail.tolist(), head.tolist(), strict=True))),
        )

    def accumulate(self) -> np.ndarray:
        return _push_down(self.case, self.graph.successor_indices)

    def one(self, reach: int) -> np.ndarray:
        return np.fromiter(self.rx.ancestors(self.graph, reach) | {reach}, dtype=np.int64)


class Igraph:
    def __init__(self, case: Case) -> None:
        module, self.case = importlib.import_module("igraph"), case
        self.graph = module.Graph(n=case.count, edges=np.stack([case.tail, case.head], axis=1), directed=True)

    def accumulate(self) -> np.ndarray:
        return _push_down(self.case, self.graph.successors)

    def one(self, reach: int) -> np.ndarray:
        return np.asarray(self.graph.subcomponent(reach, mode="in"))


class Scipy:
    def __init__(self, case: Case) -> None:
        sparse, self.case = importlib.import_module("scipy.sparse"), case
        self.graph = sparse.csr_matrix(
            (np.ones(len(case.tail)), (case.head, case.tail)), shape=(case.count, case.count)
        )
        self.search = importlib.import_module("scipy.sparse.csgraph").breadth_first_order

    def accumulate(self) -> np.ndarray:
        if not self.case.is_tree:
            raise NotImplementedError
        linalg, sparse = importlib.import_module("scipy.sparse.linalg"), importlib.import_module("scipy.sparse")
        return linalg.splu((sparse.eye(self.case.count) - self.graph).tocsc(), permc_spec="NATURAL").solve(
            self.case.values
        )

    def one(self, reach: int) -> np.ndarray:
        return self.search(self.graph, reach, return_predecessors=False)


class Pyflwdir:
    def __init__(self, case: Case) -> None:
        if not case.is_tree:
            raise NotImplementedError
        module, self.case = importlib.import_module("pyflwdir"), case
        onward = np.arange(case.count)
        onward[case.tail] = case.head
        self.graph = module.Flwdir(onward)
        self.graph.order_cells()

    def accumulate(self) -> np.ndarray:
        return self.graph.accuflux(self.case.values)


class Earthkit:
    def __init__(self, case: Case) -> None:
        if not case.is_tree:
            raise NotImplementedError
        self.case, self.kit = case, importlib.import_module("earthkit.hydro")
        reader = importlib.import_module("earthkit.hydro._readers._core")  # it has no public way in from arrays
        network = importlib.import_module("earthkit.hydro.data_structures._network").RiverNetwork
        there = np.ones(case.count, dtype=bool)
        self.graph = network(reader.create_network(case.tail, case.head, there, (1, case.count)))

    def accumulate(self) -> np.ndarray:
        return np.asarray(self.kit.upstream.array.sum(self.graph, self.case.values, return_type="masked"))


class Pynhd:
    def __init__(self, case: Case) -> None:
        if not case.is_tree:
            raise NotImplementedError
        pandas = importlib.import_module("pandas")
        self.case, self.tools = case, importlib.import_module("pynhd.network_tools")
        onward = np.full(case.count, -1)
        onward[case.tail] = case.head
        self.table = pandas.DataFrame({"ID": np.arange(case.count), "toID": onward, "own": case.values})

    def accumulate(self) -> np.ndarray:
        if self.case.count > 20_000:  # 10 s at 1e5 where it was measured: it has no place to stop it
            raise TooSlow(float("nan"))
        found = self.tools.vector_accumulation(
            self.table, lambda inflow, own: inflow + own, "own", ["own"], id_col="ID", toid_col="toID"
        )
        return found.to_numpy(float)


PEERS = {
    "networkx": Networkx, "rustworkx": Rustworkx, "igraph": Igraph, "scipy": Scipy, "pyflwdir": Pyflwdir,
    "earthkit": Earthkit, "pynhd": Pynhd,
}  # fmt: skip


def _push_down(case: Case, below) -> np.ndarray:
    """Sum down a tree by the loop every graph library leaves to its user."""
    if not case.is_tree:
        raise NotImplementedError  # such a loop counts a braid twice
    total = case.values.tolist()

    def step(reach: int) -> None:
        for other in below(reach):
            total[other] += total[reach]

    loop_over(case, step)
    return np.asarray(total)


def make_walks():
    """Return compiled loops: sum over what a depth-first walk finds, and sums down a tree in order."""
    import numba

    @numba.njit(cache=True)
    def walk(start, above, values, rows, stamp, stack, first_stamp):
        total = np.zeros(len(rows))
        for number in range(len(rows)):
            mark = first_stamp + number
            stack[0], height = rows[number], 1
            stamp[rows[number]] = mark
            while height:
                height -= 1
                reach = stack[height]
                total[number] += values[reach]
                for at in range(start[reach], start[reach + 1]):
                    other = above[at]
                    if stamp[other] != mark:
                        stamp[other] = mark
                        stack[height] = other
                        height += 1
        return total

    @numba.njit(cache=True)
    def loop(order, onward, values):
        total = values.copy()
        for reach in order:
            if onward[reach] >= 0:
                total[onward[reach]] += total[reach]
        return total

    return walk, loop
