"""Which formulas on bands are known: each with what it was made for, where it ends, who says so, and values that must come out."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from outfall.errors import Problem, SceneError
from outfall.scenes.scene import ROLES, quantity_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from outfall.vocabulary import Lang

__all__ = ["Formula", "Refusal", "check_formula", "find_formula", "formulas"]

# A formula that looks like no other quantity needs a hint how to get it.
_WAYS = {
    ("rho_w", "Rrs"): "multiply by pi with as_quantity(scene, 'rho_w')",
    ("Rrs", "rho_w"): "divide by pi with as_quantity(scene, 'Rrs')",
    (
        "rho_w",
        "rho_s",
    ): "correct for the atmosphere over water, or say with as_quantity(scene, 'rho_w', is_assumed=True) that you take one for the other",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A condition under which a formula has no value.

    Parameters
    ----------
    when : str
        The condition, over the formula's bands.
    en, zh : str
        The reason.
    """

    when: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula on bands, as data.

    Parameters
    ----------
    name : str
        Identifier.
    group : str
        What it is about: water_mask, chlorophyll, turbidity, suspended_matter, black_odorous, surface, colour.
    en, zh : str
        What people call it.
    expression : str
        The formula over the names in ``bands``.
    bands : mapping of str to str or (float, float)
        For each name a role, or a centre and a tolerance in nanometres.
    quantities : tuple of str
        Quantities it was made for.
    cite : str
        Where it is from.
    unit : str
        Of the result; empty for an index.
    sensors : tuple of str
        Beginnings of sensor names it is calibrated for; empty for any.
    valid : (float, float), optional
        Range outside which a result is no result.
    threshold : float, optional
        Published threshold.
    water_is_above : bool
        Whether what is sought lies above the threshold.
    refuse : tuple of Refusal
        When it has no value.
    let : mapping of str to str
        Names of parts of the expression.
    is_verified : bool
        Whether coefficients were checked against a source; what is not is our default.
    note : str
        What a user must know.
    golden : tuple of mappings
        Inputs by name and the ``value`` that must come out.
    """

    name: str
    group: str
    en: str
    zh: str
    expression: str
    bands: Mapping[str, str | tuple[float, float]]
    quantities: tuple[str, ...]
    cite: str
    unit: str = ""
    sensors: tuple[str, ...] = ()
    valid: tuple[float, float] | None = None
    threshold: float | None = None
    water_is_above: bool = True
    refuse: tuple[Refusal, ...] = ()
    let: Mapping[str, str] = field(default_factory=dict)
    is_verified: bool = True
    note: str = ""
    golden: tuple[Mapping[str, object], ...] = ()

    def label(self, lang: Lang = "en") -> str:
        """Return its name in one language, with the unit."""
        own = self.zh if lang == "zh" else self.en
        return f"{own} ({self.unit})" if self.unit else own

    def __repr__(self) -> str:
        """Return the name and the expression."""
        return f"<Formula {self.name}: {self.expression}>"


@cache
def formulas() -> dict[str, Formula]:
    """Return every formula by name.

    Returns
    -------
    dict of str to Formula
        In the order of the file ``formulas.toml``.

    Examples
    --------
    >>> formulas()["ndwi"]
    <Formula ndwi: nd(green, nir)>
    """
    rows = tomllib.loads(files("outfall.scenes").joinpath("formulas.toml").read_text(encoding="utf-8"))
    return {name: _formula(name, row) for name, row in rows.items()}


def find_formula(name: str) -> Formula:
    """Return one formula.

    Parameters
    ----------
    name : str
        As in :func:`formulas`.

    Returns
    -------
    Formula
        The one of that name.

    Raises
    ------
    SceneError
        There is none.

    Examples
    --------
    >>> find_formula("boi").group
    'black_odorous'
    """
    if name not in formulas():
        msg = f"formula: {name!r} is not known; there are {', '.join(formulas())}"
        raise SceneError(msg)
    return formulas()[name]


def check_formula(scene: xr.Dataset, name: str) -> dict[str, str]:
    """Return which band of a scene stands for each name in a formula.

    Parameters
    ----------
    scene : Dataset
        A scene.
    name : str
        Of a formula.

    Returns
    -------
    dict of str to str
        Name in the formula to role in the scene.

    Raises
    ------
    SceneError
        The scene lacks a band, its bands lie elsewhere in the spectrum, its numbers are another quantity, or the formula
        belongs to another sensor: every reason at once.
    """
    formula = find_formula(name)
    problems, found = [], {}
    for own, wanted in formula.bands.items():
        role = _find_band(scene, wanted)
        if role is None:
            problems.append(Problem(own, f"no band {_wanted_text(wanted)}; the scene has {_offered_text(scene)}"))
        else:
            found[own] = role
    given = dict.fromkeys(quantity_of(scene, role) for role in found.values())
    for quantity in given:
        if quantity not in formula.quantities:
            way = next((_WAYS[wanted, quantity] for wanted in formula.quantities if (wanted, quantity) in _WAYS), "")
            expected = " or ".join(formula.quantities)
            problems.append(
                Problem("quantity", f"{quantity or 'nobody said'!r}; this formula was made for {expected}", way)
            )
    sensor = str(scene.attrs.get("sensor", ""))
    if formula.sensors and not sensor.startswith(formula.sensors):
        expected = ", ".join(formula.sensors)
        problems.append(Problem("sensor", f"{sensor or 'nobody said'!r}; these coefficients belong to {expected}"))
    if problems:
        msg = f"{name} cannot be computed from this scene"
        raise SceneError(msg, problems)
    return found


def _formula(name: str, row: Mapping[str, Any]) -> Formula:
    known = dict(row)
    bands: dict[str, Any] = {
        own: what if isinstance(what, str) else tuple(map(float, what)) for own, what in known.pop("bands").items()
    }
    refuse = tuple(Refusal(**one) for one in known.pop("refuse", ()))
    lists: dict[str, Any] = {
        key: tuple(known.pop(key)) for key in ("quantities", "sensors", "valid", "golden") if key in known
    }
    return Formula(name=name, bands=bands, refuse=refuse, **known, **lists)


def _find_band(scene: xr.Dataset, wanted: str | tuple[float, float]) -> str | None:
    if isinstance(wanted, str):
        return wanted if wanted in scene else None
    centre, tolerance = wanted
    gaps = {
        role: abs(float(scene[role].attrs["centre_nm"]) - centre)
        for role in map(str, scene.data_vars)
        if role in ROLES and "centre_nm" in scene[role].attrs
    }
    near = {role: gap for role, gap in gaps.items() if gap <= tolerance}
    return min(near, key=lambda role: (near[role], role)) if near else None


def _wanted_text(wanted: str | tuple[float, float]) -> str:
    return wanted if isinstance(wanted, str) else f"at {wanted[0]:g} nm (within {wanted[1]:g})"


def _offered_text(scene: xr.Dataset) -> str:
    bands = [str(role) for role in scene.data_vars if str(role) in ROLES]
    said = [
        f"{role} at {float(scene[role].attrs['centre_nm']):g} nm"
        if "centre_nm" in scene[role].attrs
        else f"{role} (centre not said)"
        for role in bands
    ]
    return ", ".join(said) or "none"
