"""A convolutional tower made ready to look gives what it gave."""

import copy

import pytest
import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import VisionTransformer

from jobs.label.convolved import made_ready


@pytest.fixture
def tower() -> ModifiedResNet:
    """One that has learnt something: every number of it is random."""
    torch.manual_seed(1)
    made = ModifiedResNet([2, 1, 1, 1], output_dim=24, heads=4, image_size=64, width=8)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values, least in ((module.running_mean, -0.5), (module.running_var, 0.5), (module.weight, 0.5), (module.bias, -0.5)):
                torch.nn.init.uniform_(values, least, least + 1)
    for projection in (made.attnpool.q_proj, made.attnpool.k_proj, made.attnpool.v_proj):
        torch.nn.init.normal_(projection.bias)
    return made.eval().requires_grad_(False)


def test_vectors_are_those_of_the_tower_as_it_was(tower: ModifiedResNet) -> None:
    pixels = torch.randn(5, 3, 64, 64)
    wanted = tower(pixels)
    ready = copy.deepcopy(tower)
    made_ready(ready)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in ready.modules())
    assert torch.allclose(ready(pixels), wanted, rtol=1e-4, atol=1e-4 * float(wanted.std()))
    assert torch.equal(copy.deepcopy(ready)(pixels), ready(pixels))


def test_a_copy_that_is_moved_looks_with_the_numbers_it_was_moved_with(tower: ModifiedResNet) -> None:
    pixels = torch.randn(2, 3, 64, 64)
    made_ready(tower)
    before = tower(pixels)
    moved = copy.deepcopy(tower).to(memory_format=torch.channels_last).double()
    assert torch.allclose(moved(pixels.double()).float(), before, rtol=1e-4, atol=1e-4 * float(before.std()))
    assert torch.equal(tower(pixels), before)


def test_a_transformer_stays_as_it_is() -> None:
    tower = VisionTransformer(32, 16, 32, 1, 2, 2.0, output_dim=8).eval()
    before = {name: type(module) for name, module in tower.named_modules()}
    made_ready(tower)
    assert {name: type(module) for name, module in tower.named_modules()} == before
