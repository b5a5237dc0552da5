"""What the report page shows of the labels: who labelled what at which cost, who could not, what they say, and their scores."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quality.charts import Floats
from quality.reader import Standing, sample

TAGS = "clip_tags"
"""The labeler whose keys are what it says: group/tag."""
SHORT, FEW = 24, 12
"""A text of at most so many signs, of at most so many different ones under its key that come back, is a word that can be counted."""


@dataclass(frozen=True)
class Line:
    """One labeler.

    Attributes:
        of: Clips that were in the funnel.
        cpu_s: CPU seconds of the run that made the version; None where its rows were kept.
        absent: Why it made none; empty when it ran.
    """

    labeler: str
    version: int | None
    model: str
    revision: str
    rows: int
    clips: int
    of: int
    cpu_s: float | None
    absent: str


def read(tables: Mapping[str, Standing], every: int) -> pa.Table | None:
    """The labels that the page looks at: those of one clip in `every`."""
    columns = ["clip_id", "labeler", "labeler_version", "model", "revision", "key", "score", "text"]
    return sample(tables["labels"], columns, every) if "labels" in tables else None


def lines(tables: Mapping[str, Standing], rows: pa.Table | None, every: int) -> list[Line]:
    """Every labeler of the version, and those that could not run; counts are `every` times those of the rows."""
    if rows is None:
        return []
    manifest = tables["labels"].manifest
    measured = [m for m in manifest.get("measured", ()) if isinstance(m, Mapping) and "labeler" in m]
    spent: dict[str, float] = defaultdict(float)
    for m in measured:
        if isinstance(m.get("cpu_s"), int | float):
            spent[m["labeler"]] += m["cpu_s"]
    facts = rows.group_by(["labeler", "labeler_version", "model", "revision"]).aggregate([("clip_id", "count"), ("clip_id", "count_distinct")])
    made = [Line(f["labeler"], f["labeler_version"], f["model"] or "", f["revision"] or "", every * f["clip_id_count"], every * f["clip_id_count_distinct"],
                 manifest["seen"], spent.get(f["labeler"]), "") for f in facts.to_pylist()]
    here = {line.labeler for line in made}
    none = [Line(name, None, "", "", 0, 0, manifest["seen"], spent[name], "") for name in spent if name not in here]
    absent = {m["labeler"]: str(m["absent"]) for m in measured if "absent" in m}
    gone = [Line(name, None, "", "", 0, 0, manifest["seen"], None, why) for name, why in absent.items() if name not in here]
    return sorted(made + none + gone, key=lambda line: line.labeler)


def words(rows: pa.Table | None, most: int, every: int) -> list[tuple[str, list[tuple[str, int]]]]:
    """Tags by group, and other labels whose texts are few: title, and the most frequent words with how many clips have them, `every` times those of the rows."""
    if rows is None:
        return []
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for key in rows.filter(pc.equal(rows["labeler"], TAGS))["key"].to_pylist():
        group, _, tag = key.partition("/")
        counted[f"tags · {group}" if tag else "tags"][tag or group] += 1
    others = rows.filter(pc.and_(pc.not_equal(rows["labeler"], TAGS), pc.is_valid(rows["text"])))
    short = others.filter(pc.less_equal(pc.utf8_length(others["text"]), SHORT))
    said = Counter(zip(others["labeler"].to_pylist(), others["key"].to_pylist(), strict=True))
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for labeler, key, text in zip(*(short[name].to_pylist() for name in ("labeler", "key", "text")), strict=True):
        found[labeler, key][text] += 1
    for (labeler, key), texts in sorted(found.items()):
        if len(texts) <= FEW and texts.total() == said[labeler, key] and texts.total() >= 2 * len(texts):
            counted[f"{labeler} · {key}" if key != labeler else labeler] = texts
    return [(title, [(word, every * count) for word, count in counts.most_common(most)]) for title, counts in counted.items()]


def scores(rows: pa.Table | None, gone: Sequence[str]) -> Iterator[tuple[str, Floats, Floats]]:
    """Name `labeler/key`, values of clips that stay and of clips that go, for labels that are a number alone."""
    if rows is None:
        return
    plain = pc.and_(pc.is_null(rows["text"]), pc.invert(pc.match_substring(rows["key"], "/")))
    numbers = rows.filter(pc.and_(pc.and_(plain, pc.is_valid(rows["score"])), pc.not_equal(rows["labeler"], TAGS)))
    lost = pc.is_in(numbers["clip_id"], value_set=pa.array(list(gone), pa.string()))
    names = pc.binary_join_element_wise(numbers["labeler"], numbers["key"], "/")
    for name in sorted(pc.unique(names).to_pylist()):
        mine = pc.equal(names, name)
        kept, dropped = (np.asarray(numbers["score"].filter(pc.and_(mine, side)).to_numpy(), np.float64) for side in (pc.invert(lost), lost))
        kept, dropped = kept[np.isfinite(kept)], dropped[np.isfinite(dropped)]
        if len(kept) + len(dropped) >= 2:
            yield name, kept, dropped


def tokens(rows: pa.Table | None, every: int) -> int | None:
    """Tokens that captions cost, `every` times those of the rows; None without any."""
    if rows is None:
        return None
    spent = rows.filter(pc.and_(pc.equal(rows["labeler"], "caption"), pc.equal(rows["key"], "tokens")))["score"]
    total: Any = pc.sum(spent).as_py()
    return every * int(total) if total is not None else None
