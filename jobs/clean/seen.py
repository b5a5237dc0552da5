"""What is kept of the pictures of a chapter while they pass: signals and a thumb of every frame, numbers of every sampled picture, and
small pictures of which some will be stored."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.clean import cuts, shots
from jobs.clean.measures import Picture, Pixels, coarse_size, measurements
from jobs.clean.measures.sketch import RATE_HZ
from jobs.clean.series import Floats, Growing, Pictures, doubles
from jobs.media.area import means
from jobs.media.planes import SKETCH, Grid, plane_array, plane_lines
from jobs.media.signals import SIGNALS, THUMB

if TYPE_CHECKING:
    from schemas.settings import Measure

PAIR_S = 0.1
"""Least distance of the second picture that motion is measured with."""
JPEG_QUALITY = 85
PLAIN = ("yuv420p", "yuvj420p")
"""Formats whose planes are samples as they are, if their size is: to scale one of 240 lines to 224 cost more than all that was saved by it."""
NARROW = ((16, 255 / 219, 0), (128, 255 / 224, 128), (128, 255 / 224, 128))
"""Of Y, U and V the level that is nothing in narrow range, how many levels of full range one of it is, and what nothing is in that."""
HARDLY = 1.15
"""So many times the short side that is asked for a picture is taken as it is."""
TOGETHER = 16
"""Samples that are measured together: between two frames of the decoder, code and tables would come from memory each time."""
THIN_S = 2.5
"""In a long shot one candidate is kept in so many seconds, or in less where clips may be shorter (`_thin`): they are cut later, and each stores a few."""
RAW = 96
"""Candidates of stored frames that wait unencoded, the latest ones: most are never stored, and 96 take some 13 MB."""
IN_SHOT = 80
"""Candidates of a shot that goes on, after which the older ones are thinned."""


class Seen:
    """Everything kept of the pictures: signals and a thumb per frame, numbers per sampled picture, candidates to store.

    A chapter that is not the first takes over the grid, which knows the frame before; nothing else passes from one to the next.
    """

    def __init__(self, settings: "Measure", grid: Grid | None = None) -> None:
        import av

        self.settings = settings
        self.grid = grid or Grid()
        self.times = doubles()
        self.signals = np.zeros((256, len(SIGNALS)), np.float32)
        self.thumbs = np.zeros((256, THUMB), np.uint8)
        self.measures = [m for m in measurements().values() if m.look is not None or m.compare is not None]
        self.rows = {m.name: Growing(m.width) for m in self.measures}
        self.sample_times = doubles()
        self.sketch_times, self.sketches = doubles(), Growing(SKETCH, np.uint8)
        self.waiting: list[tuple[Picture, int, Pixels | None, float]] = []
        """Samples to be measured: the picture, its number in its shot, the later picture and how much later that is."""
        self.candidates: list[_Candidate] = []
        self.shot_from = self.encoded = self.in_shot = 0
        self.due = self.sketch_due = -math.inf
        self.content = 0.0
        self.open: Picture | None = None
        self.sar, self.rotation, self.mirrored, self.matrix = 1.0, 0, False, 2
        self.luma: Pixels | None = None
        """Luma at full size of a picture of RGB, from who made it."""
        self.shrink, self.shrink_later = av.video.reformatter.VideoReformatter(), av.video.reformatter.VideoReformatter()

    def shape(self, sar: float, rotation: int, mirrored: bool, colorspace: int) -> None:
        """Display facts, known from the first frame."""
        self.sar, self.rotation, self.mirrored, self.matrix = sar, rotation, mirrored, colorspace

    def see(self, frame: Any, t: float) -> None:
        """The next frame."""
        index = len(self.times)
        if index == len(self.signals):
            self.signals = np.concatenate([self.signals, np.zeros_like(self.signals)])
            self.thumbs = np.concatenate([self.thumbs, np.zeros_like(self.thumbs)])
        content = self.grid.reduce(frame, self.signals[index], self.thumbs[index])
        self.times.append(t)
        jump = content > cuts.FLOOR and content > cuts.RATIO * self.content + 1
        self.content = content
        if self.open is not None and (jump or t - self.open.t_s >= PAIR_S - 1e-6):
            self._pair(None if jump else frame, t)
        if jump:
            self._new_shot(t)
        if t >= self.due:
            self._sample(frame, t)
            self.due = _next(self.due, t, 1 / self.settings.samples_per_second)
        if t >= self.sketch_due:
            self.grid.sketch(self.sketches.room(1)[0])
            self.sketch_times.append(t)
            self.sketch_due = _next(self.sketch_due, t, 1 / RATE_HZ)

    def _sample(self, frame: Any, t: float) -> None:
        picture = self._picture(frame, t)
        if self.open is not None:
            self._pair(None, t)
        self.in_shot = len(self.candidates) - self.shot_from
        for m in self.measures:
            if m.look is not None and m.native:
                self.rows[m.name].add(m.look(picture) if self.in_shot % m.every == 0 else math.nan)
        self.sample_times.append(t)
        self.candidates.append(_Candidate(t, picture))
        if len(self.candidates) - self.shot_from >= IN_SHOT:
            self._thin()
            self.shot_from = len(self.candidates)
        self.open = replace(picture, plane=None)

    def _pair(self, frame: Any | None, t: float) -> None:
        """Finish the open sample with its later picture, or without one."""
        picture = self.open
        self.open = None
        assert picture is not None
        later = self._coarse(frame, *picture.half.shape[::-1]) if frame is not None else None
        self.waiting.append((picture, self.in_shot, later, t - picture.t_s))
        if len(self.waiting) >= TOGETHER:
            self._measure()

    def _measure(self) -> None:
        """Measure the samples that wait."""
        if not self.waiting:
            return
        for m in self.measures:
            none = (math.nan,) * m.width
            if m.compare is not None:
                self.rows[m.name].extend([none if later is None else m.compare(picture, later, gap_s) for picture, _, later, gap_s in self.waiting])
            elif m.look is not None and not m.native:
                self.rows[m.name].extend([m.look(picture) if in_shot % m.every == 0 else none for picture, in_shot, _, _ in self.waiting])
        self.waiting.clear()

    def _picture(self, frame: Any, t: float) -> Picture:
        import cv2

        width, height = _small_size(frame.width * self.sar, frame.height, self.settings.short_side_px)
        layout = self.grid.lay(frame)
        if (width, height) == (frame.width, frame.height) and frame.format.name in PLAIN:
            y, u, v = _full_range([plane_array(plane, 8) for plane in frame.planes], layout.full)
        else:
            small = self.shrink.reformat(frame, width=width, height=height, format="yuvj420p", interpolation="AREA", threads=1,
                                         dst_color_range="JPEG")
            y, u, v = (np.ascontiguousarray(plane_array(plane, 8)) for plane in small.planes)
        half = cv2.resize(y, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
        native = plane_array(frame.planes[0], layout.bits) if layout.direct else self.luma
        return Picture(t, y, u, v, half, native, layout.bits, layout.full, self.rotation, self.mirrored,
                       self._coarse(frame, *half.shape[::-1]))

    def _coarse(self, frame: Any, width: int, height: int) -> Pixels:
        """`Picture.coarse` of one whose `half` has that size."""
        size = coarse_size(width, height)
        layout = self.grid.lay(frame)
        if layout.direct:
            return means(plane_lines(frame.planes[0], layout.bits), frame.width, *size, *layout.scales[:2].tolist())
        luma = self.shrink_later.reformat(frame, width=2 * width, height=2 * height, format="gray", interpolation="AREA", threads=1,
                                          dst_color_range="JPEG")
        return means(plane_lines(luma.planes[0], 8), 2 * width, *size, 0.0, 1.0)

    def _new_shot(self, t: float) -> None:
        """A jump: keep few pictures of what is probably a whole shot, and look soon at what follows."""
        self._thin()
        self.shot_from = len(self.candidates)
        self.due = min(self.due, t + 0.2)

    def _thin(self) -> None:
        shot = self.candidates[self.shot_from:]
        if not shot:
            return
        settings = self.settings  # a dissolve is no jump: what is thinned as one shot may be cut into clips as short as any
        apart_s = min(THIN_S, settings.min_clip_s, settings.max_clip_s / settings.stored_frames)
        most = max(4 * settings.stored_frames, math.ceil((shot[-1].t_s - shot[0].t_s) / apart_s) + 1)
        if len(shot) > most:
            picks = np.unique(np.linspace(0, len(shot) - 1, most).round().astype(int))
            shot = [shot[i] for i in picks]
        self.candidates[self.shot_from:] = shot
        for candidate in self.candidates[self.encoded:max(self.encoded, len(self.candidates) - RAW)]:
            candidate.encode(self)
            self.encoded += 1

    def finish(self) -> None:
        """No more frames."""
        if self.open is not None:
            self._pair(None, self.open.t_s)
        self._measure()
        self._thin()

    def pictures(self, jpegs: Sequence[Any] | None = None) -> Pictures:
        """The numbers, after `finish`, with these pictures for the candidates; by default they are encoded when one is asked for."""
        count = len(self.times)
        return Pictures(
            np.array(self.times), self.signals[:count], self.thumbs[:count], np.array(self.sample_times),
            {name: rows.rows for name, rows in self.rows.items()}, np.array(self.sketch_times), self.sketches.rows, np.array([c.t_s for c in self.candidates]), _Encoded(self) if jpegs is None else jpegs)

    def settled(self) -> Pictures:
        """The numbers of a chapter and its candidates, encoded, of which few are kept: of a shot that lies inside the chapter those
        that its clips would store, of the first and the last shot, which may go on beyond it, all."""
        settings, times = self.settings, np.array([c.t_s for c in self.candidates])
        if self.times:
            numbers = self.pictures(())
            found = shots.transitions(numbers, settings.shot_threshold)
            edges = [float(numbers.times[t.first]) for t in found]
            kept = {i for i, t in enumerate(times) if not edges or t < edges[0] or t >= edges[-1]}
            spans = shots.spans(numbers.times, self.times[-1], found, settings.min_clip_s, settings.max_clip_s, settings.trim_s)
            for start_s, end_s in spans:
                kept.update(chosen(times, start_s, end_s, settings.stored_frames))
            self.candidates = [self.candidates[i] for i in sorted(kept)]
        return self.pictures([c.encode(self) for c in self.candidates])


def _next(due: float, t: float, step: float) -> float:
    """When a sample is due after one at `t`: on a grid that begins with the first."""
    return t + step if due == -math.inf else due + step * max(1, math.ceil((t - due) / step + 1e-9))


def chosen(times: Floats, start_s: float, end_s: float, count: int) -> list[int]:
    """Which of the candidates at `times` a clip stores: of those inside it the nearest to the middles of equal parts."""
    inside = np.flatnonzero((times >= start_s - 1e-9) & (times < end_s))
    count = min(count, inside.size)
    until = end_s if math.isfinite(end_s) else start_s
    middles = [start_s + (until - start_s) * (i + 0.5) / count for i in range(count)]
    return sorted({int(inside[np.abs(times[inside] - t).argmin()]) for t in middles})


class _Candidate:
    """A picture that may be stored; encoded when it is, or when too many wait."""

    def __init__(self, t_s: float, picture: Picture) -> None:
        self.t_s = t_s
        self.planes: tuple[Any, Any, Any] | None = (picture.y, picture.u, picture.v)
        self.jpeg = b""

    def encode(self, seen: Seen) -> bytes:
        if self.planes is not None:
            self.jpeg = _jpeg(*self.planes, seen.rotation, seen.mirrored, seen.matrix)
            self.planes = None
        return self.jpeg


class _Encoded(Sequence[bytes]):
    """The candidates of a chapter as JPEG, each encoded when it is asked for."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def __len__(self) -> int:
        return len(self.seen.candidates)

    def __getitem__(self, index: Any) -> Any:
        return self.seen.candidates[index].encode(self.seen)


_MATRICES = {
    601: ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0)),
    709: ((1.0, 0.0, 1.5748), (1.0, -0.187324, -0.468124), (1.0, 1.8556, 0.0)),
    2020: ((1.0, 0.0, 1.4746), (1.0, -0.164553, -0.571353), (1.0, 1.8814, 0.0)),
}
"""Full range YCbCr to RGB by ITU recommendation; columns Y, Cb, Cr."""


def _jpeg(y: Any, u: Any, v: Any, rotation: int, mirrored: bool, colorspace: int) -> bytes:
    import cv2

    height, width = y.shape
    matrix = _MATRICES[709 if colorspace == 1 else 2020 if colorspace in (9, 10) else 601]
    chroma = [cv2.resize(p, (width, height), interpolation=cv2.INTER_LINEAR) for p in (u, v)]
    rows = np.array([[*row, -128 * (row[1] + row[2])] for row in reversed(matrix)])
    bgr = cv2.transform(cv2.merge([y, *chroma]), rows)
    if mirrored:
        bgr = cv2.flip(bgr, 1)
    turn = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}.get(rotation)
    if turn is not None:
        bgr = cv2.rotate(bgr, turn)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])


def _full_range(planes: Sequence[Pixels], full: bool) -> list[Pixels]:
    """8-bit Y, U and V as full range has them, rounded (ITU-T H.273), in memory of their own."""
    import cv2

    if full:
        return [plane.copy() for plane in planes]
    return [cv2.addWeighted(plane, gain, plane, 0.0, zero - low * gain) for plane, (low, gain, zero) in zip(planes, NARROW, strict=True)]


def _small_size(width: float, height: float, short_px: int) -> tuple[int, int]:
    """Even size with the short side at `short_px`, or as it is when smaller or hardly larger; never longer than 16 short sides."""
    short = max(min(width, height), 1.0)
    scale = min(1.0, short_px / short) if short > HARDLY * short_px else 1.0
    most = 16 * short_px
    return (max(2, min(round(width * scale / 2) * 2, most)), max(2, min(round(height * scale / 2) * 2, most)))
