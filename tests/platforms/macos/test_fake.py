"""The stand-in refuses what would be wrong on a Mac: without this its green tests prove nothing."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from tests.platforms.macos.fake import Mac, installed
from tests.platforms.macos.fake.runtime import Framework, ObjCError, Unmodelled
from tests.platforms.macos.making import until


def _lenient() -> Any:
    """Return a Mac whose misuse the test itself looks at."""
    return installed(Mac())


def test_unknown_names_raise_and_are_noted() -> None:
    """A framework has the names of the table and no others."""
    with _lenient() as mac:
        import CoreMedia

        with pytest.raises(AttributeError):
            CoreMedia.CMTimeMakeWithSeconds  # noqa: B018
        assert mac.unmodelled == ["CoreMedia.CMTimeMakeWithSeconds"]


def test_newer_names_do_not_exist() -> None:
    """On macOS 13 names of 14 are not there, as attributes of modules and of objects."""
    with _lenient() as mac:
        import AVFoundation
        import ScreenCaptureKit

        assert hasattr(AVFoundation, "AVCaptureDeviceTypeExternal")
        made = ScreenCaptureKit.SCContentFilter()
        assert hasattr(made, "pointPixelScale")
        mac.version = (13, 6)
        assert not hasattr(AVFoundation, "AVCaptureDeviceTypeExternal")
        assert not hasattr(made, "pointPixelScale")
        assert mac.unmodelled == []


def test_argument_counts_and_keywords() -> None:
    """Functions and methods take exactly their arguments, by position."""
    with _lenient():
        import CoreMedia
        import ScreenCaptureKit

        with pytest.raises(TypeError):
            CoreMedia.CMTimeMake(1)
        with pytest.raises(TypeError):
            CoreMedia.CMTimeMake(value=1, timescale=2)
        configuration = ScreenCaptureKit.SCStreamConfiguration.alloc().init()
        with pytest.raises(TypeError):
            configuration.setWidth_()
        with pytest.raises(TypeError):
            configuration.setWidth_(width=2)


def test_properties_are_not_assigned() -> None:
    """`cfg.width = 5` is not the property on a Mac, and an error here."""
    with _lenient():
        import ScreenCaptureKit

        configuration = ScreenCaptureKit.SCStreamConfiguration.alloc().init()
        with pytest.raises(Unmodelled):
            configuration.width = 5


def test_result_and_error_have_no_truth() -> None:
    """`if not device.lockForConfiguration_(None)` is always false on a Mac, an error here."""
    with _lenient():
        import AVFoundation

        device = AVFoundation.AVCaptureDevice.deviceWithUniqueID_("CAM-1")
        outs = device.lockForConfiguration_(None)
        with pytest.raises(Unmodelled):
            bool(outs)
        is_locked, error = outs
        assert is_locked
        assert error is None


def test_objects_are_initialised() -> None:
    """Only initialisers can be sent to what `alloc` returns; `new` is refused."""
    with _lenient():
        import AVFoundation

        with pytest.raises(Unmodelled):
            AVFoundation.AVCaptureSession.alloc().startRunning()
        with pytest.raises(AttributeError):
            AVFoundation.AVCaptureSession.new()


def test_queue_labels_are_bytes() -> None:
    """A str label is a TypeError, as in PyObjC."""
    with _lenient():
        import dispatch

        with pytest.raises(TypeError):
            dispatch.dispatch_queue_create("label", None)


def test_blocks_have_the_right_arity() -> None:
    """A block that takes another number of arguments is refused when it is given."""
    with _lenient():
        import ScreenCaptureKit

        content = ScreenCaptureKit.SCShareableContent
        with pytest.raises(TypeError):
            content.getShareableContentExcludingDesktopWindows_onScreenWindowsOnly_completionHandler_(
                True, True, lambda content: None
            )


def test_delegates_are_checked() -> None:
    """Misspelt delegate methods and undecorated helpers are refused; classes are defined once."""
    with _lenient() as mac:
        import objc
        from Foundation import NSObject

        with pytest.raises(Unmodelled):
            type("A", (NSObject,), {"stream_didStopWithErrr_": lambda self, a, b: None})
        with pytest.raises(Unmodelled):
            type("B", (NSObject,), {"stream_didStopWithError_": lambda self, a: None})
        with pytest.raises(Unmodelled):
            type("C", (NSObject,), {"helper": lambda self: None})
        type("D", (NSObject,), {"helper": objc.python_method(lambda self: None)})
        with pytest.raises(ObjCError):
            type("D", (NSObject,), {})
        assert mac.crashes == []


def test_exceptions_in_callbacks_are_crashes() -> None:
    """What leaves a callback is recorded, because it aborts the process on a Mac."""
    with _lenient() as mac:
        import dispatch
        import objc

        queue = dispatch.dispatch_queue_create(b"q", None)

        def broken() -> None:
            with objc.autorelease_pool():
                raise RuntimeError("out")

        queue.submit(broken)
        assert until(lambda: bool(mac.crashes))
        assert "RuntimeError: out" in mac.crashes[0]


def test_callbacks_without_a_pool_are_noted() -> None:
    """A callback that opens no autorelease pool leaks on a Mac, and is an error here."""
    with _lenient() as mac:
        import dispatch

        dispatch.dispatch_queue_create(b"q", None).submit(lambda: None)
        assert until(lambda: bool(mac.crashes))
        assert "no autorelease pool" in mac.crashes[0]


def test_eight_held_surfaces_stall_the_stream() -> None:
    """ScreenCaptureKit sends no more pictures when all its surfaces are kept."""
    with _lenient() as mac:
        from tests.platforms.macos.making import back_end

        from onetake.model.settings import Settings

        kept: list[Any] = []
        output_class = back_end("screen").StreamOutput
        output = output_class.alloc().init()

        target = back_end("content").Target.of("display:1", Settings(fps=60))
        view = target.view()
        import dispatch
        import objc
        import ScreenCaptureKit

        stream = ScreenCaptureKit.SCStream.alloc().initWithFilter_configuration_delegate_(
            view.content_filter, target.configuration(view, has_audio=False), output
        )

        class Keeper:
            def stream_didOutputSampleBuffer_ofType_(self, s: Any, sample: Any, kind: int) -> None:
                with objc.autorelease_pool():
                    kept.append(sample)

        queue = dispatch.dispatch_queue_create(b"q", None)
        keeper = Keeper()  # the stream holds it weakly
        stream.addStreamOutput_type_sampleHandlerQueue_error_(keeper, 0, queue, None)
        stream.startCaptureWithCompletionHandler_(lambda error: None)
        assert until(lambda: mac.stalled_frames > 5)
        assert len(kept) == 8
        kept.clear()
        assert until(lambda: len(kept) > 0)


def test_an_output_nobody_holds_is_noted() -> None:
    """Streams hold outputs weakly: one that only the stream was given never hears anything."""
    with _lenient() as mac:
        from tests.platforms.macos.fake.runtime import Weak

        class Output:
            pass

        output = Output()
        held = Weak(mac, output)
        assert held.held() is output
        del output
        assert held.held() is None
        assert mac.crashes == ["nobody holds the Output any more"]


def test_a_window_filter_needs_the_window_server() -> None:
    """Before anything was asked of the window server a window filter aborts the process."""
    with _lenient():
        import Quartz
        import ScreenCaptureKit

        build = ScreenCaptureKit.SCContentFilter.alloc()
        with pytest.raises(Unmodelled, match="CGS_REQUIRE_INIT"):
            build.initWithDesktopIndependentWindow_(None)
        Quartz.CGMainDisplayID()
        build.initWithDesktopIndependentWindow_(None)


def test_finishing_during_an_append_is_a_crash() -> None:
    """A writer that is told to finish while another thread appends crashes on a Mac."""
    from tests.platforms.macos.test_writer import _picture, _writer

    with _lenient() as mac, tempfile.TemporaryDirectory() as folder:
        writer = _writer(Path(folder) / "take.mp4")
        writer.start()
        writer.write_video(0, _picture())
        with mac.writers[0]._append():
            writer.finish(33_000_000)
        assert mac.crashes == ["finishWriting during an append"]


def test_writer_refuses_wrong_order() -> None:
    """Appending before the session, adaptors after the start, and other misuse raises."""
    with _lenient() as mac:
        import AVFoundation
        import CoreMedia

        track = AVFoundation.AVAssetWriterInput.alloc().initWithMediaType_outputSettings_(
            "AVMediaTypeAudio", {}
        )
        with pytest.raises(ValueError, match="mediaTimeScale"):
            track.setMediaTimeScale_(90_000)
        assert isinstance(CoreMedia.CMTimeMake(1, 2).timescale, int)
        assert mac.writers == []


def test_dangerous_memory_is_refused() -> None:
    """A block buffer over Python's own memory is refused: the framework would keep the pointer."""
    with _lenient():
        import CoreMedia

        with pytest.raises(Unmodelled):
            CoreMedia.CMBlockBufferCreateWithMemoryBlock(
                None, b"1234", 4, None, None, 0, 4, 1, None
            )


def test_stand_in_methods_are_in_the_table() -> None:
    """A stand-in class cannot have a method, or an argument count, the table does not know."""
    with pytest.raises(Unmodelled, match="not in api_table"):
        type(Framework)("Made", (Framework,), {"noSuchThing_": lambda self, a: None})
    with pytest.raises(Unmodelled, match="arguments"):
        type(Framework)("Made", (Framework,), {"startRunning": lambda self, a: None})


def test_nothing_runs_after_the_test() -> None:
    """Streams and queues end with the simulated Mac."""
    with _lenient() as mac:
        import dispatch

        dispatch.dispatch_queue_create(b"q", None)
    time.sleep(0.01)
    assert not any(queue._thread.is_alive() for queue in mac.queues)
