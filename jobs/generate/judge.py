"""Judges a generated clip by the measuring pass, the policy and the safety labeler that collected clips go through, and by its prompt.

What a policy says of form (length, size, rate) is left out: that was asked for, not found. Black and static clips are caught
from the frames as well, so that no threshold of a policy can let them pass.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean import policy
from jobs.clean.filter import filters as all_filters
from jobs.clean.sandboxed import measure_source
from jobs.errors import Terminal
from jobs.fuse.join import verdict
from jobs.generate.profile import Profile
from jobs.label.labeler import Batch, labelers
from jobs.label.weights import of_sample_world
from jobs.media.faults import MediaFault
from schemas import CLIPS
from schemas.rejects import Why
from schemas.settings import Label, Policy, Settings

Frames = NDArray[np.uint8]

FORM = ("duration", "resolution", "aspect_ratio", "frame_rate", "interlacing", "licence", "language", "sound", "speech",
        "av_sync")
"""Filters of what was asked for, and of texts and sound that a generated clip does not have."""
BLACK_LUMA, STILL_STEP = 12.0, 0.75
"""Mean luma below which every frame is black, and mean step between any two frames below which nothing moves, 0..255."""
SIMILARITY_FRAMES = 4
SAFETY, SIMILARITY = "safety", "clip_text_similarity"
"""Name of the labeler."""


@dataclass(frozen=True)
class Judgement:
    """Scores of a clip, and the first reason against it."""

    scores: Mapping[str, float]
    why: Why | None


def judge(frames: Frames, video: bytes, prompt: str, profile: Profile, settings: Settings) -> Judgement:
    """Measure and judge one clip.

    Args:
        frames: As generated.
        video: The same, encoded.
        prompt: What it should show.
        profile: Of the model, for its own thresholds.
        settings: `measure`, `policy`, `label` and `generate` of the recipe are used.
    """
    scores = plain_scores(frames)
    if why := plain_fault(scores):
        return Judgement(scores, why)
    row, why = _measured(video, profile, settings)
    scores |= _numbers(row)
    if row:
        unsafe, harm = _safety(row, prompt, settings)
        scores |= unsafe
        why = why or harm
    found = similarity(frames, prompt, settings)
    if found is not None:
        scores["similarity"] = round(found, 6)
        if why is None and profile.min_similarity is not None and found < profile.min_similarity:
            why = Why("similarity", "off_prompt", found, "<", profile.min_similarity, f"does not show {prompt[:120]!r}")
    elif why is None and profile.min_similarity is not None:
        why = Why("similarity", "off_prompt", detail="a least similarity is set, and the CLIP model of label.clip_model cannot tell: there is none, or it reads no such "
                                                    "language, or knows no such pictures")
    return Judgement(dict(sorted(scores.items())), why)


def plain_scores(frames: Frames) -> dict[str, float]:
    """From the frames alone: mean luma of the brightest, and the greatest mean step from the first to any other (0..255)."""
    grey = frames.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    scores = {"brightest_luma": round(float(grey.mean((1, 2)).max()), 6)}
    if len(frames) > 1:
        scores["greatest_step"] = round(float(np.abs(grey[1:] - grey[:1]).mean((1, 2)).max()), 6)
    return scores


def plain_fault(scores: Mapping[str, float]) -> Why | None:
    """Black or static by the plain scores; a still picture has no step and is not called static."""
    brightest, step = scores["brightest_luma"], scores.get("greatest_step")
    if brightest < BLACK_LUMA:
        return Why("black_frames", "black", brightest, "<", BLACK_LUMA, "no frame has anything to see")
    if step is not None and step < STILL_STEP:
        return Why("static_frames", "static", step, "<", STILL_STEP, "all frames are alike")
    return None


def _measured(video: bytes, profile: Profile, settings: Settings) -> tuple[dict[str, Any], Why | None]:
    """The clip as a row of `clips`, and what the policy has against it."""
    with tempfile.TemporaryDirectory(prefix="reelmill-") as folder:
        file = Path(folder) / "generated.mp4"
        file.write_bytes(video)
        try:
            clips = measure_source(file, "video", settings.recipe.measure).clips
        except MediaFault as error:
            return {}, Why("measure", "generation_failed", detail=f"the clip cannot be measured: {error}")
    if not clips:
        return {}, Why("measure", "generation_failed", detail="nothing of the clip is long enough to be measured")
    rows: list[dict[str, Any]] = [dict.fromkeys(CLIPS.schema.names) |
                                  {"clip_id": "", "source_id": "", "modality": "video"} | clip for clip in clips]
    if len(clips) > 1:
        return rows[0], Why("shots", "missed_cut", float(len(clips)), ">", 1.0, f"the picture jumps: {len(clips)} shots in it")
    checks = policy.resolve(_overridden(settings.recipe.policy, profile))
    judged = policy.judge(rows[0], checks)
    if judged.kept:
        return rows[0], None
    check, why = judged.stops[0]
    return rows[0], why.by(check.name)


def _safety(row: Mapping[str, Any], prompt: str, settings: Settings) -> tuple[dict[str, float], Why | None]:
    """Scores of the labeler `safety` and its verdict by `label.max_unsafe` and `label.blocklist`, the prompt as caption."""
    label = settings.recipe.label
    found = labelers()[SAFETY].label(_loaded(SAFETY, label.model_dump_json(), settings.runtime.device), Batch([{**row, "caption": prompt}]))
    rows = [{"labeler": SAFETY, "key": f.key, "score": f.score, "text": f.text} for f in found]
    return {f.key: float(f.score) for f in found if f.score is not None}, verdict(row, rows, label)


@cache
def _loaded(name: str, label: str, device: str) -> Any:
    """What the labeler of this name works with."""
    from jobs.generate.generators.text_to_video import device_of

    return labelers()[name].load(Label.model_validate_json(label), device_of(device))


def safety_identity(settings: Settings) -> str:
    """What the verdict on safety depends on: the labeler, its model and options, and the threshold.

    Raises:
        Terminal: there is a threshold, and nothing that looks at pictures.
    """
    label = settings.recipe.label
    if label.max_unsafe is not None and not label.safety_model and of_sample_world(label.clip_model):
        raise Terminal(f"label.max_unsafe={label.max_unsafe} would let every generated clip pass: nothing looks at the pictures; name a label.safety_model, or "
                       "another label.clip_model than the embedded one")
    return f"{labelers()[SAFETY].identity(label, labelers()[SAFETY].model(label))}/{label.max_unsafe}"


def _overridden(given: Policy, profile: Profile) -> Policy:
    """The policy in force without the filters of form, and with what the model's profile says."""
    known = set(all_filters())
    filters = {name: dict(values) for name, values in given.filters.items()}
    filters |= {name: {"severity": "off"} for name in FORM if name in known}
    for name, values in profile.filters.items():
        filters[name] = {**filters.get(name, {}), **values}
    return given.model_copy(update={"filters": filters})


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    left_out = {"start_s", "end_s", "width", "height", "rotation_deg", "bit_depth"}
    return {name: round(float(value), 6) for name, value in row.items()
            if isinstance(value, float | int) and not isinstance(value, bool) and name not in left_out}


def similarity(frames: Frames, prompt: str, settings: Settings) -> float | None:
    """Cosine of the clip's mean frame embedding and the prompt by the CLIP of `label`; None where there is no model, or where it could not tell, as
    the labeler `clip_text_similarity` has it."""
    from PIL import Image

    from jobs.label import clip
    from jobs.label.labeler import Absent
    from jobs.label.labelers.clip_text_similarity import understood

    try:
        eye = _loaded(SIMILARITY, settings.recipe.label.model_dump_json(), settings.runtime.device)
    except Absent:
        return None
    if not understood(prompt, eye.chinese):
        return None
    picked = np.unique(np.linspace(0, len(frames) - 1, SIMILARITY_FRAMES).round().astype(int))
    vectors = eye.tower.image(Image.fromarray(frames[i]) for i in picked)
    if not eye.familiar.knows(vectors):
        return None
    return float(clip.pooled(vectors) @ eye.tower.text([prompt])[0])


def reject(generation_id: str, why: Why, where: str) -> dict[str, Any]:
    """A row of `rejects` for a shot."""
    return {"sample_id": generation_id, **vars(why), "detail": f"{where}: {why.detail}" if why.detail else where}

