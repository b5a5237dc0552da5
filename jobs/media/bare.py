"""Whether a video file holds pictures, sound and their index and nothing else: only such a one may go out as it is.

Where a film was made stands in tags, in boxes of cameras' own, and in what calls itself free: all parts of a file must be known.
"""

import os
from typing import Any, BinaryIO

from jobs.media.sniff import Kind

MOST_PARTS, MOST_FREE = 100_000, 16 << 20
"""Parts, and bytes of a part that is free, that are looked at."""
_INSIDE = frozenset({b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"mvex", b"moof", b"traf", b"mfra", b"udta", b"meta", b"ilst"})
_INDEX = frozenset(
    b"ftyp styp sidx mdat mvhd iods mehd trex tkhd tref elst mdhd hdlr vmhd smhd nmhd dref stsd stts ctts cslg stsc stsz stz2 stco co64 stss sdtp "
    b"sbgp sgpd mfhd tfhd tfdt trun tfra mfro \xa9too".split())
"""Boxes of ISO/IEC 14496-12 that say how to read pictures and sound, and the tag that names the program (`\xa9too`)."""
_FREE = frozenset({b"free", b"skip", b"wide"})


def bare(container: Any, file: BinaryIO, kind: Kind) -> bool:
    """Whether an open MP4 or WebM is bare.

    Args:
        container: As opened from the file.
        file: The file itself; it is left anywhere.
    """
    streams = list(container.streams)
    if any(s.type not in ("video", "audio") for s in streams):
        return False
    if kind.container != "webm":
        return _boxes_known(file)
    told = {key.lower() for described in (container, *streams) for key in described.metadata}
    return told <= _TAGS and _elements_known(file)


def _boxes_known(file: BinaryIO) -> bool:
    todo, seen = [(0, file.seek(0, os.SEEK_END))], 0
    while todo:
        at, end = todo.pop()
        while at < end:
            file.seek(at)
            head, seen = file.read(16), seen + 1
            length, name, start = int.from_bytes(head[:4], "big"), head[4:8], 8
            if length == 1:
                length, start = int.from_bytes(head[8:16], "big"), 16
            length = length or end - at  # 0: to the end
            if length < start or at + length > end or seen > MOST_PARTS:
                return False
            if name in _INSIDE:
                todo.append((at + start + (4 if name == b"meta" else 0), at + length))
            elif name not in _INDEX and not (name in _FREE and _zero(file, at + start, length - start)):
                return False
            at += length
    return True


def _zero(file: BinaryIO, at: int, size: int) -> bool:
    file.seek(at)
    return size <= MOST_FREE and not file.read(size).strip(b"\0")


_TAGS = frozenset({
    "encoder", "duration", "language", "creation_time", "alpha_mode", "handler_name", "vendor_id", "major_brand", "minor_version",
    "compatible_brands"})
"""Tags that programs write of themselves and of the streams."""
_SEGMENT, _CLUSTER, _VOID = 0x18538067, 0x1F43B675, 0xEC
_ELEMENTS = frozenset({
    0x1A45DFA3, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1254C367,  # head, SeekHead, Info, Tracks, Cues, Tags
    _CLUSTER, 0xE7, 0xA3, 0xA0, 0xA7, 0xAB,  # and what is in one of unknown size: Timestamp, SimpleBlock, BlockGroup, Position, PrevSize
    0xBF})  # CRC-32
"""Elements of Matroska (RFC 9559) that hold pictures, sound and their index; the tags were looked at."""


def _elements_known(file: BinaryIO) -> bool:
    at, end, seen = 0, file.seek(0, os.SEEK_END), 0
    while at < end:
        file.seek(at)
        head, seen = file.read(12), seen + 1
        named = 9 - head[0].bit_length()
        sized = 9 - head[named].bit_length() if named < len(head) else 9
        if named > 4 or sized > 8 or named + sized > len(head) or seen > MOST_PARTS:
            return False
        name, size = int.from_bytes(head[:named], "big"), int.from_bytes(head[named:named + sized], "big") & (1 << 7 * sized) - 1
        unknown, at = size == (1 << 7 * sized) - 1, at + named + sized
        if name == _SEGMENT or (name == _CLUSTER and unknown):
            continue
        if unknown or at + size > end or (name not in _ELEMENTS and not (name == _VOID and _zero(file, at, size))):
            return False
        at += size
    return True
