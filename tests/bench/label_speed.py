"""Frames per CPU second of the label job's CLIP labelers against the bare forward pass on the same batches, interleaved, with the bill by part.

    python tests/bench/label_speed.py [MODEL] [FRAMES] [ROUNDS] [FOLDER OF PICTURES]

MODEL is an open_clip architecture (random weights: speed does not depend on them) or `embedded`. The goal is a ratio of at most 1.10.
`stock` is what any user of the model pays for stored frames: decoding them whole with Pillow, open_clip's own preprocessing picture by
picture, the forward pass.
"""

import io
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jobs.label import clip
from jobs.label.labeler import Batch, labelers
from jobs.label.pixels import opened
from schemas.settings import Label

NAMES = ("clip_tags", "clip_embedding")


def jpegs(count: int, folder: Path | None) -> list[bytes]:
    """Frames as the clean pass stores them, 398 x 224: of photographs where there is a folder of them, else soft random pictures."""
    if folder is not None:
        found = [Image.open(file).convert("RGB") for file in sorted(folder.glob("*.jp*g"))]
    else:
        found = [Image.fromarray(np.random.default_rng(i).integers(0, 255, (14, 24, 3), np.uint8)) for i in range(count)]
    out = []
    for i in range(count):
        sink = io.BytesIO()
        found[i % len(found)].resize((398, 224), Image.Resampling.BICUBIC).save(sink, "JPEG", quality=85)
        out.append(sink.getvalue())
    return out


def settings(model: str, folder: Path) -> Label:
    if model == "embedded":
        return Label()
    import open_clip
    from safetensors.torch import save_file

    network = open_clip.create_model(model, pretrained_text=False)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "w.safetensors")
    return Label(clip_model=model, clip_pretrained=str(folder / "w.safetensors"),
                 vocabulary={"subject": {"person": ("a person", "人"), "dog": ("a dog", "狗")}})


def main(model: str = "ViT-B-32", frames: int = 64, rounds: int = 3, folder: Path | None = None) -> None:
    import torch
    from open_clip.transform import image_transform

    with tempfile.TemporaryDirectory() as held:
        chosen = settings(model, Path(held))
        tower = clip.tower(chosen, "cpu")
        stored = jpegs(frames, folder)
        rows = [{"clip_id": f"{i:04d}", "frames": [{"t_s": 0.0, "jpeg": j} for j in stored[4 * i : 4 * i + 4]]} for i in range(frames // 4)]
        states = {name: labelers()[name].load(chosen, "cpu") for name in NAMES}
        stock = image_transform(tower.side, is_train=False)
        groups = [stored[i : i + chosen.batch] for i in range(0, frames, chosen.batch)]
        pixels = torch.zeros(chosen.batch, 3, *tower.side).to(memory_format=torch.channels_last)
        tower.forward(pixels)
        spent: dict[str, list[float]] = defaultdict(list)

        def timed(part: str, work: Any) -> Any:
            start = time.process_time()
            found = work()
            spent[part].append((time.process_time() - start) / frames * 1e3)
            return found

        def labelled() -> None:
            batch = Batch(rows)
            for name in NAMES:
                labelers()[name].label(states[name], batch)

        def plain() -> None:
            for group in groups:
                tower.forward(torch.stack([stock(Image.open(io.BytesIO(j)).convert("RGB")) for j in group]))

        def decoded() -> list[list[Any]]:
            return [[opened(j, max(tower.side)) for j in group] for group in groups]

        def fitted(pictures: list[list[Any]]) -> None:
            for group in pictures:
                tower.fit(group, chosen.batch, tower.side)

        for _ in range(rounds):
            timed("forward", lambda: [tower.forward(pixels) for _ in groups])
            timed("job", labelled)
            timed("stock", plain)
            pictures = timed("decode", decoded)
            timed("fit", partial(fitted, pictures))
    cost = {part: statistics.median(values) for part, values in spent.items()}
    against = {part: statistics.median(j / f for j, f in zip(spent["job"], spent[part], strict=True)) for part in ("forward", "stock")}
    print(f"{model}: ms of CPU a frame: " + ", ".join(f"{part} {value:.2f}" for part, value in cost.items()))
    print(f"{model}: job {1e3 / cost['job']:.0f} frames/CPU s; over the forward pass {against['forward']:.3f}, over stock use {against['stock']:.3f} "
          f"(n={rounds})")


if __name__ == "__main__":
    words = sys.argv[1:]
    model, frames, rounds, folder = (*words, *("ViT-B-32", "64", "3", "")[len(words):])
    main(model, int(frames), int(rounds), Path(folder) if folder else None)
