"""A picture as its file codes it, with nothing beside the pixels but what bears on their colours and which way up they are.

Where a picture was taken stands in EXIF, XMP, IPTC, in comments, in texts of any name and in films behind the picture: of all parts of a
file only those are kept that are known to be needed. No pixel is coded anew.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from zlib import crc32

UPRIGHT = 1
"""Orientation of EXIF (2.32, section 4.6.4) of a picture that is not turned."""


def pared(data: bytes, kind: str, turned: int = UPRIGHT) -> bytes | None:
    """The picture without all else.

    Args:
        data: The file.
        kind: `jpeg`, `png`, `webp` or `gif`.
        turned: Orientation that its reader must see, 1 to 8; anything but 1 is written as EXIF of this one tag.

    Returns:
        The file, or None where it is not built as its kind is, or where there is no room for the orientation.
    """
    try:
        return _WAYS[kind](data, _exif(turned) if turned != UPRIGHT else b"")
    except IndexError:  # it ends within a part
        return None


def _exif(turned: int) -> bytes:
    """TIFF of one directory with one entry: Orientation (0x0112), SHORT."""
    return b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([turned, 0, 0, 0]) + bytes(4)


_START_OF_SCAN, _END, _JFIF, _EXIF, _ICC, _ADOBE = 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE
_CODING = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, 0xDE, 0xDF}) - {0xC8}
"""Markers of ITU-T T.81, table B.1: frames, tables of codes and quantisers, restarts."""
_LONE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
"""Markers without a length, which have no place between parts."""
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends the coded data of a scan."""


def _jpeg(data: bytes, exif: bytes) -> bytes | None:
    head, rest, at = b"", list[bytes](), 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a byte of filling
            at += 1
            continue
        if marker == _END:
            told = _segment(_EXIF, b"Exif\0\0" + exif) if exif else b""
            return data[:2] + head + told + b"".join(rest) + b"\xff\xd9"
        if marker in _LONE:
            return None
        end = at + 2 + (data[at + 2] << 8 | data[at + 3])
        body = data[at + 4:end]
        if marker == _START_OF_SCAN:
            found = _MARKER.search(data, end)
            if found is None:
                return None
            end = found.start()
        if marker == _START_OF_SCAN or marker in _CODING or (marker == _ICC and body.startswith(b"ICC_PROFILE\0")):
            rest.append(data[at:end])
        elif marker == _JFIF and body.startswith(b"JFIF\0") and len(body) >= 14:
            head = _segment(_JFIF, body[:12] + bytes(2))  # without a thumbnail
        elif marker == _ADOBE and body.startswith(b"Adobe"):
            rest.append(_segment(_ADOBE, body[:12]))
        at = end
    return None


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


_CHUNKS = frozenset(b"IHDR PLTE IDAT tRNS iCCP sRGB gAMA cHRM sBIT cICP mDCV cLLI pHYs bKGD".split())
"""Chunks of PNG (third edition) that bear on the pixels."""


def _png(data: bytes, exif: bytes) -> bytes | None:
    kept, at = [data[:8]], 8
    while at + 12 <= len(data):
        name, end = data[at + 4:at + 8], at + 12 + int.from_bytes(data[at:at + 4], "big")
        if name == b"IEND":
            return b"".join([*kept, _chunk(b"IEND", b"")])
        if name in _CHUNKS:
            kept.append(data[at:end])
        if name == b"IHDR" and exif:
            kept.append(_chunk(b"eXIf", exif))
        at = end
    return None


def _chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + crc32(name + body).to_bytes(4, "big")


_TELLS_EXIF, _TELLS_XMP = 0x08, 0x04
"""Flags of VP8X."""


def _webp(data: bytes, exif: bytes) -> bytes | None:
    kept, at, end = list[bytes](), 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    extended = pictured = False
    while at + 8 <= end:
        name, size = data[at:at + 4], int.from_bytes(data[at + 4:at + 8], "little")
        body = data[at + 8:at + 8 + size]
        if name == b"VP8X":
            extended = True
            kept.append(_riff(name, bytes([body[0] & ~(_TELLS_EXIF | _TELLS_XMP) | (_TELLS_EXIF if exif else 0)]) + body[1:10]))
        elif name in (b"VP8 ", b"VP8L", b"ALPH", b"ICCP"):
            pictured = pictured or name.startswith(b"VP8")
            kept.append(_riff(name, body))
        at += 8 + size + size % 2
    if not pictured or (exif and not extended):
        return None
    return _riff(b"RIFF", b"WEBP" + b"".join([*kept, *([_riff(b"EXIF", exif)] if exif else [])]))


def _riff(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)


def _gif(data: bytes, exif: bytes) -> bytes | None:
    at = 13 + _table(data[10])
    kept = [data[:at]]
    while data[at] != ord(";"):
        if data[at] == ord(","):
            end = at + 11 + _table(data[at + 9])
        elif data[at] == ord("!"):
            end = at + 2
        else:
            return None
        while data[end]:
            end += data[end] + 1
        if data[at] == ord(",") or data[at + 1] == 0xF9:  # of the extensions only that of graphic control
            kept.append(data[at:end + 1])
        at = end + 1
    return None if exif else b"".join([*kept, b";"])


def _table(flags: int) -> int:
    """Bytes of the colours of a screen or picture."""
    return 6 << (flags & 7) if flags & 0x80 else 0


_WAYS: Mapping[str, Callable[[bytes, bytes], bytes | None]] = MappingProxyType({"jpeg": _jpeg, "png": _png, "webp": _webp, "gif": _gif})
