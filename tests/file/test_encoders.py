"""Hardware encoders are believed only after they have encoded; software is the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import av
import pytest

from onetake.errors import EncoderUnavailable
from onetake.file import encoders
from onetake.file.encoders import choose_encoder
from onetake.file.presets import EncoderPlan, encoder_plans
from onetake.model.settings import Codec, Quality, Settings

SIZE_PX = (1920, 1080)


def _names(settings: Settings, platform: str) -> list[str]:
    return [plan.name for plan in encoder_plans(settings, SIZE_PX, 8, platform)]


@pytest.mark.parametrize(
    ("codec", "platform", "names"),
    [
        (Codec.H264, "darwin", ["h264_videotoolbox", "libx264"]),
        (Codec.H264, "linux", ["h264_nvenc", "h264_qsv", "libx264"]),
        (Codec.HEVC, "darwin", ["hevc_videotoolbox", "libx265"]),
        (Codec.AV1, "linux", ["av1_nvenc", "av1_qsv", "libsvtav1"]),
    ],
)
def test_hardware_comes_first(codec: Codec, platform: str, names: list[str]) -> None:
    """`auto` tries the platform's hardware, then software of the same codec."""
    assert _names(Settings(codec=codec), platform) == names


def test_named_encoder_comes_first_and_software_last() -> None:
    """An encoder that is asked for is tried alone, with software of the codec to fall back to."""
    assert _names(Settings(encoder="h264_qsv"), "linux") == ["h264_qsv", "libx264"]
    assert _names(Settings(encoder="libx264"), "linux") == ["libx264"]


def test_expert_values_win() -> None:
    """Preset and constant rate factor of the user replace those of the quality."""
    wish = Settings(encoder="libx264", encoder_preset="slow", crf=11, quality=Quality.SMALL)
    [plan] = encoder_plans(wish, SIZE_PX, 8)
    assert plan.options == {"preset": "slow", "tune": "zerolatency", "crf": "11"}


@pytest.mark.parametrize("quality", list(Quality))
def test_the_quantiser_is_constant_unless_a_factor_is_asked_for(quality: Quality) -> None:
    """x264 need not look at small copies of the pictures; `--crf` still means what it says."""
    [usual] = encoder_plans(Settings(encoder="libx264", quality=quality), SIZE_PX, 8)
    assert "qp" in usual.options
    assert "crf" not in usual.options
    [wished] = encoder_plans(Settings(encoder="libx264", quality=quality, crf=30), SIZE_PX, 8)
    assert wished.options == {**{k: v for k, v in usual.options.items() if k != "qp"}, "crf": "30"}


def test_threads_follow_the_pixels() -> None:
    """One thread where it is enough, more for 4K, never more than there are cores."""

    def threads(size_px: tuple[int, int], fps: int, cpus: int) -> int:
        return encoder_plans(Settings(fps=fps), size_px, cpus)[-1].thread_count

    assert threads((1280, 720), 30, 8) == 1
    assert threads((1920, 1080), 30, 8) == 1
    assert threads((1920, 1080), 60, 8) == 2
    assert threads((3840, 2160), 30, 2) == 2
    assert threads((3840, 2160), 60, 16) == 4


class _FakeHardware:
    """Stands in for `av.CodecContext`: hardware that opens, and then does what it is told to."""

    behaviour = "works"
    codecs_made: ClassVar[list[str]] = []

    @classmethod
    def create(cls, name: str, mode: str) -> Any:
        cls.codecs_made.append(name)
        real = av.CodecContext.create("libx264" if name.startswith("h264_") else name, mode)
        return _FakeContext(real) if name.startswith("h264_") else real


class _FakeContext:
    def __init__(self, real: Any) -> None:
        object.__setattr__(self, "_real", real)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._real, name, {} if name == "options" else value)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def open(self) -> None:
        self._real.open()

    def encode(self, frame: object) -> list[Any]:
        match _FakeHardware.behaviour:
            case "raises":
                raise av.error.ExternalError(-1, "the device is busy")
            case "silent":
                return []
            case _:
                return list(self._real.encode(frame))


@pytest.fixture
def fake_hardware(monkeypatch: pytest.MonkeyPatch) -> type[_FakeHardware]:
    """A machine with a hardware encoder that opens without complaint."""
    monkeypatch.setattr(encoders, "CodecContext", _FakeHardware)
    monkeypatch.setattr(encoders, "VideoCodecContext", (_FakeContext, av.VideoCodecContext))
    _FakeHardware.codecs_made = []
    return _FakeHardware


@pytest.mark.parametrize("behaviour", ["raises", "silent"])
def test_hardware_that_fails_its_trial_is_passed_over(
    fake_hardware: type[_FakeHardware], behaviour: str
) -> None:
    """Hardware that opens but does not encode: the next one, with a message that says so."""
    fake_hardware.behaviour = behaviour
    said: list[tuple[str, str, str]] = []
    plan = choose_encoder(Settings(), (160, 120), lambda *words: said.append(words))
    assert plan.name == "libx264"
    assert fake_hardware.codecs_made[-1] == "libx264"
    assert [code for code, _, _ in said] == ["encoder-fallback"]
    assert "does not work here" in said[0][1]
    assert said[0][1].endswith("using libx264")


def test_hardware_that_works_is_taken(fake_hardware: type[_FakeHardware]) -> None:
    """Hardware that has really encoded is used, silently."""
    fake_hardware.behaviour = "works"
    said: list[object] = []
    plan = choose_encoder(Settings(), (160, 120), lambda *words: said.append(words))
    assert plan.is_hardware
    assert said == []


def test_absent_hardware_is_nothing_to_talk_about() -> None:
    """On a machine without any hardware encoder `auto` is software without a word."""
    said: list[object] = []
    plan = choose_encoder(Settings(), (160, 120), lambda *words: said.append(words))
    if not plan.is_hardware:
        assert plan.name == "libx264"
        assert said == []


def test_unknown_encoder_falls_back_with_a_message() -> None:
    """A name nobody knows is told and replaced; a take is not lost over it."""
    said: list[tuple[str, str, str]] = []
    wish = Settings(encoder="h264_magic")
    assert choose_encoder(wish, (160, 120), lambda *words: said.append(words)).name == "libx264"
    assert "h264_magic" in said[0][1]


def test_no_encoder_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build without any encoder of the codec: EncoderUnavailable with a hint."""

    def nothing(*args: object) -> list[EncoderPlan]:
        return [EncoderPlan("libnothing", "nv12", 1)]

    monkeypatch.setattr(encoders, "encoder_plans", nothing)
    with pytest.raises(EncoderUnavailable) as caught:
        choose_encoder(Settings(), (160, 120), lambda *words: None)
    assert caught.value.hint


def test_av1_says_nothing_on_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The AV1 encoder's own chatter would tear the status line."""
    from tests.file.making import make_take

    make_take(tmp_path / "take.mp4", 0.3, codec=Codec.AV1)
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == ""
