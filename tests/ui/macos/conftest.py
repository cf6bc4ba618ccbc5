"""The simulated Mac."""

from tests.platforms.macos.conftest import mac

__all__ = ["mac"]
