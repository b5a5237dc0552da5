"""Makes the README's pictures from a finished demo: python infra/pictures/make.py DEMO_FOLDER

The report is photographed by headless Chromium (CHROMIUM names the command).
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
from PIL import Image

HERE = Path(__file__).parent
PROMPTS = (
    "a city at night, clear, the camera moves right", "mountains at sunset, clear", "海边的清晨，雾", "沙漠的傍晚",
    "森林，清晨，晴朗", "an orange heart moves to the right on a grey background", "绿色的圆形向上移动", "a purple star moves down",
)
SOURCES = ("tibet.mp4", "seaside.mp4", "downtown.mp4", "dunes.mp4", "rainy-wood.mp4", "far-north.mp4", "red-heart.mp4", "contact.mp4")


def frames(path: Path, count: int) -> list[Image.Image]:
    """So many frames at even distances."""
    with av.open(str(path)) as container:
        every = [frame.to_image() for frame in container.decode(video=0)]
    return [every[(2 * i + 1) * len(every) // (2 * count)] for i in range(count)]


def sheet(rows: Sequence[Sequence[Image.Image]], width: int, gap: int = 6) -> Image.Image:
    """Pictures in rows, each of the same width."""
    small = [[p.resize((width, round(p.height * width / p.width)), Image.Resampling.LANCZOS) for p in row] for row in rows]
    tall = [max(p.height for p in row) for row in small]
    page = Image.new("RGB", (max(len(row) for row in small) * (width + gap) - gap, sum(tall) + gap * (len(rows) - 1)), "white")
    y = 0
    for row, height in zip(small, tall, strict=True):
        for i, picture in enumerate(row):
            page.paste(picture, (i * (width + gap), y))
        y += height + gap
    return page


def photographed(page: Path, height: int) -> Image.Image:
    """The top of a page as a browser shows it."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        words = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size=1200,{height}", f"--screenshot={shot}")
        subprocess.run([os.environ.get("CHROMIUM", "chromium"), *words, page.resolve().as_uri()], check=True, capture_output=True)
        return Image.open(shot).convert("RGB")


def drawn(prompts: Sequence[str]) -> Image.Image:
    """Four frames of what the embedded text-to-video model makes of each prompt, two prompts a row."""
    from jobs.generate.profile import EMBEDDED
    from jobs.train import t2v

    clips = t2v.draw(t2v.load(EMBEDDED), prompts, seed=7)
    rows = [[Image.fromarray(clip[i]) for i in (1, 5, 10, 14)] for clip in clips]
    return sheet([rows[i] + rows[i + 1] for i in range(0, len(rows), 2)], 128, gap=2)


def main(demo: Path) -> None:
    """The four pictures."""
    drawn(PROMPTS).save(HERE / "model.jpg", quality=92)
    of = [frames(demo / "sources" / name, 1)[0] for name in SOURCES]
    sheet([of[:4], of[4:]], 300).save(HERE / "corpus.jpg", quality=88)
    photographed(demo / "report.html", 1500).resize((900, 1125), Image.Resampling.LANCZOS).save(HERE / "report.png", optimize=True)
    sheet([frames(video, 6) for video in sorted((demo / "videos").glob("*.mp4"))], 200).save(HERE / "videos.jpg", quality=88)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
