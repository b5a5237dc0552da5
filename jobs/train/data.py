"""Training clips: from a release, or painted from the sample world.

Either way every clip is decoded once, to sixteen small square frames in a memory-mapped file, and training draws from that file in
any order. A stopped fill goes on where it stood.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from jobs.errors import Terminal
from jobs.lake import Lake, Slice
from jobs.train import words, world
from jobs.train.canvas import Array

T = TypeVar("T")
FRAMES = 16
BESIDE = 0.4
"""Share of the clips drawn for a step of which not everything is said."""


def whole(attributes: Mapping[str, str]) -> bool:
    """Whether everything is said that there is to say of a place, or of an object."""
    return attributes.keys() in (words.PLACE, words.OBJECT)


@dataclass(frozen=True)
class Clips:
    """Rows of a file of frames uint8 [N, 16, side, side, 3], and per clip the caption it came with, the attributes it names, and the light
    it stands in where that has no name."""

    frames: NDArray[np.uint8]
    rows: tuple[int, ...]
    captions: tuple[str, ...]
    attributes: tuple[dict[str, str], ...]
    lights: Mapping[int, Array] = field(default_factory=dict)
    """By row of the file, as `sky.described`."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """Frames [16, side, side, 3] of a clip, still in the file."""
        clip: NDArray[np.uint8] = self.frames[self.rows[index]]
        return clip

    def only(self, picked: Sequence[int]) -> Clips:
        """The clips at these places."""
        rows, captions = tuple(self.rows[i] for i in picked), tuple(self.captions[i] for i in picked)
        return Clips(self.frames, rows, captions, tuple(self.attributes[i] for i in picked), self.lights)

    def light(self, index: int) -> Array | None:
        """The light of a clip, if it has no name."""
        return self.lights.get(self.rows[index])

    def chance(self) -> torch.Tensor:
        """How likely each clip is drawn: places and objects come up alike often, however many there are, and of either kind the clips
        of which something is not said, if there are any, BESIDE of the time."""
        kinds = torch.tensor([2 * ("place" in a) + whole(a) for a in self.attributes])
        often = torch.bincount(kinds, minlength=4)
        share = torch.tensor([BESIDE, 1 - BESIDE] * 2) / 2
        return (share / often.clamp_min(1))[kinds]


class WorldClips(Dataset[tuple[int, NDArray[np.uint8], str]]):  # type: ignore[misc]
    """The grid of the sample world, painted `repeats` times with different seeds; places, which vary more, three times as often.

    Then what lies `beside` the grid, places in the light of no hour and objects of no named colour, so many times, places four times as
    often: they show what a place or a shape is apart from its light or colour, and say nothing of these.

    Args:
        borrow: Lights of no hour are in part those of hours (`sky.borrowed`), for a model that is told lights in numbers.
    """

    def __init__(self, *, repeats: int, seed: int, side: int, scenes: Iterable[world.Scene] | None = None, beside: int = 0,
                 borrow: bool = False) -> None:
        grid = tuple(scenes or world.scenes())
        self.items = [(scene, seed * 1000 + k) for k in range(3 * repeats) for scene in grid if scene.place or k < repeats]
        self.items += [(scene, seed * 1000 + k) for k in range(4 * beside) for scene in world.beside() if scene.place or k < beside]
        self.side, self.borrow = side, borrow

    def __len__(self) -> int:
        return len(self.items)

    def lights(self) -> dict[int, Array]:
        """Lights that have no name, by the item that stands in them."""
        found = ((i, world.light_of(scene, seed, borrow=self.borrow)) for i, (scene, seed) in enumerate(self.items) if not scene.time)
        return {i: light for i, light in found if light is not None}

    def __getitem__(self, index: int) -> tuple[int, NDArray[np.uint8], str]:
        scene, seed = self.items[index]
        frames = world.render(scene, width=self.side, height=self.side, frames=FRAMES, seed=seed, borrow=self.borrow)
        return index, frames, world.captions(scene, "en")[0]


def released(release: str, lake: str = "") -> tuple[str, list[Slice]]:
    """What a release is called, and the row groups of its training shards, after its bytes were held against its checksums.

    Args:
        release: Folder of the release, its name in the lake (the beginning of its fingerprint or `latest` will do), or a folder of
            Parquet files with the columns of `samples`.
        lake: Root of the lake, for a name.

    Raises:
        Terminal: there is no such release, its shards are not as they were written, or something of it was taken down since.
    """
    from jobs.fuse import release as releases

    folder = Path(release)
    if folder.is_dir() and not (folder / releases.FILE).is_file():
        found = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.parquet"))]
        if not found:
            raise Terminal(f"{folder}: neither a release.json nor Parquet files in it; give the folder or the name of a release")
        return folder.resolve().name, _slices(Lake(str(folder)), found)
    root = Lake(str(folder.resolve().parents[1])) if folder.is_dir() else Lake(lake).open(create=False)
    facts = releases.find(root, folder.resolve().name if folder.is_dir() else release)
    if wrong := releases.verify(root, facts):
        raise Terminal(f"release {facts['name']}: {wrong[0]}; restore it or build it again")
    if gone := releases.withdrawn(root, facts):
        raise Terminal(f"release {facts['name']} holds what was taken down since it was made ({len(gone)} sources); train on `latest`, which holds none of it")
    return facts["name"], _slices(root, [shard["path"] for shard in facts["shards"] if shard["split"] == "train"])


def stamp(piece: Slice) -> tuple[str, tuple[int, ...], int, int]:
    """What tells a slice from another of its name: groups, rows and bytes of its file, and when that was written where a disk tells."""
    facts = Lake(piece.root).fs.info(piece.path)
    return piece.path, piece.groups, int(facts["size"]), int(1e6 * facts.get("mtime", 0))


def _slices(lake: Lake, paths: Iterable[str]) -> list[Slice]:
    found = []
    for path in map(lake.path, paths):
        with lake.parquet(path) as file:
            meta = file.metadata
        found += [Slice(lake.root, path, (group,), meta.row_group(group).num_rows) for group in range(meta.num_row_groups)]
    return found


class ReleaseClips(Dataset[tuple[int, NDArray[np.uint8], str]]):  # type: ignore[misc]
    """The captioned videos among row groups of `samples`, training split only. One row group is held at a time."""

    def __init__(self, slices: Iterable[Slice], *, side: int) -> None:
        self.slices, self.side = tuple(slices), side
        self.rows = list(self._index())
        if not self.rows:
            raise Terminal("the release has no captioned videos in its training split; nothing can be learnt from it")
        at, row = self.rows[0]
        if not self.slices[at].read(["video"])["video"][row].is_valid:
            raise Terminal(f"{self.slices[at].path}: holds no videos but where they lie in their sources (fuse.cut = 'range'); build the release with fuse.cut = 'smart'")
        self._held: tuple[int, list[Any]] | None = None

    def _index(self) -> Iterator[tuple[int, int]]:
        for at, piece in enumerate(self.slices):
            facts = piece.read(["split", "modality", "caption"])
            if odd := next((field for field in facts.schema if not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type) or pa.types.is_null(field.type))), None):
                raise Terminal(f"{piece.path}: the column {odd.name!r} holds {odd.type} and no texts as in `samples`")
            for row, fact in enumerate(facts.to_pylist()):
                if fact["split"] == "train" and fact["modality"] == "video" and fact["caption"]:
                    yield at, row

    def __len__(self) -> int:
        return len(self.rows)

    def lights(self) -> dict[int, Array]:
        """None: what captions do not say is not known."""
        return {}

    def __getitem__(self, index: int) -> tuple[int, NDArray[np.uint8], str]:
        at, row = self.rows[index]
        if self._held is None or self._held[0] != at:
            self._held = at, self.slices[at].read(["video", "caption"]).to_pylist()
        sample = self._held[1][row]
        try:
            return index, decode(sample["video"], self.side), sample["caption"]
        except (OSError, ValueError, TypeError) as error:  # those of PyAV are such ones
            slice_ = self.slices[at]
            raise Terminal(f"{slice_.path}, row group {slice_.groups[0]}, row {row}: its video cannot be decoded ({error}); leave it out of the release") from None


def decode(video: bytes, size: int) -> NDArray[np.uint8]:
    """Sixteen frames spread over a clip, their central square, `size` pixels wide."""
    import av
    from PIL import Image

    with av.open(io.BytesIO(video)) as container:
        container.streams.video[0].thread_type = "NONE"
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    if not frames:
        raise ValueError("a video of the release has no frames")
    out = np.empty((FRAMES, size, size, 3), np.uint8)
    for i, at in enumerate(np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)):
        height, width = frames[at].shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = Image.fromarray(frames[at][top : top + side, left : left + side])
        out[i] = np.asarray(square.resize((size, size), Image.Resampling.BOX))
    return out


def fill(dataset: WorldClips | ReleaseClips, folder: Path, *, workers: int) -> Clips:
    """Decode or paint every clip once into `folder`, through a DataLoader, going on where an earlier fill stopped.

    Raises:
        OSError: there is no room for all of them.
    """
    count = len(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    store, log = folder / "frames.npy", folder / "captions.jsonl"
    captions = _logged(log) if store.exists() else []
    shape = (count, FRAMES, dataset.side, dataset.side, 3)
    frames = np.lib.format.open_memmap(store, "r+" if captions else "w+", np.uint8, None if captions else shape)
    if not captions:
        _claim(store)
    if frames.shape != shape:
        raise Terminal(f"{store} holds {frames.shape[0]} clips and {count} are wanted: it belongs to another run; train with --fresh")
    rest = torch.utils.data.Subset(dataset, range(len(captions), count))
    loader = DataLoader(rest, batch_size=16, num_workers=workers, collate_fn=_as_list, worker_init_fn=_alone)
    with log.open("a" if captions else "w", encoding="utf-8") as lines, tqdm(desc="clips", initial=len(captions), total=count, mininterval=2.0) as bar:
        for batch in _told(loader):
            for index, clip, caption in batch:
                frames[index] = clip
                captions.append(caption)
            lines.writelines(json.dumps(caption, ensure_ascii=False) + "\n" for _, _, caption in batch)
            lines.flush()
            bar.update(len(batch))
    return Clips(frames, tuple(range(count)), tuple(captions), tuple(words.parse(caption) for caption in captions), dataset.lights())


def _told(loader: Iterable[T]) -> Iterator[T]:
    """What a loader gives; a Terminal of one of its workers comes as it was said, and not as the trace of another process."""
    try:
        yield from loader
    except Terminal as error:
        raise Terminal(str(error).strip().rpartition(f"{Terminal.__name__}: ")[2]) from None


def _claim(file: Path) -> None:
    """Take the room of a file that is mapped: where the disk gets full under it, the process dies without a word."""
    try:
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    except OSError:
        file.unlink()
        raise


def _logged(log: Path) -> list[str]:
    """Captions of the clips that are in the file of frames; a line that a kill cut short is dropped."""
    if not log.exists():
        return []
    whole = log.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    with log.open("r+b") as file:
        file.truncate(len(whole))
    return [json.loads(line) for line in whole.splitlines()]


def _alone(_: int) -> None:
    """One thread per worker: OpenCV would start one per core in each."""
    import cv2

    cv2.setNumThreads(0)


def _as_list(batch: list[Any]) -> list[Any]:
    return batch


def keep(clips: Clips, wanted: Callable[[dict[str, str]], bool]) -> Clips:
    """The clips whose attributes are wanted."""
    return clips.only([i for i, attributes in enumerate(clips.attributes) if wanted(attributes)])
