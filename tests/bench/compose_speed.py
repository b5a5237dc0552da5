"""Composition against real time, and what our loop adds to the bare pipeline call. Run by hand:

    python tests/bench/compose_speed.py                       # 720p in all three aspects
    python tests/bench/compose_speed.py --loop N [--model M]  # N clips at batch 1, by part

Prints JSON lines. CPU seconds are user and system time of this process and its children, the measuring child among them.
`real_time` is seconds of video for each second on the wall, `cpu_real_time` for each second of one core; goal: 2 on two free cores.

The loop runs the job's own work function. Each pipeline call in it is the bare call: nothing of ours is inside. Around it:
`write` encodes the asset and its thumbnail; `judge` is the measuring pass, the policy, the safety labeler and the similarity, all of
which a collected clip gets as well; `loop` is the rest: the request, frames as bytes, ids, rows. Goal: at most 5 % of the pipeline.
Rounds are interleaved with rounds of bare calls outside the loop, which must cost the same: `bare` beside `pipeline`.
"""

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil

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
            lines = script.lines([text], lang, narrator.languages("espeak"))
            speech = narrator.narrate(narrator.load("espeak"), lines, {0: 0.0})
            canvas = Canvas(aspect, 720, 24)
            wall, cpu = time.perf_counter(), time.process_time()
            video = compose(scenes(1), speech, canvas, label=mark.overlay("AI生成", *canvas.size), lang=lang)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(json.dumps({"aspect": aspect, "lang": lang, "video_s": round(speech.duration_s, 2), "wall_s": round(wall, 2),
                              "cpu_s": round(cpu, 2), "real_time": round(speech.duration_s / wall, 2),
                              "cpu_real_time": round(speech.duration_s / cpu, 2), "bytes": len(video), "load": round(os.getloadavg()[0], 1)}))


CHILDREN: list[psutil.Process] = []


def cpu_s() -> float:
    """CPU seconds of this process and its children, which are found before the rounds begin."""
    return time.process_time() + sum(sum(child.cpu_times()[:2]) for child in CHILDREN)


def loop(count: int, model: str) -> None:
    """The same asks through the bare pipeline, one at a time, and through the job's work function."""
    import torch

    from jobs.generate import asset, job, judge
    from jobs.generate.generator import Ask, resident
    from schemas.loading import load

    settings = load([f"generate.model={model}", "generate.batch=1", "generate.reseeds=0", "policy.preset=everything"])
    generator: Any = resident(settings)
    shots = [job.ShotTask(f"p{i}", 0, "snowy mountains in the daytime, under a clear sky, the camera pans right", 0, "1:1")
             for i in range(count)]
    job.work(job.Batch(shots[:1], "h", "r"), settings)  # starts the measuring child and the similarity model
    CHILDREN[:] = psutil.Process().children(recursive=True)
    width, height = generator._size("1:1")
    pipe = generator.pipe
    spent: defaultdict[str, float] = defaultdict(float)

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            begun = cpu_s()
            try:
                return work(*args, **kwargs)
            finally:
                spent[name] += cpu_s() - begun

        return run

    def bare() -> None:
        for shot in shots:
            with torch.inference_mode():
                pipe(**generator.request([Ask(shot.prompt, shot.seed_of(0), "1:1")], width, height))

    def ours() -> None:
        for shot in shots:
            job.work(job.Batch((shot,), "h", "r"), settings)

    generator.pipe = timed("pipeline", pipe)
    asset.encoded, asset.thumbnail = timed("write", asset.encoded), timed("write", asset.thumbnail)  # type: ignore[assignment]
    judge.judge = timed("judge", judge.judge)  # type: ignore[assignment]
    rounds: list[dict[str, float]] = []
    for _ in range(5):
        spent.clear()
        timed("bare", bare)()
        timed("work", ours)()
        spent["loop"] = spent["work"] - spent["pipeline"] - spent["write"] - spent["judge"]
        rounds.append({name: seconds / count for name, seconds in spent.items()})
    low = {name: float(np.median([r[name] for r in rounds])) for name in rounds[0]}
    print(json.dumps({"model": generator.family, "clips": count, "rounds": len(rounds), **{f"{n}_cpu_s": round(v, 4) for n, v in low.items()},
                      "loop_share": round(low["loop"] / low["pipeline"], 4), "write_share": round(low["write"] / low["pipeline"], 4),
                      "judge_share": round(low["judge"] / low["pipeline"], 4)}))


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--loop", type=int, default=0)
    words.add_argument("--model", default="embedded")
    asked = words.parse_args()
    if asked.loop:
        loop(asked.loop, asked.model)
    else:
        composition()
