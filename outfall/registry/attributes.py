"""What side, shape, class, state, colour and diameter say: values, how often each occurs, how likely each is misheard."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.vocabulary import plain

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["WORDS", "Attribute", "attribute_gains", "learn_right", "likelihoods", "read_attributes"]

# How often a platform says the true word; our defaults, corrected by the data (learn_right).
_RIGHT_SHARE = {"side": 0.95, "outfall_shape": 0.9, "outfall_class": 0.85, "is_discharging": 0.85, "colour": 0.8}
_RIGHT_DIAMETER = 0.9
_LOG_DIAMETER_SIGMA = 0.16
_STEP = 0.1
_NO_WORD = {"", "undetermined", "other", "oth.other"}
_MOST_WORDS = 60  # rarer words than the first sixty are silent
_PRIOR_PAIRS = 20.0
_MOST_GAIN = (1e-13, 1e13)

WORDS = {
    "side": ("bank", "岸别"),
    "outfall_shape": ("shape", "口门形态"),
    "outfall_class": ("class", "类型"),
    "is_discharging": ("discharge", "排水状态"),
    "colour": ("colour", "颜色"),
    "diameter_mm": ("diameter", "口径"),
    "name": ("name", "名称"),
    "code": ("code", "编码"),
    "photo_ids": ("photo", "照片"),
}


class Attribute(NamedTuple):
    """What sightings say about one attribute.

    Parameters
    ----------
    name : str
        Column of the contract.
    code : ndarray of int, n
        Which value a sighting says; -1 is silent.
    often : ndarray, v
        How often each value occurs.
    right : float
        Our default of how often the true value is said.
    heard : ndarray, v by v
        How likely value j is written when the truth is i and the platform is right.
    """

    name: str
    code: NDArray[np.int64]
    often: NDArray[np.float64]
    right: float
    heard: NDArray[np.float64]


def read_attributes(seen: pd.DataFrame) -> list[Attribute]:
    """Return the attributes at least two sightings speak about.

    Parameters
    ----------
    seen : DataFrame, n rows
        Contract ``sightings``.

    Returns
    -------
    list of Attribute
        In the order of WORDS; words that say nothing (other, undetermined) are silent.
    """
    found = [_read_words(seen, name, share) for name, share in _RIGHT_SHARE.items()]
    found.append(_read_diameters(seen["diameter_mm"].to_numpy(dtype=float)))
    return [attribute for attribute in found if (attribute.code >= 0).sum() > 1]


def likelihoods(attribute: Attribute, right: NDArray[np.float64], platform: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each sighting how likely what it says is under each true value, the likeliest 1; 1 where it is silent."""
    by_chance = attribute.often @ attribute.heard
    told = right[:, None, None] * attribute.heard.T + (1.0 - right)[:, None, None] * by_chance[:, None]
    told /= told.max(axis=2, keepdims=True)
    silent = np.ones((len(right), 1, len(attribute.often)))
    return np.concatenate([told, silent], axis=1)[platform, attribute.code]


def attribute_gains(
    attributes: list[Attribute], one: NDArray[np.float64], two: NDArray[np.float64], alike: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log likelihood ratio by attribute that two groups are one thing, from what their members say.

    Parameters
    ----------
    attributes : list of Attribute, a
        Their frequencies are the prior.
    one, two : ndarray, m by values
        Products of likelihoods over the members, attribute after attribute.
    alike : ndarray, a
        How often a neighbour has the same value beyond chance.

    Returns
    -------
    ndarray, m by a
        Natural log.
    """
    found, stop = np.zeros((len(one), len(attributes))), 0
    for at, attribute in enumerate(attributes):
        start, stop = stop, stop + len(attribute.often)
        mine, theirs = one[:, start:stop], two[:, start:stop]
        both = np.einsum("mv,mv,v->m", mine, theirs, attribute.often)
        gain = both / (np.einsum("mv,v->m", mine, attribute.often) * np.einsum("mv,v->m", theirs, attribute.often))
        found[:, at] = -np.log(alike[at] + (1.0 - alike[at]) / np.clip(gain, *_MOST_GAIN))
    return found


def learn_right(
    attribute: Attribute,
    platform: NDArray[np.int64],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    before: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return how often each platform says the true value, from pairs that are surely one thing.

    Parameters
    ----------
    attribute : Attribute
        What is said.
    platform : ndarray of int, n
        Number of the platform of each sighting.
    pairs : two ndarrays of int
        Rows of pairs that are one thing.
    before : ndarray
        By platform, the last estimate.

    Returns
    -------
    ndarray
        By platform; our default counts as twenty pairs.
    """
    left, right = pairs
    both = (attribute.code[left] >= 0) & (attribute.code[right] >= 0)
    left, right = left[both], right[both]
    same = attribute.heard.T @ (attribute.often[:, None] * attribute.heard)
    said = attribute.often @ attribute.heard
    # Agreement of continuous values is graded: how much likelier this pair is if both are right than by chance.
    one, two = attribute.code[left], attribute.code[right]
    ratio = same[one, two] / (said[one] * said[two])
    found = before.copy()
    for _ in range(5):
        both_right = found[platform[left]] * found[platform[right]]
        weight = both_right * ratio / (both_right * ratio + 1.0 - both_right)
        # Where a pair is not right on both sides, either may be the one that is wrong.
        other = (found[platform[left]] - both_right) / np.maximum(1.0 - both_right, 1e-9)
        mine = (found[platform[right]] - both_right) / np.maximum(1.0 - both_right, 1e-9)
        hits = np.bincount(platform[left], weight + (1.0 - weight) * other, len(found))
        hits += np.bincount(platform[right], weight + (1.0 - weight) * mine, len(found))
        count = np.bincount(platform[left], minlength=len(found)) + np.bincount(platform[right], minlength=len(found))
        found = np.clip((hits + _PRIOR_PAIRS * attribute.right) / (count + _PRIOR_PAIRS), 0.05, 0.995)
    return found


def _read_words(seen: pd.DataFrame, name: str, share: float) -> Attribute:
    there = seen[name].notna().to_numpy()
    texts = np.full(len(seen), "", dtype=object)
    said = [str(value) for value in seen[name].to_numpy(dtype=object)[there]]
    folded = {value: plain(value) for value in set(said)}
    texts[there] = [folded[value] for value in said]
    texts = texts.astype(str)
    texts[np.isin(texts, list(_NO_WORD))] = ""
    words, count = np.unique(texts[texts != ""], return_counts=True)
    kept = np.sort(np.lexsort((words, -count))[:_MOST_WORDS])
    words, count = words[kept], count[kept]
    at = np.searchsorted(words, texts) if len(words) else np.zeros(len(texts), dtype=np.int64)
    at = np.minimum(at, max(len(words) - 1, 0))
    code = np.where(words[at] == texts, at, -1) if len(words) else np.full(len(texts), -1)
    # One more value nobody said keeps a table with one value from proving anything.
    often = np.append(count + 1.0, 1.0) / (count.sum() + len(words) + 1.0)
    return Attribute(name, code.astype(np.int64), often, share, np.eye(len(often)))


def _read_diameters(values: NDArray[np.float64]) -> Attribute:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(values > 0, values, np.nan))
    there = np.isfinite(logs)
    if not there.any():
        return Attribute("diameter_mm", np.full(len(values), -1), np.ones(1), _RIGHT_DIAMETER, np.ones((1, 1)))
    low = float(logs[there].min()) - 2 * _STEP
    code = np.where(there, np.round((np.nan_to_num(logs) - low) / _STEP), -1).astype(np.int64)
    size = int(code.max()) + 3
    grid = np.arange(size)
    heard = np.exp(-0.5 * ((grid[:, None] - grid[None, :]) * _STEP / _LOG_DIAMETER_SIGMA) ** 2)
    heard /= heard.sum(axis=1, keepdims=True)
    often = np.bincount(code[there], minlength=size) + 0.5
    return Attribute("diameter_mm", code, often / often.sum(), _RIGHT_DIAMETER, heard)
