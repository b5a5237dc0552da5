"""What the embedded CLIP says of drawn pictures and of photographs: known, claimed, and right.

    python tests/bench/label_unknown.py [FOLDER OF PICTURES]
"""

import io
import random
import sys
from pathlib import Path

from PIL import Image

from jobs.label import clip, tags, vocabulary
from jobs.label.familiar import familiar
from jobs.train import world
from schemas.settings import Label


def stored(picture: Image.Image) -> Image.Image:
    """As the clean pass stores it: short side 224, JPEG."""
    scale = 224 / min(picture.size)
    sink = io.BytesIO()
    picture.convert("RGB").resize((round(picture.width * scale), round(picture.height * scale))).save(sink, "JPEG", quality=85)
    return Image.open(sink).convert("RGB")


def main(folder: Path) -> None:
    tower = clip.tower(Label(), "cpu")
    known, groups = familiar(tower), tags.classes(tower, vocabulary.groups(Label()))
    scenes = random.Random(1).sample(list(world.scenes()), 200)
    drawn = [stored(Image.fromarray(world.render(s, width=398, height=224, frames=1, seed=3)[0])) for s in scenes]
    photos = []
    for file in sorted(folder.glob("*")):
        try:
            photos.append(stored(Image.open(file)))
        except OSError:
            continue
    for name, pictures in (("drawn", drawn), ("photographs", photos)):
        vectors = tower.image(pictures)
        passed = [known.knows(vectors[i : i + 1]) for i in range(len(vectors))]
        said = [{g.name: tags.claimed(tags.probabilities(g, vectors[i : i + 1], tower.scale), 1)[0][0] for g in groups}
                if passed[i] else {g.name: "unknown" for g in groups} for i in range(len(vectors))]
        claims = sum(any(tag != "unknown" for tag in row.values()) for row in said)
        print(f"{name}: n={len(pictures)} known {sum(passed) / len(passed):.3f}, with any tag {claims / len(said):.3f}")
        if name == "drawn":
            for g in groups:
                right = sum(row[g.name] == s.attributes.get(g.name, "unknown") for row, s in zip(said, scenes, strict=True))
                print(f"  {g.name}: {right / len(scenes):.3f} right (unknown where the scene has none)")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2].parent / "shared" / "media" / "image"))
