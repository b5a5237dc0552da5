"""`release.json`: what a release is made of. Immutable; everything in it can be checked against the shards."""

from pydantic import BaseModel, ConfigDict


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shard(_Facts):
    """One Parquet file of `samples`."""

    path: str
    """Below the lake root, which is two folders above `release.json`."""
    sha256: str
    bytes: int
    rows: int
    split: str
    """train or validation: a shard holds one split."""


class ModelInForce(_Facts):
    """A model behind labels of the release."""

    labeler: str
    labeler_version: int
    model: str | None
    revision: str | None


class Release(_Facts):
    """A release of the corpus.

    Attributes of note: `fingerprint` names the version of `samples`; `made` is when that version was finished, not when the
    release was written, so that writing it again gives the same bytes.
    """

    name: str
    fingerprint: str
    made: str
    schema_version: int
    schema_sha256: str
    """Over column names, types and order of `samples`."""
    policy_sha256: str
    """Over `recipe`."""
    rows: dict[str, dict[str, int]]
    """Modality -> split -> samples."""
    hours: dict[str, float]
    """Modality -> hours."""
    shards: list[Shard]
    models: list[ModelInForce]
    parents: dict[str, str]
    """`table@job` -> fingerprint, of every table that the samples came from."""
    recipe: dict[str, dict[str, object]]
    """Sections of the recipe as they were in force, by `job.section`."""
    seen: int
    """Samples that entered fuse."""
    rejected: dict[str, int]
    """Why samples left the funnel in fuse."""
