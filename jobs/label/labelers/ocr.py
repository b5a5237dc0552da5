"""Text in the picture, Chinese and English (rapidocr), read on the stored frames that seem to hold any.

Which those are is asked of the detector alone, at the size that frames are stored in: a third of the cost of looking for text properly. Where
one frame holds text the others are read as well. Clips whose measured `text_area_share` lies below `label.ocr_min_text_share` are not even
asked about: they get no row. Keys: `text` (the lines of all frames, each once, score = mean confidence), `area_share` (mean over frames),
`overlay_share` (area of boxes that stay where they are: watermarks, subtitles that stand), `boxes` (JSON of the frame that holds most:
[left, top, right, bottom, text, score] as shares of the picture). Personal data are masked as in all texts.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
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
STABLE_HEIGHT = 0.1
"""The same as share of the height of a box, where that is more: the larger the letters the more detection wavers."""
MISSED = 4
"""Of so many frames one may lack a box that stays: something passes in front of it, or it is overlooked."""
ALIKE = 0.8
"""Similarity (difflib) from which two lines are two readings of one."""
TOGETHER = 4
"""Boxes that a piece of personal data is looked for in: a telephone number in groups, each of which the detector boxes alone."""
NUMBER = re.compile(r"(?<![a-z])\d+(?![a-z])")
"""One that stands by itself: in a word a digit is a letter read wrong."""
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
TURNED = 0.8
"""Share of the upright box around it below which a line lies aslant."""
STRIP = 8
"""Sides of a picture, over one another, beyond which it is a strip and is not read: the detector blows up the short one, and rapidocr fails."""
GRID = 256
"""Areas are counted on a grid of this many cells a side, so that boxes that overlap count once."""


@dataclass(frozen=True)
class Box:
    """A line of text; all places are shares of the picture."""

    left: float
    top: float
    right: float
    bottom: float
    text: str
    score: float
    corners: tuple[tuple[float, float], ...] = ()
    """(x, y) of a line that is turned; of an upright one they say nothing more."""


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
        if not pictures:
            continue
        frames = read_all(state, pictures)
        lines = said(frames)
        fullest = max(frames, key=lambda boxes: sum(len(b.text) for b in boxes))
        found += [Found(row["clip_id"], "area_share", rounded(float(np.mean([area(boxes) for boxes in frames]))))]
        if len(frames) > 1:
            found.append(Found(row["clip_id"], "overlay_share", rounded(area(stable(frames)))))
        if fullest:
            text = "\n".join(b.text for b in lines)
            found.append(Found(row["clip_id"], "text", rounded(float(np.mean([b.score for b in lines]))), text))
            facts = [[round(b.left, 4), round(b.top, 4), round(b.right, 4), round(b.bottom, 4), b.text, round(b.score, 4)] for b in fullest]
            found.append(Found(row["clip_id"], "boxes", float(len(fullest)), json.dumps(facts, ensure_ascii=False)))
    return found


def read_all(state: State, pictures: Sequence[Any]) -> list[list[Box]]:
    """Lines of text of each frame of a clip; those that do not seem to hold any are read where another does."""
    frames = [read(state.engine, picture) if may_hold_text(state, picture) else None for picture in pictures]
    held = any(frames)
    return [(read(state.engine, picture) if held else []) if boxes is None else boxes for boxes, picture in zip(frames, pictures, strict=True)]


def said(frames: Sequence[Sequence[Box]]) -> list[Box]:
    """The lines of all frames in the order in which they come; of several readings of a line the fullest and surest. Lines of one frame are
    never one."""
    lines: list[Box] = []
    for boxes in frames:
        before = set(range(len(lines)))
        for box in boxes:
            same = max(before, key=lambda i: (alike(lines[i].text, box.text), -i), default=None)
            if same is None or alike(lines[same].text, box.text) < ALIKE:
                lines.append(box)
                continue
            before.remove(same)
            lines[same] = max(lines[same], box, key=lambda b: (len(_letters(b.text)), b.score))
    return lines


def alike(a: str, b: str) -> float:
    """How much two lines may be readings of one, 0..1: one goes on where the other is cut off, or few letters differ. Another number is another
    line: a score, a price, a floor."""
    (short, few), (long, many) = sorted(((_letters(t), Counter(NUMBER.findall(t.casefold()))) for t in (a, b)), key=lambda line: len(line[0]))
    if few - many or (short not in long and many - few):
        return 0.0
    if short in long and 2 * len(short) > len(long):
        return 1.0
    return SequenceMatcher(None, short, long, autojunk=False).ratio()


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum()) or text


def read(engine: Any, picture: Any) -> list[Box]:
    """Lines of text of an RGB picture, in the order of reading in which they are found: top to bottom, in a line from the left."""
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
        found = tuple((float(x), float(y)) for x, y in (np.asarray(corners) / size).clip(0, 1))
        boxes.append(Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]), clean(str(text)), float(score), found if _turned(found) else ()))
    return masked(boxes)


def masked(boxes: Sequence[Box]) -> list[Box]:
    """Boxes without personal data; up to TOGETHER in a row that show a piece of it only together become one."""
    made: list[Box] = []
    for box in boxes:
        made.append(box)
        while (some := next((n for n in range(2, TOGETHER + 1) if _one_piece(made[-n:], n)), None)) is not None:
            last = made[-some:]
            made[-some:] = [Box(min(b.left for b in last), min(b.top for b in last), max(b.right for b in last), max(b.bottom for b in last),
                                " ".join(b.text for b in last), min(b.score for b in last))]
    return [replace(box, text=mask(box.text)[0]) for box in made]


def _one_piece(boxes: Sequence[Box], count: int) -> bool:
    texts = [box.text for box in boxes]
    return len(texts) == count and mask(" ".join(texts))[0] != " ".join(mask(text)[0] for text in texts)


def _turned(corners: tuple[tuple[float, float], ...]) -> bool:
    """Whether a line fills so little of the upright box around it that it lies aslant."""
    across, down = (max(c[i] for c in corners) - min(c[i] for c in corners) for i in (0, 1))
    inside = 0.5 * abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, (*corners[1:], corners[0]), strict=True)))
    return inside < TURNED * across * down


def area(boxes: Sequence[Box]) -> float:
    """Share of the picture under the boxes; a line that lies aslant covers what is between its corners."""
    import cv2

    grid = np.zeros((GRID, GRID), np.uint8)
    for b in boxes:
        if b.corners:
            cv2.fillPoly(grid, [np.round(np.array(b.corners) * GRID - 0.5).astype(np.int32)], 1)
            continue
        grid[int(b.top * GRID) : int(np.ceil(b.bottom * GRID)), int(b.left * GRID) : int(np.ceil(b.right * GRID))] = 1
    return float(grid.mean())


def stable(frames: Sequence[Sequence[Box]]) -> list[Box]:
    """Boxes that all frames have in the same place, but for one in MISSED."""
    stay: list[Box] = []
    for box in (box for boxes in frames for box in boxes):
        having = sum(any(same_place(box, other) for other in boxes) for boxes in frames)
        if having >= len(frames) - len(frames) // MISSED and not any(same_place(box, other) for other in stay):
            stay.append(box)
    return stay


def same_place(a: Box, b: Box) -> bool:
    """Whether no edge has moved further than detection wavers."""
    least = max(STABLE_SHARE, STABLE_HEIGHT * (a.bottom - a.top))
    return max(abs(a.left - b.left), abs(a.top - b.top), abs(a.right - b.right), abs(a.bottom - b.bottom)) <= least


LABELER = Labeler(
    "ocr", version=10, needs=("frames", "text_area_share"), options=("ocr_min_text_share",), model=model, load=load, label=label
)
