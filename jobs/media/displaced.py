"""Displaced frame difference: what is left of the change of a frame when the frame before is moved over it, as a camera moves.

The move is searched from coarse to fine, with the whole picture as one block (Bierling, "Displacement estimation by hierarchical blockmatching",
1988): on the grid of luma made four times smaller, twice smaller, and as it is; chroma follows. Cells that come into the picture
have nothing that they could be compared with, and count as much as all cells do unmoved.
"""

from typing import Any

import numpy as np

from jobs.media.kernel import kernel
from jobs.media.signals import CELLS, CHROMA_CELLS, CHROMA_H, CHROMA_W, GRID_H, GRID_W

MOVES = 4.0
"""Content change below which no move is searched: no cut is beside what changes by so little."""
REACH_W, REACH_H = 3, 2
"""Moves that are tried at a quarter of the size: up to three eighths of the width, a third of the height, and what is finer."""


@kernel(None)
def displaced(now: Any, before: Any, content: float, out: Any) -> None:
    """Fill `out` with the displaced frame difference, 0..255, and with the length of the move, cells; `now` and `before` are cells of luma,
    U and V, `content` is their change."""
    out[0], out[1] = content, 0.0
    if content < MOVES:
        return
    half, quarter = np.empty((2, CELLS // 4), np.uint8), np.empty((2, CELLS // 16), np.uint8)
    for i, cells in enumerate((now, before)):
        halve(cells, GRID_W, GRID_H, half[i])
        halve(half[i], GRID_W // 2, GRID_H // 2, quarter[i])
    x, y, _ = _nearest(quarter[0], quarter[1], GRID_W // 4, GRID_H // 4, 0, 0, REACH_W, REACH_H)
    x, y, _ = _nearest(half[0], half[1], GRID_W // 2, GRID_H // 2, 2 * x, 2 * y, 1, 1)
    x, y, left = _nearest(now[:CELLS], before[:CELLS], GRID_W, GRID_H, 2 * x, 2 * y, 1, 1)
    for start in (CELLS, CELLS + CHROMA_CELLS):
        one, other = now[start:start + CHROMA_CELLS], before[start:start + CHROMA_CELLS]
        unmoved = _apart(one, other, CHROMA_W, CHROMA_H, 0, 0, 0.0)
        left += 2 * min(unmoved, _apart(one, other, CHROMA_W, CHROMA_H, round(x / 2), round(y / 2), unmoved))
    if left / 3 < content:
        out[0], out[1] = left / 3, np.sqrt(float(x * x + y * y))


@kernel(None)
def halve(cells: Any, width: int, height: int, out: Any) -> None:
    """A plane of half the size, 2 x 2 cells to one."""
    at = 0
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            i = y * width + x
            out[at] = (int(cells[i]) + int(cells[i + 1]) + int(cells[i + width]) + int(cells[i + width + 1]) + 2) // 4
            at += 1


@kernel(None)
def _nearest(now: Any, before: Any, width: int, height: int, x: int, y: int, reach_w: int, reach_h: int) -> Any:
    """The move near (x, y) that leaves the least, or none: its columns and rows, and what is left."""
    unmoved = _apart(now, before, width, height, 0, 0, 0.0)
    best_x, best_y, least = 0, 0, unmoved
    for dy in range(y - reach_h, y + reach_h + 1):
        for dx in range(x - reach_w, x + reach_w + 1):
            left = _apart(now, before, width, height, dx, dy, unmoved)
            if left < least:
                best_x, best_y, least = dx, dy, left
    return best_x, best_y, least


@kernel(None)
def _apart(now: Any, before: Any, width: int, height: int, dx: int, dy: int, uncovered: float) -> float:
    """Mean absolute difference of a plane to the one before moved by columns and rows; cells that come into the picture differ by `uncovered`."""
    total: Any = 0
    left, right = max(0, dx), min(width, width + dx)
    for y in range(max(0, dy), min(height, height + dy)):
        one, other = y * width, (y - dy) * width - dx
        for x in range(left, right):
            total += abs(np.int32(now[one + x]) - np.int32(before[other + x]))
    covered = max(0, right - left) * max(0, height - abs(dy))
    return float(total / (width * height) + uncovered * (1 - covered / (width * height)))
