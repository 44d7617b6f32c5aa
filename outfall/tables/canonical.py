"""What brings a unit to the one its parameter is kept in."""

from __future__ import annotations

from outfall.units import transform
from outfall.vocabulary import parameters

__all__ = ["scale_to_canonical"]


def scale_to_canonical(parameter: str, unit: str) -> tuple[float, float]:
    """Return factor and offset that bring a unit to the canonical unit of a parameter.

    Parameters
    ----------
    parameter : str
        A name of ``vocabulary.parameters()``.
    unit : str
        Any spelling ``units.find_unit`` knows.

    Returns
    -------
    tuple of float
        ``value * factor + offset`` is in the canonical unit.

    Raises
    ------
    UnitError
        The unit is unknown or measures something else.

    Examples
    --------
    >>> scale_to_canonical("lead", "µg/L"), scale_to_canonical("ammonia", "mmol/L")
    ((0.001, 0.0), (14.007, 0.0))
    """
    known = parameters()[parameter]
    return transform(unit, known.unit, molar_mass_g=known.molar_mass_g)
