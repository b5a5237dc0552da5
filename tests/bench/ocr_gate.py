"""Which frames the OCR reads: lines drawn on real footage without text, and that footage as it is.

    python tests/bench/ocr_gate.py LAKE [LINES] [SEED] [HALF OF THE SOURCES: 0 or 1]

Clips in whose frames the reader finds nothing are the footage; LINES are drawn on it (English and Chinese, 2 to 10 % of the height, light,
dark, outlined, coloured, boxed), and those that the reader reads to 0.6 and more of their signs can matter. `before` is the estimate of the
decode pass on that frame, from 0.002; `now` is `ocr.may_hold_text`.
"""

import difflib
import io
import random
import sys
import time
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jobs.clean.measures.text import LEAST_HEIGHT, _cover
from jobs.generate.lettering import FONT
from jobs.label.labelers import ocr
from jobs.label.pixels import decoded
from jobs.lake import Lake
from schemas import CLIPS
from schemas.settings import Label

EN = ("Subscribe now", "Sale 50% off", "Welcome to Lisbon", "breaking news tonight", "Episode 12", "he said nothing for years", "Keep refrigerated")
ZH = ("今天去了西藏", "欢迎来到北京", "点赞关注", "第三集", "美食教程每天更新", "风景真的很美", "注意安全", "生日快乐")
READ = 0.6
ESTIMATED = 0.002


def drawn(base: Image.Image, text: str, size: float, style: str, rng: random.Random) -> bytes | None:
    """The picture with a line whose signs are `size` of its height, as it is stored; None where the line is too long."""
    width, height = base.width * 3, base.height * 3
    big = base.resize((width, height), Image.Resampling.BICUBIC)
    draw, font = ImageDraw.Draw(big), ImageFont.truetype(str(FONT), round(size * height))
    right, bottom = draw.textbbox((0, 0), text, font=font)[2:]
    if right > width - 20:
        return None
    x, y = rng.randint(5, int(width - right - 5)), rng.randint(5, int(height - bottom - 8))
    if style == "boxed":
        draw.rectangle((x - 6, y - 6, x + right + 6, y + bottom + 6), fill=(20, 20, 30))
    fill = {"light": (255, 255, 255), "dark": (0, 0, 0), "outlined": (255, 230, 0), "boxed": (240, 240, 240)}.get(
        style, tuple(rng.randint(0, 255) for _ in range(3)))
    outline: dict[str, Any] = {"stroke_width": max(1, round(size * height / 14)), "stroke_fill": (0, 0, 0)} if style == "outlined" else {}
    draw.text((x, y), text, font=font, fill=fill, **outline)
    sink = io.BytesIO()
    big.resize(base.size, Image.Resampling.LANCZOS).save(sink, "JPEG", quality=85)
    return sink.getvalue()


def estimated(picture: Any) -> bool:
    """Whether the estimate of the decode pass, on this frame, reaches its former border."""
    y = np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    covered = np.zeros(y.shape, np.uint8)
    hats = [cv2.morphologyEx(y, kind, np.ones((5, 5), np.uint8)) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    assert LEAST_HEIGHT == 55
    return sum(_cover(y, hat, covered) for hat in hats) > 0 and cv2.countNonZero(covered) >= ESTIMATED * y.size


def share(text: str, read: str) -> float:
    """Share of the signs of a text that were read, in order."""
    want, got = ("".join(c for c in t.lower() if c.isalnum()) for t in (text, read))
    return sum(m.size for m in difflib.SequenceMatcher(None, got, want, autojunk=False).get_matching_blocks()) / len(want)


def main(root: str, lines: int, seed: int, half: int) -> None:
    rng, state = random.Random(seed), ocr.load(Label(), "cpu")
    lake = Lake(root).open(create=False)
    version = lake.version(CLIPS, str(lake.current("measure")))
    assert version is not None
    rows = version.read(["source_id", "frames"]).to_pylist()
    mine = set(sorted({row["source_id"] for row in rows})[half::2])
    clips = [[p for f in row["frames"] or () if (p := decoded(f["jpeg"])) is not None] for row in rows if row["source_id"] in mine]
    clips = [c for c in clips if c and not any(ocr.read(state.engine, p) for p in c)]
    footage = [p for c in clips for p in c]
    seen: list[tuple[float, str, str, bool, bool]] = []
    bases = [p for p in footage if min(p.shape[:2]) > 150]
    for _ in range(lines):
        lang, style, size = rng.choice(("en", "zh")), rng.choice(("light", "dark", "outlined", "colour", "boxed")), rng.uniform(0.02, 0.1)
        text = rng.choice(EN if lang == "en" else ZH)
        jpeg = drawn(Image.fromarray(rng.choice(bases)), text, size, style, rng)
        if jpeg is None or (picture := decoded(jpeg)) is None:
            continue
        if share(text, "".join(b.text for b in ocr.read(state.engine, picture))) >= READ:
            seen.append((size, style, lang, estimated(picture), ocr.may_hold_text(state, picture)))
    sizes = ((0.02, 0.035), (0.035, 0.05), (0.05, 0.075), (0.075, 0.1))
    kinds = {f"{low:.1%} to {high:.1%}": [s for s in seen if low <= s[0] < high] for low, high in sizes}
    kinds |= {name: [s for s in seen if name in s[1:3]] for name in ("light", "dark", "outlined", "colour", "boxed", "en", "zh")} | {"all": seen}
    for name, some in kinds.items():
        if some:
            print(f"{name}: n={len(some)} before {np.mean([s[3] for s in some]):.2f} now {np.mean([s[4] for s in some]):.2f}")
    spent = time.process_time()
    now = [ocr.may_hold_text(state, p) for p in footage]
    cost = (time.process_time() - spent) / len(footage)
    print(f"frames without text: n={len(footage)} before {np.mean([estimated(p) for p in footage]):.2f} now {np.mean(now):.2f}; {cost:.4f} CPU s each")


if __name__ == "__main__":
    words = sys.argv[1:]
    main(words[0], *(int(w) for w in (*words[1:], *("200", "1", "0")[len(words) - 1:])))
