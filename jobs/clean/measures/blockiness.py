"""Coding blocks.

blockiness: mean luma step across the borders of 8 x 8 blocks over the mean step elsewhere, of the picture as decoded (not
scaled): |step| at columns 8k over |step| at all other columns on every eighth row, and the same with rows and columns
exchanged; the mean of both, mean over samples. The lesser of this of all lines and of this without the quarter of the borders, and of the
other lines, that has the greatest steps: blocks show at all borders, an edge of a drawing that happens to lie on one at few.
1 means no grid. Null where a drawing of large pixels was enlarged and not coded: where the steps within
blocks are 0.05 levels on average at most and 0.6 % of those at borders 66 or more. What is so soft that a codec leaves it in blocks of one shade has no
such steps: of 402 JPEG of quality 1 of photographs behind up to 6 px of blur, 73 have so little within blocks, and of their borders at most 0.4 % step so;
of MPEG-2, MPEG-4 and H.264 at their coarsest none. Null below 32 pixels and of moving pictures without a plane of luma; that of a still picture is of its
RGB (ITU-R BT.601). Version 4. Source: the blocking term of Wang, Sheikh and Bovik 2002 (no-reference JPEG quality), as a ratio.
"""

import math
from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Picture, Span, mean
from jobs.media.kernel import kernel

BLOCK, LINES = 8, 0.75
"""Side of a block, px, and the share of lines that have no edge of a drawing."""
GRIDDED, FLAT, JUMP, JUMPS = 2.0, 0.05, 66, 0.006
"""From which ratio on pixels are counted that are enlarged, greatest step within them, least at their borders and in which share of those."""


@kernel(None)
def _least(lines: Any, share: Any) -> Any:
    """Mean of this share of the lines, those of the least steps."""
    count = math.ceil(share * lines.size)
    return np.sort(lines)[:count].sum() / count


@kernel(None)
def _jumps(plane: Any, jump: Any) -> Any:
    """Share of the steps across borders that are so great."""
    height, width = plane.shape
    count, found = 0, 0
    for y in range(4, height, BLOCK):
        for x in range(BLOCK, width, BLOCK):
            found += abs(np.int32(plane[y, x]) - np.int32(plane[y, x - 1])) >= jump
            count += 1
    for y in range(BLOCK, height, BLOCK):
        for x in range(4, width, BLOCK):
            found += abs(np.int32(plane[y, x]) - np.int32(plane[y - 1, x])) >= jump
            count += 1
    return found / count


def _body(plane: Any, unit: Any) -> Any:
    height, width = plane.shape
    columns, rows = np.zeros(width, np.int32), np.zeros(height, np.int32)
    for y in range(4, height, BLOCK):
        for x in range(1, width):
            columns[x] += abs(np.int32(plane[y, x]) - np.int32(plane[y, x - 1]))
    for y in range(4, height, 4):
        total = np.int32(0)
        for x in range(4, width, BLOCK):
            total += abs(np.int32(plane[y, x]) - np.int32(plane[y - 1, x]))
        rows[y] = total
    between = columns[np.arange(width) % BLOCK != 0]
    above, beside = (height + 3) // BLOCK, (width + 3) // BLOCK
    least, still = np.inf, False
    for share in (1.0, LINES):
        border = (_least(columns[BLOCK::BLOCK], share) / above + _least(rows[BLOCK::BLOCK], share) / beside) / 2
        # of the steps within blocks seven are to the side for one that is downwards
        inside = ((BLOCK - 1) * _least(between, share) / above + _least(rows[4::BLOCK], share) / beside) / BLOCK
        least = min(least, (border + unit / 20) / (inside + unit / 20))
        still = still or (share == 1.0 and inside <= FLAT * unit)
    return np.nan if still and least >= GRIDDED and _jumps(plane, JUMP * unit) >= JUMPS else least


_ratio8 = kernel("float64(Array(uint8, 2, 'A', readonly=True), float64)")(_body)
_ratio16 = kernel("float64(Array(uint16, 2, 'A', readonly=True), float64)")(_body)


def look(picture: Picture) -> tuple[float]:
    plane = picture.plane
    if plane is None or min(plane.shape) < 32:
        return (np.nan,)
    return ((_ratio16 if plane.dtype == np.uint16 else _ratio8)(plane, float(1 << (picture.plane_bits - 8))),)


def reduce(span: Span) -> dict[str, Any]:
    return {"blockiness": mean(span.pictures["blockiness"][:, 0])}


MEASURE = Measurement("blockiness", 4, ("blockiness",), reduce, width=1, look=look, every=2, native=True)
