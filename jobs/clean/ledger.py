"""All numbers of a source after the pass, and the rows of its clips made of them."""

import math
from typing import Any

import numpy as np

from jobs.clean import shots
from jobs.clean.heard import Heard
from jobs.clean.measures import Span, measurements
from jobs.clean.seen import Seen
from jobs.media.planes import SIGNALS
from schemas.settings import Measure


class Ledger:
    """All numbers of a source, from which a clip takes those of its span."""

    def __init__(self, seen: Seen, heard: Heard | None, facts: dict[str, Any], settings: Measure) -> None:
        self.seen, self.heard, self.settings = seen, heard, settings
        count = len(seen.times)
        self.times = np.array(seen.times, np.float64)
        self.signals, self.thumbs = seen.signals[:count], seen.thumbs[:count]
        self.named = {name: self.signals[:, i] for i, name in enumerate(SIGNALS)}
        self.named["cut"] = shots.scores(self.times, self.signals).astype(np.float32)
        self.sample_times = np.array(seen.sample_times, np.float64)
        self.rows = {m.name: np.array(seen.rows[m.name], np.float64).reshape(-1, m.width) for m in seen.measures}
        self.sounds = (
            {m.name: np.array(heard.rows[m.name], np.float64).reshape(-1, m.width) for m in heard.measures} if heard else {}
        )
        skew = None
        if heard is not None and count > 1:
            skew = heard.seconds - (float(self.times[-1] - self.times[0]) + (seen.usual_gap_s() or 0.0))
        self.form = {name: facts.get(name) for name in (
            "width", "height", "rotation_deg", "sar", "bit_depth", "hdr", "interlaced", "alpha", "video_codec")}
        sound = {name: facts.get(name) for name in ("audio_codec", "sample_rate_hz", "channels")} if heard else {}
        self.form |= {
            "has_audio": False,
            "av_skew_s": skew,
            **dict.fromkeys(("audio_codec", "sample_rate_hz", "channels")),
            **sound,
        }
        self.facts = {**facts, "shot_threshold": settings.shot_threshold}

    def clip(self, start_s: float, end_s: float) -> dict[str, Any]:
        """The row of one clip."""
        still = end_s <= start_s
        low, high = (0, len(self.times)) if still else np.searchsorted(self.times, (start_s - 1e-9, end_s - 1e-9))
        first, last = (
            (0, len(self.sample_times)) if still else np.searchsorted(self.sample_times, (start_s - 1e-9, end_s - 1e-9))
        )
        sounds = self.heard.between(self.sounds, start_s, end_s) if self.heard is not None else {}
        has_sound = any(len(rows) for rows in sounds.values())
        span = Span(
            start_s, end_s, self.times[low:high], {name: values[low:high] for name, values in self.named.items()},
            self.sample_times[first:last],
            {m.name: self.rows[m.name][first:last] for m in self.seen.measures if m.look is not None},
            {m.name: self.rows[m.name][first:last] for m in self.seen.measures if m.compare is not None},
            sounds, has_sound, self.facts)
        start_s, end_s = max(start_s, 0.0), max(end_s, 0.0)  # a container's start is rounded to microseconds, frames are not
        row: dict[str, Any] = {
            "start_s": start_s,
            "end_s": end_s,
            "duration_s": end_s - start_s,
            **self.form,
            "has_audio": has_sound,
            "frames": self._stored(start_s, end_s if not still else math.inf),
        }
        for m in measurements().values():
            there = {"picture": span.frame_t.size > 0, "sound": has_sound, "both": span.frame_t.size > 0 and has_sound}[m.needs]
            row |= m.reduce(span) if there else dict.fromkeys(m.columns)
        return row

    def _stored(self, start_s: float, end_s: float) -> list[dict[str, Any]] | None:
        """The candidates nearest to the middles of equal parts of the span."""
        inside = [c for c in self.seen.candidates if start_s - 1e-9 <= c.t_s < end_s]
        if not inside:
            return None
        count = min(self.settings.stored_frames, len(inside))
        until = end_s if math.isfinite(end_s) else start_s
        middles = [start_s + (until - start_s) * (i + 0.5) / count for i in range(count)]
        times = np.array([c.t_s for c in inside])
        picks = sorted({int(np.abs(times - t).argmin()) for t in middles})
        return [{"t_s": inside[i].t_s, "jpeg": inside[i].encode(self.seen)} for i in picks]
