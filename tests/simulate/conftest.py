"""Towns drawn once and shared by all tests of the simulator."""

from __future__ import annotations

import pytest

from outfall.simulate import make_town, write_town


@pytest.fixture(scope="session")
def town():
    """Return the town of the sample."""
    return make_town(0)


@pytest.fixture(scope="session", params=[3, 29])
def any_town(request):
    """Return towns of other seeds."""
    return make_town(request.param)


@pytest.fixture(scope="session")
def folder(town, tmp_path_factory):
    """Return the folder of the files of the sample town."""
    target = tmp_path_factory.mktemp("城 镇")
    write_town(town, target)
    return target
