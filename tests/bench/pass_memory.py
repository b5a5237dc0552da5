"""Peak memory of the process that decodes: at 720p, at 4K, and over two hours of a low-bitrate video.

    python tests/bench/pass_memory.py [--minutes 12 120]

Every file is measured by a fresh child: its resident set when idle, the greatest one (VmHWM), what of that are pages of libraries, which
all workers share, and what is left to it alone. Goals: 250 MB at 720p, 600 MB at 4K, and no more for a long file than for a short one.
"""

import argparse
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from jobs.clean.measure import measure_source
from jobs.media import sandbox
from schemas.settings import Measure


def status_mb(field: str) -> float:
    text = Path(f"/proc/{sandbox._child().process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{field}:")) / 1024


def film(path: Path, width: int, height: int, fps: int, seconds: float, sound: bool) -> None:
    """A texture that slides, another one every 30 seconds, and a tone."""
    random = np.random.default_rng(1)
    with av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream("libx264", rate=Fraction(fps), options={"crf": "34", "preset": "ultrafast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        tone = out.add_stream("libopus", rate=48_000, layout="stereo") if sound else None

        def pictures() -> Iterator[np.ndarray]:
            for i in range(int(seconds * fps)):
                if i % (30 * fps) == 0:
                    coarse = random.integers(0, 255, (height // 40 + 1, width // 40 + 1), dtype=np.uint8)
                    base = np.kron(coarse, np.ones((40, 40), np.uint8))[:height, :width]
                yield np.roll(base, 2 * i, axis=1)

        for i, luma in enumerate(pictures()):
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane, values in zip(frame.planes, (luma, None, None), strict=True):
                line = np.full((plane.height, plane.line_size), 128, np.uint8)
                if values is not None:
                    line[:, :width] = values
                plane.update(line)
            frame.pts = i
            out.mux(stream.encode(frame))
            if tone is not None and i % fps == 0:
                line = (0.2 * np.sin(np.arange(48_000) / 20)).astype(np.float32)
                second = av.AudioFrame.from_ndarray(np.stack([line, line]).T.reshape(1, -1), format="flt", layout="stereo")
                second.sample_rate, second.pts = 48_000, 48_000 * (i // fps)
                out.mux(tone.encode(second))
        for track in (stream, tone):
            if track is not None:
                out.mux(track.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[12, 120])
    options = parser.parse_args()
    files = [("720p, 20 s", 1280, 720, 25, 20.0), ("4K, 5 s", 3840, 2160, 25, 5.0)]
    files += [(f"180p, {minutes:g} min", 320, 180, 10, 60 * minutes) for minutes in options.minutes]
    print(f"{'file':16} {'MB':>6} {'clips':>6} {'idle MB':>8} {'peak MB':>8} {'shared':>7} {'own':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, width, height, fps, seconds in files:
            path = Path(folder) / "film.mkv"
            film(path, width, height, fps, seconds, sound=seconds > 10)
            sandbox.close()
            idle = status_mb("VmRSS")
            made = measure_source(path, "video", Measure())
            peak, shared = status_mb("VmHWM"), status_mb("RssFile")
            print(f"{name:16} {path.stat().st_size / 1e6:6.1f} {len(made.clips):6} {idle:8.0f} {peak:8.0f} {shared:7.0f} {peak - shared:6.0f}", flush=True)


if __name__ == "__main__":
    main()
