"""The program of the bundle."""

import sys

from onetake.ui.macos.app import main

sys.exit(main())
