"""The media bytes of one sample, read from its source: cut in the sandbox, whole where the source is the sample and tells nothing else."""

from collections.abc import Mapping
from typing import Any

from jobs.fuse.join import Media
from jobs.fuse.pared import UPRIGHT, pared
from jobs.media import sandbox
from jobs.media.cut import cut_clip
from jobs.media.sniff import HEAD_BYTES, sniff
from schemas.settings import Fuse

Row = Mapping[str, Any]

WEB_PICTURES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
"""Pictures that every reader opens: they are stored as they are coded, without what else their files tell."""


def media_of(clip: Row, path: str, fuse: Fuse) -> Media:
    """The media of a video, picture or sound clip.

    Raises:
        MediaFault: it cannot be cut.
    """
    if clip["modality"] == "image":
        return _picture(path) if fuse.cut != "range" else Media("range")
    made = cut_clip(path, clip["start_s"], clip["end_s"], fuse.cut, fuse.crf)
    return Media(made.cut, made.start_s, made.media_type, made.video, None, made.audio, made.audio_type)


def _picture(path: str) -> Media:
    with open(path, "rb") as file:
        kind = sniff(file.read(HEAD_BYTES))
    if kind.container in WEB_PICTURES:
        with open(path, "rb") as file:
            data = file.read()
        bare = pared(data, kind.container)
        if bare is not None and bare != data:
            turned = sandbox.call("jobs.fuse.png:turned", {"path": path}, sandbox.Limits())
            bare = bare if turned == UPRIGHT else pared(data, kind.container, turned)
        if bare is not None:
            return Media("whole" if bare == data else "copy", None, WEB_PICTURES[kind.container], image=bare)
    png = sandbox.call("jobs.fuse.png:as_png", {"path": path}, sandbox.Limits())
    return Media("encode", None, "image/png", image=bytes(png))
