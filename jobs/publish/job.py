"""The job `publish`: narrate, compose, mark, read back, publish. It counts prompts.

The key of a video is a hash of what it is made of, so that a retry finds what was already published, reads its marks again, and
posts nothing twice.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.job import Job, Part
from jobs.lake import Lake, Slice
from jobs.parents import generation
from jobs.prompts.storyboard import narrated
from jobs.publish import music
from jobs.publish.music import Bed
from jobs.publish.recalled import recalled
from jobs.publish.target import Item, Target, load, target_root
from jobs.run import Run, reject_rows
from jobs.version import digest, row_id
from schemas import GENERATIONS, PROMPTS, PUBLICATIONS, REJECTS
from schemas.settings import Settings

if TYPE_CHECKING:
    from jobs.generate.narrator import Speech
    from jobs.publish.keys import Signer
    from jobs.publish.mark import Label

Row = dict[str, Any]
CODE = 6
TITLE_CHARS = 48


@dataclass(frozen=True)
class Clip:
    """An accepted clip: its id, and where its bytes are."""

    generation_id: str
    part: Slice


@dataclass(frozen=True)
class Task:
    """One prompt: its row, an accepted clip for each shot or None, what a reject says of the run, music from the corpus, and whether a source of
    the prompt was taken down."""

    prompt: Row
    clips: tuple[Clip | None, ...]
    policy_hash: str
    run_id: str
    bed: Bed | None = None
    recalled: bool = False


class Refused(Exception):
    """Why a video is not published: a code of the vocabulary and a sentence."""

    def __init__(self, check: str, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.check, self.reason, self.detail = check, reason, detail


def run(run: Run) -> None:
    """One task for each prompt, then the pages of the targets."""
    settings = run.settings
    targets = ready(settings)
    clips: dict[tuple[str, int], Clip] = {}
    for part in run.input(GENERATIONS).slices():
        for row in part.read(["generation_id", "prompt_id", "shot", "verdict"]).to_pylist():
            if row["verdict"] == "accepted":
                clips[row["prompt_id"], row["shot"]] = Clip(row["generation_id"], part)
    prompts = sorted(run.input(PROMPTS).read().to_pylist(), key=lambda r: str(r["prompt_id"]))
    beds = music.beds(music.release(run.lake)) if settings.recipe.publish.music == music.CORPUS else []
    gone = recalled(run.lake, run.input(PROMPTS))
    run.parts([Task(p, tuple(clips.get((p["prompt_id"], i)) for i in range(len(p["shots"]))), run.policy_hash, run.run_id,
                    music.pick(beds, p["prompt_id"]) if beds else None, p["prompt_id"] in gone) for p in prompts], work, weight="video")
    for target in targets:
        target.finish()


def ready(settings: Settings) -> list[Target]:
    """The targets, if all that publishing needs besides clips is at hand: to be asked before hours of generation.

    Raises:
        Terminal: a target, key, font, voice, label or bed of music is not what it should be.
    """
    from jobs.generate import compose, narrator
    from jobs.publish import mark

    outside(settings)
    want = settings.recipe.publish
    sizes = [compose.Canvas(aspect, want.short_side_px, want.fps, want.fill, want.font).size for aspect in compose.SUBTITLE_BOTTOM]
    for name in ("label_en", "label_zh"):
        mark.fitting(getattr(want, name), f"publish.{name}", sizes, want.font)
    narrator.load(settings.recipe.publish.voice)
    return [load(spec, settings) for spec in settings.recipe.publish.targets]


def work(task: Task, settings: Settings) -> Part:
    """Publish one prompt to every target, or say why not."""
    measured: dict[str, float] = {}
    try:
        rows = published(task, settings, measured)
    except Refused as why:
        reject = {"sample_id": task.prompt["prompt_id"], "check": why.check, "reason": why.reason, "detail": why.detail}
        return Part({"rejects": reject_rows([reject], "publish", task.policy_hash, task.run_id)}, 1, 0, [measured])
    return Part({"publications": PUBLICATIONS.rows(rows)}, 1, 1, [measured])


def published(task: Task, settings: Settings, measured: dict[str, float]) -> list[Row]:
    """The rows of a prompt, one for each target. All targets are looked at before anything is posted to one.

    Raises:
        Refused: the video may not or cannot be made, or lacks a mark.
    """
    from jobs.publish.keys import signer

    if task.recalled:
        raise Refused("takedown", "taken_down", "a source of its prompt was taken down after it was drawn")
    clips = _complete(task)
    by = signer(settings.runtime)
    title, label = title_of(task.prompt["text"]), label_of(task.prompt["lang"], settings)
    speech = _spoken(task.prompt, settings, measured)
    _legible(" ".join([label, *(c.text for c in speech.cues)]), settings)
    ids = [clip.generation_id for clip in clips]
    made_of = ids + ([task.bed.sample_id] if task.bed else [])
    targets = [(target, key_of(task.prompt, made_of, settings, target.name))
               for target in (load(spec, settings) for spec in settings.recipe.publish.targets)]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="reelmill-") as name:
        folder = Path(name)
        ready: list[tuple[Target, str, Path, Label]] = []
        for target, key in targets:
            file = target.fetch(key, folder)
            if file is None:
                file = folder / f"{key}.mp4"
                file.write_bytes(_made(task, clips, speech, title, label, key, by, settings, measured))
            ready.append((target, key, file, _checked(file, label, ids, key, by, settings)))
        for target, key, file, marks in ready:
            rows.append(_row(task, ids, speech, title, target, key, file, marks, settings))
            target.post(_item(rows[-1]), file)
    return rows


def _complete(task: Task) -> list[Clip]:
    missing = [str(i + 1) for i, clip in enumerate(task.clips) if clip is None]
    if missing:
        raise Refused("shots", "generation_failed", f"shot {', '.join(missing)} of {len(task.clips)} has no accepted clip")
    return [clip for clip in task.clips if clip is not None]


def _spoken(prompt: Row, settings: Settings, measured: dict[str, float]) -> "Speech":
    from jobs.generate import narrator, script

    started = time.perf_counter()
    voice = settings.recipe.publish.voice
    lines = script.lines([shot["narration"] for shot in prompt["shots"]], prompt["lang"], narrator.languages(voice))
    least = {i: shot["duration_s"] or 0.0 for i, shot in enumerate(prompt["shots"])}
    try:
        return narrator.narrate(narrator.load(voice), lines, least)
    except narrator.Unspoken as error:
        raise Refused("voice", "unspoken", str(error)) from None
    finally:
        measured["narrate_seconds"] = round(time.perf_counter() - started, 3)


def _legible(text: str, settings: Settings) -> None:
    from jobs.generate import lettering

    if lacking := lettering.missing(text, settings.recipe.publish.font):
        raise Refused("font", "missing_glyphs", lettering.told(lacking))


def _made(
    task: Task, clips: Sequence[Clip], speech: "Speech", title: str, label: str, key: str, by: "Signer", settings: Settings,
    measured: dict[str, float],
) -> bytes:
    from jobs.generate import asset, compose
    from jobs.publish import mark

    prompt, want = task.prompt, settings.recipe.publish
    started = time.perf_counter()
    canvas = compose.Canvas(prompt["aspect"], want.short_side_px, want.fps, want.fill, want.font)
    scenes = [compose.Scene(*asset.decoded(_bytes(clip))) for clip in clips]
    with tempfile.NamedTemporaryFile(prefix="reelmill-bed-") as bed:
        if task.bed:
            bed.write(task.bed.read())
            bed.flush()
        video = compose.compose(scenes, speech, canvas, label=mark.overlay(label, *canvas.size, want.font),
                                loudness_lufs=want.loudness_lufs, music=bed.name if task.bed else want.music,
                                metadata=mark.metadata(want.producer, key, title), lang=prompt["lang"])
    composed = time.perf_counter()
    facts = {"publication_id": key, "prompt_id": prompt["prompt_id"], "generation_ids": [clip.generation_id for clip in clips]}
    signed = mark.signed(video, by, want.producer, title, facts)
    measured["compose_seconds"] = round(composed - started, 3)
    measured["sign_seconds"] = round(time.perf_counter() - composed, 3)
    measured["video_seconds"] = round(speech.duration_s, 3)
    return signed


def _bytes(clip: Clip) -> bytes:
    for row in clip.part.read(["generation_id", "video"]).to_pylist():
        if row["generation_id"] == clip.generation_id:
            return bytes(row["video"])
    raise LookupError(f"{clip.part.path}: no clip {clip.generation_id}")


def _checked(file: Path, label: str, ids: Sequence[str], key: str, by: "Signer", settings: Settings) -> "Label":
    """The marks as read from the finished or already published file; other clips, or sound of another length, are refused."""
    from jobs.publish.mark import Unlabelled, read_label

    try:
        marks = read_label(file, label=label, font=settings.recipe.publish.font, anchor="" if by.test else by.anchor)
    except Unlabelled as error:
        raise Refused("label", "unlabelled", f"{error}; {file} is not published") from None
    if marks.generation_ids != tuple(ids) or json.loads(marks.aigc).get("ProduceID") != key:
        raise Refused("label", "unlabelled", f"{file.name}: its marks are those of another video; remove it and run again")
    if abs(marks.video_s - marks.audio_s) > 1 / settings.recipe.publish.fps:
        raise Refused("sync", "av_skew", f"{file.name}: {marks.video_s:.3f} s of picture, {marks.audio_s:.3f} s of sound")
    return marks


def _row(task: Task, ids: Sequence[str], speech: "Speech", title: str, target: Target, key: str, file: Path, marks: "Label",
         settings: Settings) -> Row:
    from jobs.generate import audio

    prompt = task.prompt
    return {
        "publication_id": key, "prompt_id": prompt["prompt_id"], "generation_ids": list(ids),
        "sample_ids": [*prompt["sample_ids"], *([task.bed.sample_id] if task.bed else [])], "title": title, "lang": prompt["lang"],
        "narration": narrated(s["narration"] for s in prompt["shots"]),
        "subtitles": [{"start_s": round(c.start_s, 3), "end_s": round(c.end_s, 3), "text": c.text} for c in speech.cues],
        "aspect": prompt["aspect"], "width": marks.width, "height": marks.height, "duration_s": marks.video_s,
        "audio_duration_s": marks.audio_s, "loudness_lufs": _finite(audio.loudness_lufs(audio.read(file))),
        "visible_label": marks.visible, "aigc": marks.aigc, "c2pa": marks.c2pa, "test_key": marks.test_key,
        "target": target.name, "uri": f"{key}.mp4",
    }


def _finite(loudness: float) -> float | None:
    return round(loudness, 2) if loudness > -100 else None


def _item(row: Row) -> Item:
    return Item(row["publication_id"], row["title"], row["narration"], row["lang"], row["aspect"], row["width"], row["height"],
                row["duration_s"], row["visible_label"], row["c2pa"], row["test_key"])


def key_of(prompt: Row, ids: Sequence[str], settings: Settings, target: str) -> str:
    """The idempotency key: what the video is made of (`ids` of clips and music) and the kind of place, not when, where or how often."""
    recipe = settings.recipe.publish.model_dump(mode="json", exclude={"targets", "approval"}) | {"material": material(settings)}
    return row_id(prompt["prompt_id"], *ids, json.dumps(recipe, sort_keys=True, ensure_ascii=False), CODE, target)


def title_of(text: str) -> str:
    """The first sentence, cut at a word if it is long."""
    from jobs.prompts.analyse import sentences

    first = (sentences(text) or [text])[0].rstrip("。.！!；; ")
    if len(first) <= TITLE_CHARS:
        return first
    cut = first[:TITLE_CHARS]
    return (cut.rsplit(" ", 1)[0] if " " in cut[TITLE_CHARS // 2:] else cut).rstrip("，,、 ") + "…"


def label_of(lang: str, settings: Settings) -> str:
    """The visible label in the language of the video."""
    return settings.recipe.publish.label_zh if lang in ("zh", "yue") else settings.recipe.publish.label_en


def still_there(run: Run) -> bool:
    """Whether every video of the standing version is where it was published."""
    standing = run.lake.version(PUBLICATIONS, run.fingerprint)
    rows = standing.read(["target", "publication_id"]).to_pylist() if standing else []
    targets = [load(spec, run.settings) for spec in run.settings.recipe.publish.targets]
    return all(t.has(row["publication_id"]) for t in targets for row in rows if row["target"] == t.name)


def outside(settings: Settings) -> Mapping[str, str]:
    """Another place or address is another version: its videos are published to it, and its feeds written anew; and one without the prompts
    that a takedown recalled."""
    own = not settings.runtime.out
    facts = {"target": "videos" if own else target_root(settings), **material(settings)}
    if settings.runtime.public_url:
        facts["url"] = settings.runtime.public_url
    lake = Lake(settings.runtime.lake)
    prompts = generation(PUBLISH, lake).get("prompts")
    standing = lake.version(PROMPTS, prompts) if prompts else None
    if standing and (gone := recalled(lake, standing)):
        facts["recalled"] = digest(sorted(gone))[:12]
    if settings.recipe.publish.music == music.CORPUS:
        facts["release"] = music.release(lake).fingerprint
    return facts


def material(settings: Settings) -> Mapping[str, str]:
    """What a video is made of besides clips and recipe: the bytes behind paths, and who signs (`test` on every machine)."""
    from jobs.generate import audio, lettering
    from jobs.publish.keys import signer

    want, by = settings.recipe.publish, signer(settings.runtime)
    return {"font": lettering.fingerprint(want.font), "music": want.music if want.music == music.CORPUS else audio.fingerprint(want.music),
            "signer": "test" if by.test else hashlib.sha256(by.chain).hexdigest()[:12]}


PUBLISH = Job("publish", reads=(PROMPTS, GENERATIONS, REJECTS), writes=(PUBLICATIONS, REJECTS), code=CODE, recipe=("publish",),
              run=run, outside=outside, holds=still_there)
