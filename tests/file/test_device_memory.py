"""Offsets are remembered by device id, and a spoilt memory is an empty one."""

from __future__ import annotations

from pathlib import Path

from onetake.file.device_memory import DeviceMemory


def test_an_offset_is_remembered_until_it_is_set_to_zero(tmp_path: Path) -> None:
    """What one program remembers the next one knows; 0 forgets."""
    path = tmp_path / "config" / "devices.json"
    assert DeviceMemory(path).offset_ms("pulse:mic") is None
    assert DeviceMemory(path).remember("pulse:mic", -18.5)
    assert DeviceMemory(path).offset_ms("pulse:mic") == -18.5
    assert DeviceMemory(path).remember("pulse:mic", 0)
    assert DeviceMemory(path).offset_ms("pulse:mic") is None
    assert [entry.name for entry in path.parent.iterdir()] == ["devices.json"]


def test_a_damaged_memory_is_empty_and_can_be_written_again(tmp_path: Path) -> None:
    """Garbage in the file costs the memory, not the take."""
    path = tmp_path / "devices.json"
    path.write_text("{not json")
    assert DeviceMemory(path).offset_ms("pulse:mic") is None
    assert DeviceMemory(path).remember("pulse:mic", 3.0)
    assert DeviceMemory(path).offset_ms("pulse:mic") == 3.0


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Remembering fails quietly and says so."""
    (tmp_path / "file").write_text("")
    assert not DeviceMemory(tmp_path / "file" / "devices.json").remember("pulse:mic", 3.0)
