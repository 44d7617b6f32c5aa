"""What are invented works called: names from harmless syllables, credit codes with a right check digit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from outfall.simulate._data import syllables

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ADMIN", "COUNTY_CODE", "Names", "credit_code", "outfall_name", "permit_no"]

ADMIN = "澄江市禾川县柳渡镇"
COUNTY_CODE = "429900"
_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CLASS_WORDS = {
    "oth.urban_storm": "城镇雨洪排口",
    "ind.enterprise": "工业企业排污口",
    "ind.enterprise_storm": "工业企业雨洪排口",
    "wwtp.urban": "城镇污水处理厂排污口",
    "oth.rural_domestic": "农村生活污水散排口",
    "agr.aquaculture_scale": "水产养殖排污口",
    "oth.livestock_small": "畜禽养殖排污口",
    "oth.irrigation": "灌区排口",
    "oth.other": "其他排污口",
}


class Names:
    """A hat of invented names; none is drawn twice."""

    def __init__(self, rng: np.random.Generator) -> None:
        lists = syllables()
        self._rng = rng
        self._hat = [a + b for a in lists["first"] for b in lists["second"]]
        rng.shuffle(self._hat)

    def draw(self, suffixes: str) -> str:
        """Return a name that ends in one of the suffixes."""
        choices = suffixes.split(";")
        return self._hat.pop() + choices[int(self._rng.integers(len(choices)))]


def credit_code(rng: np.random.Generator) -> str:
    """Return an invented unified social credit code with the check digits of GB 11714 and GB 32100."""
    body = "".join(_SIGNS[int(i)] for i in rng.integers(0, 10, 7)) + "X"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    values = [int(c, 36) for c in body]
    rest = (11 - sum(w * v for w, v in zip(weights, values, strict=True)) % 11) % 11
    organisation = body + ("X" if rest == 10 else str(rest))
    head = f"91{COUNTY_CODE}{organisation}"
    total = sum(_SIGNS.index(sign) * pow(3, i, 31) for i, sign in enumerate(head))
    return head + _SIGNS[(31 - total % 31) % 31]


def permit_no(code: str) -> str:
    """Return the number of the first permit of a credit code."""
    return f"{code}001P"


def outfall_name(near: str, outfall_class: str, *, east_m: float, north_m: float) -> str:
    """Return the official name pattern: landmark, direction and distance from it, class."""
    turn = round(math.degrees(math.atan2(east_m, north_m)) / 45) % 8
    way = ("北", "东北", "东", "东南", "南", "西南", "西", "西北")[turn]
    return f"{ADMIN}{near}{way}{max(round(math.hypot(east_m, north_m)), 5)}米{_CLASS_WORDS[outfall_class]}"
