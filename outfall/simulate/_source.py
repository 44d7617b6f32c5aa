"""What is one source: what it discharges, into what, and what the register knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from outfall.simulate._names import Names, credit_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.simulate._sketch import Point

__all__ = ["Source", "new_source"]


@dataclass(frozen=True, slots=True)
class Source:
    """One true discharger: what it is, where its water enters, and what the register knows of it."""

    source_id: str
    name: str
    kind: str
    place: str
    point: Point
    node: str
    true_system: str
    stated_system: str
    mean_m3d: float
    pattern: str
    credit_code: str
    is_registered: bool
    is_wrong: bool
    net_id: str
    address: str


def new_source(rng: np.random.Generator, kind: Mapping[str, str], names: Names) -> Source:
    """Return a source of a kind with a name, a mean discharge and nowhere to be yet."""
    cv = float(kind["cv"])
    sigma = np.sqrt(np.log(1 + cv**2))
    mean = float(kind["mean_m3d"]) * float(np.exp(rng.normal(-(sigma**2) / 2, sigma)))
    return Source(
        source_id="", name=names.draw(kind["suffixes"]), kind=kind["kind"], place=kind["place"], point=(0, 0),
        node="", true_system="foul",
        stated_system="foul", mean_m3d=round(mean, 1), pattern=kind["pattern"], credit_code=credit_code(rng),
        is_registered=True,
        is_wrong=False, net_id="", address="",
    )  # fmt: skip
