"""One direction in space per attribute value: what both embedded models learn texts and pictures to be made of.

The directions are orthogonal, so that whatever mixes them can be read apart again, and a combination that was never seen lies
where its parts say it must.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from jobs.train import words
from jobs.train.canvas import Array
from jobs.train.sky import LIGHT, SKIES, described


class Codes:
    """Orthonormal directions of `width` numbers: one for texts of nothing in the world, one for each value of an attribute; the rest are free.

    Args:
        lit: Hours are told as the lights they are (`sky.described`), as any other light can be, in directions that are free otherwise. What
            was learnt of a place in lights that have no name is then learnt for the hours as well, also for one it was never seen at.

    Attributes:
        taken: The directions that mean something, as rows. A picture of nothing in the world has no part in them.
    """

    def __init__(self, width: int, *, lit: bool = False) -> None:
        basis = torch.linalg.qr(torch.randn(width, width, generator=torch.Generator().manual_seed(0)))[0]
        pairs = [(key, value) for key, names in words.ENGLISH.items() for value in names]
        self.strange_text, self.taken = basis[0], basis[: len(pairs) + 1]
        self._lights = basis[-LIGHT:]
        self._of = {pair: basis[i + 1] for i, pair in enumerate(pairs)}
        if lit:
            self._of |= {("time", hour): self._light(described(sky)) for hour, sky in SKIES.items()}

    def __call__(self, attributes: Mapping[str, str], light: Array | None = None) -> torch.Tensor:
        """About a unit vector: the even mix of the directions of the attributes and the light, or that of strange texts when there is none."""
        if not attributes:
            return self.strange_text
        parts = self.parts(attributes, light)
        return parts.sum(0) / len(parts) ** 0.5

    def parts(self, attributes: Mapping[str, str], light: Array | None = None) -> torch.Tensor:
        """The directions of the attributes and of a light that has no name, as rows."""
        return torch.stack([*(self._of[pair] for pair in attributes.items()), *([] if light is None else [self._light(light)])])

    def _light(self, light: Array) -> torch.Tensor:
        return torch.from_numpy(light) @ self._lights / LIGHT**0.5

    def values(self, key: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """All values of an attribute and their directions as rows."""
        names = tuple(words.ENGLISH[key])
        return names, torch.stack([self._of[key, name] for name in names])
