"""Rectangles as people write them."""

from __future__ import annotations

import pytest

from onetake.errors import UsageError
from onetake.model.geometry import Rect, region_from_text


def test_a_region():
    """X,Y,WxH, in pixels."""
    assert region_from_text(" 10,20,640x360 ") == Rect(10, 20, 640, 360)


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3", "-1,0,2x2", "0,0,2x", "0,0,99999999x2", "a"])
def test_regions_that_are_none(text):
    """A region is four numbers and nothing else."""
    with pytest.raises(UsageError):
        region_from_text(text)
