"""The public interface: small, complete, and light to import."""

from __future__ import annotations

import onetake


def test_the_public_interface_is_small() -> None:
    """At most 25 names, each of which really loads."""
    assert len(onetake.__all__) <= 25
    for name in onetake.__all__:
        assert getattr(onetake, name) is not None


def test_every_lazy_name_is_public() -> None:
    """What can be loaded from the package is exactly what `__all__` promises."""
    lazy = {name for names in onetake._ROOMS.values() for name in names}
    assert lazy | {"__version__"} == set(onetake.__all__)
