"""A script is a pure function of its id and the time it is opened."""

from itertools import islice, takewhile

import numpy as np
import pytest

from onetake.model.devices import Role
from onetake.model.events import SourceState
from onetake.model.geometry import Rect
from onetake.model.media import AudioBlock, Frame, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.platforms.synthetic.script import DeviceScript, Spell

OPENED_NS = 40 * NS_PER_S + 123


def until(device_id: str, end_ns: int) -> list[tuple[int, object]]:
    """Return what a device delivers before `end_ns`, pictures released."""
    played = DeviceScript(device_id, Settings()).play(OPENED_NS)
    seen = []
    for delivery_ns, item in takewhile(lambda due: due[0] < end_ns, played):
        if isinstance(item, Frame):
            item.release()
        seen.append((delivery_ns, item))
    return seen


@pytest.mark.parametrize("role", list(Role))
def test_every_device_delivers_in_order(role: Role) -> None:
    """Deliveries come in order of time, none before the device was opened."""
    seen = until(f"synthetic:{role}", OPENED_NS + 2 * NS_PER_S)
    times = [delivery_ns for delivery_ns, _ in seen]
    assert len(times) > 50
    assert times == sorted(times)
    assert times[0] > OPENED_NS


@pytest.mark.parametrize("role", list(Role))
def test_same_id_same_deliveries(role: Role) -> None:
    """Played twice, an id gives the same content at the same times."""
    device_id = f"synthetic:{role}?seed=9"
    first, second = (until(device_id, OPENED_NS + NS_PER_S) for _ in range(2))
    assert [d for d, _ in first] == [d for d, _ in second]
    for (_, a), (_, b) in zip(first, second, strict=True):
        if isinstance(a, AudioBlock):
            assert isinstance(b, AudioBlock)
            assert a.stamp_ns == b.stamp_ns
            assert np.array_equal(a.samples, b.samples)
        else:
            assert isinstance(a, Frame)
            assert isinstance(b, Frame)
            assert (a.pts_ns, a.damage) == (b.pts_ns, b.damage)


def test_a_device_goes_and_comes_back() -> None:
    """lost_at_s and back_at_s: nothing in between, LOST at the moment it goes, then sound again."""
    device_id = "synthetic:mic?lost_at_s=1&back_at_s=2"
    seen = until(device_id, OPENED_NS + 3 * NS_PER_S)
    lost = [d for d, item in seen if item is SourceState.LOST]
    assert lost == [OPENED_NS + NS_PER_S]
    times = [d for d, item in seen if isinstance(item, AudioBlock)]
    assert not [t for t in times if lost[0] <= t < OPENED_NS + 2 * NS_PER_S]
    assert [t for t in times if t > OPENED_NS + 2 * NS_PER_S]


def test_a_device_that_goes_for_good_ends() -> None:
    """Without back_at_s the script ends with LOST."""
    played = list(DeviceScript("synthetic:camera?lost_at_s=0.5", Settings()).play(OPENED_NS))
    assert played[-1] == (OPENED_NS + NS_PER_S // 2, SourceState.LOST)


def test_late_and_never() -> None:
    """delay_s holds the first delivery back; never=1 delivers nothing."""
    device_id = "synthetic:camera?delay_s=0.7"
    first = next(DeviceScript(device_id, Settings()).play(OPENED_NS))
    assert first[0] >= OPENED_NS + 700 * NS_PER_MS
    assert list(DeviceScript("synthetic:mic?never=1", Settings()).play(OPENED_NS)) == []


def test_size_is_that_of_the_region() -> None:
    """The screen's size is the even part of the region that lies on it; sound has none."""
    settings = Settings(region=Rect(10, 10, 101, 5000))
    assert DeviceScript("synthetic:screen", settings).size_px() == (100, 710)
    outside = Settings(region=Rect(5000, 0, 100, 100))
    assert DeviceScript("synthetic:screen", outside).size_px() == (0, 0)
    assert DeviceScript("synthetic:camera?size=320x200", settings).size_px() == (320, 200)
    assert DeviceScript("synthetic:mic", settings).size_px() == (0, 0)
    frame = next(DeviceScript("synthetic:screen", settings).play(OPENED_NS))[1]
    assert isinstance(frame, Frame)
    assert (frame.width_px, frame.height_px) == (100, 710)


def test_fps_is_bounded_by_the_settings() -> None:
    """The screen does not deliver more frames than the take asks for, nor more than it has."""
    for device_id, fps, expected in (
        ("synthetic:screen?fps=60", 25, 25),
        ("synthetic:screen?fps=10", 60, 10),
    ):
        played = DeviceScript(device_id, Settings(fps=fps)).play(OPENED_NS)
        stamps = []
        for _, item in islice(played, 20):
            assert isinstance(item, Frame)
            item.release()
            stamps.append(item.pts_ns)
        assert abs((stamps[-1] - stamps[0]) / 19 - NS_PER_S / expected) < 2


def test_pointer_is_drawn_when_wanted() -> None:
    """has_cursor=False leaves the pointer out of the picture."""
    pictures = []
    for has_cursor in (True, False):
        script = DeviceScript("synthetic:screen?size=320x240", Settings(has_cursor=has_cursor))
        frame = next(script.play(OPENED_NS))[1]
        assert isinstance(frame, Frame)
        pictures.append(frame.image)
    assert not np.array_equal(*pictures)


def test_stamp_kind_is_what_the_id_says() -> None:
    """The kind of stamps comes from the id."""
    assert DeviceScript("synthetic:mic", Settings()).stamp_kind is StampKind.CAPTURE
    arrival = DeviceScript("synthetic:mic?stamps=arrival", Settings())
    assert arrival.stamp_kind is StampKind.ARRIVAL


def test_a_spell_ends_on_time_and_gives_its_picture_back() -> None:
    """Nothing is delivered at or after the end of a spell, and no image stays lent."""
    script = DeviceScript("synthetic:screen?size=320x240", Settings())
    spell = Spell(OPENED_NS, OPENED_NS + NS_PER_S)
    count = 0
    for delivery_ns, frame in script.deliver(spell, opened_ns=OPENED_NS, epoch_ns=40 * NS_PER_S):
        assert isinstance(frame, Frame)
        assert delivery_ns < OPENED_NS + NS_PER_S
        frame.release()
        count += 1
    assert 28 <= count <= 31
