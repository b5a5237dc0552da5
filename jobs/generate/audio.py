"""The finished sound: narration at the wanted loudness, music ducked under it, faded, with no true peak above -1 dBTP.

All filters are FFmpeg's, run in this process by PyAV. Sound is float32 [samples, channels] in -1..1.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.errors import Terminal

Sound = NDArray[np.float32]
Filters = Sequence[tuple[str, str]]

RATE = 48000
PEAK_DBTP = -1.0
"""True peak of the finished sound; EBU R 128 and the platforms ask for no more."""
ENCODER_ROOM_DB = 0.9
"""What lossy coding may add to a peak."""
MUSIC_BELOW_LU = 9.0
"""Music stands this far below the narration even where nobody speaks."""
FADE_IN_S, FADE_OUT_S = 0.4, 1.2
MIN_MEASURABLE_S = 0.4
"""One gating block of BS.1770."""


def graph(
    inputs: Sequence[tuple[Sound, int]], wire: Callable[[Any, list[Any]], Any], rate: int = RATE, block: int = 4096
) -> Sound:
    """Run sounds through a filter graph.

    Args:
        inputs: Sounds [samples, 2] and their rates.
        wire: Links the sources and returns the last filter.
        rate: Of the result.
        block: Samples pushed at a time.
    """
    import av
    from av.filter import Graph

    net = Graph()
    sources = [net.add_abuffer(sample_rate=r, format="flt", layout="stereo", time_base=Fraction(1, r)) for _, r in inputs]
    form = net.add("aformat", f"sample_fmts=flt:sample_rates={rate}:channel_layouts=stereo")
    sink = net.add("abuffersink")
    wire(net, sources).link_to(form)
    form.link_to(sink)
    net.configure()
    heard: list[Sound] = []

    def drain() -> None:
        while True:
            try:
                piece: Any = sink.pull()
                heard.append(piece.to_ndarray()[0].reshape(-1, 2))
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    for start in range(0, max(len(x) for x, _ in inputs), block):
        for source, (x, r) in zip(sources, inputs, strict=True):
            if start < len(x):
                piece = np.ascontiguousarray(x[start:start + block], np.float32).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(piece, format="flt", layout="stereo")
                frame.sample_rate, frame.pts, frame.time_base = r, start, Fraction(1, r)
                source.push(frame)
        drain()
    for source in sources:
        source.push(None)
    drain()
    return np.concatenate(heard) if heard else np.zeros((0, 2), np.float32)


def chain(sound: Sound, rate: int, filters: Filters, out: int = RATE) -> Sound:
    """One filter after another."""

    def wire(net: Any, sources: list[Any]) -> Any:
        last = sources[0]
        for name, options in filters:
            following = net.add(name, options)
            last.link_to(following)
            last = following
        return last

    return graph([(sound, rate)], wire, out)


def stereo(sound: Sound) -> Sound:
    """Mono on both channels."""
    return np.repeat(sound.reshape(-1, 1), 2, axis=1) if sound.ndim == 1 or sound.shape[1] == 1 else sound


def loudness_lufs(sound: Sound, rate: int = RATE) -> float:
    """Integrated loudness by ITU-R BS.1770-4 (pyloudnorm); -inf for silence. Shorter sounds than a block are looped."""
    import pyloudnorm

    if len(sound) < math.ceil(MIN_MEASURABLE_S * rate) + 1:
        if not len(sound):
            return -math.inf
        sound = np.tile(sound, (math.ceil((MIN_MEASURABLE_S * rate + 1) / len(sound)), 1))
    with np.errstate(divide="ignore"):
        return float(pyloudnorm.Meter(rate).integrated_loudness(sound.astype(np.float64)))


def true_peak_dbtp(sound: Sound) -> float:
    """Greatest peak of the sound oversampled four times (BS.1770-4 annex 2), dBTP; -inf for silence."""
    from scipy.signal import resample_poly

    if not len(sound):
        return -math.inf
    peak = max(float(np.abs(sound).max()), float(np.abs(resample_poly(sound, 4, 1, axis=0)).max()))
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def to_loudness(sound: Sound, rate: int, target_lufs: float) -> Sound:
    """Speech at a loudness, evened out by a compressor first; see `levelled`."""
    filters = [("highpass", "f=60"), ("acompressor", "threshold=0.06:ratio=4:attack=5:release=80:makeup=1")]
    return levelled(chain(sound, rate, filters), target_lufs)


def levelled(sound: Sound, target_lufs: float, rounds: int = 8) -> Sound:
    """A sound at 48 kHz at a loudness, within 0.5 LU, with its true peaks limited; silence stays silence.

    `loudnorm` misses the target by 1 to 2 LU on short, peaky speech. Here gain and an oversampled limiter take turns until both
    hold.
    """
    ceiling = 10 ** ((PEAK_DBTP - ENCODER_ROOM_DB) / 20)
    for _ in range(rounds):
        off = target_lufs - loudness_lufs(sound)
        if not math.isfinite(off):
            return sound
        sound = limited(sound * np.float32(10 ** (off / 20)), ceiling)
        if abs(target_lufs - loudness_lufs(sound)) < 0.1:
            break
    return sound


def limited(sound: Sound, ceiling: float) -> Sound:
    """No true peak above the ceiling (a linear amplitude): limited at four times the rate, then scaled by the rest."""
    length = len(sound)
    limiter = f"limit={ceiling:.4f}:level=0:attack=3:release=60:latency=1"
    sound = chain(sound, RATE, [("aresample", f"{4 * RATE}"), ("alimiter", limiter), ("aresample", f"{RATE}")])
    sound = _sized(sound, length)
    over = 10 ** (true_peak_dbtp(sound) / 20) / ceiling if len(sound) else 0.0
    return sound / np.float32(over) if over > 1.0 else sound


def duck(speech: Sound, music: Sound) -> Sound:
    """Music that falls under speech, mixed with it; the speech stays as it is."""

    def wire(net: Any, sources: list[Any]) -> Any:
        split = net.add("asplit", "2")
        side = net.add("sidechaincompress", "threshold=0.02:ratio=8:attack=20:release=400:makeup=1")
        mix = net.add("amix", "inputs=2:duration=first:normalize=0")
        sources[0].link_to(split)
        sources[1].link_to(side, 0, 0)
        split.link_to(side, 0, 1)
        split.link_to(mix, 1, 0)
        side.link_to(mix, 0, 1)
        return mix

    mixed = graph([(speech, RATE), (music, RATE)], wire)
    return _sized(mixed, len(speech))


def music_bed(path: str, samples: int, target_lufs: float) -> Sound:
    """A music file at a loudness, looped or cut to a length.

    Raises:
        Terminal: the file cannot be read or has no sound.
    """
    music = read(Path(path))
    if not math.isfinite(off := target_lufs - loudness_lufs(music)):
        raise Terminal(f"publish.music = {path!r}: the file is silent")
    music = music * np.float32(10 ** (off / 20))
    return np.tile(music, (math.ceil(samples / len(music)), 1))[:samples]


def fingerprint(music: str) -> str:
    """12 hex digits of a music file; empty for none.

    Raises:
        Terminal: it cannot be read.
    """
    if not music:
        return ""
    try:
        with Path(music).open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()[:12]
    except OSError as error:
        raise Terminal(f"publish.music = {music!r}: {error.strerror}") from None


def read(path: Path, limit_s: float = 600) -> Sound:
    """The sound of a file, stereo at 48 kHz.

    Raises:
        Terminal: the file cannot be read or has no sound.
    """
    import av

    heard: list[Sound] = []
    samples = 0
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            resampler = av.AudioResampler("flt", "stereo", RATE)
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    heard.append(piece.to_ndarray()[0].reshape(-1, 2))
                    samples += len(heard[-1])
                if samples > limit_s * RATE:
                    break
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise Terminal(f"{path}: no sound could be read from it ({error})") from None
    if not samples:
        raise Terminal(f"{path}: no sound in it")
    return np.concatenate(heard)


def finish(speech: Sound, rate: int, seconds: float, target_lufs: float, music: str = "") -> Sound:
    """The sound of a video: exactly `seconds` long, at the target, with music under the speech if there is any.

    Args:
        speech: Mono narration.
        rate: Of the narration.
        seconds: Length of the picture.
        target_lufs: Integrated loudness.
        music: Path of a music bed, or empty.
    """
    samples = round(seconds * RATE)
    whole = _sized(stereo(speech), round(seconds * rate))  # first, since the silence around a short word counts in its loudness
    voice = _sized(to_loudness(whole, rate, target_lufs), samples)
    if not music:
        return faded(voice, 0.02, 0.05)
    bed = faded(music_bed(music, samples, target_lufs - MUSIC_BELOW_LU), FADE_IN_S, min(FADE_OUT_S, seconds / 3))
    return levelled(duck(voice, bed), target_lufs)


def _sized(sound: Sound, samples: int) -> Sound:
    """Cut, or filled up with silence."""
    return np.pad(sound, ((0, max(0, samples - len(sound))), (0, 0)))[:samples]


def faded(sound: Sound, in_s: float, out_s: float) -> Sound:
    """Fades at both ends, along a quarter sine (FFmpeg's `afade` default curve is linear)."""
    length = len(sound) / RATE
    return chain(sound, RATE, [("afade", f"t=in:st=0:d={in_s}:curve=qsin"),
                               ("afade", f"t=out:st={max(0.0, length - out_s):.6f}:d={out_s}:curve=qsin")])[:len(sound)]
