"""What is kept of every frame (`jobs.media.planes`): names and sizes, for those who read the numbers and compute none."""

SIGNALS = ("dy", "du", "dv", "luma", "spread", "dark", "changed", "greatest", "held", "displaced", "moved")
"""Columns of a signal row.

dy, du, dv: mean absolute difference of the cells to the frame before, 0..255.
luma, spread: mean and standard deviation of the luma cells, 0..255.
dark: share of cells below DARK.
changed: share of luma cells that differ by more than 6 from the frame before. greatest: the greatest difference.
held: 1 when the picture is still that of the last frame that changed (see HELD_MEAN, HELD_CELLS), else 0.
displaced, moved: displaced frame difference, the content change that is left when the frame before is moved over this one, 0..255, and how far it
is moved, cells (`jobs.media.displaced`).
"""
GRID_W, GRID_H = 32, 24
CHROMA_W, CHROMA_H = 16, 12
CELLS = GRID_W * GRID_H
CHROMA_CELLS = CHROMA_W * CHROMA_H
"""The grid that a frame is reduced to: cells of luma, and of U and V each."""
THUMB = 72
"""Bytes of a thumb: 48 luma, 12 U, 12 V."""
