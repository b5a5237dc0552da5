"""Area means of a plane of luma as decoded: a small picture of it, without the scaler, whose filters cost more the more they shrink."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.media.kernel import kernel

LINES = 8
"""Lines of the plane that a line of the small picture is the mean of, about: where it covers more, every second, third and so on is read."""


def means(lines: NDArray[Any], columns: int, width: int, height: int, low: float, gain: float) -> NDArray[np.uint8]:
    """Means of a plane over equal parts: [height, width], value = (mean - low) * gain.

    Args:
        lines: The plane as it lies in memory: [rows, at least columns].
        columns: Pixels of a line that are of the picture.
    """
    out = np.empty((height, width), np.uint8)
    every = max(len(lines) // height // LINES, 1)
    (_means16 if lines.dtype == np.uint16 else _means8)(lines, columns, every, low, gain, out)
    return out


def _body(lines: Any, columns: int, every: int, low: float, gain: float, out: Any) -> None:
    """`every` is how many lines one that is read stands for."""
    rows, (height, width) = lines.shape[0], out.shape
    total = np.empty(columns, np.float32)
    for i in range(height):
        top, bottom = i * rows / height, (i + 1) * rows / height
        total[:] = 0
        row = int(top)
        while row < bottom:
            share = np.float32((min(bottom, float(row + every)) - max(top, float(row))) / (bottom - top))
            line = lines[min(row + every // 2, rows - 1), :columns]
            for k in range(columns):
                total[k] += share * np.float32(line[k])
            row += every
        for k in range(width):
            left, right = k * columns / width, (k + 1) * columns / width
            first, last = int(left), min(int(np.ceil(right)), columns) - 1
            part = total[first:last + 1]
            mean = np.float32(0.0)
            for n in range(part.size):
                mean += part[n]
            mean -= np.float32(left - first) * total[first] + np.float32(last + 1 - right) * total[last]
            out[i, k] = np.uint8(min(max((mean / (right - left) - low) * gain + 0.5, 0.0), 255.0))


_PLANE = "void(Array({}, 2, 'C', readonly=True), int64, int64, float64, float64, uint8[:, ::1])"
_means8 = kernel(_PLANE.format("uint8"))(_body)
_means16 = kernel(_PLANE.format("uint16"))(_body)
