"""The numbers of the colour conversions."""

from __future__ import annotations

import numpy as np
import pytest
from tests.video.making import ycbcr

from onetake.video import portable
from onetake.video.weights import BT601, BT709, CB_WEIGHTS, CR_WEIGHTS, Y_WEIGHTS, recolouring


@pytest.mark.parametrize(("matrix", "is_full"), [(BT601, False), (BT601, True), (BT709, True)])
def test_recoloured_colours_are_within_one_code_value_of_exact(matrix, is_full):
    """A colour of the camera's matrix and range arrives as the BT.709 code of the same colour: to
    one code value of the exact conversion of the very codes the camera sent."""
    steps = np.linspace(0, 1, 12)
    red, green, blue = (axis.ravel() for axis in np.meshgrid(steps, steps, steps))
    sent = [np.rint(plane) for plane in ycbcr((red, green, blue), matrix, is_full=is_full)]
    # The colour that the rounded codes stand for, and its exact BT.709 codes.
    kr, kb = matrix
    offset, luma_steps, chroma_steps = (0, 255, 255) if is_full else (16, 219, 224)
    y, cb, cr = (
        (sent[0] - offset) / luma_steps,
        (sent[1] - 128) / chroma_steps,
        (sent[2] - 128) / chroma_steps,
    )
    r, b = y + (2 - 2 * kr) * cr, y + (2 - 2 * kb) * cb
    wanted = ycbcr((r, (y - kr * r - kb * b) / (1 - kr - kb), b), BT709)
    luma = np.repeat(np.repeat(sent[0].clip(0, 255).astype(np.uint8)[None], 2, 0), 2, 1)
    chroma = np.stack([plane.clip(0, 255).astype(np.uint8) for plane in sent[1:]], -1)[None]
    portable.recolour(luma, chroma, recolouring(matrix, is_full_range=is_full))
    # Full-range chroma of 1/2 is code 255.5: what the camera cannot send is not compared.
    can_be = (sent[1] <= 255) & (sent[2] <= 255)
    assert np.abs(luma[0, ::2] - wanted[0])[can_be].max() <= 0.55
    assert np.abs(chroma[0, :, 0] - wanted[1])[can_be].max() <= 0.55
    assert np.abs(chroma[0, :, 1] - wanted[2])[can_be].max() <= 0.55


def test_nothing_changes_what_is_bt709_already():
    """The numbers for BT.709 limited are the identity."""
    one = 1 << 14
    gain, _, *mix = recolouring(BT709, is_full_range=False)
    assert gain == one
    assert mix == [0, 0, one, 0, 0, one]


def test_sums_that_keep_greys_grey_and_white_white():
    """Chroma weights cancel out; luma's sum to 219/255."""
    assert sum(CB_WEIGHTS) == sum(CR_WEIGHTS) == 0
    assert sum(Y_WEIGHTS) == round(219 / 255 * (1 << 15))
