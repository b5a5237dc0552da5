"""The media bytes of one sample, read from its source: cut in the sandbox, whole where the source is the sample."""

from collections.abc import Mapping
from typing import Any

from jobs.fuse.join import Media
from jobs.media import sandbox
from jobs.media.cut import cut_clip
from jobs.media.sniff import HEAD_BYTES, sniff
from schemas.settings import Fuse

Row = Mapping[str, Any]

WEB_PICTURES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
"""Pictures that every reader opens: their bytes are stored as they are, unless they say where they were taken."""
EXIF_MARKS = (b"Exif\0\0", b"eXIf", b"EXIF", b"Raw profile type")
"""How EXIF data begin in JPEG, PNG and WebP, and in a PNG that keeps them as a text."""
XMP_PLACE, XMP_DEFLATED = b"GPSLatitude", b"XML:com.adobe.xmp\0\1"


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
        if not _tells_where(path, data):
            return Media("whole", None, WEB_PICTURES[kind.container], image=data)
    png = sandbox.call("jobs.fuse.png:as_png", {"path": path}, sandbox.Limits())
    return Media("encode", None, "image/png", image=bytes(png))


def _tells_where(path: str, data: bytes) -> bool:
    """Whether a picture says where it was taken: such a one is stored as pixels alone."""
    if XMP_PLACE in data or XMP_DEFLATED in data:
        return True
    return any(mark in data for mark in EXIF_MARKS) and bool(sandbox.call("jobs.fuse.png:tells_where", {"path": path}, sandbox.Limits()))
