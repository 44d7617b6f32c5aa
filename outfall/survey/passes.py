"""Where did a boat meet water that enters: plumes of several passes as one place each, with its bank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from outfall.survey.alarms import least_score
from outfall.survey.noise import Noise, measure_noise
from outfall.survey.plumes import Plume, find_plumes
from outfall.survey.shapes import SHAPES_M, Run, score, tune

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.survey.runs import Pass

__all__ = ["Met", "meet_plumes"]

# Our defaults: two passes on one line, on two lines of one river, and how alike one water tastes twice.
_LINE_M, _RIVER_M = 12.0, 200.0
_ALIKE = 0.8
_SAME_M = 30.0
_SAME_SIGMAS = 2.5
_DECISIVE = 6.0
_LEANING = 2.0


@dataclass(frozen=True, slots=True)
class Met:
    """A plume on a pass: where it is, where the water flows, and the others that are the same."""

    number: int
    plume: Plume
    east_m: float
    north_m: float
    flow: tuple[float, float]
    sigma_m: float
    sensors: tuple[int, ...]
    others: tuple[Met, ...] = ()
    side: str | None = None

    def sigmas(self, count: int) -> NDArray[np.float64]:
        """Return size over error of every sensor of the log; 0 for those that said nothing on this pass."""
        out = np.zeros(count)
        out[list(self.sensors)] = self.plume.size / self.plume.error
        return out


def meet_plumes(
    passes: list[Pass], adds: list[int], *, false_per_10km: float
) -> tuple[list[Met], list[dict[int, Noise]]]:
    """Return the places where plumes enter, and the noise of each sensor on each pass.

    Parameters
    ----------
    passes : list of Pass
        From ``runs.cut_passes``.
    adds : list of int
        Per sensor of the log: 1 where what people discharge raises it, -1 where it lowers it, 0 where it may do either.
        Decides which way the water flows only where the shape of the plumes does not.
    false_per_10km : float
        Alarms of noise to accept per 10 km of track.

    Returns
    -------
    tuple of list of Met and list of dict
        Places clearest first.
    """
    count, noises, both = len(adds), [], []
    for one in passes:
        noise = {at: _noise(one.run, at) for at in range(count)}
        told = {at: found for at, found in noise.items() if found is not None}
        noises.append(told)
        both.append(_both_ways(one.run, told, false_per_10km) if told else {})
    is_with = _directions(passes, both, noises, adds)
    met: list[Met] = []
    for number, (one, ways) in enumerate(zip(passes, both, strict=True)):
        if not ways:
            continue
        plumes, gain, least = ways[is_with[number]]
        unsure = abs(gain - ways[not is_with[number]][1]) < _DECISIVE
        met += [
            _met(one, number, plume, noises[number])
            for plume in plumes
            if plume.score >= least + (np.log(2.0) if unsure else 0.0)
        ]
    groups = _grouped(met, count)
    return [_sided(group, passes, noises) for group in groups], noises


def _noise(run: Run, at: int) -> Noise | None:
    return measure_noise(run.values[:, at], run.counts[:, at], run.width_m)


def _narrowed(run: Run, told: dict[int, Noise]) -> Run:
    return Run(run.values[:, list(told)], run.counts[:, list(told)], run.width_m)


def _both_ways(run: Run, told: dict[int, Noise], rate: float) -> dict[bool, tuple[list[Plume], float, float]]:
    narrow = _narrowed(run, told)
    per = float(np.median(narrow.counts[narrow.counts > 0]))
    least = least_score(list(told.values()), run.width_m, false_per_10km=rate, per=per)
    return {
        way: (*find_plumes(narrow, list(told.values()), least_score=least, is_with=way), least) for way in (True, False)
    }


def _directions(
    passes: list[Pass],
    both: list[dict[bool, tuple[list[Plume], float, float]]],
    noises: list[dict[int, Noise]],
    adds: list[int],
) -> list[bool]:
    """Return whether the water flows as the boat went; passes along the same water must agree."""
    votes = np.array(
        [
            ways[True][1] - ways[False][1] + _leaning(ways[True][0], told, adds) - _leaning(ways[False][0], told, adds)
            if ways
            else 0.0
            for ways, told in zip(both, noises, strict=True)
        ]
    )
    total = votes.copy()
    for one in range(len(passes)):
        for two in range(len(passes)):
            if one != two:
                total[one] += _agreement(passes[one], passes[two]) * votes[two]
    return [bool(vote >= 0) for vote in total]


def _leaning(plumes: list[Plume], told: dict[int, Noise], adds: list[int]) -> float:
    """Return a small vote for a direction in which what enters adds rather than takes away."""
    sign = np.array([adds[at] for at in told])
    said = [np.sign((sign * one.size)[int(np.argmax(np.abs(sign * one.size / one.error)))]) for one in plumes]
    return _LEANING * float(np.mean(said)) if said else 0.0


def _agreement(one: Pass, two: Pass) -> float:
    """Return how much of a pass ran beside another the same way (positive) or the other way (negative)."""
    steps = np.arange(20.0, one.along_m[-1] - 20.0, 100.0)
    said = []
    for step in steps:
        east, north, _ = one.place(step)
        gap = np.hypot(two.east_m - east, two.north_m - north)
        if gap.min() < _RIVER_M / 2:
            mine, other = one.heading(step), two.heading(float(two.along_m[int(gap.argmin())]))
            said.append(mine[0] * other[0] + mine[1] * other[1])
    return float(np.sum(np.sign(said))) / len(steps) if said else 0.0


def _met(one: Pass, number: int, plume: Plume, told: dict[int, Noise]) -> Met:
    east, north, _ = one.place(plume.at_m)
    ahead = one.heading(plume.at_m)
    flow = ahead if plume.is_with else (-ahead[0], -ahead[1])
    return Met(number, plume, east, north, flow, plume.sigma_m, tuple(told))


def _grouped(met: list[Met], count: int) -> list[Met]:
    """Return one plume per place, the clearest, with the others that are the same."""
    kept: list[list[Met]] = []
    for one in sorted(met, key=lambda row: (-row.plume.score, row.number, row.plume.at_m)):
        same = [group for group in kept if _is_same(group[0], one, count)]
        if same:
            min(same, key=lambda group: _apart(group[0], one)).append(one)
        else:
            kept.append([one])
    return [replace(group[0], others=tuple(group[1:])) for group in kept]


def _apart(one: Met, two: Met) -> float:
    return float(np.hypot(one.east_m - two.east_m, one.north_m - two.north_m))


def _is_same(one: Met, two: Met, count: int) -> bool:
    if one.number == two.number:
        return False
    gap = two.east_m - one.east_m, two.north_m - one.north_m
    on = abs(gap[0] * one.flow[0] + gap[1] * one.flow[1])
    across = abs(gap[1] * one.flow[0] - gap[0] * one.flow[1])
    if on > max(_SAME_M, _SAME_SIGMAS * float(np.hypot(one.sigma_m, two.sigma_m))) or across > _RIVER_M:
        return False
    first, second = one.sigmas(count), two.sigmas(count)
    alike = float(first @ second / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-9))
    return across < _LINE_M or alike > _ALIKE


def _sided(one: Met, passes: list[Pass], noises: list[dict[int, Noise]]) -> Met:
    """Return the place with its bank, where another pass beside it saw clearly less."""
    strongest = int(np.argmax(np.abs(one.plume.size / one.plume.error)))
    sensor = one.sensors[strongest]
    for number, other in enumerate(passes):
        gap = np.hypot(other.east_m - one.east_m, other.north_m - one.north_m)
        near = int(gap.argmin())
        if number == one.number or sensor not in noises[number] or gap[near] > _RIVER_M / 2:
            continue
        east, north = other.east_m[near] - one.east_m, other.north_m[near] - one.north_m
        left = one.flow[0] * north - one.flow[1] * east
        if abs(left) < _LINE_M / 2:
            continue
        size, error = _there(other, float(other.along_m[near]), noises[number][sensor], sensor, one)
        less = abs(one.plume.size[strongest]) - abs(size)
        if less > 2.0 * float(np.hypot(one.plume.error[strongest], error)) and less > 0.3 * abs(
            one.plume.size[strongest]
        ):
            side = "right" if left > 0 else "left"
            return replace(one, side=side)
    return one


def _there(other: Pass, at_m: float, noise: Noise, sensor: int, one: Met) -> tuple[float, float]:
    """Return the height of the same plume, and its error, on another pass."""
    run = _narrowed(other.run, {sensor: noise})
    ahead = other.heading(at_m)
    is_with = ahead[0] * one.flow[0] + ahead[1] * one.flow[1] > 0
    turned = run if is_with else run.reversed()
    gone = at_m if is_with else len(run.values) * run.width_m - at_m
    middle = int(np.clip(round(gone / run.width_m), 0, len(run.values) - 1))
    table = score(tune(turned, [noise]), turned.values, run.width_m, part=slice(middle, middle + 1))
    shape = int(np.argmin(np.abs(np.array(SHAPES_M) - one.plume.scale_m)))
    return float(table.size[0, shape, 0]), float(table.error[0, shape, 0])
