"""The training loop all models share: a budget, one cosine, an averaged copy of the weights, checkpoints and resume.

With a budget of steps the same seed gives the same weights on a processor; with a budget of seconds the number of steps depends
on the machine. On a GPU it runs in bfloat16 and asks for deterministic kernels, which not every operation has.
"""

from __future__ import annotations

import copy
import io
import math
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn
from tqdm import tqdm

from jobs.errors import Terminal

CHECKPOINT = "checkpoint.pt"
LOOK_EVERY = 20
"""Steps between looks at the loss; a look makes the processor wait for the GPU."""


@dataclass(frozen=True)
class Budget:
    """When to stop: after `steps`, or after `seconds` of wall clock, whichever comes first."""

    seconds: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.steps is None:
            raise ValueError("a budget needs seconds or steps")

    def part(self, share: float) -> Budget:
        """So much of it; of steps one at least."""
        return Budget(self.seconds and self.seconds * share, self.steps and max(1, round(self.steps * share)))

    def spent(self, step: int, elapsed_s: float) -> float:
        return max(step / self.steps if self.steps else 0.0, elapsed_s / self.seconds if self.seconds else 0.0)


@dataclass(frozen=True)
class Plan:
    """How to train. `average` is the decay of the averaged weights, which are the ones that count. A checkpoint is written after so
    many seconds, and each time that so much of the budget is spent."""

    budget: Budget
    seed: int
    learning_rate: float
    weight_decay: float
    betas: tuple[float, float]
    device: str = "cpu"
    average: float = 0.995
    warm_up_steps: int = 40
    checkpoint_every_s: float = 120.0
    checkpoint_every_share: float = 0.1


@dataclass(frozen=True)
class Trained:
    """What came out, on the processor, and what it cost over all resumed parts."""

    model: torch.nn.Module
    steps: int
    cpu_seconds: float
    wall_seconds: float


def there(device: str, generator: torch.Generator) -> torch.Generator:
    """A generator on the device, seeded by the next number of this one: no draw waits for the GPU."""
    return torch.Generator(device).manual_seed(int(torch.randint(2**62, (1,), generator=generator)))


def optimise(
    model: torch.nn.Module,
    loss: Callable[[torch.Generator], torch.Tensor],
    plan: Plan,
    *,
    folder: Path,
    resume: bool,
    label: str,
) -> Trained:
    """Minimise `loss`, which draws its own batch from the generator it is given, on the plan's device.

    Raises:
        Terminal: the loss is no longer a number, or the checkpoint to go on from is damaged.
    """
    cuda = plan.device == "cuda"
    if cuda:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False
    model.to(plan.device)
    parameters = list(model.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=plan.learning_rate, betas=plan.betas, weight_decay=plan.weight_decay, fused=cuda)
    averaged = copy.deepcopy(model).requires_grad_(False)
    slow, fast = [[v for v in m.state_dict().values() if v.is_floating_point()] for m in (averaged, model)]
    generator = torch.Generator().manual_seed(plan.seed)
    step, wall_before, cpu_before = 0, 0.0, 0.0
    if resume and (folder / CHECKPOINT).exists():
        try:
            state = torch.load(folder / CHECKPOINT, weights_only=True, map_location=plan.device)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise Terminal(f"{folder / CHECKPOINT}: this checkpoint is damaged ({str(error)[:100]}); train with --fresh") from None
        model.load_state_dict(state["model"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
        step, wall_before, cpu_before = state["step"], state["wall_seconds"], state["cpu_seconds"]
        generator.set_state(state["generator"].cpu())
    wall_start, cpu_start, saved_at = time.monotonic(), time.process_time(), time.monotonic()
    saved_share = plan.budget.spent(step, wall_before)

    def elapsed() -> float:
        return wall_before + time.monotonic() - wall_start

    def cpu() -> float:
        return cpu_before + time.process_time() - cpu_start

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "averaged": averaged.state_dict(),
            "optimiser": optimiser.state_dict(),
            "step": step,
            "wall_seconds": elapsed(),
            "cpu_seconds": cpu(),
            "generator": generator.get_state(),
        }
        whole = io.BytesIO()
        torch.save(state, whole)  # into memory: of a full disk PyTorch makes an error of another kind
        (folder / "checkpoint.part").write_bytes(whole.getbuffer())
        (folder / "checkpoint.part").replace(folder / CHECKPOINT)

    folder.mkdir(parents=True, exist_ok=True)
    running = torch.zeros((), device=plan.device)
    with tqdm(desc=label, initial=step, total=plan.budget.steps, mininterval=2.0) as bar:
        while (done := plan.budget.spent(step, elapsed())) < 1:
            warm = min(1.0, (step + 1) / plan.warm_up_steps)
            for group in optimiser.param_groups:
                group["lr"] = plan.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
            with torch.autocast("cuda", torch.bfloat16, enabled=cuda):
                value = loss(generator)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            step += 1
            get_ema_multi_avg_fn(min(plan.average, (1 + step) / (10 + step)))(slow, fast, step)
            running = torch.lerp(running, value.detach(), max(0.02, 1 / step))
            bar.update(1)
            if step % LOOK_EVERY == 0:
                now = float(running)
                if not math.isfinite(now):
                    raise Terminal(f"the training of {label} diverged at step {step}: its loss is {now}; give fewer steps or another seed")
                bar.set_postfix(loss=f"{now:.4f}", spent=f"{done:.0%}", refresh=False)
            if time.monotonic() - saved_at > plan.checkpoint_every_s or done - saved_share >= plan.checkpoint_every_share:
                save()
                saved_at, saved_share = time.monotonic(), done
    save()
    return Trained(averaged.cpu(), step, cpu(), elapsed())
