"""Text in the picture, Chinese and English (rapidocr), read on the stored frames that seem to hold any.

Which those are is asked of the detector alone, at the size that frames are stored in: a third of the cost of looking for text properly.
Clips whose measured `text_area_share` lies below `label.ocr_min_text_share` are not even asked about: they get no row. Keys: `text`
(the lines of the frame that holds most, score = mean confidence), `area_share` (mean over frames), `overlay_share` (area of boxes that
stay where they are in all frames: watermarks, subtitles that stand), `boxes` (JSON: [left, top, right, bottom, text, score] as shares
of the picture). Personal data are masked as in all texts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from types import MappingProxyType
from typing import Any

import numpy as np

from jobs.collect.pii import clean, mask
from jobs.label import clip
from jobs.label.labeler import Batch, Found, Labeler, Model, rounded
from schemas.settings import Label

STABLE_SHARE = 0.015
"""Share of the picture's sides by which the edges of a box that stays may differ from frame to frame: three pixels of 224, as detection
wavers. An overlap of 0.9, as for large objects, would lose a small line by a pixel."""
LEAST_SCORE = 0.7
"""Confidence from which a box is text. On 30 real files everything below was a lone sign seen in a face, a cup or the whole picture (0.55
to 0.69), all true lines but one lay between 0.84 and 1."""
LONE_HEIGHT = 0.3
"""Share of the picture's height from which a single sign is no text: a cup that fills the picture reads as an 8, and surely (0.97)."""
DETECT_SIDE_PX = 352
"""Short side at which text is looked for; rapidocr's default of 736 blows stored frames up threefold. Subtitles of 9 to 20 pixels, Chinese
and English, over six photographs: 0.98 to 1.00 of the signs read at 352 (0.12 CPU s a frame) and 0.97 to 1.00 at 736 (0.46)."""
GLANCE_SIDE_PX = 224
"""Short side at which a frame is asked about, that of stored frames."""
GLANCE_SCORE = 0.4
"""Score from which a box counts then: of readable lines of 2 to 10 % of the height, drawn on real footage, 0.96 are seen, and something in 0.32
of frames without text; the estimate of the decode pass saw 0.85 and 0.37 (`tests/bench/ocr_gate.md`)."""
STRIP = 8
"""Sides of a picture, over one another, beyond which it is a strip and is not read: the detector blows up the short one, and rapidocr fails."""
GRID = 256
"""Areas are counted on a grid of this many cells a side, so that boxes that overlap count once."""


@dataclass(frozen=True)
class Box:
    """A line of text; the corners are shares of the picture."""

    left: float
    top: float
    right: float
    bottom: float
    text: str
    score: float


def model(settings: Label) -> Model:
    return Model("rapidocr", installed("rapidocr"))


@dataclass(frozen=True)
class State:
    """The reader, the detector that says what it is to read, and the estimated share of text below which neither is asked."""

    engine: Any
    glance: Any
    least: float


def load(settings: Label, device: str) -> State:
    return State(_engine(DETECT_SIDE_PX), _engine(GLANCE_SIDE_PX, {"Det.box_thresh": GLANCE_SCORE}), settings.ocr_min_text_share)


def _engine(side_px: int, more: Mapping[str, Any] = MappingProxyType({})) -> Any:
    import logging

    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    params = {
        "Det.limit_side_len": side_px,
        "Det.limit_type": "min",
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "Global.log_level": "error",
    }
    return RapidOCR(params={**params, **more})


def may_hold_text(state: State, picture: Any) -> bool:
    """Whether an RGB picture is worth reading."""
    found = state.glance(np.asarray(picture)[:, :, ::-1], use_det=True, use_cls=False, use_rec=False)
    return found is not None and found.boxes is not None and len(found.boxes) > 0


def label(state: State, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        if (row["text_area_share"] or 0.0) < state.least or not row["frames"]:
            continue
        pictures = [p for p in clip.pictures(row) if max(p.shape[:2]) <= STRIP * min(p.shape[:2])]
        frames = [read(state.engine, picture) if may_hold_text(state, picture) else [] for picture in pictures]
        if not frames:
            continue
        fullest = max(frames, key=lambda boxes: sum(len(b.text) for b in boxes))
        found += [Found(row["clip_id"], "area_share", rounded(float(np.mean([area(boxes) for boxes in frames]))))]
        if len(frames) > 1:
            found.append(Found(row["clip_id"], "overlay_share", rounded(area(stable(frames)))))
        if fullest:
            text = "\n".join(b.text for b in fullest)
            found.append(Found(row["clip_id"], "text", rounded(float(np.mean([b.score for b in fullest]))), text))
            facts = [[round(b.left, 4), round(b.top, 4), round(b.right, 4), round(b.bottom, 4), b.text, round(b.score, 4)] for b in fullest]
            found.append(Found(row["clip_id"], "boxes", float(len(fullest)), json.dumps(facts, ensure_ascii=False)))
    return found


def read(engine: Any, picture: Any) -> list[Box]:
    """Lines of text of an RGB picture, top to bottom."""
    pixels = np.asarray(picture)
    result = engine(pixels[:, :, ::-1])
    if result is None or result.boxes is None:
        return []
    size = np.array(pixels.shape[1::-1])
    boxes = []
    for corners, text, score in zip(result.boxes, result.txts, result.scores, strict=True):
        if score < LEAST_SCORE:
            continue
        low = (np.asarray(corners).min(axis=0) / size).clip(0, 1)
        high = (np.asarray(corners).max(axis=0) / size).clip(0, 1)
        if len(str(text).strip()) < 2 and high[1] - low[1] > LONE_HEIGHT:
            continue
        boxes.append(Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]), mask(clean(str(text)))[0], float(score)))
    return sorted(boxes, key=lambda b: (b.top, b.left, b.text))


def area(boxes: Sequence[Box]) -> float:
    """Share of the picture under the boxes."""
    grid = np.zeros((GRID, GRID), bool)
    for b in boxes:
        grid[int(b.top * GRID) : int(np.ceil(b.bottom * GRID)), int(b.left * GRID) : int(np.ceil(b.right * GRID))] = True
    return float(grid.mean())


def stable(frames: Sequence[Sequence[Box]]) -> list[Box]:
    """Boxes of the first frame that every other frame has in the same place."""
    return [b for b in frames[0] if all(any(same_place(b, other) for other in frame) for frame in frames[1:])]


def same_place(a: Box, b: Box) -> bool:
    """Whether no edge has moved further than detection wavers."""
    return max(abs(a.left - b.left), abs(a.top - b.top), abs(a.right - b.right), abs(a.bottom - b.bottom)) <= STABLE_SHARE


LABELER = Labeler(
    "ocr", version=5, needs=("frames", "text_area_share"), options=("ocr_min_text_share",), model=model, load=load, label=label
)
