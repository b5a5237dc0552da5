"""Pictures to train on: of their range, of their seed, and as their names say."""

import numpy as np
import torch

from jobs.train import world
from jobs.train.clip import Matching, _never_together
from jobs.train.codes import Codes
from jobs.train.data import Clips
from jobs.train.pictures import SIDE_PX, relit, roughen, strangers


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def painted(place: str, time: str) -> torch.Tensor:
    scene = world.Scene(place=place, time=time, weather="clear", camera="left")
    frame = world.render(scene, width=SIDE_PX, height=SIDE_PX, frames=1, seed=1)[0]
    return torch.from_numpy(frame).permute(2, 0, 1).float()[None] / 255


def test_strangers_are_as_many_as_asked_for_each_another_and_of_their_seed() -> None:
    made = strangers(64, seeded())
    assert made.shape == (64, 3, SIDE_PX, SIDE_PX)
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1
    assert torch.equal(made, strangers(64, seeded()))
    apart = torch.cdist(made.flatten(1), made.flatten(1))
    alike = (apart < 1e-3).float().sum(1)
    assert int((alike > 1).sum()) <= 16, "only black ones are alike"


def test_another_light_changes_the_colours_of_a_place_and_keeps_its_edges() -> None:
    day, night = painted("mountains", "day"), painted("sea", "night")
    made = relit(day.expand(36, -1, -1, -1).clone(), night.expand(36, -1, -1, -1), seeded())
    assert made.shape == (36, 3, SIDE_PX, SIDE_PX)
    assert 0 <= float(made.min()) <= float(made.max()) <= 1
    assert float(made[:12].mean()) < float(night.mean() + day.mean()) / 2, "the first are darker row by row"
    as_night = made[12:24].mean((0, 2, 3))
    assert torch.allclose(as_night, night.mean((0, 2, 3)), atol=0.06), "the next have the colours of the other picture"
    assert float((made[24:].mean((1, 2, 3)) - day.mean()).abs().mean()) > 0.1

    def edges(pictures: torch.Tensor) -> np.ndarray:
        across = pictures.mean(1).diff(dim=1).flatten(1)
        return (across - across.mean(1, keepdim=True)).numpy()

    before, after = edges(day)[0], edges(made[:24])
    assert min(np.corrcoef(before, row)[0, 1] for row in after) > 0.6


def test_roughening_keeps_range_and_shape() -> None:
    made = roughen(strangers(16, seeded()), seeded(1))
    assert made.shape == (16, 3, SIDE_PX, SIDE_PX)
    assert 0 <= float(made.min()) <= float(made.max()) <= 1


def test_values_that_no_clip_shows_together_are_known() -> None:
    truth = {"place": torch.tensor([0, 0, 1, -1]), "time": torch.tensor([0, 1, 0, -1]), "shape": torch.tensor([-1, -1, -1, 1])}
    never = _never_together(truth, {"place": 2, "time": 2, "shape": 2})
    assert never["place"].tolist() == [[False, False], [False, True], [False, False], [False, False]], "place 1 is never seen at time 1"
    assert never["time"].tolist() == [[False, False], [False, False], [False, True], [False, False]]
    assert not never["shape"].any()


def matching_of(*attributes: dict[str, str]) -> Matching:
    frames = np.zeros((len(attributes), 16, SIDE_PX, SIDE_PX, 3), np.uint8)
    model = torch.nn.Module()
    model.logit_scale = torch.nn.Parameter(torch.tensor(3.0))
    return Matching(model, None, Clips(frames, tuple(range(len(attributes))), ("",) * len(attributes), attributes), batch=2, device="cpu")  # type: ignore[arg-type]


def test_of_a_clip_only_what_is_said_of_it_is_asked() -> None:
    """A sea in the light of no hour: its place is asked, and no hour is told to be none."""
    matching, codes = matching_of({"place": "sea", "weather": "fog"}, {"place": "lake", "weather": "fog"}), Codes(128)
    image = torch.nn.functional.normalize(codes._of["time", "day"] + codes._of["place", "lake"], dim=0)[None].requires_grad_(True)
    loss = matching.apart(image, torch.tensor([0]), torch.tensor([True]))
    loss.backward()
    assert image.grad is not None
    assert abs(float((image.grad @ codes._of["time", "day"]).squeeze())) < 1e-6
    assert float((image.grad @ codes._of["place", "lake"]).squeeze()) > 0.01
    assert torch.isfinite(loss)


def test_a_picture_is_not_taught_that_a_combination_no_clip_shows_does_not_exist() -> None:
    """The tundra is shown by day alone: what is learnt of a night must not depend on how much of the tundra is in it."""
    shown = (("sea", "night"), ("sea", "day"), ("tundra", "day"))
    attributes = tuple({"place": place, "time": time, "weather": "clear", "camera": "in"} for place, time in shown)
    matching = matching_of(*attributes)
    codes = Codes(128)
    visible = [{k: v for k, v in a.items() if k != "camera"} for a in attributes]
    tundra = codes._of["place", "tundra"]
    every, picked = torch.tensor([True]), torch.tensor([0])
    pure = codes(visible[0])[None]
    mixed = torch.nn.functional.normalize(pure + tundra, dim=1)
    image = mixed.clone().requires_grad_(True)
    matching.apart(image, picked, every).backward()
    assert image.grad is not None
    assert abs(float((image.grad @ tundra).squeeze())) < 1e-6
    by_day = torch.nn.functional.normalize(codes(visible[1])[None] + tundra, dim=1).requires_grad_(True)
    matching.apart(by_day, torch.tensor([1]), every).backward()
    assert float((by_day.grad @ tundra).squeeze()) > 0.01, "by day the sea is told from it"
