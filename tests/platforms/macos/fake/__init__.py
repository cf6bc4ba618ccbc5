"""A strict stand-in for PyObjC and the macOS frameworks, for a Mac that is not there.

Only the calls the back-end makes exist; everything else raises. What is legal is checked against
api_table.json (names, argument counts, first macOS version), what is observable follows the facts
and traps written down in docs/macos.md. It is no proof that macOS behaves so; it is a proof that
the back-end keeps to what is known.
"""

from tests.platforms.macos.fake.install import installed
from tests.platforms.macos.fake.world import Mac

__all__ = ["Mac", "installed"]
