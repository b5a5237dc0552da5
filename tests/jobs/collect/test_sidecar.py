"""What small files beside a medium say of it."""

from pathlib import Path

import pytest

from jobs.collect.sidecar import read_sidecar, sidecars_of
from jobs.collect.source import Found

VTT = """WEBVTT
Kind: captions
Language: en

STYLE
::cue {
  color: papayawhip;
}

NOTE
This is a comment
over two lines

REGION
id:fred

intro
00:00:01.000 --> 00:00:03.000 align:start
<v Roger>We are in New York City &amp; it&#39;s&nbsp;cold &lt;3

00:03.000 --> 00:04.000
2024

00:05.000 --> 00:06.000
- Really?
"""
SRT = """1
00:00:01,000 --> 00:00:02,000
Hello there

2
00:00:03,000 --> 00:00:04,000
42
3
00:00:05,000 --> 00:00:06,000
1984
4
00:00:07,000 --> 00:00:08,000
{\\an8}<i>The end</i>
"""


@pytest.mark.parametrize(("name", "text", "said"), [
    ("a.vtt", VTT, "We are in New York City & it's cold <3\n2024\n- Really?"),
    ("a.srt", SRT, "Hello there\n42\n1984\nThe end"),
    ("a.srt", SRT.replace("\n", "\r\n"), "Hello there\n42\n1984\nThe end"),
    ("a.vtt", "00:01.000 --> 00:02.000\nsaid once\n\n00:02.000 --> 00:03.000\nsaid once\nand more", "said once\nand more"),
    ("a.srt", SRT.replace("\n", "\r\r\n"), "Hello there\n42\n1984\nThe end"),
    ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n\n- Hello there\n\n- How are you\n\n2\n00:00:03,000 --> 00:00:04,000\nFine", "- Hello there\n- How are you\nFine"),
    ("a.srt", "no times at all", None)])
def test_what_is_said_stands_behind_times(tmp_path: Path, name: str, text: str, said: str | None) -> None:
    assert _read(tmp_path, name, text).get("transcript") == said


@pytest.mark.parametrize("nothing", ["None", "nan", " N/A\n"])
def test_a_program_that_wrote_nothing_wrote_no_caption(tmp_path: Path, nothing: str) -> None:
    assert _read(tmp_path, "a.txt", nothing) == {}
    assert _read(tmp_path, "a.txt", "None of them knew.") == {"caption": "None of them knew."}


def _read(folder: Path, name: str, text: str) -> dict[str, str]:
    (folder / name).write_bytes(text.encode())
    return read_sidecar(Found(name, str(folder / name), len(text), "", None, "file"))


SAID = "1\n00:00:01,000 --> 00:00:02,000\nHello there\n"


@pytest.mark.parametrize(("part", "tag"), [
    ("en", "en"), ("EN", "en"), ("zh-cn", "zh-CN"), ("chs", "zh-Hans"), ("sc", "zh-Hans"), ("cht", "zh-Hant"), ("简体", "zh-Hans"), ("jpn", "ja"), ("en-orig", "en"),
    ("en.sdh", "en"), ("en.hi", "en"), ("hi", "hi"), ("zh-cn.default", "zh-CN"),
    ("cc", None), ("sdh", None), ("asr", None), ("und", None), ("yes", None), ("chs&eng", None), ("zh-en", None)])
def test_the_name_of_subtitles_says_their_language_or_none(tmp_path, part, tag):
    """`a.cc.srt` was in the language cc, and `a.en.sdh.srt` spoke for nothing."""
    assert _read(tmp_path, f"a.{part}.srt", SAID) == {"transcript": "Hello there"} | ({"lang": tag} if tag else {})
    names = ("a.mp4", f"a.{part}.srt")
    assert list(sidecars_of([Found(name, name, 1, "", None, "file") for name in names])) == ["a.mp4"]


def test_subtitles_of_a_longer_name_speak_for_that(tmp_path):
    found = [Found(name, name, 1, "", None, "file") for name in ("this.mp4", "this.is.mp4", "this.is.en.srt", "this.forced.en.srt", "this.2.en.srt")]
    assert {medium: [s.name for s in beside] for medium, beside in sidecars_of(found).items()} == {"this.is.mp4": ["this.is.en.srt"]}
