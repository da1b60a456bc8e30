"""`core` offers its public names lazily, and none that does not exist."""

from __future__ import annotations

import pytest

import core


@pytest.mark.parametrize("name", core.__all__)
def test_every_public_name_is_there(name):
    value = getattr(core, name)
    assert value.__name__.rsplit(".")[-1] == name
    assert value.__doc__


def test_other_names_are_not():
    assert dir(core) == core.__all__
    with pytest.raises(AttributeError, match="module 'core' has no attribute 'manager'"):
        core.manager  # noqa: B018
