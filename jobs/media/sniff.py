"""What a file is, by its content: magic bytes and headers, never the name, which cannot vouch for itself."""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import BinaryIO, Literal

Modality = Literal["video", "image", "audio", "text", "unknown", "playlist"]
HEAD_BYTES = 4096
"""How much of a file `sniff` wants to see."""


@dataclass(frozen=True)
class Kind:
    """What the bytes are.

    Attributes:
        modality: `video` also for containers that may hold sound alone: `Probe.modality` knows; `playlist` for lists of
        other files. container: Short name of the format; empty when unknown.
        demuxer: FFmpeg demuxer that must read it; empty for what Pillow reads and for what is not read.
    """

    modality: Modality
    container: str
    demuxer: str = ""


UNKNOWN = Kind("unknown", "")

_NAMES: Mapping[Modality, str] = MappingProxyType({
    "video": "mp4 m4v mov mkv webm avi flv ts m2ts mts mpg mpeg vob 3gp 3g2 wmv asf ogv gifv mxf dv rm rmvb h264 264 hevc h265 y4m ivf",
    "image": "jpg jpeg png bmp tif tiff webp heic heif avif jp2 gif ppm pgm pnm tga ico jfif",
    "audio": "wav mp3 flac ogg oga opus m4a aac aif aiff wma amr ac3 eac3 dts ape w64 wv tta caf mka au",
    "text": "txt jsonl json csv tsv md html htm xml srt vtt",
    "playlist": "m3u m3u8 pls ffconcat xspf asx mpd cue",
})
_EXTENSIONS: Mapping[str, Modality] = MappingProxyType({
    name: modality for modality, names in _NAMES.items() for name in names.split()})


def extension_kind(name: str) -> Modality:
    """The modality that the file name claims; `unknown` for names that claim nothing."""
    return _EXTENSIONS.get(PurePath(name).suffix.lower().lstrip("."), "unknown")


def contradicts(name: str, modality: str) -> bool:
    """Whether the name claims another modality than the content has. Sound in a video container and the other way round,
    animated pictures and unknown names do not contradict; playlists always do unless they are named so."""
    claimed = extension_kind(name)
    if claimed == "unknown" or modality == "unknown" or claimed == modality:
        return False
    if {claimed, modality} == {"video", "audio"}:
        return claimed == "audio" and modality == "video"
    return not (
        claimed == "image" and modality == "video" and PurePath(name).suffix.lower() in (".gif", ".webp", ".png", ".avif")
    )


def sniff(head: bytes, name: str = "") -> Kind:
    """What a file is, from its first HEAD_BYTES; `name` plays no part (a file cannot vouch for itself).

    Animated GIF, WebP and PNG count as video when they hold more than one frame; for a GIF whose second frame lies beyond
    `head` the application block of animations decides.
    """
    text = _text(head)
    if text is not None and text.container != "utf-16":  # "GIF89a is a format", "Our free day", "BMW": letters alone are no signature
        return _playlist(head) or _portable(head) or text
    for rule in (_tagged, _isobmff, _riff, _magic, _playlist, _streams, _text):
        kind = rule(head)
        if kind is not None:
            return kind
    return UNKNOWN


def beginning(file: BinaryIO) -> int:
    """Where in an open file its content begins: behind ID3 tags, which may hold whole pictures. It stands at its beginning afterwards."""
    at = 0
    for _ in range(MOST_TAGS):
        file.seek(at)
        size = _tag_bytes(file.read(_TAG_HEAD))
        at += size
        if not size:
            break
    file.seek(0)
    return at


def sniffed(file: BinaryIO) -> Kind:
    """What an open file is, however long the ID3 tags before it are. It stands at its beginning afterwards."""
    start = beginning(file)
    kind = sniff(file.read(HEAD_BYTES))
    if start:
        file.seek(start)
        behind = sniff(file.read(HEAD_BYTES))
        kind = behind if behind.modality == "audio" else _MP3
    file.seek(0)
    return kind


MOST_TAGS = 8
"""ID3 tags in a row that are looked behind."""
_TAG_HEAD = 10


def _tag_bytes(head: bytes) -> int:
    """Length of the ID3v2 tag with which this begins; 0 where there is none. (ID3v2.4, 3.1: seven bits a byte, and a footer by a flag.)"""
    if len(head) < _TAG_HEAD or head[:3] != b"ID3" or head[3] not in (2, 3, 4) or max(head[6:10]) > 0x7F:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return _TAG_HEAD + size + (_TAG_HEAD if head[5] & 0x10 else 0)


def _tagged(head: bytes) -> Kind | None:
    """Sound with a tag before it: what follows, which is MP3 where it says nothing of itself or lies beyond `head`."""
    rest = head
    for _ in range(MOST_TAGS):
        rest = rest[_tag_bytes(rest):]
    if rest == head:
        return None
    behind = sniff(rest)
    return behind if behind.modality == "audio" else _MP3


_MP3 = Kind("audio", "mp3", "mp3")
_PREFIXES: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", Kind("image", "jpeg")),
    (b"BM", Kind("image", "bmp")),
    (b"II*\0", Kind("image", "tiff")),
    (b"MM\0*", Kind("image", "tiff")),
    (b"II+\0", Kind("image", "tiff")),
    (b"MM\0+", Kind("image", "tiff")),
    (b"\0\0\0\x0cjP  \r\n", Kind("image", "jp2")),
    (b"8BPS", Kind("image", "psd")),
    (b"\0\0\1\0", Kind("image", "ico")),
    (b"fLaC", Kind("audio", "flac", "flac")),
    (b"FLV\1", Kind("video", "flv", "flv")),
    (b".snd", Kind("audio", "au", "au")),
    (b"#!AMR", Kind("audio", "amr", "amr")),
    (b"caff\0", Kind("audio", "caf", "caf")),
    (b"\x0b\x77", Kind("audio", "ac3", "ac3")),
    (b"\x7f\xfe\x80\x01", Kind("audio", "dts", "dts")),
    (b"riff\x2e\x91\xcf\x11", Kind("audio", "w64", "w64")),
    (b"\x1f\x07\x00", Kind("video", "dv", "dv")),
    (b".RMF", Kind("video", "realmedia", "rm")),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel", Kind("video", "asf", "asf")),
    (b"\0\0\1\xba", Kind("video", "mpeg", "mpeg")),
    (b"\0\0\1\xb3", Kind("video", "mpegvideo", "mpegvideo")),
    (b"\0\0\1\xb0", Kind("video", "m4v", "m4v")),
    (b"YUV4MPEG2", Kind("video", "y4m", "yuv4mpegpipe")),
    (b"DKIF", Kind("video", "ivf", "ivf")),
    *((b"ID3" + bytes([version]), _MP3) for version in (2, 3, 4)),
    (b"TTA1", Kind("audio", "tta", "tta")),
    (b"wvpk", Kind("audio", "wavpack", "wv")),
    (b"\x06\x0e\x2b\x34", Kind("video", "mxf", "mxf")),
)


def _magic(head: bytes) -> Kind | None:
    if head[:6] in (b"GIF87a", b"GIF89a"):
        animated = b"NETSCAPE2.0" in head or b"ANIMEXTS1.0" in head or head.count(b"\x21\xf9\x04") > 1
        return Kind("video", "gif", "gif") if animated else Kind("image", "gif")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        data = head.find(b"IDAT")
        control = head.find(b"acTL")
        animated = control > 0 and (control < data or data < 0) and int.from_bytes(head[control + 4:control + 8], "big") > 1
        return Kind("video", "apng") if animated else Kind("image", "png")
    if head.startswith(b"\x1aE\xdf\xa3"):
        return Kind("video", "webm" if b"webm" in head[:64] else "matroska", "matroska")
    if head.startswith(b"OggS"):
        video = b"\x80theora" in head or b"BBCD\0" in head or b"OVP80" in head
        return Kind("video" if video else "audio", "ogg", "ogg")
    if head[:4] == b"MAC " and 3000 <= int.from_bytes(head[4:6], "little") < 5000:  # its version; letters are larger numbers
        return Kind("audio", "ape", "ape")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Kind("audio", "aiff", "aiff")
    if re.match(rb"P[1-6]\s+[#\d]", head):
        return Kind("image", "pnm")
    if (
        head.startswith(b"BM")
        and len(head) >= 18
        and int.from_bytes(head[14:18], "little") not in (12, 40, 52, 56, 64, 108, 124)
    ):
        return None
    return next((kind for magic, kind in _PREFIXES if head.startswith(magic)), None)


_PNM = re.compile(rb"P(?:[14](?:\s+(?:#[^\n]*\n\s*)*\d+){2}|[2356](?:\s+(?:#[^\n]*\n\s*)*\d+){3})\s")
_DIGITS = re.compile(rb"P[123](?:[\d\s]|#[^\n]*(?:\n|\Z))*")


def _portable(head: bytes) -> Kind | None:
    """A portable pixmap all of whose bytes may be letters too: numbers alone after the header, or just as many bytes as its size asks for."""
    found = _PNM.match(head)
    if found is None:
        return None
    if head[1] in b"123":
        return Kind("image", "pnm") if _DIGITS.fullmatch(head) else None
    numbers = [int(n) for n in re.findall(rb"\d+", re.sub(rb"#[^\n]*", b"", found.group()[2:]))[:3]]
    width, height, most = (*numbers, 1)[:3]
    row = (width + 7) // 8 if head[1] in b"4" else width * (3 if head[1] in b"6" else 1) * (1 + (most > 255))
    rest = len(head) - found.end()
    return Kind("image", "pnm") if row * height == rest or (len(head) >= HEAD_BYTES and row * height > rest) else None


_STILL_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"})
_MOVING_BRANDS = frozenset({b"hevc", b"hevx", b"msf1", b"avis"})
_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A "})
_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx", b"uuid"})


def _isobmff(head: bytes) -> Kind | None:
    if len(head) < 8 or head[4:8] not in _FIRST_BOXES:
        return None
    size = int.from_bytes(head[:4], "big")
    if size not in (0, 1) and size < 8:
        return None
    if head[4:8] != b"ftyp":
        return Kind("video", "mp4", "mov")
    major = head[8:12]
    brands = {major, *(head[i:i + 4] for i in range(16, min(size, len(head)) - 3, 4))}
    if major == b"avis" and (b"auxv" in head or b"auxiliary:alpha" in head):
        return Kind("video", "avif")  # FFmpeg reads its transparency as a film of its own
    if major in _MOVING_BRANDS:
        return Kind("video", "heif-sequence", "mov")
    if major in _STILL_BRANDS:
        return Kind("image", "avif" if b"avif" in brands else "heif")
    if major in _SOUND_BRANDS:
        return Kind("audio", "m4a", "mov")
    return Kind("video", "mov" if major == b"qt  " else "3gp" if major.startswith(b"3g") else "mp4", "mov")


def _riff(head: bytes) -> Kind | None:
    if head[:4] not in (b"RIFF", b"RF64", b"RIFX"):
        return None
    form = head[8:12]
    if form == b"WEBP":
        animated = head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & 2)
        return Kind("video", "webp") if animated else Kind("image", "webp")
    if form in (b"AVI ", b"AVIX"):
        return Kind("video", "avi", "avi")
    if form == b"WAVE":
        return Kind("audio", "wav", "wav")
    return None


_PLAYLISTS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"#EXTM3U|#EXT-X-|#EXTINF", re.I), "m3u"),
    (re.compile(rb"ffconcat version|file +(['\"].+['\"]|\S*[./~:\\]\S*)\s*$", re.I | re.M), "ffconcat"),
    (re.compile(rb"\[playlist\]", re.I), "pls"),
    (
        re.compile(rb"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(MPD|playlist|asx|smil|SmoothStreamingMedia)\b", re.I | re.S),
        "xml-playlist",
    ),
    (re.compile(rb"\[Reference\]\s*Ref\d+\s*=|RTSPtext|v=0\r?\no=\S+ \S+ \S+ IN IP", re.I), "reference"),
)


def _playlist(head: bytes) -> Kind | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((Kind("playlist", name) for pattern, name in _PLAYLISTS if pattern.match(text)), None)


_MPEG_AUDIO_FRAMES = 2
"""Frame headers in a row that make a stream of MPEG audio: one is only chance."""


TORN_BYTES = 188 * 16
"""A recording that begins within a packet is known by this much of it: no text has a G in every 188th place for so long."""


def _streams(head: bytes) -> Kind | None:
    """Formats without a signature: recognised by headers that repeat at the distance they state."""
    for packet, offset in ((188, 0), (192, 4), (204, 0)):
        places = range(offset, min(len(head), offset + packet * 8), packet)
        if len(places) >= 3 and all(head[i] == 0x47 for i in places):
            return Kind("video", "mpegts", "mpegts")
    if any(all(head[i] == 0x47 for i in range(offset, len(head), 188)) for offset in range(1, 188) if len(head) >= TORN_BYTES):
        return Kind("video", "mpegts", "mpegts")
    if _adts(head):
        return Kind("audio", "aac", "aac")
    if _mpeg_audio(head):
        return _MP3
    unit = re.match(rb"\x00?\x00\x00\x01(.)", head[:8], re.S)
    if unit is not None:
        first = unit.group(1)[0]
        if (first & 0x9F in (0x07, 0x09) and first & 0x60 != 0) or first == 0x09:
            return Kind("video", "h264", "h264")
        if first >> 1 in (32, 33, 35):
            return Kind("video", "hevc", "hevc")
    return None


def _adts(head: bytes) -> bool:
    at, found = 0, 0
    while at + 7 <= len(head) and head[at] == 0xFF and head[at + 1] & 0xF6 == 0xF0:
        size = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
        if size < 7:
            return False
        found, at = found + 1, at + size
    return found >= _MPEG_AUDIO_FRAMES


_MP3_RATES = ((44100, 48000, 32000), (22050, 24000, 16000), (11025, 12000, 8000))
_MP3_BITS = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mpeg_audio(head: bytes) -> bool:
    at, found = 0, 0
    while at + 4 <= len(head):
        (word,) = struct.unpack(">I", head[at:at + 4])
        version, layer, bits, rate = word >> 19 & 3, 4 - (word >> 17 & 3), word >> 12 & 15, word >> 10 & 3
        if word >> 21 != 0x7FF or version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
            break
        hz = _MP3_RATES[{3: 0, 2: 1, 0: 2}[version]][rate]
        kbit = _MP3_BITS[(1 if version == 3 else 2, layer if version == 3 or layer == 1 else 3)][bits]
        padding = word >> 9 & 1
        size = (12000 * kbit // hz + padding) * 4 if layer == 1 else \
            (144000 if version == 3 or layer == 2 else 72000) * kbit // hz + padding
        found, at = found + 1, at + max(size, 4)
    return found >= _MPEG_AUDIO_FRAMES


_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")


def _text(head: bytes) -> Kind | None:
    if not head or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Kind("text", "utf-16") if head else None
    if any(byte in _CONTROLS for byte in head):
        return None
    for cut in range(4):
        try:
            head[:len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return Kind("text", "json" if head.lstrip()[:1] in (b"{", b"[") else "plain")
    return None
