"""Marks a video as made by a machine, and reads the marks back from the finished file: nothing is published on trust.

Three marks: a visible label on every frame, the AIGC field in the container, and a C2PA manifest, signed last so that any later
change of the file shows. `read_label` opens the finished file anew; what it does not find there was not done.
"""

import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.errors import Terminal
from jobs.generate import lettering
from jobs.generate.asset import aigc
from jobs.generate.lettering import Overlay
from jobs.publish.keys import TEST_NAME, Signer

LABEL_SHARE = 0.05
"""Least height of the label's letters as a share of the short side (GB 45438-2025 asks for 5 %)."""
MARGIN_SHARE = 0.035
LABEL_PART = 0.3
"""Of the height of a picture, that a label may cover with its margin: it is no picture any more below."""
SEEN, CONTRAST, SOLID = 0.9, 80.0, 0.85
"""Least correlation of the label with the place where it must be, in every frame that is looked at; least step in luma from
outline to letters; opacity from which the picture behind does not count."""
LOOKED_AT = (0.0, 0.25, 0.5, 0.75, 1.0)
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC: pictures by a trained model, put together with synthetic speech and words."""


class Unlabelled(ValueError):
    """A finished file lacks a mark; the message says which."""


@dataclass(frozen=True)
class Label:
    """The marks of a file as read from it.

    Attributes:
        visible: Text of the label that is seen on every frame looked at.
        aigc: The AIGC field.
        c2pa: Validation state of the manifest: Trusted (under the anchor that was given) or Valid.
        test_key: Whether the manifest was signed with a self-made test key.
        generation_ids: Clips named in the manifest.
        video_s: Length of the picture.
        audio_s: Length of the sound.
        width: Pixels.
        height: Pixels.
        subtitles: Cues of the subtitle track, empty samples not counted.
    """

    visible: str
    aigc: str
    c2pa: str
    test_key: bool
    generation_ids: tuple[str, ...]
    video_s: float
    audio_s: float
    width: int
    height: int
    subtitles: int


# ---- the visible label


@cache
def overlay(text: str, width: int, height: int, font: str = "") -> Overlay:
    """The label in the upper right corner, its letters at least 5 % of the short side high, in as many lines as it needs."""
    wanted = LABEL_SHARE * min(width, height)
    size_px = math.ceil(wanted / _letter_height(font))
    margin = round(MARGIN_SHARE * min(width, height))
    made = lettering.drawn(lettering.wrap(text, width - 2 * margin - size_px, size_px, font), size_px, font, box=True)
    return replace(made, x=width - made.rgb.shape[1] - margin, y=margin)


def fitting(text: str, setting: str, sizes: Iterable[tuple[int, int]], font: str = "") -> None:
    """Whether a label can be drawn and seen on pictures of these sizes (width, height): to be asked before any is made.

    Raises:
        Terminal: the font lacks letters of it, or it would cover more than LABEL_PART of the height.
    """
    if lacking := lettering.missing(text, font):
        raise Terminal(f"{setting} = {text!r}: {lettering.told(lacking)}")
    for width, height in sizes:
        made = overlay(text, width, height, font)
        if made.x < 0 or made.y + made.rgb.shape[0] > LABEL_PART * height:
            raise Terminal(f"{setting} = {text!r} does not fit {width} x {height} with letters of {LABEL_SHARE:.0%} of the short side; use a shorter one")


@cache
def _letter_height(font: str) -> float:
    """Height of the lowest capital or ideograph of a label, in em: the measure that the 5 % must hold for."""
    face = lettering.font(200, font)
    return float(min(face.getbbox(c)[3] - face.getbbox(c)[1] for c in "AI生")) / 200


def seen(picture: NDArray[np.uint8], label: Overlay) -> float:
    """How well a picture shows a label in its place, 0..1.

    Correlation of luma with the letters, over the letters and their outline, where the picture behind cannot show through;
    0 where the letters do not stand out by CONTRAST, so that a ghost of a label does not count.
    """
    height, width = label.core.shape
    patch = picture[label.y:label.y + height, label.x:label.x + width]
    if patch.shape[:2] != (height, width):
        return 0.0
    solid = label.alpha[..., 0] >= SOLID
    here = (patch[solid].astype(np.float64) @ (0.2126, 0.7152, 0.0722))
    want = label.rgb[..., 0][solid].astype(np.float64)
    if here[want > 200].mean() - here[want < 50].mean() < CONTRAST:
        return 0.0
    return max(0.0, float(np.corrcoef(here, want)[0, 1]))


# ---- the manifest


def metadata(producer: str, produce_id: str, title: str) -> dict[str, str]:
    """Container tags: the AIGC field, and the same in words that any player shows."""
    return {"AIGC": aigc(producer, produce_id), "title": title, "comment": "AI-generated / AI生成"}


def signed(video: bytes, by: Signer, producer: str, title: str, facts: Mapping[str, Any]) -> bytes:
    """The file with a signed C2PA manifest; nothing may touch it afterwards.

    Raises:
        Unlabelled: signing failed.
    """
    import c2pa

    manifest = {
        "claim_generator_info": [{"name": producer, "version": "0.1.0"}], "format": "video/mp4", "title": title,
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE,
                                                            "softwareAgent": {"name": producer}}]}},
            {"label": "org.reelmill.generation", "data": {**facts, "test_key": by.test}},
        ],
    }
    info = c2pa.C2paSignerInfo(b"es256", by.chain, by.key, None)  # no time stamp server: signing works offline
    target = io.BytesIO()
    try:
        c2pa.Builder(json.dumps(manifest)).sign(c2pa.Signer.from_info(info), "video/mp4", io.BytesIO(video), target)
    except c2pa.C2paError as error:
        raise Unlabelled(f"the C2PA manifest could not be signed: {error}") from None
    return target.getvalue()


# ---- reading back


def read_label(path: str | Path, *, label: str, font: str = "", anchor: str = "") -> Label:
    """The marks of a finished file, read from the file alone.

    Args:
        path: The file.
        label: Text that must be seen.
        font: Font that it was drawn with.
        anchor: PEM certificate under which a manifest counts as Trusted; empty: none.

    Raises:
        Unlabelled: a mark is missing or broken; the message says which.
    """
    state, facts = _manifest(Path(path), anchor)
    streams = _streams(Path(path), label, font)
    return Label(visible=label, c2pa=state, test_key=bool(facts.get("test_key")) or facts["by"] == TEST_NAME,
                 generation_ids=tuple(facts.get("generation_ids", ())), **streams)


def _manifest(path: Path, anchor: str) -> tuple[str, dict[str, Any]]:
    import c2pa

    settings: dict[str, Any] = {"verify": {"verify_trust": bool(anchor), "remote_manifest_fetch": False, "ocsp_fetch": False}}
    if anchor:
        settings["trust"] = {"trust_anchors": anchor}
    try:
        report = json.loads(c2pa.Reader(str(path), context=c2pa.Context(c2pa.Settings.from_dict(settings))).json())
    except (c2pa.C2paError, ValueError) as error:
        raise Unlabelled(f"{path.name}: no C2PA manifest can be read ({str(error)[:120]})") from None
    state = str(report.get("validation_state"))
    if state not in ("Valid", "Trusted"):
        codes = ", ".join(s["code"] for s in report.get("validation_status") or [])
        raise Unlabelled(f"{path.name}: the C2PA manifest is {state}: {codes}")
    active = report["manifests"][report["active_manifest"]]
    data = next((a["data"] for a in active["assertions"] if a["label"] == "org.reelmill.generation"), None)
    if data is None:
        raise Unlabelled(f"{path.name}: its C2PA manifest does not say how it was generated")
    return state, {**data, "by": active.get("signature_info", {}).get("common_name", "")}


def _streams(path: Path, label: str, font: str) -> dict[str, Any]:
    import av

    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            field = container.metadata.get("AIGC", "")
            video, sound = container.streams.video[0], container.streams.audio[0]
            facts = {"aigc": field, "width": video.width, "height": video.height, "video_s": _seconds(video),
                     "audio_s": _seconds(sound),
                     "subtitles": sum(p.size > 2 for s in container.streams.subtitles for p in container.demux(s))}
    except (av.error.FFmpegError, IndexError) as error:
        raise Unlabelled(f"{path.name}: cannot be read back ({error})") from None
    try:
        generated = json.loads(field)["Label"] == "1"
    except (ValueError, KeyError, TypeError):
        generated = False
    if not generated:
        raise Unlabelled(f"{path.name}: the AIGC metadata field is missing or says nothing")
    wanted = overlay(label, facts["width"], facts["height"], font)
    for share, picture in _pictures(path, facts["video_s"]):
        if (found := seen(picture, wanted)) < SEEN:
            raise Unlabelled(f"{path.name}: the label {label!r} is not seen at {share:.0%} of its length ({found:.2f})")
    return facts


def _seconds(stream: Any) -> float:
    return round(float((stream.duration or 0) * stream.time_base), 6)


def _pictures(path: Path, seconds: float) -> list[tuple[float, NDArray[np.uint8]]]:
    """A frame at each share of the length, decoded from the keyframe before it."""
    import av

    found = []
    with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
        stream = container.streams.video[0]
        last = max(0.0, seconds - 1.5 / float(stream.average_rate))
        for share in LOOKED_AT:
            container.seek(int(share * last / stream.time_base), stream=stream)
            frame = next((f for f in container.decode(stream) if f.time >= share * last - 1e-3), None)
            if frame is None:
                raise Unlabelled(f"{path.name}: no picture at {share:.0%} of its length")
            found.append((share, frame.to_ndarray(format="rgb24")))
    return found
