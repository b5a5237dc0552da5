"""What a caller must know of a pipeline's family that its signature does not tell: frame rule, size multiple, rate, defaults.

`profiles/<family>.json` holds a family; a model folder may carry a `reelmill.json` with the same names that overrides it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from jobs.errors import Terminal
from schemas.settings import Generate, Policy, SettingsError

FAMILIES = Path(__file__).with_name("profiles")
EMBEDDED = Path(__file__).parents[1] / "train" / "embedded" / "t2v"
SIDECAR = "reelmill.json"
Count: TypeAlias = Annotated[int, Field(gt=0)]
Whole: TypeAlias = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Profile:
    """How a pipeline likes to be called.

    Attributes:
        family: Name of the family.
        width: Pixels of its native landscape picture; a square one is used for every aspect.
        height: Likewise.
        num_frames: Native length in frames; 1 for pictures.
        fps: Rate that it was trained at.
        steps: Denoising steps.
        guidance: Guidance scale; None: the pipeline's own default.
        frame_step: Frames come in multiples of this ...
        frame_plus: ... plus this.
        counts_up: Frames that the pipeline adds to what it is asked for: WanPipeline adds one where its autoencoder does not
            compress time.
        size_multiple: Sides are multiples of this.
        min_similarity: Cosine of result and prompt below which a result is off-prompt; None: not judged.
        max_sequence_length: Tokens of a prompt; None: the pipeline's default.
        grammar: `world` where the model knows only the words of the rendered world, else `plain`.
        extra: Further arguments of the call; those that the pipeline does not take are left out.
        filters: Overrides of the policy that results are judged by, by filter name.
    """

    family: str
    width: Count
    height: Count
    num_frames: Count
    fps: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    steps: Count
    guidance: float | None = None
    frame_step: Count = 1
    frame_plus: Whole = 0
    counts_up: Whole = 0
    size_multiple: Count = 8
    min_similarity: float | None = None
    max_sequence_length: Count | None = None
    grammar: Literal["world", "plain"] = "plain"
    extra: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def asked(profile: Profile, settings: Generate) -> Profile:
    """The profile with what the settings ask for."""
    given: dict[str, Any] = {}
    if settings.steps:
        given["steps"] = settings.steps
    if settings.guidance is not None:
        given["guidance"] = settings.guidance
    if settings.min_similarity is not None:
        given["min_similarity"] = settings.min_similarity
    if settings.frames:
        given["num_frames"] = settings.frames
    return replace(profile, **given)


def size(profile: Profile, settings: Generate, aspect: str) -> tuple[int, int]:
    """Width and height to generate for an aspect: as set, else the native area in that shape."""
    multiple = profile.size_multiple
    if settings.width or settings.height:
        width = settings.width or round(settings.height * profile.width / profile.height)
        height = settings.height or round(settings.width * profile.height / profile.width)
        return _multiple(width, multiple), _multiple(height, multiple)
    long, short = max(profile.width, profile.height), min(profile.width, profile.height)
    if long == short:
        return long, short
    if aspect == "1:1":
        side = _multiple(round(math.sqrt(long * short)), multiple)
        return side, side
    return (long, short) if aspect == "16:9" else (short, long)


def frame_count(profile: Profile) -> int:
    """The native or asked length, rounded to the family's rule."""
    steps = max(1 if not profile.frame_plus else 0, round((profile.num_frames - profile.frame_plus) / profile.frame_step))
    return max(1, steps * profile.frame_step + profile.frame_plus)


def _multiple(value: int, multiple: int) -> int:
    return max(multiple, round(value / multiple) * multiple)


def of_folder(folder: Path, pipeline_class: str) -> Profile:
    """The profile of a model folder.

    Raises:
        Terminal: no family has this pipeline and the folder says nothing of itself, or says it wrongly.
    """
    facts: dict[str, Any] = dict(families().get(pipeline_class, {}))
    facts |= _said(sidecar := folder / SIDECAR)
    facts.pop("classes", None)
    known = {f.name for f in fields(Profile)}
    if unknown := set(facts) - known:
        raise Terminal(f"{sidecar}: unknown name {sorted(unknown)[0]!r}; known are {', '.join(sorted(known))}")
    if missing := {"family", "width", "height", "num_frames", "fps", "steps"} - set(facts):
        raise Terminal(f"{folder}: nothing is known of the pipeline {pipeline_class!r}; put a {SIDECAR} into the folder with "
                       f"at least family, width, height, num_frames, fps and steps (now without {', '.join(sorted(missing))})")
    return _checked(sidecar, facts)


def _said(sidecar: Path) -> dict[str, Any]:
    """What a model says of itself; nothing where it has no such file."""
    if not sidecar.is_file():
        return {}
    try:
        facts = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Terminal(f"{sidecar}: {error}") from None
    if not isinstance(facts, dict):
        raise Terminal(f"{sidecar}: holds {str(facts)[:60]}, not an object of names")
    return facts


def _checked(sidecar: Path, facts: Mapping[str, Any]) -> Profile:
    """The profile, and its filters such as the policy has."""
    from jobs.clean.policy import resolve

    try:
        profile = TypeAdapter(Profile).validate_python(facts)
        resolve(Policy(filters={name: dict(values) for name, values in profile.filters.items()}))
    except ValidationError as error:
        first = error.errors()[0]
        raise Terminal(f"{sidecar}: {'.'.join(map(str, first['loc']))} = {first['input']!r}: {first['msg']}") from None
    except SettingsError as error:
        raise Terminal(f"{sidecar}: {error}") from None
    return profile


@cache
def families() -> Mapping[str, Mapping[str, Any]]:
    """Pipeline class -> facts of its family."""
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted(FAMILIES.glob("*.json")):
        facts = json.loads(file.read_text(encoding="utf-8"))
        found |= dict.fromkeys(facts["classes"], facts)
    return MappingProxyType(found)


def grammar_of_model(model: str) -> Literal["world", "plain"]:
    """Which words a model knows, without loading it."""
    if model == "embedded":
        return "world"
    return "world" if _said(Path(model).expanduser() / SIDECAR).get("grammar") == "world" else "plain"
