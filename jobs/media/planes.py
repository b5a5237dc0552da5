"""What every frame is reduced to, on its planes as decoded, without scaling or copying it.

The picture is laid over a grid of 32 x 24 cells. A cell of luma is the mean of 2 x 2 points spread over it (four halve the noise, and each costs a
visit to memory), and so is a cell of chroma (16 x 12); values are brought to 0..255 full range for luma, 0..255 around 128 for chroma. From the grid of a
frame and that of the frame before come the `SIGNALS`, and a thumb of 8 x 6 luma and 4 x 3 + 4 x 3 chroma cells that lets
shots be told apart afterwards, at 72 bytes a frame; and, of some frames, a sketch of 16 x 12 luma and 8 x 6 + 8 x 6 chroma cells.
"""

from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from jobs.media.displaced import displaced, halve
from jobs.media.kernel import kernel
from jobs.media.signals import CELLS, CHROMA_CELLS, CHROMA_H, CHROMA_W, GRID_H, GRID_W

LUMA_THUMB, LUMA_THUMB_W = 48, 8
SKETCH_W, SKETCH_H = 16, 12
SKETCH = SKETCH_W * SKETCH_H * 3 // 2
"""Bytes of a sketch: luma, U, V, each 2 x 2 cells of the grid to one."""
DARK = 25.5
"""FFmpeg's blackdetect: pixel_black_th 0.10 of the range."""
HELD_MEAN = 0.6
"""Mean difference up to which a picture counts as unchanged; coding noise of a still picture stays below it."""
HELD_CELLS = 0.004
"""Share of cells that may differ by more than 6 all the same."""

_SIZE = CELLS + 2 * CHROMA_CELLS


@kernel(None)
def _cells(plane: Any, points: Any, low: float, gain: float, out: Any) -> None:
    """Cells of one plane: `points` are its offsets, four to a cell; value = (mean - low) * gain."""
    for cell in range(out.size):
        at = cell * 4
        total = int(plane[points[at]]) + int(plane[points[at + 1]]) + int(plane[points[at + 2]]) + int(plane[points[at + 3]])
        value = (float(total) * 0.25 - low) * gain + 0.5
        out[cell] = np.uint8(min(max(value, 0.0), 255.0))


def _points(columns: int, rows: int, width: int, height: int, line: int, step: int, offset: int) -> NDArray[np.int32]:
    """Offsets of the points of all cells, cell by cell."""
    y = ((np.arange(rows * 2) * 2 + 1) * height // (rows * 4)).reshape(rows, 1, 2, 1)
    x = ((np.arange(columns * 2) * 2 + 1) * width // (columns * 4)).reshape(1, columns, 1, 2)
    return np.ascontiguousarray((y * line + x * step + offset).reshape(-1), dtype=np.int32)


@kernel(None)
def _compare(now: Any, before: Any, reference: Any, first: bool, row: Any, thumb: Any) -> None:
    """All signals of a frame from its cells (luma, U, V in one array), the cells before and the reference of stillness."""
    total, squares, dark = 0.0, 0.0, 0
    difference, changed, greatest = 0, 0, 0
    from_reference, cells_from_reference = 0, 0
    for i in range(CELLS):
        value = float(now[i])
        total += value
        squares += value * value
        if value < DARK:
            dark += 1
        d: Any = abs(np.int32(now[i]) - np.int32(before[i]))
        difference += d
        if d > 6:
            changed += 1
        if d > greatest:
            greatest = d
        r: Any = abs(np.int32(now[i]) - np.int32(reference[i]))
        from_reference += r
        if r > 6:
            cells_from_reference += 1
    mean = total / CELLS
    row[3] = mean
    row[4] = np.sqrt(max(squares / CELLS - mean * mean, 0.0))
    row[5] = dark / CELLS
    if first:
        row[0] = row[1] = row[2] = row[6] = row[7] = row[8] = 0.0
    else:
        row[0] = difference / CELLS
        for part in range(2):
            chroma: Any = 0
            start = CELLS + part * CHROMA_CELLS
            for i in range(start, start + CHROMA_CELLS):
                chroma += abs(np.int32(now[i]) - np.int32(before[i]))
            row[1 + part] = chroma / CHROMA_CELLS
        row[6] = changed / CELLS
        row[7] = greatest
        row[8] = 1.0 if from_reference <= HELD_MEAN * CELLS and cells_from_reference <= HELD_CELLS * CELLS else 0.0
    if first or row[8] == 0.0:
        reference[:] = now
    for ty in range(6):
        for tx in range(8):
            cells = 0
            for y in range(ty * 4, ty * 4 + 4):
                for x in range(tx * 4, tx * 4 + 4):
                    cells += now[y * GRID_W + x]
            thumb[ty * 8 + tx] = (cells + 8) // 16
    for part in range(2):
        start = CELLS + part * CHROMA_CELLS
        for ty in range(3):
            for tx in range(4):
                cells = 0
                for y in range(ty * 4, ty * 4 + 4):
                    for x in range(tx * 4, tx * 4 + 4):
                        cells += now[start + y * CHROMA_W + x]
                thumb[48 + part * 12 + ty * 4 + tx] = (cells + 8) // 16


@kernel("void(uint8[::1], uint8[::1])")
def _sketch(cells: Any, out: Any) -> None:
    """Planes of half the size: luma, U, V one after the other."""
    luma, chroma = CELLS // 4, CHROMA_CELLS // 4
    halve(cells[:CELLS], GRID_W, GRID_H, out[:luma])
    halve(cells[CELLS:CELLS + CHROMA_CELLS], CHROMA_W, CHROMA_H, out[luma:luma + chroma])
    halve(cells[CELLS + CHROMA_CELLS:], CHROMA_W, CHROMA_H, out[luma + chroma:])


def _reduce_body(y: Any, u: Any, v: Any, points: Any, scales: Any, cells: Any, now: int, first: bool, row: Any, thumb: Any) -> float:
    """Cells of all planes, then their signals: one call a frame. `cells` holds two frames in turn, then the reference.

    Returns the content change to the frame before, (dy + 2 du + 2 dv) / 3.
    """
    luma, chroma = 4 * CELLS, 4 * CHROMA_CELLS
    _cells(y, points[:luma], scales[0], scales[1], cells[now, :CELLS])
    if points.size > luma:
        _cells(u, points[luma:luma + chroma], 0.0, scales[2], cells[now, CELLS:CELLS + CHROMA_CELLS])
        _cells(v, points[luma + chroma:], 0.0, scales[2], cells[now, CELLS + CHROMA_CELLS:])
    _compare(cells[now], cells[1 - now], cells[2], first, row, thumb)
    content = float(row[0] + 2.0 * row[1] + 2.0 * row[2]) / 3.0
    displaced(cells[now], cells[1 - now], content, row[9:11])
    return content


_REDUCE = ("float64({0}, {0}, {0}, int32[::1], float64[::1], uint8[:, ::1], int64, boolean, float32[::1], uint8[::1])")
_reduce8, _reduce16 = (
    kernel(_REDUCE.format(f"Array({kind}, 1, 'C', readonly=True)"))(_reduce_body) for kind in ("uint8", "uint16"))


class Layout:
    """How the planes of one pixel format are read; none of it changes within a stream unless its format does."""

    def __init__(self, frame: Any) -> None:
        format_ = frame.format
        name: str = format_.name
        self.key = (name, frame.width, frame.height, int(frame.color_range or 0))
        self.width, self.height = frame.width, frame.height
        first = format_.components[0]
        self.bits = int(first.bits)
        planar = name.startswith(("yuv", "gray", "nv12", "nv16", "p010", "p016"))
        packed = name in ("yuyv422", "yuv444p1", "yuv411p1") or "vuy" in name
        self.direct = planar and not packed and not name.endswith("be") and 8 <= self.bits <= 16
        self.semi = name.startswith(("nv12", "nv16", "p010", "p016"))
        self.gray = name.startswith("gray")
        self.wide = self.bits > 8
        left_aligned = name.startswith(("p010", "p016"))
        self.scale = 1.0 / (256.0 if left_aligned else float(1 << max(self.bits - 8, 0)))
        self.full = name.startswith("yuvj") or self.gray or int(frame.color_range or 0) == 2
        low, gain = (0.0, 1.0) if self.full else (16.0, 255.0 / 219.0)
        self.scales = np.array([low / self.scale, gain * self.scale, self.scale])
        self.points: NDArray[np.int32] = np.zeros(0, np.int32)
        self.sizes = (0, 0, 0)
        """Of the planes that `points` are for: a decoder may change the length of its lines, and a kernel checks no bounds."""

    def lay_points(self, planes: Any) -> None:
        """Offsets of the points of all cells of all planes."""
        item = 2 if self.wide else 1
        found = [_points(GRID_W, GRID_H, self.width, self.height, planes[0].line_size // item, 1, 0)]
        for part in () if self.gray else (0, 1):
            plane = planes[1 if self.semi else 1 + part]
            width = plane.width // (2 if self.semi and plane.width == self.width else 1)
            found.append(_points(CHROMA_W, CHROMA_H, width, plane.height, plane.line_size // item, 1 + self.semi,
                                 part if self.semi else 0))
        self.points = np.concatenate(found)


class Grid:
    """Reduces frame after frame of one stream."""

    def __init__(self) -> None:
        self.cells = np.full((3, _SIZE), 128, np.uint8)
        self.now, self.first = 0, True
        self.layout: Layout | None = None
        self._shrink: Any = None

    def lay(self, frame: Any) -> Layout:
        """The layout of this frame."""
        layout = self.layout
        if layout is None or layout.key != (frame.format.name, frame.width, frame.height, int(frame.color_range or 0)):
            layout = self.layout = Layout(frame)
        return layout

    def reduce(self, frame: Any, row: NDArray[np.float32], thumb: NDArray[np.uint8]) -> float:
        """Fill `row` (SIGNALS) and `thumb` for this frame; frames come in order.

        Returns:
            The content change to the frame before, see `jobs.clean.cuts.change`.
        """
        layout = self.lay(frame)
        if not layout.direct:
            frame = self._planar(frame)
            layout = self._planar_layout
        planes = frame.planes
        kind = np.uint16 if layout.wide else np.uint8
        y = np.frombuffer(planes[0], kind)
        u = y if layout.gray else np.frombuffer(planes[1], kind)
        v = u if layout.gray or layout.semi else np.frombuffer(planes[2], kind)
        if layout.sizes != (y.size, u.size, v.size):
            layout.lay_points(planes)
            layout.sizes = (y.size, u.size, v.size)
        self.now = 1 - self.now
        content: float = (_reduce16 if layout.wide else _reduce8)(
            y, u, v, layout.points, layout.scales, self.cells, self.now, self.first, row, thumb)
        self.first = False
        return content

    def sketch(self, out: NDArray[np.uint8]) -> None:
        """Fill `out` (SKETCH) with the sketch of the last frame."""
        _sketch(self.cells[self.now], out)

    def settle(self) -> None:
        """Take the last frame as the one that a still picture is compared with: a chapter begins behind it."""
        self.cells[2] = self.cells[self.now]

    def trace(self) -> int:
        """A number that tells the last frame from others, as far as its cells do."""
        return crc32(self.cells[self.now].tobytes())

    def _planar(self, frame: Any) -> Any:
        """Formats without a plane of luma (RGB, palettes, packed) are scaled to a small one first."""
        import av

        if self._shrink is None:
            self._shrink = av.video.reformatter.VideoReformatter()
        scale = min(1.0, 256 / max(frame.width, frame.height))
        small = self._shrink.reformat(frame, width=max(2, int(frame.width * scale)), height=max(2, int(frame.height * scale)),
                                      format="yuvj444p", interpolation="AREA", threads=1)
        self._planar_layout = Layout(small)
        return small


@kernel(None)
def take_row(plane: Any, row: int, line: Any) -> None:
    """Copy a row of a plane to where it lies alone: the compiler makes vectors of loops over that, not of those over a part of longer lines."""
    for k in range(line.size):
        line[k] = plane[row, k]


def plane_lines(plane: Any, bits: int) -> NDArray[Any]:
    """A plane of a frame with all of its lines that lies in memory, [height, at least width], without a copy; uint16 where components have
    more than 8 bits."""
    kind = np.uint16 if bits > 8 else np.uint8
    line = plane.line_size // (2 if bits > 8 else 1)
    return np.frombuffer(plane, kind)[:line * plane.height].reshape(plane.height, line)


def plane_array(plane: Any, bits: int) -> NDArray[Any]:
    """The picture in a plane, as [height, width] without a copy."""
    return plane_lines(plane, bits)[:, :plane.width]
