"""All implementations of the pixel loops give the same bytes."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.video import pixels, portable
from onetake.video.area import taps
from onetake.video.weights import BT601, BT709, recolouring

try:
    from onetake.video import _kernel
except ImportError:
    _kernel = None

needs_kernel = pytest.mark.skipif(_kernel is None, reason="the compiled pixel loops are not built")
EVEN = st.integers(1, 45).map(lambda half: 2 * half)


@pytest.fixture(params=_kernel.variants() if _kernel else ())
def variant(request):
    """Run a test once for each variant this machine has."""
    _kernel.select(request.param)
    yield _kernel
    _kernel.select(_kernel.variants()[-1])


def padded(rng, height, width, dtype=np.uint8, tail=()):
    """Return random values of full range in an array with strided rows and an odd beginning."""
    limit = np.iinfo(dtype).max + 1
    whole = rng.integers(0, limit, (height + 2, width + 5, *tail), dtype)
    return whole[1 : 1 + height, 3 : 3 + width]


@needs_kernel
@settings(max_examples=60, deadline=None)
@given(width=EVEN, height=EVEN, seed=st.integers(0, 999))
def test_conversion_is_the_same_everywhere(width, height, seed):
    """Every variant converts any size, strided or not, to the bytes of the portable one and
    writes nothing around them."""
    rng = np.random.default_rng(seed)
    picture = padded(rng, height, width, tail=(4,))
    wanted = np.zeros((height, width), np.uint8), np.zeros((height // 2, width // 2, 2), np.uint8)
    portable.convert(picture, *wanted)
    for name in _kernel.variants():
        _kernel.select(name)
        luma = np.full((height + 2, width + 40), 7, np.uint8)
        chroma = np.full((height // 2 + 2, width // 2 + 20, 2), 7, np.uint8)
        _kernel.convert(
            picture,
            luma[1 : 1 + height, 3 : 3 + width],
            chroma[1 : 1 + height // 2, 3 : 3 + width // 2],
        )
        assert (luma[1 : 1 + height, 3 : 3 + width] == wanted[0]).all()
        assert (chroma[1 : 1 + height // 2, 3 : 3 + width // 2] == wanted[1]).all()
        luma[1 : 1 + height, 3 : 3 + width] = 7
        chroma[1 : 1 + height // 2, 3 : 3 + width // 2] = 7
        assert (luma == 7).all()
        assert (chroma == 7).all()


def test_conversion_of_every_colour_is_the_same(variant):
    """All 16.7 million colours, not a sample, in luma; in chroma, too, each as its own block."""
    wanted_y, wanted_uv = np.zeros((2, 8192), np.uint8), np.zeros((1, 4096, 2), np.uint8)
    got_y, got_uv = wanted_y.copy(), wanted_uv.copy()
    codes = np.arange(4096, dtype=np.uint32)
    for high in range(0, 1 << 24, 4096 * 7):
        row = np.repeat(codes + np.uint32(high), 2).view(np.uint8).reshape(1, 8192, 4)
        picture = np.repeat(row, 2, axis=0)
        portable.convert(picture, wanted_y, wanted_uv)
        variant.convert(picture, got_y, got_uv)
        assert (got_y == wanted_y).all()
        assert (got_uv == wanted_uv).all()


@pytest.mark.parametrize("width", [1, 2, 15, 16, 17, 64, 333])
def test_blending_is_the_same(variant, width):
    """Blending gives the bytes of the portable loop at every width, in place too."""
    rng = np.random.default_rng(width)
    keep = rng.integers(0, 257, (9, width)).astype(np.uint16)
    add = (rng.integers(0, 256, (9, width)) * (256 - keep) + 128).astype(np.uint16)
    under = padded(rng, 9, width)
    out, wanted = np.zeros((2, 9, width), np.uint8)
    portable.blend(under, keep, add, wanted)
    variant.blend(under, keep, add, out)
    assert (out == wanted).all()
    variant.blend(under, keep, add, under)
    assert (under == wanted).all()


@pytest.mark.parametrize("width", [2, 16, 18, 66, 510, 512, 514, 1300])
@pytest.mark.parametrize("mirror", [0, 1, 2])
def test_weighing_is_the_same(variant, width, mirror):
    """Weighing gives the bytes of the portable loop, mirrored or not, chroma pairs kept."""
    rng = np.random.default_rng(width)
    show = rng.integers(0, 257, (6, width)).astype(np.uint16)
    fill = np.full((6, width), 128, np.uint16)
    values = padded(rng, 6, width)
    add, wanted = np.zeros((2, 6, width), np.uint16)
    portable.weigh(values, show, fill, wanted, mirror)
    variant.weigh(values, show, fill, add, mirror)
    assert (add == wanted).all()
    if mirror == 2:
        turned = values.copy().view(np.uint16)[:, ::-1].copy().view(np.uint8)
        assert (wanted == turned * show + fill).all()


@pytest.mark.parametrize("gain", [20_000, 40_000, -33_000])
def test_recolouring_with_any_numbers_is_the_same(variant, gain):
    """Numbers beyond what the multipliers of a variant hold give the right bytes, too."""
    rng = np.random.default_rng(1)
    luma, chroma = padded(rng, 4, 36), padded(rng, 2, 18, tail=(2,))
    wanted = luma.copy(), chroma.copy()
    numbers = (gain, 8192, -500, 700, 16_384, gain, -300, 16_384)
    portable.recolour(*wanted, numbers)
    variant.recolour(luma, chroma, numbers)
    assert (luma == wanted[0]).all()
    assert (chroma == wanted[1]).all()


@pytest.mark.parametrize("width", [2, 16, 18, 512, 1300])
@pytest.mark.parametrize(("matrix", "is_full"), [(BT601, False), (BT601, True), (BT709, True)])
def test_recolouring_is_the_same(variant, width, matrix, is_full):
    """Changing matrix and range gives the bytes of the portable loop, clamped at both ends."""
    rng = np.random.default_rng(width)
    numbers = recolouring(matrix, is_full_range=is_full)
    luma, chroma = padded(rng, 6, width), padded(rng, 3, width // 2, tail=(2,))
    wanted = luma.copy(), chroma.copy()
    portable.recolour(*wanted, numbers)
    variant.recolour(luma, chroma, numbers)
    assert (luma == wanted[0]).all()
    assert (chroma == wanted[1]).all()


def strided(rng, height, width, group, step):
    """Return random values `step` bytes apart, at the very end of their memory."""
    whole = rng.integers(0, 256, (height, width * group * step + 3), np.uint8)
    values = whole[:, 3 + step - 1 :: step]
    return values.reshape(height, width, group) if step == 1 else _split(values, width, group)


def _split(values, width, group):
    height, row, value = values.shape[0], *values.strides
    return np.lib.stride_tricks.as_strided(
        values, (height, width, group), (row, group * value, value)
    )


@needs_kernel
@settings(max_examples=80, deadline=None)
@given(
    source=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    shares=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)),
    parts=st.tuples(*[st.floats(0, 1)] * 4),
    group=st.integers(1, 2),
    step=st.integers(1, 3),
    out_step=st.integers(1, 2),
    seed=st.integers(0, 999),
)
def test_shrinking_is_the_same_everywhere(source, shares, parts, group, step, out_step, seed):
    """Any size, ratio, part and order of memory gives the bytes of the portable loop, and nothing
    around them is written."""
    rng = np.random.default_rng(seed)
    numbers, shape = [], []
    for count, share, low, high in zip(source, shares, parts[:2], parts[2:], strict=True):
        scaled = max(1, round(count * share))
        start = min(int(low * scaled), scaled - 1)
        length = max(1, int(high * (scaled - start)))
        first, last, found = taps(count, scaled, start, length)
        numbers.append((first, last, found))
        shape.append(length)
    (top, bottom, rows), (left, right, columns) = numbers
    values = strided(rng, *source, group, step)[top:bottom, left:right]
    wanted = np.zeros((*shape, group), np.uint8)
    portable.shrink(values, rows, columns, wanted)
    for name in _kernel.variants():
        _kernel.select(name)
        around = np.full((shape[0] + 2, shape[1] * group * out_step + 40), 7, np.uint8)
        inside = around[1:-1, 3 : 3 + shape[1] * group * out_step : out_step]
        _kernel.shrink(values, rows, columns, _split(inside, shape[1], group))
        assert (inside == wanted.reshape(shape[0], -1)).all()
        inside[:] = 7
        assert (around == 7).all()


@needs_kernel
def test_taps_outside_the_picture_are_refused():
    """No number may lead beyond the picture that is read or the one that is written."""
    values, out = np.zeros((6, 8, 1), np.uint8), np.zeros((3, 4, 1), np.uint8)
    _, _, rows = taps(6, 3, 0, 3)
    _, _, columns = taps(8, 4, 0, 4)
    _kernel.shrink(values, rows, columns, out)
    first, weights = rows
    wrong = [
        (values, (first + 1, weights), columns, out),
        (values, (first - 1, weights), columns, out),
        (values, (first[::2], weights), columns, out),
        (values, (first, weights[:2]), columns, out),
        (values, (first.astype(np.int64), weights), columns, out),
        (values, rows, (columns[0], columns[1].T.copy().T), out),
        (values[:4], rows, columns, out),
        (values[:, :6], rows, columns, out),
        (values, rows, columns, out[:2]),
        (values, rows, columns, out[:, :3]),
        (values, rows, columns, np.zeros((3, 4, 2), np.uint8)),
        (np.zeros((6, 8, 3), np.uint8), rows, columns, np.zeros((3, 4, 3), np.uint8)),
        (np.zeros((6, 8, 4), np.uint8)[..., ::3], rows, columns, np.zeros((3, 4, 2), np.uint8)),
        (values[..., 0], rows, columns, out),
        (values.astype(np.uint16), rows, columns, out),
    ]
    for arguments in wrong:
        with pytest.raises(ValueError, match="array"):
            _kernel.shrink(*arguments)
    with pytest.raises(TypeError):
        _kernel.shrink(values, first, columns, out)


@needs_kernel
def test_wrong_arrays_are_refused_before_anything_is_touched():
    """Another shape, type or order of memory is an error, not a crash."""
    picture = np.zeros((4, 6, 4), np.uint8)
    luma, chroma = np.zeros((4, 6), np.uint8), np.zeros((2, 3, 2), np.uint8)
    _kernel.convert(picture, luma, chroma)
    wrong = [
        (picture[:2], luma, chroma),
        (picture[..., :3], luma, chroma),
        (picture[:, ::-1], luma, chroma),
        (picture.astype(np.uint16), luma, chroma),
        (picture[:3, :5], luma[:3, :5], chroma),
        (picture, luma.T.copy().T, chroma),
        (picture, luma, chroma[:, ::-1]),
        (picture, luma, chroma.reshape(2, 6)),
    ]
    for arrays in wrong:
        with pytest.raises(ValueError, match="array"):
            _kernel.convert(*arrays)
    read_only = luma.copy()
    read_only.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        _kernel.convert(picture, read_only, chroma)
    with pytest.raises(TypeError):
        _kernel.convert(picture, luma, None)
    words = np.zeros((4, 6), np.uint16)
    with pytest.raises(ValueError, match="shapes"):
        _kernel.blend(luma, words, words[:2], luma)
    with pytest.raises(ValueError, match="array of another"):
        _kernel.weigh(luma, luma, words, words, 0)
    for mirror in (-1, 3):
        with pytest.raises(ValueError, match="mirror"):
            _kernel.weigh(luma, words, words, words, mirror)
    odd = words[:, :5]
    with pytest.raises(ValueError, match="whole pairs"):
        _kernel.weigh(luma[:, :5], odd, odd, odd, 2)
    with pytest.raises(ValueError, match="shapes"):
        _kernel.recolour(luma, chroma[:1], (1,) * 8)
    with pytest.raises(ValueError, match="no such variant"):
        _kernel.select("none")


def test_blocks_meet_without_a_seam(monkeypatch):
    """The size of the blocks the portable loop converts at once does not show in the pixels."""
    picture = np.random.default_rng(1).integers(0, 256, (50, 64, 4), np.uint8)
    whole, cut = [(np.zeros((50, 64), np.uint8), np.zeros((25, 32, 2), np.uint8)) for _ in "ab"]
    portable.convert(picture, *whole)
    monkeypatch.setattr(portable, "BLOCK_PX", 64 * 4)
    portable.convert(picture, *cut)
    assert (cut[0] == whole[0]).all()
    assert (cut[1] == whole[1]).all()


def test_the_best_implementation_runs():
    """The compiled loops run where they are built, and say which; else the portable ones."""
    if _kernel is None:
        assert (pixels.IMPLEMENTATION, pixels.convert) == ("numpy", portable.convert)
    else:
        assert _kernel.variants()[-1] == pixels.IMPLEMENTATION
        assert pixels.convert is _kernel.convert


@needs_kernel
def test_compiled_loops_left_over_from_before_are_not_used(monkeypatch):
    """A module compiled from other sources than these is passed over, not called wrongly."""
    monkeypatch.setattr(portable, "REVISION", portable.REVISION + 1)
    try:
        assert importlib.reload(pixels).IMPLEMENTATION == "numpy"
    finally:
        monkeypatch.undo()
        assert _kernel.variants()[-1] == importlib.reload(pixels).IMPLEMENTATION
