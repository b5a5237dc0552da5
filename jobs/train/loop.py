"""The training loop both models share: a budget, one cosine, an averaged copy of the weights, checkpoints and resume.

With a budget of steps the same seed gives the same weights; with a budget of seconds the number of steps depends on the machine.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from tqdm import tqdm

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Budget:
    """When to stop: after `steps`, or after `seconds` of wall clock, whichever comes first."""

    seconds: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.steps is None:
            raise ValueError("a budget needs seconds or steps")

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
    average: float = 0.995
    warm_up_steps: int = 40
    checkpoint_every_s: float = 120.0
    checkpoint_every_share: float = 0.1


@dataclass(frozen=True)
class Trained:
    """What came out, and what it cost over all resumed parts and processes."""

    model: torch.nn.Module
    steps: int
    cpu_seconds: float
    wall_seconds: float


def optimise(
    model: torch.nn.Module,
    loss: Callable[[torch.Generator], torch.Tensor],
    plan: Plan,
    *,
    folder: Path,
    resume: bool,
    label: str,
) -> Trained:
    """Minimise `loss`, which draws its own batch from the generator it is given.

    Inside an initialised process group the gradients are averaged over the processes; the first one keeps the checkpoint.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    parameters = list(model.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=plan.learning_rate, betas=plan.betas, weight_decay=plan.weight_decay)
    averaged = copy.deepcopy(model).requires_grad_(False)
    generator = torch.Generator().manual_seed(plan.seed * 1000 + rank)
    step, wall_before, cpu_before = 0, 0.0, 0.0
    if resume and (folder / CHECKPOINT).exists():
        state = torch.load(folder / CHECKPOINT, weights_only=True)
        model.load_state_dict(state["model"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
        step, wall_before, cpu_before = state["step"], state["wall_seconds"], state["cpu_seconds"]
        generator.set_state(state["generator"]) if rank == 0 else generator.manual_seed(plan.seed * 1000 + rank + step)
    wall_start, cpu_start, saved_at = time.monotonic(), time.process_time(), time.monotonic()
    saved_share = plan.budget.spent(step, wall_before)

    def elapsed() -> float:
        return wall_before + time.monotonic() - wall_start

    def spent() -> Trained:
        return Trained(averaged, step, cpu_before + (time.process_time() - cpu_start) * world, elapsed())

    def save() -> None:
        facts = spent()
        state = {
            "model": model.state_dict(),
            "averaged": averaged.state_dict(),
            "optimiser": optimiser.state_dict(),
            "step": step,
            "wall_seconds": facts.wall_seconds,
            "cpu_seconds": facts.cpu_seconds,
            "generator": generator.get_state(),
        }
        torch.save(state, folder / "checkpoint.part")
        (folder / "checkpoint.part").replace(folder / CHECKPOINT)

    folder.mkdir(parents=True, exist_ok=True)
    running = 0.0
    with tqdm(desc=label, initial=step, total=plan.budget.steps, disable=rank > 0, mininterval=2.0) as bar:
        while (done := _agree(plan.budget.spent(step, elapsed()))) < 1:
            warm = min(1.0, (step + 1) / plan.warm_up_steps)
            for group in optimiser.param_groups:
                group["lr"] = plan.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
            value = loss(generator)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            _average_gradients(parameters)
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            step += 1
            keep = min(plan.average, (1 + step) / (10 + step))
            for slow, fast in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
                slow.lerp_(fast, 1 - keep) if slow.is_floating_point() else slow.copy_(fast)
            running = value.item() if step == 1 else 0.98 * running + 0.02 * value.item()
            bar.update(1)
            bar.set_postfix(loss=f"{running:.4f}", spent=f"{done:.0%}", refresh=False)
            late = time.monotonic() - saved_at > plan.checkpoint_every_s or done - saved_share >= plan.checkpoint_every_share
            if rank == 0 and late:
                save()
                saved_at, saved_share = time.monotonic(), done
    if rank == 0:
        save()
    return spent()


def _agree(spent: float) -> float:
    """The first process's view of the budget, so that all stop at the same step."""
    if not dist.is_initialized():
        return spent
    shared = torch.tensor([spent], dtype=torch.float64)
    dist.broadcast(shared, 0)
    return float(shared)


def _average_gradients(parameters: list[torch.nn.Parameter]) -> None:
    if not dist.is_initialized():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
