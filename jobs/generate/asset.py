"""A generated clip as bytes: H.264 in MP4 that says of itself that a machine made it, and a small picture of it."""

import io
import json
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

CRF = 16
"""Generated clips are small and are encoded once more in the finished video: little is lost here."""
THUMBNAIL_PX = 224


def aigc(producer: str, produce_id: str) -> str:
    """The AIGC metadata field: JSON with the names of the Chinese labelling rules of 2025 (GB 45438-2025, appendix E).

    `Label` 1 says that the content is generated; the reserved codes are for signatures, which the C2PA manifest carries.
    """
    return json.dumps({"Label": "1", "ContentProducer": producer, "ProduceID": produce_id, "ReservedCode1": "",
                       "ContentPropagator": producer, "PropagateID": produce_id, "ReservedCode2": ""}, ensure_ascii=False)


def encoded(frames: Frames, fps: float, tags: Mapping[str, str]) -> bytes:
    """The clip as MP4 with container tags; odd sides lose their last row or column."""
    import av

    from jobs.media.encode import MP4, add_h264, open_mp4

    height, width = frames.shape[1] // 2 * 2, frames.shape[2] // 2 * 2
    rate = Fraction(fps).limit_denominator(1001 * 240)
    target = io.BytesIO()
    with open_mp4(target, movflags=MP4["movflags"] + "+use_metadata_tags") as container:
        container.metadata.update(dict(sorted(tags.items())))
        stream = add_h264(container, width, height, rate, CRF)
        for n, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base = n, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def decoded(video: bytes) -> tuple[Frames, float]:
    """The frames of an encoded clip and their rate."""
    import av

    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 1)
        pictures = [f.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray() for f in container.decode(stream)]
        return np.stack(pictures), fps


def thumbnail(frames: Frames) -> bytes:
    """The middle frame as a small JPEG."""
    from PIL import Image

    picture = Image.fromarray(frames[len(frames) // 2])
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=85)
    return target.getvalue()
