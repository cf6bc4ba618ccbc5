"""Takes from the synthetic devices, driven from outside, and what must be true of their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from onetake.control.controller import Controller
from onetake.engine.recorder import Recorder
from onetake.model.settings import Settings
from onetake.proof.check import check
from onetake.proof.results import Verdict

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


def assert_good(path: str | Path, muted_at_least_s: float = 0.0):
    """Assert that a file is whole and in step, and that its muted spans are silent."""
    report = check(path)
    assert report.verdict is Verdict.GOOD, [finding.message for finding in report.findings]
    assert sum(span.end_s - span.start_s for span in report.muted) >= muted_at_least_s
    assert all(span.is_clean is not False for span in report.muted)
    return report
