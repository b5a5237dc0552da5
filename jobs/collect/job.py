"""Lists the sources, opens and reads every object once, and writes a row for each: what it is, what is said of it, and why it stops.

Objects are batched by bytes in the order of their paths. Tables (CSV, JSONL, JSON) are read on the driver, because what one
says concerns objects of any task; media, documents and collections of texts are read by the tasks.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, BinaryIO

from jobs.collect import behaviour
from jobs.collect.fields import merged, stored
from jobs.collect.manifest import Joined, Places, given_texts, join
from jobs.collect.pii import unhidden
from jobs.collect.sidecar import read_sidecar, sidecars_of
from jobs.collect.source import Found, fingerprint, listing, local, lost, opened, written_to
from jobs.collect.sources.file import hollow
from jobs.collect.tables import MAX_LINE_BYTES, SUFFIXES, Chunk, Line, NotATable, Shape, chunks, decode, rows
from jobs.fuse.tombstones import Tombstones, tombstones
from jobs.job import Job, Part
from jobs.media.faults import MediaFault
from jobs.media.sandbox import Limits, call
from jobs.media.sniff import HEAD_BYTES, contradicts, extension_kind, sniff, sniffed
from jobs.run import Run, reject_rows
from jobs.version import row_id
from schemas import BEHAVIOUR, REJECTS, SOURCES
from schemas.settings import Settings

TASKS = 256
LEAST_OBJECTS, MOST_OBJECTS = 16, 1024
LEAST_BYTES, MOST_BYTES = 32 << 20, 1 << 30
"""The whole listing in TASKS tasks of equal numbers and bytes, within these bounds."""
TEXT_WEIGHT = 8
"""A byte of text is decoded, cleaned and masked: it counts as so many that are only hashed."""
MEDIA = ("video", "image", "audio")
DOCUMENTS = frozenset({"txt", "md", "markdown", "text", "html", "htm"})
"""Extensions of texts that are samples themselves."""
PROBE_LIMITS = Limits(cpu_s=20.0, per_media_s=0.0, memory_mb=1024)
SIDECAR = "read for what it says about the file of the same name"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_GENERATED = re.compile(
    rb"trainedAlgorithmicMedia|TC260:AIGC|\"Label\"\s*:\s*\"?[123]\"?\s*,\s*\"ContentProducer\""
    rb"|\"AIGC\"\s*:\s*\{\s*\"Label\"", re.I)
"""What generators leave in a file: the IPTC source type that C2PA claims carry, and the AIGC field of GB 45438-2025. A C2PA
claim alone is none of that: cameras sign what they shoot."""
_LONGEST_MARK = 256
_ARCHIVES = (b"PK\3\4", b"PK\5\6", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"(\xb5/\xfd", b"7z\xbc\xaf", b"Rar!")
"""How zip, gzip, bzip2, xz, zstd, 7z and rar begin; tar says it further on."""
_MOST_STATED = 1e9
"""A billion pixels a side, frames a second or seconds (32 years): what states more lies."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a task does with one object.

    Attributes:
        found: The object.
        given: What manifests say of it, uncleaned.
        sidecars: Objects of the same stem that speak of it.
        behaviour: Its record, where one is known.
        refused: Reason and detail settled while planning: tables, and names without a file.
        how: How it is written, for a stretch of a collection of texts.
        chunk: The stretch.
    """

    found: Found
    given: Mapping[str, str] = field(default_factory=dict)
    sidecars: tuple[Found, ...] = ()
    behaviour: Mapping[str, Any] | None = None
    refused: tuple[str, str] | None = None
    how: Shape | None = None
    chunk: Chunk | None = None


@dataclass(frozen=True)
class Task:
    """What one task reads."""

    items: tuple[Item, ...]
    policy_hash: str
    run_id: str
    stones: Tombstones = field(default_factory=Tombstones)


@dataclass
class _Rows:
    sources: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    behaviour: list[dict[str, Any]] = field(default_factory=list)


def run(run: Run) -> None:
    """Plan on the driver, collect in tasks."""
    recipe, runtime = run.settings.recipe.collect, run.settings.runtime
    found = _listed(runtime.sources, recipe.follow_links, written_to(runtime))
    _listed.cache_clear()  # 0.7 GB a million objects
    items = list(plan(found, recipe.k_anonymity))
    stones = tombstones(run.lake)
    tasks = [Task(tuple(batch), run.policy_hash, run.run_id, stones) for batch in batches(items)]
    run.parts(tasks, collect_task, weight="batch")


def plan(found: Sequence[Found], k_anonymity: int) -> Iterator[Item]:
    """What is to be done with every object, in the order of the paths."""
    usable = [f for f in found if f.error is None]
    beside = sidecars_of(usable)
    spoken_for = {s.rel_path for sidecars in beside.values() for s in sidecars}
    tables = [f for f in usable if f.suffix in SUFFIXES and f.size_bytes and f.rel_path not in spoken_for and _is_text(f)]
    joined = join(tables, Places(usable if tables else ()))
    known = joined.records.known(k_anonymity)
    few = joined.records.below(k_anonymity)
    for item in found:
        path = item.rel_path
        if path in joined.texts:
            yield from _texts(item, joined)
        elif path in joined.said:
            withheld = "" if path in joined.lost else f"; {few} sources with fewer than {k_anonymity} people get no row"
            yield Item(item, refused=("sidecar", joined.said[path] + withheld))
            for number, refused in joined.lost.get(path, ()):
                yield Item(item.line(number), refused=refused)
        elif path in joined.refused:
            yield Item(item, refused=("unknown_format", joined.refused[path]))
        elif path in spoken_for:
            yield Item(item, refused=("sidecar", SIDECAR))
        else:
            yield Item(item, joined.facts.get(path, {}), tuple(beside.get(path, ())), known.get(path))


def batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Items in order, cut by bytes and by number; where depends on the items alone, never on the cluster."""
    weights = [TEXT_WEIGHT * item.chunk.size_bytes if item.chunk else item.found.size_bytes for item in items]
    most = min(MOST_OBJECTS, max(LEAST_OBJECTS, len(items) // TASKS))
    heaviest = min(MOST_BYTES, max(LEAST_BYTES, sum(weights) // TASKS))
    batch: list[Item] = []
    spent = 0
    for item, weight in zip(items, weights, strict=True):
        if batch and (spent + weight > heaviest or len(batch) >= most):
            yield batch
            batch, spent = [], 0
        batch.append(item)
        spent += weight
    if batch:
        yield batch


def collect_task(task: Task, settings: Settings) -> Part:
    """Read the objects of a task."""
    made = _Rows()
    for item in task.items:
        if item.how is not None and item.chunk is not None:
            _collect_texts(item, settings, made)
        else:
            _collect_object(item, settings, made)
    _leave_out(made, task.stones)
    return Part(
        tables={"sources": SOURCES.rows(made.sources), "behaviour": BEHAVIOUR.rows(made.behaviour),
                "rejects": reject_rows(made.rejects, "collect", task.policy_hash, task.run_id)},
        seen=len(made.sources), kept=len(made.sources) - len(made.rejects),
    )


def _is_text(found: Found) -> bool:
    """Whether an object that is named like a table holds text: a video named .csv goes the way of all media."""
    try:
        with opened(found.uri) as file:
            return sniff(file.read(HEAD_BYTES)).modality in ("text", "unknown")
    except OSError:
        return False


def _texts(found: Found, joined: Joined) -> Iterator[Item]:
    how = joined.texts[found.rel_path]
    try:
        with opened(found.uri) as file:
            stretches = chunks(file, how)
    except OSError as error:
        yield Item(found, refused=lost(error, found.uri))
        return
    yield Item(found, refused=("sidecar", "a collection of texts: each of its rows is a source of its own"))
    for stretch in stretches:
        yield Item(found, joined.facts.get(found.rel_path, {}), how=how, chunk=stretch)


# ---- one object


def _collect_object(item: Item, settings: Settings, made: _Rows) -> None:
    found, recipe = item.found, settings.recipe.collect
    if found.error is not None:
        _refuse(_row(found), found.error, found.detail, made)
    elif item.refused is not None and item.refused[0] in ("missing_file", "bad_row"):
        _refuse(_row(found), *item.refused, made)
    elif found.size_bytes > recipe.max_bytes:
        _refuse(_row(found), "too_large", f"{found.size_bytes} bytes, the limit is {recipe.max_bytes}", made)
    else:
        try:
            with local(found.uri) as path, opened(path) as file:
                if hollow(file.fileno()):
                    return _refuse(_row(found), "hollow", f"less than half of its {found.size_bytes} bytes were ever written", made)
                _read_object(item, file, settings, made)
        except OSError as error:
            _refuse(_row(found), *lost(error, found.uri), made)
    return None


def _read_object(item: Item, file: BinaryIO, settings: Settings, made: _Rows) -> None:
    found, masks = item.found, settings.recipe.collect.mask_pii
    sha256, size, generated = _read(file)
    row = _row(found, sha256, size)
    if not size:
        return _refuse(row, "empty_file", None, made)
    if item.refused is not None:
        reason, detail = item.refused
        if detail == SIDECAR and not read_sidecar(found):
            detail = "it has the name of a medium beside it, but nothing in it could be understood as a caption, a title or subtitles"
        return _refuse(row | {"modality": "sidecar"}, reason, detail, made)
    kind = sniffed(file)
    facts = _facts(file) if kind.modality in MEDIA else {}
    modality = facts.pop("modality", None) or kind.modality
    row |= {"modality": modality if modality in (*MEDIA, "text") else "unknown", "container": kind.container or None, **facts}
    row |= stored(_facts_given(item, modality), masks)
    if modality == "playlist":
        return _refuse(row, "playlist", f"a list of other files ({kind.container}); what it points at is never opened", made)
    if modality in MEDIA:
        if contradicts(found.name, modality):
            return _refuse(row, "wrong_extension", f"named .{found.suffix}, but it is {_a(modality)} ({kind.container})", made)
        if generated:
            return _refuse(row, "generated", "it carries a mark of generated content (AIGC field or C2PA source type)", made)
        made.sources.append(row)
        if item.behaviour is not None:
            shares = {name: item.behaviour[name] for name in ("views", "likes", "shares", "k")}
            made.behaviour.append({"source_id": row["source_id"], **shares,
                                   "completion": behaviour.completion(item.behaviour, row.get("duration_s"))})
        return None
    return _read_document(item, file, size, row, masks, made)


def _read_document(item: Item, file: BinaryIO, size: int, row: dict[str, Any], masks: bool, made: _Rows) -> None:
    """A text as a source of its own, or something that nobody understands."""
    found = item.found
    if found.suffix not in DOCUMENTS:
        if row["modality"] == "text" and extension_kind(found.name) == "playlist":
            return _refuse(row, "playlist", f"named as a list of other files (.{found.suffix}); what it points at is never opened", made)
        if row["modality"] == "text" and contradicts(found.name, "text"):
            return _refuse(row, "wrong_extension", f"named .{found.suffix}, but it is a text", made)
        said = "a text of a kind that is not collected" if row["modality"] == "text" else _unread(file)
        return _refuse(row, "unknown_format", f"{said} ({f'.{found.suffix}' if found.suffix else 'no extension'})", made)
    if size > MAX_LINE_BYTES:
        return _refuse(row, "too_large", f"a document of {size} bytes, the limit is {MAX_LINE_BYTES}", made)
    file.seek(0)
    data = file.read()
    text = None if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")) else decode(data)
    if text is None:
        return _refuse(row, "unknown_format", "neither UTF-8 nor GB18030 text; save it as UTF-8", made)
    row |= {"modality": "text"} | stored({**item.given, "text": unhidden(text) if found.suffix.startswith("htm") else text}, masks)
    if row["text"] is None:
        return _refuse(row, "bad_row", "there is no text in it", made)
    made.sources.append(row)
    return None


def _unread(file: BinaryIO) -> str:
    """What to do with something that is neither media nor text."""
    file.seek(0)
    head = file.read(265)
    if head.startswith(_ARCHIVES) or head[257:262] == b"ustar":
        return "an archive: unpack it and collect what is in it"
    return "a Parquet table: write it as CSV or JSONL" if head.startswith(b"PAR1") else "neither media nor text that is understood"


def _facts_given(item: Item, modality: str) -> dict[str, str]:
    """What manifest and sidecars say; a column that is just called text is speech for a sound, else a caption."""
    facts = dict(item.given)
    for sidecar in item.sidecars:
        facts = merged(facts, read_sidecar(sidecar))
    text = facts.pop("text", None)
    if text is not None:
        facts.setdefault("transcript" if modality == "audio" else "caption", text)
    return facts


def _read(file: BinaryIO) -> tuple[str, int, bool]:
    """sha256 and size of a file, and whether a generator left its mark, in one pass."""
    digest, size, generated, tail = hashlib.sha256(), 0, False, b""
    while data := file.read(1 << 20):
        digest.update(data)
        size += len(data)
        generated = generated or _GENERATED.search(tail + data) is not None
        tail = data[-_LONGEST_MARK:]
    return digest.hexdigest(), size, generated


def _facts(file: BinaryIO) -> dict[str, Any]:
    """Header facts; none where the header is damaged, for the decode pass has the last word."""
    try:
        probed = call("jobs.collect.facts:facts", {}, PROBE_LIMITS, file=file)
    except MediaFault:
        return {}
    facts = {name: _believable(probed[name]) for name in ("duration_s", "width", "height", "fps", "video_codec", "audio_codec")}
    return facts | ({"modality": probed["modality"]} if probed["modality"] in MEDIA else {})


def _believable(value: Any) -> Any:
    """A fact of a header, or None for a number that no medium has: of a BMP it may be 4294966976 pixels wide, which no column holds."""
    return None if isinstance(value, int | float) and not 0 < value < _MOST_STATED else value


# ---- collections of texts


def _collect_texts(item: Item, settings: Settings, made: _Rows) -> None:
    found = item.found
    assert item.how is not None
    assert item.chunk is not None
    number = item.chunk.first_line
    try:
        with opened(found.uri) as file:
            for line in rows(file, item.how, item.chunk if item.how.form != "array" else None):
                _collect_text(item, line, settings.recipe.collect.mask_pii, made)
                number = line.number + 1
    except NotATable as error:
        _refuse(_row(found.line(number)), "unknown_format", f"it is not the table any more that it was when it was listed: {error}", made)
    except OSError as error:
        _refuse(_row(found.line(number)), *lost(error, found.uri), made)


def _collect_text(item: Item, line: Line, masks: bool, made: _Rows) -> None:
    body, facts = given_texts(line.cells) if line.cells is not None else (None, {})
    row = stored(merged(facts, item.given) | {"text": body or ""}, masks)
    data = (row["text"] or "").encode()
    row = _row(item.found.line(line.number), hashlib.sha256(data).hexdigest(), len(data)) | {"modality": "text"} | row
    if row["text"] is None:
        _refuse(row, "bad_row", line.problem or "there is no text in it", made)
    else:
        made.sources.append(row)


# ---- rows


def _row(found: Found, sha256: str | None = None, size: int | None = None) -> dict[str, Any]:
    return {
        "source_id": row_id(found.rel_path, sha256 or ""), "modality": "unknown", "uri": found.uri, "rel_path": found.rel_path,
        "connector": found.connector, "sha256": sha256, "size_bytes": found.size_bytes if size is None else size,
        "pii_count": 0,
        "fetched_at": None if found.written_us is None else EPOCH + timedelta(microseconds=found.written_us),
    }


def _refuse(row: dict[str, Any], reason: str, detail: str | None, made: _Rows) -> None:
    made.sources.append(row | {"error": detail or reason})
    made.rejects.append({"sample_id": row["source_id"], "source_id": row["source_id"], "check": "readable", "reason": reason,
                         "detail": detail})


def _leave_out(made: _Rows, stones: Tombstones) -> None:
    """Of what was taken down nothing is said again but that it lies there. A version that stands is not made again for it, and
    what the tombstones are is no part of its identity: else every takedown would decode everything anew."""
    held = {row["source_id"] for row in made.sources if stones.hold(row)}
    if not held:
        return
    refused = {row["sample_id"] for row in made.rejects}
    told = frozenset(("source_id", "modality", "uri", "rel_path", "connector", "sha256", "size_bytes", "fetched_at"))
    rows, made.sources = made.sources, []
    made.behaviour = [row for row in made.behaviour if row["source_id"] not in held]
    for row in rows:
        bare = {name: value for name, value in row.items() if name in told} | {"pii_count": 0}
        if row["source_id"] not in held:
            made.sources.append(row)
        elif row["source_id"] in refused:
            made.sources.append(bare | {"error": row["error"]})
        else:
            _refuse(bare, "taken_down", None, made)


def _a(modality: str) -> str:
    return {"image": "a picture", "audio": "a sound", "video": "a video"}[modality]


@lru_cache(maxsize=1)
def _listed(sources: tuple[str, ...], follow_links: bool, own: tuple[str, ...]) -> list[Found]:
    """The listing after which a version is named and from which it is made: one, whatever is written between the two."""
    return listing(sources, follow_links, own)


def outside(settings: Settings) -> dict[str, str]:
    """What the version depends on beside the recipe: the listing, so that an unchanged folder is never read again."""
    _listed.cache_clear()
    return {"listing": fingerprint(_listed(settings.runtime.sources, settings.recipe.collect.follow_links, written_to(settings.runtime)))}


COLLECT = Job("collect", reads=(), writes=(SOURCES, BEHAVIOUR, REJECTS), code=17, recipe=("collect",), run=run, outside=outside)
