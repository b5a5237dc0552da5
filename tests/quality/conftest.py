"""Versions of tables as `jobs.run` leaves them, and a small lake with every table of the flow in it."""

import io
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from jobs.lake import Lake, Version
from schemas import SCHEMA_VERSION, TABLES, Table

BY_NAME = {t.name: t for t in TABLES}
Standing = Callable[..., Version]


def _filled(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows need only the columns that a test is about."""
    plain = {pa.string(): "x", pa.float64(): 0.0, pa.int64(): 0, pa.int32(): 0, pa.bool_(): False, pa.large_binary(): b""}
    blank = {f.name: plain.get(f.type, []) for f in table.schema if not f.nullable}
    return table.rows([blank | dict(row) for row in rows])


@pytest.fixture(scope="session")
def standing() -> Standing:
    """Writes a version: (lake, table, rows, parents, manifest facts, fingerprint) -> Version."""

    def write(lake: Lake, table: Table, rows: Sequence[Mapping[str, Any]], parents: Mapping[str, str] = {},
              manifest: Mapping[str, Any] = {}, fingerprint: str = "0" * 12) -> Version:
        file = lake.write_part(table, fingerprint, "job-00000.parquet", _filled(table, rows)) if rows else None
        facts = {"table": table.name, "fingerprint": fingerprint, "job": "job", "code": 1, "parents": dict(parents),
                 "schema_version": SCHEMA_VERSION, "seen": len(rows), "kept": len(rows), "rejected": {}, "recipe": {},
                 "measured": [], "rows": len(rows), "files": [file] if file else [],
                 "started": "2026-01-01T00:00:00.000+00:00", "finished": "2026-01-01T00:00:01.000+00:00"}
        lake.write_json(facts | dict(manifest), table.name, fingerprint, "manifest.json")
        found = lake.version(table, fingerprint)
        assert found
        return found

    return write


def a_jpeg(seed: int, size: tuple[int, int] = (224, 126)) -> bytes:
    """A small picture with something to see in it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size[1], 0:size[0]]
    base = np.stack([np.sin(x / 40 + rng.uniform(0, 6)), np.sin(y / 30 + rng.uniform(0, 6)), np.cos((x + y) / 55)], -1)
    picture = Image.fromarray(((base * 0.4 + rng.uniform(0.3, 0.7, 3)) * 255).clip(0, 255).astype(np.uint8))
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=80)
    return sink.getvalue()


def an_id(*parts: object) -> str:
    """32 hex digits."""
    return sha256(repr(parts).encode()).hexdigest()[:32]


@pytest.fixture(scope="session")
def full_lake(tmp_path_factory: pytest.TempPathFactory, standing: Standing) -> Lake:
    """A lake in which every job has run once: 40 sources, 60 clips, known rejects, duplicates, labels, a release, a video."""
    lake = Lake(str(tmp_path_factory.mktemp("full") / "lake")).open(create=True)
    rng = np.random.default_rng(0)
    sources = [{"source_id": an_id("s", i), "modality": "video" if i < 36 else "unknown", "uri": f"file:///m/{i}.mp4",
                "rel_path": f"{('street', 'studio', 'travel')[i % 3]}/clip-{i:02d}.mp4", "connector": "file",
                "size_bytes": 10_000, "sha256": "0" * 64 if i < 36 else None,
                "error": None if i < 36 else "unknown_format"} for i in range(40)]
    sources[5]["rel_path"] = "<script>alert(1)</script>/\"><img src=x onerror=alert(2)>.mp4"
    clips = []
    for i in range(60):
        start = float(i % 3)
        clips.append({
            "clip_id": an_id("c", i), "source_id": sources[i % 36]["source_id"], "modality": "video", "source_sha256": "0" * 64,
            "start_s": start, "end_s": start + 2 + i / 30, "duration_s": 2 + i / 30, "width": 640, "height": 360, "fps": 24.0,
            "frame_count": 60, "luma_mean": float(rng.normal(120, 30)), "luma_std": float(rng.uniform(20, 60)),
            "sharpness": float(rng.gamma(3, 90)) if i >= 8 else float(rng.uniform(2, 28)), "motion": float(rng.gamma(2, 0.05)),
            "black_share": 0.0 if i != 9 else 0.93, "loudness_lufs": float(rng.normal(-19, 4)), "freeze_share": 0.0,
            "frames": [{"t_s": start, "jpeg": a_jpeg(i // 2 if i < 12 else i)}]})
    versions = {"collect": "c" * 12, "measure": "d" * 12, "judge": "e" * 12, "dedup": "f" * 12, "label": "1" * 12,
                "fuse": "2" * 12, "prompts": "3" * 12, "generate": "4" * 12, "publish": "5" * 12}

    def made(job: str, table: str, rows: Sequence[Mapping[str, Any]], parents: Sequence[str], minute: int,
             **facts: Any) -> None:
        known = {p: versions[p.split("@")[1]] for p in parents}
        standing(lake, BY_NAME[table], rows, known, {
            "job": job, "started": f"2026-01-01T00:{minute:02d}:00.000+00:00",
            "finished": f"2026-01-01T00:{minute:02d}:42.500+00:00", **facts}, versions[job])
        lake.write_json({"fingerprint": versions[job]}, "_current", f"{job}.json")

    def reject(sample: str, stage: str, check: str, reason: str, source: str | None = None, **facts: Any) -> dict[str, Any]:
        return {"sample_id": sample, "source_id": source, "stage": stage, "check": check, "reason": reason, "decisive": True,
                "policy_hash": "0" * 12, "run_id": f"{stage}-0", **facts}

    first = [reject(s["source_id"], "collect", "format", "unknown_format", detail=f"magic bytes 00 of {s['rel_path']}")
             for s in sources[36:]]
    judged = [reject(c["clip_id"], "judge", "blur", "blurred", c["source_id"], value=c["sharpness"], op="<", threshold=30.0)
              for c in clips[:8]]
    judged.append(reject(clips[9]["clip_id"], "judge", "black", "black", clips[9]["source_id"], value=0.93, op=">",
                         threshold=0.5))
    twice = [{"loser_id": clips[i]["clip_id"], "keeper_id": clips[i - 1]["clip_id"], "method": m, "score": s,
              "cluster_id": min(clips[i]["clip_id"], clips[i - 1]["clip_id"])}
             for i, m, s in ((11, "perceptual", 0.94), (21, "exact", 1.0), (31, "minhash", 0.83))]
    dropped = [reject(d["loser_id"], "dedup", d["method"], "duplicate", value=d["score"]) for d in twice]
    gone = {r["sample_id"] for r in judged + dropped}
    kept = [c for c in clips if c["clip_id"] not in gone]
    made("collect", "sources", sources, [], 0, seen=40, kept=36, rejected={"unknown_format": 4})
    made("collect", "rejects", first, [], 0, seen=40, kept=36, rejected={"unknown_format": 4})
    made("measure", "clips", clips, ["sources@collect"], 1, seen=36, kept=36, measured=[{"cpu_s": 31.5, "peak_mb": 812.0}])
    made("judge", "rejects", first + judged, ["clips@measure", "rejects@collect"], 2, seen=60, kept=51,
         rejected={"blurred": 8, "black": 1}, recipe={"policy": {"preset": "pretrain"}})
    made("dedup", "duplicates", twice, ["clips@measure", "rejects@judge"], 3, seen=51, kept=48, rejected={"duplicate": 3})
    made("dedup", "rejects", first + judged + dropped, ["clips@measure", "rejects@judge"], 3, seen=51, kept=48,
         rejected={"duplicate": 3})
    made("label", "labels", [{"clip_id": c["clip_id"], "labeler": "clip_tags", "labeler_version": 1, "model": "embedded",
                              "revision": "0" * 12, "key": f"scene:{('beach', 'city', '森林')[i % 3]}", "score": 0.7}
                             for i, c in enumerate(kept)], ["clips@measure", "rejects@dedup"], 4, seen=48, kept=48)
    made("fuse", "samples", [{"sample_id": c["clip_id"], "source_id": c["source_id"], "modality": "video", "split": "train",
                              "caption": "a ball", "lang": "zh" if i % 3 else "en", "licence": "CC-BY-4.0", "uri": "file:///m/x.mp4",
                              "start_s": c["start_s"], "end_s": c["end_s"], "duration_s": c["duration_s"], "height": 360,
                              "width": 640, "cut": "smart", "media_type": "video/mp4", "audio_type": "audio/mp4",
                              "video": b"\0" * 99}
                             for i, c in enumerate(kept)],
         ["clips@measure", "rejects@dedup", "duplicates@dedup", "labels@label", "sources@collect"], 5, seen=48, kept=48)
    prompts = [{"prompt_id": an_id("p", 0), "text": "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。", "lang": "zh",
                "origin": "user", "style": "creation", "aspect": "9:16", "safety": "ok",
                "shots": [{"prompt": "a snowy mountain", "narration": "西藏"}]}]
    made("prompts", "prompts", prompts, ["samples@fuse"], 6)
    made("generate", "generations", [
        {"generation_id": an_id("g", a), "prompt_id": prompts[0]["prompt_id"], "shot": 0, "attempt": a,
         "prompt": "a snowy mountain", "model": "embedded", "revision": "0" * 12, "family": "Pipeline", "steps": 20,
         "width": 64, "height": 64,
         "frames": 16, "fps": 8.0, "scores": [{"name": "motion", "value": 0.01 + a}], "verdict": ("rejected", "accepted")[a],
         "video": b"\0" * 9, "thumbnail": a_jpeg(100 + a, (96, 96))} for a in (0, 1)], ["prompts@prompts"], 7, seen=1, kept=1)
    made("publish", "publications", [
        {"publication_id": an_id("v"), "prompt_id": prompts[0]["prompt_id"], "generation_ids": [an_id("g", 1)], "title": "西藏",
         "narration": "西藏", "lang": "zh", "subtitles": [{"start_s": 0.0, "end_s": 1.0, "text": "西藏"}], "aspect": "9:16",
         "width": 720, "height": 1280, "duration_s": 6.0, "audio_duration_s": 6.0, "visible_label": "AI生成",
         "aigc": '{"Label": "1"}', "c2pa": "Valid", "test_key": True, "target": "folder", "uri": "v.mp4"}],
         ["prompts@prompts", "generations@generate"], 8)
    videos = Path(lake.root).parent / "videos"
    videos.mkdir()
    (videos / "v.mp4").write_bytes(b"\0" * 64)
    return lake
