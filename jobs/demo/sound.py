"""The sounds of the sample corpus: mono float32 samples at RATE, -1..1, and the files that hold them."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
RATE = 48000


def speech(words: str, lang: str) -> Sound:
    """Words spoken by the embedded voice, 48 kHz."""
    from jobs.generate.narrators.espeak import NARRATOR

    sound, rate = NARRATOR.speak(words, lang)
    return stretched(sound, rate)


def stretched(sound: Sound, rate: int) -> Sound:
    """Sound resampled to 48 kHz."""
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(sound, RATE, rate), np.float32)


def music(seconds: float, *, key: int) -> Sound:
    """A slow arpeggio of plucked notes."""
    t = np.arange(int(seconds * RATE)) / RATE
    out = np.zeros_like(t)
    chords = ((0, 4, 7), (-3, 0, 4), (-7, -3, 0), (-5, -1, 2))
    for i in range(int(seconds * 3) + 1):
        start = i / 3
        note = chords[(i // 6) % 4][i % 3] + 12 * (i % 2)
        pitch = 220 * 2 ** ((key + note) / 12)
        age = np.clip(t - start, 0, None)
        pluck = np.exp(-3 * age) * (t >= start) * np.clip(age * 200, 0, 1)
        out += pluck * sum(np.sin(2 * np.pi * pitch * h * age) / h**2 for h in (1, 2, 3))
    return np.asarray(0.18 * out, np.float32)


def sound_file(sound: Sound, container: str, codec: str) -> bytes:
    """Sound alone in a container."""
    import av

    out = BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=RATE)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None]), format="flt", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=RATE, frame_size=stream.frame_size or 960)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()
