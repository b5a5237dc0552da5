"""Composition against real time, and what our loop adds to the bare pipeline call. Run by hand:

    python tests/bench/compose_speed.py            # 720p in all three aspects
    python tests/bench/compose_speed.py --loop N   # N clips through the loop, and bare

Prints JSON lines. `real_time` is seconds of video for each second on the wall; goal: at least 2 on two free cores. `overhead`
is what generating, encoding, measuring and judging takes over the bare calls; the measuring child is started beforehand.
"""

import argparse
import json
import os
import time
from typing import Any

import numpy as np

TEXT = (
    "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。",
    "We reached the sea at last, and sat on the warm sand with old friends.",
)


def scenes(count: int, side: int = 256) -> list[Any]:
    """Clips of 16 frames, as a small model makes them."""
    from jobs.generate.compose import Scene
    from jobs.train.world import Scene as World
    from jobs.train.world import render

    places = ("mountains", "sea", "city", "lake")
    return [
        Scene(
            render(
                World(place=places[i % 4], time="day", weather="clear", camera="right"),
                width=side,
                height=side,
                frames=16,
                seed=i,
            ),
            8.0,
        )
        for i in range(count)
    ]


def composition() -> None:
    """Seconds of the wall and of the CPU for a second of video, by aspect."""
    from jobs.generate import narrator, script
    from jobs.generate.compose import Canvas, compose
    from jobs.publish import mark

    for aspect in ("9:16", "16:9", "1:1"):
        for lang, text in zip(("zh", "en"), TEXT, strict=True):
            lines = script.lines([text], lang)
            speech = narrator.narrate(narrator.load("espeak"), lines, {0: 0.0})
            canvas = Canvas(aspect, 720, 24)
            wall, cpu = time.perf_counter(), time.process_time()
            video = compose(scenes(1), speech, canvas, label=mark.overlay("AI生成", *canvas.size), lang=lang)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(json.dumps({"aspect": aspect, "lang": lang, "video_s": round(speech.duration_s, 2), "wall_s": round(wall, 2),
                              "cpu_s": round(cpu, 2), "real_time": round(speech.duration_s / wall, 2), "bytes": len(video),
                              "load": round(os.getloadavg()[0], 1)}))


def loop(count: int, model: str) -> None:
    """The same asks through the bare pipeline, one at a time, and through the job's work function."""
    import torch

    from jobs.generate import job
    from jobs.generate.generator import Ask, resident
    from schemas.settings import load

    settings = load([f"generate.model={model}", "generate.batch=1", "generate.reseeds=0", "policy.preset=everything"])
    generator: Any = resident(settings)
    shots = [job.ShotTask(f"p{i}", 0, "snowy mountains in the daytime, under a clear sky, the camera pans right", 0, "1:1")
             for i in range(count)]
    job.work(job.Batch(shots[:1], "h", "r"), settings)  # starts the measuring child and the similarity model
    width, height = generator._size("1:1")

    def bare() -> None:
        for shot in shots:
            with torch.inference_mode():
                generator.pipe(**generator.request([Ask(shot.prompt, shot.seed_of(0), "1:1")], width, height))

    def ours() -> None:
        for shot in shots:
            job.work(job.Batch((shot,), "h", "r"), settings)

    spent = {name: [] for name in ("bare", "ours")}
    for _ in range(3):
        for name, run in (("bare", bare), ("ours", ours)):
            start = time.perf_counter()
            run()
            spent[name].append((time.perf_counter() - start) / count)
    low = {name: float(np.min(times)) for name, times in spent.items()}
    print(json.dumps({"model": generator.family, "clips": count, "bare_s": round(low["bare"], 4),
                      "ours_s": round(low["ours"], 4),
                      "added_s": round(low["ours"] - low["bare"], 4), "overhead": round(low["ours"] / low["bare"] - 1, 3),
                      "load": round(os.getloadavg()[0], 1)}))


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--loop", type=int, default=0)
    words.add_argument("--model", default="embedded")
    asked = words.parse_args()
    if asked.loop:
        loop(asked.loop, asked.model)
    else:
        composition()
