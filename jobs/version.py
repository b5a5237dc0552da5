"""What names a version: a fingerprint that holds what was asked for and nothing of where or how it ran."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from pydantic import BaseModel


def fingerprint(job: str, code: int, recipe: Mapping[str, BaseModel], parents: Mapping[str, str]) -> str:
    """First 12 hex digits of sha256 over job, code number, recipe sections and the parents' fingerprints."""
    return digest({
        "job": job,
        "code": code,
        "recipe": {name: section.model_dump(mode="json") for name, section in recipe.items()},
        "parents": dict(parents),
    })[:12]


def digest(facts: object) -> str:
    """sha256 of canonical JSON; NaN and unknown types raise."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, allow_nan=False, ensure_ascii=False).encode()).hexdigest()


def row_id(*parts: str | int | float) -> str:
    """An id of 32 hex digits over its parts; floats enter as microseconds so that an id survives a round trip."""
    words: Sequence[str] = [str(round(p * 1e6)) if isinstance(p, float) else str(p) for p in parts]
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()[:32]
