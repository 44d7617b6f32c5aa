"""Invented networks for the benchmark: trees, trees with local braids, trees with long transfers; and the worst cases."""

from __future__ import annotations

import numpy as np

from outfall.network import Arrays

BACK = 0.01  # a reach runs to one made about 100 earlier: 1e6 reaches are 10,000 deep


def tree(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes at the upper and lower end of each reach, in random order under random numbers."""
    rng = np.random.default_rng(seed)
    below = np.maximum(np.arange(count) - rng.geometric(BACK, count), 0)
    name, order = rng.permutation(count + 1), rng.permutation(count)
    return name[np.arange(1, count + 1)][order], name[below][order]


def made(count: int, *, braid_share: float = 0.0, transfers: int = 0, seed: int = 0) -> Arrays:
    """Return a tree of ``count`` reaches, a share of reaches that rejoin three reaches below, and some that lead far away."""
    tail, head = tree(count, seed)
    rng = np.random.default_rng(seed + 1)
    onward = np.full(count + 1, -1)
    onward[tail] = head
    far = _steps(onward)
    upper = tail[rng.choice(count, int(count * braid_share), replace=False)]
    lower = upper.copy()
    for _ in range(3):
        lower = np.where(onward[lower] >= 0, onward[lower], lower)
    ends = [(upper, lower)]
    if transfers:
        one, other = tail[rng.choice(count, 2 * transfers, replace=False)].reshape(2, -1)
        swap = far[one] < far[other]
        ends.append((np.where(swap, other, one), np.where(swap, one, other)))
    upper, lower = (np.concatenate([pair[at] for pair in ends]) for at in (0, 1))
    keep = far[upper] > far[lower]
    tail, head = np.concatenate([tail, upper[keep]]), np.concatenate([head, lower[keep]])
    return plain(tail, head, (np.arange(len(tail)) >= count).astype(np.int32), count + 1)


def plain(tail: np.ndarray, head: np.ndarray, rank: np.ndarray, nodes: int) -> Arrays:
    """Return arrays with a length of 1 m everywhere and no doubt about direction."""
    one = np.ones(len(tail))
    return Arrays(nodes, tail.astype(np.int32), head.astype(np.int32), one, one, rank.astype(np.int32))


def chain(count: int) -> Arrays:
    """Return reaches one after another."""
    at = np.arange(count)
    return plain(at, at + 1, np.zeros(count), count + 1)


def grid(side: int) -> Arrays:
    """Return a grid in which every node divides in two."""
    at = np.arange(side * side).reshape(side, side)
    tail = np.concatenate([at[:-1].ravel(), at[:, :-1].ravel()])
    head = np.concatenate([at[1:].ravel(), at[:, 1:].ravel()])
    rank = (np.arange(len(tail)) >= at[:-1].size) & (tail // side != side - 1)
    return plain(tail, head, rank, side * side)


def below(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Return the connections from reach to reach, which is how the peers see a network."""
    start, reach = arrays.down
    return np.repeat(np.arange(len(start) - 1), np.diff(start)), reach.astype(np.int64)


def _steps(onward: np.ndarray) -> np.ndarray:
    """Return the number of reaches from each node to the mouth."""
    step, following = (onward >= 0).astype(np.int64), np.where(onward >= 0, onward, np.arange(len(onward)))
    while not np.array_equal(following, following[following]):
        step, following = step + step[following], following[following]
    return step
