"""Recall of copies of sounds by transform, and which different sounds would be merged, on sounds that are made here; writes
`dedup_sound.md` beside it.

    python tests/bench/dedup_sound.py [SEED] [FOLDER]

Drawn by numpy: tunes, chords, bells, whistles, sweeps, chirps, engines, bands of noise, rain, drum loops of one tempo, sounds with pauses; spoken by
espeak-ng, where it is installed: six voices that say a text each, and one text by all of them; with FOLDER (its `audio` and `video`) also spans
of recordings and of the sound of films. Every sound is put through each transform and held against itself by dedup's own functions with
default settings, as in `dedup_recall.py`; then all pairs of different sounds. SEED draws other sounds and says other texts.
"""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import av
import numpy as np
from scipy.signal import butter, sosfilt

from jobs.clean.measures import MONO_RATE_HZ
from jobs.dedup import audio

sys.path.insert(0, str(Path(__file__).parent))
from dedup_recall import Clip, heard, page, recoded, same, sound

Samples = np.ndarray
RATE, SPAN_S = MONO_RATE_HZ, 12.0


# ---- sounds


def _envelope(n: int, decay_s: float, attack_s: float = 0.01) -> Samples:
    t = np.arange(n) / RATE
    return np.minimum(1, t / attack_s) * np.exp(-t / decay_s)


def _tone(hz: Samples | float, n: int, partials: int = 6, slope: float = 1.5) -> Samples:
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(np.asarray(hz, float), n)) / RATE
    return sum(np.sin(k * phase) / k**slope for k in range(1, partials + 1) if np.max(hz) * k < RATE / 2)


def tune(rng: np.random.Generator, seconds: float, voices: int = 1, partials: int = 6) -> Samples:
    """Notes of a scale, several at a time for chords."""
    out, beat = np.zeros(int(seconds * RATE)), rng.uniform(0.2, 0.45)
    scale = 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12) * rng.uniform(0.6, 1.6)
    at = 0
    while at < len(out):
        n = min(int(beat * rng.choice([1, 1, 2]) * RATE), len(out) - at)
        for hz in rng.choice(scale, voices, replace=False):
            out[at:at + n] += _tone(hz, n, partials) * _envelope(n, 0.4)
        at += n
    return out


def bells(rng: np.random.Generator, seconds: float) -> Samples:
    out = np.zeros(int(seconds * RATE))
    for at in np.cumsum(rng.uniform(0.3, 1.2, int(seconds * 2))):
        if (i := int(at * RATE)) < len(out):
            n, hz = len(out) - i, rng.uniform(300, 1500)
            out[i:] += sum(np.sin(2 * np.pi * hz * r * np.arange(n) / RATE) * _envelope(n, 1.2 / r, 0.002) / r for r in (1, 2.76, 5.4))
    return out


def whistle(rng: np.random.Generator, seconds: float) -> Samples:
    """Nearly pure calls that rise, fall and trill, as of a bird."""
    n = int(seconds * RATE)
    knots = np.arange(0, seconds + 0.15, 0.15)
    hz = np.interp(np.arange(n) / RATE, knots, rng.uniform(1800, 5500, len(knots)))
    loud = np.interp(np.arange(n) / RATE, knots, rng.choice([0, 0.3, 1], len(knots)))
    hz *= 1 + 0.02 * np.sin(2 * np.pi * rng.uniform(8, 25) * np.arange(n) / RATE)
    return np.sin(2 * np.pi * np.cumsum(hz) / RATE) * loud + 1e-3 * rng.normal(size=n)


def sweep(rng: np.random.Generator, seconds: float) -> Samples:
    t = np.arange(int(seconds * RATE)) / RATE
    ends = (rng.uniform(150, 500), rng.uniform(3000, 7000))
    first, last = ends if rng.random() < 0.5 else ends[::-1]
    return _tone(first * (last / first) ** ((t / seconds) ** rng.uniform(0.5, 2)), len(t), 1)


def chirps(rng: np.random.Generator, seconds: float) -> Samples:
    out = np.zeros(int(seconds * RATE))
    for at in np.cumsum(rng.uniform(0.12, 0.5, int(seconds * 5))):
        n = int(rng.uniform(0.05, 0.2) * RATE)
        if (i := int(at * RATE)) + n < len(out):
            out[i:i + n] += _tone(np.linspace(*rng.uniform(400, 6000, 2), n), n, 1) * np.hanning(n)
    return out


def engine(rng: np.random.Generator, seconds: float) -> Samples:
    n = int(seconds * RATE)
    knots = np.arange(0, seconds + 1, 0.8)
    speed = np.interp(np.arange(n) / RATE, knots, rng.uniform(40, 160, len(knots)))
    return _tone(speed, n, 30, 0.7) + 0.3 * rng.normal(size=n)


def noise(rng: np.random.Generator, seconds: float, low: float = 100, high: float = 7500, gusts: float = 0.0) -> Samples:
    n = int(seconds * RATE)
    made = sosfilt(butter(4, (low, high), "bandpass", fs=RATE, output="sos"), rng.normal(size=n))
    knots = np.arange(0, seconds + 1, 0.4)
    return made * np.interp(np.arange(n) / RATE, knots, 1 - gusts * rng.random(len(knots)))


def drums(rng: np.random.Generator, seconds: float, beat_s: float = 0.25) -> Samples:
    """A bar of its own over and over, all at one tempo."""
    out, bar = np.zeros(int(seconds * RATE)), rng.integers(0, 4, 16)
    hits = [np.zeros(1), _tone(np.linspace(rng.uniform(100, 160), 50, RATE // 5), RATE // 5, 1) * _envelope(RATE // 5, 0.08),
            rng.normal(size=RATE // 6) * _envelope(RATE // 6, 0.05), noise(rng, 0.12, 3000, 7500) * _envelope(int(0.12 * RATE), 0.03)]
    for k in range(int(seconds / beat_s)):
        hit, i = hits[bar[k % 16]], int(k * beat_s * RATE)
        out[i:i + len(hit)] += hit[:len(out) - i]
    return out + 0.002 * rng.normal(size=len(out))


def band(rng: np.random.Generator, seconds: float) -> Samples:
    """Drums at the common tempo under a tune of their own."""
    return drums(rng, seconds) / 2 + tune(rng, seconds, 2) / 4


def pauses(rng: np.random.Generator, seconds: float) -> Samples:
    made = tune(rng, seconds, 2)
    return made * (np.interp(np.arange(len(made)) / RATE, np.arange(0, seconds + 1, 0.7), rng.random(int(seconds / 0.7) + 2)) > 0.4)


WORDS = ("river mountain seven garden winter machine silver morning people bridge window orange travel history market doctor paper "
         "letter summer engine music island forest village kitchen station planet shadow copper thunder yellow street ocean number")
HAN = "天地山水风雨春夏秋冬东南西北高低长短快慢红黄蓝白飞鸟鱼虫花草树木城市公路车站学校老师医生音乐电影朋友时间今天明天早上晚上"
VOICES = {"en-us": WORDS, "en-gb-scotland": WORDS, "en-us+f3": WORDS, "en-029+m7": WORDS, "cmn": HAN, "cmn+f2": HAN}


def spoken(text: str, voice: str) -> Samples:
    """What espeak-ng says."""
    import espeakng_loader

    from jobs.generate import espeak_child

    done = subprocess.run([sys.executable, "-I", "-S", espeak_child.__file__, espeakng_loader.get_library_path(), espeakng_loader.get_data_path(),
                           voice, "165"], input=text.encode(), capture_output=True, check=True)
    return resampled(np.frombuffer(done.stdout[4:], "<i2") / 32768, int.from_bytes(done.stdout[:4], "little"), RATE)


def texts(rng: np.random.Generator, words: str) -> str:
    """A text of some eight seconds."""
    return "".join(rng.choice(list(HAN), 27)) if words is HAN else " ".join(rng.choice(words.split(), 16))


DRAWN: dict[str, Callable[[np.random.Generator, float], Samples]] = {
    "tune": tune, "chords": lambda r, s: tune(r, s, 3), "pure tune": lambda r, s: tune(r, s, 1, 1), "bells": bells, "whistle": whistle, "sweep": sweep,
    "chirps": chirps, "engine": engine, "rain": lambda r, s: noise(r, s, 200, 7000, 0.3), "wind": lambda r, s: noise(r, s, 100, 900, 0.9),
    "drums": drums, "band": band, "pauses": pauses,
}


def originals(seed: int, folder: Path | None = None) -> Iterator[tuple[str, Samples]]:
    """Sounds that are all different, of three to twelve seconds."""
    rng = np.random.default_rng(seed)
    for name, make in DRAWN.items():
        for i in range(3):
            yield f"{name} {i}", make(rng, float(rng.choice([3.5, 6, 10])))
    try:
        import espeakng_loader  # noqa: F401
    except ImportError:
        print("without speech: espeakng-loader is not installed", file=sys.stderr)
    else:
        one = {words: texts(rng, words) for words in (WORDS, HAN)}
        for voice, words in VOICES.items():
            yield f"text by {voice}", spoken(texts(rng, words), voice)
            yield f"one text by {voice}", spoken(one[words], voice)
        yield "telephone", sosfilt(butter(4, (300, 3400), "bandpass", fs=RATE, output="sos"), spoken(texts(rng, WORDS), "en-us+m3"))
    for path in sorted(p for kind in ("audio", "video") for p in (folder / kind).iterdir()) if folder else ():
        if path.stem in COPIES:
            continue
        try:
            samples = sound(str(path), 60).astype(float)
        except (av.error.FFmpegError, IndexError):
            continue
        starts = np.arange(rng.uniform(0, 1.5), len(samples) / RATE - 3, 15)
        for i, start in enumerate(starts[:1] if path.stem in LOOPS else starts):
            yield f"{path.name} {i}", samples[int(start * RATE):int((start + SPAN_S) * RATE)]


COPIES = {"rabbit320", "bigbuckbunny", "big_buck_bunny_small", "rotate-buck-bunny", "bbb_2500ms", "sample_iTunes", "b", "sample_fragmented",
          "multiple-aac-tracks"}
"""Files of the folder that hold, by its notes or by ear, what another holds."""
LOOPS = {"Kevin_MacLeod_-_Vibe_Ace", "147793__setuniman__sweet-waltz-0i-22mi"}
"""Music that repeats itself: one span of it is taken."""


# ---- transforms


def resampled(samples: Samples, rate: int, to: int) -> Samples:
    resampler = av.AudioResampler("flt", "mono", to)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], "f4"), "flt", "mono")
    frame.sample_rate = rate
    return np.concatenate([f.to_ndarray()[0] for f in [*resampler.resample(frame), *resampler.resample(None)]])


def coded(codec: str, form: str, rate: int, kbit: int, layout: str = "mono") -> Callable[[Samples], Samples]:
    return lambda s: recoded(s, codec, form, rate, kbit * 1000, layout)


def cut(start_s: float, end_s: float) -> Callable[[Samples], Samples]:
    """Without its start and end, of which at most a fifth of the sound each."""
    def change(s: Samples) -> Samples:
        first, last = (int(min(x, len(s) / RATE / 5) * RATE) for x in (start_s, end_s))
        return s[first:len(s) - last]
    return change


def telephone(s: Samples) -> Samples:
    return resampled(resampled(sosfilt(butter(4, (300, 3400), "bandpass", fs=RATE, output="sos"), s), RATE, 8000), 8000, RATE)


def equalised(s: Samples) -> Samples:
    """Bass raised by 6 dB below 400 Hz, treble lowered by 6 above 3 kHz."""
    low, high = (sosfilt(butter(1, hz, kind, fs=RATE, output="sos"), s) for hz, kind in ((400, "low"), (3000, "high")))
    return s + low - 0.5 * high


def noisy(db: float) -> Callable[[Samples], Samples]:
    return lambda s: s + np.random.default_rng(1).normal(size=len(s)) * s.std() * 10 ** (-db / 20)


TRANSFORMS: dict[str, Callable[[Samples], Samples]] = {
    "12 dB quieter": lambda s: s / 4, "6 dB above the peak, clipped": lambda s: np.clip(2 * s / np.abs(s).max(), -1, 1),
    "Opus at 16 kbit/s": coded("libopus", "ogg", 48_000, 16), "Opus at 24 kbit/s": coded("libopus", "ogg", 48_000, 24),
    "Opus at 32 kbit/s": coded("libopus", "ogg", 48_000, 32), "AAC at 32 kbit/s": coded("aac", "adts", 32_000, 32),
    "AAC at 48 kbit/s": coded("aac", "adts", 44_100, 48), "MP3 at 32 kbit/s": coded("mp3", "mp3", 22_050, 32),
    "MP3 at 64 kbit/s": coded("mp3", "mp3", 44_100, 64), "Vorbis at 48 kbit/s": coded("vorbis", "ogg", 44_100, 48, "stereo"),
    "telephone, 8 kHz": telephone, "22.05 kHz and back": lambda s: resampled(resampled(s, RATE, 22_050), 22_050, RATE),
    "equalised": equalised, "noise at 20 dB": noisy(20),
    "first 0.32 s cut off": cut(0.32, 0), "first 0.96 s cut off": cut(0.96, 0), "first 1.35 s and last 0.7 s cut off": cut(1.35, 0.7),
    "first 0.71 s cut off, Opus at 24 kbit/s": lambda s: coded("libopus", "ogg", 48_000, 24)(cut(0.71, 0)(s)),
    "first 0.45 s cut off, MP3 at 32 kbit/s, 12 dB quieter": lambda s: coded("mp3", "mp3", 22_050, 32)(cut(0.45, 0)(s) / 4),
}


def clip(samples: Samples) -> Clip | None:
    """What the decode pass would know of a sound; None where that can prove nothing."""
    words = heard(samples)
    return {"audio_fingerprint": words, "start_s": 0.0, "duration_s": len(samples) / RATE} if audio.telling(words) else None


def given(seed: int, folder: Path | None) -> dict[str, Samples]:
    """The sounds at a common loudness, as 16-bit files hold them."""
    made = {name: np.asarray(s, float) for name, s in originals(seed, folder)}
    return {name: np.clip(np.round(s * 0.1 / s.std() * 32767) / 32767, -1, 1) for name, s in made.items() if len(s) and s.std() > 1e-4}


def main(seed: int, folder: Path | None) -> str:
    found, whole = defaultdict(list), {}
    for name, samples in given(seed, folder).items():
        if (one := clip(samples)) is None:
            print(f"{name}: proves nothing", file=sys.stderr)
            continue
        whole[name] = one
        for what, change in TRANSFORMS.items():
            copy = clip(change(samples))
            found[what].append((name, copy is not None and same("sound", one, copy)[0]))
    wrong = [f"{a} and {b}, {shift:+.2f} s" for a, b in combinations(whole, 2) for ok, shift in [same("sound", whole[a], whole[b])] if ok]
    return f"{len(whole)} sounds, {len(whole) * (len(whole) - 1) // 2:,} pairs of different ones.\n\n{page(found, wrong)}"


if __name__ == "__main__":
    numbers = [int(x) for x in sys.argv[1:] if x.isdigit()]
    folders = [Path(x) for x in sys.argv[1:] if not x.isdigit()]
    made = main(*(numbers or [1]), folders[0] if folders else None)
    Path(__file__).with_suffix(".md").write_text("# Recall of copies of sounds by transform\n\nWritten by `python tests/bench/dedup_sound.py "
                                                 f"{' '.join(sys.argv[1:])}`, see there.\n\n{made}\n")
    print(made)
