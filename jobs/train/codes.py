"""One direction in space per attribute value: what both embedded models learn texts and pictures to be made of.

The directions are orthogonal, so that whatever mixes them can be read apart again, and a combination that was never seen lies
where its parts say it must.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from jobs.train import words


class Codes:
    """Orthonormal directions of `width` numbers: one for texts of nothing in the world, one for each value of an attribute; the rest are free.

    Attributes:
        taken: The directions that mean something, as rows. A picture of nothing in the world has no part in them.
    """

    def __init__(self, width: int) -> None:
        basis = torch.linalg.qr(torch.randn(width, width, generator=torch.Generator().manual_seed(0)))[0]
        pairs = [(key, value) for key, names in words.ENGLISH.items() for value in names]
        self.strange_text, self.taken = basis[0], basis[: len(pairs) + 1]
        self._of = {pair: basis[i + 1] for i, pair in enumerate(pairs)}

    def __call__(self, attributes: Mapping[str, str]) -> torch.Tensor:
        """A unit vector: the even mix of the directions of the attributes, or that of strange texts when there is none."""
        if not attributes:
            return self.strange_text
        return torch.stack([self._of[pair] for pair in attributes.items()]).sum(0) / len(attributes) ** 0.5

    def values(self, key: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """All values of an attribute and their directions as rows."""
        names = tuple(words.ENGLISH[key])
        return names, torch.stack([self._of[key, name] for name in names])
