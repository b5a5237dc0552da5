"""Frames per CPU second of the label job against the bare forward pass on the same batches, interleaved, with the bill by part.

    python tests/bench/label_speed.py [MODEL] [FRAMES] [ROUNDS] [FOLDER OF PICTURES | clips.parquet | LAKE]

MODEL is an open_clip architecture (random weights: speed does not depend on them) or `embedded`. The goal is a ratio of at most 1.10.
`bare` is the picture tower as open_clip loads it, alone on finished tensors, in the precision and layout of the job; `ready` is the same
as the job has made it (`jobs.label.convolved`). `job` is `jobs.label.job.work`:
rows of `clips` read from Parquet, tags and embeddings made, a table of `labels` returned. `stock` is what any user of the model pays for
stored frames: decoding them whole with Pillow, open_clip's own preprocessing picture by picture, the forward pass.
"""

import io
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # as a worker's are; read when numpy is loaded

import numpy as np
from PIL import Image

from jobs.label import clip
from jobs.label.job import Task, work
from jobs.label.labeler import labelers
from jobs.label.pixels import decoded
from jobs.lake import Lake, Slice
from jobs.rows import Rows
from schemas import CLIPS
from schemas.settings import Label, Recipe, Settings

NAMES = ("clip_tags", "clip_embedding")
CLIP_FRAMES = 4


def jpegs(count: int, source: Path | None) -> list[bytes]:
    """Frames as the clean pass stores them: those of a lake's clips, or made 398 x 224 of photographs, else of soft random pictures."""
    if source is not None and (source / "clips").is_dir():
        clips = Lake(str(source)).open(create=False)
        version = clips.version(CLIPS, str(clips.current("measure")))
        assert version is not None
        rows = version.read(["modality", "frames"]).to_pylist()
        found = [frame["jpeg"] for row in rows if row["modality"] == "video" for frame in row["frames"] or ()]
        return [found[i * len(found) // count % len(found)] for i in range(count)]
    if source is not None:
        pictures = [Image.open(file).convert("RGB") for file in sorted(source.glob("*.jp*g"))]
    else:
        pictures = [Image.fromarray(np.random.default_rng(i).integers(0, 255, (14, 24, 3), np.uint8)) for i in range(count)]
    out = []
    for i in range(count):
        sink = io.BytesIO()
        pictures[i % len(pictures)].resize((398, 224), Image.Resampling.BICUBIC).save(sink, "JPEG", quality=85)
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


def stored(frames: list[bytes], root: Path, label: Label) -> Task:
    """The frames as clips of a table on disk, and the task that labels them."""
    clips = [{"clip_id": f"{i:04d}", "source_id": "s", "modality": "video", "source_sha256": "0" * 64, "start_s": 0.0, "end_s": 4.0,
              "duration_s": 4.0, "width": 398, "height": 224, "frames": [{"t_s": float(k), "jpeg": j} for k, j in enumerate(some)]}
             for i, some in enumerate(frames[at : at + CLIP_FRAMES] for at in range(0, len(frames), CLIP_FRAMES))]
    lake = Lake(str(root)).open(create=True)
    part = lake.write_part(CLIPS, "v", "measure-00000.parquet", CLIPS.rows(clips))
    path = lake.url("clips", "v", part["path"])
    pieces = [Slice(str(root), path, (i,), rows) for i, rows in enumerate(part["groups"])]
    rows = tuple(Rows(piece, np.arange(piece.rows, dtype=np.int32)) for piece in pieces)
    return Task(rows, np.zeros(len(clips), bool), NAMES, (), (), {n: labelers()[n].model(label) for n in NAMES}, (), (), ("_work", "replies"))


def main(model: str = "ViT-B-32", frames: int = 64, rounds: int = 3, source: Path | None = None) -> None:
    import open_clip
    import torch
    from open_clip.transform import image_transform

    with tempfile.TemporaryDirectory() as held:
        chosen = settings(model, Path(held))
        tower = clip.tower(chosen, "cpu")
        held_frames = jpegs(frames, source)
        task = stored(held_frames, Path(held) / "lake", chosen)
        made = Settings(recipe=Recipe(label=chosen))
        stock = image_transform(tower.side, is_train=False)
        groups = [held_frames[i : i + chosen.batch] for i in range(0, frames, chosen.batch)]
        pixels = torch.zeros(chosen.batch, 3, *tower.side).to(memory_format=torch.channels_last)
        spent: dict[str, list[float]] = defaultdict(list)

        def timed(part: str, do: Any) -> Any:
            start = time.process_time()
            found = do()
            spent[part].append((time.process_time() - start) / frames * 1e3)
            return found

        local = tower.weights.architecture.startswith("local-dir:")
        network = open_clip.create_model(tower.weights.architecture, None if local else tower.weights.file, pretrained_text=False).eval()
        network.visual.to(memory_format=torch.channels_last)

        def bare(network: Any) -> None:
            with torch.inference_mode(), clip.precision("cpu"):
                for _ in groups:
                    network.encode_image(pixels, normalize=True)

        def plain() -> None:
            for group in groups:
                tower.forward(torch.stack([stock(Image.open(io.BytesIO(j)).convert("RGB")) for j in group]))

        def decode() -> list[list[Any]]:
            return [[decoded(j, max(tower.side)) for j in group] for group in groups]

        def fitted(pictures: list[list[Any]]) -> None:
            for group in pictures:
                tower.fit(group, chosen.batch, tower.side)

        bare(network)
        work(task, made)
        spent.clear()
        for _ in range(rounds):
            timed("bare", partial(bare, network))
            timed("ready", partial(bare, tower.network))
            timed("job", lambda: work(task, made))
            timed("stock", plain)
            pictures = timed("decode", decode)
            timed("fit", partial(fitted, pictures))
    cost = {part: statistics.median(values) for part, values in spent.items()}
    against = {part: statistics.median(j / f for j, f in zip(spent["job"], spent[part], strict=True)) for part in ("bare", "ready", "stock")}
    print(f"{model}: {frames} frames of {np.mean([len(j) for j in held_frames]) / 1e3:.1f} kB; ms of CPU a frame: "
          + ", ".join(f"{part} {value:.2f}" for part, value in cost.items()))
    print(f"{model}: job {1e3 / cost['job']:.0f} frames/CPU s; over the bare pass {against['bare']:.3f}, over that of the tower made ready {against['ready']:.3f}, over stock use {against['stock']:.3f} "
          f"(n={rounds})")


if __name__ == "__main__":
    words = sys.argv[1:]
    model, frames, rounds, folder = (*words, *("ViT-B-32", "64", "3", "")[len(words):])
    main(model, int(frames), int(rounds), Path(folder) if folder else None)
