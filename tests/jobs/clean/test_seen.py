"""Samples of the pictures: their size, and levels as ITU-T H.273 and FFmpeg's own scaler have them."""

import av
import numpy as np
import pytest

from jobs.clean.seen import Seen
from jobs.media.planes import plane_array
from schemas.settings import Measure


def frame_of(width: int, height: int, pix_fmt: str) -> av.VideoFrame:
    """All levels of all planes, 8 bit: noise in a frame whose lines are longer than the picture is wide."""
    frame, random = av.VideoFrame(width, height, pix_fmt), np.random.default_rng(width * height)
    for plane in frame.planes:
        plane.update(random.integers(0, 256, plane.line_size * plane.height, np.uint8).tobytes())
    return frame


def sampled(frame: av.VideoFrame) -> tuple[np.ndarray, ...]:
    """Y, U and V of its sample."""
    seen = Seen(Measure())
    seen.shape(1.0, 0, False, 2)
    seen.see(frame, 0.0)
    planes = seen.candidates[0].planes
    assert planes is not None
    return planes


@pytest.mark.parametrize("full", [False, True], ids=["narrow", "full"])
@pytest.mark.parametrize("size", [(320, 240), (144, 176), (256, 256)], ids=str)
def test_a_picture_that_is_hardly_larger_than_asked_keeps_its_size_and_has_all_levels(size: tuple[int, int], full: bool) -> None:
    frame = frame_of(*size, "yuvj420p" if full else "yuv420p")
    stored = [plane_array(plane, 8).astype(np.float64) for plane in frame.planes]
    if not full:
        stored = [(stored[0] - 16) * 255 / 219, *((plane - 128) * 255 / 224 + 128 for plane in stored[1:])]
    for plane, wanted in zip(sampled(frame), stored, strict=True):
        np.testing.assert_allclose(plane, wanted.clip(0, 255), atol=0.5 + 1e-9)


def test_it_is_what_the_scaler_makes_of_it() -> None:
    frame = frame_of(320, 240, "yuv420p")
    reference = frame.reformat(format="yuvj420p", dst_color_range="JPEG")
    for plane, wanted in zip(sampled(frame), reference.planes, strict=True):
        np.testing.assert_allclose(plane.astype(int), plane_array(wanted, 8), atol=1)


@pytest.mark.parametrize(("size", "wanted"), [((344, 258), (298, 224)), ((1280, 720), (398, 224)), ((90, 160), (90, 160)), ((321, 241), (320, 240))])
def test_sizes_of_samples(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert sampled(frame_of(*size, "yuv420p"))[0].shape[::-1] == wanted


def test_a_sample_outlives_its_frame() -> None:
    frame = frame_of(320, 240, "yuvj420p")
    planes = sampled(frame)
    before = [plane.copy() for plane in planes]
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    for plane, kept in zip(planes, before, strict=True):
        np.testing.assert_array_equal(plane, kept)
