"""The one decode pass: every column of `clips` that is not text, for a video, a picture or a sound.

A source is opened once and demuxed once, forward; every frame is decoded at most once, by one thread. Each frame is reduced
to its signals (`jobs.media.planes`); twice a second one is scaled, once, and all measurements of pictures derive from that;
sound is cut into blocks that the measurements of sound hear. Shots and clips are made of the stored numbers afterwards.

All of this runs in the sandbox; `jobs.clean.sandboxed` calls it there.
"""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from jobs.clean import shots
from jobs.clean.chapters import CHAPTER_S, HONEST_S
from jobs.clean.found import Found, Measured
from jobs.clean.ledger import Ledger
from jobs.clean.measures import Pixels, measurements
from jobs.clean.reading import Reading
from jobs.clean.seen import Seen
from jobs.clean.series import Pictures, Sounds
from jobs.media import child
from jobs.media.faults import (
    BrokenClock,
    EmptyFile,
    MissingFile,
    NotRegularFile,
    PartlyUndecodable,
    Playlist,
    Undecodable,
    UnknownFormat,
    Unreadable,
)
from jobs.media.probe import ANIMATIONS, NotRegular, animation_frames, broken, open_media, regular
from jobs.media.sniff import HEAD_BYTES, Kind, sniff

if TYPE_CHECKING:
    from schemas.settings import Measure

PROMISED = frozenset({"mp4", "mov", "3gp", "m4a", "webm", "matroska", "avi", "wav", "flac"})
"""Containers whose stated length is binding: much less decoded than promised means that the file is cut off."""
CLIPS_AT_A_TIME = 64
"""Rows of clips that wait in the decoder process at most, of a source of several chapters."""
LAST_S = 5.0
"""Longest stated duration of a last frame that is believed."""


Made = tuple[Measured, Iterator[dict[str, Any]]]
"""What was made of a source, and the rows of its clips, each made when it is asked for."""


def measure_file(path: str, modality: str, settings: Mapping[str, Any], chapter_s: float = CHAPTER_S) -> dict[str, Any]:
    """`measure_source` without the sandbox, on plain values. In it a source of several chapters comes as its `Found` alone: their
    numbers were handed over as they were read."""
    options = _options(settings)
    with _opened(path) as file:
        return _measure(file, options, chapter_s)


def part_file(file: BinaryIO, part: int, of: int, settings: Mapping[str, Any], chapter_s: float) -> dict[str, Any]:
    """`read_part` without the sandbox: the `Found`; the numbers are handed over."""
    options = _options(settings)
    with _container(file, _kind(file)) as (container, kind):
        reading = Reading(container, kind, options, lambda numbers: child.hand(numbers.plain()), (part, of), chapter_s)
        found = reading.run()
        if reading.seen is not None:
            child.hand(reading.seen.settled().plain())
        return found.plain()


def conclude(file: BinaryIO, found: Mapping[str, Any], pictures: Mapping[str, Any] | None, sounds: Mapping[str, Any] | None,
             settings: Mapping[str, Any]) -> dict[str, Any]:
    """The `Measured` of a source from its numbers, of which `file` holds the bulky ones, without the clips, which are handed over some
    at a time, without their pictures."""
    options = _options(settings)
    seen = Pictures.of(pictures, file) if pictures is not None else Seen(options).pictures()
    seen = replace(seen, times=seen.times.copy(), jpegs=[b""] * len(seen.stored_times))  # kernels want to be allowed to write
    made, clips = _concluded(seen, Sounds.of(sounds, file) if sounds is not None else None, Found.of_plain(found), options)
    while some := list(islice(clips, CLIPS_AT_A_TIME)):
        child.hand({"clips": some})
    return {name: value for name, value in vars(made).items() if name != "clips"}


def _options(settings: Mapping[str, Any]) -> "Measure":
    """Settings that were validated where they were made; pydantic is not needed here, and takes a tenth of the start of a decoder process."""
    return cast("Measure", SimpleNamespace(**settings))


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    import cv2

    cv2.setNumThreads(1)
    try:
        with regular(path) as file:
            yield file
    except NotRegular:
        raise NotRegularFile(f"{path} is a pipe, socket, device or folder") from None
    except FileNotFoundError:
        raise MissingFile(f"{path} is not there") from None
    except PermissionError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None


def warm() -> None:
    """Load and compile everything that a confined process could not load or compile later."""
    from jobs.media.picture import open_picture, rgb
    from jobs.media.voice import weights

    child.keep_freed()
    measurements()
    weights()
    del open_picture, rgb
    gc.freeze()  # a collection during a pass has nothing to find in what was loaded for all of them


def _kind(file: BinaryIO) -> Kind:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    kind = sniff(head)
    if not head:
        raise EmptyFile
    if kind.modality == "playlist":
        raise Playlist(f"a {kind.container} playlist; the files it names are not opened")
    if kind.modality in ("unknown", "text"):
        raise UnknownFormat(f"the content is {'text' if kind.modality == 'text' else 'of no known format'}")
    return kind


@contextmanager
def _container(file: BinaryIO, kind: Kind) -> Iterator[tuple[Any, Kind]]:
    import av

    try:
        opened = open_media(file, kind)
    except av.error.FFmpegError as error:
        raise Undecodable(broken(file, kind, error)) from None
    with opened as container:
        yield container, kind


def _measure(file: BinaryIO, settings: "Measure", chapter_s: float = CHAPTER_S) -> dict[str, Any]:
    kind = _kind(file)
    if not kind.demuxer:
        made, clips = _measure_pictures(file, settings)
        return vars(made) | {"clips": list(clips)}
    kept: list[Pictures | Sounds] = []
    several = False

    def hand(numbers: Pictures | Sounds) -> None:
        """Keep what a source of one chapter has: the numbers of its sound. All of a longer one is handed over."""
        nonlocal several
        kept.append(numbers)
        several = several or isinstance(numbers, Pictures) or len(kept) > 1
        if several and child.in_sandbox:
            for part in kept:
                child.hand(part.plain())
            kept.clear()

    with _container(file, kind) as (container, kind):
        reading = Reading(container, kind, settings, hand, chapter_s=chapter_s)
        found = reading.run()
        seen = reading.seen or Seen(settings)
        hand(seen.settled()) if several else kept.append(seen.pictures())
    if several and child.in_sandbox:
        return found.plain()
    pictures = [part for part in kept if isinstance(part, Pictures)]
    sounds = [part for part in kept if isinstance(part, Sounds)]
    whole = Pictures.joined(pictures) if several else pictures[0]
    made, clips = _concluded(whole, Sounds.joined(sounds) if sounds else None, found, settings)
    return vars(made) | {"clips": list(clips)}


def _measure_pictures(file: BinaryIO, settings: "Measure") -> Made:
    """A still picture, or an animation that FFmpeg does not read."""
    import cv2

    from jobs.media import picture

    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    image = picture.open_picture(file, settings.max_pixels)
    moving = picture.frames(image) > 1
    turned = picture.turned(image) if image.format == "TIFF" else 0
    seen = Seen(settings)
    facts = {
        "rotation_deg": 0,  # of what is measured, which is upright
        "sar": 1.0,
        "bit_depth": picture.bits(image),
        "hdr": picture.is_hdr(image),
        "alpha": picture.stored_alpha(image),
        "video_codec": (image.format or "").lower(),
    }
    end_s = 0.0
    if not moving:
        pixels = picture.rgb(image)
        seen.luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        seen.see(_frame(pixels), 0.0)
    else:
        for start, seconds, pixels in picture.pictures(image, min(settings.max_frames, animation_frames(image.width, image.height, size))):
            seen.see(_frame(pixels), start)
            end_s = start + seconds
            child.progress(end_s)
    turned = turned or picture.turned(image)
    facts |= {"width": pixels.shape[1], "height": pixels.shape[0], "interlaced": False}
    seen.finish()
    made, clips = _clips("video" if moving else "image", seen.pictures(), None, Found(facts=facts), end_s, settings, 0.0)
    return made, (clip | {"rotation_deg": turned} for clip in clips)


def _frame(pixels: Pixels) -> Any:
    import av

    return av.VideoFrame.from_ndarray(pixels, format="rgb24")


def _concluded(pictures: Pictures, sounds: Sounds | None, found: Found, settings: "Measure") -> Made:
    """The clips of a container, unless too much of it is damaged or missing."""
    damage = found.bad_frames / max(found.bad_frames + found.good_frames, 1)
    sound_damage = found.bad_sound / max(found.bad_sound + found.good_sound, 1)
    if not found.sound_s > 0 or (sound_damage > settings.max_damage and found.video):
        sounds = None
    video = found.good_frames > 0
    if not video and sounds is None:
        failed = found.bad_frames + found.bad_sound
        raise Undecodable(f"no frame could be decoded ({found.broke_off or (f'{failed} packets failed' if failed else 'it holds none')})")
    if found.video and not video and found.bad_frames > 0:
        raise Undecodable(f"none of {found.bad_frames} packets of the picture could be decoded")
    if found.video and not video and found.stated_frames > 1:
        raise Undecodable(f"none of the {found.stated_frames} frames that the header promises came out: they are missing, or an edit list hides them")
    if not video:
        damage = sound_damage
    if damage > settings.max_damage:
        raise PartlyUndecodable(f"{damage:.0%} of the {'picture' if video else 'sound'} could not be decoded")
    if found.behind > settings.max_damage * (found.good_frames + found.behind):
        raise BrokenClock(f"{found.behind} of {found.good_frames + found.behind} frames are stamped earlier than those before: the"
                          " clock starts anew on the way, as in recordings that were joined; remux it with one clock")
    if video:
        found.facts["interlaced"] = found.interlaced > 0.5 * found.good_frames
    if found.good_frames == 1 and found.container in ANIMATIONS and sounds is None:
        return _clips("image", pictures, None, found, 0.0, settings, damage)
    end_s = found.last_t + _last_gap(pictures, found) if video else 0.0
    _keep_promise(end_s, sounds, found, settings)
    return _clips("video" if video else "audio", pictures, sounds, found, end_s, settings, damage)


def _last_gap(pictures: Pictures, found: Found) -> float:
    """How long the last frame is shown: as it says, up to LAST_S, else as long as frames usually are, unless that is a hole in the clock."""
    if 0 < found.last_duration_s <= LAST_S:
        return found.last_duration_s
    usual_s = pictures.usual_gap_s()
    return usual_s if usual_s and usual_s <= shots.HOLE_S else min(found.step_s, 1.0)


def _keep_promise(end_s: float, sounds: Sounds | None, found: Found, settings: "Measure") -> None:
    """Refuse a file of which much less could be decoded than its header binds itself to."""
    got = max(end_s, found.sound_start_s + found.sound_s if sounds is not None else 0.0)
    share = 1.0
    if found.demuxer == "matroska":  # It states where it ends; the others say how long they are.
        got += max(found.origin_s, 0.0)
    if found.container in PROMISED and found.stated_s is not None and 0.5 < found.stated_s < HONEST_S:
        share = min(share, got / found.stated_s)
    if found.good_frames and found.stated_frames > 10 and not found.edited:
        frames = found.good_frames + found.bad_frames
        if found.demuxer == "avi":  # it counts the places of frames, those too that hold none
            frames = max(frames, round((found.last_t - found.first_t) / found.step_s) + 1)
        share = min(share, frames / found.stated_frames)
    if share < 1 - settings.max_damage:
        raise PartlyUndecodable(f"only {share:.0%} of what the header promises is there" + (f" ({found.broke_off})" if found.broke_off else ""))


def _clips(modality: str, pictures: Pictures, sounds: Sounds | None, found: Found, end_s: float, settings: "Measure",
           damage: float) -> Made:
    """Shots, spans, and a row for each."""
    ledger = Ledger(pictures, sounds, found.sound_start_s, found.sound_s, end_s, found.facts, settings)
    if modality == "image":
        parts, made = [(0.0, 0.0)], Measured("image", [], damage, 0.0, 1)
    elif modality == "audio":
        start = found.sound_start_s
        parts = shots.equal_parts(start, start + found.sound_s, settings.max_clip_s)
        made = Measured("audio", [], damage, found.sound_s, 0)
    else:
        turns = shots.transitions(pictures, settings.shot_threshold)
        parts = shots.spans(ledger.times, end_s, turns, settings.min_clip_s, settings.max_clip_s, settings.trim_s)
        made = Measured("video", [], damage, end_s - float(ledger.times[0]), len(ledger.times))
    return made, (ledger.clip(a, b) for a, b in parts)
