"""Text on pictures: the font in the repository, line breaking for Chinese and English, and letters with an outline.

Chinese breaks between any two characters except before closing and after opening marks; English breaks between words. Lines
are evened out so that the last one is not a single character.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from jobs.errors import Terminal

FONT = Path(__file__).with_name("fonts") / "NotoSansCJKsc-subset.otf"
"""Noto Sans CJK SC 2.004 (OFL): GB2312, Big5, Cantonese characters, kana, Greek, Latin with Vietnamese, signs and punctuation."""

NO_START = frozenset("，。！？；：、）》」』】〉”’…—,.!?;:)%％℃°·～~]}")
NO_END = frozenset("（《「『【〈“‘([{$￥¥€£#")
_TOKEN = regex.compile(r"\s+|(?:(?!\p{Han}|\p{Hiragana}|\p{Katakana}|\p{Hangul})[\p{L}\p{M}\p{N}]|['’@#$%&+./:_-])+[,.!?;:)]*|.", regex.DOTALL)
SHAPED = regex.compile(r"[\p{bidi_class=R}\p{bidi_class=AL}\u0900-\u109f\u1780-\u18af]")
"""Letters that run from the right, or change their shape or place beside others: Hebrew, Arabic, Indic scripts, Thai, Khmer and their kin."""


@dataclass(frozen=True)
class Overlay:
    """Letters to lay on a picture.

    Attributes:
        rgb: [h, w, 3] uint8.
        alpha: [h, w, 1] float32 in 0..1.
        x: Left edge in the picture, pixels.
        y: Upper edge.
        core: [h, w] the letters alone, without outline: what a reader looks for.
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    x: int
    y: int
    core: NDArray[np.bool_]


@cache
def font(size_px: int, path: str = "", *, shaping: bool = False) -> Any:
    """The font at a size; the same bytes give the same letters, on machines with and without libfribidi, unless `shaping` is asked for, which needs
    it."""
    from PIL import ImageFont

    return ImageFont.truetype(path or str(FONT), size_px, layout_engine=ImageFont.Layout.RAQM if shaping else ImageFont.Layout.BASIC)


def face_for(text: str, size_px: int, path: str = "") -> Any:
    """The font as it writes a text."""
    return font(size_px, path, shaping=bool(SHAPED.search(text)))


def fingerprint(path: str = "") -> str:
    """12 hex digits of a font file: which letters there are, and how they look.

    Raises:
        Terminal: it cannot be read, or is no font.
    """
    try:
        font(16, path)
        return hashlib.sha256(Path(path or FONT).read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise Terminal(f"publish.font = {path!r}: no font can be read from it ({error.strerror or error})") from None


@cache
def _missing_glyph(path: str) -> bytes:
    return bytes(font(48, path).getmask("\uffff"))


@cache
def _has(char: str, path: str) -> bool:
    return bytes(font(48, path).getmask(char)) != _missing_glyph(path)


def missing(text: str, path: str = "") -> str:
    """Characters of a text that the font has no letter for, or that cannot be shaped on this machine, each once, in order; white space needs none."""
    return "".join(c for c in dict.fromkeys(text) if not c.isspace() and not (_has(c, path) and (_can_shape() or not SHAPED.match(c))))


def told(lacking: str) -> str:
    """What to do about characters that are missing."""
    there = "" if _can_shape() or not SHAPED.search(lacking) else ", and install libfribidi, without which such letters cannot be put in their places"
    return f"the font has no letters for {lacking[:40]!r}; set publish.font to one that has{there}"


@cache
def _can_shape() -> bool:
    from PIL import features

    return bool(features.check("raqm"))


def wrap(text: str, width_px: float, size_px: int, path: str = "") -> list[str]:
    """Lines no wider than `width_px`, as few as fit and as even as they can be; a longer word is cut."""
    face = face_for(text, size_px, path)
    tokens = _tokens(text, width_px, face)
    fewest = _filled(tokens, width_px, face)
    if len(fewest) < 2:
        return fewest
    low, high = width_px / len(fewest) * 0.5, width_px
    for _ in range(12):  # the narrowest width that still needs no further line
        middle = (low + high) / 2
        if max(face.getlength(t.strip()) for t in tokens) <= middle and len(_filled(tokens, middle, face)) == len(fewest):
            high = middle
        else:
            low = middle
    return _filled(tokens, high, face)


def _tokens(text: str, width_px: float, face: Any) -> list[str]:
    """What must stay together: words, characters with the marks that may not leave them."""
    found: list[str] = []
    for token in _TOKEN.findall(text.strip()):
        sticks = found and (token[0] in NO_START or (found[-1].strip()[-1:] in NO_END and not token.isspace()))
        if sticks:
            found[-1] += token
        elif token.isspace():
            if found:
                found[-1] += " "
        else:
            found.append(token)
    return [piece for token in found for piece in _cut(token, width_px, face)]


def _cut(token: str, width_px: float, face: Any) -> list[str]:
    if face.getlength(token.strip()) <= width_px:
        return [token]
    pieces = [""]
    for char in token:
        if pieces[-1] and face.getlength(pieces[-1] + char) > width_px:
            pieces.append("")
        pieces[-1] += char
    return pieces


def _filled(tokens: list[str], width_px: float, face: Any) -> list[str]:
    lines = [""]
    for token in tokens:
        if lines[-1] and face.getlength((lines[-1] + token).rstrip()) > width_px:
            lines.append("")
        lines[-1] += token
    return [line.strip() for line in lines if line.strip()]


def drawn(lines: list[str], size_px: int, path: str = "", *, box: bool = False) -> Overlay:
    """White centred lines with a dark outline, or on a dark box; the place is left at 0, 0."""
    from PIL import Image, ImageDraw

    face, edge = face_for(" ".join(lines), size_px, path), max(2, round(size_px * 0.09))
    pad = edge + (round(size_px * 0.28) if box else 1)
    step = round(size_px * 1.28)
    widths = [face.getlength(line) for line in lines]
    width, height = int(max(widths, default=1)) + 2 * pad + 1, step * len(lines) + 2 * pad
    outline, core = Image.new("L", (width, height), 0), Image.new("L", (width, height), 0)
    for i, (line, wide) in enumerate(zip(lines, widths, strict=True)):
        at = ((width - wide) / 2, pad + i * step + step * 0.5)
        ImageDraw.Draw(outline).text(at, line, fill=255, font=face, anchor="lm", stroke_width=edge, stroke_fill=255)
        ImageDraw.Draw(core).text(at, line, fill=255, font=face, anchor="lm")
    letters = np.asarray(core, np.float32)[..., None] / 255
    behind = np.full_like(letters, 0.55) if box else np.zeros_like(letters)
    alpha = np.maximum(np.asarray(outline, np.float32)[..., None] / 255 * 0.9, np.maximum(behind, letters))
    rgb = np.repeat((letters * 255).round().astype(np.uint8), 3, axis=2)
    return Overlay(rgb, alpha, 0, 0, letters[..., 0] > 0.9)


@dataclass(frozen=True)
class Stamp:
    """An overlay ready for the planes of a picture (I420, BT.709 limited range): for luma, and for chroma at half the size.

    Attributes:
        x: Left edge, even.
        y: Upper edge, even.
        luma: [h, w] what is laid on, times its opacity; h and w are even.
        keep: [h, w] what is kept of the picture below.
        chroma: [h / 2, w / 2] likewise, for grey letters: 128 times the opacity.
        keep_chroma: [h / 2, w / 2].
    """

    x: int
    y: int
    luma: NDArray[np.float32]
    keep: NDArray[np.float32]
    chroma: NDArray[np.float32]
    keep_chroma: NDArray[np.float32]


def stamp(overlay: Overlay) -> Stamp:
    """The overlay at even coordinates and of even size."""
    x, y = overlay.x // 2 * 2, overlay.y // 2 * 2
    high, wide = overlay.alpha.shape[:2]
    pad = ((overlay.y - y, (high + overlay.y - y) % 2), (overlay.x - x, (wide + overlay.x - x) % 2))
    alpha = np.pad(overlay.alpha[..., 0], pad)
    grey = np.pad(overlay.rgb[..., 0].astype(np.float32), pad)
    half = alpha.reshape(alpha.shape[0] // 2, 2, alpha.shape[1] // 2, 2).mean((1, 3))
    return Stamp(x, y, (16 + grey * (219 / 255)) * alpha, 1 - alpha, 128 * half, 1 - half)


def laid(mark: Stamp, planes: NDArray[np.uint8]) -> None:
    """Blend into the planes of a picture, in place; what lies outside is cut off."""
    width, height = planes.shape[1], planes.shape[0] * 2 // 3
    flat, size = planes.reshape(-1), width * height
    _blend(flat[:size].reshape(height, width), mark.luma, mark.keep, mark.x, mark.y)
    for start in (size, size + size // 4):
        chroma = flat[start:start + size // 4].reshape(height // 2, width // 2)
        _blend(chroma, mark.chroma, mark.keep_chroma, mark.x // 2, mark.y // 2)


def _blend(plane: NDArray[np.uint8], laid_on: NDArray[np.float32], keep: NDArray[np.float32], x: int, y: int) -> None:
    x0, y0 = max(0, x), max(0, y)
    x1, y1 = min(plane.shape[1], x + keep.shape[1]), min(plane.shape[0], y + keep.shape[0])
    if x0 < x1 and y0 < y1:
        part = np.s_[y0 - y:y1 - y, x0 - x:x1 - x]
        plane[y0:y1, x0:x1] = plane[y0:y1, x0:x1] * keep[part] + laid_on[part] + np.float32(0.5)
