"""The reading of one container, or of some of its chapters: demuxed once, forward, and every frame decoded at most once.

Frames of the picture go to `Seen`, those of sound to `Listening`; what they make of a chapter is handed on as soon as it is over, so
that memory does not grow with the length. A reading of some chapters seeks to the keyframe of its run-in, decodes and forgets that,
and ends with the first frame of the chapter behind. What it knew of the picture and the sound right before both ends comes with
its `Found`: where two readings of neighbours differ there, they do not fit together (`misfit`).
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.clean.chapters import CHAPTER_S, INDEXED, RUN_IN_S, plan
from jobs.clean.found import Found
from jobs.clean.heard import Listening, step
from jobs.clean.seen import Seen
from jobs.clean.series import Pictures, Sounds
from jobs.media import child
from jobs.media.faults import NoMedia, TooManyFrames, TooManyPixels, Undecodable
from jobs.media.planes import Grid
from jobs.media.probe import (
    ANIMATIONS,
    HDR_TRANSFERS,
    animation_frames,
    depth,
    has_alpha,
    origin_s,
    picture_stream,
    promised_seconds,
    rate,
    sound_stream,
    turn,
    without_decoder,
)
from jobs.media.signals import SIGNALS, THUMB
from jobs.media.sniff import Kind

if TYPE_CHECKING:
    from schemas.settings import Measure

BACK_S = 0.5
"""A frame that is stamped so much earlier than those before it is out of place: its time would be that of another one."""
MOST_REORDERED = 17
"""Frames that a decoder holds back at most, and the one that it gives (H.264, A.3.1)."""
BEYOND_S = 10.0
"""A piece whose picture is over waits for its sound so long: sound that lies deeper in the file is not looked for."""


LEAST_RATE_HZ, MOST_RATE_HZ = 1000, 1_000_000
"""Telephones have 8,000 and studios up to 768,000. By 1 Hz a file of 280 kB lasts two days, each second of which the search for speech
makes 16,000 samples of."""


def _index(packet: Any) -> int:
    """Which stream a packet belongs to: those without data that flush a decoder have 0 for their own index, whatever their stream."""
    return int(packet.stream_index if packet.size else packet.stream.index)


class Reading:
    """Demuxes one container and hands frames and sound to those who measure.

    Args:
        container: Opened, nothing read.
        kind: What it is.
        settings: The section `measure` of the recipe.
        hand: Takes the numbers of one chapter after the other.
        part: Which of how many parts of the source to read, by chapters.
        chapter_s: Least length of a chapter.
    """

    def __init__(self, container: Any, kind: Kind, settings: "Measure", hand: Callable[[Pictures | Sounds], None], part: tuple[int, int] = (0, 1),
                 chapter_s: float = CHAPTER_S) -> None:
        import av

        self.failure, self.pictured = av.error.FFmpegError, av.VideoFrame
        """Of a library that is loaded with the first container: to look it up for every packet takes longer than what is looked up."""
        self.container, self.kind, self.settings, self.hand, self.chapter_s = container, kind, settings, hand, chapter_s
        self.video: Any = picture_stream(container)
        self.audio: Any = sound_stream(container)
        if without_decoder(container):
            raise Undecodable("there is no decoder for its picture: its codec is unknown here, or its name is damaged")
        if self.video is None and self.audio is None:
            raise NoMedia(f"there is no picture and no sound in the {kind.container} container")
        self.video_index, self.audio_index = (s.index if s is not None else -1 for s in (self.video, self.audio))
        self.stamp = INDEXED.get(kind.demuxer, "dts")
        """The time of a packet that the index of the container knows."""
        self.origin = origin_s(container)
        self.tick_s, self.sound_tick_s = (
            float(s.time_base) if s is not None and s.time_base else 0.0 for s in (self.video, self.audio)
        )
        self.begins = plan(container, kind, self.video, chapter_s)
        of = len(self.begins) + 1
        first, after = (i * of // part[1] for i in (part[0], part[0] + 1))
        self.found = Found((first, after), of, container=kind.container, demuxer=kind.demuxer, origin_s=self.origin, video=self.video is not None,
                           stated_s=promised_seconds(container, [s for s in (self.video, self.audio) if s is not None]))
        self.first, self.after = first, after
        self.grid = Grid()
        self.seen: Seen | None = None
        self.listening: Listening | None = None
        self.heard_s = 0.0
        self.coming: deque[tuple[int, int]] = deque()
        """Chapters that begin soon and the times of their keyframes in ticks, known when the packet passes."""
        self.next = max(first, 1)
        """The chapter whose packet is looked for."""
        self.counting = first == 0
        """Packets belong to these chapters, and not to what is decoded before or behind them."""
        self.picture_over = self.video is None
        self.most_frames, self.of_size = settings.max_frames, ""
        self.turn_s = math.inf
        self.last_t, self.astray = math.nan, False
        self.unordered: list[int] | None = [] if kind.demuxer == "avi" else None
        """Times of packets that have not come out as frames, where a container knows only in which order they are decoded."""
        if self.video is not None:
            self._prepare_video()

    def _prepare_video(self) -> None:
        stream, context, settings = self.video, self.video.codec_context, self.settings
        stream.thread_type, context.thread_count = "NONE", 1
        context.options = {**(context.options or {}), "max_pixels": str(settings.max_pixels)}
        if context.width * context.height > settings.max_pixels:
            raise TooManyPixels(f"{context.width} x {context.height} pixels; the limit is {settings.max_pixels}")
        if stream.frames > settings.max_frames:
            raise TooManyFrames(f"{stream.frames} frames stated; the limit is {settings.max_frames}")
        if self.kind.container in ANIMATIONS:
            most = animation_frames(context.width, context.height, self.container.size)
            if most < self.most_frames:
                self.most_frames, self.of_size = most, f" of {context.width} x {context.height} in {self.container.size} bytes"
        fps = rate(stream, self.kind)
        if fps and 0 < fps <= 1000:
            self.found.step_s = 1 / fps
        self.found.stated_frames = stream.frames
        if self.kind.demuxer == "avi":  # it has no edit lists, and its length is a guess by its size
            self.found.edited = False
        elif stream.duration and stream.time_base and stream.average_rate is not None:  # an edit list may show fewer frames than are stored
            self.found.edited = float(stream.duration * stream.time_base) * float(stream.average_rate) < 0.9 * stream.frames

    def run(self) -> Found:
        """Read the chapters."""
        from av.stream import Discard

        wanted = [s for s in (self.video, self.audio) if s is not None]
        for stream in self.container.streams:
            if all(stream.index != s.index for s in wanted):
                stream.discard = Discard.all
        if self.after > self.first and (not self.first or self._go_to_run_in()):
            self._read(self._packets(*wanted))
        return self._end()

    def _packets(self, *streams: Any) -> Iterator[tuple[Any, bool]]:
        """Packets of these streams, and whether each is of the picture, until the end, or until the demuxer breaks off."""
        import av

        packets, video, audio = self.container.demux(*streams), self.video_index, self.audio_index
        while True:
            try:
                packet = next(packets)
            except av.error.FFmpegError as error:
                self.found.broke_off = error.strerror or str(error)
                return
            except (StopIteration, IndexError):  # PyAV flushes streams that came up on the way and that it does not know, after those it knows.
                return
            index = _index(packet)
            if index in (video, audio):  # others may be announced on the way
                yield packet, index == video

    def _go_to_run_in(self) -> bool:
        """Find out where the sound starts, then seek to where decoding begins; False if that cannot be done."""
        import av

        for packet, _ in self._packets(self.audio) if self.audio is not None else ():
            self._take(packet, picture=False, hear=False)
            if self.listening is not None:
                break
        target = self.begins[self.first - 1].run_in
        if (listening := self.listening) is not None:
            sound_s = listening.start_s + listening.edges(self.first) / listening.rate - step(listening.rate) / listening.rate - RUN_IN_S
            target = min(target, round((sound_s + self.origin) / self.tick_s))
        self.found.bad_sound, self.found.broke_off = 0, ""
        try:
            self.container.seek(target, stream=self.video, backward=True)
        except av.error.FFmpegError as error:
            self.found.broke_off = error.strerror or str(error)
            return False
        return True

    def _read(self, packets: Iterator[tuple[Any, bool]]) -> None:
        skipping = self.first > 0
        for packet, of_picture in packets:
            if not of_picture:
                self._take(packet, picture=False)
            else:
                stamp = getattr(packet, self.stamp)
                if skipping:
                    begin = self.begins[self.first - 1]
                    if stamp is not None and stamp >= begin.stamp:
                        return
                    if not packet.is_keyframe or stamp != begin.run_in:
                        continue
                    skipping = False
                if self.begins:
                    self._mark(packet, stamp)
                if not self.picture_over:
                    self._take(packet, picture=True)
                elif stamp is not None and self.coming and (stamp - self.coming[0][1]) * self.tick_s > BEYOND_S:
                    return
            if self.picture_over and self.after < self.found.of and (self.audio is None or (self.listening is not None and self.listening.over)):
                return

    def _mark(self, packet: Any, stamp: int | None) -> None:
        """Note when a chapter begins with this packet."""
        if self.next <= min(self.after, len(self.begins)) and packet.is_keyframe and packet.pts is not None and \
                stamp == self.begins[self.next - 1].stamp:
            self.coming.append((self.next, packet.pts))
            self.counting = self.next < self.after
            self.next += 1

    def _take(self, packet: Any, picture: bool, hear: bool = True) -> None:
        found = self.found
        if picture and self.unordered is not None and packet.size and (stamp := packet.dts if packet.pts is None else packet.pts) is not None:
            heappush(self.unordered, stamp)
        try:
            frames = packet.decode()
        except self.failure as error:
            child.heed(error)
            if picture:
                found.bad_frames += self.counting
            else:
                found.bad_sound += self._counts(packet.pts)
            return
        for frame in frames:
            if isinstance(frame, self.pictured) != picture:  # A broken container may turn a track into one of another kind.
                found.bad_frames += picture and self.counting
                found.bad_sound += not picture and self._counts(packet.pts)
            elif picture:
                self._see(frame)
            else:
                self._hear(frame, hear)

    def _counts(self, pts: int | None) -> bool:
        """Whether sound of that time is in these chapters."""
        listening = self.listening
        if listening is None or not self.begins or pts is None:
            return self.first == 0
        place = (pts * self.sound_tick_s - self.origin - listening.start_s) * listening.rate
        return (place >= listening.edges(self.first) or self.first == 0) and place < listening.edges(self.after)

    # ---- pictures

    def _see(self, frame: Any) -> None:
        if self.picture_over:
            return
        found, pts = self.found, frame.pts
        if self.unordered:
            while len(self.unordered) > MOST_REORDERED:  # packets that gave no frame
                heappop(self.unordered)
            pts = heappop(self.unordered)
        while self.coming and pts is not None and pts >= self.coming[0][1]:
            if self.coming[0][0] == self.after:
                found.seam_out = [self.last_t, self.grid.trace()]
                self._forget(frame)
                found.seam_out.append(self.grid.trace())
                self.picture_over = True
                return
            self.coming.popleft()
            if self.seen is None:
                found.seam_in = [self.last_t, self.grid.trace()]
            self._turn()
        t = self._time(pts)
        if t is None:
            found.behind += self.seen is not None
            return
        if self.seen is None:
            if self.first:
                self._forget(frame)
                return
            self._turn()
        elif t >= self.turn_s:
            self._turn()
        seen = self.seen
        assert seen is not None
        if not seen.times:
            self._first(frame, t)
        found.last_t = t
        found.last_duration_s = (frame.duration or 0) * self.tick_s
        found.good_frames += 1
        if found.good_frames > self.most_frames:
            raise TooManyFrames(f"more than {self.most_frames} frames{self.of_size}")
        if frame.is_corrupt:
            found.bad_frames += 1
        if frame.interlaced_frame:
            found.interlaced += 1
        seen.see(frame, t)
        if found.seam_in is not None and found.good_frames == 1:
            found.seam_in.append(self.grid.trace())
        if found.good_frames % 16 == 0:
            child.progress(max(found.shown_s, self.heard_s))

    def _time(self, pts: int | None) -> float | None:
        """Its time, or one just behind the frame before where it has none; None where it is stamped far earlier than that."""
        t = pts * self.tick_s - self.origin if pts is not None else math.nan
        if math.isnan(self.last_t):
            t = t if math.isfinite(t) else 0.0
        elif t < self.last_t - (0.0 if self.astray else BACK_S):
            self.astray = True
            return None
        elif not t > self.last_t:
            t = self.last_t + self.found.step_s if not math.isfinite(t) else self.last_t + 1e-3
        self.last_t, self.astray = t, False
        return t

    def _forget(self, frame: Any) -> None:
        """A frame that belongs to another part: only the grid sees it."""
        self.grid.reduce(frame, np.zeros(len(SIGNALS), np.float32), np.zeros(THUMB, np.uint8))

    def _turn(self) -> None:
        """A chapter begins."""
        if self.seen is not None:
            self.seen.finish()
            self.hand(self.seen.settled())
        self.grid.settle()
        self.seen = Seen(self.settings, self.grid)

    def _first(self, frame: Any, t: float) -> None:
        """The first frame of a chapter."""
        assert self.seen is not None
        if not self.begins:
            self.turn_s = t + self.chapter_s
        rotation, mirrored = turn(frame)
        ratio = self.video.sample_aspect_ratio
        sar = float(ratio) if ratio and 0.05 < ratio < 20 else 1.0
        self.seen.shape(sar, rotation, mirrored, int(frame.colorspace))
        if self.found.good_frames:
            return
        self.found.first_t = t
        width, height = max(1, round(frame.width * sar)), frame.height
        if rotation in (90, 270):
            width, height = height, width
        self.found.facts |= {
            "rotation_deg": rotation, "mirrored": mirrored, "sar": sar, "width": width, "height": height, "bit_depth": depth(frame.format),
            "hdr": int(frame.color_trc) in HDR_TRANSFERS, "alpha": has_alpha(self.video),
            "video_codec": self.video.codec_context.codec.canonical_name,
        }

    # ---- sound

    def _hear(self, frame: Any, hear: bool) -> None:
        found, pts = self.found, frame.pts
        t = pts * self.sound_tick_s - self.origin if pts is not None else None
        listening = self.listening
        if listening is None:
            if not LEAST_RATE_HZ <= frame.sample_rate <= MOST_RATE_HZ or not frame.layout.nb_channels:
                found.bad_sound += 1
                found.broke_off = found.broke_off or f"its sound claims {frame.sample_rate} Hz in {frame.layout.nb_channels} channels"
                return
            listening = self.listening = self._open_sound(frame, t or 0.0)
        if not hear:
            return
        found.good_sound += self._counts(pts) if self.begins else self.first == 0
        listening.hear(frame, t)
        self.heard_s += frame.samples / frame.sample_rate
        if found.good_sound % 64 == 0:
            child.progress(max(found.shown_s, self.heard_s))

    def _open_sound(self, frame: Any, start_s: float) -> Listening:
        rate = frame.sample_rate
        if self.begins:
            places = [0, *(max(int((b.stamp * self.tick_s - self.origin - start_s) * rate), 0) // step(rate) * step(rate) for b in self.begins)]

            def edges(number: float) -> float:
                return float(places[int(number)]) if number < len(places) else math.inf
        else:
            length = max(round(self.chapter_s * rate) // step(rate), 1) * step(rate)

            def edges(number: float) -> float:
                return float(number * length)
        self.found.facts |= {"audio_codec": self.audio.codec_context.codec.canonical_name, "sample_rate_hz": rate,
                             "channels": frame.layout.nb_channels}
        return Listening(rate, [channel.name for channel in frame.layout.channels], frame.layout.name, start_s, edges, bool(self.begins), self.first,
                         self.after if self.begins else math.inf, self.hand)

    # ---- the end

    def _end(self) -> Found:
        found, listening = self.found, self.listening
        if listening is not None:
            listening.finish()
            found.bad_sound += listening.lost
            found.sound_start_s, found.sound_s = listening.start_s, listening.seconds
            found.lead_in, found.lead_out = listening.lead_in, listening.lead_out
        if self.seen is not None:
            self.seen.finish()
        found.whole = self.picture_over if self.after < found.of else True
        return found
