"""A small lake up to labels, over real files written by the tests: four videos of two clips, pictures, a sound, texts."""

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jobs.fuse.job import FUSE
from jobs.lake import Lake, Version
from jobs.media.encode import encode_audio, encode_video
from jobs.run import Run, _commit, write
from jobs.version import fingerprint, row_id
from schemas import BEHAVIOUR, CLIPS, DUPLICATES, LABELS, REJECTS, SAMPLES, SOURCES, Table
from schemas.loading import load
from schemas.settings import Settings

MAKERS = {"sources": "collect", "behaviour": "collect", "clips": "measure", "rejects": "dedup", "duplicates": "dedup", "labels": "label"}


def video(seed: int, seconds: float = 4.0) -> bytes:
    """A square that slides over noise, with a tone."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(40, 200, (48, 64, 3), np.uint8)
    frames = []
    for i in range(int(seconds * 12)):
        frame = ground.copy()
        frame[10:24, (i * 2) % 50 : (i * 2) % 50 + 14] = (250, 30 * seed % 255, 20)
        frames.append(frame)
    tone = 0.3 * np.sin(2 * np.pi * (220 + 20 * seed) * np.arange(int(16000 * seconds)) / 16000).astype(np.float32)
    return encode_video(np.stack(frames), 12, audio=(tone, 16000))


def picture(seed: int, kind: str) -> bytes:
    """A small noisy picture."""
    sink = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 60, 3), np.uint8)).save(sink, kind)
    return sink.getvalue()


@dataclass
class Corpus:
    """The lake, the tables that fuse reads, and a way to run it."""

    lake: Lake
    folder: Path
    parents: dict[str, Version]
    sources: list[dict[str, Any]]
    clips: list[dict[str, Any]]

    def settings(self, **sets: Any) -> Settings:
        words = {"lake": self.lake.root} | {k.replace("__", "."): v for k, v in sets.items()}
        return load([f"{k}={v}" for k, v in words.items()], env={})

    def fuse(self, **sets: Any) -> Version:
        """Run fuse to its commit in this process and return its samples."""
        settings = self.settings(**sets)
        known = {f"{n}@{v.manifest['job']}": v.fingerprint for n, v in self.parents.items()} | dict(FUSE.outside(settings))
        version = fingerprint("fuse", FUSE.code, FUSE.sections(settings.recipe), known)
        run = Run(FUSE, settings, self.lake, self.parents, version)

        def parts(tasks: Any, work: Callable[..., Any], *, weight: str = "task") -> None:
            run._done |= {i: write(self.lake.root, "fuse", version, i, work(t, settings)) for i, t in enumerate(tasks)}

        run.parts = parts  # type: ignore[method-assign]
        FUSE.run(run)
        _commit(run, known, datetime.now(UTC))
        found = self.lake.version(SAMPLES, version)
        assert found is not None
        return found

    def put(self, table: Table, rows: list[dict[str, Any]], version: str) -> Version:
        """Make another version of a parent."""
        self.parents[table.name] = put(self.lake, table, rows, version)
        return self.parents[table.name]

    def pictures(self, files: Mapping[str, bytes], **facts: Any) -> None:
        """Have these pictures and nothing else, with facts of their sources."""
        sources = [a_source(self.folder, name, data, "image", None) | facts for name, data in files.items()]
        self.put(SOURCES, sources, "pictures")
        self.put(CLIPS, [a_clip(s, 0.0, 0.0) for s in sources], "of-pictures")

    def rejects(self, samples: Version) -> list[dict[str, Any]]:
        """What this version of fuse rejected."""
        version = self.lake.version(REJECTS, samples.fingerprint)
        assert version is not None
        return [row for row in version.read().to_pylist() if row["stage"] == "fuse"]


def put(lake: Lake, table: Table, rows: list[dict[str, Any]], version: str, per_part: int = 4) -> Version:
    """A standing version of a table, the current one of its job."""
    job = MAKERS[table.name]
    files = [
        lake.write_part(table, version, f"{job}-{i:05d}.parquet", table.rows(rows[i : i + per_part])) for i in range(0, len(rows), per_part)
    ]
    lake.write_json(
        {
            "fingerprint": version,
            "job": job,
            "code": 1,
            "schema_version": 1,
            "recipe": {},
            "parents": {f"labeler {name}": "1/-/0" for name in sorted({str(row["labeler"]) for row in rows if "labeler" in row})},
            "seen": 0,
            "kept": 0,
            "rejected": {},
            "measured": [],
            "started": "",
            "finished": "2026-01-02T00:00:00.000+00:00",
            "table": table.name,
            "rows": len(rows),
            "files": files,
        },
        table.name,
        version,
        "manifest.json",
    )
    lake.write_json({"fingerprint": version}, "_current", f"{job}.json")
    found = lake.version(table, version)
    assert found is not None
    return found


def a_source(folder: Path, name: str, data: bytes, modality: str, seconds: float | None) -> dict[str, Any]:
    (folder / name).write_bytes(data)
    sha = hashlib.sha256(data).hexdigest()
    return {
        "source_id": row_id(name, sha),
        "modality": modality,
        "uri": str(folder / name),
        "rel_path": name,
        "connector": "file",
        "sha256": sha,
        "size_bytes": len(data),
        "pii_count": 0,
        "duration_s": seconds,
    }


def a_clip(source: dict[str, Any], start: float, end: float, **facts: Any) -> dict[str, Any]:
    frame = picture(int(start * 7) + len(source["rel_path"]), "JPEG")
    frames = [{"t_s": start, "jpeg": frame}] if source["modality"] in ("video", "image") else None
    return {
        "clip_id": row_id(source["source_id"], start, end),
        "source_id": source["source_id"],
        "modality": source["modality"],
        "source_sha256": source["sha256"],
        "start_s": start,
        "end_s": end,
        "duration_s": end - start,
        "has_audio": source["modality"] in ("video", "audio"),
        "frames": frames,
        "caption": f"{source['rel_path']} at {start}",
        **facts,
    }


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    folder = tmp_path / "in"
    folder.mkdir()
    sources = [a_source(folder, f"v{n}.mp4", video(n), "video", 4.0) for n in range(4)]
    sources += [a_source(folder, "p.png", picture(1, "PNG"), "image", None), a_source(folder, "p.tiff", picture(2, "TIFF"), "image", None)]
    tone = np.sin(np.arange(32000) / 9).astype(np.float32) * 0.3
    sources += [a_source(folder, "s.m4a", encode_audio(tone, 16000), "audio", 2.0)]
    table = a_source(folder, "t.jsonl", b"".join(b'{"text": "text number %d"}\n' % n for n in range(6)), "sidecar", None)
    texts = [(f"#L{n + 1}", hashlib.sha256(b"text number %d" % n).hexdigest()) for n in range(6)]
    sources += [{**table, "modality": "text", "source_id": row_id(f"t.jsonl{line}", sha), "sha256": sha, "rel_path": f"t.jsonl{line}",
                 "uri": f"{folder}/t.jsonl{line}"} for line, sha in texts]
    sources += [table]
    clips = [a_clip(s, a, b) for s in sources if s["modality"] == "video" for a, b in ((0.0, 2.0), (2.0, 4.0))]
    clips += [a_clip(s, 0.0, 0.0) for s in sources if s["modality"] == "image"]
    clips += [a_clip(s, 0.0, 2.0) for s in sources if s["modality"] == "audio"]
    clips += [
        a_clip(s, 0.0, 0.0, text=f"text number {n}", text_chars=11) for n, s in enumerate(s for s in sources if s["modality"] == "text")
    ]
    labels = []
    for clip in clips:
        row = {"clip_id": clip["clip_id"], "labeler_version": 1, "model": "m", "revision": "r" * 12}
        labels += [
            {**row, "labeler": "clip_embedding", "key": "embedding", "vector": [0.6, 0.8]},
            {**row, "labeler": "clip_tags", "key": "place/sea", "score": 0.9, "text": "大海"},
            {**row, "labeler": "clip_text_similarity", "key": "caption", "score": 0.3},
            {**row, "labeler": "language", "key": "caption", "score": 1.0, "text": "en"},
        ]
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    behaviour = [
        {"source_id": sources[0]["source_id"], "views": 1000, "completion": 0.9, "likes": 200, "shares": 50, "k": 60},
        {"source_id": sources[1]["source_id"], "views": 1000, "completion": 0.2, "likes": 5, "shares": 0, "k": 60},
    ]
    gone = {
        "sample_id": clips[1]["clip_id"],
        "stage": "judge",
        "check": "blur",
        "reason": "blurred",
        "decisive": True,
        "policy_hash": "p",
        "run_id": "r",
    }
    made = {
        t.name: put(lake, t, rows, MAKERS[t.name] + "-1")
        for t, rows in ((SOURCES, sources), (BEHAVIOUR, behaviour), (CLIPS, clips), (REJECTS, [gone]), (DUPLICATES, []), (LABELS, labels))
    }
    return Corpus(lake, folder, made, sources, clips)
