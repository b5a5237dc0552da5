"""All numbers of a source after the pass, and the rows of its clips made of them."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.clean import cuts
from jobs.clean.measures import MONO_BLOCK_S, NATIVE_BLOCK_S, Measurement, Span, measurements
from jobs.clean.seen import chosen
from jobs.clean.series import Floats, Pictures, Sounds
from jobs.media.signals import SIGNALS

if TYPE_CHECKING:
    from schemas.settings import Measure


class Ledger:
    """All numbers of a source, from which a clip takes those of its span.

    Args:
        pictures: What was seen.
        sounds: What was heard; None without sound.
        sound_start_s: When the sound starts.
        sound_s: Length of the sound.
        end_s: When the picture ends, as long as the last frame is shown.
        facts: Of the source.
        settings: The section `measure` of the recipe.
    """

    def __init__(self, pictures: Pictures, sounds: Sounds | None, sound_start_s: float, sound_s: float, end_s: float, facts: Mapping[str, Any],
                 settings: "Measure") -> None:
        self.pictures, self.sounds, self.sound_start_s, self.settings = pictures, sounds, sound_start_s, settings
        self.times, self.sample_times = pictures.times, pictures.sample_times
        self.named = {name: pictures.signals[:, i] for i, name in enumerate(SIGNALS)}
        self.named["cut"] = cuts.scores(self.times, pictures.signals, pictures.thumbs).astype(np.float32)
        skew = None
        if sounds is not None and self.times.size > 1:
            skew = sound_s - (end_s - float(self.times[0]))
        self.form = {name: facts.get(name) for name in (
            "width", "height", "rotation_deg", "sar", "bit_depth", "hdr", "interlaced", "alpha", "video_codec")}
        sound = {name: facts.get(name) for name in ("audio_codec", "sample_rate_hz", "channels")} if sounds is not None else {}
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
        if first == last and self.sample_times.size:  # a clip shorter than the samples are apart: the one nearest to it
            first = int(np.abs(self.sample_times - (start_s + end_s) / 2).argmin())
            last = first + 1
        drawn = slice(0, 0) if still else slice(*np.searchsorted(self.pictures.sketch_times, (start_s - 1e-9, end_s - 1e-9)))
        sounds = self._heard(start_s, end_s)
        has_sound = any(len(rows) for rows in sounds.values())
        span = Span(
            start_s, end_s, self.times[low:high], {name: values[low:high] for name, values in self.named.items()},
            self.sample_times[first:last],
            {m.name: self._looked(m, int(first), int(last)) for m in measurements().values() if m.look is not None},
            {m.name: self.pictures.rows[m.name][first:last] for m in measurements().values() if m.compare is not None},
            sounds, has_sound, self.facts, self.pictures.sketch_times[drawn], self.pictures.sketches[drawn])
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
            row |= _finite(m.reduce(span)) if there else dict.fromkeys(m.columns)
        return row

    def _looked(self, m: Measurement, first: int, last: int) -> Floats:
        """Rows of the samples in the span; where a measurement that looks at some of them alone has seen none of these, the one that it saw next to
        their middle, at most `every` samples away: between dissolves that may be a sample of the scene beside."""
        rows = self.pictures.rows[m.name][first:last]
        if not 0 < len(rows) < m.every or np.isfinite(rows[:, 0]).any():
            return rows
        low, middle = max(first - m.every, 0), (first + last - 1) // 2
        near = self.pictures.rows[m.name][low:last + m.every]
        seen = np.flatnonzero(np.isfinite(near[:, 0]))
        if seen.size:
            rows = rows.copy()
            rows[middle - first] = near[seen[np.abs(seen + low - middle).argmin()]]
        return rows

    def _heard(self, start_s: float, end_s: float) -> dict[str, Floats]:
        """Rows of the blocks whose middle lies in the span."""
        cut: dict[str, Floats] = {}
        for m in measurements().values():
            if m.hear is None or self.sounds is None:
                continue
            at, block_s = (self.sounds.native_at, NATIVE_BLOCK_S) if m.ear == "native" else (self.sounds.mono_at, MONO_BLOCK_S)
            at = at if m.every == 1 else at[at % m.every == 0]
            low, high = np.searchsorted(at, [math.ceil((t - self.sound_start_s) / block_s - 0.5 - 1e-6) for t in (start_s, end_s)])
            cut[m.name] = self.sounds.rows[m.name][low:high].astype(np.float64)
        return cut

    def _stored(self, start_s: float, end_s: float) -> list[dict[str, Any]] | None:
        """The candidates that the clip stores."""
        times = self.pictures.stored_times
        picks = chosen(times, start_s, end_s, self.settings.stored_frames)
        return [{"t_s": float(times[i]), "jpeg": self.pictures.jpegs[i]} for i in picks] or None


def _finite(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The same, but for what is no number: samples of sound may be as large as a float can be, and their sums larger."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in columns.items()}
