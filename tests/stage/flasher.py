"""The picture of the stage: the self-test's own pattern window, run as a program.

Run as a program:  python -m tests.stage.flasher START_NS SCHEDULE [TICK_MS]
"""

from onetake.platforms.linux.pattern_window import main

if __name__ == "__main__":
    main()
