"""Planted faults against the default policy: recall and precision of every one, over clips of many kinds.

    python tests/bench/faults.py [--seed 1] [--clips 24] [--forms NAME...] [--notes] [--others]

Every clip is made of a world of `films.py` (footage, photographs under a moving camera, places, drawings) with speech or music,
once as it is, in several forms that must be kept, and once with every fault. A fault counts as found when it is among the reasons
that the clip is dropped for; precision counts the clips without a fault that are dropped at all, and reasons that are not there.
With `--others` the forms are those of `fault_forms.py`. Ctrl-C ends a run early and prints what was counted until then.
"""

import argparse
import contextlib
import io
import itertools
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from fault_forms import forms
from films import MEDIA, H, W, World, drawing, footage, photograph, photographs, place, takes
from PIL import Image, ImageDraw, ImageFont

from jobs.clean import policy
from jobs.clean.measure import measure_file, warm
from schemas.settings import Measure, Policy

FPS, RATE, SECONDS = 25, 48_000, 4.0
FONT = Path(__file__).parents[2] / "jobs" / "generate" / "fonts"
Pixels = np.ndarray


def sounds() -> list[np.ndarray]:
    """Speech and music of the collection, mono, peaks at half of full scale."""
    found = []
    for name in ("jfk.flac", "LJ001-0001.flac", "Kevin_MacLeod_-_Vibe_Ace.ogg", "sorohanro_-_solo-trumpet-06.ogg", "3436-172162-0000.ogg"):
        with av.open(str(MEDIA / "audio" / name)) as container:
            resampler = av.AudioResampler("fltp", "mono", RATE)
            line = np.concatenate([piece.to_ndarray()[0] for frame in container.decode(audio=0) for piece in resampler.resample(frame)])
        line = line[RATE // 2:RATE // 2 + int(SECONDS * RATE)]
        found.append(0.5 * line / np.abs(line).max())
    return found


def worlds(random: np.random.Generator, count: int) -> Iterator[World]:
    # a film with bars of its own and pictures of a few pixels would be faults that nobody planted
    stills, footages = photographs(least_px=360), [t for t in takes() if len(t) > 60 and t[30][:, 0].std() > 1]
    for i in range(count):
        yield (footage(random, footages[(i // 4) % len(footages)]), photograph(random, stills[int(random.integers(len(stills)))]),
               place(random), drawing(random))[i % 4]


def page(random: np.random.Generator, zh: bool) -> Pixels:
    """A slide of text."""
    ink, paper = (20, 245) if random.random() < 0.6 else (235, 25)
    image = Image.new("RGB", (W * 2, H * 2), (paper, paper, paper))
    draw = ImageDraw.Draw(image)
    size = int(random.integers(18, 40))
    font = ImageFont.truetype(str(next(FONT.glob("*.otf"))), size)
    words = "今天我们来看一看这座城市的历史和它的人民生活" if zh else "The history of this city and of the people who live in it is long "
    y = 12
    while y < 2 * H - size:
        at = int(random.integers(len(words)))
        draw.text((14, y), ((words + words)[at:] + words)[:int(2 * W / size * (1.0 if zh else 1.8)) - 1], font=font, fill=(ink, ink, ink))
        y += int(size * 1.45)
    return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)


def text_over(random: np.random.Generator, picture: Pixels) -> Pixels:
    """Half a dozen lines of captions over a picture."""
    image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).resize((W * 2, H * 2))
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(next(FONT.glob("*.otf"))), 34)
    for line in range(7):
        draw.text((20, 14 + 48 * line), ("限时优惠 今天下单立减一百元 " if line % 2 else "LIMITED OFFER buy one get one free now ")[:30],
                  font=font, fill=(255, 255, 255), stroke_width=3, stroke_fill=(0, 0, 0))
    return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)


Clip = tuple[list[Pixels], np.ndarray, float, tuple[int, int]]
"""Frames, sound, frames a second, size of the file."""


def variants(random: np.random.Generator, world: World, sound: np.ndarray) -> Iterator[tuple[str, str, Clip]]:
    """Name of the form, the reason it must be dropped for ("" for none), the clip."""
    def shot(fps: float = FPS, seconds: float = SECONDS) -> list[Pixels]:
        return [np.clip(world(i / fps), 0, 255).astype(np.uint8) for i in range(int(fps * seconds))]

    frames = shot()
    small, full = (640, 360), (1280, 720)

    def blurred(share: float) -> list[Pixels]:
        return [cv2.GaussianBlur(f, (0, 0), share * H) for f in frames]

    def barred(share: float, sides: bool) -> list[Pixels]:
        out = [f.copy() for f in frames]
        for f in out:
            if sides:
                f[:, :int(W * share / 2)] = f[:, W - int(W * share / 2):] = 0
            else:
                f[:int(H * share / 2)] = f[H - int(H * share / 2):] = 0
        return out

    yield "as it is", "", (frames, sound, FPS, small)
    yield "as it is, 720p", "", (frames, sound, FPS, full)
    yield "upright", "", ([np.ascontiguousarray(np.rot90(f)) for f in frames], sound, FPS, (360, 640))
    yield "quiet", "", (frames, sound * 0.1, FPS, small)
    yield "loud", "", (frames, sound * 1.9, FPS, small)
    yield "darker", "", ([(f * 0.5).astype(np.uint8) for f in frames], sound, FPS, small)
    yield "12 fps", "", (shot(12), sound, 12, small)
    yield "held for a second", "", (frames[:40] + [frames[40]] * 25 + frames[40:75], sound, FPS, small)
    yield "black", "black", ([np.zeros_like(frames[0])] * len(frames), sound, FPS, small)
    yield "black with noise", "black", ([random.integers(0, 12, frames[0].shape, dtype=np.uint8) for _ in frames], sound, FPS, small)
    yield "frozen", "frozen", ([frames[0]] * len(frames), sound, FPS, small)
    yield "frozen from the first second", "frozen", (frames[:25] + [frames[25]] * 75, sound, FPS, small)
    for share in (0.01, 0.02, 0.04):
        yield f"blurred by {share:.0%}", "blurred", (blurred(share), sound, FPS, small)
    yield "letterboxed 2.39", "letterboxed", (barred(0.256, False), sound, FPS, small)
    yield "pillarboxed 4:3", "letterboxed", (barred(0.25, True), sound, FPS, small)
    yield "silent", "silent", (frames, sound * 0, FPS, small)
    yield "hiss at -70 dB", "silent", (frames, random.normal(0, 3e-4, sound.size), FPS, small)
    yield "clipped by 14 dB", "clipped_audio", (frames, (sound * 10).clip(-1, 1), FPS, small)
    yield "clipped by 26 dB", "clipped_audio", (frames, (sound * 40).clip(-1, 1), FPS, small)
    slides = [np.clip(world(3.0 * i), 0, 255).astype(np.uint8) for i in range(4)]
    yield "slides", "slideshow", ([slides[i // 25] for i in range(100)], sound, FPS, small)
    yield "5 fps", "low_fps", (shot(5), sound, 5, small)
    yield "4 fps in 24", "low_fps", ([f for f in shot(4) for _ in range(6)], sound, 24, small)
    slide = page(random, bool(random.random() < 0.5))
    yield "a page that moves", "text_heavy", ([np.roll(slide, 2 * i, axis=0) for i in range(100)], sound, FPS, small)
    yield "captions all over", "text_heavy", ([text_over(random, f) for f in frames], sound, FPS, small)


ALSO = {"frozen": {"static", "slideshow"}, "slideshow": {"frozen", "static"}, "low_fps": {"slideshow", "frozen"},
        "black": {"too_dark", "frozen", "static", "low_contrast", "slideshow"}}
"""Reasons that are also true of a fault."""


def pictures(frames: list[Pixels], fps: float, size: tuple[int, int]) -> bytes:
    """A file of the pictures alone."""
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=Fraction(fps), options={"crf": "23", "preset": "veryfast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for picture in frames:
            scaled = picture if picture.shape[1::-1] == size else cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(scaled, format="bgr24")))
        target.mux(stream.encode(None))
    return made.getvalue()


def tones(sound: np.ndarray) -> bytes:
    """A file of the sound alone."""
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as target:
        tone = target.add_stream("aac", rate=RATE, layout="mono")
        tone.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = RATE
        for piece in av.AudioResampler("fltp", "mono", RATE, 1024).resample(frame):
            target.mux(tone.encode(piece))
        target.mux(tone.encode(None))
    return made.getvalue()


class Writer:
    """Writes clips; what clips of one take share, be it pictures or sound, is encoded once."""

    def __init__(self) -> None:
        self.made: dict[tuple[int, ...], tuple[Any, bytes]] = {}
        """Files of one stream by the identity of what is in them, which is held so that no other takes it."""

    def write(self, path: Path, clip: Clip) -> None:
        frames, sound, fps, size = clip
        with av.open(str(path), "w", format="mp4") as target, contextlib.ExitStack() as open_files:
            parts = [self._once((id(frames), int(fps), *size), frames, lambda: pictures(frames, fps, size)),
                     self._once((id(sound),), sound, lambda: tones(sound))]
            sources = [open_files.enter_context(av.open(io.BytesIO(part))) for part in parts]
            streams = [target.add_stream_from_template(source.streams[0]) for source in sources]
            for source, stream in zip(sources, streams, strict=True):
                for packet in source.demux():
                    if packet.dts is not None:
                        packet.stream = stream
                        target.mux(packet)

    def _once(self, key: tuple[int, ...], of: Any, make: Callable[[], bytes]) -> bytes:
        if key not in self.made:
            self.made[key] = (of, make())
        return self.made[key][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--forms", nargs="*", default=[], help="only the forms whose name begins with one of these")
    parser.add_argument("--others", action="store_true", help="other forms of faults, on other footage")
    parser.add_argument("--notes", action="store_true", help="what we miss and invent, clip by clip")
    options = parser.parse_args()
    warm()
    cv2.setNumThreads(1)
    random, lines = np.random.default_rng(options.seed), sounds()
    checks, settings = policy.resolve(Policy()), Measure().model_dump()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    invented: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        for number, world in enumerate(itertools.repeat(None, options.clips) if options.others else worlds(random, options.clips)):
            made_forms = variants(random, world, lines[number % len(lines)]) if world else forms(random, number)
            writer = Writer()
            for name, wanted, clip in made_forms:
                if options.forms and not name.startswith(tuple(options.forms)):
                    continue
                path = Path(folder) / "clip.mp4"
                writer.write(path, clip)
                made: Any = measure_file(str(path), "video", settings)
                facts = {"modality": "video", "source_bytes_per_s": path.stat().st_size / SECONDS, "transcript": "words", "pii_count": 0}
                columns = dict.fromkeys(policy.columns(checks))
                stops = [{why.code for _, why in policy.judge({**columns, **c, **facts}, checks).stops} for c in made["clips"]]
                # a fault is found when every clip of the source is dropped and one of them for it
                codes = set().union(*stops)
                dropped = all(stops)
                wanted = frozenset([wanted] if wanted else []) if isinstance(wanted, str) else wanted
                wanted |= {"frozen"} if "slideshow" in wanted else set()
                hit = bool(codes & wanted)
                found[name]["of"] += 1
                found[name]["right"] += (dropped and hit) if wanted else not codes
                extra = codes - wanted - set().union(*(ALSO.get(code, set()) for code in wanted)) if wanted else codes
                invented.update(extra)
                found[name]["more"] += bool(extra)
                if options.notes and (extra or not ((dropped and hit) if wanted else not codes)):
                    shown = {k: made["clips"][0][k] for k in ("acutance", "freeze_share", "duplicate_frame_share", "motion", "text_area_share",
                             "clipping_share", "loudness_lufs", "letterbox_share", "pillarbox_share", "luma_mean", "luma_std", "residual_cut", "fps")}
                    print(f"  {number} {name}: {sorted(codes)} of {len(stops)} clips", {k: round(v, 4) if v else v for k, v in shown.items()},
                          flush=True)
    print(f"{'form':30} {'of':>4} {'right':>6} {'share':>6} {'with further reasons':>21}")
    for name, counts in found.items():
        print(f"{name:30} {counts['of']:4} {counts['right']:6} {counts['right'] / counts['of']:6.3f} {counts['more']:21}")
    print("reasons that were not planted:", dict(invented))


if __name__ == "__main__":
    main()
