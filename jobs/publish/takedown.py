"""Which published videos must go when a source does: those whose prompts were drawn from its samples."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any


def samples_of(samples: Sequence[Mapping[str, Any]], source_id: str) -> list[str]:
    """Ids of the samples of a source, from rows with `sample_id` and `source_id`."""
    return sorted(str(r["sample_id"]) for r in samples if r["source_id"] == source_id)


def publications_from(publications: Sequence[Mapping[str, Any]], sample_ids: Collection[str]) -> list[Mapping[str, Any]]:
    """The rows of `publications` whose prompt came from any of these samples, in the order of their ids."""
    wanted = set(sample_ids)
    return sorted((r for r in publications if wanted & set(r["sample_ids"])), key=lambda r: str(r["publication_id"]))
