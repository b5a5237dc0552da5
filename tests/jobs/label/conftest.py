"""A tiny CLIP of random weights (it knows nothing; it only has the form), drawn frames, and a lake with clips and rejects."""

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jobs.job import Job
from jobs.lake import Lake, Version
from jobs.run import Run, _commit, write
from jobs.version import fingerprint, row_id
from schemas import CLIPS, REJECTS, Table
from schemas.settings import Settings

WORDS = ["a photo of snowy mountains at sunset", "a red circle moving left", "雪山日落", "红色的圆形向左移动", "今天去了西藏，风景真的很美"]


@pytest.fixture(scope="session")
def random_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An open_clip folder of random weights, for tests of the machinery alone."""
    import torch
    from open_clip import create_model
    from safetensors.torch import save_file
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("test-fixture-random-clip")
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\p{Han}"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.train_from_iterator(
        WORDS,
        trainers.BpeTrainer(
            vocab_size=320, special_tokens=["<pad>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        ),
    )
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="</s>").save_pretrained(folder)
    (folder / "open_clip_config.json").write_text(
        json.dumps(
            {
                "model_cfg": {
                    "embed_dim": 32,
                    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 32, "layers": 1, "head_width": 16},
                    "text_cfg": {
                        "context_length": 24,
                        "vocab_size": 512,
                        "width": 32,
                        "heads": 2,
                        "layers": 1,
                        "no_causal_mask": True,
                        "hf_tokenizer_name": "bundled",
                        "pool_type": "eos",
                        "eos_id": 1,
                        "pad_id": 0,
                    },
                },
                "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
            }
        )
    )
    torch.manual_seed(7)
    network = create_model(f"local-dir:{folder}", pretrained_text=False)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder


def jpeg(seed: int, width: int = 64, height: int = 48) -> bytes:
    """A soft random picture."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (4, 4, 3), np.uint8))
    sink = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(sink, "JPEG", quality=90)
    return sink.getvalue()


def a_clip(number: int, frames: int = 3, **facts: Any) -> dict[str, Any]:
    """A row of `clips`."""
    source = row_id("source", number)
    return {
        "clip_id": row_id(source, 0.0, 4.0),
        "source_id": source,
        "modality": "video",
        "source_sha256": row_id("bytes", number) * 2,
        "start_s": 0.0,
        "end_s": 4.0,
        "duration_s": 4.0,
        "width": 64,
        "height": 48,
        "caption": f"this is the caption of clip number {number}",
        "motion": 0.05,
        "camera_motion": 0.04,
        "object_motion": 0.01,
        "sharpness": 80.0,
        "frames": [{"t_s": float(i), "jpeg": jpeg(1000 * number + i)} for i in range(frames)],
        **facts,
    }


def put(lake: Lake, table: Table, version: str, parts: list[list[dict[str, Any]]], job: str, **manifest: Any) -> Version:
    """A standing version of a table, one part per list of rows."""
    files = [lake.write_part(table, version, f"{job}-{i:05d}.parquet", table.rows(rows)) for i, rows in enumerate(parts)]
    facts = {
        "fingerprint": version,
        "job": job,
        "code": 1,
        "schema_version": 1,
        "recipe": {},
        "parents": {},
        "seen": 0,
        "kept": 0,
        "rejected": {},
        "measured": [],
        "table": table.name,
        "rows": sum(f["rows"] for f in files),
        "files": files,
        **manifest,
    }
    lake.write_json(facts, table.name, version, "manifest.json")
    found = lake.version(table, version)
    assert found is not None
    return found


def reject(sample_id: str, reason: str = "blurred") -> dict[str, Any]:
    """A row of `rejects`."""
    return {
        "sample_id": sample_id,
        "stage": "judge",
        "check": reason,
        "reason": reason,
        "decisive": True,
        "policy_hash": "p",
        "run_id": "r",
    }


def execute(job: Job, lake: Lake, settings: Settings, parents: dict[str, Version]) -> Run:
    """Run a job to its commit in this process, without Spark."""
    known = {f"{name}@{v.manifest['job']}": v.fingerprint for name, v in parents.items()} | dict(job.outside(settings))
    run = Run(job, settings, lake, parents, fingerprint(job.name, job.code, job.sections(settings.recipe), known))

    def parts(tasks: Any, work: Callable[..., Any], *, weight: str = "task") -> None:
        run._done |= {i: write(lake.root, job.name, run.fingerprint, i, work(task, settings)) for i, task in enumerate(tasks)}

    run.parts = parts  # type: ignore[method-assign]
    job.run(run)
    _commit(run, known, datetime.now(UTC))
    return run


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[Lake, dict[str, Version]]:
    """A lake of 10 clips in four parts; one clip is rejected."""
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    rows = [a_clip(n) for n in range(10)]
    clips = put(lake, CLIPS, "aaa", [rows[:3], rows[3:4], rows[4:9], rows[9:]], "measure")
    rejects = put(lake, REJECTS, "bbb", [[reject(rows[1]["clip_id"])]], "dedup")
    lake.write_json({"fingerprint": "aaa"}, "_current", "measure.json")
    lake.write_json({"fingerprint": "bbb"}, "_current", "dedup.json")
    return lake, {"clips": clips, "rejects": rejects}


@pytest.fixture(scope="session")
def kit() -> ModuleType:
    """The functions of this file."""
    return sys.modules[__name__]
