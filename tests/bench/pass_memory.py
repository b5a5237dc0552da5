"""Peak memory of the process that decodes: at 720p, at 4K, and over two hours of a 720p video.

    python tests/bench/pass_memory.py [--minutes 12 120] [--fps 10]

Every file is measured by a fresh child. Its resident set (RSS) when idle and at its greatest from then on (VmHWM), and what of the
latter no other process has (USS: the pages of libraries are shared by all workers of a machine); the greatest set while it started is
told apart. Goals: 250 MB at 720p, 600 MB at 4K, and no more for a long file than for a short one. A long file is a minute of pictures,
written again and again, with a second between.
"""

import argparse
import tempfile
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from jobs.clean.sandboxed import measure_source
from jobs.media import sandbox
from schemas.settings import Measure


def mb(field: str, file: str = "status") -> float:
    text = Path(f"/proc/{sandbox._child('jobs.clean.measure').process.pid}/{file}").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{field}:")) / 1024


def uss_mb() -> float:
    return mb("Private_Clean", "smaps_rollup") + mb("Private_Dirty", "smaps_rollup")


class Watch(threading.Thread):
    """Looks at the child's own memory ten times a second and keeps the greatest."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.uss, self.pss, self.over = 0.0, 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.2):
            self.uss, self.pss = max(self.uss, uss_mb()), max(self.pss, mb("Pss", "smaps_rollup"))


def longer(path: Path, times: int) -> Path:
    """The file so many times, one after the other, packets as they are."""
    target = path.with_name("long.mkv")
    with av.open(str(target), "w") as out:
        tracks: dict[int, object] = {}
        for turn in range(times):
            with av.open(str(path)) as source:
                for stream in source.streams:
                    if stream.index not in tracks:
                        tracks[stream.index] = out.add_stream_from_template(stream)
                for packet in source.demux():
                    if packet.dts is None:
                        continue
                    shift = round(61 * turn / packet.time_base)
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, tracks[packet.stream_index]
                    out.mux(packet)
    return target


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
    parser.add_argument("--minutes", type=int, nargs="+", default=[12, 120])
    parser.add_argument("--fps", type=int, default=10)
    options = parser.parse_args()
    files = [("720p, 20 s", 1280, 720, 25, 20.0, 1), ("4K, 5 s", 3840, 2160, 25, 5.0, 1)]
    files += [(f"720p, {minutes} min", 1280, 720, options.fps, 60.0, minutes) for minutes in options.minutes]
    print("| file | MB | frames | clips | RSS starting | RSS idle | RSS peak | PSS peak | USS peak |\n" + "|---|" + "---:|" * 8)
    with tempfile.TemporaryDirectory() as folder:
        for name, width, height, fps, seconds, times in files:
            path = Path(folder) / "film.mkv"
            film(path, width, height, fps, seconds, sound=seconds > 10)
            path = longer(path, times) if times > 1 else path
            sandbox.close()
            starting, idle = mb("VmHWM"), mb("VmRSS")
            Path(f"/proc/{sandbox._child('jobs.clean.measure').process.pid}/clear_refs").write_text("5")
            watch = Watch()
            watch.start()
            made = measure_source(path, "video", Measure())
            watch.over.set()
            watch.join()
            print(f"| {name} | {path.stat().st_size / 1e6:.0f} | {made.frames:,} | {len(made.clips)} | {starting:.0f} | {idle:.0f} | "
                  f"{mb('VmHWM'):.0f} | {watch.pss:.0f} | {watch.uss:.0f} |", flush=True)


if __name__ == "__main__":
    main()
