"""The screen's frames: exact stamps, exact damage, the flash on its frame, stillness when asked."""

from itertools import islice, pairwise

import numpy as np
import pytest

from onetake.model import pattern
from onetake.model.geometry import Rect
from onetake.model.media import Frame
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.platforms.synthetic.options import Options
from onetake.platforms.synthetic.screen import ScreenPainter, screen_frames

EPOCH_NS = 77 * NS_PER_S
START_NS = EPOCH_NS + 310 * NS_PER_MS


def frames(
    options: Options, count: int, *, fps: float = 30.0, painter: ScreenPainter | None = None
) -> list[tuple[int, Frame, np.ndarray | None]]:
    """Return (delivery, frame, copy of its picture), each released at once."""
    size_px = (320, 240)
    played = screen_frames(
        options,
        painter or ScreenPainter(size_px, seed=options.seed, has_events=options.has_events),
        fps=fps,
        epoch_ns=EPOCH_NS,
        opened_ns=START_NS,
        start_ns=START_NS,
        is_late=lambda _: False,
    )
    seen = []
    for delivery_ns, frame in islice(played, count):
        image = None if frame.image is None else frame.image.copy()
        frame.release()
        seen.append((delivery_ns, frame, image))
    return seen


def read_code(image: np.ndarray) -> pattern.PictureCode | None:
    """Read the pattern's block back from BGRA pixels."""
    height_px, width_px = image.shape[:2]
    bits = []
    for upper, lower in pattern.cell_rects(width_px, height_px):
        means = [
            image[r.y_px : r.bottom_px, r.x_px : r.right_px, :3].mean() for r in (upper, lower)
        ]
        bits.append(means[0] > means[1])
    return pattern.code_from_bits(bits)


def test_stamps_lie_on_the_grid_through_whole_seconds() -> None:
    """Stamps strictly increase, start where the source starts, and hit each whole second."""
    seen = frames(Options(), 90)
    stamps = [frame.pts_ns for _, frame, _ in seen]
    assert stamps[0] >= START_NS
    assert stamps[0] - START_NS < NS_PER_S / 30
    assert all(b > a for a, b in pairwise(stamps))
    assert {EPOCH_NS + NS_PER_S, EPOCH_NS + 2 * NS_PER_S, EPOCH_NS + 3 * NS_PER_S} <= set(stamps)
    assert {delivery - frame.pts_ns for delivery, frame, _ in seen} == {5 * NS_PER_MS}


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 50.0, 60.0])
def test_flash_is_exactly_its_length(fps: float) -> None:
    """A frame is white if and only if its stamp lies in the 100 ms after a whole second."""
    for _, frame, image in frames(Options(), round(3 * fps), fps=fps):
        is_flash = (frame.pts_ns - EPOCH_NS) % NS_PER_S < pattern.FLASH_NS
        assert (np.median(image[..., :3]) == 255) == is_flash


def test_block_says_the_stamp() -> None:
    """What the block says is the position of the very frame, to the unit of the code."""
    for _, frame, image in frames(Options(), 120):
        position_ns = frame.pts_ns - EPOCH_NS
        code = read_code(image)
        assert code is not None
        assert 0 <= position_ns - code.position_ns < pattern.CODE_UNIT_NS


def test_block_is_the_patterns_own() -> None:
    """The block drawn here is, to the pixel, the one `pattern.draw_block` draws."""
    for size_px in ((320, 240), (1280, 720), (642, 362)):
        painter = ScreenPainter(size_px, has_cursor=False)
        for position_ns in (0, 123_456_789, 3_599_999_900_000):
            frame = painter.frame(position_ns, position_ns)
            expected = frame.image.copy()
            pattern.draw_block(expected, position_ns, pattern.REGULAR_ID)
            assert np.array_equal(frame.image, expected)
            frame.release()


@pytest.mark.parametrize("region", [None, Rect(30, 40, 150, 121), Rect(-5, -5, 50, 50)])
def test_damage_rebuilds_the_picture(region: Rect | None) -> None:
    """Copying only the damage of each frame gives the same picture as the whole frames."""
    painter = ScreenPainter((320, 240), region=region)
    seen = frames(Options(), 400, painter=painter)
    assert seen[0][1].damage is None
    rebuilt = seen[0][2].copy()
    small = 0
    for _, frame, image in seen[1:]:
        for rect in frame.damage:
            area = np.s_[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px]
            rebuilt[area] = image[area]
        assert np.array_equal(rebuilt, image)
        small += sum(r.width_px * r.height_px for r in frame.damage) < image.size / 8
    assert small > 300


def test_damage_of_skipped_frames_is_not_lost() -> None:
    """When every image is lent frames are skipped, and the next one makes up for them."""
    painter = ScreenPainter((320, 240))
    first = painter.frame(0, 400 * NS_PER_MS)
    rebuilt = first.image.copy()
    first.release()
    held, skipped = [], 0
    for number in range(1, 400):
        frame = painter.frame(number, number * NS_PER_S // 30)
        if frame is None:
            skipped += 1
            while held:
                held.pop().release()
            continue
        for rect in frame.damage:
            area = np.s_[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px]
            rebuilt[area] = frame.image[area]
        assert np.array_equal(rebuilt, frame.image)
        held.append(frame)
    assert skipped > 10


def test_late_frames_are_skipped() -> None:
    """A frame that would come too late is not drawn, and the stamps go on where time is."""
    late = {EPOCH_NS + k * NS_PER_S // 30 + 5 * NS_PER_MS for k in range(12, 20)}
    played = screen_frames(
        Options(),
        ScreenPainter((320, 240)),
        fps=30.0,
        epoch_ns=EPOCH_NS,
        opened_ns=START_NS,
        start_ns=START_NS,
        is_late=lambda due_ns: any(abs(due_ns - known) < 2 for known in late),
    )
    stamps = [frame.pts_ns for _, frame in islice(played, 4)]
    gaps = [round((b - a) * 30 / NS_PER_S) for a, b in pairwise(stamps)]
    assert gaps[0] + gaps[1] + gaps[2] == 3 + 8


def test_static_head_and_tail_say_so() -> None:
    """A still screen shows one picture without a flash, then beats without an image."""
    options = Options(static_head_s=2.0, static_from_s=4.0)
    seen = frames(options, 30 * 6)
    pictures = [frame.pts_ns for _, frame, image in seen if image is not None]
    head = [pts for pts in pictures if pts < START_NS + 2 * NS_PER_S]
    assert len(head) == 1
    assert seen[0][2] is not None
    assert np.median(seen[0][2][..., :3]) < 255
    tail = [pts for pts in pictures if pts >= START_NS + 4 * NS_PER_S]
    assert len(tail) <= 1
    assert len(pictures) > 55
    for _, frame, image in seen:
        assert frame.is_idle == (image is None)


def test_a_flash_does_not_freeze() -> None:
    """When the screen comes to rest within a flash, one more picture takes the flash away."""
    rest_s = (NS_PER_S - 310 * NS_PER_MS + 50 * NS_PER_MS) / NS_PER_S
    seen = frames(Options(static_from_s=rest_s), 60)
    last = [image for _, _, image in seen if image is not None][-1]
    assert np.median(last[..., :3]) < 255


def test_a_silent_screen_says_nothing() -> None:
    """With beats=0 nothing at all is delivered while the screen is still."""
    seen = frames(Options(static_head_s=2.0, beats=False), 10)
    assert seen[1][1].pts_ns >= START_NS + 2 * NS_PER_S
    assert all(image is not None for _, _, image in seen)


def test_a_screen_at_rest_for_good_has_nothing_more_to_say() -> None:
    """With beats=0 the deliveries end where the screen comes to rest, rather than spin."""
    seen = frames(Options(static_from_s=1.0, beats=False), 1000)
    assert 28 <= len(seen) <= 32


def test_without_events_nothing_flashes() -> None:
    """has_events=0 leaves out the flash and the block."""
    seen = frames(Options(has_events=False), 60)
    assert all(np.median(image[..., :3]) < 255 for _, _, image in seen)
    assert all(read_code(image) is None for _, _, image in seen)
