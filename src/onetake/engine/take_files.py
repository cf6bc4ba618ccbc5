"""Everything a take writes: its parts, their journals, and what becomes of each at its end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from onetake.clock import Clock
from onetake.engine.bookkeeping import Bookkeeping
from onetake.engine.finishing import Ended, TakeOutcome, finish_file, outcome_of
from onetake.engine.parts import Part, PartChain
from onetake.engine.plan import Plan, Warn
from onetake.engine.readings import Readings
from onetake.errors import DiskFull, OnetakeError, OutputFailed
from onetake.file.naming import default_folder, part_path
from onetake.file.output_file import output_errors
from onetake.model.events import Event
from onetake.model.units import NS_PER_MS

__all__ = ["CUT_AHEAD_NS", "TakeFiles"]

CUT_AHEAD_NS = 100 * NS_PER_MS
"""How far ahead of now a new file begins. Both lanes must hear of it before they get there; the
video lane is behind by its queue at most, and ScreenCaptureKit stamps run 20 ms ahead."""

MOST_FAILED_PARTS = 20
"""Files after which a writer that fails again ends the take: it fails for a reason that a new file
does not cure."""


class TakeFiles:
    """The files of one take. `happened` from any thread, `flush` on the writer's, the rest on the
    take's."""

    def __init__(
        self,
        plan: Plan,
        path: str,
        *,
        size_px: tuple[int, int],
        clock: Clock,
        readings: Readings,
        warn: Warn,
        on_failed: Callable[[OutputFailed], None],
    ) -> None:
        self._plan = plan
        self._path = Path(path)
        self._size_px = size_px
        self._clock = clock
        self._readings = readings
        self._books: dict[int, Bookkeeping] = {}
        self.parts = PartChain(lambda path: plan.writer(path, size_px, warn), on_failed)
        self.outcomes: list[TakeOutcome] = []
        """What became of the parts that have ended, in order."""

    def open_first(self, history: list[Event]) -> None:
        """Create the file the take was asked for. Raises OutputFailed, DiskFull,
        EncoderUnavailable."""
        self._keep_books(self.parts.open(str(self._path)), history)

    def open_next(self, history: list[Event], reason: str) -> Part:
        """Create a further file; nothing goes into it before it is cut.

        Args:
            reason: what the last one died of; empty = a split that was asked for.

        Raises OutputFailed, also when too many have died.
        """
        if reason and self.parts.count >= MOST_FAILED_PARTS:
            raise OutputFailed(reason)
        part = self._opened(self.parts.count + 1, may_move=bool(reason))
        self._keep_books(part, history)
        return part

    def _opened(self, number: int, *, may_move: bool) -> Part:
        """Open a further file beside the first one; in the user's videos folder if `may_move` and
        nothing can be written there any more."""
        try:
            return self.parts.open(str(part_path(self._path, number)))
        except DiskFull:
            raise
        except OutputFailed:
            folder = default_folder()
            if not may_move or folder == self._path.parent:
                raise
            with output_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
            part = self.parts.open(str(part_path(folder / self._path.name, number)))
            self._path = folder / self._path.name
            return part

    def happened(self, event: Event) -> None:
        """Let the journals remember an event; never touches the disk."""
        for books in tuple(self._books.values()):
            books.happened(event)

    def flush(self, position_ns: int, t0_ns: int) -> None:
        """Write the journals."""
        for books in tuple(self._books.values()):
            books.flush(position_ns, t0_ns)

    def finish_completed(self, describe: Callable[[Part, int], Ended]) -> None:
        """Finish the files into which nothing goes any more, while the take goes on.

        Args:
            describe: says what is known of a part that ends at a position of the take.
        """
        while (part := self.parts.take_completed()) is not None:
            self._finish(part, describe(part, self.parts.end_ns(part, 1 << 62)))

    def finish_all(self, end_ns: int, describe: Callable[[Part, int], Ended]) -> None:
        """Finish what is left at the end of the take. Never raises for what a disk does."""
        while (part := self.parts.take_remaining()) is not None:
            self._finish(part, describe(part, self.parts.end_ns(part, end_ns)))
        newest = self.parts.newest
        if not newest.is_cut:
            # It was opened for a split that never came: nothing is in it, and finishing removes it.
            with contextlib.suppress(OnetakeError):
                newest.writer.finish(0)
            self._books.pop(newest.number).end(is_finished=True)

    def started_at(self, part: Part) -> str:
        """Return the wall clock at which a part was opened, ISO 8601."""
        return self._books[part.number].started_at

    def _finish(self, part: Part, ended: Ended) -> None:
        error = finish_file(part.writer, ended)
        # A file that was moved or deleted in mid-take was followed or rescued, and is elsewhere.
        ended = replace(ended, path=recording_of(part))
        outcome = outcome_of(ended, encoder_of(part), error or part.failure)
        self.outcomes.append(outcome)
        self._books.pop(part.number).end(is_finished=outcome.error is None)

    def _keep_books(self, part: Part, history: list[Event]) -> None:
        books = Bookkeeping(self._clock, self._readings)
        books.open(
            recording_of(part),
            part=part.number,
            size_px=self._size_px,
            encoder=encoder_of(part),
            devices=self._plan.shown_devices,
            settings=self._plan.shown_settings,
            history=history,
        )
        self._books = {**self._books, part.number: books}


def recording_of(part: Part) -> Path:
    """Return where a part's bytes are: elsewhere than asked for while an old file is replaced."""
    return Path(getattr(part.writer, "path", part.path))


def encoder_of(part: Part) -> str:
    """Return the name of a part's video encoder, where its writer tells one."""
    return str(getattr(part.writer, "encoder", ""))
