"""Area means of planes, against OpenCV's."""

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from jobs.media.area import LINES, means

GREY = cv2.cvtColor(pictures.astronaut(), cv2.COLOR_RGB2GRAY)


@pytest.mark.parametrize(("width", "height"), [(49, 64), (37, 51), (28, 49), (128, 128), (512, 512)])
@pytest.mark.parametrize("bits", [8, 10])
def test_means_of_parts_are_those_of_opencv(width: int, height: int, bits: int) -> None:
    plane = cv2.resize(GREY, (512, height * (LINES + 1)), interpolation=cv2.INTER_AREA) if height < 128 else GREY
    wanted = cv2.resize(plane.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    lines = np.pad(plane, ((0, 0), (0, 32)), constant_values=255)
    lines = lines if bits == 8 else lines.astype(np.uint16) << 2
    got = means(np.ascontiguousarray(lines), 512, width, height, 0.0, 1 / (1 << (bits - 8)))
    assert np.abs(got - wanted).max() <= 0.51


def test_every_few_lines_of_a_tall_plane_tell_its_means() -> None:
    plane = cv2.resize(GREY, (640, 16 * LINES * 4), interpolation=cv2.INTER_LINEAR)
    wanted = cv2.resize(plane, (20, 16), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(means(plane, 640, 20, 16, 0.0, 1.0) - wanted).mean() <= 1


def test_a_plane_may_be_narrower_than_its_means() -> None:
    """A picture whose pixels are shown wide."""
    plane = np.array([[10, 200]], np.uint8)
    assert means(plane, 2, 6, 2, 0.0, 1.0).tolist() == [[10] * 3 + [200] * 3] * 2


def test_limited_range_is_stretched() -> None:
    assert means(np.array([[16, 235]], np.uint8), 2, 2, 1, 16.0, 255 / 219).tolist() == [[0, 255]]
