"""Renders the sample corpus: real files from real encoders, some good, some with a planted and known fault.

Everything is drawn from `jobs.train.world` and spoken by the embedded voice, so that the corpus needs no network and may be
given away. The same seed gives the same files.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jobs.demo.sound import RATE, Sound, music, sound_file, speech
from jobs.demo.spoilt import Frames, blurred, letterboxed, written_over

WIDTH, HEIGHT, FPS = 640, 360, 24
DRAWN = 2
"""Scenes are drawn at half size and scaled up: they are smooth, and drawing is what costs."""
SEED = 7


@dataclass(frozen=True)
class Truth:
    """What must become of one source.

    Attributes:
        expect: `keep` every clip, `reject` it for one of `reasons`, lose it as a `duplicate`, or keep it `masked`.
        reasons: Reason codes of which one must be given.
        cuts_s: Times of the hard cuts in it, seconds.
        fault: What was planted, for people.
        hidden: Words that must not reach the release.
    """

    expect: Literal["keep", "reject", "duplicate", "masked"]
    fault: str = ""
    reasons: tuple[str, ...] = ()
    cuts_s: tuple[float, ...] = ()
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One file of the corpus: how it is made, what is said of it, and what must become of it."""

    name: str
    make: Callable[[], bytes]
    truth: Truth
    caption: str = ""
    lang: str = ""
    transcript: str = ""


def render(folder: Path, report: Callable[[int, int], None] = lambda done, total: None) -> Mapping[str, Truth]:
    """Render the corpus into `folder` unless it stands there already; returns the truth by relative path.

    `report` is called with (files done, files in all).
    """
    planned = plan()
    note = folder.parent / "truth.json"
    if (known := _noted(note)) and all((folder / s.name).exists() for s in planned):
        return known
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, (source, data) in enumerate(zip(planned, pool.map(_made, range(len(planned))), strict=True), 1):
            (folder / source.name).write_bytes(data)
            report(done, len(planned))
    _write_sidecars(folder, planned)
    truths = (
        {s.name: s.truth for s in planned}
        | TEXT_TRUTH
        | {name: Truth("reject", "a sidecar, not a sample", ("sidecar",)) for name in ("captions.csv", "behaviour.jsonl", "texts.jsonl")}
    )
    note.write_text(json.dumps({n: asdict(t) for n, t in truths.items()}, indent=1, ensure_ascii=False), encoding="utf-8")
    return truths


def _noted(note: Path) -> Mapping[str, Truth] | None:
    """The truth as it was written last, after all files; None where that was never done, or not to its end."""
    try:
        return {name: _truth(facts) for name, facts in json.loads(note.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError):
        return None


def _truth(facts: Mapping[str, Any]) -> Truth:
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}
    return Truth(**given)


def _made(index: int) -> bytes:
    """The bytes of one planned file; called in a worker, so by index: a plan holds functions that do not travel."""
    return plan()[index].make()


# ---- what is in it


def plan() -> Sequence[Source]:
    """All files in the order in which they are made."""
    return (*_good_videos(), *_good_others(), *_copies(), *_bad_pictures(), *_bad_sounds(), *_bad_files())


def _shots(*words: str, seconds: float = 2.5) -> Frames:
    """Shots one after another; each word is `place-time-weather-camera` or `shape-colour-direction-background`."""
    return np.concatenate([_shot(word, seconds, SEED + i) for i, word in enumerate(words)])


def _shot(word: str, seconds: float, seed: int) -> Frames:
    from jobs.train.world import render as draw
    from jobs.train.world import scenes

    scene = next(s for s in scenes() if s.name == word)
    small = draw(scene, width=WIDTH // DRAWN, height=HEIGHT // DRAWN, frames=round(seconds * FPS), seed=seed)
    return resized(small, WIDTH, HEIGHT)


def resized(frames: Frames, width: int, height: int) -> Frames:
    """Frames at another size, by cubic interpolation."""
    import cv2

    return np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_CUBIC) for f in frames])


def described(word: str, lang: str, which: int = 0) -> str:
    """A caption of a scene."""
    from jobs.train.world import captions, scenes

    return captions(next(s for s in scenes() if s.name == word), lang)[which]


def _video(frames: Frames, sound: Sound | None = None, crf: int = 20) -> bytes:
    from jobs.media.encode import encode_video

    return encode_video(frames, FPS, crf, audio=None if sound is None else (sound, RATE))


GOOD: Mapping[str, tuple[tuple[str, ...], str]] = {
    "tibet.mp4": (("mountains-day-clear-left", "lake-dawn-clear-right", "grassland-sunset-clear-left"), "zh"),
    "seaside.mp4": (("sea-sunset-clear-right", "sea-night-clear-left"), "zh"),
    "downtown.mp4": (("city-sunset-clear-left", "city-night-clear-right"), "en"),
    "dunes.mp4": (("desert-day-clear-right",), "en"),
    "rainy-wood.mp4": (("forest-day-rain-left", "forest-dawn-fog-right"), "en"),
    "far-north.mp4": (("tundra-day-snow-left",), "zh"),
    "hills.mp4": (("grassland-day-clear-in",), "zh"),
    "red-heart.mp4": (("heart-red-right-gray",), "en"),
    "blue-star.mp4": (("star-blue-up-brown",), "zh"),
}
"""Name -> (shots, language of its caption)."""


def _good_videos() -> list[Source]:
    found = []
    for name, (shots, lang) in GOOD.items():
        seconds = 2.5 if len(shots) > 1 else 3.5
        cuts = tuple(seconds * i for i in range(1, len(shots)))
        found.append(Source(name, partial(_good_video, name), Truth("keep", cuts_s=cuts), described(shots[0], lang), lang))
    for name, shot, lang, words in (
        ("guide-en.mp4", "desert-sunset-clear-left", "en", "The dunes glow in the last light. Every evening the wind draws new lines."),
        ("guide-zh.mp4", "mountains-dawn-fog-right", "zh", "清晨的雪山笼罩在薄雾里。我们慢慢往前走，一路都很安静。"),
    ):
        found.append(Source(name, partial(_spoken_video, shot, words, lang), Truth("keep"), described(shot, lang), lang, words))
    shot = "lake-sunset-clear-in"
    found.append(
        Source(
            "contact.mp4",
            lambda: _video(_shots(shot, seconds=3.0)),
            Truth("masked", "a phone number and an e-mail address in the caption", hidden=("13812345678", "lin@example.com")),
            "日落时的湖泊，晴朗，约拍请打13812345678或写信到lin@example.com，镜头推近",
            "zh",
        )
    )
    return found


def _good_video(name: str) -> bytes:
    shots, _ = GOOD[name]
    frames = _shots(*shots, seconds=2.5 if len(shots) > 1 else 3.5)
    return _video(frames, music(len(frames) / FPS, key=len(name)) if name in ("tibet.mp4", "seaside.mp4") else None)


def _spoken_video(shot: str, words: str, lang: str) -> bytes:
    sound = speech(words, lang)
    return _video(_shots(shot, seconds=len(sound) / RATE), sound)


def _good_others() -> list[Source]:
    en = "Please keep to the path. The lake is cold all year, and the ice is thin in spring."
    return [
        Source("poster.png", lambda: picture("city-dawn-clear-left", "PNG"), Truth("keep"), described("city-dawn-clear-left", "en"), "en"),
        Source("postcard.jpg", lambda: picture("sea-day-clear-in", "JPEG"), Truth("keep"), described("sea-day-clear-in", "zh"), "zh"),
        Source(
            "sticker.webp", lambda: picture("ring-orange-left-teal", "WEBP"), Truth("keep"), described("ring-orange-left-teal", "en"), "en"
        ),
        Source("announcement.ogg", lambda: sound_file(speech(en, "en"), "ogg", "libopus"), Truth("keep"), "", "en", en),
        Source("waltz.m4a", lambda: sound_file(music(8.0, key=5), "mp4", "aac"), Truth("keep")),
    ]


def _copies() -> list[Source]:
    return [
        Source("copy-exact.mp4", partial(_good_video, "dunes.mp4"), Truth("duplicate", "an exact copy of dunes.mp4")),
        Source(
            "copy-recoded.webm",
            lambda: other_container(_shots(*GOOD["far-north.mp4"][0], seconds=3.5), "webm", "libvpx-vp9"),
            Truth("duplicate", "far-north.mp4 in another codec and container, at a lower quality"),
        ),
        Source(
            "copy-resized.mp4",
            lambda: _video(resized(_shots(*GOOD["hills.mp4"][0], seconds=3.5), 432, 244), crf=30),
            Truth("duplicate", "hills.mp4, smaller and at a lower quality"),
        ),
    ]


def _bad_pictures() -> list[Source]:
    return [
        Source(
            "black.mp4",
            lambda: _video(np.full((72, HEIGHT, WIDTH, 3), 8, np.uint8)),
            Truth("reject", "black", ("black", "too_dark")),
            "nothing but the dark of the night over the hills",
            "en",
        ),
        Source(
            "frozen.mp4",
            lambda: _video(np.repeat(_shots("sea-dawn-clear-left", seconds=0.05)[:1], 84, axis=0)),
            Truth("reject", "one frame for its whole length", ("frozen", "static")),
        ),
        Source(
            "blurred.mp4",
            lambda: _video(blurred(_shots("forest-day-clear-left", seconds=3.0))),
            Truth("reject", "out of focus", ("blurred",)),
        ),
        Source(
            "short.mp4", lambda: _video(_shots("city-day-clear-right", seconds=0.4)), Truth("reject", "0.4 seconds long", ("too_short",))
        ),
        Source(
            "letterboxed.mp4",
            lambda: _video(letterboxed(_shots("grassland-dawn-clear-right", seconds=3.0))),
            Truth("reject", "bars over 40 % of its height", ("letterboxed",)),
        ),
        Source(
            "text-heavy.mp4",
            lambda: _video(written_over(_shots("desert-dawn-clear-left", seconds=3.0))),
            Truth("reject", "covered by text", ("text_heavy",)),
        ),
    ]


def _bad_sounds() -> list[Source]:
    shot = "tundra-dawn-clear-right"
    return [
        Source(
            "silent.mp4",
            lambda: _video(_shots(shot, seconds=3.0), np.zeros(3 * RATE, np.float32)),
            Truth("reject", "silent although something is said in it", ("silent", "no_audio")),
            described(shot, "en"),
            "en",
            "Welcome to the far north, where the day lasts for weeks.",
        )
    ]


def _bad_files() -> list[Source]:
    return [
        Source(
            "wrong-extension.mp4",
            lambda: picture("mountains-sunset-clear-left", "PNG"),
            Truth("reject", "a PNG picture named .mp4", ("wrong_extension",)),
        ),
        Source(
            "truncated.mp4",
            lambda: (data := _video(_shots("lake-night-clear-left", seconds=3.0)))[: len(data) * 2 // 5],
            Truth("reject", "cut off after two fifths of its bytes", ("partly_undecodable", "undecodable")),
        ),
        Source("zero.mp4", bytes, Truth("reject", "no bytes at all", ("empty_file",))),
    ]


TEXTS: Sequence[tuple[str, str, Truth]] = (
    (
        "A traveller crossed the high plain on foot in eleven days. He slept in the tents of herders, drank salted tea with butter, "
        "and wrote down the name of every river that he had to wade through on the way to the holy lake.",
        "en",
        Truth("keep"),
    ),
    (
        "A traveller crossed the high plain on foot in eleven days. He slept in the tents of herders, drank salted tea with butter, "
        "and wrote down the name of every river he had to wade through on the way to the sacred lake.",
        "en",
        Truth("duplicate", "a caption that lacks one word"),
    ),
    ("高原上的清晨非常安静，牧民赶着羊群走过结冰的河面，远处的雪山在第一缕阳光里慢慢变成金色，空气冷得让人清醒。", "zh", Truth("keep")),
    (
        "高原上的清晨非常安静，牧民赶着羊群走过结冰的河面，远处的雪山在第一缕阳光里变成金色，空气冷得让人清醒。",
        "zh",
        Truth("duplicate", "a caption that lacks one word"),
    ),
    (
        "Harbour cranes work through the night here. Ships from the south bring fruit and timber, and by morning the trucks are "
        "gone and gulls sit on the empty quay as if nothing had happened at all.",
        "en",
        Truth("keep"),
    ),
)
"""Lines of texts.jsonl: the first of each near-identical pair stays."""

TEXT_TRUTH = {f"texts.jsonl#L{i}": truth for i, (_, _, truth) in enumerate(TEXTS, 1)}


def _write_sidecars(folder: Path, planned: Sequence[Source]) -> None:
    import csv

    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption", "lang", "transcript", "licence"])
        rows.writerows([s.name, s.caption, s.lang, s.transcript, "CC0-1.0"] for s in planned)
    lines = [json.dumps({"text": text, "lang": lang, "licence": "CC0-1.0"}, ensure_ascii=False) for text, lang, _ in TEXTS]
    (folder / "texts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rng = np.random.default_rng(SEED)
    views = []
    for name, people in (("tibet.mp4", 40), ("seaside.mp4", 25), ("dunes.mp4", 12), ("hills.mp4", 3)):
        for person in range(people):
            views.append(
                {
                    "file": name,
                    "user_id": f"viewer-{person}",
                    "completion": round(float(rng.uniform(0.3, 1)), 3),
                    "liked": bool(rng.random() < 0.3),
                    "shared": bool(rng.random() < 0.1),
                }
            )
    (folder / "behaviour.jsonl").write_text("".join(json.dumps(v) + "\n" for v in views), encoding="utf-8")


# ---- files


def picture(word: str, form: str) -> bytes:
    """One frame of a scene as a picture file."""
    from PIL import Image

    out = BytesIO()
    Image.fromarray(_shot(word, 1 / FPS, SEED)[0]).save(out, form)
    return out.getvalue()


def other_container(frames: Frames, container: str, codec: str) -> bytes:
    """Video in another container and codec."""
    import av

    out = BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=FPS, options={"crf": "48", "b:v": "0", "cpu-used": "6", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for data in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(data, format="rgb24")))
        file.mux(stream.encode(None))
    return out.getvalue()
