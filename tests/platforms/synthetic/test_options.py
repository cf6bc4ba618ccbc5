"""A synthetic id says everything the device does, or is refused in one line."""

import pytest

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role
from onetake.platforms.synthetic.options import Options, parse_id


def test_bare_id_is_a_well_behaved_device() -> None:
    """Without options a device has the defaults."""
    assert parse_id("synthetic:mic") == (Role.MIC, Options())


def test_options_are_read_from_the_id() -> None:
    """Numbers, words and yes/no values are taken as what they are."""
    role, options = parse_id(
        "synthetic:mic?drift_ppm=208&jitter_ms=1.5&seed=3&rate=16000&stamps=arrival&never=1"
    )
    assert role is Role.MIC
    assert options == Options(
        drift_ppm=208.0, jitter_ms=1.5, seed=3, rate=16_000, stamps="arrival", never=True
    )


def test_sizes_have_their_defaults_by_role() -> None:
    """The screen is 1280x720, the camera 640x480, unless the id says otherwise."""
    assert Options().size_px(Role.SCREEN) == (1280, 720)
    assert Options().size_px(Role.CAMERA) == (640, 480)
    assert Options(size="641x99").size_px(Role.SCREEN) == (641, 99)


@pytest.mark.parametrize(
    "device_id",
    [
        "pulse:mic",
        "synthetic:speaker",
        "synthetic:",
        "synthetic:mic?wobble=1",
        "synthetic:mic?drift_ppm=fast",
        "synthetic:mic?drift_ppm",
        "synthetic:mic?drift_ppm=20000",
        "synthetic:mic?jitter_ms=-1",
        "synthetic:mic?rate=10",
        "synthetic:mic?channels=9",
        "synthetic:mic?block_ms=0",
        "synthetic:mic?stamps=guess",
        "synthetic:mic?latency_ms=-1",
        "synthetic:mic?lost_at_s=5&back_at_s=3",
        "synthetic:mic?refuse=maybe",
        "synthetic:mic?rate=nan",
        "synthetic:screen?size=big",
        "synthetic:screen?size=1280",
        "synthetic:screen?size=2x2",
        "synthetic:screen?size=100000x10",
        "synthetic:screen?fps=0",
        "synthetic:camera?size=321x240",
        "synthetic:camera?format=jpeg",
    ],
)
def test_what_cannot_be_is_refused(device_id: str) -> None:
    """An unknown device, option or value raises DeviceUnavailable, with a hint, in one line."""
    with pytest.raises(DeviceUnavailable) as caught:
        parse_id(device_id)
    assert "\n" not in caught.value.message
    assert "synthetic:screen" in caught.value.hint
