"""Takes from the synthetic devices, driven from outside, and what must be true of their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.stage.witness import this_machine

from onetake.control.controller import Controller
from onetake.engine.recorder import Recorder
from onetake.file.report import read_report
from onetake.model.settings import Settings
from onetake.proof.check import check
from onetake.proof.results import Fault, Severity

__all__ = ["Engine", "assert_good", "synthetic_settings"]


def synthetic_settings(folder: Path, **fields) -> Settings:
    """Return the settings of a small take from the synthetic devices."""
    return Settings(
        output=str(folder / "take.mp4"),
        screen="synthetic:screen?size=640x360",
        system_audio="synthetic",
        mic="synthetic",
        camera="synthetic:camera?size=320x240",
        **fields,
    )


@dataclass
class Engine:
    """A recorder in this process, with a listener from the beginning."""

    folder: Path

    def __post_init__(self):
        self.controller = Controller(
            Recorder(), synthetic_settings(self.folder), folder=self.folder
        )
        self.listening = self.controller.subscribe()

    def events(self):
        """Return everything that was told so far."""
        told = []
        while (event := self.listening.get(0)) is not None:
            told.append(event)
        return told

    def close(self):
        self.controller.close()


NO_PICTURES = frozenset((Fault.FRAME_GAP, Fault.FROZEN_PICTURE))
"""What a machine that stands still does to any take: no picture is drawn then."""


def assert_good(path: str | Path, muted_at_least_s: float = 0.0):
    """Assert that a file is whole and in step, and that its muted spans are silent. Pictures may
    be missing if the machine stood still since the take began."""
    report, own = check(path), read_report(Path(path))
    assert own is not None
    excused = NO_PICTURES if this_machine().stalls(own.t0_ns) else frozenset()
    wrong = [f for f in report.findings if f.severity is not Severity.NOTE]
    assert not [f for f in wrong if f.fault not in excused], [f.message for f in wrong]
    assert sum(span.end_s - span.start_s for span in report.muted) >= muted_at_least_s
    assert all(span.is_clean is not False for span in report.muted)
    return report
