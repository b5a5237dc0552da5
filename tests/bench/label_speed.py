"""Frames per CPU second of the label job's CLIP labelers against the bare forward pass on the same batches, interleaved.

    python tests/bench/label_speed.py [MODEL] [FRAMES] [ROUNDS]

MODEL is an open_clip architecture (random weights: speed does not depend on them) or `embedded`. The goal is a ratio of at most 1.10
for a real model; with the embedded one, whose pass costs less than decoding a JPEG, the pictures dominate.
"""

import io
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from jobs.label import clip
from jobs.label.labeler import Batch, labelers
from schemas.settings import Label


def jpeg(seed: int) -> bytes:
    small = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (14, 24, 3), np.uint8))
    sink = io.BytesIO()
    small.resize((398, 224), Image.Resampling.BICUBIC).save(sink, "JPEG", quality=85)
    return sink.getvalue()


def settings(model: str, folder: Path) -> Label:
    if model == "embedded":
        return Label()
    import open_clip
    from safetensors.torch import save_file

    network = open_clip.create_model(model, pretrained_text=False)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "w.safetensors")
    return Label(clip_model=model, clip_pretrained=str(folder / "w.safetensors"),
                 vocabulary={"subject": {"person": ("a person", "人"), "dog": ("a dog", "狗")}})


def main(model: str = "ViT-B-32", frames: int = 64, rounds: int = 3) -> None:
    import torch

    with tempfile.TemporaryDirectory() as folder:
        chosen = settings(model, Path(folder))
        tower = clip.tower(chosen, "cpu")
        rows = [{"clip_id": f"{i:04d}", "frames": [{"t_s": 0.0, "jpeg": jpeg(4 * i + k)} for k in range(4)],
                 "title": None, "caption": f"clip number {i}", "transcript": None} for i in range(frames // 4)]
        names = ("clip_tags", "clip_embedding", "clip_text_similarity")
        states = {name: labelers()[name].load(chosen, "cpu") for name in names}
        pixels = torch.zeros(chosen.batch, 3, *tower.side)
        tower.forward(pixels)
        bare, job = [], []
        for _ in range(rounds):
            start = time.process_time()
            for _ in range(-(-frames // chosen.batch)):
                tower.forward(pixels)
            bare.append(time.process_time() - start)
            start = time.process_time()
            batch = Batch(rows)
            for name in names[:2]:
                labelers()[name].label(states[name], batch)
            job.append(time.process_time() - start)
    ratio = statistics.median(j / b for j, b in zip(job, bare, strict=True))
    print(f"{model}: bare {frames / statistics.median(bare):.1f} frames/CPU s, job {frames / statistics.median(job):.1f}, "
          f"CPU ratio {ratio:.3f} (n={rounds})")


if __name__ == "__main__":
    words = sys.argv[1:]
    main(words[0] if words else "ViT-B-32", *(int(w) for w in words[1:]))
