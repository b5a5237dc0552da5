"""The pass opens a source once, reads it through once, decodes every frame once, and never seeks for a sample."""

import builtins
import io
import os
from collections import Counter
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from jobs.clean.measure import measure_file
from jobs.clean.seen import Seen
from jobs.media.encode import encode_video
from schemas.settings import Measure

FRAMES, RATE = 150, 25


class Counted:
    """A container that counts what is asked of it."""

    def __init__(self, container: Any, count: Counter[str]) -> None:
        self._container, self._count = container, count

    def __enter__(self) -> "Counted":
        self._container.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._container.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def seek(self, *args: Any, **kwargs: Any) -> None:
        self._count["seeks"] += 1
        self._container.seek(*args, **kwargs)

    def demux(self, *streams: Any) -> Any:
        self._count["demuxes"] += 1
        for packet in self._container.demux(*streams):
            yield CountedPacket(packet, self._count)


class CountedPacket:
    def __init__(self, packet: Any, count: Counter[str]) -> None:
        self._packet, self._count = packet, count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._packet, name)

    def decode(self) -> Any:
        self._count["packets decoded"] += self._packet.size > 0
        frames = self._packet.decode()
        self._count.update(type(frame).__name__ for frame in frames)
        return frames


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Of opens by name, bytes read, containers, seeks, demuxes, packets and frames."""
    found: Counter[str] = Counter()
    open_, os_open, av_open, see = builtins.open, os.open, av.open, Seen.see

    class File(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            found["bytes"] += len(data)
            return data

    def opening(real: Any) -> Any:
        def counted(path: Any, *args: Any, **kwargs: Any) -> Any:
            found["opens"] += str(path).endswith("source.mp4")
            return real(path, *args, **kwargs)
        return counted

    def container(*args: Any, **kwargs: Any) -> Counted:
        found["containers"] += 1
        return Counted(av_open(*args, **kwargs), found)

    def seeing(self: Seen, frame: Any, *args: Any) -> None:
        found["seen"] += 1
        see(self, frame, *args)

    for where, name, instead in ((builtins, "open", opening(open_)), (os, "open", opening(os_open)), (io, "FileIO", File),
                                 (av, "open", container), (Seen, "see", seeing)):
        monkeypatch.setattr(where, name, instead)
    return found


def test_a_source_is_opened_once_and_every_frame_decoded_once(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    noise = np.random.default_rng(3)
    frames = [noise.integers(0, 256, (180, 320, 3), dtype=np.uint8) for _ in range(FRAMES)]
    sound = (0.3 * np.sin(np.arange(6 * 16_000) / 9)).astype(np.float32)
    path = tmp_path / "source.mp4"
    path.write_bytes(encode_video(frames, RATE, audio=(sound, 16_000)))
    count = request.getfixturevalue("count")
    measured = measure_file(str(path), "video", Measure(shot_threshold=1e9).model_dump())
    assert measured["frames"] == FRAMES
    assert len(measured["clips"][0]["phashes"]) >= 2 * 6 * 2, "it did sample"
    assert {name: count[name] for name in ("opens", "containers", "demuxes", "seeks")} == \
        {"opens": 1, "containers": 1, "demuxes": 1, "seeks": 0}
    assert count["VideoFrame"] == count["seen"] == FRAMES
    assert count["AudioFrame"] > 0
    size = path.stat().st_size
    assert size > 2_000_000
    assert count["bytes"] <= size + 3 * (1 << 17) + 8192, "head, header and a seek back to the data, then straight through"
